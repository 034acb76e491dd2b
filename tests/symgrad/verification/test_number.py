"""Exact numbers: identities hold modulo primes, and what is no identity does not."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import pytest
import sympy as sp
from flint import ctx
from network_functions import bent
from sympy import Function, Piecewise, Rational, Symbol, cos, erf, exp, log, sin, sqrt, tanh

from symgrad.graph import slot
from symgrad.verification.arithmetic import arithmetic_of
from symgrad.verification.bodies import compiled, height, rooted, turns
from symgrad.verification.field import CIRCULAR, PLAIN
from symgrad.verification.number import Exact, Imprecise, NoRoot, Number, OutsideDomain, Retry
from symgrad.vocabulary import gelu, normal_pdf, relu, sigmoid, softplus, step, xlogx

x, y = slot(0), slot(1)
f = Function("f", real=True)
df = Function("f′", real=True)

EQUAL: dict[str, tuple[Any, Any]] = {
    "a difference of arguments": (sigmoid(x - y), exp(x) / (exp(x) + exp(y))),
    "half an exponent": (tanh(x / 2), 2 * sigmoid(x) - 1),
    "tanh by exponentials": (tanh(x), (exp(x) - exp(-x)) / (exp(x) + exp(-x))),
    "tanh by σ": (tanh(x), 2 * sigmoid(2 * x) - 1),
    "sech²": (1 - tanh(x) ** 2, sp.sech(x) ** 2),
    "σ′": (sigmoid(x) * (1 - sigmoid(x)), exp(-x) / (1 + exp(-x)) ** 2),
    "nested": (tanh(tanh(x) + tanh(y)), (exp(2 * (tanh(x) + tanh(y))) - 1)
               / (exp(2 * (tanh(x) + tanh(y))) + 1)),
    "softplus": (softplus(x), x + softplus(-x)),
    "log of a product": (log(sigmoid(x) * sigmoid(y)), log(sigmoid(x)) + log(sigmoid(y))),
    "log of a quotient": (log(exp(x) / (exp(x) + exp(y))), x - log(exp(x) + exp(y))),
    "log of a reciprocal": (log(1 + exp(-x)), -log(sigmoid(x))),
    "circle": (sin(x) ** 2 + cos(x) ** 2, sp.Integer(1)),
    "double angle": (sin(2 * x), 2 * sin(x) * cos(x)),
    "erf is odd": (erf(-x), -erf(x)),
    "density": (normal_pdf(x) ** 2 * 2 * sp.pi, exp(-(x**2))),
    "gelu": (gelu(x), x / 2 * (1 + erf(x / sqrt(2)))),
    "root of a product": (sqrt(2) * sqrt(3), sqrt(6)),
    "root of an exponential": (sqrt(exp(x)), exp(x / 2)),
    "relu by |x|": (relu(x), (x + sp.Abs(x)) / 2),
    "branches": (Piecewise((x, x > 0), (0, True)), x * step(x)),
    "x log x": (xlogx(sigmoid(x)), sigmoid(x) * log(sigmoid(x))),
    "unknown function": (f(x + y - y), f(x)),
    "a function that is defined by a sine": (bent(x), (x + sin(x)) / 3),
    "arccosine": (sp.acos(x) + sp.asin(x), sp.pi / 2),
    "acos of a negative": (sp.acos(-x), sp.pi - sp.acos(x)),
    "atanh": (sp.atanh(x), log((1 + x) / (1 - x)) / 2),
    "atanh of tanh": (sp.atanh(tanh(x)), x),
    "asinh": (sp.asinh(x), log(x + sqrt(1 + x**2))),
    "asinh of a negative": (sp.asinh(-x), -sp.asinh(x)),
    "acosh": (sp.acosh(1 + x), log(1 + x + sqrt(x**2 + 2 * x))),
    "root of a square": (sqrt((x - y) ** 2), sp.Abs(x - y)),
    "root of a reciprocal square": (1 / sqrt((x - y) ** 2), 1 / sp.Abs(y - x)),
    "root of a fourth power": (((x - y) ** 4) ** Rational(1, 4), sp.Abs(x - y)),
    "square of a root": (sqrt(x + y) ** 2, x + y),
    "cube root": ((x**3) ** Rational(1, 3), x),
    "cube root of a product": (
        (x * y) ** Rational(2, 3), x ** Rational(2, 3) * y ** Rational(2, 3)
    ),
    "sixth root": (x ** Rational(1, 6), sqrt(x ** Rational(1, 3))),
    "fifth and seventh root": ((x**7) ** Rational(3, 35), x ** Rational(3, 5)),
    "cube root and a turn": (
        (x * sin(x)) ** Rational(1, 3), x ** Rational(1, 3) * sin(x) ** Rational(1, 3)
    ),
    "a tie": (sp.Max(sigmoid(x), 1 - sigmoid(-x)), sigmoid(x)),
}  # fmt: skip

UNEQUAL: dict[str, tuple[Any, Any]] = {
    "sign": (exp(-x), exp(x)),
    "factor": (2 * tanh(x), tanh(x)),
    "σ for tanh": (tanh(x), sigmoid(x)),
    "argument": (tanh(x), tanh(y)),
    "log of a sum": (log(exp(x) + exp(y)), log(exp(x)) + log(exp(y))),
    "sine for cosine": (sin(x), cos(x)),
    "f for f′": (f(x), df(x)),
    "no derivative of f": (df(x), f(x) + 1),
    "erf": (erf(x), tanh(x)),
    "arccosine": (sp.acos(x), sp.asin(x)),
    "asinh": (sp.asinh(x), log(x + sqrt(2 + x**2))),
    "atanh": (sp.atanh(x), x),
    "root of a square": (sqrt((x - y) ** 2), x - y + sqrt(2) * (x + y)),
    "cube root": (x ** Rational(1, 3), x ** Rational(2, 3)),
}


def values(*bodies: Any, seed: int = 0, at: tuple[Fraction, ...] = ()) -> list[Number]:
    """Bodies at one point; another point where one has no root."""
    random = Random(seed)
    kind = CIRCULAR if any(map(turns, bodies)) else PLAIN
    for attempt in range(200):
        field = Exact(1 + max(map(height, bodies)), seed + attempt, kind)
        point = at or tuple(Fraction(random.randrange(1, 2**70), 2**70) for _ in range(2))
        operands = [field.rational(v) for v in point]
        try:
            return [compiled(sp.sympify(b))(operands, {}, arithmetic_of(field)) for b in bodies]
        except Imprecise:
            raise
        except Retry:
            if at:
                raise
    raise AssertionError("no point has all roots")


@pytest.mark.parametrize("name", EQUAL)
def test_identities_hold_exactly(name: str) -> None:
    for seed in range(3):
        with ctx.workprec(512):
            a, b = values(*EQUAL[name], seed=seed)
        assert a.residues
        assert all(p == q for p, q in zip(a.residues, b.residues, strict=False)), name
        assert a.ball.overlaps(b.ball)


@pytest.mark.parametrize("name", UNEQUAL)
def test_what_is_no_identity_is_seen(name: str) -> None:
    for seed in range(3):
        a, b = values(*UNEQUAL[name], seed=seed)
        assert a.residues[0] != b.residues[0]
        assert not a.ball.overlaps(b.ball)


def test_a_root_that_is_missing_deep_down_keeps_what_is_above_it() -> None:
    seen = set()
    for seed in range(60):
        field = Exact(4, seed)
        try:
            seen.add(len(field.rational(seed + 7).root(2).residues))
        except NoRoot:
            seen.add(0)
    assert seen == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("value", [-3, 3])
def test_the_root_of_a_square_has_the_sign_of_the_interval(value: int) -> None:
    for seed in range(8):
        u = Exact(2, seed).rational(value)
        assert (u * u).root(2).residues == u.field.rational(3).residues
        assert (u * u).inverse().root(2).residues == u.field.rational(Fraction(1, 3)).residues
        assert u.power(Fraction(4)).root(4).residues == u.field.rational(3).residues


def test_zero_by_residues_needs_a_tiny_ball() -> None:
    def difference() -> Number:
        (value,) = values(sigmoid(x) - 1 + sigmoid(-x), at=(Fraction(1),))
        return value

    with pytest.raises(Imprecise):
        difference().sign()
    with ctx.workprec(512):
        assert difference().sign() == 0
        close = values(sigmoid(x) - sigmoid(x + Rational(1, 2**300)), at=(Fraction(1),))[0]
        assert close.sign() < 0


def test_the_derivative_of_an_unknown_function_is_its_derivative() -> None:
    h, at = Fraction(1, 10**6), Fraction(1, 3)
    up, down = (float(values(f(x), at=(at + d,))[0].ball.mid()) for d in (h, -h))
    (slope,) = values(df(x), at=(at,))
    assert abs((up - down) / float(2 * h) - float(slope.ball.mid())) < 1e-6


@pytest.mark.parametrize(
    "body, at",
    [(log(x), -1), (sqrt(x), -2), (1 / x, 0), (log(x), 0), (sp.acosh(x), 0), (sp.atanh(x), 2)],
)
def test_outside_the_domain(body: Any, at: int) -> None:
    with pytest.raises(OutsideDomain):
        values(body, at=(Fraction(at),))


def test_a_sign_that_is_not_certain_is_not_guessed() -> None:
    (value,) = values(relu(exp(x) - exp(x) * (1 + Rational(1, 10**60))), at=(Fraction(-1),))
    assert value.ball.is_zero()
    with pytest.raises(Imprecise):
        values(step(tanh(x) - 1 + 2 / (exp(2 * x) + 1)), at=(Fraction(1),))


@pytest.mark.parametrize(
    "operation, expected",
    [
        (lambda a, b: a + b, Fraction(5, 6)),
        (lambda a, b: a - b, Fraction(1, 6)),
        (lambda a, b: a * b, Fraction(1, 6)),
        (lambda a, b: a / b, Fraction(3, 2)),
        (lambda a, b: a.power(Fraction(-3)), Fraction(8)),
    ],
)
def test_rational_arithmetic(
    operation: Callable[[Number, Number], Number], expected: Fraction
) -> None:
    field = Exact(2)
    got = operation(field.rational(Fraction(1, 2)), field.rational(Fraction(1, 3)))
    due = field.rational(expected)
    assert got.residues == due.residues
    assert got.ball.overlaps(due.ball)


@pytest.mark.parametrize(
    ("body", "has_roots", "has_turns"),
    [
        (x**2 / y, False, False),
        (sqrt(x + 1), True, False),
        (x ** Rational(-2, 3), True, False),
        (sp.asinh(x), True, False),
        (gelu(x), True, False),  # √2
        (bent(x), False, True),
        (f(x), False, False),
    ],
)
def test_what_a_body_needs(body: Any, has_roots: bool, has_turns: bool) -> None:
    assert (rooted(body), turns(body)) == (has_roots, has_turns)


def test_symbols_of_dimensions_have_their_sizes() -> None:
    n = Symbol("n", integer=True, positive=True)
    field = Exact(1)
    run = compiled(x**n / n)
    got = run([field.rational(3)], {n: 2}, arithmetic_of(field))
    assert got.residues == field.rational(Fraction(9, 2)).residues
