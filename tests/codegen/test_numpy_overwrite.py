"""Lines of NumPy that write over what is read no more: the same bits, and nothing else touched."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import symbols

from symgrad.codegen.targets.numpy_overwrite import overwritten

N, K = symbols("N K")
SHAPES = {"x": (N, K), "y": (N, K), "b": (K,), "c": (N,), "s": ()}

CASES: dict[str, tuple[list[str], list[str]]] = {
    "a product and what is added": (
        ["z = x @ W", "return z"],
        ["z = x @ W", "return z"],
    ),
    "an array that is read no more": (
        ["z = x + b", "h = np.tanh(z)", "return h"],
        ["z = x + b", "h = np.tanh(z, out=z)", "return h"],
    ),
    "a sum and what is added": (
        ["z = x * y + b - c[:, None]", "return z"],
        ["z = x * y", "z += b", "z -= c[:, None]", "return z"],
    ),
    "a temporary takes the name of another": (
        ["t1 = x + y", "t2 = t1 - t1.max(axis=1)[:, None]", "return np.exp(t2).sum()"],
        ["t1 = x + y", "t1 -= t1.max(axis=1)[:, None]", "return np.exp(t1).sum()"],
    ),
    "a name keeps its meaning": (
        ["z = x + y", "t1 = z * b", "return t1"],
        ["z = x + y", "t1 = np.multiply(z, b, out=z)", "return t1"],
    ),
    "from the right": (
        ["z = x + y", "h = s / z", "return h"],
        ["z = x + y", "h = np.divide(s, z, out=z)", "return h"],
    ),
    "an argument": (["h = np.tanh(x)", "return h"], ["h = np.tanh(x)", "return h"]),
    "read later": (
        ["z = x + y", "h = np.tanh(z)", "return h * z"],
        ["z = x + y", "h = np.tanh(z)", "return h * z"],
    ),
    "a view is read later": (
        ["z = x + y", "v = z.T", "h = np.tanh(z)", "return h @ v"],
        ["z = x + y", "v = z.T", "h = np.tanh(z)", "return h @ v"],
    ),
    "a block of several lines reads a view": (
        ["z = x + y", "f(", "    z,", ")", "h = np.tanh(z)", "return h"],
        ["z = x + y", "f(", "    z,", ")", "h = np.tanh(z)", "return h"],
    ),
    "another shape": (
        ["z = b * b", "h = x + z", "return h"],
        ["z = b * b", "h = x + z", "return h"],
    ),
    "no number": (
        ["z = x > 0", "h = z * y", "return h"],
        ["z = x > 0", "h = z * y", "return h"],
    ),
    "unknown": (
        ["n = np.arange(3)", "h = n * n", "g = h + b", "return g"],
        ["n = np.arange(3)", "h = n * n", "g = h + b", "return g"],
    ),
    "read twice, by two operations": (
        ["z = x + y", "h = z * y - np.exp(z)", "return h"],
        ["z = x + y", "h = z * y", "h -= np.exp(z)", "return h"],
    ),
    "into an argument that is stored to": (
        ["x[...] = s * (y * y) + b * x", "return"],
        ["x *= b", "x += s * (y * y)", "return"],
    ),
    "an argument that is read once more": (
        ["x[...] = x - s * (b * x + y)", "return"],
        ["x -= s * (b * x + y)", "return"],
    ),
    "an argument that is read deeper": (
        ["x[...] = s * x + b * x", "return"],
        ["x[...] = s * x + b * x", "return"],
    ),
    "inside of a block": (
        ["z = x + y", "with silence:", "    h = np.sqrt(z)", "return h"],
        ["z = x + y", "with silence:", "    h = np.sqrt(z, out=z)", "return h"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_lines(name: str) -> None:
    before, after = CASES[name]
    *lines, last = before
    found, following = overwritten(lines, SHAPES, [last])
    assert [*found, *following] == after


def test_small_arrays_stay() -> None:
    lines = ["z = c * s", "t1 = x + y", "h = np.tanh(z)", "t2 = np.tanh(t1)"]
    found, _ = overwritten(lines, SHAPES, ["return h, t2"], axes=2)
    assert found == [*lines[:3], "np.tanh(t1, out=t1)"]


POINTWISE = (
    "np.tanh({0})",
    "{0} + {1}",
    "{0} * {1} - {2}",
    "{0} - {1} * {2}",
    "s - {0}",
    "{0} / ({1} * {1} + 2)",
    "np.maximum({0}, {1})",
    "-{0}",
    "{0} * ({1} > 0)",
)
OTHERS = (
    "{0}.T.copy().T",
    "{0}.T.T",
    "{0}[:, :]",
    "{0} - {1}.max(axis=1)[:, None]",
    "{0} @ ({1}.T @ {2})",
    "np.reshape({0}, {0}.shape)",
    "{0} * {1}.sum(axis=0)",
)


def test_random_programs() -> None:
    """Programs of ten lines, some of whose values are read again at the end."""
    random = np.random.default_rng(5)
    changed = 0
    for _ in range(100):
        names, lines = ["x", "y"], []
        for k in range(10):
            texts = OTHERS if random.random() < 0.3 else POINTWISE
            recent = [str(x) for x in random.choice(names[-4:], 3)]
            names.append(f"t{k}" if random.random() < 0.4 else f"v{k}")
            lines.append(f"{names[-1]} = {texts[random.integers(len(texts))].format(*recent)}")
        kept = [x for x in names[2:] if random.random() < 0.3] + names[-1:]
        last = f"result = [{', '.join(kept)}]"
        found, following = overwritten(lines, SHAPES, [last])
        changed += found != lines
        results = []
        for program in ([*lines, last], [*found, *following]):
            start = np.random.default_rng(1)
            given = {"x": start.normal(size=(4, 3)), "y": start.normal(size=(4, 3)), "s": 0.5}
            before = {k: np.copy(v) for k, v in given.items()}
            space = {"np": np, **given}
            exec("\n".join(program), space)
            assert all(np.array_equal(space[k], v) for k, v in before.items())
            results.append([np.copy(a) for a in space["result"]])
        for a, b in zip(*results, strict=True):
            assert np.array_equal(a, b, equal_nan=True), "\n".join([*lines, "", *found])
    assert changed > 50
