"""Random graphs: what the NumPy target computes is what the graph means."""

from __future__ import annotations

import subprocess
import sys
from random import Random

import numpy as np
import pytest
from codegen_graphs import SYMBOLS, arrays, emitted, random_graph
from graph_reference import evaluate
from hypothesis import given, settings
from hypothesis import strategies as st

from symgrad import graph as g
from symgrad import listing


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
        assert np.shape(a) == b.shape, (source, listing.text([root]))
        np.testing.assert_allclose(
            a, b, rtol=1e-8, atol=1e-8 * (1 + np.abs(b).max()), err_msg=source
        )
        assert not any(np.shares_memory(a, x) for x in leaves.values()), source
    return source


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=False))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_source_computes_what_the_graph_means(random: Random) -> None:
    check(random)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@given(st.randoms(use_true_random=False))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_source_computes_what_the_graph_means_at_length(random: Random) -> None:
    check(random)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_single_precision_stays_single() -> None:
    """Nothing widens: not a literal, a truth value, a dimension or a new array."""
    for seed in range(100):
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
    for seed in range(75):
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
