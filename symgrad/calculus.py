"""The shortest form of a scalar derivative, in terms of values that are computed anyway.

Why it exists: σ′ = h(1 − h) is known for σ because somebody wrote it down. For the body of any
other map, f, this module finds such a form by algebra: differentiate, bring over one denominator,
cancel, factor, eliminate one function of t through h = f(t), and keep what costs least when t, h
and every part of f(t) are there already. atan(sinh t) gets 1/cosh t, t/(1 + |t|) gets
1/(1 + |t|)², e^t − 1 gets h + 1.

A form is only believed if it equals f′ at points, to thirty digits, and if it is finite and of the
right size in floating point at ±1000, where f′ as SymPy writes it may be ∞/∞.

In: a body over ``slot(0), slot(1), …`` and the number of the slot to differentiate by. Out: an
expression in the same slots, parts of the body, and `OUTPUT` for the value of the body.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import TypeAlias

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from symgrad.graph import slot
from symgrad.vocabulary import absolute, plain, signum, step

Cost: TypeAlias = "tuple[bool, int, bool, int, int, int]"

OUTPUT: sp.Symbol = sp.Dummy("h", dummy_index=-1_000_000, real=True)
"""The value of the body, in the form that `shortest` finds."""

_LARGEST_BODY = 24
"""Operations; above, the derivative stays as SymPy writes it."""
_LARGEST_TRIGONOMETRY = 14
"""Operations of a derivative that SymPy's trigonometric simplifier, the slow one, may look at."""

_POINTS = ("-1.7", "-0.6", "0.3", "0.9", "2.3")
_EXTREMES = (-1000.0, -40.0, 0.0, 40.0, 1000.0)
_PARAMETERS = ("0.7", "1.3", "0.4", "1.9")

_HYPERBOLIC = (sp.sinh, sp.cosh, sp.tanh, sp.sin, sp.cos, sp.tan, sp.cot, sp.sec, sp.csc)


@lru_cache(maxsize=4096)
def shortest(body: sp.Expr, k: int, derivative: sp.Expr) -> sp.Expr:
    """``derivative``, which is ∂body/∂slot(k), or a cheaper form, or one that stays finite."""
    t = slot(k)
    if body.has(AppliedUndef):
        return derivative  # of an unknown function there are no numbers to judge by
    if isinstance(body, sp.Piecewise):
        branches = [(shortest(e, k, e.diff(t)), condition) for e, condition in body.args]
        return sp.Piecewise(*branches)
    if body.count_ops() > _LARGEST_BODY or derivative.count_ops() > 3 * _LARGEST_BODY:
        return derivative
    if body.has(sp.Piecewise) or derivative.has(sp.Piecewise, sp.Derivative, sp.Subs):
        return derivative
    known = _parts(body)
    judge = _Judge(body, t, derivative)
    cost = judge.cost(derivative, known)
    for form in sorted(set(_forms(body, t, derivative)), key=lambda e: judge.cost(e, known)):
        price = judge.cost(form, known)
        if not _is_gain(price, cost):
            break
        if judge.believes(form):
            return form
    return derivative


@lru_cache(maxsize=4096)
def overflows(body: sp.Expr, k: int, derivative: sp.Expr) -> bool:
    """Whether ``derivative``, which is ∂body/∂slot(k), goes wrong in floating point far out."""
    if body.has(AppliedUndef):
        return False
    return not _Judge(body, slot(k), derivative).finite(derivative)


def _is_gain(new: Cost, old: Cost) -> bool:
    """Finite where the old form is not; no more operations, with h; or two fewer, without."""
    if new[0] != old[0]:
        return old[0]
    return new[1] + (2 if new[2] else 0) <= old[1]


# ---------------------------------------------------------------------------------- candidates


def _forms(body: sp.Expr, t: sp.Symbol, derivative: sp.Expr) -> Iterator[sp.Expr]:
    """Equal forms of ``derivative``, some of them with OUTPUT for the body."""
    signs_gone = derivative.replace(signum, lambda u: absolute(u) / u)
    sines_gone = derivative.replace(sp.sinh, lambda u: sp.tanh(u) * sp.cosh(u))
    for start in dict.fromkeys([derivative, signs_gone, sines_gone]):
        yield from _algebraic(start)
        if not body.is_Symbol:
            yield from _algebraic(start.subs(body, OUTPUT), [OUTPUT])
        if _is_worth_simplifying(start):
            yield from _algebraic(sp.simplify(start))
        yield from _eliminated(body, t, start)


def _is_worth_simplifying(e: sp.Expr) -> bool:
    """Whether identities between functions or roots may help, and the form is short enough."""
    roots = any(x.exp.is_Rational and not x.exp.is_Integer for x in e.atoms(sp.Pow))
    return bool((roots or e.has(*_HYPERBOLIC)) and e.count_ops() <= _LARGEST_TRIGONOMETRY)


def _algebraic(e: sp.Expr, collected: Iterable[sp.Expr] = ()) -> Iterator[sp.Expr]:
    """``e`` over one denominator, cancelled, factored, expanded, collected."""
    symbols, back = _generators(e)
    flat = e.xreplace(symbols)
    if not flat.is_rational_function(*flat.free_symbols):
        yield e
        return
    together = sp.cancel(sp.together(flat))
    forms = [together, sp.factor(together), sp.expand(together)]
    forms += [sp.collect(forms[-1], g) for g in [*back, *collected]]
    for form in forms:
        yield _signed(form).xreplace(back)


def _signed(e: sp.Expr) -> sp.Expr:
    """−a·(b − 1) as a·(1 − b)."""
    sums = [x for x in e.args if x.is_Add and x.has(-1)] if e.is_Mul else []
    if not sums or not e.could_extract_minus_sign():
        return e
    rest = sp.Mul(*[x for x in e.args if x is not sums[0]])
    return -rest * sp.Add(*[-x for x in sums[0].args])


def _generators(e: sp.Expr) -> tuple[dict[sp.Expr, sp.Expr], dict[sp.Expr, sp.Expr]]:
    """A symbol for each function and each root in ``e``, so that ``e`` is rational in them.

    exp(2t) is the square of the symbol for exp(t). Returns what to replace, and the way back.
    """
    found = sorted(
        (x for x in e.atoms(sp.Function, sp.Pow) if not (x.is_Pow and x.exp.is_Integer)),
        key=lambda x: (-_inner(x), abs(x.args[0].as_coeff_Mul()[0]), sp.default_sort_key(x)),
    )
    symbols: dict[sp.Expr, sp.Expr] = {}
    back: dict[sp.Expr, sp.Expr] = {}
    for x in found:
        known = (y for y in back.values() if isinstance(x, sp.exp) and isinstance(y, sp.exp))
        powers = ((x.args[0] / y.args[0], symbols[y]) for y in known)
        power = next((s**n for n, s in powers if n.is_Integer), None)
        if power is None:
            power = sp.Dummy(f"g{len(back)}", real=True)
            back[power] = x
        symbols[x] = power
    return symbols, back


def _inner(x: sp.Expr) -> int:
    """Functions of functions are replaced before what is inside them."""
    return len(x.atoms(sp.Function, sp.Pow))


def _eliminated(body: sp.Expr, t: sp.Symbol, derivative: sp.Expr) -> Iterator[sp.Expr]:
    """``derivative`` with one generator of h = f(t) replaced by what h says that it is."""
    symbols, back = _generators(body + derivative)
    flat_body, flat = body.xreplace(symbols), derivative.xreplace(symbols)
    everything = [*sorted(flat_body.free_symbols, key=str)]
    if not flat_body.is_rational_function(*everything) or not flat.is_rational_function(
        *flat.free_symbols
    ):
        return
    above, below = sp.fraction(sp.together(flat_body))
    relation = sp.expand(OUTPUT * below - above)
    for generator in everything:
        if sp.degree(relation, generator) != 1:
            continue
        slope = relation.coeff(generator, 1)
        value = -relation.coeff(generator, 0) / slope
        if generator != t and value.has(generator):
            continue
        others = [x for x in everything if x not in (generator, t)]
        for form in _algebraic(flat.xreplace({generator: value}), [OUTPUT, *others]):
            result = form.xreplace(back)
            if result.has(OUTPUT):
                yield result


# --------------------------------------------------------------------------------------- judging


def _parts(body: sp.Expr) -> frozenset[sp.Expr]:
    """What the forward pass has computed: every part of the body, and the body as OUTPUT."""
    return frozenset({OUTPUT, *sp.preorder_traversal(body)})


_FUNCTION_COST = 3


class _Judge:
    """Compares forms of one derivative: what they cost, and whether they are right."""

    def __init__(self, body: sp.Expr, t: sp.Symbol, derivative: sp.Expr) -> None:
        self.body, self.t, self.derivative = body, t, derivative
        parameters = sorted(body.free_symbols - {t}, key=lambda s: str(s.name))
        self.parameters = dict(zip(parameters, map(sp.Float, _PARAMETERS), strict=False))
        self.exact = plain(derivative)
        self.slow = self.exact.atoms(sp.erf, sp.erfc)  # mpmath takes minutes far out
        self._finite: dict[sp.Expr, bool] = {}

    def cost(self, e: sp.Expr, known: frozenset[sp.Expr]) -> Cost:
        """Whether it overflows, operations beyond what is known, whether it is without h, length.

        A form with h in it is one that a reader remembers.
        """
        uses = sum(x == OUTPUT for x in sp.preorder_traversal(e))
        terms = len(sp.Add.make_args(e))
        operations = _operations(e, known)
        return not self.finite(e), operations, not uses, terms, e.count_ops(), -uses

    def believes(self, form: sp.Expr) -> bool:
        """Whether ``form`` equals the derivative at points, to thirty digits."""
        full = plain(form.xreplace({OUTPUT: self.body}))
        compared = 0
        for at, a in self._true:
            b = self._exact_at(full, at)
            if b is None or abs(a - b) > 1e-25 * (1 + abs(a)):
                return False
            compared += 1
        return compared >= 2

    @cached_property
    def _true(self) -> list[tuple[dict[sp.Symbol, sp.Expr], sp.Expr]]:
        """Points, and the derivative there, where it is a number."""
        points = [{self.t: sp.Float(point, 40), **self.parameters} for point in _POINTS]
        values = [(at, self._exact_at(self.exact, at)) for at in points]
        return [(at, value) for at, value in values if value is not None]

    @staticmethod
    def _exact_at(e: sp.Expr, at: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr | None:
        """The value to thirty digits; None where it is not a real number, or is far too large."""
        try:
            if _is_immense(e, at):
                return None
            value = e.xreplace(dict(at)).evalf(35, maxn=1500)
        except TypeError:  # SymPy does not compare complex numbers: a case of log(t) > 0 at t < 0
            return None
        return value if value.is_real and value.is_finite and value.is_number else None

    def _is_far(self, at: Mapping[sp.Symbol, sp.Expr]) -> bool:
        """Whether an error function would be evaluated where its exact value takes too long."""
        sizes = [sp.Abs(x.args[0].xreplace(dict(at))).evalf(5) for x in self.slow]
        return not all(size.is_comparable and size <= 50 for size in sizes)

    def finite(self, form: sp.Expr) -> bool:
        """Whether floating point agrees with the true value far out and at 0."""
        if form not in self._finite:
            self._finite[form] = self._agrees(form)
        return self._finite[form]

    def _agrees(self, form: sp.Expr) -> bool:
        for values, true in self._far_out:
            tolerance = 1e-8 * abs(true) if abs(true) > 1e-12 else 1e-17
            if not abs(ieee(form, values) - true) <= tolerance:
                return False
        return True

    @cached_property
    def _far_out(self) -> list[tuple[dict[sp.Expr, float], float]]:
        """Values at the points far out and at 0, and the derivative there, where it is finite."""
        found: list[tuple[dict[sp.Expr, float], float]] = []
        floats = {s: float(v) for s, v in self.parameters.items()}
        for point in _EXTREMES:
            at = {self.t: sp.Float(point, 40), **self.parameters}
            true = None if self._is_far(at) else self._exact_at(self.exact, at)
            if true is not None and math.isfinite(float(true)):
                values: dict[sp.Expr, float] = {**floats, self.t: point}
                values[OUTPUT] = ieee(self.body, values)
                found.append((values, float(true)))
        return found


def _is_immense(e: sp.Expr, at: Mapping[sp.Symbol, sp.Expr]) -> bool:
    """Whether the exponential of a number of more than `_MOST_BITS` bits is taken, as in e^e^e^x.

    It has as many bits in its exponent, which no memory holds if there are exponentials above it.
    """
    for x in sp.postorder_traversal(e):  # the innermost first, so that each argument is safe
        if isinstance(x, (sp.exp, *_HYPERBOLIC)) and x.args[0].has(sp.exp, *_HYPERBOLIC):
            size = sp.Abs(x.args[0].xreplace(dict(at))).evalf(5)
            if size.is_Float and size > 2**_MOST_BITS:
                return True
    return False


_MOST_BITS = 20_000


def _operations(e: sp.Expr, known: frozenset[sp.Expr]) -> int:
    """Operations of ``e`` beyond ``known``; a function counts 3, equal parts count once."""
    seen: set[sp.Expr] = set()
    total = 0
    stack = [e]
    while stack:
        x = stack.pop()
        if x in known or x in seen or x.is_Atom:
            continue
        seen.add(x)
        if x.is_Pow and x.exp.is_Integer and x.exp < -1 and 1 / x.base in known:
            total += _power_cost(-x.exp)
            continue
        stack.extend(x.args)
        if x.is_Add:
            total += len(x.args) - 1
        elif x.is_Mul:
            total += len([a for a in x.args if a != -1]) - 1
        elif x.is_Pow:
            total += _power_cost(x.exp)
        else:
            total += _FUNCTION_COST
    return total


def _power_cost(n: sp.Expr) -> int:
    if n.is_Integer:
        return max(abs(int(n)) - 1, 0) + bool(n < 0) if abs(n) <= 4 else _FUNCTION_COST
    return 2 if n == sp.Rational(1, 2) else _FUNCTION_COST


# --------------------------------------------------------------------------- floating point


def _guarded(f: Callable[[float], float], overflow: float) -> Callable[[float], float]:
    def call(x: float) -> float:
        try:
            return f(x)
        except OverflowError:
            return overflow if x > 0 or f is math.cosh else -overflow
        except ValueError:
            return math.nan

    return call


def _exp(x: float) -> float:
    return math.exp(x) if x < 709 else math.inf


_FLOAT: dict[type[sp.Basic], Callable[[float], float]] = {
    sp.exp: _exp,
    sp.log: lambda x: math.log(x) if x > 0 else (-math.inf if x == 0 else math.nan),
    sp.sin: _guarded(math.sin, math.nan),
    sp.cos: _guarded(math.cos, math.nan),
    sp.tan: _guarded(math.tan, math.nan),
    sp.sinh: _guarded(math.sinh, math.inf),
    sp.cosh: _guarded(math.cosh, math.inf),
    sp.tanh: math.tanh,
    sp.atan: math.atan,
    sp.asinh: math.asinh,
    absolute: abs,
    signum: lambda x: float(x > 0) - float(x < 0),
    step: lambda x: float(x > 0),
}
"""How the functions of a body behave in floating point; others are evaluated exactly."""


def ieee(e: sp.Expr, values: Mapping[sp.Expr, float]) -> float:
    """``e`` in floating point, operation by operation, infinities and NaN included."""
    if e in values:
        return values[e]
    if e.is_number:
        return float(e)
    if isinstance(e, sp.Piecewise):
        return next((ieee(x, values) for x, c in e.args if _holds(c, values)), math.nan)
    parts = [ieee(x, values) for x in e.args]
    if e.is_Add:
        return sum(parts)
    if e.is_Mul:
        return math.prod(parts)
    if e.is_Pow:
        return _float_power(*parts)
    known = _FLOAT.get(e.func)
    if known is not None:
        return known(*parts)
    if not all(map(math.isfinite, parts)):
        return math.nan
    exact = plain(e.func(*map(sp.Float, parts))).evalf(20, maxn=1500)
    return float(exact) if exact.is_real else math.nan


def _holds(condition: sp.Basic, values: Mapping[sp.Expr, float]) -> bool:
    """Whether a condition holds in floating point; a comparison with NaN does not."""
    if isinstance(condition, Relational):
        numbers = [ieee(x, values) for x in condition.args]
        return not any(map(math.isnan, numbers)) and bool(condition.func(*map(sp.Float, numbers)))
    if condition in (sp.true, sp.false):
        return condition is sp.true
    return bool(condition.func(*(sp.sympify(_holds(c, values)) for c in condition.args)))


def _float_power(base: float, n: float) -> float:
    try:
        value = base**n
    except OverflowError:
        return math.inf
    except ZeroDivisionError:
        return math.inf
    return value if isinstance(value, float) else math.nan
