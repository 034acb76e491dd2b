"""Syntax trees of claims: how to make and change them, and how to write them as text and LaTeX."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

import symgrad.language.syntax as s
from symgrad.language.source import Span

AT = Span(0, 1)
TIMES = frozenset({"", "*", "·"})
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "σ": lambda z: 1 / (1 + np.exp(-z)),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "sin": np.sin,
    "cos": np.cos,
    "sign": np.sign,
    "relu": lambda z: np.maximum(z, 0),
    "sum": np.sum,
    "diag": lambda v: np.diag(v[:, 0]),
    "softmax": lambda z: np.exp(z) / np.exp(z).sum(),
}
RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    ">": np.greater, "<": np.less, "≥": np.greater_equal, "≤": np.less_equal, "=": np.equal,
    "≠": np.not_equal,
}  # fmt: skip


class Unfit(Exception):
    """The shapes do not fit, or an index means nothing."""


class Unknown(Exception):
    """Nothing that is needed for the corpus."""


# -------------------------------------------------------------------------------------- places


def name(text: str) -> s.Name:
    return s.Name(AT, 1, text)


def number(text: str) -> s.Number:
    return s.Number(AT, 1, text)


def paren(tree: s.Expr) -> s.Expr:
    loose = isinstance(tree, s.Terms | s.Chain | s.BigSum)
    return s.Arguments(AT, tree.height + 1, (tree,), ()) if loose else tree


def chain(*items: s.Expr, operator: str = "·") -> s.Expr:
    links = [s.Link(operator if k else "", 1, paren(x)) for k, x in enumerate(items)]
    return s.Chain(AT, 1 + max(x.height for x in items), tuple(links))


def linked(of: s.Chain, links: list[s.Link] | tuple[s.Link, ...]) -> s.Expr:
    """A chain of fewer or other links; of one, its factor."""
    if len(links) == 1 and links[0].sign == 1:
        return links[0].item
    return replace(of, links=(replace(links[0], operator=""), *links[1:]))


def places(tree: Any, back: Callable[[Any], Any] = lambda x: x) -> Iterator[tuple[Any, Any]]:
    """Every node of a tree, outermost first, with what puts another into its place."""
    if isinstance(tree, tuple):
        for k, part in enumerate(tree):
            yield from places(part, lambda x, k=k: back((*tree[:k], x, *tree[k + 1 :])))
    elif isinstance(tree, s.Node | s.Link):
        if isinstance(tree, s.Node):
            yield tree, back
        for field in fields(tree):
            if field.name not in ("at", "height"):
                own = field.name
                yield from places(
                    getattr(tree, own), lambda x, own=own: back(replace(tree, **{own: x}))
                )


def juxtaposed(tree: Any) -> Any:
    """A tree with factors side by side, without a sign between them."""
    if isinstance(tree, tuple):
        return tuple(map(juxtaposed, tree))
    if isinstance(tree, s.Node | s.Link):
        tree = replace(tree, **{x.name: juxtaposed(getattr(tree, x.name)) for x in fields(tree)})
        if isinstance(tree, s.Link) and tree.operator in TIMES and tree.sign > 0:
            return replace(tree, operator="")
    return tree


def names_in(tree: Any) -> set[str]:
    return {x.name for x, _ in places(tree) if isinstance(x, s.Name)}


# ------------------------------------------------------------------------------------- as text


def text(tree: Any) -> str:
    """A tree in the text language, with the operators of paper."""
    return _Text().of(tree)


def latex(tree: Any) -> str:
    """A tree as a student types it in LaTeX."""
    return _Latex().of(tree)


class _Text:
    minus, hadamard = "−", "⊙"
    dots: Mapping[str, str] = {"": " ", "·": "·", "*": "·"}

    def of(self, tree: Any) -> str:
        return getattr(self, f"_{type(tree).__name__.lower()}")(tree)

    def _number(self, x: s.Number) -> str:
        return x.text

    def _name(self, x: s.Name) -> str:
        return x.name

    def _terms(self, x: s.Terms) -> str:
        first = "" if x.terms[0][0] > 0 else self.minus
        found = first + self.of(x.terms[0][1])
        for sign, term in x.terms[1:]:
            found += f" {'+' if sign > 0 else self.minus} {self.of(term)}"
        return found

    def _chain(self, x: s.Chain) -> str:
        found = ""
        for k, link in enumerate(x.links):
            operator = {"⊙": f" {self.hadamard} ", ".*": f" {self.hadamard} "}.get(
                link.operator, link.operator
            )
            applied = (
                k > 0
                and isinstance(x.links[k - 1].item, s.Name)
                and x.links[k - 1].item.name in FUNCTIONS
            )
            if link.operator in TIMES:
                operator = "" if not k or applied else self.dots[link.operator]
            found += operator + ("" if link.sign > 0 else self.minus) + self.of(link.item)
        return found

    def _item(self, x: s.Item) -> str:
        return self.of(x.base) + "".join(map(self.of, x.suffixes))

    def _transposition(self, x: s.Transposition) -> str:
        return "ᵀ"

    def _power(self, x: s.Power) -> str:
        return f"{'.' if x.elementwise else ''}^{self.of(x.exponent)}"

    def _positions(self, x: s.Positions) -> str:
        return f"[{', '.join(map(self.of, x.positions))}]"

    def _arguments(self, x: s.Arguments) -> str:
        return f"({', '.join(map(self.of, x.positional))})"

    def _norm(self, x: s.Norm) -> str:
        return f"{x.bar}{self.of(x.body)}{x.bar}{x.order}"

    def _relation(self, x: s.Relation) -> str:
        return f"{self.of(x.left)} {x.operator} {self.of(x.right)}"

    def _indicator(self, x: s.Indicator) -> str:
        return f"1[{', '.join(map(self.of, x.conditions))}]"

    def _bigsum(self, x: s.BigSum) -> str:
        return f"Σ_{self._ranges(x)} {'' if x.sign > 0 else self.minus}{self.of(x.body)}"

    def _ranges(self, x: s.BigSum) -> str:
        if x.upper is not None or not x.ranges:
            raise Unknown(x)
        if len(x.ranges) == 1 and isinstance(x.ranges[0], s.Name):
            return x.ranges[0].name
        return "{" + ", ".join(map(self.of, x.ranges)) + "}"


_GREEK = {
    "δ": r"\delta", "σ": r"\sigma", "λ": r"\lambda", "Δ": r"\Delta", "α": r"\alpha",
    "β": r"\beta", "Σ": r"\Sigma", "ε": r"\varepsilon",
}  # fmt: skip
_MACROS = frozenset({"tanh", "exp", "log", "sin", "cos"})
_SIGNS = {">": ">", "<": "<", "=": "=", "≥": r"\ge", "≤": r"\le", "≠": r"\ne"}


class _Latex(_Text):
    minus, hadamard = "-", r"\odot"
    dots: Mapping[str, str] = {"": " ", "·": r" \cdot ", "*": r" \cdot "}

    def _name(self, x: s.Name) -> str:
        if x.name in _MACROS:
            return rf"\{x.name}"
        if x.name in _GREEK:
            return _GREEK[x.name]
        if x.name in FUNCTIONS:
            return rf"\operatorname{{{x.name}}}"
        return self._spelled(x.name, "")

    def _spelled(self, of: str, indices: str) -> str:
        if of.startswith("1_"):
            return rf"\mathbb{{1}}_{{{of[2:]}}}"
        plain = unicodedata.normalize("NFD", of)
        found = re.fullmatch(r"(\w)(\u0302|\u0304)?_?(\w*)", plain)
        if found is None or (found[3] and not found[3][0].isdigit() and "_" not in of):
            base, below = rf"\mathrm{{{of}}}", ""
        else:
            base, below = _GREEK.get(found[1], found[1]), found[3]
            if len(below) > 1 and below.isalpha():
                below = rf"\mathrm{{{below}}}"
            if found[2]:
                base = rf"\{'hat' if found[2] == chr(0x302) else 'bar'}{{{base}}}"
        script = ",".join(x for x in (below, indices) if x)
        return f"{base}_{{{script}}}" if script else base

    def _item(self, x: s.Item) -> str:
        first = x.suffixes[0]
        if isinstance(x.base, s.Name) and isinstance(first, s.Positions):
            of, at = x.base.name, " ".join(map(self.of, first.positions))
            lettered = "_" in of and not of[-1].isdigit()
            own = f"({self.of(x.base)})_{{{at}}}" if lettered else self._spelled(of, at)
            return own + "".join(map(self.of, x.suffixes[1:]))
        return super()._item(x)

    def _transposition(self, x: s.Transposition) -> str:
        return r"^\top"

    def _power(self, x: s.Power) -> str:
        if x.elementwise:
            raise Unknown(x)
        exponent = x.exponent
        if isinstance(exponent, s.Arguments):
            (exponent,) = exponent.positional
        return f"^{{{self.of(exponent)}}}"

    def _norm(self, x: s.Norm) -> str:
        bar = "|" if x.bar == "|" else r"\|"
        return f"{bar}{self.of(x.body)}{bar}"

    def _relation(self, x: s.Relation) -> str:
        return f"{self.of(x.left)} {_SIGNS[x.operator]} {self.of(x.right)}"

    def _indicator(self, x: s.Indicator) -> str:
        return rf"\mathbb{{1}}[{', '.join(map(self.of, x.conditions))}]"

    def _bigsum(self, x: s.BigSum) -> str:
        return (
            rf"\sum_{{{self._ranges(x).strip('{}')}}} {'' if x.sign > 0 else '-'}{self.of(x.body)}"
        )


def left_latex(left: str) -> str:
    r"""``∂L/∂W1[k, j]`` as ``\frac{\partial L}{\partial W_{1,k j}}``."""
    found = re.fullmatch(r"∂(\w+)/∂([^\[]+)(?:\[(.+)\])?", left)
    if found is None:
        raise Unknown(left)
    below = _Latex()._spelled(found[2], (found[3] or "").replace(",", ""))
    return rf"\frac{{\partial {found[1]}}}{{\partial {below}}}"
