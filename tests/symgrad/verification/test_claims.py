"""Claims: what is read of text, LaTeX and SymPy, and what each part of it means."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

import symgrad as sg
from symgrad.errors import DeclarationError, ParseError
from symgrad.simplify import normalise, strip_names
from symgrad.verification.claims import Claim, sympy_claim
from symgrad.verification.equality import compare
from symgrad.verification.names import Truth
from symgrad.verification.reader import Reader
from symgrad.verification.work import lines, looks_like_latex

TEXT = """
x: vector(D); y: simplex(C)
W1: matrix(H, D); b1: vector(H)
W2: matrix(C, H); b2: vector(C)
c: label(C); f: function
z1 = W1 x + b1
h = tanh(z1)
z2 = W2 h + b2
p = softmax(z2)
L = cross_entropy(p, y)
"""
M = sg.parse(TEXT)
TRUTH = Truth(M)


def claims(text: str, **options: Any) -> list[Claim]:
    reader = Reader(TRUTH)
    return [c for line in lines(text, names=TRUTH.names) for c in reader.claims(line, **options)]


def is_right(claim: Claim) -> bool:
    assert claim.node is not None, claim.error
    if claim.node.shape != claim.target.node.shape:
        return False
    return compare(claim.node, claim.target.node).equal is True


# ------------------------------------------------------------------------------------ equations


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a = b\nc = d", [["a", "b"], ["c", "d"]]),
        ("a = b; c = d", [["a", "b"], ["c", "d"]]),
        ("a = b, c = d", [["a", "b"], ["c", "d"]]),
        ("a = b\n  = c", [["a", "b", "c"]]),
        ("a = b +\nc", [["a", "b +\nc"]]),
        ("a = b\n + c", [["a", "b\n + c"]]),
        ("a = f(b,\nc)", [["a", "f(b,\nc)"]]),
        ("a = f(b, rows=true)", [["a", "f(b, rows=true)"]]),
        ("a = Σ_{j=0}^{D-1} x[j]", [["a", "Σ_{j=0}^{D-1} x[j]"]]),
        ("a = 1[j = c] b", [["a", "1[j = c] b"]]),
        ("a = 1[b <= c] d", [["a", "1[b <= c] d"]]),
        ("=> a = b", [["a", "b"]]),
        ("1. a = b\n2) c = d", [["a", "b"], ["c", "d"]]),
        ("- a = b\n- c = d", [["a", "b"], ["c", "d"]]),
        ("a = b.\n\nc = d,", [["a", "b"], ["c", "d"]]),
        ("a = b  # first = second\nc = d", [["a", "b"], ["c", "d"]]),
        ("a", [["a"]]),
        ("", []),
        (" \n ;; \n", []),
    ],
)
def test_texts_are_cut_into_equations(text: str, found: list[list[str]]) -> None:
    def sides(line: Any) -> list[str]:
        return [line.whole.text[a:b].split("#")[0].strip(" .,\n") for a, b in line.sides]

    assert [sides(line) for line in lines(text)] == found


def test_numbers_of_lines() -> None:
    found = lines("\n\nδ2 = p − y\n  = p − y\n\n# remark\ndL/db2 = δ2")
    assert [line.number for line in found] == [3, 7]
    assert [part.number for part in found[0].read({})] == [3, 3, 4]


@pytest.mark.parametrize(
    ("text", "is_latex"),
    [
        (r"\frac{\partial L}{\partial W} = x", True),
        ("$W x$", True),
        (r"W^\top x", True),
        ("W^T x", False),
        ("x^{2}", False),
        ("∂L/∂W = δ xᵀ", False),
    ],
)
def test_latex_is_recognised(text: str, is_latex: bool) -> None:
    assert looks_like_latex(text) is is_latex


# --------------------------------------------------------------------------------- what is right

RIGHT = [
    "dL/dW2 = (p - y) h'",
    "∂L/∂W2 = (p − y)·hᵀ",
    "∂L/∂W2 = δ2 hᵀ",
    "∇_{W2} L = ∇_{z2} L h'",
    "W̄2 = z̄2 hᵀ",
    "dW2 = dz2 @ h.T",
    "grad_W2 = (softmax(W2 h + b2) - y) tanh(W1 x + b1)'",
    "dL/dW2[i, j] = (p[i] - y[i]) h[j]",
    "dL/dW2_ij = (p_i - y_i) h_j",
    "dL/dW2[0, j] = (p[0] - y[0]) h[j]",
    "dL/dW2 = p h' - y h'",
    "dL/db2 = p - y",
    "dL/dW2ᵀ = h (p - y)'",
    "δ^(2) = p - y",
    "δ1 = (W2' δ2) ⊙ tanh'(z1)",
    "δ1 = (W2' δ2) ⊙ tanh′(z1)",
    "δ1 = W2' (p - y) ⊙ (1 - h²)",
    "δ1 = diag(1 - h ⊙ h) W2' (p - y)",
    "δ1[j] = Σ_k W2[k, j] (p[k] - y[k]) (1 - h[j]^2)",
    "δ1[j] = Σ_k W2[k, j] δ2[k] tanh'(z1[j])",
    "dL/dW1 = (W2' (p - y)) ⊙ (1 - h ⊙ h) x'",
    "h = tanh(W1 x + b1)",
    "L = -sum(y * log(p))",
    "-y' log(p) = L",
    "p = exp(z2) / sum(exp(z2))",
    r"\frac{\partial L}{\partial W^{(2)}} = (p - y) h^\top",
    r"\nabla_{W_1} L = \left((W_2^\top (p - y)) \odot (1 - h \odot h)\right) x^T",
    r"\delta_1 = (W^{(2)})^\top (p - y) \odot \tanh'(z_1)",
    r"\bar{b}_2 = p - y",
    r"\frac{\partial L}{\partial W_{1}} = (W^{(2)})^\top (p - y) \odot (1 - h \odot h)\, x^\top",
]


@pytest.mark.parametrize("text", RIGHT)
def test_right_claims_in_many_notations(text: str) -> None:
    (claim,) = claims(text)
    assert is_right(claim)
    assert tuple(claim.shape) == tuple(claim.target.shape)


def test_products_from_left_to_right_only_where_nothing_else_fits() -> None:
    (claim,) = claims("dL/dW1 = (W2' (p - y)) ⊙ (1 - h ⊙ h) x'")
    assert claim.regrouped
    (claim,) = claims("dL/dW1 = ((W2' (p - y)) ⊙ (1 - h ⊙ h)) x'")
    assert not claim.regrouped
    (claim,) = claims("dL/dW1 = (W2' (p - y)) ⊙ tanh'(z1) ⊙ exp(0 h) x'")
    assert claim.regrouped
    assert is_right(claim)


def test_names_of_ones_own() -> None:
    found = claims("a = 1 - h ⊙ h; e[k] = p[k] - y[k]; dL/db1 = a ⊙ (W2' e)")
    assert [c.left for c in found] == ["dL/db1"]
    assert is_right(found[0])


@pytest.mark.parametrize(
    "text",
    [
        "g_k = p_k - y_k; dL/dW2_kj = g_k h_j",
        "g_k = p_k - y_k; dL/db1 = W2' g ⊙ (1 - h²)",
        r"g_k = p_k - y_k,\quad \frac{\partial L}{\partial W_{2,kj}} = g_k h_j",
    ],
)
def test_names_of_ones_own_by_entries(text: str) -> None:
    (claim,) = claims(text)
    assert is_right(claim)


def test_a_name_of_ones_own_for_a_gradient() -> None:
    (same, value) = claims("err = ∂L/∂z2 = p - y")
    assert value.target.name == "∂L/∂z2"
    assert is_right(same)
    assert is_right(value)


def test_a_chain_has_a_claim_for_each_side() -> None:
    found = claims("δ2 = ∂L/∂z2 = p − y\n = y - p")
    assert [c.text for c in found] == ["∂L/∂z2", "p − y", "y - p"]
    assert [is_right(c) for c in found] == [True, True, False]
    assert [c.number for c in found] == [1, 1, 2]


def test_a_claim_without_a_left_side_is_about_the_target() -> None:
    (claim,) = claims("(p - y) h'", target=TRUTH.target("dW2"))
    assert is_right(claim)


def test_an_indicator_of_a_label() -> None:
    m = sg.parse("c: label(C); z: vector(C)\np = softmax(z)\nL = -log(p[c])")
    reader = Reader(Truth(m))
    (line,) = lines("dL/dz = p − 1_c")
    (claim,) = reader.claims(line)
    assert is_right(claim)


def test_the_derivative_of_a_function_that_nothing_is_known_of() -> None:
    m = sg.parse("x, w: vector(D); f: function\nz = w' x\nL = f(z)")
    reader = Reader(Truth(m))
    (line,) = lines("dL/dw = f'(z) x")
    assert is_right(reader.claims(line)[0])


@pytest.mark.parametrize(
    "name", ["relu", "sigmoid", "σ", "softplus", "exp", "gelu", "identity", "log"]
)
def test_primes_of_functions(name: str) -> None:
    m = sg.parse(f"t: scalar, positive\nL = {name}(t)")
    truth = Truth(m)
    (line,) = lines(f"dL/dt = {name}'(t)")
    (claim,) = Reader(truth).claims(line)
    assert is_right(claim)


# ---------------------------------------------------------------------------- what does not fit


def test_shapes_that_do_not_fit_keep_the_tree() -> None:
    (claim,) = claims("dL/dW2 = (p - y) h")
    assert claim.node is None
    assert claim.error is not None
    assert "h is H×1" in claim.error.message
    assert claim.tree is not None
    (fixed,) = claims("dL/dW2 = (p - y) h'")
    assert fixed.tree is not None
    assert claim.node_of(fixed.tree) is fixed.node


def test_an_index_that_the_left_side_has_not() -> None:
    (claim,) = claims("dL/dW1[j, k] = (p[c2] - y[c2]) W2[c2, j] x[k]")
    assert claim.free == ("c2",)
    assert claim.node is None
    (claim,) = claims("dL/dW1[j, k] = Σ_i (p[i] - y[i]) W2[i, j] (1 - h[j]²) x[k]")
    assert claim.free == ()


def test_a_vector_where_one_entry_is_due() -> None:
    (claim,) = claims("dL/db2[k] = p - y")
    assert claim.error is not None
    assert "index what stands here" in claim.error.message


HOSTILE = [
    "__import__('os').system('true')",
    "dL/dW2 = __class__",
    "dL/dW2 = (lambda: 0)()",
    "dL/dW2 = exec(1)",
    "dL/dW2 = open(h)",
    "dL/dW2 = " + "(" * 5000,
    "dL/dW2 = " + "p - " * 30000,
    "dL/dW2 = 9**9**9**9",
    "dL/dW2 = 10**(10**10) p",
    "dL/dW2 = p\u202e - y",
    "dL/dW2 = q",
    "dL/dW2 =",
    "= p - y",
    "dL/dW2 = = p",
    "dL/dq = p",
    "dL/dW2[0, 0, 0] = p",
    "dL/dW2[j, j, j] = p",
    "softmax'(z2) = p",
    "dL/dz2 = softmax'(z2)",
    "dL/dz2 = sum'(z2)",
    "dL/dz2 = true",
    "dL/dz2 = p = ",
    "=",
    "'",
    "dL/dz2 = 'p'",
    "∂∂∂∂ = ∇∇",
    "∂ = p",
    "ᐁ = ᐅ_c",
    "1_x = p",
    "a = b = c",
    "h[0] = 1",
    "a[0] = 1",
    "a[k] = 1",
    "x = 1",
    r"\input{/etc/passwd}",
    r"\frac{\partial L}{\partial W_2} = \def\x{\x\x}\x",
    r"\frac{\partial L}{",
    "$" * 1000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_refused_with_a_sentence(text: str) -> None:
    try:
        found = claims(text)
    except sg.SymgradError as error:
        assert str(error)
    else:
        assert all(c.node is None or not is_right(c) for c in found)


def test_an_error_points_into_the_whole_text() -> None:
    with pytest.raises(ParseError) as caught:
        claims("δ2 = p − y\n∂L/∂W2 = δ2 qᵀ")
    assert (caught.value.line, caught.value.column) == (2, 13)
    assert caught.value.source == "∂L/∂W2 = δ2 qᵀ"


# ----------------------------------------------------------------------------------------- SymPy


def test_sympy_claims_know_symbols_by_name() -> None:
    H, D, C = M.dims["H"], M.dims["D"], M.dims["C"]
    target = TRUTH.target("dW1")
    assert target is not None
    d1, x = sp.MatrixSymbol("δ1", H, 1), sp.MatrixSymbol("x", D, 1)
    assert is_right(sympy_claim(d1 * x.T, target, TRUTH))
    about_y = TRUTH.target("db2")
    assert about_y is not None
    y = sp.MatrixSymbol("y", C, 1)  # without its fact
    claim = sympy_claim(M.p - y, about_y, TRUTH)
    assert is_right(claim)
    assert claim.text == "p − y"


def test_a_sympy_claim_in_other_symbols_is_refused() -> None:
    target = TRUTH.target("db2")
    assert target is not None
    with pytest.raises(DeclarationError, match="contains q, which is neither"):
        sympy_claim(sp.MatrixSymbol("q", M.dims["C"], 1), target, TRUTH)


def test_zero_is_zero_of_any_shape() -> None:
    m = sg.parse("x: vector(D); W: matrix(H, D)\nL = 0 sum(W x) + sum(x)")
    target = Truth(m).target("dx")
    assert target is not None
    assert sympy_claim(0, target, Truth(m)).shape == target.shape


def test_claims_keep_their_graph() -> None:
    (claim,) = claims("dL/db2 = p - y")
    assert claim.node is not None
    assert normalise(strip_names([claim.node]))
