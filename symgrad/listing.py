"""The graph as text, one node a line in index notation: what ``symgrad graph`` prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sympy as sp

from symgrad.graph import Access, Kind, Node, label_dims, slot, topological

_LETTERS = "ijklmnopqrstuvwxyz"


def shape_text(shape: Iterable[object]) -> str:
    """A shape as it is printed: ``H×D``, ``H×(T − 2)``, ``T − 2``, or ``scalar``."""
    sizes = [str(n).replace(" - ", " − ") for n in shape]
    if len(sizes) == 1:
        return sizes[0]
    return "×".join(f"({n})" if " " in n else n for n in sizes) or "scalar"


def _letters(labels: Iterable[int]) -> str:
    return "".join(_LETTERS[x] if x < len(_LETTERS) else f"<{x}>" for x in labels)


def _reference(node: Node, number: Mapping[Node, int]) -> str:
    match node.kind:
        case Kind.LEAF | Kind.NAMED:
            return node.name
        case Kind.CONST:
            return str(node.value)
        case Kind.DELTA:
            return "δ"
        case _:
            return f"%{number[node]}"


def condition(node: Node, axes: Sequence[str]) -> str:
    """The condition of an indicator, such as ``2i + u - 1 = 0``."""
    coefficients, offset, relation = node.affine
    total = sp.Add(*(c * sp.Symbol(x) for c, x in zip(coefficients, axes, strict=False)), offset)
    return f"{total} {relation} 0"


def equation(node: Node, number: Mapping[Node, int]) -> str:
    """One node as index notation over its operands, such as ``Σ_k %3[ik]·x[k]``.

    ``number`` has what stands for a value without a name.
    """

    def operand(access: Access) -> str:
        if access.node.kind is Kind.INDICATOR:
            return f"1[{condition(access.node, _letters(access.labels))}]"
        ref = _reference(access.node, number)
        return f"{ref}[{_letters(access.labels)}]" if access.labels else ref

    contracted = _letters(range(node.rank, len(label_dims(node))))
    prefix = f"Σ_{contracted} " if contracted else ""
    operands = [operand(a) for a in node.accesses]
    match node.kind:
        case Kind.LEAF | Kind.CONST | Kind.DELTA:
            return _reference(node, number)
        case Kind.INDICATOR:
            return f"1[{condition(node, _LETTERS)}]"
        case Kind.ONEHOT:
            return f"1[{operands[0]} = {_letters([node.rank - 1])}]"
        case Kind.SUM:
            terms = [
                x if c == 1 else f"{c}·{x}" for c, x in zip(node.weights, operands, strict=True)
            ]
            return " + ".join(terms) or "0"
        case Kind.PRODUCT:
            return prefix + ("·".join(operands) or "1")
        case Kind.MAP:
            names = {slot(k): sp.Symbol(x) for k, x in enumerate(operands)}
            return str(node.body.xreplace(names))
        case Kind.REDUCE | Kind.LINALG:
            return f"{node.op}{contracted} {operands[0]}"
        case Kind.NAMED:
            return operands[0]


def text(roots: Iterable[Node]) -> str:
    """The whole graph, one node a line, operands first: what ``symgrad graph`` prints."""
    lines = []
    order = topological(roots)
    number = {node: k for k, node in enumerate(order)}
    for node in order:
        if node.kind in (Kind.CONST, Kind.DELTA, Kind.INDICATOR):
            continue
        axes = _letters(range(node.rank))
        shape = shape_text(node.shape)
        if node.kind is Kind.LEAF:
            facts = "".join(f", {fact.name}" for fact in sorted(node.leaf.facts))
            lines.append(f"{node.name}: leaf {shape}{facts}")
        else:
            left = f"{_reference(node, number)}[{axes}]" if axes else _reference(node, number)
            lines.append(f"{left} = {equation(node, number)}    {node.kind.value} {shape}")
    return "\n".join(lines)
