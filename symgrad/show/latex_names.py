r"""Names as LaTeX: ``z1`` is z_{1}, ``ŷ`` is \hat{y}, and a word is set as a word.

Why it exists: SymPy guesses (it makes a calligraphic letter of ``local``, whose end is ``cal``),
and pdflatex takes few characters besides ASCII. Every name comes out as something it can set.
"""

from __future__ import annotations

import re
import unicodedata

from symgrad.show.notation import is_chain_term

MARKS = {
    "\N{COMBINING MACRON}": "bar",
    "\N{COMBINING OVERLINE}": "overline",
    "\N{COMBINING CIRCUMFLEX ACCENT}": "hat",
    "\N{COMBINING TILDE}": "tilde",
    "\N{COMBINING DOT ABOVE}": "dot",
    "\N{COMBINING DIAERESIS}": "ddot",
    "\N{COMBINING ACUTE ACCENT}": "acute",
    "\N{COMBINING GRAVE ACCENT}": "grave",
    "\N{COMBINING CARON}": "check",
    "\N{COMBINING BREVE}": "breve",
}
"""A mark over a letter → its command."""

GREEK = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"),
    *("lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi"),
    *("omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi"),
    "Omega",
)
"""The letters that LaTeX has a command for; the others look like Latin ones."""

_VARIANTS = {
    "φ": r"\varphi",
    "ε": r"\varepsilon",
    "ϕ": r"\phi",
    "ϵ": r"\epsilon",
    "ϑ": r"\vartheta",
}

_SIGNS = {
    "ℓ": r"\ell",
    "∞": r"\infty",
    "∂": r"\partial ",
    "∇": r"\nabla ",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "$": r"\$",
    "_": r"\_",
    " ": r"\ ",
    "\\": r"\backslash ",
    "^": r"\wedge ",
    "~": r"\sim ",
    "|": r"\vert ",
    "−": "-",
    "·": r"\cdot ",
}


_LOWERED = re.compile(r"(.*?[^₀-₎ₐ-ₜᵢ-ᵥ])([₀-₎ₐ-ₜᵢ-ᵥ]+)")
"""A name and the subscript behind it: digits, signs, letters such as the index of a layer."""


_COMMANDS = (
    *("exp", "log", "tanh", "sin", "cos", "tan", "sinh", "cosh", "cot", "sec", "csc", "coth"),
    *("max", "min", "det"),
)
"""The functions whose command in LaTeX is their name."""

_HEADS = {
    "sigmoid": r"\sigma",
    "normal_cdf": r"\Phi",
    "normal_pdf": r"\varphi",
    "signum": r"\operatorname{sign}",
    "hard_sign": r"\operatorname{sign}",
    "sparsemax_threshold": r"\tau",
    "sparsemax_value": r"\Omega^{\ast}",
    "maximum": r"\max",
    "minimum": r"\min",
    "Max": r"\max",
    "Min": r"\min",
    "asin": r"\arcsin",
    "acos": r"\arccos",
    "atan": r"\arctan",
    **{name: rf"\{name}" for name in _COMMANDS},
}


def head_of(name: str) -> str:
    """The name of a function: an operator, unless it has a sign."""
    if name in _HEADS:
        return _HEADS[name]
    if name.isascii() and name.isalpha():
        return rf"\operatorname{{{name}}}"
    function, _, along = name.rpartition("_")
    if function and along in ("rows", "columns"):
        return rf"{head_of(function)}_{{\mathrm{{{along}}}}}"
    words = re.sub(r"[^a-zA-Z0-9]+", " ", name).strip()
    return rf"\text{{{words}}}" if words and name.isascii() else symbol(name)


def symbol(name: str) -> str:
    """The name of one value: ``z1``, ``δ_z1``, ``W_out``, ``ŷ``, ``dh``, ``h′``."""
    call = re.fullmatch(r"(\w+)\((.+)\)", name)
    if call:  # what a graph calls a value without a name
        return f"{head_of(call[1])}({symbol(call[2])})"
    stem = unicodedata.normalize("NFD", name.rstrip("′"))
    head, *below = [x for x in stem.split("_") if x] or ["_"]
    letters, digits, above = _split(head)
    text = _letters(letters)
    subscripts = ([digits] if digits else []) + [_below(x) for x in below]
    if subscripts:
        text += f"_{{{', '.join(subscripts)}}}"
    if above:
        text += f"^{{{above}}}"
    return text + "'" * (len(name) - len(name.rstrip("′")))


def _split(head: str) -> tuple[str, str, str]:
    """``z12`` as ``z``, ``12`` below and nothing above; ``x²ₖ`` as ``x``, ``k`` and ``2``."""
    places = {"<sub>": 1, "<super>": 2}
    parts = ["", "", ""]
    for c in head:
        place = places.get(unicodedata.decomposition(c).partition(" ")[0], 0)
        parts[place] += _plain(c) if place else c
    found = re.fullmatch(r"(.*?\D)([0-9]+)", parts[0])
    if found:
        return found[1], found[2] + parts[1], parts[2]
    return parts[0], parts[1], parts[2]


def _plain(char: str) -> str:
    """A raised or lowered character as it is on the line."""
    return unicodedata.normalize("NFKD", char).replace("−", "-")


def _below(part: str) -> str:
    """A subscript: a value's name, or a word, which is upright."""
    letters, digits, above = _split(part)
    if (
        not above
        and letters.isascii()
        and letters.isalpha()
        and len(letters) > 1
        and letters not in GREEK
    ):
        return rf"\mathrm{{{letters}}}" + (f"_{{{digits}}}" if digits else "")
    return symbol(part)


def _letters(text: str) -> str:
    """Letters with marks: one is set as such, a word as a word."""
    if text in GREEK:
        return f"\\{text}"
    groups = re.findall(r"[^\u0300-\u036f][\u0300-\u036f]*", text)
    moved = len(groups) == 2 and groups[0] == "d"  # dz, the change of z
    if len(groups) > 1 and not moved:
        marks = {g[1:] for g in groups}
        plain = "".join(_character(g[0]) for g in groups)
        word = plain if groups[0][0] in _SIGNS else rf"\mathit{{{plain}}}"
        if len(marks) == 1 and (mark := marks.pop()):
            return rf"\{MARKS.get(mark[0], 'overline')}{{{word}}}"
        return word
    return " ".join(_marked(g) for g in groups)


def _marked(group: str) -> str:
    text = _character(group[0])
    for mark in group[1:]:
        command = "bar" if mark == "\N{COMBINING OVERLINE}" else MARKS.get(mark, "tilde")
        text = rf"\{command}{{{text.strip()}}}"
    return text


def _character(char: str) -> str:
    """One character, as something that pdflatex can set in math mode."""
    if char in _SIGNS or char in _VARIANTS:
        return _SIGNS.get(char) or _VARIANTS[char]
    if char.isascii():
        return char
    title = unicodedata.name(char, "symbol")
    kind, _, letter = title.partition(" LETTER ")
    if kind in ("GREEK SMALL", "GREEK CAPITAL"):
        letter = {"LAMDA": "LAMBDA", "FINAL SIGMA": "SIGMA"}.get(letter, letter)
        command = letter.lower() if kind.endswith("SMALL") else letter.title()
        return f"\\{command}" if command in GREEK else command[:1]
    plain = unicodedata.normalize("NFKD", char)
    if plain.isascii():
        return plain
    if char.isspace():
        return r"\ "
    return rf"\mathrm{{{re.sub('[^a-z]', '', title.rpartition(' ')[2].lower())}}}"


# -------------------------------------------------------------------------------- left-hand sides


_BY_FORMULA = re.compile(r"(∂.*?)/∂(\w*\(.*\)ᵀ?)(\[[^\[\]]*\])?")
"""An adjoint of a value that has no name: ``∂L/∂(W·x − y)``, ``∂L/∂log(p)``, entries of it."""


_CHAIN_TERM = re.compile(
    r"(?P<adjoint>.+)·∂(?P<user>[^∂]+)/∂(?P<value>[^∂\[\]]+)(?P<indices>\[[^\[\]]*\])?"
)
"""``∂L/∂p·∂p/∂h``, or entries of it."""


def _formula(text: str) -> str:
    from symgrad.show.prose import math

    return math(text)


def line_name(name: str) -> str:
    """A left-hand side: ``∂²L/∂x∂xᵀ``, ``∂z/∂x·v``, ``H·v``, with ``[i, j]`` behind it or not."""
    term = _CHAIN_TERM.fullmatch(name)
    if term and is_chain_term(name):
        user, value = _formula(term["user"]), _formula(term["value"])
        above = term["adjoint"]
        left = f"({line_name(above[1:-1])})" if above.startswith("(") else line_name(above)
        passed = rf"{left} \, \frac{{\partial {user}}}{{\partial {value}}}"
        indices = (term["indices"] or "")[1:-1].replace(", ", " ")
        return subscripted(rf"\left( {passed} \right)", indices) if indices else passed
    if name.startswith("(") and name.endswith(")ᵀ"):
        turned = line_name(name[1:-2])
        return rf"\left( {turned} \right)^\top" if r"\frac" in turned else rf"({turned})^\top"
    if name.startswith("(") and ")[" in name:  # (∂f/∂W)[j, k, i]
        inner, _, indices = name[1:].rpartition(")[")
        below = indices.rstrip("]").replace(", ", " ")
        return rf"\left( {line_name(inner)} \right)_{{{below}}}"
    if name.startswith("∇"):
        return _nabla(name)
    found = _BY_FORMULA.fullmatch(name)
    if found:
        text = rf"\frac{{{_differential(found[1])}}}{{\partial {_formula(found[2])}}}"
        return subscripted(text, found[3][1:-1].replace(", ", " ")) if found[3] else text
    head, bracket, indices = name.partition("[")
    above, slash, below = head.rpartition("/")
    indices = indices.rstrip("]").replace(", ", " ")
    if slash and above.startswith("∂"):
        if bracket and not re.search("[∂ᵀ²·]", below[1:]):  # ∂L/∂W[k, j], by an entry of W
            entry = subscripted(symbol(below.removeprefix("∂")), indices)
            return rf"\frac{{{_differential(above)}}}{{\partial {entry}}}"
        below, _, along = below.partition("·")
        text = rf"\frac{{{_differential(above)}}}{{{_differential(below)}}}"
        text += f" {_factors(along)}" if along else ""
    else:
        text = _factors(head)
    return subscripted(text, indices) if bracket else text


def subscripted(base: str, indices: str) -> str:
    """With indices, behind the subscript that a name has: ``z_{1, i}``."""
    if re.fullmatch(r"[^_^']*", base):
        return rf"{base}_{{{indices}}}"
    stem, below = _parted(base)
    if below:
        return rf"{stem}_{{{below}, {indices}}}"
    return rf"{{{base}}}_{{{indices}}}"


def _parted(base: str) -> tuple[str, str]:
    """``\\bar{z}_{1}`` as ``\\bar{z}`` and ``1``; no subscript where it is not the last thing."""
    found = re.fullmatch(r"(\\?\w+|\\\w+\{[^{}]*\})_\{((?:[^{}]|\{[^{}]*\})*)\}", base)
    return (found[1], found[2]) if found else (base, "")


def _nabla(name: str) -> str:
    """``∇_z2 L``, ``∇_z2[k] L`` and ``∇²_a,b L``."""
    value, _, loss = name.rpartition(" ")
    order, _, by = value.partition("_")
    formula = re.fullmatch(r"(.*\))(\[[^\[\]]*\])?", by)
    if formula:  # by what has no name, which may have indices of its own
        below, indices = _formula(formula[1]), formula[2] or ""
    else:
        names, bracket, indices = by.partition("[")
        below, indices = ", ".join(map(symbol, names.split(","))), bracket + indices
    if indices:
        below = subscripted(below, indices.strip("[]").replace(", ", " "))
    return rf"\nabla{'^2' if order.endswith('²') else ''}_{{{below}}} {symbol(loss)}"


def _differential(text: str) -> str:
    """``∂²L``, ``∂x∂xᵀ``, ``∂(∂L/∂x)``."""
    if text.startswith("∂("):
        inside = text[2:-1]
        plain = re.fullmatch(r"[\w\u0300-\u036f·(), ᵀ′]+", inside)
        inner = line_name(inside) if "∂" in inside else (_factors if plain else _formula)(inside)
        return rf"\partial\left({inner}\right)" if "/" in inside else rf"\partial ({inner})"
    pieces = []
    for piece in text.split("∂")[1:]:
        order = "^2" if piece.startswith("²") else ""
        name = piece.removeprefix("²")
        power = {"ᵀ": r"^\top", "²": "^2"}.get(name[-1:], "")
        pieces.append(rf"\partial{order} {symbol(name[:-1] if power else name)}{power}")
    return r" \, ".join(pieces)


def _factor(name: str) -> str:
    """A name, or its transpose."""
    return symbol(name) if not name.endswith("ᵀ") else rf"{symbol(name[:-1])}^\top"


def _factors(text: str) -> str:
    """``H·(v, u)``, signs and names."""
    names = re.split(r"([·(), ]+)", text)
    signs = {"·": " "}
    return "".join(
        _factor(x) if k % 2 == 0 else "".join(signs.get(c, c) for c in x)
        for k, x in enumerate(names)
        if x
    )
