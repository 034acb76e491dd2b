"""What may be known of a leaf: one row a fact.

Why it exists: ``Aᵀ`` is ``A`` and ``p·Σy − y`` is ``p − y`` only where that is known. A fact is
declared on a leaf (``sg.assume``, ``sg.simplex``), never assumed and never guessed from a shape;
rules ask `knows`, and the derivation quotes the fact's law as the reason.

A fact holds *at* the leaf and not around it: a symmetric matrix that is moved in one entry is no
longer symmetric. So a derivative by a leaf with facts is that by a free one, and the facts
simplify its value afterwards: by a symmetric A, ``sg.gradient`` gives the unconstrained gradient.

**To add a fact**, add its row to `FACTS` and the rules that use it to `fact_rules`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import sympy as sp
from sympy.assumptions.assume import Predicate

from symgrad.errors import DeclarationError
from symgrad.graph import Fact, Kind, Node, Shape

ENTRY, VECTOR, SQUARE = 0, 1, 2
"""What a fact is about: every entry, a vector, a square matrix; the number of axes it needs."""

_NEEDS = {VECTOR: "a vector, n×1", SQUARE: "a square matrix"}


class FactRow(NamedTuple):
    """One fact. ``law`` is what a derivation says, with {0} for the leaf."""

    name: str
    predicate: Predicate | None
    """The name that SymPy has for it."""
    about: int
    law: str
    implies: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    """Facts that no array of more than one entry has as well."""
    instead: str = ""
    """What to use of a free parameter, where one with the fact was to be trained."""
    around: bool = False
    """Whether the fact holds around the leaf's value as well."""
    maker: str = ""
    """What declares it, where more has to be known of the leaf."""


FACTS: dict[str, FactRow] = {
    row.name: row
    for row in (
        FactRow("nonnegative", sp.Q.nonnegative, ENTRY, "{0} ≥ 0", instead="its sg.softplus"),
        FactRow(
            "positive", sp.Q.positive, ENTRY, "{0} > 0", ("nonnegative",),
            ("one-hot", "diagonal", "orthogonal"), "its sg.softplus", True,
        ),
        FactRow("simplex", None, VECTOR, "Σ {0} = 1", ("nonnegative",), instead="its sg.softmax"),
        FactRow("one-hot", None, VECTOR, "{0} is one-hot", ("simplex",), instead="its sg.softmax"),
        FactRow("unit norm", None, VECTOR, "‖{0}‖ = 1", instead="its quotient by its norm"),
        FactRow(
            "mask", None, ENTRY, "{0} is a dropout mask", ("nonnegative",),
            instead="its sg.sigmoid", maker="sg.mask",
        ),
        FactRow(
            "label", None, ENTRY, "{0} is a class", ("nonnegative",), instead="scores",
            maker="sg.label",
        ),
        FactRow(
            "symmetric", sp.Q.symmetric, SQUARE, "{0} = {0}ᵀ", instead="its sum with its transpose"
        ),
        FactRow(
            "positive definite", sp.Q.positive_definite, SQUARE, "{0} is positive definite",
            ("symmetric",), instead="its product with its transpose",
        ),
        FactRow(
            "diagonal", sp.Q.diagonal, SQUARE, "{0} is diagonal", ("symmetric",),
            instead="the sympy.DiagMatrix of a vector",
        ),
        FactRow("orthogonal", sp.Q.orthogonal, SQUARE, "{0}ᵀ·{0} = I", instead="it as it is"),
    )
}  # fmt: skip
"""The vocabulary of facts."""


def _closure(name: str) -> frozenset[str]:
    """The fact and all that it implies."""
    found, stack = {name}, [name]
    while stack:
        new = [x for x in FACTS[stack.pop()].implies if x not in found]
        found.update(new)
        stack.extend(new)
    return frozenset(found)


IMPLIED: dict[str, frozenset[str]] = {name: _closure(name) for name in FACTS}
"""fact → itself and what follows from it."""


def knows(node: Node, name: str) -> Fact | None:
    """The declared fact of a leaf that says or implies ``name``, else None."""
    if node.kind is not Kind.LEAF:
        return None
    found = (fact for fact in node.leaf.facts if name in IMPLIED[fact.name])
    return min(found, default=None)


def axes_of_fact(node: Node, name: str) -> tuple[int, ...] | None:
    """The axes of a leaf that ``name`` is about, or None where it is not known."""
    fact = knows(node, name)
    return None if fact is None else fact.axes


def facts_of_scalar(symbol: sp.Symbol) -> list[Fact]:
    """The facts that SymPy's assumptions on a scalar symbol are."""
    if symbol.is_positive:
        return [Fact("positive", ())]
    return [Fact("nonnegative", ())] if symbol.is_nonnegative else []


def is_free(leaf: Node) -> bool:
    """Whether all facts of a leaf hold around its value too, so that a derivative may use them."""
    return all(FACTS[fact.name].around for fact in leaf.leaf.facts)


def is_parameter(leaf: Node) -> bool:
    """Whether a leaf can be trained: it is free, no label, and no data of an empirical risk."""
    return is_free(leaf) and leaf.leaf.origin is None and leaf.leaf.classes is None


def reason(node: Node, name: str) -> str:
    """What a derivation quotes: the law of a declared fact, with the leaf's name."""
    shown = str(node.leaf.origin or node.name)
    law = FACTS[name].law.format(shown)
    return law if name == "simplex" else f"{law} (declared)"


# -------------------------------------------------------------------------------- declaration


def fact_name(fact: object) -> str:
    """The name of a fact that was given as text or as SymPy's predicate."""
    for row in FACTS.values():
        if fact == row.name or (row.predicate is not None and fact == row.predicate):
            if row.maker:
                raise DeclarationError(
                    f"the fact {row.name} is declared by {row.maker}, which knows more of the leaf."
                )
            return row.name
    predicates = ", ".join(str(row.predicate) for row in FACTS.values() if row.predicate)
    texts = ", ".join(f'"{row.name}"' for row in FACTS.values() if not (row.predicate or row.maker))
    raise DeclarationError(
        f"the fact {fact!r} was given; expected one of {predicates}, or of {texts}."
    )


def declared(
    name: str, shape: Shape, columns: Shape, given: Iterable[str], before: Iterable[Fact] = ()
) -> frozenset[Fact]:
    """The facts of a leaf called ``name``, each with its axes, the implied ones left out.

    ``shape`` is the leaf's in the graph and ``columns`` the declared one, () for a scalar. Raises
    DeclarationError where a fact contradicts the shape or another fact.
    """
    axes = tuple(range(len(shape)))
    known = {fact.name: fact for fact in before}
    names = dict.fromkeys([*known, *given])
    for fact in names:
        _check_shape(name, fact, columns)
    if shape:  # one entry may be all of them at once
        _check_together(name, tuple(names))
    kept = [x for x in names if not any(x in IMPLIED[y] for y in names if y != x)]
    fits = [x for x in kept if FACTS[x].about <= len(axes)]
    return frozenset(known.get(x) or Fact(x, axes[: FACTS[x].about]) for x in fits)


def _check_shape(name: str, fact: str, columns: Shape) -> None:
    about = FACTS[fact].about
    fits = {
        ENTRY: True,
        VECTOR: 1 in columns,
        SQUARE: len(columns) == 2 and columns[0] == columns[-1],
    }[about]
    if not fits:
        shape = "×".join(map(str, columns)) or "scalar"
        raise DeclarationError(
            f"{name} is declared {fact}, which is about {_NEEDS[about]}; {name} has shape {shape}. "
            "Give it another shape, or leave the fact out."
        )


def _check_together(name: str, facts: tuple[str, ...]) -> None:
    for fact in facts:
        for other in facts:
            if any(x in IMPLIED[other] for x in FACTS[fact].excludes):
                raise DeclarationError(
                    f"{name} is declared {fact} and {other}, and nothing is both; "
                    "leave one of the two facts out."
                )
