"""`sg.verify`: verdicts on claims in every form, for the lectures' systems A to D."""

from __future__ import annotations

import json
from typing import Any

import lecture_networks
import numpy as np
import pytest
import sympy as sp
from sympy import MatrixSymbol, symbols
from two_layer_text import TWO_LAYERS

import symgrad as sg
from symgrad.errors import (
    DataError,
    DeclarationError,
    DerivativeError,
    ParseError,
    ShapeError,
    UnsupportedError,
)
from symgrad.verification.mistakes import MISTAKES

M = sg.parse(TWO_LAYERS)


# -------------------------------------------------------------------------------------- systems


@pytest.mark.parametrize("name", list(lecture_networks.SYSTEMS))
def test_every_line_of_a_lecture_is_right(name: str) -> None:
    system = lecture_networks.SYSTEMS[name]()
    steps = sg.verify_steps(list(system.lines), system.loss, list(system.wrt))
    assert [(x.text, x.status) for x in steps if x.status not in ("right", "named")] == []
    assert steps
    assert steps.score == 1
    assert steps.missing == ()


NOTATIONS = ("delta", "bar", "partial", "nabla")


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("form", ["matrix", "index"])
def test_what_a_derivation_prints_is_right_in_every_notation(form: str, notation: str) -> None:
    d = sg.gradient(M.loss, [M.W1, M.b1, M.W2, M.b2])
    lines = [s.text for s in d.lines(form, notation)]
    steps = sg.verify_steps(lines, M)
    assert [(x.text, x.status) for x in steps if x.status not in ("right", "named")] == []


A_TO_C = [
    ("t: scalar\nL = σ(t)", "t", "σ(t) (1 - σ(t))"),
    ("t: scalar\nL = tanh(t)", "t", "1 - tanh²(t)"),
    ("t: scalar\nL = tanh(t)", "t", "4/(e^t + e^(-t))^2"),
    ("t: scalar\nL = softplus(t)", "t", "1/(1 + e^(-t))"),
    ("t: scalar\nL = relu(t)", "t", "1[t > 0]"),
    ("t: scalar\nL = leaky_relu(t)", "t", "where(t > 0, 1, 0.01)"),
    ("t: scalar\nL = t σ(t)", "t", "σ(t) + t σ'(t)"),
    ("f, y: vector(K)\nL = squared_error(f, y)", "f", "f - y"),
    ("f, y: vector(K)\nL = mean_squared_error(f, y)", "f", "(2/K) (f - y)" ),
    ("f: vector(K); y: simplex(K)\np = softmax(f)\nL = -Σ y * log(p)", "f", "p - y"),
    ("t, y: scalar\np = σ(t)\nL = binary_cross_entropy(p, y)", "t", "p - y"),
    ("t, y: scalar\nL = log(1 + e^(-y t))", "t", "-y σ(-y t)"),
    ("A: matrix(n, n); x: vector(n)\nL = x' A x", "x", "(A + A') x"),
    ("A: matrix(n, n); x: vector(n)\nL = x' A x", "A", "x x'"),
    ("A: matrix(n, m); x: vector(m); b: vector(n)\nL = ||A x - b||^2", "x", "2 A' (A x - b)"),
    ("X: matrix(n, n)\nL = tr(X' X)", "X", "2 X"),
    ("X: matrix(n, n), positive definite\nL = logdet(X)", "X", "X^-1"),
    ("z: vector(n)\nL = logsumexp(z)", "z", "softmax(z)"),
    ("x: vector(n)\nL = ||x||", "x", "x / ||x||"),
    ("X: matrix(N, D); w: vector(D); y: vector(N)\nr = X w - y\nL = (1/N) r' r", "w", "(2/N) X' r"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "wrt", "claim"), A_TO_C)
def test_right_claims_of_lectures_a_to_c(model: str, wrt: str, claim: str) -> None:
    m = sg.parse(model)
    verdict = sg.verify(claim, m, wrt)
    assert verdict.status == "right", str(verdict)
    assert verdict.mistake is None
    assert verdict.witness is None
    assert verdict.method
    wrong = sg.verify(f"({claim}) * 2", m, wrt)
    assert (wrong.status, wrong.mistake) == ("wrong", "factor"), str(wrong)
    assert wrong.witness is not None


# ---------------------------------------------------------------------------------------- forms


def test_text_sympy_latex_dict_list_and_function() -> None:
    right: list[tuple[Any, Any]] = [
        ("(p - y) h'", M.W2),
        ("(p - y) h'", "W2"),
        ("dL/dW2 = (p - y) h'", None),
        ("G = (p - y) h'", "W2"),
        (r"\frac{\partial L}{\partial W_2} = (p - y) h^\top", None),
        ((M.p - M.y) * M.h.T, M.W2),
        ({M.W2: "(p - y) h'", "b2": M.p - M.y}, None),
        (["(p - y) h'", "p - y"], [M.W2, M.b2]),
        (["dL/dW2 = (p - y) h'", "dL/db2 = p - y"], None),
        (lambda p, y, h: np.outer(p - y, h), M.W2),
    ]
    for claim, wrt in right:
        verdict = sg.verify(claim, M, wrt)
        assert verdict, str(verdict)
        assert verdict == sg.verify(claim, M, wrt) or verdict.parts


def test_several_claims_have_the_verdict_of_the_worst() -> None:
    verdict = sg.verify({M.W2: "(p - y) h'", M.b2: "y - p"}, M)
    assert [v.status for v in verdict.parts] == ["right", "wrong"]
    assert verdict.status == "wrong"
    assert verdict.mistake == "sign"
    assert str(verdict).startswith("Right: ∂L/∂W2 = (p - y) h'")
    assert "\nWrong: ∂L/∂b2 = y-p" in str(verdict).replace("y - p", "y-p")


def test_a_text_of_several_lines_is_about_its_last_one() -> None:
    assert sg.verify("δ1 = W2ᵀ δ2 ⊙ tanh'(z1); ∂L/∂W1 = δ1 xᵀ", M)
    wrong = sg.verify("δ1 = W2ᵀ δ2\n∂L/∂W1 = δ1 xᵀ", M)
    assert wrong.status == "wrong"
    assert wrong.mistake == "missing_derivative"
    assert "the mistake is in line 1, δ1 = W2ᵀ δ2" in wrong.diagnosis
    assert "tanh" in wrong.diagnosis
    about = sg.verify("dL/db2 = p - y\ndL/db1 = W2' (p - y) ⊙ (1 - h²)", M, "b2")
    assert about
    assert about.left == "dL/db2"


def test_a_python_model_and_symbols_of_ones_own() -> None:
    D, C = symbols("D C", integer=True, positive=True)
    x, W = MatrixSymbol("x", D, 1), MatrixSymbol("W", C, D)
    y = sg.simplex("y", C)
    p = sg.let("p", sg.softmax(W * x))
    loss = sg.cross_entropy(p, y)
    assert sg.verify((p - y) * x.T, loss, W)
    assert sg.verify((p - MatrixSymbol("y", C, 1)) * x.T, loss, W)
    assert not sg.verify((y - p) * x.T, loss, W)


def test_facts_are_used_only_where_declared() -> None:
    free = sg.parse(TWO_LAYERS.replace("simplex(C)", "vector(C)"))
    verdict = sg.verify("dL/dz2 = p - y", free)
    assert (verdict.status, verdict.mistake) == ("wrong", "missing_fact")
    assert sg.verify("dL/dz2 = sum(y) p - y", free)
    assert sg.verify("dL/dz2 = sum(y) p - y", M)


def test_kinks_and_domains_are_named() -> None:
    m = sg.parse("t: scalar\nL = relu(t)")
    verdict = sg.verify("dL/dt = 1[t >= 0]", m)
    assert verdict
    assert "t = 0" in verdict.domain
    assert verdict.domain in str(verdict)


# --------------------------------------------------------------------------------------- layout


def test_numerator_layout() -> None:
    claim = "dL/dW2 = h (p - y)'"
    verdict = sg.verify(claim, M)
    assert (verdict.status, verdict.mistake) == ("wrong", "transpose")
    assert "right in numerator layout" in verdict.diagnosis
    assert "an H×C matrix" in verdict.diagnosis
    assert sg.verify(claim, M, layout="numerator")
    other = sg.verify("dL/dW2 = (p - y) h'", M, layout="numerator")
    assert (other.status, other.mistake) == ("wrong", "transpose")
    assert "in denominator layout" in other.diagnosis
    assert sg.formula(other.expected) == "h·(p − y)ᵀ"
    assert sg.verify("dL/dW2 = (p - y) h'", M, layout="denominator")


def test_rows_and_columns() -> None:
    verdict = sg.verify("dL/db2 = (p - y)'", M)
    assert (verdict.status, verdict.mistake) == ("wrong", "transpose")
    assert sg.verify("dL/db2 = (p - y)'", M, layout="numerator")
    row = sg.parse("x: row(D); W: matrix(D, C); y: row(C)\nL = squared_error(x W, y)")
    assert sg.verify("dL/dx = (x W - y) W'", row)
    assert not sg.verify("dL/dx = W (x W - y)'", row)


# ---------------------------------------------------------------------------------------- wrong

WRONG = [
    ("dL/dW2 = (y - p) h'", "sign", "sign"),
    ("dL/dW2 = 2 (p - y) h'", "factor", "2"),
    ("dL/dW1 = (W2' (p - y)) x'", "missing_derivative", "tanh"),
    ("dL/dW1 = (W2' (p - y) ⊙ (1 - z1²)) x'", "derivative_of_wrong_argument", ""),
    ("dL/dW2 = (p - y) h", "transpose", "do not fit"),
    ("h = σ(z1)", "wrong_function", "tanh"),
]


@pytest.mark.parametrize(("claim", "mistake", "words"), WRONG)
def test_wrong_claims_have_a_mistake_an_example_and_a_correction(
    claim: str, mistake: str, words: str
) -> None:
    verdict = sg.verify(claim, M)
    assert verdict.status == "wrong"
    assert verdict.mistake in MISTAKES
    if mistake != "derivative_of_wrong_argument":
        assert verdict.mistake == mistake, str(verdict)
    assert words in verdict.diagnosis
    assert verdict.corrected is not None
    assert sg.verify(f"{verdict.left} = {verdict.corrected}", M), verdict.corrected
    assert f"Right is {verdict.left} = {verdict.corrected}" in str(verdict)


@pytest.mark.parametrize(
    "claim",
    [
        "dL/db1 = h",
        "dL/dW1 = (p - y) x'",
        "dL/db2 = 0 p",
        "dL/dW1 = W1",
        "L = 0",
        "dL/db2 = sum(p)",
    ],
)
def test_no_wrong_claim_is_right(claim: str) -> None:
    verdict = sg.verify(claim, M)
    assert verdict.status == "wrong"
    assert verdict.mistake in MISTAKES
    assert verdict.diagnosis
    if verdict.witness is not None:
        assert str(verdict.witness) in str(verdict)


@pytest.mark.parametrize("claim", ["dL/db2 = 0", "dL/db2 = p - y = 0", r"\nabla_{b_2} L = 0"])
def test_a_gradient_that_is_set_to_zero_is_no_claim(claim: str) -> None:
    verdict = sg.verify(claim, M)
    assert verdict.status == "undecided"
    assert "If you set it to zero to look for a minimum, say first what it is" in str(verdict)


def test_a_claim_of_another_shape() -> None:
    verdict = sg.verify("dL/dW1 = (p - y) x'", M)
    assert "∂L/∂W1 is an H×D matrix, as W1 is; the claim is a C×D matrix." in verdict.diagnosis
    verdict = sg.verify("dL/db2 = sum(p)", M)
    assert "a column of C entries, as b2 is; the claim is a number" in verdict.diagnosis


def test_an_index_too_many() -> None:
    verdict = sg.verify("dL/dW1[j, k] = (p[c] - y[c]) W2[c, j] (1 - h[j]²) x[k]", M)
    assert verdict.mistake == "index"
    assert verdict.diagnosis.startswith("c is an index on the right side only")
    assert verdict.corrected is not None
    assert sg.verify(f"dL/dW1[j, k] = {verdict.corrected}", M)


def test_the_correction_of_latex_has_a_left_side_to_read() -> None:
    verdict = sg.verify(r"\frac{\partial L}{\partial b_2} = y - p", M)
    assert "Right is ∂L/∂b2 = p − y" in str(verdict)
    assert verdict.name == "∂L/∂b2"


# ------------------------------------------------------------------------------------ functions


def outer(W1: Any, b1: Any, W2: Any, b2: Any, x: Any, y: Any) -> Any:
    h = np.tanh(W1 @ x + b1)
    z = W2 @ h + b2
    e = np.exp(z - z.max())
    return np.outer(e / e.sum() - y, h)


def test_functions_are_compared_in_floating_point() -> None:
    verdict = sg.verify(outer, M, M.W2)
    assert verdict
    assert verdict.method == "floating point"
    assert "proves nothing" in verdict.reason
    wrong = sg.verify(lambda p, y, h: np.outer(y - p, h), M, M.W2)
    assert (wrong.status, wrong.method) == ("wrong", "floating point")
    assert wrong.witness is not None
    shape = sg.verify(lambda p, y, h: np.outer(h, p - y), M, M.W2)
    assert (shape.status, shape.mistake) == ("wrong", "shape")
    assert not sg.verify(lambda p, y, h: np.outer(p - y, h) + 1e-4, M, M.W2)
    assert sg.verify(lambda p, y, h: np.outer(p - y, h) + 1e-9, M, M.W2)


def test_a_function_gets_scalars_as_numbers_and_labels_as_integers() -> None:
    m = sg.parse("z: vector(C); c: label(C); t: scalar\nL = t (logsumexp(z) - z[c])")

    def gradient(z: Any, c: Any, t: Any) -> Any:
        assert isinstance(t, float)
        assert isinstance(c, int)
        e = np.exp(z - z.max())
        return t * (e / e.sum() - np.eye(len(z))[c])

    assert sg.verify(gradient, m, "z")


def test_functions_that_cannot_be_called() -> None:
    with pytest.raises(DeclarationError, match="parameter q, which the loss does not have"):
        sg.verify(lambda q: q, M, M.W2)
    with pytest.raises(DeclarationError, match="expected parameters with the names"):
        sg.verify(lambda *p: p, M, M.W2)
    with pytest.raises(DataError, match="failed with IndexError"):
        sg.verify(lambda p: p[99], M, M.W2)
    assert sg.verify(lambda p, y, h, eps=0.0: np.outer(p - y, h) + eps, M, M.W2)


def _leaves(p: Any) -> Any:
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (_leaves, "_leaves failed with SystemExit: 3"),
        (lambda p, y: 1j * (p - y), "returns complex numbers"),
        (lambda p: None, "returns None"),
        (lambda p: "p", "returns a str"),
        (lambda p: [[1.0], [1.0, 2.0]], "returns a list"),
    ],
)
def test_functions_that_return_no_real_array(function: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        sg.verify(function, M, M.b2)


def test_functions_that_return_numbers_of_other_kinds() -> None:
    assert sg.verify(lambda p, y: (p - y) + 0j, M, M.b2)
    assert sg.verify(lambda p, y: list(p - y), M, M.b2)


# ---------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("claim", "wrt", "error", "words"),
    [
        ("p - y", None, ParseError, "begin it with, for example"),
        ((M.p - M.y), None, DeclarationError, "it was not said what the claim is"),
        ("dL/dW2 = (p - q) h'", None, ParseError, "q is not declared"),
        ("dL/dW2 = (p - y h'", None, ParseError, "never closed"),
        ("dL/dW2 = (p - y) h'", "b2", ParseError, "no line says what ∂L/∂b2 is"),
        ("", None, ParseError, "no formula"),
        ("x" * 100_001, None, ParseError, "has 100001 characters; 100000 are read"),
        ("a = p", None, ParseError, "no line says what a gradient is"),
        ("(p - y) h'", "q", DerivativeError, "no value named q"),
        ({}, None, UnsupportedError, "the empty dict"),
        (["p"], ["b1", "b2"], UnsupportedError, "1 claims were given and 2 symbols"),
        (None, "W2", UnsupportedError, "NoneType"),
        (sp.MatrixSymbol("q", 2, 2), "W2", DeclarationError, "contains q"),
    ],
)
def test_errors_are_sentences(claim: Any, wrt: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        sg.verify(claim, M, wrt)


def test_options_are_checked() -> None:
    with pytest.raises(UnsupportedError, match="the layout 'x' was asked for"):
        sg.verify("dL/db2 = p - y", M, layout="x")
    with pytest.raises(UnsupportedError, match="the language 'x' was asked for"):
        sg.verify("dL/db2 = p - y", M, language="x")
    with pytest.raises(ShapeError, match="expected a scalar"):
        sg.verify("p - y", M.p, M.b2)


def test_a_verdict_is_json() -> None:
    for claim in ("dL/db2 = p - y", "dL/db2 = y - p", "dL/dW2 = (p - y) h"):
        fields = json.loads(json.dumps(sg.verify(claim, M).as_dict()))
        assert fields["status"] in ("right", "wrong")
        assert fields["claim"] == claim
    fields = sg.verify("dL/db2 = y - p", M).as_dict()
    assert fields["mistake"] == "sign"
    assert fields["expected"] == "p − y"
    assert fields["example"].startswith("at C = ")


def test_a_seed_makes_it_reproducible() -> None:
    claim = "dL/dW1 = (W2' (p - y)) x'"
    assert str(sg.verify(claim, M, seed=3)) == str(sg.verify(claim, M, seed=3))


# -------------------------------------------------------------------------------- empirical risk

RISK = sg.parse("""
x: vector(D); t: vector(C); W: matrix(C, D); b: vector(C)
f = W x + b
one = squared_error(f, t)
L = mean one over x, t
params W, b
data x, t
""")


@pytest.mark.parametrize(
    "claim",
    [
        "dL/dW = (1/N) (F - T)' X",
        "dL/dW = (f - t)' x / N",
        "dL/dW[c, j] = 1/N Σ_n (F[n, c] - T[n, c]) X[n, j]",
        "dL/db[c] = 1/N Σ_n (f[n, c] - t[n, c])",
        "dL/dF = (F - T)/N",
        r"\frac{\partial L}{\partial W} = \frac{1}{N} (F - T)^\top X",
    ],
)
def test_values_of_all_examples_have_the_names_of_one_or_capitals(claim: str) -> None:
    verdict = sg.verify(claim, RISK)
    assert verdict, str(verdict)


def test_a_number_over_the_number_of_examples_is_a_factor() -> None:
    m = sg.parse("""X: matrix(N, D); y: vector(N); w: vector(D); b: scalar
r = X w + b - y
L = 1/N sum(r^2)
""")
    assert sg.verify("dL/dw = 2/N X' r", m)
    assert sg.verify("dL/db = 2/N sum(r)", m)
    assert not sg.verify("dL/db = 2/(N sum(r))", m)


def test_a_sum_for_the_mean() -> None:
    verdict = sg.verify("dL/dW = (F - T)' X", RISK)
    assert (verdict.status, verdict.mistake) == ("wrong", "sum_for_mean")
    assert "N" in verdict.diagnosis


# ------------------------------------------------------------------------------------- sentences


def test_a_guess_is_left_out_where_the_cause_is_known() -> None:
    verdict = sg.verify("dL/dW2 = (p - y) h", M)
    assert "did you mean" not in verdict.diagnosis
    assert "hᵀ is due" in verdict.diagnosis


def test_an_index_of_another_range() -> None:
    verdict = sg.verify("dL/dW2[c, j] = (p[c] - y[c]) h[c]", M)
    assert verdict.status == "wrong"
    assert verdict.mistake == "index"
    assert verdict.diagnosis.startswith("The range of c in h")


def test_products_with_hadamard_from_left_to_right_are_remarked_on() -> None:
    verdict = sg.verify("dL/dW1 = W2' (p - y) ⊙ (1 - h ⊙ h) x'", M)
    assert verdict
    assert "read as the shapes want them" in verdict.reason


EQUATIONS = [
    ("dL/db2 = y - p = p - y", "wrong", "dL/db2 = y - p"),
    ("dL/db2 = p - y = y - p", "wrong", "dL/db2 = y - p"),
    ("dL/db2 = 2 (p - y) = p - y = y - p", "wrong", "dL/db2 = 2 (p - y)"),
    ("dL/db2 = y - p\n= p - y", "wrong", "dL/db2 = y - p"),
    ("δ2 = ∂L/∂z2 = p - y", "right", "δ2 = p - y"),
    ("dL/db2 = dL/dz2 = p - y", "right", "dL/db2 = p - y"),
    ("dL/dz2 = dL/db2", "right", "dL/dz2 = dL/db2"),
    ("dL/dz2 = dL/db2; dL/db2 = dL/dz2", "undecided", "dL/db2 = dL/dz2"),
    ("dL/dz1 = dL/db1; dL/db1 = dL/dz1; dL/dW1 = dL/db1 x'", "undecided", "dL/dW1 = dL/db1 x'"),
    ("δ1 = W2ᵀ δ2 xᵀ; ∂L/∂b1 = δ1", "wrong", "∂L/∂b1 = δ1"),
]


@pytest.mark.parametrize(("claim", "status", "equation"), EQUATIONS)
def test_every_side_of_an_equation_is_judged(claim: str, status: str, equation: str) -> None:
    verdict = sg.verify(claim, M)
    assert (verdict.status, verdict.equation) == (status, equation)
    assert bool(verdict.diagnosis) == (status == "wrong")
    assert ("go in a circle" in verdict.reason) == (status == "undecided")


def test_a_name_of_ones_own_has_sides_too() -> None:
    assert sg.verify("G = (p - y) h' = δ2 h'", M, "W2")
    wrong = sg.verify("G = (y - p) h' = (p - y) h'", M, "W2")
    assert (wrong.status, wrong.claim) == ("wrong", "(y - p) h'")


@pytest.mark.parametrize("claim", ["x = 2 x", "x = 2 x; dL/dW2 = (p - y) h'", "D = 3", "W_1 = W1"])
def test_what_the_model_gives_has_no_other_value(claim: str) -> None:
    with pytest.raises(ParseError, match="given by the model and keeps its value"):
        sg.verify(claim, M)


def test_a_value_is_not_corrected_by_its_own_name() -> None:
    assert "Right is, for instance, z1 = W1·x + b1" in str(sg.verify("z1 = 2", M))


@pytest.mark.parametrize(
    "claim",
    [
        "dL/dW1 = dL/dW1",
        "dL/dW1 = ∂L/∂W1 + 0",
        "dL/dW1 = 1 * dW1",
        "δ1 = δ1",
        "h = h",
        "dL/dW2 = 2 dL/dW2 - dW2",
    ],
)
def test_a_circular_claim_says_nothing(claim: str) -> None:
    text = """x: vector(D)
t: vector(C)
W1: matrix(H, D)
W2: matrix(C, H)
z1 = W1 x
h = tanh(z1)
L = 1/2 ‖W2 h - t‖^2
"""
    verdict = sg.verify(claim, sg.parse(text))
    assert verdict.status == "undecided"
    assert "itself, so nothing is said of it" in verdict.reason
    right = "g = (W2 h - t) h'\ndL/dW2 = g"
    assert sg.verify(right, sg.parse(text))


def test_a_small_gradient_is_no_rounding_error() -> None:
    model = sg.parse("x: scalar\nL = x^2 / 1000000000")
    assert sg.verify(lambda x: 2e-9 * x, model, "x")
    assert not sg.verify(lambda x: 0.0, model, "x")
