"""What was measured, for a terminal of 80 columns, as JSON, and as a picture."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from measuring import Result, Run
from workloads import Workload

OURS, OURS_NUMPY, THEIRS_NUMPY = "symgrad Numba", "symgrad NumPy", "NumPy by hand"
PACKAGES = ("symgrad", "numpy", "scipy", "numba", "jax", "torch", "pytensor", "scikit-learn")
LEVEL = 1.03
"""Medians closer than this are called level."""


def versions() -> dict[str, str]:
    """Of Python, the packages compared and the C compiler; "missing" where there is none."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "missing"
    try:
        answer = subprocess.run(["cc", "--version"], capture_output=True, text=True, check=True)
        found["cc"] = answer.stdout.splitlines()[0]
    except FileNotFoundError:
        found["cc"] = "missing"
    return found


def machine() -> dict[str, Any]:
    """The processor, its cores, the system."""
    model = platform.processor()
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        lines = listing.read_text().splitlines()
        named = [x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")]
        model = named[0] if named else model
    return {"processor": model, "cores": os.cpu_count(), "system": platform.platform()}


def load() -> list[float]:
    """The load averages of `uptime`, where the system has them."""
    return list(os.getloadavg()) if hasattr(os, "getloadavg") else []


def short(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(workload: Workload, results: Iterable[Result]) -> str:
    """One workload, the quickest first; no line is longer than 80 columns."""
    mine = sorted((r for r in results if r.workload == workload.name), key=lambda r: r.median)
    medians = {r.contestant: r.median for r in mine}
    head = ("", "µs a step", "middle half", "÷ symgrad", "first, s", "error")
    lines = [f"{workload.name}: {workload.title}", _row(head)]
    for r in mine:
        low, high = r.spread
        ratio = short(r.median / medians[OURS]) if OURS in medians else "–"
        cells = (short(r.median), f"{short(low)}–{short(high)}", ratio)
        lines.append(_row((r.contestant, *cells, f"{r.first:.2f}", f"{r.error:.0e}")))
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    name, median, middle, ratio, first, error = cells
    return f"  {name:<17} {median:>9} {middle:>15} {ratio:>9} {first:>8} {error:>7}"


def slower(results: Sequence[Result], ours: str, others: Iterable[str]) -> list[str]:
    """A line for each workload and contestant of `others` that `ours` is slower than."""
    median = {(r.workload, r.contestant): r.median for r in results}
    lines = []
    for name in dict.fromkeys(r.workload for r in results):
        for other in others:
            pair = median.get((name, ours)), median.get((name, other))
            if pair[0] and pair[1] and pair[0] > LEVEL * pair[1]:
                lines.append(f"  {name:<12} {pair[0] / pair[1]:>5.2f} × the time of {other}")
    return lines


def summary(results: Sequence[Result]) -> str:
    """Geometric means beside symgrad's, and where it is not the quickest."""
    median = {(r.workload, r.contestant): r.median for r in results}
    others = [x for x in dict.fromkeys(r.contestant for r in results) if x != OURS]
    lines = [f"Geometric mean of time ÷ {OURS}'s"]
    for other in others:
        shared = [w for w, c in median if c == other and (w, OURS) in median]
        if shared:
            mean = statistics.geometric_mean([median[w, other] / median[w, OURS] for w in shared])
            lines.append(f"  {other:<17} {short(mean):>6}   over {len(shared)} workloads")
    rivals = [x for x in others if x != OURS_NUMPY]
    for ours, against in ((OURS, rivals), (OURS_NUMPY, [THEIRS_NUMPY])):
        found = slower(results, ours, against)
        lines += [f"Where {ours} is slower, by more than {LEVEL - 1:.0%}", *found] if found else []
    return "\n".join(lines)


def write_json(path: Path, run: Run, facts: dict[str, Any]) -> None:
    """Everything, with each round's time."""
    rows = []
    for r in run.results:
        low, high = r.spread
        rows.append({**vars(r), "median": r.median, "low": low, "high": high})
    keys = ("workload", "contestant", "reason")
    left_out = [dict(zip(keys, x, strict=True)) for x in run.left_out]
    content = {**facts, "results": rows, "left out": left_out}
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def draw(path: Path, workloads: Sequence[Workload], results: Sequence[Result], dtype: str) -> None:
    """A panel a workload, a point a contestant with its middle half. Needs matplotlib."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    shown = [w for w in workloads if any(r.workload == w.name for r in results)]
    order = list(dict.fromkeys(r.contestant for r in results))[::-1]
    rows = max(1, -(-len(shown) // 2))
    figure = Figure(figsize=(11, 0.7 + rows * (0.75 + 0.22 * len(order))), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"Microseconds for a minibatch step, {dtype} (less is better)")
    panels = figure.subplots(rows, 2, squeeze=False).ravel()
    for panel, w in zip(panels, shown, strict=False):
        for r in results:
            if r.workload == w.name:
                low, high = r.spread
                color = "C3" if r.contestant.startswith("symgrad") else "0.35"
                height = order.index(r.contestant)
                panel.plot([low, high], [height, height], color=color, linewidth=5, alpha=0.4)
                panel.plot([r.median], [height], "o", color=color)
                panel.annotate(
                    short(r.median), (r.median, height), (6, 3), textcoords="offset points",
                    fontsize=8, color=color,
                )  # fmt: skip
        panel.set_xscale("log")
        panel.margins(x=0.15)
        panel.set_yticks(range(len(order)), order, fontsize=8)
        panel.set_ylim(-0.6, len(order) - 0.2)
        panel.set_title(w.title, fontsize=9, loc="left")
        low, high = panel.get_xlim()
        subs = (1.0,) if high / low > 30 else (1.0, 2.0, 5.0) if high / low > 4 else range(1, 10)
        panel.xaxis.set_major_locator(LogLocator(subs=subs, numticks=12))
        panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,g}"))
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.grid(axis="x", alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    for panel in panels[len(shown) :]:
        panel.remove()
    figure.savefig(path, dpi=130)
