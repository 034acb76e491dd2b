"""The rows of a trace: one value at a point, with the messages that come back to it."""

from __future__ import annotations

from typing import Any, NamedTuple

from symgrad.pictures.numerals import number_text, sum_text, value_text


class Received(NamedTuple):
    """One message that a value receives: v̄ⱼ·∂vⱼ/∂vᵢ from the consumer j."""

    consumer: str
    share: Any
    adjoint: Any
    """v̄ⱼ, what the consumer has received itself."""
    local: Any | None
    """∂vⱼ/∂vᵢ, where both are numbers."""


class Row(NamedTuple):
    """One value of a trace. Scalars are SymPy numbers or floats, arrays NumPy's."""

    name: str
    formula: str
    """In its operands; empty for a leaf."""
    shape: tuple[Any, ...]
    value: Any
    messages: tuple[Received, ...]
    adjoint: Any | None
    """∂L/∂v, the sum of the messages; None for what the gradient does not pass."""
    symbol: str
    """The adjoint as it is written: ``∂g/∂w1``."""

    @property
    def equation(self) -> str:
        """``a = w1³``, or the name of a leaf."""
        return f"{self.name} = {self.formula}" if self.formula else self.name

    @property
    def backward(self) -> str:
        """The adjoint with its sum: ``36 + 3 = 39``."""
        if self.adjoint is None:
            return ""
        total = value_text(self.adjoint)
        if len(self.messages) < 2 or self.shape:
            return total
        return f"{sum_text([number_text(m.share) for m in self.messages])} = {total}"
