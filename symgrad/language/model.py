"""`parse`: a text, read line by line, as a model.

Why it exists: a declaration in text is for everyone who does not write Python, and for the command
line and the web page, which must not run what they are given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import sympy as sp
from sympy.core.function import UndefinedFunction

import symgrad.language.arithmetic as a
import symgrad.language.syntax as s
from symgrad.declare import let
from symgrad.domain import declared_at
from symgrad.errors import ParseError, SymgradError, UnsupportedError
from symgrad.graph import Kind, leaves
from symgrad.language.declarations import declare
from symgrad.language.expressions import RULES
from symgrad.language.functions import RESERVED
from symgrad.language.limits import checked_constant, checked_position, is_constant
from symgrad.language.names import canonical, nearest
from symgrad.language.parser import parse_expression as expression_tree
from symgrad.language.parser import parse_model
from symgrad.language.scope import Scope, new_index
from symgrad.language.source import Source, Span
from symgrad.language.sums import scope_entry
from symgrad.lift import lift
from symgrad.symbols import ARRAYS, LabelSymbol

MAX_STATEMENTS = 1_000
_LOGARITHM = re.compile(r"\b(log|ln)\b")


@dataclass(frozen=True)
class Model(Mapping[str, Any]):
    """What a text declares and defines: ``model["W1"]``, ``model.W1``, ``model.loss``.

    (A name that the model uses itself, such as ``data``, is ``model["data"]``.)

    ``names`` maps every name to its SymPy object, in the order of the text; ``loss`` is the last
    definition, or the one that the text lists as ``loss``; ``dims`` are the dimensions. ``data``
    is what the text lists as data. ``params`` is what it lists as params, and where it lists none
    every leaf of the loss that has no facts and is not data: so ``sg.gradient(model.loss,
    model.params)`` is the derivation.
    """

    names: Mapping[str, Any]
    loss: Any
    dims: Mapping[str, Any]
    listed_params: tuple[Any, ...]
    data: tuple[Any, ...]

    @property
    def params(self) -> tuple[Any, ...]:
        """What the loss is differentiated by."""
        if self.listed_params:
            return self.listed_params
        below = {leaf for leaf in leaves([lift(self.loss)]) if not leaf.leaf.facts}
        given = {lift(x) for x in self.data}
        return tuple(
            x
            for x in self.names.values()
            if _is_leaf(x) and lift(x) in below and lift(x) not in given
        )

    def __getitem__(self, name: str) -> Any:
        return self.names[name if name in self.names else canonical(name)]

    def __getattr__(self, name: str) -> Any:
        names = self.__dict__.get("names", {})
        found = names.get(name, names.get(canonical(name)))
        if found is None:
            raise AttributeError(f"the model has no name {name!r}; it has {', '.join(names)}.")
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self.names or canonical(name) in self.names)

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


def _is_leaf(x: Any) -> bool:
    if isinstance(x, UndefinedFunction) or (isinstance(x, sp.Expr) and is_constant(x)):
        return False
    return lift(x).kind is Kind.LEAF


def parse(text: str) -> Model:
    """The model that a text declares; ``symgrad language`` prints the guide to what it may say.

    A line declares (``W: matrix(H, D)``), defines (``h = tanh(W x)``) or lists (``params W``).
    Every definition is named with ``sg.let``, and means what the same declaration in SymPy means.
    The text is never evaluated as Python. Raises ParseError, which points at the column and says
    what to write instead, for anything that is not a model, however long, deep or hostile.
    """
    if not isinstance(text, str):
        raise UnsupportedError(
            f"an object of type {type(text).__name__} was given to parse; expected the text."
        )
    source = Source.of(text)
    tree = parse_model(source)
    reader = _Reader(source)
    if len(tree.statements) > MAX_STATEMENTS:
        raise source.error(
            tree.statements[MAX_STATEMENTS].at,
            f"a model has at most {MAX_STATEMENTS} lines that declare or define.",
        )
    for statement in tree.statements:
        reader.read(statement)
    return reader.model(tree)


def parse_expression(text: str, names: Mapping[str, Any]) -> Any:
    """The SymPy value of one expression in the scope of ``names``; raises ParseError."""
    source = Source.of(text)
    return Scope(source, names, RULES).build(expression_tree(source))


class _Reader:
    """The names so far, and what the lists of the text say."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.names: dict[str, Any] = {}
        self.lines: dict[str, int] = {}
        self.dims: dict[str, Any] = {}
        self.dims_listed = False
        self.lists: dict[str, list[Any]] = {"params": [], "data": [], "loss": []}
        self.defined: list[str] = []
        self.scope = Scope(source, self.names, RULES)

    def read(self, statement: s.Statement) -> None:
        """One line."""
        try:
            match statement:
                case s.Declaration():
                    self._declare(statement)
                case s.Definition():
                    self._define(statement)
                case s.Directive():
                    self._list(statement)
        except ParseError:
            raise
        except SymgradError as error:
            raise self.source.error(statement.at, str(error)) from error

    def model(self, tree: s.Model) -> Model:
        """The result; a text has to define something."""
        chosen = self.lists["loss"] or [self.names[x] for x in self.defined[-1:]]
        if not chosen:
            raise self.source.error(
                tree.statements[-1].at if tree.statements else tree.at,
                "the text defines no value that depends on anything; add a line such as "
                "L = squared_error(f, y).",
            )
        return Model(
            MappingProxyType(self.names),
            chosen[-1],
            MappingProxyType(self.dims),
            tuple(self.lists["params"]),
            tuple(self.lists["data"]),
        )

    # declarations

    def _new(self, name: s.Name) -> None:
        if name.name in self.dims:
            raise self.source.error(
                name.at,
                f"{name.name} is a dimension already, in line {self.lines[name.name]}; use another "
                "name.",
            )
        if name.name in self.lines:
            raise self.source.error(
                name.at,
                f"{name.name} is declared already, in line {self.lines[name.name]}; use another "
                "name.",
            )
        if name.name in RESERVED or name.name in ("inf", "oo", "true", "false"):
            raise self.source.error(
                name.at,
                f"{name.name} is a word of the language; use another name, such as {name.name}_1.",
            )

    def _add(self, name: s.Name, value: Any) -> None:
        self.names[name.name] = value
        self.lines[name.name] = self.source.line_of(name.at.start)

    def _declare(self, statement: s.Declaration) -> None:
        for word in statement.words:
            for size in word.sizes:
                self._dims_in(size, word)
        for name in statement.names:
            self._new(name)
            try:
                leaf = declare(name, statement.words, self.scope)
            except ParseError:
                raise
            except SymgradError as error:
                raise self.source.error(name.at.to(statement.at), str(error)) from error
            self._add(name, leaf)

    def _dims_in(self, size: s.Expr, word: s.Word) -> None:
        """A name that nothing else has, in a size, is a dimension."""
        stack: list[s.Expr] = [size]
        while stack:
            node = stack.pop()
            match node:
                case s.Name() if node.name not in self.names:
                    if node.name != "x" or word.name not in ("R", "ℝ"):
                        self._new_dim(node)
                case s.Chain():
                    stack += [link.item for link in node.links]
                case s.Terms():
                    stack += [x for _, x in node.terms]
                case s.Arguments():
                    stack += node.positional

    def _new_dim(self, name: s.Name) -> None:
        if self.dims_listed:
            near = nearest(name.name, self.dims)
            hint = f"; did you mean {near}?" if near else "; add it to the line of dims."
            raise self.source.error(name.at, f"{name.name} is not among the dims{hint}")
        self._new(name)
        self._add(name, sp.Symbol(name.name, integer=True, positive=True))
        self.dims[name.name] = self.names[name.name]

    # definitions

    def _define(self, statement: s.Definition) -> None:
        name = statement.name
        self._new(name)
        if statement.positions:
            value = self._define_entry(statement)
        else:
            value = self._defined_value(statement)
            if value is None:
                return
        self._add(name, value)
        self.defined.append(name.name)

    def _defined_value(self, statement: s.Definition) -> Any:
        """The named value; None for a constant, which is only another name of it."""
        value = self._scope_of(statement).build(statement.value)
        if not isinstance(value, ARRAYS) and is_constant(value):
            value = checked_constant(value)
            whole = value.is_integer and (value.free_symbols or value.is_positive)
            self._add(statement.name, checked_position(value) if whole else value)
            if whole:
                self.dims[statement.name.name] = value
            return None
        if isinstance(value, LabelSymbol):
            raise self.source.error(statement.value.at, "a label is used by its own name.")
        try:
            with declared_at(self._doubtful_place(statement.value.at)):
                return let(statement.name.name, value)
        except SymgradError as error:
            raise self.source.error(statement.value.at, str(error)) from error

    def _define_entry(self, statement: s.Definition) -> Any:
        """``z[k] = …``: the value of one entry, for every index."""
        scope = self._scope_of(statement)
        symbols: list[sp.Symbol] = []
        for position in statement.positions:
            if not isinstance(position, s.Name):
                raise self.source.error(
                    position.at, "a definition by entries has an index here, as in z[k] = …"
                )
            symbols.append(new_index(position, scope))
            scope = scope.with_indices(symbols[-1:])
        entry = scope_entry(statement.value, scope)
        try:
            with declared_at(self._doubtful_place(statement.value.at)):
                return let(statement.name.name, entry, *symbols)
        except SymgradError as error:
            raise self.source.error(statement.value.at, str(error)) from error

    def _scope_of(self, statement: s.Definition) -> Scope:
        return replace(self.scope, defining=statement.name.name)

    def _doubtful_place(self, span: Span) -> str:
        """Where a logarithm is taken in a value, if it is one; else where the value begins."""
        found = list(_LOGARITHM.finditer(self.source.text, span.start, span.end))
        return self.source.place_of(found[0].start() if len(found) == 1 else span.start)

    # lists

    def _list(self, statement: s.Directive) -> None:
        word = statement.word.name
        if word == "dims":
            self._list_dims(statement)
            return
        if word not in self.lists:
            near = nearest(word, [*self.lists, "dims"])
            hint = (
                f"did you mean {near}?"
                if near
                else "a line declares, as in x: vector(D), "
                + ("defines, as in h = tanh(z), or lists dims, params, data or the loss.")
            )
            raise self.source.error(statement.word.at, f"{word} begins no line; {hint}")
        for name, value in statement.listed:
            if value is not None:
                raise self.source.error(value.at, f"{word} lists names that are declared above.")
            symbol = self.scope.build(name)
            if word != "loss" and not _is_leaf(symbol):
                raise self.source.error(
                    name.at, f"{name.name} is not declared as a leaf; {word} lists leaves."
                )
            self.lists[word].append(symbol)

    def _list_dims(self, statement: s.Directive) -> None:
        for name, value in statement.listed:
            self._new(name)
            size = sp.Symbol(name.name, integer=True, positive=True)
            if value is not None:
                size = self.scope.build(value)
                if a.shape(size) or not (size.is_integer and size.is_positive):
                    raise self.source.error(value.at, "a dimension is a whole number from 1.")
                checked_position(size)
            self._add(name, size)
            self.dims[name.name] = size
        self.dims_listed = True
