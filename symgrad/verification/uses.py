"""What a claim is about, and by the names of which values it is made.

Why it exists: ∂L/∂W1 = δ1·xᵀ uses what δ1 stands for, ∂L/∂W1 = ∂L/∂W1 + 0 uses what it should say.
Both are seen in the graph of the claim, in which a name is a node.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import symgrad.language.syntax as s
from symgrad import graph as g
from symgrad.graph import Kind, Node
from symgrad.lift import lift
from symgrad.verification.claims import Claim, Names
from symgrad.verification.indices import names_in
from symgrad.verification.names import Target, Truth
from symgrad.verification.spellings import Partial

Key = tuple[bool, Any]
"""What a line is about: whether it is a derivative, and by which node, or the node itself; for
∂p/∂z, which is no derivative of the loss, both nodes."""


def key_of(target: Target, truth: Truth) -> Key | None:
    """What a claim is about, its transpose too; None for an entry, or a name of one's own."""
    if target.key is not None:
        return target.key
    if target.symbol is None:
        partial = _PARTIAL.fullmatch(target.name)
        return None if partial is None else _of_partial(partial[1], partial[2], truth)
    whole = truth.gradient(target.symbol)
    return whole.key if target.node is turned(whole.node) else None


_PARTIAL = re.compile(r"\(?∂(\w+)/∂(\w+)\)?ᵀ?")
"""The name of the target of a claim about ∂p/∂z."""


def _of_partial(above: str, below: str, truth: Truth) -> Key | None:
    a, b = truth.value(above), truth.value(below)
    return None if a is None or b is None else (True, (lift(a), lift(b)))


def turned(node: Node) -> Node:
    """The transpose; a vector has one axis and is its own."""
    return g.product([(node, (1, 0))], node.shape[::-1]) if node.rank == 2 else node


Uses = Mapping[Key, str]
"""Values of the loss, and how they are called where they are used."""


def references(claim: Claim, own: Mapping[str, Uses] = MappingProxyType({})) -> dict[Key, str]:
    """The values of the loss by whose names a claim is made, and how they are called there.

    A name of the writer's own is looked through; what is below another's name is not. ``own`` are
    the ∂p/∂z that the writer's names are made of, which their graphs do not show.
    """
    if claim.scope is None:
        return {}
    names = claim.scope.names
    assert isinstance(names, Names)
    roots = [claim.node] if claim.node is not None else _typed(claim, names)
    found: dict[Key, str] = {}

    def below(node: Node) -> Sequence[Node]:
        if node.kind is not Kind.NAMED or node.name in names.own:
            return node.args
        target = names.truth.target(node.name)
        if target is None or target.key is None:
            return node.args
        found.setdefault(target.key, node.name)
        return ()

    g.topological(roots, below)
    return {**found, **partials(claim.tree, names.truth, own)}


def partials(tree: Any, truth: Truth, own: Mapping[str, Uses]) -> dict[Key, str]:
    """The ∂p/∂z in a tree, and in names of the writer's own."""
    found: dict[Key, str] = {}
    if isinstance(tree, Partial):
        key = _of_partial(tree.above, tree.below, truth)
        return {} if key is None else {key: f"∂{tree.above}/∂{tree.below}"}
    if isinstance(tree, s.Name):
        return dict(own.get(tree.name, {}))
    inside = tree if isinstance(tree, tuple) else ()
    if isinstance(tree, s.Node | s.Link):
        inside = tuple(vars(tree).values())
    for x in inside:
        found.update(partials(x, truth, own))
    return found


def _typed(claim: Claim, names: Names) -> list[Node]:
    """The values whose names stand in a claim of which the shapes do not fit."""
    typed = dict.fromkeys(x.name for x in names_in(claim.tree))
    return [lift(names[x]) for x in typed if x in names.own or names.truth.target(x) is not None]


def is_circular(claim: Claim) -> bool:
    """Whether a right side is made with a name of what it should say: dL/dW = dL/dW."""
    target = claim.target
    if claim.node is None:
        return False
    if claim.scope is None:  # in SymPy
        named = [n for n in g.topological([claim.node]) if n.kind is Kind.NAMED]
        return target.node in (*named, *(n.args[0] for n in named if target.symbol is not None))
    assert isinstance(claim.scope.names, Names)
    own = key_of(target, claim.scope.names.truth)
    if target.symbol is not None:
        own = (True, lift(target.symbol))
    return own is not None and own in references(claim)
