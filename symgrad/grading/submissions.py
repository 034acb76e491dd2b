"""The submissions in a folder: which files they are, and what each is called.

Why it exists: people hand in one file each, or a folder each. A file's name is its path without
the suffix; of a folder of its own with one file in it, the folder's. What is handed in is not
trusted: a link is not followed, a file is read no further than any submission goes, and a name may
hold anything that a file system allows.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence, Set
from pathlib import Path
from typing import NamedTuple

from symgrad.errors import DataError
from symgrad.language.source import MAX_CHARACTERS
from symgrad.verification.remarks import listed

SUFFIXES = (".tex", ".txt", ".md", ".sg")


MOST_BYTES = 4 * MAX_CHARACTERS
"""A text of as many characters as may be read has at most so many bytes."""


class Handed(NamedTuple):
    """What is in a folder: what is read, and the files that are not, which have other suffixes."""

    submissions: Sequence[Submission]
    others: Sequence[Path] = ()


class Submission(NamedTuple):
    """A file, and the name that its mark has."""

    name: str
    path: Path


def handed_in(given: Path, own: Sequence[Path] = ()) -> Handed:
    """The submissions below a folder, or a single file, by name; raises DataError if none.

    Hidden files are no submissions, nor what is ``own``: the key, and what an earlier run wrote.
    Files with other suffixes are not read, and named as such.
    """
    if given.is_file():
        return Handed([Submission(printable(given.stem), given)])
    if not given.is_dir():
        raise DataError(f"there is no folder {given}; give the folder of the submissions.")
    ours, root = {path.resolve() for path in own}, given.resolve()
    everything = sorted(
        path
        for path in given.rglob("*")
        if (path.is_file() or path.is_symlink())
        and not any(part.startswith(".") for part in path.relative_to(given).parts)
        and not _is_one(root / path.relative_to(given), ours)
    )
    files = [path for path in everything if path.suffix.lower() in SUFFIXES]
    others = [path for path in everything if path.suffix.lower() not in SUFFIXES]
    if not files:
        raise DataError(
            f"the folder {given} has no submissions{_and_has(others)}; expected files ending in "
            f"{', '.join(SUFFIXES)}."
        )
    alone = Counter(path.parent for path in files)
    stems = Counter(path.with_suffix("") for path in files)
    found = []
    for path in files:
        place = path.relative_to(given)
        if len(place.parts) > 1 and alone[path.parent] == 1:
            name = place.parent
        else:
            name = place if stems[path.with_suffix("")] > 1 else place.with_suffix("")
        found.append(Submission(printable(name.as_posix()), path))
    return Handed(found, others)


def _is_one(path: Path, ours: Set[Path]) -> bool:
    return path in ours or not ours.isdisjoint(path.parents)


def _and_has(others: Sequence[Path]) -> str:
    return f" (but {others_text(others)})" if others else ""


def others_text(others: Sequence[Path]) -> str:
    """``3 files: a.pdf, b.png and c.docx``."""
    most = 8
    names = [printable(path.name) for path in others]
    shown = names if len(names) <= most else [*names[:most], f"{len(names) - most} more"]
    return f"{len(names)} file{'s' * (len(names) != 1)}: {listed(shown)}"


def printable(name: str) -> str:
    """A name without bytes that are no text, and without ends of lines."""
    text = name.encode(errors="surrogateescape").decode(errors="replace")
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def content(path: Path) -> bytes:
    """The bytes of a submission; raises DataError for a link, and for what cannot be read."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        why = "it is a link, which is not followed" if path.is_symlink() else error.strerror
        raise DataError(f"the file cannot be read: {why}.") from error
    with open(file, "rb") as opened:
        found = opened.read(MOST_BYTES + 1)
    if len(found) > MOST_BYTES:
        raise DataError(f"the file has more than {MOST_BYTES} bytes; hand in the derivation alone.")
    return found
