"""The sheets that every rendering is tested on, and the browser that opens pages."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import lecture_networks
import sympy as sp
from networks import NETWORKS, D
from oracle import Net
from sympy import MatrixSymbol

import symgrad as sg


def gradient_of(declare: Callable[[], Any]) -> Callable[[], sg.Derivation]:
    """The gradient of a network or lecture system."""

    @cache
    def derived() -> sg.Derivation:
        made = declare()
        return sg.gradient(made.loss, made.wrt)

    return derived


@cache
def d5() -> sg.Derivation:
    """Two hidden layers and a softmax, with every message."""
    loss, wrt = lecture_networks.deep(2, sg.tanh, Net())
    return sg.gradient(loss, wrt)


@cache
def layer_norm() -> sg.Derivation:
    """Fractions, roots and long lines."""
    x, gain, bias = (MatrixSymbol(name, D, 1) for name in ("x", "gamma", "beta"))
    m = sg.let("m", sg.sum(x) / D)
    c = sg.let("c", x - m * sp.OneMatrix(D, 1))
    v = sg.let("v", sg.dot(c, c) / D)
    scale = sp.sqrt(v + sp.Symbol("epsilon", positive=True))
    y = sg.let("y", sp.hadamard_product(gain, c / scale) + bias)
    return sg.gradient(sg.let("L", sg.dot(y, y) / 2), [x, gain, bias])


@cache
def hessian() -> sg.Derivation:
    """Second order, whose names are fractions of their own."""
    w, z = MatrixSymbol("w", D, 1), MatrixSymbol("z", D, 1)
    return sg.hessian(sg.let("L", sg.softplus(sg.dot(w, z))), w)


@cache
def stacked() -> sg.Derivation:
    """Twelve equal layers, which are shown once."""
    h, wrt = MatrixSymbol("x", D, 1), []
    for k in range(1, 13):
        wrt.append(MatrixSymbol(f"W{k}", D, D))
        h = sg.let(f"h{k}", sg.tanh(wrt[-1] * h))
    return sg.gradient(sg.let("L", sg.dot(h, h) / 2), wrt)


@cache
def hostile() -> sg.Derivation:
    """Names that mean something in HTML, LaTeX, Markdown or MathML."""
    w = MatrixSymbol("<script>alert(1)</script>", 3, 1)
    z = sg.let("a&b_{x}%#$ |<b>", sg.tanh(w))
    return sg.gradient(sg.let("\\input{x} *L*", sg.dot(z, z)), w)


DERIVATIONS: dict[str, Callable[[], sg.Derivation]] = {
    "design": gradient_of(NETWORKS["classifier"]),
    "D4": gradient_of(lecture_networks.SYSTEMS["D4 by matrix"]),
    "D5": d5,
    "layer norm": layer_norm,
    "hessian": hessian,
    "stacked": stacked,
    "long lines": gradient_of(NETWORKS["unnamed classifier"]),
    "attention": gradient_of(NETWORKS["attention"]),
    "hostile names": hostile,
}
"""name → a derivation."""

SHEETS = [
    *((name, "normal") for name in DERIVATIONS),
    *((name, "full") for name in ("design", "layer norm", "hostile names")),
]
"""A derivation and a level of detail."""

GOLDEN: dict[str, tuple[str, dict[str, str]]] = {
    "design": ("design", {}),
    "d4_bar": ("D4", {"notation": "bar"}),
    "d4_index": ("D4", {"notation": "bar", "form": "index"}),
    "d5_nabla": ("D5", {"notation": "nabla"}),
}
"""name → a derivation and the style that its lecture has; each has a golden file a rendering."""

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")


def browse(page: Path, *options: str) -> str:
    """What chromium prints for a page, without a network."""
    assert CHROMIUM
    done = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--hide-scrollbars", "--allow-file-access-from-files",
            "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={page.parent / 'profile'}",
            *options, page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout
