"""Health: saturated and dead units of each layer, and gradients that explode or vanish.

A layer is a named value h = f(z) that is an elementwise function of the one below it. It passes
the gradient on multiplied by f′(z), so nothing below it learns where that is next to 0:

- a unit is *saturated* at an example where |f′(z)| < 0.01: for σ, where h < 0.01 or h > 0.99;
- a unit is *dead* where f′(z) = 0 at every example: no example changes the weights into it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .checks import _check_call
from .divergence import _not_finite_in
from .interface import DATA, Params, _trace
from .printing import _aligned

SATURATED_BELOW = 0.01
MOSTLY = 0.9  # this share of saturated units is reported; half of them are usual for ReLU
FAR_APART = 1000.0  # so many times larger or smaller, gradients have exploded or vanished


class LayerHealth(NamedTuple):
    """One layer at the examples given."""

    name: str
    units: int
    saturated: float  # the share of units and examples where |f′(z)| < 0.01
    dead: tuple[int, ...]  # the units, counted from 0, with f′(z) = 0 at every example
    slope: float  # the mean of |f′(z)|, by which the layer scales the gradient
    gradient: float  # ‖∂L/∂z‖ over all examples and units


class ParameterHealth(NamedTuple):
    """One parameter θ with its gradient g."""

    name: str
    norm: float  # ‖θ‖
    gradient: float  # ‖g‖

    @property
    def ratio(self) -> float:
        """‖g‖/‖θ‖: how much of the parameter a step of learning rate 1 would change."""
        return self.gradient / self.norm if self.norm else np.inf if self.gradient else 0.0


class Health(NamedTuple):
    """What `health` found, from the input to the output; prints as tables and findings."""

    layers: tuple[LayerHealth, ...]
    parameters: tuple[ParameterHealth, ...]
    findings: tuple[str, ...]

    def __str__(self) -> str:
        layers = [("layer", "units", "saturated", "dead", "mean |f′|", "‖∂L/∂z‖")]
        layers += [
            (
                *(x.name, f"{x.units}", f"{x.saturated:.1%}", f"{len(x.dead) / x.units:.1%}"),
                *(f"{x.slope:.3g}", f"{x.gradient:.3g}"),
            )
            for x in self.layers
        ]
        parameters = [("parameter", "‖θ‖", "‖∂L/∂θ‖", "ratio")]
        parameters += [
            (x.name, f"{x.norm:.3g}", f"{x.gradient:.3g}", f"{x.ratio:.3g}")
            for x in self.parameters
        ]
        tables = [_aligned(layers, "<>>>>>")] if self.layers else []
        tables += [_aligned(parameters, "<>>>")]
        return "\n\n".join([*tables, "\n".join(self.findings or ("nothing to report",))])


def health(params: Params, *data: ArrayLike) -> Health:
    """Look into the network at the examples: its layers, its gradients, and what is wrong there.

    `data` are those of `loss`; a few hundred examples tell enough. Dropout is off.
    """
    params, *arrays = _check_call(params, data, DATA)
    with np.errstate(all="ignore"):  # what overflows is among the findings
        trace = _trace(params, *arrays)
    layers = tuple(
        _layer_health(name, np.abs(slope), trace.adjoints[name], len(arrays[0]))
        for name, slope in trace.slopes.items()
    )
    parameters = tuple(
        ParameterHealth(name, _norm_of(array), _norm_of(trace.gradients[name]))
        for name, array in params._asdict().items()
    )
    findings = (
        *filter(None, [_not_finite_in(trace, len(arrays[0]))]),
        *(text for layer in layers for text in _unit_findings(layer)),
        *_gradient_findings(layers),
        *_still_findings(parameters),
    )
    return Health(layers, parameters, findings)


def _layer_health(
    name: str, steepness: np.ndarray, adjoint: np.ndarray, examples: int
) -> LayerHealth:
    """A layer's units are the entries of one example."""
    by_example = steepness.reshape(examples if len(steepness) == examples else 1, -1)
    dead = np.flatnonzero((by_example == 0).all(axis=0))
    return LayerHealth(
        name=name,
        units=by_example.shape[1],
        saturated=float(np.mean(by_example < SATURATED_BELOW)),
        dead=tuple(dead.tolist()),
        slope=float(np.mean(by_example)),
        gradient=_norm_of(adjoint),
    )


def _norm_of(array: np.ndarray) -> float:
    """The Euclidean norm of all entries, summed in float64: squares of float32 may overflow."""
    return float(np.linalg.norm(np.asarray(array, np.float64).reshape(-1)))


def _unit_findings(layer: LayerHealth) -> list[str]:
    found = []
    if layer.dead:
        are = "are" if len(layer.dead) > 1 else "is"
        shown = ", ".join(map(str, layer.dead[:10])) + (", …" if len(layer.dead) > 10 else "")
        found.append(
            f"{len(layer.dead)} of {layer.units} units of {layer.name} {are} dead: {shown}"
        )
    if layer.saturated > MOSTLY and len(layer.dead) < layer.units:
        found.append(f"{layer.name} is saturated at {layer.saturated:.0%} of units and examples")
    return found


def _gradient_findings(layers: tuple[LayerHealth, ...]) -> list[str]:
    """Compare ‖∂L/∂z‖ of the layers with that of the last, where the gradient comes from."""
    if not layers or not 0 < layers[-1].gradient < np.inf:
        return []
    last, found = layers[-1], []
    largest, smallest = (f(layers, key=lambda layer: layer.gradient) for f in (max, min))
    times, part = largest.gradient / last.gradient, smallest.gradient / last.gradient
    if times > FAR_APART:
        found.append(
            f"explode: ‖∂L/∂z‖ of {largest.name} is {times:,.0f} times that of {last.name}"
        )
    if part == 0:
        found.append(f"vanish: ‖∂L/∂z‖ of {smallest.name} is 0")
    elif part < 1 / FAR_APART:
        found.append(
            f"vanish: ‖∂L/∂z‖ of {smallest.name} is 1/{1 / part:,.0f} of that of {last.name}"
        )
    return [f"gradients {text}" for text in found]


def _still_findings(parameters: tuple[ParameterHealth, ...]) -> list[str]:
    """Parameters that no step changes, where others are changed."""
    still = [x.name for x in parameters if x.gradient == 0]
    if not still:
        return []
    what = "all gradients are 0" if len(still) == len(parameters) else "the gradient is 0"
    return [f"{what}: nothing changes {', '.join(still)}"]
