"""The tools that are compared, each as its documentation says to use it for speed."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
from contestants import Contestant, Epoch, NotEntered
from declared import declare
from jax_networks import logits_of
from torch_networks import model_of
from workloads import BETA1, BETA2, EPSILON, Arrays, Dense


class Symgrad(Contestant):
    """The module that symgrad generates, through the `fit` that its users call.

    `fit` owns the shuffle, and draws its orders as `Workload.order` does.
    """

    target = "numba"
    without: tuple[str, ...] = ()

    def build(self) -> Epoch:
        import symgrad as sg

        self.module = sg.training_module(
            *declare(self.workload),
            target=self.target,
            dtype=self.dtype,
            optimizers=[self.workload.optimizer],
            without=self.without,
        ).load()
        # A matrix with one entry is a scalar there.
        shapes = [spec.shape for spec in self.module.DATA]
        self.data = [a.reshape(len(a), *shape) for a, shape in zip(self.data, shapes, strict=True)]

        def unused(held: Any, order: np.ndarray) -> float:
            raise NotImplementedError("symgrad shuffles in fit")

        return unused

    def train(self, epochs: int, seed: int) -> tuple[Arrays, float, float]:
        w = self.workload
        given = w.parameters(self.dtype)
        shapes = self.module.PARAM_SHAPES.values()
        held = self.module.Params(*map(np.reshape, given, shapes))
        start = time.perf_counter()
        params, history = self.module.fit(
            *self.data,
            params=held,
            epochs=epochs,
            batch_size=w.batch,
            optimizer=w.optimizer,
            learning_rate=w.rate,
            seed=seed,
            progress=False,
        )
        seconds = time.perf_counter() - start
        trained = [np.reshape(a, b.shape) for a, b in zip(params, given, strict=True)]
        return trained, float(history.loss[-1]), seconds


class SymgradNumpy(Symgrad):
    """The same, generated for NumPy."""

    target = "numpy"


class _Without:
    """symgrad's Numba modules without one pass; made by name, so that a process can be given it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, workload: Any, dtype: str) -> Symgrad:
        made = Symgrad.__new__(Symgrad)
        made.without = (self.name,)
        made.__init__(workload, dtype)  # type: ignore[misc]
        return made


def without(names: list[str]) -> dict[str, Any]:
    """A contestant for each pass that is left out; "all" names every pass."""
    if not names:
        return {}
    from symgrad.codegen.passes import PASSES, left_out

    chosen = list(PASSES) if names == ["all"] else sorted(left_out(names))
    return {f"without {name}": _Without(name) for name in chosen}


class Torch(Contestant):
    """PyTorch, eager, as its tutorials write it."""

    def build(self) -> Epoch:
        import torch

        X, *rest = (torch.from_numpy(a) for a in self.data)
        batch, kind = self.workload.batch, self.workload.loss
        targets = rest[0].argmax(dim=1) if kind == "softmax" else rest[0] if rest else X
        functional = torch.nn.functional
        measures = {
            "softmax": functional.cross_entropy,
            "logistic": functional.binary_cross_entropy_with_logits,
            "squared": lambda z, y: ((z - y) ** 2).sum() / (2 * len(y)),
        }
        measure = measures[kind]

        def of_batch(model: Any, x: Any, y: Any) -> Any:
            return measure(model(x), y)

        loss_of = self.compiled(of_batch)

        def epoch(held: Any, order: np.ndarray) -> float:
            model, optimizer = held
            total = 0.0
            for rows in torch.from_numpy(order).split(batch):
                optimizer.zero_grad()
                x = X[rows]
                loss = loss_of(model, x, x if kind == "squared" else targets[rows])
                loss.backward()
                optimizer.step()
                total += loss.item() * len(rows)
            return total / len(order)

        return epoch

    def compiled(self, function: Any) -> Any:
        """Eager: as it is."""
        return function

    def put(self, params: Arrays) -> Any:
        import torch

        w = self.workload
        self.network = model_of(w, getattr(torch, self.dtype))
        model = self.network.model
        with torch.no_grad():
            self.network.put(params)
        if w.optimizer == "sgd":
            return model, torch.optim.SGD(self.network.trained(), lr=w.rate)
        return model, torch.optim.Adam(self.network.trained(), lr=w.rate)

    def get(self, held: Any) -> Arrays:
        return self.network.get()


class TorchCompiled(Torch):
    """`torch.compile` of the loss of a minibatch, and with it of its gradient."""

    def compiled(self, function: Any) -> Any:
        import torch

        return torch.compile(function)


class Jax(Contestant):
    """The whole epoch in one compiled `lax.scan`, with the parameters updated in place."""

    def build(self) -> Epoch:
        import jax
        import jax.numpy as jnp

        if self.dtype == "float64":
            jax.config.update("jax_enable_x64", True)
        w = self.workload
        X, Y = jnp.asarray(self.data[0]), jnp.asarray(self.data[-1])
        logits = logits_of(w)

        def loss(params: Any, x: Any, y: Any) -> Any:
            h = logits(params, x)
            if w.loss == "softmax":
                return -(y * jax.nn.log_softmax(h)).sum(axis=1).mean()
            if w.loss == "logistic":
                return (jax.nn.softplus(h) - y * h).mean()
            return ((h - x) ** 2).sum(axis=1).mean() / 2

        def step(held: Any, rows: Any) -> Any:
            params, t, first, second = held
            value, slopes = jax.value_and_grad(loss)(params, X[rows], Y[rows])
            if w.optimizer == "sgd":
                new = [p - w.rate * g for p, g in zip(params, slopes, strict=True)]
                return (new, t, first, second), value
            t = t + 1
            rate, root = w.rate / (1 - BETA1**t), jnp.sqrt(1 - BETA2**t)
            first = [BETA1 * m + (1 - BETA1) * g for m, g in zip(first, slopes, strict=True)]
            second = [BETA2 * v + (1 - BETA2) * g * g for v, g in zip(second, slopes, strict=True)]
            new = [
                p - rate * m / (jnp.sqrt(v) / root + EPSILON)
                for p, m, v in zip(params, first, second, strict=True)
            ]
            return (new, t, first, second), value

        def scan(held: Any, batches: Any) -> Any:
            held, losses = jax.lax.scan(step, held, batches)
            return held, losses.mean()

        compiled = jax.jit(scan, donate_argnums=0)

        def epoch(held: list[Any], order: np.ndarray) -> float:
            held[0], value = compiled(held[0], order.reshape(-1, w.batch).astype(np.int32))
            return float(value)

        return epoch

    def put(self, params: Arrays) -> Any:
        import jax.numpy as jnp

        many = 0 if self.workload.optimizer == "sgd" else len(params)
        moments = [[jnp.zeros_like(a) for a in params[:many]] for _ in range(2)]
        return [([jnp.array(a) for a in params], jnp.zeros((), self.dtype), *moments)]

    def get(self, held: Any) -> Arrays:
        return [np.asarray(a) for a in held[0][0]]


class Sklearn(Contestant):
    """`MLPClassifier`, by its own minibatches: `partial_fit` of the rows in their order."""

    def build(self) -> Epoch:
        from sklearn.neural_network import MLPClassifier

        w = self.workload
        if not isinstance(w, Dense) or w.loss == "squared" or w.sizes[-1] == 2:
            raise NotEntered("MLPClassifier has no such network")
        self.labels = self.data[1][:, 0] if w.loss == "logistic" else self.data[1].argmax(axis=1)
        self.kind = MLPClassifier
        X, labels = self.data[0], self.labels

        def epoch(model: Any, order: np.ndarray) -> float:
            model.partial_fit(X[order], labels[order])
            return float(model.loss_)

        return epoch

    def put(self, params: Arrays) -> Any:
        w = self.workload
        model = self.kind(
            hidden_layer_sizes=w.sizes[1:-1],
            activation=w.hidden,
            solver=w.optimizer,
            alpha=0.0,
            batch_size=w.batch,
            learning_rate_init=w.rate,
            shuffle=False,
            momentum=0.0,
            nesterovs_momentum=False,
        )
        # Its parameters exist after the first call; the optimizer is made anew at the next one.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a batch larger than these few rows
            classes, few = np.unique(self.labels, return_index=True)
            model.partial_fit(self.data[0][few], self.labels[few], classes=classes)
        for mine, given in zip(model.coefs_, params[::2], strict=True):
            mine[...] = given.T
        for mine, given in zip(model.intercepts_, params[1::2], strict=True):
            mine[...] = given
        del model._optimizer
        return model

    def get(self, model: Any) -> Arrays:
        pairs = zip(model.coefs_, model.intercepts_, strict=True)
        return [a.copy() for W, b in pairs for a in (W.T, b)]
