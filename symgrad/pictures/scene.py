"""What stands on a picture: cards for values, arrows for the edges, and the text on each.

Why it exists: SVG, Graphviz and Mermaid show the same things. What they say is decided here, once;
a renderer decides how it looks.

A card says, from top to bottom, what comes forward (the value at a point, or the shape), the
equation, and what comes back (the adjoint). An arrow of a graph of numbers says the local
derivative ∂a/∂w1 and, at a point, the message that goes back along it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from symgrad.graph import Node
from symgrad.listing import shape_text
from symgrad.pictures.drawn import Diagram, Drawn, is_soup, value_text
from symgrad.pictures.messages import Messages
from symgrad.pictures.numerals import number_text, sum_text
from symgrad.pictures.numerals import value_text as numeral
from symgrad.pictures.rows import Row
from symgrad.recognise import FORWARD
from symgrad.rewrite import Rewriter
from symgrad.show.index_form import letters_of
from symgrad.show.presentation import present
from symgrad.simplify import fold_names, normalise

INPUT, DATA, OPERATION, VALUE, LOSS = "input", "data", "operation", "value", "loss"
AGAIN = "again"
"""Kinds of cards: an input with a gradient, one without, an operation, a named value, the loss;
and the names of inputs that are drawn elsewhere."""

LONGEST_LABEL = 40
"""Characters of a line on a card; what is longer is in the tooltip."""
MOST_ARROW_LABELS = 24
"""Arrows of a graph whose local derivatives are written out; of more they are in the tooltips."""


class Card(NamedTuple):
    """One value."""

    kind: str
    label: str
    """``a = w1³``."""
    above: str
    """``8``, or ``H×D``."""
    below: str
    """``36 + 3 = 39``, or ``δ2 = p − y``."""
    tooltip: str


class Arrow(NamedTuple):
    """One edge, from the operand ``tail`` to the value ``head``, by number of card."""

    tail: int
    head: int
    above: str
    """``∂a/∂w1 = 12``."""
    below: str
    """The message ``36``."""
    tooltip: str


class Scene(NamedTuple):
    """Everything on a picture."""

    title: str
    description: str
    cards: tuple[Card, ...]
    arrows: tuple[Arrow, ...]
    forward: str
    """What the upper line of a card is."""
    backward: str
    """What the lower line of a card is; empty without a gradient."""


def scene(
    diagram: Diagram,
    sent: Messages | None,
    rows: Sequence[Row] = (),
    at: str = "",
    lines: Mapping[str, str] | None = None,
) -> Scene:
    """The scene of a diagram: forward only, with adjoints, or with the numbers of a trace.

    ``rows`` are those of the trace, ``at`` says where it is. ``lines`` gives for the name of a
    value the backward line that a derivation has for it.
    """
    texts = _Texts(diagram, sent, rows, lines or {})
    number = {x.node: k for k, x in enumerate(diagram.nodes)}
    cards = tuple(texts.card(x) for x in diagram.nodes)
    arrows = tuple(
        texts.arrow(number[operand], number[x.node], operand, x)
        for x in diagram.nodes
        for operand in x.operands
    )
    loss = diagram.nodes[-1]
    forward = "value" if rows else "" if diagram.is_scalar else "shape"
    backward = "" if sent is None else _adjoints(diagram, sent)
    title = f"Computational graph of {loss.name}"
    where, told = f" at {at}" if at else "", "; ".join(c.tooltip for c in cards)
    return Scene(title, f"{title}{where}: {told}", cards, arrows, forward, backward)


def _adjoints(diagram: Diagram, sent: Messages) -> str:
    """What an adjoint is and how it is written, by the first one that has a sign of its own."""
    loss = diagram.root.name
    for node, symbol in sent.symbols.items():
        if node in sent.adjoints and symbol != f"∂{loss}/∂{node.name}":
            return f"adjoint, {symbol} = ∂{loss}/∂{node.name}"
    return f"adjoint ∂{loss}/∂·"


class _Texts:
    def __init__(
        self,
        diagram: Diagram,
        sent: Messages | None,
        rows: Sequence[Row],
        lines: Mapping[str, str],
    ) -> None:
        self.diagram, self.sent, self.lines = diagram, sent, lines
        self.rows = {row.name: row for row in rows}
        edges = sum(len(x.operands) for x in diagram.nodes)
        self.labelled = diagram.is_scalar and edges <= MOST_ARROW_LABELS
        self.forms = {} if sent is None or rows else _formulas(diagram, sent)

    def card(self, drawn: Drawn) -> Card:
        """The card of a drawn node."""
        shape = shape_text(drawn.node.shape)
        row = self.rows.get(drawn.name)
        if row is not None:
            above, below = numeral(row.value), row.backward
            back = f"{row.symbol} = {below}" if below else ""
        else:
            above = "" if self.diagram.is_scalar else shape
            below = back = self._backward(drawn)
        whole = drawn.equation if drawn.is_leaf else f"{drawn.name} = {drawn.long_formula}"
        told = [
            whole,
            "" if self.diagram.is_scalar else shape,
            f"value {above}" if row else "",
            back,
        ]
        return Card(
            self._kind(drawn), _label(drawn), above, _short(below),
            "; ".join(x for x in told if x),
        )  # fmt: skip

    def _kind(self, drawn: Drawn) -> str:
        if drawn.node is self.diagram.root:
            return LOSS
        if drawn.is_leaf:
            return INPUT if self.sent and drawn.node in self.sent.adjoints else DATA
        return VALUE if drawn.declared else OPERATION

    def _backward(self, drawn: Drawn) -> str:
        """The adjoint and its formula: the derivation's line, where that is the shorter one."""
        if self.sent is None or drawn.node not in self.sent.adjoints:
            return ""
        if drawn.node is self.diagram.root:
            return f"{self.sent.symbols[drawn.node]} = 1"
        parts = [self.forms[m.consumer, m.operand] for m in self.sent.to(drawn.node)]
        own = f"{self.sent.symbols[drawn.node]} = {sum_text(parts)}"
        line = self.lines.get(drawn.name)
        return line if line is not None and len(line) <= len(own) else own

    def arrow(self, tail: int, head: int, operand: Node, consumer: Drawn) -> Arrow:
        """The arrow from an operand to its consumer."""
        message = self.sent.edges.get((consumer.node, operand)) if self.sent else None
        if message is None:
            return Arrow(tail, head, "", "", f"{operand.name} → {consumer.name}")
        by = f"∂{consumer.name}/∂{operand.name}"
        if not self.rows:
            share = self.forms[consumer.node, operand]
            local = self.forms.get((consumer.node, operand, "local"), "")
            above = f"{by} = {local}" if local and self.labelled else ""
            return Arrow(tail, head, _short(above), "", f"{consumer.name} sends {share}")
        received = next(m for m in self.rows[operand.name].messages if m.consumer == consumer.name)
        if received.local is None:
            return Arrow(tail, head, "", "", f"{consumer.name} sends to {operand.name}")
        local, share = number_text(received.local), number_text(received.share)
        told = f"{by} = {local}; message {number_text(received.adjoint)}·{local} = {share}"
        if not self.labelled:
            return Arrow(tail, head, "", "", told)
        return Arrow(tail, head, f"{by} = {local}", share, told)


def _formulas(diagram: Diagram, sent: Messages) -> dict[tuple[object, ...], str]:
    """Each message as a formula in values and adjoints, and each local derivative."""
    named = [x.node for x in diagram.nodes if not x.is_leaf]
    keys: list[tuple[object, ...]] = []
    nodes: list[Node] = []
    for key, message in sent.edges.items():
        keys.append(key)
        nodes.append(message.share)
        if message.local is not None:
            keys.append((*key, "local"))
            nodes.append(message.local)
    found = normalise([*nodes, *named])
    shares, known = found[: len(nodes)], found[len(nodes) :]
    loss = next((x for x in known if x.name == diagram.root.name), None)
    shares = fold_names(shares, known, loss)
    shares = present(Rewriter(FORWARD), shares, known, loss)
    letters = letters_of(shares)
    return {key: value_text(x, False, letters) for key, x in zip(keys, shares, strict=True)}


def _label(drawn: Drawn) -> str:
    """The equation, or where it is long only what it depends on."""
    if len(drawn.equation) <= LONGEST_LABEL:
        return drawn.equation
    operands = ", ".join(x.name for x in drawn.operands)
    text = f"{drawn.name} = f({operands})"
    return text if len(text) <= LONGEST_LABEL else drawn.name


def _short(text: str) -> str:
    """A formula, or where it is long or one of indices its left-hand side."""
    left, _, right = text.partition(" = ")
    return text if len(text) <= LONGEST_LABEL and not is_soup(right) else left
