"""Formulas the way a blackboard has them."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sympy as sp
from sympy import MatrixSymbol, OneMatrix, Symbol, Trace, hadamard_product, symbols
from sympy.matrices.expressions.diagonal import DiagMatrix
from sympy.matrices.expressions.hadamard import HadamardPower

import symgrad as sg
from symgrad import functions
from symgrad.lift import lift
from symgrad.show.matrix_form import matrix_form
from symgrad.show.text import formula
from symgrad.vocabulary import xlogx

D, H = symbols("D H", integer=True, positive=True)
W, V = MatrixSymbol("W", H, D), MatrixSymbol("V", H, D)
x, b, h = MatrixSymbol("x", D, 1), MatrixSymbol("b", H, 1), MatrixSymbol("h", H, 1)
s, t = Symbol("s", real=True), Symbol("t", real=True)
z = sg.let("z", W * x)
c = sg.label("c", H)
XLOGX = sp.Lambda(t, xlogx(t))

TEXTS: list[tuple[Any, str]] = [
    (W * x + b, "W·x + b"),
    (W.T * b, "Wᵀ·b"),
    (b - h, "b − h"),
    (-b, "−b"),
    (2 * b, "2·b"),
    (b / 2, "b/2"),
    (b / D, "b/D"),
    (hadamard_product(b, h), "b ⊙ h"),
    (OneMatrix(H, 1) - hadamard_product(h, h), "1 − h ⊙ h"),
    (hadamard_product(W * x, OneMatrix(H, 1) - hadamard_product(h, h)), "(W·x) ⊙ (1 − h ⊙ h)"),
    (W * (x + x), "2·W·x"),
    ((W + V) * x, "(V + W)·x"),
    (z * x.T, "z·xᵀ"),
    (sg.tanh(W * x), "tanh(W·x)"),
    (sg.sigmoid(z), "σ(z)"),
    (sg.abs(z), "|z|"),
    (sg.softmax(z), "softmax(z)"),
    (-sg.dot(b, sg.log(h)), "−bᵀ log(h)"),
    (sg.dot(h, h), "‖h‖²"),
    (sg.squared_error(b, h), "‖b − h‖²/2"),
    (matrix_form(lift(sg.norm(b - h) ** 2 / 2)), "‖b − h‖²/2"),
    (matrix_form(lift(3 * sg.norm(W))), "3·‖W‖"),
    (matrix_form(lift(sg.norm(W) * sg.norm(b))), "‖W‖·‖b‖"),
    (sg.onehot(c, H), "1_c"),
    (Trace(W * V.T), "tr(W·Vᵀ)"),
    (DiagMatrix(h), "diag(h)"),
    (HadamardPower(h, -1), "1/h"),
    (HadamardPower(h, sp.Rational(1, 2)), "sqrt(h)"),
    (HadamardPower(h, sp.Rational(-1, 2)) / 2, "1/(2·sqrt(h))"),
    (-3 * HadamardPower(h, -2), "−3/(h ⊙ h)"),
    (-3 * HadamardPower(h, -2) / D, "−3/(D·(h ⊙ h))"),
    (HadamardPower(h + b, -1) * x.T, "(1/(b + h))·xᵀ"),
    (hadamard_product(b, HadamardPower(W * x, -1)), "b/(W·x)"),
    (2 * hadamard_product(b, z, HadamardPower(h, -1)) / 3, "2·(b ⊙ z)/(3·h)"),
    (sg.dot(b, HadamardPower(sg.sqrt(h), -3)), "bᵀ·(1/h^∘(3/2))"),
    (hadamard_product(b, HadamardPower(h, -1)) * x.T, "(b/h)·xᵀ"),
    (W[0, 1], "W[0, 1]"),
    (x[2, 0], "x[2]"),
    (s**2 * t, "s²·t"),
    (sp.log(2 * sp.pi) * s / 2, "s·log(2·π)/2"),
    (sp.E * s, "e·s"),
    (s / sp.sqrt(2 * sp.pi), "s/sqrt(2·π)"),
    (sp.exp(-(s**2)) / sp.sqrt(2 * sp.pi * t**2), "exp(−s²)/(sqrt(2·π)·|t|)"),
    (-s * sp.sqrt(2), "−sqrt(2)·s"),
    (b / sp.sqrt(3), "b/sqrt(3)"),
    (b / sp.sqrt(s + sp.Rational(1, 100000)), "b/sqrt(s + 1/100000)"),
    ((s / 2 + t / 2) * b, "(s + t)·b/2"),
    ((s / D) * OneMatrix(D, 1), "(s/D)·1"),
    (OneMatrix(D, 1) / D, "1/D"),
    (sp.MatMul(-1, W.T, b - h, sp.Transpose(b - h)), "−Wᵀ·(b − h)·(b − h)ᵀ"),
    (1 / s, "1/s"),
    (sp.sin(s) ** 2, "sin²(s)"),
    (sp.exp(-s * t), "exp(−s·t)"),
    (sp.sqrt(s), "sqrt(s)"),
    (3 * s**2 * t + 3, "3·s²·t + 3"),
    (sg.relu(s), "relu(s)"),
    (s**t, "s^t"),
    (W.applyfunc(XLOGX), "W ⊙ log(W)"),
    (2 * W.applyfunc(XLOGX) * x, "2·(W ⊙ log(W))·x"),
    (W.applyfunc(sp.Lambda(t, t + 1)) * x, "(W + 1)·x"),
    (W.applyfunc(sp.Lambda(t, 3 * t * sp.sin(t))) * x, "(3·(W ⊙ sin(W)))·x"),
    (W.applyfunc(sp.Lambda(t, t / (1 + sp.exp(t)))), "W/(1 + exp(W))"),
    (t * sg.softplus(s), "t·softplus(s)"),
    ((1 - t) * sg.softplus(s) * sp.log(t), "(1 − t)·log(t)·softplus(s)"),
    (t * sg.sum(h), "t·sum(h)"),
    (W * sg.tanh(x), "W·tanh(x)"),
    (W.T * DiagMatrix(h) * W, "Wᵀ·diag(h)·W"),
    (sg.softmax(W, rows=True), "softmax_rows(W)"),
    (sg.logsumexp(W, rows=True), "logsumexp_rows(W)"),
    (sg.max(W, rows=True), "max_rows(W)"),
    (sg.sparsemax(h), "sparsemax(h)"),
    (functions.sparsemax_threshold(h), "τ(h)"),
    (functions.sparsemax_value(h), "Ω*(h)"),
]


@pytest.mark.parametrize(("expr", "text"), TEXTS, ids=[text for _, text in TEXTS])
def test_formula(expr: Any, text: str) -> None:
    assert formula(expr) == text


def test_signs_are_minus_signs_and_names_keep_their_hyphens() -> None:
    assert "-" not in formula(-b - h)
    assert formula(MatrixSymbol("a-b", H, 1) - h) == "a-b − h"


def test_a_difference_takes_the_minus_sign() -> None:
    x, y, p = (sp.MatrixSymbol(n, 3, 1) for n in "xyp")
    a, b = sp.symbols("a b", real=True)
    assert formula(-(a - b) * x) == "(b − a)·x"
    assert formula(-2 * a * (p - y)) in ("2·a·(y − p)", "(2·a)·(y − p)")
    assert formula(-a * (1 - a)) == "−a·(1 − a)"


def test_sparsemax_of_every_example_reads_as_its_law() -> None:
    """relu(s − τ), as sparsemax is defined, and the law ∂τ/∂zᵢ = 1[zᵢ > τ]/|S| speaks of τ."""
    y, scores = sg.simplex("y", H), sg.let("s", W * x)
    p = sg.let("p", sg.sparsemax(scores))
    risk = sg.empirical_risk(sg.let("L", sg.squared_error(p, y)), [x, y])
    text = str(sg.gradient(sg.let("R", risk), [W]))
    assert re.search(r"relu\(s\[j, k\] − τ_(\w)\(s\[j, \1\]\)\)", text)
    assert re.search(r"1\[s\[j, k\] > τ_(\w)\(s\[j, \1\]\)\]", text)
    assert "sparsemax_threshold" not in text
