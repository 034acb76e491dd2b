"""Gradient descent and its relatives on one network: batches, optimizers, second-order methods.

    python examples/gradient_methods.py [--epochs 15] [--out FILE.png]

A network that reads handwritten digits, trained from one generated file. First the gradient of a
minibatch is shown to be an unbiased estimate of that of all examples: its mean over many batches
of n, and its variance, which falls like 1/n. Then batches of all, of 32 and of one example, the
update rules of the lecture, L-BFGS on the same gradients, and a rule declared here. A small curve
fit shows what Levenberg–Marquardt adds where the loss is a sum of squares.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import sympy as sp

import symgrad as sg
from symgrad.data import load_digits
from symgrad.optimizers import OPTIMIZERS

RATES = {
    "sgd": 0.1, "momentum": 0.02, "nesterov": 0.02, "adagrad": 0.03, "rmsprop": 0.002,
    "adam": 0.003, "adamw": 0.003, "signum": 0.0005,
}  # fmt: skip
"""A learning rate that suits each rule on this network."""

theta, g, eta, m, mu = sp.symbols("theta g eta m mu")
SIGNUM = sg.optimizer(
    "signum",
    {m: mu * m + (1 - mu) * g, theta: theta - eta * sp.sign(m)},
    state={m: 0},
    options={mu: 0.9},
    source="Bernstein et al., 2018",
)


def network() -> Any:
    """64 pixels, 32 tanh units, 10 classes."""
    x, c = sp.MatrixSymbol("x", 64, 1), sg.label("c", 10)
    W1, b1 = sp.MatrixSymbol("W1", 32, 64), sp.MatrixSymbol("b1", 32, 1)
    W2, b2 = sp.MatrixSymbol("W2", 10, 32), sp.MatrixSymbol("b2", 10, 1)
    p = sg.let("p", sg.softmax(W2 * sg.let("h", sg.tanh(W1 * x + b1)) + b2))
    return sg.training_module(
        sg.cross_entropy(p, c), [W1, b1, W2, b2], [x, c], predict=p,
        target="numpy", dtype="float64", name="digits", optimizers=[*OPTIMIZERS, SIGNUM],
    ).load()  # fmt: skip


def curve() -> Any:
    """y = a·exp(−b·u) + c, whose squared error is far from quadratic in b."""
    u, y, a, b, c = sp.symbols("u y a b c")
    f = a * sp.exp(-b * u) + c
    return sg.training_module(
        (f - y) ** 2, [a, b, c], [u, y], predict=f, target="numpy", dtype="float64", name="curve"
    ).load()


def minibatch_gradients(module: Any, X: np.ndarray, y: np.ndarray) -> None:
    """The mean and the spread of the gradient over random batches, beside that of all examples."""
    params, rng = module.init(seed=0), np.random.default_rng(0)

    def gradient(rows: np.ndarray) -> np.ndarray:
        _, slopes = module.value_and_grad(params, X[rows], y[rows])
        return np.concatenate([np.ravel(x) for x in slopes])

    whole = gradient(np.arange(len(X)))
    print("batch  ‖mean − ∇L‖/‖∇L‖  variance/‖∇L‖²  n·variance/‖∇L‖²")
    for n in (1, 4, 16, 64):
        found = np.array([gradient(rng.integers(0, len(X), n)) for _ in range(2000)])
        away = np.linalg.norm(found.mean(axis=0) - whole) / np.linalg.norm(whole)
        spread = found.var(axis=0).sum() / np.sum(whole**2)
        print(f"{n:5}  {away:16.3f}  {spread:14.3f}  {n * spread:16.2f}")


def compared(module: Any, digits: Any, epochs: int) -> dict[str, Any]:
    """The history of every method."""
    X, y = digits.train_images, digits.train_labels
    held_out = (digits.test_images, digits.test_labels)
    shared = {"epochs": epochs, "validation": held_out, "seed": 0, "progress": False}
    runs = {
        "gradient descent": {"batch_size": len(X), "learning_rate": 0.5},
        "stochastic, n = 1": {"batch_size": 1, "learning_rate": 0.01},
        **{
            name: {"optimizer": name, "batch_size": 32, "learning_rate": rate}
            for name, rate in RATES.items()
        },
        "lbfgs": {"optimizer": "lbfgs"},
    }
    found = {}
    print("\nmethod              loss     held out  right")
    for name, options in runs.items():
        _, history = module.fit(X, y, **shared, **options)
        found[name] = history
        print(
            f"{name:18} {history.loss[-1]:7.4f}   {history.validation_loss[-1]:7.4f}  "
            f"{history.validation_accuracy[-1]:6.1%}"
        )
    return found


def least_squares() -> None:
    """Gradient descent and Levenberg–Marquardt on a curve with a long valley."""
    module, rng = curve(), np.random.default_rng(0)
    u = np.linspace(0, 4, 50)
    y = 2.5 * np.exp(-1.3 * u) + 0.5 + rng.normal(scale=0.02, size=50)
    start = module.Params(np.array(1.0), np.array(0.3), np.array(0.0))
    shared = {"params": start, "progress": False}
    plain, slow = module.fit(u, y, epochs=500, batch_size=50, learning_rate=0.1, **shared)
    better, fast = module.fit(u, y, epochs=50, optimizer="levenberg_marquardt", **shared)
    print("\ny = a·exp(−b·u) + c, drawn with a = 2.5, b = 1.3, c = 0.5")
    for name, params, history in (
        ("gradient descent", plain, slow), ("Levenberg–Marquardt", better, fast)
    ):  # fmt: skip
        values = ", ".join(f"{x} = {v:.3f}" for x, v in params._asdict().items())
        print(f"{name:20} {len(history.loss):4} steps  loss {history.loss[-1]:.6f}  {values}")


def plotted(histories: dict[str, Any], path: str) -> None:
    """The loss of each method by epoch."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for k, (name, history) in enumerate(histories.items()):
        epochs, style = np.arange(1, len(history.loss) + 1), "--" if k >= 10 else "-"
        axes.semilogy(epochs, history.loss, style, label=name)
    axes.set(xlabel="epoch", ylabel="training loss", title="One network, many methods")
    axes.legend(fontsize="small", ncols=2)
    figure.savefig(path, dpi=150)
    print("written:", path)


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--out", help="file for a picture of the losses")
    args = parser.parse_args()
    digits, module = load_digits(), network()
    minibatch_gradients(module, digits.train_images, digits.train_labels)
    histories = compared(module, digits, args.epochs)
    least_squares()
    if args.out:
        plotted(histories, args.out)


if __name__ == "__main__":
    main()
