"""Level "full": every line of a derivation, proved a law at a time.

Why it exists: between what the chain rule gives and what a book prints lie a dozen small steps, and
they are what a student has to learn. A proof starts from the rule of the line, ∂L/∂h ⊙ (1 − tanh²),
and makes one move after the other: a law of `identities` at one place, a named value put for what
it stands for, the adjoint of an inner value put in. Laws that are mere bookkeeping (the order of
factors, nested sums, views) are applied in between and not shown; `SILENT` is the list of them.
Every line of a proof has one `Law`, which no two texts can be joined to.

In: the raw sweep of a stage, with a name for the adjoint of every inner value, and the lines that
came out. Out: for each line states, each a graph node of the same value, with the law that leads to
it. A test computes all of them. Nothing here is run below level "full".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from symgrad import graph as g
from symgrad.algebra import is_view
from symgrad.errors import GraphError
from symgrad.graph import Access, Kind, Node
from symgrad.rewrite import Rewriter
from symgrad.show.expansion import down, expanded, replaced
from symgrad.show.matrix_form import ALL, TURNED
from symgrad.show.openings import AdjointNames, Opening, Openings
from symgrad.show.presentation import presented
from symgrad.show.rules import CHAIN_RULE, UNREACHED
from symgrad.show.stages import Line, Stage
from symgrad.show.steps import Law, Move
from symgrad.show.text import formula
from symgrad.show.visible import SYMMETRIC, TIDYING, VISIBLE, is_symmetry, wording
from symgrad.simplify import foldable
from symgrad.subject import Subject


class State(NamedTuple):
    """What a line has become, and the law by which it follows from the state before."""

    node: Node
    law: Law


AS_DECLARED = Law("as it was declared")


_MOST_MOVES = 1000


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
        self._subject, self._stages, self._define = subject, stages, define
        self._silent = Rewriter(TIDYING)
        self._lines = {
            (old.stage, old.raw.name): new.node
            for old, new in zip(made, shown, strict=True)
            if old.raw.kind is Kind.NAMED and new.node.kind is Kind.NAMED
        }
        self._shown = shown
        self._restored = self._replacements(made, shown)
        below = g.topological(subject.declared)
        self._taken = taken = {n.name for n in below if n.kind in (Kind.LEAF, Kind.NAMED)}
        self._adjoints = AdjointNames(
            subject.name, notation, lambda n: spell(self.restored(n)), taken
        )
        self._sweeps: dict[int, Openings] = {}
        self._hidden: dict[Node, Opening] = {}
        """The adjoints and messages without a line."""

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
        kinds = (Kind.LEAF, Kind.CONST, Kind.NAMED)  # as in `simplify.foldable`
        of_lines = {n.args[0]: n for n in earlier if n.args[0].kind not in kinds}
        return of_lines | foldable(self._known, self._subject.value)

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
        return self._moved([State(self._tidy(start), AS_DECLARED)], {})

    def backward(self, line: Line, value: Node, rewritten: bool, law: str) -> list[State]:
        """From the rule of a line to its right-hand side ``value``.

        ``rewritten`` says that `presentation` had the last word on it. ``law`` is the rule where
        nothing is known of the sweep.
        """
        stage = self._stages[line.stage]
        if line.raw in stage.factors:
            opening = self._product(line, stage.factors[line.raw])
        else:
            opening = self._openings(line.stage).start(line)
        start = self._tidy(opening.node)
        if not opening.law and start.kind is Kind.CONST:
            law = UNREACHED[stage.kind]
        first = State(start, Law(opening.law or (CHAIN_RULE if ";" in law else law)))
        states = self._moved([first], self._names(line.stage))
        if rewritten:
            last = states[-1].node
            found = presented(last, {n.args[0]: n for n in self._known})
            more = [State(node, Law(text)) for node, text in found]
            states += [*more[:-1], *(s._replace(node=value) for s in more[-1:])]
        return self._by_lines(_ended(self._explained(states), value), value, line.stage)

    def _by_lines(self, states: list[State], value: Node, stage: int) -> list[State]:
        """A proof that ends in ``value``, in which lines above stand for what they compute."""
        last = states[-1].node
        if last is value:
            return states
        used = {n for n in down(value) if n.kind is Kind.NAMED} - set(down(last))
        new = [x for x in self._shown if x.stage <= stage and x.node in used]
        if not new:
            return states
        (opened,) = g.substitute([value], {x.node: x.node.args[0] for x in new})
        if self._subject.rewriter([opened])[0] is not self._subject.rewriter([last])[0]:
            return states
        meant = " and ".join(f"{x.names[0]} = {x.names[-1]}" for x in new)
        return [*states, State(value, Law(f"{meant}, {_ABOVE[len(new) > 1]}"))]

    def _product(self, line: Line, factors: Sequence[Access]) -> Opening:
        """Jᵀ·H·J, of the results of earlier lines."""
        earlier = {x.raw: x for x in self._shown if x.stage < line.stage}
        left, middle, right = (earlier[raw] for raw, _ in factors)
        letters = ("J", "H", "J") if left is right else ("J₁", "H", "J₂")
        operands = []
        for letter, found, (_, labels) in zip(letters, (left, middle, right), factors, strict=True):
            if found.value.kind is Kind.DELTA:  # nothing is to be shown of J = I
                operands.append(Access(found.value, labels))
                continue
            while letter in self._taken:
                letter += "′"
            name = g.named(letter, found.value)
            self._hidden[name] = Opening(found.value, f"{letter} = {found.names[-1]}, a line above")
            operands.append(Access(name, labels))
        law = "by definition: G = " + "·".join((f"{letters[0]}ᵀ", *letters[1:]))
        return Opening(g.product(operands, line.raw.shape), law)

    def _explained(self, states: Sequence[State]) -> list[State]:
        """The states, each with what the letters stand for that are new in it."""
        known: set[str] = set()
        found: list[State] = []
        for state in states:
            hidden = [n.name for n in down(state.node) if n in self._hidden]
            meant = {x: y for name in hidden for x, y in self._adjoints.meant(name).items()}
            new = [f"{x} = {y}" for x, y in meant.items() if x not in known]
            known |= meant.keys()
            law = f"{state.law}, where {' and '.join(new)}" if new else state.law
            found.append(state._replace(law=Law(law)))
        return found

    # ---------------------------------------------------------------------------------- moves

    def _moved(self, states: list[State], names: Mapping[Node, Node]) -> list[State]:
        """Every move from the last of ``states`` on; ``names`` are put for their values."""
        while len(states) < _MOST_MOVES:
            node = states[-1].node
            found = self._by_rule(node) or self._by_name(node, names) or self._by_adjoint(node)
            if found is None:
                return states
            old, new, law = found
            states.append(State(self._tidy(replaced(node, old, new)), Law(law)))
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
        node = max(hidden, key=lambda n: (self._hidden[n].place, n.name))
        return node, self._hidden[node].node, self._hidden[node].law

    # --------------------------------------------------------------------------------- sweeps

    def _openings(self, number: int) -> Openings:
        """The adjoints of a stage, read once."""
        if number not in self._sweeps:
            own = {name: n for (k, name), n in self._lines.items() if k == number}
            stage, known = self._stages[number], self._subject.known
            found = Openings(stage, self._adjoints, own, known, self.renamed)
            self._hidden |= found.hidden
            self._sweeps[number] = found
        return self._sweeps[number]


_ABOVE = ("a line above", "lines above")

DISTRIBUTIVE = Law("distributive law: a·(b + c) = a·b + a·c")
UNPROVED = Law("an equal form, but no law is named for this step")
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
    write: Callable[..., Any],
    value: Node,
    shown: Any,
    ends: bool = True,
) -> tuple[Move, ...]:
    """The states that look different, written down.

    ``shown`` is how the line's own ``value`` is written. Where a proof that ``ends`` in the line
    ends in another form, a last move says so: it never stops short in silence. ``write`` leaves out
    the transpose of what is symmetric; where a move does so, the line above has it, ``literal``.
    """
    found: list[Move] = []
    texts = [""]
    for state, after in zip(states, [*states[1:], None], strict=True):
        expr = shown if state.node is value else write(state.node)
        text = formula(expr)
        if after is not None and is_symmetry(after.law):
            # (XᵀX)⁻ᵀ + (XᵀX)⁻¹ is one term twice; of a declared fact, what it turns is enough
            literal = write(state.node, literal=ALL if after.law == SYMMETRIC else TURNED)
            if formula(literal) != text:
                expr, text = literal, formula(literal)
        if text != texts[-1]:
            found.append(Move(expr, state.law))
            texts.append(text)
    if ends and texts[-1] != formula(shown):
        found.append(Move(shown, UNPROVED))
    return tuple(found)
