"""A function of one number and its derivative, as lines that can be drawn without lying.

Why it exists: a kink in f is a jump in f′, and a curve through 801 points would join the two sides
of a jump, or of a pole, by a line that is no part of the function. Here the places where a
function may jump are found in its expression (`SWITCHES`: where the argument of a step, an |·| or
a condition is 0), each curve is cut there, and a jump gets its two limits and its value: what the
convention at the kink is, can be seen.

In: a SymPy expression in one symbol, or a named value. Out: `Curve`, plain arrays. The derivative
is the one that ``sg.gradient`` derives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import sympy as sp
from sympy.core.relational import Relational

from symgrad import graph as g
from symgrad import vocabulary as v
from symgrad.declare import let
from symgrad.errors import DerivativeError, UnsupportedError
from symgrad.functions import as_expression, number
from symgrad.graph import Kind, Node, slot
from symgrad.lift import lift
from symgrad.plots.numbers import Array, along_line
from symgrad.plots.parameters import keyword
from symgrad.show.derivation import Derivation
from symgrad.show.gradient import gradient


class Jump(NamedTuple):
    """A place where a curve jumps: its limits from the left and the right, and its value there."""

    at: float
    left: float
    right: float
    value: float


class Curve(NamedTuple):
    """A curve, with NaN between the two sides of each jump and pole; and its jumps."""

    x: Array
    y: Array
    jumps: tuple[Jump, ...]


class Unit:
    """A function of one number, its derivative, and what its parameters are.

    ``value`` is the function as it was given, ``law`` its derivative in terms of h and z, None
    where it has none; ``refusal`` then says why.
    """

    def __init__(self, value: Any, variable: sp.Symbol) -> None:
        self.value, self.variable = value, variable
        root = lift(value)
        self.parameters = sorted(
            (s for leaf in g.leaves([root]) if (s := leaf.leaf.symbol) != variable), key=str
        )
        self.law: Any = None
        self.refusal = ""
        roots = [root]
        try:
            derived = _derived(value, variable)
        except DerivativeError as error:
            self.refusal = str(error)
        else:
            self.law = sp.Integer(0) if derived is None else derived[variable]
            roots.append(g.const(0) if derived is None else derived.roots[0])
        self.closed = [scalar_expression(r) for r in roots]
        self._run = along_line(roots, variable, self.parameters) if _varies(roots) else None

    def curves(self, over: tuple[float, float], points: int, at: Mapping[Any, Any]) -> list[Curve]:
        """The function and, if it has one, its derivative; ``at`` gives each parameter a number."""
        exact = {s: number(at[s]) for s in self.parameters}
        floats = [float(exact[s]) for s in self.parameters]

        def evaluate(x: Array) -> tuple[Array, ...]:
            if self._run is None:
                return tuple(np.full(x.shape, float(e.xreplace(exact))) for e in self.closed)
            return self._run(x, *floats)

        closed = [e.xreplace(exact) for e in self.closed]
        breaks = sorted(set().union(*(breaks_of(e, self.variable, over) for e in closed)))
        grid = np.unique(np.concatenate([np.linspace(*over, points), breaks]))

        def order(k: int) -> Callable[[Array], Array]:
            return lambda x: evaluate(x)[k]

        first, *rest = [
            _cut(grid, breaks, order(k), e, self.variable, over) for k, e in enumerate(closed)
        ]
        return [first, *(_within(first, curve) for curve in rest)]


def _derived(value: Any, variable: sp.Symbol) -> Derivation | None:
    """The derivation of f′, None for a constant function."""
    if variable not in [leaf.leaf.symbol for leaf in g.leaves([lift(value)])]:
        return None
    named = lift(value).kind is Kind.NAMED
    return gradient(value if named else let("h", value), variable)


def _varies(roots: Sequence[Node]) -> bool:
    return bool(g.leaves(roots))


def scalar_expression(root: Node) -> sp.Expr:
    """A graph of numbers as one SymPy expression in its leaves.

    Raises UnsupportedError for a graph with vectors in it.
    """
    done: dict[Node, sp.Expr] = {}
    for node in g.topological([root]):
        args = [done[a] for a in node.args]
        match node.kind:
            case _ if node.shape:
                break
            case Kind.LEAF:
                done[node] = node.leaf.symbol
            case Kind.CONST:
                done[node] = node.value
            case Kind.NAMED:
                done[node] = args[0]
            case Kind.SUM:
                done[node] = sp.Add(*[c * a for c, a in zip(node.weights, args, strict=True)])
            case Kind.PRODUCT:
                done[node] = sp.Mul(*args)
            case Kind.MAP:
                done[node] = node.body.xreplace({slot(k): a for k, a in enumerate(args)})
    if root not in done:
        raise UnsupportedError(
            "a function of one number was expected, and there are arrays in what was given; "
            "sg.plot_vector_activation draws functions of vectors, such as sg.softmax."
        )
    return done[root]


# ----------------------------------------------------------------------------------- the breaks

_BESIDE = 1e-9
"""How far from a break its limits are taken, relative to the width of the picture."""

SWITCHES: dict[type[sp.Basic], Callable[..., tuple[sp.Expr, ...]]] = {
    **dict.fromkeys(
        (
            *(v.step, v.signum, v.hard_step, v.hard_sign, v.zero_one, v.absolute, v.relu),
            *(v.inverse_or_zero, v.root, v.xlogx, sp.log),
        ),
        lambda t: (t,),
    ),
    **dict.fromkeys((v.leaky_relu, v.elu), lambda t, c: (t,)),
    **dict.fromkeys((v.exceeds, v.maximum, v.minimum), lambda a, b: (a - b,)),
    **dict.fromkeys((sp.tan, sp.sec), lambda t: (sp.cos(t),)),
    **dict.fromkeys((sp.cot, sp.csc), lambda t: (sp.sin(t),)),
    **dict.fromkeys((sp.asin, sp.acos, sp.atanh), lambda t: (1 - t, 1 + t)),
    sp.acosh: lambda t: (t - 1,),
    sp.Pow: lambda base, n: () if n.is_Integer and n.is_positive else (base,),
}
"""A function → what is 0 where it jumps, bends or has a pole."""


def _switches(expr: sp.Basic) -> Iterator[sp.Expr]:
    for e in sp.preorder_traversal(expr):
        if isinstance(e, Relational):
            yield e.lhs - e.rhs
        elif e.func in SWITCHES:
            yield from SWITCHES[e.func](*e.args)


def breaks_of(expr: sp.Expr, variable: sp.Symbol, over: tuple[float, float]) -> set[float]:
    """Where in the open interval ``over`` the expression may jump, bend or have a pole."""
    found: set[float] = set()
    for switch in dict.fromkeys(_switches(expr)):
        if variable in switch.free_symbols:
            found |= _zeros(switch, variable, over)
    return {x for x in found if over[0] < x < over[1]}


def _zeros(expr: sp.Expr, variable: sp.Symbol, over: tuple[float, float]) -> set[float]:
    """The places where the sign of ``expr`` changes, each to the last digit."""
    run = along_line([lift(expr)], variable, [])
    grid = np.linspace(*over, 1001)
    signs = np.sign(run(grid)[0])
    ends = np.flatnonzero(signs[1:] != signs[:-1])
    result = set()
    for k in ends:
        if np.isnan(signs[k]) or np.isnan(signs[k + 1]):
            continue
        low, high = grid[k], grid[k + 1]
        for _ in range(9):  # 65 points a round
            inner = np.linspace(low, high, 65)
            same = np.sign(run(inner)[0]) == signs[k]
            last = int(np.flatnonzero(same)[-1]) if same.any() else 0
            low, high = inner[last], inner[min(last + 1, 64)]
        result.add(_rounded(float(high), expr, variable))
    return result


def _rounded(x: float, expr: sp.Expr, variable: sp.Symbol) -> float:
    """A short fraction next to x, if it is a zero: 9/5 and not 1.7999999999999998."""
    near = Fraction(x).limit_denominator(1000)
    exact = sp.Rational(near.numerator, near.denominator)
    is_zero = abs(float(near) - x) < 1e-9 and expr.xreplace({variable: exact}).equals(0)
    return float(near) if is_zero else x


def _cut(
    grid: Array,
    breaks: Sequence[float],
    f: Callable[[Array], Array],
    expr: sp.Expr,
    variable: sp.Symbol,
    over: tuple[float, float],
) -> Curve:
    """The curve of f over the grid, cut where it jumps or has a pole."""
    y = np.array(f(grid))
    y[~np.isfinite(y)] = np.nan
    if not breaks:
        return Curve(grid, y, ())
    away = _BESIDE * (over[1] - over[0])
    at = np.asarray(breaks)
    left, further_left = f(at - away), f(at - 100 * away)
    right, further_right = f(at + away), f(at + 100 * away)
    jumps: list[Jump] = []
    xs: list[float] = []
    ys: list[float] = []
    start = 0
    for k, x in enumerate(breaks):
        before, after = _limit(left[k], further_left[k]), _limit(right[k], further_right[k])
        value = _value(expr, variable, x)
        if np.max(np.abs([before - value, after - value])) <= 1e-6 * (1 + abs(value)):
            continue  # a bend, or nothing at all
        here = int(np.searchsorted(grid, x))
        xs += [*grid[start:here], x, x, x]
        ys += [*y[start:here], before, np.nan, after]
        start = here + 1
        if np.isfinite([before, after, value]).all():
            jumps.append(Jump(x, before, after, value))
    cut = np.array([*ys, *y[start:]])
    cut[~np.isfinite(cut)] = np.nan
    return Curve(np.array([*xs, *grid[start:]]), cut, tuple(jumps))


def _within(value: Curve, slope: Curve) -> Curve:
    """A derivative, only where the function itself is a number: log has none left of 0."""
    known = np.isin(slope.x, value.x[np.isfinite(value.y)])
    return slope._replace(y=np.where(known, slope.y, np.nan))


def _limit(near: float, further: float) -> float:
    """A one-sided limit from two values beside it: infinite where they still differ much."""
    if not np.isfinite(near):
        return float("nan")
    return float(near) if abs(near - further) <= 1e-2 * (1 + abs(near)) else float("inf")


def _value(expr: sp.Expr, variable: sp.Symbol, x: float) -> float:
    """f(x), exactly where x is a short fraction: a tie in floating point need not be one."""
    near = Fraction(x).limit_denominator(1000)
    exact = sp.Rational(near.numerator, near.denominator) if float(near) == x else sp.Float(x, 30)
    found = v.plain(v.without_jumps(expr)).xreplace({variable: exact}).evalf(20)
    return float(found) if found.is_real and found.is_finite else float("nan")


def variable_of(expr: Any, parameters: Sequence[str]) -> sp.Symbol:
    """The one symbol of an expression that no parameter is named after."""
    free = [
        leaf.leaf.symbol
        for leaf in g.leaves([lift(as_expression(expr))])
        if keyword(leaf.name) not in parameters
    ]
    if len(free) != 1:
        names = ", ".join(map(str, free)) or "no symbol"
        raise UnsupportedError(
            f"the function {expr} depends on {names}; expected one variable, and a keyword with a "
            "number, or a list of numbers, for each other symbol, such as alpha=[0.5, 1, 2]."
        )
    return free[0]
