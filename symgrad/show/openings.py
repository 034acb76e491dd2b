"""What each adjoint of a sweep is opened to in a proof, by one law.

Why it exists: a proof puts in one adjoint after the other, and each has to follow by one rule: that
by which the value that uses h hands its adjoint on. Where several use h, no such rule gives ∂L/∂h;
it is the sum of their messages, ∂L/∂p·∂p/∂h + ∂L/∂q·∂q/∂h. So every message is a value of its own,
under the name that the chain rule has for it, and is opened by its own rule.

A term of a sum has the adjoint of the sum, and a transpose that of what is transposed: nothing is
shown of that, and a message that passes only such is written as the adjoint that it is.

In: the trail of a raw sweep. Out: for each line what its rule gives, and for each hidden name in
that what it stands for, with the law.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple
from unicodedata import normalize

from symgrad import graph as g
from symgrad.graph import Kind, Node
from symgrad.reverse import Trail, adjoint_name
from symgrad.show.expansion import down, replaced
from symgrad.show.factors import Edge, is_power
from symgrad.show.notation import chain_term, spelled
from symgrad.show.rules import RENAMED, RENAMED_FORWARD, Rules, added_up, passes_on
from symgrad.show.stages import Line, Stage
from symgrad.show.style import BAR, PARTIAL

_LONGEST_NAME = 40
"""Characters; an inner value that takes more goes by a letter in a proof."""
_LETTERS = "uvqrsabcdefghijklmnoptwxyz"
"""For values without a name, those first that few people use for others."""
_PRIME = "′"
_INSIDE = r"[^()]*(\([^()]*\)[^()]*)*"
_CLOSED = re.compile(rf"[^\W²³⁰-⁹]+(\({_INSIDE}\))?")
"""A name, or a function of something."""


class Opening(NamedTuple):
    """What an adjoint is by one law.

    The one with the largest ``place`` is opened first: what is farthest from the loss, and a
    message before an adjoint. It is no order in which nodes are made, which may be any.
    """

    node: Node
    law: str
    place: tuple[int, int] = (0, 0)


class AdjointNames:
    """What the adjoints of a proof are called, in one notation."""

    def __init__(
        self, loss: str, notation: str, spell: Callable[[Node], str], taken: Iterable[str]
    ) -> None:
        """``spell`` writes a value of a sweep down; ``taken`` are names that mean something."""
        self.loss, self._notation, self._spell = loss, notation, spell
        taken = set(taken)
        free = (x for x in _LETTERS if not any(re.fullmatch(rf"{x}\d*", name) for name in taken))
        self._letter = next(free, "value")
        self._texts: dict[Node, str] = {}
        self._meant: dict[str, str] = {}

    def text(self, forward: Node) -> str:
        """A value by its name, or as a formula in brackets, or by a letter where that is long."""
        if forward.kind in (Kind.NAMED, Kind.LEAF):
            return forward.name
        if forward not in self._texts:
            self._texts[forward] = self._written(forward)
        return self._texts[forward]

    def _written(self, forward: Node) -> str:
        text = self._spell(forward)
        if len(text) > _LONGEST_NAME:
            letter = f"{self._letter}{len(self._meant) + 1}"
            self._meant[letter] = text
            return letter
        return text if _CLOSED.fullmatch(text) else f"({text})"

    def plain(self, forward: Node) -> str:
        """The same as a word of a sentence."""
        text = self.text(forward)
        return text[1:-1] if text.startswith("(") else text

    def meant(self, name: str) -> dict[str, str]:
        """The letters in a name, and what they stand for."""
        found = re.findall(rf"\b{self._letter}\d+", name) if self._meant else []
        return {x: self._meant[x] for x in found if x in self._meant}

    def adjoint(self, stage: Stage, forward: Node, marks: str = "") -> str:
        """∂L/∂h, or ∂L/∂(W·x + b) of a value without a name; ``marks`` are put behind the value."""
        text = self.text(forward) + marks
        if not stage.backward and not text.startswith("(") and text.endswith(")"):
            text = f"({text})"
        is_own = forward.kind is Kind.NAMED and not marks
        names = stage.spell(forward if is_own else g.named(text, forward), text)
        if not stage.backward:  # dz, and not ∂z/∂x·v
            return names[0]
        formula = text.startswith("(") or text.endswith(")")
        notation = PARTIAL if formula and self._notation == BAR else self._notation
        return spelled(names, stage.kind, self.loss, text, notation)[-1]


class _Part(NamedTuple):
    """A message, or several that one value sends by one law."""

    user: Node
    law: str
    share: Node
    passed_on: bool
    is_power: bool
    """Whether the law is that of a power, which speaks of all of its factors."""
    source: Node | None
    """The adjoint that the message is made of; none where that is a number."""
    sender: Node | None
    """The value that has this adjoint, or which sums pass it on to; none of the loss itself."""


Renamed = Callable[[Sequence[Node], "Callable[[Node, Node], Node | None]"], dict[Node, Node]]
"""Roots of a sweep, what stands for its named values → every value in the derivation's names."""


class Openings:
    """The adjoints of one stage."""

    def __init__(
        self,
        stage: Stage,
        names: AdjointNames,
        own: Mapping[str, Node],
        known: Iterable[Node],
        renamed: Renamed,
    ) -> None:
        """``own`` are the adjoints that have lines, by their provisional names, and ``known``
        values that adjoints of the sweep may be of."""
        self._stage, self._names, self._own = stage, names, own
        self._rules = Rules(stage.sources, stage.backward, stage.apart)
        self._trail = Trail()
        again = stage.raw if stage.again is None else stage.again(self._trail)
        known = [*g.topological(stage.sources), *known]
        named = {adjoint_name(n): n for n in known if n.kind is Kind.NAMED}
        self._forward = named | self._trail.values
        self.hidden: dict[Node, Opening] = {}
        """The adjoints and messages without a line."""
        self._made: dict[str, Opening] = {}
        """What a line begins with whose value has this adjoint, by its provisional name."""
        self._parts: dict[Node, _Part] = {}
        self._stands: dict[Node, Node | None] = {}
        """Raw adjoint → the one with a name that it is made of; none where it is a number."""
        self._senders: dict[Node, Node | None] = {}
        """Raw adjoint → the value that is named where it hands the adjoint on."""
        self._changes: dict[Node, Node | None] = {}
        """Forward: each value that varies, and what is written for its change."""
        self._levels: dict[Node, int] = {}
        """How far from the loss each adjoint is that is written."""
        self._done = renamed(again, self._put)
        self._roots = {x: (y, self._done[y]) for x, y in zip(stage.raw, again, strict=True)}

    def start(self, line: Line) -> Opening:
        """What the rule of a line gives, and the rule, which is empty where none is known."""
        raw = line.raw
        if raw.kind is Kind.NAMED and self._forward.get(raw.name) is line.target:
            return self._made[raw.name]
        root, node = self._roots[raw]
        named = [x for x in down(root) if x.kind is Kind.NAMED and x.name in self._made]
        made = [(self._made[x.name], self._done[x]) for x in named if self._made[x.name].law]
        if len(made) != 1:
            return Opening(node, "")
        ((opening, written),) = made
        if written in self._own.values():  # the result is what a line above is about
            return Opening(node, RENAMED if self._stage.backward else RENAMED_FORWARD)
        return opening._replace(node=replaced(node, written, opening.node))

    # ------------------------------------------------------------------------------ the sweep

    def _put(self, node: Node, new: Node) -> Node | None:
        """What is written for a named value of the sweep."""
        (value,) = new.args
        if node.name in self._trail.messages:
            self._parts[node] = self._part(node, value)
            return value
        if node.name not in self._forward:
            return None
        forward, (sum_,), own = self._forward[node.name], node.args, self._own.get(node.name)
        if not self._stage.backward:
            return self._changed(node.name, forward, value, own)
        sent = [x for x in (sum_, *sum_.args) if x in self._parts]
        parts = _grouped([self._parts[x] for x in sent])
        if not parts:  # the derivative of a value by itself
            self._made.setdefault(node.name, Opening(value, ""))
            self._stands[node], self._senders[node] = own, None
            return own or value
        level = self._beyond(x.source for x in parts)
        opening = self._opened(forward, parts, level)
        alone = len(parts) == 1 and parts[0].passed_on
        start = self._through(parts[0].source, opening) if alone else opening
        self._made.setdefault(node.name, start)
        if own is None and not forward.args:  # a symbol, of which only its line speaks
            return start.node
        if own is None and alone:
            sender = parts[0].sender
            is_name = sender is None and forward.kind is Kind.NAMED
            self._stands[node] = parts[0].source
            self._senders[node] = forward if is_name else sender
            return opening.node
        stands = own or self._conceal(self._names.adjoint(self._stage, forward), opening)
        self._stands[node], self._senders[node], self._levels[stands] = stands, forward, level
        return stands

    def _changed(self, name: str, forward: Node, value: Node, own: Node | None) -> Node:
        """What is written for the change of a value, which that of its operands gives."""
        region = self._trail.regions.get(forward)
        varied = [k for k, arg in enumerate(forward.args) if arg in self._changes or region]
        edges = [Edge(forward, k) for k in varied]
        if not edges:  # a direction, or a value that the trail does not pass
            self._made.setdefault(name, Opening(value, ""))
            self._changes[forward] = own
            return own or value
        sources = [self._changes.get(x.operand.node) for x in edges]
        level = self._beyond(sources)
        opening = Opening(value, self._rules.of_change(edges, region), (level, 0))
        if len(edges) == 1 and region is None and passes_on(edges[0]):
            self._made.setdefault(name, self._through(sources[0], opening))
            self._changes[forward] = own or sources[0]
            return own or value
        self._made.setdefault(name, opening)
        stands = own or self._conceal(self._names.adjoint(self._stage, forward), opening)
        self._changes[forward], self._levels[stands] = stands, level
        return stands

    def _beyond(self, sources: Iterable[Node | None]) -> int:
        """How far from the loss an adjoint is that is made of others."""
        return 1 + max((self._levels.get(x, 0) for x in sources if x is not None), default=0)

    def _part(self, node: Node, share: Node) -> _Part:
        """A message of the trail, whose value is ``share``."""
        user, k, adjoint, region = self._trail.messages[node.name]
        edge = Edge(user, k)
        operand = edge.operand if region is None else region.variable
        known = [n for n in down(node.args[0]) if n in self._stands and n.name == adjoint.name]
        source = self._stands[known[0]] if known else None
        sender = self._senders[known[0]] if known else None
        if user.kind is Kind.NAMED:
            law = RENAMED
        else:
            law = self._rules.of_message(edge, region, lambda: self._names.plain(operand.node))
        passed_on = region is None and passes_on(edge)
        return _Part(user, law, share, passed_on, is_power(edge), source, sender)

    def _opened(self, forward: Node, parts: Sequence[_Part], level: int) -> Opening:
        """The adjoint of a value: what its only user sends, or the sum of the messages."""
        if len(parts) == 1:
            return Opening(parts[0].share, parts[0].law, (level, 0))
        senders = [x.sender for x in parts]
        users = ["" if x.sender is None else self._names.text(x.sender) for x in parts]
        order = sorted(range(len(parts)), key=lambda k: (normalize("NFD", parts[k].law), users[k]))
        names, places = self._chain_terms(forward, [parts[k] for k in order], users, order)
        terms: list[Node] = []
        for place, (k, name) in enumerate(zip(order, names, strict=True)):
            opening = Opening(parts[k].share, parts[k].law, (level, len(parts) - place))
            passed_on = parts[k].passed_on
            terms.append(opening.node if passed_on else self._conceal(name, opening))
        axes = tuple(range(terms[0].rank))
        total = g.add([(1, term, axes) for term in terms], terms[0].shape)
        named = {n for n in senders if n is not None and n.kind is Kind.NAMED}
        who = self._names.plain(forward)
        law = added_up(who, users if len(named) == len(parts) else (), len(parts))
        return Opening(total, "".join((law, *places)), (level, 0))

    def _chain_terms(
        self, forward: Node, parts: Sequence[_Part], users: Sequence[str], order: Sequence[int]
    ) -> tuple[list[str], list[str]]:
        """∂L/∂p·∂p/∂h for the message from p to h; of several the h is h′, h″, …

        That of the loss itself is ∂L/∂h′, as if its h were another. Also what is said of h′.
        """
        sent = Counter(users)
        marked: dict[str, list[str]] = {}
        names = []
        for part, user in zip(parts, (users[k] for k in order), strict=True):
            marks = ""
            if part.sender is None or sent[user] > 1:
                marks = _PRIME * (1 + len(marked.get(user, ())))
                if not part.passed_on:
                    marked.setdefault(user, []).append(marks)
            if part.sender is None:
                names.append(self._names.adjoint(self._stage, forward, marks))
                continue
            value = self._names.text(forward) + marks
            above = self._names.adjoint(self._stage, part.sender)
            names.append(chain_term(part.source.name if part.source else above, user, value))
        who = self._names.text(forward)
        return names, [self._places(who, user, marks) for user, marks in marked.items()]

    def _places(self, who: str, user: str, marks: Sequence[str]) -> str:
        """``, where X′ and X′′ are X at its two places in Z``."""
        *most, last = [who + x for x in marks]
        user = user.removeprefix("(").removesuffix(")") if user.startswith("(") else user
        user = user or self._names.loss
        if not most:
            return f", where {last} is {who} in {user} itself"
        count = "two" if len(marks) == 2 else len(marks)
        return f", where {', '.join(most)} and {last} are {who} at its {count} places in {user}"

    def _through(self, source: Node | None, opening: Opening) -> Opening:
        """The line of a term of a sum begins with what the adjoint of the sum is opened to."""
        above = None if source is None else self.hidden.get(source)
        if above is None or source is None:
            return opening
        return Opening(replaced(opening.node, source, above.node), above.law)

    def _conceal(self, name: str, opening: Opening) -> Node:
        """An adjoint without a line, under its name."""
        hidden = g.named(name, opening.node)
        self.hidden[hidden] = opening
        return hidden


def _grouped(parts: Sequence[_Part]) -> list[_Part]:
    """What a power sends to its factors is one message, by one law: 2·z̄·a for z = a·a."""
    groups: dict[tuple[Node, str, int], list[_Part]] = {}
    for k, part in enumerate(parts):
        groups.setdefault((part.user, part.law, 0 if part.is_power else k), []).append(part)
    found = []
    for first, *others in groups.values():
        share = first.share
        if others:
            axes = tuple(range(share.rank))
            share = g.add([(1, x.share, axes) for x in (first, *others)], share.shape)
        found.append(first._replace(share=share))
    return found
