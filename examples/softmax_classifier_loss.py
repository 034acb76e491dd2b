"""The softmax classifier's loss, −log p_c: why the gradient is p − 1_c, and what large scores do.

An exercise of most courses on classification: derive ∂L/∂w_jk for L = −s_c + log Σ e^s, once for
j = c and once for j ≠ c. Both cases are one line, (p_j − 1[j = c])·x_k. It is declared here by
index, as the lecture writes it, and in matrices; the two are one graph. At scores of ±1000, where
e^s overflows, the loss as declared is still exact: the exponentials are never formed.

python examples/softmax_classifier_loss.py
"""

from sympy import IndexedBase, MatrixSymbol, Sum, exp, log, symbols

import symgrad as sg

D, C = symbols("D C", integer=True, positive=True)
j, k, m = symbols("j k m", integer=True)
c = sg.label("c", C)  # the correct class, 0 … C − 1

W, x = IndexedBase("W", shape=(C, D)), IndexedBase("x", shape=(D,))
s = sg.let("s", Sum(W[j, k] * x[k], (k, 0, D - 1)), j)
p = sg.let("p", exp(s[j]) / Sum(exp(s[m]), (m, 0, C - 1)), j)
L = sg.let("L", -log(p[c]))

Wm, xm = MatrixSymbol("W", C, D), MatrixSymbol("x", D, 1)
sm = sg.let("s", Wm * xm)
Lm = sg.let("L", sg.cross_entropy(sg.let("p", sg.softmax(sm)), c))


def main() -> None:
    """Print both derivations, the two cases in numbers, and the loss at ±1000."""
    import numpy as np

    print("by index")
    d = sg.gradient(L, [s, Wm])
    print(d.text(form="index"))
    print("\nin matrices")
    print(sg.gradient(Lm, [sm, Wm]))

    f = sg.function([Wm, xm, c], [L, p, d[Wm]])
    weights, inputs = np.array([[1.0, -1.0], [0.5, 2.0], [0.0, 1.0]]), np.array([1.0, 2.0])
    loss, probability, gradient = f(weights, inputs, 1)
    print(f"\nan example of class 1: L = {loss:.4f}, p =", np.round(probability, 4))
    for row, (name, share) in enumerate(zip(("p0", "p1 − 1", "p2"), gradient, strict=True)):
        expected = (probability[row] - (row == 1)) * inputs
        assert np.allclose(share, expected)
        print(f"  ∂L/∂w{row} = ({name})·x =", np.round(share, 4))

    scores = MatrixSymbol("s", 3, 1)
    own = sg.label("c", 3)
    written_out = -log(exp(scores[own, 0]) / Sum(exp(scores[j, 0]), (j, 0, 2)))
    extreme = sg.function([scores, own], [written_out, sg.gradient(written_out, scores)])
    value, slope = extreme(np.array([1000.0, -1000.0, 0.0]), 1)
    print(f"\nat the scores 1000, −1000, 0: L = {value:g}, gradient", slope)


if __name__ == "__main__":
    main()
