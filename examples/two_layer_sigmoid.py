"""Backpropagation by hand, checked: two layers of sigmoid units with a squared error.

    python examples/two_layer_sigmoid.py

The network has no biases: z1 = W1·x, h = σ(z1), z2 = W2·h, ŷ = σ(z2), with ½Σ(ŷ − y)² to minimise.
Declared once, it is shown

* in index notation: δ2 of each output unit, δ1 of each hidden unit, which is a sum over the output
  units that it feeds, and the slope of every weight, δ times the unit's input;
* in matrix notation: the same lines without indices;
* as the four formulas of one step of gradient descent, and that step taken for real.
"""

from __future__ import annotations

import numpy as np
from sympy import MatrixSymbol, Symbol, symbols

import symgrad as sg

D, H, C = symbols("D H C", integer=True, positive=True)
x, y = MatrixSymbol("x", D, 1), MatrixSymbol("y", C, 1)
W1, W2 = MatrixSymbol("W1", H, D), MatrixSymbol("W2", C, H)
eta = Symbol("η", positive=True)

z1 = sg.let("z1", W1 * x)
h = sg.let("h", sg.sigmoid(z1))
z2 = sg.let("z2", W2 * h)
y_hat = sg.let("ŷ", sg.sigmoid(z2))
L = sg.let("L", sg.squared_error(y_hat, y))


def updates(d: sg.Derivation) -> list[str]:
    """δ2, δ1 and the new weights, entry by entry."""
    lines = []
    for step in d.lines(form="index"):
        left, right = step.names[0], sg.formula(step.expr)
        weight = left.removeprefix("∂L/∂")
        if step.phase == "backward":
            lines.append(
                f"{left} = {right}" if weight == left else f"{weight} ← {weight} − η·{right}"
            )
    return lines


def main() -> None:
    """Derive in both notations, then take some steps."""
    d = sg.gradient(L, [z2, W2, z1, W1])
    print("in index notation")
    print(d.text(form="index"))
    print("\nin matrix notation")
    print(d.text(form="matrix"))

    print("\none step of gradient descent, entry by entry")
    print("\n".join(f"  {line}" for line in updates(d)))
    print("and as matrices")
    print("  W2 ←", sg.formula(W2 - eta * d[W2]))
    print("  W1 ←", sg.formula(W1 - eta * d[W1]))

    step = sg.function([x, y, W1, W2, eta], [L, W1 - eta * d[W1], W2 - eta * d[W2]])
    rng = np.random.default_rng(0)
    weights1, weights2 = rng.normal(size=(3, 4)), rng.normal(size=(2, 3))
    example, target = rng.normal(size=4), np.array([1.0, 0.0])
    print("\nten steps with η = 1 on one example, D = 4, H = 3, C = 2; L before each:")
    losses = []
    for _ in range(10):
        loss, weights1, weights2 = step(example, target, weights1, weights2, 1.0)
        losses.append(loss)
    print(" ", "  ".join(f"{loss:.4f}" for loss in losses))
    train()


def train() -> None:
    """The same updates in a generated file: eight hidden units learn the parity of three bits."""
    bits = (np.arange(8)[:, None] >> np.arange(3)) & 1
    odd = bits.sum(axis=1) % 2
    examples, targets = np.column_stack([2.0 * bits - 1, np.ones(8)]), np.eye(2)[odd]
    module = sg.training_module(
        L, [W1, W2], [x, y], predict=y_hat, target="numpy", dtype="float64", name="parity"
    ).load()
    params, history = module.fit(
        examples, targets, H=8, epochs=1500, batch_size=8, learning_rate=2.0, progress=False
    )
    right = int((module.predict(params, examples).argmax(axis=1) == odd).sum())
    print("\nparity of three bits, D = 4 (a 1 for the bias), H = 8, C = 2, 1,500 steps with η = 2:")
    print(f"  L from {history.loss[0]:.4f} to {history.loss[-1]:.4f}, {right} of 8 right")


if __name__ == "__main__":
    main()
