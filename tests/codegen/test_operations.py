"""Every operation of a program, in both targets, against the graph read literally.

One row an operation: graphs that lower to it, and a text that its NumPy and Numba source contains.
The interpreter reads the graph by nested loops and shares nothing with lowering or the targets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import sympy as sp
from codegen_graphs import program_of
from interpreter import interpret
from oracle import Net
from uncompiled import defined

from symgrad import graph as g
from symgrad.codegen import program as p
from symgrad.codegen.targets import numpy as numpy_target
from symgrad.codegen.targets.numba import function
from symgrad.graph import Node, slot

B, C, O, T, U = sp.symbols("B C O T U", integer=True, positive=True)
SIZES = [{B: 2, C: 3, O: 4, T: 5, U: 2}, {B: 1, C: 1, O: 2, T: 3, U: 3}]
PLACES = sp.floor((T - U) / 2) + 1
"""Places for a window of U entries at a stride of 2."""


def leaf(name: str, *shape: Any) -> Node:
    return g.leaf(name, shape, sp.IndexedBase(name, shape=shape) if shape else sp.Symbol(name))


x, y, S = leaf("x", B, C, T), leaf("y", B, C, T), leaf("S", B, T, T)
v, K, s = leaf("v", T), leaf("K", O, C, U), leaf("s")
c = g.leaf("c", (B,), sp.Symbol("c"), classes=C)
DEFINITE = g.add(
    [
        (T + 1, g.delta(T), (1, 2)),
        (1, g.apply(sp.sin(slot(0)), [(S, (0, 1, 2))], S.shape), (0, 1, 2)),
    ],
    S.shape,
)
STRIDED = g.indicator((1, -2, -1), 0, "=", (T, PLACES, U))
PADDED = g.indicator((1, -1, -1), 1, "=", (T, T, U))
SHIFT = g.indicator((1, -1), 1, "=", (T, T))
CAUSAL = g.indicator((1, -1), 0, "≥", (T, T))


class Row(NamedTuple):
    """A graph that lowers to ``operation``, and what both sources contain."""

    operation: type[p.Operation]
    root: Node
    numpy: str = ""
    numba: str = ""


def reduced(op: str, z: Node, axis: int) -> Node:
    rest = [k for k in range(z.rank) if k != axis]
    number = {k: n for n, k in enumerate([*rest, axis])}
    shape = tuple(z.shape[k] for k in rest)
    return g.reduce(op, z, tuple(number[k] for k in range(z.rank)), shape)


def windows(condition: Node) -> Node:
    """x[b, c, place] under labels b, c, place, tap."""
    n, taps = condition.shape[1:]
    return g.product([(x, (0, 1, 4)), (condition, (4, 2, 3))], (B, C, n, taps))


def convolution(condition: Node, n: Any) -> Node:
    factors = [(K, (1, 3, 4)), (x, (0, 3, 5)), (condition, (5, 2, 4))]
    return g.product(factors, (B, O, n))


WINNER = reduced("argmax", x, 1)
TABLE: dict[str, Row] = {
    "constant": Row(p.Constant, g.const(T, (T,)), "np.full((T,), T"),
    "eye": Row(p.Eye, g.delta(T), "np.eye(T)"),
    "onehot": Row(p.OneHot, g.onehot(c, C), "c[:, None] == np.arange(C)"),
    "sum": Row(p.Sum, g.add([(2, x, (0, 1, 2)), (-1, v, (2,))], x.shape), "2 * x - v"),
    "multiply": Row(p.Multiply, g.product([(x, (0, 1, 2)), (v, (2,))], x.shape), "v * x"),
    "apply": Row(p.Apply, g.apply(sp.tanh(slot(0)), [(x, (0, 1, 2))], x.shape), "np.tanh(x)"),
    "matrix product": Row(
        p.Contract,
        g.product([(x, (0, 1, 3)), (leaf("M", T, O), (3, 2))], (B, C, O)),
        "x @ M",
        "gemm(",
    ),
    "stack of products": Row(
        p.Contract,
        g.product([(x, (0, 1, 3)), (y, (0, 2, 3))], (B, C, C)),
        "x @ y.transpose(0, 2, 1)",
        "gemm(1.0, x[i], y[i].T",
    ),
    "sum of products": Row(
        p.Contract,
        g.product([(x, (2, 0, 3)), (y, (2, 1, 3))], (C, C)),
        ".reshape(",
        "gemm(1.0, x[i], y[i].T, 1.0",
    ),
    "merged axes": Row(
        p.Contract,
        g.product([(x, (2, 3, 1)), (leaf("M", O, B, C), (0, 2, 3))], (O, T)),
        "M.reshape(O_, size) @ x.reshape(size, T)",
        ".reshape((B * C, T))",
    ),
    "stack of merged axes": Row(
        p.Contract,
        g.product(
            [(leaf("A", B, C, T, U), (0, 1, 3, 4)), (leaf("M", B, O, T, U), (0, 2, 3, 4))],
            (B, C, O),
        ),
        "A.reshape(B, C, T * U) @",
        "A[i].reshape(",
    ),
    "row products": Row(
        p.Contract, g.product([(x, (0, 1, 2)), (y, (0, 1, 2))], (B, C)), "np.einsum("
    ),
    "inner product": Row(p.Contract, g.product([(x, (0, 1, 2)), (y, (0, 1, 2))], ()), "np.vdot("),
    "total": Row(p.Total, g.product([(x, (1, 0, 2))], (C,)), "x.sum(axis=(0, 2))"),
    "trace": Row(p.Total, g.product([(S, (0, 1, 1))], (B,)), "np.einsum("),
    "maximum": Row(p.Maximum, reduced("max", x, 1), "x.max(axis=1)", "max("),
    "argmaximum": Row(p.ArgMaximum, g.onehot(WINNER, C), "x.argmax(axis=1)", "> t"),
    "argmaximum of all": Row(p.ArgMaximum, g.onehot(reduced("argmax", v, 0), T), "v.argmax()"),
    "at the argmaximum": Row(
        p.Gather, g.product([(y, (0, 2, 1)), (g.onehot(WINNER, C), (0, 1, 2))], (B, T)), "y["
    ),
    "threshold": Row(
        p.Threshold,
        reduced("sparsemax_threshold", x, 1),
        "sparsemax_threshold(x.transpose(0, 2, 1))",
        "threshold_of(",
    ),
    "sparsemax value": Row(p.Threshold, reduced("sparsemax_value", x, 2), "sparsemax_threshold(x)"),
    "inverse": Row(
        p.Linalg,
        g.linalg("inverse", DEFINITE, (0, 1, 2), S.shape),
        "inverse_of(",
        "if not invert_into(",
    ),
    "transposed inverse": Row(
        p.Linalg, g.linalg("inverse", DEFINITE, (0, 2, 1), S.shape), "inverse_of("
    ),
    "determinant": Row(
        p.Linalg, g.linalg("det", DEFINITE, (0, 1, 2), (B,)), "determinant_of(", "det_of("
    ),
    "log-determinant": Row(
        p.Linalg, g.linalg("logdet", DEFINITE, (0, 1, 2), (B,)), "log_abs_det(", "log_abs_det_of("
    ),
    "gather": Row(
        p.Gather,
        g.product([(x, (0, 2, 1)), (g.onehot(c, C), (0, 2))], (B, T)),
        "x[np.arange(B), c]",
    ),
    "scatter": Row(
        p.Scatter,
        g.product([(g.onehot(c, C), (2, 0)), (leaf("M", B, T), (2, 1))], (C, T)),
        "np.add.at(",
        "c[i]",
    ),
    "window": Row(
        p.Window, windows(STRIDED), "windows_of(x, (2, 0, (2, size), (1, U)))", "x[i, j, 2 * k + m]"
    ),
    "padded window": Row(
        p.Window, windows(PADDED), "windows_of(x, (2, -1, (1, T), (1, U)))", "if 0 <= "
    ),
    "shift": Row(
        p.Window, g.product([(v, (1,)), (SHIFT, (1, 0))], (T,)), "windows_of(v, (0, -1, (1, T)))"
    ),
    "slice": Row(
        p.Window,
        g.product([(v, (1,)), (g.indicator((1, -1), -1, "=", (T, T - 1)), (1, 0))], (T - 1,)),
        "v[1:T]",
        "v[i + 1]",
    ),
    "one entry": Row(
        p.Window,
        g.product([(x, (0, 1, 2)), (g.indicator((1,), 1 - T, "=", (T,)), (2,))], (B, C)),
        "x[:, :, T - 1]",
    ),
    "reversal": Row(
        p.Window,
        g.product([(v, (1,)), (g.indicator((1, 1), 1 - T, "=", (T, T)), (1, 0))], (T,)),
        "(-1, T)",
    ),
    "convolution": Row(p.Contract, convolution(PADDED, T), ".reshape(", "gemm("),
    "strided convolution": Row(p.Contract, convolution(STRIDED, PLACES), ".reshape(", "gemm("),
    "average pool": Row(
        p.Total, g.product([(x, (0, 1, 3)), (STRIDED, (3, 2, 4))], (B, C, PLACES)), "(axis=3)"
    ),
    "kernel gradient": Row(
        p.Contract,
        g.product([(leaf("d", B, O, T), (3, 0, 4)), (x, (3, 1, 5)), (PADDED, (5, 4, 2))], K.shape),
        ".reshape(",
    ),
    "unwindow": Row(
        p.Unwindow,
        g.product([(leaf("d", B, O, T), (0, 3, 4)), (K, (3, 1, 5)), (PADDED, (2, 4, 5))], x.shape),
        "add_windows(",
        "+=",
    ),
    "strided unwindow": Row(
        p.Unwindow,
        g.product([(leaf("d", PLACES), (1,)), (STRIDED, (0, 1, 2))], (T,)),
        "add_windows(",
    ),
    "mask": Row(
        p.Mask,
        g.product([(S, (0, 1, 2)), (CAUSAL, (1, 2))], S.shape),
        "np.arange(T)[:, None] >= np.arange(T)",
        ">= ",
    ),
    "strict mask": Row(
        p.Mask, g.indicator((-1, 1), -1, "≥", (T, T)), "np.arange(T)[:, None] < np.arange(T)"
    ),
    "fixed index": Row(p.Mask, g.indicator((1,), -1, "=", (T,)), "np.arange(T) == 1"),
    "summed mask": Row(p.Contract, g.product([(CAUSAL, (0, 1)), (v, (1,))], (T,)), "@ v"),
}


@pytest.mark.parametrize("name", TABLE)
def test_operation(name: str) -> None:
    row = TABLE[name]
    leaves = g.leaves([row.root])
    for sizes in SIZES:
        env = values(leaves, sizes)
        (expected,) = interpret([row.root], Net({}, sizes), env)
        for source, run in sources(row.root):
            found = run(*(env[n.name] for n in leaves), *sizes.values())
            np.testing.assert_allclose(
                found, expected.astype(float), rtol=1e-9, atol=1e-9, err_msg=source
            )


@pytest.mark.parametrize("name", TABLE)
def test_source(name: str) -> None:
    row = TABLE[name]
    program = program_of([row.root], symbols=SIZES[0])
    assert row.operation in {type(statement.operation) for statement in program.statements}
    plain, compiled = (source for source, _ in sources(row.root))
    body = plain[plain.index("def function") :]
    assert row.numpy in body and row.numba in compiled, (body, compiled)


def test_every_operation_has_a_row() -> None:
    defined_here = [x for x in vars(p).values() if isinstance(x, type)]
    operations = {x for x in defined_here if issubclass(x, p.Operation)} - {p.Operation}
    assert operations == {row.operation for row in TABLE.values()}


def values(leaves: list[Node], sizes: dict[sp.Symbol, int]) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    found: dict[str, Any] = {}
    for n in leaves:
        shape = tuple(int(sp.sympify(k).subs(sizes)) for k in n.shape)
        found[n.name] = (
            rng.integers(sizes[C], size=shape) if n.leaf.classes else rng.normal(size=shape)
        )
    return found


def sources(root: Node) -> list[tuple[str, Callable[..., Any]]]:
    """Each target's source and what it defines, Numba's run as the Python that it is."""
    program = program_of([root], symbols=SIZES[0])
    plain = numpy_target.emit(program, "function", "float64")
    namespace: dict[str, Any] = {}
    exec(plain, namespace)
    compiled = function(program, "function", "float64")
    return [(plain, namespace["function"]), (compiled, defined(compiled))]
