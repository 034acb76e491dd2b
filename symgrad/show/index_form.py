"""Index notation of a graph node, as a scalar SymPy expression in indices.

What matrix notation cannot say, this can: ``Σ_k W[i, k]·x[k, j, n]`` for any number of axes. A
product with a one-hot or a window reads as an index, ``x[c]`` and ``x[2·t + u]``, where entries
outside an array count as 0.

`Letters` hands out index letters, one a dimension, so that the i of x is the i of W[j, i] in every
line of a derivation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from typing import Any, TypeAlias

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixExpr

from symgrad import graph as g
from symgrad.graph import Access, Dim, Kind, Node, slot
from symgrad.index_space import indicator
from symgrad.order import evaluated_among
from symgrad.symbols import Opaque


class reduction(sp.Function):  # named as SymPy names its functions
    """A reduction that is not a sum, such as max_k x[k]: operation, operand, indices bound."""

    @property
    def variables(self) -> tuple[sp.Basic, ...]:
        """The indices that it binds."""
        return tuple(self.args[2:])


_ALPHABET = "ijklmnpqrstuvabcdefgh"  # without o, which looks like a 0


_NEAR = "ijk"
"""Indices of the layer before, of a line's own layer, and of the one behind it."""


def _widths(dims: Iterable[Dim]) -> dict[Dim, int]:
    """The numbers of dimensions such as n1, n2, …, where there are enough for layers to repeat."""
    found: dict[str, dict[Dim, int]] = {}
    for n in dims:
        name = re.fullmatch(r"(.*?)_?(\d+)", n.name) if isinstance(n, sp.Symbol) else None
        if name is not None:
            found.setdefault(name[1], {})[n] = int(name[2])
    longest = max(found.values(), key=len, default={})
    return longest if len(longest) >= _FEWEST else {}


_FEWEST = 4
"""Numbered widths; of fewer each has a letter of its own."""


class Letters:
    """Index letters: one for each dimension, in the order in which they are asked for."""

    def __init__(self, taken: Iterable[str] = (), dims: Iterable[Dim] = ()) -> None:
        """``taken`` are names that mean something, ``dims`` the dimensions there are."""
        self._taken = set(taken)
        self._own: dict[Dim, str] = {}
        self._layers = _widths(dims)
        self._base: int | None = None

    def around(self, shape: Sequence[Dim]) -> Letters:
        """The letters of a line whose value has this ``shape``.

        Where layers have widths of their own, n₁, n₂, …, an entry of the line's own layer is j, of
        the one before it i and of the one behind it k: so each layer's line reads alike.
        """
        if not self._layers:
            return self
        line = copy(self)
        numbers = [self._layers[n] for n in shape if n in self._layers]
        line._base = numbers[0] if numbers else None
        return line

    def pick(self, n: Dim, used: Iterable[str]) -> sp.Symbol:
        """The letter of a dimension, or another one if that is ``used``."""
        used = set(used)
        near = self._near(n)
        if near and near not in used | self._taken:
            return sp.Symbol(near, integer=True)
        own = self._own.get(n)
        if own is None or own in used or own in self._taken:
            reserved = used | self._taken | set(self._own.values())
            reserved |= set(_NEAR if self._layers else "")
            candidates = (*_ALPHABET, *(f"i{k}" for k in range(1000)))
            letter = next(x for x in candidates if x not in reserved)
            own = letter if own is not None else self._own.setdefault(n, letter)
        return sp.Symbol(own, integer=True)

    def _near(self, n: Dim) -> str:
        """The letter of a layer's width, by how far that layer is from the line's."""
        number = self._layers.get(n)
        if number is None:
            return ""
        place = 1 if self._base is None else 1 + number - self._base
        return _NEAR[place] if 0 <= place < len(_NEAR) else ""

    def indices(self, shape: Sequence[Dim]) -> tuple[sp.Symbol, ...]:
        """One letter an axis, all different."""
        found: list[sp.Symbol] = []
        for n in shape:
            found.append(self.pick(n, [s.name for s in found]))
        return tuple(found)


def letters_of(roots: Iterable[Node]) -> Letters:
    """Letters that no value or dimension below ``roots`` goes by, i for inputs, then j, k, ….

    They are handed out along the named values: what a definition sums over before its own axes,
    so that z[j] = Σ_i W[j, i]·x[i] and the next layer is z[k] = Σ_j V[k, j]·h[j].
    """
    roots = list(roots)
    nodes = g.topological(roots)
    taken = {n.name for n in nodes if n.kind in (Kind.LEAF, Kind.NAMED)}
    dims = [d for n in nodes for d in n.shape if isinstance(d, sp.Basic)]
    letters = Letters(taken | {s.name for d in dims for s in d.free_symbols}, dims)
    for named in evaluated_among(roots, [n for n in nodes if n.kind is Kind.NAMED]) or nodes[-1:]:
        below = g.topological(named.args, lambda n: () if n.kind is Kind.NAMED else n.args)
        for node in below:
            dims_of = g.label_dims(node)
            letters.indices([dims_of[k] for k in sorted(dims_of) if k >= node.rank])
        letters.indices(named.shape)
    return letters


def index_form(
    root: Node,
    indices: Sequence[Any],
    letters: Letters | None = None,
    matrices: Mapping[Node, Any] | None = None,
) -> Any:
    """The entry of ``root`` at ``indices``, named values and leaves being indexed symbols.

    ``matrices`` gives the matrix notation of nodes that are shown by it, such as an inverse.
    """
    shown = matrices or {}
    entries: dict[_Place, Any] = {}
    bound: dict[Node, dict[int, tuple[sp.Dummy, Dim]]] = {}

    def at(node: Node, where: Sequence[Any]) -> Any:
        place = node, tuple(where)
        if place not in entries:
            raise _Needed(place)
        return entries[place]

    asked: list[_Place] = [(root, tuple(indices))]
    while asked:  # each entry at its own indices once: renaming one evaluates it again
        node, where = asked[-1]
        try:
            if node in shown:
                entries[asked[-1]] = _of_matrix(shown[node], where)
            else:
                entries[asked[-1]] = _Entry(node, where, at, bound).value()
            asked.pop()
        except _Needed as needed:
            asked.append(needed.place)
    extents = {dummy: n for summed in bound.values() for dummy, n in summed.values()}
    return _lettered(at(root, indices), indices, letters or letters_of([root]), extents)


_Place: TypeAlias = "tuple[Node, tuple[Any, ...]]"
"""A node and indices of an entry of it."""


class _Needed(Exception):
    """An entry that another one is made of, and that has to be made first."""

    def __init__(self, place: _Place) -> None:
        self.place = place


def _lettered(
    entry: Any, indices: Sequence[Any], letters: Letters, extents: Mapping[sp.Dummy, Dim]
) -> Any:
    """Indices that are bound as letters, different from those of the sums around them.

    Sums that stand beside each other have the same letters, so that what is equal looks equal and
    SymPy adds it up.
    """
    outermost: _Scope = (), frozenset(str(x) for x in indices)
    done: dict[tuple[Any, _Scope], Any] = {}

    def written(e: Any, scope: _Scope) -> Any:
        if (e, scope) not in done:
            done[e, scope] = _with_args(e, bound(e, scope)) if e.args else dict(scope[0]).get(e, e)
        return done[e, scope]

    def bound(e: Any, scope: _Scope) -> list[Any]:
        if isinstance(e, sp.Sum | reduction):
            pairs, used = scope
            for dummy in e.variables:
                letter = letters.pick(extents[dummy], used)
                pairs, used = (*pairs, (dummy, letter)), used | {letter.name}
            scope = pairs, used
        if not _is_quotient_of_sums(e):
            return [written(x, scope) for x in e.args]
        above = {x: written(x, scope) for x in e.args if not _divides(x)}
        seen = {s.name for x in above.values() if isinstance(x, sp.Sum) for s in x.variables}
        below = scope[0], scope[1] | seen
        return [above[x] if x in above else written(x, below) for x in e.args]

    return written(entry, outermost)


_Scope: TypeAlias = "tuple[tuple[tuple[sp.Dummy, sp.Symbol], ...], frozenset[str]]"
"""The letters of the indices that are bound around a place, and all that mean something there."""


def _with_args(e: Any, args: Sequence[Any]) -> Any:
    return e if all(x is y for x, y in zip(args, e.args, strict=True)) else e.func(*args)


def _is_quotient_of_sums(e: Any) -> bool:
    """Whether ``e`` reads Σ_k a[k]/(…), where k seems to be bound in the denominator as well."""
    above = [x for x in e.args if not _divides(x)] if e.is_Mul else []
    others = [x for x in above if not isinstance(x, sp.Sum)]
    return len(others) < len(above) and all(x.is_number for x in others)


def _divides(factor: Any) -> bool:
    return bool(factor.is_Pow and factor.exp.could_extract_minus_sign())


class _Entry:
    """One node at the indices ``own``; ``at`` gives the entries of others.

    ``bound`` has the summation indices of each node, and what they run over.
    """

    def __init__(
        self,
        node: Node,
        own: tuple[Any, ...],
        at: Callable[[Node, Sequence[Any]], Any],
        bound: dict[Node, dict[int, tuple[sp.Dummy, Dim]]],
    ) -> None:
        self.node, self.own, self.at = node, own, at
        dims = g.label_dims(node)
        self.labels: dict[int, Any] = dict(enumerate(own))
        if node not in bound:
            bound[node] = {
                k: (sp.Dummy(f"k{k}", integer=True), dims[k]) for k in range(node.rank, len(dims))
            }
        self.summed = bound[node]
        self.labels.update({k: dummy for k, (dummy, _) in self.summed.items()})

    def operand(self, access: Access) -> Any:
        """An operand at the indices of its labels."""
        return self.at(access.node, [self.labels[x] for x in access.labels])

    def value(self) -> Any:
        """The entry; one case a kind."""
        node, own = self.node, self.own
        match node.kind:
            case Kind.LEAF | Kind.NAMED:
                return _indexed(node, own)
            case Kind.CONST:
                return node.value
            case Kind.DELTA:
                return sp.KroneckerDelta(*own)
            case Kind.ONEHOT:
                return sp.KroneckerDelta(self.operand(node.accesses[0]), own[-1])
            case Kind.INDICATOR:
                coefficients, offset, relation = node.affine
                total = sp.Add(*(c * x for c, x in zip(coefficients, own, strict=True)), offset)
                holds = sp.Eq(total, 0) if relation == "=" else sp.Ge(total, 0)
                return indicator(holds)
            case Kind.SUM:
                terms = zip(node.weights, node.accesses, strict=True)
                return sp.Add(*(c * self.operand(a) for c, a in terms))
            case Kind.MAP:
                operands = {slot(k): self.operand(a) for k, a in enumerate(node.accesses)}
                return node.body.xreplace(operands)
            case Kind.PRODUCT:
                return self.product()
            case Kind.REDUCE:
                return self.reduction()
            case Kind.LINALG:
                base = sp.IndexedBase(f"{node.op}({self.described()})")
                return base[own] if own else sp.Symbol(str(base.label), real=True)

    def described(self) -> str:
        """The operand of linear algebra by name; an unnamed one as what it is made of."""
        (arg,) = self.node.args
        named = (Kind.LEAF, Kind.NAMED)
        below = g.topological([arg], lambda n: () if n.kind in named else n.args)
        names = [n.name for n in below if n.kind in named]
        return names[0] if arg.kind in named else f"{arg.kind.value} of {', '.join(names)}"

    def product(self) -> Any:
        """Σ over the labels that no one-hot, identity or window fixes."""
        operands = list(self.node.accesses)
        remaining = dict(self.summed)
        for access in list(operands):
            fixed = self.fixed(access, operands, remaining)
            if fixed is None:
                continue
            label, value = fixed
            operands.remove(access)
            dummy, _ = remaining.pop(label)
            self.labels = {
                k: value if x == dummy else sp.sympify(x).xreplace({dummy: value})
                for k, x in self.labels.items()
            }
        factors = sp.Mul(*(self.operand(a) for a in operands))
        ranges = [(dummy, 0, n - 1) for dummy, n in remaining.values()]
        if not ranges or factors == 0:
            return factors
        sign, factors = (-1, -factors) if factors.could_extract_minus_sign() else (1, factors)
        return sign * sp.Sum(factors, *ranges)  # x − Σ_k a[k], and not x + Σ_k −a[k]

    def fixed(
        self, access: Access, operands: Sequence[Access], remaining: Mapping[int, Any]
    ) -> tuple[int, Any] | None:
        """A summed label and what ``access`` says it equals, if an array is indexed by it.

        Entries outside an array count as 0, which is what the one-hot or window would say; a label
        is never outside.
        """
        node, labels = access
        if node.kind is Kind.ONEHOT:
            candidates = {node.rank - 1: None}
        elif node.kind is Kind.DELTA or (node.kind is Kind.INDICATOR and node.affine[2] == "="):
            candidates = dict.fromkeys(range(node.rank))
        else:
            return None
        for axis in candidates:
            label = labels[axis]
            others = [a for a in operands if a is not access and label in a.labels]
            indexed = (bool(others) and _is_within(node)) or any(
                _vanishes_outside(a.node, k)
                for a in others
                for k, x in enumerate(a.labels)
                if x == label
            )
            if label not in remaining or labels.count(label) > 1 or not indexed:
                continue
            value = self.solved(access, axis)
            if value is not None:
                return label, value
        return None

    def solved(self, access: Access, axis: int) -> Any:
        """The position along ``axis`` at which an indicator is 1, if there is one."""
        node, labels = access
        if node.kind is Kind.ONEHOT:
            (index,) = node.accesses
            return self.at(index.node, [self.labels[labels[x]] for x in index.labels])
        if node.kind is Kind.DELTA:
            return self.labels[labels[1 - axis]]
        coefficients, offset, _ = node.affine
        if abs(coefficients[axis]) != 1:
            return None
        rest = [c * self.labels[x] for c, x in zip(coefficients, labels, strict=True)]
        del rest[axis]
        return sp.expand(-coefficients[axis] * sp.Add(*rest, offset))

    def reduction(self) -> Any:
        """log Σ exp written out; any other one over its index, max_k x[k]."""
        inner = self.operand(self.node.accesses[0])
        if not self.summed:
            return of_one(self.node.op, inner)
        ranges = [(dummy, 0, n - 1) for dummy, n in self.summed.values()]
        if self.node.op == "logsumexp":
            return sp.log(sp.Sum(sp.exp(inner), *ranges))
        return reduction(sp.Symbol(self.node.op), inner, *(dummy for dummy, _, _ in ranges))


def of_one(op: str, entry: Any) -> Any:
    """The reduction ``op`` of a single entry, which max and log-sum-exp return as it is."""
    below = {"sparsemax_threshold": sp.Integer(1), "sparsemax_value": sp.Rational(1, 2)}
    return entry - below[op] if op in below else entry  # which may be a vector of such entries


def _is_within(node: Node) -> bool:
    """Whether a one-hot's index is one of its positions: a label of as many classes, an arg max."""
    if node.kind is not Kind.ONEHOT:
        return False
    (index,) = node.args
    if index.kind is Kind.LEAF:
        return index.leaf.classes == node.shape[-1]
    return (
        index.kind is Kind.REDUCE
        and index.op == "argmax"
        and index.args[0].shape[-1] == node.shape[-1]
    )


def _vanishes_outside(node: Node, axis: int) -> bool:
    """Whether an entry beyond the range of ``axis`` would read as 0, as an array's does."""
    match node.kind:
        case Kind.LEAF | Kind.NAMED:
            return True
        case Kind.PRODUCT:
            return any(
                _vanishes_outside(a.node, k)
                for a in node.accesses
                for k, x in enumerate(a.labels)
                if x == axis
            )
        case _:
            return False


def _of_matrix(matrix: Any, own: tuple[Any, ...]) -> Any:
    return MatrixElement(matrix, *(*own, 0)[:2]) if own else matrix


def _indexed(node: Node, own: tuple[Any, ...]) -> Any:
    if not own:
        symbol = node.leaf.symbol if node.kind is Kind.LEAF else sp.Symbol(node.name, real=True)
        if isinstance(symbol, MatrixExpr):
            return symbol[0, 0]  # a matrix would turn the products around it into matrices
        return symbol if isinstance(symbol, sp.Expr | Opaque) else sp.Symbol(node.name, real=True)
    return sp.IndexedBase(node.name)[own]
