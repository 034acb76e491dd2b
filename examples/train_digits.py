"""Generate a standalone training module and train it on handwritten digits.

    python examples/train_digits.py [numba|numpy]

Writes digits_network.py, a file that needs no symgrad to run.
"""

import sys

import numpy as np
from sympy import MatrixSymbol

import symgrad as sg
from symgrad.data import load_digits

x, label = MatrixSymbol("x", 64, 1), sg.label("label", 10)
W1, b1 = MatrixSymbol("W1", 32, 64), MatrixSymbol("b1", 32, 1)
W2, b2 = MatrixSymbol("W2", 10, 32), MatrixSymbol("b2", 10, 1)

h = sg.let("h", sg.relu(W1 * x + b1))
p = sg.let("p", sg.softmax(W2 * h + b2))
loss = sg.cross_entropy(p, label)  # −log of the probability of the right class


def main(target: str = "numba") -> float:
    """Write, load and train; returns the accuracy on the test digits."""
    module = sg.training_module(
        loss,
        params=[W1, b1, W2, b2],
        data=[x, label],
        predict=p,
        target=target,
        name="digits_network",
    )
    print("written:", module.save("digits_network.py"))
    network = module.load()

    digits = load_digits()
    params, history = network.fit(
        digits.train_images,
        digits.train_labels,
        epochs=40,
        batch_size=32,
        learning_rate=0.1,
        validation=(digits.test_images, digits.test_labels),
    )
    predicted = network.predict(params, digits.test_images).argmax(axis=1)
    accuracy = float(np.mean(predicted == digits.test_labels))
    print(f"loss {history.loss[0]:.3f} → {history.loss[-1]:.3f}, test accuracy {accuracy:.1%}")
    return accuracy


if __name__ == "__main__":
    main(*sys.argv[1:])
