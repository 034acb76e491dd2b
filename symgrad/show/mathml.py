"""LaTeX to MathML, for HTML that needs neither a network nor a script.

The conversion is latex2mathml's. What comes out is read as a tree and written again, for three
reasons: the library unescapes text, and names are the user's; it sets the letters of a word one by
one; and a browser spaces an operator by its place, which a formula cut into pieces does not tell.
"""

from __future__ import annotations

import html
import re
from functools import lru_cache
from xml.etree.ElementTree import Element, tostring

_SIGNS = {"+", "-", "−", "=", "⊙"}
"""Operators that a piece of a formula can begin with."""


_TIGHT = {"+", "-", "−", "=", "⋅", "×", "/"}
"""Operators that stand close in an index or a power."""


@lru_cache(maxsize=4096)
def mathml(latex: str, display: bool = True, among_words: bool = False) -> str:
    r"""A formula as an inline ``<math>`` element, with the tall fractions of a ``display`` or not.

    One that begins with ``+``, ``-``, ``=`` or ``\odot`` after ``{}`` goes on another piece. A
    sign at an end of one ``among_words`` has the space between words, and none of its own.
    """
    from latex2mathml.converter import convert_to_element

    math = convert_to_element(latex)
    math.attrib.clear()
    if display:
        math.set("displaystyle", "true")
    _tidy(math)
    if latex.startswith("{}"):
        _continue(math)
    if among_words:
        _close_up(math)
    return tostring(math, encoding="unicode")


_BOLD = {ord("0") + n: ord("𝟎") + n for n in range(10)}  # browsers ignore mathvariant
_MARK = re.compile(r"r\d+")
_CLOSING = (")", "]", "}")
_FENCES = ("‖", "|", "∣", "∥")
_NAME = re.compile(r"[^\W\d_]{2,}\W*[^\W\d_]*")


def _tidy(element: Element) -> None:
    """Text as it is meant, words whole, and every operator with the spaces of its place."""
    if element.text:
        element.text = html.unescape(element.text)
    if _MARK.fullmatch(element.get("class", "")):
        element.set("tabindex", "0")
    for child in element:
        _tidy(child)
    if element.tag == "mo" and _NAME.fullmatch(element.text or ""):  # a function, such as softmax
        element.tag = "mi"
        element.attrib.clear()
    if element.tag == "mover" and element[0].text != "∑":
        _accent(element)
    if element.tag in ("msup", "msubsup") and element[-1].text in _PRIMES:
        _prime(element)
    elif element.tag == "msup":
        _stack(element)
    if element.tag in ("msub", "msup", "msubsup"):
        _tighten(element)
        if element[0].text == "∑":  # the limits of a tall sum are under and over it
            element.tag = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}[element.tag]
    if element.get("mathvariant") == "bold":
        element.text = (element.text or "").translate(_BOLD)
    if element.tag == "mrow" and _is_word(element):
        _join(element)
    _place(element)


def _accent(mover: Element) -> None:
    """A mark in its full size; the line over a word is the upper border of the word."""
    _, mark = mover
    if mark.text in ("―", "‾"):
        mover.remove(mark)
        mover.tag = "mrow"
        mover.set("class", "over")
    elif mark.tag == "mo":
        mover.set("accent", "true")
        mark.set("stretchy", "false")
        if mark.text == "¯":
            mark.set("class", "bar")


_PRIMES = ("′", "″", "‴")


def _prime(raised: Element) -> None:
    """f′ as two letters: fonts have the prime in its size and place, and ``msup`` lifts it again.

    That of z₁ is at the z.
    """
    base, *below, prime = raised
    word = base.tag == "mi" and len(base.text or "") > 1
    for child in list(raised):
        raised.remove(child)
    if word and not below:
        raised.tag, raised.text = "mi", f"{base.text}{prime.text}"
        raised.attrib.update(base.attrib)
    else:
        raised.tag = "msub" if below else "mrow"
        raised.extend([_row_of(base, prime), *below] if below else [base, prime])


def _tighten(scripted: Element) -> None:
    """No space around the operators of an index or a power, as in h with l−1 below."""
    for script in scripted[1:]:
        for operator in script.iter("mo"):
            if operator.text in _TIGHT:
                operator.attrib |= {"lspace": "0", "rspace": "0"}


def _row_of(*elements: Element) -> Element:
    row = Element("mrow")
    row.extend(elements)
    return row


def _stack(raised: Element) -> None:
    """z₁ᵀ with both beside the z, where z₁ is marked."""
    base, above = raised
    if base.get("tabindex") and len(base) == 1 and base[0].tag == "msub":
        raised.tag = "msubsup"
        raised.attrib.update(base.attrib)
        raised.remove(base)
        raised.remove(above)
        raised.extend([*base[0], above])


def _is_word(row: Element) -> bool:
    """Whether a row holds the letters of one name, all in one style."""
    styles = {child.get("mathvariant") for child in row}
    letters = all(child.tag in ("mi", "mn") and not len(child) for child in row)
    return len(row) > 1 and letters and len(styles) == 1 and styles <= {"italic", "normal"}


def _join(row: Element) -> None:
    """The letters of a name as one."""
    style = row[0].get("mathvariant", "")
    text = "".join(child.text or "" for child in row)
    for child in list(row):
        row.remove(child)
    row.tag, row.text = "mi", text
    row.set("class", f"{row.get('class', '')} {style}".strip())


_SCRIPTED = ("msup", "msub", "msubsup", "munder", "mover", "munderover")


def _place(row: Element) -> None:
    """Signs after an operator are prefixes, a norm has two ends, a function keeps its distance."""
    if row.tag not in ("mrow", "math", "mtd", "msqrt"):
        return
    open_before = True
    for k, child in reversed(list(enumerate(row))):
        if _is_function(child):
            if k + 1 < len(row) and row[k + 1].tag in ("mi", "msub", "msup", "mn"):  # det S
                row.insert(k + 1, Element("mspace", width="0.167em"))
            if k and _ends(row[k - 1]):
                row.insert(k, Element("mspace", width="0.167em"))
    for child in row:
        operator = child[0] if child.tag in _SCRIPTED and len(child) else child
        text = operator.text or ""
        if operator.tag == "mo" and text in _FENCES:
            operator.set("form", "prefix" if open_before else "postfix")
            operator.set("stretchy", operator.get("stretchy", "false"))
            open_before = open_before and operator is child
        elif operator.tag == "mo":
            if text == "/":
                operator.attrib |= {"lspace": "0", "rspace": "0"}
            if open_before and text in ("−", "-", "+"):
                operator.set("form", "prefix")
            open_before = text not in _CLOSING and text != "⊤"
        elif child.tag != "mspace":
            open_before = _is_function(child)


def _is_function(element: Element) -> bool:
    inner = element[0] if element.tag in ("msup", "msub", "msubsup") and len(element) else element
    return inner.tag == "mi" and len(inner.text or "") > 1 and not inner.get("class")


def _ends(element: Element) -> bool:
    """Whether a value ends with this element, so that what follows is another factor."""
    return element.tag != "mo" and element.tag != "mspace"


def _continue(math: Element) -> None:
    """A leading operator with the spaces of one between two terms."""
    (row,) = math
    empty, operator = row[0], row[1]
    row.remove(empty)
    if operator.tag == "mo" and operator.text in _SIGNS:
        operator.set("form", "infix")


def _close_up(math: Element) -> None:
    """No space outside a sign at either end."""
    if len(math) == 1 and math[0].tag == "mrow" and len(math[0]):
        for operator, side in ((math[0][0], "lspace"), (math[0][-1], "rspace")):
            if operator.tag == "mo":
                operator.set(side, "0")
