"""How far a computed function may be from the true one: the rows and the bound of the table test.

The bound is 4 units in the last place times the condition number of the formula *as printed*:
Σ |v·∂F/∂v| / |F| over the values v that the formula F reads, and at least 1. They are

- the argument t,
- in a derivative, the named value h = f(t): h(1 − h) is by contract computed from h, and an error
  of half a unit in h is no fault of the formula that reads it,
- for the same reason each function value, power and product in it, such as σ(t) and σ(t)·h in
  h + σ(t) − σ(t)·h: the terms that a sum adds up are rounded before they are added.

For a single function of t it is the usual |t·F′/F|. Where F is 0 the bound is absolute. Below the
smallest normal number there is no relative accuracy to be had, so that number is added.

The true values are mpmath's, at fifty digits and more, from the definitions of `oracle`; true
derivatives are numerical derivatives of the definition, and see nothing of symgrad.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from oracle import EXACT, scalar

import symgrad as sg
from symgrad import activations

DIGITS = 400
"""So that fifty are left of what cancels, and the smallest float64 has some."""
ULPS = 4
t = sp.Symbol("t", real=True)


def _typed(body: sp.Expr) -> Callable[[Any], Any]:
    """A function as a user types it in SymPy, of a scalar and of a matrix."""

    def function(x: Any) -> Any:
        if isinstance(x, sp.MatrixExpr):
            return x.applyfunc(sp.Lambda(t, body))
        return body.subs(t, x)

    return function


JUMPS = (sg.step, sg.sign)

ROWS: dict[str, Callable[[Any], Any]] = {
    **{f.__name__: f for f in activations.ELEMENTWISE if f not in JUMPS},
    "leaky_relu, 0.1": lambda x: sg.leaky_relu(x, 0.1),
    "elu, 2": lambda x: sg.elu(x, 2),
    "softplus, 3": lambda x: sg.softplus(x, 3),
    "swish, 2": lambda x: sg.swish(x, 2),
    "Max(0, t)": _typed(sp.Max(0, t)),
    "Max(t/10, t)": _typed(sp.Max(t / 10, t)),
    "Max(t, 1 - t)": _typed(sp.Max(t, 1 - t)),
    "Min(t, t**2)": _typed(sp.Min(t, t**2)),
    "Abs": _typed(sp.Abs(t)),
    "ELU by hand": _typed(sp.Piecewise((t, t > 0), (sp.exp(t) - 1, True))),
    "pieces": _typed(sp.Piecewise((t**2, (t > 0) & (t < 1)), (sp.log(-t), t < -1), (t, True))),
    "sinc": _typed(sp.sinc(t)),
    **{f.__name__: _typed(f(t)) for f in (sp.sech, sp.csch, sp.coth)},
    **{f.__name__: _typed(f(t)) for f in (sp.acot, sp.asec, sp.acsc, sp.acsch, sp.acoth)},
}
"""Every scalar function of one variable; a new row in `activations.ELEMENTWISE` is one here."""

SEED = np.random.default_rng(3)
POINTS = np.concatenate(
    [
        SEED.normal(size=10) * 2,
        SEED.uniform(-0.9, 0.9, 6),
        [0.001, -0.001, 2.0**-20, -(2.0**-20), 1.001, 0.999, -1.001, -0.999],
        [-5.5, 5.5, -20, 20, -80, 80, -1000, 1000],
    ]
).astype(np.float32)
"""Random points, both sides of kinks, and far out; the same numbers in both precisions."""


@dataclass(frozen=True)
class Truth:
    """A function, its derivative and its second one: true values and what may be asked for."""

    name: str

    @cached_property
    def formulas(self) -> list[sp.Expr]:
        """As printed, in t and h."""
        h = sg.let("h", ROWS[self.name](t))
        first = sg.gradient(h, t)[t]
        if not first.free_symbols:
            return [ROWS[self.name](t), first, sp.Integer(0)]
        loss = sg.let("first", first)
        second = sg.gradient(loss, t)[t].xreplace({loss: first})
        return [ROWS[self.name](t), first, second]

    @cached_property
    def slopes(self) -> list[list[tuple[sp.Expr, sp.Symbol, sp.Expr]]]:
        """Of each formula: a value v that it reads, the symbol for v, and ∂F/∂v."""
        return [[*self._slopes(formula)] for formula in self.formulas]

    @staticmethod
    def _slopes(formula: sp.Expr) -> Iterator[tuple[sp.Expr, sp.Symbol, sp.Expr]]:
        for s in formula.free_symbols:
            yield s, s, formula.diff(s)
        for part in formula.atoms(sp.Function, sp.Pow, sp.Mul) - {formula}:
            if not isinstance(part, sp.Piecewise):
                v = sp.Dummy("v", real=True)
                yield part, v, formula.xreplace({part: v}).diff(v)

    @cached_property
    def at(self) -> dict[float, list[tuple[Any, Any]]]:
        """(true value, Σ |v·∂F/∂v|) of each formula, at the points where all three are real."""
        found: dict[float, list[tuple[Any, Any]]] = {}
        with mpmath.workdps(DIGITS):
            for x in map(float, POINTS):
                try:
                    values = [
                        mpmath.diff(self._value, x, k) if k else self._value(x) for k in range(3)
                    ]
                    sizes = [self._sensitivity(slopes, x, values[0]) for slopes in self.slopes]
                except (ZeroDivisionError, ValueError):
                    continue
                if all(mpmath.isfinite(v) and mpmath.im(v) == 0 for v in values):
                    found[x] = [(mpmath.re(v), s) for v, s in zip(values, sizes, strict=True)]
        return found

    def _value(self, x: Any) -> Any:
        return scalar(self.formulas[0], {t: mpmath.mpf(x)}.get, EXACT)

    @staticmethod
    def _sensitivity(slopes: list[tuple[Any, Any, Any]], x: float, h: Any) -> Any:
        total = mpmath.mpf(0)
        for part, v, slope in slopes:
            read = part.free_symbols | slope.free_symbols
            bound = {s: mpmath.mpf(x) if s == t else h for s in read}
            value = scalar(part, bound.get, EXACT)
            total += abs(value * scalar(slope, {**bound, v: value}.get, EXACT))
        return total

    def points(self, dtype: str) -> np.ndarray:
        """Where the function and its derivatives are numbers of this type."""
        largest = float(np.finfo(dtype).max)
        kept = [x for x, found in self.at.items() if all(abs(v) < largest for v, _ in found)]
        return np.array(kept, dtype)

    def excess(self, k: int, x: float, computed: Any, dtype: str) -> float:
        """The error of the k-th derivative in units of what is allowed."""
        true, size = self.at[float(x)][k]
        info = np.finfo(dtype)
        with mpmath.workdps(DIGITS):
            unit = float(np.spacing(np.dtype(dtype).type(abs(float(true)))))
            allowed = ULPS * max(unit, float(info.eps) * float(size)) + float(info.tiny)
            return float(abs(mpmath.mpf(float(computed)) - true)) / allowed


def declared(name: str, x: Any) -> list[Any]:
    """f(x), its derivative and its second one at every entry of a vector."""
    value = sg.let("h", ROWS[name](x))
    total = sg.sum(value)
    first = sg.gradient(total, x)
    try:
        second = sg.gradient(sg.sum(first[x]), x)
    except sg.DerivativeError:  # the derivative is constant
        return [value, first, sp.ZeroMatrix(*x.shape)]
    return [value, first, second]
