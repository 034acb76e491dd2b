"""Embedding lookup and attention, with one head or several, causal or not."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symgrad import graph as g
from symgrad.errors import DeclarationError, ShapeError
from symgrad.functions import as_expression, softmax_node
from symgrad.graph import Dim, dim
from symgrad.lift import lift
from symgrad.spaces import HIDDEN, Factor, Space, full_shape, operand, scaled
from symgrad.symbols import LabelSymbol, call


def embedding(E: Any, tokens: Any) -> Any:
    """The rows of E, V×D, at class labels: E[c, ·] of one label, T×D of a vector of T labels.

    Labels are declared with ``sg.label("c", V)`` or ``sg.label("c", V, T)``. The gradient of E
    has what reaches a token at its row, added up over its occurrences, and 0 elsewhere.
    """
    E, tokens = operand(E, 2, "embedding", "tokens×features"), as_expression(tokens)
    node = lift(tokens)
    leaf = node.leaf if node.kind is g.Kind.LEAF else None
    if leaf is None or leaf.classes is None:
        raise DeclarationError(
            f"embedding looks up rows of {E} at {tokens}, which is no class label; declare it "
            f"with sg.label({str(tokens)!r}, {E.shape[0]})."
        )
    rows, features = full_shape(E, 2)
    if leaf.classes != rows:
        raise ShapeError(
            f"embedding looks up rows of {E}, which has {rows}, at {tokens}, a label of "
            f"{leaf.classes} classes; these have to be equal."
        )
    space = Space()
    count: Dim = 1 if isinstance(tokens, LabelSymbol) else dim(tokens.shape[0])
    space.extents.update(t=count, v=rows, d=features)
    picked = g.onehot(node, rows) if rows != 1 else g.const(1, node.shape)
    value = space.product("td", Factor(lift(E), "vd"), Factor(picked, "tv"))
    shape = [features] if isinstance(tokens, LabelSymbol) else [count, features]
    return call(embedding, (E, tokens), value, shape)


def attention(Q: Any, K: Any, V: Any, *, causal: bool = False) -> Any:
    """softmax(Q·Kᵀ/√d)·V, each row of scores normalised (Vaswani et al. 2017).

    Q is T×d, K is S×d and V is S×e; the result is T×e. With ``causal=True`` the row t sees the
    rows s ≤ t only.
    """
    Q, K, V = (operand(a, 2, "attention", "places×features") for a in (Q, K, V))
    space = Space()
    q, k, v = (space.seen(a, x) for a, x in zip((Q, K, V), ("td", "sd", "se"), strict=True))
    scores = Factor(space.product("ts", q, k), "ts")
    weights = _weights(space, scores, space.extents["d"], causal, None)
    node = space.product("te", weights, v)
    options = {"causal": causal}
    return call(attention, (Q, K, V), node, tuple(space.extents[x] for x in "te"), options)


def _weights(space: Space, scores: Factor, d: Dim, causal: bool, name: str | None) -> Factor:
    """softmax over s of scores/√d, the future hidden if ``causal``."""
    letters = scores.letters
    terms: list[tuple[Any, Factor]] = [(1 / sp.sqrt(d), scores)]
    if causal:
        later = space.where("ts", (-1, 1), -1, "≥")  # s ≥ t + 1
        hidden = scaled(HIDDEN, later.node)
        terms.append((1, Factor(g.named(f"M{name}", hidden) if name else hidden, "ts")))
    masked = space.total(letters, *terms)
    return Factor(softmax_node(masked, int(space.extents["s"] != 1)), letters)


def multi_head_attention(
    X: Any, WQ: Any, WK: Any, WV: Any, WO: Any, *, causal: bool = False, name: str | None = None
) -> Any:
    """Σ_h softmax(X·WQ_h·(X·WK_h)ᵀ/√E)·X·WV_h·WO_h, the sum over the heads h.

    X is T×D; WQ, WK and WV are heads×D×E and WO is heads×E×D, declared as IndexedBase; the result
    is T×D. (Stacking the heads and multiplying by one matrix is the same sum.) With a ``name``
    the queries, keys, values, weights and mixed values are named Q, K, V, P and O, and the mask
    M, each with that name behind.
    """
    X = operand(X, 2, "multi_head_attention", "places×features")
    weights = [operand(W, 3, "multi_head_attention", "heads×in×out") for W in (WQ, WK, WV, WO)]
    space = Space()
    letters = ("hde", "hde", "hde", "hed")
    wq, wk, wv, wo = (space.seen(W, x) for W, x in zip(weights, letters, strict=True))
    x = space.seen(X, "td")
    space.extents["s"] = space.extents["t"]

    def named(prefix: str, value: Factor) -> Factor:
        if name is None or not value.node.shape:
            return value
        return Factor(g.named(prefix + name, value.node), value.letters)

    q = named("Q", Factor(space.product("hte", x, wq), "hte"))
    k = named("K", Factor(space.product("hte", x, wk), "hte"))
    v = named("V", Factor(space.product("hte", x, wv), "hte"))
    scores = Factor(space.product("hts", q, k._replace(letters="hse")), "hts")
    p = named("P", _weights(space, scores, space.extents["e"], causal, name))
    o = named("O", Factor(space.product("hte", p, v._replace(letters="hse")), "hte"))
    node = space.product("td", o, wo)
    shape = [space.extents[x] for x in "td"]
    options = {"causal": causal, "name": name}
    return call(multi_head_attention, (X, *weights), node, shape, options)
