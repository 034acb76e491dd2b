"""Claims that are the gradient of something else: of another value, or along some paths only.

Why it exists: some wrong claims have nothing wrong in them. They are ∂L/∂p where ∂L/∂z2 was asked
for, they take a mean for a constant that depends on x, or they use the diagonal of softmax's
Jacobian for all of it. No edit of a formula says so; what says so is the gradient that was taken.
Each row of `CANDIDATES` makes such gradients, and the one that the claim is explains it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import sympy as sp

from symgrad import graph as g
from symgrad.algebra import axes_of
from symgrad.graph import Access, Kind, Node
from symgrad.lift import lift
from symgrad.reverse import adjoints
from symgrad.verification.equality import are_equal
from symgrad.verification.names import Target, Truth
from symgrad.verification.proposals import Words
from symgrad.verification.search import AGREE, Search

SWEEPS = 30_000
"""Nodes that are differentiated, in all sweeps for one claim together."""

TOGETHER = 7
"""Of at most so many values two are held constant at once."""


class Path(NamedTuple):
    """Another gradient, the mistake that takes it for the one that is due, and words."""

    node: Node
    mistake: str
    words: Words


class Paths:
    """The other gradients of one loss, for one target."""

    def __init__(self, target: Target, values: Truth, search: Search) -> None:
        self.target, self.values, self.search = target, values, search
        self.pool = search.pool
        self.wrt = None if target.symbol is None else lift(target.symbol)
        self.root = values.root
        self.order = g.topological([self.root])
        self.left = SWEEPS

    def found(self, claim: Node) -> Path | None:
        """What the claim is, if it is one of them, or one but for its sign."""
        if self.wrt is None or not self.search.points:
            return None
        for row in CANDIDATES:
            for path in row(self, claim):
                if path.node.shape != claim.shape:
                    continue
                for minus in (False, True):
                    if self._is(claim, path.node, minus):
                        return _negative(path) if minus else path
        return None

    def _is(self, claim: Node, other: Node, minus: bool) -> bool:
        """Whether a claim equals another value, for certain."""
        if minus:
            other = g.add([(-1, other, axes_of(other))], other.shape)
        for k in range(len(self.search.points)):
            a, b = self.search.value(claim, k), self.search.value(other, k)
            scale = np.abs(b).max(initial=0.0)
            if not np.isfinite(b).all() or not (np.abs(a - b) <= AGREE * scale).all():
                return False
        return are_equal(claim, other, self.search.seed)

    def is_zero(self, node: Node) -> bool:
        """Whether a value is 0 at some point: then nothing is said of it."""
        values = (self.search.value(node, k) for k in range(len(self.search.points)))
        return any(not np.abs(x).max(initial=0.0) > AGREE for x in values)

    # ------------------------------------------------------------------------------ gradients

    @cached_property
    def forward(self) -> list[Node]:
        """The named values, the first computed first, without the loss."""
        return [n for n in self.order if n.kind is Kind.NAMED and n is not self.root]

    @cached_property
    def between(self) -> list[Node]:
        """The named values that depend on what the gradient is by."""
        assert self.wrt is not None
        above: set[Node] = {self.wrt}
        above.update(n for n in self.order if any(arg in above for arg in n.args))
        return [n for n in self.forward if n in above and n is not self.wrt]

    @cached_property
    def gradients(self) -> dict[Node, Node]:
        """The gradient by every named value that the loss depends on smoothly."""
        return self._adjoints(self.root, self.forward)

    def _adjoints(self, root: Node, wrt: Sequence[Node]) -> dict[Node, Node]:
        self.left -= len(self.order)
        found = adjoints(root, wrt)
        return {node: found[node] for node in wrt if node in found}

    def held(self, values: Sequence[Node]) -> Node | None:
        """The gradient where some values are taken for constants; None where nothing is left."""
        assert self.wrt is not None
        constants = {n: _constant(n) for n in values}
        (root,) = g.substitute([self.root], constants)
        found = self._adjoints(root, [self.wrt]).get(self.wrt)
        if found is None:
            return None
        return g.substitute([found], {leaf: n for n, leaf in constants.items()})[0]

    def through(self, value: Node, jacobian: Node | None) -> Node | None:
        """The gradient with another Jacobian of softmax ``value``: a diagonal one, or none."""
        assert self.wrt is not None
        argument, adjoint = self.argument(value), self.gradients.get(value)
        if adjoint is None or argument is None or argument.shape != value.shape:
            return None
        axes = axes_of(value)
        factors = [Access(adjoint, axes)] + ([Access(jacobian, axes)] if jacobian else [])
        message = g.product(factors, value.shape)
        held = _constant(value)
        if argument is self.wrt:
            return message
        product = g.product([Access(held, axes), Access(argument, axes)], ())
        found = self._adjoints(product, [self.wrt]).get(self.wrt)
        return None if found is None else g.substitute([found], {held: message})[0]

    def argument(self, value: Node) -> Node | None:
        """z of p = softmax(z), the value with a name, if p is a softmax of one."""
        atoms = self.pool.atoms - {value}
        below = g.topological([value], lambda n: () if n in atoms else n.args)
        named = [n for n in below if n in atoms]
        return named[0] if len(named) == 1 else None

    # ---------------------------------------------------------------------------------- words

    def of(self, node: Node) -> str:
        """∂L/∂z2."""
        return f"∂{self.root.name}/∂{node.name}"

    def defined(self, node: Node) -> str:
        """p = softmax(z2)."""
        return f"{node.name} = {self.pool.text(node.args[0])}"


def _constant(node: Node) -> Node:
    """A leaf in the place of a value."""
    return g.leaf(f"{node.name} held", node.shape, sp.Symbol(f"{node.name} held"))


def _negative(path: Path) -> Path:
    """The same with the other sign."""

    def words() -> str:
        own = path.words()
        rest = f"{own[0].lower()}{own[1:]}"
        return f"Two things are wrong. The sign is wrong. With the right sign, {rest}"

    return path._replace(words=words)


# --------------------------------------------------------------------------------- candidates


def _others(paths: Paths, claim: Node) -> Iterator[Path]:
    """∂L/∂v for ∂L/∂u."""
    for value in reversed(paths.forward):
        gradient = paths.gradients.get(value)
        if gradient is None or value is paths.wrt:
            continue

        def words(value: Node = value) -> str:
            this = f"This is {paths.of(value)}, and not {paths.target.name}"
            assert paths.wrt is not None
            if value in paths.between:
                return f"{this}: {_back(paths, value)}"
            if paths.wrt in g.topological([paths.root]) and value in g.topological([paths.wrt]):
                return f"{this}: the step back through {paths.defined(paths.wrt)} is one too many."
            return f"{this}."

        yield Path(gradient, "another_gradient", words)


def _back(paths: Paths, value: Node) -> str:
    """What is missing on the way from a value back to the target."""
    argument = paths.argument(value)
    if _is_softmax(value, paths):
        p = value.name
        jacobian = f"diag({p}) − {p}·{p}ᵀ" if value.rank == 1 else "diag(p) − p·pᵀ of each row p"
        own = f"it has still to be multiplied by the Jacobian of softmax, {jacobian}"
        return f"{own}." if argument is paths.wrt else f"{own}, and so on back to {_by(paths)}."
    if paths.wrt in value.args[0].args or paths.wrt is argument:
        through = f"the step from {value.name} back to {_by(paths)}, through"
        return f"{through} {paths.defined(value)}, is missing."
    way = f"the steps from {value.name} back to {_by(paths)} are missing"
    return f"{way}, the first of them through {paths.defined(value)}."


def _by(paths: Paths) -> str:
    return str(paths.target.symbol)


def _is_softmax(value: Node, paths: Paths) -> bool:
    return value in paths.pool.softmaxes


def _skipped(paths: Paths, claim: Node) -> Iterator[Path]:
    """softmax's Jacobian left out, or only its diagonal."""
    for value in paths.between:
        if not _is_softmax(value, paths):
            continue
        p = value.name
        axes = axes_of(value)
        rest = g.add([(1, g.const(1, value.shape), axes), (-1, value, axes)], value.shape)
        diagonal = g.product([Access(value, axes), Access(rest, axes)], value.shape)
        rows = "" if value.rank == 1 else ", in each row"
        jacobian = f"diag({p}) − {p}·{p}ᵀ" if value.rank == 1 else "diag(p) − p·pᵀ of each row p"

        def partly(p: str = p, rows: str = rows, jacobian: str = jacobian) -> str:
            return (
                f"Only the diagonal {p} ⊙ (1 − {p}) of softmax's Jacobian is used; every entry of "
                f"{p} depends on all scores{rows}, so it is {jacobian}."
            )

        def skipped(p: str = p, value: Node = value, jacobian: str = jacobian) -> str:
            return (
                f"The step back through {paths.defined(value)} is missing: {paths.of(value)} has "
                f"to be multiplied by the Jacobian of softmax, {jacobian}."
            )

        for factor, words in ((diagonal, partly), (None, skipped)):
            node = paths.through(value, factor)
            if node is not None:
                mistake = "wrong_derivative" if factor is not None else "missing_derivative"
                yield Path(node, mistake, words)


def _constants(paths: Paths, claim: Node) -> Iterator[Path]:
    """One value or two that depend on what the gradient is by, taken for constants."""
    values = paths.between[::-1]
    few = values if len(values) <= TOGETHER else []
    for chosen in (*((v,) for v in values), *itertools.combinations(few, 2)):
        if paths.left <= 0:
            return
        node = paths.held(chosen)
        if node is None:
            continue

        def words(chosen: tuple[Node, ...] = chosen) -> str:
            names = " and ".join(n.name for n in chosen)
            by = _by(paths)
            how = ", ".join(paths.defined(n) for n in chosen)
            if len(chosen) == 1:
                what = f"{names} is taken for a constant, but it depends on {by} as well ({how})"
                rest = "the part of the gradient through it is missing."
            else:
                what = f"{names} are taken for constants, but they depend on {by} as well ({how})"
                rest = "the parts of the gradient through them are missing."
            return (
                f"{by} is used in more than one place, and its gradient is the sum over its uses. "
                f"Here {what}: {rest}"
            )

        yield Path(node, "missing_sum", words)


def _but_for_label(paths: Paths, claim: Node) -> Iterator[Path]:
    """Right for all classes but the label, or for the label only, as in a hinge of many classes."""
    truth = paths.search.truth
    if claim.shape != truth.shape:
        return
    onehots = [n for n in g.topological([truth]) if n.kind is Kind.ONEHOT and n.rank == 1]
    for onehot, axis in itertools.product(onehots, range(truth.rank)):
        if truth.shape[axis] != onehot.shape[0]:
            continue
        here = Access(onehot, (axis,))
        label = paths.pool.text(onehot.args[0])
        if _lacks(paths, claim, onehot):
            term = (
                f"A term is missing: the one that is 1 for the label {label} and 0 for every other "
                "class."
            )
            yield Path(claim, "missing_term", term.format)
            return
        ones = g.const(1, onehot.shape)
        rest = Access(g.add([(1, ones, (0,)), (-1, onehot, (0,))], onehot.shape), (axis,))
        for wrong, right, is_label in ((here, rest, True), (rest, here, False)):
            parts = [
                g.product([Access(x, axes_of(truth)), at], truth.shape)
                for x, at in ((claim, wrong), (truth, right))
            ]
            if paths.is_zero(parts[1]):
                continue
            node = g.add([(1, x, axes_of(truth)) for x in parts], truth.shape)

            def words(label: str = label, is_label: bool = is_label) -> str:
                if is_label:
                    return (
                        f"This is right for every class but the label {label} itself, on which "
                        "the loss depends in another way: there the gradient is something else."
                    )
                return (
                    f"This is right for the label {label} only; for every other class the gradient "
                    "is something else."
                )

            yield Path(node, "missing_case", words)


def _lacks(paths: Paths, claim: Node, onehot: Node) -> bool:
    """Whether a claim is the truth without the one-hot term of a sum of two, as in p − 1_c."""
    truth = paths.search.truth
    for node in g.topological([truth]):
        terms = list(zip(node.weights, node.accesses, strict=True)) if node.kind is Kind.SUM else []
        kept = [(c, *a) for c, a in terms if g.peel(a.node) is not onehot]
        if len(terms) == 2 and len(kept) == 1:
            (new,) = g.substitute([truth], {node: g.add(kept, node.shape)})
            axes = axes_of(truth)
            if paths.is_zero(g.add([(1, new, axes), (-1, claim, axes)], truth.shape)):
                return True
    return False


CANDIDATES: tuple[Callable[[Paths, Node], Iterator[Path]], ...] = (
    _others,
    _skipped,
    _but_for_label,
    _constants,
)
"""What a claim may be instead, the likeliest first."""


# --------------------------------------------------------------------------- of another shape


def of_other_shape(paths: Paths, claim: Node) -> Path | None:
    """A claim δ_v·aᵀ of a weight whose gradient is δ_u·aᵀ, or δ_v where δ_u is due."""
    found = paths.found(claim)
    if found is not None or paths.wrt is None or not paths.search.points or claim.rank != 2:
        return found
    truth = paths.search.truth
    whole = g.peel(truth)
    if whole.kind is not Kind.PRODUCT or len(whole.args) != 2 or whole.labels not in _OUTER:
        return None
    for k in (0, 1):
        if whole.labels[k] != (0,):
            continue
        due, other = whole.args[k], whole.args[1 - k]
        users = [v for v, d in paths.gradients.items() if _same(paths, d, due)]
        for value, adjoint in paths.gradients.items():
            if adjoint.rank != 1 or not users or (*adjoint.shape, *other.shape) != claim.shape:
                continue
            node = g.product([Access(adjoint, (0,)), Access(other, (1,))], claim.shape)
            if not paths._is(claim, node, False):
                continue

            def words(value: Node = value, user: Node = users[0]) -> str:
                return (
                    f"What stands there is made with {paths.of(value)}, but {paths.target.name} is "
                    f"made with {paths.of(user)}: the way from {value.name} back to {user.name} is "
                    "missing."
                )

            return Path(node, "another_gradient", words)
    return None


_OUTER = (((0,), (1,)), ((1,), (0,)))


def _same(paths: Paths, one: Node, other: Node) -> bool:
    if one.shape != other.shape:
        return False
    a, b = (paths.search.value(x, 0) for x in (one, other))
    return bool(np.allclose(a, b, rtol=AGREE, atol=0))
