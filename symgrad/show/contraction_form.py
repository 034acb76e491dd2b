"""One product in matrix notation: the spelling that a textbook prints.

Why it exists: a contraction such as Σ_c W[c,h]·δ[c]·g[h] has many matrix spellings and one that a
textbook prints, (Wᵀ·δ) ⊙ g. `Contraction` finds it by removing one summed label at a time:
a matrix and vectors give a matrix–vector product, two matrices a matrix product, two vectors an
inner product; what remains on the labels of the result is combined by ⊙ and outer products.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sympy as sp
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.hadamard import HadamardPower, HadamardProduct
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixExpr
from sympy.matrices.expressions.special import Identity, OneMatrix

from symgrad import functions
from symgrad import graph as g
from symgrad.algebra import softmax_of
from symgrad.facts import knows
from symgrad.graph import Access, Kind, Labels, Node, slot
from symgrad.symbols import FactMatrix, NamedMatrix


class NoMatrixForm(Exception):
    """Matrix notation cannot say this value; internal to this module."""


def scale(c: Any, expr: Any) -> Any:
    """c·expr; of a sum, term by term: SymPy would multiply each of them out again."""
    if c == 1:
        return expr
    if isinstance(expr, sp.MatAdd) and sp.sympify(c).is_Rational:
        return sp.MatAdd(*(scale(c, term) for term in expr.args))
    if isinstance(expr, MatrixExpr):
        return sp.MatMul(c, expr, evaluate=True)
    return c * expr


def _is_symmetric(expr: Any) -> bool:
    """Whether a matrix is its transpose: it is declared so, or Aᵀ·A, or a sum of such."""
    if isinstance(expr, FactMatrix):
        return bool(knows(expr.node, "symmetric"))
    if isinstance(expr, sp.MatAdd):
        return all(map(_is_symmetric, expr.args))
    if isinstance(expr, sp.MatMul):
        matrices = expr.as_coeff_matrices()[1]
        if len(matrices) == 1:
            return _is_symmetric(matrices[0])
        first, last = matrices[0], matrices[-1]
        ends = last == (first.arg if isinstance(first, sp.Transpose) else sp.Transpose(first))
        inner = matrices[1:-1]
        return ends and (not inner or _is_symmetric(sp.MatMul(*inner)))
    return isinstance(expr, Identity | DiagMatrix)


class _Literal(sp.Inverse):
    """An inverse whose transpose is shown, whatever it is the inverse of."""


def literally(expr: Any) -> Any:
    """A symbol or an inverse whose transpose is not known to be the same."""
    if isinstance(expr, FactMatrix):
        return sp.MatrixSymbol(expr.name, *expr.shape)
    return _Literal(expr.arg) if isinstance(expr, sp.Inverse) else expr


_TURNED = (sp.Inverse, DiagMatrix)
"""Factors whose transpose is as short as they are."""


def transposed(expr: Any) -> Any:
    """exprᵀ, which for a sum or a Hadamard product stays outside: (p − Y)ᵀ, not pᵀ − Yᵀ.

    A product with an inverse or a diagonal in it is turned around, Vᵀ·X⁻ᵀ, not (X⁻¹·V)ᵀ; and so
    is one of transposes only: W2·W1, not (W1ᵀ·W2ᵀ)ᵀ. What is declared symmetric is its transpose,
    and so is (Aᵀ·A)⁻¹.
    """
    if isinstance(expr, _Literal):
        return sp.Transpose(expr)
    if _is_symmetric(expr.arg if isinstance(expr, sp.Inverse) else expr):
        return expr
    if isinstance(expr, sp.Transpose | DiagMatrix | Identity):
        return expr.arg if isinstance(expr, sp.Transpose) else expr
    if isinstance(expr, sp.MatMul):
        c, matrices = expr.as_coeff_matrices()
        turned = len(matrices) == 1 or any(isinstance(m, _TURNED) for m in matrices)
        if turned or all(isinstance(m, sp.Transpose) for m in matrices):
            return sp.MatMul(c, *(transposed(m) for m in reversed(matrices)))
    return expr.T if isinstance(expr, sp.MatrixSymbol | sp.Transpose) else sp.Transpose(expr)


class _Factor(NamedTuple):
    """A matrix over two labels (rows, columns), a column over one, or a scalar over none."""

    expr: Any
    labels: Labels

    def rows(self, label: int) -> Any:
        """The matrix with ``label`` along its rows."""
        return self.expr if self.labels[0] == label else transposed(self.expr)


class Contraction:
    """The matrix notation of one product."""

    def __init__(self, node: Node, done: Mapping[Node, Any]) -> None:
        self.node = node
        self.dims = g.label_dims(node)
        self.factors = [self._factor(a, done) for a in self._picked(done)]

    def _picked(self, done: Mapping[Node, Any]) -> list[Access]:
        """The operands; X·1_i·1_j, whose labels nothing else carries, is set aside as X[i, j]."""
        accesses = list(self.node.accesses)
        self.scalars: list[Any] = []
        picks = {
            a.labels[0]: a
            for a in accesses
            if a.node.kind is Kind.ONEHOT and a.node.rank == 1 and a.labels[0] >= self.node.rank
        }
        for access in list(accesses):
            used = [picks[x] for x in access.labels if x in picks]
            others = [a for a in accesses if a is not access and a not in used]
            elsewhere = {x for a in others for x in a.labels}
            if access.node.kind is Kind.ONEHOT or len(used) < max(1, access.node.rank):
                continue
            if set(access.labels) & elsewhere:
                continue
            where = [done[a.node.args[0]] for a in used]
            self.scalars.append(_entry(access.node, where, done))
            accesses = others
        return accesses

    def _factor(self, access: Access, done: Mapping[Node, Any]) -> _Factor:
        expr, labels = done[access.node], access.labels
        if len(set(labels)) == len(labels):
            return _Factor(expr, labels)
        lonely = (
            labels[0] >= self.node.rank
            and sum(labels[0] in other for other in self.node.labels) == 1
        )
        return _Factor(sp.Trace(expr), ()) if lonely else _Factor(DiagonalOf(expr), labels[:1])

    def expression(self) -> Any:
        """The whole product."""
        remaining = {x for x in range(self.node.rank, len(self.dims)) if self._carriers(x)}
        while remaining:
            label = min(remaining, key=lambda x: (*self._effort(x), x))
            self._remove(label)
            remaining -= {x for x in remaining if not self._carriers(x)}
        return self._result()

    def _carriers(self, label: int) -> list[_Factor]:
        return [f for f in self.factors if label in f.labels]

    def _effort(self, label: int) -> tuple[int, ...]:
        """Labels whose removal leaves a vector or scalar come first, A·x before Aᵀ·x.

        Of those between matrices the ones at the ends of a chain do, leaves before the rest, from
        the left: (X·Q)·(X·K)ᵀ and Ō·(X·V)ᵀ. Labels are numbered as symbols were made, which is no
        order.
        """
        carriers = self._carriers(label)
        matrices = [f for f in carriers if len(f.labels) == 2]
        if len(matrices) == 1 and len(carriers) > 1:
            return 0 if matrices[0].labels[1] == label else 1, 0, 0
        bare = [f.expr.arg if isinstance(f.expr, sp.Transpose) else f.expr for f in carriers]
        leaves = [isinstance(x, sp.MatrixSymbol) and not isinstance(x, NamedMatrix) for x in bare]
        made = leaves.count(False)
        end = min((x for f in carriers for x in f.labels if x < self.node.rank), default=2)
        return 2 + len(matrices), made + (end == 2), end

    def _remove(self, label: int) -> None:
        carriers = self._carriers(label)
        vectors = [f.expr for f in carriers if len(f.labels) == 1]
        matrices = self._merged([f for f in carriers if len(f.labels) == 2])
        self.factors = [f for f in self.factors if f not in carriers]
        match len(matrices):
            case 0 if len(vectors) == 2:
                new = _Factor(functions.dot(*_data_first(vectors)), ())
            case 0:
                new = _Factor(_total(_hadamard(vectors)), ())
            case 1:
                (matrix,) = matrices
                other = next(x for x in matrix.labels if x != label)
                if self._frobenius(matrix, carriers, vectors):
                    a, b = (f.expr if f.labels == matrix.labels else f.expr.T for f in carriers)
                    new = _Factor(functions.dot(*_data_first([a, b])), ())
                elif not vectors and self._alone(matrix):
                    new = _Factor(_total(matrix.expr), ())
                else:
                    v = _hadamard(vectors) if vectors else OneMatrix(self.dims[label], 1)
                    new = _Factor(sp.MatMul(matrix.rows(other), v, evaluate=True), (other,))
            case 2:
                a, b = matrices
                left = next(x for x in a.labels if x != label)
                right = next(x for x in b.labels if x != label)
                if left > right:
                    (a, left), (b, right) = (b, right), (a, left)
                middle = [DiagMatrix(_hadamard(vectors))] if vectors else []
                new = _Factor(
                    sp.MatMul(a.rows(left), *middle, b.rows(label), evaluate=True), (left, right)
                )
            case _:
                raise NoMatrixForm
        self.factors.append(new)

    def _frobenius(self, matrix: _Factor, carriers: list[_Factor], vectors: list[Any]) -> bool:
        """Whether two matrices over the same two summed labels are all that is summed."""
        return (
            not vectors
            and len(carriers) == 2
            and all(x >= self.node.rank for x in matrix.labels)
            and all(f in carriers or not set(f.labels) & set(matrix.labels) for f in self.factors)
            and len({frozenset(f.labels) for f in carriers}) == 1
        )

    def _alone(self, matrix: _Factor) -> bool:
        """Whether every entry of a matrix is summed, and nothing else meets it."""
        return all(x >= self.node.rank and not self._carriers(x) for x in matrix.labels)

    def _merged(self, matrices: list[_Factor]) -> list[_Factor]:
        """Matrices over the same labels, multiplied by ⊙."""
        by_labels: dict[frozenset[int], list[_Factor]] = {}
        for factor in matrices:
            by_labels.setdefault(frozenset(factor.labels), []).append(factor)
        return [
            _Factor(_hadamard([f.rows(same[0].labels[0]) for f in same]), same[0].labels)
            for same in by_labels.values()
        ]

    def _result(self) -> Any:
        shape = self.node.shape
        scalars = self.scalars + [f.expr for f in self.factors if not f.labels]
        left = [f.expr for f in self.factors if f.labels == (0,)]
        right = [f.expr for f in self.factors if f.labels == (1,)]
        matrices = self._merged([f for f in self.factors if len(f.labels) == 2])
        if any(set(f.labels) != {0, 1} for f in matrices):
            raise NoMatrixForm
        if not shape:
            return sp.Mul(*scalars)
        if len(shape) == 1:
            body = _hadamard(left) if left else OneMatrix(shape[0], 1)
        elif matrices:
            ends = ([DiagMatrix(_hadamard(v))] if v else [] for v in (left, right))
            before, after = ends
            body = matrices[0].rows(0)
            if before or after:
                body = sp.MatMul(*before, body, *after, evaluate=True)
        else:
            u = _hadamard(left) if left else OneMatrix(shape[0], 1)
            v = _hadamard(right) if right else OneMatrix(shape[1], 1)
            body = sp.MatMul(u, transposed(v), evaluate=True)
        return scale(sp.Mul(*scalars), body)


def _entry(node: Node, where: Sequence[Any], done: Mapping[Node, Any]) -> Any:
    """An entry of a matrix; of a function of each entry, log(p[y]) and not log(p)[y]."""
    whole = tuple(range(node.rank))
    inner = node.kind is Kind.MAP and softmax_of(node) is None
    if not inner or any(a.labels not in ((), whole) for a in node.accesses):
        return MatrixElement(done[node], *where, *[0] * (2 - len(where)))
    entries = [_entry(a.node, where, done) if a.labels else done[a.node] for a in node.accesses]
    return node.body.xreplace({slot(k): entry for k, entry in enumerate(entries)})


def _total(expr: Any) -> Any:
    """The sum of all entries; of c·M, and of its row sums, c times that of M: c·‖f − Y‖²."""
    c, matrices = expr.as_coeff_matrices() if isinstance(expr, sp.MatMul) else (1, [expr])
    if len(matrices) == 2 and isinstance(matrices[1], OneMatrix):
        matrices = matrices[:1]
    if len(matrices) != 1:
        return functions.sum(expr)
    (m,) = matrices
    base, power = m.args if isinstance(m, HadamardPower) else (m, 1)
    factors: list[Any] = [base, base] if power == 2 else []
    factors = [*m.args] if isinstance(m, HadamardProduct) else factors
    if len(factors) == 2 and (factors[0] == factors[1] or 1 not in m.shape):
        return c * functions.dot(*_data_first(factors))
    return c * functions.sum(m) if 1 not in m.shape else functions.sum(expr)


def _hadamard(factors: Sequence[Any]) -> Any:
    if len(factors) == 1:
        return factors[0]
    return HadamardProduct(*factors, evaluate=True) if factors else sp.Integer(1)


def _data_first(vectors: Sequence[Any]) -> list[Any]:
    """The order of aᵀ·b: leaves, named values, computed ones, as in yᵀ·log(p); then by name.

    Not the order of the graph, which is that in which the symbols were made.
    """
    return sorted(vectors, key=_dot_order)


def _dot_order(v: Any) -> tuple[Any, ...]:
    if isinstance(v, sp.MatrixSymbol):
        return isinstance(v, NamedMatrix), v.name
    if isinstance(v, sp.Transpose) and isinstance(v.arg, sp.MatrixSymbol):
        return 2, not isinstance(v.arg, NamedMatrix), v.arg.name  # rows: h·wᵀ, as X·Wᵀ
    return 3, sp.default_sort_key(v)
