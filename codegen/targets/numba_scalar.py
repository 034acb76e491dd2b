"""Scalar arithmetic of the Numba target: how a function and a number are spelled inside a loop.

In a float32 loop every literal has to be a float32: a plain ``0.5`` would turn the arithmetic,
and with it the width of the vectors, into float64. NaN has to survive: no spelling here replaces
it by a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import sympy as sp

from symgrad.codegen.expression import (
    ATOM,
    SIGN,
    SUM,
    Code,
    Printer,
    Spelling,
    deeper,
    multiply,
    power,
)
from symgrad.vocabulary import absolute, relu, sigmoid, signum, softplus, step

SUFFIX = {"float32": "f32", "float64": "f64"}

VECTORISED: dict[type[sp.Basic], str] = {
    sp.exp: "exp",
    sp.log: "log",
    sp.tanh: "tanh",
    sigmoid: "sigmoid",
    softplus: "softplus",
}
"""Functions of `runtime.vector_math`, one for each type: ``exp_f32``."""

LIBRARY: dict[type[sp.Basic], str] = {
    sp.sin: "np.sin",
    sp.cos: "np.cos",
    sp.tan: "np.tan",
    sp.asin: "np.arcsin",
    sp.acos: "np.arccos",
    sp.atan: "np.arctan",
    sp.sinh: "np.sinh",
    sp.cosh: "np.cosh",
    sp.asinh: "np.arcsinh",
    sp.acosh: "np.arccosh",
    sp.atanh: "np.arctanh",
    sp.sqrt: "np.sqrt",
    absolute: "abs",
    sp.Abs: "abs",
    signum: "np.sign",
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
        text = repr(float(value))
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
        table[step] = self._step
        table[relu] = self._relu
        return table

    def _step(self, t: Code) -> Code:
        one, zero = self.constant(1).text, self.constant(0).text
        return Code(f"({one} if {t.bound(SUM)} > {zero} else {zero})", depth=deeper(t))

    def _relu(self, t: Code) -> Code:
        """Not ``max``, which would turn a NaN into 0."""
        t = t if t.depth == 0 else self.hoist(t)
        zero = self.constant(0).text
        return Code(f"({zero} if {t.text} < {zero} else {t.text})", depth=deeper(t))
