"""Contractions as products of matrices: which axes merge, and which are looped over.

Why it exists: BLAS multiplies matrices, and most contractions of arrays are nothing else once
neighbouring axes are taken as one. Where an axis is in the way, such as that of a batch, the
product is a loop of smaller ones over it; nothing is copied.
"""

from __future__ import annotations

from dataclasses import dataclass

from symgrad.codegen.program import Operand
from symgrad.graph import Labels


@dataclass(frozen=True, slots=True)
class MatrixProduct:
    """c[rows, cols] = Σ a[rows, inner]·b[inner, cols], for each index of ``loops``.

    The loops lead in every array that has them; a label of ``loops`` that c lacks is summed over.
    ``transposed`` says of a and b whether they are stored the other way round.
    """

    a: Operand
    b: Operand
    loops: Labels
    rows: Labels
    inner: Labels
    cols: Labels
    transposed: tuple[bool, bool]


def as_matrices(rank: int, a: Operand, b: Operand) -> MatrixProduct | None:
    """The product of matrices that Σ a·b is, where c has the labels 0 … rank − 1; None if none."""
    loops: list[int] = []
    while True:
        found = _matched(rank, a, b, loops)
        if found is not None:
            return found
        label = _leading(rank, a, b, loops)
        if label is None:
            return None
        loops.append(label)


def _rest(labels: Labels, loops: list[int]) -> Labels:
    return tuple(x for x in labels if x not in loops)


def _matched(rank: int, a: Operand, b: Operand, loops: list[int]) -> MatrixProduct | None:
    la, lb, lc = (_rest(x, loops) for x in (a.labels, b.labels, tuple(range(rank))))
    if len(set(la)) < len(la) or len(set(lb)) < len(lb):
        return None
    inner = tuple(x for x in la if x in lb)
    rows, cols = _rest(la, list(inner)), _rest(lb, list(inner))
    if not (rows and inner and cols) or any(x < rank for x in inner):
        return None
    if lc == (*cols, *rows):
        a, b, la, lb, rows, cols = b, a, lb, la, cols, rows
    turned = la != (*rows, *inner), lb != (*inner, *cols)
    if lc != (*rows, *cols) or (turned[0] and la != (*inner, *rows)):
        return None
    if turned[1] and lb != (*cols, *inner):
        return None
    return MatrixProduct(a, b, tuple(loops), rows, inner, cols, turned)


def _leading(rank: int, a: Operand, b: Operand, loops: list[int]) -> int | None:
    """A label to loop over: first in each array that has it; one of both factors before others."""
    arrays = [_rest(x, loops) for x in (a.labels, b.labels, tuple(range(rank)))]
    heads = [labels[0] for labels in arrays if labels]
    free = [x for x in heads if all(labels[0] == x for labels in arrays if x in labels)]
    return max(free, key=lambda x: (x in arrays[0] and x in arrays[1], x < rank), default=None)
