"""Rows of `network_rows`: layers, and leaves that carry facts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import meanings as m
import sympy as sp
from network_row import POSITIVE, Array, Row, gaps

import symgrad as sg

# ------------------------------------------------------------------------------------- layers


def _pooling(name: str, axes: int, how: str, *, size: int = 2, **options: Any) -> Row:
    declare = getattr(sg, f"{name}{axes}d")
    shown = "".join(f", {key} {x}" for key, x in {"size": size, **options}.items())
    return Row(
        f"{name}{axes}d{shown}",
        "ct" if axes == 1 else "cst",
        lambda x: declare(x, size, **options),
        lambda x: m.pool(x, size, axes=axes, how=how, **options),
        kinks=gaps if how == "max" else None,
        covers=(declare.__name__,),
        least={"s": 3, "t": 3},
    )


def _convolution(axes: int, bias: bool = False, **options: Any) -> Row:
    declare, meaning = ((sg.conv1d, m.conv1d), (sg.conv2d, m.conv2d))[axes - 1]
    shown = "".join(f", {key} {x}" for key, x in {"bias": bias, **options}.items() if x)
    return Row(
        f"{declare.__name__}{shown}",
        ("ct ocu" if axes == 1 else "cst ocuv") + " o" * bias,
        lambda *xs: declare(*xs, **options),
        lambda *xs: meaning(*xs, **options),
        covers=(declare.__name__,),
        sizes={"u": (1, 2), "v": (1, 2), **({"c": (1, 2), "o": (1, 2)} if axes == 2 else {})},
        least={"s": 3, "t": 3},
    )


def _steps(kind: str) -> Row:
    def declare(X: Any, *weights: Any, name: str) -> Any:
        gates = dict(zip(m.GATES[kind], zip(*[iter(weights)] * 3, strict=True), strict=True))
        made = sg.cell(kind, X.shape[1], weights[0].shape[0], suffix=name)
        assert [tuple(x.shape) for x in made.parameters] == [tuple(x.shape) for x in weights]
        return sg.recurrent(made._replace(gates=gates), sg.rows(X), suffix=f"_{name}")[-1]

    return Row(
        kind,
        "td" + " hd hh h" * len(m.GATES[kind]),
        declare,
        getattr(m, kind),
        covers=("cell", "recurrent", "rows"),
        sizes={"t": (1, 2, 3)},
        naming=True,
    )


def _state(X: Any, W: Any, U: Any, b: Any, h: Any, *, name: str) -> Any:
    weights = sg.cell("rnn", X.shape[1], W.shape[0])._replace(gates={"h": (W, U, b)})
    return sg.recurrent(weights, X, h, suffix=f"_{name}")[-1]


LAYERS = (
    _convolution(1),
    _convolution(1, True, padding=1),
    _convolution(1, stride=2),
    _convolution(1, True, dilation=2, padding=1, stride=2),
    _convolution(2),
    _convolution(2, True, stride=2, padding=1),
    _pooling("max_pool", 1, "max"),
    _pooling("max_pool", 1, "max", size=3, stride=1, padding=1),
    _pooling("max_pool", 2, "max"),
    _pooling("max_pool", 2, "max", stride=1),
    _pooling("avg_pool", 1, "mean"),
    _pooling("avg_pool", 1, "mean", size=3, stride=1, padding=1),
    _pooling("avg_pool", 2, "mean"),
    Row("layer_norm", "d", sg.layer_norm, m.normalised, kinks=m.spread, least={"d": 2}),
    Row("layer_norm, rows", "td d d", sg.layer_norm, m.normalised,
        kinks=lambda x, *_: m.spread(x), least={"d": 2}),
    Row("layer_norm, named", "td d d", lambda *xs, name: sg.layer_norm(*xs, name=name),
        m.normalised, kinks=lambda x, *_: m.spread(x), least={"d": 2}, naming=True),
    Row("batch_norm", "td d d", sg.batch_norm, lambda *xs: m.normalised(*xs, axis=0),
        kinks=lambda x, *_: m.spread(x.T), least={"t": 2}),
    Row("dropout", "td %td", sg.dropout, lambda x, mask: x * mask / 0.75,
        covers=("dropout", "mask")),
    Row("dropout, of a vector", "d %d", sg.dropout, lambda x, mask: x * mask / 0.75,
        covers=("dropout", "mask")),
    Row("harden, of dropout", "d^ %d", lambda x, mask: sg.harden(sg.dropout(x, mask)),
        lambda x, mask: x, covers=("harden",)),
    Row("attention", "td sd se", sg.attention, m.attention),
    Row("attention, causal", "td td te", lambda *xs: sg.attention(*xs, causal=True),
        lambda *xs: m.attention(*xs, causal=True)),
    Row("multi_head_attention", "td hde hde hde hed", sg.multi_head_attention, m.heads,
        sizes={"h": (1, 2)}),
    Row("multi_head_attention, causal, named", "td hde hde hde hed",
        lambda *xs, name: sg.multi_head_attention(*xs, causal=True, name=name),
        lambda *xs: m.heads(*xs, causal=True), sizes={"h": (1, 2)}, naming=True),
    Row("embedding", "vd #v:t", sg.embedding, lambda E, c: E[c]),
    Row("embedding, of one label", "vd #v", sg.embedding, lambda E, c: E[c],
        covers=("embedding", "label")),
    *map(_steps, ("rnn", "lstm", "gru")),
    Row("recurrent, from a state", "td hd hh h h", _state,
        lambda X, W, U, b, h: m.rnn(X, W, U, b, h=h), sizes={"t": (1, 2)}, naming=True),
    Row("row", "td", lambda X: sg.row(X, 0), lambda X: X[0]),
    Row("rows", "td", lambda X: sg.rows(X)[-1], lambda X: X[-1], sizes={"t": (1, 2, 3)}),
    Row("residual block", "dd d d dd", lambda W, b, x, V: x + V * sg.relu(W * x + b),
        lambda W, b, x, V: x + anp.dot(V, m.relu(anp.dot(W, x) + b)),
        kinks=lambda W, b, x, V: anp.dot(W, x) + b, covers=("relu",)),
)  # fmt: skip


# -------------------------------------------------------------------------------------- facts


def _fact(name: str, operands: str, declare: Callable[..., Any], meaning: Any) -> Row:
    return Row(f"fact {name}", operands, declare, meaning, covers=("assume", f"fact {name}"))


def _form(x: Any, S: Any) -> Any:
    return sg.dot(x, S * x) / 2 + sg.dot(x, S.T * x)


def _form_meaning(x: Array, S: Array) -> Array:
    return 1.5 * anp.dot(x, anp.dot(S, x))


FACTS = (
    _fact("symmetric", "n nn=symmetric", _form, _form_meaning),
    _fact("positive definite", "n nn=positive definite", _form, _form_meaning),
    _fact("diagonal", "n nn=diagonal", lambda x, E: E * x + E.T * E * x,
          lambda x, E: anp.dot(E, x) + anp.dot(E.T, anp.dot(E, x))),
    _fact("orthogonal", "n nn=orthogonal",
          lambda x, R: sg.dot(R * x, R * x) / 2 + sg.sum(sg.tanh(R.T * x)),
          lambda x, R: anp.sum(anp.dot(R, x) ** 2) / 2 + anp.sum(anp.tanh(anp.dot(R.T, x)))),
    _fact("unit norm", "n n=unit norm", lambda x, u: sg.dot(u, u) * sg.dot(x, x) / 2 + sg.dot(u, x),
          lambda x, u: anp.dot(u, u) * anp.dot(x, x) / 2 + anp.dot(u, x)),
    _fact("one-hot", "n n=one-hot", lambda x, o: sg.dot(sp.hadamard_product(o, o), x) + sg.norm(o),
          lambda x, o: anp.dot(o * o, x) + anp.sqrt(anp.sum(o * o))),
    _fact("simplex", "n n=simplex", lambda x, y: sg.sum(y) * x + y,
          lambda x, y: anp.sum(y) * x + y),
    _fact("positive", "n n=positive", lambda x, w: sp.hadamard_product(sg.relu(w), x) + sg.abs(w),
          lambda x, w: w * x + w),
    _fact("nonnegative", "nm nm=nonnegative", lambda x, w: sp.hadamard_product(sg.exp(w), x),
          lambda x, w: anp.exp(w) * x),
    _fact("positive, scalar", ". .=positive", lambda s, a: sp.Abs(a) * s + sp.log(a),
          lambda s, a: a * s + anp.log(a)),
    _fact("positive, of an array", "tnm tnm=positive", lambda x, w: sg.dot(x, sg.log(w)),
          lambda x, w: anp.sum(x * anp.log(w))),
    Row("simplex", "n n=simplex", sg.kl_divergence, lambda q, p: anp.sum(q * anp.log(q / p)),
        (POSITIVE, POSITIVE), covers=("simplex",)),
)  # fmt: skip
