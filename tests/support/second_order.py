"""Jacobians, Hessians and their products against numbers that share no code with them.

A Jacobian is compared with complex steps of the declaration, a Hessian with its second difference
along random directions, and each product with the matrix that it is a product of. The roads are
those of `gradients`: the graph, its computing form, and the SymPy expression that is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp
from gradients import close
from interpreter import interpret
from oracle import COMPLEX, STEP, Entries, Net, converted, point, second_difference, value
from sympy.matrices.expressions.matexpr import MatrixExpr

import symgrad as sg
from symgrad import graph as g
from symgrad.show.higher import hessian, hvp, jacobian, jvp
from symgrad.simplify import computing, strip_names

RTOL, ATOL = 1e-8, 1e-10


def numbers(d: sg.Derivation, net: Net, env: Mapping[str, Any]) -> list[np.ndarray]:
    """The results of ``d`` as arrays, having checked that every road to them agrees."""
    g.validate(d.roots)
    found = interpret(d.roots, net, env)
    shown, leaves, at = _with_lines(net, d), Net({}, net.dims), converted(env, COMPLEX)
    for k, (root, form) in enumerate(zip(d.roots, computing(d.roots), strict=True)):
        (computed,), (plain,) = (
            interpret([form], net, env),
            interpret(strip_names([root]), net, env),
        )
        _same(computed, found[k], d, "the computing form")
        _same(plain, found[k], d, "the graph without names")
        _check_expression(d[d.wrt[k]], found[k], shown, at, d, "what is shown")
        _check_expression(d.closed_form(d.wrt[k]), found[k], leaves, at, d, "the closed form")
    return found


def _same(found: Any, expected: Any, d: sg.Derivation, road: str) -> None:
    close(found, expected, lambda: f"{road} of {d!r}:\n{d}", RTOL, ATOL)


def _check_expression(
    expr: Any, expected: np.ndarray, net: Net, env: Mapping[str, Any], d: sg.Derivation, road: str
) -> None:
    """A SymPy expression has the numbers ``expected``; of many axes, its first and last entry."""
    if isinstance(expr, sp.Lambda):
        for where in {(0,) * expected.ndim, tuple(n - 1 for n in expected.shape)}:
            indices = dict(zip(expr.variables, map(sp.Integer, where), strict=True))
            entry = np.asarray(value(expr.expr.xreplace(indices), net, env), dtype=complex)
            _same(entry.real, expected[where], d, road)
    else:
        array = np.asarray(value(expr, net, env), dtype=complex).real
        _same(array.reshape(expected.shape), expected, d, road)


def _with_lines(net: Net, d: sg.Derivation) -> Net:
    """The net and what the lines of ``d`` name, arrays of many axes by their entries."""
    lines = {}
    for step in d.steps:
        expr = step.expr
        if isinstance(expr, sp.Lambda):
            expr = Entries(expr.expr, tuple(expr.variables), step.shape)
        lines[step.names[0].partition("[")[0]] = expr
    return Net({**lines, **net.definitions}, net.dims)


def check_jacobian(
    expr: Any, wrt: Sequence[Any], net: Net, leaves: Sequence[Any], seed: int = 0
) -> sg.Derivation:
    """Every entry of every block, and J·v."""
    env = point(leaves, net, seed)
    d = jacobian(expr, list(wrt))
    found = numbers(d, net, env)
    at = converted(env, COMPLEX)
    value_shape = tuple(net.size(n) for n in d.loss.shape)
    for symbol, block, root in zip(wrt, found, d.roots, strict=True):
        own = tuple(net.size(n) for n in root.shape[len(value_shape) :])
        expected = np.empty((*value_shape, *own))
        for where in np.ndindex(*own):
            moved = _moved(at, symbol.name, np.ravel_multi_index(where, own) if own else 0)
            step = np.asarray(value(expr, net, moved), dtype=complex).imag / STEP
            expected[(..., *where)] = step.reshape(value_shape)
        close(block, expected, lambda x=symbol: f"∂/∂{x}, seed {seed}:\n{d}", RTOL, ATOL)
    along = _directions(wrt)
    v = point(along, net, seed + 1, -1.0, 1.0)
    (product,) = numbers(jvp(expr, list(wrt), along), net, {**env, **v})
    expected = _applied(found, along, v, len(value_shape))
    np.testing.assert_allclose(product, expected, rtol=RTOL, atol=ATOL, err_msg="J·v")
    return d


def check_hessian(
    loss: Any, wrt: Sequence[Any], net: Net, leaves: Sequence[Any], seed: int = 0
) -> sg.Derivation:
    """uᵀ·H·v by second differences, H·v by the product, and the symmetry of H."""
    env = point(leaves, net, seed)
    d = hessian(loss, list(wrt))
    found = numbers(d, net, env)
    along = _directions(wrt)
    v = point(along, net, seed + 1, -1.0, 1.0)
    u = point(along, net, seed + 2, -1.0, 1.0)
    first = {x.name: v[y.name] for x, y in zip(wrt, along, strict=True)}
    second = {x.name: u[y.name] for x, y in zip(wrt, along, strict=True)}
    expected = second_difference(loss, net, env, first, second)
    grid = [found[k * len(wrt) : (k + 1) * len(wrt)] for k in range(len(wrt))]
    products = numbers(hvp(loss, list(wrt), along), net, {**env, **v})
    total = 0.0
    for k, symbol in enumerate(wrt):
        row = _applied(grid[k], along, v, products[k].ndim)
        np.testing.assert_allclose(products[k], row, rtol=RTOL, atol=ATOL, err_msg="H·v")
        total += float(np.sum(row * np.reshape(second[symbol.name], row.shape)))
    close(total, expected, lambda: f"seed {seed}\n{d}", rtol=1e-7, atol=1e-8)
    return d


def _applied(
    blocks: Sequence[np.ndarray], along: Sequence[Any], v: Mapping[str, Any], rank: int
) -> np.ndarray:
    """Σ block·v, each block having ``rank`` axes before those of its direction."""
    total = np.zeros(blocks[0].shape[:rank])
    for block, x in zip(blocks, along, strict=True):
        direction = np.reshape(v[x.name], block.shape[rank:])
        total = total + np.tensordot(block, direction, block.ndim - rank)
    return total


def _moved(env: Mapping[str, Any], name: str, where: Any) -> dict[str, Any]:
    """The point with one entry of a leaf moved into the complex plane."""
    x = env[name]
    if not isinstance(x, np.ndarray):
        return {**env, name: x + STEP * 1j}
    moved = x.copy()
    moved.reshape(-1)[where] += STEP * 1j
    return {**env, name: moved}


def _directions(wrt: Sequence[Any]) -> list[Any]:
    """A direction for each symbol."""
    return [
        sp.MatrixSymbol(f"d_{x.name}", *x.shape)
        if isinstance(x, MatrixExpr)
        else sp.Symbol(f"d_{x.name}", real=True)
        for x in wrt
    ]
