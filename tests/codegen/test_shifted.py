"""−log softmax by shifted scores: as exact at scores of 1000 as at scores of 1.

The oracle is mpmath on the inputs as they are rounded to the dtype. In y·log p the factors are
rounded too, so an error is measured in units of the last place of the result, a sum of terms of
one sign; a divergence, a difference of sums, in those of its largest part.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest
import sympy as sp
from sympy import IndexedBase, MatrixSymbol, Sum, exp, log

import symgrad as sg

C, D, N = sp.symbols("C D N", integer=True, positive=True)
k = sp.symbols("k", integer=True)
TARGETS = ("numpy", "numba")
ULPS = 4


def less_log_softmax(z: np.ndarray) -> list[Any]:
    """log Σ exp z − z, entry by entry, at the working precision."""
    scores = [mpmath.mpf(float(x)) for x in z]
    total = mpmath.log(mpmath.fsum(mpmath.exp(x) for x in scores))
    return [total - x for x in scores]


def expected(z: np.ndarray, y: np.ndarray) -> Any:
    """−Σ y log softmax z."""
    pairs = zip(y, less_log_softmax(z), strict=True)
    return mpmath.fsum(mpmath.mpf(float(a)) * b for a, b in pairs)


def negative_entropy(y: np.ndarray) -> Any:
    """Σ y log y."""
    return mpmath.fsum(mpmath.mpf(float(a)) * mpmath.log(float(a)) for a in y if a)


class Case(NamedTuple):
    """A loss of the scores z, its inputs besides, and what is true; ``parts`` are what it adds."""

    build: Callable[[Any, Any], Any]
    other: Callable[[Any], Any] | None
    true: Callable[[np.ndarray, Any], Any]
    parts: Callable[[np.ndarray, Any], Any] | None = None


def plain(n: Any) -> Any:
    """A target that nothing is known of."""
    return MatrixSymbol("y", n, 1)


def simplex(n: Any) -> Any:
    return sg.simplex("y", n)


def one_hot(n: Any) -> Any:
    return sg.assume(MatrixSymbol("y", n, 1), "one-hot")


def label(n: Any) -> Any:
    return sg.label("c", n)


def by_primitives(z: Any, _: Any) -> Any:
    """−log (exp z₁ / Σ exp z), by index."""
    s = IndexedBase(z.name, shape=(z.shape[0],))
    return -log(exp(s[1]) / Sum(exp(s[k]), (k, 0, z.shape[0] - 1)))


def cross_entropy(z: Any, y: Any) -> Any:
    return sg.cross_entropy(sg.softmax(z), y)


CASES = {
    "label": Case(cross_entropy, label, lambda z, c: less_log_softmax(z)[c]),
    "simplex": Case(cross_entropy, simplex, expected),
    "no fact": Case(cross_entropy, plain, expected),
    "less the scores": Case(lambda z, y: sg.logsumexp(z) - sp.Trace(y.T * z), simplex, expected),
    "primitives": Case(by_primitives, None, lambda z, _: less_log_softmax(z)[1]),
    "log softmax": Case(
        lambda z, _: sg.log(sg.softmax(z)), None, lambda z, _: [-x for x in less_log_softmax(z)]
    ),
    "divergence": Case(
        lambda z, y: sg.kl_divergence(y, sg.softmax(z)),
        simplex,
        lambda z, y: negative_entropy(y) + expected(z, y),
        expected,
    ),
}


def points() -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    fixed = [[1000.0, 999.0, -1000.0], [-1000.0, 1000.0, 999.0], [1000.0, 1000.0, 1000.0]]
    return [np.array(x) for x in fixed] + [rng.normal(size=3) + 1000 for _ in range(4)]


def instances() -> list[Any]:
    """Every combination; of the compiled ones those where extent and dtype differ, and no more."""
    rows = itertools.product(CASES, {"C": C, "3": 3}.items(), TARGETS, ("float64", "float32"))
    return [
        pytest.param(
            *(case, extent, target, dtype),
            id=f"{case}-{name}-{target}-{dtype}",
            marks=[pytest.mark.slow] * (target == "numba" and (name, dtype) not in COMPILED),
        )
        for case, (name, extent), target, dtype in rows
    ]


COMPILED = (("C", "float64"), ("3", "float32"))


@pytest.mark.parametrize(("case", "extent", "target", "dtype"), instances())
def test_exact_at_large_scores(case: str, extent: Any, target: str, dtype: str) -> None:
    build, other, true, parts = CASES[case]
    z = MatrixSymbol("z", extent, 1)
    y = other(extent) if other else None
    inputs = [z] if y is None else [z, y]
    f = sg.function(inputs, build(z, y), target=target, dtype=dtype)
    targets: list[Any] = [np.array([0.25, 0.5, 0.25], dtype), np.array([0.5, 0.0, 0.5], dtype)]
    if other is label:
        targets = [0, 1, 2]
    for point in points():
        scores = point.astype(dtype)
        for at in targets:
            found = np.atleast_1d(f(scores, *([] if y is None else [at])))
            with mpmath.workdps(700):
                exact = true(scores, at)
                sizes = parts(scores, at) if parts else exact
                exact, sizes = (x if isinstance(x, list) else [x] for x in (exact, sizes))
                for a, b, size in zip(found, exact, sizes, strict=True):
                    # where p rounds to 1, the logarithm of a sum that rounds to 1 is 0
                    unit = np.finfo(dtype).eps * max(abs(size), mpmath.mpf(0.1))
                    assert abs(mpmath.mpf(float(a)) - b) <= ULPS * unit, (point, at)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("make", [label, simplex, one_hot, plain])
def test_exact_in_an_empirical_risk(make: Callable[[Any], Any], target: str) -> None:
    x, W = MatrixSymbol("x", D, 1), MatrixSymbol("W", C, D)
    y = make(C)
    loss = sg.empirical_risk(cross_entropy(sg.let("z", W * x), y), data=[x, y])
    f = sg.function([x, W, y], [loss, sg.gradient(loss, W)], target=target)
    rng = np.random.default_rng(2)
    X, weights = np.eye(4), rng.normal(size=(3, 4)) + 1000  # so that z is exactly W's columns
    classes = np.array([2, 0, 1, 1])
    Y = np.eye(3)[classes]
    value, gradient = f(X, weights, classes if make is label else Y)
    with mpmath.workdps(60):
        losses = [expected(z, row) for z, row in zip(weights.T, Y, strict=True)]
        true = mpmath.fsum(losses) / 4
        assert abs(value - true) <= ULPS * np.finfo(float).eps * true
    e = np.exp(weights - weights.max(axis=0))
    np.testing.assert_allclose(gradient, (e / e.sum(axis=0) - Y.T) / 4, atol=1e-15)


def test_nothing_cancels_where_the_sum_is_not_known_to_be_one() -> None:
    """logsumexp z − yᵀz has Σ y = 1 for a simplex alone: with twice that, it is no loss of p."""
    z, y = MatrixSymbol("z", C, 1), plain(C)
    f = sg.function([z, y], sg.logsumexp(z) - sp.Trace(y.T * z))
    scores, doubled = np.array([1.0, 2.0, 4.0]), np.array([2.0, 0.0, 0.0])
    assert abs(f(scores, doubled) - (np.log(np.exp(scores).sum()) - 2)) < 1e-14


@pytest.mark.parametrize("weights", [(1, -2), (2, -1), (1, 1)])
def test_other_weights_cancel_nothing(weights: tuple[int, int]) -> None:
    z = MatrixSymbol("z", C, 1)
    a, b = weights
    f = sg.function([z], a * sg.logsumexp(z) + b * z[0, 0])
    scores = np.array([1.0, 2.0, 4.0])
    assert abs(f(scores) - (a * np.log(np.exp(scores).sum()) + b)) < 1e-14


def test_the_scores_of_another_cancel_nothing() -> None:
    a, b = MatrixSymbol("a", C, 1), MatrixSymbol("b", C, 1)
    f = sg.function([a, b], [sg.logsumexp(a) - b[1, 0], sg.logsumexp(a) - a[1, 0]])
    scores = np.array([1.0, 2.0, 4.0])
    whole = np.log(np.exp(scores).sum())
    np.testing.assert_allclose(f(scores, scores + 1), [whole - 3, whole - 2], rtol=1e-14)


def test_an_absorbed_sum_is_shifted_too() -> None:
    """a + b − logsumexp(a + b) is one sum of three terms; it is t − log Σ exp t all the same."""
    a, b, c = MatrixSymbol("a", C, 1), MatrixSymbol("b", C, 1), label(C)
    p = sg.softmax(a + b)
    f = sg.function([a, b, c], [p, sg.log(p), sg.cross_entropy(p, c)])
    assert f.source.count("np.exp(") == 1  # p is e/Σe
    scores, more = np.array([999.0, 998.5, 0.25]), np.array([1.0, 0.125, -2.0])
    found = f(scores, more, 1)
    with mpmath.workdps(700):
        less = less_log_softmax(scores + more)
        np.testing.assert_allclose(found[0], [float(mpmath.exp(-x)) for x in less], rtol=1e-15)
        np.testing.assert_allclose(found[1], [-float(x) for x in less], rtol=1e-15)
        np.testing.assert_allclose(found[2], float(less[1]), rtol=1e-15)


def test_a_class_is_picked_from_the_scores() -> None:
    """z[c] − m, and no array of all z − m that outlives the exponentials."""
    f = sg.function([z := MatrixSymbol("z", C, 1), c := sg.label("c", C)], cross_entropy(z, c))
    assert "- (z[c] - z_max)" in f.source


def test_a_training_step_makes_no_more_passes() -> None:
    """One loop over the classes for the exponentials and for Σ y·(z − m)."""
    x, W, y = MatrixSymbol("x", D, 1), MatrixSymbol("W", C, D), simplex(C)
    loss = sg.empirical_risk(sg.let("L", cross_entropy(sg.let("z", W * x), y)), data=[x, y])
    f = sg.function([x, W, y], [loss, sg.gradient(loss, W)], target="numba")
    loop = f.source.split("exp_f64(t")[-1].split("for ")[0]
    assert "* y[i, j]" in loop
