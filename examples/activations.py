"""The activation functions of the lectures: formula, derivative, and a picture of both.

Lectures show a table: the function, its derivative in terms of the output where there is one, and
two curves. Here each function is declared as a lecture writes it, from exponentials and maxima, the
derivative is derived, and `sg.plot_activation` draws both: at a kink the derivative jumps, and a
full dot is the value that is used there.

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

PARAMETERS = {"ELU": {"alpha": 1}, "softplus": {"beta": 2}}

WIDTH = 24


def main(out: Path | None) -> None:
    """Print the table; draw it into ``out``, if one is given."""
    for name, expr in ACTIVATIONS.items():
        h = sg.let("h", expr)
        print(f"{name:<{WIDTH}}h = {sg.formula(expr)}")
        try:
            slope = sg.gradient(h, z)[z]
        except sg.DerivativeError as refusal:
            print(f"{'':<{WIDTH}}{refusal}")
        else:
            print(f"{'':<{WIDTH}}h′ = {sg.formula(slope)}")
    if out is not None:
        draw(out)
        print(f"\npicture: {out}")


def draw(path: Path) -> None:
    """Each function and its derivative over −4 … 4."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(16, 11), layout="constrained")
    for axes, (name, expr) in zip(figure.subplots(3, 4).flat, ACTIVATIONS.items(), strict=True):
        sg.plot_activation(expr, title=name, axes=axes, **PARAMETERS.get(name, {}))
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="the file to draw the picture into")
    target = parser.parse_args().out
    if target is not None and find_spec("matplotlib") is None:
        parser.error('--out draws a picture, which needs matplotlib: pip install "symgrad[plot]"')
    main(target)
