"""The stages of a derivation, while it is made: one for each sweep.

Why it exists: a gradient is one sweep, a Hessian the gradient's and one more for each block. Each
is made readable alike: values that a sweep shares are named, every result gets a line, and what
one stage has named the next ones refer to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from symgrad import graph as g
from symgrad.delta_rules import holds_identity
from symgrad.graph import Access, Kind, Node
from symgrad.reverse import Trail, adjoint_name
from symgrad.rewrite import Rewriter
from symgrad.show.notation import GRADIENT
from symgrad.simplify import named_adjoints, reading, unname
from symgrad.subject import Subject


class Line(NamedTuple):
    """One line of a stage: a result, or a value that is named on the way to it.

    ``names`` are the left-hand sides; a named value's first is its own name. ``shape`` is SymPy's.
    ``target`` is the node that the reason is looked up at, ``raw`` the node before simplification.
    """

    names: tuple[str, ...]
    node: Node
    shape: tuple[Any, ...]
    target: Node
    raw: Node
    stage: int

    @property
    def value(self) -> Node:
        """The right-hand side: what the line defines, if it defines a name."""
        own = self.node.kind is Kind.NAMED and self.node.name == self.names[0]
        return self.node.args[0] if own else self.node


Spelling = Callable[[Node, str], tuple[str, ...]]
"""A forward value and the usual name of its adjoint → the names of its line."""

Again = Callable[[Trail], Sequence[Node]]
"""A sweep that leaves a trail, and returns its raw results."""


class Stage(NamedTuple):
    """What one sweep differentiated: the graphs ``sources``, backward or forward.

    ``named`` are the values that the sweep's lines are about. ``otherwise`` is the left-hand side
    of the line that is the reason where no law was used and no equation passed. ``kind`` says what
    its lines are, one of those of `notation`.
    """

    sources: tuple[Node, ...]
    named: frozenset[Node]
    backward: bool
    otherwise: str
    kind: str
    spell: Spelling
    raw: tuple[Node, ...]
    """The results of the sweep."""
    again: Again | None
    """Makes the sweep once more, with its trail: what a proof starts from."""
    apart: Mapping[Node, tuple[Node, Node]]
    """Values that were varied in a graph of their own → the leaf for the value, and that graph."""
    factors: Mapping[Node, Sequence[Access]]
    """Raw results that are products → the raw results of earlier stages that they are made of."""


class Goal(NamedTuple):
    """A result to be made: left-hand sides, SymPy shape, and what it is a derivative by.

    One that is ``kept`` becomes a named value, which later stages refer to.
    """

    names: tuple[str, ...]
    shape: tuple[Any, ...]
    target: Node
    kept: bool = False


class Stages:
    """The lines of a derivation, while it is made."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.lines: list[Line] = []
        self.stages: list[Stage] = []
        self.known = [n for n in subject.known if n.kind is Kind.NAMED]
        below = g.topological([*subject.declared, subject.root])
        self._taken = {n.name for n in below if n.kind in (Kind.LEAF, Kind.NAMED)}

    def add(
        self,
        sources: Sequence[Node],
        raw: Sequence[Node],
        goals: Sequence[Goal],
        spell: Spelling,
        backward: bool = True,
        otherwise: str = "",
        asked: Sequence[Node] = (),
        kind: str = GRADIENT,
        again: Again | None = None,
        apart: Mapping[Node, tuple[Node, Node]] | None = None,
        factors: Mapping[Node, Sequence[Access]] | None = None,
    ) -> list[Node]:
        """Simplify one sweep's results, name what they share, and add a line for each.

        The adjoints of the forward values ``asked`` keep their names, however often they are used.
        Returns the results in readable form.
        """
        plain = _without_identities(raw, self.known, self.subject.rewriter)
        roots, of = reading(self.subject.rewriter, plain, self.known, asked, self.subject.value)
        spelled = {node: spell(forward, node.name) for node, forward in of.items()}
        names = {node: (self._unique(x[0]), *x[1:]) for node, x in spelled.items()}
        roots, renamed = renamed_nodes(roots, {node: x[0] for node, x in names.items()})
        roots = [
            g.named(self._unique(goal.names[0]), root) if goal.kept else root
            for root, goal in zip(roots, goals, strict=True)
        ]
        number = len(self.stages)
        raw_by_name = {n.name: n for n in g.topological(raw) if n.kind is Kind.NAMED}
        place = _evaluated([*self.known, *of.values()])
        lines: list[Line] = []
        for a in sorted(of, key=lambda a: place[of[a]], reverse=backward):
            before = raw_by_name.get(adjoint_name(of[a]), a)
            lines.append(Line(names[a], renamed[a], renamed[a].shape, of[a], before, number))
        self.lines += _with_results(lines, roots, raw, goals, number)
        kept = [root for root, goal in zip(roots, goals, strict=True) if goal.kept]
        self.known += [*(line.node for line in lines), *kept]
        shown = frozenset(of.values())
        self.stages.append(
            Stage(
                tuple(sources), shown, backward, otherwise, kind, spell, tuple(raw), again,
                apart or {}, factors or {},
            )
        )  # fmt: skip
        return roots

    def _unique(self, name: str) -> str:
        while name in self._taken:
            name += "′"
        self._taken.add(name)
        return name


def _with_results(
    lines: Sequence[Line],
    roots: Sequence[Node],
    raw: Sequence[Node],
    goals: Sequence[Goal],
    number: int,
) -> list[Line]:
    """The ``lines`` of a stage's named values, and each result as soon as it can be computed."""
    lines = list(lines)
    last = {line.node: k + 1 for k, line in enumerate(lines)}
    placed: list[list[Line]] = [[] for _ in range(len(lines) + 1)]
    for root, before, goal in zip(roots, raw, goals, strict=True):
        own = lines[last[root] - 1] if root in last else None
        if own is not None and not goal.kept and goal.names[0] in own.names:
            lines[last[root] - 1] = own._replace(shape=goal.shape)
            continue  # the adjoint's line is the result's
        value = root.args[0] if goal.kept else root
        used = g.topological([value], lambda n: () if n.kind is Kind.NAMED else n.args)
        at = max((last[n] for n in used if n in last), default=0)
        left = (root.name, *goal.names[1:]) if goal.kept else goal.names
        placed[at].append(Line(left, root, goal.shape, goal.target, before, number))
    return [
        line for k, results in enumerate(placed) for line in (*lines[max(k - 1, 0) : k], *results)
    ]


def _without_identities(
    raw: Sequence[Node], known: Sequence[Node], rewriter: Rewriter
) -> list[Node]:
    """``raw`` without those named values that hold a δ, which a contraction would remove.

    A Jacobian is the sweep of an identity. As diag(a) or δ_nm·A it is worth no name and no array.
    """
    roots = rewriter(raw)
    while True:
        dropped = [n for n in named_adjoints(roots, known) if holds_identity(n.args[0])]
        if not dropped:
            return roots
        roots = rewriter(unname(roots, dropped))


def _evaluated(values: Sequence[Node]) -> dict[Node, int]:
    """The place of each named value below ``values`` in the order in which these are given.

    Nodes are numbered as rewriting makes them, which may differ from one layer to the next.
    """
    place: dict[Node, int] = {}
    for value in values:
        if value not in place:
            below = g.topological([value], lambda n: () if n in place else n.args)
            new = [n for n in below if n not in place]
            place.update(zip(new, range(len(place), len(place) + len(new)), strict=True))
    return place


def renamed_nodes(
    roots: Sequence[Node], names: Mapping[Node, str]
) -> tuple[list[Node], dict[Node, Node]]:
    """``roots`` with named nodes under other names, and what each of those has become."""
    done: dict[Node, Node] = {}
    for node in g.topological([*roots, *names]):
        new = g.rebuild(node, [done[arg] for arg in node.args])
        done[node] = g.named(names[node], new.args[0]) if node in names else new
    return [done[root] for root in roots], done
