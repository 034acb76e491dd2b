"""What is trained: one row a workload, with its data and the parameters that everyone starts from.

A workload is a value, without code of any contestant: each contestant reads the row and builds what
it would. Dense networks end in one of three losses; the others in softmax and cross-entropy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Arrays = list[np.ndarray]
Shape = tuple[int, ...]

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
"""Adam's constants, those of every library here."""


@dataclass(frozen=True)
class Workload:
    """A network and how it is trained: the mean loss of a minibatch is descended."""

    name: str
    batch: int
    steps: int
    optimizer: str = "sgd"
    rate: float = 0.01
    loss: str = "softmax"

    @property
    def described(self) -> str:
        """The architecture, in a few words."""
        raise NotImplementedError

    @property
    def inputs(self) -> Shape:
        """The shape of one example."""
        raise NotImplementedError

    @property
    def shapes(self) -> list[Shape]:
        """The shapes of the parameters, in the order that all contestants give them back in."""
        raise NotImplementedError

    classes = 10

    @property
    def title(self) -> str:
        """What tells this row from others."""
        return f"{self.described}, {self.optimizer}, batch {self.batch}"

    def data(self, dtype: str) -> Arrays:
        """X (N, …), and the targets (N, C) unless X itself is what is to come out."""
        random = np.random.default_rng(0)
        examples = self.batch * self.steps
        X = random.normal(size=(examples, *self.inputs)).astype(dtype)
        if self.loss == "squared":
            return [X]
        if self.loss == "logistic":
            return [X, random.integers(0, 2, (examples, 1)).astype(dtype)]
        labels = random.integers(0, self.classes, examples)
        return [X, np.eye(self.classes, dtype=dtype)[labels]]

    def parameters(self, dtype: str) -> Arrays:
        """As everyone starts: weights of variance 1/inputs, small biases."""
        random = np.random.default_rng(1)
        made: Arrays = []
        for shape in self.shapes:
            scale = 0.1 if len(shape) == 1 else 1 / np.sqrt(np.prod(shape[1:]))
            made.append((random.normal(size=shape) * scale).astype(dtype))
        return made

    def order(self, seed: int, epoch: int) -> np.ndarray:
        """The rows of an epoch in their order; `fit` of a generated module draws the same."""
        return np.random.default_rng([seed, epoch]).permutation(self.batch * self.steps)


@dataclass(frozen=True)
class Dense(Workload):
    """Layers of the given sizes, `hidden` between them, and `loss` after the last.

    `loss` is "softmax" (cross-entropy of a softmax), "logistic" (that of one sigmoid), or "squared"
    (½‖output − input‖², an autoencoder). The parameters are W1 (outputs, inputs), b1, W2, ….
    """

    sizes: tuple[int, ...] = ()
    hidden: str = "tanh"

    @property
    def classes(self) -> int:  # type: ignore[override]
        return self.sizes[-1]

    @property
    def described(self) -> str:
        sizes = "-".join(map(str, self.sizes))
        return f"{sizes},{f' {self.hidden},' if len(self.sizes) > 2 else ''} {self.loss} loss"

    @property
    def inputs(self) -> Shape:
        return self.sizes[:1]

    @property
    def layers(self) -> list[tuple[int, int]]:
        """(outputs, inputs) of each layer."""
        return list(zip(self.sizes[1:], self.sizes[:-1], strict=True))

    @property
    def shapes(self) -> list[Shape]:
        return [shape for out, into in self.layers for shape in ((out, into), (out,))]


@dataclass(frozen=True)
class Lstm(Workload):
    """An LSTM read to its end, then a dense layer.

    The parameters are W (H, D), U (H, H), b (H) of the gates forget, input, output and candidate,
    then V (C, H) and v (C).
    """

    length: int = 20
    features: int = 8
    units: int = 16

    @property
    def described(self) -> str:
        return f"LSTM, {self.units} units over {self.length} steps of {self.features}"

    @property
    def inputs(self) -> Shape:
        return self.length, self.features

    @property
    def shapes(self) -> list[Shape]:
        H, D = self.units, self.features
        return [(H, D), (H, H), (H,)] * 4 + [(self.classes, H), (self.classes,)]


@dataclass(frozen=True)
class Convolution(Workload):
    """Convolution 3×3 of 8×8 pictures, relu, the maximum of 2×2, a dense layer.

    The parameters are K (F, 1, 3, 3), k (F), V (C, F, 3, 3) and v (C).
    """

    filters: int = 8

    @property
    def described(self) -> str:
        return f"8×8 pictures, {self.filters} filters 3×3, relu, max of 2×2"

    @property
    def inputs(self) -> Shape:
        return 1, 8, 8

    @property
    def shapes(self) -> list[Shape]:
        F, C = self.filters, self.classes
        return [(F, 1, 3, 3), (F,), (C, F, 3, 3), (C,)]


@dataclass(frozen=True)
class Attention(Workload):
    """relu(X + softmax(X·Q·(X·K)ᵀ/√D)·X·V·O), its mean over the tokens, a dense layer.

    The parameters are Q, K, V, O (D, D), then P (C, D) and p (C).
    """

    length: int = 16
    width: int = 32

    @property
    def described(self) -> str:
        return f"attention over {self.length} tokens of {self.width}, relu, mean"

    @property
    def inputs(self) -> Shape:
        return self.length, self.width

    @property
    def shapes(self) -> list[Shape]:
        D = self.width
        return [(D, D)] * 4 + [(self.classes, D), (self.classes,)]


WORKLOADS: list[Workload] = [
    Dense("tanh 2", 8, 512, sizes=(2, 16, 2)),
    Dense("tanh 64", 32, 256, sizes=(64, 32, 10)),
    Dense("tanh 784", 64, 64, sizes=(784, 128, 10)),
    Dense("tanh 1024", 256, 8, sizes=(1024, 1024, 10)),
    Dense("logistic", 1, 1024, loss="logistic", sizes=(30, 1)),
    Dense("relu", 32, 128, "adam", 0.001, sizes=(64, 64, 64, 64, 10), hidden="relu"),
    Dense("autoencoder", 64, 64, loss="squared", sizes=(784, 32, 784)),
    Dense("softmax", 64, 128, sizes=(784, 10)),
    Lstm("lstm", 32, 32),
    Convolution("convolution", 32, 64),
    Attention("attention", 32, 32),
]
