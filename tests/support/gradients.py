"""One call that checks a gradient along every road there is.

For each symbol, the numbers of four things have to agree: the declaration differentiated
numerically, the gradient's graph read literally, the SymPy expression ``d[symbol]`` and
``d.closed_form(symbol)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp
from interpreter import interpret
from oracle import COMPLEX, Net, complex_step, converted, point, second_difference, value
from sympy.matrices.expressions.matexpr import MatrixExpr

import symgrad as sg
from symgrad import graph as g
from symgrad.simplify import computing, strip_names

RTOL, ATOL = 1e-9, 1e-11


def check_gradient(
    loss: Any,
    wrt: Sequence[Any],
    net: Net,
    leaves: Sequence[Any],
    seed: int = 0,
    env: Mapping[str, Any] | None = None,
    closed_form: bool = True,
) -> sg.Derivation:
    """Compare all roads at one random point; returns the derivation for further questions."""
    env = point(leaves, net, seed) if env is None else env
    d = sg.gradient(loss, list(wrt))
    g.validate(d.roots)
    numbers = converted(env, COMPLEX)
    shown = net.with_adjoints(d)
    computed = computing(d.roots)
    for k, symbol in enumerate(d.wrt):
        if symbol.name in net.definitions:
            inner, at = _variable(net, symbol, numbers)
        else:
            inner, at = net, dict(numbers)
        expected = np.asarray(complex_step(loss, symbol.name, inner, at))
        roads = {
            "graph": interpret([d.roots[k]], net, env)[0],
            "computing form": interpret([computed[k]], net, env)[0],
            "d[symbol]": value(d[symbol], shown, numbers),
        }
        if closed_form:
            roads["closed form"] = value(d.closed_form(symbol), Net({}, net.dims), numbers)
        if isinstance(symbol, MatrixExpr):
            assert tuple(d[symbol].shape) == tuple(symbol.shape)
        for road, found in roads.items():
            close(
                np.asarray(found, dtype=complex).real.reshape(expected.shape),
                expected,
                lambda s=symbol, r=road: f"∂loss/∂{s} by {r}, seed {seed}: {d[s]}",
            )
    return d


def close(
    found: Any,
    expected: Any,
    what: Callable[[], str],
    rtol: float = RTOL,
    atol: float = ATOL,
) -> None:
    """``assert_allclose`` whose message is only made where it is read: formulas are dear."""
    try:
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol)
    except AssertionError as error:
        raise AssertionError(f"{what()}\n{error}") from None


def _variable(net: Net, symbol: Any, env: Mapping[str, Any]) -> tuple[Net, dict[str, Any]]:
    """The net with a named value turned into a leaf that has the same value."""
    rest = {name: e for name, e in net.definitions.items() if name != symbol.name}
    at = {**env, symbol.name: value(net.definitions[symbol.name], net, env)}
    return Net(rest, net.dims), at


def check_second_order(loss: Any, wrt: Any, net: Net, leaves: Sequence[Any], seed: int = 0) -> None:
    """The gradient of ⟨∇loss, v⟩, along u, against sixty-digit second differences."""
    env = point(leaves, net, seed)
    first = sg.gradient(loss, wrt)
    if isinstance(wrt, MatrixExpr):
        v = sp.MatrixSymbol("v_", *wrt.shape)
        inner = sg.dot(first[wrt], v)
    else:
        v = sp.Symbol("v_", real=True)
        inner = first[wrt] * v
    directions = point([v], net, seed + 1, -1.0, 1.0)
    u = point([v], net, seed + 2, -1.0, 1.0)[v.name]
    expected = second_difference(loss, net, env, {wrt.name: directions[v.name]}, {wrt.name: u})
    at = {**env, **directions}
    try:
        second = sg.gradient(inner, wrt)
    except sg.DerivativeError as error:  # the gradient is constant: wrt is gone from it
        assert "does not occur" in str(error)
        found = 0.0
    else:
        (array,) = interpret(second.roots, net, at)
        found = float((array.reshape(-1) * np.asarray(u).reshape(-1)).sum())
        (plain,) = interpret(strip_names(second.roots), net, at)
        np.testing.assert_allclose(plain, array, rtol=RTOL, atol=ATOL)
    close(found, expected, lambda: str(first[wrt]), rtol=1e-7, atol=1e-9)
