"""Layer normalisation, batch normalisation and dropout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from symgrad import graph as g
from symgrad.errors import DeclarationError, ShapeError
from symgrad.functions import as_expression
from symgrad.lift import lift
from symgrad.listing import shape_text
from symgrad.spaces import Factor, Space, axes_of, full_shape, operand, scaled, shape_of
from symgrad.symbols import call

EPSILON = sp.Rational(1, 100_000)
"""What is added to a variance unless told otherwise, as in PyTorch."""


def layer_norm(
    x: Any, gamma: Any = None, beta: Any = None, *, eps: Any = EPSILON, name: str | None = None
) -> Any:
    """γ ⊙ (x − μ)/√(v + ε) + β with the mean μ and the variance v of the entries of x.

    x has n entries, or is T×n and each row is normalised; γ and β have n entries (1 and 0 unless
    given). v is the mean square, not divided by n − 1, as in PyTorch (Ba et al. 2016). With a
    ``name`` the mean μ, r = 1/√(v + ε) and x̂ = r·(x − μ) are named so, with that name behind.
    """
    x = as_expression(x)
    letters = "d" if len(shape_of(x)) == 1 else "td"
    return _normalised(layer_norm, x, gamma, beta, eps, letters, "d", name)


def batch_norm(
    X: Any, gamma: Any = None, beta: Any = None, *, eps: Any = EPSILON, name: str | None = None
) -> Any:
    """γ ⊙ (X − μ)/√(v + ε) + β with the mean μ and variance v of each column of X, N×n.

    The rows are the examples of one batch, so this needs the whole batch: declare X with N rows,
    without sg.empirical_risk. This is the form for training (Ioffe and Szegedy 2015). ``name`` is
    as in `layer_norm`.
    """
    X = operand(X, 2, "batch_norm", "examples×features")
    return _normalised(batch_norm, X, gamma, beta, eps, "td", "t", name)


def _normalised(
    function: Callable[..., Any],
    x: Any,
    gamma: Any,
    beta: Any,
    eps: Any,
    letters: str,
    over: str,
    name: str | None,
) -> Any:
    what = function.__name__
    x = operand(x, len(letters), what, "of features, or rows×features")
    space = Space()
    space.extents.update(zip(letters, full_shape(x, len(letters)), strict=True))
    n = space.extents[over]
    kept = letters.replace(over, "")
    value = Factor(lift(x), letters)

    def named(prefix: str, node: g.Node, letters: str) -> Factor:
        return Factor(node if name is None else g.named(prefix + name, node), letters)

    mean = named("μ", scaled(1 / sp.sympify(n), space.product(kept, value)), kept)
    centred = Factor(space.total(letters, (1, value), (-1, mean)), letters)
    square = Factor(space.product(kept, centred, centred), kept)
    one = Factor(g.const(1), "")
    variance = space.total(kept, (1 / sp.sympify(n), square), (sp.sympify(eps), one))
    body = g.slot(0) ** sp.Rational(-1, 2)
    inverse = named("r", g.apply(body, [(variance, axes_of(variance))], variance.shape), kept)
    factors = [named("x̂", space.product(letters, centred, inverse), letters)]
    operands = [x]
    if gamma is not None:
        gamma = operand(gamma, 1, what, "of one scale a feature")
        factors.append(space.seen(gamma, letters[-1]))
        operands.append(gamma)
    node = space.product(letters, *factors)
    if beta is not None:
        beta = operand(beta, 1, what, "of one shift a feature")
        shift = space.seen(beta, letters[-1])
        node = space.total(letters, (1, Factor(node, letters)), (1, shift))
        operands.append(beta)
    options = {"eps": eps, "name": name}
    return call(function, tuple(operands), node, tuple(space.extents[i] for i in letters), options)


def dropout(x: Any, mask: Any) -> Any:
    """x ⊙ mask/(1 − rate), with a mask of zeros and ones that is drawn anew for every step.

    The mask is data, declared with ``sg.mask("m", n, rate=0.5)``. Dividing keeps the mean, so
    nothing changes at test time (Srivastava et al. 2014); ``sg.harden`` takes the mask out.
    """
    x, mask = as_expression(x), as_expression(mask)
    a, m = lift(x), lift(mask)
    facts = m.leaf.facts if m.kind is g.Kind.LEAF else frozenset()
    rate = next((fact.value for fact in facts if fact.name == "mask"), None)
    if rate is None:
        raise DeclarationError(
            f"dropout was given the mask {mask}, which is not declared as one; use "
            'sg.mask("m", n, rate=0.5).'
        )
    if shape_of(x) != shape_of(mask):
        raise ShapeError(
            f"dropout hides entries of {x}, which is {shape_text(shape_of(x))}, with {mask}, which "
            f"is {shape_text(shape_of(mask))}; declare the mask with the shape of what it hides."
        )
    kept = scaled(1 / (1 - rate), g.product([(a, axes_of(a)), (m, axes_of(m))], a.shape))
    return call(dropout, (x, mask), kept, shape_of(x))
