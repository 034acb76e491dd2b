"""How NumPy spells what is done with whole arrays: contractions, windows, masks, linear algebra.

A contraction is a matrix product wherever it can be seen as one, because that is what BLAS does:
``@`` for matrices and stacks of them, of reshaped arrays where several labels are summed over or
more than one stays, and `einsum` only for what has no matrix in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING, TypeAlias

import sympy as sp

from symgrad.codegen import program as p
from symgrad.codegen.expression import (
    ATOM,
    LONGEST,
    Code,
    call,
    compare,
    condition,
    deeper,
    integer,
    matrix_product,
    multiply,
)
from symgrad.graph import Dim, Labels

if TYPE_CHECKING:
    from symgrad.codegen.targets.numpy import Emitter

_Array: TypeAlias = "tuple[Code, Labels]"


SMALL = 2048
"""Numbers that are cleared in less time than ``@`` loses (0.3 µs)."""


# -------------------------------------------------------------------------------- arrangement


def permuted(code: Code, labels: Sequence[int], order: Sequence[int]) -> Code:
    """``code``, whose axes are ``labels``, with its axes in the given order of labels."""
    if list(labels) == list(order):
        return code
    if len(order) == 2:
        return Code(f"{code.bound(ATOM)}.T", depth=code.depth, boolean=code.boolean)
    axes = ", ".join(str(list(labels).index(x)) for x in order)
    text = f"{code.bound(ATOM)}.transpose({axes})"
    return Code(text, depth=code.depth, boolean=code.boolean)


def arranged(code: Code, labels: Labels, rank: int) -> Code:
    """``code`` with its axes in label order, and an axis of 1 for each label it lacks."""
    code = permuted(code, labels, sorted(labels))
    if not labels or len(labels) == rank - min(labels):
        return code  # leading axes broadcast by themselves
    axes = ", ".join(":" if k in labels else "None" for k in range(min(labels), rank))
    inverse = None
    if code.inverse is not None:
        inverse = Code(f"{code.inverse.bound(ATOM)}[{axes}]", depth=code.inverse.depth)
    return Code(f"{code.bound(ATOM)}[{axes}]", ATOM, code.depth, code.boolean, inverse)


# ------------------------------------------------------------------------------- contractions


def contract(e: Emitter, s: p.Statement) -> Code:
    """A matrix product wherever it is one, else einsum."""
    rank = len(s.shape)
    codes = e.printer.fit([e.numeric(o) for o in s.operation.operands], room=50)
    a, b = zip(codes, (o.labels for o in s.operation.operands), strict=True)
    if any(x < rank and x in b[1] for x in a[1]):
        found = _stacked(e, a, b, s)
    else:
        small = prod(n if isinstance(n, int) else 32 for n in s.shape) <= SMALL
        product = dot_product if e.dots and small else matrix_product
        found = _matmul(a, b, rank, product) or _matmul(b, a, rank, product)
        found = found or _flattened(e, a, b, s, product)
    return found or einsum([a, b], rank)


def dot_product(left: Code, right: Code) -> Code:
    """``left.dot(right)``: finds its way to BLAS in half the time, but clears its result first."""
    if left.depth or left.precedence < ATOM:
        return matrix_product(left, right)
    return Code(f"{left.text}.dot({right.text})", depth=deeper(left, right))


def _matmul(a: _Array, b: _Array, rank: int, product: Callable[[Code, Code], Code]) -> Code | None:
    """a @ b, if the labels that only a has come first in the result and b has no more than one."""
    (left, la), (right, lb) = a, b
    inner = [x for x in la if x >= rank]
    rows, cols = [x for x in la if x < rank], [x for x in lb if x < rank]
    if len(inner) > 1:
        return None if rows or cols else call("np.vdot", left, permuted(right, lb, la))
    if sorted(rows) + cols != list(range(rank)) or len(cols) > 1 or (cols and not rows):
        return None
    order = [*sorted(rows), *inner]
    if len(la) > 2 and (list(la) != order or list(lb) != [*inner, *cols]):
        return None  # a stack of products of transposed matrices takes twice as long as one product
    if len(la) > 2:
        product = matrix_product
    return product(permuted(left, la, order), permuted(right, lb, [*inner, *cols]))


def _flattened(
    e: Emitter, a: _Array, b: _Array, s: p.Statement, product: Callable[[Code, Code], Code]
) -> Code:
    """A product of matrices whose rows and columns are several axes each: reshaped, and back.

    (This is np.tensordot, which takes twice as long for small arrays.)
    """
    rank, extents = len(s.shape), p.extents(e.program, s)
    if sorted(x for x in a[1] if x < rank) > sorted(x for x in b[1] if x < rank):
        a, b = b, a
    rows, cols = ([x for x in own if x < rank] for own in (a[1], b[1]))
    inner = [x for x in a[1] if x >= rank]
    if [x for x in b[1] if x >= rank] != inner and list(a[1]) not in (rows + inner, inner + rows):
        inner = [x for x in b[1] if x >= rank]  # b is read as it lies, a is copied anyway

    def merged(array: _Array, first: Sequence[int], second: Sequence[int]) -> Code:
        code, labels = array
        turned = list(labels) == [*second, *first] and bool(first) and bool(second)
        parts = [second, first] if turned else [first, second]
        code = permuted(code, labels, [x for part in parts for x in part])
        if any(len(part) > 1 for part in parts):
            sizes = [sp.Mul(*(extents[x] for x in part)) for part in parts if part]
            code = reshaped(e, code, [int(n) if n.is_Integer else n for n in sizes])
        return permuted(code, (0, 1), (1, 0)) if turned else code

    found = product(*e.printer.fit([merged(a, rows, inner), merged(b, inner, cols)], room=60))
    order = [*rows, *cols]
    if len(rows) > 1 or len(cols) > 1:
        found = reshaped(e, found, [extents[x] for x in order])
    return permuted(found, order, range(rank))


def _stacked(e: Emitter, a: _Array, b: _Array, s: p.Statement) -> Code | None:
    """A stack of matrix products, one for each index that both factors and the result have.

    Where several labels play one part, their axes are merged. None if there are no matrices.
    """
    rank = len(s.shape)
    batch = sorted(x for x in a[1] if x < rank and x in b[1])
    rows, cols = ([x for x in own if x < rank and x not in batch] for own in (a[1], b[1]))
    if rows > cols:
        a, b, rows, cols = b, a, cols, rows
    if not rows or not cols:
        return None
    inner = [x for x in a[1] if x >= rank]
    extents = p.extents(e.program, s)

    def merged(array: _Array, groups: Sequence[Sequence[int]]) -> Code:
        code, labels = array
        parts = [*([x] for x in batch), *groups]
        code = permuted(code, labels, [x for part in parts for x in part])
        if all(len(part) == 1 for part in parts):
            return code
        dims = ", ".join(multiply([e.extent(extents[x]) for x in part]).text for part in parts)
        return Code(f"{code.bound(ATOM)}.reshape({dims})", depth=code.depth + 1)

    found = matrix_product(merged(a, (rows, inner)), merged(b, (inner, cols)))
    order = [*batch, *rows, *cols]
    if len(rows) > 1 or len(cols) > 1:
        dims = ", ".join(e.extent(extents[x]).text for x in order)
        found = Code(f"({found.text}).reshape({dims})", depth=found.depth)
    return permuted(found, order, range(rank))


def einsum(operands: Sequence[_Array], rank: int) -> Code:
    """Σ of a product as np.einsum writes it."""

    def letters(labels: Sequence[int]) -> str:
        return "".join("ijklmnopqrstuvwxyzabcdefgh"[x] for x in labels)

    inputs = ",".join(letters(labels) for _, labels in operands)
    subscripts = Code(f'"{inputs}->{letters(range(rank))}"')
    return call("np.einsum", subscripts, *(code for code, _ in operands))


# ------------------------------------------------------------------------ windows and masks


def window(e: Emitter, s: p.Statement) -> Code:
    """One call of `windows_of`, or a slice for each axis, that is read at places.

    Where the windows lie side by side, they are the axis in two parts. What several products read
    is made contiguous once; else each would copy it again.
    """
    assert isinstance(s.operation, p.Window)
    (operand,) = s.operation.operands
    code, labels = e.numeric(operand), list(operand.labels)
    shape = [[n] for n in e.shape(operand.value)]
    read: list[tuple[int, p.Place]] = []
    for axis, place in reversed(s.operation.places):  # from the last: the others keep their numbers
        sizes = dict(zip(place.labels, place.counts, strict=True))
        parts = _side_by_side(place, shape[axis][0])
        sliced = None if parts else _slice(e, code, axis, place)
        if parts is not None:
            shape[axis] = [sizes[x] for x in parts]
        else:
            shape[axis : axis + 1] = [[n] for n in place.counts]
            if sliced is None:
                read.append((axis, place))
            elif not place.steps:  # one place, and the axis is no more
                read = [(later - 1, x) for later, x in read]
        code = sliced or code
        labels[axis : axis + 1] = parts or place.labels
    if read:
        code = code if code.depth == 0 else e.hoist(code)
        places = [Code(f"({_place(e, place, str(axis))})") for axis, place in read]
        code = call("windows_of", code, *places)
    if any(len(part) > 1 for part in shape):
        code = reshaped(e, code, [n for part in shape for n in part])
    turned = permuted(code, labels, range(len(s.shape)))
    if len(turned.text) > LONGEST:
        turned = permuted(e.hoist(code), labels, range(len(s.shape)))
    code = turned
    if e.products(s.value) > 1:
        code = code if len(code.text) <= LONGEST else e.hoist(code)
        return call("np.ascontiguousarray", code)
    return code


def _side_by_side(place: p.Place, size: Dim) -> tuple[int, ...] | None:
    """The labels of windows that fill an axis of this size without a gap: which, then where in it.

    >>> x[2·i + d], d < 2, of an axis of 6: i counts to 3, and x.reshape(3, 2)[i, d] is the same
    """
    if len(place.steps) != 2 or place.offset != 0 or not place.inside:
        return None
    (step, label, count), (one, within, width) = sorted(
        zip(place.steps, place.labels, place.counts, strict=True), reverse=True
    )
    if one != 1 or width != step or not isinstance(size, int) or size != step * count:
        return None
    return label, within


def reshaped(e: Emitter, code: Code, shape: Sequence[Dim]) -> Code:
    """``code.reshape(…)``."""
    dims = ", ".join(e.extent(n).text for n in shape)
    return Code(f"{code.bound(ATOM)}.reshape({dims})", depth=code.depth, boolean=code.boolean)


def _slice(e: Emitter, code: Code, axis: int, place: p.Place) -> Code | None:
    """``x[:, 2:-1]`` for a single place or a shift, where nothing is outside."""
    if not place.inside or place.steps not in ((), (1,)):
        return None
    start = place.offset
    if not place.steps:
        inside = e.dim(start).text
    else:
        stop = e.dim(sp.sympify(start) + place.counts[0]).text
        inside = f"{e.dim(start).text if start != 0 else ''}:{stop}"
    text = f"{code.bound(ATOM)}[{', '.join([':'] * axis + [inside])}]"
    return Code(text, depth=deeper(code), boolean=code.boolean)


def _place(e: Emitter, place: p.Place, *first: str) -> str:
    """The arguments of `windows_of` and `add_windows`."""
    steps = [
        f"({step}, {e.extent(n).text})" for step, n in zip(place.steps, place.counts, strict=True)
    ]
    return ", ".join([*first, e.dim(place.offset).text, *steps])


def unwindow(e: Emitter, s: p.Statement) -> Code:
    """One call of `add_windows` for each axis that is added to at places.

    Where the windows lie side by side, their axes are merged.
    """
    assert isinstance(s.operation, p.Unwindow)
    (operand,) = s.operation.operands
    at = dict(s.operation.places)
    merged = {
        label: parts
        for label, place in at.items()
        if (parts := _side_by_side(place, s.shape[label])) and {*parts} <= {*operand.labels}
    }
    axes: list[int] = []  # the labels of the operand, in the order of the result
    for label in range(len(s.shape)):
        axes += merged.get(label) or (at[label].labels if label in at else [label])
    number = {label: k for k, label in enumerate(axes)}
    labels = tuple(number[x] for x in operand.labels)
    (code,) = e.printer.fit([e.numeric(operand)])
    code = permuted(code, labels, sorted(labels))
    if len(labels) < len(axes):  # also in front: the helper counts axes
        index = ", ".join(":" if k in labels else "None" for k in range(len(axes)))
        code = Code(f"{code.bound(ATOM)}[{index}]", depth=code.depth)
    for label, place in sorted(s.operation.places, reverse=True):
        if label in merged:
            continue
        axis = axes.index(place.labels[0])
        size = e.extent(s.shape[label]).text
        code = code if code.depth == 0 else e.hoist(code)
        code = call("add_windows", code, Code(_place(e, place, str(axis), size)))
        axes[axis : axis + len(place.labels)] = [label]
    return reshaped(e, code, s.shape) if merged else code


def mask(e: Emitter, s: p.Statement) -> Code:
    """``np.arange(n)[:, None] >= np.arange(m)``, an array of truth values."""
    return truth(e, s, tuple(range(len(s.shape))), len(s.shape))


def truth(e: Emitter, s: p.Statement, labels: Labels, rank: int) -> Code:
    """A mask or a onehot, its axes being ``labels``, as it broadcasts against ``rank`` labels."""

    def counted(axis: int, boolean: bool = False) -> Code:
        numbers = call("np.arange", e.dim(s.shape[axis]), keywords="dtype=bool" * boolean)
        return arranged(numbers, labels[axis : axis + 1], rank)

    match s.operation:
        case p.OneHot(operands=(index,)):
            if e.codes[index.value].depth:
                e.codes[index.value] = e.hoist(e.codes[index.value])
            own = tuple(labels[x] for x in index.labels)
            place = arranged(e.codes[index.value], own, rank)
            return compare(place, "==", counted(len(s.shape) - 1, place.boolean))
        case p.Mask(coefficients=coefficients, offset=offset, relation=relation):
            if not s.shape:
                function = "np.equal" if relation == "=" else "np.greater_equal"
                return Code(call(function, e.dim(offset), integer(0)).text, boolean=True)
            terms = sorted(
                ((labels[k], c, counted(k)) for k, c in enumerate(coefficients)), key=lambda t: t[0]
            )
            pairs = [(c, code) for _, c, code in terms if c]
            if not pairs:  # true everywhere: copies of what cannot be broadcast
                ones = call("np.ones", e.dim(s.shape[0]), Code("bool"))
                return arranged(Code(ones.text, depth=1, boolean=True), labels, rank)
            return condition(pairs, sp.sympify(offset), relation, e.dim)
    raise AssertionError(f"{type(s.operation).__name__} has no truth values")


# ---------------------------------------------------------------------------- linear algebra


def _last(e: Emitter, s: p.Statement, labels: Sequence[int]) -> Code:
    """The operand with its axes in the order of ``labels``."""
    (operand,) = s.operation.operands
    (code,) = e.printer.fit([e.numeric(operand)])
    return permuted(code, operand.labels, labels)


def threshold(e: Emitter, s: p.Statement) -> Code:
    """τ of sparsemax along the last axis."""
    rank = len(s.shape)
    return call("sparsemax_threshold", _last(e, s, range(rank + 1)))


def linalg(e: Emitter, s: p.Statement) -> Code:
    """Of the matrices on the last two axes."""
    assert isinstance(s.operation, p.Linalg)
    op, rank = s.operation.op, len(s.shape)
    code = _last(e, s, range(rank if op == "inverse" else rank + 2))
    if op == "det":
        return call("determinant_of", code)
    name = Code(f'"{s.operation.matrix}"')
    return call("inverse_of" if op == "inverse" else "log_abs_det", code, name)
