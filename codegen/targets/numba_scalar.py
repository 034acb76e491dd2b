"""Scalar arithmetic of the Numba target: how a function and a number are spelled inside a loop.

In a float32 loop every literal has to be a float32: a plain ``0.5`` would turn the arithmetic,
and with it the width of the vectors, into float64. NaN has to survive: no spelling here replaces
it by a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import sympy as sp

from symgrad import vocabulary as v
from symgrad.codegen.expression import (
    ATOM,
    COMPARE,
    SIGN,
    Code,
    Printer,
    Spelling,
    call,
    compare,
    deeper,
    multiply,
    power,
)

SUFFIX = {"float32": "f32", "float64": "f64"}

VECTORISED: dict[type[sp.Basic], str] = {
    sp.exp: "exp",
    sp.log: "log",
    sp.tanh: "tanh",
    v.sigmoid: "sigmoid",
    v.softplus: "softplus",
    v.elu: "elu",
    v.normal_cdf: "normal_cdf",
    v.normal_pdf: "normal_pdf",
}
"""Functions of `runtime.vector_math`, one for each type: ``exp_f32``."""

MINUS = "minus"
"""The difference in `runtime.vector_math` that keeps its place in a sum: ``minus_f32``."""

LIBRARY: dict[type[sp.Basic], str] = {
    sp.sin: "np.sin",
    sp.cos: "np.cos",
    sp.tan: "np.tan",
    sp.asin: "np.arcsin",
    sp.acos: "np.arccos",
    sp.atan: "np.arctan",
    sp.atan2: "np.arctan2",
    sp.sinh: "np.sinh",
    sp.cosh: "np.cosh",
    sp.asinh: "np.arcsinh",
    sp.acosh: "np.arccosh",
    sp.atanh: "np.arctanh",
    sp.sqrt: "np.sqrt",
    sp.Abs: "abs",
    sp.sign: "np.sign",
    sp.floor: "np.floor",
    sp.ceiling: "np.ceil",
    sp.erf: "math.erf",
    sp.erfc: "math.erfc",
    v.absolute: "abs",
    v.signum: "np.sign",
    v.hard_sign: "np.sign",
    v.maximum: "np.maximum",
    v.minimum: "np.minimum",
    v.root: "np.sqrt",
}
"""Functions that Numba compiles to a call or an instruction of its own."""

OUTSIDE: dict[type[sp.Basic], str] = {
    **LIBRARY,
    sp.exp: "np.exp",
    sp.log: "np.log",
    sp.tanh: "np.tanh",
}
"""The functions of dimensions alone, computed once outside the loops."""


class ScalarPrinter(Printer):
    """Prints scalar expressions of one type.

    ``invariant`` gives the name of an expression in dimensions, computed outside all loops.
    """

    def __init__(
        self,
        dtype: str,
        invariant: Callable[[sp.Expr], Code],
        hoist: Callable[[Code], Code],
    ) -> None:
        self.dtype, self.invariant = dtype, invariant
        super().__init__("Numba", self._spellings(), invariant, hoist)

    def constant(self, value: sp.Expr | float) -> Code:
        """A number of the loop's type."""
        text = repr(float(value)).replace("e+", "e")
        if self.dtype == "float64":
            return Code(text, SIGN if text.startswith("-") else ATOM)
        return Code(f"f32({text})")

    def scaled(self, weight: sp.Expr, code: Code) -> tuple[bool, Code]:
        """weight·code as (is negative, the rest)."""
        coefficient, rest = weight.as_coeff_Mul()
        negative = bool(coefficient.is_negative)
        size = abs(coefficient) * rest
        if size == 1:
            return negative, code
        factor = self.constant(size) if size.is_number else self.invariant(size)
        return negative, self.multiply([factor, code])

    def multiply(self, numerators: Sequence[Code], denominators: Sequence[Code] = ()) -> Code:
        """A quotient; 1/x is a division of a number of the loop's type."""
        if numerators:
            return super().multiply(numerators, denominators)
        codes = self.fit(denominators)
        whole = multiply([self.constant(1)], codes)
        inverse = codes[0] if len(codes) == 1 else None
        return Code(whole.text, whole.precedence, whole.depth, inverse=inverse)

    def _composed(self, e: sp.Expr, parts: list[Code]) -> Code:
        if e.is_number:
            return self.constant(e)
        if e.is_Pow and e.exp.is_number and e.exp.is_positive and e.exp is not sp.S.Half:
            (base,) = self.fit(parts)
            if e.exp.is_Integer and e.exp <= 8:
                base = base if base.depth == 0 else self.hoist(base)
                return self.multiply([base] * int(e.exp))
            return power(base, self.constant(e.exp))
        return super()._composed(e, parts)

    def _spellings(self) -> Mapping[type[sp.Basic], Spelling]:
        suffix = SUFFIX[self.dtype]
        table: dict[type[sp.Basic], Spelling] = {**LIBRARY}
        table.update({f: f"{name}_{suffix}" for f, name in VECTORISED.items()})
        table.update({f: getattr(self, name) for f, name in _WRITTEN_OUT.items()})
        table.update({f: self._inverse(table[g]) for f, g in _RECIPROCAL.items()})
        table.update({f: self._of_inverse(table[g]) for f, g in _OF_RECIPROCAL.items()})
        return table

    def conditional(self, condition: Code, yes: Code, no: Code) -> Code:
        """One of two values."""
        condition, yes, no = self.fit([condition, yes, no])
        text = f"({yes.text} if {condition.text} else {no.text})"
        return Code(text, depth=deeper(condition, yes, no))

    def connected(self, connective: str, parts: Sequence[Code]) -> Code:
        """Truth values joined by ``and`` or ``or``, or negated."""
        word = {"&": "and", "|": "or", "~": "not"}[connective]
        codes = [x.bound(ATOM) for x in parts]
        text = f" {word} ".join(codes) if len(codes) > 1 else f"{word} {codes[0]}"
        return Code(text, COMPARE, deeper(*parts), boolean=True)

    def _named(self, t: Code) -> Code:
        """``t``, to be written more than once."""
        return t if t.depth == 0 else self.hoist(t)

    def _inverse(self, spelling: Spelling) -> Spelling:
        def inverse(t: Code) -> Code:
            return self.multiply([], [self._called(spelling, t)])

        return inverse

    def _of_inverse(self, spelling: Spelling) -> Spelling:
        def of_inverse(t: Code) -> Code:
            return self._called(spelling, self.multiply([], [t]))

        return of_inverse

    def _called(self, spelling: Spelling, t: Code) -> Code:
        return call(spelling, t) if isinstance(spelling, str) else spelling(t)

    def _step(self, t: Code) -> Code:
        one, zero = self.constant(1), self.constant(0)
        return self.conditional(compare(t, ">", zero), one, zero)

    def _zero_one(self, t: Code) -> Code:
        one, zero = self.constant(1), self.constant(0)
        return self.conditional(compare(t, "<", zero), one, zero)

    def _exceeds(self, a: Code, b: Code) -> Code:
        a, b = self._named(a), self._named(b)
        one, half, zero = (self.constant(x) for x in (1, 0.5, 0))
        other = self.conditional(compare(a, "<", b), zero, half)
        return self.conditional(compare(a, ">", b), one, other)

    def _relu(self, t: Code) -> Code:
        """Not ``max``, which would turn a NaN into 0."""
        t, zero = self._named(t), self.constant(0)
        return self.conditional(compare(t, "<", zero), zero, t)

    def _leaky_relu(self, t: Code, slope: Code) -> Code:
        t = self._named(t)
        return self.conditional(compare(t, ">", self.constant(0)), t, self.multiply([slope, t]))

    def _elu(self, t: Code, alpha: Code) -> Code:
        one = self.constant(1).text
        e = call(f"elu_{SUFFIX[self.dtype]}", t := self._named(t))
        if alpha.text == one:
            return e
        e = self.hoist(e)
        return self.conditional(compare(t, ">", self.constant(0)), t, self.multiply([alpha, e]))

    def _swish(self, t: Code) -> Code:
        t = self._named(t)
        return self.multiply([t, call(f"sigmoid_{SUFFIX[self.dtype]}", t)])

    def _gelu(self, t: Code) -> Code:
        t = self._named(t)
        return self.multiply([t, call(f"normal_cdf_{SUFFIX[self.dtype]}", t)])

    def _inverse_or_zero(self, t: Code) -> Code:
        t, zero = self._named(t), self.constant(0)
        return self.conditional(compare(t, "==", zero), zero, self.multiply([], [t]))

    def _xlogx(self, t: Code) -> Code:
        t, zero = self._named(t), self.constant(0)
        product = self.multiply([t, call(f"log_{SUFFIX[self.dtype]}", t)])
        return self.conditional(compare(t, "==", zero), zero, product)

    def _sech(self, t: Code) -> Code:
        """By e^−|t|, which cannot overflow."""
        e = self.hoist(call(f"exp_{SUFFIX[self.dtype]}", Code(f"-abs({t.text})", SIGN, 1)))
        below = self.add([(False, self.constant(1)), (False, self.multiply([e, e]))])
        return self.multiply([self.constant(2), e], [below])

    def _csch(self, t: Code) -> Code:
        """By e^−|t|, which cannot overflow."""
        t = self._named(t)
        e = call(f"exp_{SUFFIX[self.dtype]}", Code(f"-abs({t.text})", SIGN, 1))
        below = call("np.expm1", self.multiply([self.constant(-2), Code(f"abs({t.text})")]))
        return call("np.copysign", self.multiply([self.constant(2), e], [below]), t)


_WRITTEN_OUT: dict[type[sp.Basic], str] = {
    v.step: "_step",
    v.hard_step: "_step",
    v.zero_one: "_zero_one",
    v.exceeds: "_exceeds",
    v.relu: "_relu",
    v.leaky_relu: "_leaky_relu",
    v.elu: "_elu",
    v.swish: "_swish",
    v.gelu: "_gelu",
    v.inverse_or_zero: "_inverse_or_zero",
    v.xlogx: "_xlogx",
    sp.sech: "_sech",
    sp.csch: "_csch",
}
"""Functions that are a line of arithmetic: a method of `ScalarPrinter` each."""

_RECIPROCAL = {sp.cot: sp.tan, sp.sec: sp.cos, sp.csc: sp.sin, sp.coth: sp.tanh}
_OF_RECIPROCAL = {
    sp.acot: sp.atan,
    sp.asec: sp.acos,
    sp.acsc: sp.asin,
    sp.asech: sp.acosh,
    sp.acsch: sp.asinh,
    sp.acoth: sp.atanh,
}
"""1/f(t) and f(1/t)."""
