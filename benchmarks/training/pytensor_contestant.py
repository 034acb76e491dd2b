"""PyTensor: a compiled step with shared parameters, as its documentation trains networks."""

from __future__ import annotations

from typing import Any

import numpy as np
from contestants import Contestant, Epoch, NotEntered
from workloads import BETA1, BETA2, EPSILON, Arrays, Dense


class PyTensor(Contestant):
    """The minibatch, its gradient and the update in one compiled function."""

    def build(self) -> Epoch:
        import pytensor
        import pytensor.tensor as pt

        w = self.workload
        if not isinstance(w, Dense):
            raise NotEntered("written for dense networks only")
        X, Y = (pytensor.shared(a) for a in (self.data[0], self.data[-1]))
        self.params = [pytensor.shared(a) for a in w.parameters(self.dtype)]
        self.others: list[Any] = []
        rows = pt.lvector("rows")
        x, y = X[rows], Y[rows]
        h = x
        for k in range(0, len(self.params), 2):
            h = h @ self.params[k].T + self.params[k + 1]
            if k + 2 < len(self.params):
                h = pt.tanh(h) if w.hidden == "tanh" else pt.maximum(h, 0)
        if w.loss == "softmax":
            value = -(y * pt.special.log_softmax(h, axis=1)).sum(axis=1).mean()
        elif w.loss == "logistic":
            value = (pt.softplus(h) - y * h).mean()
        else:
            value = ((h - x) ** 2).sum(axis=1).mean() / 2
        step = pytensor.function(
            [rows], value, updates=self.updates(pytensor.grad(value, self.params))
        )

        def epoch(held: Any, order: np.ndarray) -> float:
            starts = range(0, len(order), w.batch)
            return float(np.mean([step(order[k : k + w.batch]) for k in starts]))

        return epoch

    def updates(self, slopes: list[Any]) -> list[tuple[Any, Any]]:
        """The optimizer, as pairs of a shared variable and its new value."""
        import pytensor
        import pytensor.tensor as pt

        w, kind = self.workload, np.dtype(self.dtype).type
        if w.optimizer == "sgd":
            return [(p, p - kind(w.rate) * g) for p, g in zip(self.params, slopes, strict=True)]
        t = pytensor.shared(kind(0))
        found = [(t, t + 1)]
        self.others = [t]
        rate = kind(w.rate) / (1 - kind(BETA1) ** (t + 1))
        root = pt.sqrt(1 - kind(BETA2) ** (t + 1))
        for p, g in zip(self.params, slopes, strict=True):
            m, v = (pytensor.shared(np.zeros_like(p.get_value())) for _ in range(2))
            self.others += [m, v]
            first = kind(BETA1) * m + kind(1 - BETA1) * g
            second = kind(BETA2) * v + kind(1 - BETA2) * g * g
            new = p - rate * first / (pt.sqrt(second) / root + kind(EPSILON))
            found += [(m, first), (v, second), (p, new)]
        return found

    def put(self, params: Arrays) -> Any:
        for mine, given in zip(self.params, params, strict=True):
            mine.set_value(given)
        for other in self.others:
            other.set_value(np.zeros_like(other.get_value()))

    def get(self, held: Any) -> Arrays:
        return [p.get_value() for p in self.params]
