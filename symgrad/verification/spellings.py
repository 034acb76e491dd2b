"""A claim's syntax tree as its writer meant it: derivatives, primes and indices put together.

Why it exists: in ``dL/dW1`` the grammar sees a quotient, in ``σ'(z)`` a transpose, in ``δ^(2)`` a
power and in ``w_jk`` a name that nobody declared. Only the names of the loss tell what they are.
Here each such piece becomes one node; nothing else of the tree changes. Trees are not high
(`tree.MAX_HEIGHT`), so walking one may recurse.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import symgrad.language.syntax as s
from symgrad.language.arithmetic import shape
from symgrad.language.functions import KNOWN
from symgrad.language.names import canonical
from symgrad.language.source import Span
from symgrad.symbols import LabelSymbol
from symgrad.verification.habits import (
    Refused,
    Values,
    applied,
    conditions,
    indicated,
    parts_of,
    products,
)
from symgrad.verification.indices import names_in
from symgrad.verification.names import NABLA, Truth


@dataclass(frozen=True)
class Derivative(s.Expr):
    """``σ'(z)``: the derivative of a function of one variable, at its argument."""

    function: str
    argument: s.Expr


@dataclass(frozen=True)
class Partial(s.Expr):
    """``dh/dz``: the derivative of something that is not the loss."""

    above: str
    below: str


def meant(tree: s.Expr, truth: Truth, value_of: Values) -> s.Expr:
    """The tree with derivatives, primes, numbers in superscripts and joined indices read."""

    def read(node: Any) -> Any:
        if isinstance(node, tuple):
            return tuple(map(read, node))
        if not isinstance(node, s.Node | s.Link):
            return node
        if isinstance(node, s.Chain):
            node = replace(node, links=_links(node.links, truth, value_of))
        changed = {x.name: read(getattr(node, x.name)) for x in fields(node)}
        if isinstance(node, s.Arguments):  # the name of an option is that of no value
            changed["options"] = tuple((key, read(x)) for key, x in node.options)
        node = replace(node, **changed)
        if isinstance(node, s.Chain) and len(node.links) == 1 and node.links[0].sign > 0:
            node = node.links[0].item
        if isinstance(node, s.Item) and isinstance(node.base, s.Item):  # h_k'
            node = _item(node.base.base, (*node.base.suffixes, *node.suffixes))
        for rule in _RULES:
            node = rule(node, truth, value_of)
        return node

    found: s.Expr = read(tree)
    return indicated(found)


# ----------------------------------------------------------------------------------- in chains


def _item(base: s.Expr, suffixes: tuple[s.Suffix, ...]) -> s.Expr:
    if not suffixes:
        return base
    at, height = base.at.to(suffixes[-1].at), 1 + max(x.height for x in (base, *suffixes))
    return s.Item(at, height, base, suffixes)


def _links(links: tuple[s.Link, ...], truth: Truth, value_of: Values) -> tuple[s.Link, ...]:
    """The factors of a chain with those that are one thing put together."""
    result: list[s.Link] = []
    for link in links:
        called = applied(result, link, lambda x: _is_value(x, truth, value_of))
        if called is not None:
            result = called
            continue
        joined = None
        if result:
            rules = (_quotient, _nabla, _primed, _lagrange, _by_rows)
            joined = next((x for r in rules if (x := r(result[-1], link, truth, value_of))), None)
        if joined is None:
            result.append(link)
        else:
            result[-1] = replace(result[-1], item=joined)
    return tuple(result)


def _quotient(left: s.Link, right: s.Link, truth: Truth, value_of: Values) -> s.Expr | None:
    """``dL / dW1`` → ∂L/∂W1, one name."""
    (above, before), (below, suffixes) = parts_of(left.item), parts_of(right.item)
    if right.operator != "/" or not (isinstance(above, s.Name) and isinstance(below, s.Name)):
        return None
    if above.name[0] not in "d∂" or below.name[0] not in "d∂" or value_of(above.name) is not None:
        return None
    value, of = canonical(below.name[1:]), canonical(above.name[1:])
    if truth.is_loss(of) and not before and suffixes and _is_inverse(suffixes[0]):
        return Refused(
            right.item.at,
            2,
            f"a derivative by an inverse is not read; name it in the model, P = {value}^-1, and "
            "write the derivative by that name, or by the matrix itself.",
        )
    if not truth.is_loss(of) or before:
        given = (of, before), (value, suffixes)
        return _of_another(above.at.to(right.item.at), below.name, given, truth, value_of)
    base = s.Name(above.at.to(below.at), 1, f"∂{truth.root.name}/∂{value}")
    if truth.value(value) is None and (entry := _entry(value, base, truth, value_of)) is not None:
        return _item(base=entry[0], suffixes=(entry[1], *suffixes))
    return _item(base, suffixes)


def _is_inverse(suffix: s.Suffix) -> bool:
    if not isinstance(suffix, s.Power):
        return False
    inner = suffix.exponent
    while isinstance(inner, s.Arguments) and len(inner.positional) == 1:
        inner = inner.positional[0]
    return isinstance(inner, s.Terms) and inner.terms[0][0] < 0


def _of_another(
    at: Span,
    typed: str,
    given: tuple[tuple[str, tuple[s.Suffix, ...]], tuple[str, tuple[s.Suffix, ...]]],
    truth: Truth,
    value_of: Values,
) -> s.Expr | None:
    """``dp/dz`` and ``dp[k]/dz[j]``, where both are values of the loss."""
    names: list[str] = []
    positions: list[s.Expr] = []
    for k, (name, suffixes) in enumerate(given):
        entry = None
        if truth.value(name) is None:
            entry = _entry(name, s.Name(at, 1, name), truth, value_of)
        if entry is not None:
            name, suffixes = entry[0].name, (entry[1], *suffixes)
        if suffixes and isinstance(suffixes[0], s.Positions):
            positions += suffixes[0].positions
            suffixes = suffixes[1:]
        turned = k == 1 and all(isinstance(x, s.Transposition) for x in suffixes)
        if truth.value(name) is None or (suffixes and not turned):
            return None
        names.append(name)
    if value_of(typed) is not None:
        return None
    found = Partial(at, 2, *names)
    return _item(found, (s.Positions(at, 2, tuple(positions)),) if positions else ())


def _nabla(left: s.Link, right: s.Link, truth: Truth, value_of: Values) -> s.Expr | None:
    """``∇_W1 L`` → ∇_W1, and ``∇_z[k] L`` → ∇_z[k]."""
    base, suffixes = parts_of(left.item)
    if right.operator or not isinstance(base, s.Name):
        return None
    if isinstance(right.item, s.Arguments) and base.name[0] in ("∇", NABLA):
        if truth.target(base.name) is None or value_of(base.name) is not None:
            return None
        return Refused(
            right.item.at,
            right.item.height + 1,
            "a derivative is of a name here; name this value in the model, L = …, and write ∇ L.",
        )
    if not isinstance(right.item, s.Name):
        return None
    named = base.name[0] in ("∇", NABLA) or (base.name.startswith("grad") and base.name != "grad")
    if named and value_of(base.name) is None and truth.is_loss(right.item.name):
        return _item(replace(base, at=base.at.to(right.item.at)), suffixes)
    return None


def _primed(left: s.Link, right: s.Link, truth: Truth, value_of: Values) -> s.Expr | None:
    """``σ'(z)`` and ``σ′(z)``."""
    (base, suffixes), (argument, behind) = parts_of(left.item), parts_of(right.item)
    if right.operator or not (isinstance(base, s.Name) and isinstance(argument, s.Arguments)):
        return None
    name = base.name.removesuffix("′")
    marked = name != base.name or (bool(suffixes) and isinstance(suffixes[0], s.Transposition))
    if not marked or name not in {*KNOWN, *truth.functions} or _is_value(name, truth, value_of):
        return None
    if len(argument.positional) != 1 or argument.options:
        return None
    rest = suffixes if name != base.name else suffixes[1:]
    at = base.at.to(argument.at)
    inner = Derivative(at, argument.height + 1, name, argument.positional[0])
    return _item(inner, (*rest, *behind))


def _lagrange(left: s.Link, right: s.Link, truth: Truth, value_of: Values) -> s.Expr | None:
    """``L'(w)`` and ``o'(z)`` of a scalar, which nobody transposes: ∂L/∂w and ∂o/∂z."""
    (base, suffixes), (argument, behind) = parts_of(left.item), parts_of(right.item)
    if right.operator or not (isinstance(base, s.Name) and isinstance(argument, s.Arguments)):
        return None
    turned = len(suffixes) == 1 and isinstance(suffixes[0], s.Transposition)
    name, given = base.name.removesuffix("′"), argument.positional
    if turned == (name != base.name) or len(given) != 1 or argument.options:
        return None
    below, value = given[0], truth.value(name)
    if not isinstance(below, s.Name) or value_of(name) is None or value_of(name) is not value:
        return None
    if shape(value) or truth.value(below.name) is None:
        return None
    at = base.at.to(argument.at)
    if truth.is_loss(name):
        return _item(s.Name(at, 1, f"∂{truth.root.name}/∂{below.name}"), behind)
    return _item(Partial(at, 2, name, below.name), behind)


def _by_rows(left: s.Link, right: s.Link, truth: Truth, value_of: Values) -> s.Expr | None:
    """``softmax_rows(S)``, as derivations print softmax(S, rows=true)."""
    name, (argument, behind) = left.item, parts_of(right.item)
    if right.operator or not (isinstance(name, s.Name) and isinstance(argument, s.Arguments)):
        return None
    head = name.name.removesuffix("_rows")
    if head == name.name or head not in KNOWN or value_of(name.name) is not None:
        return None
    option = s.Name(name.at, 1, "rows"), s.Name(name.at, 1, "true")
    arguments = replace(argument, options=(*argument.options, option))
    at = name.at.to(argument.at)
    return _item(
        s.Application(at, argument.height + 1, replace(name, name=head), arguments), behind
    )


def _is_value(name: str, truth: Truth, value_of: Values) -> bool:
    return value_of(name) is not None and name not in truth.functions


# ------------------------------------------------------------------------------- single nodes


def _superscript(node: Any, truth: Truth, value_of: Values) -> Any:
    """``δ^(2)`` and ``W^{(2)}`` → δ2 and W2, where no value has the name alone."""
    if not (isinstance(node, s.Item) and isinstance(node.base, s.Name)):
        return node
    power, name = node.suffixes[0], node.base.name
    if not isinstance(power, s.Power) or power.elementwise or value_of(name) is not None:
        return node
    inner = power.exponent
    while isinstance(inner, s.Arguments) and len(inner.positional) == 1:
        inner = inner.positional[0]
    if isinstance(power.exponent, s.Arguments) and isinstance(inner, s.Number | s.Name):
        text = inner.text if isinstance(inner, s.Number) else inner.name
        for spelled in (f"{name}{text}", f"{_capital(name)}{text}"):
            if value_of(spelled) is not None or truth.differentiated(spelled) is not None:
                base = s.Name(node.base.at.to(power.at), 1, spelled)
                return _item(base, node.suffixes[1:])
    return node


def _partial(node: Any, truth: Truth, value_of: Values) -> Any:
    """``∂p/∂z`` in one name, as LaTeX has it."""
    if not isinstance(node, s.Name) or node.name[0] != "∂" or truth.target(node.name) is not None:
        return node
    above, slash, below = node.name[1:].partition("/∂")
    known = truth.value(above) is not None and truth.value(below) is not None
    return Partial(node.at, 2, above, below) if slash and known else node


def _unit(node: Any, truth: Truth, value_of: Values) -> Any:
    """``e_c`` of a class c: the vector that is 1 at c."""
    label: s.Expr | None = None
    rest: tuple[s.Suffix, ...] = ()
    if isinstance(node, s.Name) and node.name.startswith("e_"):
        label = replace(node, name=node.name[2:])
    elif isinstance(node, s.Item) and isinstance(node.base, s.Name) and node.base.name == "e":
        first, *others = node.suffixes
        if isinstance(first, s.Positions) and len(first.positions) == 1:
            label, rest = first.positions[0], tuple(others)
    name = node.name if isinstance(node, s.Name) else "e"
    if not isinstance(label, s.Name) or value_of(name) is not None:
        return node
    if not isinstance(value_of(label.name), LabelSymbol):
        return node
    arguments = s.Arguments(node.at, 2, (label,), ())
    return _item(s.Application(node.at, 3, s.Name(node.at, 1, "onehot"), arguments), rest)


def _kronecker(node: Any, truth: Truth, value_of: Values) -> Any:
    """``δ_kc``, ``δ[k, c]``: 1[k = c], where δ is no adjoint with two axes."""
    positions: tuple[s.Expr, ...] = ()
    rest: tuple[s.Suffix, ...] = ()
    if isinstance(node, s.Name) and node.name.startswith("δ_") and len(node.name) == 4:
        if truth.target(node.name) is None and value_of(node.name) is None:
            positions = tuple(s.Name(node.at, 1, canonical(x)) for x in node.name[2:])
    elif isinstance(node, s.Item) and isinstance(node.base, s.Name) and node.base.name == "δ":
        first, *others = node.suffixes
        if isinstance(first, s.Positions):
            positions, rest = first.positions, tuple(others)
    if not positions or value_of("δ") is not None:
        return node
    head = positions[0]
    of_value = isinstance(head, s.Name) and truth.target(f"δ_{head.name}") is not None
    if isinstance(head, s.Name) and of_value:  # \\delta_{z, k}, an entry of δ_z
        whole = s.Name(node.at, 1, f"δ_{head.name}")
        inner = (s.Positions(node.at, 2, positions[1:]),) if positions[1:] else ()
        return _item(whole, (*inner, *rest))
    if len(positions) != 2:
        return node
    own = truth.target("δ")
    if own is not None and own.node.rank == 2 and not _is_class_of_another(positions):
        return node
    equation = s.Relation(node.at, 3, positions[0], "=", positions[1])
    return _item(s.Indicator(node.at, 4, (equation,)), rest)


def _is_class_of_another(positions: tuple[s.Expr, ...]) -> bool:
    """Whether this is δ[k, y[n]], and not δ[n, y[n]], an entry."""
    for one, other in (positions, positions[::-1]):
        if isinstance(one, s.Item) and isinstance(one.suffixes[0], s.Positions):
            names = {x.name for x in names_in(one.suffixes[0].positions)}
            return isinstance(other, s.Name) and other.name not in names
    return False


def _capital(name: str) -> str:
    """``w`` as W, ``∂L/∂w`` as ∂L/∂W: an entry is written small."""
    return name[:-1] + name[-1].upper() if name[-1].isascii() else name


def _ones(node: Any, truth: Truth, value_of: Values) -> Any:
    """The 1 of ``A·1``, ``1'A`` and ``1·v'``, which is ones, as many as fit."""
    if not isinstance(node, s.Chain):
        return node
    links = list(node.links)
    for k, link in enumerate(links):
        base, suffixes = parts_of(link.item)
        if not (isinstance(base, s.Number) and base.text == "1") or link.operator == "/":
            continue
        turned = bool(suffixes) and all(isinstance(x, s.Transposition) for x in suffixes)
        _, behind = parts_of(links[-1].item)
        before_row = k == 0 and len(links) == 2 and any(
            isinstance(x, s.Transposition) for x in behind
        )  # fmt: skip
        last = 0 < k == len(links) - 1 and link.operator in ("", "·") and link.sign > 0
        if turned or (not suffixes and (before_row or last)):
            links[k] = replace(link, item=_item(s.Ones(base.at, 1), suffixes))
    return replace(node, links=tuple(links))


def _joined_indices(node: Any, truth: Truth, value_of: Values) -> Any:
    """``w_jk`` → w[j, k], where w has so many axes and nothing has the whole name."""
    if not isinstance(node, s.Name) or value_of(node.name) is not None:
        return node
    if truth.target(node.name) is not None:  # δ_z, of a loss that calls an adjoint δ
        return node
    entry = _entry(node.name, node, truth, value_of)
    return node if entry is None else _item(*(entry[0], (entry[1],)))


def _entry(
    name: str, at: s.Name, truth: Truth, value_of: Values
) -> tuple[s.Name, s.Positions] | None:
    """``w_jk``, the name of an entry of something declared: that, and the positions."""
    base, _, letters = name.rpartition("_")
    whole = at.name.removesuffix(name) + base
    value = value_of(base) if base else None
    if value is None and base:
        value = truth.differentiated(base)
    if value is None and base[:1].islower() and base[:1].isascii():  # w_jk of W
        base = base[0].upper() + base[1:]
        whole = at.name.removesuffix(name) + base
        value = value_of(base)
    if value is None or not letters.isalpha():
        return None
    axes = [n for n in shape(value) if n != 1]
    if len(axes) != len(letters):
        return None
    names = tuple(s.Name(at.at, 1, canonical(x)) for x in letters)
    return replace(at, name=whole), s.Positions(at.at, 2, names)


def _identity(node: Any, truth: Truth, value_of: Values) -> Any:
    """``I_n`` and ``I_3``: the identity of a size."""
    if not isinstance(node, s.Name) or not node.name.startswith("I_"):
        return node
    size = node.name[2:]
    known = value_of(size)
    if value_of(node.name) is not None or not (
        size.isdigit() or getattr(known, "is_integer", False)
    ):
        return node
    inner = s.Number(node.at, 1, size) if size.isdigit() else s.Name(node.at, 1, size)
    arguments = s.Arguments(node.at, 2, (inner,), ())
    return s.Application(node.at, 3, s.Name(node.at, 1, "eye"), arguments)


_RULES = (
    *(conditions, _superscript, _partial, _unit, _kronecker, _joined_indices, _identity, _ones),
    products,
)
