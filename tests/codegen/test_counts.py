"""What a program costs: each statement by hand, and whole programs against NumPy as it runs."""

from __future__ import annotations

import tracemalloc
from random import Random
from typing import Any

import numpy as np
import pytest
import sympy as sp
from codegen_graphs import program_of
from counting import Counter
from random_graphs import SIZES, M, N, network_leaves, random_network
from sympy import MatrixSymbol, symbols

import symgrad as sg
from symgrad import graph as g
from symgrad.codegen import program as p
from symgrad.codegen.counts import body_operations, count, held, operations, stored, summed
from symgrad.codegen.targets import numpy as numpy_target
from symgrad.reverse import adjoints
from symgrad.simplify import computing

D, H, C = symbols("D H C", integer=True, positive=True)
x, v, w = (MatrixSymbol(n, D, 1) for n in "xvw")
y = MatrixSymbol("y", H, 1)
A, B = MatrixSymbol("A", H, D), MatrixSymbol("B", D, C)
Q, X = MatrixSymbol("Q", D, D), MatrixSymbol("X", H, D)
s = sp.Symbol("s", real=True)
c = sg.label("c", D)

# what is computed, its leaves, and multiply-adds, elementwise, functions, reductions
BY_HAND: list[tuple[Any, list[Any], tuple[Any, Any, Any, Any]]] = [
    (A * x, [A, x], (D * H, 0, 0, 0)),
    (A * B, [A, B], (D * H * C, 0, 0, 0)),
    (A * B * MatrixSymbol("u", C, 1), [A, B, MatrixSymbol("u", C, 1)], (D * C + D * H, 0, 0, 0)),
    (y * x.T, [x, y], (D * H, 0, 0, 0)),
    (x.T * v, [x, v], (0, D, 0, D)),
    (x + v, [x, v], (0, D, 0, 0)),
    (x + 2 * v - w, [x, v, w], (0, 3 * D, 0, 0)),
    (s * x, [s, x], (0, D, 0, 0)),
    (sp.hadamard_product(x, v, w), [x, v, w], (0, 2 * D, 0, 0)),
    (sg.tanh(x), [x], (0, 0, D, 0)),
    (sg.relu(x), [x], (0, D, 0, 0)),
    (sg.sum(x), [x], (0, 0, 0, D)),
    (sg.max(x), [x], (0, 0, 0, D)),
    (sg.softmax(x), [x], (0, 2 * D + 1, D, 2 * D)),
    (sg.logsumexp(x), [x], (0, D + 1, D + 1, 2 * D)),
    (sg.inverse(Q), [Q], (D**3, 0, 0, 0)),
    (sg.logdet(Q), [Q], ((D**3 - D) / 3, 0, 0, 0)),
    (sg.trace(Q), [Q], (0, 0, 0, D)),
    (A.T, [A], (0, 0, 0, 0)),
    (sg.embedding(B, c), [B, c], (0, 0, 0, 0)),
    (sg.dot(sg.onehot(c, D), x), [x, c], (0, 0, 0, 0)),
]


@pytest.mark.parametrize(("value", "leaves", "expected"), BY_HAND, ids=[str(r[0]) for r in BY_HAND])
def test_statements_by_hand(value: Any, leaves: list[Any], expected: tuple[Any, ...]) -> None:
    program = sg.function(leaves, value).program
    found = summed(count(program, statement) for statement in program.statements)
    assert [sp.expand(a.expr - b) for a, b in zip(found, expected, strict=True)] == [0] * 4


def test_an_inner_product_with_weights_is_a_matrix_with_one_row() -> None:
    program = sg.function([x, w], w.T * x).program
    (product,) = program.statements
    assert count(program, product, weights={1}).multiply_adds.expr == D
    square = sg.function([w], w.T * w).program
    found = summed(count(square, statement, {0}) for statement in square.statements)
    assert not found.multiply_adds


def test_a_window_counts_at_its_true_size() -> None:
    """Convolution of T steps of F channels with O filters of 3 taps."""
    T, F, O = symbols("T F O", integer=True, positive=True)
    signal, kernel = MatrixSymbol("S", F, T), sp.IndexedBase("K", shape=(O, F, 3))
    program = sg.function([signal, kernel], sg.conv1d(signal, kernel)).program
    found = summed(count(program, statement) for statement in program.statements)
    assert sp.expand(found.multiply_adds.expr - 3 * F * O * (T - 2)) == 0
    assert not any(found[1:])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (sp.tanh(s), (0, 1)),
        (1 - s**2, (2, 0)),
        (sp.exp(-s) + 1, (2, 1)),
        (sp.sqrt(s), (0, 1)),
        (s - sp.Symbol("t"), (1, 0)),
        (-s, (1, 0)),
        (s / sp.Symbol("t"), (1, 0)),
        (1 / (s * sp.Symbol("t")), (2, 0)),
        (s / 2, (1, 0)),
        (s**-2, (2, 0)),
        (1 / sp.sqrt(1 + s**2), (3, 1)),
        (sp.Piecewise((s, s > 0), (0, True)), (2, 0)),
        (s ** sp.Rational(3, 2), (0, 1)),
        (s**3, (1, 0)),
        (1 / s, (1, 0)),
        (sp.log(1 + sp.exp(s)), (1, 2)),
    ],
    ids=str,
)
def test_operations_of_a_scalar_expression(body: sp.Expr, expected: tuple[int, int]) -> None:
    assert body_operations(body) == expected


# --------------------------------------------------------------- random networks, as they run


def network(seed: int) -> tuple[p.Program, dict[Any, int], list[Any]]:
    """The program of a random network's loss and gradients, sizes, and arguments."""
    random = Random(seed)
    loss = random_network(random.choice, random.randint(1, 6))
    sizes = random.choice(SIZES)
    given = set(network_leaves())
    leaves = g.leaves([loss])
    wrt = [n for n in leaves if n in given]
    rng = np.random.default_rng(seed)
    found = adjoints(loss, wrt)
    roots = computing([loss, *(found[n] for n in wrt)])
    program = program_of(roots, extra=tuple(leaves), symbols=(M, N))
    values: dict[str, Any] = {}
    for leaf in leaves:
        shape = tuple(int(sp.sympify(k).subs(sizes)) for k in leaf.shape)
        values[leaf.name] = rng.normal(size=shape) if leaf in given else int(rng.integers(sizes[N]))
    return program, sizes, [values[entry.declared] for entry in program.inputs[:-2]]


def contractions(program: p.Program, sizes: dict[Any, int]) -> int:
    """The terms of all contractions."""
    counts = [
        count(program, statement)
        for statement in program.statements
        if isinstance(statement.operation, p.Contract)
    ]
    whole = summed(counts)
    return int((whole.multiply_adds + whole.reductions).at(sizes).expr)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("first", range(0, 60, 20))
def test_multiply_adds_are_those_that_numpy_does(first: int) -> None:
    seen = 0
    for seed in range(first, first + 20):
        program, sizes, arguments = network(seed)
        source = numpy_target.emit(program, "function", "float64")
        counter = Counter()
        counter.run(source, [*arguments, sizes[M], sizes[N]])
        assert counter.multiply_adds == contractions(program, sizes), (seed, source)
        seen += counter.multiply_adds
    assert seen > 0


def test_what_is_held_is_what_is_yet_to_be_used() -> None:
    for seed in range(50):
        program, sizes, _ = network(seed)
        expected = max(_held_after(program, k, sizes) for k in range(len(program.statements)))
        assert max(int(a.at(sizes).expr) for a in held(program)) == expected, seed


def _held_after(program: p.Program, k: int, sizes: dict[Any, int]) -> int:
    """The numbers in memory while statement k writes its value."""
    needed = {o.operand.value for o in program.outputs}
    for statement in program.statements[k:]:
        needed |= {o.value for o in statement.operation.operands}
    made = program.statements[: k + 1]
    return sum(
        int(sp.sympify(sp.prod(s.shape)).subs(sizes))
        for s in made
        if s.value in needed or s is made[-1]
    )


def test_what_is_stored_is_what_later_statements_read() -> None:
    W, b = MatrixSymbol("W", H, D), MatrixSymbol("b", H, 1)
    h = sg.let("h", sg.tanh(W * x + b))
    d = sg.gradient(sg.let("L", sg.dot(h, h) / 2), [W, b])
    program = sg.function([x, W, b], [d.loss.args[0] and sg.dot(h, h) / 2, d]).program
    forward = {s.value for s in program.statements if s.name in ("h",)}
    backward = {s.value for s in program.statements} - forward
    backward = {v for v in backward if v > max(forward)}
    assert stored(program, backward).expr == H


def test_operations_at_sizes_are_whole_numbers() -> None:
    program = sg.function([Q], sg.logdet(Q)).program
    assert operations(program, {D: 4}) == 2 * (64 - 4) // 3


@pytest.mark.slow
def test_peak_memory_is_near_what_numpy_allocates() -> None:
    """NumPy code holds every value until it returns, and temporaries inside a line."""
    layers, width, batch = 6, 300, 400
    data = h = MatrixSymbol("X", batch, width)
    weights = [MatrixSymbol(f"W{k}", width, width) for k in range(layers)]
    for k, W in enumerate(weights):
        h = sg.let(f"h{k}", sg.tanh(h * W))
    loss = sg.let("L", sg.sum(sp.hadamard_product(h, h)))
    f = sg.function([data, *weights], [loss, sg.gradient(loss, weights)])
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=a.shape) / 20 for a in (data, *weights)]
    f(*arrays)
    tracemalloc.start()
    f(*arrays)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    counted = 8 * max(int(a.expr) for a in held(f.program))
    assert 1 < peak / counted < 2
