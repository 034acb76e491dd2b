"""Backpropagation as an algorithm: L hidden layers, any activation, softmax at the end.

    python examples/deep_network.py [--layers 2] [--activation tanh]

The loss is −log p_y, the negative log-likelihood of the right class y. For any number of hidden
layers and any activation g the derivation is one loop from the last layer to the first:

    ∂L/∂z = f − 1_y                    at the output, before the softmax
    for each layer, from the last:
        ∂L/∂W = ∂L/∂z · hᵀ             h: what the layer is fed with
        ∂L/∂b = ∂L/∂z
        ∂L/∂h = Wᵀ · ∂L/∂z             handed to the layer below
        ∂L/∂z = ∂L/∂h ⊙ g′(z)          there, before the activation

It is printed as symgrad derives it, in full for the network that was asked for and as the one
line that differs, ∂L/∂z of a hidden layer, for every activation in the table below. The last of
those is nobody's: x/(1 + |x|), given as a SymPy expression.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

from sympy import Abs, MatrixSymbol, Symbol, symbols

import symgrad as sg
from symgrad.data import load_digits

t = Symbol("t", real=True)

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "linear": sg.identity,
    "sigmoid": sg.sigmoid,
    "tanh": sg.tanh,
    "relu": sg.relu,
    "leaky_relu": lambda z: sg.leaky_relu(z, slope=0.1),
    "elu": sg.elu,
    "softplus": sg.softplus,
    "swish": sg.swish,
    "gelu": sg.gelu,
    "softsign": lambda z: z.applyfunc(lambda x: x / (1 + Abs(x))),
}


class Network(NamedTuple):
    """The loss, the values that the algorithm visits from the output back, and all leaves."""

    loss: Any
    wrt: list[Any]
    leaves: list[Any]


def network(layers: int, activation: Callable[[Any], Any]) -> Network:
    """z = W·h + b and h = g(z) for each hidden layer; f = softmax(z) at the end."""
    sizes = [*symbols(f"K:{layers + 1}", integer=True, positive=True)]
    classes = Symbol("C", integer=True, positive=True)
    h = MatrixSymbol("x", sizes[0], 1)
    y = sg.label("y", classes)
    wrt: list[Any] = []
    leaves = [h, y]
    for layer, (fed, units) in enumerate(zip(sizes, [*sizes[1:], classes], strict=True), start=1):
        W, b = MatrixSymbol(f"W{layer}", units, fed), MatrixSymbol(f"b{layer}", units, 1)
        z = sg.let(f"z{layer}", W * h + b)
        below = [h] if layer > 1 else []
        wrt = [z, W, b, *below, *wrt]
        leaves += [W, b]
        if layer <= layers:
            h = sg.let(f"h{layer}", activation(z))
    f = sg.let("f", sg.softmax(z))
    return Network(sg.let("L", sg.cross_entropy(f, y)), wrt, leaves)


def hidden_line(activation: Callable[[Any], Any]) -> str:
    """∂L/∂z of a hidden layer."""
    net = network(1, activation)
    steps = sg.gradient(net.loss, net.wrt).steps
    return next(step.text for step in steps if "∂L/∂z1" in step.names)


def main() -> None:
    """Print the algorithm, then its one line that depends on the activation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=2, help="hidden layers, one or more")
    parser.add_argument("--activation", choices=ACTIVATIONS, default="tanh")
    parser.add_argument("--train", action="store_true", help="on handwritten digits")
    arguments = parser.parse_args()
    if arguments.layers < 1:
        parser.error("expected one hidden layer or more")

    net = network(arguments.layers, ACTIVATIONS[arguments.activation])
    d = sg.gradient(net.loss, net.wrt)
    print(d)

    print("\nthe line that depends on the activation:")
    for name, activation in ACTIVATIONS.items():
        print(f"  {name:<11} {hidden_line(activation)}")
    if arguments.train:
        train(net, arguments.layers)


def train(net: Network, layers: int) -> None:
    """Handwritten digits, 32 units in each hidden layer; and how the units are at the end."""
    digits = load_digits()
    f = sg.let("f", sg.softmax(net.wrt[0]))
    module = sg.training_module(
        net.loss, net.leaves[2:], net.leaves[:2], predict=f, target="numpy", name="deep"
    ).load()
    sizes = {"C": 10, **{f"K{layer}": 32 for layer in range(1, layers + 1)}}
    held_out = (digits.test_images, digits.test_labels)
    params, history = module.fit(
        digits.train_images, digits.train_labels, epochs=15, batch_size=32, optimizer="adam",
        learning_rate=0.003, initial="he_normal", validation=held_out, progress=False, **sizes,
    )  # fmt: skip
    print(f"\ndigits held out that are read right: {history.validation_accuracy[-1]:.1%}\n")
    print(module.health(params, *held_out))


if __name__ == "__main__":
    main()
