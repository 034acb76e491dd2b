"""Recurrent cells unrolled over a fixed length: Elman, LSTM and GRU, their weights shared.

Every step names its gates and its state, so a derivation reads as the algorithm does: back through
time, one δ a state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import sympy as sp

from symgrad import graph as g
from symgrad.activations import sigmoid
from symgrad.declare import let, named_symbol
from symgrad.errors import DeclarationError
from symgrad.functions import as_expression, tanh
from symgrad.lift import lift
from symgrad.spaces import Factor, Space, full_shape, operand
from symgrad.symbols import call


class Cell(NamedTuple):
    """The weights of a recurrent cell: for each gate W (H×D), U (H×H) and b (H)."""

    kind: str
    gates: dict[str, tuple[Any, Any, Any]]

    @property
    def parameters(self) -> list[Any]:
        """W, U and b of every gate, in order."""
        return [symbol for gate in self.gates.values() for symbol in gate]


GATES: dict[str, str] = {"rnn": "h", "lstm": "fioc", "gru": "zrh"}
"""The gates of each cell: forget, input, output, candidate; update, reset, candidate."""


def cell(kind: str, inputs: Any, hidden: Any, suffix: str = "") -> Cell:
    """Weights for ``recurrent``: matrix symbols ``W_f``, ``U_f``, ``b_f``, … for each gate.

    ``kind`` is ``rnn``, ``lstm`` or ``gru``; ``suffix`` tells the cells of several layers apart.
    """
    if kind not in GATES:
        raise DeclarationError(
            f"the cell {kind!r} was asked for; expected one of {', '.join(map(repr, GATES))}."
        )
    shapes = (("W", hidden, inputs), ("U", hidden, hidden), ("b", hidden, 1))
    return Cell(
        kind,
        {
            gate: tuple(sp.MatrixSymbol(f"{x}_{gate}{suffix}", n, m) for x, n, m in shapes)
            for gate in GATES[kind]
        },
    )


def recurrent(weights: Cell, xs: Any, h: Any = None, c: Any = None, suffix: str = "") -> list[Any]:
    """The hidden states of a cell unrolled over ``xs``, its weights shared by all steps.

    ``xs`` is a list of T vectors, or a T×D matrix with a whole number of rows. Every step names
    its values: the gates, and the state as h1, h2, … (with ``suffix`` behind).

    - rnn: hₜ = tanh(W·xₜ + U·hₜ₋₁ + b)  (Elman 1990)
    - lstm: f, i, o = σ(W·xₜ + U·hₜ₋₁ + b) each; cₜ = f ⊙ cₜ₋₁ + i ⊙ tanh(W·xₜ + U·hₜ₋₁ + b);
      hₜ = o ⊙ tanh(cₜ)  (Hochreiter and Schmidhuber 1997, with forget gate)
    - gru: z, r = σ(…); n = tanh(W·xₜ + r ⊙ (U·hₜ₋₁) + b); hₜ = (1 − z) ⊙ n + z ⊙ hₜ₋₁
      (Cho et al. 2014, as in PyTorch)

    ``h`` and ``c`` are the states before the first step, zero unless given.
    """
    steps = list(xs) if isinstance(xs, list | tuple) else rows(xs)
    hidden = weights.parameters[0].shape[0]
    h = sp.ZeroMatrix(hidden, 1) if h is None else h
    c = sp.ZeroMatrix(hidden, 1) if c is None else c
    states: list[Any] = []
    for number, x in enumerate(steps, start=1):
        h, c = _STEPS[weights.kind](weights, x, h, c, f"{number}{suffix}")
        states.append(h)
    return states


def _affine(gate: tuple[Any, Any, Any], x: Any, h: Any) -> Any:
    W, U, b = gate
    return W * x + b if isinstance(h, sp.ZeroMatrix) else W * x + U * h + b


def _named(name: str, value: Any) -> Any:
    """The value under a name, a matrix even where it has one entry."""
    return named_symbol(let(name, value).node, tuple(value.shape))


def _rnn(weights: Cell, x: Any, h: Any, c: Any, step: str) -> tuple[Any, Any]:
    return _named(f"h{step}", tanh(_affine(weights.gates["h"], x, h))), c


def _lstm(weights: Cell, x: Any, h: Any, c: Any, step: str) -> tuple[Any, Any]:
    f, i, o = (_named(gate + step, sigmoid(_affine(weights.gates[gate], x, h))) for gate in "fio")
    candidate = _named(f"n{step}", tanh(_affine(weights.gates["c"], x, h)))
    fresh = sp.hadamard_product(i, candidate)
    kept = [] if isinstance(c, sp.ZeroMatrix) else [sp.hadamard_product(f, c)]
    c = _named(f"c{step}", sp.MatAdd(*kept, fresh) if kept else fresh)
    return _named(f"h{step}", sp.hadamard_product(o, tanh(c))), c


def _gru(weights: Cell, x: Any, h: Any, c: Any, step: str) -> tuple[Any, Any]:
    z, r = (_named(gate + step, sigmoid(_affine(weights.gates[gate], x, h))) for gate in "zr")
    W, U, b = weights.gates["h"]
    ones = sp.OneMatrix(*z.shape)
    if isinstance(h, sp.ZeroMatrix):
        n = _named(f"n{step}", tanh(W * x + b))
        return _named(f"h{step}", sp.hadamard_product(ones - z, n)), c
    n = _named(f"n{step}", tanh(W * x + sp.hadamard_product(r, U * h) + b))
    kept = sp.hadamard_product(z, h)
    return _named(f"h{step}", sp.MatAdd(sp.hadamard_product(ones - z, n), kept)), c


_STEPS: dict[str, Callable[..., tuple[Any, Any]]] = {"rnn": _rnn, "lstm": _lstm, "gru": _gru}


def rows(X: Any) -> list[Any]:
    """The rows of a T×D matrix with a whole number T, as D×1 vectors."""
    X = operand(X, 2, "rows", "places×features")
    count, _ = full_shape(X, 2)
    if not isinstance(count, int):
        raise DeclarationError(
            f"{X} has {count} rows, which is no number; declare it with a whole number of rows, "
            "since every row is unrolled."
        )
    return [row(X, k) for k in range(count)]


def row(X: Any, k: Any) -> Any:
    """The row k of a matrix as a column vector, D×1: X[k, ·]."""
    X, k = operand(X, 2, "row", "places×features"), as_expression(k)
    count, features = full_shape(X, 2)
    space = Space()
    space.extents.update(t=count, d=features)
    picked = Factor(g.onehot(lift(k), count) if count != 1 else g.const(1), "t")
    return call(row, (X, k), space.product("d", Factor(lift(X), "td"), picked), [features])
