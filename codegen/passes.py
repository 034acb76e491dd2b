"""The optimisations of compiled programs, by name: what each changes, and how to leave it out.

Why it exists: an optimisation is worth its code only while somebody can see what it is worth.
Each has one name here, and its law, ``before → after``; ``training_module(without=["fold"])``
builds the same file without it, and ``benchmarks/training --without fold`` measures the difference.
No pass changes a result by more than rounding, which a test shows for each.
"""

from __future__ import annotations

from collections.abc import Iterable

from symgrad.errors import UnsupportedError

PASSES: dict[str, str] = {
    "roll": "h₁ = f(h₀); h₂ = f(h₁); … → for t: h[t] = f(h[t − 1])",
    "fold": "G = δᵀ·x; W ← W − η·G → W ← −η·δᵀ·x + 1·W, in one product",
    "accumulate": "G = a·b + c·d → G ← a·b; G ← c·d + 1·G, no product kept for itself",
    "fuse": "a loop for each statement → one loop for all that run over the same elements",
    "inline": "a value that is used once → printed where it is used",
    "hoist": "views of buffers cut in each step → when the number of rows changes",
    "reuse": "Σᵢ a·b beside a ⊙ b → Σᵢ (a ⊙ b)",
    "narrow": "rows of ten classes, too short for vectors → columns: (N, 10) stored as (10, N)",
    "last": "images (N, h, w, c) → (c, h, w, N): loops over examples, not over three columns",
    "tile": "products by BLAS → by this thread, in tiles of registers; not small, nor shared ones",
    "halve": "N rows on one thread → N/2 on each of two: their mean gradient, where it pays",
    "divide": "s = V·f(W·x) on one thread → on each of two, with half of the units (wide layers)",
    "turn": "x·Wᵀ, dot products of rows → x·W, where W is stored (in, out)",
    "share": "an array for each value → one for values that are never alive together",
    "scale": "(η/N)·Σ δ·xᵀ for each parameter → δ ← (η/N)·δ once, before the products (NumPy)",
    "dot": "a @ b → a.dot(b) where it is small: NumPy begins it in half the time (NumPy)",
    "overwrite": "t = f(s), where s is read no more → s is overwritten by f(s) (NumPy)",
}
"""Each pass and its law."""

Passes = frozenset[str]
"""The names of passes that are left out."""


def left_out(names: Iterable[str]) -> Passes:
    """The passes to leave out; an unknown name raises UnsupportedError, naming the nearest."""
    chosen = frozenset([names] if isinstance(names, str) else names)
    for name in sorted(chosen - PASSES.keys()):
        from difflib import get_close_matches

        (near,) = get_close_matches(name, PASSES, n=1, cutoff=0.0)
        raise UnsupportedError(
            f"the pass {name!r} was to be left out; expected some of "
            f"{', '.join(map(repr, PASSES))}. Did you mean {near!r}?"
        )
    return chosen
