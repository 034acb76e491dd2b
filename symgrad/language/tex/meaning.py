r"""What the signs of a formula of LaTeX mean, once the names are known: the tree of `syntax`.

Why it exists: ``W_{1}`` is a name or an entry, ``f'`` a derivative or a transpose, ``\partial L /
\partial W`` one value, ``\mathbf{1}[z > 0]`` one indicator. Each node of `tex.tree` has one row in
`MEANINGS`; derivatives are in `tex.derivatives`, names with scripts in `tex.scripts`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import symgrad.language.syntax as s
import symgrad.language.tex.tree as t
from symgrad.language.layout import Misread
from symgrad.language.source import Span
from symgrad.language.tex.derivatives import fraction_of_differentials, with_derivatives
from symgrad.language.tex.reading import Done, Reading
from symgrad.language.tex.scripts import plain_name, scripted


def meaning(node: s.Expr, reading: Reading) -> s.Expr:
    """The expression that a node of `tex.tree` stands for."""
    return MEANINGS[type(node)](node, reading)


def _done(node: Done, reading: Reading) -> s.Expr:
    return node.value


def _number(node: s.Number, reading: Reading) -> s.Expr:
    return node


def _name(node: s.Name, reading: Reading) -> s.Expr:
    return plain_name(node, reading)


def _sign(node: t.Sign, reading: Reading) -> s.Expr:
    if node.sign == "1":
        return s.Ones(node.at, node.height)
    raise Misread(node.at, _LONELY[node.sign])


_LONELY = {
    "⊤": "⊤ is a superscript; write ^\\top.",
    "∂": "∂ stands in a derivative, as in \\frac{\\partial L}{\\partial W}.",
    "∇": "∇ says by what it is and of what, as in \\nabla_W L.",
}


def _terms(node: s.Terms, reading: Reading) -> s.Expr:
    return replace(node, terms=tuple((sign, reading.read(x)) for sign, x in node.terms))


def _chain(node: s.Chain, reading: Reading) -> s.Expr:
    links = with_derivatives(list(node.links), reading)
    links = _with_indicators(links, reading)
    links = _with_options(links, reading)
    read = tuple(replace(x, item=reading.read(x.item)) for x in links)
    if len(read) == 1 and read[0].sign == 1:
        return read[0].item
    return s.Chain(node.at, node.height, read)


def _with_indicators(links: list[s.Link], reading: Reading) -> list[s.Link]:
    r"""``\mathbf{1}`` and the brackets behind it as one."""
    result: list[s.Link] = []
    waiting = links[::-1]
    while waiting:
        link = waiting.pop()
        follows = waiting[-1].item if waiting and waiting[-1].operator == "" else None
        scripts: tuple[t.Script, ...] = ()
        if isinstance(follows, t.Scripted):
            scripts = follows.scripts
            follows = follows.base
        if _is_one(link.item, reading) and isinstance(follows, t.Grouped) and _compares(follows):
            waiting.pop()
            at = link.item.at.to(follows.at)
            inner = indicator(at, follows.elements, reading)
            value: s.Expr = Done(at, inner.height + 1, inner)
            if scripts:
                value = t.Scripted(at.to(scripts[-1].at), value.height + 1, value, scripts)
            link = replace(link, item=value)
        result.append(link)
    return result


def _is_one(node: s.Expr, reading: Reading) -> bool:
    if isinstance(node, t.Sign):
        return node.sign == "1"
    if isinstance(node, s.Number):
        return node.text == "1"
    return isinstance(node, s.Name) and node.name in ("I", "χ") and node.name not in reading.names


def _compares(node: t.Grouped) -> bool:
    return any(isinstance(x, t.Compared) for x in node.elements)


def indicator(at: Span, elements: tuple[s.Expr, ...], reading: Reading) -> s.Indicator:
    """1[…] of conditions."""
    conditions = [x for node in elements for x in _conditions(node, reading)]
    height = 1 + max(x.height for x in conditions)
    return s.Indicator(at, height, tuple(conditions))


def _conditions(node: s.Expr, reading: Reading) -> list[s.Expr]:
    """The comparisons of ``a ≤ i < n``, one by one."""
    if not isinstance(node, t.Compared):
        raise Misread(node.at, "a condition was expected here, such as z > 0.")
    sides = [reading.read(x) for x in node.sides]
    return [
        s.Relation(left.at.to(right.at), node.height, left, operator, right)
        for left, operator, right in zip(sides, node.operators, sides[1:], strict=False)
    ]


def _with_options(links: list[s.Link], reading: Reading) -> list[s.Link]:
    r"""``\operatorname{softmax}_{\mathrm{rows}}(A)``: what is said below is an option."""
    result: list[s.Link] = []
    for link in links:
        function = _function_of_rows(result[-1].item, reading) if result else None
        item = link.item
        group = item.base if isinstance(item, t.Scripted) else item
        if function is not None and link.operator == "" and isinstance(group, t.Grouped):
            option = s.Name(function.at, 1, "rows"), s.Name(function.at, 1, "true")
            inner = tuple(reading.read(x) for x in group.elements)
            arguments = s.Arguments(group.at, group.height, inner, (option,))
            value = Done(group.at, group.height, arguments)
            result[-1] = replace(result[-1], item=function)
            item = replace(item, base=value) if isinstance(item, t.Scripted) else value
            link = replace(link, item=item)
        result.append(link)
    return result


def _function_of_rows(node: s.Expr, reading: Reading) -> s.Name | None:
    """The function that is said below to be taken of every row."""
    if not (isinstance(node, t.Scripted) and isinstance(node.base, s.Name)):
        return None
    kinds = [x.kind for x in node.scripts]
    below = reading.source.slice(node.scripts[0].at).replace(" ", "")
    return node.base if kinds == ["_"] and below in _ROWS else None


_ROWS = frozenset(
    rf"_{{{word}}}" for word in ("rows", r"\mathrm{rows}", r"\text{rows}", r"\mathrm{row}", "row")
)


def _grouped(node: t.Grouped, reading: Reading) -> s.Expr:
    compared = [x for x in node.elements if isinstance(x, t.Compared)]
    if compared and node.bracket == "[":
        return indicator(node.at, node.elements, reading)
    alone = len(node.elements) == 1 and node.bracket == "("
    if compared and (not alone or len(compared[0].operators) > 1):
        raise Misread(compared[0].at, "a comparison stands behind a 1, as in \\mathbf{1}[z > 0].")
    inner = tuple(
        _conditions(x, reading)[0] if isinstance(x, t.Compared) else reading.read(x)
        for x in node.elements
    )
    arguments = s.Arguments(node.at, node.height, inner, ())
    if node.bracket != "⟨":
        return arguments
    if len(inner) != 2:
        raise Misread(node.at, "an inner product has two parts, \\langle a, b \\rangle.")
    return s.Application(node.at, node.height + 1, s.Name(node.at, 1, "dot"), arguments)


def _compared(node: t.Compared, reading: Reading) -> s.Expr:
    raise Misread(node.at, "a comparison stands behind a 1, as in \\mathbf{1}[z > 0].")


def _norm(node: s.Norm, reading: Reading) -> s.Expr:
    return replace(node, body=reading.read(node.body))


def _fraction(node: t.Fraction, reading: Reading) -> s.Expr:
    derivative = fraction_of_differentials(node, None, reading)
    if derivative is not None:
        return derivative
    top, bottom = reading.read(node.top), reading.read(node.bottom)
    links = s.Link("", 1, _closed(top)), s.Link("./", 1, _closed(bottom))
    chain = s.Chain(node.at, node.height, links)
    return s.Arguments(node.at, node.height + 1, (chain,), ())


def _closed(node: s.Expr) -> s.Expr:
    """A value in parentheses, which its fraction is for it."""
    if isinstance(node, s.Name | s.Number | s.Item | s.Arguments):
        return node
    return s.Arguments(node.at, node.height + 1, (node,), ())


def _root(node: t.Root, reading: Reading) -> s.Expr:
    body = reading.read(node.body)
    inner = s.Arguments(body.at, body.height + 1, (body,), ())
    if node.degree is None:
        return s.Application(node.at, node.height + 2, s.Name(node.at, 1, "sqrt"), inner)
    degree = reading.read(node.degree)
    links = s.Link("", 1, s.Number(degree.at, 1, "1")), s.Link("/", 1, _closed(degree))
    exponent = s.Chain(degree.at, degree.height + 1, links)
    power = s.Power(degree.at, exponent.height + 1, exponent, True)
    return s.Item(node.at, node.height + 2, inner, (power,))


def _summed(node: t.Summed, reading: Reading) -> s.Expr:
    ranges: list[s.Expr] = []
    upper: s.Expr | None = None
    for script in node.scripts:
        if script.kind == "^" and len(script.elements) == 1 and not script.operator:
            upper = reading.read(script.elements[0])
        elif script.kind == "_":
            for element in script.elements:
                ranges += _ranges(element, reading)
        else:
            raise Misread(script.at, "the bounds of a sum are written \\sum_{k=1}^{K}.")
    if upper is not None:
        equations = [x for x in ranges if isinstance(x, s.Relation) and x.operator == "="]
        if not equations:
            raise Misread(
                node.scripts[0].at, "a sum up to a bound begins with one, as in \\sum_{k=1}^{K}."
            )
        ranges = [
            replace(equations[-1], at=x.at, left=x) if isinstance(x, s.Name) else x for x in ranges
        ]
    elif any(isinstance(x, s.Relation) and x.operator == "=" for x in ranges):
        raise Misread(node.scripts[0].at, "the upper bound is missing, as in \\sum_{k=1}^{K}.")
    body = reading.read(node.body)
    return s.BigSum(node.at, node.height, tuple(ranges), upper, node.sign, body)


def _ranges(node: s.Expr, reading: Reading) -> list[s.Expr]:
    """The indices and conditions below a sum."""
    if isinstance(node, t.Compared):
        return _conditions(node, reading)
    if isinstance(node, s.Chain) and all(isinstance(x.item, s.Name) for x in node.links):
        return [x.item for x in node.links]  # \sum_{ij}
    if isinstance(node, s.Name):
        return [node]
    raise Misread(node.at, "an index was expected here, as in \\sum_j or \\sum_{k=1}^{K}.")


def _chosen(node: t.Chosen, reading: Reading) -> s.Expr:
    rows = []
    for case in node.cases:
        conditions = [x for element in case.conditions for x in _conditions(element, reading)]
        rows.append((reading.read(case.value), tuple(conditions)))
    *before, last = rows
    if any(not conditions for _, conditions in before):
        raise Misread(node.at, "only the last case has no condition.")
    if last[1] and len(rows) == 1:
        raise Misread(node.at, "these cases have one condition; what holds otherwise?")
    return s.Cases(node.at, node.height, tuple(rows))


_Meaning = Callable[[Any, Reading], s.Expr]

MEANINGS: dict[type[s.Expr], _Meaning] = {
    Done: _done, s.Number: _number, s.Name: _name, t.Sign: _sign, s.Terms: _terms, s.Chain: _chain,
    t.Grouped: _grouped, t.Compared: _compared, s.Norm: _norm, t.Fraction: _fraction,
    t.Root: _root, t.Summed: _summed, t.Chosen: _chosen, t.Scripted: scripted,
    t.Marked: scripted,
}  # fmt: skip
"""A node of the grammar → what it means."""
