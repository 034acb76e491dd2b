"""Halves: which networks can be computed in halves, and what a step is worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sympy import MatrixSymbol, Symbol, tanh

import symgrad as sg
from symgrad.codegen import program as p
from symgrad.codegen.halving import examples_are_apart, work
from symgrad.graph import slot

N = Symbol("N", integer=True, positive=True)


def source(loss: Any, params: list[Any], data: list[Any]) -> str:
    return sg.training_module(loss, params, data, optimizers=["sgd"]).source


def classifier() -> str:
    x, y = MatrixSymbol("x", 5, 1), sg.simplex("y", 3)
    W = MatrixSymbol("W", 3, 5)
    return source(sg.cross_entropy(sg.softmax(W * x), y), [W], [x, y])


def labelled() -> str:
    x, c = MatrixSymbol("x", 5, 1), sg.label("c", 3)
    W = MatrixSymbol("W", 3, 5)
    return source(sg.cross_entropy(sg.softmax(W * x), c), [W], [x, c])


@pytest.mark.parametrize("build", [classifier, labelled])
def test_losses_of_one_example_are_computed_in_halves(build: Callable[[], str]) -> None:
    assert "half_of(pair" in build()


def statement(value: int, shape: tuple[Any, ...], operation: p.Operation) -> p.Statement:
    return p.Statement(value, shape, operation, None, None, None, ())


def program(*statements: p.Statement, outputs: int = 1) -> p.Program:
    """Of x (N, 3) and w (3); the last values are its outputs."""
    inputs = (
        p.Input("x", "x", (N, 3), (N, 3)),
        p.Input("w", "w", (3,), (3,)),
    )
    results = tuple(
        p.Output(p.Operand(s.value, tuple(range(len(s.shape)))), s.shape, s.shape)
        for s in statements[-outputs:]
    )
    uses = (1,) * (len(inputs) + len(statements))
    return p.Program(inputs, (), statements, results, uses, frozenset())


X, W = p.Operand(0, (0, 1)), p.Operand(1, (1,))
MEAN = statement(2, (3,), p.Total((p.Operand(0, (1, 0)),)))
"""Σ of x over the examples."""


def unary(body: Any, of: p.Operand) -> p.Apply:
    return p.Apply((of,), body)


APART = {
    "Σ x": [MEAN],
    "Σ x·w": [statement(2, (), p.Contract((p.Operand(0, (0, 1)), p.Operand(1, (1,)))))],
    "f of each, then Σ": [
        statement(2, (N, 3), unary(slot(0) ** 2, X)),
        statement(3, (3,), p.Total((p.Operand(2, (1, 0)),))),
    ],
    "2·Σ + w": [MEAN, statement(3, (3,), p.Sum((p.Operand(2, (0,)), p.Operand(1, (0,))), (2, 1)))],
    "w·Σ": [MEAN, statement(3, (3,), p.Multiply((p.Operand(2, (0,)), p.Operand(1, (0,)))))],
    "affine in Σ": [MEAN, statement(3, (3,), unary(3 * slot(0) + 1, p.Operand(2, (0,))))],
}
TOGETHER = {
    "x − Σ x": [
        MEAN,
        statement(3, (N, 3), p.Sum((X, p.Operand(2, (1,))), (1, -1))),
        statement(4, (), p.Total((p.Operand(3, (0, 1)),))),
    ],
    "(Σ x)²": [MEAN, statement(3, (3,), unary(slot(0) ** 2, p.Operand(2, (0,))))],
    "Σ·Σ": [MEAN, statement(3, (3,), p.Multiply((p.Operand(2, (0,)), p.Operand(2, (0,)))))],
    "the largest": [statement(2, (3,), p.Maximum((p.Operand(0, (1, 0)),)))],
    "x·xᵀ": [statement(2, (N, N), p.Contract((p.Operand(0, (0, 2)), p.Operand(0, (1, 2)))))],
    "of each example": [statement(2, (N, 3), unary(slot(0) ** 2, X))],
}


@pytest.mark.parametrize("name", APART)
def test_apart(name: str) -> None:
    assert examples_are_apart(program(*APART[name]), N)


@pytest.mark.parametrize("name", TOGETHER)
def test_together(name: str) -> None:
    assert not examples_are_apart(program(*TOGETHER[name]), N)


def test_work_counts_rows_that_are_gathered_and_functions_dearly() -> None:
    copied = work(program(MEAN), N)
    assert copied.at({N: 10}).terms == {(): 10 * 3 * 8 + 10 * 3 * 8}
    functions = work(program(statement(2, (N, 3), unary(tanh(slot(0)), X))), N)
    assert functions.at({N: 10}).terms == {(): 10 * 3 * 8 + 10 * 3 * 32}
