r"""Every line that symgrad prints as LaTeX is read back, and means the same.

The line's own expression and the one that is read are lifted and, where they are not one graph
already, interpreted at one point.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import renderings
import sympy as sp
from interpreter import interpret
from lecture_networks import SYSTEMS
from networks import NETWORKS
from oracle import Net

import symgrad as sg
import symgrad.language.arithmetic as a
import symgrad.language.syntax as s
from symgrad import graph as g
from symgrad.graph import Kind
from symgrad.index_space import extents
from symgrad.language.scope import Scope
from symgrad.language.source import Source
from symgrad.language.tex.read import parse_tex, tex_lines, tex_sides
from symgrad.language.tex.rules import TEX_RULES
from symgrad.lift import lift, lift_array
from symgrad.show.latex_form import latex
from symgrad.show.steps import Step

NOTATIONS = ("delta", "bar", "partial", "nabla")
STYLES: dict[str, dict[str, Any]] = {
    **{f"matrix, {x}": {"form": "matrix", "notation": x} for x in NOTATIONS},
    **{f"index, {x}": {"form": "index", "notation": x} for x in NOTATIONS},
    "numerator": {"layout": "numerator"},
    "full": {"level": "full", "fold": False},
    "full, index": {"form": "index", "level": "full", "fold": False},
}


def derivation(declare: Callable[[], Any]) -> Callable[[], sg.Derivation]:
    def made() -> sg.Derivation:
        network = declare()
        return sg.gradient(network.loss, network.wrt)

    return made


APART = ("hostile names", "design", "D4")
"""Names that LaTeX cannot have, and two that are among the networks."""

DERIVATIONS: dict[str, Callable[[], sg.Derivation]] = {
    **{name: derivation(make) for name, make in {**NETWORKS, **SYSTEMS}.items()},
    **{name: make for name, make in renderings.DERIVATIONS.items() if name not in APART},
}


IN_FULL = ("classifier", "D4 by matrix")
LONG = ("long lines", "stacked", "unnamed classifier")
"""Whose other forms take seconds and have nothing new in them."""


def plain(name: str) -> str:
    """The name without entries, ∇_z L as ∂L/∂z, which is how it is read."""
    name = re.sub(r"\[[^\]]*\]", "", name)
    value, _, loss = name.removeprefix("∇_").rpartition(" ")
    return f"∂{loss}/∂{value}" if name.startswith("∇_") else name


def shapes_of(d: sg.Derivation, notations: Sequence[str] = NOTATIONS) -> dict[str, tuple[Any, ...]]:
    """The shape of every name in the lines, as an array of entries has it."""
    nodes = [x for x in g.topological([d.loss, *d.roots]) if x.kind in (Kind.LEAF, Kind.NAMED)]
    found = {x.name: tuple(x.shape) for x in nodes}
    for notation in notations:
        for step in d.lines("matrix", notation):
            found |= {plain(x): tuple(n for n in step.shape if n != 1) for x in step.names}
    return found


def inside(expr: Any) -> Iterator[Any]:
    """The nodes of an expression, and those of the operands of opaque calls."""
    for x in sp.preorder_traversal(expr):
        yield x
        for operand in getattr(x, "operands", ()):
            if isinstance(operand, sp.Basic):
                yield from inside(operand)


def names_in(expr: Any, indices: list[sp.Symbol]) -> dict[str, Any]:
    """What the names of an expression stand for, its indices left out."""
    nodes = list(inside(expr))
    bound = {str(x[0]) for e in nodes if isinstance(e, sp.Sum) for x in e.limits}
    bound |= {x.name for x in indices}
    kinds = (sp.MatrixSymbol, sp.Symbol)
    found = {x.name: x for x in nodes if isinstance(x, kinds) and not isinstance(x, sp.Dummy)}
    found |= {str(x.label): x for x in nodes if isinstance(x, sp.IndexedBase)}
    return {plain(name): x for name, x in found.items() if name not in bound}


def agree(step: Step, shapes: dict[str, tuple[Any, ...]]) -> None:
    """The line's expression and what its LaTeX says are one graph, or one value."""
    expr, indices = step.expr, []
    if isinstance(expr, sp.Lambda):
        indices, expr = list(expr.variables), expr.expr
    bases = expr.atoms(sp.IndexedBase)
    shaped = {x: sp.IndexedBase(x.label, shape=shapes[plain(str(x.label))]) for x in bases}
    expr = expr.xreplace({x: y for x, y in shaped.items() if x.shape is None})
    names, text = names_in(expr, indices), latex(step.expr)
    source = Source.of(text)
    scope = Scope(source, names, TEX_RULES).with_indices(indices)
    found = scope.build(parse_tex(source, names, first=0))
    if indices:
        sizes = extents(expr, indices)
        ranges = [(x, 0, sizes[x] - 1) for x in indices]
        one, other = (lift_array(x, ranges)[0] for x in (expr, a.scalar_of(found)))
    else:
        one, other = lift(expr), lift(found)
    if one is not other:
        np.testing.assert_allclose(*map(np.squeeze, values(one, other)), rtol=1e-9, err_msg=text)


def values(*nodes: g.Node) -> list[np.ndarray]:
    found = g.leaves(nodes)
    symbols = {y for x in g.topological(nodes) for n in x.shape for y in sp.sympify(n).free_symbols}
    constants = [x.value for x in g.topological(nodes) if x.kind is Kind.CONST]
    symbols |= {y for x in constants for y in sp.sympify(x).free_symbols}
    net = Net(dims={x: 2 + k % 3 for k, x in enumerate(sorted(symbols, key=str))})
    rng, env = np.random.default_rng(0), {}
    for leaf in found:
        shape = tuple(net.size(n) for n in leaf.shape)
        env[leaf.name] = 1 if leaf.leaf.classes is not None else rng.uniform(0.2, 1.3, size=shape)
    return [np.asarray(x, dtype=float) for x in interpret(nodes, net, env)]


def quick(name: str) -> list[dict[str, Any]]:
    """Styles for every run: one notation of each derivation, in turn, and all of a few."""
    if name in LONG:
        return [STYLES["matrix, delta"]]
    if name in IN_FULL:
        return [*STYLES.values()]
    notation = NOTATIONS[[*DERIVATIONS].index(name) % len(NOTATIONS)]
    return [STYLES[f"matrix, {notation}"], STYLES[f"index, {notation}"], STYLES["numerator"]]


@pytest.mark.parametrize("name", DERIVATIONS)
def test_every_line_is_read_back(name: str) -> None:
    check(name, quick(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*DERIVATIONS} - {*LONG, *IN_FULL}))
def test_every_line_is_read_back_in_every_notation(name: str) -> None:
    check(name, [style for style in STYLES.values() if "level" not in style])


def check(name: str, styles: list[dict[str, Any]]) -> None:
    d = DERIVATIONS[name]()
    used = {style.get("notation", NOTATIONS[0]) for style in styles}
    shapes, done = shapes_of(d, sorted(used)), set()
    for style in styles:
        try:
            steps = d.lines(**style)
        except sg.UnsupportedError:  # a Hessian has no row layout
            continue
        for step in steps:
            text = latex(step.expr)
            if text not in done:
                done.add(text)
                agree(step, shapes)
    assert len(done) > 3


def test_a_wrong_line_would_be_seen() -> None:
    d = DERIVATIONS["classifier"]()
    step = next(x for x in d.lines() if x.names[0] == "h")
    wrong = step._replace(expr=sg.sigmoid(step.expr.operands[0]))
    assert latex(wrong.expr) != latex(step.expr)
    agree(wrong, shapes_of(d))
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(*values(lift(step.expr), lift(wrong.expr)), rtol=1e-9)


@pytest.mark.parametrize("style", [x for x in STYLES if "," in x and "full" not in x])
def test_the_left_sides_are_the_names_of_the_lines(style: str) -> None:
    d = DERIVATIONS["classifier"]()
    steps = d.lines(**STYLES[style])
    found = tex_lines(d.latex(**STYLES[style]))
    known = list(shapes_of(d))
    for (text, _), step in zip(found, steps, strict=True):
        left = tex_sides(Source.of(text), known, first=0)[0]
        base = left.base if isinstance(left, s.Item) else left
        assert isinstance(base, s.Name)
        assert base.name == plain(step.names[0])
