"""The multi-class hinge loss, Σ over j ≠ c of max(0, s_j − s_c + Δ), and its two gradients.

The exercise: ∂L/∂w_mk is 1[s_m − s_c + Δ > 0]·x_k for a wrong class m, and minus the sum of those
indicators times x_k for the correct class c. Both are one line of the derivation below, told apart
by 1[j ≠ c] and 1[j = c]; j ≠ c under the sum is a Piecewise, as SymPy writes conditions.

python examples/multiclass_hinge.py
"""

from sympy import IndexedBase, MatrixSymbol, Max, Ne, Piecewise, Sum, symbols

import symgrad as sg

D, C = symbols("D C", integer=True, positive=True)
j, k = symbols("j k", integer=True)
Delta = symbols("Δ", positive=True)  # the margin
c = sg.label("c", C)

W, x = IndexedBase("W", shape=(C, D)), IndexedBase("x", shape=(D,))
s = sg.let("s", Sum(W[j, k] * x[k], (k, 0, D - 1)), j)
margin = Piecewise((Max(0, s[j] - s[c] + Delta), Ne(j, c)), (0, True))
L = sg.let("L", Sum(margin, (j, 0, C - 1)))

Wm, xm = MatrixSymbol("W", C, D), MatrixSymbol("x", D, 1)


def main() -> None:
    """Print the derivation, then the cases of one example with its numbers."""
    import numpy as np

    d = sg.gradient(L, [s, Wm])
    print(d.text(form="index"))

    f = sg.function([Wm, xm, c, Delta], [s, L, d[Wm]])
    weights = np.array([[1.0, 0.0], [0.5, 1.0], [-1.0, 0.5], [0.0, 1.4]])
    scores, loss, gradient = f(weights, np.array([2.0, 1.0]), 1, 1.0)
    print("\nan example of class 1 with x = (2, 1), Δ = 1: scores", scores, f"and L = {loss:g}")
    for m, row in enumerate(gradient):
        if m == 1:
            case = "the correct class: minus the sum of the others"
        else:
            violated = scores[m] - scores[1] + 1 > 0
            case = "too near, so x" if violated else "beyond the margin"
        print(f"  ∂L/∂w{m} = {row}  ({case})")
    same = sg.gradient(sg.multiclass_hinge(sg.let("s", Wm * xm), c), Wm)
    by_name = sg.function([Wm, xm, c], same[Wm])(weights, np.array([2.0, 1.0]), 1)
    print("\nsg.multiclass_hinge(s, c) has the same gradient:", np.array_equal(gradient, by_name))


if __name__ == "__main__":
    main()
