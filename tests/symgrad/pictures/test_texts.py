"""DOT and Mermaid: the same nodes and annotations, in text that their programs take."""

from __future__ import annotations

import re
import shutil
import subprocess

import networks
import pytest
from networks import NETWORKS
from sympy import symbols

import symgrad as sg

w1, w2, x = symbols("w1 w2 x", real=True)
HOSTILE = [
    '"quoted"',
    "a\\N\\",
    "<b>&amp;</b>",
    "end",
    "x]];--> y",
    "p|q",
    "`_*md*_`",
    "#35;",
    "s\nt",
]
needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")


def first_exercise() -> sg.Trace:
    network = networks.a1()
    return sg.gradient(network.loss, network.wrt).trace({w1: 2, w2: 3})


def drawn_by_dot(text: str) -> str:
    done = subprocess.run(
        ["dot", "-Tsvg"], input=text, capture_output=True, text=True, encoding="utf-8", timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@needs_dot
def test_dot_draws_the_first_exercise() -> None:
    svg = drawn_by_dot(first_exercise().dot())
    shown = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    for text in ("a = w1³", "8", "24", "36 + 3 = 39", "∂a/∂w1 = 12", "36"):
        assert text in [x.replace("&#45;", "-") for x in shown]
    assert svg.count('class="edge"') == 6


@needs_dot
@pytest.mark.parametrize("name", ["classifier", "attention", "residual"])
def test_dot_draws_networks(name: str) -> None:
    network = NETWORKS[name]()
    picture = sg.gradient(network.loss, network.wrt).picture()
    assert drawn_by_dot(picture.dot()).count('class="node"') == len(picture.scene.cards)


@needs_dot
@pytest.mark.parametrize("name", HOSTILE)
def test_dot_takes_any_name(name: str) -> None:
    loss = sg.let("L", sg.let(name, x**2) * x)
    svg = drawn_by_dot(sg.draw(loss).dot())
    assert svg.count('class="node"') == 3


LINES = (
    r"flowchart (LR|TB)",
    r"  accTitle: [\w ]+",
    r'  v\d+(\["[^"]*"\]|\("[^"]*"\)):::(input|data|operation|value|loss)',
    r'  v\d+ -->(\|"[^"]*"\|)? v\d+',
    r"  classDef \w+ [\w#:,. -]+",
)


@pytest.mark.parametrize("name", ["", *HOSTILE])
def test_mermaid_is_a_flowchart(name: str) -> None:
    """Each line is one that Mermaid's grammar has; all signs of its own in texts are escaped."""
    loss = sg.let("L", sg.let(name or "y", x**2) * x)
    for picture in (sg.draw(loss), sg.draw(loss, {x: 2})):
        lines = picture.mermaid().splitlines()
        for line in lines:
            assert any(re.fullmatch(pattern, line) for pattern in LINES), line
        labels = re.findall(r'"([^"]*)"', "\n".join(lines))
        for label in labels:
            assert not set(re.sub(r"#\d+;|<br/>", "", label)) & set("\"'#&<>\\`*_~;|{}[]")
        assert sum(":::" in line for line in lines) == 3
        assert sum("-->" in line for line in lines) == 3


def test_mermaid_says_what_the_numbers_are() -> None:
    text = first_exercise().mermaid()
    assert 'v2["value 8<br/>a = w1³<br/>adjoint 3"]:::value' in text
    assert 'v0 -->|"∂a#47;∂w1 = 12<br/>message 36"| v2' in text
    assert "style=" not in text  # Mermaid takes a ";" after it for its own


def test_directions() -> None:
    loss = sg.let("L", x**2)
    assert "rankdir=TB" in sg.draw(loss, direction="down").dot()
    assert sg.draw(loss, direction="down").mermaid().startswith("flowchart TB")
