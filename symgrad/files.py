"""Files are written whole or not at all: nobody sees half of one, and a crash leaves none behind.

Why it exists: training modules and renderings are written over what is there, by scripts that may
be stopped at any moment.
"""

from __future__ import annotations

import os
from pathlib import Path

from symgrad.errors import DataError


def write(path: str | os.PathLike[str], text: str) -> Path:
    """Write UTF-8 beside ``path``, then rename; a link is followed. Returns the path.

    Raises DataError where there is no such folder, ``path`` is one, or the system refuses.
    """
    given = Path(path)
    target = given.resolve()
    if target.is_dir() or not target.parent.is_dir():
        raise DataError(f"{path} cannot be written; give a file in an existing folder.")
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8", newline="\n")
        os.replace(temporary, target)
    except OSError as error:
        reason = error.strerror or error
        raise DataError(
            f"{path} cannot be written: {reason}; give a file in a folder that you may write to."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return given
