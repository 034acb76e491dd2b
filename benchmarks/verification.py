"""How well `sg.verify` tells right claims from wrong ones, names mistakes, and how long it takes.

    python benchmarks/verification.py [--quick] [--seed 0] [--misses] [--json PATH]

Every gradient of the networks of the lectures, of their activations and losses, and of some models
more, is written in many ways (`tests/support/claim_writings.py`), as text and as LaTeX, and each
mistake is made in it (`claim_mutations.py`), once and twice. The first table says which name each
mistake was given, the second has the figures, beside what they have to be. ``--misses`` shows the
claims whose mistakes were not named. Needs the development install; the full run takes some
minutes, of which the making of the corpus is one.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from claim_campaign import (
    DOUBLE,
    RIGHT,
    SINGLE,
    Amounts,
    Outcome,
    campaign,
    confusion,
    figures,
)
from claim_sources import SOURCES

FULL = Amounts(right=8, single=4, double=6, mutated=40, facts=40)
QUICK = Amounts(right=2, single=1, double=1, mutated=10, facts=6)
QUICK_SOURCES = ("D2 two layers", "D4 by matrix", "classifier, relu", "B tanh", "risk", "shared")


def confusion_table(outcomes: list[Outcome]) -> Table:
    """A row for each mistake that was made, with the names that it was given."""
    table = Table(title="Single mistakes: made → named")
    for name, justify in (("made", "left"), ("claims", "right"), ("named", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    table.add_column("called something else")
    for made, counts in confusion(outcomes).items():
        total = sum(counts.values())
        others = ", ".join(f"{x} {n}" for x, n in counts.most_common() if x != made)
        table.add_row(made, str(total), f"{counts[made] / total:.1%}", others)
    return table


def figures_table(outcomes: list[Outcome]) -> Table:
    """The figures, and what they have to be."""
    found = figures(outcomes)
    count = {kind: sum(x.kind == kind for x in outcomes) for kind in (RIGHT, SINGLE, DOUBLE)}
    other = {x: sum(y.status == x for y in outcomes) for x in ("undecided", "unreadable")}
    table = Table(title="Figures")
    table.add_column("what")
    table.add_column("found", justify="right")
    table.add_column("due", justify="right")
    table.add_row("right claims", str(count[RIGHT]), "")
    table.add_row("… of them rejected", str(len(found.rejected)), "0")
    table.add_row("wrong claims", str(count[SINGLE] + count[DOUBLE]), "")
    table.add_row("… of them accepted", str(len(found.accepted)), "0")
    for status, number in other.items():
        table.add_row(status, str(number), "")
    table.add_row("exceptions", str(len(found.exceptions)), "0")
    table.add_row("single mistakes named", f"{found.named:.1%}", "≥ 95 %")
    table.add_row("double mistakes explained", f"{found.explained:.1%}", "≥ 80 %")
    table.add_row("median time of a claim", f"{found.median:.3f} s", "≤ 0.15 s")
    table.add_row("99th percentile", f"{found.percentile:.2f} s", "≤ 2 s")
    for kind in (RIGHT, SINGLE, DOUBLE):
        times = [x.seconds for x in outcomes if x.kind == kind]
        if times:
            low, high = np.median(times), np.percentile(times, 99)
            table.add_row(f"… by the clock, {kind}", f"{low:.3f} s, {high:.2f} s", "")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="six sources only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--misses", action="store_true", help="show what was not named")
    parser.add_argument("--json", type=Path, help="write the outcomes to a file")
    args = parser.parse_args()
    console = Console()
    titles = QUICK_SOURCES if args.quick else tuple(SOURCES)
    console.print(f"Making the corpus of {len(titles)} sources …")
    made = campaign(args.seed, QUICK if args.quick else FULL, titles)
    total = len(made.right) + len(made.single) + len(made.double)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("verifying", total=total)
        outcomes = made.outcomes(lambda: progress.advance(task))
    if args.misses:
        for x in outcomes:
            if not x.sound or (x.kind != RIGHT and not x.named):
                console.print(x.line, markup=False, highlight=False)
    console.print(confusion_table(outcomes))
    console.print(figures_table(outcomes))
    if args.json:
        args.json.write_text(json.dumps([x.as_dict() for x in outcomes], ensure_ascii=False))


if __name__ == "__main__":
    main()
