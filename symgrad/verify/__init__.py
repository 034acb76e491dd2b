"""Verification of hand derivations: right, or where it goes wrong and why.

``sg.verify`` is the function `symgrad.verify.verify.verify`. Python binds a package to its name in
its parent as soon as any of its modules is imported, so where that happens first ``sg.verify`` is
this package; it is called like the function.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symgrad.verify.verdict import Verdict


class _CalledLikeItsFunction(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Verdict:
        """See `symgrad.verify.verify.verify`."""
        from symgrad.verify.verify import verify

        return verify(*arguments, **options)


sys.modules[__name__].__class__ = _CalledLikeItsFunction
