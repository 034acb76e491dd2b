"""How NumPy spells each operation of a program, and each scalar function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import sympy as sp

from symgrad import vocabulary
from symgrad.codegen import program as p
from symgrad.codegen.expression import (
    ATOM,
    Code,
    Spelling,
    call,
    compare,
    deeper,
    integer,
    is_negative,
    matrix_product,
)
from symgrad.graph import Labels, slot

if TYPE_CHECKING:
    from symgrad.codegen.targets.numpy import Emitter


def _softplus(t: Code) -> Code:
    return call("np.logaddexp", integer(0), t)


def _relu(t: Code) -> Code:
    return call("np.maximum", t, integer(0))


def _step(t: Code) -> Code:
    return compare(t, ">", integer(0))


FUNCTIONS: Mapping[type[sp.Basic], Spelling] = {
    sp.exp: "np.exp",
    sp.log: "np.log",
    sp.sqrt: "np.sqrt",
    sp.sin: "np.sin",
    sp.cos: "np.cos",
    sp.tan: "np.tan",
    sp.asin: "np.arcsin",
    sp.acos: "np.arccos",
    sp.atan: "np.arctan",
    sp.atan2: "np.arctan2",
    sp.sinh: "np.sinh",
    sp.cosh: "np.cosh",
    sp.tanh: "np.tanh",
    sp.asinh: "np.arcsinh",
    sp.acosh: "np.arccosh",
    sp.atanh: "np.arctanh",
    sp.Abs: "np.abs",
    sp.sign: "np.sign",
    sp.floor: "np.floor",
    sp.ceiling: "np.ceil",
    vocabulary.sigmoid: "sigmoid",  # copied from runtime.array_math
    vocabulary.softplus: _softplus,
    vocabulary.relu: _relu,
    vocabulary.step: _step,
    vocabulary.absolute: "np.abs",
    vocabulary.signum: "np.sign",
}
"""The spelling of each scalar function: finite and silent at ±1000 wherever its value is."""


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


# ---------------------------------------------------------------------------------- pointwise


def _constant(e: Emitter, s: p.Statement) -> Code:
    assert isinstance(s.operation, p.Constant)
    return e.printer.scalar(s.operation.number)


def _eye(e: Emitter, s: p.Statement) -> Code:
    return call("np.eye", e.dim(s.shape[0]), keywords=e.typed())


def _onehot(e: Emitter, s: p.Statement) -> Code:
    (index,) = s.operation.operands
    codes = call("np.arange", e.dim(s.shape[-1])), e.view(index, len(s.shape))
    return compare(codes[1], "==", codes[0])


def _sum(e: Emitter, s: p.Statement) -> Code:
    """Positive terms first; truth values only behind a term that is an array of numbers."""
    assert isinstance(s.operation, p.Sum)
    terms: list[tuple[bool, bool, bool, Code]] = []
    for weight, operand in zip(s.operation.weights, s.operation.operands, strict=True):
        code = e.view(operand, len(s.shape))
        constant = e.is_constant(operand.value)
        if code.boolean and abs(weight) != 1:
            code = e.real(code)
        if constant:
            value = weight * e.constant(operand.value)
            negative = is_negative(value)
            code = e.printer.scalar(-value if negative else value)
        else:
            negative, code = e.printer.scaled(weight, code)
        terms.append((negative, constant, code.boolean, code))
    terms.sort(key=lambda term: (term[0], term[1], term[2]))
    if terms[0][1] or terms[0][2]:
        terms = [(n, c, False, e.real(x) if x.boolean else x) for n, c, _, x in terms]
    return e.printer.add([(negative, code) for negative, _, _, code in terms])


def _multiply(e: Emitter, s: p.Statement) -> Code:
    operands = s.operation.operands
    if len(operands) == 2:
        special = _diagonal(e, s) or _outer(e, s)
        if special is not None:
            return special
    codes = [e.view(o, len(s.shape)) for o in operands]
    codes.sort(key=lambda x: x.boolean)
    if codes[0].boolean:
        codes[0] = e.real(codes[0])
    return e.printer.multiply(codes)


def _outer(e: Emitter, s: p.Statement) -> Code | None:
    a, b = sorted(s.operation.operands, key=lambda o: o.labels)
    if (a.labels, b.labels) != ((0,), (1,)):
        return None
    return call("np.outer", *e.printer.fit([e.numeric(a), e.numeric(b)]))


def _diagonal(e: Emitter, s: p.Statement) -> Code | None:
    for eye, other in (s.operation.operands, s.operation.operands[::-1]):
        if e.is_eye(eye.value) and len(s.shape) == 2 and len(other.labels) == 1:
            return call("np.diag", *e.printer.fit([e.numeric(other)]))
    return None


def _apply(e: Emitter, s: p.Statement) -> Code:
    assert isinstance(s.operation, p.Apply)
    codes = e.printer.fit([e.view(o, len(s.shape)) for o in s.operation.operands])
    return e.printer.scalar(s.operation.body, {slot(k): x for k, x in enumerate(codes)})


# --------------------------------------------------------------------------------- reductions


def _total(e: Emitter, s: p.Statement) -> Code:
    (operand,) = s.operation.operands
    labels, rank = operand.labels, len(s.shape)
    if len(set(labels)) == len(labels):
        return _reduced(e, e.numeric(operand), labels, rank, "sum")
    (code,) = e.printer.fit([e.numeric(operand)])
    if labels == (0, 0):
        return call("np.trace" if rank == 0 else "np.diag", code)
    return _einsum(e, [(code, labels)], rank)


def _maximum(e: Emitter, s: p.Statement) -> Code:
    (operand,) = s.operation.operands
    return _reduced(e, e.numeric(operand), operand.labels, len(s.shape), "max")


def _reduced(e: Emitter, code: Code, labels: Labels, rank: int, method: str) -> Code:
    kept = [x for x in labels if x < rank]
    axes = [k for k, x in enumerate(labels) if x >= rank]
    keyword = ""
    if kept:
        keyword = f"axis={axes[0]}" if len(axes) == 1 else f"axis=({', '.join(map(str, axes))})"
    (code,) = e.printer.fit([code])
    if code.depth:
        reduced = call(f"np.{method}", code, keywords=keyword)
    else:
        reduced = Code(f"{code.bound(ATOM)}.{method}({keyword})", depth=1)
    return arranged(reduced, tuple(kept), rank)


# ------------------------------------------------------------------------------- contractions


def _contract(e: Emitter, s: p.Statement) -> Code:
    """A matrix product wherever it is one, else einsum."""
    rank = len(s.shape)
    codes = e.printer.fit([e.numeric(o) for o in s.operation.operands], room=50)
    a, b = zip(codes, (o.labels for o in s.operation.operands), strict=True)
    return _matmul(a, b, rank) or _matmul(b, a, rank) or _einsum(e, [a, b], rank)


_Array = tuple[Code, Labels]


def _matmul(a: _Array, b: _Array, rank: int) -> Code | None:
    """a @ b, if the labels that only a has come first in the result and b has no more than one."""
    (left, la), (right, lb) = a, b
    inner = [x for x in la if x >= rank]
    rows, cols = [x for x in la if x < rank], [x for x in lb if x < rank]
    batch = [x for x in rows if x in cols]
    if batch:
        return _batched(a, b, rank, batch)
    if len(inner) > 1:
        if rows or cols:
            return None
        return call("np.vdot", left, permuted(right, lb, la))
    if sorted(rows) + cols != list(range(rank)) or len(cols) > 1 or (cols and not rows):
        return None
    return matrix_product(
        permuted(left, la, [*sorted(rows), *inner]), permuted(right, lb, [*inner, *cols])
    )


def _batched(a: _Array, b: _Array, rank: int, batch: list[int]) -> Code | None:
    """A stack of matrix products: batch labels lead, then one label each of a and of b."""
    (left, la), (right, lb) = a, b
    inner = [x for x in la if x >= rank]
    rows, cols = ([x for x in labels if x < rank and x not in batch] for labels in (la, lb))
    if (len(inner), len(rows), len(cols)) != (1, 1, 1):
        return None
    if [*sorted(batch), *rows, *cols] != list(range(rank)):
        return None
    order = sorted(batch)
    return matrix_product(
        permuted(left, la, [*order, *rows, *inner]), permuted(right, lb, [*order, *inner, *cols])
    )


def _einsum(e: Emitter, operands: Sequence[_Array], rank: int) -> Code:
    def letters(labels: Sequence[int]) -> str:
        return "".join("ijklmnopqrstuvwxyzabcdefgh"[x] for x in labels)

    inputs = ",".join(letters(labels) for _, labels in operands)
    subscripts = Code(f'"{inputs}->{letters(range(rank))}"')
    # Only with `optimize` does einsum hand a product of larger arrays to BLAS.
    large = any(len(labels) > 2 for _, labels in operands)
    keyword = "optimize=True" if large and len(operands) > 1 else ""
    return call("np.einsum", subscripts, *(code for code, _ in operands), keywords=keyword)


# ----------------------------------------------------------------------------------- indexing


def _gather(e: Emitter, s: p.Statement) -> Code:
    """Indexing by integers; an axis that runs along with an index is indexed by 0, 1, …"""
    assert isinstance(s.operation, p.Gather)
    gathered, *indices = s.operation.operands
    index_of = dict(zip(s.operation.axes, indices, strict=True))
    along = sorted({x for o in indices for x in o.labels})
    position = {label: k for k, label in enumerate(along)}
    subscripts: list[str] = []
    advanced: list[int] = []
    free: list[int] = []
    for axis, (label, n) in enumerate(zip(gathered.labels, e.shape(gathered.value), strict=True)):
        if axis in index_of:
            o = index_of[axis]
            own = tuple(position[x] for x in o.labels)
            subscripts.append(arranged(e.codes[o.value], own, len(along)).text)
        elif label in position:
            counted = call("np.arange", e.dim(n))
            subscripts.append(arranged(counted, (position[label],), len(along)).text)
        else:
            subscripts.append(":")
            free.append(label)
            continue
        advanced.append(axis)
    together = advanced == list(range(advanced[0], advanced[-1] + 1))
    before = [x for x in gathered.labels[: advanced[0]] if x in free] if together else []
    labels = [*before, *along, *(x for x in free if x not in before)]
    while subscripts[-1] == ":":
        subscripts.pop()
    (code,) = e.printer.fit([e.numeric(gathered)])
    text = f"{code.bound(ATOM)}[{', '.join(subscripts)}]"
    return arranged(Code(text, depth=deeper(code)), tuple(labels), len(s.shape))


def _scatter(e: Emitter, s: p.Statement) -> Code:
    return e.scatter(s)


SPELLED: Mapping[type[p.Operation], Callable[[Emitter, p.Statement], Code]] = {
    p.Constant: _constant,
    p.Eye: _eye,
    p.OneHot: _onehot,
    p.Sum: _sum,
    p.Multiply: _multiply,
    p.Apply: _apply,
    p.Contract: _contract,
    p.Total: _total,
    p.Maximum: _maximum,
    p.Gather: _gather,
    p.Scatter: _scatter,
}
"""One row an operation."""
