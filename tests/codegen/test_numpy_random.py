"""Random graphs: what the NumPy target computes is what the graph means."""

from __future__ import annotations

import subprocess
import sys
from random import Random

import numpy as np
import pytest
import sympy as sp
from codegen_graphs import SYMBOLS, random_graph
from graph_reference import evaluate
from hypothesis import given, settings
from hypothesis import strategies as st

from symgrad import graph as g
from symgrad.codegen.arguments import Arguments
from symgrad.codegen.names import Names
from symgrad.codegen.program import Dimension, Input
from symgrad.codegen.targets import numpy as target
from symgrad.compile import build


def emitted(roots: list[g.Node], dtype: str = "float64") -> str:
    """The source for ``roots``, a function of its leaves and then of m, n and k."""
    leaves = g.leaves(roots)
    names = Names({"np", "function"})
    inputs = [Input(names.unique(x.name), x.name, x.shape, x.shape) for x in leaves]
    sizes = [Input(names.unique(str(s)), str(s), (), (), "integer") for s in SYMBOLS]
    dimensions = tuple(
        Dimension(s, entry.name, len(inputs) + k, None)
        for k, (s, entry) in enumerate(zip(SYMBOLS, sizes, strict=True))
    )
    numbers = {x: k for k, x in enumerate(leaves)}
    arguments = Arguments((*inputs, *sizes), numbers, dimensions, names)
    program = build(roots, [root.shape for root in roots], arguments)
    return target.emit(program, "function", dtype)


def arrays(roots: list[g.Node], sizes: dict, random: Random) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(random.randint(0, 2**32))
    found = {}
    for leaf in g.leaves(roots):
        shape = tuple(int(sp.sympify(n).subs(sizes)) for n in leaf.shape)
        if leaf.leaf.classes is None:
            found[leaf.name] = generator.normal(size=shape)
        else:
            classes = int(sp.sympify(leaf.leaf.classes).subs(sizes))
            found[leaf.name] = generator.integers(classes, size=shape)
    return found


def check(random: Random) -> str:
    roots = random_graph(random, steps=random.randint(1, 8))
    sizes = {s: random.randint(1, 4) for s in SYMBOLS}
    leaves = arrays(roots, sizes, random)
    expected = evaluate(roots, leaves, sizes)
    source = emitted(roots)
    namespace: dict = {}
    exec(source, namespace)
    arguments = [x[()] for x in leaves.values()] + [*sizes.values()]
    found = namespace["function"](*arguments)
    found = found if len(roots) > 1 else (found,)
    for a, b, root in zip(found, expected, roots, strict=True):
        assert np.shape(a) == b.shape, (source, g.text([root]))
        np.testing.assert_allclose(
            a, b, rtol=1e-8, atol=1e-8 * (1 + np.abs(b).max()), err_msg=source
        )
        assert not any(np.shares_memory(a, x) for x in leaves.values()), source
    return source


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_source_computes_what_the_graph_means(random: Random) -> None:
    check(random)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_single_precision_stays_single() -> None:
    """Nothing widens: not a literal, a truth value, a dimension or a new array."""
    for seed in range(200):
        random = Random(seed)
        roots = random_graph(random, steps=6)
        sizes = {s: random.randint(1, 4) for s in SYMBOLS}
        leaves = {
            k: x.astype(np.float32)[()] if x.dtype.kind == "f" else x
            for k, x in arrays(roots, sizes, random).items()
        }
        source = emitted(roots, "float32")
        namespace: dict = {}
        exec(source, namespace)
        found = namespace["function"](*leaves.values(), *sizes.values())
        for a, root in zip(found if len(roots) > 1 else (found,), roots, strict=True):
            if any(leaf.leaf.classes is None for leaf in g.leaves([root])) and np.ndim(a):
                assert np.asarray(a).dtype == np.float32, source


def test_source_passes_linter_and_formatter(tmp_path) -> None:
    for seed in range(150):
        random = Random(seed)
        source = emitted(random_graph(random, steps=10))
        (tmp_path / f"source{seed}.py").write_text(source)
    for command in (
        ["check", "--select", "E,F,I,UP,B,SIM", "--line-length", "100", "--quiet"],
        ["format", "--diff", "--line-length", "100", "--quiet"],
    ):
        arguments = [sys.executable, "-m", "ruff", *command, "--isolated", str(tmp_path)]
        result = subprocess.run(arguments, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr
