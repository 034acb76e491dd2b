"""Declared names: types, sizes and facts as SymPy leaves.

Why it exists: ``A: matrix(n, n), positive definite`` is a MatrixSymbol with a fact. The kinds of
leaves are the rows of `KINDS`; the facts are those of `facts.FACTS`, under the names they have
there, so a fact that is added to that table can be declared at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp

import symgrad.language.arithmetic as a
import symgrad.language.syntax as s
from symgrad.declare import assume, label, mask, simplex
from symgrad.errors import DeclarationError
from symgrad.facts import FACTS
from symgrad.functions import as_size
from symgrad.language.limits import checked_position
from symgrad.language.names import nearest
from symgrad.language.scope import Scope

MAX_AXES = 6

Sizes = Sequence[Any]
Make = Callable[[str, Sizes, dict[str, Any]], Any]


def _scalar(name: str, sizes: Sizes, options: dict[str, Any]) -> Any:
    return sp.Symbol(name, real=True)


def _matrix(name: str, sizes: Sizes, options: dict[str, Any]) -> Any:
    return sp.MatrixSymbol(name, *(*sizes, 1)[:2])


def _row(name: str, sizes: Sizes, options: dict[str, Any]) -> Any:
    return sp.MatrixSymbol(name, 1, sizes[0])


def _array(name: str, sizes: Sizes, options: dict[str, Any]) -> Any:
    if len(sizes) <= 2:
        return _matrix(name, sizes, options)
    return sp.IndexedBase(name, shape=tuple(sizes))


def _simplex(name: str, sizes: Sizes, options: dict[str, Any]) -> Any:
    return simplex(name, sizes[0])


def _label(name: str, sizes: Sizes, options: dict[str, Any]) -> Any:
    return label(name, *sizes)


def _mask(name: str, sizes: Sizes, options: dict[str, Any]) -> Any:
    if "rate" not in options:
        raise DeclarationError(
            f"the mask {name} needs a rate, as in {name}: mask({sizes[0]}, rate=1/2)."
        )
    return mask(name, *sizes, rate=options["rate"])


def _function(name: str, sizes: Sizes, options: dict[str, Any]) -> Any:
    return sp.Function(name, real=True)


class Kind:
    """A kind of leaf: how many sizes it takes, which options, and what makes it."""

    def __init__(self, least: int, most: int, make: Make, usage: str, options: str = "") -> None:
        self.least, self.most, self.make, self.usage = least, most, make, usage
        self.options = frozenset(options.split())


KINDS: dict[str, Kind] = {
    "scalar": Kind(0, 0, _scalar, "scalar"),
    "vector": Kind(1, 1, _matrix, "vector(n)"),
    "row": Kind(1, 1, _row, "row(n)"),
    "matrix": Kind(2, 2, _matrix, "matrix(n, m)"),
    "array": Kind(1, MAX_AXES, _array, "array(n, m, …)"),
    "simplex": Kind(1, 1, _simplex, "simplex(n)"),
    "label": Kind(1, 2, _label, "label(classes) or label(classes, length)"),
    "mask": Kind(1, 2, _mask, "mask(n, rate=1/2)", "rate"),
    "function": Kind(0, 0, _function, "function"),
}
"""What can be declared."""

SPELLINGS: dict[str, str] = {
    "number": "scalar", "real": "scalar", "column": "vector", "tensor": "array",
    "probabilities": "simplex", "distribution": "simplex", "class": "label",
}  # fmt: skip
"""Other words for the same."""

FACT_NAMES: tuple[str, ...] = tuple(name for name, row in FACTS.items() if not row.maker)
"""Every fact that can be declared of a leaf, as it is typed; a hyphen is a space."""

_BY_WORDS = {name.replace("-", " "): name for name in FACT_NAMES}
_REALS = frozenset({"R", "ℝ"})


def declare(name: s.Name, words: Sequence[s.Word], sizes: Scope) -> Any:
    """The leaf of a declaration; ``sizes`` is the scope of what stands in its sizes."""
    kinds, facts = _read(words, sizes)
    if not kinds:
        implied = "vector(n)" if facts else "scalar"
        raise sizes.error(
            words[0], f"the kind of {name.name} is missing; expected one such as {implied}."
        )
    word, kind = kinds[0]
    given = [_size(x, sizes) for x in _split(word, sizes)]
    if word.name in _REALS:
        kind = KINDS[("scalar", "vector", "matrix", "array")[min(len(given), 3)]]
    if not kind.least <= len(given) <= kind.most:
        raise sizes.error(
            word, f"{word.name} is declared as {kind.usage}; {_sizes(len(given))} given here."
        )
    options = {key.name: sizes.build(x) for key, x in word.options}
    if not kind.options.issuperset(options):
        raise sizes.error(word, f"there is no such option; it is declared as {kind.usage}.")
    leaf = kind.make(name.name, given, options)
    if not facts:
        return leaf
    predicates = [FACTS[x].predicate or x for x in facts]
    return assume(leaf, *predicates)


def _sizes(n: int) -> str:
    return "no size is" if n == 0 else "1 size is" if n == 1 else f"{n} sizes are"


def _read(words: Sequence[s.Word], scope: Scope) -> tuple[list[tuple[s.Word, Kind]], list[str]]:
    """The kinds and the facts among the words of a type."""
    kinds: list[tuple[s.Word, Kind]] = []
    facts: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        two = f"{word.name} {rest[0].name}" if rest else ""
        spelled = SPELLINGS.get(word.name, word.name)
        if two in _BY_WORDS and not word.sizes:
            second = rest.pop(0)
            facts.append(_BY_WORDS[two])
            if second.sizes:
                raise scope.error(word, _fact_with_sizes(_BY_WORDS[two]))
        elif spelled in _BY_WORDS and (spelled not in KINDS or not word.sizes):
            facts.append(_BY_WORDS[spelled])
            if word.sizes:
                raise scope.error(word, _fact_with_sizes(facts[-1]))
        elif spelled in KINDS or word.name in _REALS:
            kinds.append((word, KINDS.get(spelled, KINDS["scalar"])))
        else:
            if kinds and kinds[-1][1].least and not kinds[-1][0].sizes:
                kind = kinds[-1][0].name
                raise scope.error(
                    word,
                    f"sizes stand in parentheses, as in {kind}({word.name}, …)."
                    if kinds[-1][1].least > 1
                    else f"sizes stand in parentheses; write {kind}({word.name}).",
                )
            known = [*KINDS, *SPELLINGS, *FACT_NAMES, "R"]
            near = nearest(two if two and nearest(two, FACT_NAMES) else word.name, known)
            hint = f"; did you mean {near}?" if near else f"; expected one of {', '.join(known)}."
            raise scope.error(word, f"{word.name} is no kind and no fact{hint}")
    if len(kinds) > 1:
        raise scope.error(kinds[1][0], "a name is declared as one kind; this is a second one.")
    return kinds, facts


def _fact_with_sizes(fact: str) -> str:
    return f"{fact} is a fact, which has no sizes; write the kind beside it, {fact} vector(n)."


def _split(word: s.Word, scope: Scope) -> list[s.Expr]:
    """The sizes of ``matrix(n, m)``, and of ``R^(H x D)``, where x is a sign."""
    found: list[s.Expr] = []
    for size in word.sizes:
        inner = size.positional if isinstance(size, s.Arguments) else (size,)
        for one in inner:
            found += _by_times(one) if word.name in _REALS else [one]
    return found


def _by_times(one: s.Expr) -> list[s.Expr]:
    """``H x D`` and ``H × D`` taken apart."""
    if not isinstance(one, s.Chain):
        return [one]
    groups: list[list[s.Link]] = [[]]
    for link in one.links:
        sign = isinstance(link.item, s.Name) and link.item.name == "x" and groups[-1]
        if link.operator == "×" or sign:
            groups.append([])
        if not sign:
            groups[-1].append(link)
    whole = [x for x in groups if x]
    return [
        x[0].item if len(x) == 1 else s.Chain(x[0].item.at.to(x[-1].item.at), one.height, tuple(x))
        for x in whole
    ]


def _size(node: s.Expr, scope: Scope) -> Any:
    value = scope.build(node)
    if a.shape(value) or not isinstance(value, sp.Expr):
        raise scope.error(node, "a size is a whole number or a dimension.")
    try:
        return as_size(checked_position(value), "a size")
    except DeclarationError:
        raise scope.error(
            node,
            f"a size is a whole number from 1, or made of dimensions; {scope.text(node)} is not.",
        ) from None
