"""Overwriting: an array that is read no more is written over, not left to be freed.

Why it exists: NumPy makes a new array for the result of every operation. Memory that was written a
moment ago is in the cache, and what is not allocated is not mapped by the operating system.

In: the lines of a function body and the shapes of its arrays. Out: the lines, where

- ``t = f(s)`` is ``t = f(s, out=s)`` if s is read no more;
- ``t = a @ b + c`` is ``t = a @ b`` and ``t += c``;
- ``h[t] = f(s)`` is ``f(s, out=h[t])``;
- ``v[...] = b * v + c`` is ``v *= b`` and ``v += c``.

It changes no bit of any result. What shares memory with something else, or might, is left alone,
as is everything whose shape or type is not certain.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple, TypeAlias

import numpy as np

from symgrad.codegen import program as p
from symgrad.codegen.expression import Code
from symgrad.codegen.targets.numpy_operations import FUNCTIONS
from symgrad.graph import Shape

_WORD = re.compile(r"[^\W\d]\w*")
_TEMPORARY = re.compile(r"t\d+")
_SYMBOLS: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "np.add"),
    ast.Sub: ("-", "np.subtract"),
    ast.Mult: ("*", "np.multiply"),
    ast.Div: ("/", "np.divide"),
}
_FRESH = ("sum", "max", "dot", "take", "astype", "copy", "vdot", "outer", "where")
"""Methods, and functions of NumPy, whose result shares no memory with anything."""
_POINTWISE = {x for x in FUNCTIONS.values() if isinstance(x, str) and not x.startswith("np.")}
"""Functions of `runtime.array_math` that are computed for each number by itself."""

_POINTS = (p.Sum, p.Multiply, p.Apply, p.Contract, p.Total, p.Maximum)
_PLACES = (p.Window, p.Unwindow, p.Scatter)
"""Operations whose values have the extents that they should if what they read last has."""

_Steps: TypeAlias = "list[tuple[ast.expr, ast.expr]]"
"""Operations, each with the operand that its result is written over."""


class _Array(NamedTuple):
    """What is known of a value: its shape, and whether it holds numbers of the function's type."""

    shape: Shape
    real: bool = True


def certain_shapes(program: p.Program, codes: Sequence[Code]) -> dict[str, Shape]:
    """The shape of each name that surely is an array of real numbers with an axis for each label.

    ``codes`` is the text of each value.
    """
    certain = {k for k, x in enumerate(program.inputs) if x.role == "array"}
    for s in program.statements:
        own = [o for o in s.operation.operands if o.value in certain]
        if isinstance(s.operation, _POINTS):
            covered = {x for o in own for x in o.labels}
            if own and covered.issuperset(range(len(s.shape))):
                certain.add(s.value)
        elif isinstance(s.operation, _PLACES) and s.operation.operands[-1].value in certain:
            certain.add(s.value)
    return {
        codes[k].text: program.shape(k)
        for k in certain
        if codes[k].text.isidentifier() and not codes[k].boolean
    }


def overwritten(
    lines: Sequence[str], shapes: Mapping[str, Shape], after: Sequence[str] = (), axes: int = 1
) -> tuple[list[str], list[str]]:
    """The lines, written over what is read no more, and ``after``, lines that follow them.

    ``shapes`` has arrays and scalars of real numbers of the function's type, as they certainly are.
    Arrays of fewer axes than ``axes`` are taken to be too small to gain. No line may be in a loop
    of its own, and no name have two meanings.
    """
    writer = _Overwriting(lines, shapes, after, axes)
    found = [x for k, line in enumerate(lines) for x in writer.line(k, writer.with_names(line))]
    return found, [writer.with_names(line) for line in after]


class _Overwriting:
    def __init__(
        self, lines: Sequence[str], shapes: Mapping[str, Shape], after: Sequence[str], axes: int
    ) -> None:
        self.axes = axes
        self.known = {name: _Array(shape) for name, shape in shapes.items()}
        self.last = {word: k for k, line in enumerate([*lines, *after]) for word in _words(line)}
        self.owned: set[str] = set()  # names of arrays that nothing else shares memory with
        self.renamed: dict[str, str] = {}
        self.text = ""  # of the line at hand

    def with_names(self, line: str) -> str:
        """The line with the names that have changed."""
        if not self.renamed or line.lstrip().startswith("#"):
            return line
        return _WORD.sub(lambda found: self.renamed.get(found[0], found[0]), line)

    def line(self, k: int, line: str) -> list[str]:
        """What stands for line number ``k``."""
        self.text = line.lstrip()
        made: list[str] | None = None
        match _parsed(self.text):
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                made = self._assigned(k, name, value)
            case ast.Assign(
                targets=[ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=inside))],
                value=value,
            ) if inside is ... and name in self.known:
                made = self._stored(k, name, value)
            case ast.Assign(targets=[ast.Subscript() as target], value=value):
                made = self._filled(target, value)
                self.owned -= {*_words(self.text)} - {*_words(self._of(value))}
            case ast.AugAssign():
                pass
            case ast.Expr(value=ast.Call(func=function)) if self._of(function) == "np.add.at":
                pass
            case _:
                self.owned -= {*_words(self.text)}
        indent = line[: len(line) - len(self.text)]
        return [line] if made is None else [indent + x for x in made]

    def _assigned(self, k: int, name: str, value: ast.expr) -> list[str] | None:
        """The lines for ``name = value``; None if they stay as they are."""
        array = self._infer(value)
        if array is not None:
            self.known.setdefault(name, array)
        shared = self._aliases(value)
        self.owned -= shared
        if shared or name not in self.known or not self.known[name].real:
            return None
        made = None
        if len(self.known[name].shape) >= self.axes:
            steps, seed = self._spine(k, value, self.known[name].shape, "")
            made = self._written(name, steps, seed) if steps else None
        self.owned.add(self.renamed.get(name, name))
        return made

    def _stored(self, k: int, name: str, value: ast.expr) -> list[str] | None:
        """The lines for ``name[...] = value``; None if they stay as they are."""
        steps, seed = self._spine(k, value, self.known[name].shape, name)
        if not steps or not isinstance(seed, ast.Name) or seed.id != name:
            return None
        if len(steps) > 1 and _words(self.text).count(name) > 2:
            return None  # an operation would read what one before has written
        return self._written(name, steps, seed)

    def _filled(self, target: ast.Subscript, value: ast.expr) -> list[str] | None:
        """``np.f(x, y, out=h[t])`` for ``h[t] = f(x, y)``; None if it stays as it is."""
        place, array = self._infer(target), self._infer(value)
        if place is None or array is None or place != array or not place.shape:
            return None
        texts = [self._of(x) for x in _operands(value)] if _is_operation(value) else []
        if not texts:
            return None
        if isinstance(value, ast.BinOp):
            function = _SYMBOLS[type(value.op)][1]
        else:
            assert isinstance(value, ast.Call)
            function = self._of(value.func)
        return [f"{function}({', '.join(texts)}, out={self._of(target)})"]

    # ------------------------------------------------------------------------- the operations

    def _spine(self, k: int, value: ast.expr, shape: Shape, only: str) -> tuple[_Steps, ast.expr]:
        """Operations, from the last to the first, that may be done in one array; and its seed.

        It is a new one, or one that is read no more: ``only``, if it has to be a certain one.
        """
        steps: _Steps = []
        while True:
            side = self._side(k, value, shape, only, last=not steps)
            if side is None:
                break
            steps.append((value, side))
            value = side
        if not isinstance(value, ast.Name):  # then only what is as easy to read: t = a + b; t -= c
            plain = list(takewhile(lambda step: _is_augmented(*step), steps))
            value = plain[-1][1] if plain else value
            steps = plain
        return steps, value

    def _side(
        self, k: int, value: ast.expr, shape: Shape, only: str, last: bool = False
    ) -> ast.expr | None:
        """The operand of an operation that the result may be written over.

        ``last``: nothing is computed after it.
        """
        if not _is_operation(value):
            return None
        for operand in _operands(value):
            array = self._infer(operand)
            if array is None or array.shape != shape or not array.real:
                continue
            text = self._of(operand)
            if only:
                if text == only or (only in _words(text) and self._side(k, operand, shape, only)):
                    return operand
            elif isinstance(operand, ast.Name):
                alone = last or _words(self.text).count(text) == 1
                if text in self.owned and self.last[text] <= k and alone:
                    return operand
            elif not self._aliases(operand):
                return operand
        return None

    def _written(self, name: str, steps: _Steps, seed: ast.expr) -> list[str]:
        """The operations as lines."""
        *rest, first = steps
        if not isinstance(seed, ast.Name):
            made = [f"{name} = {self._of(seed)}", self._step(name, name, *first)]
        elif _TEMPORARY.fullmatch(name) and _TEMPORARY.fullmatch(seed.id):
            self.renamed[name], self.last[seed.id] = seed.id, self.last[name]
            name = seed.id
            made = [self._step(name, name, *first)]
        else:
            made = [self._step(name, seed.id, *first)]
        return made + [self._step(name, name, *x) for x in reversed(rest)]

    def _step(self, name: str, seed: str, value: ast.expr, replaced: ast.expr) -> str:
        """One operation: ``name`` from ``seed``, which stands for the operand ``replaced``."""
        texts = [seed if x is replaced else self._of(x) for x in _operands(value)]
        if isinstance(value, ast.Call):
            function = self._of(value.func)
        else:
            assert isinstance(value, ast.BinOp)
            symbol, function = _SYMBOLS[type(value.op)]
            if name == seed and _is_augmented(value, replaced):
                return f"{name} {symbol}= {texts[value.left is replaced]}"
        called = f"{function}({', '.join(texts)}, out={seed})"
        return called if name == seed else f"{name} = {called}"

    def _of(self, value: ast.expr) -> str:
        return ast.get_source_segment(self.text, value) or ""

    def _aliases(self, value: ast.expr) -> set[str]:
        """The names whose memory a value may share."""
        match value:
            case ast.BinOp() | ast.Compare() | ast.UnaryOp() | ast.Constant():
                return set()
            case ast.Call(func=ast.Attribute(attr=x)) if x in _FRESH:
                return set()
            case ast.Call(func=ast.Name(id=x)) if x in _POINTWISE:
                return set()
        return set() if _ufunc(value) else {*_words(self._of(value))}

    # ------------------------------------------------------------------------ shapes and types

    def _infer(self, value: ast.expr) -> _Array | None:
        """What is known of an expression."""
        match value:
            case ast.Constant(value=int() | float()):
                return _Array(())
            case ast.Name(id=name):
                return self.known.get(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._infer(operand)
            case (
                ast.BinOp(left=left, op=ast.MatMult(), right=right)
                | ast.Call(func=ast.Attribute(value=left, attr="dot"), args=[right])
            ):
                return _product(self._infer(left), self._infer(right))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _SYMBOLS:
                return _broadcast(self._infer(left), self._infer(right))
            case ast.Compare(left=left, comparators=[right]):
                both = _broadcast(self._infer(left), self._infer(right))
                return None if both is None else _Array(both.shape, real=False)
            case ast.Attribute(value=inner, attr="T"):
                array = self._infer(inner)
                return None if array is None else _Array(array.shape[::-1], array.real)
            case ast.Subscript(value=inner, slice=index):
                return self._indexed(self._infer(inner), index)
            case ast.Call(func=ast.Attribute(value=inner, attr="sum" | "max")) if not (
                isinstance(inner, ast.Name) and inner.id == "np"
            ):
                return _reduced(self._infer(inner), value)
            case ast.Call(args=[inner], keywords=[]) if _pointwise(value):
                return self._infer(inner)
            case ast.Call(args=[left, right], keywords=[]) if _pointwise(value):
                return _broadcast(self._infer(left), self._infer(right))
        return None

    def _indexed(self, array: _Array | None, index: ast.expr) -> _Array | None:
        """Of ``x[:, None]``, or ``h[t - 1]`` where t is a number."""
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        if array is None:
            return None
        left, shape = list(array.shape), []
        for part in parts:
            if isinstance(part, ast.Constant) and part.value is None:
                shape.append(1)
            elif left and isinstance(part, ast.Slice) and ast.unparse(part) == ":":
                shape.append(left.pop(0))
            elif left and self._is_number(part):
                left.pop(0)
            else:
                return None
        return _Array((*shape, *left), array.real)

    def _is_number(self, index: ast.expr) -> bool:
        return not isinstance(index, ast.Slice) and self._infer(index) == _Array(())


def _words(line: str) -> list[str]:
    """The names in a line of code, those in a comment left out."""
    return [] if line.lstrip().startswith("#") else _WORD.findall(line)


def _parsed(text: str) -> ast.stmt | None:
    try:
        body = ast.parse(text).body
    except SyntaxError:  # the head of a block, or one of several lines
        return None
    return body[0] if len(body) == 1 else None


def _is_augmented(value: ast.expr, replaced: ast.expr) -> bool:
    """Whether an operation that replaces one of its operands is written ``t += x``."""
    if not isinstance(value, ast.BinOp):
        return False
    return value.left is replaced or isinstance(value.op, ast.Add | ast.Mult)


def _operands(value: ast.expr) -> list[ast.expr]:
    """Those of a call, or of a binary operation."""
    return value.args if isinstance(value, ast.Call) else [value.left, value.right]  # type: ignore[attr-defined]


def _is_operation(value: ast.expr) -> bool:
    """Whether it has an ``out``."""
    return _ufunc(value) or (isinstance(value, ast.BinOp) and type(value.op) in _SYMBOLS)


def _ufunc(value: ast.expr) -> bool:
    """Whether a value is np.f(x) or np.f(x, y), computed for each number by itself."""
    match value:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr=name), keywords=[]):
            function = getattr(np, name, None)
            types = function.types if isinstance(function, np.ufunc) else ()
            return "d->d" in types or "dd->d" in types
    return False


def _pointwise(value: ast.Call) -> bool:
    return _ufunc(value) or (isinstance(value.func, ast.Name) and value.func.id in _POINTWISE)


def _broadcast(a: _Array | None, b: _Array | None) -> _Array | None:
    if a is None or b is None:
        return None
    long, short = (a.shape, b.shape) if len(a.shape) >= len(b.shape) else (b.shape, a.shape)
    shape = list(long)
    for k, n in enumerate(short, len(long) - len(short)):
        if n != shape[k] and 1 not in (n, shape[k]):
            return None
        shape[k] = n if shape[k] == 1 else shape[k]
    return _Array(tuple(shape), a.real or b.real)


def _product(a: _Array | None, b: _Array | None) -> _Array | None:
    if a is None or b is None or not (1 <= len(a.shape) <= 2 and 1 <= len(b.shape) <= 2):
        return None
    return _Array((*a.shape[:-1], *b.shape[:-2], *b.shape[1:][-1:]), a.real and b.real)


def _reduced(array: _Array | None, call: ast.Call) -> _Array | None:
    """Of ``x.sum(axis=k)``, and of no other keywords."""
    match call:
        case ast.Call(args=[], keywords=[ast.keyword("axis", ast.Constant(value=int(k)))]):
            if array is not None and array.real and 0 <= k < len(array.shape):
                return _Array(array.shape[:k] + array.shape[k + 1 :])
    return None
