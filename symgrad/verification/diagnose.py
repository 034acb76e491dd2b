"""Why a wrong claim is wrong: the smallest change that makes it right, in words.

Why it exists: it puts together what is tried, and in which order. A claim that is right under a
fact that nobody declared is told so first. Then come a factor and a transpose of the whole, single
edits of its graph and of what was typed, terms that are missing from the whole, and pairs.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np

import symgrad.language.syntax as s
from symgrad import graph as g
from symgrad.algebra import axes_of
from symgrad.errors import ParseError, SymgradError
from symgrad.graph import Kind, Node
from symgrad.language.source import Source, Span
from symgrad.lift import lift
from symgrad.simplify import unname
from symgrad.symbols import ARRAYS
from symgrad.verification.claims import Claim
from symgrad.verification.domains import Missing, missing_fact
from symgrad.verification.equality import are_equal, is_large
from symgrad.verification.factors import of_factor
from symgrad.verification.names import Truth
from symgrad.verification.pairs import Pairs, is_plausible, resembles
from symgrad.verification.paths import Path, Paths, of_other_shape
from symgrad.verification.pool import Pool, Slope
from symgrad.verification.proposals import Edit, name_of, of_whole
from symgrad.verification.reshaping import reshaped
from symgrad.verification.search import Found, Search
from symgrad.verification.tree_edits import TreeEdit, index_names, places, tree_edits
from symgrad.verification.trials import Trials
from symgrad.verification.value_edits import functions_inserted
from symgrad.verification.work import Excerpt


class Diagnosis(NamedTuple):
    """A mistake of `mistakes.MISTAKES`, a sentence that says where it is, and the claim without it.

    ``edits`` are the names of the mistakes, one for each edit that was needed, one or two. All of
    it is empty where no small change makes the claim right.
    """

    mistake: str | None = None
    sentence: str = ""
    edits: tuple[str, ...] = ()
    corrected: Node | None = None


def diagnose(claim: Claim, truth: Node, values: Truth, *, seed: int = 0) -> Diagnosis:
    """What makes a wrong claim right; ``truth`` is what is due, ``values`` what may be used."""
    return _Case(claim, truth, values, seed).diagnosis()


_NOTHING = 1e-12
"""A float of which the absolute value is not above this is 0."""

_COMMON = 1.1
"""An edit of at most this cost is more likely than a fact that was taken for granted."""

_PLAIN = 1.25
"""An edit of at most this cost is plainer than a gradient that was taken for another."""

_LIKELY = 1.4
"""An edit of at most this cost is more likely than any fact and any slip of the pen."""

_TREES, _LEAST_TREES, _NODES = 120, 30, 3_000
"""At most so many edited trees are built again, at the least, and together of so many nodes."""

_FITTING = 8
"""Of so many of them whose shapes fit, the graph is edited as well."""


class _Case:
    """One wrong claim."""

    def __init__(self, claim: Claim, truth: Node, values: Truth, seed: int) -> None:
        self.claim, self.truth, self.values, self.seed = claim, truth, values, seed
        written = [claim.node] if claim.node is not None else []
        known = [
            n
            for n in g.topological(written)
            if n.kind is Kind.NAMED and values.target(n.name) is not None
        ]
        self.plain = _without_adjoints(truth, values)
        self.pool = Pool(values.root, values.stable, known, self.plain)
        self.node = None if claim.node is None else self.pool.tidied(claim.node)
        self.search = Search(truth, self.pool, written, seed)
        if claim.target.symbol is None:  # a value is no correction of itself
            later = [n for n in self.pool.forward if truth in g.topological([n])]
            self.pool.forward = [n for n in self.pool.forward if n not in later]

    def diagnosis(self) -> Diagnosis:
        """The first explanation that fits, the least far-fetched ones first."""
        if not self.search.points:
            return Diagnosis()
        node = self.node
        if node is None:
            return self._of_tree() or Diagnosis()
        if node.shape != self.truth.shape:
            return self._reshaped(node) or self._of_tree() or self._elsewhere(node) or Diagnosis()
        if self.search.looks_right(node):
            slight = self.search.slight(node)
            return self._fact(plain=True) or (
                self._said(slight) if slight is not None else Diagnosis("other")
            )
        found = self._single(node)
        path = self.paths.found(node)
        if found is not None and (found.cost <= _COMMON or _is_a_step(path, found)):
            return self._said(found, path)
        fact = self._fact(plain=True)
        if fact is not None:
            return fact
        if path is not None and not (found and found.cost <= _PLAIN):
            return self._along(path)
        if found is not None and found.cost <= _LIKELY:
            return self._said(found)
        other = self._fact(plain=False) or self._of_tree() or self._function(node)
        if other is None and found is not None:
            return self._said(found)
        return other or self._pair(node) or Diagnosis("other")

    # --------------------------------------------------------------------------- whole claim

    @cached_property
    def _missing(self) -> Missing | None:
        """The weakest fact that was not declared and under which the claim is right."""
        assert self.node is not None
        return missing_fact(Trials(self.node, self.truth, self.seed))

    def _fact(self, plain: bool) -> Diagnosis | None:
        """Right under a fact; the ``plain`` ones are those that people take for granted."""
        found = self._missing
        if found is None or plain != (found.fact in ("simplex", "symmetric")):
            return None
        how = {
            "simplex": f"declare {found.leaf.name} a probability vector (sg.simplex)",
            "": "declare nothing, but use what the loss says",
        }.get(found.fact, f"declare {found.leaf.name} {found.fact} (sg.assume)")
        sentence = (
            f"This is right only if {found.words}, which was not declared: {how}, or keep the "
            "terms that depend on it."
        )
        return Diagnosis("missing_fact", sentence, ("missing_fact",), self.truth)

    def _single(self, node: Node) -> Found | None:
        found = self.search.single(node)
        if found is not None and found.cost <= 1.2:
            return found
        others = [x for x in (found, self._terms(node)) if x is not None]
        return min(others, key=lambda x: x.cost, default=None)

    def _terms(self, node: Node) -> Found | None:
        """A term of the truth that is missing from the whole claim."""
        best: Found | None = None
        for edit in self._missing_terms(node):
            found = self.search.right((edit,), edit.root)
            if found is not None and (best is None or found.cost < best.cost):
                best = found
        return best

    def _missing_terms(self, node: Node) -> Iterator[Edit]:
        whole = self.pool.tidied(g.peel(self.plain))
        terms = whole.accesses if whole.kind is Kind.SUM and len(whole.args) > 1 else ()
        shared = self._uses() > 1
        for weight, (arg, labels) in zip(whole.weights if terms else (), terms, strict=True):
            root = g.add([(1, node, axes_of(node)), (weight, arg, labels)], node.shape)
            term = g.add([(weight, arg, labels)], node.shape)

            def words(term: Node = term) -> str:
                shown = self.pool.text(term)
                if shared:
                    return (
                        f"{self.claim.target.symbol} is used in more than one place, and its "
                        f"gradient is the sum over its uses; the part {shown} is missing."
                    )
                return f"The term {shown} is missing."

            yield of_whole(node, root, "missing_sum" if shared else "missing_term", words)

    def _uses(self) -> int:
        """How many named values are made with what the gradient is by, the loss left out."""
        symbol = self.claim.target.symbol
        if symbol is None:
            return 0
        name = str(symbol)
        users: set[Node] = set()
        within: dict[Node, bool] = {}
        for node in g.topological([self.values.root]):
            here = node.kind in (Kind.LEAF, Kind.NAMED) and node.name == name
            inside = any(within[arg] for arg in node.args)
            if inside and node.kind is Kind.NAMED and not here:
                users.add(node)
                inside = False
            within[node] = here or inside
        return len(users - {self.values.root})

    @cached_property
    def paths(self) -> Paths:
        """What else than the truth the claim may be."""
        return Paths(self.claim.target, self.values, self.search)

    def _along(self, path: Path) -> Diagnosis:
        """A claim that is the gradient of something else."""
        return Diagnosis(path.mistake, path.words(), (path.mistake,))

    def _elsewhere(self, node: Node) -> Diagnosis | None:
        """The same of a claim of another shape."""
        path = of_other_shape(self.paths, node)
        return None if path is None else self._along(path)

    def _pair(self, node: Node) -> Diagnosis | None:
        known = self.pool.sites(self.pool.tidied(g.peel(self.plain)))
        found = Pairs(node, self.search, known).found(list(self._missing_terms(node)))
        if found is None or self._cancels(found.root) or not resembles(node, found.root, self.pool):
            return None
        return self._said(found)

    def _cancels(self, root: Node) -> bool:
        """Whether a term is 0: then the claim was thrown away and the truth put in its place."""
        sums = [n for n in self.pool.sites(root) if n.kind is Kind.SUM]
        terms = dict.fromkeys(arg for n in sums for arg in n.args)
        return any(not np.abs(self.search.value(x, 0)).max(initial=0.0) > _NOTHING for x in terms)

    def _function(self, node: Node) -> Diagnosis | None:
        """Of a value of the forward pass: a function that was left out."""
        if self.claim.target.symbol is not None:
            return None
        for edit in functions_inserted(node, self.pool):
            found = self.search.right((edit,), edit.root)
            if found is not None and found.factor == 1:
                return self._said(found)
        return None

    # -------------------------------------------------------------------------- other shapes

    def _reshaped(self, node: Node) -> Diagnosis | None:
        """Of a claim of another shape: summed, turned, or with the factor that is missing."""
        if (diagonal := self._diagonal(node)) is not None:
            return diagonal
        starts = list(reshaped(node, self.truth.shape, self.claim.target.symbol, self.pool))
        for edit in starts:
            found = self.search.right((edit,), edit.root)
            if found is not None:
                return self._said(found)
        for edit in starts:
            found = self.search.single(edit.root)
            found = found and found._replace(edits=(edit, *found.edits))
            if found is not None and is_plausible(node, found, self.pool):
                return self._said(found)
        return None

    def _diagonal(self, node: Node) -> Diagnosis | None:
        """A vector that is the diagonal of the matrix that is due."""
        truth = self.truth
        if truth.rank != 2 or node.rank != 1 or truth.shape != (*node.shape, *node.shape):
            return None
        diagonal = g.product([(truth, (0, 0))], node.shape)
        if not are_equal(node, diagonal, self.seed):
            return None
        what = self.claim.target.name
        sentence = f"These are the entries on the diagonal of {what}; those off it are missing."
        return Diagnosis("missing_term", sentence, ("missing_term",), self.plain)

    # ------------------------------------------------------------------------- what was typed

    def _of_tree(self) -> Diagnosis | None:
        """Edits of what was typed, alone and then with an edit of the graph, or with each other."""
        tree = self.claim.tree
        if tree is None:
            return None
        built: list[tuple[TreeEdit, Node]] = []
        for edit, node in self._trees(tree):
            built.append((edit, node))
            found = self._fitting((_as_edit(edit, node),), node)
            if found is not None:
                return self._said(found)
        if self.node is not None and self.node.shape == self.truth.shape:
            return None  # what its graph shows is tried in pairs as well
        fitting = [(edit, node) for edit, node in built if node.shape == self.truth.shape]
        for edit, node in fitting[:_FITTING]:
            found = self.search.single(node)
            if found is not None:
                return self._said(found._replace(edits=(_as_edit(edit, node), *found.edits)))
        return self._two_of_tree(tree)

    def _fitting(self, edits: tuple[Edit, ...], node: Node) -> Found | None:
        """A right claim, or one that is right when it is summed or turned as a whole."""
        if node.shape == self.truth.shape:
            return self.search.right(edits, node)
        return None

    def _two_of_tree(self, tree: s.Expr) -> Diagnosis | None:
        tried = 0
        for one in itertools.islice(self._edited(tree), self._most_trees):
            for other in self._edited(one.tree):
                tried += 1
                if tried > 3 * self._most_trees:
                    return None
                node = self._built(other)
                if node is None:
                    continue
                edits = (_as_edit(one, node), _as_edit(other, node))
                found = self._fitting(edits, node)
                if found is not None:
                    return self._said(found)
        return None

    def _edited(self, tree: s.Expr) -> Iterator[TreeEdit]:
        claim = self.claim
        if claim.tree is None or claim.scope is None:
            return
        given = [x.name for x, _ in claim.indices]
        names = [x for x in (*given, *index_names(claim.tree)) if x not in claim.free]
        at = None if claim.error is None else _place(claim.error, claim.scope.source)
        yield from tree_edits(
            tree, claim.scope.text, names, claim.free, self._shapes, at, bool(given)
        )

    @cached_property
    def _most_trees(self) -> int:
        """How many trees may be built again, which takes the longer the larger they are."""
        size = sum(1 for _ in places(self.claim.tree)) if self.claim.tree is not None else 1
        return max(_LEAST_TREES, min(_TREES, _NODES // size))

    @cached_property
    def _shapes(self) -> dict[str, tuple[g.Dim, ...]]:
        """The shape of every value that a claim may name."""
        known = {node: node.shape for node in (*self.pool.forward, *self.pool.leaves)}
        names = {name: lift(x) for name, x in self.values.names.items() if isinstance(x, ARRAYS)}
        return {name: known[node] for name, node in names.items() if node in known}

    def _trees(self, tree: s.Expr) -> Iterator[tuple[TreeEdit, Node]]:
        for edit in itertools.islice(self._edited(tree), self._most_trees):
            node = self._built(edit)
            if node is not None:
                yield edit, node

    def _built(self, edit: TreeEdit) -> Node | None:
        """The graph of an edited tree; None where that has a mistake of its own."""
        try:
            node = self.pool.tidied(self.claim.node_of(edit.tree))
            return None if is_large([node]) else node
        except SymgradError:  # most edits do not fit, which is what is being found out
            return None

    # ---------------------------------------------------------------------------- in words

    def _said(self, found: Found, path: Path | None = None) -> Diagnosis:
        edits = [self._renamed(edit) for edit in found.edits]
        names = [edit.mistake for edit in edits]
        sentences = [edit.words() for edit in edits]
        if found.factor != 1:
            what = "what is then left" if edits else "the claim"
            due = self.claim.target.what
            name, words = of_factor(found.factor, what, due, self.pool, self.values.root)
            names.append(name)
            sentences.append(words)
        if len(sentences) == 2:
            sentences = ["Two things are wrong.", *sentences]
        if path is not None and path.mistake == "another_gradient" and "sign" not in names:
            sentences = [path.words().partition(":")[0].rstrip(".") + ".", *sentences]
        elif path is not None and path.mistake in names:
            sentences = [path.words()]
        return Diagnosis(names[0], " ".join(sentences), tuple(names), self.pool.tidied(found.root))

    def _renamed(self, edit: Edit) -> Edit:
        """h → z in the derivative of an activation is a mistake of its own."""
        if edit.mistake not in ("wrong_value", "wrong_function"):
            return edit
        if edit.root.shape != self.truth.shape or edit.swap is None:
            return edit
        stands, due = edit.swap
        for node in self.pool.sites(edit.root):
            if node in self.pool.atoms or due not in self.pool.sites(node):
                continue
            slope = self._slope_of(node)
            of_values = edit.mistake == "wrong_value"
            if slope is None or (of_values and not {stands, due} & {slope.value, slope.argument}):
                continue

            def words(slope: Slope = slope) -> str:
                return (
                    f"The derivative of {name_of(slope.function)} is taken at a wrong place; it "
                    f"belongs at {self.pool.text(slope.argument)}, where it is "
                    f"{self.pool.text(slope.derivative)}: {edit.words()}"
                )

            return edit._replace(mistake="derivative_of_wrong_argument", words=words)
        return edit

    def _slope_of(self, node: Node) -> Slope | None:
        """The slope that a node is, or that two factors of a product are together."""
        parts = [node]
        if node.kind is Kind.PRODUCT:
            parts += [
                g.product([(x.node, axes_of(x.node)), (y.node, axes_of(y.node))], x.node.shape)
                for x, y in itertools.combinations(node.accesses, 2)
                if x.labels == y.labels
            ]
        for slope in self.pool.slopes:
            for part in parts:
                if slope.derivative.shape != part.shape:
                    continue
                a, b = (self.search.value(x, 0) for x in (part, slope.derivative))
                if np.allclose(a, b, rtol=1e-9, atol=1e-12):
                    return slope
        return None


def _is_a_step(path: Path | None, found: Found) -> bool:
    """Whether an edit is what is missing from another gradient, or too much."""
    return path is not None and path.mistake == "another_gradient" and found.factor == 1


def _without_adjoints(truth: Node, values: Truth) -> Node:
    """A true value in values of the forward pass: a reader has no names for our adjoints."""
    names = [n for n in g.topological([truth]) if n.kind is Kind.NAMED]
    forward = {n.name for n in g.topological([values.root]) if n.kind is Kind.NAMED}
    return unname([truth], [n for n in names if n.name not in forward])[0]


def _place(error: ParseError, source: Source) -> Span:
    """Where an error points, in the text that a claim's tree was read from."""
    start = 0
    if isinstance(source, Excerpt):
        start, source = source.start, source.whole
    lines = source.text.split("\n")[: error.line - 1]
    first = sum(len(line) + 1 for line in lines) + error.column - 1 - start
    return Span(first, first + error.width)


def _as_edit(edit: TreeEdit, node: Node) -> Edit:
    return of_whole(node, node, edit.mistake, lambda: edit.words, edit.cost)
