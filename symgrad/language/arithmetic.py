"""Sums, products, quotients and powers of values, as mathematics writes them.

Why it exists: SymPy's ``*`` is the matrix product and nothing else, a 1×1 matrix is no scalar
there, and ``1 - h`` is an error. People mean something by these, and here stands what:

| | of a scalar and an array | of two columns of one shape | of matrices |
|---|---|---|---|
| ``a b`` | scaled | an error, which names the three products | the matrix product |
| ``a * b`` | scaled | entry by entry | the matrix product |
| ``a · b``, ``a @ b`` | scaled | the dot product, a number | the matrix product |
| ``a ⊗ b`` | scaled | the outer product | an error |
| ``a ⊙ b``, ``a .* b`` | scaled | entry by entry | entry by entry |
| ``a / b`` | scaled; ``1/v`` entry by entry | entry by entry | an error; ``./`` |
| ``a + b`` | the scalar is added to every entry | the sum | the sum |

A row times a column is a number. What is returned is what one would have written in SymPy, except
that SymPy is not asked to look below a value again (``doit`` would work every Σ out).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import sympy as sp
from sympy.matrices.expressions.hadamard import HadamardProduct, canonicalize
from sympy.matrices.expressions.matexpr import MatrixExpr

from symgrad import functions as f
from symgrad.errors import ShapeError, UnsupportedError
from symgrad.graph import dim
from symgrad.lift import lift
from symgrad.listing import shape_text
from symgrad.symbols import ARRAYS, ScalarCall

MAX_BITS = 400
MAX_POWER = 1000
MAX_MATRIX_POWER = 10


class Shown(NamedTuple):
    """A value and the text that it was read from, for messages."""

    value: Any
    text: str

    @property
    def described(self) -> str:
        """``W1 is H×D``."""
        return f"{self.text} is {described_shape(self.value)}"


def described_shape(value: Any) -> str:
    """H×D, or "a scalar"."""
    return shape_text(value.shape) if isinstance(value, ARRAYS) else "a scalar"


def shape(value: Any) -> tuple[Any, ...]:
    """The shape of an array; () of a scalar."""
    return tuple(map(dim, value.shape)) if isinstance(value, ARRAYS) else ()


def scalar_of(value: Any) -> Any:
    """The one entry of a 1×1 matrix; anything else as it is."""
    if shape(value) != (1, 1):
        return value
    return value[0, 0]


def _is_vector(value: Any) -> bool:
    return len(shape(value)) == 2 and shape(value).count(1) == 1


def flat(x: Shown) -> Any:
    """The value, which has to be a scalar, a vector or a matrix."""
    if isinstance(x.value, sp.IndexedBase):
        raise UnsupportedError(
            f"{x.text} is an array of {len(x.value.shape)} axes, which has no products or sums; "
            "write its entries, as in s[i] = Σ_{j, k} A[i, j, k]."
        )
    return x.value


# ------------------------------------------------------------------------------------------ sums


def total(terms: Sequence[tuple[int, Shown]]) -> Any:
    """±a ± b …: arrays of one shape; a scalar beside arrays is added to every entry."""
    values = [(sign, flat(x)) for sign, x in terms]
    arrays = [(x.text, x.value) for _, x in terms if isinstance(x.value, MatrixExpr)]
    if any(shape(x) == () for _, x in values):
        arrays = [(text, x) for text, x in arrays if shape(x) != (1, 1)]
        values = [(sign, scalar_of(x)) for sign, x in values]
    if not arrays:
        return (
            sp.Add(*(sign * x for sign, x in values))
            if shape(values[0][1]) == ()
            else _added(values)
        )
    text, first = arrays[0]
    for other, value in arrays[1:]:
        if shape(value) != shape(first):
            raise ShapeError(
                f"{text} is {described_shape(first)} and {other} is {described_shape(value)}, "
                f"which cannot be added{_transposed_hint(first, other, value)}"
            )
    scalars = sp.Add(*(sign * x for sign, x in values if shape(x) == ()))
    if scalars != 0:
        _check_entries(terms, arrays)
    kept = [(sign, x) for sign, x in values if shape(x) != ()]
    if scalars != 0:
        kept.append((1, filled(scalars, first)))
    return _added(kept)


def _check_entries(terms: Sequence[tuple[int, Shown]], arrays: Sequence[tuple[str, Any]]) -> None:
    """X'X + λ is λ I to some, and λ at every entry to others: it is refused."""
    n = shape(arrays[0][1])
    if not any(is_map(x) for _, x in arrays):
        return
    scalar = next(x.text for _, x in terms if shape(scalar_of(x.value)) == ())
    raise ShapeError(
        f"{arrays[0][0]} is {shape_text(n)} and {scalar} is a scalar, which do not fit; write "
        f"{_factor(scalar)}eye({n[0]}) for the identity matrix, or {_factor(scalar)}"
        f"ones({n[0]}, {n[0]}) for every entry."
    )


def _factor(text: str) -> str:
    if text == "1":
        return ""
    return f"{text} " if all(c.isalnum() or c in "_′ " for c in text) else f"({text}) "


def is_map(value: Any) -> bool:
    """Whether a square matrix was made as a map of vectors: a product, a power, an identity."""
    n = shape(value)
    if len(n) != 2 or n[0] != n[1] or n[0] == 1:
        return False
    if isinstance(value, sp.MatMul):
        matrices = [x for x in value.args if isinstance(x, MatrixExpr)]
        return len(matrices) > 1 or is_map(matrices[0])
    if isinstance(value, sp.MatAdd | sp.Transpose):
        return any(is_map(x) for x in value.args)
    return isinstance(value, sp.MatPow | sp.Identity)


def _added(values: Sequence[tuple[int, Any]]) -> Any:
    signed = [scaled(sp.Integer(sign), x) for sign, x in values]
    return sp.MatAdd(*signed).doit(deep=False) if len(signed) > 1 else signed[0]


def _transposed_hint(first: Any, other: str, value: Any) -> str:
    fits = shape(value) == shape(first)[::-1]
    return f"; did you mean {_turned(other)}?" if fits else "."


def filled(value: Any, like: Any) -> Any:
    """A scalar as an array of the shape of ``like``."""
    return value if shape(value) else scaled(value, sp.OneMatrix(*like.shape))


def transposed(value: Any) -> Any:
    """vᵀ; a scalar as it is."""
    if not isinstance(value, MatrixExpr):
        return value
    return sp.Transpose(value).doit(deep=False)


# -------------------------------------------------------------------------------------- products


class Product:
    """A product that grows factor by factor: scalars apart, matrices in order."""

    def __init__(self, first: Shown) -> None:
        self.text = first.text
        self.scalars: list[Any] = []
        self.matrices: list[Any] = []
        self.put(first)

    def put(self, x: Shown) -> None:
        """The first matrix, or one more scalar."""
        value = flat(x)
        (self.scalars if shape(value) == () else self.matrices).append(value)

    @property
    def value(self) -> Any:
        """What the product is so far."""
        scale = sp.Mul(*self.scalars)
        if not self.matrices:
            return scale
        matrix = matrix_product(self.matrices)
        return scaled(scale, matrix)

    def _shape(self) -> tuple[Any, ...]:
        if not self.matrices:
            return ()
        return (dim(self.matrices[0].shape[0]), dim(self.matrices[-1].shape[1]))

    def _reset(self, value: Any, text: str) -> None:
        self.scalars, self.matrices, self.text = [], [], text
        self.put(Shown(value, text))

    def multiply(self, operator: str, x: Shown, text: str) -> None:
        """One more factor; ``text`` is that of the product with it."""
        value = flat(x)
        mine, other = self._shape(), shape(value)
        if operator == "⊗":
            self._reset(outer_product(Shown(self.value, self.text), x), text)
        elif not mine or not other:
            self.put(x)
        elif mine[1] == other[0] and not (mine == other == (1, 1)):
            self.matrices.append(value)
            if self._shape() == (1, 1):
                self._reset(self.value, text)
        elif (1, 1) in (mine, other):
            self._reset(
                scaled(scalar_of(self.value), value)
                if mine == (1, 1)
                else scaled(scalar_of(value), self.value),
                text,
            )
        elif mine == other and 1 in mine and operator != "":
            dotted = operator in ("·", "⋅", "@")
            self._reset(f.dot(self.value, value) if dotted else hadamard(self.value, value), text)
        else:
            raise ShapeError(_no_product(Shown(self.value, self.text), x))
        self.text = text

    def divide(self, x: Shown, text: str, elementwise: bool) -> None:
        """Divided by one more factor."""
        self._reset(quotient_of(Shown(self.value, self.text), x, elementwise), text)


def outer_product(a: Shown, b: Shown) -> Any:
    """a bᵀ, of two vectors."""
    for x in (a, b):
        sizes = shape(scalar_of(flat(x)))
        if sizes and 1 not in sizes:
            raise UnsupportedError(
                f"{x.described}, and ⊗ is read between vectors only, as the outer product; write "
                "a Kronecker product as a sum over entries."
            )
    first, second = (_column(scalar_of(x.value)) for x in (a, b))
    if not shape(first) or not shape(second):
        return scaled(second, first) if shape(first) else scaled(first, second)
    return matrix_product([first, transposed(second)])


def _column(value: Any) -> Any:
    sizes = shape(value)
    return transposed(value) if sizes and sizes[0] == 1 else value


def scaled(scale: Any, matrix: Any) -> Any:
    """scale·matrix, which may be a scalar as well."""
    if shape(matrix) == ():
        return scale * matrix
    if scale.has(sp.Sum):  # which SymPy would work out as soon as it stands before a matrix
        scale = ScalarCall(f.sum, (scale,), lift(scale))
    return matrix if scale == 1 else sp.MatMul(scale, matrix).doit(deep=False)


def matrix_product(factors: Sequence[Any]) -> Any:
    """The product of matrices that fit; a row times a column is a scalar."""
    if len(factors) == 1:
        return factors[0]
    first, last = factors[0], factors[-1]
    if dim(first.shape[0]) == 1 == dim(last.shape[1]) and dim(first.shape[1]) != 1:
        rest = factors[1] if len(factors) == 2 else sp.MatMul(*factors[1:]).doit(deep=False)
        return f.dot(transposed(first), rest)
    return sp.MatMul(*factors).doit(deep=False)


def _no_product(a: Shown, b: Shown) -> str:
    """Why two arrays have no product, and which products there are."""
    x, y = shape(a.value), shape(b.value)
    left, right = _quoted(a.text), _quoted(b.text)
    left_turned, right_turned = _turned(a.text), _turned(b.text)
    if x == y and 1 in x:
        dot, outer = f"{left_turned} {right}", f"{left} {right_turned}"
        if x[0] == 1:  # two rows
            dot, outer = outer, dot
        return (
            f"{a.described} and so is {b.text}; write {dot} for the dot product, "
            f"{left} * {right} for the product entry by entry, or {outer} for the matrix "
            "of all products."
        )
    fits = [
        text
        for text, p, q in (
            (f"{left_turned} {right}", x[::-1], y),
            (f"{left} {right_turned}", x, y[::-1]),
            (f"{right} {left}", y, x),
            (f"{right_turned} {left}", y[::-1], x),
        )
        if p[1] == q[0]
    ]
    if x == y:
        fits.insert(0, f"{left} .* {right}")
    hint = f"; did you mean {fits[0]}?" if fits else "."
    return (
        f"{a.described} and {b.described}, which have no product: the columns of the first must "
        f"equal the rows of the second{hint}"
    )


def _quoted(text: str) -> str:
    plain = all(c.isalnum() or c in "_'′" for c in text)
    return text if plain or _is_closed(text) else f"({text})"


def _turned(text: str) -> str:
    """The text of the transpose: W' of W, and W of W'."""
    plain, turned = text.removesuffix("'"), text.endswith("'")
    return plain if turned and (plain.isalnum() or _is_closed(plain)) else f"{_quoted(text)}'"


def _is_closed(text: str) -> bool:
    """Whether a text is one pair of parentheses with what is inside."""
    depth = 0
    for k, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if depth == 0:
            return c == ")" and k == len(text) - 1
    return False


def hadamard(a: Any, b: Any) -> Any:
    """Entry by entry; a scalar a scales."""
    if shape(a) == ():
        return scaled(a, b)
    return canonicalize(HadamardProduct(a, b))


def elementwise_product(factors: Sequence[Shown]) -> Any:
    """a ⊙ b ⊙ …: arrays of one shape, and scalars."""
    arrays = [x for x in factors if shape(flat(x))]
    scale = sp.Mul(*(x.value for x in factors if not shape(x.value)))
    for x in arrays[1:]:
        if shape(x.value) != shape(arrays[0].value):
            raise ShapeError(
                f"{arrays[0].described} and {x.described}, which cannot be multiplied entry by "
                "entry: the shapes must be equal."
            )
    if not arrays:
        return scale
    values = [x.value for x in arrays]
    return scaled(scale, canonicalize(HadamardProduct(*values)) if len(values) > 1 else values[0])


# ------------------------------------------------------------------------- quotients and powers


def quotient_of(a: Shown, b: Shown, elementwise: bool) -> Any:
    """a/b: by a scalar, or entry by entry by a vector."""
    x, y = flat(a), scalar_of(flat(b))
    if shape(y) and shape(scalar_of(x)) and shape(x) != shape(y):
        raise ShapeError(
            f"{a.described} and {b.described}; divide by a scalar, or entry by entry by an array "
            "of one shape."
        )
    if shape(y) and not _is_vector(y) and not elementwise:
        raise ShapeError(
            f"{b.described}, and there is no division by a matrix; write ./ for the division "
            "entry by entry, or inverse(…) for the inverse matrix."
        )
    return quotient(scalar_of(x) if shape(y) else x, y)


def quotient(x: Any, y: Any) -> Any:
    """x/y of values that fit."""
    if shape(y) == ():
        if y == 0:
            raise UnsupportedError("this divides by 0, which gives no number.")
        return scaled(1 / y, x)
    return hadamard(x, reciprocal(y))


def reciprocal(y: Any) -> Any:
    """1/y, entry by entry."""
    return sp.HadamardPower(y, sp.S.NegativeOne)


def is_square(value: Any) -> bool:
    """Whether a value is a matrix that has powers."""
    sizes = shape(value)
    return len(sizes) == 2 and sizes[0] == sizes[1]


def power(base: Shown, exponent: Shown, elementwise: bool) -> Any:
    """Of a scalar and, entry by entry, of a vector; the matrix power of a square matrix."""
    b, n = scalar_of(flat(base)), scalar_of(flat(exponent))
    if shape(n):
        if b == sp.E:
            return f.exp(n)
        if shape(b) or not (b.is_number and b.is_positive):
            raise UnsupportedError(
                f"the exponent {exponent.described}; an array stands in an exponent only over a "
                "positive number, as in e^z."
            )
        return f.exp(scaled(sp.log(b), n))
    if shape(b) == ():
        return _scalar_power(b, n)
    if n.is_number and abs(n) > MAX_POWER:
        raise UnsupportedError(f"the exponent {n} is too large; at most {MAX_POWER} is read.")
    if elementwise or _is_vector(b):
        return sp.HadamardPower(b, n) if n != 1 else b
    if shape(b)[0] != shape(b)[1]:
        raise ShapeError(
            f"{base.described}, and only a square matrix has powers; write "
            f"{_quoted(base.text)} .^ {exponent.text} for the power entry by entry."
        )
    if not (n.is_Integer and n != 0 and abs(n) <= MAX_MATRIX_POWER):
        raise UnsupportedError(
            f"the matrix power {exponent.text} is not supported; a whole number from "
            f"−{MAX_MATRIX_POWER} to {MAX_MATRIX_POWER} other than 0 is. Write .^ for the power "
            "entry by entry."
        )
    return sp.MatPow(b, n).doit(deep=False)


def _scalar_power(b: Any, n: Any) -> Any:
    if n.is_number and not abs(n) <= MAX_POWER:
        raise UnsupportedError(f"the exponent {n} is too large; at most {MAX_POWER} is read.")
    if b.is_Rational and n.is_Rational:
        bits = max(int(b.p).bit_length(), int(b.q).bit_length())
        if bits > 1 and abs(n) * bits > MAX_BITS:
            raise UnsupportedError(f"the number {b}^{n} is too large.")
    if b == 0 and n.is_number and not n.is_positive:
        raise UnsupportedError("0 to this power is no number.")
    return b**n
