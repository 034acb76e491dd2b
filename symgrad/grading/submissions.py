"""The submissions in a folder: which files they are, and what each is called.

Why it exists: people hand in one file each, or a folder each. A file's name is its path without
the suffix; of a folder of its own with one file in it, the folder's.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from symgrad.errors import DataError

SUFFIXES = (".tex", ".txt", ".md", ".sg")


class Submission(NamedTuple):
    """A file, and the name that its mark has."""

    name: str
    path: Path


def submissions(given: Path) -> list[Submission]:
    """The submissions below a folder, or a single file, by name; raises DataError if none.

    Hidden files and files with other suffixes are no submissions.
    """
    if given.is_file():
        return [Submission(given.stem, given)]
    if not given.is_dir():
        raise DataError(f"there is no folder {given}; give the folder of the submissions.")
    files = sorted(
        path
        for path in given.rglob("*")
        if path.is_file()
        and path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(given).parts)
    )
    if not files:
        kinds = ", ".join(SUFFIXES)
        raise DataError(f"the folder {given} has no submissions; expected files ending in {kinds}.")
    alone = Counter(path.parent for path in files)
    stems = Counter(path.with_suffix("") for path in files)
    found = []
    for path in files:
        own = path.relative_to(given)
        if len(own.parts) > 1 and alone[path.parent] == 1:
            name = own.parent
        else:
            name = own if stems[path.with_suffix("")] > 1 else own.with_suffix("")
        found.append(Submission(name.as_posix(), path))
    return found
