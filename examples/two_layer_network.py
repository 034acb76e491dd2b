"""A two-layer network with softmax and cross-entropy: declared, derived, evaluated.

python examples/two_layer_network.py
symgrad derive examples/two_layer_network.py:L
"""

from sympy import MatrixSymbol, symbols

import symgrad as sg

D, H, C = symbols("D H C", integer=True, positive=True)
x = MatrixSymbol("x", D, 1)
y = sg.simplex("y", C)  # a probability vector: Σ y = 1 is a declared fact
W1, b1 = MatrixSymbol("W1", H, D), MatrixSymbol("b1", H, 1)
W2, b2 = MatrixSymbol("W2", C, H), MatrixSymbol("b2", C, 1)

z1 = sg.let("z1", W1 * x + b1)
h = sg.let("h", sg.tanh(z1))
z2 = sg.let("z2", W2 * h + b2)
p = sg.let("p", sg.softmax(z2))
L = sg.let("L", sg.cross_entropy(p, y))


def main() -> None:
    """Print the derivation, then evaluate it for D = 4, H = 3, C = 2."""
    import numpy as np

    d = sg.gradient(L, [W1, b1, W2, b2])
    print(d)
    print("\nwith every name replaced by what it stands for:")
    print("  ∂L/∂W2 =", sg.formula(d.closed_form(W2)))

    f = sg.function([x, y, W1, b1, W2, b2], [L, d])
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=s) for s in [(4,), (2,), (3, 4), (3,), (2, 3), (2,)]]
    arrays[1] = np.array([0.0, 1.0])
    value, *gradients = f(*arrays)
    print(f"\nL = {value:.6f} at a random point, with gradients of shapes", end=" ")
    print(*(g.shape for g in gradients))


if __name__ == "__main__":
    main()
