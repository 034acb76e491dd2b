"""The scalar functions that SymPy lacks or that symgrad spells in its own way.

Why it exists: a map's body is a scalar SymPy expression, so an activation is a SymPy function
with a derivative. SymPy has exp, log and tanh; the ones below are ours. Each class states its
value (``rewrite_plain``) and its derivative (``fdiff``), the derivative in terms of the function
itself where one exists, which is what makes gradients reuse computed values.

`LAWS` is the table of derivative laws as a textbook writes them, one row a function; a function
without a row gets its law printed from SymPy's derivative.
"""

from __future__ import annotations

from typing import Any

import sympy as sp


class _Activation(sp.Function):
    """A real function of one real argument that stays unevaluated."""

    nargs = 1

    @classmethod
    def eval(cls, t: sp.Expr) -> sp.Expr | None:
        """Evaluate at the exact numbers where the value is exact, as SymPy's functions do."""
        return None

    def _eval_is_extended_real(self) -> bool | None:
        real: bool | None = self.args[0].is_extended_real
        return real

    def _eval_evalf(self, prec: int) -> Any:
        return self.rewrite_plain()._eval_evalf(prec)

    def rewrite_plain(self) -> sp.Expr:
        """The definition in SymPy's own functions."""
        raise NotImplementedError


class sigmoid(_Activation):
    """σ(t) = 1/(1 + e^(−t))."""

    @classmethod
    def eval(cls, t: sp.Expr) -> sp.Expr | None:
        return sp.Rational(1, 2) if t.is_zero else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return self * (1 - self)

    def rewrite_plain(self) -> sp.Expr:
        return 1 / (1 + sp.exp(-self.args[0]))


class softplus(_Activation):
    """log(1 + e^t), whose derivative is σ(t)."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sigmoid(self.args[0])

    def rewrite_plain(self) -> sp.Expr:
        return sp.log(1 + sp.exp(self.args[0]))


class relu(_Activation):
    """max(0, t); at the kink the derivative is 0, as in PyTorch."""

    @classmethod
    def eval(cls, t: sp.Expr) -> sp.Expr | None:
        return sp.Max(0, t) if t.is_number else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return step(self.args[0])

    def rewrite_plain(self) -> sp.Expr:
        return sp.Piecewise((self.args[0], self.args[0] > 0), (0, True))


class step(_Activation):
    """1[t > 0], the derivative of relu; its own derivative is 0 almost everywhere."""

    @classmethod
    def eval(cls, t: sp.Expr) -> sp.Expr | None:
        return sp.Integer(1 if t.is_positive else 0) if t.is_number else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.Integer(0)

    def rewrite_plain(self) -> sp.Expr:
        return sp.Piecewise((1, self.args[0] > 0), (0, True))


class absolute(_Activation):
    """|t| of a real t; at the kink the derivative is 0, as in PyTorch."""

    @classmethod
    def eval(cls, t: sp.Expr) -> sp.Expr | None:
        return sp.Abs(t) if t.is_number else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return signum(self.args[0])

    def rewrite_plain(self) -> sp.Expr:
        return sp.Abs(self.args[0])


class signum(_Activation):
    """The sign of t, the derivative of |t|; its own derivative is 0 almost everywhere."""

    @classmethod
    def eval(cls, t: sp.Expr) -> sp.Expr | None:
        return sp.sign(t) if t.is_number else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.Integer(0)

    def rewrite_plain(self) -> sp.Expr:
        return sp.sign(self.args[0])


LAWS: dict[type[sp.Function], str] = {
    sp.exp: "exp′ = exp",
    sp.log: "log′(t) = 1/t",
    sp.tanh: "tanh′ = 1 − tanh²",
    sigmoid: "σ′ = σ(1 − σ)",
    softplus: "softplus′ = σ",
    relu: "relu′(t) = 1[t > 0]",
    absolute: "|t|′ = sign(t)",
    step: "1[t > 0] is constant on either side",
    signum: "sign is constant on either side",
    sp.sin: "sin′ = cos",
    sp.cos: "cos′ = −sin",
}
"""Derivative laws as a textbook writes them."""


def plain(expr: sp.Expr) -> sp.Expr:
    """``expr`` with symgrad's functions replaced by their definitions in SymPy's own."""
    result: sp.Expr = expr.replace(
        lambda e: isinstance(e, _Activation), lambda e: e.rewrite_plain()
    )
    return result
