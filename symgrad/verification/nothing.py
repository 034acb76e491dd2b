"""What stands for an interval in a formal field, whose numbers have none.

Why it exists: residues and intervals are computed side by side (`number`). Where a number is an
element of a finite field only, the same rules run over this in the place of an interval.
"""

from __future__ import annotations

from typing import Any


class _Nothing:
    """In the place of a ball where there is none: whatever is made of it is nothing again."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *rest: self

    def __call__(self, *rest: Any) -> Any:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __call__
    __truediv__ = __rtruediv__ = __pow__ = __neg__ = __call__


NOTHING: Any = _Nothing()
