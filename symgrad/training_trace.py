"""What a look into a training module shows: every named value, and what its layers are judged by.

Why it exists: where a loss becomes NaN, the file should say which value was the first; and its
health report needs f′(z) and ∂L/∂z of every layer h = f(z). Both are programs like the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from symgrad import graph as g
from symgrad.activation_layers import layers_below
from symgrad.graph import Kind, Node
from symgrad.reverse import adjoints
from symgrad.show.derivation import Derivation
from symgrad.simplify import strip_names


class Traced(NamedTuple):
    """A value, and the field of `runtime.records.Trace` and the key that it goes under."""

    table: str
    key: str
    node: Node


def trace_of(derivation: Derivation, fields: Sequence[str]) -> list[Traced]:
    """Named values in order of computation, the gradients by field, slopes and adjoints by layer.

    A name that occurs twice is the one that is computed last.
    """
    root = derivation.loss
    named = {n.name: n for n in g.topological([root]) if n.kind is Kind.NAMED}
    values = [Traced("values", name, node) for name, node in named.items()]
    if root.kind is not Kind.NAMED:
        values.append(Traced("values", "loss", root))
    gradients = zip(fields, derivation.roots, strict=True)
    layers = {x.value.name: x for x in layers_below(root)}
    below = [x.below for x in layers.values()]
    found = adjoints(root, below)
    adjoint = strip_names([found.get(z, g.const(0, z.shape)) for z in below])
    return [
        *values,
        *(Traced("gradients", field, node) for field, node in gradients),
        *(Traced("slopes", name, x.slope) for name, x in layers.items()),
        *(Traced("adjoints", name, node) for name, node in zip(layers, adjoint, strict=True)),
    ]
