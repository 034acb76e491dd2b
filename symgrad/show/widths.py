r"""How wide a formula in LaTeX is, about, without setting it, and what to do about wide fractions.

Why it exists: a document has TeX measure its lines, but what goes into somebody else's document or
page has to be broken beforehand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator


def signs(formula: str) -> int:
    r"""About how many signs wide a formula is: a fraction is as wide as its wider part."""
    return _width(iter(re.findall(r"\\[a-zA-Z]+|\\.|\S", formula)))


def _width(tokens: Iterator[str]) -> int:
    """The signs up to the brace that closes the group."""
    total = 0
    for token in tokens:
        if token == "}":
            break
        if token == "{":
            total += _width(tokens)
        elif token == r"\frac":
            total += max(_width(_group(tokens)), _width(_group(tokens)))
        elif token in _SILENT:
            continue
        else:
            total += len(token) - 1 if token in _WORDS else 1
    return total


def _group(tokens: Iterator[str]) -> Iterator[str]:
    """``tokens`` behind the brace that opens a group."""
    next(tokens)
    return tokens


_SILENT = {"_", "^", "'", r"\,", r"\left", r"\right"}
_SILENT |= {rf"\{x}" for x in ("operatorname", "mathrm", "mathit", "mathbf", "text", "bar", "hat")}
_WORDS = {rf"\{x}" for x in ("tanh", "exp", "log", "sin", "cos", "sinh", "cosh", "max", "min")}
"""Commands that take no place, and those that are set as words."""


def slashed(formula: str, room: int) -> str:
    """A formula without fractions and roots of more than ``room`` signs.

    A fraction is written with a slash, and a root as a power.
    """
    found = re.search(r"\\(frac|sqrt)(?=\{)", formula)
    if found is None:
        return formula
    before, rest = formula[: found.start()], formula[found.end() :]
    groups = []
    for _ in range(2 if found[1] == "frac" else 1):
        end = _group_end(rest)
        groups.append(slashed(rest[1:end], room))
        rest = rest[end + 1 :]
    whole = found[0] + "".join(f"{{{x}}}" for x in groups)
    if signs(whole) > room:
        bracketed = [rf"\left( {x} \right)" if signs(x) > 1 else x for x in groups]
        whole = " / ".join(bracketed) + ("^{1/2}" if len(groups) == 1 else "")
    return before + whole + slashed(rest, room)


def _group_end(text: str) -> int:
    """The place of the brace that closes the one at the beginning."""
    depth = 0
    for k, char in enumerate(text):
        escaped = text[k - 1 : k] == "\\"
        depth += ((char == "{") - (char == "}")) * (not escaped)
        if not depth:
            break
    return k
