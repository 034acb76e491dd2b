import numpy as np


def function(x, y, W1, b1, W2, b2):
    """Arrays in: x (N, D), y (N, C), W1 (H, D), b1 (H,), W2 (C, H), b2 (C,).
    Out: scalar, (H, D), (H,), (C, H), (C,).
    """
    N = x.shape[0]
    # (N, H)
    z1 = x @ W1.T + b1
    h = np.tanh(z1)
    # (N, C)
    z2 = h @ W2.T + b2
    t1 = z2 - z2.max(axis=1)[:, None]
    z2_exp = np.exp(t1)
    z2_sum = z2_exp.sum(axis=1)
    L = np.log(z2_sum) - np.einsum("ij,ij->i", t1, y)
    # (N, C)
    p = z2_exp / z2_sum[:, None]
    delta2 = p - y
    # (N, H)
    delta1 = (delta2 @ W2) * (1 - h * h)
    # (H, D)
    grad_W1 = (delta1.T @ x) / N
    # (H,)
    grad_b1 = delta1.sum(axis=0) / N
    # (C, H)
    grad_W2 = (delta2.T @ h) / N
    # (C,)
    grad_b2 = delta2.sum(axis=0) / N
    t2 = L.sum() / N
    return t2, grad_W1, grad_b1, grad_W2, grad_b2
