"""Backpropagation on paper: g = w1³·w2 + 3·w1, as a graph, with the numbers at w = (2, 3).

The first exercise of most lectures: name every intermediate value, go forward with numbers, then
backward from ∂g/∂g = 1, one local derivative at a time; w1 is reached by two roads, whose shares
are added up. Here the graph is declared as it is drawn, every named value is asked for, and each
formula is evaluated at the point. At the end a trace does all of that in one line: the same numbers
as a table, and on the graph as a picture, in backpropagation_by_hand.svg.

python examples/backpropagation_by_hand.py
"""

from sympy import symbols

import symgrad as sg

w1, w2 = symbols("w1 w2", real=True)
AT = {w1: 2, w2: 3}

a = sg.let("a", w1**3)
b = sg.let("b", a * w2)
c = sg.let("c", 3 * w1)
g = sg.let("g", b + c)

EDGES = [(g, b), (g, c), (b, a), (b, w2), (a, w1), (c, w1)]
"""The edges of the graph, each from a value to one that it is made of."""


def main() -> None:
    """Print the derivation, then every value, local derivative and message; draw the graph."""
    d = sg.gradient(g, [b, c, a, w1, w2])
    print(d)

    print(f"\nforward, at w1 = {AT[w1]:g} and w2 = {AT[w2]:g}")
    for value in (a, b, c, g):
        print(f"  {value} = {number(value):g}")
    print("\nlocal derivatives, one for each edge of the graph")
    for above, below in EDGES:
        local = sg.gradient(above, below)[below]
        shown = "" if local.is_number else f"{sg.formula(local)} = "
        print(f"  ∂{above}/∂{below} = {shown}{number(local):g}")
    print("\nbackward: the adjoint of a value times the local derivative, added up over the roads")
    for symbol in d:
        print(f"  ∂g/∂{symbol} = {number(d[symbol]):g}")

    trace = sg.gradient(g, [w1, w2]).trace(at=AT)
    print(f"\nall of it as a trace\n{trace}")
    print(f"\nwritten: {trace.save('backpropagation_by_hand.svg')}")


def number(expr: object) -> float:
    """The value of an expression at the point."""
    return float(sg.function([w1, w2], expr)(*AT.values()))


if __name__ == "__main__":
    main()
