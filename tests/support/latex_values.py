r"""LaTeX read back: what a formula is worth, by NumPy and by nothing of symgrad's.

Why it exists: a formula can compile, convert and look well, and say something else than the
derivation. This reader knows the notation of lectures, ``W_{2}^\top \delta_{2} \odot (…)``, as a
person does: letters beside each other are a product, ``\mathbf{1}`` is as many ones as fit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.special import erf, expit, log_softmax, logsumexp, ndtr, softmax

Value = Any
"""A float, or an array of two axes."""


class Ones:
    """Ones, of a shape that their place says."""


FUNCTIONS: dict[str, Callable[..., Value]] = {
    r"\tanh": np.tanh, r"\exp": np.exp, r"\log": np.log, r"\sin": np.sin, r"\cos": np.cos,
    r"\sigma": expit, r"\Phi": ndtr, r"\max": np.maximum, r"\min": np.minimum,
    r"\varphi": lambda t: np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi),
    "softmax": lambda z: softmax(z, axis=0 if z.shape[1] == 1 else 1),
    "logsoftmax": lambda z: log_softmax(z, axis=0), "logsumexp": logsumexp,
    "relu": lambda t: np.maximum(t, 0), "sum": np.sum, "tr": np.trace, "erf": erf,
    "softplus": lambda t: np.logaddexp(0, t), "sign": np.sign,
    "diag": lambda a: np.diagflat(a) if 1 in np.shape(a) else np.diag(a)[:, None],
}  # fmt: skip
"""A command, or the word in an operator's name → what it computes."""

ALONG: dict[tuple[str, str], Callable[..., Value]] = {
    ("softmax", "rows"): lambda z: softmax(z, axis=1),
    ("softmax", "columns"): lambda z: softmax(z, axis=0),
    ("logsumexp", "rows"): lambda z: logsumexp(z, axis=1, keepdims=True),
    ("logsumexp", "columns"): lambda z: logsumexp(z, axis=0, keepdims=True),
    (r"\max", "rows"): lambda z: np.max(z, axis=1, keepdims=True),
    (r"\max", "columns"): lambda z: np.max(z, axis=0, keepdims=True),
}
"""A function and which vectors of a matrix it takes one at a time → what it computes."""

_TOKEN = re.compile(
    r"\\begin\{cases\}|\\end\{cases\}|_\{\\mathrm\{(rows|columns)\}\}|\\operatorname\{(?P<word>\w+)\}|\\text\{[^}]*\}"
    r"|\\mathbf\{1\}|\\\\|\\[a-zA-Z]+|\\,|\d+(\.\d+)?|\S"
)
_COMPARE: dict[str, Callable[[Value, Value], Value]] = {
    ">": np.greater, "<": np.less, r"\geq": np.greater_equal, r"\leq": np.less_equal,
    r"\neq": np.not_equal, "=": np.equal,
}  # fmt: skip


def value_of(formula: str, values: Mapping[str, Value]) -> Value:
    """``formula`` at ``values``, which are by the LaTeX of their names."""
    reader = _Reader(formula, values)
    result = reader.sum()
    assert reader.at == len(reader.text), f"not read: {reader.text[reader.at :]!r} of {formula}"
    return 1.0 if isinstance(result, Ones) else result


class _Reader:
    def __init__(self, text: str, values: Mapping[str, Value]) -> None:
        self.text, self.at = text, 0
        self.values = values
        self.names = sorted(values, key=len, reverse=True)

    def peek(self) -> str:
        while self.at < len(self.text) and self.text[self.at] == " ":
            self.at += 1
        found = _TOKEN.match(self.text, self.at)
        return found[0] if found else ""

    def take(self, *expected: str) -> str:
        token = self.peek()
        assert not expected or token in expected, (expected, self.text[self.at :])
        self.at += len(token)
        return token

    def group(self) -> Value:
        self.take("{")
        inner = self.sum()
        self.take("}")
        return inner

    def sum(self) -> Value:
        sign = -1.0 if self.peek() == "-" and self.take() else 1.0
        total = self.scaled(sign, self.hadamard())
        while self.peek() in ("+", "-"):
            sign = 1.0 if self.take() == "+" else -1.0
            term = self.scaled(sign, self.hadamard())
            left, right = _alike(total, term)
            total = left + right
        return total

    @staticmethod
    def scaled(sign: float, value: Value) -> Value:
        return value if sign > 0 else -(1.0 if isinstance(value, Ones) else value)

    def hadamard(self) -> Value:
        result = self.product()
        while self.peek() == r"\odot":
            self.take()
            factor = self.product()
            left, right = _alike(result, factor)
            result = left * right
        return result

    def product(self) -> Value:
        result = self.power()
        while True:
            token = self.peek()
            if token in (r"\,", r"\cdot"):
                self.take()
            elif not token or token in _STOPS or token in _COMPARE:
                return result
            else:
                result = _times(result, self.power())

    def power(self) -> Value:
        base = self.atom()
        while self.peek() == "^":
            self.take()
            if self.peek() == r"\top":
                self.take()
                base = np.transpose(base)
            else:
                exponent = self.group() if self.peek() == "{" else float(self.take())
                square = np.ndim(base) == 2 and base.shape != (1, 1)
                base = np.linalg.inv(base) if square and exponent == -1 else base**exponent
        return base

    def atom(self) -> Value:
        self.peek()
        for name in self.names:
            if self.text.startswith(name, self.at) and not name.startswith(self.call()):
                self.at += len(name)
                return self.values[name]
        token = self.take()
        if re.fullmatch(r"\d+(\.\d+)?", token):
            if self.peek() == "/":  # an exponent 3/2
                self.take()
                return float(token) / float(self.take())
            return float(token)
        return _ATOMS[token](self) if token in _ATOMS else self.applied(token)

    def call(self) -> str:
        """The command of a function that stands here with its argument, else no name at all."""
        found = re.match(r"(\\[a-zA-Z]+)\s*(\\left)?\(", self.text[self.at :])
        return found[1] if found and found[1] in FUNCTIONS else "\0"

    def applied(self, token: str) -> Value:
        word = _TOKEN.fullmatch(token)
        name = (word["word"] if word else None) or token
        function = FUNCTIONS[name]
        power = None
        along = re.fullmatch(r"_\{\\mathrm\{(\w+)\}\}", self.peek())
        if along:
            self.take()
            function = ALONG[name, along[1]]
        if self.peek() == "^":
            self.take()
            power = self.group()
        tall = self.peek() == r"\left" and self.take()
        self.take("(")
        arguments = [self.sum()]
        while self.peek() == ",":
            self.take()
            arguments.append(self.sum())
        if tall:
            self.take(r"\right")
        self.take(")")
        result = function(*arguments)
        return result if power is None else result**power

    def enclosed(self, right: str, tall: bool) -> Value:
        inner = self.sum()
        if tall:
            self.take(r"\right")
        self.take(right)
        return inner

    def left(self) -> Value:
        opening = self.take("(", r"\lVert", r"\lvert")
        return self.bracketed(opening, True)

    def bracketed(self, opening: str, tall: bool) -> Value:
        if opening == "(":
            return self.enclosed(")", tall)
        if opening == r"\lvert":
            return np.abs(self.enclosed(r"\rvert", tall))
        return np.sqrt(np.sum(np.square(self.enclosed(r"\rVert", tall))))

    def ones(self) -> Value:
        if self.peek() == r"\left":
            self.take()
        if self.peek() != "[":
            return Ones()
        self.take("[")
        left, relation = self.sum(), self.take(*_COMPARE)
        result = _COMPARE[relation](left, self.sum()).astype(float)
        if self.peek() == r"\right":
            self.take()
        self.take("]")
        return result

    def cases(self) -> Value:
        chosen: list[tuple[Value, Value]] = []
        while True:
            value = self.sum()
            self.take("&")
            if "otherwise" in self.take():
                self.take(r"\end{cases}")
                break
            left, relation = self.sum(), self.take(*_COMPARE)
            chosen.append((value, _COMPARE[relation](left, self.sum())))
            self.take(r"\\")
        for case, condition in reversed(chosen):
            value = np.where(condition, case, value)
        return value

    def fraction(self) -> Value:
        return self.group() / self.group()


_STOPS = (
    ")", "]", "}", "+", "-", ",", "&", r"\\", r"\right", r"\rVert", r"\rvert", r"\odot",
    r"\end{cases}",
)  # fmt: skip

_ATOMS: dict[str, Callable[[_Reader], Value]] = {
    r"\frac": _Reader.fraction,
    r"\sqrt": lambda r: np.sqrt(r.group()),
    r"\pi": lambda r: np.pi,
    r"\left": _Reader.left,
    "(": lambda r: r.bracketed("(", False),
    r"\lVert": lambda r: r.bracketed(r"\lVert", False),
    r"\lvert": lambda r: r.bracketed(r"\lvert", False),
    r"\mathbf{1}": _Reader.ones,
    r"\begin{cases}": _Reader.cases,
    "e": lambda r: np.exp((r.take("^"), r.group())[1]),
}


def _alike(a: Value, b: Value) -> tuple[Value, Value]:
    """Two values of one shape, as + and ⊙ take them, or one of them a number."""
    left, right = (1.0 if isinstance(x, Ones) else x for x in (a, b))
    assert 1 in (np.size(left), np.size(right)) or left.shape == right.shape, "not of one shape"
    return left, right


def _times(a: Value, b: Value) -> Value:
    """The product of matrices, or of a number and anything."""
    if isinstance(b, Ones):
        return a @ np.ones((a.shape[1], 1)) if np.ndim(a) == 2 and np.size(a) > 1 else a
    if isinstance(a, Ones):
        return np.ones((b.shape[0], 1)).T @ b if np.ndim(b) == 2 and np.size(b) > 1 else b
    if np.size(a) == 1 or np.size(b) == 1:
        one = [x.item() if np.size(x) == 1 and np.ndim(x) else x for x in (a, b)]
        return one[0] * one[1]
    return a @ b
