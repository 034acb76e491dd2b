"""The regions of a rolled program in the Numba target: one function, with loops over t in it.

Each region has a `Kernel` of its own; they share names, dimensions, numbers, and the arrays in
which they hand values to one another::

    h_before = h[t - 1]          a row, at the head of a loop
    h1 = h[0]                    a row that is the value of a statement outside of the loop
    h_0_19 = h[0:19]             rows, for a product over all t
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from symgrad.codegen.names import Names
from symgrad.codegen.passes import Passes
from symgrad.codegen.regions import Place, Region, Rolled
from symgrad.codegen.targets.numba_kernel import RESERVED, Kernel
from symgrad.codegen.targets.numba_loops import Loops
from symgrad.graph import Dim

_MOVED = {0: "now", -1: "before", 1: "after"}
"""What a row of a shared array is called in a loop."""


class Part(NamedTuple):
    """A region and what prints it."""

    region: Region
    kernel: Kernel

    @property
    def loops(self) -> Loops:
        """Its loops."""
        return self.kernel.loops


class Parts:
    """The regions of one function, and the variables for parts of the arrays that they share.

    Arguments as of `Kernel`; ``overwrites`` and ``placed`` concern the last region.
    """

    def __init__(
        self,
        regions: Rolled,
        dtype: str,
        extra_names: Iterable[str] = (),
        given: Mapping[Dim, str] | None = None,
        overwrites: Mapping[int, int] | None = None,
        placed: Mapping[int, str] | None = None,
        without: Passes = frozenset(),
    ) -> None:
        self.regions = regions
        extra = [*extra_names, *regions.names]
        own = Names({*regions.regions[-1].program.taken, *RESERVED, *extra})
        self.time = own.unique("t") if len(regions.regions) > 1 else ""
        self.arrays = [
            array.name if array.reserved else own.unique(array.name) for array in regions.arrays
        ]
        self.places: dict[Place, str] = {}
        self.cuts: list[str] = []
        self.parts: list[Part] = []
        self.printed = 0
        for region in regions.regions:
            last = region is regions.regions[-1]
            kernel = Kernel(
                region.program,
                dtype,
                overwrites if last else None,
                [*extra, *self.arrays, self.time],
                given,
                placed if last else None,
                without,
                self.parts[-1].kernel if self.parts else None,
            )
            first = len(region.program.inputs)
            for value, place in (*region.inputs.items(), *region.placed.items()):
                name = region.program.statements[value - first].name if value >= first else None
                if value < first and not region.program.inputs[value].shape:
                    kernel.loops.scalars[value] = self._entry(place)
                    continue
                kernel.loops.arrays[value] = self._variable(kernel, place, name)
            kernel.loops.placed |= set(region.placed)
            self.parts.append(Part(region, kernel))
        self.kernel = self.parts[-1].kernel
        self.loops = self.kernel.loops

    def _entry(self, place: Place) -> str:
        """A row that is a single number."""
        start = place.start or 0
        index = _moved(self.time, start) if place.moving else str(start)
        return f"{self.arrays[place.array]}[{index}]"

    def _variable(self, kernel: Kernel, place: Place, name: str | None) -> str:
        """The variable for a place; ``name`` is that of the value which is written there."""
        array, start = self.arrays[place.array], place.start
        if start is None:
            return array
        if place not in self.places:
            if place.moving:
                sign = "m" if start < 0 else ""
                end = _MOVED.get(start, f"at_{sign}{abs(start)}")
                self.places[place] = kernel.names.unique(f"{array}_{end}")
            elif place.stop is None:
                self.places[place] = name or kernel.names.unique(f"{array}_{start}")
                self.cuts.append(f"{self.places[place]} = {array}[{start}]")
            else:
                self.places[place] = kernel.names.unique(f"{array}_{start}_{place.stop}")
                self.cuts.append(f"{self.places[place]} = {array}[{start}:{place.stop}]")
        return self.places[place]

    def lines(self) -> list[str]:
        """The statements of all regions, those of a loop inside of it."""
        lines: list[str] = []
        scalars: dict[int, str] = {}
        for region, kernel in self.parts:
            loops, first = kernel.loops, len(region.program.inputs)
            loops.scalars |= {v: scalars[x] for v, x in region.scalars.items() if v < first}
            if region.times is not None:
                lines.append(f"for {self.time} in {region.times}:")
                loops.depth = 1
                used = [*region.inputs.values(), *region.placed.values()]
                for place in dict.fromkeys(x for x in used if x.moving and x in self.places):
                    row = f"{self.arrays[place.array]}[{_moved(self.time, place.start or 0)}]"
                    lines.append(f"    {self.places[place]} = {row}")
            for group in kernel.fused.groups:
                loops.group(group)
            scalars |= {x: loops.scalars[v] for v, x in region.scalars.items() if v >= first}
            lines += loops.lines
        self.printed = len(self.loops.lines)
        return lines


def _moved(time: str, offset: int) -> str:
    """t, t + 1 or t − 1."""
    return f"{time} {'+' if offset > 0 else '-'} {abs(offset)}" if offset else time
