"""Models of the corpus that the lectures' tests do not declare as networks: activations, losses,
means over examples, and shared weights."""

from __future__ import annotations

_ACTIVATION = """x: vector(D)
t: vector(H)
W: matrix(H, D)
b: vector(H)
z = W x + b
h = {}
L = 1/2 ‖h - t‖^2
"""

_LOSS = """x: vector(D)
y: {}
W: matrix(C, D)
b: vector(C)
f = W x + b
{}
"""

_UNIT = """x: vector(D)
y: scalar
w: vector(D)
b: scalar
z = w' x + b
{}
"""

MODELS: dict[str, str] = {
    **{
        f"B {name}": _ACTIVATION.format(f"{name}(z)")
        for name in ("sigmoid", "tanh", "relu", "softplus", "elu", "swish", "identity")
    },
    "C squared error": _LOSS.format("vector(C)", "L = ‖f - y‖^2"),
    "C mean squared error": _LOSS.format("vector(C)", "L = ‖f - y‖^2 / C"),
    "C absolute error": _LOSS.format("vector(C)", "L = sum(|f - y|)"),
    "C cross-entropy": _LOSS.format("probabilities(C)", "p = softmax(f)\nL = -sum(y * log(p))"),
    "C label": _LOSS.format("label(C)", "p = softmax(f)\nL = cross_entropy(p, y)"),
    "C binary": _UNIT.format("p = sigmoid(z)\nL = -y log(p) - (1 - y) log(1 - p)"),
    "C logistic": _UNIT.format("L = log(1 + exp(-y z))"),
    "C hinge": _UNIT.format("L = max(0, 1 - y z)"),
    "C ridge": _UNIT.format("L = 1/2 (z - y)^2 + 1/2 ‖w‖^2"),
    "risk": """x: vector(D)
t: vector(C)
W: matrix(C, D)
b: vector(C)
f = W x + b
L = mean 1/2 ‖f - t‖^2 over x, t
""",
    "batch": """X: matrix(N, D)
y: vector(N)
w: vector(D)
b: scalar
f = X w + b
L = ‖f - y‖^2 / N
""",
    "shared": """x: vector(n)
W: matrix(n, n)
h = tanh(W x)
f = W h
L = 1/2 ‖f‖^2
""",
    "quadratic": """A: matrix(n, n)
x: vector(n)
b: vector(n)
L = 1/2 x' A x - b' x
""",
    "square": """A: matrix(n, n)
B: matrix(n, n)
x: vector(n)
u = A B x
L = 1/2 ‖u‖^2
""",
}
"""Losses as text."""

FACTS: dict[str, tuple[str, str]] = {
    "symmetric": (", symmetric", """A: matrix(n, n), symmetric
x: vector(n)
b: vector(n)
L = 1/2 x' A x - b' x
"""),
    "symmetric, a cube": (", symmetric", """A: matrix(n, n), symmetric
x: vector(n)
u = A x
L = 1/2 ‖u‖^2
"""),
    "probabilities": (", simplex", """x: vector(D)
y: vector(C), simplex
W: matrix(C, D)
b: vector(C)
z = W x + b
p = softmax(z)
L = -sum(y * log(p))
"""),
    "two layers": (", simplex", """x: vector(D)
y: vector(C), simplex
W1: matrix(H, D)
W2: matrix(C, H)
h = tanh(W1 x)
p = softmax(W2 h)
L = -sum(y * log(p))
"""),
    "unit": (", unit norm", """x: vector(D), unit norm
w: vector(D)
t: scalar
f = w' x
L = 1/2 (f - t)^2 + 1/2 (x' x) ‖w‖^2
"""),
}  # fmt: skip
"""A model with a fact, and how the fact is written in it."""
