"""What an edit may put into a claim: the values of the forward pass, and their slopes.

Why it exists: a student who leaves something out leaves out something that the network has: an
activation's derivative, a layer's output, an input. So corrections are made of these.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import sympy as sp

from symgrad import graph as g
from symgrad.algebra import softmax_of
from symgrad.declare import named_symbol
from symgrad.derivatives import partial_derivative
from symgrad.elementwise import expand
from symgrad.errors import DerivativeError
from symgrad.graph import Access, Kind, Node, slot
from symgrad.identities import CANONICAL
from symgrad.rewrite import Rewriter
from symgrad.show.index_form import letters_of
from symgrad.show.matrix_form import matrix_form
from symgrad.show.text import formula
from symgrad.vocabulary import exceeds, hard_sign, hard_step, signum, step, without_jumps, zero_one

_FLAT = (step, signum, exceeds)
"""Functions whose derivative is 0."""

_JUMPS = (hard_step, hard_sign, zero_one)
"""What a derivative has the twin of: a user's 1[z > 0] is the one that we derive."""

_TIDY = frozenset(
    {
        "empty product", "identity product", "view in product", "weight out of product",
        "identity matrix", "view in sum", "nested sum", "single term", "view in map",
        "view in reduce", "constant map",
    }
)  # fmt: skip
"""Laws that only put a formula into one spelling: signs are weights, transposes labels."""


_MOST_PARTS = 8


def _indicator(body: sp.Expr) -> sp.Expr:
    """A body with 1[a > b] for ``1 if a > b else 0``."""

    def written(e: sp.Piecewise) -> sp.Expr:
        (one, condition), (zero, _) = e.args if len(e.args) == 2 else ((0, None), (0, None))
        if (one, zero) != (1, 0) or not isinstance(
            condition, sp.StrictGreaterThan | sp.StrictLessThan
        ):
            return e
        return step(condition.gts - condition.lts)

    found: sp.Expr = body.replace(lambda e: isinstance(e, sp.Piecewise), written)
    return found


class Slope(NamedTuple):
    """An activation of the forward pass: its argument, its value and its derivative there."""

    function: str
    argument: Node
    value: Node
    derivative: Node


class Written(NamedTuple):
    """How many values stand in a formula, and which."""

    size: int
    values: frozenset[object]
    counts: Counter[object]


class Pool:
    """The values of a forward pass.

    ``root`` is the loss; ``stable`` are its stable forms, in which activations that were written
    out are recognised; ``known`` are further values of a claim that are not opened,
    such as δ2. ``truth`` is what is due; its parts may be missing as a whole.
    """

    def __init__(
        self,
        root: Node,
        stable: Iterable[Node] = (),
        known: Iterable[Node] = (),
        truth: Node | None = None,
    ) -> None:
        below, known = g.topological([root]), list(known)
        self.forward = [n for n in below if n.kind is Kind.NAMED and n is not root]
        self.leaves = [n for n in below if n.kind is Kind.LEAF and n.leaf.classes is None]
        self.known = known
        self._written: dict[Node, Written] = {}
        self.atoms = frozenset([*self.forward, *self.leaves, *known, root])
        self.slopes = _slopes(g.topological([root, *stable]), self.forward)
        self.softmaxes = _softmaxes(g.topological([root, *stable]), self.forward)
        self.parts: list[Node] = [] if truth is None else self._parts(g.peel(truth))
        sums = [] if truth is None else [n for n in self.sites(truth) if n.kind is Kind.SUM]
        self.weights = {sp.S.One, *(abs(c) for n in sums for c in n.weights)}
        self.dims = _dims(self.weights)
        parts = [] if truth is None else self.sites(self.tidied(g.peel(truth)))
        self.sums = [n for n in parts if n.kind is Kind.SUM and len(n.args) > 1]
        self.products = [n for n in parts if n.kind is Kind.PRODUCT and len(n.args) > 1]
        self.has_inverse = any(n.kind is Kind.LINALG and n.op == "inverse" for n in parts)
        self.reciprocals = [n for n in parts if _is_reciprocal(n)]
        self.functions = {type(n.body) for n in (*below, *parts) if n.kind is Kind.MAP}
        self.losses = [n for n in below if n.kind is Kind.SUM and not n.rank]

    @property
    def values(self) -> list[Node]:
        """What a formula may be made of, later values first."""
        return [*self.known, *reversed(self.forward), *self.leaves]

    def _parts(self, truth: Node) -> list[Node]:
        """What the truth is made of, the larger parts first, without its atoms."""
        own = self.sites(self.tidied(truth))[1:]
        return [n for n in own if n not in self.atoms and n.kind is not Kind.CONST][:_MOST_PARTS]

    def tidied(self, root: Node) -> Node:
        """A formula in the one spelling that edits know; its atoms stay as they are."""
        rewriter = Rewriter([rule for rule in CANONICAL if rule.name in _TIDY])
        rewriter.keep(self.atoms)
        jumps = {
            n: g.apply(_indicator(without_jumps(n.body)), n.accesses, n.shape)
            for n in self.sites(root)
            if n.kind is Kind.MAP and n not in self.atoms and n.body.has(*_JUMPS, sp.Piecewise)
        }
        for jump, indicator in jumps.items():
            root = self.replaced(root, jump, indicator)
        return rewriter([root])[0]

    def sites(self, root: Node) -> list[Node]:
        """The nodes that a formula was written with, outermost first; atoms are not opened."""
        below = g.topological([root], lambda n: () if n in self.atoms else n.args)
        return below[::-1]

    def replaced(self, root: Node, old: Node, new: Node) -> Node:
        """A formula with another node in the place of one that it was written with."""
        return self.with_all(root, {old: new})

    def with_all(self, root: Node, changes: Mapping[Node, Node]) -> Node:
        """A formula with other nodes in the place of some, all at once."""
        done = dict(changes)
        for node in self.sites(root)[::-1]:
            if node in done:
                continue
            same = node in self.atoms or all(done[arg] is arg for arg in node.args)
            done[node] = node if same else g.rebuild(node, [done[arg] for arg in node.args])
        return done[root]

    def written(self, node: Node) -> Written:
        """What a formula is written with."""
        for n in g.topological([node], lambda n: () if n in self._written else self._below(n)):
            if n not in self._written:
                parts = [self._written[arg] for arg in self._below(n)]
                counts = sum((x.counts for x in parts), Counter[object]())
                if n.kind is Kind.MAP or not parts:  # a function is something too
                    counts[n.body if n.kind is Kind.MAP else n] += 1
                self._written[n] = Written(counts.total(), frozenset(counts), counts)
        return self._written[node]

    def _below(self, node: Node) -> tuple[Node, ...]:
        return () if node in self.atoms else node.args

    def exchanged(self, root: Node, one: Node, other: Node) -> list[Node]:
        """A formula with one value in the place of another: either way, and both."""
        changes: list[dict[Node, Node]] = [{one: other}, {other: one}, {one: other, other: one}]
        return [self.with_all(root, change) for change in changes]

    def text(self, node: Node) -> str:
        """A value as it is written, on one line."""
        names = [n for n in g.topological([node]) if n.kind is Kind.NAMED and n.rank <= 2]
        if node.rank > 2:
            return "this array"
        symbols = {n: named_symbol(n) for n in names}
        return formula(matrix_form(node, symbols, letters_of([node])))


def _slopes(below: Iterable[Node], forward: Iterable[Node]) -> list[Slope]:
    """Every function of one argument in the forward pass, and its derivative there."""
    found: dict[Node, Slope] = {}
    below = list(below)
    own = {n.name: n for n in forward}
    stable = {n: own[n.name] for n in below if n.kind is Kind.NAMED and n.name in own}
    names = {n.args[0]: known for n, known in stable.items()}
    for node in below:
        body = node.body if node.kind is Kind.MAP else None
        if not isinstance(body, sp.Function) or len(node.args) != 1 or isinstance(body, _FLAT):
            continue
        if body.args[0] != slot(0) or (isinstance(body, sp.exp) and _is_normalised(node.args[0])):
            continue
        try:
            slope = partial_derivative(body, 0)
        except DerivativeError:  # a jump, which has none
            continue
        if not slope.free_symbols:
            continue
        operands: dict[sp.Basic, Access] = {slot(0): node.accesses[0]}
        derivative = expand(slope, operands.get, node.shape)
        value = names.get(node, node)
        if value is node and isinstance(body, sp.log):
            continue  # of a loss, and no activation
        (derivative,) = g.substitute([derivative], {node: value})  # 1 − h², and not 1 − tanh(z)²
        argument, derivative = g.substitute([node.args[0], derivative], stable)
        found.setdefault(derivative, Slope(type(body).__name__, argument, value, derivative))
    return list(found.values())


def _softmaxes(below: Iterable[Node], forward: Iterable[Node]) -> set[Node]:
    """The values of the forward pass that are a softmax."""
    own = {n.name: n for n in forward}
    named = [n for n in below if n.kind is Kind.NAMED and n.name in own]
    return {own[n.name] for n in named if softmax_of(g.peel(n)) is not None}


def _dims(weights: Iterable[sp.Expr]) -> list[sp.Symbol]:
    """The dimensions in the weights of the truth: what is divided by n may not have been."""
    found = {s for c in weights for s in c.free_symbols if isinstance(s, sp.Symbol)}
    return sorted(found, key=lambda s: s.name)


def _is_reciprocal(node: Node) -> bool:
    """Whether a node is 1/a."""
    return node.kind is Kind.MAP and node.body == 1 / slot(0)


def _is_normalised(node: Node) -> bool:
    """Whether a value is z − logsumexp(z): its exponential is softmax, and no activation."""
    return any(arg.kind is Kind.REDUCE for arg in node.args)
