"""Sentences with formulas in them, such as reasons: which part is mathematics.

Why it exists: the reason "cross-entropy of softmax, Σ y = 1" is plain text in Unicode, made for
the text rendering. Where a formula is set (LaTeX, Markdown), its mathematics has to be told from
its words: a word is a word unless an operator, a prime or a bracket stands beside it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from symgrad.show.latex_names import GREEK, head_of, line_name, symbol


class Run(NamedTuple):
    """A piece of a sentence: words as they are, or mathematics as LaTeX."""

    text: str
    is_math: bool


_WORD = re.compile(r"\(?([A-Za-z][a-z]+(-[a-z]+)*|a|A)\)?")
_CODE = re.compile(r"[A-Z][a-z]+\.\w+\(\w*\)")
"""A method, as in Derivation.closed_form(symbol)."""
_FUNCTIONS = {
    *("exp", "log", "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "sqrt"),
    *("softmax", "sparsemax", "logsumexp", "softplus", "relu", "elu", "gelu", "swish", "silu"),
    *("sigmoid", "erf", "erfc", "asin", "acos", "atan", "sign", "max", "min", "diag", "det", "tr"),
}
"""Words that are mathematics beside an operator."""

_OPERATORS = "=−+·⊙→≠≥≤<>×/∈∘÷Σ"
_TOKEN = re.compile(r"\s+|[^\s,;:.?!]+([,;:.?!](?=[^\s,;:.?!])[^\s,;:.?!]+)*|[,;:.?!]")


def runs(sentence: str) -> list[Run]:
    """The sentence in order; mathematics that belongs together is one run."""
    tokens = [found[0] for found in _TOKEN.finditer(sentence)]
    words = [x for x in tokens if not x.isspace()]
    found: list[Run] = []
    space, k, depth = "", 0, 0
    for token in tokens:
        if token.isspace():
            space = token
            continue
        is_math = depth > 0 or not _is_plain(token, words[max(k - 1, 0) : k], words[k + 1 : k + 2])
        depth = max(depth + _opened(token), 0) if is_math else 0
        last = found[-1] if found else Run("", False)
        if found and last.is_math == is_math:
            found[-1] = Run(last.text + space + token, is_math)
        elif not is_math:
            found.append(Run(space + token, False))
        else:
            found[-1:] = [Run(last.text + space, False), Run(token, True)]
        space, k = "", k + 1
    pieces = [piece for run in found for piece in _without_closing(run)]
    return [Run(math(x.text) if x.is_math else x.text, x.is_math) for x in pieces if x.text]


def title_runs(title: str) -> list[Run]:
    """A title in order: what stands behind "of" and "with respect to" are names, also a or Wr."""
    of, by, names = title.partition(BY)
    kind, preposition, loss = of.partition(" of ")
    if not by or not preposition:
        return runs(title)
    found = [Run(kind + preposition, False), _name(loss), Run(by, False)]
    for k, name in enumerate(names.split(", ")):
        found += [*([Run(", ", False)] if k else []), _name(name)]
    return found


BY = " with respect to "
"""What parts a title."""


def _name(text: str) -> Run:
    return Run("…", False) if text == "…" else Run(symbol(text), True)


def _without_closing(run: Run) -> list[Run]:
    """A formula, and by itself the bracket at its end that a sentence opened before it."""
    if run.is_math and run.text.endswith(")") and _opened(run.text) < 0:
        return [Run(run.text[:-1], True), Run(")", False)]
    return [run]


def _opened(token: str) -> int:
    """How many brackets a token opens and leaves open."""
    return sum((c in "([{") - (c in ")]}") for c in token)


def _is_plain(token: str, before: list[str], after: list[str]) -> bool:
    """Whether a token is a word or a mark between words."""
    if token in ",;:.?!" or _CODE.fullmatch(token):
        return True
    word = _WORD.fullmatch(token)
    if word is not None and word[1] in GREEK:
        return False
    if word is None or word[1] not in {*_FUNCTIONS, "a", "A"}:
        return word is not None
    if len(word[1]) > 1 and after and "(" in after[0][1:]:  # log softmax(z)
        return False
    beside = (before[0][-1:] if before else "") + (after[0][:1] if after else "")
    return not any(c in _OPERATORS for c in beside)


_RAISED = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹ⁿᵀ"
_PIECE = re.compile(
    rf"(?P<partial>∂²?[^\W\d_]*[^\W{_RAISED}]*/∂[\w′²ᵀ∂₊₋]+)"
    rf"|(?P<name>[^\W\d_{_RAISED}][\u0300-\u036f]*([^\W{_RAISED}]|[\u0300-\u036f₊₋])*)"
    r"|(?P<ones>1(?=\[))|(?P<number>\d+(\.\d+)?)"
    rf"|(?P<raised>[{_RAISED}]+)|(?P<sign>.)",
    re.DOTALL,
)

_FUNCTION = re.compile(r"[A-Za-z]{2,}(_[a-z]+)*")

_SIGNS = {
    "−": "-",
    "′": "'",
    "·": r" \cdot ",
    "⊙": r" \odot ",
    "∘": r" \circ ",
    "∂": r"\partial ",
    "∇": r"\nabla ",
    "Σ": r"\sum ",
    "∏": r"\prod ",
    "‖": r"\Vert ",
    "≥": r"\geq ",
    "≤": r"\leq ",
    "≠": r"\neq ",
    "∈": r"\in ",
    "→": r"\to ",
    "⇒": r"\Rightarrow ",
    "←": r"\leftarrow ",
    "↦": r"\mapsto ",
    "≈": r"\approx ",
    "∞": r"\infty ",
    "√": r"\surd ",
    "½": r"\tfrac{1}{2}",
    "…": r"\dots ",
    "⟨": r"\langle ",
    "⟩": r"\rangle ",
    "×": r"\times ",
    "÷": r"\div ",
    "*": r"^{\ast}",
    "|": r"\vert ",
    "{": r"\{",
    "}": r"\}",
    "%": r"\%",
    "#": r"\#",
    "&": r"\&",
    "$": r"\$",
    "_": r"\_",
    "^": r"^\wedge ",
    "~": r"\sim ",
    "\\": r"\backslash ",
    "`": "'",
}
"""One sign of plain mathematics → its LaTeX."""


def math(text: str) -> str:
    """One line of plain mathematics as LaTeX, sign by sign."""
    composed = unicodedata.normalize("NFC", text)
    pieces = [_piece(found) for found in _PIECE.finditer(composed)]
    joined = "".join(pieces)
    for pattern, becomes in _JOINED:
        joined = re.sub(pattern, becomes, joined)
    return joined.strip()


_JOINED = (
    (r"\^\{([^{}]*)\}\^\{([^{}]*)\}", r"^{\1\2}"),  # one exponent
    (r"\^\{([^{}]*)\}'", r"^{\1\\prime}"),
    (r"\^\\wedge \(([^()]*)\)", r"^{\1}"),  # e^(−t²)
    (r"\^\\wedge (\w)", r"^{\1}"),
)


def _piece(found: re.Match[str]) -> str:
    text = found[0]
    match found.lastgroup:
        case "partial":
            return line_name(text)
        case "name":
            if text.startswith("Σ"):
                return rf"\sum_{{{symbol(text[2:])}}} " if text[1:2] == "_" else r"\sum "
            word = _FUNCTION.fullmatch(text) and text not in GREEK
            called = found.string[found.end() :].lstrip("′").startswith("(")
            return head_of(text) if word and (called or text in _FUNCTIONS) else symbol(text)
        case "raised":
            plain = unicodedata.normalize("NFKD", text).replace("−", "-")
            return rf"^{{{plain.replace('T', chr(92) + 'top ')}}}"
        case "ones":
            return r"\mathbf{1}"
        case "number":
            return text
    if text in _SIGNS or text.isascii():
        return _SIGNS.get(text, text)
    plain = unicodedata.normalize("NFKD", text)
    name = unicodedata.name(text, "sign").split()[-1].lower()
    return plain if plain.isascii() else rf"\mathrm{{{name}}}"


_ESCAPED = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "_": r"\_",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "$": r"\$",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"''",
    "–": "--",
    "—": "---",
    "“": "``",
    "”": "''",
    "’": "'",
    "‘": "`",
}


def latex_words(text: str) -> str:
    """Words in LaTeX's text mode."""
    return "".join(
        _ESCAPED.get(c, c) if c.isascii() or c in _ESCAPED else _accented(c) for c in text
    )


def _accented(char: str) -> str:
    """A letter beyond ASCII: what pdflatex takes as UTF-8, or its name."""
    if "\N{LATIN CAPITAL LETTER A WITH GRAVE}" <= char <= "\N{LATIN SMALL LETTER Z WITH CARON}":
        return char
    return f"${math(char)}$"


def latex_sentence(sentence: str) -> str:
    """A sentence in LaTeX's text mode, its mathematics between dollars."""
    return latex_runs(runs(sentence))


def latex_runs(parts: Iterable[Run]) -> str:
    """The parts of a sentence in LaTeX's text mode."""
    return "".join(f"${x.text}$" if x.is_math else latex_words(x.text) for x in parts)
