"""Bad input: one sentence that names what was given, and nothing half-done.

Arrays that do not fit are the generated code's to refuse; this file has declarations and
gradients.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sympy as sp
from sentences import refused
from sympy import MatrixSymbol, Symbol, hadamard_product, symbols

import symgrad as sg
from symgrad import errors

D, H = symbols("D H", integer=True, positive=True)
x, b = MatrixSymbol("x", D, 1), MatrixSymbol("b", H, 1)
W, A, B = MatrixSymbol("W", H, D), MatrixSymbol("A", 2, 3), MatrixSymbol("B", 3, 2)
s, t = Symbol("s", real=True), Symbol("t", real=True)
n = Symbol("n")

BAD: dict[str, tuple[Callable[[], Any], type[Exception], tuple[str, ...]]] = {
    # shapes that do not fit
    "sum": (
        lambda: sg.let("z", W * x + x),
        sg.ShapeError, ("W*x", "x", "H×1", "D×1"),
    ),
    "product": (
        lambda: sg.let("z", W * b),
        sg.ShapeError, ("W", "b", "H×D", "H×1"),
    ),
    "hadamard": (
        lambda: sg.let("z", hadamard_product(x, b)),
        sg.ShapeError, ("Hadamard", "x", "b", "D×1", "H×1"),
    ),
    "dot": (lambda: sg.dot(x, b), sg.ShapeError, ("dot", "x", "b", "D×1", "H×1")),
    "squared error": (
        lambda: sg.squared_error(A, B), sg.ShapeError, ("squared_error", "A", "2×3", "B", "3×2"),
    ),
    "squared error of a matrix and a number": (
        lambda: sg.squared_error(A, 3), sg.ShapeError, ("squared_error", "3", "scalar"),
    ),
    "cross-entropy": (
        lambda: sg.cross_entropy(sg.softmax(x), b),
        sg.ShapeError, ("cross_entropy", "softmax(x)", "D×1", "b", "H×1"),
    ),
    "cross-entropy with a label": (
        lambda: sg.cross_entropy(sg.softmax(x), sg.label("c", 5)),
        sg.ShapeError, ("softmax(x)", "D×1", "c", "5 classes"),
    ),
    "softmax of a matrix": (lambda: sg.softmax(A), sg.ShapeError, ("softmax", "A", "2×3")),
    "softmax of a scalar": (lambda: sg.softmax(s), sg.ShapeError, ("softmax", "s", "scalar")),
    "rows of a vector": (
        lambda: sg.softmax(x, rows=True), sg.ShapeError, ("softmax", "rows", "D×1"),
    ),
    # wrt
    "wrt not in the loss": (
        lambda: sg.gradient(sg.dot(x, x), b), sg.DerivativeError, ("b", "does not occur", "x"),
    ),
    "named wrt not in the loss": (
        lambda: sg.gradient(sg.dot(x, x), sg.let("h", sg.tanh(b))),
        sg.DerivativeError, ("named value h", "does not occur"),
    ),
    "wrt an expression": (
        lambda: sg.gradient(sg.dot(x, x), x + x), sg.DerivativeError, ("2*x", "not a symbol"),
    ),
    "wrt a label": (
        lambda: sg.gradient(sg.cross_entropy(sg.softmax(x), sg.label("c", D)), sg.label("c", D)),
        sg.DerivativeError, ("c", "class label"),
    ),
    "wrt a dimension": (
        lambda: sg.gradient(sg.dot(x, x) * D, D), sg.DerivativeError, ("D", "dimension"),
    ),
    "wrt nothing": (lambda: sg.gradient(sg.dot(x, x), []), sg.DerivativeError, ("no symbols",)),
    "asking for another symbol": (
        lambda: sg.gradient(sg.dot(x, x), x)[b], sg.DerivativeError, ("with respect to x", "b"),
    ),
    # losses
    "a loss that is a vector": (
        lambda: sg.gradient(sg.let("h", sg.tanh(W * x)), W),
        sg.ShapeError, ("h", "shape H", "expected a scalar"),
    ),
    "a loss that is a matrix": (
        lambda: sg.gradient(A * B, A), sg.ShapeError, ("A*B", "2×2", "expected a scalar"),
    ),
    # names
    "two leaves of one name": (
        lambda: sg.gradient(sg.sum(x) + sg.sum(MatrixSymbol("x", 3, 1)), x),
        sg.DeclarationError, ("the name x", "shape D", "shape 3"),
    ),
    "one name with a fact and without": (
        lambda: sg.gradient(sg.dot(sg.simplex("x", D), x), x),
        sg.DeclarationError, ("the name x", "the fact simplex"),
    ),
    "an empty name": (lambda: sg.let("", s), sg.DeclarationError, ("''", "non-empty")),
    "a name that is no text": (lambda: sg.let(3, s), sg.DeclarationError, ("3", "non-empty")),
    "a label of no class": (lambda: sg.label("c", 0), sg.DeclarationError, ("classes of c", "0")),
    "a dimension that is no integer": (
        lambda: sg.let("z", 2 * MatrixSymbol("Z", n, 1)), sg.DeclarationError, ("n", "integer"),
    ),
    # unsupported nodes, with the nearest supported one
    "an open Piecewise": (
        lambda: sg.let("q", sp.Piecewise((s, s > 0))),
        sg.UnsupportedError, ("Piecewise", "remaining case", "True"),
    ),
    "a delta": (
        lambda: sg.let("q", sp.DiracDelta(s)), sg.UnsupportedError, ("DiracDelta", "sg.sigmoid"),
    ),
    "a step in training": (
        lambda: sg.gradient(sg.step(s) * t, s), sg.DerivativeError, ("a step", "sg.sigmoid"),
    ),
    "an exponent below 1": (
        lambda: sg.power_error(x, x, 0.5), sg.DeclarationError, ("1/2", "q ≥ 1"),
    ),
    "a hinge loss without a label": (
        lambda: sg.multiclass_hinge(x, b), sg.DeclarationError, ("b", "sg.label"),
    ),
    "the 1-norm of a matrix": (
        lambda: sg.norm(W, 1), sg.UnsupportedError, ("1-norm", "W", "Frobenius"),
    ),
    "the 3-norm": (lambda: sg.norm(x, 3), sg.UnsupportedError, ("3-norm", "1, 2 or oo")),
    "no pieces": (lambda: sg.maxout(), sg.DeclarationError, ("maxout", "at least one")),
    "maximum": (
        lambda: sg.maximum(x, b), sg.ShapeError, ("maximum", "x", "b", "D×1", "H×1"),
    ),
    "the trace of a rectangle": (lambda: sg.trace(A), sg.ShapeError, ("trace", "A", "2×3")),
    "solve": (
        lambda: sg.solve(A * B, x), sg.ShapeError, ("solve", "A*B", "2×2", "x", "D×1"),
    ),
    "Derivative": (
        lambda: sg.let("q", sp.Derivative(sp.Function("f")(s), s)),
        sg.UnsupportedError, ("Derivative", "sg.gradient"),
    ),
    "explicit matrix": (
        lambda: sg.tanh(sp.Matrix([1, 2])), sg.UnsupportedError, ("MatrixSymbol", "array"),
    ),
    "symbolic matrix power": (
        lambda: sg.let("q", sp.MatPow(A * B, n)), sg.UnsupportedError, ("power", "whole"),
    ),
    "an infinite constant": (
        lambda: sg.let("q", sp.Add(s, sp.oo, evaluate=False)), sg.UnsupportedError, ("oo",),
    ),
    "a complex constant": (
        lambda: sg.let("q", s * sp.I), sg.UnsupportedError, ("I", "real"),
    ),
    "an unknown function": (
        lambda: sg.function([s], sp.Function("f")(s)), errors.SymgradError, ("f",),
    ),
    "onehot of a real": (lambda: sg.onehot(s, 3), sg.UnsupportedError, ("onehot", "s", "label")),
    "an equation": (
        lambda: sg.let("q", sp.Eq(s, t)), sg.UnsupportedError, ("Equality", "expected"),
    ),
}  # fmt: skip
"""name → a mistake, its class, and what the sentence has to mention."""


@pytest.mark.parametrize("name", BAD)
def test_one_clear_sentence(name: str) -> None:
    mistake, kind, mentions = BAD[name]
    assert len(refused(mistake, mentions, kind)) < 300


TEXTS = ["__import__('os').system('false')", "x", "1 + 1", ""]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(
    "call",
    [
        lambda text: sg.let("x", text),
        lambda text: sg.gradient(text, x),
        lambda text: sg.gradient(sg.dot(x, x), text),
        lambda text: sg.gradient(sg.dot(x, x), [text]),
        lambda text: sg.tanh(text),
        lambda text: sg.sum(text),
        lambda text: sg.dot(x, text),
        lambda text: sg.softmax(text),
        lambda text: sg.squared_error(x, text),
        lambda text: sg.cross_entropy(sg.softmax(x), text),
        lambda text: sg.onehot(text, 3),
        lambda text: sg.onehot(sg.label("c", 3), text),
        lambda text: sg.simplex("p", text),
        lambda text: sg.label("c", text),
    ],
)
def test_text_is_never_evaluated(
    call: Callable[[str], Any], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("the text was parsed, which evaluates it")

    monkeypatch.setattr("sympy.parsing.sympy_parser.parse_expr", refuse)
    monkeypatch.setattr("sympy.parsing.sympy_parser.eval_expr", refuse)
    with pytest.raises(sg.SymgradError) as caught:
        call(text)
    assert repr(text) in str(caught.value)


def test_a_failed_declaration_leaves_nothing_behind() -> None:
    with pytest.raises(sg.ShapeError):
        sg.dot(x, b)
    assert sg.gradient(sg.dot(x, x) / 2, x)[x] == x


def test_errors_are_the_builtin_ones_too() -> None:
    assert issubclass(sg.ShapeError, ValueError)
    assert issubclass(sg.UnsupportedError, TypeError)
    assert issubclass(sg.DerivativeError, ValueError)
    public = [e for e in vars(errors).values() if isinstance(e, type)]
    assert all(issubclass(e, errors.SymgradError | Warning) for e in public)
    assert all(e.__doc__ for e in public)


def test_pickling_is_refused_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(errors.GraphError, match="save the declaration"):
        pickle.dumps(sg.let("h", sg.tanh(x)))
