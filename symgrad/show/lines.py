"""The lines of a derivation: which there are, and their spelling in a style.

In: the stages of a derivation. Out: `Step`s. What is computed and what is shown are two forms of
one result: ``settled`` lines are computed, ``shown`` ones may be rewritten further for the reader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixExpr

from symgrad import graph as g
from symgrad.declare import named_symbol
from symgrad.errors import UnsupportedError
from symgrad.graph import Kind, Node
from symgrad.show.index_form import Letters, letters_of
from symgrad.show.matrix_form import entry_form, matrix_form
from symgrad.show.notation import adjoint_text
from symgrad.show.presentation import present
from symgrad.show.reasons import Reasons
from symgrad.show.stages import Line, Stages, renamed_nodes
from symgrad.show.steps import Step
from symgrad.show.style import DELTA, INDEX, MATRIX, Style
from symgrad.show.text import formula
from symgrad.simplify import normalise, strip_names


class Lines:
    """Every line of a derivation of some ``kind``."""

    def __init__(self, kind: str, stages: Stages) -> None:
        self.kind = kind
        self.subject = stages.subject
        self.stages = stages.stages
        self.settled = _settled(stages)

    @cached_property
    def _symbols(self) -> dict[Node, Any]:
        """The user's symbol of each named value, in normal form."""
        subject = self.subject
        normal = subject.rewriter(subject.declared)
        return {
            x: named_symbol(n) for n, x in zip(subject.declared, normal, strict=True) if n.rank <= 2
        }

    @cached_property
    def _letters(self) -> Letters:
        """Index letters, the same in every line."""
        return letters_of([*self.subject.declared, *(line.node for line in self.settled)])

    @cached_property
    def shown(self) -> list[Line]:
        """The lines as they read best."""
        forward = self.subject.rewriter(self.subject.declared)
        shown = self._read([line.node for line in self.settled], forward)
        return [line._replace(node=x) for line, x in zip(self.settled, shown, strict=True)]

    def _read(self, nodes: Sequence[Node], forward: Sequence[Node]) -> list[Node]:
        """Values as they read best; diag(p) − p·pᵀ reads best as it is."""
        known = set(forward)
        chosen = {node: node for node in nodes}
        plain = [node for node in nodes if not _has_identity(node, known)]
        for node, shown in zip(plain, present(self.subject.rewriter, plain, forward), strict=True):
            # rows and columns may not factor together
            longer = shown is not node and node.rank == 2
            chosen[node] = min((shown, node), key=self._length) if longer else shown
        return [chosen[node] for node in nodes]

    def _length(self, node: Node) -> int:
        """How long the formula of a value is."""
        value = node.args[0] if node.kind is Kind.NAMED else node
        return len(formula(matrix_form(value, self._symbols, self._letters)))

    def expression(
        self,
        line: Line,
        node: Node,
        form: str = MATRIX,
        symbols: Mapping[Node, Any] | None = None,
    ) -> Any:
        """A line's right-hand side ``node``, in the orientation of its shape.

        ``symbols`` are the named values that it may be written in: all, unless they are given.
        """
        symbols = self._symbols if symbols is None else symbols
        if node.rank > 2 or form == INDEX:
            return self._entry(node, symbols)
        expr = matrix_form(node, symbols, self._letters)
        if len(line.shape) == 2:
            if not isinstance(expr, MatrixExpr):
                return sp.MatMul(expr, sp.OneMatrix(1, 1))
            if tuple(line.shape) != tuple(expr.shape):
                return expr.T
        return expr

    def _entry(self, node: Node, symbols: Mapping[Node, Any]) -> Any:
        """A value by its entry, a Lambda of its indices; a scalar as it is."""
        entry = entry_form(node, symbols, self._letters)
        return entry if node.rank else entry.expr

    def closed_form(self, line: Line) -> Any:
        """A line's value in leaves only: every name is replaced by what it stands for."""
        (root,) = normalise(strip_names([line.node]))
        (shown,) = self._read([root], [])
        return self.expression(line, shown, symbols={})

    def steps(self, style: Style) -> list[Step]:
        """Every line in a style."""
        return [*self._forward_steps(style.form), *self._backward_steps(style)]

    def _forward_steps(self, form: str) -> list[Step]:
        declared = self.subject.declared
        originals = {n: named_symbol(n) for n in declared if n.rank <= 2}
        return [self.equation(n, originals, form) for n in declared]

    def equation(self, node: Node, symbols: Mapping[Node, Any], form: str = MATRIX) -> Step:
        """The line of a declared value."""
        if node.rank > 2 or form == INDEX:
            expr = self._entry(node.args[0], symbols)
        else:
            expr = _as_entry(matrix_form(node.args[0], symbols, self._letters), node.rank)
            expr = expr.T if node.is_row and isinstance(expr, MatrixExpr) else expr
        return Step("forward", _indexed((node.name,), expr), expr, node.shape, "")

    def _equations(self, form: str) -> dict[Node, str]:
        """The text of each named value's equation, by its stable form."""
        declared, known = self.subject.declared, self.subject.known
        return {
            normal: self.equation(n, {}, form).text
            for n, normal in zip(declared, known, strict=True)
        }

    def _in_notation(self, notation: str) -> list[Line]:
        """The lines with their adjoints spelled in ``notation``."""
        if notation == DELTA:
            return self.shown
        if self.kind != "gradient":
            raise UnsupportedError(
                f'the notation "{notation}" is one for gradients, and this is a derivation of a '
                f'{self.kind}; show it in the notation "{DELTA}".'
            )
        loss = self.subject.name
        spelled = [adjoint_text(loss, line.target.name, notation) for line in self.shown]
        pairs = list(zip(self.shown, spelled, strict=True))
        own = {line.node: name for line, name in pairs if defined(line) is not line.node}
        nodes, _ = renamed_nodes([line.node for line in self.shown], own)
        return [
            line._replace(node=node, names=(name,))
            for (line, name), node in zip(pairs, nodes, strict=True)
        ]

    def _backward_steps(self, style: Style) -> list[Step]:
        form = style.form
        reasons = Reasons(self.subject, self.stages, self._equations(form))
        steps: list[Step] = []
        texts: dict[str, str] = {}
        for line in self._in_notation(style.notation):
            value = defined(line)
            shape = value.shape
            if shape and len(line.shape) == 2 and line.shape[0] == 1:
                shape = (1, *shape)
            read = line if value.rank else line._replace(shape=())  # a 1×1 matrix reads as a scalar
            expr = _as_entry(self.expression(read, value, form), value.rank)
            names = _indexed(line.names, expr)
            steps.append(Step("backward", names, expr, shape, reasons(line, texts)))
            texts[line.names[0]] = steps[-1].text
        return steps


def _indexed(names: tuple[str, ...], expr: Any) -> tuple[str, ...]:
    """The left-hand sides, with the indices of what is given by its entry."""
    if not isinstance(expr, sp.Lambda):
        return names
    indices = ", ".join(map(str, expr.variables))
    return tuple(f"{name}[{indices}]" for name in names)


def defined(line: Line) -> Node:
    """The right-hand side of a line: what it defines, if it defines a name."""
    own = line.node.kind is Kind.NAMED and line.node.name == line.names[0]
    return line.node.args[0] if own else line.node


def _has_identity(node: Node, known: set[Node]) -> bool:
    """Whether the value of a node, down to named ones, has a δ in it."""
    value = node.args[0] if node.kind is Kind.NAMED and node not in known else node
    below = g.topological([value], lambda n: () if n.kind is Kind.NAMED else n.args)
    return any(n.kind is Kind.DELTA for n in below)


def _as_entry(expr: Any, rank: int) -> Any:
    """What matrix notation cannot say, by its entry: r[i, j] = … instead of r = […]_ij."""
    if not isinstance(expr, sp.FunctionMatrix):
        return expr
    return sp.Lambda(expr.lamda.variables[:rank], expr.lamda.expr)


def _settled(stages: Stages) -> list[Line]:
    """The lines of all stages, over one graph: variables put back, equal values under one name."""
    lines = stages.lines
    nodes = stages.subject.restored([line.node for line in lines])
    by_name = {n.name: n for n in g.topological([x for x in nodes]) if n.kind is Kind.NAMED}
    return [
        line._replace(node=by_name.get(line.names[0], node))
        for line, node in zip(lines, nodes, strict=True)
    ]
