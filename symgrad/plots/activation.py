"""`plot_activation`: functions of one number with their derivatives (LECTURES B).

The derivative is derived, and so is its law in the legend; a jump at a kink is drawn as a jump,
with a dot for the value that is used there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import sympy as sp

from symgrad import vocabulary as v
from symgrad.errors import UnsupportedError
from symgrad.functions import as_expression
from symgrad.graph import Node, leaves
from symgrad.lift import lift
from symgrad.plots.curves import Curve, Unit, variable_of
from symgrad.plots.figure import (
    COLORS,
    LINES,
    WIDTH,
    figure_of,
    given_axes,
    legend,
    new_figure,
    plain_axes,
)
from symgrad.plots.formulas import equation, mathtext, short
from symgrad.plots.parameters import LETTERS, family_of, keyword, members
from symgrad.symbols import NamedScalar

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Z = sp.Symbol("z", real=True)


class Drawn(NamedTuple):
    """What is drawn in one colour: a function at given parameters."""

    label: str
    name: str
    unit: Unit
    at: Mapping[Any, Any]


def plot_activation(
    function: Any,
    *,
    over: tuple[float, float] = (-4.0, 4.0),
    points: int = 801,
    derivative: bool = True,
    title: str | None = None,
    axes: Any = None,
    **parameters: Any,
) -> Figure:
    """A function of one number and its derivative, as a matplotlib figure.

    ``function`` is one of symgrad's (``sg.tanh``), a SymPy expression or ``Lambda`` of one symbol,
    a value named with ``sg.let``, or a list of these. Its parameters are keywords, each a number
    or a list of numbers, which draws a family: ``plot_activation(sg.elu, alpha=[0.5, 1, 2])``; an
    expression's symbols are given the same way, α as ``alpha``.

    One function is drawn with its derivative on one axes, several on two axes. ``axes`` draws into
    given ones instead: one for both, or two for the function and the derivative. At a kink the
    derivative jumps: the line is interrupted there, open dots are limits, and a full dot is the
    value that symgrad uses. A function without a derivative, such as ``sg.step``, is drawn alone.

    Lines have the gids ``value`` and ``derivative``, dots ``limit`` and ``convention``.
    Raises UnsupportedError for what is no function of one number, and MissingPackageError without
    matplotlib.
    """
    low, high = _interval(over)
    drawn = _drawn(function, parameters)
    listed = given_axes(axes, (1, 2), "sg.plot_activation")
    if listed is None:
        count = 2 if derivative and len(drawn) > 1 else 1
        figure = new_figure(5.4 * count if count > 1 else 6.0, 4.0)
        listed = list(np.atleast_1d(figure.subplots(1, count)))
    together = len(listed) == 1
    single = len(drawn) == 1
    for k, one in enumerate(drawn):
        curves = one.unit.curves((low, high), points, one.at)[: 1 + derivative]
        for order, curve in enumerate(curves):
            which = 0 if together else order
            color = k + order if together and single else k
            style = order if together else k
            label = _label(one, order, single, together)
            _draw(listed[which], curve, label, color, style, ("value", "derivative")[order])
    _finish(listed, drawn, derivative, title, (low, high))
    return figure_of(listed[0])


def _label(one: Drawn, order: int, single: bool, together: bool) -> str:
    """A line's label: its formula, or which of several functions it is."""
    if single:
        return equation("h'" if order else "h", one.unit.law if order else _shown(one))
    return one.label if order == 0 or not together else f"{one.label}, derivative"


def _shown(one: Drawn) -> Any:
    """The function's formula: its definition, where the function was given by name."""
    value = one.unit.closed[0] if isinstance(one.unit.value, NamedScalar) else one.unit.value
    if not one.name:
        return value
    for kind, definition in _DEFINITIONS.items():
        value = value.replace(kind, definition)
    return v.plain(value).replace(_phi, v.normal_cdf)


_phi = sp.Function("_phi")
_DEFINITIONS: dict[type[sp.Function], Callable[..., sp.Expr]] = {
    v.relu: lambda t: sp.Max(0, t, evaluate=False),
    v.gelu: lambda t: t * _phi(t),
    v.absolute: lambda t: sp.Abs(t),
    v.hard_sign: lambda t: sp.sign(t),
}
"""Shorter on a slide than the definitions of `vocabulary`."""


def _draw(axes: Axes, curve: Curve, label: str, color: int, style: int, gid: str) -> None:
    tint = COLORS[color % len(COLORS)]
    axes.plot(
        curve.x, curve.y, color=tint, linestyle=LINES[style % len(LINES)], linewidth=WIDTH,
        label=label, gid=gid,
    )  # fmt: skip
    dots: dict[str, Any] = {"color": tint, "linestyle": "none", "marker": "o", "markersize": 6}
    limits = [
        (jump.at, y) for jump in curve.jumps for y in (jump.left, jump.right) if y != jump.value
    ]
    for gid_, places, fill in (
        ("limit", limits, "white"),
        ("convention", [(jump.at, jump.value) for jump in curve.jumps], tint),
    ):
        if places:
            x, y = zip(*places, strict=True)
            axes.plot(x, y, markerfacecolor=fill, markeredgewidth=1.5, zorder=4, gid=gid_, **dots)


def _finish(
    listed: Sequence[Axes],
    drawn: Sequence[Drawn],
    derivative: bool,
    title: str | None,
    over: tuple[float, float],
) -> None:
    """Titles, labels, limits and legends."""
    names = list(dict.fromkeys(one.name for one in drawn))
    refused = [one for one in drawn if one.unit.refusal and derivative]
    headings = ["", ""]
    if len(drawn) > 1 and len({one.unit for one in drawn}) == 1:  # a family has one formula
        first = drawn[0]
        headings = [equation("h", _shown(first))]
        headings.append("" if first.unit.law is None else equation("h'", first.unit.law))
    if title is not None or len(names) == 1:
        parts = [title or names[0], headings[0]]
        if len(drawn) == 1 and title is None and names[0]:
            at = [f"{mathtext(s)} = {short(value)}" for s, value in drawn[0].at.items()]
            parts[0] = ", ".join([names[0], *at])
        headings[0] = ": ".join(filter(None, parts))
    for order, axes in enumerate(listed):
        plain_axes(axes, origin=True)
        axes.set_xlim(*over)
        axes.set_xlabel(mathtext(drawn[0].unit.variable), fontsize="large")
        if len(listed) > 1 or not derivative:
            axes.set_ylabel(("$h$", "$h'$")[order], fontsize="large", rotation=0, labelpad=10)
        axes.set_title(
            headings[order], fontsize="large" if len(drawn) > 1 else "x-large", loc="left"
        )
        _limit(axes)
    for one in refused:  # a line of the legend that has none in the picture
        which = f"{one.label}: " * (len(drawn) > 1)
        text = f"{which}no derivative,\na Dirac delta at the jump"
        listed[-1].plot([], [], linestyle="none", label=text, gid="refusal")
    longest = max(len(x) for x in listed[0].get_legend_handles_labels()[1])
    legend(listed[0], fontsize="large" if len(drawn) == 1 and longest < 60 else "medium")
    if len(listed) > 1 and refused:
        only = [x for x in listed[1].get_lines() if x.get_gid() == "refusal"]
        legend(listed[1], handles=only)


def _limit(axes: Axes) -> None:
    """Limits that leave room at the edges, and cut poles off."""
    lines = [x for x in axes.get_lines() if x.get_gid() in ("value", "derivative")]
    y = np.concatenate([np.asarray(x.get_ydata(), dtype=float) for x in lines] or [np.zeros(1)])
    y = y[np.isfinite(y)]
    if not y.size:
        return
    low, high = y.min(), y.max()
    inner = np.percentile(y, (8, 92))
    if high - low > 6 * (inner[1] - inner[0]) > 0:
        low, high = inner
    room = 0.06 * (high - low) or 0.5
    axes.set_ylim(low - room, high + room)


# ------------------------------------------------------------------------------- what is drawn


def _interval(over: Any) -> tuple[float, float]:
    low, high = (float(x) for x in over)
    if not low < high or not np.isfinite([low, high]).all():
        raise UnsupportedError(
            f"the interval {over} was given; expected two numbers, the smaller one first, such as "
            "over=(-4, 4)."
        )
    return low, high


def _drawn(function: Any, parameters: Mapping[str, Any]) -> list[Drawn]:
    """Every function at every value of its parameters."""
    functions = list(function) if isinstance(function, list | tuple) else [function]
    if not functions:
        raise UnsupportedError("no function was given; expected one, such as sg.tanh, or a list.")
    family_of(parameters)
    used: set[str] = set()
    result: list[Drawn] = []
    for one in functions:
        taken = _taken(one, parameters)
        used |= taken
        result += _family(one, {name: parameters[name] for name in taken}, len(functions) > 1)
    unknown = [name for name in parameters if name not in used]
    if unknown:
        raise UnsupportedError(
            f"the parameter {unknown[0]} is none of {_names(functions)}; "
            "expected keywords that the function takes, or symbols of the expression."
        )
    return result


def _taken(function: Any, parameters: Mapping[str, Any]) -> set[str]:
    """Those of the parameters that a function has."""
    if _is_callable(function):
        known = set(list(signature(function).parameters)[1:])
    else:
        expr = as_expression(function.expr if isinstance(function, sp.Lambda) else function)
        known = {keyword(leaf.name) for leaf in _leaves(expr)} | {x.name for x in _leaves(expr)}
    return {name for name in parameters if name in known}


def _leaves(expr: Any) -> list[Node]:
    return leaves([lift(expr)])


def _is_callable(function: Any) -> bool:
    return callable(function) and not isinstance(function, sp.Basic)


def _names(functions: Sequence[Any]) -> str:
    return ", ".join(getattr(x, "__name__", str(x)) for x in functions)


def _family(function: Any, parameters: Mapping[str, Any], several: bool) -> list[Drawn]:
    """One function at every value of its parameters."""
    expr, variable, symbols = _declared(function, parameters)
    unit = Unit(expr, variable)
    name = _name_of(function, expr)
    family = family_of(parameters)
    result = []
    for member in members(parameters):
        at = {symbols[k]: value for k, value in member.items()}
        label = name or mathtext(expr)
        if family is not None:
            text = f"{mathtext(symbols[family])} = {short(member[family])}"
            label = f"{name}, {text}" if several else text
        result.append(Drawn(label, name, unit, at))
    return result


def _declared(
    function: Any, parameters: Mapping[str, Any]
) -> tuple[Any, sp.Symbol, dict[str, sp.Symbol]]:
    """The function as an expression, its variable, and the symbol of each parameter."""
    if _is_callable(function):
        symbols = {name: sp.Symbol(LETTERS.get(name, name), positive=True) for name in parameters}
        return _called(function, symbols), Z, symbols
    if isinstance(function, sp.Lambda):
        if len(function.variables) != 1:
            raise UnsupportedError(
                f"{function} takes {len(function.variables)} arguments; expected a function of one."
            )
        expr, variable = function.expr, function.variables[0]
    else:
        expr = as_expression(function)
        variable = variable_of(expr, list(parameters))
    symbols = {}
    for leaf in _leaves(expr):
        for name in (leaf.name, keyword(leaf.name)):
            if name in parameters and leaf.leaf.symbol != variable:
                symbols[name] = leaf.leaf.symbol
    unknown = {x.leaf.symbol for x in _leaves(expr)} - {variable, *symbols.values()}
    if unknown:
        variable_of(expr, list(parameters))  # which says what is missing
    return expr, variable, symbols


def _called(function: Callable[..., Any], symbols: Mapping[str, sp.Symbol]) -> Any:
    """The function of z, with its parameters as symbols."""
    accepted = signature(function).parameters.values()
    needed = [
        p.name
        for p in list(accepted)[1:]
        if p.default is Parameter.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    missing = [name for name in needed if name not in symbols]
    if missing:
        raise UnsupportedError(
            f"{function.__name__} needs its parameter {missing[0]}; give it as a keyword, a number "
            f"or a list of numbers: {missing[0]}=0.25."
        )
    return function(Z, **symbols)


_NAMES = {
    "relu": "ReLU", "leaky_relu": "leaky ReLU", "prelu": "parametric ReLU", "elu": "ELU",
    "gelu": "GELU", "step": "unit step", "identity": "linear", "sign": "signum",
}  # fmt: skip
"""Functions whose name on a slide is not the one in code."""


def _name_of(function: Any, expr: Any) -> str:
    """What a function is called: the name in code, or the name of the value; else nothing."""
    if _is_callable(function):
        name = str(function.__name__)
        return _NAMES.get(name, name.replace("_", " ") if name != "<lambda>" else "")
    return str(expr.name) if isinstance(expr, NamedScalar) else ""
