"""What the families of a program are called in the code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from symgrad.codegen import program as p
from symgrad.codegen.rolling.repeats import Family


class FamilyNames:
    """Names for families, from those of their members and operands."""

    def __init__(self, program: p.Program, families: Sequence[Family]) -> None:
        self.program, self.families = program, families
        self.first = len(program.inputs)

    def of_family(self, f: int) -> str:
        """A family is called as its members are without their numbers, or after what it is made of.

        The product of U and h is U_h, tanh(c) is tanh_c, anything else made of δ is δ_part.
        """
        family = self.families[f]
        s = family.representative
        given = re.sub(r"_?\d+$", "", s.name or s.suggestion or "")
        if given or isinstance(s.operation, p.Constant):
            return given or "index"
        parts = [
            self._name_of_value(x) if isinstance(x, int) else self._short(x.family)
            for x in family.operands
        ]
        parts = [x for x in parts if x]
        match s.operation:
            case p.Gather():
                return f"{parts[0]}_steps" if parts else "steps"
            case p.Contract() if len(parts) == 2:
                return "_".join(sorted(parts, key=str.islower))
            case p.Apply(body=body) if parts:
                return f"{body.func.__name__}_{parts[0]}"
        first = max(parts, key=lambda x: x.startswith("delta"), default="")
        return f"{first}_part" if first else "values"

    def in_loops(self, families: Iterable[int]) -> dict[int, str]:
        """Names for named families in a loop: without the number of the step, if that is free."""
        found: dict[int, str] = {}
        for f in families:
            own = self.families[f].representative.name
            if own is not None:
                short = re.sub(r"_?\d+$", "", own)
                free = short and short not in self.program.taken and short not in found.values()
                found[f] = short if free else own
        return found

    def _short(self, f: int) -> str:
        """The name of a named family, or of the data that it reads."""
        family = self.families[f]
        s = family.representative
        if isinstance(s.operation, p.Gather) and isinstance(family.operands[0], int):
            return self._name_of_value(family.operands[0])
        return re.sub(r"_?\d+$", "", s.name or s.suggestion or "")

    def _name_of_value(self, value: int) -> str:
        if value < self.first:
            return self.program.inputs[value].name
        return self.program.statements[value - self.first].name or ""


def shortened(text: str) -> str:
    """A sum of many terms that differ in numbers only, with dots: a1 + a2 + … + a8."""
    terms = text.split(" + ")
    alike = {re.sub(r"\d+", "", x) for x in terms[1:-1]}
    return " + ".join([terms[0], "…", terms[-1]]) if len(terms) > 3 and len(alike) == 1 else text
