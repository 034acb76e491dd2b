"""From the graph back to SymPy: matrix notation where it can say the thing, indices where not.

Why it exists: results are SymPy, as declarations are, so that they can be read, compared, lifted
and differentiated again. Each node has its spelling here, a product in `contraction_form`. What
matrices cannot say becomes a ``FunctionMatrix`` of an indexed sum, which is still SymPy; a value
of more than two axes is given by its entry (`entry_form`).

Every value of rank 1 is a column here; rank 0 is a scalar expression.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import sympy as sp
from sympy.matrices.expressions.diagonal import DiagonalOf
from sympy.matrices.expressions.hadamard import HadamardPower
from sympy.matrices.expressions.matexpr import MatrixExpr
from sympy.matrices.expressions.special import Identity, OneMatrix

from symgrad import functions, matrix_functions
from symgrad import graph as g
from symgrad.activations import ELEMENTWISE, sparsemax
from symgrad.algebra import content, softmax_along, softmax_of
from symgrad.declare import named_symbol
from symgrad.errors import UnsupportedError
from symgrad.graph import Kind, Labels, Node, Shape, slot
from symgrad.identities import CANONICAL
from symgrad.linear_rules import least_labels
from symgrad.show.contraction_form import (
    Contraction,
    NoMatrixForm,
    literally,
    scale,
    transposed,
)
from symgrad.show.index_form import Letters, index_form, letters_of, of_one
from symgrad.symbols import FactMatrix, LabelSymbol, MatrixCall, call
from symgrad.vocabulary import maximum, minimum, relu, step


def matrix_form(
    root: Node,
    symbols: Mapping[Node, Any] | None = None,
    letters: Letters | None = None,
    literal: str = "",
) -> Any:
    """``root`` as a SymPy expression in leaves and named values.

    ``symbols`` gives the SymPy symbol of a named node where the user has one. A named root is its
    symbol; pass its operand to see its definition. A vector is a column. Raises UnsupportedError
    for more than two axes. ``letters`` spell indices, where those are needed. In ``literal`` form
    symmetric matrices are seen to be transposed: `ALL`, or those that a rule would turn (`TURNED`).
    """
    if root.rank > 2:
        raise UnsupportedError(
            f"a value of shape {root.shape} has more than two axes, which SymPy's matrices cannot "
            "hold; use sg.function to compute it, or sg.graph_text to read it."
        )
    done = _folded(root, symbols or {}, literal)
    if root in done:
        return done[root]
    letters = (letters or letters_of([root])).around(root.shape)
    indices = letters.indices(root.shape)
    entry = index_form(root, indices, letters, _calculus(done))
    if not indices:
        return entry
    rows, cols = (*root.shape, 1)[:2]
    variables = (*indices, letters.pick(1, [x.name for x in indices]))[:2]
    return sp.FunctionMatrix(rows, cols, sp.Lambda(variables, entry))


def entry_form(
    root: Node, symbols: Mapping[Node, Any] | None = None, letters: Letters | None = None
) -> sp.Lambda:
    """Any ``root`` by its entry: a function of one index an axis."""
    letters = (letters or letters_of([root])).around(root.shape)
    indices = letters.indices(root.shape)
    shown = _calculus(_folded(root, symbols or {})) if _has_calculus(root) else {}
    return sp.Lambda(indices, index_form(root, indices, letters, shown))


def _unnamed(root: Node) -> list[Node]:
    """The nodes below ``root`` down to named ones, operands first."""
    return g.topological([root], lambda node: () if node.kind is Kind.NAMED else node.args)


ALL, TURNED = "all", "turn"
"""Which symmetric matrices are seen to be transposed."""

_SYMMETRIC = frozenset(rule.kind for rule in CANONICAL if rule.apply is least_labels)
"""The kinds of nodes that a rule sees with other transposes of what is symmetric."""


def _folded(root: Node, symbols: Mapping[Node, Any], literal: str = "") -> dict[Node, Any]:
    """The matrix notation of each node below ``root`` that has one."""
    done: dict[Node, Any] = {}
    for node in _unnamed(root):
        if node.kind is Kind.NAMED:
            if node.rank <= 2:
                done[node] = _column(symbols.get(node) or named_symbol(node))
            continue
        try:
            plain = literal and node.kind in _SYMMETRIC
            plain = plain and (literal == ALL or least_labels(node) is not None)
            own = {x: literally(done[x]) for x in node.args if x in done} if plain else {}
            done[node] = _one(node, {**done, **own} if plain else done, symbols)
        except NoMatrixForm:
            continue  # a consumer that needs it falls back on indices as well
    return done


def _has_calculus(root: Node) -> bool:
    """Whether `_calculus` may find anything below ``root``: matrix notation takes its time."""
    return any(
        node.kind is Kind.LINALG or (node.kind is Kind.REDUCE and node.op != "logsumexp")
        for node in _unnamed(root)
    )


def _calculus(done: Mapping[Node, Any]) -> dict[Node, Any]:
    """What has no entry by indices alone, or a longer one: X⁻¹, max(z), sparsemax(z)."""
    return {
        node: expr
        for node, expr in done.items()
        if node.kind is Kind.LINALG
        or (node.kind is Kind.REDUCE and node.op != "logsumexp" and not node.rank)
        or (node.kind is Kind.MAP and _sparsemax_scores(node) is not None)
    }


def _one(node: Node, done: Mapping[Node, Any], symbols: Mapping[Node, Any]) -> Any:
    """``symbols`` are those of named values."""
    scores = _sparsemax_scores(node)
    if scores is not None and scores.rank > 1:
        raise NoMatrixForm  # that of every example, which sg.sparsemax is not
    if scores is not None and scores in done:  # its threshold alone has no notation
        value = g.apply(relu(slot(0)), node.accesses, node.shape)
        if node is value:
            return sparsemax(done[scores])
        named = (x for n, x in symbols.items() if n.args[0] is value and not n.is_row)
        return _elementwise(step(slot(0)), next(named, None) or sparsemax(done[scores]))
    if any(arg not in done for arg in node.args) or node.rank > 2:
        raise NoMatrixForm
    match node.kind:
        case Kind.LEAF:
            return _column(_without_ones(node, leaf_symbol(node)))
        case Kind.CONST:
            return _filled(node.value, node.shape)
        case Kind.DELTA:
            return Identity(node.shape[0])
        case Kind.ONEHOT:
            rows, cols = (*node.shape, 1)[:2]
            operands = (done[node.args[0]], sp.sympify(node.shape[-1]))
            return MatrixCall(functions.onehot, operands, node, (rows, cols))
        case Kind.INDICATOR:
            raise NoMatrixForm
        case Kind.LINALG:
            return _linear_algebra(node, done[node.args[0]])
        case Kind.REDUCE:
            return _reduction(node, done[node.args[0]])
        case Kind.SUM:
            return _sum(node, done)
        case Kind.PRODUCT:
            return Contraction(node, done).expression()
        case Kind.MAP:
            return _map(node, done)
        case Kind.NAMED:
            raise NoMatrixForm  # more than two axes: its symbol would not be a matrix


def _linear_algebra(node: Node, operand: Any) -> Any:
    """X⁻¹, det X and log |det X| of one matrix."""
    (labels,) = node.labels
    if len(labels) > 2:
        raise NoMatrixForm
    if node.op == "inverse":
        return sp.Inverse(operand if labels == (0, 1) else transposed(operand))
    return _DETERMINANTS[node.op](operand)


_DETERMINANTS: dict[str, Callable[[Any], Any]] = {
    "det": sp.Determinant,
    "logdet": matrix_functions.logdet,
}


_SPARSEMAX: dict[str, Callable[[Any], Any]] = {
    "sparsemax_value": functions.sparsemax_value,
    "sparsemax_threshold": functions.sparsemax_threshold,
}


def _reduction(node: Node, operand: Any) -> Any:
    """A reduction over every axis, along the rows, or along the columns: the transpose's rows."""
    rank = node.args[0].rank
    if node.labels[0] == (1, 0) and node.op in ("logsumexp", "max"):
        along_rows = functions.logsumexp if node.op == "logsumexp" else functions.max
        return along_rows(transposed(operand), rows=True)
    if node.labels[0] != tuple(range(rank)):
        raise NoMatrixForm
    if node.rank == rank and (not rank or node.op in ("logsumexp", "max")):
        return of_one(node.op, operand)
    if node.op == "logsumexp":
        return functions.logsumexp(operand, rows=node.rank > 0)
    if node.op == "max":
        return functions.max(operand, rows=node.rank > 0)
    if node.op == "argmax":  # the whole numbers themselves, and not as something that jumps
        rows = {"rows": True} if node.rank else {}
        shape = (node.shape[0], 1) if node.rank else ()
        return call(functions.argmax, (operand,), node, shape, rows)
    if node.op in _SPARSEMAX and not node.rank:
        return _SPARSEMAX[node.op](operand)
    raise NoMatrixForm


def leaf_symbol(node: Node) -> Any:
    """The SymPy object that a leaf was declared as."""
    leaf = node.leaf
    if leaf.classes is not None and not node.shape:
        symbol = LabelSymbol(leaf.name, node, integer=True, nonnegative=True)
        symbol.classes = leaf.classes
        return symbol
    if leaf.facts and isinstance(leaf.symbol, sp.MatrixSymbol):
        rows, cols = leaf.symbol.shape
        return FactMatrix(leaf.name, rows, cols, node)
    return leaf.symbol


def _without_ones(node: Node, symbol: Any) -> Any:
    """An array of more axes, some of them literally 1, as the matrix or number that it holds."""
    if not isinstance(symbol, sp.IndexedBase):
        return symbol
    if not node.shape:
        return sp.Symbol(node.name, real=True)
    return sp.MatrixSymbol(node.name, *(*node.shape, 1)[:2])


def _column(symbol: Any) -> Any:
    """A row vector's symbol, transposed: rank 1 is a column in this module."""
    if isinstance(symbol, MatrixExpr):
        if symbol.shape == (1, 1):
            return symbol[0, 0]
        if symbol.shape[0] == 1:
            return symbol.T
    elif not isinstance(symbol, sp.Expr):
        raise NoMatrixForm
    return symbol


def _filled(value: Any, shape: Shape) -> Any:
    if not shape:
        return value
    rows, cols = (*shape, 1)[:2]
    ones = OneMatrix(rows, cols)
    if value == 0:
        return sp.ZeroMatrix(rows, cols)
    return ones if value == 1 else sp.MatMul(value, ones)


def place(expr: Any, labels: Labels, shape: Shape) -> Any:
    """An operand, accessed by ``labels``, as a matrix of the whole ``shape``."""
    if len(set(labels)) < len(labels):
        expr, labels = DiagonalOf(expr), labels[:1]
    if labels == tuple(range(len(shape))):
        return expr
    if not labels:
        return scale(expr, _filled(1, shape))
    if labels == (1, 0):
        return transposed(expr)
    if labels == (0,):
        return sp.MatMul(expr, OneMatrix(1, shape[1]))
    return sp.MatMul(OneMatrix(shape[0], 1), transposed(expr))


def _sum(node: Node, done: Mapping[Node, Any]) -> Any:
    common = content(node.weights)
    if common == -1 and len(node.args) > 1:
        common = sp.Integer(1)
    turned = len(node.args) > 1 and all(labels == (1, 0) for labels in node.labels)
    terms = [  # (a − b)ᵀ and not aᵀ − bᵀ
        scale(c / common, done[arg] if turned else place(done[arg], labels, node.shape))
        for c, arg, labels in zip(node.weights, node.args, node.labels, strict=True)
    ]
    if not node.shape:
        return common * sp.Add(*terms)
    total = terms[0] if len(terms) == 1 else _added(terms)
    return scale(common, transposed(total) if turned else total)


def _added(terms: Sequence[Any]) -> Any:
    """A MatAdd in SymPy's order, of which equal terms are one and all others stay as they are.

    SymPy multiplies every term out again: of (f − Y)ᵀ·X/N it makes (fᵀ − Yᵀ)·X/N, and of an entry
    of A⁻¹·x a quotient of determinants.
    """
    equal: dict[tuple[Any, ...], list[Any]] = {}
    for term in (x for t in terms for x in (t.args if isinstance(t, sp.MatAdd) else (t,))):
        equal.setdefault(_weighed(term)[1], []).append(term)
    added = []
    for matrices, same in equal.items():
        weight = sp.Add(*(_weighed(t)[0] for t in same))
        if weight != 0:
            added.append(same[0] if len(same) == 1 else _weighted(weight, matrices))
    if len(added) < 2:
        return added[0] if added else sp.ZeroMatrix(*terms[0].shape)
    return sp.MatAdd(*sorted(added, key=sp.default_sort_key))


def _weighed(term: Any) -> tuple[Any, tuple[Any, ...]]:
    """The scalar factor of a term, and its matrices."""
    if not isinstance(term, sp.MatMul):
        return sp.Integer(1), (term,)
    weight, matrices = term.as_coeff_matrices()
    return weight, tuple(matrices)


def _weighted(weight: Any, matrices: Sequence[Any]) -> Any:
    if weight == 1 and len(matrices) == 1:
        return matrices[0]
    return sp.MatMul(*([] if weight == 1 else [weight]), *matrices)


def _map(node: Node, done: Mapping[Node, Any]) -> Any:
    scores = softmax_of(node)
    if node.rank and scores is not None and scores in done:
        return functions.softmax(done[scores], rows=node.rank > 1)
    columns = softmax_along(node)
    if node.rank == 2 and columns is not None and columns[0] in done:
        return transposed(functions.softmax(transposed(done[columns[0]]), rows=True))
    varying = [a for a in node.accesses if a.labels]
    if not varying:
        value = node.body.xreplace({slot(k): done[arg] for k, arg in enumerate(node.args)})
        return place(value, (), node.shape) if node.shape else value
    if len(varying) > 1:
        return _map_of_several(node, done)
    k = node.accesses.index(varying[0])
    operand = place(done[varying[0].node], varying[0].labels, node.shape)
    scalars = {slot(n): done[a.node] for n, a in enumerate(node.accesses) if n != k}
    body = node.body.xreplace(scalars)
    return _elementwise(body.xreplace({slot(k): slot(0)}), operand)


def _elementwise(body: sp.Expr, operand: Any) -> Any:
    """A function of slot 0 at every entry of one matrix."""
    known = _by_body().get(body)
    if known is not None:
        return known(operand)
    base, exponent = body.as_base_exp()
    if base == slot(0) and exponent.is_number:
        return HadamardPower(operand, exponent)
    t = sp.Symbol("t", real=True)
    return operand.applyfunc(sp.Lambda(t, body.xreplace({slot(0): t})))


def _sparsemax_scores(node: Node) -> Node | None:
    """z, where ``node`` is relu(z − τ(z)), which is sparsemax(z), or 1[z − τ(z) > 0]."""
    if node.kind is not Kind.MAP or node.body not in (relu(slot(0)), step(slot(0))):
        return None
    total = node.args[0]
    if total.kind is not Kind.SUM:
        return None
    terms = list(zip(total.weights, total.args, total.labels, strict=True))
    for k, (weight, threshold, _) in enumerate(terms):
        if weight == -1 and threshold.kind is Kind.REDUCE and threshold.op == "sparsemax_threshold":
            z, rest = threshold.args[0], terms[:k] + terms[k + 1 :]
            if rest == [(1, z, (0,))] or g.add(rest, node.shape) is z:
                return z
    return None


def _map_of_several(node: Node, done: Mapping[Node, Any]) -> Any:
    """A function of several matrices of one shape, such as max(a, b), and of scalars."""
    whole = tuple(range(node.rank))
    if any(a.labels not in ((), whole) for a in node.accesses):
        raise NoMatrixForm
    scalars = {slot(k): done[a.node] for k, a in enumerate(node.accesses) if not a.labels}
    matrices = {slot(k): done[a.node] for k, a in enumerate(node.accesses) if a.labels}
    body = node.body.xreplace(scalars)
    a, b = slot(0), slot(1)
    known = {maximum(a, b): functions.maximum, minimum(a, b): functions.minimum}.get(body)
    if known is not None:
        return known(*matrices.values())
    names = {s: sp.Symbol(x, real=True) for s, x in zip(matrices, "tuvwxyz", strict=False)}
    if len(names) < len(matrices):
        raise NoMatrixForm
    return functions.mapped(
        sp.Lambda(tuple(names.values()), body.xreplace(names)), *matrices.values()
    )


@cache
def _by_body() -> dict[Any, Callable[[Any], Any]]:
    return {f(slot(0)): f for f in ELEMENTWISE}
