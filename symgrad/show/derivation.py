"""A derivation: results that can be read, printed, used and differentiated again.

The work is done elsewhere: `subject` checks what is differentiated, `reverse` and `jacobians`
sweep it, `simplify` makes it readable. This module puts the lines together. `Stages` collects
them while a derivation is made (a gradient is one stage, a Hessian the gradient's and one more for
each sweep of it); a `Derivation` is what is returned.

What is computed and what is shown are two forms of one result: ``d.roots`` is used by
``sg.function`` and training; `presentation` may rewrite a line further for the reader.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixExpr

from symgrad import graph as g
from symgrad.declare import named_symbol
from symgrad.errors import DerivativeError, UnsupportedError
from symgrad.facts import is_free
from symgrad.functions import as_expression
from symgrad.graph import Kind, Node
from symgrad.reverse import adjoint_name, adjoints
from symgrad.show.index_form import Letters, letters_of
from symgrad.show.laws import segment_laws
from symgrad.show.matrix_form import entry_form, matrix_form
from symgrad.show.notation import DELTA, adjoint_text, check_notation
from symgrad.show.presentation import present
from symgrad.show.stages import Goal, Line, Spelling, Stage, Stages, renamed_nodes
from symgrad.show.steps import Step, table
from symgrad.show.text import formula
from symgrad.simplify import normalise, strip_names
from symgrad.subject import Subject, symbols_of, variable
from symgrad.symbols import as_matrix

MATRIX, INDEX = "matrix", "index"
"""The notations that a derivation is shown in."""


class Derivation:
    """Derivatives of a value, with the equations that lead to them.

    ``d[symbol]`` is a result as a SymPy expression in named values, ``d.closed_form(symbol)`` the
    same in leaves only. ``print(d)`` shows every line with its reason; ``d.steps`` are those lines.
    A result of more than two axes is a ``sympy.Lambda`` of its indices.
    """

    def __init__(self, kind: str, stages: Stages, results: Mapping[Any, str]) -> None:
        """``results`` gives for each key of ``d[key]`` the left-hand side of its line."""
        self.kind = kind
        self.wrt: tuple[Any, ...] = tuple(results)
        self._subject = stages.subject
        self._stages = stages.stages
        self._lines = _settled(stages)
        place = {name: k for k, line in enumerate(self._lines) for name in line.names[1:]}
        place |= {line.names[0]: k for k, line in enumerate(self._lines)}
        self._places = [place[name] for name in results.values()]

    # ----------------------------------------------------------------------------- values

    @property
    def loss(self) -> Node:
        """What was differentiated, a named node as declared."""
        return self._subject.root

    @property
    def loss_root(self) -> Node:
        """The same in the stable form that it is computed in."""
        return self._subject.rewriter([self._subject.root])[0]

    @property
    def forward(self) -> list[Node]:
        """The named values that the user declared, in the order of evaluation."""
        return list(self._subject.declared)

    @property
    def roots(self) -> list[Node]:
        """The graph of each result, as it is computed, in ``wrt`` order."""
        return [self._lines[k].node for k in self._places]

    @property
    def shapes(self) -> list[tuple[Any, ...]]:
        """The SymPy shape of each result, in ``wrt`` order; () for a scalar."""
        return [self._lines[k].shape for k in self._places]

    @property
    def output_names(self) -> list[str]:
        """A name for each result in generated code."""
        head = {"gradient": "grad"}.get(self.kind, self.kind)
        if self.kind == "jvp":  # its key is an expression
            return [head]
        return [f"{head}_{_key_text(key, '_')}" for key in self.wrt]

    def __getitem__(self, key: Any) -> Any:
        """A result in named values: a SymPy expression, or a Lambda of more than two indices."""
        line = self._shown[self._places[self._position(key)]]
        return self._notation(line, _defined(line))

    def closed_form(self, key: Any = None) -> Any:
        """A result in leaves only: every name is replaced by what it stands for."""
        line = self._shown[self._places[self._position(self.wrt[0] if key is None else key)]]
        (root,) = normalise(strip_names([line.node]))
        (shown,) = self._read([root], [])
        return self._notation(line, shown, symbols={})

    def __iter__(self) -> Iterator[Any]:
        return iter(self.wrt)

    def __len__(self) -> int:
        return len(self.wrt)

    def _position(self, key: Any) -> int:
        key = as_matrix(key) if isinstance(key, sp.IndexedBase) else key
        for spelled in (key, (key, key)):
            if spelled in self.wrt:
                return self.wrt.index(spelled)
        if isinstance(key, tuple) and len(key) == 2 and key[0] == key[1] and key[0] in self.wrt:
            return self.wrt.index(key[0])
        known = ", ".join(_key_text(x, ", ") for x in self.wrt)
        raise DerivativeError(
            f"this derivation is with respect to {known}; {_key_text(key, ', ')} is not among "
            f"them. Pass it in the list of sg.{self.kind}(…, [...])."
        )

    # ------------------------------------------------------------------------------ lines

    @cached_property
    def _symbols(self) -> dict[Node, Any]:
        """The user's symbol of each named value, in normal form."""
        subject = self._subject
        normal = subject.rewriter(subject.declared)
        return {
            x: named_symbol(n) for n, x in zip(subject.declared, normal, strict=True) if n.rank <= 2
        }

    @cached_property
    def _letters(self) -> Letters:
        """Index letters, the same in every line."""
        return letters_of([*self._subject.declared, *(line.node for line in self._lines)])

    @cached_property
    def _shown(self) -> list[Line]:
        """The lines as they read best."""
        forward = self._subject.rewriter(self._subject.declared)
        shown = self._read([line.node for line in self._lines], forward)
        return [line._replace(node=x) for line, x in zip(self._lines, shown, strict=True)]

    def _read(self, nodes: Sequence[Node], forward: Sequence[Node]) -> list[Node]:
        """Values as they read best; diag(p) − p·pᵀ reads best as it is."""
        known = set(forward)
        chosen = {node: node for node in nodes}
        plain = [node for node in nodes if not _has_identity(node, known)]
        for node, shown in zip(plain, present(self._subject.rewriter, plain, forward), strict=True):
            # rows and columns may not factor together
            longer = shown is not node and node.rank == 2
            chosen[node] = min((shown, node), key=self._length) if longer else shown
        return [chosen[node] for node in nodes]

    def _length(self, node: Node) -> int:
        """How long the formula of a value is."""
        value = node.args[0] if node.kind is Kind.NAMED else node
        return len(formula(matrix_form(value, self._symbols, self._letters)))

    def _notation(
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

    @cached_property
    def steps(self) -> list[Step]:
        """Forward equations in the order of evaluation, then each stage in that of its sweep."""
        return self.lines(MATRIX)

    def lines(self, form: str = MATRIX, notation: str = DELTA) -> list[Step]:
        """The same in ``form``: ``"matrix"`` notation where it can say it, or ``"index"`` notation.

        In index form a line is an entry, ``z[k] = Σ_j W[k, j]·x[j] + b[k]``, and its ``expr`` a
        ``sympy.Lambda`` of the indices. The ``notation`` of the adjoints in a gradient is
        ``"delta"`` (δ2 = ∂L/∂z2), ``"bar"`` (z̄2) or ``"partial"`` (∂L/∂z2).
        """
        if form not in (MATRIX, INDEX):
            raise UnsupportedError(
                f'the form {form!r} was asked for; expected "{MATRIX}" or "{INDEX}".'
            )
        return [*self._forward_steps(form), *self._backward_steps(form, notation)]

    def _forward_steps(self, form: str) -> list[Step]:
        declared = self._subject.declared
        originals = {n: named_symbol(n) for n in declared if n.rank <= 2}
        return [self._equation(n, originals, form) for n in declared]

    def _equation(self, node: Node, symbols: Mapping[Node, Any], form: str = MATRIX) -> Step:
        """The line of a declared value."""
        if node.rank > 2 or form == INDEX:
            expr = self._entry(node.args[0], symbols)
        else:
            expr = _as_entry(matrix_form(node.args[0], symbols, self._letters), node.rank)
            expr = expr.T if node.is_row and isinstance(expr, MatrixExpr) else expr
        return Step("forward", _indexed((node.name,), expr), expr, node.shape, "")

    def _in_notation(self, notation: str) -> list[Line]:
        """The lines with their adjoints spelled in ``notation``."""
        check_notation(notation)
        if notation == DELTA:
            return self._shown
        if self.kind != "gradient":
            raise UnsupportedError(
                f'the notation "{notation}" is one for gradients, and this is a derivation of a '
                f'{self.kind}; show it in the notation "{DELTA}".'
            )
        loss = self._subject.name
        spelled = [adjoint_text(loss, line.target.name, notation) for line in self._shown]
        pairs = list(zip(self._shown, spelled, strict=True))
        own = {line.node: name for line, name in pairs if _defined(line) is not line.node}
        nodes, _ = renamed_nodes([line.node for line in self._shown], own)
        return [
            line._replace(node=node, names=(name,))
            for (line, name), node in zip(pairs, nodes, strict=True)
        ]

    def _backward_steps(self, form: str, notation: str) -> list[Step]:
        reasons = _Reasons(self, form)
        steps: list[Step] = []
        texts: dict[str, str] = {}
        for line in self._in_notation(notation):
            value = _defined(line)
            shape = value.shape
            if shape and len(line.shape) == 2 and line.shape[0] == 1:
                shape = (1, *shape)
            read = line if value.rank else line._replace(shape=())  # a 1×1 matrix reads as a scalar
            expr = _as_entry(self._notation(read, value, form), value.rank)
            names = _indexed(line.names, expr)
            steps.append(Step("backward", names, expr, shape, reasons(line, texts)))
            texts[line.names[0]] = steps[-1].text
        return steps

    # ---------------------------------------------------------------------------- printing

    def __str__(self) -> str:
        return self.text()

    def text(self, form: str = MATRIX, notation: str = DELTA) -> str:
        """The lines as a table; ``form`` and ``notation`` are those of `lines`."""
        return table(self.lines(form, notation))

    def __repr__(self) -> str:
        by = ", ".join(_key_text(x, ", ") for x in self.wrt)
        what = "Derivation" if self.kind == "gradient" else f"Derivation ({self.kind})"
        return f"<{what} of {self.loss.name} with respect to {by}>"

    def latex(self, form: str = MATRIX, notation: str = DELTA) -> str:
        """The lines as a LaTeX ``align*`` block; ``form`` and ``notation`` are those of `lines`."""
        from symgrad.show.latex import align

        return align(self.lines(form, notation))


def _key_text(key: Any, joint: str) -> str:
    return joint.join(map(str, key)) if isinstance(key, tuple) else str(key)


def _indexed(names: tuple[str, ...], expr: Any) -> tuple[str, ...]:
    """The left-hand sides, with the indices of what is given by its entry."""
    if not isinstance(expr, sp.Lambda):
        return names
    indices = ", ".join(map(str, expr.variables))
    return tuple(f"{name}[{indices}]" for name in names)


def _defined(line: Line) -> Node:
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


class _Reasons:
    """Why each line holds: the laws it passed, facts, or the equation that it came through."""

    def __init__(self, derivation: Derivation, form: str) -> None:
        self._rewriter = derivation._subject.rewriter
        self._stages = derivation._stages
        self._above = [self._neighbours(stage) for stage in self._stages]
        declared = derivation._subject.declared
        known = derivation._subject.known
        self._equations = {
            normal: derivation._equation(n, {}, form).text
            for n, normal in zip(declared, known, strict=True)
        }
        reasons = self._rewriter.reasons
        opened = derivation._subject.opened(declared)
        self._facts = {normal: reasons.get(n, ()) for n, normal in zip(opened, known, strict=True)}
        self._previous = ""

    @staticmethod
    def _neighbours(stage: Stage) -> Mapping[Node, Sequence[Node]]:
        """Where a reason is looked for next: towards the source, or away from it."""
        if stage.backward:
            return g.consumers(stage.sources)
        return {n: list(n.args) for n in g.topological(stage.sources)}

    def _facts_passed(self, line: Line) -> list[str]:
        """The facts that the declared values between a line and the next one rest on."""
        stage = self._stages[line.stage]
        above = self._above[line.stage]
        seen: set[Node] = set()
        stack = list(above.get(line.target, ()))
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                stack.extend(() if node in stage.named else above.get(node, ()))
        return [x for n in sorted(seen, key=lambda n: n.uid) for x in self._facts.get(n, ())]

    def __call__(self, line: Line, texts: Mapping[str, str]) -> str:
        stage = self._stages[line.stage]
        laws, reached = segment_laws(line.target, self._above[line.stage], stage.named)
        facts = [*self._rewriter.reasons.get(line.raw, ()), *self._facts_passed(line)]
        reason = ", ".join(dict.fromkeys([*laws, *facts]))
        if not reason:
            reason = (
                self._equations.get(reached[0], "") if reached else texts.get(stage.otherwise, "")
            )
            if reason == self._previous:
                return ""
        self._previous = reason or self._previous
        return reason


# -------------------------------------------------------------------------------- the gradient


def gradient(loss: Any, wrt: Any) -> Derivation:
    """The gradient of a scalar ``loss`` with respect to a symbol or a list of symbols.

    A symbol is a leaf (``Symbol``, ``MatrixSymbol``, ``sg.simplex``) or a named value
    (``sg.let``), whose adjoint then has a line that the later lines refer to: with every named
    value in the list, the lines are the messages of backpropagation. ``d[symbol]`` has the
    symbol's shape. Raises ShapeError for a loss that is not a
    scalar and DerivativeError for a symbol that is not in the loss.
    """
    subject = Subject(as_expression(loss), symbols_of(wrt)).scalar()
    stages = Stages(subject)
    raw, asked = _raw_gradients(subject)
    goals = first_order(subject)
    stages.add([subject.value], raw, goals, adjoint_line(subject), asked=asked)
    return Derivation("gradient", stages, results_of(subject.wrt, goals))


def results_of(keys: Sequence[Any], goals: Sequence[Goal]) -> dict[Any, str]:
    """The left-hand side of each key's line."""
    return {key: goal.names[0] for key, goal in zip(keys, goals, strict=True)}


def first_order(subject: Subject) -> list[Goal]:
    """The lines ∂L/∂w."""
    targets = subject.rewriter(subject.variables)
    return [
        Goal((f"∂{subject.name}/∂{w}",), shape_of(w), target)
        for w, target in zip(subject.wrt, targets, strict=True)
    ]


def adjoint_line(subject: Subject) -> Spelling:
    """δ2 = ∂L/∂z2."""
    return lambda forward, name: (name, f"∂{subject.name}/∂{forward.name}")


def shape_of(symbol: Any) -> tuple[Any, ...]:
    """The SymPy shape that a gradient by ``symbol`` has; () for a scalar."""
    if isinstance(symbol, sp.IndexedBase):
        symbol = as_matrix(symbol)
    return tuple(symbol.shape) if isinstance(symbol, MatrixExpr | sp.IndexedBase) else ()


def _raw_gradients(subject: Subject) -> tuple[list[Node], list[Node]]:
    """∂loss/∂target for each target, raw, and the named values whose adjoints are such results.

    One sweep gives the derivatives by all leaves without facts and by the named values that the
    loss depends on just as it was declared. Any other target needs a sweep of its own, in a graph
    where it is a variable, because that graph is another one.
    """
    swept = {t: t for t in subject.targets if t.kind is Kind.LEAF and is_free(t)}
    asked: list[Node] = []
    cuts: dict[Node, _Cut] = {}
    for target in subject.targets:
        if target not in swept:
            cut = cuts[target] = _Cut(subject, target)
            if cut.is_passed:
                swept[target] = cut.normal
                asked.append(cut.normal)
    found = adjoints(subject.value, list(swept.values())) if swept else {}
    raw = [
        found.get(swept[t], g.const(0, t.shape)) if t in swept else cuts[t].gradient()
        for t in subject.targets
    ]
    return raw, asked


class _Cut:
    """The loss as a function of a value below it, ``target``, which is varied by itself."""

    def __init__(self, subject: Subject, target: Node) -> None:
        self.subject, self.target = subject, target
        self.leaf = variable(target)
        rewriter = subject.rewriter
        (self.root,) = rewriter(g.substitute([subject.root], {target: self.leaf}))
        (self.normal,) = rewriter([target])

    @property
    def is_passed(self) -> bool:
        """Whether the whole derivative passes the value in the stable form of the loss, too.

        It does not where a recognised primitive bypasses the value, as log softmax does p; and a
        row's adjoint, which is a column, is no gradient by it.
        """
        if self.target.kind is not Kind.NAMED or self.target.is_row:
            return False
        swap = {self.normal: self.leaf}
        return self.subject.rewriter(g.substitute([self.subject.value], swap)) == [self.root]

    def gradient(self) -> Node:
        """∂loss/∂target, raw, the target put back."""
        named = [n for n in g.topological([self.root]) if n.kind is Kind.NAMED]
        back = self.subject.rewriter(g.substitute(named, {self.leaf: self.normal}))
        original = dict(zip(named, back, strict=True))
        sweep = adjoints(self.root, [self.leaf], name=lambda n: adjoint_name(original[n]))
        result = sweep.get(self.leaf, g.const(0, self.target.shape))
        return g.substitute([result], {self.leaf: self.normal})[0]
