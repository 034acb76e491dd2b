"""The scalar functions that SymPy lacks or that symgrad spells in its own way.

Why it exists: a map's body is a scalar SymPy expression, so an activation is a SymPy function
with a derivative. SymPy has exp, log and tanh; the ones below are ours. Each class states its
value (``rewrite_plain``) and its derivative (``fdiff``), the derivative in terms of the function
itself where one exists, which is what makes gradients reuse computed values.

**At a kink the derivative is the one that PyTorch uses.** In full:

- relu′(0) = 0; |·|′(0) = 0; leaky and parametric ReLU have the slope c at 0; ELU′(0) = α;
- where a = b, max(a, b) and min(a, b) have the derivative ½ by each; it is shown as 1[a > b].
  ``Max(0, z)`` is relu(z), ``Min(0, z)`` is −relu(−z) and ``Max(c·z, z)`` leaky ReLU;
- the largest entry of a vector passes its derivative to the first entry that attains it;
- ‖x‖ has the derivative 0 at x = 0;
- a ``Piecewise`` has the derivative of the branch that is taken.

**A jump is not differentiated.** The derivative of a step, a sign or a 0–1 loss is 0 almost
everywhere and a Dirac delta at the jump: training by it cannot work, and asking for it is
refused. So two functions share each value: `hard_step` is what a user declares, and `step`, the
same 1[t > 0], is what relu′ is made of; the second derivative of relu is 0. ``step(0)`` is 0;
``Heaviside(0)`` is SymPy's second argument, ½ unless told otherwise.

A function of the user's needs nothing from this file: any ``sympy.Function`` with ``fdiff`` will
do, and `definition` finds its value.

`LAWS` is the table of derivative laws as a textbook writes them, one row a function; a function
without a row gets its law printed from SymPy's derivative.
"""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

_HALF = sp.Rational(1, 2)


class _Activation(sp.Function):
    """A real function of real arguments that stays unevaluated."""

    nargs = 1

    @classmethod
    def eval(cls, *args: sp.Expr) -> sp.Expr | None:
        """Evaluate at the exact numbers where the value is exact, as SymPy's functions do."""
        return None

    def _eval_is_extended_real(self) -> bool | None:
        real: bool | None = sp.core.logic.fuzzy_and(x.is_extended_real for x in self.args)
        return real

    def _eval_evalf(self, prec: int) -> Any:
        exact = self._mpmath
        if exact is None or not all(x.is_number and x.is_extended_real for x in self.args):
            return self.rewrite_plain()._eval_evalf(prec)
        with mpmath.workprec(prec + 10):
            values = [x._to_mpmath(prec + 10) for x in self.args]
            return sp.Expr._from_mpmath(exact(*values), prec)

    _mpmath: Any = None
    """The value by mpmath, where the definition would cancel: log(1 + exp(−50)) must not be 0."""

    def rewrite_plain(self) -> sp.Expr:
        """The definition in SymPy's own functions."""
        raise NotImplementedError


def _of_number(value: sp.Expr, *args: sp.Expr) -> sp.Expr | None:
    """``value`` where all arguments are numbers."""
    return value if all(x.is_number for x in args) else None


# ----------------------------------------------------------------------------------- indicators


class step(_Activation):
    """1[t > 0], the derivative of relu; its own derivative is 0 almost everywhere."""

    @classmethod
    def eval(cls, t: sp.Expr) -> sp.Expr | None:
        return sp.Integer(1 if t.is_positive else 0) if t.is_number else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.Integer(0)

    def rewrite_plain(self) -> sp.Expr:
        return sp.Piecewise((1, self.args[0] > 0), (0, True))


class signum(_Activation):
    """The sign of t, the derivative of |t|; its own derivative is 0 almost everywhere."""

    @classmethod
    def eval(cls, t: sp.Expr) -> sp.Expr | None:
        return sp.sign(t) if t.is_number else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.Integer(0)

    def rewrite_plain(self) -> sp.Expr:
        return sp.sign(self.args[0])


class exceeds(_Activation):
    """1[a > b], and ½ where a = b: the derivative of max(a, b) by a, as in PyTorch."""

    nargs = 2

    @classmethod
    def eval(cls, a: sp.Expr, b: sp.Expr) -> sp.Expr | None:
        return _of_number((1 + sp.sign(a - b)) / 2, a, b)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.Integer(0)

    def rewrite_plain(self) -> sp.Expr:
        a, b = self.args
        return sp.Piecewise((1, a > b), (0, a < b), (_HALF, True))


class _Jump(_Activation):
    """What a user declares and nobody can train through."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.DiracDelta(self.args[0])

    def as_indicator(self) -> sp.Expr:
        """The same value, as it appears in derivatives: a function with the derivative 0."""
        raise NotImplementedError

    def rewrite_plain(self) -> sp.Expr:
        return plain(self.as_indicator())


class hard_step(_Jump):
    """1[t > 0] as a unit of a network: the threshold neuron."""

    @classmethod
    def eval(cls, t: sp.Expr) -> sp.Expr | None:
        return step.eval(t)

    def as_indicator(self) -> sp.Expr:
        return step(self.args[0])


class hard_sign(_Jump):
    """The sign of t as a unit of a network."""

    @classmethod
    def eval(cls, t: sp.Expr) -> sp.Expr | None:
        return signum.eval(t)

    def as_indicator(self) -> sp.Expr:
        return signum(self.args[0])


class zero_one(_Jump):
    """1[m < 0], the 0–1 loss of a margin m."""

    @classmethod
    def eval(cls, m: sp.Expr) -> sp.Expr | None:
        return step.eval(-m)

    def as_indicator(self) -> sp.Expr:
        return step(-self.args[0])


# ------------------------------------------------------------------- sigmoids and their integrals


class sigmoid(_Activation):
    """σ(t) = 1/(1 + e^(−t))."""

    @classmethod
    def eval(cls, t: sp.Expr) -> sp.Expr | None:
        return _HALF if t.is_zero else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return self * (1 - self)

    def rewrite_plain(self) -> sp.Expr:
        return 1 / (1 + sp.exp(-self.args[0]))


class softplus(_Activation):
    """log(1 + e^t), whose derivative is σ(t)."""

    _mpmath = staticmethod(lambda t: mpmath.log1p(mpmath.exp(t)))

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sigmoid(self.args[0])

    def rewrite_plain(self) -> sp.Expr:
        return sp.log(1 + sp.exp(self.args[0]))


class swish(_Activation):
    """h = t·σ(t), whose derivative is h + σ(t)(1 − h)."""

    @classmethod
    def eval(cls, t: sp.Expr) -> sp.Expr | None:
        return sp.Integer(0) if t.is_zero else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return self + sigmoid(self.args[0]) * (1 - self)

    def rewrite_plain(self) -> sp.Expr:
        return self.args[0] / (1 + sp.exp(-self.args[0]))


class normal_cdf(_Activation):
    """Φ(t) = ½(1 + erf(t/√2)), computed as ½·erfc(−t/√2), which is accurate for t ≪ 0 too."""

    _mpmath = staticmethod(mpmath.ncdf)

    @classmethod
    def eval(cls, t: sp.Expr) -> sp.Expr | None:
        return _HALF if t.is_zero else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return normal_pdf(self.args[0])

    def rewrite_plain(self) -> sp.Expr:
        return (1 + sp.erf(self.args[0] / sp.sqrt(2))) / 2


class normal_pdf(_Activation):
    """φ(t) = e^(−t²/2)/√(2π)."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return -self.args[0] * self

    def rewrite_plain(self) -> sp.Expr:
        return sp.exp(-(self.args[0] ** 2) / 2) / sp.sqrt(2 * sp.pi)


class gelu(_Activation):
    """t·Φ(t), exact (Hendrycks and Gimpel, 2016)."""

    _mpmath = staticmethod(lambda t: t * mpmath.ncdf(t))

    @classmethod
    def eval(cls, t: sp.Expr) -> sp.Expr | None:
        return sp.Integer(0) if t.is_zero else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        (t,) = self.args
        return normal_cdf(t) + t * normal_pdf(t)

    def rewrite_plain(self) -> sp.Expr:
        return self.args[0] * normal_cdf(self.args[0], evaluate=False).rewrite_plain()


# --------------------------------------------------------------------------- functions with kinks


class relu(_Activation):
    """max(0, t); at the kink the derivative is 0, as in PyTorch."""

    @classmethod
    def eval(cls, t: sp.Expr) -> sp.Expr | None:
        return sp.Max(0, t) if t.is_number else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return step(self.args[0])

    def rewrite_plain(self) -> sp.Expr:
        return sp.Piecewise((self.args[0], self.args[0] > 0), (0, True))


class leaky_relu(_Activation):
    """t, and c·t where t ≤ 0; at the kink the derivative is c, as in PyTorch."""

    nargs = 2

    @classmethod
    def eval(cls, t: sp.Expr, c: sp.Expr) -> sp.Expr | None:
        return _of_number(t if t.is_positive else c * t, t, c)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        t, c = self.args
        return sp.Piecewise((1, t > 0), (c, True)) if argindex == 1 else -relu(-t)

    def rewrite_plain(self) -> sp.Expr:
        t, c = self.args
        return sp.Piecewise((t, t > 0), (c * t, True))


class elu(_Activation):
    """h = t, and α(e^t − 1) where t ≤ 0; there, at 0 too, the derivative is h + α."""

    nargs = 2

    @classmethod
    def eval(cls, t: sp.Expr, alpha: sp.Expr) -> sp.Expr | None:
        return _of_number(t if t.is_positive else alpha * (sp.exp(t) - 1), t, alpha)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        t, alpha = self.args
        if argindex == 1:
            return sp.Piecewise((1, t > 0), (self + alpha, True))
        return sp.Piecewise((0, t > 0), (elu(t, sp.Integer(1)), True))

    def rewrite_plain(self) -> sp.Expr:
        t, alpha = self.args
        return sp.Piecewise((t, t > 0), (alpha * (sp.exp(t) - 1), True))


class absolute(_Activation):
    """|t| of a real t; at the kink the derivative is 0, as in PyTorch."""

    @classmethod
    def eval(cls, t: sp.Expr) -> sp.Expr | None:
        return sp.Abs(t) if t.is_number else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return signum(self.args[0])

    def rewrite_plain(self) -> sp.Expr:
        return sp.Abs(self.args[0])


class maximum(_Activation):
    """max(a, b); at a tie the derivative is ½ by each, as in PyTorch."""

    nargs = 2

    @classmethod
    def eval(cls, a: sp.Expr, b: sp.Expr) -> sp.Expr | None:
        return a if a == b else _of_number(sp.Max(a, b), a, b)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        a, b = self.args
        return exceeds(a, b) if argindex == 1 else exceeds(b, a)

    def rewrite_plain(self) -> sp.Expr:
        a, b = self.args
        return sp.Piecewise((a, a > b), (b, True))


class minimum(_Activation):
    """min(a, b); at a tie the derivative is ½ by each, as in PyTorch."""

    nargs = 2

    @classmethod
    def eval(cls, a: sp.Expr, b: sp.Expr) -> sp.Expr | None:
        return a if a == b else _of_number(sp.Min(a, b), a, b)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        a, b = self.args
        return exceeds(b, a) if argindex == 1 else exceeds(a, b)

    def rewrite_plain(self) -> sp.Expr:
        a, b = self.args
        return sp.Piecewise((a, a < b), (b, True))


# ------------------------------------------------------------------ functions with one bad point


class root(_Activation):
    """√t for norms: at 0 the derivative is 0, the subgradient of ‖x‖ that PyTorch uses."""

    @classmethod
    def eval(cls, t: sp.Expr) -> sp.Expr | None:
        return _of_number(sp.sqrt(t), t)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return inverse_or_zero(self) / 2

    def rewrite_plain(self) -> sp.Expr:
        return sp.sqrt(self.args[0])


class inverse_or_zero(_Activation):
    """1/t, and 0 at t = 0: the factor of x in the gradient of ‖x‖."""

    @classmethod
    def eval(cls, t: sp.Expr) -> sp.Expr | None:
        return _of_number(sp.Integer(0) if t.is_zero else 1 / t, t)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return -(self**2)

    def rewrite_plain(self) -> sp.Expr:
        return sp.Piecewise((0, sp.Eq(self.args[0], 0)), (1 / self.args[0], True))


class xlogx(_Activation):
    """t·log(t), and 0 at t = 0: what an entropy sums."""

    @classmethod
    def eval(cls, t: sp.Expr) -> sp.Expr | None:
        return _of_number(sp.Integer(0) if t.is_zero else t * sp.log(t), t)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return 1 + sp.log(self.args[0])

    def rewrite_plain(self) -> sp.Expr:
        t = self.args[0]
        return sp.Piecewise((0, sp.Eq(t, 0)), (t * sp.log(t), True))


SOFT: dict[type[sp.Function], type[sp.Function]] = {hard_step: sigmoid, hard_sign: sp.tanh}
"""For a hard function: the one that it is the limit of."""

TAME: frozenset[type[sp.Function]] = frozenset(
    {
        *(sp.tanh, sp.sin, sp.cos, sp.atan, sp.asinh, sp.erf, sp.erfc),
        *(sigmoid, softplus, swish, normal_cdf, normal_pdf, gelu),
        *(relu, leaky_relu, elu, absolute, maximum, minimum),
        *(step, signum, exceeds, hard_step, hard_sign, zero_one),
    }
)
"""Functions that are finite with their derivatives at every finite argument: they may be computed
where they are not needed, in the branch of a Piecewise that is not taken."""

LAWS: dict[type[sp.Function], str] = {
    sp.exp: "exp′ = exp",
    sp.log: "log′(t) = 1/t",
    sp.tanh: "tanh′ = 1 − tanh²",
    sigmoid: "σ′ = σ(1 − σ)",
    softplus: "softplus′ = σ",
    swish: "swish′ = swish + σ(1 − swish)",
    gelu: "gelu′(t) = Φ(t) + t·φ(t)",
    normal_cdf: "Φ′ = φ",
    normal_pdf: "φ′(t) = −t·φ(t)",
    relu: "relu′(t) = 1[t > 0]",
    leaky_relu: "leaky_relu′(t) = 1 if t > 0 else c",
    elu: "elu′(t) = 1 if t > 0 else elu(t) + α",
    absolute: "|t|′ = sign(t)",
    maximum: "max(a, b) has ∂/∂a = 1[a > b]",
    minimum: "min(a, b) has ∂/∂a = 1[a < b]",
    step: "1[t > 0] is constant on either side",
    signum: "sign is constant on either side",
    exceeds: "1[a > b] is constant on either side",
    root: "√′(t) = 1/(2√t)",
    inverse_or_zero: "(1/t)′ = −1/t²",
    xlogx: "(t·log t)′ = 1 + log t",
    sp.sin: "sin′ = cos",
    sp.cos: "cos′ = −sin",
    sp.tan: "tan′ = 1 + tan²",
    sp.cot: "cot′ = −1 − cot²",
    sp.sec: "sec′ = sec·tan",
    sp.csc: "csc′ = −csc·cot",
    sp.asin: "asin′(t) = 1/√(1 − t²)",
    sp.acos: "acos′(t) = −1/√(1 − t²)",
    sp.atan: "atan′(t) = 1/(1 + t²)",
    sp.sinh: "sinh′ = cosh",
    sp.cosh: "cosh′ = sinh",
    sp.erf: "erf′(t) = 2e^(−t²)/√π",
    sp.erfc: "erfc′(t) = −2e^(−t²)/√π",
}
"""Derivative laws as a textbook writes them."""


def plain(expr: sp.Expr) -> sp.Expr:
    """``expr`` with symgrad's functions replaced by their definitions in SymPy's own."""
    result: sp.Expr = expr.replace(
        lambda e: isinstance(e, _Activation), lambda e: e.rewrite_plain()
    )
    return result


def definition(e: sp.Function) -> sp.Expr | None:
    """The value of a user's own function in SymPy's functions: what ``doit`` makes of it."""
    if isinstance(e, _Activation):
        return None
    value: sp.Expr = e.doit()
    return None if value.has(type(e)) else value


def without_jumps(expr: sp.Expr) -> sp.Expr:
    """``expr`` with each step, sign and 0–1 loss as its twin that has the derivative 0.

    For comparing values: a gradient that a user writes with ``sg.step`` is the one that we derive
    with 1[t > 0].
    """
    result: sp.Expr = expr.replace(lambda e: isinstance(e, _Jump), lambda e: e.as_indicator())
    return result
