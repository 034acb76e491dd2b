"""Random networks of every layer and rank: both targets agree with the loss, differentiated
numerically.

The loss is read literally at a complex point, x + i·h·v, whose imaginary part is the derivative
along v; so neither reverse mode, nor the computing form, nor a target has a part in the reference.
"""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from codegen_graphs import program_of
from interpreter import interpret
from oracle import COMPLEX, Net
from random_graphs import SIZES, M, N, network_leaves, random_network
from uncompiled import defined

from symgrad import graph as g
from symgrad.codegen.targets import numpy as numpy_target
from symgrad.codegen.targets.numba import function
from symgrad.reverse import adjoints
from symgrad.simplify import computing

STEP = 1e-30


def check(seed: int) -> None:
    random = Random(seed)
    loss = random_network(random.choice, random.randint(1, 6))
    sizes = random.choice(SIZES)
    given = set(network_leaves())
    leaves = g.leaves([loss])
    wrt = [n for n in leaves if n in given]
    rng = np.random.default_rng(seed)
    point: dict[str, Any] = {
        n.name: rng.normal(
            size=tuple(int(k.subs(sizes)) if k not in (2, 3) else k for k in n.shape)
        )
        for n in wrt
    }
    integers = {n.name: int(rng.integers(sizes[N])) for n in leaves if n not in given}
    along = {name: rng.normal(size=x.shape) for name, x in point.items()}
    moved = {name: np.asarray(x + 1j * STEP * along[name]) for name, x in point.items()}
    (value,) = interpret([loss], Net({}, sizes), {**moved, **integers}, COMPLEX)
    found = adjoints(loss, wrt)
    roots = computing([loss, *(found[n] for n in wrt)])
    program = program_of(roots, extra=tuple(leaves), symbols=(M, N))
    given_values = {**point, **integers}
    arguments = [given_values[x.declared] for x in program.inputs[:-2]]
    arguments = [x[()] if isinstance(x, np.ndarray) else x for x in arguments]
    for source in sources(program):
        first, *slopes = _run(source)(*arguments, sizes[M], sizes[N])
        np.testing.assert_allclose(first, value.item().real, rtol=1e-9, err_msg=source)
        slope = sum(np.sum(a * along[n.name]) for a, n in zip(slopes, wrt, strict=True))
        expected = value.item().imag / STEP
        np.testing.assert_allclose(slope, expected, rtol=1e-7, atol=1e-9, err_msg=source)


def sources(program: Any) -> list[str]:
    plain = numpy_target.emit(program, "function", "float64")
    return [plain, function(program, "function", "float64")]


def _run(source: str) -> Any:
    if source.startswith("@njit"):
        return defined(source)
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    return namespace["function"]


def campaign(seeds: range) -> None:
    for seed in seeds:
        try:
            check(seed)
        except Exception as error:
            raise AssertionError(f"random network of seed {seed}") from error


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_random_networks() -> None:
    campaign(range(60))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_thousand_random_networks() -> None:
    campaign(range(1_000, 2_000))
