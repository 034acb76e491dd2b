r"""Mathematics in titles and legends: matplotlib's mathtext where it can, else one line of Unicode.

Why it exists: our LaTeX printer writes for LaTeX, and matplotlib typesets a part of that. A
formula whose commands are all in `SUPPORTED` is set by mathtext; any other is written by
``sg.formula``, which needs no typesetting. Cases are taken apart first, because mathtext has no
``\begin{cases}``.
"""

from __future__ import annotations

import re
from typing import Any

import sympy as sp

from symgrad.functions import number
from symgrad.show.latex_form import latex
from symgrad.show.text import formula

SUPPORTED = frozenset(
    (
        *("dfrac", "sqrt", "left", "right", "operatorname", "mathbf", "vert", "Vert"),
        *("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "exp", "log", "max"),
        *("min", "det", "sigma", "alpha", "beta", "gamma", "delta", "lambda", "mu", "theta", "pi"),
        *("Phi", "varphi", "phi", "rho", "tau", "omega", "eta", "epsilon", "varepsilon", "kappa"),
        *("odot", "cdot", "geq", "leq", "neq", "infty", "partial", "nu", "xi", "chi", "psi"),
        *("top", "bar", "Delta", "Gamma", "Omega", "Psi", "Sigma", "Theta", "Lambda", "zeta"),
    )
)
"""Commands of our LaTeX that mathtext of matplotlib 3.8 and later sets; a test has it set them."""

SPELLED = {
    r"\frac": r"\dfrac",
    r"\mathbb{1}": r"\mathbf{1}",
    **{rf"\{side}vert": r"\vert " for side in "lr"},
    **{rf"\{side}Vert": r"\Vert " for side in "lr"},
}
"""What mathtext has under another name, or, as fractions, larger."""

_UNSPACED = re.compile(
    r"(?<=[\w})])\s*(?=\\(?:operatorname|log|exp|sin|cos|tan|cot|sec|csc|sinh|cosh|tanh|max|min|det)\b)"
)
"""Between a factor and a function, where LaTeX has a thin space and mathtext has none."""
_COMMAND = re.compile(r"\\([A-Za-z]+)")


def mathtext(expr: Any) -> str:
    """One formula as text for matplotlib: ``$…$``, or Unicode where mathtext lacks a command."""
    expr = sp.sympify(expr)
    if isinstance(expr, sp.Piecewise):
        return _cases(expr)
    text = latex(expr)
    for ours, theirs in SPELLED.items():
        text = text.replace(ours, theirs)
    text = _UNSPACED.sub(r"\, ", text)
    if set(_COMMAND.findall(text)) <= SUPPORTED:
        return f"${text}$"
    return formula(expr)


def _cases(expr: sp.Piecewise) -> str:
    """``a if c, else b``: the cases on one line."""
    parts = [
        f"else {mathtext(e)}" if c == sp.true else f"{mathtext(e)} if {mathtext(c)}"
        for e, c in expr.args
    ]
    return ", ".join(parts)


def equation(left: str, expr: Any) -> str:
    """``left = expr``, as text for matplotlib."""
    right = mathtext(expr)
    if right.startswith("$") and right.count("$") == 2:
        return f"${left} = {right[1:]}"
    return f"${left}$ = {right}"


def short(value: Any) -> str:
    """A number as a reader wants it: three digits or so, and a minus sign that is one."""
    return f"{float(number(value)):.4g}".replace("-", "\N{MINUS SIGN}")
