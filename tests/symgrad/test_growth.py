"""A derivation takes time in proportion to the declaration: calls are counted, not seconds."""

from __future__ import annotations

import cProfile
import gc
import runpy
from pathlib import Path
from typing import Any

import pytest

import symgrad
import symgrad.codegen

ROOT = Path(__file__).parents[2]
BENCHMARK = runpy.run_path(str(ROOT / "benchmarks" / "derivation_scaling.py"))
OURS = tuple(str(Path(module.__file__ or "").parent) for module in (symgrad, symgrad.codegen))


def calls(sweep: str, size: int) -> int:
    """Calls of symgrad's own functions, from the first symbol to NumPy source.

    Those of SymPy depend on what its caches still hold.
    """
    profile = cProfile.Profile()
    gc.collect()
    gc.disable()  # it calls back for every node that dies
    try:
        profile.runcall(BENCHMARK["symgrad_source"], sweep, size, f"growth{size}")
    finally:
        gc.enable()
    entries: list[Any] = profile.getstats()
    files = ((entry.callcount, getattr(entry.code, "co_filename", "")) for entry in entries)
    return sum(count for count, name in files if name.startswith(OURS))


@pytest.mark.parametrize(("sweep", "size"), [("depth", 2), ("uses", 10), ("terms", 14)])
def test_twice_the_size_is_twice_the_work(sweep: str, size: int) -> None:
    """From 2n to 4n as many calls are added as twice from n to 2n; n² would add four times."""
    calls(sweep, 1)  # imports and caches
    one, two, four = (calls(sweep, k * size) for k in (1, 2, 4))
    assert (four - two) / (two - one) < 2.02
