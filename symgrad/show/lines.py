"""The lines of a derivation: which there are, and their spelling in a style.

In: the stages of a derivation. Out: `Step`s. What is computed and what is shown are two forms of
one result: ``settled`` lines are computed, ``shown`` ones may be rewritten further for the reader.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixExpr

from symgrad import graph as g
from symgrad.declare import named_symbol
from symgrad.graph import Kind, Node
from symgrad.show.index_form import Letters, letters_of
from symgrad.show.matrix_form import entry_form, matrix_form
from symgrad.show.notation import (
    by_adjoint,
    in_layout,
    indexed,
    of_entries,
    spelled,
)
from symgrad.show.presentation import present
from symgrad.show.proof import Proofs, State, moves
from symgrad.show.reasons import Reasons
from symgrad.show.stages import Line, Stages, renamed_nodes
from symgrad.show.steps import LEAVES, RESULT, Move, Step
from symgrad.show.style import (
    DECLARED,
    DELTA,
    FULL,
    INDEX,
    MATRIX,
    Style,
)
from symgrad.show.text import formula
from symgrad.show.turning import Turning, oriented
from symgrad.simplify import fold_names, named_adjoints, normalise, strip_names

_PLAIN = Style()


class Lines:
    """Every line of a derivation of some ``kind``."""

    def __init__(self, kind: str, stages: Stages) -> None:
        self.kind = kind
        self.subject = stages.subject
        self.stages = stages.stages
        self._made = stages.lines
        self.settled = _settled(stages)
        self._turnings: dict[Style, Turning] = {}
        self._steps: dict[Style, list[Step]] = {}

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
    def _forward(self) -> list[Node]:
        """The declared values in normal form."""
        return self.subject.rewriter(self.subject.declared)

    @cached_property
    def shown(self) -> list[Line]:
        """The lines as they read best."""
        shown = self._read([line.node for line in self.settled], self._forward)
        return [line._replace(node=x) for line, x in zip(self.settled, shown, strict=True)]

    def _read(self, nodes: Sequence[Node], forward: Sequence[Node]) -> list[Node]:
        """Values as they read best; diag(p) − p·pᵀ reads best as it is."""
        known = set(forward)
        chosen = {node: node for node in nodes}
        plain = [node for node in nodes if not _has_identity(node, known)]
        presented = present(self.subject.rewriter, plain, forward, self.subject.value)
        for node, shown in zip(plain, presented, strict=True):
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
        literal: str = "",
    ) -> Any:
        """A line's right-hand side ``node``, in the orientation of its shape.

        ``symbols`` are the named values that it may be written in: all, unless they are given. In
        ``literal`` form a symmetric matrix may be seen to be transposed.
        """
        symbols = self._symbols if symbols is None else symbols
        if node.rank > 2 or form == INDEX:
            return self._entry(node, symbols)
        expr = matrix_form(node, symbols, self._letters, literal)
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

    def closed_form(self, line: Line, form: str = MATRIX) -> Any:
        """A line's value in leaves only: every name is replaced by what it stands for."""
        (root,) = normalise(strip_names([line.node]))
        (shown,) = self._read([root], [])
        return self.expression(line, shown, form, symbols={})

    def in_values(self, line: Line, form: str = MATRIX) -> Any:
        """A line's value in leaves and declared values: adjoints are replaced, names are not."""
        (root,) = self.subject.rewriter([self._composed[line.names[0]]])
        found = fold_names([root], self._forward, self.subject.value)
        if root.rank <= 2:
            found = list(dict.fromkeys((*found, *self._read(found, self._forward))))
        best = found[0] if len(found) == 1 else min(found, key=self._length)
        return self.expression(line, best, form)

    @cached_property
    def _composed(self) -> dict[str, Node]:
        """The value of each line, as it is shown, with those of the adjoints in it put in."""
        done: dict[str, Node] = {}
        for line in self.shown:
            value = line.value
            below = g.topological([value], lambda n: () if n.kind is Kind.NAMED else n.args)
            known = {n: done[n.name] for n in below if n.kind is Kind.NAMED and n.name in done}
            (done[line.names[0]],) = g.substitute([value], known)
        return done

    # ------------------------------------------------------------------------- in a style

    def steps(self, style: Style) -> list[Step]:
        """Every line in a style."""
        if style not in self._steps:
            self._steps[style] = [step for step, _ in self.proved(style)]
        return list(self._steps[style])

    def proved(self, style: Style) -> list[tuple[Step, list[State]]]:
        """Every line, and at level "full" the states of its proof."""
        lines = self._in_notation(style.notation)
        proofs = self._proofs(lines, style) if style.level == FULL else None
        forward = self._forward_steps(style, proofs)
        backward = self._backward_steps(lines, style, proofs, [step for step, _ in forward])
        return [*forward, *backward]

    def _forward_steps(self, style: Style, proofs: Proofs | None) -> list[tuple[Step, list[State]]]:
        declared = self.subject.declared
        originals = {n: named_symbol(n) for n in declared if n.rank <= 2}
        steps = [self.equation(n, originals, style) for n in declared]
        if proofs is None:
            return [(step, []) for step in steps]
        found: list[tuple[Step, list[State]]] = []
        for node, step in zip(declared, steps, strict=True):

            def write(value: Node, literal: str = "", node: Node = node) -> Any:
                return self.equation(node, self._symbols, style, value).expr

            states = proofs.forward(node)
            proof = moves(states, write, node.args[0], step.expr, ends=False)
            found.append((step._replace(proof=proof[1:]), states))  # the first is the line
        return found

    def equation(
        self,
        node: Node,
        symbols: Mapping[Node, Any],
        style: Style = _PLAIN,
        value: Node | None = None,
    ) -> Step:
        """The line of a declared value, or one with another right-hand side ``value``."""
        value = node.args[0] if value is None else value
        shape = (1, *node.shape) if node.is_row else node.shape
        if node.rank > 2 or style.form == INDEX:
            expr, shape = self._entry(value, symbols), node.shape
        else:
            expr = _as_entry(matrix_form(value, symbols, self._letters), node.rank)
            expr = expr.T if node.is_row and isinstance(expr, MatrixExpr) else expr
            turning = self._turning(style)
            turn = turning.value(shape)
            expr, shape = turning.spell(expr, turn), oriented(shape, turn)
        shape = node.shape if style.convention == DECLARED else shape
        return Step("forward", _indexed((node.name,), expr), expr, shape, "")

    def _in_notation(self, notation: str) -> list[Line]:
        """The lines with their adjoints spelled in ``notation``."""
        if notation == DELTA:
            return self.shown
        names: list[tuple[str, ...]] = []
        short: dict[str, str] = {}
        for line in self.shown:
            kind = self.stages[line.stage].kind
            own = spelled(line.names, kind, self.subject.name, line.target.name, notation)
            names.append(tuple(by_adjoint(name, short) for name in own))
            if line.value is not line.node:
                short[line.names[0]] = names[-1][0]
        pairs = list(zip(self.shown, names, strict=True))
        spellings = {line.names[0]: own[0] for line, own in pairs}
        nodes = [line.node for line in self.shown]  # which may define other forms of a value than
        named = named_adjoints(nodes, self._forward)  # the lines below refer to: hence by name
        renamed = {n: spellings[n.name] for n in named if n.name in spellings}
        nodes, _ = renamed_nodes(nodes, renamed)
        return [
            line._replace(node=node, names=own)
            for (line, own), node in zip(pairs, nodes, strict=True)
        ]

    def _backward_steps(
        self,
        lines: Sequence[Line],
        style: Style,
        proofs: Proofs | None,
        forward: Sequence[Step],
    ) -> list[tuple[Step, list[State]]]:
        equations = dict(zip(self.subject.known, forward, strict=True))
        reasons = Reasons(self.subject, self.stages, equations)
        steps: list[tuple[Step, list[State]]] = []
        found: dict[str, Step] = {}
        for k, line in enumerate(lines):
            value = line.value
            expr = self.expression(_read(line, value), value, style.form)
            step, law = self.step(line, expr, style), reasons.law(line)
            states: list[State] = []
            if proofs is not None:
                rewritten = self.shown[k].node is not self.settled[k].node
                states = proofs.backward(line, value, rewritten, law)
                step = step._replace(proof=self._moves(line, states, step, style))
            steps.append((step._replace(because=reasons(line, found), law=law), states))
            found[line.names[0]] = step
        return steps

    def _proofs(self, lines: Sequence[Line], style: Style) -> Proofs:
        """The proofs of ``lines``, which are in the notation of ``style``."""

        def spell(node: Node) -> str:
            if node.rank > 2:
                return formula(self._entry(node, self._symbols))
            shown = matrix_form(node, self._symbols, self._letters)
            if style.form == MATRIX:
                turning = self._turning(style)
                shown = turning.spell(shown, turning.value(node.shape))
            return formula(shown)

        def define(node: Node) -> str:
            return self.equation(node, self._symbols, style).text

        return Proofs(self.subject, self.stages, self._made, lines, style.notation, spell, define)

    def _moves(
        self, line: Line, states: Sequence[State], step: Step, style: Style
    ) -> tuple[Move, ...]:
        """A proof, written down in a style."""

        def write(node: Node, literal: str = "") -> Any:
            expr = self.expression(_read(line, node), node, style.form, literal=literal)
            return self.step(line, expr, style).expr

        return moves(states, write, line.value, step.expr)

    def results(self, places: Sequence[int], style: Style, leaves: bool = False) -> list[Step]:
        """The lines at ``places``, each by itself: in declared values, or in ``leaves`` only.

        One that would be longer than anybody reads has no step.
        """
        lines = self._in_notation(style.notation)
        below = None if leaves else set(self._forward)
        size: dict[Node, int] = {}
        found = []
        for k in places:
            line = _read(self.shown[k], self.shown[k].value)
            if _written_out(line.node, below, size) > _MOST_NODES:
                continue
            expr = (self.closed_form if leaves else self.in_values)(line, style.form)
            names = lines[k].names[-1:]
            step = self.step(lines[k]._replace(names=names), expr, style)
            if len(formula(step.expr)) <= LONGEST:
                found.append(step._replace(phase=LEAVES if leaves else RESULT))
        return found

    def step(self, line: Line, expr: Any, style: Style) -> Step:
        """The step of a line whose right-hand side is ``expr``, in the orientation of a style."""
        value = line.value
        row = len(line.shape) == 2 and line.shape[0] == 1 and value.rank == 1
        shape = (1, *value.shape) if row else value.shape
        expr = _as_entry(expr, value.rank)
        names = line.names
        if style.form == MATRIX and value.rank <= 2:
            turning = self._turning(style)
            turn = turning.line(line, shape)
            expr, shape = turning.spell(expr, turn), oriented(shape, turn)
            if turning.by_layout(line):
                stage = self.stages[line.stage]
                names = in_layout(names, stage.kind, stage.sources[0].rank)
        if isinstance(expr, sp.Lambda):
            stage = self.stages[line.stage]
            names = of_entries(names, stage.kind, stage.sources[0].rank)
        return Step("backward", _indexed(names, expr), expr, shape, "")

    def _turning(self, style: Style) -> Turning:
        """What is transposed in a style."""
        if style not in self._turnings:
            lines = self._in_notation(style.notation)
            self._turnings[style] = Turning(self.subject, self.stages, lines, style)
        return self._turnings[style]


def _read(line: Line, value: Node) -> Line:
    """A 1×1 matrix reads as a scalar."""
    return line if value.rank else line._replace(shape=())


_MOST_NODES = 150
"""Operations of a value whose formula may be short enough: one takes three signs or more."""
LONGEST = 400
"""Characters of a formula that is shown."""


def _written_out(root: Node, stops: Collection[Node] | None, size: dict[Node, int]) -> int:
    """The operations of a value, each as often as it is written where nothing below has a name.

    The values ``stops`` keep theirs. ``size`` has those of values that were looked at before.
    """
    named = stops or ()
    for node in g.topological([root], lambda n: () if n in named or n in size else n.args):
        if node in size:
            continue
        size[node] = 1 if node in named else 1 + sum(size[arg] for arg in node.args)
    return size[root]


def _indexed(names: tuple[str, ...], expr: Any) -> tuple[str, ...]:
    """The left-hand sides, with the indices of what is given by its entry."""
    if not isinstance(expr, sp.Lambda):
        return names
    indices = ", ".join(map(str, expr.variables))
    return tuple(indexed(name, indices) for name in names)


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
    by_name = {n.name: n for n in g.topological(nodes) if n.kind is Kind.NAMED}
    return [
        line._replace(node=by_name.get(line.names[0], node))
        for line, node in zip(lines, nodes, strict=True)
    ]
