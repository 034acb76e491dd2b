"""The journal of a grading: every mark as soon as it is known, so that nothing is done twice.

Why it exists: a run over hundreds of submissions may be stopped at any moment. Each mark is one
line of JSON, appended and flushed to the disk before the next; a line that was cut off is dropped
when the journal is read. A mark is used again for a file of the same name and content, under the
same key and options.
"""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import IO

from symgrad.errors import DataError
from symgrad.grading.marks import FAILED, Mark
from symgrad.grading.submissions import Submission


def digest(*parts: bytes | str) -> str:
    """A fingerprint of texts and contents."""
    found = sha256()
    for part in parts:
        data = part.encode(errors="surrogatepass") if isinstance(part, str) else part
        found.update(len(data).to_bytes(8, "big") + data)
    return found.hexdigest()[:32]


class Journal:
    """The marks that are known, in a file; a context manager, which closes it."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        self._known = _read(path)
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Journal:
        try:
            self._file = open(self.path, "ab")
        except OSError as error:
            raise DataError(
                f"{self.path} cannot be written: {error.strerror}; give --out in a folder that you "
                "may write to."
            ) from error
        if self._file.tell() and not _ends_whole(self.path):
            self._file.write(b"\n")  # after a line that was cut off
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._file is not None
        self._file.close()

    def entry(self, submission: Submission, content: bytes) -> str:
        """What a mark is of: name, content, key and options."""
        return digest(self.key, submission.name, content)

    def known(self, entry: str) -> Mark | None:
        """The mark of an earlier run, None where there is none or it failed."""
        mark = self._known.get(entry)
        return None if mark is None or mark.status == FAILED else mark

    def add(self, entry: str, mark: Mark) -> None:
        """Write a mark to the disk."""
        assert self._file is not None
        line = {"of": entry, "mark": mark.as_dict()}
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def _read(path: Path) -> dict[str, Mark]:
    found: dict[str, Mark] = {}
    if not path.exists():
        return found
    for line in path.read_bytes().splitlines():
        try:
            fields = json.loads(line)
            found[fields["of"]] = Mark.of(fields["mark"])
        except (ValueError, KeyError, TypeError):  # cut off, or of another version: marked again
            continue
    return found


def _ends_whole(path: Path) -> bool:
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
