"""Errors as users should meet them: one line that names what was given and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

import symgrad as sg


def refused(
    call: Callable[[], Any],
    mentions: Iterable[str],
    kind: type[sg.SymgradError] = sg.SymgradError,
) -> str:
    """The message with which ``call`` is refused: of this class, on one line, with these words."""
    with pytest.raises(kind) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for word in mentions:
        assert word in message, f"{word!r} is not in: {message}"
    return message
