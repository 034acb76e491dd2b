"""The NumPy target: one readable function.

Walks the program once. A value that the user named has a line of its own; any other value that is
used once is printed inside its consumer, as long as the line stays short. How a single operation
is spelled stands in `numpy_operations`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager

import sympy as sp

from symgrad.codegen import program as p
from symgrad.codegen.expression import ATOM, LONGEST, Code, Printer
from symgrad.codegen.names import CALL, HELPERS, Names
from symgrad.codegen.runtime.copying import Source, merge_imports, source_of
from symgrad.codegen.targets.layout import WIDTH, comment, definition, returned
from symgrad.codegen.targets.numpy_arrays import arranged, truth
from symgrad.codegen.targets.numpy_operations import FUNCTIONS, SPELLED
from symgrad.graph import Dim, Shape

CONTIGUOUS = False


def emit(program: p.Program, name: str, dtype: str, description: str = "") -> str:
    """The source of a module that defines the function ``name``.

    The function takes the program's inputs, arrays of ``dtype``, and returns its outputs: one,
    or a tuple.
    """
    emitter = Emitter(program, dtype)
    body = emitter.body()
    text = definition(name, [x.name for x in program.inputs], description, body)
    copied = helpers(body)
    parts = [*([copied.body] if copied.body else []), text]
    imports = [*copied.imports, *["import numpy as np"] * any("np." in part for part in parts)]
    if imports:
        parts.insert(0, merge_imports(imports).strip())
    return "\n\n\n".join(parts) + "\n"


def helpers(body: Sequence[str]) -> Source:
    """The functions of `runtime.array_math` that these lines call, as source."""
    code = [re.sub(r"#.*", "", line) for line in body]  # comments name functions as formulas do
    called = {name for line in code for name in CALL.findall(line)}
    used = [h for h in HELPERS if h in called]
    if not used:
        return Source((), "")
    copied = source_of("array_math", *used)
    return Source(copied.imports, copied.body.strip())


class Emitter:
    """The lines of one function body, and the text of each value."""

    def __init__(
        self, program: p.Program, dtype: str, type_text: str = "", indent: int = 4
    ) -> None:
        self.program, self.indent = program, indent
        self.type = type_text or f"np.{dtype}"  # how the function spells its type
        self.names = Names(program.taken | {"np", "itertools", *HELPERS})
        self.lines: list[str] = []
        self.codes: list[Code] = [Code(x.name) for x in program.inputs]
        self._dimensions = {d.symbol: d for d in program.dimensions}
        self._used: set[sp.Symbol] = set()
        self._extents: dict[Dim, Code] = {}
        self._products = Counter(
            o.value
            for s in program.statements
            if isinstance(s.operation, p.Contract)
            for o in s.operation.operands
        )
        self._previous: Shape | None = None  # of the line before
        self.placed: dict[int, str] = {}  # values that are written to a part of an array
        self.dots = False  # whether a small matrix product is a.dot(b)
        self.printer = Printer("NumPy", FUNCTIONS, self._symbol, self.hoist, self.real)

    def share(self, other: Emitter, names: Names) -> None:
        """Go on in the same function as another one."""
        self.names, self._used, self._extents = names, other._used, other._extents

    # ------------------------------------------------------------------ what the spellings need

    def shape(self, value: int) -> Shape:
        """The shape of a value."""
        return self.program.shape(value)

    def dim(self, n: Dim) -> Code:
        """The text of a dimension."""
        return self.printer.scalar(sp.sympify(n))

    def extent(self, n: Dim) -> Code:
        """A dimension that may stand in several places: a compound one has a line of its own."""
        if isinstance(n, int) or n.is_Symbol:
            return self.dim(n)
        if n not in self._extents:
            name = self.names.unique("size")
            self.lines.append(f"{name} = {self.dim(n).text}")
            self._extents[n] = Code(name)
        return self._extents[n]

    def view(self, operand: p.Operand, rank: int) -> Code:
        """An operand with its axes arranged to broadcast against ``rank`` labels."""
        code = self.codes[operand.value]
        if code.boolean and code.depth and isinstance(self._operation(operand.value), p.INDICATORS):
            first = len(self.program.inputs)  # printed as it is needed here, and not turned
            return truth(self, self.program.statements[operand.value - first], operand.labels, rank)
        code = self.real(code) if self._is_integral(operand.value) else code
        return arranged(code, operand.labels, rank)

    def is_constant(self, value: int) -> bool:
        """Whether a value is a number."""
        return isinstance(self._operation(value), p.Constant)

    def constant(self, value: int) -> sp.Expr:
        """The number that a value is."""
        operation = self._operation(value)
        assert isinstance(operation, p.Constant)
        return operation.number

    def is_eye(self, value: int) -> bool:
        """Whether a value is an identity matrix."""
        return isinstance(self._operation(value), p.Eye)

    def products(self, value: int) -> int:
        """How many contractions read a value."""
        return self._products[value]

    def only_compared(self, value: int) -> bool:
        """Whether an index is read by onehots alone, each an array of truth values."""
        users = [
            type(s.operation)
            for s in self.program.statements
            if value in (o.value for o in s.operation.operands)
        ]
        read = value in (out.operand.value for out in self.program.outputs)
        return not read and set(users) == {p.OneHot}

    def _operation(self, value: int) -> p.Operation | None:
        first = len(self.program.inputs)
        return None if value < first else self.program.statements[value - first].operation

    def numeric(self, operand: p.Operand) -> Code:
        """The text of an operand, a number and no truth value."""
        code = self.codes[operand.value]
        return self.real(code) if code.boolean or self._is_integral(operand.value) else code

    def _is_integral(self, value: int) -> bool:
        return isinstance(self._operation(value), p.INTEGRAL)

    def real(self, code: Code) -> Code:
        """Truth values and whole numbers as numbers of the function's type."""
        code = code if len(code.text) <= LONGEST else self.hoist(code)
        return Code(f"{code.bound(ATOM)}.astype({self.type})", depth=code.depth + 1)

    def typed(self) -> str:
        """The keyword that makes a new array one of the function's type."""
        return "" if self.type == "np.float64" else f"dtype={self.type}"

    def hoist(self, code: Code) -> Code:
        """A line of its own for ``code``."""
        name = self.names.temporary()
        self.lines.append(f"{name} = {code.text}")
        return Code(name, boolean=code.boolean)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """What is hoisted inside is computed everywhere and needed only in places."""
        before = len(self.lines)
        yield
        inside = self.lines[before:]
        if inside:
            silence = 'with np.errstate(all="ignore"):  # in the branches that are not taken'
            self.lines[before:] = [silence, *(f"    {line}" for line in inside)]

    # -------------------------------------------------------------------------------- the lines

    def body(self) -> list[str]:
        """All lines of the body."""
        self.reshape_inputs()
        self.statements()
        results = returned([self.result(k) for k in range(len(self.program.outputs))])
        return [*self.dimension_lines(), *self.lines, *results]

    def reshape_inputs(self) -> None:
        """Lines that drop the axes which inputs have and values have not."""
        for k, entry in enumerate(self.program.inputs):
            if len(entry.array_shape) > len(entry.shape):
                shape = self._tuple(entry.shape) if entry.shape else "()"
                self.lines.append(f"{self.codes[k].text} = np.reshape({entry.name}, {shape})")

    def statements(self) -> None:
        """The lines of all statements."""
        for statement in self.program.statements:
            self.statement(statement)

    def statement(self, statement: p.Statement) -> None:
        """The code of one statement, and its line unless it is printed inside its consumer."""
        code = SPELLED[type(statement.operation)](self, statement)
        place = self.placed.get(statement.value)
        if place is not None and _is_copy(statement):
            code = Code(f"np.ascontiguousarray({code.text})", depth=code.depth)
        if place is None and self._inlined(statement, code):
            self.codes.append(code)
            return
        changed = statement.shape if statement.shape != self._previous else None
        if statement.comment or (statement.name and changed):
            self.lines += comment(statement.comment, changed, WIDTH - self.indent)
        self._previous = statement.shape
        name = (
            place
            or statement.name
            or (
                self.names.unique(statement.suggestion)
                if statement.suggestion
                else self.names.temporary()
            )
        )
        self._assign(name, code)
        boolean = code.boolean and place is None
        self.codes.append(Code(name.removesuffix("[...]"), boolean=boolean))

    def _inlined(self, statement: p.Statement, code: Code) -> bool:
        if statement.name is not None or self.program.uses[statement.value] > 1:
            return code.depth == 0 and isinstance(statement.operation, p.Constant)
        return not statement.comment

    def _assign(self, name: str, code: Code) -> None:
        if self.indent + len(f"{name} = {code.text}") > WIDTH:
            code = self.hoist(code)  # the name was what made the line too long
        self.lines.append(f"{name} = {code.text}")

    def scatter(self, statement: p.Statement) -> Code:
        """Zeros with the operand added where the index says: the one operation of two lines."""
        operation = statement.operation
        assert isinstance(operation, p.Scatter)
        index, operand = operation.operands
        name = self.names.temporary()
        keywords = f", {self.typed()}" if self.typed() else ""
        zeros = f"np.zeros({self._tuple(statement.shape)}{keywords})"
        values = self.numeric(operand)
        rest = [x for x in range(len(statement.shape)) if x != operation.label]
        order = {x: k for k, x in enumerate([*index.labels, *rest])}
        labels = tuple(order[x] for x in operand.labels)
        (values,) = self.printer.fit([arranged(values, labels, len(order))])
        self._assign(name, Code(zeros))
        place = name if operation.label == 0 else f"np.moveaxis({name}, {operation.label}, 0)"
        self.lines.append(f"np.add.at({place}, {self.codes[index.value].text}, {values.text})")
        return Code(name)

    def result(self, k: int) -> Code:
        """What to return as output ``k``: an array of its own."""
        out = self.program.outputs[k]
        value, labels = out.operand.value, out.operand.labels
        (code,) = self.printer.fit([self.numeric(out.operand)], room=45)
        rank = len(out.shape)
        missing = len(set(labels)) < rank
        viewed = arranged(code, labels, rank)
        repeated = any(o.operand.value == value for o in self.program.outputs[:k])
        borrowed = self._is_view(value) or repeated or viewed.text != code.text
        if missing:
            typed = f", dtype={self.type}" if self.is_constant(value) else ""
            viewed = Code(f"np.full({self._tuple(out.shape)}, {viewed.text}{typed})", depth=1)
        elif borrowed and (rank or isinstance(self._operation(value), p.Window)):
            # A result is never an argument, nor another result.
            viewed = Code(f"{viewed.bound(ATOM)}.copy()", depth=viewed.depth)
        if len(out.array_shape) > rank > 0:
            axes = ", ".join("None" if n == 1 else ":" for n in out.array_shape)
            viewed = Code(f"{viewed.bound(ATOM)}[{axes}]", depth=viewed.depth)
        alone = len(self.program.outputs) == 1 and len(viewed.text) < WIDTH - 11
        return viewed if alone or viewed.depth == 0 else self.hoist(viewed)

    def _is_view(self, value: int) -> bool:
        """Whether a value may share memory with an argument."""
        first = len(self.program.inputs)
        if value < first:
            return True
        statement = self.program.statements[value - first]
        match statement.operation:
            case p.Gather(operands=(_, *indices)):
                return all(not o.labels for o in indices)
            case p.Total(operands=(operand,)):
                return max(operand.labels) < len(statement.shape)
            case p.Window():
                return True
        return False

    # ----------------------------------------------------------------------------- dimensions

    def _symbol(self, symbol: sp.Symbol) -> Code:
        d = self._dimensions[symbol]
        if symbol not in self._used:
            self._used.add(symbol)
            self.printer.scalar(d.offset)  # which may use other dimensions
        return Code(d.name)

    def dimension_lines(self, sources: Container[int] | None = None) -> list[str]:
        """The sizes that the lines so far use; only those read from inputs in ``sources``."""
        lines = []
        for d in self.program.dimensions:
            source = self.program.inputs[d.source].name
            if sources is not None and d.source not in sources:
                continue
            if d.symbol not in self._used or (d.axis is None and d.name == source):
                continue
            text = source if d.axis is None else f"{source}.shape[{d.axis}]"
            if d.offset is not sp.S.Zero:
                text = self.printer.add([(False, Code(text)), (True, self.dim(d.offset))]).text
            if d.factor != 1:
                text = (
                    f"({text}) // {d.factor}"
                    if d.offset is not sp.S.Zero
                    else f"{text} // {d.factor}"
                )
            lines.append(f"{d.name} = {text}")
        return lines

    def _tuple(self, shape: Shape) -> str:
        dims = [self.dim(n).text for n in shape]
        return f"({', '.join(dims)}{',' * (len(dims) == 1)})"


def _is_copy(statement: p.Statement) -> bool:
    """Whether a statement changes no more than the order of axes."""
    operation = statement.operation
    return isinstance(operation, p.Sum) and operation.weights == (1,)
