"""`sg.parse`: what it returns, what follows from it, and the models in ``examples/models``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy import IndexedBase, MatrixSymbol, Max, Ne, Piecewise, Sum, exp, log, symbols

import symgrad as sg
from symgrad.language.model import parse_expression
from symgrad.lift import lift

MODELS = Path(__file__).parents[3] / "examples" / "models"
D, C, H, K1, K2 = symbols("D C H K1 K2", integer=True, positive=True)
i, j, k = symbols("i j k", integer=True)

TEXT = """
dims D, C
x: vector(D)
y: simplex(C)
W: matrix(C, D); b: vector(C)
p = softmax(W x + b)
L = cross_entropy(p, y)
"""


def backward(d: sg.Derivation, form: str, notation: str) -> list[str]:
    return [s.text for s in d.lines(form, notation) if s.phase == "backward"]


# --------------------------------------------------------------------------------------- Model


def test_names_by_attribute_and_key() -> None:
    model = sg.parse(TEXT)
    assert isinstance(model, sg.Model)
    assert list(model) == ["D", "C", "x", "y", "W", "b", "p", "L"]
    assert model.W is model["W"] is model.names["W"]
    assert model.loss is model.L
    assert len(model) == 8
    assert model == model and model != sg.parse(TEXT) and hash(model)
    assert "p" in model and "q" not in model
    with pytest.raises(AttributeError, match="no name 'q'; it has D, C, x"):
        _ = model.q
    with pytest.raises(KeyError):
        model["q"]


def test_params_are_the_leaves_without_facts_unless_they_are_listed() -> None:
    model = sg.parse(TEXT)
    assert model.params == (model.x, model.W, model.b)
    assert model.data == ()
    model = sg.parse(TEXT + "data x, y")
    assert model.params == (model.W, model.b)
    assert model.data == (model.x, model.y)
    model = sg.parse(TEXT + "params b\nunused: scalar")
    assert model.params == (model.b,)
    assert sg.gradient(model.loss, model.params)[model.b].shape == (model.C, 1)


def test_the_loss_is_the_last_definition_or_listed() -> None:
    assert str(sg.parse("a: scalar\nL = a^2\nM = 2 L\nc = 3").loss) == "M"
    assert str(sg.parse("a: scalar\nL = a^2\nM = 2 L\nloss L").loss) == "L"


def test_an_expression_in_a_scope() -> None:
    """The grammar of expressions serves alone, in any scope of names."""
    W, b = MatrixSymbol("W", C, D), MatrixSymbol("b", C, 1)
    found = parse_expression("W' (b ⊙ b)", {"W": W, "b": b})
    assert lift(found) is lift(W.T * sp.hadamard_product(b, b))
    with pytest.raises(sg.ParseError, match="line 1, column 3: q is not declared"):
        parse_expression("W q", {"W": W})
    with pytest.raises(sg.ParseError, match="line 1, column 3"):
        parse_expression("W = b", {"W": W, "b": b})


def test_a_warning_of_the_declaration_passes_through() -> None:
    with pytest.warns(sg.DomainWarning, match="logarithm of tanh"):
        sg.parse("x: vector(n)\nL = sum(log(tanh(x)))")


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("L = 2 sum(log(tanh(x)))", 11),
        ("L = Σ_j ln(x[j] - 1)", 9),
        ("L = sum(log(tanh(x)) + log(x - 1))", 5),  # of two logarithms, the value
        ("z[k] = log(x[k] - 1)", 8),
    ],
)
def test_a_warning_says_where(line: str, column: int) -> None:
    with pytest.warns(sg.DomainWarning, match=f"^line 2, column {column}: the logarithm of"):
        sg.parse(f"x: vector(n)\n{line}")
    x = sp.Symbol("x", real=True)
    with pytest.warns(sg.DomainWarning, match="^the logarithm of"):  # and Python has its own way
        sg.let("L", sp.log(x - 1))


# ------------------------------------------------------------------------------ the lectures


def classifier() -> Any:
    x, y = MatrixSymbol("x", D, 1), sg.simplex("y", C)
    W1, b1 = MatrixSymbol("W1", H, D), MatrixSymbol("b1", H, 1)
    W2, b2 = MatrixSymbol("W2", C, H), MatrixSymbol("b2", C, 1)
    h = sg.let("h", sg.tanh(sg.let("z1", W1 * x + b1)))
    p = sg.let("p", sg.softmax(sg.let("z2", W2 * h + b2)))
    return -sg.sum(sp.hadamard_product(y, sg.log(p)))


def a1() -> Any:
    w1, w2 = symbols("w1 w2", real=True)
    a = sg.let("a", w1**3)
    return sg.let("b", a * w2) + sg.let("c", 3 * w1)


def a5() -> Any:
    w, x, b, t = symbols("w x b t", real=True)
    y = sg.let("y", sg.sigmoid(sg.let("z", w * x + b)))
    return (y - t) ** 2 / 2


def a7() -> Any:
    w, x, y = symbols("w x y", real=True)
    p = sg.let("ŷ", 1 / (1 + exp(-w * x)))
    return -y * log(p) - (1 - y) * log(1 - p)


def d3() -> Any:
    x, y = MatrixSymbol("x", D, 1), MatrixSymbol("y", C, 1)
    W1, W2 = MatrixSymbol("W1", H, D), MatrixSymbol("W2", C, H)
    h = sg.let("h", sg.sigmoid(sg.let("z1", W1 * x)))
    out = sg.let("ŷ", sg.sigmoid(sg.let("z2", W2 * h)))
    return sg.norm(out - y) ** 2 / 2


def d4() -> Any:
    x, t = IndexedBase("x", shape=(D,)), IndexedBase("t", shape=(C,))
    W1, b1 = IndexedBase("W1", shape=(H, D)), IndexedBase("b1", shape=(H,))
    W2, b2 = IndexedBase("W2", shape=(C, H)), IndexedBase("b2", shape=(C,))
    z = sg.let("z", Sum(W1[i, j] * x[j], (j, 0, D - 1)) + b1[i], i)
    h = sg.let("h", sg.sigmoid(z[i]), i)
    y = sg.let("y", Sum(W2[k, i] * h[i], (i, 0, H - 1)) + b2[k], k)
    return Sum((y[k] - t[k]) ** 2, (k, 0, C - 1)) / 2


def c6() -> Any:
    x, c = IndexedBase("x", shape=(D,)), sg.label("c", C)
    W, delta = IndexedBase("W", shape=(C, D)), sp.Symbol("Δ", positive=True)
    s = sg.let("s", Sum(W[k, j] * x[j], (j, 0, D - 1)), k)
    term = Piecewise((Max(0, s[j] - s[c] + delta), Ne(j, c)), (0, True))
    return Sum(term, (j, 0, C - 1))


def d5() -> Any:
    h, y = MatrixSymbol("x", D, 1), sg.label("y", C)
    for layer, (fed, units) in enumerate([(D, K1), (K1, K2), (K2, C)], start=1):
        W, b = MatrixSymbol(f"W{layer}", units, fed), MatrixSymbol(f"b{layer}", units, 1)
        z = sg.let(f"z{layer}", W * h + b)
        h = sg.let(f"h{layer}", sg.relu(z)) if layer < 3 else z
    return sg.cross_entropy(sg.let("f", sg.softmax(h)), y)


def d6() -> Any:
    x, y = MatrixSymbol("x", D, 1), sg.label("y", C)
    W, b = MatrixSymbol("W", C, D), MatrixSymbol("b", C, 1)
    z = sg.let("z", W * x + b)
    one = sg.let("loss_1", sg.logsumexp(z) - z[y])
    return sp.Symbol("λ", positive=True) * sg.l2(W) + sg.empirical_risk(one, data=[x, y])


def d11() -> Any:
    x, y, b2 = MatrixSymbol("x", D, 1), *symbols("y b2", real=True)
    W, b, w = MatrixSymbol("W", H, D), MatrixSymbol("b", H, 1), MatrixSymbol("w", H, 1)
    h = sg.let("h", sg.tanh(sg.let("z", W * x + b)))
    return log(1 + exp(-y * sg.let("f", sg.dot(w, h) + b2)))


LECTURES: dict[str, tuple[Any, str, str, list[str]]] = {
    "two_layer_classifier": (classifier, "matrix", "delta", [
        "∂L/∂b2 = δ2", "∂L/∂W2 = δ2·hᵀ", "∂L/∂b1 = δ1", "∂L/∂W1 = δ1·xᵀ",
        "δ2 = ∂L/∂z2 = p − y", "δ1 = ∂L/∂z1 = (W2ᵀ·δ2) ⊙ (1 − h ⊙ h)",
    ]),
    "backpropagation_by_hand": (a1, "matrix", "partial", [
        "∂g/∂w1 = 3·w1²·w2 + 3", "∂g/∂w2 = a",
    ]),
    "logistic_unit": (a5, "matrix", "bar", ["w̄ = z̄·x", "b̄ = z̄"]),
    "binary_cross_entropy": (a7, "matrix", "partial", []),
    "two_layer_sigmoid": (d3, "matrix", "delta", ["δ2 = ∂L/∂z2 = (ŷ − y) ⊙ ŷ ⊙ (1 − ŷ)"]),
    "multi_output_perceptron": (d4, "index", "bar", [
        "ȳ[k] = y[k] − t[k]", "W̄2[k, j] = ȳ[k]·h[j]", "W̄1[j, i] = z̄[j]·x[i]",
    ]),
    "multiclass_hinge": (c6, "index", "delta", []),
    "deep_network": (d5, "matrix", "delta", [
        "δ3 = ∂L/∂z3 = f − 1_y", "δ2 = ∂L/∂z2 = (W3ᵀ·δ3) ⊙ 1[z2 > 0]", "∂L/∂W2 = δ2·h1ᵀ",
    ]),
    "softmax_regression": (d6, "matrix", "delta", []),
    "signs": (d11, "matrix", "delta", ["δ_f = ∂L/∂f = −y·σ(−f·y)", "∂L/∂w = δ_f·h"]),
}  # fmt: skip
"""A model → the same in Python, and lines of the lecture."""


def test_every_model_has_a_row() -> None:
    assert {path.stem for path in MODELS.glob("*.sg")} == set(LECTURES)


@pytest.mark.parametrize("name", LECTURES)
def test_a_lecture_as_text(name: str) -> None:
    declared, form, notation, lines = LECTURES[name]
    model = sg.parse((MODELS / f"{name}.sg").read_text(encoding="utf-8"))
    assert model.loss.node is sg.let(str(model.loss), declared()).node
    d = sg.gradient(model.loss, model.params)
    found = backward(d, form, notation)
    assert [x for x in lines if x not in found] == [], found


# -------------------------------------------------------------------------------- what follows


def test_a_text_is_trained() -> None:
    model = sg.parse(TEXT + "data x, y")
    made = sg.training_module(
        model.loss, model.params, model.data, predict=model.p, target="numpy", dtype="float64"
    )
    network = made.load()
    network.check_gradients()
    X = np.array([[1.0, 0.0], [0.0, 1.0]])
    params, history = network.fit(X, X, epochs=20, batch_size=2, learning_rate=1.0, progress=False)
    assert history.loss[-1] < history.loss[0] / 2
    assert network.predict(params, X).argmax(axis=1).tolist() == [0, 1]
