r"""Names as LaTeX writes them, matched to the names that are declared.

Why it exists: ``W_1``, ``W^{(1)}``, ``W_{(1)}``, ``\mathbf{W}_1`` and ``W^{[1]}`` all stand for W1
where that is declared, and ``W_{jk}`` for an entry of W. `SPELLINGS` has one row for each way in
which a declared name spells what LaTeX puts above, below and over a letter; `resolve` tries them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from symgrad.language.functions import KNOWN
from symgrad.language.names import GREEK, canonical


class Written(NamedTuple):
    """A letter, or a word, with what is over it (``hat``), below, above, and its primes.

    ``below`` and ``above`` have one text for each part that belongs to the name.
    """

    base: str
    marks: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    above: tuple[str, ...] = ()
    primes: int = 0


class AmbiguousName(Exception):
    """Several declared names fit."""

    def __init__(self, found: Iterable[str]) -> None:
        self.found = tuple(found)
        super().__init__(" and ".join(self.found))


COMBINING = {
    "hat": "\N{COMBINING CIRCUMFLEX ACCENT}",
    "bar": "\N{COMBINING MACRON}",
    "tilde": "\N{COMBINING TILDE}",
    "dot": "\N{COMBINING DOT ABOVE}",
    "ddot": "\N{COMBINING DIAERESIS}",
    "acute": "\N{COMBINING ACUTE ACCENT}",
    "grave": "\N{COMBINING GRAVE ACCENT}",
    "check": "\N{COMBINING CARON}",
    "breve": "\N{COMBINING BREVE}",
}
"""A mark → the character that puts it over a letter."""


def _over(base: str, marks: tuple[str, ...]) -> str:
    return base + "".join(COMBINING[x] for x in marks)


def _over_each(base: str, marks: tuple[str, ...]) -> str:
    line = {"bar": "\N{COMBINING OVERLINE}"}
    over = "".join(line.get(x, COMBINING[x]) for x in marks)
    return "".join(x + over for x in base)


_Marked = Callable[[str, tuple[str, ...]], str]

MARKED: dict[str, _Marked] = {
    "ŷ": _over,
    "b̅a̅c̅k̅": _over_each,
    "y_hat": lambda base, marks: "_".join((base, *marks)),
    "yhat": lambda base, marks: base + "".join(marks),
    "hat_y": lambda base, marks: "_".join((*marks, base)),
    "haty": lambda base, marks: "".join(marks) + base,
}
"""How a declared name spells a mark."""

_Spelled = Callable[[str, str], str]

SPELLINGS: dict[str, _Spelled] = {
    "W1": lambda base, part: base + part,
    "W_1": lambda base, part: f"{base}_{part}",
    "W^1": lambda base, part: f"{base}^{part}",
    "W^(1)": lambda base, part: f"{base}^({part})",
    "W^{(1)}": lambda base, part: f"{base}^{{({part})}}",
    "W(1)": lambda base, part: f"{base}({part})",
    "W[1]": lambda base, part: f"{base}[{part}]",
}
"""How a declared name spells a part that stands below or above; one row, one spelling."""

PRIMES: tuple[str, ...] = ("′", "'", "_prime")
"""How a declared name spells a prime."""


def _with_parts(base: str, parts: tuple[str, ...]) -> Iterator[str]:
    if not parts:
        yield base
        return
    for spelled in SPELLINGS.values():
        yield from _with_parts(spelled(base, parts[0]), parts[1:])
    if len(parts) > 1:
        yield f"{base}_{'_'.join(parts)}"


def spellings(written: Written) -> Iterator[str]:
    """Every way in which a declared name may spell what is written, the commonest first."""
    parts = (*written.below, *written.above)[:2]
    marks = written.marks[:2]
    primes = [x * written.primes for x in PRIMES] if written.primes else [""]
    for prime in primes:
        if not marks:
            for name in _with_parts(written.base, parts):
                yield name + prime
            continue
        for marked in MARKED.values():
            for name in _with_parts(marked(written.base, marks), parts):
                yield name + prime
            for name in _with_parts(written.base, parts):  # y1_hat
                yield marked(name, marks) + prime


class Names:
    """The declared names by their canonical spelling, and the letters that they begin with."""

    def __init__(self, declared: Iterable[str]) -> None:
        self.by_spelling: dict[str, list[str]] = {}
        self.bases = {x for x in KNOWN if re.fullmatch("[A-Za-z]{2,}", x)}
        for name in declared:
            self.add(name)

    def add(self, name: str) -> None:
        """One more name."""
        found = self.by_spelling.setdefault(canonical(name), [])
        if name not in found:
            found.append(name)
        base = re.match("[A-Za-z]+", canonical(name))
        if base:
            self.bases.add(base[0])

    @classmethod
    def of(cls, declared: Iterable[str]) -> Names:
        """Of the names themselves, or of what maps them."""
        return declared if isinstance(declared, Names) else cls(declared)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and canonical(name) in self.by_spelling

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_spelling)

    @staticmethod
    def is_function(name: str) -> bool:
        """Whether a name is a function of the language."""
        return name in KNOWN

    def has_base(self, word: str) -> bool:
        """Whether a declared name, or a function, begins with a word."""
        return word in self or word in self.bases or canonical(word) in self.bases

    def split(self, run: str) -> list[str]:
        """Letters side by side as names: the fewest, known ones before single letters."""
        moved = run[0] == "d" and run[1:] in self.bases - KNOWN.keys()
        if moved and run not in self.bases and "d" not in self:
            return [run]  # dW
        best: list[tuple[int, int]] = [(0, 0)]
        for end in range(1, len(run) + 1):
            best.append(
                min(
                    (best[start][0] + (1 if known else 3), start)
                    for start in range(max(0, end - 30), end)
                    if (known := run[start:end] in self.bases) or start == end - 1
                )
            )
        pieces: list[str] = []
        end = len(run)
        while end:
            start = best[end][1]
            pieces.append(run[start:end])
            end = start
        return pieces[::-1]


def resolve(name: str | Written, names: Names) -> str | None:
    r"""The declared name that is written, as text (``W_{1}``, ``\hat y``) or in parts; else None.

    Raises AmbiguousName where several fit equally well, as ``W1`` and ``W_1`` do for ``W_1``.
    """
    written = written_of(name) if isinstance(name, str) else name
    if written is None:
        return None
    found: dict[str, None] = {}
    for spelled in spellings(written):
        for declared in names.by_spelling.get(unicodedata.normalize("NFC", spelled), ()):
            found[declared] = None
    if len(found) > 1:
        raise AmbiguousName(found)
    return next(iter(found), None)


_COMMAND = re.compile(r"\\([A-Za-z]+)\s*")
_PART = re.compile(r"([_^])\s*(?:\{([^{}]*)\}|(\w))")
_DRESS = re.compile(r"\\(?:mathbf|boldsymbol|bm|mathcal|mathrm|mathit|text|vec)\s*(?=[{\\A-Za-z])")
_MARK = re.compile(r"\\(?:wide)?(hat|bar|tilde|dot|ddot|check|breve|acute|grave|overline)\s*")


def written_of(text: str) -> Written | None:
    """The parts of a name that stands by itself as text; None where it is none."""
    text = _DRESS.sub("", text.strip().strip("$"))
    marks: list[str] = []
    while found := _MARK.match(text):
        marks.append({"overline": "bar"}.get(found[1], found[1]))
        text = text[found.end() :].lstrip("{ ").replace("}", "", 1)
    primes = len(text) - len(text.rstrip("'′"))
    text = text.rstrip("'′")
    below: list[str] = []
    above: list[str] = []
    for sign, inner, single in _PART.findall(text):
        part = re.sub(r"[\s\\,()\[\]]", "", inner or single)
        (below if sign == "_" else above).append(part)
    base = _PART.sub("", text).strip("{} ")
    found = _COMMAND.fullmatch(base)
    if found:
        base = GREEK.get(found[1], found[1])
    base = canonical(base)
    if not base or len(text) > 60 or not re.fullmatch(r"[^\W_][\w\u0300-\u036f]*", base):
        return None
    return Written(base, tuple(marks), tuple(below), tuple(above), primes)
