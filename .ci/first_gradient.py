"""A first gradient with an installed symgrad: declare, derive, print, run, compare.

Run by CI from outside the checkout, with the wheel and its required dependencies only.
"""

import sys
from pathlib import Path

import numpy as np
from sympy import MatrixSymbol, symbols

import symgrad as sg

STEP = 1e-6

D, H, C = symbols("D H C", integer=True, positive=True)
x, y = MatrixSymbol("x", D, 1), sg.simplex("y", C)
W1, b1 = MatrixSymbol("W1", H, D), MatrixSymbol("b1", H, 1)
W2, b2 = MatrixSymbol("W2", C, H), MatrixSymbol("b2", C, 1)
parameters = [W1, b1, W2, b2]

h = sg.let("h", sg.tanh(sg.let("z1", W1 * x + b1)))
p = sg.let("p", sg.softmax(sg.let("z2", W2 * h + b2)))
L = sg.let("L", sg.cross_entropy(p, y))
derivation = sg.gradient(L, parameters)

listing = str(derivation)
print(listing)
assert "p − y" in listing, "the listing lacks the lecture's p − y"

loss = sg.function([x, y, *parameters], L)
gradient = sg.function([x, y, *parameters], derivation)

rng = np.random.default_rng(0)
data = [rng.standard_normal(5), np.eye(3)[1]]
point = [rng.standard_normal(shape) for shape in [(4, 5), (4,), (3, 4), (3,)]]
direction = [rng.standard_normal(value.shape) for value in point]


def loss_along(step: float) -> float:
    """The loss after a step in the random direction."""
    return float(loss(*data, *(v + step * d for v, d in zip(point, direction, strict=True))))


expected = (loss_along(STEP) - loss_along(-STEP)) / (2 * STEP)
adjoints = gradient(*data, *point)
derived = sum(float(np.sum(g * d)) for g, d in zip(adjoints, direction, strict=True))
np.testing.assert_allclose(derived, expected, rtol=1e-6)

installed = Path(sg.__file__)
assert installed.is_relative_to(sys.prefix), f"symgrad was imported from {installed}"
print(f"\nsymgrad {sg.__version__}: derived {derived:.9f}, by differences {expected:.9f}")
