"""From the graph of a declaration to the graph that is drawn: leaves, and values with names.

Why it exists: a graph in index notation has a node for every access, weight and sign, and a
lecture draws one circle for ``a = w1³``. Here each operation that a reader would see gets a name,
a free letter where the user gave none; constants, signs, views and the inner steps of a softmax
are folded into the operation that uses them. What is left is a graph of leaves and named values,
whatever the level of detail, so everything after this module knows those two and nothing else.

In: a named root, in the form that the user declared. Out: a `Diagram`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import NamedTuple

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixExpr

from symgrad import graph as g
from symgrad.errors import UnsupportedError
from symgrad.graph import Kind, Node, slot
from symgrad.order import evaluated_among, operands_among
from symgrad.show.index_form import Letters, letters_of
from symgrad.show.matrix_form import entry_form, matrix_form
from symgrad.show.text import formula
from symgrad.vocabulary import relu

VALUES, OPERATIONS = "values", "operations"
DETAILS = (VALUES, OPERATIONS)
MOST_OPERATIONS = 30
"""A graph of more operations is drawn by its named values, if it has any."""

_LETTERS = "abcdfghkmnpqrstuvwxyz"
"""Without e, i, j, l and o, which mean or look like something else."""


class Drawn(NamedTuple):
    """One node of the picture: a leaf, or a value made of others in one step."""

    node: Node
    """A leaf, or a named node."""
    declared: bool
    """Whether the name is the user's."""
    formula: str
    """The value in terms of its operands, such as ``W·x + b``; empty for a leaf."""
    long_formula: str
    """The same where ``formula`` is an abbreviation."""
    operands: tuple[Node, ...]

    @property
    def name(self) -> str:
        """Its name."""
        return self.node.name

    @property
    def is_leaf(self) -> bool:
        """Whether it is an input."""
        return self.node.kind is Kind.LEAF

    @property
    def equation(self) -> str:
        """``a = w1³``, or the name of a leaf."""
        return f"{self.name} = {self.formula}" if self.formula else self.name


class Diagram(NamedTuple):
    """What is drawn: leaves in the order of their use, then values as evaluated, the loss last."""

    nodes: tuple[Drawn, ...]
    detail: str
    origins: Mapping[Node, Node]
    """The drawn node of each leaf and each declared value below the loss."""

    @property
    def root(self) -> Node:
        """The loss."""
        return self.nodes[-1].node

    def places(self, nodes: Iterable[Node]) -> list[Node]:
        """The drawn nodes of leaves and declared values; a constant under a name is not drawn."""
        return [self.origins[x] for x in nodes if x in self.origins]

    @property
    def is_scalar(self) -> bool:
        """Whether every value is a number."""
        return not any(x.node.shape for x in self.nodes)


def diagram(root: Node, detail: str | None = None, apart: Iterable[Node] = ()) -> Diagram:
    """The diagram of a named value.

    ``detail`` is ``"values"`` (leaves and the values that the user named) or ``"operations"``
    (each operation). The default is operations for a graph of scalars and for one without names,
    values for a network. Where the formula of a named value is used without its name, it is drawn
    by its name, but for the values ``apart``, which are varied by themselves. Raises
    UnsupportedError for another detail.
    """
    if detail is not None and detail not in DETAILS:
        known = " or ".join(f'"{x}"' for x in DETAILS)
        raise UnsupportedError(f"the detail {detail!r} was asked for; expected {known}.")
    alone = list(apart)
    by_name = _used_by_name(root, alone)
    root = by_name[root]
    own = {root, *(by_name[x] for x in alone)}
    below = g.topological([root])
    seen = _visible(root, below)
    chosen = detail or _fitting(root, below, seen)
    if chosen == VALUES:
        seen = {n for n in seen if n.kind is Kind.LEAF or n in own or _is_public(n)}
    order = evaluated_among([root], seen)
    letters = _free_letters(below)
    names = {n: next(letters) for n in order if n.kind not in (Kind.LEAF, Kind.NAMED)}
    done = _renamed(below, names)
    drawn = {done[n]: n not in names for n in order}
    texts = letters_of(drawn)
    made = {node: _drawn(node, own, set(drawn), texts) for node, own in drawn.items()}
    values = [x for x in made.values() if not x.is_leaf]
    leaves = {made[x]: None for value in values for x in value.operands if made[x].is_leaf}
    origins = {old: done[n] for old, n in by_name.items() if done[n] in drawn}
    return Diagram((*leaves, *values), chosen, origins)


def _is_public(node: Node) -> bool:
    return node.kind is Kind.NAMED and not node.name.startswith("_")


def _fitting(root: Node, below: Sequence[Node], seen: Iterable[Node]) -> str:
    """The level of detail for those who do not ask for one."""
    named = any(n is not root and _is_public(n) for n in below)
    arrays = any(n.shape for n in below)
    many = sum(n.kind is not Kind.LEAF for n in seen) > MOST_OPERATIONS
    return VALUES if named and (arrays or many) else OPERATIONS


# --------------------------------------------------------------------- what is worth a node


def _visible(root: Node, below: Sequence[Node]) -> set[Node]:
    """Leaves, names, and the operations that a reader would name."""
    uses = g.consumers([root])
    varying: set[Node] = set()
    for node in below:
        if node.kind is Kind.LEAF or any(arg in varying for arg in node.args):
            varying.add(node)
    inner = _inner_steps(below, uses)
    values = {n.args[0] for n in below if n.kind is Kind.NAMED}

    def is_seen(node: Node) -> bool:
        if node.kind in (Kind.LEAF, Kind.NAMED):
            return True
        part = node in values or node in inner or node.kind is Kind.ONEHOT
        return not (part or _is_folded(node, uses[node]))

    return {n for n in below if n in varying and is_seen(n)}


def _is_folded(node: Node, users: Sequence[Node]) -> bool:
    """Whether an operation is a part of the one that uses it: −x in a sum, 1/v in u/v."""
    factor = _factor(node)
    if factor is not None:
        if factor == 1:
            return True  # a transpose, a broadcast
        if factor == -1 and all(x.kind is Kind.MAP or len(x.args) > 1 for x in users):
            return all(x.kind in (Kind.SUM, Kind.MAP) for x in users)
    if len(users) != 1:
        return False
    (user,) = users
    scales = _factor(user) is not None
    if scales and node.kind is Kind.PRODUCT and factor is None:
        return True  # ½·e²
    power = node.body.as_base_exp()[1] if node.kind is Kind.MAP else None
    is_power = power is not None and node.body.as_base_exp()[0] == slot(0)
    if scales and is_power:
        return True
    return is_power and power == -1 and user.kind is Kind.PRODUCT


def _factor(node: Node) -> sp.Expr | None:
    """c, where ``node`` is c·x of one operand, entry by entry."""
    if node.kind is Kind.SUM and len(node.args) == 1:
        return node.weights[0]
    if node.kind is not Kind.PRODUCT or len(g.label_dims(node)) > node.rank:
        return None
    parts = [n for n in node.args if n.kind is not Kind.CONST]
    if len(parts) != 1 or parts[0].kind in (Kind.DELTA, Kind.INDICATOR):
        return None
    return sp.Mul(*(n.value for n in node.args if n.kind is Kind.CONST))


def _inner_steps(below: Sequence[Node], uses: Mapping[Node, Sequence[Node]]) -> set[Node]:
    """The steps inside a softmax or a sparsemax that nothing else uses: z − log Σ exp(z), …."""
    found: set[Node] = set()
    for node in below:
        if node.kind is not Kind.SUM or -1 not in node.weights:
            continue
        by = [x for x in node.args if x.kind is Kind.REDUCE and x.op in _INNER]
        found |= {x for x in by if uses[x] == [node] and x.args[0] in node.args}
        users = uses.get(node, [])
        if by and len(users) == 1 and users[0].kind is Kind.MAP and users[0].body in _OUTER:
            found.add(node)
    return found


_INNER = ("logsumexp", "sparsemax_threshold")
_OUTER = (sp.exp(slot(0)), relu(slot(0)))
"""softmax(z) = exp(z − log Σ exp(z)), sparsemax(z) = max(0, z − τ(z))."""


# ------------------------------------------------------------------------ order and names


def _free_letters(below: Sequence[Node]) -> Iterator[str]:
    """Names that nothing has: a, b, c, …, a1, b1, …."""
    taken = {n.name for n in below if n.kind in (Kind.LEAF, Kind.NAMED)}
    taken |= {x.rstrip("0123456789") for x in taken}  # h beside h1 and h2 would mislead
    taken |= {str(s) for n in below for d in n.shape for s in sp.sympify(d).free_symbols}
    free = (x + (str(k) if k else "") for k in count() for x in _LETTERS)
    return (x for x in free if x not in taken)


def _used_by_name(root: Node, apart: Collection[Node]) -> dict[Node, Node]:
    """Each node below, with named values by their names also where their formula is used."""
    below = g.topological([root])
    plain = (Kind.LEAF, Kind.NAMED, Kind.CONST)
    names: dict[Node, Node] = {}
    for node in below:
        if node.kind is Kind.NAMED and node not in apart and node.args[0].kind not in plain:
            names.setdefault(node.args[0], node)
    values: dict[Node, Node] = {}  # without the names that they get
    done: dict[Node, Node] = {}
    for node in below:
        if node.kind is Kind.NAMED:
            done[node] = g.named(node.name, values[node.args[0]], node.is_row)
            values[node] = done[node]
            continue
        values[node] = done[node] = g.rebuild(node, [done[arg] for arg in node.args])
        if node in names:
            own = names[node]
            done[node] = g.named(own.name, done[node], own.is_row)
    return done


def _renamed(below: Sequence[Node], names: Mapping[Node, str]) -> dict[Node, Node]:
    """Each node as it is drawn: operations under their new names."""
    done: dict[Node, Node] = {}
    for node in below:
        new = g.rebuild(node, [done[arg] for arg in node.args])
        done[node] = g.named(names[node], new) if node in names else new
    return done


# ----------------------------------------------------------------------------- formulas


def _drawn(node: Node, declared: bool, seen: set[Node], letters: Letters) -> Drawn:
    if node.kind is Kind.LEAF:
        return Drawn(node, True, "", "", ())
    operands = operands_among(node, seen)
    plain = value_text(node.args[0], node.is_row, letters)
    operands = tuple(sorted(operands, key=lambda x: _place(x.name, plain)))
    short = f"f({', '.join(x.name for x in operands)})" if is_soup(plain) else plain
    return Drawn(node, declared, short, plain, operands)


def _place(name: str, text: str) -> int:
    """Where a name stands in a formula, after all others if nowhere."""
    found = re.search(rf"(?<!\w){re.escape(name)}(?![^\Wᵀ²³⁴⁻])", text)
    return found.start() if found else len(text)


def value_text(value: Node, row: bool, letters: Letters) -> str:
    """A value in matrix notation, by its entry where there is none."""
    if value.rank > 2:
        return formula(entry_form(value, {}, letters))
    expr = matrix_form(value, {}, letters)
    if isinstance(expr, sp.FunctionMatrix):
        return formula(sp.Lambda(expr.lamda.variables[: value.rank], expr.lamda.expr))
    return formula(expr.T if row and isinstance(expr, MatrixExpr) else expr)


def is_soup(text: str) -> bool:
    """Whether a formula is one of indices, which are for reading and not for looking at."""
    return "Σ" in text or "↦" in text or re.search(r"[^\W\d]\w*\[", text) is not None
