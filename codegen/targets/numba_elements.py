"""Elements of the Numba target: what a value is at one point of the loops, as text.

In: a fused program and, for the current point, the name of the index that runs along each label.
Out: scalar expressions. `numba_loops` prints the loops around them.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence

import sympy as sp

from symgrad.codegen import program as p
from symgrad.codegen.expression import Code, add, call, compare, condition, integer, multiply
from symgrad.codegen.fusion import Fused, through
from symgrad.codegen.names import Names
from symgrad.codegen.targets.layout import WIDTH, comment
from symgrad.codegen.targets.numba_scalar import MINUS, SUFFIX, ScalarPrinter
from symgrad.graph import Dim, Labels, slot

_LOOPS = "ijkmnpqrsuvwxyz"

_DEEPEST = 16
"""Nested loops."""


_DEEPER = 8
"""Columns by which the lines of a loop may be moved to the right later."""


def _bare(text: str) -> str:
    """``text`` without parentheses around all of it."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    for k, x in enumerate(text):
        depth += (x == "(") - (x == ")")
        if depth == 0 and k < len(text) - 1:
            return text
    return text[1:-1]


def singular(operation: p.Linalg) -> str:
    """What is said of a singular matrix at run time."""
    fact = "it has no inverse" if operation.op == "inverse" else "its log-determinant is not finite"
    return (
        f"{operation.matrix} is singular: {fact}; give a matrix of full rank, or add a small "
        "multiple of the identity to it."
    )


class Elements:
    """Prints the elements of one program's values.

    ``names`` gives new names; ``dim`` the text of a dimension; ``arrays`` the name of each value
    that has an array, inputs included; ``scalars`` of each value that is a scalar variable.
    """

    def __init__(
        self,
        program: p.Program,
        fused: Fused,
        dtype: str,
        names: Names,
        dim: Callable[[Dim], str],
        invariant: Callable[[sp.Expr], Code],
    ) -> None:
        self.program, self.fused, self.dtype = program, fused, dtype
        self.names, self.dim = names, dim
        self.lines: list[str] = []
        self.depth = 0
        self.arrays: dict[int, str] = {}
        self.scalars: dict[int, str] = {}
        self.placed: set[int] = set()  # values whose arrays the caller has
        self.summed: frozenset[int] = frozenset()  # products of which another thread has a part
        self.product = "gemm"  # what multiplies matrices
        self._said: set[int] = set()  # values whose line of mathematics is there
        self._matrices: dict[str, str] = {}  # of arrays in the shape of a matrix, their names
        self._local: dict[int, str] = {}
        self._index: dict[int, str] = {}
        self.printer = ScalarPrinter(dtype, invariant, self._hoist)
        self._statements = {s.value: s for s in program.statements}
        self.letters = [x for x in _LOOPS if x not in names.taken]
        self.letters += [names.unique(f"index{k}") for k in range(_DEEPEST - len(self.letters))]

    # ----------------------------------------------------------------------------- expressions

    def _expression(self, statement: p.Statement, outer: Labels | None = None) -> Code:
        """The right-hand side of a statement at the current point of the loops."""
        operation = statement.operation

        def at(labels: Labels) -> Labels:
            return labels if outer is None else through(outer, labels)

        operands = [p.Operand(x.value, at(x.labels)) for x in operation.operands]
        match operation:
            case p.Constant(number=number):
                if number.is_number:
                    return self.printer.constant(number)
                return self.printer.invariant(number)
            case p.Sum(weights=weights):
                codes = [self._operand(x) for x in operands]
                if self._cancels(statement):
                    ordered = codes if weights[0] == 1 else codes[::-1]
                    return call(f"{MINUS}_{SUFFIX[self.dtype]}", *ordered)
                terms = [self.printer.scaled(w, c) for w, c in zip(weights, codes, strict=True)]
                return self.printer.add(sorted(terms, key=lambda term: term[0]))
            case p.Multiply() | p.Contract():
                codes = [self._operand(x) for x in operands]
                above = [c for c in codes if c.inverse is None]
                below = [c.inverse for c in codes if c.inverse is not None]
                return self.printer.multiply(above, below)
            case p.Apply(body=body):
                arguments = {slot(k): self._operand(x) for k, x in enumerate(operands)}
                return self.printer.scalar(body, arguments)
            case p.Total() | p.Maximum() | p.ArgMaximum() | p.Unwindow():
                return self._operand(operands[0])
            case p.Scatter():
                return self._operand(operands[1])
            case p.Eye():
                a, b = at((0, 1))
                return self._truth(compare(Code(self._index[a]), "==", Code(self._index[b])))
            case p.OneHot():
                (index,) = operands
                last = at((len(statement.shape) - 1,))[0]
                place = Code(self._integer(index))
                return self._truth(compare(place, "==", Code(self._index[last])))
            case p.Gather(axes=axes):
                return self._gathered(operands, axes)
            case p.Window(places=places):
                return self._windowed(operands[0], places, at)
            case p.Mask(coefficients=coefficients, offset=offset, relation=relation):
                axes = at(tuple(range(len(coefficients))))
                indices = [Code(self._index[x]) for x in axes]
                pairs = [(c, i) for c, i in zip(coefficients, indices, strict=True) if c]
                truth = condition(pairs, sp.sympify(offset), relation, self._size_of)
                return self._truth(truth) if pairs or not axes else self.printer.constant(1)
            case p.Threshold():
                return Code(f"threshold_of({self._whole(operands[0])})", depth=1)
            case p.Linalg(op="det"):
                return Code(f"det_of({self._whole(operands[0])})", depth=1)
            case p.Linalg(op="logdet"):
                code = self._hoist(Code(f"log_abs_det_of({self._whole(operands[0])})"))
                self._line(f"if {code.text} == -np.inf:")
                self._refuse(operation)
                return code
            case _:
                raise AssertionError(f"{type(operation).__name__} is not printed in a loop")

    def _cancels(self, statement: p.Statement) -> bool:
        """Whether the value is z − max z as a term of a sum.

        It has to be rounded as it stands: added in another order, the maximum stays in the sum
        until the end, with the error of its own last place.
        """
        operation = statement.operation
        if not isinstance(operation, p.Sum) or len(operation.weights) != 2:
            return False
        if set(operation.weights) != {sp.S.One, sp.S.NegativeOne}:
            return False
        negative = operation.operands[operation.weights.index(sp.S.NegativeOne)]
        less = self._statements.get(negative.value)
        return (
            less is not None
            and isinstance(less.operation, p.Maximum)
            and any(isinstance(x.operation, p.Sum | p.Total) for x in self._users(statement))
        )

    def _users(self, statement: p.Statement) -> list[p.Statement]:
        value = statement.value
        return [
            x
            for x in self.program.statements
            if any(operand.value == value for operand in x.operation.operands)
        ]

    def _truth(self, truth: Code) -> Code:
        one, zero = self.printer.constant(1).text, self.printer.constant(0).text
        return Code(f"({one} if {truth.text} else {zero})", depth=1)

    def _refuse(self, operation: p.Linalg) -> None:
        """Raise what is wrong with a singular matrix."""
        self._line("    raise np.linalg.LinAlgError(")
        room = WIDTH - 20 - 4 * self.depth
        parts = textwrap.wrap(singular(operation), room, drop_whitespace=False)
        for part in parts:
            self._line(f'        "{part}"')
        self._line("    )")

    def _size_of(self, n: sp.Expr) -> Code:
        """A whole number or an expression in dimensions."""
        return integer(int(n)) if n.is_Integer else Code(self.dim(n))

    def _windowed(
        self,
        source: p.Operand,
        places: Sequence[tuple[int, p.Place]],
        at: Callable[[Labels], Labels],
    ) -> Code:
        """``x[i, 2 * j + k - 1]``, and 0 where that is outside of x."""
        found = {axis: (place, self._place_of(place, at)) for axis, place in places}
        shape = self.program.shape(source.value)
        where: list[str] = []
        conditions: list[str] = []
        for axis, label in enumerate(source.labels):
            if axis not in found:
                where.append(self._index[label])
                continue
            place, code = found[axis]
            text = self._bounded(place, code, shape[axis], conditions)
            where.append(text)
        element = f"{self.arrays[source.value]}[{', '.join(where)}]"
        if not conditions:
            return Code(element)
        name = self.names.temporary()
        self._line(f"{name} = {self.printer.constant(0).text}")
        self._line(f"if {' and '.join(conditions)}:")
        self._line(f"    {name} = {element}")
        return Code(name)

    def _bounded(self, place: p.Place, code: Code, n: Dim, conditions: list[str]) -> str:
        """The text of a place on an axis of n, and the condition that it is inside, if needed."""
        if place.inside:
            return code.text
        if code.depth:
            code = self._hoist(code)
        conditions.append(f"0 <= {code.text} < {self.dim(n)}")
        return code.text

    def _place_of(self, place: p.Place, at: Callable[[Labels], Labels]) -> Code:
        return self._place(zip(at(place.labels), place.steps, strict=True), place.offset)

    def _place(self, terms: Iterable[tuple[int, int]], offset: Dim) -> Code:
        """offset + Σ step·index, a whole number."""
        parts: list[tuple[bool, Code]] = []
        for label, step in terms:
            index = Code(self._index[label])
            if step:
                size = index if abs(step) == 1 else multiply([integer(abs(step)), index])
                parts.append((step < 0, size))
        negative = bool(sp.sympify(offset).is_negative)
        if offset != 0 or not parts:
            parts.append((negative, self._size_of(sp.sympify(-offset if negative else offset))))
        parts.sort(key=lambda part: part[0])
        return add(parts)

    def _whole(self, operand: p.Operand) -> str:
        """A matrix or row of an array: ``A[i, :, :]``, or all of it."""
        name, labels = self.arrays[operand.value], operand.labels
        if not any(x in self._index for x in labels):
            ordered = list(labels) == sorted(labels)
            return name if ordered else f"{name}.T"
        whole = [x for x in labels if x not in self._index]
        where = [self._index.get(x, ":") for x in labels]
        while where[-1] == ":" and where[0] != ":":
            where.pop()
        turned = ".T" if whole != sorted(whole) else ""
        return f"{name}[{', '.join(where)}]{turned}"

    def _gathered(self, operands: Sequence[p.Operand], axes: Iterable[int]) -> Code:
        source, *indices = operands
        by_axis = dict(zip(axes, indices, strict=True))
        where = [
            self._integer(by_axis[axis]) if axis in by_axis else self._index[label]
            for axis, label in enumerate(source.labels)
        ]
        return Code(f"{self.arrays[source.value]}[{', '.join(where)}]")

    def _integer(self, operand: p.Operand) -> str:
        if operand.value in self.fused.inlined:
            operation = self.fused.inlined[operand.value].operation
            assert isinstance(operation, p.Constant)
            return str(operation.number)
        return self._operand(operand).text

    def _operand(self, operand: p.Operand) -> Code:
        value = operand.value
        if value in self.fused.inlined:
            return self._expression(self.fused.inlined[value], operand.labels)
        if value in self._local:
            return Code(self._local[value])
        if not self.program.shape(value):
            return self._scalar(value)
        return Code(f"{self.arrays[value]}[{self._where(operand.labels)}]")

    def value_text(self, value: int) -> str:
        """The text of a scalar value."""
        return self._scalar(value).text

    def _scalar(self, value: int) -> Code:
        if value in self.fused.inlined:
            return self._expression(self.fused.inlined[value])
        return Code(self.scalars[value])

    def _where(self, labels: Labels) -> str:
        return ", ".join(self._index[x] for x in labels)

    # ----------------------------------------------------------------------------------- lines

    def _name(self, statement: p.Statement, *letters: str) -> str:
        base = statement.name or statement.suggestion or self.arrays.get(statement.value)
        if base is None:
            return self.names.temporary()
        return self.names.unique(f"{base}_{''.join(letters)}" if letters else base)

    def _hoist(self, code: Code) -> Code:
        name = self.names.temporary()
        self._line(f"{name} = {_bare(code.text)}")
        return Code(name)

    def _assign(self, target: str, code: Code, operator: str = "=") -> None:
        """``target = code``, on two lines if it is long."""
        line = f"{target} {operator} {_bare(code.text)}"
        if len(line) + 4 * self.depth > WIDTH - _DEEPER and code.depth:
            line = f"{target} {operator} {self._hoist(code).text}"
        self._line(line)

    def _comment(self, statement: p.Statement) -> None:
        if statement.comment and statement.value not in self._said:
            self._said.add(statement.value)
            for line in comment(statement.comment, statement.shape):
                self._line(line)

    def _line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)
