"""Random networks against their references, by every road there is.

The value and the gradient by the graph read literally, by what the NumPy target emits, by what the
Numba target emits (run as plain Python, and compiled), and a Hessian-vector product.

``python tests/support/network_checks.py SEED…`` shows networks and checks them.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp
from interpreter import interpret
from network_functions import bent
from network_rows import ROWS
from oracle import SCALAR
from random_networks import Network
from sympy.matrices.expressions.matexpr import MatrixExpr
from uncompiled import defined

import symgrad as sg
from symgrad import graph as g
from symgrad.codegen.checking import checked
from symgrad.codegen.targets import numba
from symgrad.lift import lift

SCALAR[bent.__name__] = lambda n, x: (x + n.sin(x)) / 3

RTOL, ATOL = 1e-8, 1e-9


def planned(seed: int, forced: int = 4) -> list[str]:
    """The rows that a network has at least: in turn, so that a campaign has them all."""
    names = list(ROWS)
    return [names[(seed * forced + k) % len(names)] for k in range(forced)]


def check(
    seed: int,
    forced: int = 4,
    compiled: bool = False,
    second: bool = False,
    shown: bool = False,
    stages: dict[str, int] | None = None,
) -> Network:
    """One network against its reference, by every road; AssertionError with all that is known."""
    network: Network | None = None
    stage = "declaration"
    try:
        network = Network(seed, planned(seed, forced))
        for stage, found, expected in roads(network, compiled, second, shown):
            scale = max(1.0, float(np.abs(expected).max(initial=0)))
            loose = 300 if stage.startswith("hvp") else 1
            np.testing.assert_allclose(
                np.asarray(found, dtype=float).reshape(np.shape(expected)),
                expected,
                rtol=RTOL * loose,
                atol=ATOL * loose * scale,
            )
            if stages is not None:
                stages[stage.split(",")[0]] = stages.get(stage.split(",")[0], 0) + 1
    except Exception as error:
        shown = "" if network is None else str(network)
        raise AssertionError(f"{stage}, random network of seed {seed}\n{error}\n{shown}") from error
    return network


def roads(
    network: Network, compiled: bool = False, second: bool = False, shown: bool = False
) -> Iterator[tuple[str, Any, Any]]:
    """(what it is, the numbers found, the numbers expected) along every road."""
    loss, wrt = network.loss, network.wrt
    arguments = network.arguments
    value = np.asarray(network.reference(*arguments))
    slopes = network.gradients(arguments)
    yield "graph, value", interpret([lift(loss)], network.net, network.given)[0], value

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sg.DomainWarning)
        d = sg.gradient(loss, wrt)
    g.validate(d.roots)
    found = interpret(d.roots, network.net, network.given)
    for symbol, a, b in zip(wrt, found, slopes, strict=True):
        yield f"graph, gradient by {symbol}", a, b

    if shown:
        text = str(d)
        yield "notation", all(f"∂{symbol}" in text for symbol in wrt), True

    inputs = [leaf.symbol for leaf in network.leaves]
    passed = network.passed()
    function = sg.function(inputs, [loss, d])
    yield from _outputs("NumPy", function(*passed), wrt, value, slopes)

    program = function.program
    text = numba.function(program, "function", "float64")
    values = checked("function", program.inputs, program.dimensions, passed, "float64")
    yield from _outputs("Numba's text", defined(text)(*values), wrt, value, slopes)
    if compiled:
        fast = sg.function(inputs, [loss, d], target="numba")
        yield from _outputs("Numba", fast(*passed), wrt, value, slopes)
    if second:
        yield from _second(network, arguments)


def _outputs(
    name: str, found: Sequence[Any], wrt: Sequence[Any], value: Any, slopes: Sequence[Any]
) -> Iterator[tuple[str, Any, Any]]:
    yield f"{name}, value", found[0], value
    for symbol, a, b in zip(wrt, found[1:], slopes, strict=True):
        yield f"{name}, gradient by {symbol}", a, b


def _second(network: Network, arguments: Sequence[Any]) -> Iterator[tuple[str, Any, Any]]:
    """Hessian-vector product by one of the leaves against a difference of reference gradients."""
    k = network.random.randrange(len(network.trained))
    leaf = network.trained[k]
    symbol = leaf.symbol
    shape = getattr(symbol, "shape", ())
    v = (
        sp.Symbol("v_", real=True) if not shape
        else sp.MatrixSymbol("v_", *shape) if isinstance(symbol, MatrixExpr)
        else sp.IndexedBase("v_", shape=shape)
    )  # fmt: skip
    direction = network.rng.uniform(-1, 1, leaf.shape)
    step = 1e-5
    moved = [list(arguments), list(arguments)]
    moved[0][k] = moved[0][k] + step * direction
    moved[1][k] = moved[1][k] - step * direction
    plus, minus = (network.gradients(x)[k] for x in moved)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sg.DomainWarning)
        d = sg.hvp(network.loss, symbol, v)
    node = d.roots[0]
    env: Mapping[str, Any] = {**network.given, "v_": direction if leaf.shape else float(direction)}
    (found,) = interpret([node], network.net, env)
    yield f"hvp, by {symbol}", found, (plus - minus) / (2 * step)


if __name__ == "__main__":
    for text in sys.argv[1:]:
        made = Network(int(text), planned(int(text)))
        print(made)
        print(sg.gradient(made.loss, made.wrt))
        check(int(text), compiled=True, second=True)
        print(f"seed {text} agrees")
