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
from symgrad.grading.marks import FAILED, Mark, points

COLUMNS = (
    "submission", "points", "score", "status", "right", "lines", "first_wrong", "mistakes",
    "missing", "seconds",
)  # fmt: skip

_LONGEST = 60
"""Characters of a submission's name in that of its feedback file."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would compute."""


def table(marks: Sequence[Mark], most: float) -> str:
    """Marks as CSV, a row each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for mark in sorted(marks, key=lambda m: m.name):
        writer.writerow(
            [
                _cell(mark.name),
                points(mark, most),
                f"{mark.score:.4f}",
                mark.status,
                mark.right,
                mark.lines,
                "" if mark.first_wrong is None else mark.first_wrong,
                " ".join(mark.mistakes),
                _cell(" ".join(mark.missing)),
                f"{mark.seconds:.2f}",
            ]
        )
    return text.getvalue()


def _cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def feedback(mark: Mark, most: float) -> str:
    """The text that the author of a submission gets."""
    head = f"{mark.name}: {points(mark, most)} of {most:g} points"
    if mark.status != FAILED:
        head += f" ({mark.right} of {mark.lines} lines)"
    return f"{head}\n\n{mark.feedback}\n"


def gradescope(mark: Mark, most: float) -> str:
    """One submission as Gradescope's results.json."""
    own = {
        "score": float(points(mark, most)),
        "max_score": most,
        "name": "Derivation",
        "output": mark.feedback,
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
