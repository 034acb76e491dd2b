"""Level "full": every line of a derivation, proved a law at a time.

Why it exists: between what the chain rule gives and what a book prints lie a dozen small steps, and
they are what a student has to learn. A proof starts from the rule of the line, ∂L/∂h ⊙ (1 − tanh²),
and makes one move after the other: a law of `identities` at one place, a named value put for what
it stands for, the adjoint of an inner value put in. Laws that are mere bookkeeping (the order of
factors, nested sums, views) are applied in between and not shown; `SILENT` is the list of them.

In: the raw sweep of a stage, with a name for the adjoint of every inner value, and the lines that
came out. Out: for each line states, each a graph node of the same value, with the law that leads to
it. A test computes all of them. Nothing here is run below level "full".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from symgrad import graph as g
from symgrad.algebra import is_view
from symgrad.errors import GraphError
from symgrad.graph import Kind, Node
from symgrad.reverse import adjoint_name
from symgrad.rewrite import Rewriter
from symgrad.show.expansion import down, expanded
from symgrad.show.notation import spelled
from symgrad.show.presentation import presented
from symgrad.show.rules import Rules
from symgrad.show.stages import Line, Stage
from symgrad.show.steps import Move
from symgrad.show.style import BAR, PARTIAL
from symgrad.show.text import formula
from symgrad.show.visible import TIDYING, VISIBLE, wording
from symgrad.subject import Subject


class State(NamedTuple):
    """What a line has become, and the law by which it follows from the state before."""

    node: Node
    law: str


_MOST_MOVES = 1000
_LONGEST_NAME = 40
"""Characters; an inner value that takes more has no adjoint of its own in a proof."""


class Proofs:
    """The proofs of the lines of one derivation, in one notation."""

    def __init__(
        self,
        subject: Subject,
        stages: Sequence[Stage],
        made: Sequence[Line],
        shown: Sequence[Line],
        notation: str,
        spell: Callable[[Node], str],
        define: Callable[[Node], str],
    ) -> None:
        """``made`` are the lines as each stage left them, ``shown`` those in the notation.

        ``spell`` writes a value down, in named values, and ``define`` the equation of a name.
        """
        self._subject, self._stages, self._notation = subject, stages, notation
        self._spell, self._define = spell, define
        self._silent = Rewriter(TIDYING)
        self._lines = {
            (old.stage, old.raw.name): new.node
            for old, new in zip(made, shown, strict=True)
            if old.raw.kind is Kind.NAMED and new.node.kind is Kind.NAMED
        }
        self._shown = shown
        self._restored = self._replacements(made, shown)
        self._sweeps: dict[int, _Sweep] = {}
        self._hidden: dict[Node, tuple[_Sweep, Node]] = {}
        """The adjoints without a line, each with its sweep and its forward value."""

    def _replacements(self, made: Sequence[Line], shown: Sequence[Line]) -> dict[Node, Node]:
        """What stands for what in a raw sweep: values for variables, lines for earlier results."""
        subject = self._subject
        opened = [*subject.variables, *subject.known]
        values = [*subject.targets, *subject.declared]
        found = dict(zip(opened, subject.rewriter(values), strict=True))
        for old, new in zip(made, shown, strict=True):
            if old.node.kind is Kind.NAMED and old.node not in found:
                found[old.node] = new.node
        for stage in self._stages:
            found |= {leaf: value for value, (leaf, _) in stage.apart.items()}
        return found

    @cached_property
    def _known(self) -> list[Node]:
        """The declared values, in normal form."""
        return self._subject.rewriter(self._subject.declared)

    def _names(self, stage: int) -> dict[Node, Node]:
        """Value → the name that is put for it: a declared one, or of a line of an earlier stage."""
        earlier = [x.node for x in self._shown if x.stage < stage and x.node.kind is Kind.NAMED]
        kinds = (Kind.LEAF, Kind.CONST, Kind.NAMED)  # as in `simplify.fold_names`
        return {n.args[0]: n for n in (*earlier, *self._known) if n.args[0].kind not in kinds}

    def restored(self, node: Node) -> Node:
        """A value of a sweep in the names of the derivation."""
        return self.renamed([node])[node]

    def renamed(
        self,
        roots: Sequence[Node],
        adjoint: Callable[[Node, Node], Node | None] | None = None,
    ) -> dict[Node, Node]:
        """Every value below ``roots`` with its named values those of the lines.

        ``adjoint`` gives what stands for a named value of the sweep, and its rebuilt form.
        """
        done: dict[Node, Node] = {}
        stand = self._restored
        for n in g.topological(roots, lambda n: () if n in stand else n.args):
            if n in stand:
                done[n] = stand[n]
                continue
            new = g.rebuild(n, [done[arg] for arg in n.args])
            if n.kind is Kind.NAMED:  # one of a graph where another value was a variable
                own = adjoint(n, new) if adjoint is not None else None
                new = own or self._subject.rewriter([new])[0]
            done[n] = new
        return done

    # --------------------------------------------------------------------------------- proofs

    def forward(self, node: Node) -> list[State]:
        """From a declared value to the stable form that is differentiated."""
        stable = dict(zip(self._subject.declared, self._known, strict=True))
        (start,) = g.substitute(node.args, {x: n for x, n in stable.items() if x is not node})
        return self._moved([State(self._tidy(start), "")], {})

    def backward(self, line: Line, value: Node, rewritten: bool, law: str) -> list[State]:
        """From the rule of a line to its right-hand side ``value``.

        ``rewritten`` says that `presentation` had the last word on it. ``law`` is the rule where
        the graph has none.
        """
        sweep = self._sweep(line.stage)
        rules = sweep.rules(line.target, sweep.shown) or [law]
        start = State(self._tidy(sweep.start(line)), "; ".join(rules))
        states = self._moved([start], self._names(line.stage))
        if rewritten:
            last = states[-1].node
            more = [State(*x) for x in presented(last, {n.args[0]: n for n in self._known})]
            states += [*more[:-1], *(s._replace(node=value) for s in more[-1:])]
        return _ended(states, value)

    # ---------------------------------------------------------------------------------- moves

    def _moved(self, states: list[State], names: Mapping[Node, Node]) -> list[State]:
        """Every move from the last of ``states`` on; ``names`` are put for their values."""
        while len(states) < _MOST_MOVES:
            node = states[-1].node
            found = self._by_rule(node) or self._by_name(node, names) or self._by_adjoint(node)
            if found is None:
                return states
            old, new, law = found
            states.append(State(self._tidy(_replaced(node, old, new)), law))
        raise GraphError(f"a proof of more than {_MOST_MOVES} moves")

    def _tidy(self, node: Node) -> Node:
        """Bookkeeping done, down to named values."""
        self._silent.keep(x for x in down(node) if x.kind is Kind.NAMED)
        return self._silent([node])[0]

    def _by_rule(self, root: Node) -> tuple[Node, Node, str] | None:
        """The first place where a law applies: the place, what it becomes, and the law."""
        for node in down(root):
            for rule in VISIBLE[node.kind]:
                new = rule.apply(node)
                if new is not None and new is not node:
                    return node, new, wording(rule, node, new)
        return None

    def _by_name(self, root: Node, names: Mapping[Node, Node]) -> tuple[Node, Node, str] | None:
        """A value that has a name, the largest first."""
        for node in reversed(down(root)):
            name = names.get(node)
            if name is not None:
                return node, name, self._define(name)
        return None

    def _by_adjoint(self, root: Node) -> tuple[Node, Node, str] | None:
        """An adjoint that has no line of its own, the nearest to the line's value first."""
        hidden = [n for n in down(root) if n in self._hidden]
        if not hidden:
            return None
        node = min(hidden, key=lambda n: self._hidden[n][1].uid)
        sweep, forward = self._hidden[node]
        return node, node.args[0], "; ".join(sweep.rules(forward, sweep.shown))

    # --------------------------------------------------------------------------------- sweeps

    def _sweep(self, number: int) -> _Sweep:
        if number not in self._sweeps:
            self._sweeps[number] = _Sweep(self, number)
        return self._sweeps[number]


class _Sweep:
    """One stage's raw sweep as a proof starts from it."""

    def __init__(self, proofs: Proofs, number: int) -> None:
        self._proofs = proofs
        self.stage = stage = proofs._stages[number]
        inner: dict[str, Node] = {}
        again = stage.raw if stage.again is None else stage.again(inner)
        self.rules = Rules(stage.sources, stage.backward, stage.apart)
        known = [*g.topological(stage.sources), *proofs._subject.known]
        self._forward = {adjoint_name(n): n for n in known if n.kind is Kind.NAMED} | inner
        self._own = {name: n for (k, name), n in proofs._lines.items() if k == number}
        self._uses = g.use_counts([*stage.sources, *(root for _, root in stage.apart.values())])
        self.shown: set[Node] = set(stage.named)
        self._values: dict[str, Node] = {}
        """The value of each named adjoint, by its provisional name."""
        done = self._read(again)
        self._roots = dict(zip(stage.raw, [done[n] for n in again], strict=True))

    def start(self, line: Line) -> Node:
        """What the rule of a line gives."""
        raw = line.raw
        if raw.kind is Kind.NAMED and self._forward.get(raw.name) is line.target:
            return self._values[raw.name]
        return self._roots[raw]

    def _read(self, roots: Sequence[Node]) -> dict[Node, Node]:
        """The sweep in the names of the derivation."""
        return self._proofs.renamed(roots, self._adjoint)

    def _adjoint(self, node: Node, new: Node) -> Node | None:
        """What is written for a named value of the sweep, if that is an adjoint."""
        if node.name not in self._forward:
            return None
        self._values.setdefault(node.name, new.args[0])
        return self._own.get(node.name) or self._concealed(node, new.args[0])

    def _concealed(self, node: Node, value: Node) -> Node:
        """An adjoint without a line: under its name, or its value where that is as short."""
        proofs, forward = self._proofs, self._forward[node.name]
        if forward in self.stage.sources:
            return value  # the derivative of a value by itself
        tidy = proofs._tidy(value)
        inner = tidy.args[0] if tidy.kind is Kind.SUM and len(tidy.args) == 1 else tidy
        if inner.kind is Kind.NAMED or not inner.args:
            return tidy
        if self._passes_on(forward):
            return value
        name = self._name(forward)
        if len(name) > _LONGEST_NAME:
            return value
        new = g.named(name, value)
        proofs._hidden[new] = self, forward
        self.shown.add(forward)
        return new

    def _passes_on(self, forward: Node) -> bool:
        """Whether a value is a sum or a view, used once: its adjoint is worth no line."""
        linear = forward.kind is Kind.SUM or is_view(forward)
        return linear and self._uses.get(forward, 0) == 1

    def _name(self, forward: Node) -> str:
        """∂L/∂h, or ∂L/∂(W·x + b) of a value without a name."""
        proofs, notation = self._proofs, self._proofs._notation
        known = forward
        if forward.kind is not Kind.NAMED:
            text = proofs._spell(proofs.restored(forward))
            closed = re.fullmatch(r"[\w′]+(\([^()]*\))?", text)
            known = g.named(text if closed else f"({text})", forward)
            notation = PARTIAL if notation == BAR else notation
        names = self.stage.spell(known, known.name)
        subject = proofs._subject.name
        return spelled(names, self.stage.kind, subject, known.name, notation)[-1]


DISTRIBUTIVE = "distributive law: a·(b + c) = a·b + a·c"
UNPROVED = "an equal form; no law is named for this step"
"""What is said where the moves end in another form than the line has: a gap, and not a law."""


def _ended(states: list[State], value: Node) -> list[State]:
    """A proof that ends in ``value``, which its last state may be but for the order of things.

    −(a − b) is b − a and (a + b)ᵀ is aᵀ + bᵀ; a factor that is taken out is a move.
    """
    last = states[-1]
    if last.node is value:
        return states
    before, after = expanded(last.node), expanded(value)
    if before is None or before != after:
        return states
    if len(states) > 1 and _size(last.node) == _size(value):
        return [*states[:-1], last._replace(node=value)]
    return [*states, State(value, DISTRIBUTIVE)]


def _size(node: Node) -> int:
    """How many operands a value is written with."""
    return sum(len(n.args) for n in down(node) if n.kind is not Kind.NAMED and not is_view(n))


def moves(
    states: Sequence[State],
    write: Callable[[Node], Any],
    value: Node,
    shown: Any,
    ends: bool = True,
) -> tuple[Move, ...]:
    """The states that look different, written down; none where all look as the line does.

    ``shown`` is how the line's own ``value`` is written. Where a proof that ``ends`` in the line
    ends in another form, a last move says so: it never stops short in silence.
    """
    found: list[Move] = []
    texts = [""]
    for state in states:
        expr = shown if state.node is value else write(state.node)
        text = formula(expr)
        if text != texts[-1]:
            found.append(Move(expr, state.law))
            texts.append(text)
    if ends and texts[-1] != formula(shown):
        found.append(Move(shown, UNPROVED))
    return () if texts[1:] == [formula(shown)] else tuple(found)


def _replaced(root: Node, old: Node, new: Node) -> Node:
    """``root`` with one value in the place of another, but for what is behind names."""
    done: dict[Node, Node] = {}
    for node in down(root):
        if node is old or node.kind is Kind.NAMED:
            done[node] = new if node is old else node
        else:
            done[node] = g.rebuild(node, [done[arg] for arg in node.args])
    return done[root]
