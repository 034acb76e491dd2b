"""The Python around compiled steps: the arrays that they work in, and how they are called.

In: the compiled functions of a training module, `Steps`. Out: the text of `_workspace`,
`_sgd_steps`, `_steps` and the rest of `runtime.interface` that concerns steps, and the rules by
which two threads share them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sympy as sp

from symgrad.amounts import Amount
from symgrad.codegen.examples_last import turned
from symgrad.codegen.expression import Code, Printer
from symgrad.codegen.halving import FIXED, MOST_PARAMETERS, PER_PARAMETER, work
from symgrad.codegen.targets.layout import WIDTH, calling, definition
from symgrad.codegen.targets.numba_bodies import (
    ORDER,
    drawn,
)
from symgrad.codegen.targets.numba_scalar import OUTSIDE
from symgrad.codegen.targets.numba_steps import Steps
from symgrad.codegen.units import LEAST_SAVED, MEETINGS, PER_NUMBER
from symgrad.graph import Shape

_ARRAY = "np.ndarray"


class Wrappers:
    """Functions in Python around the compiled functions of steps."""

    def __init__(self, steps: Steps) -> None:
        self.steps, self.spec = steps, steps.spec
        self.shared = steps.halves or steps.units is not None
        self.arrays = "_arrays" if self.shared else "_workspace"

    def functions(self) -> list[str]:
        """All of them."""
        return [
            self._arrays(),
            self._is_halved(),
            *([self._is_divided()] if self.steps.units else []),
            *([self._workspace()] if self.shared else []),
            self._value_and_grad(),
            self._sgd_steps(),
            self._steps(),
        ]

    def _arrays(self) -> str:
        rows = []
        for row, name in zip(self.spec.rows, self.steps.gathered, strict=True):
            entry = self.steps.by_name[row]
            kind = "np.int64" if entry.role == "label" else "DTYPE"
            shape = self.steps.row_shape(row, None)
            flat = (sp.Mul(*shape),)  # two loops may use it in different orders
            turned = row in self.steps.folded.turned | self.steps.plain.turned
            rows.append((name, flat if turned else shape, kind))
        body = [
            *self._allocated("rows", rows),
            *self._allocated("folded", self.steps.folded.allocated()),
            *self._allocated("plain", self.steps.plain.allocated()),
            "flat = np.empty(sum(array.size for array in params), DTYPE)",
            "return rows, folded, plain, flat, _views(params, flat)",
        ]
        description = (
            "The arrays that the steps reuse: rows of a minibatch, intermediate values of either "
            "loop, and the gradient, as one array and parameter by parameter."
        )
        return definition(self.arrays, self._sizing(), description, body, "tuple[Any, ...]")

    def _sizing(self) -> list[str]:
        """The arguments of what depends on sizes."""
        return ["params: Params", "batch_size: int", *typed(self.spec.arguments)]

    def _is_halved(self) -> str:
        body, description = ["return False"], "A minibatch is not computed in halves."
        if self.steps.halves:
            body = [
                "size = sum(array.size for array in params)",
                *_summed("work", self._terms(work(self.spec.value_and_grad, self.steps.batch))),
                f"if batch_size == 1 or size > {MOST_PARAMETERS}:",
                "    return False",
                f"return work > {FIXED} + {PER_PARAMETER} * size and two_threads()",
            ]
            description = (
                "Whether each half of a minibatch is worth a thread: what a step costs, in "
                "multiply-adds of a large product, and what it has to."
            )
        return definition("_is_halved", self._sizing(), description, body, "bool")

    def _is_divided(self) -> str:
        assert self.steps.units is not None
        body = [
            "size = sum(array.size for array in params)",
            *_summed("work", self._terms(work(self.spec.step, self.steps.batch))),
            *_summed("theirs", self._terms(self.steps.units.divided)),
            *_summed("passed", self._terms(self.steps.units.passed)),
            f"saved = theirs / 2 - {PER_NUMBER} * passed - {MEETINGS}",
            f"if size <= {MOST_PARAMETERS} or {self._extent()} == 1:",
            "    return False",
            f"return saved > {LEAST_SAVED} * work and two_threads()",
        ]
        description = (
            "Whether half of the units are worth a thread: what that saves, in multiply-adds of "
            "a large product, of what a step costs."
        )
        return definition("_is_divided", self._sizing(), description, body, "bool")

    def _terms(self, amount: Amount) -> list[str]:
        """The terms of an amount, in sizes of parameters and data."""
        sizes = self._sizes()
        printer = Printer("Numba", OUTSIDE, lambda symbol: Code(sizes[symbol]))
        return [printer.scalar(Amount({m: c}).expr).text for m, c in amount.terms.items()]

    def _extent(self) -> str:
        """How many units there are."""
        name, axis = next(iter(self._axes().items()))
        return f"params.{name}.shape[{axis}]"

    def _axes(self) -> dict[str, int]:
        """The axis of each parameter that is divided, as users know it."""
        assert self.steps.units is not None
        return {
            x: 1 - k if x in self.steps.columns else k for x, k in self.steps.units.axes.items()
        }

    def _workspace(self) -> str:
        given = ", ".join(self.spec.arguments)
        body = [f"work = _arrays(params, batch_size, {given})"]
        if self.steps.halves:
            body += [
                f"if _is_halved(params, batch_size, {given}):",
                f"    of_half = params, (batch_size + 1) // 2, {given}",
                "    work = new_halves(params, _arrays(*of_half), _arrays(*of_half))",
            ]
        if self.steps.units:
            axes = ", ".join(f'"{name}": {axis}' for name, axis in self._axes().items())
            sizes = self._sizes()
            printer = Printer("Numba", OUTSIDE, lambda symbol: Code(sizes[symbol]))
            texts = (printer.scalar(sp.Mul(*shape)).text for shape in self.steps.units.shapes)
            sums = list(dict.fromkeys(texts))
            body += [
                f"if _is_divided(params, batch_size, {given}):",
                f"    axes = {{{axes}}}",
                f"    longest = {sums[0] if len(sums) == 1 else 'max(' + ', '.join(sums) + ')'}",
                "    first, second = divided(params, axes)",
                f"    arrays = _arrays(first, batch_size, {given})",
                f"    others = _arrays(second, batch_size, {given})",
                "    work = new_units(work, arrays, others, axes, longest)",
            ]
        body.append("return work")
        description = "The arrays that the steps reuse, or those of each of two threads."
        return definition("_workspace", self._sizing(), description, body, "Any")

    def _reordered(self, params: str, order: str) -> list[str]:
        """The parameters that are turned, in the other order."""
        arrays = [f'{x}=np.asarray({params}.{x}, order="{order}")' for x in self.steps.columns]
        return calling(f"{params} = {params}.", "_replace", arrays) if arrays else []

    def _passed(self, params: str) -> list[str]:
        """The parameters, or what has their shapes, as the compiled functions take them."""
        if not self.steps.columns:
            return [f"*{params}"]
        return [f"{params}.{x}{'.T' * (x in self.steps.columns)}" for x in self.spec.names]

    def _allocated(self, name: str, arrays: Sequence[tuple[str, Shape, str]]) -> list[str]:
        sizes = self._sizes()
        lines: list[str] = []
        for own, shape, kind in arrays:
            inside = f"{self._tuple(shape, sizes)}, {kind}"
            line = f"np.empty({inside}),  # {own}"
            parts = ["np.empty(", f"    {inside}", f"),  # {own}"]
            lines += [line] if len(line) <= WIDTH - 8 else parts
        if not lines:
            return [f"{name} = ()"]
        return [f"{name} = (", *(f"    {x}" for x in lines), ")"]

    def _sizes(self) -> dict[sp.Basic, str]:
        """Where `_workspace` reads a dimension: from a parameter, or else from the data."""
        found: dict[sp.Basic, str] = {self.steps.batch: "batch_size"}
        sources = {x: f"params.{x}" for x in self.spec.names}
        sources.update(zip(self.spec.rows, self.spec.arguments, strict=True))
        for name, source in sources.items():
            for axis, n in enumerate(self.steps.by_name[name].array_shape):
                if isinstance(n, sp.Symbol):
                    found.setdefault(n, f"{source}.shape[{axis}]")
        if self.steps.units:
            found[self.steps.units.dim] = self._extent()
        return found

    def _tuple(self, shape: Shape, sizes: Mapping[sp.Basic, str]) -> str:
        printer = Printer("Numba", OUTSIDE, lambda symbol: Code(sizes[symbol]))
        dims = [printer.scalar(sp.sympify(n)).text for n in shape]
        return f"({', '.join(dims)}{',' * (len(dims) == 1)})"

    def _value_and_grad(self) -> str:
        spec = self.spec
        body = self._reordered("params", "F")
        data = ", ".join(spec.arguments)
        body.append(
            f"_, _, plain, _, gradient = {self.arrays}(params, len({spec.arguments[0]}), {data})"
        )
        for mask in spec.masks:
            shape = self._tuple(self.steps.by_name[mask.name].array_shape, self._sizes())
            shape = shape.replace("batch_size", f"len({spec.arguments[0]})", 1)
            body.append(f"{mask.name} = np.full({shape}, {1 - mask.rate!r}, DTYPE)  # all are kept")
        rows = [
            turned(data, self.steps.by_name[row].array_shape)
            if row in self.steps.plain.turned
            else data
            for row, data in zip(spec.rows, spec.arguments, strict=True)
        ]
        given = [*self._passed("params"), *rows, *spec.kept, "*plain", *self._passed("gradient")]
        body += calling("value = ", "_gradients", given)
        body += [*self._reordered("gradient", "C"), "return value, gradient"]
        description = "The mean loss over the rows and its gradient, by the derivation above."
        arguments = ["params: Params", *typed(spec.arguments)]
        returns = "tuple[float, Params]"
        return definition("_value_and_grad", arguments, description, body, returns)

    def _sgd_steps(self) -> str:
        spec = self.spec
        params = self._passed("params")
        given = [*params, ORDER, "batch_size", "rates", "losses", "*rows", "*folded"]
        given += [*spec.arguments, *drawn(spec)]
        if self.steps.units:
            whole = [
                "rows, folded, *_ = arrays",
                *calling("return int(", "_folded_steps", [*given, "pair"], ")", room=WIDTH - 8),
            ]
            inner = ["pair", "arrays", "params", "losses"]
            body = [
                "",
                *definition("steps", inner, "Those of all units, or of half.", whole).splitlines(),
                "",
                "if isinstance(work, _Units):",
                "    return in_units(steps, work, params, losses)",
                "return steps(None, work, params, losses)",
            ]
        else:
            body = [
                "rows, folded, *_ = work",
                *calling("return int(", "_folded_steps", given, ")"),
            ]
        arguments = [
            *("params: Params", f"{ORDER}: {_ARRAY}", "batch_size: int", f"rates: {_ARRAY}"),
            *(f"losses: {_ARRAY}", "work: Any"),
            *typed([*spec.arguments, *drawn(spec)]),
        ]
        description = f"One step for each minibatch of the rows, θ ← {spec.update_formula}."
        return definition("_sgd_steps", arguments, description, body, "int")

    def _steps(self) -> str:
        spec = self.spec
        names = [f'"{x.name}"' for x in spec.updates]
        line = f"names = ({', '.join(names)}{',' * (len(names) == 1)})"
        given = [
            *(*self._passed("params"), *self._passed("gradient")),
            *("theta", "flat", "*chosen", ORDER, "batch_size"),
            *("limit", "segments", "losses", "*rows", "*plain"),
            *(*spec.arguments, *drawn(spec)),
            *(["pair"] if self.steps.halves else []),
        ]
        room = WIDTH - 4 * (1 + self.steps.halves)
        whole = [
            "rows, _, plain, flat, gradient = arrays"
            if self.steps.halves
            else "rows, _, plain, flat, gradient = work",
            "chosen = [(state, coefficients) if name == optimizer else None for name in names]",
            *calling("return int(", "_update_steps", given, ")", room=room),
        ]
        body = [line, "limit = None if np.isinf(clip) else DTYPE(clip)"]
        if self.steps.units:
            body += ["if isinstance(work, _Units):", "    work = work.whole"]
        if self.steps.halves:
            shared = "params, theta, state, losses"
            inner = ["pair", "arrays", *shared.split(", ")]
            body += [
                "",
                *definition("steps", inner, "Those of all rows, or of a half.", whole).splitlines(),
                "",
                "if isinstance(work, _Halves):",
                f"    return in_halves(steps, work, {shared})",
                f"return steps(None, work, {shared})",
            ]
        else:
            body += whole
        arguments = [
            *("optimizer: str", "params: Params", f"theta: {_ARRAY}", f"state: {_ARRAY}"),
            *(f"{ORDER}: {_ARRAY}", "batch_size: int", f"coefficients: {_ARRAY}", "clip: float"),
            *(f"segments: {_ARRAY}", f"losses: {_ARRAY}", "work: Any"),
            *typed([*spec.arguments, *drawn(spec)]),
        ]
        description = "One step of an optimizer for each minibatch of the rows."
        return definition("_steps", arguments, description, body, "int")


def typed(names: Iterable[str]) -> list[str]:
    return [f"{x}: {_ARRAY}" for x in names]


def _summed(name: str, terms: Sequence[str]) -> list[str]:
    """``name = a + b + …``, in as many lines as that takes."""
    lines = [f"{name} = {terms[0]}"]
    for term in terms[1:]:
        longer = f"{lines[-1]} + {term}"
        lines[-1:] = [longer] if len(longer) <= WIDTH - 4 else [lines[-1], f"{name} += {term}"]
    return lines
