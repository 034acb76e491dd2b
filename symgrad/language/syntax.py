"""The syntax tree of a text model: what was typed, before anything is known of its names.

Why it exists: the grammar (`parser`) knows no names and the builder (`expressions`) knows no text,
so either can be used without the other; a claim about a gradient is one `Expr` in another scope.

Every node has the `Span` of the text it was read from, and its height, which is limited. Whether
``f (x)`` applies a function or multiplies is not decided here: both are a `Chain` of two links.
"""

from __future__ import annotations

from dataclasses import dataclass

from symgrad.language.source import Span


@dataclass(frozen=True)
class Node:
    """Anything that was read."""

    at: Span
    height: int


class Expr(Node):
    """An expression."""


@dataclass(frozen=True)
class Number(Expr):
    """``0.5``, as it was typed."""

    text: str


@dataclass(frozen=True)
class Name(Expr):
    """A name, in its canonical spelling."""

    name: str


@dataclass(frozen=True)
class Terms(Expr):
    """``a − b + c``: signs and terms."""

    terms: tuple[tuple[int, Expr], ...]


@dataclass(frozen=True)
class Link:
    """One factor of a chain: the operator before it, ``""`` for none, and its sign."""

    operator: str
    sign: int
    item: Expr


@dataclass(frozen=True)
class Chain(Expr):
    """``a b * c / d``: factors one after the other."""

    links: tuple[Link, ...]


@dataclass(frozen=True)
class Item(Expr):
    """A base with what stands behind it: ``x'``, ``t^2``, ``W[k, j]``."""

    base: Expr
    suffixes: tuple[Suffix, ...]


class Suffix(Node):
    """What stands behind a base."""


class Transposition(Suffix):
    """``'``, ``^T``, ``ᵀ``, ``.T``."""


@dataclass(frozen=True)
class Power(Suffix):
    """``^2``, ``**2``, ``²``; with a dot in front of it, elementwise."""

    exponent: Expr
    elementwise: bool


@dataclass(frozen=True)
class Positions(Suffix):
    """``[k, j]``."""

    positions: tuple[Expr, ...]


class Whole(Expr):
    """The ``:`` of ``X[n, :]``."""


@dataclass(frozen=True)
class Arguments(Expr):
    """What stands in parentheses: one expression, or the arguments of a function."""

    positional: tuple[Expr, ...]
    options: tuple[tuple[Name, Expr], ...]


@dataclass(frozen=True)
class Application(Expr):
    """A function of arguments, which the builder finds in a chain."""

    function: Name
    arguments: Arguments


@dataclass(frozen=True)
class Norm(Expr):
    """``|t|`` or ``‖x‖``, with the order that was typed behind it, or ``""``."""

    bar: str
    body: Expr
    order: str


@dataclass(frozen=True)
class Relation(Expr):
    """``a ≠ b``."""

    left: Expr
    operator: str
    right: Expr


@dataclass(frozen=True)
class Indicator(Expr):
    """``1[a > b]``: conditions that all have to hold."""

    conditions: tuple[Expr, ...]


@dataclass(frozen=True)
class BigSum(Expr):
    """``Σ_{j ≠ c} body``; without ranges, the sum of all entries of the body.

    A range is a name, a condition, or for ``Σ_{j=0}^{D-1}`` an equation, with the upper bound.
    """

    ranges: tuple[Expr, ...]
    upper: Expr | None
    sign: int
    body: Expr


@dataclass(frozen=True)
class Over(Expr):
    """``mean L over x, y``."""

    body: Expr
    names: tuple[Name, ...]


class Ones(Expr):
    r"""``\mathbf{1}`` in LaTeX: as many ones as fit where it stands."""


@dataclass(frozen=True)
class Cases(Expr):
    r"""``\begin{cases}``: values with their conditions; without any, what holds otherwise."""

    cases: tuple[tuple[Expr, tuple[Expr, ...]], ...]


# ------------------------------------------------------------------------------------ statements


class Statement(Node):
    """A line."""


@dataclass(frozen=True)
class Word(Node):
    """One word of a type: a name, and what it was given, as in ``matrix(n, m)`` and ``R^n``."""

    name: str
    sizes: tuple[Expr, ...]
    options: tuple[tuple[Name, Expr], ...]


@dataclass(frozen=True)
class Declaration(Statement):
    """``W1, W2: matrix(H, D), symmetric``."""

    names: tuple[Name, ...]
    words: tuple[Word, ...]


@dataclass(frozen=True)
class Definition(Statement):
    """``h = tanh(z)``, or with positions ``z[k] = …``."""

    name: Name
    positions: tuple[Expr, ...]
    value: Expr


@dataclass(frozen=True)
class Directive(Statement):
    """``params W, b`` and ``dims D, C = 10``: a word and names, some with a value."""

    word: Name
    listed: tuple[tuple[Name, Expr | None], ...]


@dataclass(frozen=True)
class Model(Node):
    """A whole text."""

    statements: tuple[Statement, ...]
