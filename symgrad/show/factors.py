"""How a product hands an adjoint on to its factors, as a textbook states it.

Why it exists: matrix product, dot product, outer product, Hadamard product, trace, picking an entry
and reading through a window are one kind of node and one derivative rule, and a dozen laws for a
reader. Each is a row: which operand of which product it is about, and the law in both directions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from symgrad.graph import Access, Kind, Node


class Edge(NamedTuple):
    """The ``k``-th operand of ``node``."""

    node: Node
    k: int

    @property
    def operand(self) -> Access:
        """The operand, with its labels."""
        return self.node.accesses[self.k]

    @property
    def others(self) -> list[Access]:
        """The other operands."""
        return [a for n, a in enumerate(self.node.accesses) if n != self.k]

    @property
    def missing(self) -> list[int]:
        """The axes of the result that the operand is repeated along."""
        return [x for x in range(self.node.rank) if x not in self.operand.labels]


class Factors(NamedTuple):
    """A product of two as a textbook sees it: without the axes of a batch, which both have."""

    batch: frozenset[int]
    own: tuple[int, ...]
    other: tuple[int, ...]
    rest: frozenset[int]
    """The axes of the result."""

    @property
    def summed(self) -> frozenset[int]:
        """Labels that are summed over."""
        return frozenset((*self.own, *self.other)) - self.rest


def _factors(edge: Edge) -> Factors | None:
    """The two factors of a product that has no more, beside scalars; neither along a diagonal."""
    arrays = [a.labels for a in edge.others if a.labels]
    if len(arrays) > 1 or not edge.others:
        return None
    own, other = edge.operand.labels, arrays[0] if arrays else ()
    if len(set(own)) < len(own) or len(set(other)) < len(other):
        return None
    batch = frozenset(x for x in own if x in other and x < edge.node.rank)
    return Factors(
        batch,
        tuple(x for x in own if x not in batch),
        tuple(x for x in other if x not in batch),
        frozenset(range(edge.node.rank)) - batch,
    )


class Passed(NamedTuple):
    """A rule in both directions: what an adjoint becomes, and what a change becomes."""

    backward: str
    forward: str


Row = tuple[Callable[[Edge], bool], Callable[[Edge], Passed]]
"""Which operand a rule is about, and the rule."""


def _always(backward: str, forward: str) -> Callable[[Edge], Passed]:
    return lambda edge: Passed(backward, forward)


def _other_is(kind: Kind) -> Callable[[Edge], bool]:
    return lambda edge: any(a.node.kind is kind for a in edge.others)


def _alone(edge: Edge) -> bool:
    return len(edge.node.args) == 1


def _sums(edge: Edge) -> bool:
    return any(x >= edge.node.rank for x in edge.operand.labels)


def _is_diagonal(edge: Edge) -> bool:
    return len(set(edge.operand.labels)) < len(edge.operand.labels)


def is_turned(edge: Edge) -> bool:
    """Whether a product is its one operand with its axes in another order."""
    is_view = edge.node.kind is Kind.PRODUCT and _alone(edge) and not _is_diagonal(edge)
    return is_view and set(edge.operand.labels) == set(range(edge.node.rank))


def is_squared(edge: Edge) -> bool:
    """Whether a product is one of a value with itself."""
    return len(edge.node.args) == 2 and edge.node.accesses[0] == edge.node.accesses[1]


def is_power(edge: Edge) -> bool:
    """Whether an operand of a product is in it more than once, at the same place: a·a·b."""
    is_product = edge.node.kind is Kind.PRODUCT
    return is_product and edge.node.accesses.count(edge.operand) > 1


def _pair(test: Callable[[Factors], bool]) -> Callable[[Edge], bool]:
    """A test of the two factors of a product."""

    def tested(edge: Edge) -> bool:
        factors = _factors(edge)
        return factors is not None and test(factors)

    return tested


def _is_matrix_product(f: Factors) -> bool:
    return len(f.own) == len(f.other) == 2 == len(f.rest) and len(f.summed) == 1


def _is_matrix_vector(f: Factors) -> bool:
    return sorted((len(f.own), len(f.other))) == [1, 2] and len(f.rest) == len(f.summed) == 1


def _is_dot(f: Factors) -> bool:
    return not f.rest and len(f.summed) == 1 and len(f.own) == len(f.other) == 1


def _is_frobenius(f: Factors) -> bool:
    return not f.rest and len(f.summed) > 1 and set(f.own) == set(f.other)


def _is_outer(f: Factors) -> bool:
    return len(f.own) == len(f.other) == 1 and len(f.rest) == 2


def _is_pointwise(f: Factors) -> bool:
    return not (f.own or f.other or f.rest)


def _scales(f: Factors) -> bool:
    return not f.other and set(f.own) == f.rest


def _is_scale(f: Factors) -> bool:
    return not f.own and set(f.other) == f.rest


MATRIX_PRODUCTS: dict[tuple[bool, bool, bool], tuple[str, str]] = {
    (True, False, False): ("A·B", "Ā = Z̄·Bᵀ"),
    (True, False, True): ("A·Bᵀ", "Ā = Z̄·B"),
    (True, True, False): ("Aᵀ·B", "Ā = B·Z̄ᵀ"),
    (True, True, True): ("Aᵀ·Bᵀ", "Ā = Bᵀ·Z̄ᵀ"),
    (False, False, False): ("A·B", "B̄ = Aᵀ·Z̄"),
    (False, False, True): ("Aᵀ·B", "B̄ = A·Z̄"),
    (False, True, False): ("A·Bᵀ", "B̄ = Z̄ᵀ·A"),
    (False, True, True): ("Aᵀ·Bᵀ", "B̄ = Z̄ᵀ·Aᵀ"),
}
"""Whether the operand is the left factor, is transposed, and the other is → Z, and what it gets."""


def _matrix_product(edge: Edge) -> Passed:
    f = _factors(edge)
    assert f is not None
    (row,) = set(f.own) & f.rest
    (column,) = set(f.other) & f.rest
    left = row < column
    turned = f.own[0] in f.summed if left else f.own[0] in f.rest
    other_turned = f.other[0] in f.rest if left else f.other[0] in f.summed
    z, gets = MATRIX_PRODUCTS[left, turned, other_turned]
    a, b = z.split("·")
    changes = f"dZ = d{a}·{b} + {a}·d{b}"
    return _for_each(
        f, Passed(f"product rule for matrices: Z = {z} gives {gets}", f"Z = {z} gives {changes}")
    )


def _matrix_vector(edge: Edge) -> Passed:
    f = _factors(edge)
    assert f is not None
    matrix = f.own if len(f.own) == 2 else f.other
    turned = matrix[0] in f.summed
    z = "Aᵀ·b" if turned else "A·b"
    if matrix is f.own:
        gets = "Ā = b·z̄ᵀ" if turned else "Ā = z̄·bᵀ"
    else:
        gets = "b̄ = A·z̄" if turned else "b̄ = Aᵀ·z̄"
    a, b = z.split("·")
    changes = f"dz = d{a}·{b} + {a}·d{b}"
    return _for_each(
        f, Passed(f"product rule for matrices: z = {z} gives {gets}", f"z = {z} gives {changes}")
    )


def _outer(edge: Edge) -> Passed:
    f = _factors(edge)
    assert f is not None
    gets = "ā = Z̄·b" if f.own[0] < f.other[0] else "b̄ = Z̄ᵀ·a"
    return _for_each(f, Passed(f"Z = a·bᵀ gives {gets}", "Z = a·bᵀ gives dZ = da·bᵀ + a·dbᵀ"))


def _is_chain(edge: Edge) -> bool:
    """Whether a product is one of matrices and vectors in a row, A·B·c, or the trace of one."""
    node = edge.node
    if node.rank > 2 or any(len(set(x)) < len(x) or len(x) > 2 or not x for x in node.labels):
        return False
    carried = Counter(x for labels in node.labels for x in labels)
    return all(n == (1 if x < node.rank else 2) for x, n in carried.items())


CHAINS: dict[tuple[int, int | None, bool], tuple[str, str, str]] = {
    (1, 0, False): ("z = X·b", "X̄ = z̄·bᵀ", "dz = dX·b"),
    (1, 0, True): ("z = Xᵀ·b", "X̄ = b·z̄ᵀ", "dz = dXᵀ·b"),
    (1, None, False): ("z = A·X·b", "X̄ = Aᵀ·z̄·bᵀ", "dz = A·dX·b"),
    (1, None, True): ("z = A·Xᵀ·b", "X̄ = b·z̄ᵀ·A", "dz = A·dXᵀ·b"),
    (2, 0, False): ("Z = X·B", "X̄ = Z̄·Bᵀ", "dZ = dX·B"),
    (2, 0, True): ("Z = Xᵀ·B", "X̄ = B·Z̄ᵀ", "dZ = dXᵀ·B"),
    (2, 1, False): ("Z = A·X", "X̄ = Aᵀ·Z̄", "dZ = A·dX"),
    (2, 1, True): ("Z = A·Xᵀ", "X̄ = Z̄ᵀ·A", "dZ = A·dXᵀ"),
    (2, None, False): ("Z = A·X·B", "X̄ = Aᵀ·Z̄·Bᵀ", "dZ = A·dX·B"),
    (2, None, True): ("Z = A·Xᵀ·B", "X̄ = B·Z̄ᵀ·A", "dZ = A·dXᵀ·B"),
}
"""Axes of the result, which of them a matrix carries, whether it is transposed → Z, X̄ and dZ."""


def _turned_in_chain(edge: Edge) -> bool:
    """Whether a matrix stands in its chain transposed, read from the first axis of the result.

    In A·b·cᵀ·D two chains end inside: the other is read back from the second axis. What neither
    leads to, X in (aᵀ·X·b)·c, is as good as upright.
    """
    for axis in range(edge.node.rank):
        waiting = dict(enumerate(edge.node.labels))
        ends = [axis]
        while ends:
            k = next(k for k, labels in waiting.items() if ends[0] in labels)
            labels = waiting.pop(k)
            if k == edge.k:
                return labels[axis] != ends[0]
            ends = [x for x in labels if x != ends[0] and x >= edge.node.rank]
    return False


def _chain(edge: Edge) -> Passed:
    """A factor between others, or at one end of them."""
    rank, labels = edge.node.rank, edge.operand.labels
    ends = [x for x in labels if x < rank]
    if not rank:
        rule = {
            2: ("s = tr(A·X)", "X̄ = s̄·Aᵀ", "ds = tr(A·dX)"),
            1: ("s = aᵀ·x", "x̄ = s̄·a", "ds = aᵀ·dx"),
        }[len(labels)]
        if len(labels) == 2 and any(len(x) == 1 for x in edge.node.labels):
            rule = ("s = aᵀ·X·b", "X̄ = s̄·a·bᵀ", "ds = aᵀ·dX·b")
    elif len(labels) == 1:
        rule = ("z = A·x", "x̄ = Aᵀ·z̄", "dz = A·dx")
    else:
        rule = CHAINS[rank, ends[0] if ends else None, _turned_in_chain(edge)]
    z, gets, changes = rule
    return Passed(
        f"product rule for matrices: {z} gives {gets}",
        f"{z} gives {changes}, and so for every other factor",
    )


def _for_each(f: Factors, rule: Passed) -> Passed:
    """The rule, which holds for every index that all of the product has."""
    if not f.batch:
        return rule
    return Passed(f"{rule.backward}, for each of a batch", f"{rule.forward}, for each of a batch")


def _of_batch(backward: str, forward: str) -> Callable[[Edge], Passed]:
    def rule(edge: Edge) -> Passed:
        f = _factors(edge)
        assert f is not None
        return _for_each(f, Passed(backward, forward))

    return rule


def _pointwise(edge: Edge) -> Passed:
    if edge.node.rank:
        return Passed("Z = A ⊙ B gives Ā = Z̄ ⊙ B", "Z = A ⊙ B gives dZ = dA ⊙ B + A ⊙ dB")
    return Passed("product rule: z = a·b gives ā = z̄·b", "z = a·b gives dz = da·b + a·db")


def _is_long(edge: Edge) -> bool:
    """Whether more than two factors are multiplied entry by entry."""
    shapes = {a.labels for a in edge.node.accesses if a.labels}
    return len(edge.node.args) > 2 and shapes <= {tuple(range(edge.node.rank))}


def _long(edge: Edge) -> Passed:
    if edge.node.rank and edge.operand.labels:
        return Passed(
            "Z = A ⊙ B ⊙ … gives Ā = Z̄ ⊙ B ⊙ …", "Z = A ⊙ B ⊙ … gives dZ = dA ⊙ B ⊙ … + …"
        )
    if edge.node.rank:
        return Passed("Z = c·A gives c̄ = ⟨Z̄, A⟩", "Z = c·A gives dZ = dc·A + c·dA")
    return Passed("product rule: z = a·b·… gives ā = z̄·b·…", "z = a·b·… gives dz = da·b·… + …")


def _sums_entries(edge: Edge) -> bool:
    """Whether a product is Σ a ⊙ b ⊙ …, of more than two."""
    shapes = {a.labels for a in edge.node.accesses if a.labels}
    return not edge.node.rank and len(edge.node.args) > 2 and len(shapes) == 1


def _sum_of_long(edge: Edge) -> Passed:
    if edge.operand.labels:
        return Passed(
            "s = Σ a ⊙ b ⊙ … gives ā = s̄·b ⊙ …", "s = Σ a ⊙ b ⊙ … gives ds = Σ da ⊙ b ⊙ … + …"
        )
    return Passed("s = c·Σ a ⊙ … gives c̄ = s̄·Σ a ⊙ …", "s = c·Σ a ⊙ … gives ds = dc·Σ a ⊙ … + …")


def _power(edge: Edge) -> Passed:
    """The law of a·a·b: of the factor that is in it n times."""
    n = edge.node.accesses.count(edge.operand)
    more = len(edge.node.args) > n
    if not edge.operand.labels and not edge.node.rank:
        whole, less = (
            "·".join(["a" + (str(k).translate(RAISED) if k > 1 else ""), *["b"] * more])
            for k in (n, n - 1)
        )
        return Passed(
            f"z = {whole} gives ā = {n}·z̄·{less}",
            f"z = {whole} gives dz = {n}·{less}·da{' + …' * more}",
        )
    letter, other = ("A", "B") if edge.node.rank else ("a", "b")
    whole, less = (" ⊙ ".join([*[letter] * k, *[other] * more]) for k in (n, n - 1))
    if edge.node.rank:
        return Passed(
            f"Z = {whole} gives Ā = {n}·Z̄ ⊙ {less}",
            f"Z = {whole} gives dZ = {n}·{less} ⊙ dA{' + …' * more}",
        )
    return Passed(
        f"s = Σ {whole} gives ā = {n}·s̄·({less})",
        f"s = Σ {whole} gives ds = {n}·Σ {less} ⊙ da{' + …' * more}",
    )


RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def _pointwise_square(edge: Edge) -> Passed:
    if edge.node.rank:
        return Passed("Z = A ⊙ A gives Ā = 2·Z̄ ⊙ A", "Z = A ⊙ A gives dZ = 2·A ⊙ dA")
    return Passed("z = a² gives ā = 2·z̄·a", "z = a² gives dz = 2·a·da")


PRODUCTS: tuple[Row, ...] = (
    (
        _other_is(Kind.ONEHOT),
        _always(
            "z = a_c picks an entry, so ā is z̄ at c and 0 elsewhere",
            "z = a_c picks an entry: dz = da_c",
        ),
    ),
    (
        _other_is(Kind.INDICATOR),
        _always(
            "z reads a through a window, so an entry of a collects from every window it is in",
            "z reads a through a window, and dz reads da through it",
        ),
    ),
    (
        lambda edge: _alone(edge) and _sums(edge) and _is_diagonal(edge),
        _always("s = tr A gives Ā = s̄·I", "s = tr A gives ds = tr dA"),
    ),
    (
        lambda edge: _alone(edge) and _sums(edge),
        _always("s = Σ a gives ā = s̄ in every entry", "s = Σ a gives ds = Σ da"),
    ),
    (
        lambda edge: _alone(edge) and _is_diagonal(edge),
        _always("z = diag A gives Ā = diag(z̄)", "z = diag A gives dz = diag dA"),
    ),
    (is_turned, _always("Z = Aᵀ gives Ā = Z̄ᵀ", "Z = Aᵀ gives dZ = dAᵀ")),
    (_alone, _always("z repeats a, so its gradient sums", "z repeats a, and dz repeats da")),
    (
        lambda edge: is_squared(edge) and _pair(_is_pointwise)(edge),
        _pointwise_square,
    ),
    (
        lambda edge: is_squared(edge) and _pair(_is_dot)(edge),
        _of_batch("s = aᵀ·a gives ā = 2·s̄·a", "s = aᵀ·a gives ds = 2·aᵀ·da"),
    ),
    (
        lambda edge: is_squared(edge) and _pair(_is_frobenius)(edge),
        _of_batch("s = ⟨A, A⟩ gives Ā = 2·s̄·A", "s = ⟨A, A⟩ gives ds = 2·⟨A, dA⟩"),
    ),
    (lambda edge: is_power(edge) and (_is_long(edge) or _sums_entries(edge)), _power),
    (_is_long, _long),
    (_sums_entries, _sum_of_long),
    (_pair(_is_pointwise), _pointwise),
    (_pair(_is_matrix_product), _matrix_product),
    (_pair(_is_matrix_vector), _matrix_vector),
    (_pair(_is_dot), _of_batch("s = aᵀ·b gives ā = s̄·b", "s = aᵀ·b gives ds = daᵀ·b + aᵀ·db")),
    (
        _pair(_is_frobenius),
        _of_batch("s = ⟨A, B⟩ gives Ā = s̄·B", "s = ⟨A, B⟩ gives ds = ⟨dA, B⟩ + ⟨A, dB⟩"),
    ),
    (_pair(_is_outer), _outer),
    (_pair(_scales), _of_batch("Z = c·A gives Ā = c·Z̄", "Z = c·A gives dZ = dc·A + c·dA")),
    (_pair(_is_scale), _of_batch("Z = c·A gives c̄ = ⟨Z̄, A⟩", "Z = c·A gives dZ = dc·A + c·dA")),
    (_is_chain, _chain),
    (
        lambda edge: True,
        _always(
            "product rule: Z = Σ A·B·… gives Ā = Σ Z̄·B·…, over every index that A has not",
            "product rule: Z = Σ A·B·… gives dZ = Σ dA·B·… + Σ A·dB·… + …",
        ),
    ),
)
"""The laws of products; of an operand the first row that is about it holds."""


def of_product(edge: Edge) -> Passed:
    """The law by which a product hands its adjoint on to an operand."""
    rule = next(rule(edge) for test, rule in PRODUCTS if test(edge))
    scalars = [a for a in edge.others if not a.labels]
    if not scalars or len(edge.node.args) == 2 or _factors(edge) is None or _is_long(edge):
        return rule
    return Passed(*(f"{law}, and so with a scalar in front" for law in rule))
