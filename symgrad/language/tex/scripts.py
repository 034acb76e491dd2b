r"""Names and values with scripts: ``W_{1}``, ``z_{1, k}``, ``x_i^{(n)}``, ``W^{(2)\top}``, ``f'``.

Why it exists: a subscript is a part of a name, an entry or the order of a norm, and a superscript
a transpose, a layer, an example or a power; which it is follows from what is declared. The parts
of a name are tried first (`tex.names`), the most of them before fewer; the rest are entries.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import symgrad.language.syntax as s
import symgrad.language.tex.tree as t
from symgrad.language.layout import Misread
from symgrad.language.scope import CONSTANTS, ORDERS
from symgrad.language.source import Span
from symgrad.language.tex.derivatives import gradient
from symgrad.language.tex.names import COMBINING, Written
from symgrad.language.tex.reading import Reading
from symgrad.symbols import LabelSymbol


@dataclass
class _Scripts:
    """The scripts of a base, sorted by what they may be."""

    below: list[s.Expr] = field(default_factory=list)
    layers: list[s.Expr] = field(default_factory=list)
    """``(2)`` and ``[1]``: a layer, or an example."""
    suffixes: list[s.Suffix] = field(default_factory=list)
    powers: list[s.Expr] = field(default_factory=list)
    """Those among the suffixes that are a plain number, as a layer may be."""
    primes: list[t.Script] = field(default_factory=list)
    starred: str = ""


def plain_name(node: s.Name, reading: Reading) -> s.Expr:
    """A name without scripts."""
    found = reading.find(Written(node.name), node) or reading.find(_apart(node.name), node)
    return replace(node, name=found or node.name)


def _apart(name: str, marks: Sequence[str] = ()) -> Written:
    """ŷ as y and its hat."""
    letters = unicodedata.normalize("NFD", name)
    over = {char: mark for mark, char in COMBINING.items()}
    own = [over[x] for x in letters if x in over]
    return Written("".join(x for x in letters if x not in over), (*own, *marks))


def scripted(node: t.Scripted | t.Marked, reading: Reading) -> s.Expr:
    """A base with scripts."""
    base = node.base if isinstance(node, t.Scripted) else node
    scripts: Sequence[t.Script] = node.scripts if isinstance(node, t.Scripted) else ()
    if isinstance(base, s.Norm):
        base, scripts = _with_order(base, scripts, reading)
    sorted_ = _sorted(scripts, reading)
    letters = _letters(base)
    if letters is not None:
        return _named(node, letters, sorted_, reading)
    if isinstance(base, t.Sign):
        return _signed(node, base, sorted_, reading)
    return _valued(node, reading.read(base), sorted_, reading)


# ------------------------------------------------------------------------------------- the scripts


def _sorted(scripts: Sequence[t.Script], reading: Reading) -> _Scripts:
    found = _Scripts()
    for script in scripts:
        if script.kind == "'":
            found.primes.append(script)
        elif script.kind == "_":
            found.below += script.elements
        elif script.operator and not script.elements:
            found.starred += {"*": "*", "+": "+", "-": "-"}.get(script.operator, script.operator)
        elif script.operator:
            found.suffixes.append(_power(script.elements[0], reading, elementwise=True))
        else:
            for element in script.elements:
                if _is_small_transpose(element, reading):
                    found.suffixes.append(s.Transposition(element.at, 1))
                else:
                    _above(element, found, reading)
    return found


def _is_small_transpose(node: s.Expr, reading: Reading) -> bool:
    """``h^t``, where t is neither declared nor an index, of the text."""
    if not (isinstance(node, s.Name) and node.name == "t") or "t" in reading.names:
        return False
    return re.search(r"[_(]\s*(?:t\b|\{[^{}]*t[^{}]*\})|\bt\s*[-+=]", reading.source.text) is None


def _above(node: s.Expr, found: _Scripts, reading: Reading) -> None:
    """What one superscript is: a transpose, a layer, a power, or several of these in a row."""
    if _is_transpose(node):
        found.suffixes.append(s.Transposition(node.at, 1))
    elif isinstance(node, t.Grouped) and node.bracket in "([⟨" and len(node.elements) == 1:
        found.layers.append(node.elements[0])
    elif isinstance(node, s.Chain) and _is_row(node):
        for link in node.links:
            _above(link.item, found, reading)
    elif isinstance(node, s.Terms) and len(node.terms) == 1 and _is_transpose(node.terms[0][1]):
        inverse = s.Terms(node.at, 2, ((-1, s.Number(node.at, 1, "1")),))
        found.suffixes.append(s.Power(node.at, 3, inverse, False))
        found.suffixes.append(s.Transposition(node.at, 1))
    elif isinstance(node, t.Scripted) and all(x.kind == "'" for x in node.scripts):
        _above(node.base, found, reading)
        found.primes += node.scripts
    else:
        if isinstance(node, s.Number):
            found.powers.append(node)
        found.suffixes.append(_power(node, reading))


def _is_transpose(node: s.Expr) -> bool:
    return (isinstance(node, t.Sign) and node.sign == "⊤") or (
        isinstance(node, s.Name) and node.name in ("T", "tr")
    )


def _is_row(node: s.Chain) -> bool:
    """``(2)\\top``: a layer or a number, and a transpose behind it."""
    items = [x.item for x in node.links]
    return all(x.operator == "" for x in node.links) and any(map(_is_transpose, items))


def _power(node: s.Expr, reading: Reading, *, elementwise: bool = False) -> s.Power:
    exponent = reading.read(node)
    return s.Power(node.at, exponent.height + 1, exponent, elementwise)


def _with_order(
    norm: s.Norm, scripts: Sequence[t.Script], reading: Reading
) -> tuple[s.Expr, Sequence[t.Script]]:
    r"""``\|x\|_2`` with its order."""
    below = [x for x in scripts if x.kind == "_"]
    if not below:
        return norm, scripts
    order = _text(below[0].elements, reading)
    if norm.bar != "‖" or order not in ORDERS:
        raise Misread(below[0].at, "the order of a norm is 1, 2, F or \\infty.")
    return replace(norm, order=order), [x for x in scripts if x is not below[0]]


def _text(elements: Sequence[s.Expr], reading: Reading) -> str:
    """Letters and digits as they are typed, without their dress."""
    return "".join(_plain(x, reading) for x in elements)


def _plain(node: s.Expr, reading: Reading) -> str:
    match node:
        case s.Name():
            return node.name
        case s.Number():
            return node.text
        case s.Chain() if all(x.operator == "" for x in node.links):
            return "".join(_plain(x.item, reading) for x in node.links)
        case t.Grouped() if len(node.elements) == 1:
            return _plain(node.elements[0], reading)
        case t.Scripted() if all(x.kind == "_" for x in node.scripts):
            value = reading.read(node)
            if isinstance(value, s.Name):
                return value.name
            return "".join(_plain(x, reading) for x in (node.base, *_below(node)))
        case _:
            return re.sub(r"[\s\\{}]", "", reading.source.slice(node.at))


def _below(node: t.Scripted) -> list[s.Expr]:
    return [x for script in node.scripts for x in script.elements]


# --------------------------------------------------------------------------------------- the bases


def _letters(base: s.Expr) -> tuple[str, tuple[str, ...]] | None:
    """A letter or word with the marks over it."""
    marks: list[str] = []
    while isinstance(base, t.Marked):
        marks.append(base.mark)
        base = base.body
    if isinstance(base, s.Chain) and marks:
        items = [x.item for x in base.links]
        if all(isinstance(x, s.Name) for x in items):
            return "".join(x.name for x in items if isinstance(x, s.Name)), tuple(marks[::-1])
    if isinstance(base, s.Name):
        apart = _apart(base.name, marks[::-1])
        return apart.base, apart.marks
    if marks:
        raise Misread(base.at, "a mark is put over one letter or word.")
    return None


def _named(
    node: s.Expr, letters: tuple[str, tuple[str, ...]], found: _Scripts, reading: Reading
) -> s.Expr:
    base, marks = letters
    primes = len(found.primes)
    below = _texts_below(found.below, reading)
    layers = tuple(_plain(x, reading) for x in found.layers)
    base += "".join({"*": "_star", "+": "_plus", "-": "_minus"}.get(x, "") for x in found.starred)
    # what of the scripts is a part of the name: the most of them first
    for parts, rest in _divided(below, layers, found):
        written = Written(base, marks, parts[0], parts[1], primes)
        name = reading.find(written, node)
        if name is not None:
            return _entry(node, name, rest, found, reading)
    if primes:
        for parts, rest in _divided(below, layers, found):
            name = reading.find(Written(base, marks, *parts), node)
            if name is None and not any(parts) and reading.is_function(base):
                name = base
            if name is not None and reading.is_function(name):
                return _entry(node, name + "′" * primes, rest, found, reading)
            if name is not None:
                return _entry(node, name, rest, found, reading, transposed=True)
    unmarked = _of_known(node, base, marks, below, layers, found, reading)
    if unmarked is not None:
        return unmarked
    name = _over(base, marks) + "′" * primes
    if not found.below and not found.layers:
        if found.powers and base not in CONSTANTS and not reading.is_function(base):
            return _layer(node, name, Written(base, marks, primes=primes), found, reading)
        return _entry(node, name, [], found, reading)
    if len(base) == 1 and base.islower():
        for parts, rest in _divided(below, layers, found):  # w^{(2)}_{ki}, an entry of W2
            capital = reading.find(Written(base.upper(), marks, *parts), node) if rest else None
            if capital is None or capital not in reading.values:
                continue
            if len(_positions(capital, rest, reading)) == reading.axes(capital):
                return _entry(node, capital, rest, found, reading)
    if base == "I" and found.below and not (marks or found.layers or primes):
        if len(_positions(base, found.below, reading)) == 2:
            return _entry(node, base, found.below, found, reading)
        return _signed(node, t.Sign(node.at, 1, "I"), found, reading)
    if reading.is_function(base):
        raise Misread(
            node.at,
            f"{reading.source.slice(node.at)} is not read: {base} is a function, and has no "
            "subscript; write its argument in parentheses.",
        )
    if found.layers and base.upper() in reading.names:  # x^{(n)}, row n of the data X
        capital = reading.find(Written(base.upper(), marks), node) or base
        return _entry(node, capital, [*found.layers, *found.below], found, reading)
    return _entry(node, *_new(name, below, layers, found, node, reading), found, reading)


def _new(
    name: str,
    below: Sequence[str],
    layers: Sequence[str],
    found: _Scripts,
    node: s.Expr,
    reading: Reading,
) -> tuple[str, list[s.Expr]]:
    """The name and positions of what nobody has declared: δ2, W3, δ_z1, q[k]."""
    if layers and re.fullmatch(r"\w+", layers[0]):
        return name + layers[0], [*found.below]
    if below and below[0].isdigit():
        return name + below[0], [*found.layers, *found.below[1:]]
    first = found.below[0] if found.below else None
    if first is not None and len(below) == 1:
        chain = isinstance(first, s.Chain) and first.links[0].item
        if isinstance(chain, s.Number):  # \delta_{2k}
            rest = [x.item for x in first.links[1:]] if isinstance(first, s.Chain) else []
            return name + chain.text, [*found.layers, *rest]
        value = reading.values.get(below[0])
        if not isinstance(first, s.Chain) and not isinstance(value, LabelSymbol):
            of = reading.read(first)
            if isinstance(of, s.Name) and of.name in reading.names:  # \delta_{z_1}
                return f"{name}_{of.name}", [*found.layers]
    if isinstance(first, s.Name) and len(below) > 1:  # \delta_{z, k}, an entry of δ_z
        of = reading.read(first)
        value = reading.values.get(of.name) if isinstance(of, s.Name) else None
        if isinstance(of, s.Name) and value is not None and not value.is_integer:
            return f"{name}_{of.name}", [*found.layers, *found.below[1:]]
    return name, [*found.layers, *found.below]


def _layer(node: s.Expr, name: str, written: Written, found: _Scripts, reading: Reading) -> s.Expr:
    """``W^1``, where there is W1 and no W; else a power."""
    digits = _plain(found.powers[0], reading)
    layer = reading.find(written._replace(above=(digits,)), node)
    if layer is None:
        return _entry(node, name, [], found, reading)
    kept = [x for x in found.suffixes if not _is_this_power(x, found.powers[0])]
    return _suffixed(node, s.Name(node.at, 1, layer), (), kept)


def _of_known(
    node: s.Expr,
    base: str,
    marks: tuple[str, ...],
    below: Sequence[str],
    layers: tuple[str, ...],
    found: _Scripts,
    reading: Reading,
) -> s.Expr | None:
    """``\\bar{z}_1`` and ``dW_1``, where there are z1 and W1: the name with its mark or d."""
    moved = not marks and len(base) > 1 and base[0] == "d" and base not in reading.names
    if not (marks or moved) or found.primes:
        return None
    for parts, rest in _divided(below, layers, found):
        name = reading.find(Written(base[1:] if moved else base, marks[1:], *parts), node)
        if name is not None and not reading.is_function(name):
            letter = len(base) if marks else 0
            marked = f"d{name}" if moved else _over(name[:letter], marks[:1]) + name[letter:]
            return _entry(node, marked, rest, found, reading)
    return None


def _is_this_power(suffix: s.Suffix, exponent: s.Expr) -> bool:
    return isinstance(suffix, s.Power) and suffix.exponent.at == exponent.at


def _over(base: str, marks: Sequence[str]) -> str:
    return unicodedata.normalize("NFC", base + "".join(COMBINING[x] for x in marks))


def _texts_below(elements: Sequence[s.Expr], reading: Reading) -> list[str]:
    return [_plain(x, reading) for x in elements]


_Parts = tuple[tuple[str, ...], tuple[str, ...]]


def _divided(
    below: Sequence[str], layers: tuple[str, ...], found: _Scripts
) -> list[tuple[_Parts, list[s.Expr]]]:
    """The ways in which scripts are parts of a name, and which are left as positions."""
    ways: list[tuple[_Parts, list[s.Expr]]] = []
    if below and layers:
        ways.append(((tuple(below), layers), []))
    if layers:
        ways.append((((), layers), [*found.below]))
    if len(below) > 1:
        ways.append(((tuple(below), ()), [*found.layers]))
    if below:
        ways.append(((tuple(below[:1]), ()), [*found.layers, *found.below[1:]]))
        first = found.below[0]
        if isinstance(first, s.Chain) and isinstance(first.links[0].item, s.Number):
            number = first.links[0].item.text  # W_{1jk}
            rest = [x.item for x in first.links[1:]]
            if all(x.operator == "" for x in first.links):
                ways.append((((number,), ()), [*found.layers, *rest, *found.below[1:]]))
    ways.append((((), ()), [*found.layers, *found.below]))
    return ways


def _entry(
    node: s.Expr,
    name: str,
    positions: Sequence[s.Expr],
    found: _Scripts,
    reading: Reading,
    *,
    transposed: bool = False,
) -> s.Expr:
    """A name with positions and suffixes behind it."""
    suffixes = list(found.suffixes)
    if transposed:
        suffixes[:0] = [s.Transposition(x.at, 1) for x in found.primes]
    return _suffixed(node, s.Name(node.at, 1, name), _positions(name, positions, reading), suffixes)


def _positions(
    name: str | None, elements: Sequence[s.Expr], reading: Reading
) -> tuple[s.Expr, ...]:
    """Positions: ``jk`` is two, ``j, k`` is two, ``2i`` is one of a vector."""
    if len(elements) == 1 and isinstance(elements[0], s.Chain):
        chain = elements[0]
        plain = all(x.operator == "" for x in chain.links)
        known = name is not None and name in reading.values
        one = known and name is not None and reading.axes(name) == 1
        if plain and not one:
            return tuple(reading.read(x.item) for x in chain.links)
    return tuple(reading.read(x) for x in elements)


def _suffixed(
    node: s.Expr, base: s.Expr, positions: Sequence[s.Expr], suffixes: Sequence[s.Suffix]
) -> s.Expr:
    every = list(suffixes)
    if positions:
        at = positions[0].at.to(positions[-1].at)
        height = 1 + max(x.height for x in positions)
        every.insert(0, s.Positions(at, height, tuple(positions)))
    if not every:
        return replace(base, at=node.at)
    height = 1 + max(base.height, *(x.height for x in every))
    if isinstance(base, s.Name):
        base = replace(base, at=Span(node.at.start, min(node.at.end, every[0].at.start)))
    return s.Item(node.at, height, base, tuple(every))


def _signed(node: s.Expr, base: t.Sign, found: _Scripts, reading: Reading) -> s.Expr:
    r"""``\mathbf{1}_{z > 0}``, ``\mathbf{1}_y``, ``\mathbf{1}_n``, ``\mathbf{1}^\top``, ``I_n``."""
    if base.sign == "∇":
        return gradient(node, None, reading)
    if base.sign not in ("1", "I"):
        return reading.read(base)
    value: s.Expr = s.Ones(base.at, 1)
    below = [y for x in found.below for y in (x.elements if isinstance(x, t.Grouped) else (x,))]
    if any(isinstance(x, t.Compared) for x in below):  # 1_{z > 0} and 1_{[z > 0]}
        grouped = t.Grouped(node.at, node.height, "[", tuple(below))
        value = reading.read(grouped)
    elif len(found.below) == 1:
        inner = reading.read(found.below[0])
        at = node.at
        label = reading.values.get(inner.name) if isinstance(inner, s.Name) else None
        if isinstance(label, LabelSymbol):
            value = s.Application(at, 3, s.Name(at, 1, "onehot"), s.Arguments(at, 2, (inner,), ()))
        else:
            sized = s.Name(at, 1, "ones" if base.sign == "1" else "eye")
            value = s.Application(at, 3, sized, s.Arguments(at, 2, (inner,), ()))
    elif found.below:
        raise Misread(node.at, "the 1 has one subscript: a condition, a class or a size.")
    return _suffixed(node, value, (), found.suffixes)


def _valued(node: s.Expr, value: s.Expr, found: _Scripts, reading: Reading) -> s.Expr:
    """Scripts of what is no name: a power or transpose of it, an entry of it."""
    if found.starred:
        raise Misread(node.at, "a star stands behind a name only.")
    suffixes = [*(s.Transposition(x.at, 1) for x in found.primes), *found.suffixes]
    if found.layers:
        raise Misread(node.at, "a superscript in parentheses belongs to a name, as in W^{(1)}.")
    if isinstance(value, s.Arguments) and len(value.positional) == 1 and found.below:
        inner = value.positional[0]
        if isinstance(inner, s.Name) and inner.name[0] in "∂∇":  # (\nabla_z L)_k
            value = inner
    name = value.name if isinstance(value, s.Name) else None
    return _suffixed(node, value, _positions(name, found.below, reading), suffixes)
