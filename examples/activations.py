"""The activation functions of the lectures: formula, derivative, and a picture of both.

Lectures show a table: the function, its derivative in terms of the output where there is one, and
two curves. Here each function is declared as a lecture writes it, from exponentials and maxima, the
derivative is derived, and both are drawn from the code that symgrad generates for them.

python examples/activations.py --out activations.png     (the picture needs matplotlib)
"""

import argparse
from importlib.util import find_spec
from pathlib import Path

from sympy import Max, Piecewise, erf, exp, log, sqrt, symbols

import symgrad as sg

z, alpha, beta = symbols("z α β", real=True)

ACTIVATIONS = {
    "linear": z,
    "sigmoid": 1 / (1 + exp(-z)),
    "tanh": (exp(z) - exp(-z)) / (exp(z) + exp(-z)),
    "ReLU": Max(0, z),
    "leaky ReLU": Max(z / 10, z),
    "ELU": Piecewise((z, z >= 0), (alpha * (exp(z) - 1), True)),
    "softplus": log(1 + exp(beta * z)) / beta,
    "swish": z / (1 + exp(-z)),
    "GELU": z / 2 * (1 + erf(z / sqrt(2))),
    "maxout of two lines": sg.maxout(z / 3, 2 * z - 3),
    "unit step": sg.step(z),
    "signum": sg.sign(z),
}
"""Each as its lecture writes it; α = 1 and β = 2 in the picture. The last two are forward only."""

WIDTH = 24


def main(out: Path | None) -> None:
    """Print the table; draw it into ``out``, if one is given."""
    curves = {}
    for name, expr in ACTIVATIONS.items():
        h = sg.let("h", expr)
        print(f"{name:<{WIDTH}}h = {sg.formula(expr)}")
        try:
            slope = sg.gradient(h, z)[z]
        except sg.DerivativeError as refusal:
            print(f"{'':<{WIDTH}}{refusal}")
            curves[name] = sg.function([z, alpha, beta], [h])
            continue
        print(f"{'':<{WIDTH}}h′ = {sg.formula(slope)}")
        curves[name] = sg.function([z, alpha, beta], [h, slope])
    if out is not None:
        draw(curves, out)
        print(f"\npicture: {out}")


def draw(curves: dict, path: Path) -> None:
    """Each function and its derivative over −4 … 4."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    at = np.linspace(-4, 4, 401)
    figure, axes = plt.subplots(3, 4, figsize=(12, 8), layout="constrained", sharex=True)
    for axis, (name, curve) in zip(axes.flat, curves.items(), strict=True):
        values = np.array([curve(t, 1.0, 2.0) for t in at])
        axis.axhline(0, color="0.8", linewidth=0.8)
        axis.axvline(0, color="0.8", linewidth=0.8)
        for column, style, text in ((0, "C0-", "h"), (1, "C1--", "h′")):
            if column < values.shape[1]:
                axis.plot(at, values[:, column], style, label=text)
        axis.set_title(name, fontsize=10)
        axis.set_ylim(max(-2.2, values.min() - 0.2), min(4.2, values.max() + 0.2))
        axis.legend(frameon=False, fontsize=9)
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="the file to draw the picture into")
    target = parser.parse_args().out
    if target is not None and find_spec("matplotlib") is None:
        parser.error('--out draws a picture, which needs matplotlib: pip install "symgrad[demo]"')
    main(target)
