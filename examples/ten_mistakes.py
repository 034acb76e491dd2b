"""Ten mistakes of students, and what symgrad says of each: where, why, and a small example.

The page `ten_mistakes.md` is what this prints. Run it from any folder:

    python ten_mistakes.py
"""

import symgrad as sg

CLASSIFIER = """\
x: vector(D);  y: simplex(C)
W1: matrix(H, D);  b1: vector(H)
W2: matrix(C, H);  b2: vector(C)
z1 = W1 x + b1
h = tanh(z1)
z2 = W2 h + b2
p = softmax(z2)
L = -sum(y * log(p))
"""

RELU = """\
x: vector(D);  t: vector(C)
W1: matrix(H, D);  W2: matrix(C, H)
z = W1 x
h = relu(z)
f = W2 h
L = 1/2 ‖f - t‖^2
"""

RISK = """\
x: vector(D);  t: vector(C)
W: matrix(C, D);  b: vector(C)
f = W x + b
L = mean 1/2 ‖f - t‖^2 over x, t
"""

SCORES = """\
z, y: vector(C)
p = softmax(z)
L = -sum(y * log(p))
"""

MISTAKES = [
    ("A sign", CLASSIFIER, "dL/dW2 = (y - p) h'"),
    ("A derivative left out", CLASSIFIER, "dL/dW1 = (W2' (p - y)) x'"),
    ("σ′ for tanh′", CLASSIFIER, "dL/dW1 = (W2' (p - y) ⊙ h ⊙ (1 - h)) x'"),
    ("tanh′ at the wrong place", CLASSIFIER, "δ1 = W2' (p - y) ⊙ (1 - z1 ⊙ z1)"),
    ("A transpose", CLASSIFIER, "dL/dW1 = (W2 (p - y) ⊙ (1 - h ⊙ h)) x'"),
    ("An index that nothing sums over", CLASSIFIER,
     "dL/dW1[j, k] = (p[c] - y[c]) W2[c, j] (1 - h[j]^2) x[k]"),
    ("Branches the wrong way round", RELU, "dL/dW1 = (W2' (f - t) ⊙ 1[z < 0]) x'"),
    ("A sum for a mean", RISK, "dL/dW = (f - t)' X"),
    ("A bias that is not summed over examples", RISK, "dL/db = (1/N) (f - t)"),
    ("A fact that nobody declared", SCORES, "dL/dz = p - y"),
]  # fmt: skip

WORK = r"""
\begin{align*}
  \delta_2 &= p - y \\
  \frac{\partial L}{\partial W_2} &= \delta_2 h^\top \\
  \delta_1 &= W_2^\top \delta_2 \\
  \frac{\partial L}{\partial W_1} &= \delta_1 x^\top
\end{align*}
"""


def page() -> str:
    """The page, in Markdown."""
    lines = [
        "# Ten mistakes, and what symgrad says of them",
        "",
        "Printed by `python ten_mistakes.py`. Each claim is checked with `sg.verify(claim, loss)`, "
        "or `symgrad verify model.sg CLAIM`.",
    ]
    shown = ""
    for title, model, claim in MISTAKES:
        if model != shown:
            lines += ["", "With this declaration:", "", "```text", model.rstrip(), "```"]
            shown = model
        verdict = sg.verify(claim, sg.parse(model))
        lines += ["", f"## {title}", "", "```text", str(verdict), "```"]
    steps = sg.verify_steps(WORK.strip(), sg.parse(CLASSIFIER))
    lines += [
        "",
        "## Work of several lines, in LaTeX",
        "",
        "A line that is right given an earlier wrong one is told apart from a wrong one, with "
        "`sg.verify_steps(text, loss)` or `symgrad verify classifier.sg work.tex`:",
        "",
        "```latex",
        WORK.strip(),
        "```",
        "",
        "```text",
        str(steps),
        "```",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
