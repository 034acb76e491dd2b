r"""From TeX's tokens to those of the grammar: arguments in braces, no dress, bars told apart.

Why it exists: ``\frac12``, ``x_1^2`` and ``\hat y`` have arguments without braces, which a grammar
that looks one token ahead cannot know; and a run of letters, ``Wx``, is one name or several,
depending on what is declared. Like `layout`, it is one pass with a limit on everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Sequence

from lark import Token

import symgrad.language.tex.commands as c
from symgrad.language.layout import MAX_LINE_TOKENS, MAX_NAME, MAX_NESTING, Misread
from symgrad.language.names import canonical
from symgrad.language.source import Span
from symgrad.language.tex.names import Names
from symgrad.language.tex.tokens import Raw

_ENDS_OPERAND = c.words(
    "NAME NUMBER TOP ONES PRIME RPAR RSQB RBRACE RCURL RANGLE BAR_CLOSE CASES_CLOSE"
)
_PAIRS = {"LPAR": "RPAR", "LSQB": "RSQB", "LCURL": "RCURL", "LANGLE": "RANGLE"}
_CLOSES = {close: open_ for open_, close in _PAIRS.items()}
_SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", "-01234567890123456789")
_GLUE = frozenset({"$", "\\(", "\\)", "\\[", "\\]", "&", "\\\\"})


def arranged(raw: Sequence[Raw], names: Names) -> list[Token]:
    """The tokens of one formula as the grammar has them; raises Misread."""
    return _Layout(raw, names).formula()


def _token(terminal: str, value: str, at: Span) -> Token:
    return Token(terminal, value, start_pos=at.start, end_pos=at.end)


class _Layout:
    """One pass over the tokens: ``take`` goes on, ``put`` is what comes out."""

    def __init__(self, raw: Sequence[Raw], names: Names) -> None:
        self.waiting, self.names = list(raw[::-1]), names
        self.last = Span(0, 1)
        """Of what was taken last."""
        self.out: list[Token] = []
        self.open: list[Token] = []
        """Brackets and bars that are open."""
        self.depth = 0
        """Of braces and arguments."""
        self.in_script = self.in_subscript = 0
        self.in_cases = 0

    # -------------------------------------------------------------------------- in and out

    def peek(self) -> Raw | None:
        return self.waiting[-1] if self.waiting else None

    def take(self) -> Raw:
        token = self.waiting.pop()
        self.last = token.at
        return token

    def follows(self, text: str) -> bool:
        return bool(self.waiting) and self.waiting[-1].text == text

    def put(self, terminal: str, value: str, at: Span) -> None:
        self.out.append(_token(terminal, value, at))
        if len(self.out) > 4 * MAX_LINE_TOKENS:
            raise Misread(at, "this formula is too long here; name a part of it.")

    def before(self) -> str:
        return self.out[-1].type if self.out else ""

    # ----------------------------------------------------------------------------- passes

    def formula(self) -> list[Token]:
        while self.waiting:
            self.one()
        if self.open:
            raise Misread(_at(self.open[-1]), f"this {self.open[-1]} is never closed.")
        while self.out and self.out[-1].type in ("COMMA", "COLON"):
            self.out.pop()  # the punctuation behind a formula
        return self.out

    def one(self) -> None:
        """The next token, with what belongs to it."""
        if self.depth > MAX_NESTING:
            raise Misread(
                self.last, f"this is nested more than {MAX_NESTING} deep; name the inner value."
            )
        token = self.take()
        _KINDS[token.kind](self, token)

    def braced(self, inner: Callable[[], None], at: Span) -> None:
        """``inner`` in braces, on a list of open brackets of its own."""
        start = len(self.out)
        self.put("LBRACE", "{", at)
        outer, self.open = self.open, []
        self.depth += 1
        inner()
        self.depth -= 1
        if self.open:
            raise Misread(_at(self.open[-1]), f"this {self.open[-1]} is never closed.")
        self.open = outer
        self.put("RBRACE", "}", Span(max(at.start, self.last.end - 1), max(at.end, self.last.end)))
        above = start > 0 and self.out[start - 1].type == "SUP"
        if above and {x.type for x in self.out[start + 1 : -1]} == {"PRIME"}:
            self.out[start - 1 :] = self.out[start + 1 : -1]  # f^{\prime}

    def argument(self, of: Raw) -> None:
        """The argument of a command: what is in braces, or the next thing; in braces anyway."""
        token = self.peek()
        if token is None or token.kind == "close":
            raise Misread(of.at, f"{of.text} has nothing behind it; write {of.text}{{…}}.")
        if token.kind == "open":
            self.group(self.take())
        elif token.kind in ("number", "letters") and len(token.text) > 1:
            self.take()
            at = Span(token.at.start, token.at.start + 1)
            kind = "letters" if token.kind == "letters" else "number"
            if token.text[0] == ".":  # TeX takes the point alone
                raise Misread(at, f"{of.text} has only the point behind it; write {of.text}{{…}}.")
            first = Raw(kind, token.text[0], at, token.depth)
            rest = Raw(kind, token.text[1:], Span(at.end, token.at.end), token.depth)
            self.braced(lambda: _KINDS[kind](self, first), at)
            self.waiting.append(rest)
        else:
            self.braced(self.one, token.at)

    def group(self, opened: Raw) -> None:
        """``{…}``; nothing comes out of ``{}``."""
        at = len(self.out)

        def inner() -> None:
            while (token := self.peek()) is not None and token.kind != "close":
                self.one()
            if self.peek() is None:
                raise Misread(opened.at, "this { is never closed.")
            self.take()

        self.braced(inner, opened.at)
        if len(self.out) == at + 2:
            del self.out[at:]
            if self.before() in ("SUB", "SUP"):
                self.out.pop()

    def text_of(self, of: Raw) -> tuple[str, Span]:
        """The argument of a command as text, and its place."""
        token = self.peek()
        if token is None:
            raise Misread(of.at, f"{of.text} has nothing behind it; write {of.text}{{…}}.")
        if token.kind != "open":
            self.take()
            return token.text, token.at
        depth, at = 0, token.at
        pieces: list[str] = []
        while self.waiting:
            part = self.take()
            depth += {"open": 1, "close": -1}.get(part.kind, 0)
            at = at.to(part.at)
            if depth == 0:
                return "".join(pieces), at
            if part.kind not in ("open", "close"):
                pieces.append(part.text)
        raise Misread(token.at, "this { is never closed.")

    # ------------------------------------------------------------------------- one of each

    def command(self, token: Raw) -> None:
        name = token.text[1:]
        for rows, read in _COMMANDS:
            if name in rows:
                read(self, token, name)
                return
        word = canonical(name)
        if word in self.names or self.names.is_function(word):
            self.put("NAME", word, token.at)  # \softmax, \relu, without a macro
            return
        raise Misread(
            token.at,
            f"the command {token.text} is not known; define it with \\newcommand, or write the "
            "sign that it stands for.",
        )

    def sign(self, token: Raw, name: str) -> None:
        sign = c.SIGNS[name]
        if sign.terminal == "SQRT" and self.follows("["):
            self.put("SQRT", "√", token.at)
            at = len(self.open)
            self.one()
            while len(self.open) > at and self.peek() is not None:
                self.one()
            self.argument(token)
            return
        self.place(sign, token.at)
        for _ in range({"FRAC": 2, "SQRT": 1}.get(sign.terminal, 0)):
            self.argument(token)

    def place(self, sign: c.Sign, at: Span) -> None:
        """A sign; brackets and bars on and off the list of open ones."""
        terminal, value = sign
        if terminal in ("BAR", "BAR_OPEN", "BAR_CLOSE"):
            partner = "⟦" if not self.open else str(self.open[-1])
            closes = terminal == "BAR_CLOSE" or (
                terminal == "BAR" and partner == value and self.before() in _ENDS_OPERAND
            )
            if closes and partner != value:
                raise Misread(at, "this bar closes nothing; delete it, or open it.")
            terminal = "BAR_CLOSE" if closes else "BAR_OPEN"
        self.put(terminal, value, at)
        if terminal in _PAIRS or terminal == "BAR_OPEN":
            self.open.append(self.out[-1])
            if len(self.open) > MAX_NESTING:
                raise Misread(at, f"brackets are nested more than {MAX_NESTING} deep here.")
        elif terminal in _CLOSES or terminal == "BAR_CLOSE":
            if not self.open:
                raise Misread(at, f"this {value} closes nothing; delete it, or open it.")
            opened = self.open.pop()
            if terminal in _CLOSES and opened.type != _CLOSES[terminal]:
                raise Misread(at, f"this {value} does not close {opened}, which is still open.")

    def dropped(self, token: Raw, name: str) -> None:
        if name in c.SIZES and self.follows("."):
            self.take()  # \right.

    def dropped_with(self, token: Raw, name: str) -> None:
        if name == "begin":
            environment, at = self.text_of(token)
            self.begin(environment, at)
            return
        if name == "end":
            environment, at = self.text_of(token)
            if environment.rstrip("*") not in c.ENVIRONMENTS:
                raise Misread(at, f"this ends {environment}, which did not begin.")
            return
        for _ in range(c.DROPPED_WITH[name]):
            self.text_of(token)

    def begin(self, environment: str, at: Span) -> None:
        name = environment.rstrip("*")
        if name in ("cases", "dcases", "rcases"):
            self.cases(at)
        elif name in c.REFUSED:
            raise Misread(at, f"{c.REFUSED[name]}.")
        elif name not in c.ENVIRONMENTS:
            raise Misread(at, f"the environment {environment[:30]} is not read inside a formula.")

    def cases(self, at: Span) -> None:
        outer, self.open = self.open, []
        self.depth += 1
        self.in_cases += 1
        self.put("CASES_OPEN", "{", at)
        while True:
            token = self.peek()
            if token is None or token.kind == "close":
                raise Misread(at, "these cases are never ended; write \\end{cases}.")
            if token.text == "\\end":
                self.take()
                self.text_of(token)
                break
            self.one()
        while self.before() in ("COMMA", "ROW"):
            self.out.pop()
        if self.open:
            raise Misread(_at(self.open[-1]), f"this {self.open[-1]} is never closed.")
        self.open = outer
        self.depth -= 1
        self.in_cases -= 1
        self.put("CASES_CLOSE", "}", token.at)

    def kept(self, token: Raw, name: str) -> None:
        count, formula = c.KEPT[name]
        for k in range(count):
            if k == formula:
                self.argument(token)
            else:
                self.text_of(token)
        if name in c.NOTES:
            while self.follows("_") or self.follows("^"):
                self.text_of(self.take())

    def styled(self, token: Raw, name: str) -> None:
        text = "".join(x.text for x in self.waiting[-1:-4:-1])
        given = text[1] if re.fullmatch(r"\{.\}", text) else text[:1]
        if name.startswith("mathb") and given == "E":
            raise Misread(token.at, f"{c.REFUSED['mathbb{E}']}.")
        doubled = given == "I" and name in ("mathbb", "mathds", "mathbbm") and "I" not in self.names
        if given == "1" or doubled:
            _, where = self.text_of(token)
            self.put("NAME" if doubled else "ONES", given, token.at.to(where))
            return
        self.argument(token)

    def worded(self, token: Raw, name: str) -> None:
        if self.follows("*"):
            self.take()  # \operatorname*
        text, at = self.text_of(token)
        at = token.at.to(at)
        plain = re.sub(r"\\[ ,;!]|[.,:]|\\(left|right)", " ", text).strip()
        if self.in_cases and name in c.TEXTS:
            self.in_words(plain, at)
            return
        word = plain.replace(" ", "").replace("\\", "").replace("_", "").replace("-", "")
        if word == "1":
            self.put("ONES", "1", at)
        elif not (word and word.isalnum()):
            if name not in c.TEXTS:
                raise Misread(at, f"{self.shown(token, text)} is no name.")
        elif not word[0].isalpha():
            if word.isascii() and word.isdecimal():
                self.put("NUMBER", word, at)
        elif name not in c.TEXTS or self.in_script or self.names.has_base(word):
            self.put("NAME", canonical(word[:MAX_NAME]), at)

    def shown(self, token: Raw, text: str) -> str:
        return f"{token.text}{{{text[:20]}}}"

    def in_words(self, text: str, at: Span) -> None:
        """A remark inside cases: "if", "otherwise"."""
        words = re.findall(r"[^\W\d]+|[^\s\w]", text.lower())
        if any(x in c.OTHERWISE for x in words):
            self.separate("OTHERWISE", at)
        elif any(x in c.CONDITIONS for x in words):
            self.separate("IF", at)

    def separate(self, terminal: str, at: Span) -> None:
        """One sign between a case and its condition, of the comma, the & and the word."""
        while self.before() in ("COMMA", "IF"):
            self.out.pop()
        self.put(terminal, terminal.lower(), at)

    def marked(self, token: Raw, name: str) -> None:
        self.put("MARK", c.MARKS[name], token.at)
        self.argument(token)

    def refused(self, token: Raw, name: str) -> None:
        raise Misread(token.at, f"{c.REFUSED[name]}.")

    def escape(self, token: Raw) -> None:
        if token.text == "\\\\" and self.in_cases:
            while self.before() == "COMMA":
                self.out.pop()
            self.put("ROW", "\\\\", token.at)
        elif token.text[1:] in c.SIGNS:
            self.place(c.SIGNS[token.text[1:]], token.at)
        elif token.text[1:] not in c.DROPPED and token.text not in _GLUE:
            raise Misread(token.at, f"{token.text} has no meaning in a formula; delete it.")

    def letters(self, token: Raw) -> None:
        """A run of letters: the names in it."""
        if len(token.text) > MAX_NAME:
            raise Misread(token.at, f"this name has more than {MAX_NAME} characters.")
        pieces = list(token.text) if self.in_subscript else self.names.split(token.text)
        start = token.at.start
        whole = token.at.end - start == len(token.text)
        for piece in pieces:
            end = start + len(piece)
            self.put("NAME", canonical(piece), Span(start, end) if whole else token.at)
            start = end

    def letter(self, token: Raw) -> None:
        if len(token.text) > MAX_NAME:
            raise Misread(token.at, f"this name has more than {MAX_NAME} characters.")
        sign = c.CHARACTERS.get(token.text)
        if sign is not None:
            self.place(sign, token.at)
        elif token.text == "Σ":
            summed = self.follows("_") and "Σ" not in self.names
            self.put("SUM" if summed else "NAME", "Σ", token.at)
        else:
            self.put("NAME", canonical(token.text), token.at)

    def number(self, token: Raw) -> None:
        ones = token.text == "1" and self.follows("[") and not self.in_script
        self.put("ONES" if ones else "NUMBER", token.text, token.at)

    def above(self, token: Raw) -> None:
        if token.text == "ᵀ":
            self.put("SUP", "^", token.at)
            self.braced(lambda: self.put("TOP", "⊤", token.at), token.at)
            return
        digits = token.text.translate(_SUPERSCRIPTS)

        def inner() -> None:
            if digits.startswith("-"):
                self.put("PLUS_MINUS", "-", token.at)
            self.put("NUMBER", digits.lstrip("-"), token.at)

        self.put("SUP", "^", token.at)
        self.braced(inner, token.at)

    def below(self, token: Raw) -> None:
        self.put("SUB", "_", token.at)
        number = token.text.translate(_SUPERSCRIPTS)
        self.braced(lambda: self.put("NUMBER", number, token.at), token.at)

    def char(self, token: Raw) -> None:
        text = token.text
        if text in "_^":
            self.put("SUB" if text == "_" else "SUP", text, token.at)
            outer = self.in_subscript
            self.in_script += 1
            self.in_subscript = int(text == "_")
            self.argument(token)
            self.in_script -= 1
            self.in_subscript = outer
        elif text == "&":
            if self.in_cases:
                self.separate("IF", token.at)
        elif text == "|" and self.follows("|") and self.waiting[-1].at.start == token.at.end:
            closes = self.before() in _ENDS_OPERAND
            if closes and [str(x) for x in self.open[-2:]] == ["|", "|"]:
                self.place(c.CHARACTERS["|"], token.at)  # |a - |b||
            else:
                self.place(c.CHARACTERS["‖"], token.at.to(self.take().at))
        elif text in c.CHARACTERS:
            self.place(c.CHARACTERS[text], token.at)
        elif text in ".;" and (self.in_cases or self.peek() is None):
            return  # the end of a sentence
        elif text not in _GLUE:
            raise Misread(token.at, _of_character(text))

    def opened(self, token: Raw) -> None:
        self.group(token)

    def closed(self, token: Raw) -> None:
        raise Misread(token.at, "this } closes nothing; delete it, or open it.")


def _of_character(char: str) -> str:
    hints = {
        "#": "the parameter of a macro stands in its definition only",
        ";": "a line is one formula; put what follows on a line of its own",
        ".": "a number has digits behind its point",
        "!": "there is no factorial",
        '"': "a remark stands in \\text{…}",
    }
    return f"the character {char!r} cannot stand here; {hints.get(char, 'delete it')}."


def _at(token: Token) -> Span:
    start = token.start_pos or 0
    return Span(start, token.end_pos or start + 1)


_Read = Callable[["_Layout", Raw], None]

_KINDS: dict[str, _Read] = {
    "command": _Layout.command,
    "escape": _Layout.escape,
    "parameter": _Layout.char,
    "number": _Layout.number,
    "letters": _Layout.letters,
    "letter": _Layout.letter,
    "above": _Layout.above,
    "below": _Layout.below,
    "open": _Layout.opened,
    "close": _Layout.closed,
    "char": _Layout.char,
}

_COMMANDS: tuple[tuple[Container[str], Callable[[_Layout, Raw, str], None]], ...] = (
    (c.SIGNS, _Layout.sign),
    (c.DROPPED, _Layout.dropped),
    (c.WORDS, _Layout.worded),
    (c.STYLES, _Layout.styled),
    (c.MARKS, _Layout.marked),
    (c.DROPPED_WITH, _Layout.dropped_with),
    (c.KEPT, _Layout.kept),
    (c.REFUSED, _Layout.refused),
)
"""The tables of `tex.commands`, and how what stands in each is read."""
