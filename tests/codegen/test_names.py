"""Names: whatever a user writes becomes one unique Python identifier."""

from __future__ import annotations

import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgrad.codegen.names import Names, identifier


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("h", "h"),
        ("W1", "W1"),
        ("δ2", "delta2"),
        ("Δ", "Delta"),
        ("λ", "lambda_"),
        ("lambda", "lambda_"),
        ("match", "match_"),
        ("∂L/∂W2", "dL_dW2"),
        ("∂L/∂δ", "dL_ddelta"),
        ("x_{1}", "x_1"),
        ("W₁", "W1"),
        ("z′", "z_prime"),
        ("x̂", "x_hat"),
        ("μ̄", "mu_bar"),
        ("σ", "sigma"),
        ("2x", "v2x"),
        ("l", "l_"),
        ("I", "I_"),
        ("a b", "a_b"),
        ("漢", "value"),
        ("z'", "z_prime"),
        ("__import__(os)", "import_os"),
    ],
)
def test_identifier(written: str, spelled: str) -> None:
    assert identifier(written) == spelled


@given(st.text())
def test_any_text_is_an_identifier(text: str) -> None:
    name = identifier(text)
    assert name.isidentifier() and name.isascii() and len(name) <= 26
    assert not keyword.iskeyword(name)


@given(st.lists(st.text(max_size=3), max_size=20))
def test_unique(texts: list[str]) -> None:
    names = Names({"np", "t1"})
    given_out = [names.unique(x) for x in texts] + [names.temporary() for _ in range(3)]
    assert len({*given_out, "np", "t1"}) == len(given_out) + 2
    assert all(x.isidentifier() for x in given_out)


def test_second_name_gets_a_suffix() -> None:
    names = Names({"np"})
    assert [names.unique(x) for x in ("h", "h", "h_2", "np", "h")] == [
        "h",
        "h_2",
        "h_2_2",
        "np_2",
        "h_3",
    ]
    assert Names(names.taken).unique("h") == "h_4"
