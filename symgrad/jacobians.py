"""Jacobians and directional derivatives, all made of the reverse sweep.

Why it exists: a second derivative needs no second table of rules. The sweep u ↦ Jᵀ·u is linear in
its seed u, so its own derivative by u, along v, is J·v; and a whole Jacobian is the sweep of a
seed that is the identity, u with more axes in front, made of δs that contraction removes.

All results are raw graphs: `simplify` makes them readable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sympy as sp

from symgrad import graph as g
from symgrad.batch import with_axes
from symgrad.graph import Kind, Node, Shape
from symgrad.reverse import Trail, adjoint_label, adjoint_name, adjoints


class Sweep(NamedTuple):
    """One sweep of a Jacobian: ``blocks[k]`` is ∂value/∂variable, for the variable ``places[k]``.

    A block has the axes of the value before those of the variable. ``backward`` says that named
    values have adjoints, with the value's axes in front; otherwise they have tangents.
    """

    places: tuple[int, ...]
    blocks: tuple[Node, ...]
    backward: bool


def inner(left: Sequence[Node], right: Sequence[Node]) -> Node:
    """⟨left, right⟩, summed over every entry of every pair."""
    terms: list[tuple[object, Node, g.Labels]] = []
    for a, b in zip(left, right, strict=True):
        axes = tuple(range(a.rank))
        terms.append((1, g.product([(a, axes), (b, axes)], ()), ()))
    return g.add(terms, ())


def pushed(
    values: Sequence[Node],
    variables: Sequence[Node],
    directions: Sequence[Node],
    trail: Trail | None = None,
) -> list[Node]:
    """J·direction: for each value, in its shape, summed over the variables.

    The sweep of ⟨values, u⟩ is linear in u; this is its derivative by u. The tangent of a named
    value has the name of its adjoint, because it is the adjoint of its adjoint. A ``trail`` names
    every tangent.
    """
    seeds = [_seed(value.shape, k) for k, value in enumerate(values)]
    first = None if trail is None else Trail(names_messages=False)
    sweep = adjoints(inner(values, seeds), list(variables), trail=first)
    own = {node: x for node, x in sweep.items() if x.kind is Kind.NAMED}  # or that of its name
    of = {x: node for node, x in own.items() if x.name == _tangent_name(node)}
    reached = [(sweep[x], v) for x, v in zip(variables, directions, strict=True) if x in sweep]
    back = adjoints(
        inner([x for x, _ in reached], [v for _, v in reached]),
        seeds,
        name=lambda node: _tangent_name(of[node]),
    )
    if trail is not None and first is not None:
        trail.values |= {_tangent_name(node): node for node in of.values()}
        trail.regions |= first.regions
    return [back.get(u, g.const(0, u.shape)) for u in seeds]


def _tangent_name(node: Node) -> str:
    """The provisional name of a value's tangent, which is that of its adjoint."""
    return adjoint_name(node) if node.kind is Kind.NAMED else adjoint_label(node)


def sweeps(value: Node, variables: Sequence[Node], trail: Trail | None = None) -> list[Sweep]:
    """The Jacobian of ``value`` by each of ``variables``, in as few sweeps as there are reasons.

    A scalar variable is one direction, so its column is pushed forward, unless the value is a
    scalar itself; every other block is pulled back from an identity, with a ``trail`` where one is
    given, as in `adjoints`.
    """
    result: list[Sweep] = []
    rest = list(range(len(variables)))
    if value.rank:
        for k in [k for k in rest if not variables[k].rank]:
            tangent = pushed([value], [variables[k]], [g.const(1)], trail)
            result.append(Sweep((k,), tuple(tangent), backward=False))
            rest.remove(k)
    if rest:
        seed = _seed(value.shape, 0)
        sweep = adjoints(value, [variables[k] for k in rest], seed, trail=trail)
        raw = [sweep.get(variables[k], g.const(0, variables[k].shape)) for k in rest]
        result.append(Sweep(tuple(rest), tuple(_spread(raw, seed)), backward=True))
    return result


def _seed(shape: Shape, k: int) -> Node:
    """A leaf that stands for a seed; no declaration can hold it."""
    return g.leaf(f"seed {k}", shape, sp.Dummy(f"seed{k}", dummy_index=-1 - k))


def _spread(raw: Sequence[Node], seed: Node) -> list[Node]:
    """``raw``, linear in ``seed``, for the identity as its seed: the seed's axes in front."""
    front = seed.shape
    identity = g.product(
        [(g.delta(n), (k, len(front) + k)) for k, n in enumerate(front)], (*front, *front)
    )
    found = with_axes(raw, {seed: identity}, front)
    own = [tuple(range(len(front), len(front) + node.rank)) for node in raw]
    return [
        new if new.rank == len(front) + old.rank else g.product([(new, axes)], (*front, *old.shape))
        for new, old, axes in zip(found, raw, own, strict=True)
    ]
