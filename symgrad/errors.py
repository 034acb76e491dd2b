"""Every error that symgrad raises on purpose, and its one warning.

Each message is a sentence: what was given, what was expected, what to do about it. Each class
also derives from the built-in exception that a caller would expect, so that ``except ValueError``
keeps working around symgrad.
"""

from __future__ import annotations


class SymgradError(Exception):
    """Base class of the errors that symgrad raises on purpose."""


class ShapeError(SymgradError, ValueError):
    """Two shapes that have to agree do not, or a shape is not what an operation needs."""


class DeclarationError(SymgradError, ValueError):
    """A declaration that contradicts another one, such as one name with two meanings."""


class UnsupportedError(SymgradError, TypeError):
    """An object that the vocabulary does not contain."""


class DerivativeError(SymgradError, ValueError):
    """A derivative that does not exist, or that was asked of something that is not in the loss."""


class DataError(SymgradError, ValueError):
    """An array that does not fit the declaration: its shape, its type or its values."""


class MissingPackageError(SymgradError, ImportError):
    """An optional package that a function needs is not installed."""


class ParseError(SymgradError, ValueError):
    """A text that is not a model: where it goes wrong, and what to write instead.

    ``line`` and ``column`` count from 1; ``source`` is the line of the text, ``width`` how many
    of its characters are meant, and ``file`` the path, where the text came from one.
    """

    def __init__(
        self, message: str, line: int, column: int, source: str, width: int = 1, file: str = ""
    ) -> None:
        super().__init__(message, line, column, source, width, file)
        self.message, self.line, self.column = message, line, column
        self.source, self.width, self.file = source, width, file

    def __str__(self) -> str:
        """The sentence, the line of the text, and a caret under the column."""
        at = f"{self.file}, " if self.file else ""
        first = max(0, self.column - 1 - 60)  # a long line is shown around the column
        shown = self.source[first : first + 100]
        before = "".join(c if c == "\t" else " " for c in self.source[first : self.column - 1])
        carets = "^" * max(1, min(self.width, len(shown) - len(before)))
        where = f"{at}line {self.line}, column {self.column}: {self.message}"
        return f"{where}\n  {shown}\n  {before}{carets}"

    def of_file(self, file: str) -> ParseError:
        """The same error, naming the file that the text was read from."""
        return ParseError(self.message, self.line, self.column, self.source, self.width, file)


class DomainWarning(UserWarning):
    """A value that a declaration may take outside the domain of one of its functions."""


class GraphError(SymgradError, AssertionError):
    """The graph broke one of its own invariants: a mistake in symgrad, never in its use."""
