"""Accuracy and training time of ``sg.estimator`` beside scikit-learn's multilayer perceptron.

Digits, breast cancer, wine and diabetes, the data sets that scikit-learn ships. Both train the
same shape (one hidden layer of tanh units) by Adam on the same minibatch size for the same number
of epochs, behind the same scaling, on the same folds, one after the other. The figures are means
over folds and seeds; times are medians of a fit, compilation left out (it is done once before).

    python benchmarks/estimators.py [--quick] [--json FILE]

Needs ``pip install symgrad[sklearn]``.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sympy as sp
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import symgrad as sg

HIDDEN, BATCH = 32, 32


class Task(NamedTuple):
    """A data set: how it is loaded, and for how many epochs both sides train."""

    load: Callable[..., Any]
    classifies: bool
    epochs: int
    rate: float


TASKS = {
    "digits": Task(load_digits, True, 40, 1e-3),
    "breast cancer": Task(load_breast_cancer, True, 40, 1e-3),
    "wine": Task(load_wine, True, 80, 1e-3),
    "diabetes": Task(load_diabetes, False, 60, 1e-3),
}


def ours(task: Task, target: str, seed: int) -> Any:
    """The network as it is declared with symgrad."""
    D, H, C = sp.symbols("D H C", integer=True, positive=True)
    x = sp.MatrixSymbol("x", D, 1)
    W1, b1 = sp.MatrixSymbol("W1", H, D), sp.MatrixSymbol("b1", H, 1)
    h = sg.let("h", sg.tanh(W1 * x + b1))
    if task.classifies:
        W2, b2, c = sp.MatrixSymbol("W2", C, H), sp.MatrixSymbol("b2", C, 1), sg.label("c", C)
        p = sg.let("p", sg.softmax(W2 * h + b2))
        parts = (sg.cross_entropy(p, c), [W1, b1, W2, b2], [x, c], p)
    else:
        w, b, t = sp.MatrixSymbol("w", H, 1), sp.Symbol("b"), sp.Symbol("t")
        f = sg.let("f", sg.dot(w, h) + b)
        parts = ((f - t) ** 2 / 2, [W1, b1, w, b], [x, t], f)
    return sg.estimator(
        *parts,
        target=target,
        dtype="float64",
        sizes={"H": HIDDEN},
        epochs=task.epochs,
        batch_size=BATCH,
        learning_rate=task.rate,
        random_state=seed,
    )


def theirs(task: Task, seed: int) -> Any:
    """The same by scikit-learn."""
    kind = MLPClassifier if task.classifies else MLPRegressor
    return kind(
        hidden_layer_sizes=(HIDDEN,), activation="tanh", solver="adam", alpha=0.0, tol=0.0,
        batch_size=BATCH, learning_rate_init=task.rate, max_iter=task.epochs,
        n_iter_no_change=task.epochs, random_state=seed,
    )  # fmt: skip


def measured(name: str, task: Task, folds: int, seeds: int) -> dict[str, dict[str, float]]:
    """For each side its mean score (accuracy, or R²) and the median time of a fit."""
    X, y = task.load(return_X_y=True)
    if not task.classifies:
        y = (y - y.mean()) / y.std()
    sides: dict[str, Callable[[int], Any]] = {
        "symgrad numpy": lambda seed: ours(task, "numpy", seed),
        "symgrad numba": lambda seed: ours(task, "numba", seed),
        "scikit-learn": lambda seed: theirs(task, seed),
    }
    make_pipeline(StandardScaler(), sides["symgrad numba"](0).set_params(epochs=1)).fit(X, y)
    scores: dict[str, list[float]] = {side: [] for side in sides}
    times: dict[str, list[float]] = {side: [] for side in sides}
    for seed in range(seeds):
        split = (StratifiedKFold if task.classifies else KFold)(folds, shuffle=True, random_state=0)
        for train, test in split.split(X, y):
            for side, make in sides.items():
                model = make_pipeline(StandardScaler(), make(seed))
                start = time.perf_counter()
                model.fit(X[train], y[train])
                times[side].append(time.perf_counter() - start)
                scores[side].append(model.score(X[test], y[test]))
    return {
        side: {"score": float(np.mean(scores[side])), "seconds": float(np.median(times[side]))}
        for side in sides
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two folds, one seed")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    args = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)  # both run for all their epochs
    folds, seeds = (2, 1) if args.quick else (5, 2)
    found = {name: measured(name, task, folds, seeds) for name, task in TASKS.items()}
    print(f"{'':14} {'':14} {'score':>7} {'fit, s':>8} {'ratio':>6}")
    for name, sides in found.items():
        reference = sides["scikit-learn"]["seconds"]
        for side, figures in sides.items():
            ratio = reference / figures["seconds"]
            print(
                f"{name:14} {side:14} {figures['score']:7.2%} {figures['seconds']:8.3f} "
                f"{ratio:5.1f}×"
            )
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
