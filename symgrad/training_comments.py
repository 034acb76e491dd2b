"""The mathematics in a training module: the derivation on top, a formula above each line.

The lines of a training module compute all examples at once, but a lecture writes one. A formula
for one example is used as a comment only where it is proven to be what the line computes: the
graph of the formula, batched, must be the very node that the line prints (hash-consing makes that
an identity). Where it is not, the formula of the batch is shown instead.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from symgrad import graph as g
from symgrad.batch import batch_all
from symgrad.errors import UnsupportedError
from symgrad.forms import mask_rate
from symgrad.graph import Kind, Node
from symgrad.listing import shape_text
from symgrad.rewrite import Rewriter
from symgrad.show.derivation import Derivation
from symgrad.show.matrix_form import matrix_form
from symgrad.show.sheet import sections_of
from symgrad.show.steps import Step, table
from symgrad.show.text import formula
from symgrad.simplify import computing
from symgrad.training_model import Model

LONGEST = 200
"""Characters of a comment; a longer formula is left out."""

WIDTH = 97
"""Columns of the derivation in the docstring."""


class Comments(NamedTuple):
    """The mathematics of one model.

    ``values`` are for named values, forward and backward; ``gradients`` has one formula for each
    parameter; ``objective`` says what is minimised.
    """

    values: Mapping[str, str]
    gradients: tuple[str, ...]
    objective: str


def comments_of(
    model: Model, loss: Node, gradients: Sequence[Node], rewriter: Rewriter
) -> Comments:
    """Comments for the risk ``loss`` and its ``gradients``, which ``rewriter`` brought to the
    computing form."""
    whole, one = model.derivation, model.example
    risk = whole.loss.name
    named = [n for n in g.topological([loss, *gradients]) if n.kind is Kind.NAMED]
    values: dict[Node, str] = {}
    slopes = [""] * len(gradients)
    if one is not None:
        roots = computing([one.loss_root, *one.roots], rewriter)
        proven = _proven(model, roots, set(named), rewriter)
        values = _equations(one, proven)
        if model.of_one_example:
            objective = f"the mean of {value_text(one.loss)} over the examples"
            name = one.loss.name if model.root is one.loss else _text(one.loss.args[0])
            values[loss] = f"{risk} = {_mean_of(name or 'the loss', model)}"
            known = set(proven.values())
            pairs = zip(one.wrt, roots[1:], strict=True)
            slopes = [_gradient_of_mean(w, x, model, known) for w, x in pairs]
    if one is None or not model.of_one_example:
        objective = value_text(whole.loss)
    rest = {n: n for n in named if n not in values}
    if rest:
        values |= _equations(whole, rest)
    lines = []
    for symbol, root, text in zip(whole.wrt, gradients, slopes, strict=True):
        text = text or _gradient_text(symbol, root)
        lines.append(f"∂{risk}/∂{symbol} = {text}" if text else "")
    counts = Counter(n.name for n in named)
    by_name = {n.name: text for n, text in values.items() if counts[n.name] == 1}
    return Comments(by_name, tuple(lines), objective)


def value_text(node: Node) -> str:
    """``p = softmax(z2)`` for a named value, else its formula."""
    if node.kind is not Kind.NAMED:
        return _text(node) or "a value"
    text = _text(node.args[0])
    return f"{node.name} = {text}" if text else node.name


def listing(steps: Sequence[Step], width: int = WIDTH) -> str:
    """The lines of a derivation: the table, or one equation after another where it is too wide."""
    text = table(sections_of(steps))
    if all(len(line) <= width for line in text.splitlines()):
        return text
    lines: list[str] = []
    for phase in ("forward", "backward"):
        mine = [s for s in steps if s.phase == phase]
        lines += [*([""] if lines else []), phase] if mine else []
        for s in mine:
            note = f"    ({shape_text(s.shape)}{'; ' if s.because else ''}{s.because})"
            lines += textwrap.wrap(
                s.text + note, width, initial_indent="  ", subsequent_indent="      "
            )
    return "\n".join(lines)


def formulas(steps: Sequence[Step]) -> dict[str, str]:
    """What is computed, as text: the name of each line → its right side."""
    found: dict[str, str] = {}
    for step in steps:
        name = " = ".join(step.names)
        found.setdefault(name, step.text.removeprefix(f"{name} = "))
    return found


def declaration_text(model: Model) -> str:
    """The declaration in the language of text models: leaves, the values of the loss, lists."""
    data = [*model.leaves]
    leaves = [f"{x.name}: {_declared(x)}" for x in (*data, *model.nodes)]
    values = [s.text for s in model.shown.steps if s.phase == "forward"]
    lists = [("params", model.nodes), ("data", data)]
    named = [f"{what} {', '.join(x.name for x in nodes)}" for what, nodes in lists]
    return "; ".join([*leaves, *values, *named])


def _declared(leaf: Node) -> str:
    """What a leaf is: ``vector(D)``, ``label(C)``, ``mask(H, rate=1/2)``."""
    sizes = ", ".join(map(str, leaf.shape))
    facts = sorted(fact.name for fact in leaf.leaf.facts)
    if leaf.leaf.classes is not None:
        return f"label({', '.join(map(str, (leaf.leaf.classes, *leaf.shape)))})"
    rate = mask_rate(leaf)
    if rate is not None:
        return f"mask({sizes}, rate={rate})"
    if facts == ["simplex"] and leaf.rank == 1:
        return f"simplex({sizes})"
    kinds = ("scalar", f"vector({sizes})", f"matrix({sizes})")
    kind = kinds[leaf.rank] if leaf.rank < len(kinds) else f"array({sizes})"
    return " ".join((kind, *facts))


# ------------------------------------------------------------------ formulas for one example


def _proven(
    model: Model, roots: Sequence[Node], named: set[Node], rewriter: Rewriter
) -> dict[Node, Node]:
    """Those of the nodes ``named`` that are a named node of one example, batched → that node."""
    of_one = [n for n in g.topological(roots) if n.kind is Kind.NAMED]
    of_all = computing(batch_all(of_one, model.leaves, model.size), rewriter)
    return {n: meaning for n, meaning in zip(of_all, of_one, strict=True) if n in named}


def _gradient_of_mean(symbol: Any, root: Node, model: Model, proven: set[Node]) -> str:
    """The mean of the gradient of one example, if every name in it means the same in the file."""
    below = g.topological([root], lambda n: () if n.kind is Kind.NAMED else n.args)
    text = _gradient_text(symbol, root)
    if not text or any(n.kind is Kind.NAMED and n not in proven for n in below):
        return ""
    depends = any(leaf in model.leaves for leaf in g.leaves([root]))
    return _mean_of(text, model) if depends else text


def _mean_of(text: str, model: Model) -> str:
    return f"(1/{model.size}) Σ {_bracketed(text)}"


def _equations(derivation: Derivation, values: Mapping[Node, Node]) -> dict[Node, str]:
    """For each node the equation of the named node that it stands for.

    A forward equation is the declared one. That of an adjoint is read off its node: constant
    factors may have floated out of it.
    """
    steps = derivation.steps
    names = Counter(s.names[0] for s in steps)
    declared = {s.names[0]: s.text for s in steps if s.phase == "forward" and names[s.names[0]] < 2}
    adjoints = {s.names[0]: s.names for s in steps if s.phase == "backward" and len(s.names) > 1}
    found: dict[Node, str] = {}
    for node, meaning in values.items():
        text = declared.get(meaning.name, "")
        if meaning.name in adjoints:
            value = _text(meaning.args[0])
            text = " = ".join((meaning.name, value)) if value else ""
        if text and len(text) <= LONGEST:
            found[node] = text
    return found


def _gradient_text(symbol: Any, root: Node) -> str:
    """The formula of a gradient in the symbol's own shape."""
    transposed = bool(root.shape) and symbol.shape[0] == 1 and root.rank == 1
    return _text(root, transposed)


def _text(node: Node, transposed: bool = False) -> str:
    """A formula, or nothing where it is too long or beyond matrices."""
    if _least_length(node) > LONGEST:
        return ""
    try:
        expr = matrix_form(node)
    except UnsupportedError:
        return ""
    text = formula(expr.T if transposed else expr)
    return text if len(text) <= LONGEST else ""


def _least_length(node: Node) -> int:
    """Characters that a formula has at least: a sum over the steps of a network is not written
    down to see that it is too long.

    Its terms and factors count, down to named values; a number or an identity may vanish.
    """
    lengths: dict[Node, int] = {}
    below = g.topological([node], lambda n: n.args if n.kind in (Kind.SUM, Kind.PRODUCT) else ())
    for x in below:
        if x.kind in (Kind.LEAF, Kind.NAMED):
            lengths[x] = len(x.name)
        elif x.kind in (Kind.SUM, Kind.PRODUCT):
            between = 3 * (len(x.args) - 1) if x.kind is Kind.SUM else 0  # " + "
            lengths[x] = between + sum(lengths[arg] for arg in set(x.args))  # x ⊙ x may be x²
        else:
            lengths[x] = 0
    return lengths[node]


def _bracketed(text: str) -> str:
    """``text`` in parentheses if a sum over it would bind its first term only."""
    depth = 0
    for k, x in enumerate(text):
        depth += (x in "([") - (x in ")]")
        if depth == 0 and text[k : k + 3] in (" + ", " − "):
            return f"({text})"
    return text
