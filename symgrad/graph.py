"""The graph: an immutable, hash-consed DAG in index (Einstein) notation.

Why it exists: SymPy declares and prints well, but its matrices lose sharing, recurse and
canonicalise too much. Everything between a declaration and a printed line or an emitted file is
one of the nodes below, so each later pass is a short function over few kinds.

The grammar, with ``i j k`` for axes::

    dim     n ::= int | SymPy expression in dimension symbols
    access  a ::= node[labels]                  one label an axis of the node
    node      ::= leaf name                     a symbol of the user's, any shape
                | const v                       every entry is the constant v
                | delta                         δ_ij, shape (n, n)
                | onehot x                      1[x = k], shape (*x.shape, n)
              | indicator 1[c₀·i + c₁·j + … + b = 0]      or … ≥ 0; i, j, … are its axes
                | sum     c₁·a₁ + c₂·a₂ + …     weights c are SymPy constants
                | product Σ a₁·a₂·…             labels that are not axes of the result are summed
                | map     f(a₁, a₂, …)          f is one scalar SymPy expression over slots
                | reduce  op a                  a reduction that is not a sum, such as log-sum-exp
              | linalg  op a                  inverse, determinant, … of the matrices in a
                | named   name x                the value of x, under the name it was given

**Labels.** A node of rank r owns the labels 0 … r − 1, one for each of its axes in order; an
operand names, for each axis of its own, the label that runs along it. A label of the result that
no operand carries broadcasts. In a product and a reduction, labels ≥ r are contracted. So a
transpose, a broadcast and a diagonal are ways to *access* an operand and never nodes: matrix
product, outer product, Hadamard product, trace and row sum are all ``product``, and a batch is
one more label.

**Windows are products.** A convolution reads x at s·i + d·u + b, which is the product
Σ_p x_p·1[p = s·i + d·u + b] with an indicator: zero outside x, as padding wants it. So windows,
shifts, strides and masks need no derivative of their own; the same indicator puts shares back.

**Linear algebra** acts on the last two axes of its result (inverse), or on two contracted labels
(determinants); the axes before them are a batch.

**Vectors have one axis.** A SymPy matrix n×1 or 1×n lifts to shape ``(n,)``, a 1×1 one to ``()``:
a dimension that is literally 1 has no label. A *symbolic* dimension keeps its axis, and may be
bound to 1 later.

**Hash-consing.** Two nodes that are built alike are the same Python object, so equality is
identity, a common subexpression is found by construction, and a pass may memoise on nodes.
Nodes are ordered by their ``place``, which is what they are and not when they were made, and
ascending ``place`` is a topological order of any graph.

Nothing here recurses: a chain of ten thousand nodes is an ordinary graph.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from operator import attrgetter
from typing import NamedTuple, TypeAlias
from weakref import WeakValueDictionary

import sympy as sp

from symgrad.errors import GraphError
from symgrad.place import Place, place_of

Dim: TypeAlias = "int | sp.Expr"
Shape: TypeAlias = "tuple[Dim, ...]"
Labels: TypeAlias = "tuple[int, ...]"


class Kind(Enum):
    """What a node is; the module's docstring has the grammar."""

    LEAF = "leaf"
    CONST = "const"
    DELTA = "delta"
    ONEHOT = "onehot"
    INDICATOR = "indicator"
    SUM = "sum"
    PRODUCT = "product"
    MAP = "map"
    REDUCE = "reduce"
    LINALG = "linalg"
    NAMED = "named"

    __hash__ = object.__hash__  # identity: Enum hashes the name, and hash-consing hashes often


class Access(NamedTuple):
    """An operand and the label that runs along each of its axes."""

    node: Node
    labels: Labels


class Fact(NamedTuple):
    """Something declared of a leaf, and the axes that it is about.

    ``Fact("simplex", (1,))``: along axis 1 the entries are ≥ 0 and sum to 1. A fact of a matrix
    has two axes, one of every entry none. `facts` has the names. A dropout mask has its rate as
    the ``value``.
    """

    name: str
    axes: tuple[int, ...]
    value: sp.Expr | None = None


class LeafData(NamedTuple):
    """What a leaf knows of its declaration.

    ``facts`` are what was declared of its values. ``symbol`` is the SymPy object that the user
    declared; a data leaf of an empirical risk keeps the example's symbol as ``origin``. An
    integer class label knows the number of its ``classes``.
    """

    name: str
    symbol: sp.Basic
    facts: frozenset[Fact]
    origin: sp.Basic | None
    classes: Dim | None


class Affine(NamedTuple):
    """The condition of an indicator: Σ coefficients·axes + offset = 0, or ≥ 0.

    ``coefficients`` are whole numbers, one an axis; ``offset`` may hold dimension symbols.
    """

    coefficients: tuple[int, ...]
    offset: Dim
    relation: str
    """``=`` or ``≥``."""


class NameData(NamedTuple):
    """A name, and whether the user declared the vector that has it as a row, 1×n."""

    name: str
    row: bool


class Node:
    """One immutable value of the graph. Made by the constructors below, never directly."""

    __slots__ = (
        "__weakref__",
        "accesses",
        "args",
        "data",
        "kind",
        "labels",
        "place",
        "shape",
        "valid",
    )

    kind: Kind
    args: tuple[Node, ...]
    labels: tuple[Labels, ...]
    shape: Shape
    data: object
    place: Place
    accesses: tuple[Access, ...]
    """The operands, each with its labels."""
    valid: bool
    """Whether `validate` has been here."""

    @property
    def uid(self) -> int:
        """A number in this process, for messages."""
        return self.place.uid

    def __repr__(self) -> str:
        return f"<{self.kind.value} {self.uid} of shape {self.shape}>"

    def __copy__(self) -> Node:
        return self

    def __deepcopy__(self, memo: object) -> Node:
        return self

    def __reduce__(self) -> str:
        raise GraphError("a graph node was pickled; save the declaration, which is SymPy, instead")

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    # The payload of each kind, typed; the one place that knows what `data` holds.

    @property
    def leaf(self) -> LeafData:
        """A leaf's declaration."""
        assert isinstance(self.data, LeafData)
        return self.data

    @property
    def value(self) -> sp.Expr:
        """A constant's value."""
        assert isinstance(self.data, sp.Expr)
        return self.data

    @property
    def weights(self) -> tuple[sp.Expr, ...]:
        """A sum's weights, one an operand."""
        assert isinstance(self.data, tuple)
        return self.data

    @property
    def body(self) -> sp.Expr:
        """A map's scalar expression over ``slot(0), slot(1), …``."""
        assert isinstance(self.data, sp.Basic)
        return self.data

    @property
    def affine(self) -> Affine:
        """An indicator's condition."""
        assert isinstance(self.data, Affine)
        return self.data

    @property
    def op(self) -> str:
        """The name of a reduction, or of an operation of linear algebra."""
        assert isinstance(self.data, str)
        return self.data

    @property
    def name(self) -> str:
        """The name of a named node or a leaf."""
        if self.kind is Kind.LEAF:
            return self.leaf.name
        assert isinstance(self.data, NameData)
        return self.data.name

    @property
    def is_row(self) -> bool:
        """Whether a named vector was declared as a row."""
        assert isinstance(self.data, NameData)
        return self.data.row


_interned: WeakValueDictionary[tuple[object, ...], Node] = WeakValueDictionary()


def _intern(
    kind: Kind,
    args: tuple[Node, ...],
    labels: tuple[Labels, ...],
    shape: Shape,
    data: object,
) -> Node:
    key = (kind, args, labels, shape, data)
    node = _interned.get(key)
    if node is None:
        node = Node()
        node.kind, node.args, node.labels, node.shape, node.data = key
        node.accesses, node.valid = tuple(map(Access, args, labels)), False
        name = node.name if kind is Kind.LEAF or kind is Kind.NAMED else ""
        node.place = place_of(kind.value, name, (data, shape, str(labels)), [x.place for x in args])
        _interned[key] = node
    return node


_MAX_ORDERS = 720

_SLOTS: list[sp.Symbol] = []


def slot(k: int) -> sp.Symbol:
    """The k-th argument of a map's body: a real symbol that no declaration can collide with."""
    while len(_SLOTS) <= k:
        # A Dummy of fixed index: unlike any user's symbol, and the same in every process.
        _SLOTS.append(sp.Dummy(f"t{len(_SLOTS)}", dummy_index=-1 - len(_SLOTS), real=True))
    return _SLOTS[k]


def dim(n: object) -> Dim:
    """A dimension in its one spelling: a Python int where it is known, else a SymPy expression."""
    expr = sp.sympify(n, strict=True)  # text is never evaluated
    return int(expr) if expr.is_Integer else expr


# ------------------------------------------------------------------------------ constructors
# They number labels and order operands, so that one value has one node. They do no algebra:
# that is the work of the rules in `identities`, where each law can be read, shuffled and tested.


def leaf(
    name: str,
    shape: Shape,
    symbol: sp.Basic,
    facts: Iterable[Fact] = (),
    origin: sp.Basic | None = None,
    classes: Dim | None = None,
) -> Node:
    """A symbol of the user's."""
    data = LeafData(name, symbol, frozenset(facts), origin, classes)
    return _intern(Kind.LEAF, (), (), shape, data)


def const(value: object, shape: Shape = ()) -> Node:
    """An array with every entry equal to ``value``, a SymPy number or expression in dimensions."""
    return _intern(Kind.CONST, (), (), shape, sp.sympify(value))


def delta(n: Dim) -> Node:
    """The identity δ_ij, shape (n, n)."""
    return _intern(Kind.DELTA, (), (), (n, n), None)


def onehot(index: Node, n: Dim) -> Node:
    """1[index = k]: shape (*index.shape, n), the last axis being k."""
    axes = tuple(range(index.rank))
    return _intern(Kind.ONEHOT, (index,), (axes,), (*index.shape, n), None)


def indicator(coefficients: Sequence[int], offset: object, relation: str, shape: Shape) -> Node:
    """1[Σ coefficients·axes + offset = 0], or ≥ 0: a constant array of zeros and ones.

    An equation has one spelling: its first coefficient that is not 0 is positive.
    """
    b = dim(offset)
    if relation == "=" and next((c for c in coefficients if c), 1) < 0:
        coefficients, b = [-c for c in coefficients], dim(-b)
    if relation == "=" and tuple(coefficients) == (1, -1) and b == 0 and shape[0] == shape[1]:
        return delta(shape[0])
    return _intern(
        Kind.INDICATOR, (), (), shape, Affine(tuple(map(int, coefficients)), b, relation)
    )


def named(name: str, node: Node, row: bool = False) -> Node:
    """``node`` under a name of its own; ``row`` says that a vector was declared as 1×n."""
    data = NameData(name, row)
    return _intern(Kind.NAMED, (node,), (tuple(range(node.rank)),), node.shape, data)


def add(terms: Iterable[tuple[object, Node, Labels]], shape: Shape) -> Node:
    """c₁·a₁ + c₂·a₂ + …; every label is an axis of the result."""
    ordered = sorted(
        ((sp.sympify(c), node, labels) for c, node, labels in terms),
        key=lambda term: (term[1].place, term[2]),
    )
    if len({term[1:] for term in ordered}) < len(ordered):  # one operand with several weights
        ordered.sort(key=lambda term: (term[1].place, term[2], sp.default_sort_key(term[0])))
    return _intern(
        Kind.SUM,
        tuple(node for _, node, _ in ordered),
        tuple(labels for _, _, labels in ordered),
        shape,
        tuple(c for c, _, _ in ordered),
    )


def product(accesses: Iterable[tuple[Node, Labels]], shape: Shape) -> Node:
    """Σ a₁·a₂·… over every label that is not an axis of the result."""
    ordered = _canonical_labels([Access(*a) for a in accesses], len(shape))
    return _intern(
        Kind.PRODUCT, tuple(a.node for a in ordered), tuple(a.labels for a in ordered), shape, None
    )


def apply(body: sp.Expr, accesses: Sequence[tuple[Node, Labels]], shape: Shape) -> Node:
    """f(a₁, a₂, …) elementwise, with ``slot(k)`` standing for aₖ in ``body``."""
    return _intern(
        Kind.MAP, tuple(n for n, _ in accesses), tuple(tuple(x) for _, x in accesses), shape, body
    )


def reduce(op: str, node: Node, labels: Labels, shape: Shape) -> Node:
    """``op`` of ``node`` over every label that is not an axis of the result."""
    ordered = _canonical_labels([Access(node, labels)], len(shape))
    return _intern(Kind.REDUCE, (node,), (ordered[0].labels,), shape, op)


def linalg(op: str, node: Node, labels: Labels, shape: Shape) -> Node:
    """``inverse`` over the last two axes of the result; ``det``, ``logdet`` over contracted ones.

    The axes before them are a batch. Transposing what is contracted changes no determinant.
    """
    ordered = _canonical_labels([Access(node, labels)], len(shape))
    return _intern(Kind.LINALG, (node,), (ordered[0].labels,), shape, op)


def rebuild(node: Node, args: Sequence[Node]) -> Node:
    """``node`` with other operands of the same shapes (the labels stay)."""
    if tuple(args) == node.args:
        return node
    return remade(node, args, node.labels, node.shape)


def remade(node: Node, args: Sequence[Node], labels: Sequence[Labels], shape: Shape) -> Node:
    """What ``node`` is, of other operands under other labels."""
    match node.kind:
        case Kind.SUM:
            return add(zip(node.weights, args, labels, strict=True), shape)
        case Kind.PRODUCT:
            return product(zip(args, labels, strict=True), shape)
        case Kind.ONEHOT:
            return onehot(args[0], shape[-1])
        case Kind.REDUCE:
            return reduce(node.op, args[0], labels[0], shape)
        case Kind.LINALG:
            return linalg(node.op, args[0], labels[0], shape)
        case _:
            return _intern(node.kind, tuple(args), tuple(labels), shape, node.data)


def _canonical_labels(accesses: list[Access], rank: int) -> list[Access]:
    """Order the operands and number the contracted labels, the same for every way to write them.

    Operands are ordered by node and by their labels, contracted ones counting as equal. Where
    that leaves ties (one node twice, as in A·A), every order of the tied operands is tried and
    the smallest result kept; only the first 720 orders are tried, which for seven tied operands
    and more costs at most a missed sharing.
    """

    def coarse(access: Access) -> tuple[Place, Labels]:
        return access.node.place, tuple([min(x, rank) for x in access.labels])

    def numbered(order: Iterable[Access]) -> list[Access]:
        fresh: dict[int, int] = {}
        return [
            Access(
                node,
                tuple(x if x < rank else fresh.setdefault(x, rank + len(fresh)) for x in labels),
            )
            for node, labels in order
        ]

    accesses.sort(key=coarse)
    keys = [coarse(a) for a in accesses]
    if all(a != b for a, b in itertools.pairwise(keys)):
        return numbered(accesses)
    choices: list[list[tuple[Access, ...]]] = []
    for _, equal in itertools.groupby(accesses, key=coarse):
        copies = Counter(equal)  # copies of one operand are interchangeable: they move together
        orders = itertools.permutations(copies)
        choices.append(
            [
                tuple(itertools.chain.from_iterable([a] * copies[a] for a in order))
                for order in itertools.islice(orders, _MAX_ORDERS)
            ]
        )
    candidates = (
        numbered(itertools.chain.from_iterable(choice))
        for choice in itertools.islice(itertools.product(*choices), _MAX_ORDERS)
    )
    return min(candidates, key=lambda c: [a.labels for a in c])


# --------------------------------------------------------------------------------- traversal


def topological(
    roots: Iterable[Node], operands: Callable[[Node], Iterable[Node]] | None = None
) -> list[Node]:
    """Every node below ``roots``, operands first. ``operands`` may prune what is followed."""
    seen: set[Node] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(node.args if operands is None else operands(node))
    return sorted(seen, key=attrgetter("place"))


def leaves(roots: Iterable[Node]) -> list[Node]:
    """The leaves below ``roots``, by name."""
    return [node for node in topological(roots) if node.kind is Kind.LEAF]


def use_counts(roots: Iterable[Node]) -> dict[Node, int]:
    """How many operands (and roots) refer to each node below ``roots``."""
    roots = list(roots)
    counts: dict[Node, int] = dict.fromkeys(topological(roots), 0)
    for node in counts:
        for arg in node.args:
            counts[arg] += 1
    for root in roots:
        counts[root] += 1
    return counts


def consumers(roots: Iterable[Node]) -> dict[Node, list[Node]]:
    """The nodes that each node below ``roots`` is an operand of."""
    found: dict[Node, list[Node]] = {}
    for node in topological(roots):
        for arg in dict.fromkeys(node.args):
            found.setdefault(arg, []).append(node)
    return found


def peel(node: Node) -> Node:
    """``node`` without the names around it."""
    while node.kind is Kind.NAMED:
        node = node.args[0]
    return node


def substitute(roots: Sequence[Node], replacement: Mapping[Node, Node]) -> list[Node]:
    """``roots`` with nodes replaced by others of the same shape."""
    done: dict[Node, Node] = {}

    def below(node: Node) -> tuple[Node, ...]:
        return () if node in replacement else node.args

    for node in topological(roots, below):
        if node in replacement:
            done[node] = replacement[node]
        else:
            done[node] = rebuild(node, [done[arg] for arg in node.args])
    return [done[root] for root in roots]


def label_dims(node: Node) -> dict[int, Dim]:
    """The extent of each label of ``node``: its own axes, then the contracted ones."""
    dims: dict[int, Dim] = dict(enumerate(node.shape))
    for arg, labels in node.accesses:
        for label, n in zip(labels, arg.shape, strict=True):
            dims.setdefault(label, n)
    return dims


# -------------------------------------------------------------------------------- validation


def validate(roots: Iterable[Node]) -> None:
    """Check the invariants of every node below ``roots``; run after every pass.

    A node does not change, so each is looked at once. Raises GraphError, which always means a
    mistake in symgrad.
    """
    for node in topological(roots, lambda node: () if node.valid else node.args):
        problem = None if node.valid else _problem(node)
        if problem:
            raise GraphError(f"invalid {node.kind.value} node {node.uid}: {problem}")
        node.valid = True


def _problem(node: Node) -> str | None:
    if len(node.labels) != len(node.args):
        return f"{len(node.args)} operands but {len(node.labels)} lists of labels"
    if any(arg.place >= node.place for arg in node.args):
        return "an operand is not deeper than the node"
    dims: dict[int, Dim] = dict(enumerate(node.shape))
    for arg, labels in node.accesses:
        if len(labels) != arg.rank:
            return f"labels {labels} for an operand of shape {arg.shape}"
        for label, n in zip(labels, arg.shape, strict=True):
            if dims.setdefault(label, n) != n:
                return f"label {label} runs over {dims[label]} and over {n}"
    contracts = node.kind in (Kind.PRODUCT, Kind.REDUCE, Kind.LINALG)
    if node.kind is not Kind.ONEHOT and not contracts and len(dims) > node.rank:
        return "a label is not an axis of the result"
    if sorted(dims) != list(range(len(dims))):
        return f"labels {sorted(dims)} are not numbered from 0"
    match node.kind:
        case Kind.SUM if len(node.weights) != len(node.args):
            return f"{len(node.weights)} weights for {len(node.args)} operands"
        case Kind.MAP:
            slots = {slot(k) for k in range(len(node.args))}
            if any(not s.is_integer for s in node.body.free_symbols - slots):
                return f"the body {node.body} has symbols that are neither slots nor dimensions"
        case Kind.NAMED if node.shape != node.args[0].shape:
            return f"shape {node.shape}, but its value has shape {node.args[0].shape}"
        case Kind.INDICATOR if len(node.affine.coefficients) != node.rank:
            return f"{len(node.affine.coefficients)} coefficients for {node.rank} axes"
        case Kind.REDUCE if node.op == "argmax" and len(dims) != node.rank + 1:
            return "an argmax is over one label"
        case Kind.LINALG if problem := _linalg_problem(node, dims):
            return problem
        case Kind.DELTA if len(node.shape) != 2 or node.shape[0] != node.shape[1]:
            return f"shape {node.shape} is not square"
    return None


def _linalg_problem(node: Node, dims: Mapping[int, Dim]) -> str | None:
    scalar = node.op != "inverse"
    pair = (node.rank, node.rank + 1) if scalar else (node.rank - 2, node.rank - 1)
    if not scalar and node.rank < 2:
        return f"shape {node.shape} is no matrix"
    if len(dims) != node.rank + 2 * scalar or not set(pair) <= set(node.labels[0]):
        return f"the matrix of {node.op} is not on the labels {pair}"
    if dims[pair[0]] != dims[pair[1]]:
        return f"a matrix of {dims[pair[0]]}×{dims[pair[1]]} is not square"
    return None
