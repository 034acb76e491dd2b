"""Rows of `network_rows`: index notation, of arrays up to rank 4."""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import meanings as m
import numpy as np
import sympy as sp
from network_row import Array, Domain, Row, one
from sympy import Eq, KroneckerDelta, Ne, Piecewise, Sum, symbols

import symgrad as sg

i, j, k, l, t, u = symbols("i j k l t u", integer=True)


def _grid(*extents: int) -> np.ndarray:
    return np.indices(extents)


def _product(signature: str, out: str) -> Row:
    """Σ over the letters that are not in ``out`` of a product of elements."""
    words, names = signature.split(), "ijklmnpq"
    letters = sorted(set("".join(words)))
    index = {a: sp.Symbol(n, integer=True) for a, n in zip(letters, names, strict=False)}
    summed = [x for x in letters if x not in out]

    def declare(*xs: Any) -> Any:
        extents = {
            a: n for x, w in zip(xs, words, strict=True) for a, n in zip(w, x.dims, strict=True)
        }
        body = sp.Mul(*(x[tuple(index[a] for a in w)] for x, w in zip(xs, words, strict=True)))
        limits = [(index[a], 0, extents[a] - 1) for a in summed]
        return Sum(body, *limits) if limits else body, [(index[a], 0, extents[a] - 1) for a in out]

    def meaning(*xs: Array) -> Array:
        extents = {
            a: n for x, w in zip(xs, words, strict=True) for a, n in zip(w, x.shape, strict=True)
        }
        order = [*out, *summed]
        at = dict(zip(order, _grid(*(extents[a] for a in order)), strict=True))
        value = 1.0
        for x, w in zip(xs, words, strict=True):
            value = value * x[tuple(at[a] for a in w)]
        return anp.sum(value, axis=tuple(range(len(out), len(order)))) if summed else value

    return Row(f"Σ {signature} → {out or '.'}", signature, declare, meaning, indexed=True,
               covers=("let",))  # fmt: skip


def _indexed(name: str, operands: str, declare: Any, meaning: Any, **options: Any) -> Row:
    covers = options.pop("covers", ("let",))
    return Row(name, operands, declare, meaning, indexed=True, covers=covers, **options)


def _affine(W: Array, x: Array, b: Array) -> Array:
    at, to = _grid(*W.shape)
    return anp.tanh(anp.sum(W[at, to] * x[to], axis=1) + b)


def _window(x: Array, w: Array, stride: int) -> Array:
    places = (len(x) - len(w)) // stride + 1
    at, to = _grid(places, len(w))
    return anp.sum(x[stride * at + to] * w[to], axis=1)


def _windowed(stride: int) -> Any:
    def declare(x: Any, w: Any) -> Any:
        places = (x.dims[0] - w.dims[0]) // stride + 1
        taps = (u, 0, w.dims[0] - 1)
        return Sum(x[stride * t + u] * w[u], taps), [(t, 0, places - 1)]

    return declare


def _images(x: Any, K: Any) -> Any:
    (c, high, wide), (o, _, tall, broad) = x.dims, K.dims
    body = K[l, i, t, u] * x[i, j + t, k + u]
    limits = [(i, 0, c - 1), (t, 0, tall - 1), (u, 0, broad - 1)]
    return Sum(body, *limits), [(l, 0, o - 1), (j, 0, high - tall), (k, 0, wide - broad)]


def _all_but(s: Any, c: Any) -> Any:
    n = s.dims[0]
    term = sp.exp(s[k] - s[c]) / 8
    return Sum(Piecewise((term, Ne(k, c)), (0, True)), (k, 0, n - 1)), []


def _below(x: Array, strict: bool = False) -> Array:
    at, to = _grid(*x.shape)
    return x * (at > to if strict else at >= to)


INDEX = (
    _product("ab b", "a"),
    _product("ab bc", "ac"),
    _product("abc c", "ab"),
    _product("abc cb", "a"),
    _product("abc bd", "adc"),
    _product("abcd cd", "ab"),
    _product("abcd ac", "bd"),
    _product("abc abc", ""),
    _product("a b c", "abc"),
    _product("aab", "b"),
    _product("aba b", "a"),
    _product("abab", ""),
    _product("ab cd", "abcd"),
    _product("abcd", "dbca"),
    _product("abc ab a", "c"),
    _indexed("tanh(Σ W[k,j]·x[j] + b[k])", "nm m n",
             lambda W, x, b: (sp.tanh(Sum(W[k, j] * x[j], (j, 0, x.dims[0] - 1)) + b[k]),
                              [(k, 0, b.dims[0] - 1)]),
             _affine),
    _indexed("x[t + u]", "t u", _windowed(1), lambda x, w: _window(x, w, 1),
             sizes={"u": (1, 2, 3)}, least={"t": 3}),
    _indexed("x[2·t + u]", "t u", _windowed(2), lambda x, w: _window(x, w, 2),
             sizes={"u": (1, 2), "t": (3, 4, 5)}),
    _indexed("x[i + 1]·x[i]", "n", lambda x: (Sum(x[i + 1] * x[i], (i, 0, x.dims[0] - 2)), []),
             lambda x: anp.sum(x[1:] * x[:-1]), least={"n": 2}),
    _indexed("x[n − 1 − i]", "n", lambda x: (x[x.dims[0] - 1 - i], [(i, 0, x.dims[0] - 1)]),
             lambda x: x[::-1]),
    _indexed("A[l, i, t, u]·x[i, j + t, k + u]", "cst ocuv", _images, m.conv2d,
             sizes={"c": (1, 2), "o": (1, 2), "u": (1, 2), "v": (1, 2)}, least={"s": 3, "t": 3}),
    _indexed("Σ j ≤ i", "nn n", lambda Q, x: (
        Sum(Q[i, j] * x[j] * x[i], (j, 0, i), (i, 0, x.dims[0] - 1)), []),
        lambda Q, x: anp.sum(_below(Q) * x[:, None] * x[None, :])),
    _indexed("Σ j ≤ i, from 1", "nn n", lambda Q, x: (
        Sum(Q[i, j] * x[j], (j, 0, i), (i, 1, x.dims[0] - 1)), []),
        lambda Q, x: anp.sum(_below(Q)[1:] * x[None, :]), least={"n": 2}),
    _indexed("Σ j < i", "nn n", lambda Q, x: (
        Sum(Q[i, j] * x[j], (j, 0, i - 1), (i, 0, x.dims[0] - 1)), []),
        lambda Q, x: anp.sum(_below(Q, True) * x[None, :])),
    _indexed("indicator(i > j)", "nm",
             lambda A: (A[i, j] * sg.indicator(i > j), [i, j]), lambda A: _below(A, True),
             covers=("indicator", "let")),
    _indexed("KroneckerDelta(k, c)", "n #n",
             lambda s, c: (Sum(s[k] * KroneckerDelta(k, c), (k, 0, s.dims[0] - 1)), []),
             lambda s, c: s[c]),
    _indexed("KroneckerDelta(i, j)", "n", lambda x: (
        KroneckerDelta(i, j) * x[i], [(i, 0, x.dims[0] - 1), (j, 0, x.dims[0] - 1)]),
        lambda x: x[:, None] * np.eye(len(x))),
    _indexed("Piecewise(k ≠ c)", "n #n", _all_but,
             lambda s, c: anp.sum(anp.exp(s - s[c]) * (np.arange(len(s)) != c)) / 8,
             domain=(Domain(-1.5, 1.5),)),
    _indexed("Piecewise in three cases", "n", lambda x: (
        Piecewise((2 * x[i], i < 1), (x[i] ** 2, Eq(i, 1)), (sp.sin(x[i]), True)),
        [(i, 0, x.dims[0] - 1)]),
        lambda x: anp.concatenate([2 * x[:1], x[1:2] ** 2, anp.sin(x[2:])])),
    _indexed("s[c]", "n #n", lambda s, c: (sp.tanh(s[c]), []), lambda s, c: anp.tanh(s[c])),
    _indexed("E[c[t], i]", "vd #v:t", lambda E, c: (E[c[t], i], [t, i]), lambda E, c: E[c],
             least={"t": 2}),
    _indexed("A[0, j, 1, l]", "abcd", lambda A: (A[0, j, 1, l], [j, l]), lambda A: A[0, :, 1, :],
             least={"c": 2}),
    _indexed("softmax by index", "n", lambda z: (
        sp.exp(z[k]) / Sum(sp.exp(z[l]), (l, 0, z.dims[0] - 1)),
        [(k, 0, z.dims[0] - 1)]), m.softmax),
    _indexed("an elementwise body of rank 3", "abc c a", lambda A, x, y: (
        sp.tanh(A[i, j, k]) * x[k] / (1 + y[i] ** 2), [i, j, k]),
        lambda A, x, y: anp.tanh(A) * x / (1 + y[:, None, None] ** 2)),
    _indexed("an elementwise body of rank 4", "abcd d", lambda A, x: (
        sp.exp(-(A[i, j, k, l] ** 2)) + x[l], [i, j, k, l]), lambda A, x: anp.exp(-(A**2)) + x),
    _indexed("ReLU by index", "nm", lambda A: (sp.Max(0, A[i, j]), [i, j]), m.relu, kinks=one,
             covers=("let",)),
)  # fmt: skip
