"""Every function of the vocabulary, typed and called: the same node."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp
from sympy import MatrixSymbol

import symgrad as sg
import symgrad.language as guide
from symgrad import functions as f
from symgrad import vocabulary
from symgrad.activations import ELEMENTWISE
from symgrad.facts import FACTS
from symgrad.functions import REDUCTIONS
from symgrad.language.declarations import KINDS
from symgrad.language.functions import FUNCTIONS, KNOWN, SPELLINGS
from symgrad.losses import LOSSES
from symgrad.matrix_functions import MATRIX_FUNCTIONS

n, m = sp.symbols("n m", integer=True, positive=True)
x, u = MatrixSymbol("x", n, 1), MatrixSymbol("u", n, 1)
A, W, Z = MatrixSymbol("A", n, n), MatrixSymbol("W", m, n), MatrixSymbol("Z", 7, 5)
p, y, c = sg.simplex("p", n), sg.simplex("y", n), sg.label("c", n)
a, q = sp.Symbol("a", real=True), sp.Symbol("q", positive=True)
tokens, mask = sg.label("tokens", n, 6), sg.mask("mask", n, rate=sp.Rational(1, 2))
K1, I2 = sp.IndexedBase("K1", shape=(2, 7, 3)), sp.IndexedBase("I2", shape=(2, 9, 9))
K2, heads = sp.IndexedBase("K2", shape=(3, 2, 3, 3)), sp.IndexedBase("heads", shape=(2, 5, 4))
out = sp.IndexedBase("out", shape=(2, 4, 5))

DECLARED = """
x, u: vector(n)
A: matrix(n, n);  W: matrix(m, n);  Z: matrix(7, 5)
p, y: simplex(n);  c: label(n);  tokens: label(n, 6);  mask: mask(n, rate=1/2)
a: scalar;  q: scalar, positive
K1: array(2, 7, 3);  I2: array(2, 9, 9);  K2: array(3, 2, 3, 3)
heads: array(2, 5, 4);  out: array(2, 4, 5)
"""

ROWS: dict[str, tuple[str, Any]] = {
    "prelu": ("prelu(x, a)", lambda: sg.prelu(x, a)),
    "maxout": ("maxout(x, u, 2 x)", lambda: sg.maxout(x, u, 2 * x)),
    "sparsemax": ("sparsemax(x)", lambda: sg.sparsemax(x)),
    "maximum": ("maximum(x, u)", lambda: sg.maximum(x, u)),
    "minimum": ("minimum(x, 1)", lambda: sg.minimum(x, 1)),
    "max": ("max(W, rows=true)", lambda: sg.max(W, rows=True)),
    "min": ("min(x)", lambda: sg.min(x)),
    "softmax": ("softmax(x, 2)", lambda: sg.softmax(x, 2)),
    "onehot": ("onehot(c, n)", lambda: sg.onehot(c, n)),
    "argmax": ("argmax(x)", lambda: sg.argmax(x)),
    "sum": ("sum(W)", lambda: sg.sum(W)),
    "dot": ("dot(x, u)", lambda: sg.dot(x, u)),
    "logsumexp": ("logsumexp(W, rows=true)", lambda: sg.logsumexp(W, rows=True)),
    "squared_error": ("squared_error(x, u)", lambda: sg.squared_error(x, u)),
    "mean_squared_error": ("mean_squared_error(x, u)", lambda: sg.mean_squared_error(x, u)),
    "power_error": ("power_error(x, u, q=q)", lambda: sg.power_error(x, u, q)),
    "cross_entropy": ("cross_entropy(p, c)", lambda: sg.cross_entropy(p, c)),
    "entropy": ("entropy(p)", lambda: sg.entropy(p)),
    "kl_divergence": ("KL(p, y)", lambda: sg.kl_divergence(p, y)),
    "binary_cross_entropy": (
        "binary_cross_entropy(σ(x), u)", lambda: sg.binary_cross_entropy(sg.sigmoid(x), u)
    ),
    "logistic_loss": ("logistic_loss(x, u)", lambda: sg.logistic_loss(x, u)),
    "logistic_margin": ("logistic_margin(x)", lambda: sg.logistic_margin(x)),
    "hinge": ("hinge(x * u)", lambda: sg.hinge(sp.hadamard_product(x, u))),
    "squared_margin": ("squared_margin(x)", lambda: sg.squared_margin(x)),
    "multiclass_hinge": ("multiclass_hinge(x, c, q)", lambda: sg.multiclass_hinge(x, c, q)),
    "multilabel_hinge": ("multilabel_hinge(x, u)", lambda: sg.multilabel_hinge(x, u)),
    "multilabel_logistic": ("multilabel_logistic(x, u)", lambda: sg.multilabel_logistic(x, u)),
    "sparsemax_loss": ("sparsemax_loss(x, y)", lambda: sg.sparsemax_loss(x, y)),
    "zero_one_loss": ("zero_one_loss(x, c)", lambda: sg.zero_one_loss(x, c)),
    "l1": ("l1(W)", lambda: sg.l1(W)),
    "l2": ("l2(W)", lambda: sg.l2(W)),
    "trace": ("tr(A)", lambda: sg.trace(A)),
    "det": ("det(A)", lambda: sg.det(A)),
    "logdet": ("logdet(A)", lambda: sg.logdet(A)),
    "inverse": ("inverse(A) x", lambda: sg.inverse(A) * x),
    "solve": ("solve(A, x)", lambda: sg.solve(A, x)),
    "norm": ("norm(x, 1)", lambda: sg.norm(x, 1)),
    "conv1d": ("conv1d(Z, K1, stride=2, padding=1)",
               lambda: sg.conv1d(Z, K1, stride=2, padding=1)),
    "conv2d": ("conv2d(I2, K2)", lambda: sg.conv2d(I2, K2)),
    "max_pool1d": ("max_pool1d(Z, 2)", lambda: sg.max_pool1d(Z, 2)),
    "max_pool2d": ("max_pool2d(I2, 3)", lambda: sg.max_pool2d(I2, 3)),
    "avg_pool1d": ("avg_pool1d(Z, size=2)", lambda: sg.avg_pool1d(Z, 2)),
    "avg_pool2d": ("avg_pool2d(I2, 3, stride=1)", lambda: sg.avg_pool2d(I2, 3, stride=1)),
    "layer_norm": ("layer_norm(x, u, beta=u)", lambda: sg.layer_norm(x, u, u)),
    "batch_norm": ("batch_norm(W)", lambda: sg.batch_norm(W)),
    "dropout": ("dropout(x, mask)", lambda: sg.dropout(x, mask)),
    "embedding": ("embedding(A, tokens)", lambda: sg.embedding(A, tokens)),
    "attention": ("attention(Z, Z, Z, causal=true)", lambda: sg.attention(Z, Z, Z, causal=True)),
    "multi_head_attention": (
        "multi_head_attention(Z, heads, heads, heads, out)",
        lambda: sg.multi_head_attention(Z, heads, heads, heads, out),
    ),
    "row": ("row(Z, 2)", lambda: sg.row(Z, 2)),
    "mean": ("mean(W)", lambda: sg.sum(W) / (m * n)),
    "where": ("where(a > 0, a, q)", lambda: sp.Piecewise((a, a > 0), (q, True))),
    "eye": ("I(n) x + eye(n) u", lambda: x + u),
    "ones": ("ones(n) + zeros(n, 1) + x", lambda: sp.OneMatrix(n, 1) + x),
    "zeros": ("x + zeros(n)", lambda: x),
    "diag": ("diag(x) u + diag(A)", lambda: sp.DiagMatrix(x) * u + sp.DiagonalOf(A)),
    "transpose": ("transpose(W)", lambda: W.T),
    "outer": ("outer(x, u) + x ⊗ u'", lambda: 2 * x * u.T),
    "sech": ("sech(x)", lambda: f.pointwise(None, 1 / sp.cosh(a), {a: x})),
    "normal_cdf": ("Φ(x)", lambda: f.pointwise(None, vocabulary.normal_cdf(a), {a: x})),
    "normal_pdf": ("phi(a)", lambda: vocabulary.normal_pdf(a)),
}  # fmt: skip
"""A function → a call of it, and the same in Python. Of one argument: every elementwise one."""


def elementwise(function: Callable[[Any], Any]) -> tuple[str, Any]:
    return f"{function.__name__}(x)", lambda: function(x)


ALL = {**{x.__name__: elementwise(x) for x in ELEMENTWISE}, **ROWS}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.filterwarnings("ignore::symgrad.DomainWarning")
def test_typed_and_called(name: str) -> None:
    text, meant = ALL[name]
    found = sg.parse(f"{DECLARED}\nL = {text}").loss
    assert found.node is sg.let("L", meant()).node


def test_the_tables_of_the_vocabulary_are_all_there() -> None:
    for function in (*ELEMENTWISE, *REDUCTIONS, *LOSSES, *MATRIX_FUNCTIONS):
        assert function.__name__ in FUNCTIONS


@pytest.mark.parametrize("other", SPELLINGS)
def test_other_names(other: str) -> None:
    assert KNOWN[other] is FUNCTIONS[SPELLINGS[other]]


def test_the_guide_names_everything() -> None:
    text = guide.__doc__ or ""
    words = set(re.split(r"[^\w]+", text))
    assert set(FUNCTIONS) - words == set()
    assert set(KINDS) - words == set()
    for name, row in FACTS.items():
        assert row.maker or name in text


def test_the_example_of_the_guide_is_a_model() -> None:
    lines = (guide.__doc__ or "").split("\n\n\nDECLARE")[0].splitlines()
    text = "\n".join(line for line in lines if line.startswith("    "))
    model = sg.parse(text)
    assert [str(x) for x in model.params] == ["W1", "b1", "W2", "b2"]
    assert sg.gradient(model.loss, model.params)[model.b2] is not None


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("softmax(x, 1, 2)", "it is called as softmax(z, beta, temperature=…, rows=…)"),
        ("softmax(x, scale=2)", "it is called as softmax(z, beta"),
        ("softmax()", "it is called as softmax(z, beta"),
        ("softmax(W, rows=1)", "true and false are the values of an option"),
        ("tanh(true)", "true and false are the values of an option"),
        ("conv1d(Z, K1, stride=a)", "the stride of conv1d is a whole number"),
        ("leaky_relu(x, u)", "the slope of leaky_relu is a scalar"),
        ("tanh(inf)", "infinity stands for the order of a norm only"),
        ("tanh(x > 0)", "a comparison stands in 1[…] or where(…)"),
        ("where(x, x, u)", "where compares values first"),
        ("layer_norm(x, name=u)", "layer_norm(x, gamma, beta, eps=…)"),
        ("dropout(x, u)", "not declared as one"),
        ("multiclass_hinge(x, y)", "expected a label"),
        ("softmax(x, temperature=2, temperature=3)", "one option is given twice"),
    ],
)
def test_arguments_that_do_not_fit(call: str, sentence: str) -> None:
    with pytest.raises(sg.ParseError) as caught:
        sg.parse(f"{DECLARED}\nL = {call}")
    assert sentence in caught.value.message
