"""One logistic unit, three ways: chain rule, bar notation, and cross-entropy by hand.

Three exercises that lectures set about y = σ(w·x + b):

1. L = ½(y − t)²: differentiate it in one go, for a σ of which nothing is known, then name z and y
   and pass the error signals ȳ, z̄, w̄, b̄ from one line to the next;
2. o = σ(w0 + Σᵢ wᵢ·xᵢ) as a computational graph, with ∂o/∂wᵢ = o(1 − o)·xᵢ;
3. the cross-entropy of ŷ = 1/(1 + e^(−wx)), whose gradient collapses to (ŷ − y)·x, and one step of
   gradient descent on it.

python examples/logistic_unit.py
"""

from sympy import Function, IndexedBase, Sum, exp, log, symbols

import symgrad as sg

w, x, b, t, y = symbols("w x b t y", real=True)


def squared_error() -> None:
    """½(σ(wx + b) − t)², unexpanded and as error signals."""
    unknown = Function("σ", real=True)
    d = sg.gradient((unknown(w * x + b) - t) ** 2 / 2, [w, b])
    print("the chain rule in one go, σ being any function")
    print("  ∂L/∂w =", sg.formula(d[w]))
    print("  ∂L/∂b =", sg.formula(d[b]))

    z = sg.let("z", w * x + b)
    output = sg.let("y", sg.sigmoid(z))
    loss = sg.let("L", (output - t) ** 2 / 2)
    print("\nthe same step by step, with a bar for the derivative of L")
    print(sg.gradient(loss, [output, z, w, b]).text(notation="bar"))


def as_a_graph() -> None:
    """o = σ(w0 + Σᵢ wᵢ·xᵢ), its operations one by one, and its derivative."""
    D = symbols("D", integer=True, positive=True)
    i = symbols("i", integer=True)
    weights, inputs = IndexedBase("w", shape=(D,)), IndexedBase("x", shape=(D,))
    w0 = symbols("w0", real=True)
    net = sg.let("net", w0 + Sum(weights[i] * inputs[i], (i, 0, D - 1)))
    o = sg.let("o", 1 / (1 + exp(-net)))
    print("\nthe unit as a graph")
    print(sg.graph_text(o))
    print(sg.gradient(o, [weights, w0]).text(form="index"))


def cross_entropy() -> None:
    """−y·ln ŷ − (1 − y)·ln(1 − ŷ), and what one step of gradient descent does to it."""
    p = sg.let("ŷ", 1 / (1 + exp(-w * x)))
    loss = sg.let("CE", -y * log(p) - (1 - y) * log(1 - p))
    d = sg.gradient(loss, [p, w])
    print("\ncross-entropy of two classes")
    print(d)

    f = sg.function([w, x, y], [loss, d[w]])
    rate, weight = 0.5, 0.0
    before, slope = f(weight, 2.0, 1.0)
    after, _ = f(weight - rate * slope, 2.0, 1.0)
    print(f"\nw ← w − {rate}·(ŷ − y)·x at x = 2, y = 1: the loss falls", end=" ")
    print(f"from {before:.4f} to {after:.4f}")


if __name__ == "__main__":
    squared_error()
    as_a_graph()
    cross_entropy()
