"""The networks in JAX: functions from the parameters and a minibatch to the logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workloads import Attention, Convolution, Dense, Lstm, Workload

Logits = Callable[[Any, Any], Any]


def dense(w: Dense) -> Logits:
    import jax
    import jax.numpy as jnp

    activation = {"tanh": jnp.tanh, "relu": jax.nn.relu}[w.hidden]

    def logits(params: Any, x: Any) -> Any:
        h = x
        for k in range(0, len(params), 2):
            h = h @ params[k].T + params[k + 1]
            h = activation(h) if k + 2 < len(params) else h
        return h

    return logits


def lstm(w: Lstm) -> Logits:
    import jax
    import jax.numpy as jnp

    H = w.units

    def logits(params: Any, x: Any) -> Any:
        W, U, b = (jnp.concatenate(params[k:12:3]) for k in range(3))
        V, v = params[-2:]

        def step(state: Any, a: Any) -> Any:
            h, c = state
            a = a + h @ U.T
            f, i, o = (jax.nn.sigmoid(a[:, k * H : (k + 1) * H]) for k in range(3))
            c = f * c + i * jnp.tanh(a[:, 3 * H :])
            return (o * jnp.tanh(c), c), None

        a = (x @ W.T + b).transpose(1, 0, 2)
        zero = jnp.zeros((len(x), H), x.dtype)
        (h, _), _ = jax.lax.scan(step, (zero, zero), a)
        return h @ V.T + v

    return logits


def convolution(w: Convolution) -> Logits:
    import jax
    import jax.numpy as jnp

    def logits(params: Any, x: Any) -> Any:
        K, k, V, v = params
        u = jax.lax.conv(x, K, (1, 1), "VALID") + k[:, None, None]
        h = jax.nn.relu(u).reshape(len(x), w.filters, 3, 2, 3, 2).max(axis=(3, 5))
        return jnp.einsum("ncij,kcij->nk", h, V) + v

    return logits


def attention(w: Attention) -> Logits:
    import jax
    import jax.numpy as jnp

    def logits(params: Any, x: Any) -> Any:
        Q, K, V, O, P, p = params
        scores = (x @ Q) @ (x @ K).transpose(0, 2, 1) / jnp.sqrt(x.dtype.type(w.width))
        h = jax.nn.relu(x + jax.nn.softmax(scores) @ (x @ V) @ O)
        return h.mean(axis=1) @ P.T + p

    return logits


NETWORKS: dict[type[Workload], Callable[[Any], Logits]] = {
    Dense: dense,
    Lstm: lstm,
    Convolution: convolution,
    Attention: attention,
}


def logits_of(workload: Workload) -> Logits:
    """The network of any workload."""
    return NETWORKS[type(workload)](workload)
