"""A corpus of claims, made by machine: right ones in many writings, and each mistake in them.

Every gradient of `SOURCES` is written as symgrad prints it (by matrix and by index, with adjoints
named and in declared values), multiplied out, and with factors in another order, each as text and
as LaTeX. `mutants` makes wrong claims of a right one, each labelled with the mistake. What a label
may be is judged by the numbers alone (`claim_trees.Point`): mutations that give the same values
are one mistake with several names, and what keeps the value is no mistake.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import sympy as sp
from claim_models import FACTS, MODELS
from claim_trees import (
    AT,
    TIMES,
    Point,
    Unfit,
    Unknown,
    chain,
    juxtaposed,
    latex,
    left_latex,
    linked,
    name,
    names_in,
    number,
    paren,
    places,
    text,
)
from interpreter import interpret
from lecture_networks import SYSTEMS
from networks import NETWORKS
from oracle import Net, point

import symgrad as sg
import symgrad.language.syntax as s
from symgrad import graph as g
from symgrad.errors import SymgradError
from symgrad.language.parser import parse_expression
from symgrad.language.source import Source as Text
from symgrad.lift import lift
from symgrad.verify.names import Truth

MISTAKES = (
    "sign", "factor", "transpose", "order", "shape", "missing_term", "extra_term",
    "missing_derivative", "derivative_of_wrong_argument", "sum_for_mean", "missing_sum",
    "wrong_product", "wrong_branch", "missing_fact", "index",
)  # fmt: skip
"""Those of the issue."""


# ------------------------------------------------------------------------------------- sources


class Slope(NamedTuple):
    """An activation of the forward pass: names of value and argument, and its derivative there."""

    value: str
    argument: str
    derivative: Any


@dataclass
class Source:
    """A loss with numbers for everything that has a name in it."""

    title: str
    truth: Truth
    wrt: Sequence[Any]
    net: Net
    seeds: tuple[int, int] = (0, 1)
    known: dict[Any, Any] = field(default_factory=dict)

    @cached_property
    def points(self) -> list[Point]:
        """Values of leaves, named values and adjoints, at two points."""
        return [self.point_at(self.drawn(seed)) for seed in self.seeds]

    @cached_property
    def more(self) -> list[tuple[Point, dict[str, Any]]]:
        """Further points, for claims that agree at the first by accident of a sign."""
        drawn = [self.drawn(seed) for seed in range(2, 14)]
        return [(self.point_at(env), env) for env in drawn]

    def drawn(self, seed: int) -> dict[str, Any]:
        """Values of the leaves."""
        return point(list(self.truth.leaves.values()), self.net, seed, -0.9, 1.4)

    @cached_property
    def with_facts(self) -> list[tuple[Point, dict[str, Any]]]:
        """Points at which one leaf is symmetric, sums to one, or has the norm one."""
        found = []
        for leaf in self.truth.leaves:
            for made in FITTED:
                env = self.drawn(self.seeds[0])
                new = made(env[leaf])
                if new is not None:
                    env[leaf] = new
                    found.append((self.point_at(env), env))
        return found

    def point_at(self, env: Mapping[str, Any]) -> Point:
        """All values by name, of some values of the leaves."""
        named: dict[str, Any] = {**self.truth.leaves, **self.truth.forward}
        roots = {key: lift(x) for key, x in named.items()}
        for adjoint in self.truth.adjoints:
            target = self.truth.target(adjoint)
            assert target is not None
            roots[adjoint] = target.node
        values: dict[str, Any] = {str(n): self.net.size(n) for n in self.truth.dims.values()}
        for key, node in roots.items():
            (value,) = interpret([node], self.net, env)
            values[key] = column(value)
            if node.kind is g.Kind.LEAF and node.leaf.classes is not None:
                at = int(values[key])
                values[key] = at
                values[f"1_{key}"] = np.eye(self.net.size(node.leaf.classes))[:, [at]]
        return Point(values)

    def true(self, target: Any, k: int) -> Any:
        """The true value at a point."""
        (value,) = interpret([target.node], self.net, self.drawn(self.seeds[k]))
        return column(value)

    @cached_property
    def slopes(self) -> list[Slope]:
        """Pairs of values, one an activation of the other, by their numbers alone."""
        found = []
        values = self.points[0].values
        for v, u in itertools.permutations(self.truth.forward, 2):
            a, b = values[v], values[u]
            if np.shape(a) != np.shape(b):
                continue
            for f, slope in ACTIVATIONS:
                if np.allclose(f(b), a):
                    found.append(Slope(v, u, slope))
        return found


def column(value: np.ndarray) -> Any:
    """A value of the graph as NumPy has it on paper: a vector is a column."""
    value = np.asarray(value, dtype=float)
    if value.ndim == 0:
        return float(value)
    return value[:, None] if value.ndim == 1 else value


def _fitted(fits: Callable[[Any], bool], make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: make(x) if isinstance(x, np.ndarray) and fits(np.shape(x)) else None


FITTED = (
    _fitted(lambda n: len(n) == 2 and n[0] == n[1], lambda a: a + a.T),
    _fitted(lambda n: len(n) == 1 or n[-1] == 1, lambda a: a / a.sum()),
    _fitted(lambda n: len(n) == 1 or n[-1] == 1, lambda a: a / np.linalg.norm(a)),
)
"""Facts that people take for granted: an array → one that has the fact."""


def _sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


ACTIVATIONS: tuple[tuple[Callable[[Any], Any], Callable[[Any], Any]], ...] = (
    (_sigmoid, lambda z: _sigmoid(z) * (1 - _sigmoid(z))),
    (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    (lambda z: np.maximum(z, 0), lambda z: np.asarray(z > 0, dtype=float)),
    (lambda z: np.logaddexp(z, 0), _sigmoid),
    (lambda z: np.where(np.asarray(z) > 0, z, np.exp(z) - 1),
     lambda z: np.where(np.asarray(z) > 0, 1, np.exp(z))),
    (lambda z: z * _sigmoid(z), lambda z: _sigmoid(z) + z * _sigmoid(z) * (1 - _sigmoid(z))),
    (np.sin, np.cos),
    (lambda z: np.asarray(z) ** 2, lambda z: 2 * np.asarray(z)),
    (lambda z: np.asarray(z) ** 3, lambda z: 3 * np.asarray(z) ** 2),
)  # fmt: skip
"""Functions and their derivatives, in NumPy."""


def of_network(title: str, make: Callable[[], Any]) -> Source:
    made = make()
    truth = Truth(made.loss, made.wrt)
    return Source(title, truth, made.wrt, made.net)


def of_text(title: str, model: str) -> Source:
    made = sg.parse(model)
    truth = Truth(made)
    dims = {n: k for n, k in zip(truth.dims.values(), (3, 4, 2, 5, 6), strict=False)}
    return Source(title, truth, list(made.params), Net(dims=dims))


SOURCES: dict[str, Callable[[], Source]] = {
    **{
        key: (lambda key=key, make=make: of_network(key, make))
        for key, make in {**SYSTEMS, **NETWORKS}.items()
        if key not in ("unnamed classifier", "attention")
    },
    **{key: (lambda key=key, model=model: of_text(key, model)) for key, model in MODELS.items()},
}  # fmt: skip
"""Losses by name. (The unnamed classifier has no names to make mistakes
with, and the sums over four indices of attention take this corpus minutes.)"""


# --------------------------------------------------------------------------------------- claims


@dataclass(frozen=True)
class Claim:
    """A claim: where it is from, how it is written, and which mistakes it may be said to have."""

    source: Source
    left: str
    tree: s.Expr
    writing: str
    labels: frozenset[str] = frozenset()
    made: tuple[str, ...] = ()
    """The mutations that were made."""

    @property
    def indices(self) -> tuple[str, ...]:
        _, _, inside = self.left.partition("[")
        return tuple(x.strip() for x in inside.rstrip("]").split(",")) if inside else ()

    @property
    def text(self) -> str:
        if self.writing.endswith("LaTeX"):
            return f"{left_latex(self.left)} = {latex(self.tree)}"
        return f"{self.left} = {text(self.tree)}"

    @property
    def target(self) -> Any:
        found = self.source.truth.target(self.left.partition("[")[0])
        assert found is not None
        return found

    def values(self, at: Sequence[Point] = ()) -> tuple[Any, ...] | None:
        """What it is worth at the points; None where its shapes do not fit."""
        points = at or self.source.points
        shape = np.shape(self.true[0])
        shape = tuple(n for n in shape if n != 1) if self.indices else shape
        try:
            found = tuple(
                np.reshape(p.of(self.tree, self.indices, shape), np.shape(true))
                if self.indices
                else p.of(self.tree)
                for p, true in zip(points, self.true, strict=False)
            )
        except Unfit:
            return None
        except (KeyError, OverflowError, ZeroDivisionError) as error:
            raise Unknown from error
        return found if all(np.isfinite(x).all() for x in found) else None

    @cached_property
    def true(self) -> tuple[Any, ...]:
        key = self.left.partition("[")[0]
        if key not in self.source.known:
            found = tuple(self.source.true(self.target, k) for k in range(2))
            self.source.known[key] = found
        return self.source.known[key]

    def right(self) -> bool:
        """Whether it has the true value at every point that is tried."""
        found = self.values()
        if found is None or not same(found, self.true):
            return False
        return all(self._right_at(k, *more) for k, more in enumerate(self.source.more))

    def _right_at(self, k: int, at: Point, env: Mapping[str, Any]) -> bool:
        key = (self.left.partition("[")[0], "more", k)
        if key not in self.source.known:
            (true,) = interpret([self.target.node], self.source.net, env)
            self.source.known[key] = column(true)
        values = self.values([at])
        return values is not None and same(values, [self.source.known[key]])


def same(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Whether values are equal."""
    return all(
        np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-7, atol=1e-10)
        for a, b in zip(one, other, strict=True)
    )


def parsed(of: str) -> s.Expr:
    return parse_expression(Text.of(of))


def right_claims(source: Source) -> list[Claim]:
    """Every gradient in every writing, those that could not be read back left out."""
    truth, found = source.truth, dict[tuple[str, str], Claim]()

    def add(left: str, right: str | s.Expr, writing: str) -> None:
        try:
            tree = parsed(right) if isinstance(right, str) else right
            claim = Claim(source, left, tree, writing)
            if not claim.right():
                return
            found.setdefault((left, text(tree)), claim)
        except (Unknown, SymgradError):
            return

    for form in ("matrix", "index"):
        for step in truth.derivation.lines(form):
            if step.phase == "backward":
                sides = step.text.split(" = ")
                add(next(x for x in sides if x.startswith("∂")), sides[-1], f"{form}, δ")
    for x in source.wrt:
        target = truth.gradient(x)
        add(target.name, sg.formula(truth.written(target)), "matrix, values")
        letters = [sp.Symbol(c, integer=True) for c in "jk"[: target.node.rank]]
        if letters and target.node.rank <= 2:
            entry = truth.written(target, letters)
            shown = f"{target.name}[{', '.join(map(str, letters))}]"
            add(shown, sg.formula(entry), "index, values")
    for claim in list(found.values()):
        add(claim.left, expanded(claim.tree), f"{claim.writing}, expanded")
        add(claim.left, commuted(claim.tree), f"{claim.writing}, commuted")
    return list(found.values())


def in_latex(claim: Claim) -> Claim | None:
    """The same claim in LaTeX; None where that cannot be typed."""
    found = replace(claim, writing=f"{claim.writing}, LaTeX", tree=juxtaposed(claim.tree))
    try:
        return found if found.text and found.right() else None
    except Unknown:
        return None


def expanded(tree: s.Expr) -> s.Expr:
    """The first product of a sum multiplied out: (a − b)·c as a·c − b·c."""
    for node, back in places(tree):
        if not isinstance(node, s.Chain) or any(x.operator == "/" for x in node.links):
            continue
        for k, link in enumerate(node.links):
            inner = link.item
            if not isinstance(inner, s.Arguments) or not isinstance(inner.positional[0], s.Terms):
                continue
            if k and isinstance(node.links[k - 1].item, s.Name) and link.operator == "":
                continue  # the argument of a function
            terms = tuple(
                (sign * link.sign, _with_factor(node, k, term))
                for sign, term in inner.positional[0].terms
            )
            whole = s.Terms(AT, node.height + 1, terms)
            return back(whole if node is tree else paren(whole))
    return tree


def _with_factor(node: s.Chain, k: int, factor: s.Expr) -> s.Expr:
    """A product with another k-th factor; a factor 1 is not written."""
    rest = (*node.links[:k], *node.links[k + 1 :])
    if isinstance(factor, s.Number) and factor.text == "1" and rest:
        return linked(node, rest)
    new = replace(node.links[k], item=paren(factor), sign=1)
    return replace(node, links=(*node.links[:k], new, *node.links[k + 1 :]))


def commuted(tree: s.Expr) -> s.Expr:
    """Sums and products by entries in the other order."""
    for node, back in places(tree):
        loose = isinstance(node, s.Chain) and all(x.operator == "⊙" for x in node.links[1:])
        if loose and len(node.links) > 1:
            links = [replace(x, operator="⊙") for x in node.links[::-1]]
            return back(linked(node, links))
        if isinstance(node, s.Terms) and len(node.terms) > 1 and node.terms[-1][0] > 0:
            return back(replace(node, terms=node.terms[::-1]))
    return tree


def _function(node: s.Chain, k: int) -> bool:
    """Whether a link is a function of the one behind it, or its argument."""
    links = node.links
    behind = k + 1 < len(links) and isinstance(links[k].item, s.Name)
    applied = behind and links[k + 1].operator == "" and isinstance(links[k + 1].item, s.Arguments)
    argument = k > 0 and links[k].operator == "" and isinstance(links[k].item, s.Arguments)
    return applied or (argument and isinstance(links[k - 1].item, s.Name))


# ------------------------------------------------------------------------------------- mutations

Mutated = Iterator[tuple[s.Expr, str]]
"""A tree with a mistake, and other names that the mistake may go by."""

Mutator = Callable[[s.Expr, Claim], Mutated]


def _sign(tree: s.Expr, claim: Claim) -> Mutated:
    yield (
        s.Terms(AT, tree.height + 1, ((-1, tree if isinstance(tree, s.Chain) else paren(tree)),)),
        "",
    )
    for node, back in places(tree):
        if isinstance(node, s.Terms) and len(node.terms) > 1:
            for k, (sign, term) in enumerate(node.terms):
                terms = (*node.terms[:k], (-sign, term), *node.terms[k + 1 :])
                yield back(replace(node, terms=terms)), ""


def _factor(tree: s.Expr, claim: Claim) -> Mutated:
    sizes = [d for d in claim.source.truth.dims][:1]
    for n in ("2", "0.5", *sizes):
        factor = name(n) if n in sizes else number(n)
        yield chain(factor, tree), "sum_for_mean" if n == "N" else ""
    for node, back in places(tree):
        if isinstance(node, s.Terms) and len(node.terms) > 1:
            for k, (sign, term) in enumerate(node.terms):
                doubled = chain(number("2"), term)
                yield back(replace(node, terms=(*node.terms[:k], (sign, doubled),
                                                *node.terms[k + 1 :]))), ""  # fmt: skip
        if isinstance(node, s.Chain):
            for k, link in enumerate(node.links):
                constant = isinstance(link.item, s.Number)
                if constant and len(node.links) > 1 and (k or node.links[1].operator != "/"):
                    yield back(linked(node, (*node.links[:k], *node.links[k + 1 :]))), ""


def _shape_of(tree: s.Expr, claim: Claim) -> tuple[int, ...] | None:
    try:
        return np.shape(claim.source.points[0].of(tree))
    except (Unfit, Unknown, AttributeError, IndexError, ValueError):
        return None


def _transpose(tree: s.Expr, claim: Claim) -> Mutated:
    for node, back in places(tree):
        if isinstance(node, s.Item) and isinstance(node.suffixes[-1], s.Transposition):
            rest = node.suffixes[:-1]
            yield back(replace(node, suffixes=rest) if rest else node.base), ""
        if (
            isinstance(node, s.Name)
            and not claim.indices
            and min(_shape_of(node, claim) or (1,)) > 1
        ):
            yield back(s.Item(AT, 2, node, (s.Transposition(AT, 1),))), ""
    if isinstance(tree, s.Chain) and len(_shape_of(tree, claim) or ()) == 2:
        yield s.Item(AT, tree.height + 1, paren(tree), (s.Transposition(AT, 1),)), "order"


def _order(tree: s.Expr, claim: Claim) -> Mutated:
    for node, back in places(tree):
        if not isinstance(node, s.Chain):
            continue
        for k in range(len(node.links) - 1):
            a, b = node.links[k], node.links[k + 1]
            shapes = [_shape_of(x.item, claim) for x in (a, b)]
            if b.operator in TIMES and all(shapes) and not _function(node, k):
                links = (*node.links[:k], replace(b, operator=a.operator),
                         replace(a, operator=b.operator), *node.links[k + 2 :])  # fmt: skip
                yield back(linked(node, links)), "transpose"


def _shape(tree: s.Expr, claim: Claim) -> Mutated:
    """A vector in the place of one of another size."""
    truth = claim.source.truth
    vectors = {
        x: shape
        for x in (*truth.forward, *truth.leaves)
        if len(shape := np.shape(claim.source.points[0].values.get(x, 0.0))) == 2
    }
    for node, back in places(tree):
        if isinstance(node, s.Name) and node.name in vectors:
            other = next((x for x, n in vectors.items() if n != vectors[node.name]
                          and min(n) == min(vectors[node.name])), None)  # fmt: skip
            if other is not None:
                yield back(name(other)), "wrong_value"


def _missing_term(tree: s.Expr, claim: Claim) -> Mutated:
    shared = "missing_sum" if _is_shared(claim) else ""
    for node, back in places(tree):
        if isinstance(node, s.Terms) and len(node.terms) > 1:
            for k in range(len(node.terms)):
                rest = (*node.terms[:k], *node.terms[k + 1 :])
                bare = rest[0][1] if len(rest) == 1 and rest[0][0] > 0 else None
                yield back(bare if bare is not None else replace(node, terms=rest)), shared


def _is_shared(claim: Claim) -> bool:
    """Whether what the gradient is by is used in the making of several named values."""
    symbol, source = claim.target.symbol, claim.source
    if symbol is None:
        return False
    leaf, users = lift(symbol), 0
    for named in source.truth.forward.values():
        node = lift(named)
        below = g.topological(
            node.args, lambda n: () if n.kind is g.Kind.NAMED or n is leaf else n.args
        )
        users += leaf in below and node is not leaf
    return users > 1


def _extra_term(tree: s.Expr, claim: Claim) -> Mutated:
    truth, values = claim.source.truth, claim.source.points[0].values
    if claim.indices:
        for node, back in places(tree):
            if isinstance(node, s.Item) and isinstance(node.suffixes[0], s.Positions):
                for other in (*truth.forward, *truth.leaves):
                    own = node.base.name if isinstance(node.base, s.Name) else ""
                    if other != own and np.shape(values[other]) == np.shape(values.get(own, 0.0)):
                        more = replace(node, base=name(other))
                        yield back(paren(s.Terms(AT, 5, ((1, node), (1, more))))), ""
                        break
        return
    for node, back in places(tree):
        plain = node if isinstance(node, s.Terms) else None
        if node is not tree and plain is None:
            continue
        shape = _shape_of(node, claim)
        for other in (*truth.leaves, *truth.forward):
            if np.shape(values.get(other, 0)) == shape and other not in names_in(node):
                terms = plain.terms if plain is not None else ((1, node),)
                yield back(s.Terms(AT, node.height + 1, (*terms, (1, name(other))))), ""
                break


def _slope_links(node: s.Chain, claim: Claim) -> Iterator[tuple[tuple[int, ...], Slope]]:
    """Links of a chain that are together the derivative of an activation, by their numbers."""
    point_, source = claim.source.points[0], claim.source
    letters = sorted(
        {p.name for x, _ in places(node) if isinstance(x, s.Positions)
         for p in x.positions if isinstance(p, s.Name)}
    )  # fmt: skip
    for count in (1, 2, 3):
        for first in range(len(node.links) - count + 1):
            chosen = node.links[first : first + count]
            if any(x.operator == "/" for x in chosen) or (count > 1 and any(
                x.operator in TIMES and np.ndim(_value(x.item, point_, letters)) for x in chosen[1:]
            )):  # fmt: skip
                continue
            part = linked(node, chosen)
            for slope in source.slopes:
                due = np.asarray(slope.derivative(np.asarray(point_.values[slope.argument])))
                for k in range(2):
                    value = _value(part, point_, letters, k)
                    if value is None:
                        break
                    if letters and due.ndim:
                        fits = np.ndim(value) == 0 and np.isclose(value, due.reshape(-1)[k])
                    else:
                        fits = np.shape(value) == due.shape and np.allclose(value, due)
                    if not fits:
                        break
                else:
                    yield tuple(range(first, first + count)), slope


def _value(tree: s.Expr, at: Point, letters: Sequence[str], k: int = 0) -> Any:
    try:
        return at._of(tree, dict.fromkeys(letters, k))
    except (Unfit, Unknown, AttributeError, IndexError):
        return None


def _missing_derivative(tree: s.Expr, claim: Claim) -> Mutated:
    for node, back in places(tree):
        if isinstance(node, s.Chain):
            for chosen, _ in _slope_links(node, claim):
                rest = [x for k, x in enumerate(node.links) if k not in chosen]
                if rest:
                    yield back(linked(node, rest)), ""


def _wrong_argument(tree: s.Expr, claim: Claim) -> Mutated:
    for node, back in places(tree):
        if not isinstance(node, s.Chain):
            continue
        for chosen, slope in _slope_links(node, claim):
            part = linked(node, [node.links[k] for k in chosen])
            own = {slope.value: slope.argument, slope.argument: slope.value}
            turned = _renamed(part, own)
            if turned != part:
                links = list(node.links)
                if len(chosen) == 1:
                    links[chosen[0]] = replace(links[chosen[0]], item=turned)
                else:
                    assert isinstance(turned, s.Chain)
                    for k, link in zip(chosen, turned.links, strict=True):
                        links[k] = replace(links[k], item=link.item)
                yield back(linked(node, links)), ""


def _renamed(tree: Any, names: Mapping[str, str]) -> Any:
    """A tree with other names, all put in at once."""
    if isinstance(tree, s.Name):
        return name(names.get(tree.name, tree.name))
    if isinstance(tree, tuple):
        return tuple(_renamed(x, names) for x in tree)
    if isinstance(tree, s.Node | s.Link):
        own = {x.name: _renamed(getattr(tree, x.name), names) for x in fields(tree)}
        return replace(tree, **own)
    return tree


def _wrong_product(tree: s.Expr, claim: Claim) -> Mutated:
    for node, back in places(tree):
        if not isinstance(node, s.Chain):
            continue
        for k in range(1, len(node.links)):
            link = node.links[k]
            shapes = [_shape_of(node.links[n].item, claim) for n in (k - 1, k)]
            if not all(shapes) or _function(node, k):
                continue
            new = {"⊙": "·"}.get(link.operator, "⊙" if link.operator in TIMES else None)
            if new is not None:
                links = (*node.links[:k], replace(link, operator=new), *node.links[k + 1 :])
                yield back(replace(node, links=links)), ""


def _wrong_branch(tree: s.Expr, claim: Claim) -> Mutated:
    turned = {">": "<", "<": ">", "≥": "≤", "≤": "≥"}
    for node, back in places(tree):
        if isinstance(node, s.Relation) and node.operator in turned:
            yield back(replace(node, operator=turned[node.operator])), ""


def _index(tree: s.Expr, claim: Claim) -> Mutated:
    letters = [
        p.name for x, _ in places(tree) if isinstance(x, s.Positions)
        for p in x.positions if isinstance(p, s.Name)
    ]  # fmt: skip
    scope = list(dict.fromkeys([*claim.indices, *letters]))
    for node, back in places(tree):
        if isinstance(node, s.Positions):
            if len(node.positions) == 2:
                yield back(replace(node, positions=node.positions[::-1])), "transpose"
            for k, p in enumerate(node.positions):
                for other in scope:
                    if isinstance(p, s.Name) and other != p.name:
                        new = (*node.positions[:k], name(other), *node.positions[k + 1 :])
                        yield back(replace(node, positions=new)), ""


def _missing_sum(tree: s.Expr, claim: Claim) -> Mutated:
    for node, back in places(tree):
        if isinstance(node, s.BigSum):
            yield back(paren(node.body)), "index"
        if isinstance(node, s.Chain):
            for k in range(len(node.links) - 1):
                item = node.links[k].item
                if isinstance(item, s.Name) and item.name == "sum":
                    yield back(linked(node, (*node.links[:k], *node.links[k + 1 :]))), "shape"
    if _is_shared(claim) and isinstance(tree, s.Terms):
        for k in range(len(tree.terms)):
            rest = (*tree.terms[:k], *tree.terms[k + 1 :])
            if rest:
                yield replace(tree, terms=rest), "missing_term"


def _sum_for_mean(tree: s.Expr, claim: Claim) -> Mutated:
    if "N" not in claim.source.truth.dims:
        return
    for node, back in places(tree):
        if isinstance(node, s.Chain):
            for k, link in enumerate(node.links):
                if isinstance(link.item, s.Name) and link.item.name == "N":
                    rest = (*node.links[:k], *node.links[k + 1 :])
                    yield back(linked(node, rest)), "factor"


MUTATORS: dict[str, Mutator] = {
    "sign": _sign,
    "factor": _factor,
    "transpose": _transpose,
    "order": _order,
    "shape": _shape,
    "missing_term": _missing_term,
    "extra_term": _extra_term,
    "missing_derivative": _missing_derivative,
    "derivative_of_wrong_argument": _wrong_argument,
    "sum_for_mean": _sum_for_mean,
    "missing_sum": _missing_sum,
    "wrong_product": _wrong_product,
    "wrong_branch": _wrong_branch,
    "index": _index,
}
"""The mistakes that can be made in any claim; for `missing_fact` see `with_missing_facts`."""


def mutants(claim: Claim) -> tuple[list[Claim], list[Claim]]:
    """Wrong claims, each with the names of its mistake, and those mutations that stay right."""
    found: dict[str, tuple[s.Expr, set[str], str]] = {}
    for mistake, mutate in MUTATORS.items():
        for tree, also in mutate(claim.tree, claim):
            written = text(tree)
            if written != text(claim.tree):
                _, names, _ = found.setdefault(written, (tree, set(), mistake))
                names |= {mistake, also} - {""}
    inside = _in_slopes(claim)
    wrong: list[Claim] = []
    right: list[Claim] = []
    for written, (tree, names, mistake) in found.items():
        if written in inside:
            names.add("wrong_derivative")
        new = replace(claim, tree=tree, labels=frozenset(names), made=(mistake,))
        try:
            is_right = new.right()
        except Unknown:
            continue
        if is_right:
            right.append(replace(new, labels=frozenset()))
        else:
            wrong.append(new)
    return wrong, right


def _in_slopes(claim: Claim) -> set[str]:
    """The mutations of what is the derivative of an activation: it is then a wrong derivative."""
    found = set()
    for node, back in places(claim.tree):
        if not isinstance(node, s.Chain):
            continue
        for chosen, _ in _slope_links(node, claim):
            part = linked(node, [node.links[k] for k in chosen])
            for mutate in MUTATORS.values():
                for tree, _ in mutate(part, claim):
                    found.add(text(back(_with_part(node, chosen, tree))))
    return found


def _with_part(node: s.Chain, chosen: Sequence[int], part: s.Expr) -> s.Expr:
    """A chain with other links in the place of those chosen."""
    links = list(node.links)
    first = links[chosen[0]]
    if isinstance(part, s.Chain) and len(chosen) > 1:
        new = [replace(part.links[0], operator=first.operator), *part.links[1:]]
    else:
        new = [replace(first, item=paren(part), sign=1)]
    links[chosen[0] : chosen[-1] + 1] = new
    return linked(node, links)


def widened(wrong: Sequence[Claim]) -> list[Claim]:
    """Claims of one value have one mistake, by all of its names, however they came about."""
    known: dict[Any, set[str]] = {}
    keys = []
    for k, claim in enumerate(wrong):
        values = claim.values()
        key: Any = k
        if values is not None:
            flat = np.concatenate([np.ravel(x) for x in values])
            scale = np.abs(flat).max(initial=1e-9)
            key = (claim.left.partition("[")[0], np.shape(values[0]),
                   tuple(np.round(flat / scale, 7) + 0.0), f"{scale:.6e}")  # fmt: skip
        keys.append(key)
        known.setdefault(key, set()).update(claim.labels)
    return [
        replace(c, labels=frozenset(known[k] | of_facts(c)))
        for c, k in zip(wrong, keys, strict=True)
    ]


def of_facts(claim: Claim) -> set[str]:
    """``missing_fact``, where a claim is right once a leaf has a fact that it has not."""
    for k, (points, env) in enumerate(claim.source.with_facts):
        key = (claim.left.partition("[")[0], k)
        if key not in claim.source.known:
            (true,) = interpret([claim.target.node], claim.source.net, env)
            claim.source.known[key] = column(true)
        try:
            values = claim.values([points])
        except Unknown:
            continue
        if values is not None and same(values, [claim.source.known[key]]):
            return {"missing_fact"}
    return set()


def doubles(claim: Claim, rng: np.random.Generator, most: int) -> list[Claim]:
    """Claims with two mistakes of different kinds, that no single one explains."""
    single, _ = mutants(claim)
    single = [x for x in single if x.values() is not None]
    values = [x.values() for x in single]
    found: list[Claim] = []
    for _ in range(6 * most):
        if len(found) == most or not single:
            break
        first = single[int(rng.integers(len(single)))]
        try:
            second, _ = mutants(first)
        except (Unfit, Unknown):
            continue
        second = [x for x in second if x.made[0] not in first.made]
        if not second:
            continue
        chosen = second[int(rng.integers(len(second)))]
        own = chosen.values()
        if own is None and first.values() is not None and rng.integers(3):
            continue
        if own is not None and any(x is not None and same(own, x) for x in [claim.true, *values]):
            continue
        labels = first.labels | chosen.labels
        found.append(replace(chosen, labels=labels, made=(*first.made, *chosen.made)))
    return found


def with_missing_facts() -> list[Claim]:
    """What is right of a model with a fact, claimed of the same model without it."""
    found = []
    for title, (fact, model) in FACTS.items():
        assumed, source = of_text(title, model), of_text(title, model.replace(fact, ""))
        own = []
        for claim in right_claims(assumed):
            if set(names_in(claim.tree)) & set(assumed.truth.adjoints):
                continue
            new = replace(claim, source=source, labels=frozenset({"missing_fact"}),
                          made=("missing_fact",))  # fmt: skip
            if not new.right():
                own.append(new)
        others = [x for claim in right_claims(source) for x in mutants(claim)[0]]
        found += widened([*own, *others])[: len(own)]
    return found
