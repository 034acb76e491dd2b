"""Parameters of a function as keywords: numbers, and one list of numbers, which is a family."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from symgrad.errors import UnsupportedError

LETTERS = {"slope": "gamma", "temperature": "T"}
"""The letter of a parameter in formulas, where that is not its name."""


def family_of(parameters: Mapping[str, Any]) -> str | None:
    """The parameter that has a list of values, if there is one.

    Raises UnsupportedError for two of them and for an empty list.
    """
    families = [name for name, x in parameters.items() if isinstance(x, Iterable)]
    if len(families) > 1:
        raise UnsupportedError(
            f"the parameters {', '.join(families)} were given lists; expected a list for one of "
            "them, and a number for the others."
        )
    if families and not list(parameters[families[0]]):
        raise UnsupportedError(
            f"the parameter {families[0]} was given an empty list; expected numbers."
        )
    return families[0] if families else None


def members(parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parameters of each member of a family; of no family, of its one member."""
    family = family_of(parameters)
    if family is None:
        return [dict(parameters)]
    return [{**parameters, family: value} for value in parameters[family]]


def keyword(name: str) -> str:
    """A symbol's name as a keyword: ``alpha`` for α too."""
    words = unicodedata.name(name, "").split() if len(name) == 1 else []
    return words[-1].lower() if words[:1] == ["GREEK"] else name
