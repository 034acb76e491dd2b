"""How long it takes to grade a course: two lines of work from each of 300 students.

    python benchmarks/grading.py [--students 300] [--jobs 2]

Every student derives the two gradients of a two-layer classifier, as text or in LaTeX, right or
with one of the mistakes below, so no two of the usual kinds are missing. The time is that of
`symgrad grade` from the key on, imports left out: one process a submission, feedback and table
written. The marks are compared with what is known of each mistake.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections import Counter
from pathlib import Path

from symgrad.grading.command import plan
from symgrad.grading.grade import grade

KEY = """x: vector(D);  y: simplex(C)
W1: matrix(H, D);  b1: vector(H)
W2: matrix(C, H);  b2: vector(C)
z1 = W1 x + b1
h = tanh(z1)
z2 = W2 h + b2
p = softmax(z2)
L = -sum(y * log(p))
params W1, W2
"""

FIRST: list[tuple[str, str | None]] = [
    ("dL/dW2 = (p - y) h'", None),
    (r"\[ \frac{\partial L}{\partial W_2} = (p - y)\, h^\top \]", None),
    ("dL/dW2[k, j] = (p[k] - y[k]) h[j]", None),
    ("dL/dW2 = (y - p) h'", "sign"),
    ("dL/dW2 = 2 (p - y) h'", "factor"),
    ("dL/dW2 = (p - y) z1'", "wrong_value"),
    ("dL/dW2 = p h'", "missing_term"),
]
SECOND: list[tuple[str, str | None]] = [
    ("dL/dW1 = (W2' (p - y) ⊙ (1 - h ⊙ h)) x'", None),
    (r"\[ \frac{\partial L}{\partial W_1} = (W_2^\top (p - y) \odot (1 - h \odot h))\, x^\top \]",
     None),
    ("dL/dW1 = (W2' (p - y)) x'", "missing_derivative"),
    ("dL/dW1 = (W2' (p - y) ⊙ (1 - z1 ⊙ z1)) x'", "derivative_of_wrong_argument"),
    ("dL/dW1 = (W2' (p - y) ⊙ h ⊙ (1 - h)) x'", "wrong_derivative"),
    ("dL/dW1 = (W2 (p - y) ⊙ (1 - h ⊙ h)) x'", "transpose"),
    ("dL/dW1 = (W2' (p - y) ⊙ (1 + h ⊙ h)) x'", "sign"),
    ("dL/dW1[j, k] = (p[c] - y[c]) W2[c, j] (1 - h[j]^2) x[k]", "index"),
]  # fmt: skip


def main() -> None:
    """Grade, and say how long it took and whether every mark is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "key.sg").write_text(KEY, encoding="utf-8")
        (folder / "submissions").mkdir()
        due: dict[str, list[str]] = {}
        for k in range(given.students):
            lines = [FIRST[k % len(FIRST)], SECOND[k // len(FIRST) % len(SECOND)]]
            latex = all(line.startswith("\\") for line, _ in lines)
            if not latex:  # one language a file
                lines = [
                    pair if not pair[0].startswith("\\") else table[0]
                    for pair, table in zip(lines, (FIRST, SECOND), strict=True)
                ]
            student = f"s{k:04}"
            text = "\n".join(line for line, _ in lines) + "\n"
            path = folder / "submissions" / f"{student}{'.tex' if latex else '.txt'}"
            path.write_text(text, encoding="utf-8")
            due[student] = [mistake for _, mistake in lines if mistake]
        planned = plan(
            str(folder / "key.sg"), folder / "submissions", folder / "results.csv", jobs=given.jobs
        )
        start, cpu = time.perf_counter(), os.times()
        found = grade(planned)
        wall, end = time.perf_counter() - start, os.times()
    seconds = (end.user - cpu.user) + (end.children_user - cpu.children_user)
    wrong = {m.name: m.mistakes for m in found.marks if sorted(m.mistakes) != sorted(due[m.name])}
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(
        f"{len(found.marks)} submissions of two lines, {given.jobs} at once: {wall:.1f} s, "
        f"{seconds:.1f} s of processor time; the slowest took "
        f"{max(m.seconds for m in found.marks):.2f} s"
    )
    print("status:", dict(Counter(m.status for m in found.marks)))
    print(f"marks as they should be: {len(found.marks) - len(wrong)} of {len(found.marks)}")
    for name, mistakes in list(wrong.items())[:10]:
        print(f"  {name}: {mistakes} for {due[name]}")


if __name__ == "__main__":
    main()
