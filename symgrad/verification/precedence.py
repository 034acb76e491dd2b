"""``a ⊙ b c`` read from the left, where that is the only reading that fits.

Why it exists: by the rules of the language, and of most books, it is a ⊙ (b c); many people mean
(a ⊙ b) c, and the shapes tell which.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import symgrad.language.syntax as s
from symgrad.language.functions import KNOWN
from symgrad.verification.indices import Knows, run_of

_LOOSE = frozenset({"⊙", "∘", ".*", "*"})


def left_to_right(tree: s.Expr, knows: Knows) -> s.Expr | None:
    """``a ⊙ b c`` read as (a ⊙ b) c, which is how many people mean it; None where nothing changes.

    By the rules of the language, and of most books, it is a ⊙ (b c). Where that does not fit and
    this does, this is what was meant.
    """
    changed = False

    def read(node: Any) -> Any:
        nonlocal changed
        if isinstance(node, tuple):
            return tuple(map(read, node))
        if not isinstance(node, s.Node | s.Link):
            return node
        node = replace(node, **{x.name: read(getattr(node, x.name)) for x in fields(node)})
        if isinstance(node, s.Chain):
            regrouped = _from_left(node, knows)
            changed = changed or regrouped is not node
            return regrouped
        return node

    found = read(tree)
    return found if changed else None


def as_in_numpy(tree: s.Expr) -> s.Expr | None:
    """``*`` entry by entry beside ``@``, as NumPy has it; None where there is no ``@``."""
    products = False

    def read(node: Any) -> Any:
        nonlocal products
        if isinstance(node, tuple):
            return tuple(map(read, node))
        if not isinstance(node, s.Node | s.Link):
            return node
        node = replace(node, **{x.name: read(getattr(node, x.name)) for x in fields(node)})
        if isinstance(node, s.Link):
            products = products or node.operator == "@"
            return replace(node, operator="⊙") if node.operator == "*" else node
        return node

    found = read(tree)
    return found if products and found != tree else None


def _from_left(chain: s.Chain, knows: Knows) -> s.Chain:
    """The factors with everything up to the right operand of each ⊙ in parentheses."""
    done: list[s.Link] = []
    waiting = list(chain.links)
    while waiting:
        link = waiting.pop(0)
        if link.operator not in _LOOSE:
            done.append(link)
            continue
        operand = [replace(link, operator="", sign=1)]
        name = link.item
        applied = isinstance(name, s.Name) and not knows(name.name) and name.name in KNOWN
        if applied and waiting and waiting[0].operator == "":
            operand.append(waiting.pop(0))
        if not waiting or waiting[0].operator in _LOOSE:
            done.append(link)
            done += operand[1:]
            continue
        inner = s.Chain(chain.at, chain.height, (*done, replace(link, item=run_of(operand))))
        closed = s.Arguments(
            chain.links[0].item.at.to(link.item.at), chain.height + 1, (inner,), ()
        )
        done = [s.Link("", 1, closed)]
    if len(done) == len(chain.links):
        return chain
    return replace(chain, links=tuple(done))
