"""The Numba target: what its loops compute is what the graph means, in float32 too."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import subprocess
import sys
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
from codegen_graphs import SYMBOLS, arrays, program_of, random_graph
from graph_reference import evaluate
from sympy import MatrixSymbol, symbols
from uncompiled import defined

import symgrad as sg
from symgrad import activations
from symgrad.codegen.buffers import share
from symgrad.codegen.fusion import Call
from symgrad.codegen.targets.numba import function
from symgrad.codegen.targets.numba_bodies import Body
from symgrad.codegen.targets.numba_kernel import Kernel
from symgrad.codegen.targets.numba_wrappers import Wrappers
from symgrad.graph import Node


def case(random: Random) -> tuple[list[Node], dict, dict[str, np.ndarray]]:
    roots = random_graph(random, steps=random.randint(1, 8))
    sizes = {s: random.randint(1, 4) for s in SYMBOLS}
    return roots, sizes, arrays(roots, sizes, random)


def check(random: Random) -> None:
    roots, sizes, leaves = case(random)
    expected = evaluate(roots, leaves, sizes)
    source = function(program_of(roots), "function", "float64")
    found = defined(source)(*(x[()] for x in leaves.values()), *sizes.values())
    found = found if len(roots) > 1 else (found,)
    for a, b in zip(found, expected, strict=True):
        assert np.shape(a) == b.shape, source
        atol = 1e-8 * (1 + np.abs(b).max())
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=atol, err_msg=source)
        assert not any(np.shares_memory(a, x) for x in leaves.values()), source


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_loops_compute_what_the_graph_means() -> None:
    for seed in range(120):
        try:
            check(Random(seed))
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_loops_compute_what_the_graph_means_at_length() -> None:
    for seed in range(1_000, 9_000):
        try:
            check(Random(seed))
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error


def check_in_place(random: Random) -> bool:
    """Some leaves are overwritten by values of their shape, with buffers shared by liveness."""
    roots, sizes, leaves = case(random)
    by_name = {n.name: n for root in roots for n in _leaves(root)}
    updated: dict[Node, Node] = {}
    for root in roots:
        for leaf in by_name.values():
            if leaf not in updated and leaf.leaf.classes is None and leaf.shape == root.shape:
                axes = tuple(range(leaf.rank))
                step = [(1, leaf, axes), (-random.choice((1, 2)), root, axes)]
                updated[leaf] = sg.graph.add(step, leaf.shape)
                break
    if not updated:
        return False
    targets = list(updated)
    outputs = [*updated.values()]
    program = program_of(outputs, tuple(by_name.values()))
    position = {x.declared: k for k, x in enumerate(program.inputs)}
    overwrites = {}
    for leaf, out in zip(targets, program.outputs, strict=True):
        value = out.operand.value
        plain = out.operand.labels == tuple(range(leaf.rank))
        if value >= len(program.inputs) and plain and value not in overwrites:
            overwrites[value] = position[leaf.name]
    source, names = in_place(program, overwrites, [position[x.name] for x in targets])
    expected = evaluate(outputs, leaves, sizes)
    given = {n: (x.copy() if x.dtype.kind == "f" else x) for n, x in leaves.items()}
    ordered = [given[x.declared] for x in program.inputs if x.declared in given]
    unpacked = [x if x.shape or x.dtype.kind == "f" else x[()] for x in ordered]
    defined(source)(*unpacked, *sizes.values())
    for leaf, b in zip(targets, expected, strict=True):
        atol = 1e-8 * (1 + np.abs(b).max())
        np.testing.assert_allclose(given[leaf.name], b, rtol=1e-8, atol=atol, err_msg=source)
    assert names
    return True


def _leaves(root: Node) -> list[Node]:
    return sg.graph.leaves([root])


def in_place(program, overwrites: dict[int, int], targets: list[int]) -> tuple[str, list[str]]:
    """A function that runs ``program`` on shared buffers, as a training step does."""
    kernel = Kernel(program, "float64", overwrites)
    loops = kernel.loops
    for k, entry in enumerate(program.inputs):
        if entry.role == "array" and not entry.shape:
            loops.scalars[k], loops.arrays[k] = f"{entry.name}[()]", entry.name
    values = loops.needs_array()
    buffer_of, shapes, integral, chains = share(program, kernel.fused, values)
    names = [kernel.names.unique(f"buffer{k}") for k in range(len(shapes))]
    lines = [
        f"{name} = np.full({kernel.shape_text(shape)}, {10**6 if whole else 'np.nan'})"
        for name, shape, whole in zip(names, shapes, integral, strict=True)
    ]
    statements = {s.value: s for s in values}
    for chain in chains:
        name = kernel.array_name(statements[chain[-1]])
        loops.arrays.update(dict.fromkeys(chain, name))
        lines.append(f"{name} = {names[buffer_of[chain[-1]]]}")
    for group in kernel.fused.groups:
        loops.group(group)
    copies = []
    for target, out in zip(targets, program.outputs, strict=True):
        value, name = out.operand.value, program.inputs[target].name
        if kernel.fused.overwrites.get(value) == target:
            continue
        temporary = kernel.names.temporary()
        shape = ", ".join(map(kernel.dim, out.shape))
        loops.lines.append(f"{temporary} = np.empty(({shape}{',' * bool(shape)}))")
        if out.shape:
            loops.spread(temporary, out.operand, out.shape)
        else:
            loops.lines.append(f"{temporary}[()] = {loops.value_text(value)}")
        copies.append(f"{name}[...] = {temporary}")
    body = [*kernel.dimension_lines(), *kernel.invariant_lines(), *lines, *loops.lines, *copies]
    arguments = ", ".join(x.name for x in program.inputs)
    text = "\n".join(f"    {line}" for line in body or ["pass"])
    return f"def function({arguments}):\n{text}\n", names or ["nothing"]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_updates_in_place_on_shared_buffers() -> None:
    count = 0
    for seed in range(250):
        try:
            count += check_in_place(Random(seed))
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
    assert count > 50


def two_layers() -> tuple:
    D, H, C = symbols("D H C", integer=True, positive=True)
    x, y = MatrixSymbol("x", D, 1), sg.simplex("y", C)
    W1, b1 = MatrixSymbol("W1", H, D), MatrixSymbol("b1", H, 1)
    W2, b2 = MatrixSymbol("W2", C, H), MatrixSymbol("b2", C, 1)
    h = sg.let("h", sg.tanh(W1 * x + b1))
    p = sg.let("p", sg.softmax(W2 * h + b2))
    risk = sg.empirical_risk(sg.let("L", sg.cross_entropy(p, y)), [x, y])
    return risk, [W1, b1, W2, b2], [x, y]


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-13), ("float32", 1e-6)])
def test_compiled_code_agrees_with_numpy(dtype: str, tolerance: float) -> None:
    risk, params, data = two_layers()
    outputs = [risk, sg.gradient(risk, params)]
    compiled = sg.function([*params, *data], outputs, target="numba", dtype=dtype)
    plain = sg.function([*params, *data], outputs)
    rng = np.random.default_rng(0)
    for d, h, c, n in [(5, 4, 3, 7), (1, 1, 1, 1), (2, 33, 1, 40)]:
        shapes = [(h, d), (h,), (c, h), (c,), (n, d)]
        values = [rng.normal(size=s) for s in shapes] + [rng.dirichlet(np.ones(c), n)]
        for a, b in zip(compiled(*values), plain(*values), strict=True):
            assert a.dtype == dtype
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_every_function_of_the_vocabulary_at_extremes() -> None:
    """One function with all of them, so that one compilation serves."""
    n = symbols("n", integer=True, positive=True)
    x = MatrixSymbol("x", n, 1)
    outputs = [f(x) for f in activations.ELEMENTWISE]
    for f in activations.ELEMENTWISE:
        with contextlib.suppress(sg.DerivativeError):  # a step
            outputs.append(sg.gradient(sg.sum(f(x)), x))
    compiled = sg.function([x], outputs, target="numba")
    plain = sg.function([x], outputs)
    points = np.array([-1000.0, -30.0, -1.5, -1e-9, 0.0, 1e-9, 0.5, 3.0, 40.0, 1000.0, np.nan])
    with np.errstate(all="ignore"):
        expected = plain(points)
    for a, b in zip(compiled(points), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-300)


def test_scores_of_a_thousand() -> None:
    n = symbols("n", integer=True, positive=True)
    z, y = MatrixSymbol("z", n, 1), sg.simplex("y", n)
    loss = sg.cross_entropy(sg.softmax(z), y)
    compiled = sg.function([z, y], [loss, sg.gradient(loss, z)], target="numba", dtype="float32")
    value, slope = compiled(np.array([1000.0, -1000.0]), np.array([0.0, 1.0]))
    assert value == 2000
    np.testing.assert_array_equal(slope, [1, -1])


def test_products_of_matrices_scale_and_accumulate_in_blas() -> None:
    """The weight update is folded into the product: no gradient, no extra pass."""
    W, x = MatrixSymbol("W", 3, 4), MatrixSymbol("x", 4, 1)
    y = MatrixSymbol("y", 3, 1)
    module = sg.training_module(
        sg.squared_error(W * x, y), params=[W], data=[x, y], target="numba", name="linear"
    )
    epoch = function_text(module.source, "_folded_steps")
    assert epoch.count("gemm(") == 2
    assert re.search(r"gemm\(-scale\w* \* learning_rate, x\.T, \w+, f32\(1\.0\), W_T\)", epoch)


def function_text(source: str, name: str) -> str:
    tree = ast.parse(source)
    (found,) = [f for f in tree.body if isinstance(f, ast.FunctionDef) and f.name == name]
    return ast.unparse(found)


def test_calls_are_chosen_for_matrices_only() -> None:
    risk, params, data = two_layers()
    compiled = sg.function([*params, *data], sg.gradient(risk, params), target="numba")
    groups = Kernel(compiled.program, "float64").fused.groups
    assert sum(isinstance(group, Call) for group in groups) == 5


ALLOCATIONS = """
import numpy as np
from numba.core.runtime import rtsys
from symgrad.demo import network
import symgrad as sg

net = network()
module = sg.training_module(net.loss, params=[*net.params], data=[net.x, net.y], name="digits")
digits = module.load()
X = np.random.default_rng(0).normal(size=(640, 64)).astype(np.float32)
Y = np.eye(10, dtype=np.float32)[np.arange(640) % 10]
start = digits.init()
run = digits._new_run(start, [0.0, 0.0], digits.F_ORDER)
params, theta, state = run.params, run.theta, run.state
work = digits._workspace(params, 32, X, Y)
whole = np.array([[0, theta.size]])
digits.loss(params, X, Y)  # starts the counting

def allocations(rows, optimizer):
    order, steps = np.arange(rows), rows // 32
    losses, rates = np.empty(steps), np.full(steps, 0.01, np.float32)
    numbers = digits._adam_coefficients(np.full(steps, 0.01), np.arange(1.0, steps + 1))
    numbers = numbers.astype(np.float32)
    before = rtsys.get_allocation_stats().alloc
    if optimizer == "sgd":
        digits._sgd_steps(params, order, 32, rates, losses, work, X, Y)
    else:
        digits._steps(
            "adam", params, theta, state, order, 32, numbers, 1.0, whole, losses, work, X, Y
        )
    return rtsys.get_allocation_stats().alloc - before

for optimizer in ("sgd", "adam"):
    allocations(32, optimizer)  # compiles
    print(allocations(32, optimizer), allocations(640, optimizer))
"""


def test_the_loop_allocates_nothing() -> None:
    run = subprocess.run(
        [sys.executable, "-c", ALLOCATIONS],
        env={**os.environ, "NUMBA_NRT_STATS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    for line in run.stdout.splitlines():
        one_step, twenty_steps = line.split()
        assert one_step == twenty_steps
    assert len(run.stdout.splitlines()) == 2


def test_a_nan_in_the_data_reaches_the_loss() -> None:
    """Fast-math must not hide it."""
    risk, params, data = two_layers()
    loss = sg.function([*params, *data], risk, target="numba", dtype="float32")
    values = [np.ones(s) for s in [(2, 3), (2,), (4, 2), (4,), (5, 3)]] + [np.full((5, 4), 0.25)]
    assert np.isfinite(loss(*values))
    values[4][2, 1] = np.nan
    assert np.isnan(loss(*values))


def test_arrays_with_gaps_between_their_elements_are_accepted() -> None:
    m, n, k = symbols("m n k", integer=True, positive=True)
    A, B = MatrixSymbol("A", m, n), MatrixSymbol("B", n, k)
    product = sg.function([A, B], A * B, target="numba")
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(3, 4)).T, rng.normal(size=(6, 8))[::2, ::4]
    np.testing.assert_allclose(product(a, b), a @ b, rtol=1e-14)


EMITS = """
import sys
import symgrad as sg
from symgrad.demo import network

net = network()
module = sg.training_module(net.loss, params=[*net.params], data=[net.x, net.y], target="numba")
assert "gemm(" in module.source
print(*(x for x in ("numba", "llvmlite", "scipy") if x in sys.modules))
"""


def test_writing_a_module_does_not_import_numba() -> None:
    run = subprocess.run([sys.executable, "-c", EMITS], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_a_buffer_whose_rows_are_not_examples_is_cut_flat() -> None:
    """buffer[:, :size] would have gaps; a product would then read the numbers of other examples."""
    N = symbols("N", integer=True, positive=True)
    body = object.__new__(Body)
    body.batch = N
    body.kernel = SimpleNamespace(dim=lambda n: "size" if n == N else str(n))
    assert body.cut((N, 4)) == "[:size]"
    assert body.cut((4, 5)) == ""
    part = body.cut((4, N))
    view = eval("buffer" + part, {"buffer": np.arange(4 * 7.0), "size": 3})
    assert view.shape == (4, 3)
    assert view.flags.c_contiguous
    wrappers = object.__new__(Wrappers)
    assert wrappers._tuple((4 * N,), {N: "batch_size"}) == "(4 * batch_size,)"


def test_a_loop_over_many_arrays_is_split() -> None:
    """LLVM would compare all of them pair by pair, and gives up beyond a hundred comparisons."""
    n = symbols("n", integer=True, positive=True)
    given = [MatrixSymbol(f"a{k}", 4, n) for k in range(16)]
    values = [sg.let(f"f{k}", sg.tanh(a)) for k, a in enumerate(given)]
    text = sg.function(given, values, target="numba").source
    loops = [x.count("] = ") for x in text.split("for j in range(n):")[1:]]
    assert sum(loops) == len(given)
    assert max(loops) == 8  # 8·7/2 pairs of them, and 8·8 with what they read: 92
