r"""The commands of LaTeX that a formula may have: one row a command, and what it is to the grammar.

Why it exists: students write the same sign in many ways (``\odot``, ``\circ``; ``\top``,
``\intercal``), and dress it (``\bigl``, ``\,``, ``\mathbf``). All that a command can be stands in
these tables; what has no row is refused with a sentence that names it.
"""

from __future__ import annotations

from typing import NamedTuple

from symgrad.language.names import GREEK


class Sign(NamedTuple):
    """A token of the grammar: its terminal, and the character that the tree has for it."""

    terminal: str
    value: str


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


SIGNS: dict[str, Sign] = {
    **{name: Sign("NAME", letter) for name, letter in GREEK.items()},
    **{f"var{name}": Sign("NAME", GREEK[name]) for name in ("epsilon", "theta", "phi", "rho")},
    **{name: Sign("NAME", name) for name in (
        "exp", "log", "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "arcsin",
        "arccos", "arctan", "max", "min", "det", "dim", "gcd",
    )},
    "ln": Sign("NAME", "log"), "lg": Sign("NAME", "log"), "ell": Sign("NAME", "ℓ"),
    "imath": Sign("NAME", "i"), "jmath": Sign("NAME", "j"), "infty": Sign("NAME", "inf"),
    "cdot": Sign("OPERATOR", "·"), "times": Sign("OPERATOR", "×"), "ast": Sign("OPERATOR", "*"),
    "odot": Sign("OPERATOR", "⊙"), "circ": Sign("OPERATOR", "∘"), "star": Sign("OPERATOR", "*"),
    "bullet": Sign("OPERATOR", "·"), "oslash": Sign("OPERATOR", "./"), "div": Sign("OPERATOR", "/"),
    "slash": Sign("OPERATOR", "/"), "bigodot": Sign("OPERATOR", "⊙"),
    "otimes": Sign("OPERATOR", "⊗"),
    "le": Sign("RELATION", "≤"), "leq": Sign("RELATION", "≤"), "leqslant": Sign("RELATION", "≤"),
    "ge": Sign("RELATION", "≥"), "geq": Sign("RELATION", "≥"), "geqslant": Sign("RELATION", "≥"),
    "lt": Sign("RELATION", "<"), "gt": Sign("RELATION", ">"),
    "ne": Sign("RELATION", "≠"), "neq": Sign("RELATION", "≠"),
    "coloneqq": Sign("EQUAL", "="), "gets": Sign("EQUAL", "="),
    "leftarrow": Sign("EQUAL", "="), "equiv": Sign("EQUAL", "="), "triangleq": Sign("EQUAL", "="),
    "top": Sign("TOP", "⊤"), "intercal": Sign("TOP", "⊤"), "transp": Sign("TOP", "⊤"),
    "prime": Sign("PRIME", "′"), "partial": Sign("PARTIAL", "∂"), "nabla": Sign("NABLA", "∇"),
    "sum": Sign("SUM", "Σ"), "frac": Sign("FRAC", "/"), "sqrt": Sign("SQRT", "√"),
    "dfrac": Sign("FRAC", "/"), "tfrac": Sign("FRAC", "/"), "cfrac": Sign("FRAC", "/"),
    "lVert": Sign("BAR_OPEN", "‖"), "rVert": Sign("BAR_CLOSE", "‖"),
    "lvert": Sign("BAR_OPEN", "|"), "rvert": Sign("BAR_CLOSE", "|"),
    "Vert": Sign("BAR", "‖"), "vert": Sign("BAR", "|"), "mid": Sign("BAR", "|"),
    "|": Sign("BAR", "‖"), "{": Sign("LCURL", "{"), "}": Sign("RCURL", "}"),
    "lbrace": Sign("LCURL", "{"), "rbrace": Sign("RCURL", "}"),
    "lbrack": Sign("LSQB", "["), "rbrack": Sign("RSQB", "]"),
    "llbracket": Sign("LSQB", "["), "rrbracket": Sign("RSQB", "]"),
    "langle": Sign("LANGLE", "⟨"), "rangle": Sign("RANGLE", "⟩"),
    "lparen": Sign("LPAR", "("), "rparen": Sign("RPAR", ")"),
    "colon": Sign("COLON", ":"), "And": Sign("COMMA", ","), "land": Sign("COMMA", ","),
    "wedge": Sign("COMMA", ","),
}  # fmt: skip
"""A command → the sign that it is."""

CHARACTERS: dict[str, Sign] = {
    "+": Sign("PLUS_MINUS", "+"), "-": Sign("PLUS_MINUS", "-"), "−": Sign("PLUS_MINUS", "-"),
    "*": Sign("OPERATOR", "*"), "/": Sign("OPERATOR", "/"), "=": Sign("EQUAL", "="),
    "≡": Sign("EQUAL", "="), "≔": Sign("EQUAL", "="),
    "<": Sign("RELATION", "<"), ">": Sign("RELATION", ">"), "≤": Sign("RELATION", "≤"),
    "≥": Sign("RELATION", "≥"), "≠": Sign("RELATION", "≠"), ",": Sign("COMMA", ","),
    ":": Sign("COLON", ":"), "(": Sign("LPAR", "("), ")": Sign("RPAR", ")"),
    "[": Sign("LSQB", "["), "]": Sign("RSQB", "]"), "|": Sign("BAR", "|"), "'": Sign("PRIME", "′"),
    "’": Sign("PRIME", "′"), "′": Sign("PRIME", "′"), "·": Sign("OPERATOR", "·"),
    "⋅": Sign("OPERATOR", "·"), "×": Sign("OPERATOR", "×"), "⊙": Sign("OPERATOR", "⊙"),
    "∘": Sign("OPERATOR", "∘"), "⊗": Sign("OPERATOR", "⊗"),
    "∂": Sign("PARTIAL", "∂"), "∇": Sign("NABLA", "∇"),
    "∑": Sign("SUM", "Σ"), "‖": Sign("BAR", "‖"), "∥": Sign("BAR", "‖"), "⊤": Sign("TOP", "⊤"),
    "∞": Sign("NAME", "inf"), "𝟙": Sign("ONES", "1"), "𝟏": Sign("ONES", "1"),
    "⟨": Sign("LANGLE", "⟨"), "⟩": Sign("RANGLE", "⟩"),
}  # fmt: skip
"""The same of a character, as LaTeX with Unicode has it."""

DROPPED = words(
    """, ; : ! > quad qquad enspace thinspace left right middle bigl bigr bigm big Bigl Bigr Big
    biggl biggr bigg Biggl Biggr Bigg limits nolimits displaystyle textstyle scriptstyle bf
    rm it sf nonumber notag hfill allowbreak break newline relax ensuremath centering
    noindent smallskip medskip bigskip par strut hline mathstrut bfseries boldmath
    normalfont ! / protect leavevmode allowdisplaybreaks mathsurround"""
) | {" ", "\n", "\\", "-"}
"""Spacing, size and style: nothing to the meaning."""

SIZES = words(
    """left right middle bigl bigr bigm big Bigl Bigr Big biggl biggr bigg Biggl Biggr Bigg"""
)
"""What a bracket stands behind; the dot of ``\\right.`` is no bracket."""

DROPPED_WITH: dict[str, int] = {
    "label": 1, "tag": 1, "hspace": 1, "vspace": 1, "phantom": 1, "hphantom": 1, "vphantom": 1,
    "color": 1, "intertext": 1, "shortintertext": 1, "ref": 1, "eqref": 1, "cite": 1,
    "footnote": 1, "begin": 1, "end": 1, "class": 1, "cref": 1, "mspace": 1,
}  # fmt: skip
"""A command that goes with so many arguments. (What ``\\class{…}`` and ``\\color`` mark stays.)"""

KEPT: dict[str, tuple[int, int]] = {
    "boxed": (1, 0), "underbrace": (1, 0), "overbrace": (1, 0), "textcolor": (2, 1),
    "cancel": (1, 0), "fbox": (1, 0), "underline": (1, 0), "smash": (1, 0),
    "mathop": (1, 0), "mathbin": (1, 0), "mathrel": (1, 0), "colorbox": (2, 1), "hbox": (1, 0),
    "stackrel": (2, 1), "overset": (2, 1), "underset": (2, 1), "mathclap": (1, 0),
    "substack": (1, 0),
}  # fmt: skip
"""A command → its number of arguments, and which of them is the formula."""

NOTES = frozenset({"underbrace", "overbrace"})
"""What has a remark as its subscript or superscript."""

STYLES = words(
    """mathbf boldsymbol bm pmb mathcal mathscr mathfrak vec mathbb mathds mathbbm symbf uvec bold
    vv"""
)
"""How letters look; a name is the same in all of them."""

WORDS = words(
    """mathrm mathit mathsf mathtt mathnormal operatorname text textrm textbf textit textsf texttt
    mbox textnormal symup emph"""
)
"""What makes one word of several letters."""

TEXTS = words("""text textrm textbf textit textsf texttt mbox textnormal emph""")
"""Of these, what may be a remark."""

MARKS: dict[str, str] = {
    "hat": "hat", "widehat": "hat", "bar": "bar", "overline": "bar", "tilde": "tilde",
    "widetilde": "tilde", "dot": "dot", "ddot": "ddot", "acute": "acute", "grave": "grave",
    "check": "check", "breve": "breve",
}  # fmt: skip
"""What is put over a letter."""

ENVIRONMENTS = words(
    """equation align gather multline eqnarray aligned split gathered math displaymath flalign
    alignedat document center"""
)
"""What only places a formula."""

_MATRIX = "a matrix written out in entries is not read; declare a matrix and use its name"
REFUSED: dict[str, str] = {
    "mathbb{E}": (
        "an expectation is not read; write it as a sum, \\frac{1}{N} \\sum_n …, or as the loss of "
        "one example"
    ),
    "prod": "a product over an index is not read; write its logarithm as a \\sum",
    "int": "integrals are not read",
    "lim": "limits are not read",
    "in": "a set is not read; write the range of an index as \\sum_{k=1}^{K} or \\sum_{j \\ne c}",
    "approx": "≈ claims nothing exact; write =",
    "propto": "∝ claims nothing exact; write = and the factor",
    "sim": "~ is not read; write =",
    "pm": "± is two claims; write one of them",
    "mp": "∓ is two claims; write one of them",
    "dots": "dots are not read; write a sum with \\sum",
    "cdots": "dots are not read; write a sum with \\sum",
    "ldots": "dots are not read; write a sum with \\sum",
    "vdots": "dots are not read; write a sum with \\sum",
    "oplus": "⊕ is not read; write +",
    "binom": "binomial coefficients are not read",
    "choose": "binomial coefficients are not read",
    "to": "a formula has one = and no arrow",
    "Rightarrow": "a line is one formula; put what follows on a line of its own",
    "implies": "a line is one formula; put what follows on a line of its own",
    "iff": "a line is one formula; put what follows on a line of its own",
    "mapsto": "a formula has one = and no arrow",
    "argmax": "the arg max has no derivative; use the values themselves",
    "forall": "for all is not read; the indices of the left side are free",
    "input": "files are never read; paste the formula itself",
    "include": "files are never read; paste the formula itself",
    "write": "this is no formula; only formulas are read, and nothing is run",
    "newcommand": "macros are defined on lines of their own, before the formulas",
    "def": "macros are defined on lines of their own, before the formulas",
    "over": "\\over is not read; write \\frac{…}{…}",
    **{name: _MATRIX for name in ("matrix", "pmatrix", "bmatrix", "vmatrix", "Vmatrix", "Bmatrix")},
    **{name: _MATRIX for name in ("smallmatrix", "array", "bmatrix*", "pmatrix*")},
}
"""A command, or an environment, that is known and not read → why, and what to write instead."""

CONDITIONS = words("if for when where falls für wenn and")
OTHERWISE = words("otherwise else sonst")
"""The words inside ``cases``."""
