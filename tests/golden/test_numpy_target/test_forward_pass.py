import numpy as np


def function(x, y, W1, b1, W2, b2):
    """Arrays in: x (D,), W1 (H, D), b1 (H,), W2 (C, H), b2 (C,).
    Out: scalar.
    """
    # (H,)
    z1 = W1 @ x + b1
    h = np.tanh(z1)
    # (C,)
    z2 = W2 @ h + b2
    z2_max = z2.max()
    L = np.log(np.exp(z2 - z2_max).sum()) - (z2[y] - z2_max)
    return L
