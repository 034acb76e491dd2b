"""Networks that are not dense, forward and backward in NumPy as an engineer writes them by hand.

Each is a class that is made once for its workload: `forward(params, x)` gives the logits and keeps
what `backward(params, delta)` needs; `delta` is ∂L/∂logits, and the gradients come in the order of
the parameters. Weights that are used together are held as one array.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from workloads import Arrays, Attention, Convolution, Lstm, Workload


class LstmNetwork:
    """The four gates in one product each step; the products with the inputs all at once."""

    def __init__(self, w: Lstm) -> None:
        self.w = w

    def forward(self, params: Arrays, x: np.ndarray) -> np.ndarray:
        H, T = self.w.units, self.w.length
        W, U, b = self._stacked(params)
        V, v = params[-2:]
        n = len(x)
        self.x = x
        a = (x.reshape(n * T, -1) @ W.T).reshape(n, T, 4 * H) + b
        self.h = np.zeros((T + 1, n, H), x.dtype)
        self.c = np.zeros((T + 1, n, H), x.dtype)
        self.gates = np.empty((T, n, 4 * H), x.dtype)
        self.squashed = np.empty((T, n, H), x.dtype)
        for t in range(T):
            g = self.gates[t]
            np.add(a[:, t], self.h[t] @ U.T, out=g)
            sigmoids = g[:, : 3 * H]
            sigmoids *= 0.5  # σ(t) = (1 + tanh(t/2))/2
            np.tanh(g, out=g)
            sigmoids += 1
            sigmoids *= 0.5
            f, i, o, u = (g[:, k * H : (k + 1) * H] for k in range(4))
            np.multiply(f, self.c[t], out=self.c[t + 1])
            self.c[t + 1] += i * u
            np.tanh(self.c[t + 1], out=self.squashed[t])
            np.multiply(o, self.squashed[t], out=self.h[t + 1])
        return self.h[T] @ V.T + v

    def backward(self, params: Arrays, delta: np.ndarray) -> Arrays:
        H, T = self.w.units, self.w.length
        _, U, _ = self._stacked(params)
        V = params[-2]
        dV, dv = delta.T @ self.h[T], delta.sum(axis=0)
        dh, dc = delta @ V, np.zeros_like(self.c[0])
        da = np.empty_like(self.gates)
        for t in reversed(range(T)):
            g, s = self.gates[t], self.squashed[t]
            f, i, o, u = (g[:, k * H : (k + 1) * H] for k in range(4))
            dc += dh * o * (1 - s * s)
            d = da[t]
            d[:, :H] = dc * self.c[t]
            d[:, H : 2 * H] = dc * u
            d[:, 2 * H : 3 * H] = dh * s
            d[:, : 3 * H] *= g[:, : 3 * H] * (1 - g[:, : 3 * H])
            d[:, 3 * H :] = dc * i * (1 - u * u)
            dc *= f
            dh = d @ U
        flat = da.reshape(-1, 4 * H)
        dW = flat.T @ self.x.transpose(1, 0, 2).reshape(len(flat), -1)
        dU = flat.T @ self.h[:T].reshape(len(flat), -1)
        db = flat.sum(axis=0)
        gates = [x[k * H : (k + 1) * H] for k in range(4) for x in (dW, dU, db)]
        return [*gates, dV, dv]

    def _stacked(self, params: Arrays) -> Any:
        return tuple(np.concatenate(params[k:12:3]) for k in range(3))


class ConvolutionNetwork:
    """The windows as the rows of one matrix."""

    def __init__(self, w: Convolution) -> None:
        self.w = w

    def forward(self, params: Arrays, x: np.ndarray) -> np.ndarray:
        K, k, V, v = params
        n, F = len(x), self.w.filters
        windows = np.lib.stride_tricks.sliding_window_view(x[:, 0], (3, 3), axis=(1, 2))
        self.windows = windows.reshape(n * 36, 9)
        self.u = self.windows @ K.reshape(F, 9).T + k  # (n·36, F)
        # The four places of each maximum side by side: (n, 3, 3, F, 4)
        parts = np.maximum(self.u, 0).reshape(n, 3, 2, 3, 2, F).transpose(0, 1, 3, 5, 2, 4)
        parts = parts.reshape(n, 3, 3, F, 4)
        self.place = parts.argmax(axis=4)[..., None]
        pooled = np.take_along_axis(parts, self.place, axis=4)[..., 0]
        self.h = pooled.transpose(0, 3, 1, 2).reshape(n, F * 9)
        return self.h @ V.reshape(len(V), -1).T + v

    def backward(self, params: Arrays, delta: np.ndarray) -> Arrays:
        K, _, V, _ = params
        n, F = len(delta), self.w.filters
        dV, dv = (delta.T @ self.h).reshape(V.shape), delta.sum(axis=0)
        dh = (delta @ V.reshape(len(V), -1)).reshape(n, F, 3, 3).transpose(0, 2, 3, 1)
        parts = np.zeros((n, 3, 3, F, 4), delta.dtype)
        np.put_along_axis(parts, self.place, dh[..., None], axis=4)
        du = parts.reshape(n, 3, 3, F, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(n * 36, F)
        du = du * (self.u > 0)
        return [(du.T @ self.windows).reshape(K.shape), du.sum(axis=0), dV, dv]


class AttentionNetwork:
    """Products with the weights for all tokens of all examples at once."""

    def __init__(self, w: Attention) -> None:
        self.w = w

    def forward(self, params: Arrays, x: np.ndarray) -> np.ndarray:
        Q, K, V, O, P, p = params
        T, D = self.w.length, self.w.width
        self.x = x
        rows = x.reshape(-1, D)
        self.q, self.k, self.v = ((rows @ M).reshape(-1, T, D) for M in (Q, K, V))
        s = self.q @ self.k.transpose(0, 2, 1)
        s /= np.sqrt(x.dtype.type(D))
        s -= s.max(axis=2, keepdims=True)
        np.exp(s, out=s)
        s /= s.sum(axis=2, keepdims=True)
        self.s = s
        self.a = s @ self.v
        self.u = (self.a.reshape(-1, D) @ O).reshape(-1, T, D) + x
        self.m = np.maximum(self.u, 0).mean(axis=1)
        return self.m @ P.T + p

    def backward(self, params: Arrays, delta: np.ndarray) -> Arrays:
        _, _, _, O, P, _ = params
        T, D = self.w.length, self.w.width
        dP, dp = delta.T @ self.m, delta.sum(axis=0)
        du = (self.u > 0) * (delta @ P / delta.dtype.type(T))[:, None, :]
        flat = du.reshape(-1, D)
        dO = self.a.reshape(-1, D).T @ flat
        da = (flat @ O.T).reshape(-1, T, D)
        ds = da @ self.v.transpose(0, 2, 1)
        dv = self.s.transpose(0, 2, 1) @ da
        ds -= (ds * self.s).sum(axis=2, keepdims=True)
        ds *= self.s
        ds /= np.sqrt(delta.dtype.type(D))
        dq, dk = ds @ self.k, ds.transpose(0, 2, 1) @ self.q
        rows = self.x.reshape(-1, D)
        return [*(rows.T @ g.reshape(-1, D) for g in (dq, dk, dv)), dO, dP, dp]


NETWORKS: dict[type[Workload], Any] = {
    Lstm: LstmNetwork,
    Convolution: ConvolutionNetwork,
    Attention: AttentionNetwork,
}
