"""A folder of submissions: marks, tables, feedback; hostile files; stopping and going on."""

from __future__ import annotations

import csv
import json
import math
import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from symgrad.errors import DataError, DeclarationError, SymgradError
from symgrad.grading.command import plan, run
from symgrad.grading.grade import Plan, grade
from symgrad.grading.journal import Journal
from symgrad.grading.marks import Mark, points
from symgrad.grading.reports import place, table
from symgrad.grading.submissions import Submission, handed_in

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

KEY = """x: vector(D)
y: probabilities(C)
W1: matrix(H, D)
W2: matrix(C, H)
z = W1 x
h = tanh(z)
p = softmax(W2 h)
L = -sum(y * log(p))
params W1, W2
"""

RIGHT = "dL/dW2 = (p - y) h'\ndL/dW1 = ((W2' (p - y)) .* (1 - h .* h)) x'\n"
SIGN = RIGHT.replace("(p - y) h'", "(y - p) h'")
CARRIED = """a = p - y
dL/dW2 = a h'
dL/dh = W2 a
dL/dW1 = (dL/dh .* (1 - h .* h)) x'
"""
TEX = r"""\documentclass{article}
\begin{document}
\begin{align*}
  \delta &= p - y \\
  \frac{\partial L}{\partial W_2} &= \delta h^\top \\
  \frac{\partial L}{\partial W_1} &= (W_2^\top \delta) \odot (1 - h \odot h)\, x^\top
\end{align*}
\end{document}
"""

HOSTILE = {
    "brackets.txt": b"(" * 90_000,
    "bytes.txt": bytes(range(256)) * 50,
    "empty.txt": b"",
    "half.txt": b"\xff\xfed\x00L",
    "huge.txt": b"dL/dW1 = x'\n" * 200_000,
    "powers.txt": b"dL/dW1 = " + b"^".join([b"9"] * 500),
    "python.txt": b"dL/dW1 = __import__('os').system('touch /tmp/symgrad-hostile')",
    "macro.tex": rb"\newcommand{\a}{\a\a}\[ \frac{\partial L}{\partial W_1} = \a \]",
    "sums.txt": b"dL/dW1 = " + b"sum(" * 300 + b"x" + b")" * 300,
}


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A key, and a folder with some submissions."""
    (tmp_path / "key.sg").write_text(KEY)
    folder = tmp_path / "handed in"
    (folder / "dora").mkdir(parents=True)
    (folder / "anna.txt").write_text(RIGHT)
    (folder / "ben.txt").write_text(SIGN)
    (folder / "chris.tex").write_text(TEX)
    (folder / "dora" / "work.txt").write_text("dL/dW2 = (p - y) h'\n")
    (folder / ".hidden.txt").write_text("no")
    (folder / "photo.png").write_bytes(b"no")
    return tmp_path


def planned(course: Path, **options: object) -> Plan:
    given = {"points": 10.0, "jobs": 2, **options}
    out = given.pop("out", course / "results.csv")
    return plan(str(course / "key.sg"), course / "handed in", out, **given)  # type: ignore[arg-type]


def by_name(marks: list[Mark]) -> dict[str, Mark]:
    return {mark.name: mark for mark in marks}


def test_marks_table_and_feedback(course: Path) -> None:
    found = grade(planned(course))
    marks = by_name(found.marks)
    assert {name: (m.status, m.score) for name, m in marks.items()} == {
        "anna": ("right", 1.0),
        "ben": ("wrong", 0.5),
        "chris": ("right", 1.0),
        "dora": ("incomplete", 0.5),
    }
    assert marks["ben"].mistakes == ["sign"]
    assert marks["ben"].first_wrong == 1
    assert marks["dora"].missing == ["∂L/∂W1"]
    rows = list(csv.DictReader(StringIO((course / "results.csv").read_text())))
    assert [(r["submission"], r["points"]) for r in rows] == [
        ("anna", "10"), ("ben", "5"), ("chris", "10"), ("dora", "5"),
    ]  # fmt: skip
    assert [(r["right"], r["of"], r["∂L/∂W1"], r["∂L/∂W2"]) for r in rows] == [
        ("2", "2", "5", "5"), ("1", "2", "5", "0"), ("2", "2", "5", "5"), ("1", "2", "0", "5"),
    ]  # fmt: skip
    said = (course / "results-feedback" / "ben.txt").read_text()
    assert said.startswith(
        "ben: 5 of 10 points\n\n"
        "  ∂L/∂W1  5 of 5  right (line 2)\n"
        "  ∂L/∂W2  0 of 5  wrong (line 1)\n\n"
        "1  dL/dW2 = (y - p) h'"
    )
    assert "The sign is wrong" in said
    assert not list(course.rglob("*.tmp"))


def test_lines_that_follow_from_a_wrong_one_count(course: Path) -> None:
    (course / "handed in" / "eve.txt").write_text(CARRIED.replace("p - y", "p + y"))
    mark = by_name(grade(planned(course)).marks)["eve"]
    assert 0 < mark.score < 1
    assert mark.right == 0
    assert mark.mistakes


def test_the_key_itself_and_what_it_derives(course: Path) -> None:
    folder = course / "handed in"
    (folder / "model.sg").write_text(KEY)
    key = planned(course).key
    lines = [step.text for step in key.truth.derivation.lines()]
    (folder / "derived.txt").write_text("\n".join(lines))
    marks = by_name(grade(planned(course)).marks)
    assert (marks["derived"].status, marks["derived"].score) == ("right", 1.0)
    assert (marks["model"].status, marks["model"].score) == ("incomplete", 0.0)


def test_intermediate_gradients_count_where_they_are_named(course: Path) -> None:
    marks = by_name(grade(planned(course, wrt=["W2", "∂L/∂h"])).marks)
    assert [(name, part) for name, part, *_ in marks["anna"].found] == [
        ("∂L/∂W2", 1.0),
        ("∂L/∂h", 0.0),
    ]


def test_hostile_submissions_cost_only_themselves(course: Path) -> None:
    for name, content in HOSTILE.items():
        (course / "handed in" / name).write_bytes(content)
    marks = by_name(grade(planned(course, seconds=10.0)).marks)
    assert len(marks) == 4 + len(HOSTILE)
    assert marks["anna"].score == 1
    for name in HOSTILE:
        assert marks[Path(name).stem].score == 0, name
        assert (course / "results-feedback" / f"{Path(name).stem}.txt").exists()
    assert not Path("/tmp/symgrad-hostile").exists()


def test_names_links_and_sizes_of_any_kind(course: Path) -> None:
    folder = course / "handed in"
    (folder / ("n" * 240 + ".txt")).write_text(RIGHT)
    (folder / "two\nlines.txt").write_text(RIGHT)
    (folder / "notepad.txt").write_bytes(RIGHT.replace("\n", "\r\n").encode("utf-16"))
    (folder / "secret.txt").symlink_to("/etc/passwd")
    with open(folder / "sparse.txt", "wb") as file:
        file.truncate(2**31)
    with open(os.fsencode(folder) + b"/M\xfcller.txt", "w") as file:
        file.write(RIGHT)
    marks = by_name(grade(planned(course)).marks)
    assert len(marks) == 10
    assert marks["n" * 240].score == marks["notepad"].score == 1
    assert marks["two\ufffdlines"].score == marks["M\ufffdller"].score == 1
    assert "is a link" in marks["secret"].feedback
    assert "more than 400000 bytes" in marks["sparse"].feedback
    assert len(list(csv.DictReader(StringIO((course / "results.csv").read_text())))) == 10


def test_what_is_known_is_not_marked_again(course: Path) -> None:
    first = grade(planned(course))
    again = grade(planned(course))
    assert (first.again, again.again) == (0, 4)
    assert by_name(again.marks) == by_name(first.marks)
    (course / "handed in" / "ben.txt").write_text(RIGHT)
    changed = grade(planned(course))
    assert changed.again == 3
    assert by_name(changed.marks)["ben"].score == 1
    (course / "key.sg").write_text(KEY.replace("tanh", "sigmoid"))
    assert grade(planned(course)).again == 0


def test_a_journal_that_was_cut_off_is_used(course: Path) -> None:
    grade(planned(course))
    journal = planned(course).journal
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-20])
    found = grade(planned(course))
    assert found.again == 3
    assert len(found.marks) == 4
    with Journal(journal, planned(course).fingerprint) as read:
        found_now = handed_in(course / "handed in").submissions
        assert all(read.known(read.entry(s, s.path.read_bytes())) for s in found_now)


def test_a_run_that_is_stopped_goes_on(course: Path) -> None:
    folder = course / "handed in"
    for k in range(8):
        (folder / f"s{k:02}.txt").write_text((RIGHT, SIGN)[k % 2] + f"# {k}\n")
    command = [
        sys.executable, "-m", "symgrad", "grade", str(course / "key.sg"), str(folder), "--out",
        str(course / "results.csv"), "--jobs", "2",
    ]  # fmt: skip
    stops = 0
    for kind in (signal.SIGKILL, signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        journal = course / ".results.csv.journal"
        stopped = False
        before = journal.read_bytes().count(b"\n") if journal.exists() else 0
        while process.poll() is None:
            if journal.exists() and journal.read_bytes().count(b"\n") >= before + 2:
                process.send_signal(kind)
                stopped = True
                break
            time.sleep(0.005)
        process.communicate(timeout=60)
        stops += stopped
    assert stops, "every run ended before it was stopped"
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "known from an earlier run" in done.stdout
    rows = list(csv.DictReader(StringIO((course / "results.csv").read_text())))
    assert len(rows) == 12
    assert {r["score"] for r in rows if r["submission"].startswith("s")} == {"1.0000", "0.5000"}
    assert journal.read_bytes().count(b'"mark"') == 12


def test_gradescope(course: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    one = plan(
        str(course / "key.sg"), course / "handed in" / "ben.txt", out, points=4.0,
        as_gradescope=True,
    )  # fmt: skip
    grade(one)
    found = json.loads(out.read_text())
    assert found["score"] == 2.0
    assert found["tests"][0]["max_score"] == 4.0
    assert "The sign is wrong" in found["tests"][0]["output"]
    out.unlink()
    text = StringIO()
    run(planned(course, as_gradescope=True, out=out), Console(file=text, width=300))
    assert json.loads((tmp_path / "results-feedback" / "anna.json").read_text())["score"] == 10
    assert not out.exists()
    assert f"written: {tmp_path / 'results-feedback'}/, with Gradescope's" in text.getvalue()


def test_the_command_says_what_came_of_it(course: Path) -> None:
    text = StringIO()
    status = run(planned(course), Console(file=text, width=200))
    assert status == 0
    assert "4 submissions: 2 " in text.getvalue()
    assert "Commonest mistakes: sign (1)." in text.getvalue()
    assert "Not read: 1 file: photo.png. What is read ends in .tex, .txt" in text.getvalue()
    (course / "handed in" / "zoe.txt").write_bytes(b"\xff")
    text = StringIO()
    (course / "handed in" / "max.txt").write_text("dL/dW2 = h (p - y)'\ndL/dh = (p - y)' W2\n")
    (course / "handed in" / "kai.txt").write_text("dL/dW2 = (p - y h'\ndL/dW1 = q\n")
    assert run(planned(course), Console(file=text, width=300)) == 1
    said = text.getvalue()
    assert "zoe: This could not be marked" in said
    assert "to be looked at: kai (lines 1 and 2)." in said
    assert "Wrong only by transposes: max. Perhaps it is in another layout" in said
    feedback = (course / "results-feedback" / "kai.txt").read_text()
    assert "∂L/∂W2  0 of 5  not readable (line 1)" in feedback


def test_submissions_are_marked_two_at_once(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each marking waits until another one has begun, so one after the other would never end."""
    met = course / "met"
    met.mkdir()

    def meeting(name: str, *_: object) -> Mark:
        (met / f"{name} {os.getpid()}").touch()
        while len(list(met.iterdir())) < 2:
            time.sleep(0.005)
        return Mark(name, "right", 1.0, [], None, [], [], "")

    monkeypatch.setattr("symgrad.grading.grade.marked", meeting)
    marks = grade(planned(course, jobs=2, seconds=10.0)).marks
    assert [mark.status for mark in marks] == ["right"] * 4
    workers = {path.name.split()[-1] for path in met.iterdir()}
    assert len(workers) == 4
    assert str(os.getpid()) not in workers
    assert planned(course, jobs=None).jobs == os.cpu_count()


def test_the_progress_bar(course: Path) -> None:
    terminal = StringIO()
    run(planned(course), Console(file=terminal, width=100, force_terminal=True))
    shown = terminal.getvalue()
    places = [shown.find(f"{k}/4") for k in range(5)]
    assert -1 not in places
    assert places == sorted(places)
    assert "grading" in shown
    assert "dora" in shown[: shown.rfind("4/4") + 60]
    piped = StringIO()
    run(planned(course), Console(file=piped, width=100))
    assert "4/4" not in piped.getvalue()


@pytest.mark.parametrize(
    "options, words",
    [
        ({"points": 0.0}, "--points 0"),
        ({"jobs": 0}, "--jobs 0"),
        ({"points": math.nan}, "--points nan"),
        ({"seconds": -1.0}, "--seconds -1"),
        ({"seconds": math.nan}, "--seconds nan"),
        ({"seconds": math.inf}, "--seconds inf"),
        ({"layout": "foo"}, "the layout 'foo'"),
        ({"wrt": ["W7"]}, "no value named W7"),
    ],
)
def test_a_senseless_command_is_refused(
    course: Path, options: dict[str, object], words: str
) -> None:
    with pytest.raises(SymgradError, match=words):
        planned(course, **options)


def test_a_key_that_does_not_say_what_is_to_be_found(course: Path) -> None:
    (course / "key.sg").write_text(KEY.replace("params W1, W2\n", ""))
    with pytest.raises(DeclarationError, match="list them in it, as in params W1, W2"):
        planned(course)
    assert planned(course, wrt=["W2"]).key.wanted == ["W2"]


@pytest.mark.parametrize(
    "out, words",
    [
        ("key.sg", "is the key"),
        ("handed in/anna.txt", "ends like a submission"),
        ("handed in", "is a folder"),
        ("nowhere/results.csv", "no folder"),
    ],
)
def test_nothing_is_written_over(course: Path, out: str, words: str) -> None:
    before = {path: path.read_bytes() for path in course.rglob("*") if path.is_file()}
    with pytest.raises(DataError, match=words):
        grade(planned(course, out=course / out))
    assert {path: path.read_bytes() for path in course.rglob("*") if path.is_file()} == before


def test_what_a_run_leaves_in_the_folder_is_no_submission(course: Path) -> None:
    folder = course / "handed in"
    (folder / "key.sg").write_text(KEY)
    for _ in range(2):
        grading = plan(str(folder / "key.sg"), folder, folder / "results.csv")
        assert len(grade(grading).marks) == 4
    assert [x.name for x in grade(grading).not_read] == ["photo.png"]


def test_folders_that_are_not_there(course: Path) -> None:
    with pytest.raises(DataError, match="no folder"):
        handed_in(course / "nowhere")
    (course / "nothing").mkdir()
    with pytest.raises(DataError, match=r"has no submissions; expected files ending in \.tex"):
        handed_in(course / "nothing")
    (course / "nothing" / "scan.pdf").write_bytes(b"no")
    with pytest.raises(DataError, match=r"has no submissions \(but 1 file: scan.pdf\)"):
        handed_in(course / "nothing")


def test_names_of_files_stay_in_the_folder_and_cells_are_no_formulas() -> None:
    path = place(Path("out"), "../../etc/passwd", ".txt")
    assert path.parent == Path("out")
    assert path.name.startswith("etc__passwd-")
    assert place(Path("out"), "s/t", ".txt") != place(Path("out"), "s__t", ".txt")
    assert place(Path("out"), "anna", ".txt") == Path("out/anna.txt")
    assert len(place(Path("out"), "x" * 300, ".txt").name) < 100
    mark = Mark("=HYPERLINK(1)", "right", 1 / 3, [], None, [], [], "")
    assert "'=HYPERLINK(1)" in table([mark], 1.0)
    assert points(mark.score, 10.0) == "3.33"
    assert Submission("a", Path("a")).name == "a"
