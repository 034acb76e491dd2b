"""What an engineer would write without any tool: NumPy, Numba, and C.

Each is the best that its author's reader would still call plain: buffers reused where that is easy,
nothing computed twice, no gradient by the input.
"""

from __future__ import annotations

import ctypes
import math
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from contestants import Contestant, Epoch, NotEntered
from numpy_networks import NETWORKS
from workloads import BETA1, BETA2, EPSILON, Arrays, Dense, Workload


class Numpy(Contestant):
    """Forward and backward in NumPy, in place where it can be."""

    def build(self) -> Epoch:
        w, targets = self.workload, self.data[-1]
        (X, *_), batch, loss = self.data, w.batch, w.loss
        network = DenseNetwork(w) if isinstance(w, Dense) else NETWORKS[type(w)](w)

        def epoch(held: Any, order: np.ndarray) -> float:
            params, moments = held
            total = 0.0
            for start in range(0, len(order), batch):
                rows = order[start : start + batch]
                x = X[rows]
                y = x if loss == "squared" else targets[rows]
                value, delta = _loss(loss, network.forward(params, x), y)
                total += value
                delta /= len(rows)
                self.update(params, network.backward(params, delta), moments)
            return total / len(order)

        return epoch

    def update(self, params: Arrays, slopes: Arrays, moments: list[Any]) -> None:
        """The optimizer, in place."""
        rate = self.workload.rate
        if self.workload.optimizer == "sgd":
            for p, g in zip(params, slopes, strict=True):
                g *= rate
                p -= g
            return
        moments[0] += 1
        t = moments[0]
        for p, g, m, v in zip(params, slopes, moments[1], moments[2], strict=True):
            m *= BETA1
            m += (1 - BETA1) * g
            v *= BETA2
            g *= g
            g *= 1 - BETA2
            v += g
            p -= rate / (1 - BETA1**t) * m / (np.sqrt(v) / math.sqrt(1 - BETA2**t) + EPSILON)

    def put(self, params: Arrays) -> Any:
        copies = [a.copy() for a in params]
        return copies, [0, [np.zeros_like(a) for a in params], [np.zeros_like(a) for a in params]]

    def get(self, held: Any) -> Arrays:
        return list(held[0])


class DenseNetwork:
    """Layers; as the classes of `numpy_networks`."""

    def __init__(self, w: Dense) -> None:
        self.tanh = w.hidden == "tanh"

    def forward(self, params: Arrays, x: np.ndarray) -> np.ndarray:
        """The values of each layer are kept; the last are the result."""
        weights, biases = params[::2], params[1::2]
        self.values = [x]
        for W, b in zip(weights, biases, strict=True):
            z = self.values[-1] @ W.T
            z += b
            if len(self.values) < len(weights):
                np.tanh(z, out=z) if self.tanh else np.maximum(z, 0, out=z)
            self.values.append(z)
        return self.values[-1]

    def backward(self, params: Arrays, delta: np.ndarray) -> Arrays:
        """Gradients in the order of the parameters."""
        weights = params[::2]
        slopes: Arrays = []
        for k in reversed(range(len(weights))):
            slopes += [delta.sum(axis=0), delta.T @ self.values[k]]
            if k:
                h = self.values[k]
                delta = delta @ weights[k]
                delta *= (1 - h * h) if self.tanh else h > 0
        return slopes[::-1]


def _loss(kind: str, z: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """The sum of the losses, and its derivative by z, whose place it may take."""
    if kind == "softmax":
        z -= z.max(axis=1, keepdims=True)
        delta = np.exp(z)
        s = delta.sum(axis=1, keepdims=True)
        value = float(np.log(s).sum() - np.vdot(y, z))
        delta /= s
        delta -= y
        return value, delta
    if kind == "logistic":
        value = float((np.logaddexp(0, z) - y * z).sum())
        delta = 1 / (1 + np.exp(-z))
        delta -= y
        return value, delta
    z -= y
    return float(np.vdot(z, z)) / 2, z


class Oracle(Numpy):
    """The same in float64 on the same data: what everyone must agree with."""

    def put(self, params: Arrays) -> Any:
        return super().put([a.astype(np.float64) for a in params])


class Numba(Contestant):
    """Loops and `np.dot` into buffers, compiled with `fastmath`."""

    def build(self) -> Epoch:
        import numba

        w, dtype = _dense(self.workload), np.dtype(self.dtype).type
        batch, depth, rate = w.batch, len(w.layers), dtype(w.rate)
        is_tanh, is_adam, loss = w.hidden == "tanh", w.optimizer == "adam", w.loss
        softmax, logistic, squared = (loss == x for x in ("softmax", "logistic", "squared"))
        one, scale, epsilon = dtype(1), dtype(1 / batch), dtype(EPSILON)
        b1, c1, b2, c2 = (dtype(x) for x in (BETA1, 1 - BETA1, BETA2, 1 - BETA2))

        @numba.njit(fastmath=True, error_model="numpy")
        def update(p: Any, g: Any, m: Any, v: Any, t: Any) -> None:
            if is_adam:
                step, root = dtype(rate / (1 - BETA1**t)), dtype(math.sqrt(1 - BETA2**t))
                for i in range(p.size):
                    m[i] = b1 * m[i] + c1 * g[i]
                    v[i] = b2 * v[i] + c2 * g[i] * g[i]
                    p[i] -= step * m[i] / (math.sqrt(v[i]) / root + epsilon)
            else:
                for i in range(p.size):
                    p[i] -= rate * g[i]

        @numba.njit(fastmath=True, error_model="numpy")
        def last(z: Any, y: Any) -> float:
            total = 0.0
            for i in range(batch):
                if softmax:
                    top, s, picked = z[i, 0], dtype(0), dtype(0)
                    for j in range(z.shape[1]):
                        top = max(top, z[i, j])
                    for j in range(z.shape[1]):
                        picked += y[i, j] * (z[i, j] - top)
                        z[i, j] = math.exp(z[i, j] - top)
                        s += z[i, j]
                    for j in range(z.shape[1]):
                        z[i, j] = (z[i, j] / s - y[i, j]) * scale
                    total += math.log(s) - picked
                elif logistic:
                    e = math.exp(-abs(z[i, 0]))
                    total += math.log(one + e) + max(z[i, 0], dtype(0)) - y[i, 0] * z[i, 0]
                    z[i, 0] = ((one if z[i, 0] > 0 else e) / (one + e) - y[i, 0]) * scale
                else:
                    for j in range(z.shape[1]):
                        r = z[i, j] - y[i, j]
                        total += r * r / 2
                        z[i, j] = r * scale
            return total

        @numba.njit(fastmath=True, error_model="numpy")
        def run(
            W: Any, b: Any, G: Any, gb: Any, moments: Any, t: Any, h: Any, d: Any, y: Any,
            X: Any, Y: Any, order: Any,
        ) -> float:  # fmt: skip
            total = 0.0
            for start in range(0, order.size, batch):
                for i in range(batch):
                    row = order[start + i]
                    h[0][i] = X[row]
                    if not squared:
                        y[i] = Y[row]
                for k in range(depth):
                    z = h[k + 1]
                    np.dot(h[k], W[k].T, z)
                    for i in range(batch):
                        for j in range(z.shape[1]):
                            z[i, j] += b[k][j]
                            if k < depth - 1:
                                z[i, j] = math.tanh(z[i, j]) if is_tanh else max(z[i, j], dtype(0))
                total += last(h[depth], h[0] if squared else y)
                t += 1
                delta = h[depth]
                for k in range(depth - 1, -1, -1):
                    np.dot(delta.T, h[k], G[k])
                    gb[k][:] = 0
                    for i in range(batch):
                        for j in range(gb[k].size):
                            gb[k][j] += delta[i, j]
                    if k > 0:
                        np.dot(delta, W[k], d[k])
                        for i in range(batch):
                            for j in range(d[k].shape[1]):
                                v = h[k][i, j]
                                if is_tanh:
                                    d[k][i, j] *= one - v * v
                                elif v <= 0:
                                    d[k][i, j] = 0
                    delta = d[k]
                    m, v, mb, vb = moments[0][k], moments[1][k], moments[2][k], moments[3][k]
                    update(W[k].ravel(), G[k].ravel(), m, v, t)
                    update(b[k], gb[k], mb, vb, t)
            return total

        X, Y = self.data[0], self.data[-1]
        h = tuple(np.zeros((batch, n), dtype) for n in w.sizes)
        d = tuple(np.zeros((batch, n), dtype) for n in w.sizes)
        y = np.zeros((batch, w.sizes[-1]), dtype)

        def epoch(held: Any, order: np.ndarray) -> float:
            W, b, moments = held
            G, gb = (tuple(np.zeros_like(a) for a in arrays) for arrays in (W, b))
            return float(run(W, b, G, gb, moments, 0, h, d, y, X, Y, order)) / len(order)

        return epoch

    def put(self, params: Arrays) -> Any:
        W, b = (tuple(a.copy() for a in params[k::2]) for k in (0, 1))
        return W, b, tuple(tuple(np.zeros(x.size, x.dtype) for x in a) for a in (W, W, b, b))

    def get(self, held: Any) -> Arrays:
        return [a for pair in zip(held[0], held[1], strict=True) for a in pair]


class C(Contestant):
    """`mlp.c`, with the sizes as constants; SciPy's BLAS where a product is worth the call."""

    COMMAND = ("cc", "-O3", "-march=native", "-ffast-math", "-shared", "-fPIC")

    def build(self) -> Epoch:
        from scipy.linalg import cython_blas

        w, single = _dense(self.workload), self.dtype == "float32"
        suffix = "f" if single else ""
        defined = {
            "REAL": "float" if single else "double",
            **{name: name.lower() + suffix for name in ("EXP", "TANH", "LOG")},
            "SIZES": ",".join(map(str, w.sizes)),
            "LAYERS": len(w.layers),
            "BATCH": w.batch,
            "HIDDEN_TANH": int(w.hidden == "tanh"),
            "LOSS": w.loss.upper(),
            "ADAM": int(w.optimizer == "adam"),
        }
        source = Path(__file__).with_name("mlp.c")
        with tempfile.TemporaryDirectory() as folder:
            library = Path(folder) / "mlp.so"
            names = [f"-D{name}={value}" for name, value in defined.items()]
            command = [*self.COMMAND, *names, str(source), "-o", str(library), "-lm"]
            try:
                subprocess.run(command, check=True, capture_output=True, text=True)
            except FileNotFoundError:
                raise ImportError("there is no C compiler `cc`") from None
            loaded = ctypes.CDLL(str(library))
        point = ctypes.pythonapi.PyCapsule_GetPointer
        point.restype, point.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
        capsule = cython_blas.__pyx_capi__["sgemm" if single else "dgemm"]
        name = ctypes.pythonapi.PyCapsule_GetName
        name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
        loaded.use.argtypes = [ctypes.c_void_p]
        loaded.use(point(capsule, name(capsule)))
        run = loaded.epoch
        run.restype = ctypes.c_double
        run.argtypes = [ctypes.c_void_p] * 14 + [ctypes.c_long, ctypes.c_long, ctypes.c_double]
        X, Y = self.data[0], self.data[-1]
        buffers = [
            [np.zeros((w.batch, n), self.dtype) for n in w.sizes],
            [np.zeros((w.batch, n), self.dtype) for n in w.sizes],
        ]
        y = np.zeros((w.batch, w.sizes[-1]), self.dtype)

        def epoch(held: list[Arrays], order: np.ndarray) -> float:
            lists = [_pointers(arrays) for arrays in (*held, *buffers)]
            single_arrays = [a.ctypes.data for a in (X, Y, y, order)]
            total = run(*lists, *single_arrays, w.steps, 0, w.rate)
            return float(total) / len(order)

        return epoch

    def put(self, params: Arrays) -> list[Arrays]:
        W, b = ([a.copy() for a in params[k::2]] for k in (0, 1))
        return [W, b, *([np.zeros_like(a) for a in x] for x in (W, b, W, W, b, b))]

    def get(self, held: list[Arrays]) -> Arrays:
        return [a for pair in zip(held[0], held[1], strict=True) for a in pair]


def _dense(workload: Workload) -> Dense:
    if not isinstance(workload, Dense):
        raise NotEntered("written by hand for dense networks only")
    return workload


def _pointers(arrays: Arrays) -> Any:
    return (ctypes.c_void_p * len(arrays))(*[a.ctypes.data for a in arrays])
