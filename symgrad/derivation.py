"""``sg.gradient`` and the object it returns: a derivation that can be read, printed and used.

The work is done elsewhere: recognise the forward graph, sweep it backwards, simplify for reading.
This module puts the results under the names that the user declared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixExpr

from symgrad import graph as g
from symgrad.declare import named_symbol
from symgrad.errors import DerivativeError, ShapeError
from symgrad.functions import as_expression
from symgrad.graph import Kind, Node
from symgrad.laws import segment_laws
from symgrad.lift import leaves_by_name, lift, shape_text
from symgrad.matrix_form import matrix_form
from symgrad.recognise import FORWARD
from symgrad.reverse import adjoint_name, adjoints
from symgrad.rewrite import Rewriter
from symgrad.simplify import normalise, reading, strip_names
from symgrad.symbols import LabelSymbol, Opaque
from symgrad.text import formula


class Step(NamedTuple):
    """One line of a derivation: ``names[0] = names[1] = … = expr``."""

    phase: str
    """``forward`` or ``backward``."""
    names: tuple[str, ...]
    expr: Any
    """The right-hand side, a SymPy expression in named values."""
    shape: tuple[Any, ...]
    because: str

    @property
    def text(self) -> str:
        """The line without its shape and reason."""
        return " = ".join((*self.names, formula(self.expr)))


class Derivation:
    """The gradient of a scalar, with its forward and backward equations.

    ``d[symbol]`` is ∂L/∂symbol as a SymPy expression in named values; ``d.closed_form(symbol)``
    has leaves only. ``print(d)`` shows every line with its reason; ``d.steps`` are those lines.
    """

    def __init__(self, loss: Any, wrt: Sequence[Any]) -> None:
        self.wrt: tuple[Any, ...] = tuple(wrt)
        root = lift(loss)
        if root.shape:
            raise ShapeError(
                f"the loss {loss} has shape {shape_text(root.shape)}; expected a scalar. "
                "Reduce it with sg.sum, sg.dot or sg.squared_error."
            )
        leaves_by_name([root])
        self.loss: Node = root if root.kind is Kind.NAMED else g.named(_free_name(root), root)
        self._forward = [n for n in g.topological([self.loss]) if n.kind is Kind.NAMED]
        self._rewriter = Rewriter(FORWARD)
        below = set(g.topological([self.loss]))
        targets = [_target(w, below) for w in self.wrt]
        (recognised,) = self._rewriter([self.loss])
        self._recognised = recognised
        raw = _raw_gradients(self.loss, recognised, targets, self._rewriter)
        self._raw = raw
        self.roots: list[Node]
        self.roots, self._adjoints = reading(self._rewriter, raw, self._forward)
        self._symbols = {
            normal: named_symbol(n)
            for n, normal in zip(self._forward, self._rewriter(self._forward), strict=True)
            if n.rank <= 2
        }

    # ----------------------------------------------------------------------------- values

    @property
    def shapes(self) -> list[tuple[Any, ...]]:
        """The SymPy shape of each gradient, in ``wrt`` order; () for a scalar."""
        return [w.shape if isinstance(w, MatrixExpr) else () for w in self.wrt]

    @property
    def loss_root(self) -> Node:
        """The loss, in the stable form that it is computed in."""
        return self._recognised

    def __getitem__(self, symbol: Any) -> Any:
        """∂L/∂symbol in named values: a SymPy expression of the symbol's shape."""
        return self._expression(symbol, self.roots[self._position(symbol)])

    def closed_form(self, symbol: Any) -> Any:
        """∂L/∂symbol in leaves only: every name is replaced by what it stands for."""
        (root,) = normalise(strip_names([self.roots[self._position(symbol)]]))
        return self._expression(symbol, root)

    def __iter__(self) -> Any:
        return iter(self.wrt)

    def __len__(self) -> int:
        return len(self.wrt)

    def _position(self, symbol: Any) -> int:
        if symbol not in self.wrt:
            known = ", ".join(map(str, self.wrt))
            raise DerivativeError(
                f"this derivation is with respect to {known}; {symbol} is not among them. "
                "Pass it in the list of sg.gradient(loss, [...])."
            )
        return self.wrt.index(symbol)

    def _expression(self, symbol: Any, root: Node) -> Any:
        expr = matrix_form(root, self._symbols)
        if isinstance(symbol, MatrixExpr):
            if not isinstance(expr, MatrixExpr):
                return sp.MatMul(expr, sp.OneMatrix(1, 1))
            if tuple(symbol.shape) != tuple(expr.shape):
                return expr.T
        return expr

    # ------------------------------------------------------------------------------ lines

    @cached_property
    def steps(self) -> list[Step]:
        """Forward equations in the order of evaluation, backward ones in that of the sweep."""
        return [*self._forward_steps(), *self._backward_steps()]

    def _forward_steps(self) -> list[Step]:
        originals = {n: named_symbol(n) for n in self._forward if n.rank <= 2}
        return [
            Step("forward", (n.name,), _oriented(n, matrix_form(n.args[0], originals)), n.shape, "")
            for n in self._forward
        ]

    def _backward_steps(self) -> list[Step]:
        loss = self.loss.name
        consumers = g.consumers([self._recognised])
        forward_of = dict(self._adjoints)
        shown = set(forward_of.values())
        equations = {
            normal: Step(
                "forward", (n.name,), _oriented(n, matrix_form(n.args[0])), n.shape, ""
            ).text
            for n, normal in zip(self._forward, self._rewriter(self._forward), strict=True)
            if n.rank <= 2
        }
        previous = ""

        def because(target: Node, raw: Node | None) -> str:
            nonlocal previous
            laws, reached = segment_laws(target, consumers, shown)
            facts = self._rewriter.reasons.get(raw, ()) if raw is not None else ()
            reason = ", ".join([*laws, *facts])
            if not reason and reached:
                reason = equations.get(reached[0], "")
                if reason == previous:
                    return ""
            previous = reason or previous
            return reason

        raw_by_name = {n.name: n for n in g.topological(self._raw) if n.kind is Kind.NAMED}
        order = sorted(forward_of, key=lambda a: -forward_of[a].uid)
        position = {adjoint: k for k, adjoint in enumerate(order)}
        ready: list[list[int]] = [[] for _ in range(len(order) + 1)]
        for k, root in enumerate(self.roots):
            last = max((position[n] for n in _adjoints_of(root, position)), default=-1)
            ready[last + 1].append(k)

        steps: list[Step] = []
        for k, now in enumerate(ready):
            if k > 0:
                adjoint = order[k - 1]
                forward = forward_of[adjoint]
                raw = raw_by_name.get(adjoint_name(forward))
                names = (adjoint.name, f"∂{loss}/∂{forward.name}")
                expr = matrix_form(adjoint.args[0], self._symbols)
                reason = because(forward, raw)
                steps.append(Step("backward", names, expr, adjoint.shape, reason))
            for target in now:
                symbol = self.wrt[target]
                expr = self._expression(symbol, self.roots[target])
                reason = because(self._recognised_target(symbol), self._raw[target])
                own = (f"∂{loss}/∂{symbol}",)
                steps.append(Step("backward", own, expr, symbol_shape(symbol), reason))
        return steps

    def _recognised_target(self, symbol: Any) -> Node:
        return self._rewriter([lift(symbol)])[0]

    # ---------------------------------------------------------------------------- printing

    def __str__(self) -> str:
        return table(self.steps)

    def __repr__(self) -> str:
        wrt = ", ".join(map(str, self.wrt))
        return f"<Derivation of {self.loss.name} with respect to {wrt}>"

    def latex(self) -> str:
        """The lines as a LaTeX ``align*`` block."""
        from symgrad.latex import align

        return align(self.steps)


def gradient(loss: Any, wrt: Any) -> Derivation:
    """The gradient of a scalar ``loss`` with respect to a symbol or a list of symbols.

    A symbol is a leaf (``Symbol``, ``MatrixSymbol``, ``sg.simplex``) or a named value
    (``sg.let``). Raises ShapeError for a loss that is not a scalar and DerivativeError for a
    symbol that is not in the loss.
    """
    loss = as_expression(loss)
    symbols = list(wrt) if isinstance(wrt, list | tuple | set) else [wrt]
    if not symbols:
        raise DerivativeError("no symbols to differentiate by were given; pass at least one.")
    return Derivation(loss, [as_expression(s) for s in symbols])


def symbol_shape(symbol: Any) -> tuple[Any, ...]:
    """A symbol's shape as it is printed: a column n×1 is n."""
    shape = lift(symbol).shape
    return (1, *shape) if shape and symbol.shape[0] == 1 else shape


def _target(symbol: Any, below: set[Node]) -> Node:
    """The node to differentiate by, one of those ``below`` the loss."""
    if isinstance(symbol, LabelSymbol):
        raise DerivativeError(
            f"{symbol} is a class label, an integer, so there is no derivative by it; "
            "differentiate by the scores or the parameters."
        )
    if not isinstance(symbol, sp.Symbol | sp.MatrixSymbol):
        raise DerivativeError(
            f"{symbol} is not a symbol; differentiate by a Symbol, a MatrixSymbol or a value "
            "named with sg.let."
        )
    node = lift(symbol)
    if node.kind is Kind.CONST:
        raise DerivativeError(
            f"{symbol} is declared an integer, so it is a dimension and there is no derivative by "
            "it; declare a variable with symbols(..., real=True)."
        )
    if node not in below:
        names = ", ".join(sorted({n.name for n in below if n.kind is Kind.LEAF}))
        kind = "named value" if isinstance(symbol, Opaque) and node.kind is Kind.NAMED else "symbol"
        raise DerivativeError(
            f"the {kind} {symbol} does not occur in the loss; it depends on {names or 'nothing'}."
        )
    return node


def _free_name(root: Node) -> str:
    taken = {n.name for n in g.topological([root]) if n.kind in (Kind.LEAF, Kind.NAMED)}
    return next(x for x in ("L", "loss", "L_", "loss_value") if x not in taken)


def _oriented(node: Node, definition: Any) -> Any:
    """The definition of a named value, a column, in the orientation that it was declared in."""
    return definition.T if node.is_row else definition


def _raw_gradients(
    loss: Node, recognised: Node, targets: Sequence[Node], rewriter: Rewriter
) -> list[Node]:
    """∂loss/∂target for each target, raw.

    All leaves share one sweep of the recognised graph. A named value needs one of its own, in a
    graph where it is a variable: a recognised primitive may bypass it (∂L/∂p of log softmax). So
    does a leaf with facts: Σy = 1 holds at y and not around it, so no rule may use it before the
    derivative is taken.
    """
    leaves = {t for t in targets if t.kind is Kind.LEAF and not t.leaf.facts}
    found: dict[Node, Node] = adjoints(recognised, list(leaves)) if leaves else {}
    for target in targets:
        if target in leaves and target in found:
            continue
        if target in leaves:
            found[target] = g.const(0, target.shape)
            continue
        variable = g.leaf(target.name, target.shape, sp.Symbol(target.name))
        (cut,) = rewriter(g.substitute([loss], {target: variable}))
        sweep = adjoints(cut, [variable])
        adjoint = sweep.get(variable, g.const(0, target.shape))
        (normal,) = rewriter([target])
        found[target] = _renamed(adjoint, {variable: normal}, rewriter, cut)
    return [found[t] for t in targets]


def _renamed(root: Node, back: Mapping[Node, Node], rewriter: Rewriter, cut: Node) -> Node:
    """``root`` with a variable replaced by the value it stood for, adjoints renamed to match."""
    named = [n for n in g.topological([cut]) if n.kind is Kind.NAMED]
    restored = rewriter(g.substitute(named, back)) if named else []
    names = {adjoint_name(a): adjoint_name(b) for a, b in zip(named, restored, strict=True)}
    done: dict[Node, Node] = {}
    for node in g.topological([root]):
        if node in back:
            done[node] = back[node]
            continue
        new = g.rebuild(node, [done[arg] for arg in node.args])
        if node.kind is Kind.NAMED and node.name in names:
            new = g.named(names[node.name], new.args[0])
        done[node] = new
    return done[root]


def _adjoints_of(root: Node, adjoint_of: Mapping[Node, object]) -> set[Node]:
    """The named adjoints that the formula of ``root`` mentions."""
    order = g.topological([root], lambda n: () if n.kind is Kind.NAMED else n.args)
    return {n for n in order if n in adjoint_of}


def table(steps: Sequence[Step]) -> str:
    """Aligned lines: equations, shapes, reasons."""
    lines: list[tuple[str, str, str, str]] = []
    for phase in ("forward", "backward"):
        mine = [s for s in steps if s.phase == phase]
        if not mine:
            continue
        head = "because" if phase == "backward" else ""
        lines.append((phase, "", "shape", head))
        width = max(len(s.names[0]) for s in mine)
        if phase == "backward":
            width = 0
        for s in mine:
            left, right = s.text.split(" = ", 1)
            lines.append(("", f"{left:<{width}} = {right}", shape_text(s.shape), s.because))
    equation = max(len(x[1]) for x in lines) + 2
    shape = max(len(x[2]) for x in lines)
    rows = [
        (f"{phase:<{equation + 2}}" if phase else f"  {text:<{equation}}")
        + f"  {dims:<{shape}}"
        + (f"  {why}" if why else "")
        for phase, text, dims, why in lines
    ]
    gap = next((k for k, x in enumerate(lines) if x[0] == "backward"), 0)
    if gap:
        rows.insert(gap, "")
    return "\n".join(row.rstrip() for row in rows)
