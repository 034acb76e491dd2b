"""Files are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from symgrad import files
from symgrad.errors import DataError


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")
    assert files.write(path, "δ\nafter\n") == path
    assert path.read_bytes() == "δ\nafter\n".encode()
    assert os.listdir(tmp_path) == ["a.txt"]


def test_what_was_there_stays_where_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")

    def full(source: object, target: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(DataError, match="cannot be written: no space left on device; give"):
        files.write(path, "after")
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    path, link = tmp_path / "a.txt", tmp_path / "link.txt"
    path.write_text("before")
    link.symlink_to(path)
    files.write(link, "after")
    assert link.is_symlink()
    assert path.read_text() == "after"


def test_a_folder_that_takes_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Path, *args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refused)
    with pytest.raises(DataError, match="Permission denied; give a file in a folder that you may"):
        files.write(tmp_path / "a.txt", "text")


@pytest.mark.parametrize("name", ["missing/a.txt", "."])
def test_no_place_for_a_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="give a file in an existing folder"):
        files.write(tmp_path / name, "text")
