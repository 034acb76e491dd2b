"""The networks in PyTorch, as modules, and the way of their parameters in and out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from workloads import Arrays, Attention, Convolution, Dense, Lstm, Workload


class Network:
    """A module whose trained parameters are those of the workload, in its order."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def trained(self) -> list[Any]:
        """What the optimizer updates."""
        return [p for p in self.model.parameters() if p.requires_grad]

    def put(self, params: Arrays) -> None:
        """Copy the parameters in."""
        import torch

        for mine, given in zip(self.trained(), params, strict=True):
            mine.copy_(torch.from_numpy(given.reshape(mine.shape)))

    def get(self) -> Arrays:
        """Copies of the parameters."""
        return [p.detach().numpy().copy() for p in self.trained()]


def dense(w: Dense, kind: Any) -> Network:
    from torch import nn

    activation = {"tanh": nn.Tanh, "relu": nn.ReLU}[w.hidden]
    modules: list[Any] = []
    for out, into in w.layers:
        modules += [nn.Linear(into, out, dtype=kind), activation()]
    return Network(nn.Sequential(*modules[:-1]))


class LstmModel(Network):
    """nn.LSTM, whose rows are the gates i, f, candidate, o; its second bias stays zero."""

    ORDER = (1, 0, 3, 2)  # of ours: f, i, o, candidate

    def put(self, params: Arrays) -> None:
        import torch

        cell, last = self.model.cell, self.model.last
        cell.bias_hh_l0.zero_()
        for k, mine in enumerate((cell.weight_ih_l0, cell.weight_hh_l0, cell.bias_ih_l0)):
            gates = params[k:12:3]
            mine.copy_(torch.from_numpy(np.concatenate([gates[n] for n in self.ORDER])))
        last.weight.copy_(torch.from_numpy(params[-2]))
        last.bias.copy_(torch.from_numpy(params[-1]))

    def get(self) -> Arrays:
        cell, last = self.model.cell, self.model.last
        stacked = [
            np.split(x.detach().numpy().copy(), 4)
            for x in (cell.weight_ih_l0, cell.weight_hh_l0, cell.bias_ih_l0)
        ]
        gates = [x[self.ORDER.index(n)] for n in range(4) for x in stacked]
        return [*gates, *(x.detach().numpy().copy() for x in (last.weight, last.bias))]


def lstm(w: Lstm, kind: Any) -> Network:
    from torch import nn

    class Model(nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.LSTM(w.features, w.units, batch_first=True, dtype=kind)
            self.cell.bias_hh_l0.requires_grad_(False)
            self.last = nn.Linear(w.units, w.classes, dtype=kind)

        def forward(self, x: Any) -> Any:
            return self.last(self.cell(x)[0][:, -1])

    return LstmModel(Model())


class ConvolutionModel(Network):
    """The dense layer's weights have the axes of the pictures."""

    def get(self) -> Arrays:
        K, k, V, v = super().get()
        return [K, k, V.reshape(len(V), -1, 3, 3), v]


def convolution(w: Convolution, kind: Any) -> Network:
    from torch import nn

    return ConvolutionModel(
        nn.Sequential(
            nn.Conv2d(1, w.filters, 3, dtype=kind),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(9 * w.filters, w.classes, dtype=kind),
        )
    )


def attention(w: Attention, kind: Any) -> Network:
    import torch
    from torch import nn

    class Model(nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.Q, self.K, self.V, self.O = (
                nn.Parameter(torch.empty(w.width, w.width, dtype=kind)) for _ in range(4)
            )
            self.last = nn.Linear(w.width, w.classes, dtype=kind)

        def forward(self, x: Any) -> Any:
            a = nn.functional.scaled_dot_product_attention(x @ self.Q, x @ self.K, x @ self.V)
            return self.last(torch.relu(x + a @ self.O).mean(dim=1))

    return Network(Model())


NETWORKS: dict[type[Workload], Callable[[Any, Any], Network]] = {
    Dense: dense,
    Lstm: lstm,
    Convolution: convolution,
    Attention: attention,
}


def model_of(workload: Workload, kind: Any) -> Network:
    """The module of any workload, with parameters of the dtype ``kind``."""
    return NETWORKS[type(workload)](workload, kind)
