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


class DomainWarning(UserWarning):
    """A value that a declaration may take outside the domain of one of its functions."""


class GraphError(SymgradError, AssertionError):
    """The graph broke one of its own invariants: a mistake in symgrad, never in its use."""
