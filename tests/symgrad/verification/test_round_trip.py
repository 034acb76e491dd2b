"""What a derivation prints is read back, and is right: text and LaTeX, in every notation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from lecture_networks import SYSTEMS
from networks import NETWORKS

import symgrad as sg
from symgrad.show.text import formula
from symgrad.verification.judge import decide
from symgrad.verification.names import Truth
from symgrad.verification.reader import Reader
from symgrad.verification.work import LATEX, TEXT, lines

ALL = {**NETWORKS, **SYSTEMS}
STYLES: dict[str, dict[str, Any]] = {
    **{f"{form}, {x}": {"form": form, "notation": x}
       for form in ("matrix", "index") for x in ("delta", "bar", "partial", "nabla")},
    "numerator": {"layout": "numerator"},
    "numerator, index": {"form": "index", "layout": "numerator"},
}  # fmt: skip
QUICK = {  # which styles have something in them that no other row has
    "classifier, label": list(STYLES),
    "D11 ±1": ["index, delta", "numerator"],
    "shared weights": ["matrix, delta", "index, delta"],
    "attention": ["matrix, delta", "index, delta"],
}


def texts(d: sg.Derivation, style: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The lines of a derivation as text, one text, and as LaTeX."""
    shown = [x for x in d.lines(**style) if x.phase in ("forward", "backward")]
    yield "\n".join(" = ".join([*x.names, formula(x.expr)]) for x in shown), TEXT
    yield d.latex(**style), LATEX


def check(name: str, styles: list[str]) -> None:
    network = ALL[name]()
    d, truth = sg.gradient(network.loss, network.wrt), Truth(network.loss, network.wrt)
    done: set[str] = set()
    for style in styles:
        for text, language in texts(d, STYLES[style]):
            reader = Reader(truth)
            for line in lines(text, language, truth.names):
                claims = reader.claims(line)
                if line.text in done:
                    continue
                done.add(line.text)
                assert claims, line.text
                assert decide(claims[-1]).status == "right", line.text
                assert all(decide(x).status != "wrong" for x in claims[:-1]), line.text
    assert len(done) > 5


@pytest.mark.parametrize("name", QUICK)
def test_what_is_printed_is_read_back_and_right(name: str) -> None:
    check(name, QUICK[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_what_is_printed_is_read_back_and_right_in_every_style(name: str) -> None:
    check(name, list(STYLES))
