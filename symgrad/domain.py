"""A warning where a logarithm is taken of something that can be ≤ 0.

Why it exists: ``log(1 − p)`` is right on paper and −∞ or NaN in training. What is declared is
checked when it gets a name (``sg.let``) and, for a loss without one, when it is differentiated;
each check looks down to the nearest named values, so declaring a network stays linear in it.

Nothing is said of a logarithm whose operand is certain to be positive (`bounds`), of one that has
a stable form (`recognise`: log of softmax, of σ, of 1 − σ), or of leaves as they are, multiplied
and divided: ``log(x)`` and ``log(x/y)`` say that x and y are meant to be positive, and the
derivative table of a calculus course would otherwise warn on every line. A *computed* operand,
such as a difference or W·x, is what goes wrong unnoticed.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import sympy as sp

from symgrad import graph as g
from symgrad import vocabulary
from symgrad.algebra import softmax_of
from symgrad.bounds import bounds
from symgrad.errors import DomainWarning
from symgrad.graph import Kind, Node, slot
from symgrad.recognise import FORWARD
from symgrad.rewrite import Rewriter

_LOG = sp.log(slot(0))

_PLACE: ContextVar[str] = ContextVar("place", default="")


@contextmanager
def declared_at(place: str) -> Iterator[None]:
    """What is declared inside comes from a text: warnings say where, ``line 2, column 5``."""
    token = _PLACE.set(place)
    try:
        yield
    finally:
        _PLACE.reset(token)


def warn_of_logarithms(root: Node) -> None:
    """Emit a DomainWarning for each doubtful logarithm below ``root``, down to named values."""
    inside = g.topological([root], lambda n: () if n.kind is Kind.NAMED else n.args)
    for node in filter(_is_suspect, inside):
        (stable,) = Rewriter(FORWARD)([node])
        doubtful = [n for n in g.topological([stable]) if _is_suspect(n)]
        if doubtful:
            _warn(node.args[0], g.peel(doubtful[-1].args[0]))


def _is_suspect(node: Node) -> bool:
    if node.kind is not Kind.MAP or node.body != _LOG:
        return False
    operand = node.args[0]
    return not (bounds(operand).positive or _is_one_minus_softmax(operand) or _is_bare(operand))


def _is_one_minus_softmax(node: Node) -> bool:
    """1 − softmax(z) is 0 for a single class only, and a softmax of one class is none."""
    node = g.peel(node)
    if node.kind is not Kind.SUM or sorted(node.weights) != [-1, 1] or len(node.args) != 2:
        return False
    one, other = sorted(node.args, key=lambda a: a.kind is not Kind.CONST)
    weight = node.weights[node.args.index(other)]
    return one.kind is Kind.CONST and weight == -1 and softmax_of(g.peel(other)) is not None


def _is_bare(node: Node) -> bool:
    """Whether the sign is that of leaves alone: a product of their powers, a modulus, an entry."""
    return all(
        _keeps_bare(n)
        for n in g.topological([node], lambda n: () if n.kind is Kind.ONEHOT else n.args)
    )


def _keeps_bare(node: Node) -> bool:
    match node.kind:
        case Kind.LEAF | Kind.NAMED | Kind.ONEHOT | Kind.INDICATOR:
            return True
        case Kind.CONST:
            return bounds(node).positive
        case Kind.SUM:
            return len(node.args) == 1 and bool(node.weights[0].is_positive)
        case Kind.MAP:
            power = bool(node.body.is_Pow) and node.body.base == slot(0)
            return len(node.args) == 1 and (power or node.body == vocabulary.absolute(slot(0)))
        case Kind.PRODUCT:
            picks = (Kind.ONEHOT, Kind.INDICATOR)
            picked = {x for a in node.accesses if a.node.kind in picks for x in a.labels}
            return {x for labels in node.labels for x in labels if x >= node.rank} <= picked
        case _:
            return False


# ----------------------------------------------------------------------------------- what to say


def _is_rectified(node: Node) -> bool:
    t = slot(0)
    cut = (vocabulary.relu(t), vocabulary.maximum(0, t), vocabulary.maximum(t, 0))
    return node.kind is Kind.MAP and node.body in cut


def _is_one_minus(node: Node) -> bool:
    constant = any(a.kind is Kind.CONST for a in node.args)
    return constant and _is_difference(node)


def _is_difference(node: Node) -> bool:
    return node.kind is Kind.SUM and any(c.is_negative for c in node.weights)


def _is_nonnegative(node: Node) -> bool:
    return bounds(node).nonnegative


ADVICE: tuple[tuple[Callable[[Node], bool], str], ...] = (
    (_is_rectified, "use sg.softplus in place of relu, which is 0 on half of its arguments"),
    (
        _is_one_minus,
        "if it is 1 − p with a probability p, make p with sg.sigmoid or sg.softmax, and the "
        "logarithm is taken exactly",
    ),
    (_is_difference, "if it is meant to be positive, take the logarithm of its sg.softplus"),
    (_is_nonnegative, "add a positive constant, as in log(ε + a)"),
    (
        lambda node: True,
        "declare what it is made of positive, as in sg.assume(x, Q.positive), or take the "
        "logarithm of its sg.softplus",
    ),
)
"""The operand of a logarithm → what to write instead; the first row that fits."""


def _warn(shown: Node, operand: Node) -> None:
    from symgrad.show.matrix_form import entry_form, matrix_form
    from symgrad.show.text import formula

    advice = next(text for fits, text in ADVICE if fits(operand))
    can = "0" if bounds(operand).nonnegative else "≤ 0"
    form = matrix_form(shown) if shown.rank <= 2 else entry_form(shown).expr
    place = _PLACE.get()
    warnings.warn(
        f"{place}{': ' if place else ''}the logarithm of {formula(form)} is taken, "
        f"which can be {can}; {advice}.",
        DomainWarning,
        stacklevel=_level_of_caller(),
    )


def _level_of_caller() -> int:
    """How far up the first line outside symgrad is, counted from `_warn`."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("symgrad."):
        frame, level = frame.f_back, level + 1
    return level
