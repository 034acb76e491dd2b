"""The regions of a rolled program in the NumPy target: loops over t among the lines of a function.

Each region has an `Emitter` of its own; they share names, dimensions, and the arrays in which they
hand values to one another::

    h = np.empty((20, N, 16), W.dtype)
    for t in range(1, 20):
        h[t] = np.tanh(h[t - 1].dot(U.T) + W_x[t])
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from symgrad.codegen.expression import Code
from symgrad.codegen.names import HELPERS, Names
from symgrad.codegen.program import Program
from symgrad.codegen.regions import Place, Rolled
from symgrad.codegen.targets.numpy import Emitter
from symgrad.codegen.targets.numpy_overwrite import certain_shapes, overwritten
from symgrad.graph import Shape

E = TypeVar("E", bound=Emitter)


class Regions(Generic[E]):
    """The emitters of the regions. ``last`` has the outputs of the whole program.

    ``make`` makes an emitter of a program.
    """

    def __init__(self, rolled: Rolled, make: Callable[[Program], E]) -> None:
        self.regions, self.shared = rolled.regions, rolled.arrays
        self.emitters = [make(region.program) for region in self.regions]
        self.last = self.emitters[-1]
        self.time, self.arrays = "", list[str]()
        if len(self.regions) > 1:
            taken = {"np", "itertools", *HELPERS, *rolled.names}
            names = Names({*self.last.program.taken, *taken})
            self.time = names.unique("t")
            self.arrays = [x.name if x.reserved else names.unique(x.name) for x in rolled.arrays]
            for emitter in self.emitters:
                emitter.share(self.emitters[0], names)
        placed = [x for region in self.regions for x in region.placed.values()]
        times = Counter(x.array for x in placed)
        self.whole = {x.array for x in placed if x.start is None and times[x.array] == 1}
        """The arrays that one statement computes, which need not be allocated before."""

    def run(self, run: Callable[[E], object]) -> None:
        """Write the lines of all statements; ``run`` writes those of the last region."""
        numbers: dict[int, Code] = {}
        for emitter, region in zip(self.emitters, self.regions, strict=True):
            first = len(region.program.inputs)
            for value, place in region.inputs.items():
                emitter.codes[value] = Code(self._text(place))
            for value, number in region.scalars.items():
                if value < first:
                    emitter.codes[value] = numbers[number]
            emitter.placed = {
                value: self._text(place) + "[...]" * self._is_filled(place)
                for value, place in region.placed.items()
            }
            emitter.indent += 4 * (region.times is not None)
            if emitter is self.last:
                run(emitter)
            else:
                emitter.statements()
            for value, number in region.scalars.items():
                if value >= first:
                    code = emitter.codes[value]
                    numbers[number] = code if code.text.isidentifier() else emitter.hoist(code)

    def lines(
        self, after: Sequence[str], overwrite: bool, axes: int = 2
    ) -> tuple[list[str], list[str]]:
        """The lines of all regions, and ``after``, which follow them."""
        bodies = [emitter.lines for emitter in self.emitters] + [list(after)]
        if overwrite:
            for k, emitter in enumerate(self.emitters):
                bodies[k:] = self._overwritten(emitter, bodies[k:], axes)
        found = self._allocated()
        for region, body in zip(self.regions, bodies, strict=False):
            if region.times is None:
                found += body
            else:
                found.append(f"for {self.time} in {region.times}:")
                found += [f"    {line}" for line in body]
        return found, bodies[-1]

    def _overwritten(self, emitter: E, bodies: list[list[str]], axes: int) -> list[list[str]]:
        """The first of the bodies written over what is read no more in any of them."""
        names: dict[str, Shape] = {d.name: () for d in emitter.program.dimensions}
        names[self.time] = ()
        for name, array in zip(self.arrays, self.shared, strict=True):
            if not array.integral:
                names[name] = array.shape
        shapes = certain_shapes(emitter.program, emitter.codes)
        later = [line for body in bodies[1:] for line in body]
        first, later = overwritten(bodies[0], names | shapes, later, axes)
        cut = [first]
        for body in bodies[1:]:
            cut.append(later[: len(body)])
            later = later[len(body) :]
        return cut

    def _allocated(self) -> list[str]:
        """The arrays that are written part by part."""
        lines = []
        for k, (name, array) in enumerate(zip(self.arrays, self.shared, strict=True)):
            if k in self.whole:
                continue
            kind = "np.int64" if array.integral else self.last.type
            dims = ", ".join(self.last.extent(n).text for n in array.shape)
            lines.append(f"{name} = np.empty(({dims}{',' * (len(array.shape) == 1)}), {kind})")
        return lines

    def _is_filled(self, place: Place) -> bool:
        """Whether a place is all of an array that others write to as well."""
        return place.start is None and place.array not in self.whole

    def _text(self, place: Place) -> str:
        name, start = self.arrays[place.array], place.start
        if start is None:
            return name
        if place.moving:
            sign = "+" if start > 0 else "-"
            return f"{name}[{self.time} {sign} {abs(start)}]" if start else f"{name}[{self.time}]"
        return f"{name}[{start}]" if place.stop is None else f"{name}[{start}:{place.stop}]"
