"""What a grading leaves: a table, a feedback file for each submission, Gradescope's results.

Why it exists: a course has a spreadsheet, its students have a text each, and some courses have
Gradescope, whose autograder reads ``results.json`` (its documentation: Autograder Specifications).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from symgrad.files import write
from symgrad.grading.marks import Mark, points

COLUMNS = (
    "submission", "points", "score", "status", "right", "of", "first_wrong", "unclear", "mistakes",
    "missing", "seconds",
)  # fmt: skip
"""Behind these is one for each gradient that was to be found, with its points."""

_LONGEST = 60
"""Characters of a submission's name in that of its feedback file."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would compute."""


def table(marks: Sequence[Mark], most: float) -> str:
    """Marks as CSV, a row each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = list(dict.fromkeys(name for mark in marks for name, *_ in mark.found))
    writer.writerow([*COLUMNS, *map(_cell, names)])
    for mark in sorted(marks, key=lambda m: m.name):
        writer.writerow(
            [
                _cell(mark.name),
                points(mark.score, most),
                f"{mark.score:.4f}",
                mark.status,
                mark.right,
                len(names),
                "" if mark.first_wrong is None else mark.first_wrong,
                " ".join(map(str, mark.unclear)),
                " ".join(dict.fromkeys(mark.mistakes)),
                _cell(" ".join(mark.missing)),
                f"{mark.seconds:.2f}",
                *_each(mark, names, most),
            ]
        )
    return text.getvalue()


def _each(mark: Mark, names: Sequence[str], most: float) -> list[str]:
    """The points for each gradient, 0 where a submission could not be marked."""
    earned = {name: part for name, part, _, _ in mark.found}
    return [points(earned.get(name, 0.0), most / len(names)) for name in names]


def _cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def feedback(mark: Mark, most: float) -> str:
    """The text that the author of a submission gets."""
    head = f"{mark.name}: {points(mark.score, most)} of {most:g} points"
    parts = "".join(f"\n  {line}" for line in _parts(mark, most))
    return f"{head}\n{parts}\n\n{mark.feedback}\n" if parts else f"{head}\n\n{mark.feedback}\n"


def _parts(mark: Mark, most: float) -> list[str]:
    """A line for each gradient: its points, and why."""
    if not mark.found:
        return []
    share = most / len(mark.found)
    rows = [
        (name, f"{points(part, share)} of {points(1.0, share)}", why, line)
        for name, part, why, line in mark.found
    ]
    wide, wider = max(len(r[0]) for r in rows), max(len(r[1]) for r in rows)
    return [
        f"{name:<{wide}}  {earned:<{wider}}  {why}{'' if line is None else f' (line {line})'}"
        for name, earned, why, line in rows
    ]


def gradescope(mark: Mark, most: float) -> str:
    """One submission as Gradescope's results.json."""
    own = {
        "score": float(points(mark.score, most)),
        "max_score": most,
        "name": "Derivation",
        "output": "\n".join([*_parts(mark, most), "", mark.feedback]).lstrip(),
        "output_format": "text",
        "status": "passed" if mark.score == 1 else "failed",
    }
    found = {
        "score": own["score"],
        "execution_time": round(mark.seconds, 2),
        "visibility": "visible",
        "tests": [own],
    }
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def place(folder: Path, name: str, suffix: str) -> Path:
    """Where the file of a submission is, made of its name; nothing leads out of the folder.

    A name that had to be changed for that has a fingerprint behind it, so that no two share a file.
    """
    flat = "__".join(part for part in Path(name).parts if part not in ("/", ".", ".."))
    flat = "".join(c if c.isalnum() or c in "-_. " else "_" for c in flat)[:_LONGEST]
    if flat != name:
        flat = f"{flat}-{sha256(name.encode(errors='surrogatepass')).hexdigest()[:8]}"
    return folder / f"{flat}{suffix}"


def write_feedback(folder: Path, mark: Mark, most: float) -> Path:
    """The feedback of a submission, whole or not at all."""
    return write(place(folder, mark.name, ".txt"), feedback(mark, most))
