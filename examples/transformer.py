"""A causal transformer, declared in SymPy and trained from one generated file.

The network reads a sequence of tokens and predicts the next one at every place: embedding, blocks
of layer norm, multi-head attention and a GELU layer with residual connections, and a softmax over
the vocabulary with the embedding's own weights. Every size is symbolic until training starts.

The task is a small one with a right answer: sequences repeat a random word of their own, so the
next token can be known from the second time on by attending to what followed last time, and
cannot be known before.

    python examples/transformer.py
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import sympy as sp
from sympy import IndexedBase, MatrixSymbol, OneMatrix, Sum, symbols

import symgrad as sg

T, D, A, F, V, HEADS = symbols("T D A F V heads", integer=True, positive=True)
"""Places, features, features of a head, hidden units, tokens, heads."""


def declare(blocks: int) -> tuple[Any, list[Any], list[Any], Any]:
    """The loss of one sequence, the parameters, the data and the prediction."""
    embedding = MatrixSymbol("E", V, D)
    position = MatrixSymbol("S", T, D)
    tokens, following = sg.label("tokens", V, T), sg.label("following", V, T)
    params: list[Any] = [embedding, position]

    def matrix(name: str, rows: Any, columns: Any) -> Any:
        params.append(MatrixSymbol(name, rows, columns))
        return params[-1]

    def heads(name: str, rows: Any, columns: Any) -> Any:
        params.append(IndexedBase(name, shape=(HEADS, rows, columns)))
        return params[-1]

    ones = OneMatrix(T, 1)
    x = sg.let("x0", sg.embedding(embedding, tokens) + position)
    for k in map(str, range(1, blocks + 1)):
        norm = sg.layer_norm(x, matrix("g" + k, D, 1), matrix("s" + k, D, 1), name=f"_a{k}")
        a = sg.let("a" + k, norm)
        weights = [heads(f"W{x}{k}", D, A) for x in "qkv"] + [heads("Wo" + k, A, D)]
        mixed = sg.multi_head_attention(a, *weights, causal=True, name=k)
        r = sg.let("r" + k, x + mixed)
        norm = sg.layer_norm(r, matrix("h" + k, D, 1), matrix("t" + k, D, 1), name=f"_n{k}")
        n = sg.let("n" + k, norm)
        u = sg.let("u" + k, n * matrix("W" + k, D, F) + ones * matrix("b" + k, F, 1).T)
        f = sg.let("f" + k, sg.gelu(u))
        x = sg.let("x" + k, r + f * matrix("V" + k, F, D) + ones * matrix("c" + k, D, 1).T)
    z = sg.let("z", x * embedding.T)
    p = sg.let("p", sg.softmax(z, rows=True))
    t = symbols("t", integer=True)
    loss = sg.let("L", -Sum(sp.log(p[t, following[t]]), (t, 0, T - 1)) / T)
    return loss, params, [tokens, following], p


def sequences(count: int, length: int, tokens: int, seed: int) -> tuple[Any, Any]:
    """Random words of four tokens, each repeated, and the same shifted by one place."""
    rng = np.random.default_rng(seed)
    words = rng.integers(tokens, size=(count, 4))
    lines = np.tile(words, length // 4 + 1)
    return lines[:, :length], lines[:, 1 : length + 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--target", default="numpy", choices=["numpy", "numba"])
    options = parser.parse_args()

    loss, params, data, p = declare(blocks=2)
    d = sg.gradient(loss, params)
    print("The last block, backwards:")
    for step in d.steps:
        if step.phase == "backward" and step.names[0] in ("δ_z", "δ_x2", "δ_u2", "δ_n2"):
            print("  " + step.text)

    module = sg.training_module(
        loss, params=params, data=data, predict=p, target=options.target, name="transformer"
    ).load()
    x, y = sequences(256, 12, tokens=8, seed=1)
    sizes = {"D": 24, "A": 12, "F": 32, "V": 8, "heads": 2, "T": 12}
    start = module.init(seed=0, **sizes)
    gains = {name: np.ones_like(a) for name, a in start._asdict().items() if name[0] in "gh"}
    start = start._replace(**gains)
    params, history = module.fit(
        x, y, params=start, epochs=options.epochs, batch_size=32, learning_rate=0.5
    )
    x, y = sequences(128, 12, tokens=8, seed=2)
    right = module.predict(params, x).argmax(axis=2) == y
    print(f"loss {history.loss[0]:.2f} → {history.loss[-1]:.2f}")
    print(f"right while the word is new: {right[:, :3].mean():.0%}")
    print(f"right once it repeats:       {right[:, 4:].mean():.0%}")


if __name__ == "__main__":
    main()
