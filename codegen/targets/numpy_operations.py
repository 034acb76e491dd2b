"""How NumPy spells each operation of a program, and each scalar function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import sympy as sp

from symgrad import vocabulary
from symgrad.codegen import program as p
from symgrad.codegen.expression import (
    ATOM,
    Code,
    Spelling,
    add,
    call,
    compare,
    deeper,
    integer,
    is_negative,
    multiply,
)
from symgrad.codegen.targets import numpy_arrays as arrays
from symgrad.codegen.targets.numpy_arrays import arranged, permuted
from symgrad.graph import Labels, slot

if TYPE_CHECKING:
    from symgrad.codegen.targets.numpy import Emitter


def _softplus(t: Code) -> Code:
    return call("np.logaddexp", integer(0), t)


def _relu(t: Code) -> Code:
    return call("np.maximum", t, integer(0))


def _step(t: Code) -> Code:
    return compare(t, ">", integer(0))


def _exceeds(a: Code, b: Code) -> Code:
    return call("np.heaviside", add([(False, a), (True, b)]), Code("0.5"))


def _over(function: str, below: bool = False) -> Callable[[Code], Code]:
    """1 / f(t), or f(1 / t)."""

    def spelling(t: Code) -> Code:
        return multiply([], [call(function, t)]) if below else call(function, multiply([], [t]))

    return spelling


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
    sp.cot: _over("np.tan", below=True),
    sp.sec: _over("np.cos", below=True),
    sp.csc: _over("np.sin", below=True),
    sp.coth: _over("np.tanh", below=True),
    sp.acot: _over("np.arctan"),
    sp.asec: _over("np.arccos"),
    sp.acsc: _over("np.arcsin"),
    sp.asech: _over("np.arccosh"),
    sp.acsch: _over("np.arcsinh"),
    sp.acoth: _over("np.arctanh"),
    sp.Abs: "np.abs",
    sp.sign: "np.sign",
    sp.floor: "np.floor",
    sp.ceiling: "np.ceil",
    vocabulary.softplus: _softplus,
    vocabulary.relu: _relu,
    vocabulary.step: _step,
    vocabulary.absolute: "np.abs",
    vocabulary.signum: "np.sign",
    vocabulary.hard_step: _step,
    vocabulary.hard_sign: "np.sign",
    vocabulary.zero_one: lambda t: compare(t, "<", integer(0)),
    vocabulary.maximum: "np.maximum",
    vocabulary.minimum: "np.minimum",
    vocabulary.exceeds: _exceeds,
    vocabulary.root: "np.sqrt",
    # copied from runtime.array_math
    vocabulary.sigmoid: "sigmoid",
    vocabulary.swish: "swish",
    vocabulary.gelu: "gelu",
    vocabulary.normal_cdf: "normal_cdf",
    vocabulary.normal_pdf: "normal_pdf",
    vocabulary.elu: "elu",
    vocabulary.leaky_relu: "leaky_relu",
    vocabulary.inverse_or_zero: "inverse_or_zero",
    vocabulary.xlogx: "xlogx",
    sp.erf: "erf",
    sp.erfc: "erfc",
    sp.sech: "sech",
    sp.csch: "csch",
}
"""The spelling of each scalar function: finite and silent at ±1000 wherever its value is."""


# ---------------------------------------------------------------------------------- pointwise


def _constant(e: Emitter, s: p.Statement) -> Code:
    assert isinstance(s.operation, p.Constant)
    return e.printer.scalar(s.operation.number)


def _eye(e: Emitter, s: p.Statement) -> Code:
    return call("np.eye", e.dim(s.shape[0]), keywords=e.typed())


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
    codes.sort(key=lambda x: (x.boolean, x.inverse is not None))
    above = [k for k, x in enumerate(codes) if x.inverse is None]
    if above and codes[above[0]].boolean:  # not -(x > 0) / y: a truth value has no sign
        codes[above[0]] = e.real(codes[above[0]])
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
    body = s.operation.body
    codes = e.printer.fit([e.view(o, len(s.shape)) for o in s.operation.operands])
    if not may_warn(body):
        return e.printer.scalar(body, {slot(k): x for k, x in enumerate(codes)})
    codes = [e.hoist(x) if x.depth else x for x in codes]
    with e.silent():
        code = e.printer.scalar(body, {slot(k): x for k, x in enumerate(codes)})
        return code if code.depth == 0 else e.hoist(code)


def may_warn(body: sp.Expr) -> bool:
    """Whether a branch of a Piecewise may overflow, or be undefined, where it is not taken."""
    if not body.has(sp.Piecewise):
        return False
    risky = (sp.Function, sp.Pow)
    return any(
        isinstance(x, risky)
        and type(x) not in vocabulary.TAME
        and not isinstance(x, sp.Piecewise)
        and not (x.is_Pow and x.exp.is_Integer and x.exp.is_positive)
        for x in sp.preorder_traversal(body)
    )


# --------------------------------------------------------------------------------- reductions


def _total(e: Emitter, s: p.Statement) -> Code:
    (operand,) = s.operation.operands
    labels, rank = operand.labels, len(s.shape)
    if max(labels) < rank == len(labels):
        return permuted(e.codes[operand.value], labels, range(rank))
    if len(set(labels)) == len(labels) and not _is_quicker_by_einsum(e, operand, rank):
        return _reduced(e, e.numeric(operand), labels, rank, "sum")
    (code,) = e.printer.fit([e.numeric(operand)])
    if labels == (0, 0):
        return call("np.trace" if rank == 0 else "np.diag", code)
    return arrays.einsum([(code, labels)], rank)


EXACT = 1024
"""Up to how many numbers of a row are added without the care of `sum`, which adds them in pairs."""


def _is_quicker_by_einsum(e: Emitter, operand: p.Operand, rank: int) -> bool:
    """Of arrays of three axes or more, `sum` takes two to four times as long."""
    if rank == 0 or len(operand.labels) < 3:
        return False
    row = e.shape(operand.value)[-1]
    return operand.labels[-1] < rank or (isinstance(row, int) and row <= EXACT)


def _maximum(e: Emitter, s: p.Statement) -> Code:
    """Of short rows as columns, and of a very short axis as the maximum of its parts.

    Along rows of sixteen numbers, `max` takes ten times as long as along columns.
    """
    (operand,) = s.operation.operands
    parts, rank = _parts(e, s), len(s.shape)
    if not parts:
        code, labels, row = e.numeric(operand), operand.labels, e.shape(operand.value)[-1]
        summed = [x for x in labels if x >= rank]
        if summed == [labels[-1]] and len(labels) > 2 and isinstance(row, int) and row <= SHORT_ROW:
            (code,) = e.printer.fit([code])
            labels = (labels[-1], *labels[:-1])
            code = call("np.ascontiguousarray", permuted(code, operand.labels, labels))
        return _reduced(e, code, labels, rank, "max")
    code = parts[0]
    for part in parts[1:]:
        code = call("np.maximum", code, part)
    return _kept(code, operand.labels, len(s.shape))


def _argmaximum(e: Emitter, s: p.Statement) -> Code:
    """The place of the first; of two a truth value, if nothing is indexed with it."""
    (operand,) = s.operation.operands
    parts = _parts(e, s)
    if len(parts) != 2 or not e.only_compared(s.value):
        return _reduced(e, e.numeric(operand), operand.labels, len(s.shape), "argmax")
    return _kept(compare(parts[1], ">", parts[0]), operand.labels, len(s.shape))


SHORT_ROW = 32
"""The longest rows whose maxima are taken as those of columns."""
SHORT = 4
"""The longest axis along which a maximum is taken part by part."""


def _parts(e: Emitter, s: p.Statement) -> list[Code]:
    """``a[:, 0]``, ``a[:, 1]``, …, if the one axis that a maximum is taken along is short."""
    (operand,) = s.operation.operands
    axes = [k for k, x in enumerate(operand.labels) if x >= len(s.shape)]
    length = e.shape(operand.value)[axes[0]] if len(axes) == 1 else None
    if not isinstance(length, int) or not 1 < length <= SHORT or len(operand.labels) < 3:
        return []
    code = e.numeric(operand)
    if code.depth:
        code = e.codes[operand.value] = e.hoist(code)
    before = ":, " * axes[0]
    return [Code(f"{code.text}[{before}{k}]") for k in range(length)]


def _kept(code: Code, labels: Labels, rank: int) -> Code:
    return arranged(code, tuple(x for x in labels if x < rank), rank)


def _reduced(e: Emitter, code: Code, labels: Labels, rank: int, method: str) -> Code:
    kept = [x for x in labels if x < rank]
    axes = [k for k, x in enumerate(labels) if x >= rank]
    keyword = ""
    if kept:
        keyword = f"axis={axes[0]}" if len(axes) == 1 else f"axis=({', '.join(map(str, axes))})"
    (code,) = e.printer.fit([code])
    reduced = Code(f"{code.bound(ATOM)}.{method}({keyword})", depth=code.depth + 1)
    return arranged(reduced, tuple(kept), rank)


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
    p.OneHot: arrays.mask,
    p.Sum: _sum,
    p.Multiply: _multiply,
    p.Apply: _apply,
    p.Contract: arrays.contract,
    p.Total: _total,
    p.Maximum: _maximum,
    p.ArgMaximum: _argmaximum,
    p.Threshold: arrays.threshold,
    p.Linalg: arrays.linalg,
    p.Gather: _gather,
    p.Scatter: _scatter,
    p.Window: arrays.window,
    p.Unwindow: arrays.unwindow,
    p.Mask: arrays.mask,
}
"""One row an operation."""
