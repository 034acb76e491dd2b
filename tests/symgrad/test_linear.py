"""Ten thousand nodes: nothing recurses, and the work grows in proportion.

Work is counted in operations (nodes made, rules tried), never in seconds.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp
from sympy import MatrixSymbol, Symbol

import symgrad as sg
from symgrad import graph as g
from symgrad import rewrite

DEEP = """
import sys
import sympy as sp
from sympy import MatrixSymbol, Symbol
import symgrad as sg
from symgrad import graph as g
from symgrad import listing
n = {n}
sys.setrecursionlimit(1000)
{declare}
sys.setrecursionlimit(len(__import__("inspect").stack()) + {frames})
d = sg.gradient(loss, wrt)
g.validate(d.roots)
assert len(g.topological([d.loss])) >= n
assert len(listing.text([d.loss]).splitlines()) >= n
if "{name}" != "unnamed functions":  # SymPy's Hadamard product of n factors takes n² steps
    assert d[wrt[0]].has(sp.Symbol) or d[wrt[0]].has(MatrixSymbol)
sg.simplify.computing(d.roots)
sg.simplify.strip_names(d.roots)
print("{name}")
"""

CHAINS = {
    "named scalars": """
w, x = Symbol("w", real=True), Symbol("x", real=True)
v = x
for i in range(n // 3):
    v = sg.let(f"v{i}", sp.sin(v) * w)
loss, wrt = v, [w, x]
""",
    "named vectors": """
W, x = MatrixSymbol("W", 3, 3), MatrixSymbol("x", 3, 1)
h = x
for i in range(n // 3):
    h = sg.let(f"h{i}", sg.tanh(W * h))
loss, wrt = sg.dot(h, h), [W, x]
""",
    "unnamed functions": """
x = MatrixSymbol("x", 3, 1)
h = x
for i in range(n):
    h = sg.tanh(h)
loss, wrt = sg.sum(h), [x]
""",
    "a running sum": """
x = MatrixSymbol("x", 3, 1)
h = acc = x
for i in range(n // 4):
    h = sg.let(f"h{i}", sg.tanh(h))
    acc = sg.let(f"s{i}", acc + h)
loss, wrt = sg.sum(acc), [x]
""",
    "a residual chain": """
x = MatrixSymbol("x", 3, 1)
h = x
for i in range(n // 4):
    h = sg.let(f"h{i}", h + sg.tanh(h) / n)
loss, wrt = sg.dot(h, h), [x]
""",
}


@pytest.mark.parametrize(
    ("names", "n", "frames"),
    [
        pytest.param([*CHAINS], 840, 200, id="all-840"),
        *(
            pytest.param([name], 10_000, 400, id=f"{name}-10000", marks=pytest.mark.slow)
            for name in CHAINS
        ),
    ],
)
def test_a_long_chain_does_not_recurse(names: list[str], n: int, frames: int) -> None:
    """Every chain has more layers, n/4 at least, than there may be frames on the stack."""
    script = "\n".join(
        DEEP.format(declare=CHAINS[name], n=n, name=name, frames=frames) for name in names
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, cwd="/"
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines() == names


def scalars(n: int) -> tuple[Any, list[Any]]:
    w, v = Symbol("w", real=True), Symbol("x", real=True)
    wrt = [w, v]
    for i in range(n):
        v = sg.let(f"v{i}", sp.sin(v) * w)
    return v, wrt


def vectors(n: int) -> tuple[Any, list[Any]]:
    W, h = MatrixSymbol("W", 3, 3), MatrixSymbol("x", 3, 1)
    wrt = [W, h]
    for i in range(n):
        h = sg.let(f"h{i}", sg.tanh(W * h))
    return sg.dot(h, h), wrt


def residual(n: int) -> tuple[Any, list[Any]]:
    h = MatrixSymbol("x", 3, 1)
    wrt = [h]
    for i in range(n):
        W = MatrixSymbol(f"W{i}", 3, 3)
        wrt.append(W)
        h = sg.let(f"h{i}", h + sg.tanh(W * h))
    return sg.dot(h, h), wrt


def running_sum(n: int) -> tuple[Any, list[Any]]:
    x = acc = h = MatrixSymbol("x", 3, 1)
    for i in range(n):
        h = sg.let(f"h{i}", sg.tanh(h))
        acc = sg.let(f"s{i}", acc + h)
    return sg.sum(acc), [x]


class Count:
    """How often a function was called."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.calls = function, 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        return self.function(*args, **kwargs)


def work(make: Callable[[int], Any], n: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Operations of a declaration, its gradient and every printed line, for a chain of n."""
    with monkeypatch.context() as patch:
        made = Count(g._intern)
        patch.setattr(g, "_intern", made)
        fired = Count(rewrite.Rewriter._fire)
        patch.setattr(rewrite.Rewriter, "_fire", lambda self, node: fired(self, node))
        loss, wrt = make(n)
        d = sg.gradient(loss, wrt)
        nodes = len(g.topological(d.roots))
        derived = {"nodes made": made.calls, "rules tried": fired.calls, "nodes": nodes}
        lines = len(d.steps)
    return {**derived, "lines": lines}


@pytest.mark.parametrize("make", [scalars, vectors, residual, running_sum])
def test_work_grows_in_proportion(
    make: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large = work(make, 50, monkeypatch), work(make, 100, monkeypatch)
    for what, count in large.items():
        assert count <= 2.2 * small[what], f"{what}: {small[what]} → {count}"


@pytest.mark.parametrize("depth", [4, 16, 64])
def test_a_gradient_has_few_operations_a_forward_operation(depth: int) -> None:
    loss, wrt = residual(depth)
    d = sg.gradient(loss, wrt)
    forward = len(g.topological([d.loss_root]))
    both = len(g.topological([d.loss_root, *d.roots]))
    assert both - forward <= 4 * forward
