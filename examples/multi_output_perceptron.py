"""One perceptron with several outputs, written with indices and with matrices: the same network.

    python examples/multi_output_perceptron.py

Every textbook has it twice. Entry by entry,

    z_i = Σ_j W1_ij x_j + b1_i,  h_i = σ(z_i),  y_k = Σ_i W2_ki h_i + b2_k,  L = ½Σ_k (y_k − t_k)²

and as matrices, z = W1·x + b1, h = σ(z), y = W2·h + b2, L = ½‖y − t‖². Here each is declared as it
stands there. Both become one graph, node for node, so what follows from one follows from the
other: the seven lines of the backward pass, ȳ, W̄2, b̄2, h̄, z̄, W̄1 and b̄1, where ȳ is ∂L/∂y, can
be had in either notation from either declaration.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sympy import IndexedBase, MatrixSymbol, Sum, symbols

import symgrad as sg

D, H, C = symbols("D H C", integer=True, positive=True)
i, j, k = symbols("i j k", integer=True)


class Network(NamedTuple):
    """The loss, what it is differentiated by in the order of the backward pass, and the leaves."""

    loss: Any
    wrt: list[Any]
    inputs: list[Any]


def by_index() -> Network:
    """Entry by entry: Σ is ``Sum``, an array is an ``IndexedBase``."""
    x, t = IndexedBase("x", shape=(D,)), IndexedBase("t", shape=(C,))
    W1, b1 = IndexedBase("W1", shape=(H, D)), IndexedBase("b1", shape=(H,))
    W2, b2 = IndexedBase("W2", shape=(C, H)), IndexedBase("b2", shape=(C,))
    z = sg.let("z", Sum(W1[i, j] * x[j], (j, 0, D - 1)) + b1[i], i)
    h = sg.let("h", sg.sigmoid(z[i]), i)
    y = sg.let("y", Sum(W2[k, i] * h[i], (i, 0, H - 1)) + b2[k], k)
    loss = sg.let("L", Sum((y[k] - t[k]) ** 2, (k, 0, C - 1)) / 2)
    return Network(loss, [y, W2, b2, h, z, W1, b1], [x, t, W1, b1, W2, b2])


def by_matrix() -> Network:
    """As matrices."""
    x, t = MatrixSymbol("x", D, 1), MatrixSymbol("t", C, 1)
    W1, b1 = MatrixSymbol("W1", H, D), MatrixSymbol("b1", H, 1)
    W2, b2 = MatrixSymbol("W2", C, H), MatrixSymbol("b2", C, 1)
    z = sg.let("z", W1 * x + b1)
    h = sg.let("h", sg.sigmoid(z))
    y = sg.let("y", W2 * h + b2)
    loss = sg.let("L", sg.squared_error(y, t))
    return Network(loss, [y, W2, b2, h, z, W1, b1], [x, t, W1, b1, W2, b2])


def by_hand(
    x: np.ndarray, t: np.ndarray, W1: np.ndarray, b1: np.ndarray, W2: np.ndarray, b2: np.ndarray
) -> list[np.ndarray]:
    """The seven lines as loops over entries, to compare numbers with."""
    (inputs,), (hidden,), (outputs,) = x.shape, b1.shape, b2.shape
    z = [sum(W1[i, j] * x[j] for j in range(inputs)) + b1[i] for i in range(hidden)]
    h = [1 / (1 + np.exp(-z[i])) for i in range(hidden)]
    y = [sum(W2[k, i] * h[i] for i in range(hidden)) + b2[k] for k in range(outputs)]
    y_bar = [y[k] - t[k] for k in range(outputs)]
    W2_bar = [[y_bar[k] * h[i] for i in range(hidden)] for k in range(outputs)]
    h_bar = [sum(y_bar[k] * W2[k, i] for k in range(outputs)) for i in range(hidden)]
    z_bar = [h_bar[i] * h[i] * (1 - h[i]) for i in range(hidden)]
    W1_bar = [[z_bar[i] * x[j] for j in range(inputs)] for i in range(hidden)]
    return [np.array(a) for a in (y_bar, W2_bar, y_bar, h_bar, z_bar, W1_bar, z_bar)]


def main() -> None:
    """Derive both, compare, and evaluate."""
    networks = {"indices": by_index(), "matrices": by_matrix()}
    derivations = {
        name: sg.gradient(network.loss, network.wrt) for name, network in networks.items()
    }
    scalar, vectorised = derivations.values()

    print("declared with indices, shown with indices")
    print(scalar.text(form="index", notation="bar"))
    print("\ndeclared with matrices, shown with matrices")
    print(vectorised.text(form="matrix", notation="bar"))

    print("\nthe same graph, node for node:")
    for symbol, a, b in zip(vectorised.wrt, scalar.roots, vectorised.roots, strict=True):
        print(f"  ∂L/∂{symbol!s:<3} {a is b}")
    for form in ("index", "matrix"):
        print(f"the same text in {form} form:", scalar.text(form) == vectorised.text(form))

    rng = np.random.default_rng(0)
    point = [rng.normal(size=s) for s in [(4,), (2,), (3, 4), (3,), (2, 3), (2,)]]
    expected = by_hand(*point)
    print("\nat a random point with D = 4, H = 3, C = 2, against the seven lines as loops:")
    for name, d in derivations.items():
        found = sg.function(networks[name].inputs, d)(*point)
        error = max(np.abs(a - b).max() for a, b in zip(found, expected, strict=True))
        print(f"  declared with {name:<8}  largest difference {error:.0e}")
    train(networks["matrices"])


def train(network: Network) -> None:
    """One input, two outputs: the sine and the cosine of it, by Gauss–Newton with damping."""
    data, params = network.inputs[:2], network.inputs[2:]
    module = sg.training_module(
        network.loss, params, data, predict=network.wrt[0], target="numpy", dtype="float64"
    ).load()
    u = np.linspace(-1, 1, 50)[:, None]
    targets = np.hstack([np.sin(np.pi * u), np.cos(np.pi * u)])
    _, history = module.fit(
        u, targets, H=8, epochs=100, optimizer="levenberg_marquardt", progress=False
    )
    print("\ntrained on (sin πu, cos πu) with 8 hidden units, by Levenberg–Marquardt:")
    print(f"  {len(history.loss)} steps, mean loss {history.loss[-1]:.1e}")


if __name__ == "__main__":
    main()
