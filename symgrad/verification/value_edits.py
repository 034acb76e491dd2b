"""Edits of values and functions: one that stands where another is due, a wrong branch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import sympy as sp

from symgrad import graph as g
from symgrad.graph import Access, Kind, Node, slot
from symgrad.verification.pool import Pool
from symgrad.verification.proposals import Edit, Proposal, name_of
from symgrad.vocabulary import hard_step, relu, sigmoid, softplus, step


def _same_kind(arg: Node, pool: Pool) -> list[Node]:
    """What may have been meant by a value: others of its shape."""
    arguments = [s.argument for s in pool.slopes]
    found = [v for v in (*pool.values, *arguments) if v.shape == arg.shape and v is not arg]
    return list(dict.fromkeys(found))


def exchanged_everywhere(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """h → z, wherever h stands in the claim."""
    if node not in pool.atoms or node.kind is Kind.CONST or node is root:
        return
    for value in _same_kind(node, pool):

        def words(value: Node = value) -> str:
            return f"{pool.text(value)} is due where {pool.text(node)} stands."

        yield Proposal(value, "wrong_value", words, (node, value))


def exchanged_once(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """h → z, in one place; of a factor, wherever it stands in it."""
    if node in pool.atoms:
        return
    for k, arg in enumerate(node.args):
        inside = [arg] if arg in pool.atoms else [n for n in pool.sites(arg) if n in pool.atoms]
        for atom in inside:
            for value in _same_kind(atom, pool):
                new = pool.replaced(arg, atom, value)
                edited = g.rebuild(node, [*node.args[:k], new, *node.args[k + 1 :]])

                def words(atom: Node = atom, value: Node = value, arg: Node = arg) -> str:
                    place = "" if arg is atom else f" in {pool.text(arg)}"
                    return f"{pool.text(value)} is due where {pool.text(atom)} stands{place}."

                yield Proposal(edited, "wrong_value", words, (atom, value))


def steps_shifted(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """h3, h2, h1 → h2, h1, h0: one step of time or one layer too late, in every term."""
    if node is not root or node.kind is not Kind.SUM:
        return
    for by in (-1, 1):
        terms = []
        moved: list[tuple[Node, Node]] = []
        for weight, (arg, labels) in zip(node.weights, node.accesses, strict=True):
            due = arg
            if arg.kind is Kind.PRODUCT and arg.rank == 2 and len(arg.args) == 2:
                due = _shifted(arg, by, pool, moved)
            terms.append((weight, due, labels))
        if len(moved) < max(2, len(terms)):
            continue

        def words(moved: Sequence[tuple[Node, Node]] = tuple(moved), by: int = by) -> str:
            stands, due = moved[-1]
            late = "late" if by < 0 else "early"
            return (
                f"Every factor is one step too {late}: {pool.text(due)} is due where "
                f"{pool.text(stands)} stands, and so on."
            )

        yield Proposal(g.add(terms, node.shape), "index", words)


def _shifted(term: Node, by: int, pool: Pool, moved: list[tuple[Node, Node]]) -> Node:
    """An outer product whose second factor is the value before or after it."""
    for k, (arg, labels) in enumerate(term.accesses):
        stem = arg.name.rstrip("0123456789") if arg in pool.atoms else ""
        number = arg.name[len(stem) :] if stem else ""
        if labels != (1,) or not number:
            continue
        name = f"{stem}{int(number) + by}"
        for value in pool.values:
            if value.name == name and value.shape == arg.shape:
                moved.append((arg, value))
                return g.rebuild(term, [*term.args[:k], value, *term.args[k + 1 :]])
    return term


_ALIKE: tuple[type[sp.Function], ...] = (sp.tanh, sigmoid, relu, softplus, sp.exp, step)


def exchanged_functions(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """f(a) → f̃(a) of functions that are taken for each other, and f(a) → a."""
    if node.kind is not Kind.MAP or len(node.args) != 1 or not isinstance(node.body, sp.Function):
        return
    if node in pool.atoms:
        return
    (arg, labels), *_ = node.accesses
    plain = g.product([Access(arg, labels)], node.shape)

    def bare() -> str:
        return f"{pool.text(arg)} is due where {pool.text(node)} stands."

    yield Proposal(plain, "wrong_function", bare)
    for function in _ALIKE if isinstance(node.body, _ALIKE) else ():
        if isinstance(node.body, function) or function not in pool.functions:
            continue
        value = g.apply(function(slot(0)), node.accesses, node.shape)

        def words(value: Node = value) -> str:
            return f"{pool.text(value)} is due where {pool.text(node)} stands."

        yield Proposal(value, "wrong_function", words, (node, value))


def functions_inserted(root: Node, pool: Pool) -> Iterator[Edit]:
    """a → f(a), of the functions of the forward pass."""
    functions = [f for f in (*_ALIKE, sp.log) if f in pool.functions]
    for node, function in itertools.product(pool.sites(root), functions):
        if node.kind is Kind.CONST:
            continue
        value = g.apply(function(slot(0)), [Access(node, tuple(range(node.rank)))], node.shape)

        def words(value: Node = value, function: type[sp.Function] = function) -> str:
            return f"{name_of(function.__name__)} is missing: {pool.text(value)} is due."

        edited = pool.replaced(root, node, value)
        yield Edit(edited, "wrong_function", words, 1.4, node, value, value)


def inverses(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """A → A⁻¹ or A⁻ᵀ of a square matrix, and the reverse, where the truth has an inverse."""
    if not pool.has_inverse or node.rank != 2 or node.shape[0] != node.shape[1]:
        return
    if node.kind is Kind.LINALG and node.op == "inverse":
        due = [node.args[0]]
    elif node in pool.atoms:
        inverse = g.linalg("inverse", node, (0, 1), node.shape)
        due = [inverse, g.product([Access(inverse, (1, 0))], node.shape)]
    else:
        return
    for value in due:

        def words(value: Node = value) -> str:
            return f"{pool.text(value)} is due where {pool.text(node)} stands."

        yield Proposal(value, "inverse", words, (node, value))


def turned_branches(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """1[z > 0] → 1[z < 0]; of a Piecewise, the values of the branches change places."""
    if node.kind is Kind.SUM and node.weights == (1, -1):
        one, (branch, labels) = node.args[0], node.accesses[1]
        is_step = branch.kind is Kind.MAP and isinstance(branch.body, step)
        if one.kind is Kind.CONST and one.value == 1 and is_step:

            def reversed_words() -> str:
                return (
                    f"The branches are the wrong way round: {pool.text(branch)} is due, and not "
                    f"{pool.text(node)}."
                )

            edited = g.product([Access(branch, labels)], node.shape)
            yield Proposal(edited, "wrong_branch", reversed_words)
        return
    if node.kind is not Kind.MAP or node in pool.atoms:
        return

    def words() -> str:
        return f"The branches of {pool.text(node)} are the wrong way round."

    if isinstance(node.body, step | hard_step | sp.Heaviside | relu):
        (arg, labels), *_ = node.accesses
        if len(node.args) == 1 and node.body.args[0] == slot(0):
            opposite = g.add([(-1, arg, tuple(range(arg.rank)))], arg.shape)
            edited = g.apply(node.body, [Access(opposite, labels)], node.shape)
        else:
            turned = node.body.func(-node.body.args[0], *node.body.args[1:])
            edited = g.apply(turned, node.accesses, node.shape)
        yield Proposal(edited, "wrong_branch", words)
    if isinstance(node.body, sp.Piecewise) and len(node.body.args) == 2:
        (a, condition), (b, other) = node.body.args
        turned = sp.Piecewise((b, condition), (a, other))
        yield Proposal(g.apply(turned, node.accesses, node.shape), "wrong_branch", words)
