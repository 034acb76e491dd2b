"""Values up to the numbers in their names: z2 = W2·h1 + b2 and z3 = W3·h2 + b3 have one form.

Why it exists: the lines of a deep network repeat with other numbers in their names. To see that,
each line is read once, as a *form*, equal for all of them, and the numbers in the order in which
the form has them; to show it once, names are written anew, in strings and in SymPy alike.

A number is a run of digits after a letter, ``_``, a mark or a prime: the 3 of W3, h_3, δ_z3 and
∂L/∂W3, but not that of x/3. All of them count, so of W2_1 whichever changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import singledispatch
from typing import Any, NamedTuple

import sympy as sp

from symgrad import graph as g
from symgrad.graph import Kind, Node
from symgrad.symbols import (
    ArrayCall,
    FactArray,
    FactMatrix,
    LabelSymbol,
    MatrixCall,
    NamedArray,
    NamedMatrix,
    NamedScalar,
    ScalarCall,
)

_SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉"
_NUMBER = re.compile(
    rf"(?<=[^\W\d{_SUBSCRIPTS}]|[\u0300-\u036f′])(?:0|[1-9][0-9]*|[{_SUBSCRIPTS}]+)(?![0-9{_SUBSCRIPTS}])"
)
WORD = re.compile(r"[\w\u0300-\u036f′₊₋]+")
"""A name, or part of one such as ``∂L/∂z3``, with its marks."""


class Parts(NamedTuple):
    """What a value is made of: what nothing can change, a text with numbers, and other values."""

    head: Any
    text: str = ""
    children: tuple[Any, ...] = ()
    unordered: bool = False


_UNORDERED = (sp.Add, sp.Mul, sp.MatAdd, sp.HadamardProduct)


@singledispatch
def parts_of(value: Any) -> Parts:
    """The parts of a value; what is not known here is a constant."""
    return Parts((type(value), value))


@parts_of.register(sp.Basic)
def _(value: Any) -> Parts:
    if not value.args:
        return Parts((type(value), value))
    return Parts(value.func, "", value.args, isinstance(value, _UNORDERED))


@parts_of.register(str)
def _(value: str) -> Parts:
    return Parts(str, value)


@parts_of.register(tuple)
def _(value: tuple[Any, ...]) -> Parts:
    return Parts(type(value), "", tuple(value))


@parts_of.register(sp.Symbol)
def _(value: sp.Symbol) -> Parts:
    return Parts((type(value), frozenset(value.assumptions0.items())), value.name)


@parts_of.register(sp.Dummy)
def _(value: sp.Dummy) -> Parts:
    return Parts((type(value), value))


@parts_of.register(sp.MatrixSymbol)
def _(value: Any) -> Parts:
    return Parts(type(value), value.name, tuple(value.shape))


@parts_of.register(NamedArray)
def _(value: Any) -> Parts:
    return Parts(type(value), str(value.label), tuple(value.shape))


@parts_of.register(MatrixCall)
@parts_of.register(ScalarCall)
@parts_of.register(ArrayCall)
def _(value: Any) -> Parts:
    head = type(value), value.function, tuple(sorted(value.options.items()))
    return Parts(head, "", tuple(value.operands))


class Form(NamedTuple):
    """A value up to numbers in names, and those numbers."""

    key: int
    numbers: tuple[int, ...]


class _Known(NamedTuple):
    form: Form
    own: int
    """How many of the numbers are in the value's own text; the others are in its children."""
    children: tuple[Any, ...]
    """In an order that does not depend on the numbers' digits, as SymPy's own does."""


class Forms:
    """The forms of many values; two values have equal keys if they differ in numbers only."""

    def __init__(self) -> None:
        self._keys: dict[Hashable, int] = {}
        self._known: dict[Hashable, _Known] = {}
        self.texts: set[str] = set()
        """Every text that was met."""

    def __call__(self, value: Any) -> Form:
        return self._look(value).form

    def _look(self, value: Any) -> _Known:
        stack = [value]
        while stack:
            top = stack[-1]
            if (type(top), top) not in self._known:
                parts = parts_of(top)
                missing = [x for x in parts.children if (type(x), x) not in self._known]
                if missing:
                    stack.extend(missing)
                    continue
                self._known[type(top), top] = self._formed(parts)
            stack.pop()
        return self._known[type(value), value]

    def _formed(self, parts: Parts) -> _Known:
        children = [(self._known[type(x), x].form, x) for x in parts.children]
        if parts.unordered:
            children.sort(key=lambda pair: pair[0])
        found = _NUMBER.findall(parts.text)
        if parts.text:
            self.texts.add(parts.text)
        around = (*_NUMBER.split(parts.text), *(x[0] in _SUBSCRIPTS for x in found))
        key = parts.head, around, tuple(form.key for form, _ in children)
        own = [int(x.translate(_DIGITS)) for x in found]
        numbers = (*own, *(n for form, _ in children for n in form.numbers))
        form = Form(self._keys.setdefault(key, len(self._keys)), numbers)
        return _Known(form, len(own), tuple(x for _, x in children))

    def strides(self, value: Any, strides: Sequence[int]) -> dict[Any, tuple[int, ...]] | None:
        """The strides of the numbers of ``value``, in the order of its form, for each text in it.

        The keys are strings and SymPy's symbols. None where one would need two different ones.
        """
        found: dict[Any, tuple[int, ...]] = {}
        stack = [(value, tuple(strides))]
        while stack:
            top, rest = stack.pop()
            known = self._look(top)
            if known.own and found.setdefault(top, rest[: known.own]) != rest[: known.own]:
                return None
            at = known.own
            for x in known.children:
                count = len(self._look(x).form.numbers)
                stack.append((x, rest[at : at + count]))
                at += count
        return found


_DIGITS = str.maketrans(_SUBSCRIPTS, "0123456789")


def leaves_of(value: Any) -> Iterator[Any]:
    """Every string and every symbol in a value, those of shapes too."""
    seen: set[Any] = set()
    stack = [value]
    while stack:
        top = stack.pop()
        if (type(top), top) not in seen:
            seen.add((type(top), top))
            parts = parts_of(top)
            if parts.text:
                yield top
            stack.extend(parts.children)


def replaced_numbers(text: str, replace: Callable[[int, str, int], str]) -> str:
    """``text`` with other numbers; ``replace`` takes a number's place, its digits and itself."""
    places = iter(range(len(text)))
    return _NUMBER.sub(lambda m: replace(next(places), m[0], int(m[0].translate(_DIGITS))), text)


def moved(word: str, by: Sequence[int]) -> str:
    """A word with its numbers increased: W2_1 by (0, 3) is W2_4."""

    def increased(place: int, digits: str, number: int) -> str:
        written = str(number + by[place])
        return written.translate(_LOWERED) if digits[0] in _SUBSCRIPTS else written

    return replaced_numbers(word, increased)


def numbers_in(text: str) -> int:
    """How many numbers a text has."""
    return len(_NUMBER.findall(text))


_LOWERED = str.maketrans("0123456789-", _SUBSCRIPTS + "₋")


# -------------------------------------------------------------------------------- other names


def renamed(value: Any, names: Mapping[Any, str]) -> Any:
    """``value`` with other texts, for the strings and the symbols that are in ``names``."""
    rule = {x: _relabelled(x, name, {}) for x, name in names.items() if isinstance(x, sp.Symbol)}
    dims = dict(rule)
    for leaf in leaves_of(value):
        is_array = isinstance(leaf, sp.MatrixSymbol | NamedArray)
        if is_array and (leaf in names or any(n.has(*dims) for n in leaf.shape if dims)):
            rule[leaf] = _relabelled(leaf, names.get(leaf, parts_of(leaf).text), dims)
    return _rebuilt(value, names, rule)


@singledispatch
def _rebuilt(value: Any, names: Mapping[Any, str], rule: Mapping[Any, Any]) -> Any:
    return value


@_rebuilt.register(str)
def _(value: str, names: Mapping[Any, str], rule: Mapping[Any, Any]) -> str:
    return names.get(value, value)


@_rebuilt.register(tuple)
def _(value: tuple[Any, ...], names: Mapping[Any, str], rule: Mapping[Any, Any]) -> Any:
    made = [_rebuilt(x, names, rule) for x in value]
    return type(value)(*made) if hasattr(value, "_fields") else tuple(made)


@_rebuilt.register(sp.Basic)
def _(value: Any, names: Mapping[Any, str], rule: Mapping[Any, Any]) -> Any:
    return value.xreplace(rule)


@singledispatch
def _relabelled(leaf: Any, name: str, dims: Mapping[Any, Any]) -> Any:
    """A symbol of the same kind under another name."""
    return sp.Symbol(name, **leaf.assumptions0)


@_relabelled.register(NamedScalar)
def _(leaf: NamedScalar, name: str, dims: Mapping[Any, Any]) -> Any:
    return NamedScalar(name, _node(leaf.node, name, sp.Symbol(name, real=True), dims), real=True)


@_relabelled.register(LabelSymbol)
def _(leaf: LabelSymbol, name: str, dims: Mapping[Any, Any]) -> Any:
    plain = sp.Symbol(name, integer=True, nonnegative=True)
    node = _node(leaf.node, name, plain, dims)
    symbol = LabelSymbol(name, node, integer=True, nonnegative=True)
    symbol.classes = leaf.classes
    return symbol


@_relabelled.register(sp.MatrixSymbol)
def _(leaf: Any, name: str, dims: Mapping[Any, Any]) -> Any:
    return sp.MatrixSymbol(name, *_shape(leaf.shape, dims))


@_relabelled.register(NamedMatrix)
@_relabelled.register(FactMatrix)
def _(leaf: Any, name: str, dims: Mapping[Any, Any]) -> Any:
    shape = _shape(leaf.shape, dims)
    return type(leaf)(name, *shape, _node(leaf.node, name, sp.MatrixSymbol(name, *shape), dims))


@_relabelled.register(NamedArray)
@_relabelled.register(FactArray)
def _(leaf: Any, name: str, dims: Mapping[Any, Any]) -> Any:
    shape = _shape(leaf.shape, dims)
    plain = sp.IndexedBase(name, shape=shape)
    return type(leaf)(name, shape, _node(leaf.node, name, plain, dims))


def _shape(shape: Sequence[Any], dims: Mapping[Any, Any]) -> tuple[Any, ...]:
    return tuple(g.dim(sp.sympify(n).xreplace(dims)) for n in shape)


def _node(node: Node, name: str, plain: sp.Basic, dims: Mapping[Any, Any]) -> Node:
    """A leaf or a named value like ``node``, which nothing is computed from."""
    shape = _shape(node.shape, dims)
    if node.kind is Kind.LEAF:
        data = node.leaf
        return g.leaf(name, shape, plain, data.facts, data.origin, data.classes)
    return g.named(name, g.leaf(name, shape, plain), node.is_row)
