"""Backpropagation against numerical differentiation, as numbers (LECTURES E6).

Two questions. *How exact* is a difference quotient? Its error is truncation, which grows with the
step h (as h one-sided, as h² central), plus rounding, which grows as the step shrinks (as ε/h): at
best √ε or ε^(2/3) is left of double precision, where the derived gradient has all of it. *What
does it cost?* One evaluation of the loss a parameter, each O(|θ|): O(|θ|²), where backpropagation
is O(|θ|).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from symgrad.errors import DataError, UnsupportedError
from symgrad.functions import as_expression
from symgrad.plots.numbers import Array, Point, compiled
from symgrad.show.gradient import gradient
from symgrad.subject import Subject, symbols_of

EPSILON = 2.0**-53
"""Half a unit in the last place of 1, in double precision: the relative error of one rounding."""


class GradientErrors(NamedTuple):
    """Difference quotients along one direction of length 1, against the derived gradient.

    ``one_sided`` and ``central`` are absolute errors, one for each of ``steps``; ``derivative`` is
    the derived ∇L·d, ``loss`` the value at the point.
    """

    steps: Array
    one_sided: Array
    central: Array
    derivative: float
    loss: float


class GradientCosts(NamedTuple):
    """Multiply-adds for a whole gradient, at several sizes of one network.

    ``numerical`` is central differences: 2|θ| evaluations of the loss.
    """

    parameters: Array
    backpropagation: Array
    numerical: Array


def gradient_errors(
    loss: Any,
    wrt: Any,
    at: Mapping[Any, Any],
    steps: Sequence[float] | None = None,
    seed: int = 0,
) -> GradientErrors:
    """The errors of (L(θ + h·d) − L(θ))/h and of (L(θ + h·d) − L(θ − h·d))/2h.

    d is a random direction of length 1 in the space of all of ``wrt``.
    """
    subject = Subject(as_expression(loss), []).scalar()
    point = Point(subject.root, at)
    places = [point.position(s) for s in symbols_of(wrt)]
    derived = gradient(loss, [point.leaves[point.symbols[k]].leaf.symbol for k in places])
    slopes = point.values(derived.roots)
    rng = np.random.default_rng(seed)
    parts = [rng.standard_normal(point.arrays[k].shape) for k in places]
    length = np.sqrt(sum(float(np.sum(d**2)) for d in parts))
    direction = [d / length for d in parts]
    exact = sum(
        float(np.sum(np.reshape(slope, d.shape) * d))
        for slope, d in zip(slopes, direction, strict=True)
    )
    run = compiled(point.symbols, [subject.root])

    def value(h: float) -> float:
        arrays = list(point.arrays)
        for k, d in zip(places, direction, strict=True):
            arrays[k] = arrays[k] + h * d
        return float(run(*arrays)[0])

    tried = np.logspace(-14, 0, 57) if steps is None else np.asarray(list(steps), dtype=float)
    if tried.ndim != 1 or not tried.size or not (np.isfinite(tried) & (tried > 0)).all():
        raise DataError(f"the steps {steps} were given; expected numbers above 0.")
    here = value(0.0)
    ahead = np.array([value(h) for h in tried])
    behind = np.array([value(-h) for h in tried])
    return GradientErrors(
        tried,
        np.abs((ahead - here) / tried - exact),
        np.abs((ahead - behind) / (2 * tried) - exact),
        exact,
        here,
    )


def gradient_costs(loss: Any, wrt: Any, sizes: Mapping[str, Any]) -> GradientCosts:
    """Multiply-adds of both ways to a gradient; see `sg.plot_gradient_cost`."""
    cost = gradient(loss, wrt).cost()
    families = [name for name, x in sizes.items() if isinstance(x, Sequence | np.ndarray)]
    if len(families) != 1 or len(sizes[families[0]]) < 2:
        raise UnsupportedError(
            f"the sizes {dict(sizes)} were given; expected a number for each dimension, and a list "
            "of two or more for one of them, such as D=64, H=[16, 32, 64], C=10."
        )
    (varied,) = families
    rows = []
    for n in sizes[varied]:
        sized = cost.at({**sizes, varied: int(n)})
        amounts = (sized.parameters, sized.total.multiply_adds, sized.forward.multiply_adds)
        unknown = sorted({str(s) for x in amounts for s in x.free_symbols})
        if unknown:
            raise UnsupportedError(
                f"the cost depends on {', '.join(unknown)}; give each a number, such as "
                f"{unknown[0]}=10."
            )
        parameters, both, forward = (int(x) for x in amounts)
        rows.append((parameters, both, 2 * parameters * forward))
    columns = np.array(rows, dtype=float).T
    return GradientCosts(*columns)
