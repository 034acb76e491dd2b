"""Two normal forms of one graph: one for reading, one for computing.

Both start from the laws of `identities` and `recognise`. They differ in what they do with names:

- **reading** keeps every value that the user named, puts names back where a gradient recomputes
  a named value (``1 − tanh(z)²`` reads ``1 − h²``), and names an adjoint only if it is used more
  than once: δ2 is worth a line of its own, h̄ is not.
- **computing** lets constant factors (the 1/N of a mean) float out of adjoints into the place
  where they cost nothing, and leaves names as hints for the code generator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import sympy as sp

from symgrad import graph as g
from symgrad.algebra import content, scaled
from symgrad.curvature_rules import CURVATURE
from symgrad.elementwise import expand, spelled
from symgrad.graph import Access, Kind, Node, slot
from symgrad.recognise import FORWARD
from symgrad.reverse import ADJOINT, adjoint_name
from symgrad.rewrite import Rewriter, Rule
from symgrad.transposes import one_orientation
from symgrad.vocabulary import definition


def normalise(roots: Iterable[Node]) -> list[Node]:
    """The normal form that both others start from."""
    return Rewriter(FORWARD)(roots)


# ----------------------------------------------------------------------------------- reading


def reading(
    rewriter: Rewriter,
    roots: Sequence[Node],
    forward: Sequence[Node],
    asked: Sequence[Node] = (),
    loss: Node | None = None,
) -> tuple[list[Node], dict[Node, Node]]:
    """The readable form of gradients ``roots`` of a graph with named values ``forward``.

    The adjoints of the values ``asked`` keep their names, however often they are used; the
    ``loss`` is put into its own derivative as `foldable` says. Returns
    the roots and the named adjoints that they refer to, each with its forward value (in normal
    form), in the order of the backward sweep.
    """
    forward = rewriter(forward)
    if loss is not None and _is_arithmetic(loss.args[0]):
        roots = unname(roots, [loss])
    roots = fold_names(rewriter(roots), forward, loss)
    kept = {adjoint_name(node) for node in asked}
    kept |= _layers(roots, forward)
    while True:
        roots, changed = _inline_adjoints(roots, forward, kept)
        roots = fold_names(rewriter(roots), forward, loss)
        if not changed:
            break
    return _number_adjoints(roots, forward)


def named_adjoints(roots: Sequence[Node], forward: Sequence[Node]) -> list[Node]:
    """The named values below ``roots`` that are not forward values, operands first."""
    known = set(forward)
    order = g.topological(roots, lambda node: () if node in known else node.args)
    return [node for node in order if node.kind is Kind.NAMED and node not in known]


def fold_names(
    roots: Sequence[Node], forward: Sequence[Node], loss: Node | None = None
) -> list[Node]:
    """The value of a named node → that node, wherever it is computed again; see `foldable`."""
    known = set(forward)
    names = foldable(forward, loss)
    done: dict[Node, Node] = {}
    for node in g.topological(roots, lambda node: () if node in known else node.args):
        if node in known:
            done[node] = node
        else:
            new = names.get(node) or g.rebuild(node, [done[arg] for arg in node.args])
            done[node] = names.get(new, new)
    return [done[root] for root in roots]


def foldable(forward: Sequence[Node], loss: Node | None = None) -> dict[Node, Node]:
    """The value of each named node that stands for it wherever it is computed again → that node.

    The name of the ``loss`` is put into its own derivative as the output of a function only:
    L = exp(v) has ∂L/∂v = L, and L = h² has no 1 − L for 1 − h².
    """
    return {
        node.args[0]: node
        for node in forward
        if node.args[0].kind not in (Kind.LEAF, Kind.CONST, Kind.NAMED)
        and not (node is loss and _is_arithmetic(node.args[0]))
    }


def _is_arithmetic(node: Node) -> bool:
    """Whether a value is a sum, a product or a power of values, and no function's."""
    power = node.kind is Kind.MAP and node.body.is_Pow and node.body.exp.is_Integer
    return power or node.kind in (Kind.SUM, Kind.PRODUCT)


_DEEPEST = 8
"""Adjoints that are put inside each other; a formula of more is one that nobody can read."""


def _layers(roots: Sequence[Node], forward: Sequence[Node]) -> set[str]:
    """The names that a chain too deep for one formula is cut at: those of δ = h̄ ⊙ f′(z).

    Cut wherever the limit happens to fall, every few layers would have a formula of their own.
    """
    counts = g.use_counts(roots)
    depth: dict[Node, int] = {}
    cuts: set[str] = set()
    for node in named_adjoints(roots, forward):
        value = node.args[0]
        below = g.topological([value], lambda n: () if n.kind is Kind.NAMED else n.args)
        inner = max((depth[n] for n in below if n in depth), default=0)
        depth[node] = inner + 1 if counts[node] == 1 else 0
        if value.kind is Kind.PRODUCT and len(g.label_dims(value)) == value.rank:
            cuts.add(node.name)
    return cuts if max(depth.values(), default=0) > _DEEPEST else set()


def _inline_adjoints(
    roots: Sequence[Node], forward: Sequence[Node], kept: set[str]
) -> tuple[list[Node], bool]:
    """Named adjoints that are used once, or that are no shorter to name, → their values.

    Those in ``kept`` stay; the names that would make a formula too deep are added to it.
    """
    counts = g.use_counts(roots)
    known = set(forward)
    inlined: dict[Node, Node] = {}
    depth: dict[Node, int] = {}
    for node in g.topological(roots, lambda node: () if node in known else node.args):
        depth[node] = max((depth[arg] for arg in node.args if arg in depth), default=0)
        if node.kind is not Kind.NAMED or node in known:
            depth[node] = 0 if node in known else depth[node]
            continue
        value = node.args[0]
        trivial = value.kind in (Kind.CONST, Kind.LEAF, Kind.NAMED) and value not in inlined
        once = counts[node] == 1 and node.name not in kept
        if once and not trivial and depth[node] == _DEEPEST:
            kept.add(node.name)
            once = False
        if trivial or once:
            inlined[node] = value
            depth[node] += not trivial
        else:
            depth[node] = 0
    if not inlined:
        return list(roots), False
    return unname(roots, inlined), True


def unname(roots: Sequence[Node], names: Iterable[Node]) -> list[Node]:
    """``roots`` without the named nodes ``names``, whose values take their places."""
    dropped = set(names)
    done: dict[Node, Node] = {}
    for node in g.topological(roots):
        new = g.rebuild(node, [done[arg] for arg in node.args])
        done[node] = new.args[0] if node in dropped else new
    return [done[root] for root in roots]


def strip_names(roots: Sequence[Node]) -> list[Node]:
    """``roots`` without any name."""
    return unname(roots, [n for n in g.topological(roots) if n.kind is Kind.NAMED])


def _number_adjoints(
    roots: Sequence[Node], forward: Sequence[Node]
) -> tuple[list[Node], dict[Node, Node]]:
    """δz2 → δ2 where that is unambiguous, as lectures write it; else δ_z2, and so δ_z1 and δ_z3."""
    of = {adjoint_name(node): node for node in forward}
    shown = [of[node.name] for node in named_adjoints(roots, forward)]
    numbers = Counter(_trailing_number(node.name) for node in shown)
    unclear = {_stem(node.name) for node in shown if numbers[_trailing_number(node.name)] > 1}
    names = Counter(node.name for node in shown)
    final: dict[str, str] = {}
    for node in shown:
        number = _trailing_number(node.name)
        unique = node.name if names[node.name] == 1 else f"{node.name}_{len(final)}"
        short = number and _stem(node.name) not in unclear
        final[adjoint_name(node)] = ADJOINT + number if short else f"{ADJOINT}_{unique}"

    known = set(forward)
    done: dict[Node, Node] = {}
    adjoint_of: dict[Node, Node] = {}
    for node in g.topological(roots, lambda node: () if node in known else node.args):
        if node in known:
            done[node] = node
            continue
        new = g.rebuild(node, [done[arg] for arg in node.args])
        if node.kind is Kind.NAMED:
            new = g.named(final[node.name], new.args[0])
            adjoint_of[new] = of[node.name]
        done[node] = new
    return [done[root] for root in roots], adjoint_of


def _trailing_number(name: str) -> str:
    return name[len(_stem(name)) :]


def _stem(name: str) -> str:
    return name.rstrip("0123456789")


# ---------------------------------------------------------------------------------- computing


def weight_out_of_name(node: Node) -> Node | None:
    """δ := c·a → c·δ with δ := a, for adjoints."""
    value = node.args[0]
    if not node.name.startswith(ADJOINT) or value.kind is not Kind.SUM or not value.args:
        return None
    c = content(value.weights)
    if c == 1:
        return None
    terms = zip(value.weights, value.args, value.labels, strict=True)
    inner = g.add([(w / c, n, x) for w, n, x in terms], value.shape)
    return scaled(c, g.named(node.name, inner))


def defined_map(node: Node) -> Node | None:
    """f(a) → its value, for a function of the user's that says what it is."""
    value = definition(node.body) if isinstance(node.body, sp.Function) else None
    if value is None:
        return None
    operands: dict[sp.Basic, Access] = {slot(k): a for k, a in enumerate(node.accesses)}
    return expand(spelled(value), operands.get, node.shape)


COMPUTING: tuple[Rule, ...] = (
    Rule("definition", "f(a) → its value", Kind.MAP, defined_map),
    *FORWARD,
    *CURVATURE,
    Rule("weight out of adjoint", "δ := c·a → c·(δ := a)", Kind.NAMED, weight_out_of_name),
)
"""The laws of the computing form."""


def computing(roots: Iterable[Node], rewriter: Rewriter | None = None) -> list[Node]:
    """The form that is cheap to compute, with names left in place as hints.

    A ``rewriter`` of the laws `COMPUTING` remembers what it has seen in other graphs.
    """
    rewriter = rewriter or Rewriter(COMPUTING)
    normal = rewriter(roots)
    turned = one_orientation(normal)
    return normal if turned == normal else one_orientation(rewriter(turned))
