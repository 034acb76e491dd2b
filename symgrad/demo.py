"""``symgrad demo``: the whole pipeline on real data, in one readable function a step.

Declares the 64-32-10 tanh network, prints its derivation, checks the gradients against an oracle
that shares no code with symgrad, writes a standalone training module, trains it on handwritten
digits and draws what came of it. Every function here is also an example of the library's use.
"""

from __future__ import annotations

import time
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from sympy import MatrixSymbol

import symgrad as sg

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console

PIXELS, HIDDEN, CLASSES = 64, 32, 10
TRAINING = {"epochs": 60, "batch_size": 32, "learning_rate": 0.3, "seed": 0}
"""Chosen on a validation part of the training rows; see symgrad/data/README.md for the split."""


class Network(NamedTuple):
    """The declaration: symbols and named values."""

    x: Any
    y: Any
    params: tuple[Any, ...]
    p: Any
    loss: Any


def network() -> Network:
    """p = softmax(W2·tanh(W1·x + b1) + b2) with the cross-entropy −Σ y log p."""
    x = MatrixSymbol("x", PIXELS, 1)
    y = sg.simplex("y", CLASSES)
    W1, b1 = MatrixSymbol("W1", HIDDEN, PIXELS), MatrixSymbol("b1", HIDDEN, 1)
    W2, b2 = MatrixSymbol("W2", CLASSES, HIDDEN), MatrixSymbol("b2", CLASSES, 1)
    z1 = sg.let("z1", W1 * x + b1)
    h = sg.let("h", sg.tanh(z1))
    z2 = sg.let("z2", W2 * h + b2)
    p = sg.let("p", sg.softmax(z2))
    loss = sg.let("L", sg.cross_entropy(p, y))
    return Network(x, y, (W1, b1, W2, b2), p, loss)


def largest_gradient_error(net: Network, seed: int = 0) -> float:
    """The largest relative difference between symgrad's gradients and the complex step.

    The oracle is the network written by hand in NumPy: Im f(θ + ih)/h is the derivative to the
    last digit, with no formula of a derivative in it.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    point = [rng.normal(size=s).squeeze() / 4 for s in (p.shape for p in map(_sized, net.params))]
    x, y = rng.normal(size=PIXELS), rng.dirichlet(np.ones(CLASSES))

    def by_hand(theta: list[np.ndarray]) -> complex:
        W1, b1, W2, b2 = theta
        z = W2 @ np.tanh(W1 @ x + b1) + b2
        return complex(-np.sum(y * (z - np.log(np.sum(np.exp(z))))))

    gradient = sg.function([*net.params, net.x, net.y], sg.gradient(net.loss, [*net.params]))
    worst, h = 0.0, 1e-30
    for k, computed in enumerate(gradient(*point, x, y)):
        expected = np.empty_like(point[k])
        for index in np.ndindex(expected.shape):
            theta = [a.astype(complex) for a in point]
            theta[k][index] += 1j * h
            expected[index] = by_hand(theta).imag / h
        worst = max(worst, float(np.max(np.abs(computed - expected)) / np.max(np.abs(expected))))
    return worst


def _sized(symbol: Any) -> Any:
    import numpy as np

    return np.empty([int(n) for n in symbol.shape])


def build(net: Network, folder: Path, target: str = "numba") -> tuple[Path, ModuleType]:
    """Write the standalone training module, and load it from the file that was written."""
    module = sg.training_module(
        net.loss,
        params=[*net.params],
        data=[net.x, net.y],
        predict=net.p,
        target=target,
        dtype="float32",
        name="digits",
    )
    path = module.save(folder / "digits.py")
    return path, module.load()


def draw(history: Any, images: np.ndarray, labels: np.ndarray, p: np.ndarray, path: Path) -> None:
    """The loss curve beside some test digits, wrong predictions first."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    predicted = p.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    right = np.flatnonzero(predicted == labels)
    shown = np.concatenate([wrong[:10], right])[:30]
    figure = plt.figure(figsize=(11, 4.8), layout="constrained")
    halves: Any = figure.subfigures(1, 2, width_ratios=(1, 1.15))
    left, grid = halves
    axes = left.subplots()
    epochs = np.arange(1, len(history.loss) + 1)
    axes.semilogy(epochs, history.loss, label="training", color="#1f5fa8")
    if np.isfinite(history.validation_loss).any():
        axes.semilogy(epochs, history.validation_loss, label="test", color="#d9731a")
    axes.set(xlabel="epoch", ylabel="cross-entropy", title="Loss")
    axes.grid(alpha=0.3)
    axes.legend()
    accuracy = float(np.mean(predicted == labels))
    grid.suptitle(
        f"Test digits: {accuracy:.1%} right ({len(wrong)} of {len(labels)} wrong, in red)"
    )
    for cell, k in zip(grid.subplots(5, 6).flat, shown, strict=True):
        cell.imshow(images[k].reshape(8, 8), cmap="gray_r")
        ok = predicted[k] == labels[k]
        title = f"{predicted[k]}" if ok else f"{predicted[k]}, is {labels[k]}"
        cell.set_title(title, fontsize=9, color="#222222" if ok else "#c0272d")
        cell.axis("off")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def run(folder: Path, target: str, console: Console) -> float:
    """The demo; returns the test accuracy."""
    import numpy as np

    from symgrad.data import load_digits

    start = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    net = network()
    console.rule("derivation")
    console.print(str(sg.gradient(net.loss, [*net.params])), highlight=False, soft_wrap=True)

    console.rule("gradients against the complex step")
    error = largest_gradient_error(net)
    console.print(f"largest relative difference over all parameters: {error:.1e}")
    if not error < 1e-10:
        raise sg.SymgradError(
            f"the gradients differ from the complex step by {error:.1e}, more than 1e-10; "
            "please report this."
        )

    console.rule("standalone training module")
    path, module = build(net, folder, target)
    lines = path.read_text(encoding="utf-8").count("\n")
    console.print(f"{path}: {lines} lines, imports {_imports(target)} only")

    console.rule("training on 1,437 handwritten digits, 8×8 pixels")
    digits = load_digits()
    targets = np.eye(CLASSES, dtype=np.float32)
    began = time.perf_counter()
    params, history = module.fit(
        digits.train_images,
        targets[digits.train_labels],
        validation=(digits.test_images, targets[digits.test_labels]),
        **TRAINING,
    )
    seconds = time.perf_counter() - began
    p = module.predict(params, digits.test_images)
    accuracy = float(np.mean(p.argmax(axis=1) == digits.test_labels))
    module.save(params, folder / "digits.npz")
    console.print(
        f"test accuracy {accuracy:.2%} on {len(digits.test_labels)} digits after "
        f"{TRAINING['epochs']} epochs in {seconds:.1f} s, compilation included",
        soft_wrap=True,
    )
    picture = _picture(history, digits, p, folder)
    written = [path, folder / "digits.npz", *([picture] if picture else [])]
    console.print("written: " + ", ".join(map(str, written)), soft_wrap=True)
    if picture is None:
        console.print('the picture needs matplotlib: pip install "symgrad[demo]"')
    console.print(f"{time.perf_counter() - start:.1f} s in all")
    return accuracy


def _picture(history: Any, digits: Any, p: np.ndarray, folder: Path) -> Path | None:
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        return None
    path = folder / "digits.png"
    draw(history, digits.test_images, digits.test_labels, p, path)
    return path


def _imports(target: str) -> str:
    return "NumPy, Numba and SciPy" if target == "numba" else "NumPy"
