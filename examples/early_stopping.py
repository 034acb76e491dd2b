"""Too large a network for its data: early stopping and dropout.

    python examples/early_stopping.py [--epochs 120] [--out FILE.png]

A wide network of relu units learns 150 handwritten digits by heart. On digits held out its loss
falls, and then rises again: training ends where it was lowest. A dropout mask on the hidden units,
drawn anew for every example of every step, is one more leaf of the declaration; predictions use the
network with every unit kept.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import sympy as sp

import symgrad as sg
from symgrad.data import load_digits

HIDDEN, SHOWN = 256, 150


def network(rate: sp.Rational | None) -> Any:
    """64-256-10 with dropout of ``rate`` on the hidden units, or without."""
    x, c = sp.MatrixSymbol("x", 64, 1), sg.label("c", 10)
    W1, b1 = sp.MatrixSymbol("W1", HIDDEN, 64), sp.MatrixSymbol("b1", HIDDEN, 1)
    W2, b2 = sp.MatrixSymbol("W2", 10, HIDDEN), sp.MatrixSymbol("b2", 10, 1)
    h, data = sg.let("h", sg.relu(W1 * x + b1)), [x, c]
    if rate is not None:
        mask = sg.mask("kept", HIDDEN, rate=rate)
        h, data = sg.let("d", sg.dropout(h, mask)), [*data, mask]
    p = sg.let("p", sg.softmax(W2 * h + b2))
    return sg.training_module(
        sg.cross_entropy(p, c), [W1, b1, W2, b2], data, predict=p, target="numpy", name="wide"
    ).load()


def main() -> None:
    """Train three times and compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--out", help="file for a picture of the losses")
    args = parser.parse_args()
    digits = load_digits()
    X, y = digits.train_images[:SHOWN], digits.train_labels[:SHOWN]
    held_out = (digits.train_images[SHOWN:], digits.train_labels[SHOWN:])
    test = (digits.test_images, digits.test_labels)
    shared = {
        "epochs": args.epochs, "batch_size": 16, "optimizer": "adam", "learning_rate": 0.003,
        "initial": "he_normal", "validation": held_out, "seed": 0, "progress": False,
    }  # fmt: skip
    plain, dropped = network(None), network(sp.Rational(1, 2))
    runs = {
        "to the end": plain.fit(X, y, **shared),
        "early stopping": plain.fit(X, y, patience=10, **shared),
        "dropout of ½": dropped.fit(X, y, **shared),
    }
    print("run             epochs  loss     held out  lowest  test loss  right")
    for name, (params, history) in runs.items():
        module = dropped if "dropout" in name else plain
        figures = module.evaluate(params, *test)
        print(
            f"{name:15} {len(history.loss):6}  {history.loss[-1]:7.5f}  "
            f"{history.validation_loss[-1]:8.3f}  {history.validation_loss.min():6.3f}  "
            f"{figures['loss']:9.3f}  {figures['accuracy']:.1%}"
        )
    if args.out:
        plotted({name: history for name, (_, history) in runs.items()}, args.out)


def plotted(histories: dict[str, Any], path: str) -> None:
    """Training loss (thin) and loss on digits held out, by epoch."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for name, history in histories.items():
        epochs = np.arange(1, len(history.loss) + 1)
        (line,) = axes.semilogy(epochs, history.validation_loss, label=f"{name}, held out")
        axes.semilogy(epochs, history.loss, color=line.get_color(), linewidth=0.8, alpha=0.7)
    axes.set(
        xlabel="epoch", ylabel="loss", title=f"64-{HIDDEN}-10 on {SHOWN} digits (thin: training)"
    )
    axes.legend()
    figure.savefig(path, dpi=150)
    print("written:", path)


if __name__ == "__main__":
    main()
