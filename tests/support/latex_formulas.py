r"""Formulas of LaTeX as students type them, each with what it means: tables of several tests."""

from __future__ import annotations

MODEL = """dims D, H, C, N
x, w: vector(D);  y: simplex(C);  c: label(C);  s, t, λ: scalar
W1: matrix(H, D); b1: vector(H);  W2: matrix(C, H); b2: vector(C)
A, B: matrix(D, D);  X: matrix(N, D);  V: matrix(C, D);  r: row(D); yhat: vector(C)
f: function
z1 = W1 x + b1
h = tanh(z1)
z2 = W2 h + b2
p = softmax(z2)
L = -sum(y * log(p))"""
"""What is declared."""

MEANS: dict[str, str] = {
    # products and transposes
    r"(W^{(2)})^\top (p - y) \odot (1 - h \odot h)": "W2' (p - y) ⊙ (1 - h ⊙ h)",
    r"\left( W_2^T (p - y) \odot (1 - h^2) \right)\, x^\top": "(W2' (p - y) ⊙ (1 - h^2)) x'",
    r"x^{\top} w + x^\intercal w + x^{\mathsf T} w + x^{\mathrm{T}} w": "4 x' w",
    r"x^\mathsf{T} w + x' w + x^{\text{T}} w + xᵀ w + x^{T}w": "5 x' w",
    r"x \cdot w": "x · w",
    r"x \ast w + x \times w + x \circ w": "3 x * w",
    r"A \times B": "A B",
    r"\langle x, w \rangle": "x · w",
    r"A^{-1} x + A^{-\top} x": "A^-1 x + (A^-1)' x",
    r"x w^\top": "x w'",
    # names
    r"W_1 x + W_{1} x + W^{(1)} x + W_{(1)} x + W^{[1]} x + W^1 x": "6 W1 x",
    r"\mathbf{W}_1 \mathbf{x} + \boldsymbol{W}_{1} \bm{x} + \mathrm{W}_1 \vec{x}": "3 W1 x",
    r"W^{(2)\top} p + W^{(2)T} p + {W_2}^\top p": "3 W2' p",
    r"\hat y + \hat{y} + \hat{\mathbf y} + \widehat{y} + ŷ": "5 yhat",
    r"\lambda s + \mathcal{L}": "λ s + L",
    r"z_1 + z^{(1)}": "2 z1",
    # fractions, roots, powers
    r"\frac{1}{2} s + \tfrac12 s + \dfrac1{2} s": "3/2 s",
    r"\frac{s + t}{2 t}": "(s + t)/(2 t)",
    r"\frac{x}{w}": "x ./ w",
    r"\frac{X}{N}": "X / N",
    r"s/t": "s/t",
    r"\sqrt{s^2 + 1}": "sqrt(s^2 + 1)",
    r"\sqrt[3]{s^2 + 1}": "(s^2 + 1)^(1/3)",
    r"s^{3/2}": "s^(3/2)",
    r"A^{\circ 2} + A^{\odot 2}": "2 A .^ 2",
    r"s²": "s^2",
    # norms
    r"\|x\|_2^2 + \lVert x \rVert^2 + \left\| x \right\|^2 + ||x||^2": "4 ‖x‖^2",
    r"\|x\|_1 + \Vert x \Vert_1": "2 ‖x‖_1",
    r"\|A\|_F^2 + \|x\|_\infty": "‖A‖_F^2 + norm(x, inf)",
    r"|s| + \lvert s \rvert + \left| s \right|": "3 |s|",
    # functions
    r"\tanh(z_1) + \operatorname{tanh}(z_1) + \mathrm{tanh}(z_1) + tanh(z_1)": "4 tanh(z1)",
    r"\tanh^2(z_1)": "tanh(z1)^2",
    r"\sigma(z_1) + \text{sigmoid}(z_1)": "2 sigmoid(z1)",
    r"\log p + \ln p + \log(p)": "3 log(p)",
    r"e^{-z_1} + \exp(-z_1) + \exp\left(-z_1\right)": "3 exp(-z1)",
    r"\max(0, z_1) + \max\{0, z_1\} + \operatorname{relu}(z_1)": "3 relu(z1)",
    r"\text{diag}(p) - p p^\top": "diag(p) - p p'",
    r"\operatorname{softmax}(z_2) + \mathrm{softmax}\bigl(z_2\bigr)": "2 softmax(z2)",
    r"\operatorname{softmax}_{\mathrm{rows}}(X)": "softmax(X, rows=true)",
    r"\operatorname{tr}(A) + \mathrm{tr}(A) + \det(A)": "2 tr(A) + det(A)",
    r"f(s)": "f(s)",
    # indicators and cases
    r"\mathbb{1}[z_1>0] + \mathbf{1}\{z_1 > 0\} + \mathbf 1_{z_1 > 0}": "3 1[z1 > 0]",
    r"\mathbb{1}(z_1 > 0) + \mathbb{I}\left[z_1 > 0\right] + [z_1 > 0] + 1[z_1>0]": "4 1[z1 > 0]",
    r"\begin{cases} z_1 & \text{if } z_1 > 0 \\ 0 & \text{otherwise} \end{cases}":
        "where(z1 > 0, z1, 0)",
    r"\begin{cases} s, & s > 0, \\ t s, & s \leq 0. \end{cases}": "where(s > 0, s, t s)",
    r"\mathbf{1}_c": "onehot(c, C)",
    # ones and identity
    r"\mathbf{1} - h \odot h": "1 - h ⊙ h",
    r"\mathbf{1}^\top x + x^\top \mathbf{1}": "2 sum(x)",
    r"X \mathbf{1}": "X ones(D)",
    r"\mathbf{1}_D^\top x": "sum(x)",
    r"X + \mathbf{1} r": "X + ones(N) r",
    r"(I - x x^\top) w": "w - x x' w",
    # sums and entries: LaTeX counts from 1
    r"\sum_k y_k \log p_k": "Σ_k y[k] log(p[k])",
    r"\sum_{k=1}^{C} y_k": "Σ_k y[k]",
    r"\sum_{k=1}^C k y_k": "Σ_k (k + 1) y[k]",
    r"\sum_{i=0}^{D-1} i x_i": "Σ_i i x[i]",
    r"\sum_{i=2}^{D} x_i x_{i-1}": "Σ_{i=1}^{D-1} x[i] x[i - 1]",
    r"\sum_{j \ne c} p_j + \sum\limits_{j \neq c} p_j": "2 Σ_{j ≠ c} p[j]",
    r"\sum_{i,j} A_{ij} x_i w_j + \sum_{ij} A_{i,j} x_i w_j": "2 Σ_{i, j} A[i, j] x[i] w[j]",
    r"\sum_i \sum_j W_{1,ij} x_j b_{1,i}": "Σ_i Σ_j W1[i, j] x[j] b1[i]",
    r"\sum_{i,j=1}^{D} A_{ij}": "Σ_i Σ_j A[i, j]",
    r"\sum_i \sum_{j < i} A_{ij}": "Σ_i Σ_{j < i} A[i, j]",
    r"s Vx + t \sum_{j \ge 2}  x_j": "s V x + t Σ_{j ≥ 1} x[j]",
    r"\sum_j W^{(1)}_{1j} x_j": "Σ_j W1[0, j] x[j]",
    r"\sum_n X_{n1}": "Σ_n X[n, 0]",
    r"p_c": "p[c]",
    r"(A x)_1": "Σ_j A[0, j] x[j]",
    # dress
    r"\displaystyle \underbrace{p - y}_{\delta_2} \quad": "p - y",
    r"\boxed{p - y}.": "p - y",
    r"\bigl( p \;-\; y \bigr) \label{eq} \nonumber \\": "p - y",
    r"p % the softmax" "\n- y": "p - y",
    r"\textcolor{red}{p} - y": "p - y",
}  # fmt: skip
"""LaTeX → the same in the text language."""

DERIVATIVES: dict[str, str] = {
    r"\frac{\partial L}{\partial W_1}": "∂L/∂W1",
    r"\dfrac{\partial \mathcal{L}}{\partial \mathbf{W}^{(1)}}": "∂L/∂W1",
    r"\partial L / \partial W_1": "∂L/∂W1",
    r"\frac{\partial}{\partial W_1} L": "∂L/∂W1",
    r"\frac{dL}{dW_1}": "∂L/∂W1",
    r"\frac{\mathrm{d} L}{\mathrm{d} W_1}": "∂L/∂W1",
    r"dL/dW_1": "∂L/∂W1",
    r"\nabla_{W_1} L": "∂L/∂W1",
    r"\nabla_{W_1}": "∇_W1",
    r"dW_1": "dW1",
    r"\mathrm{d} W_1": "dW1",
    r"\bar{z}_1": "z̄1",
    r"\bar{z_1}": "z̄1",
    r"\delta^{(2)}": "δ2",
    r"\delta_2": "δ2",
    r"\delta_{z_1}": "δ_z1",
    r"\frac{\partial^2 L}{\partial x \partial x^\top}": "∂²L/∂x∂xᵀ",
    r"\sigma'": "σ′",
    r"f'": "f′",
}
"""The name that a derivative has."""

ENTRIES: dict[str, str] = {
    r"\frac{\partial L}{\partial V_{jk}}": "∂L/∂V[j, k]",
    r"\frac{\partial L}{\partial W^{(1)}_{j,k}}": "∂L/∂W1[j, k]",
    r"\left( \frac{\partial L}{\partial V} \right)_{jk}": "∂L/∂V[j, k]",
    r"\frac{\partial L}{\partial V^\top}": "∂L/∂Vᵀ",
    r"\left( \frac{\partial L}{\partial V} \right)^\top": "Arguments",
    r"\nabla_{z_{1, k}} L": "∂L/∂z1[k]",
    r"\delta_{2,k}": "δ2[k]",
    r"\delta^{(2)}_k": "δ2[k]",
    r"\delta_k^{(2)}": "δ2[k]",
    r"\delta_k": "δ[k]",
    r"\bar{z}_{1,k}": "z̄1[k]",
    r"w_{k+1}": "w[Terms]",
    r"V_{jk}^\top": "V[j, k]ᵀ",
    r"x_i^{(n)}": "x[n, i]",
    r"W_{2, kj}": "W2[k, j]",
    r"W_{2kj}": "W2[k, j]",
    r"q_{k}": "q[k]",
    r"A'": "Aᵀ",
}

MACROS: dict[str, str] = {
    r"\newcommand{\W}{\mathbf{W}} \W_1 x": "W1 x",
    r"\newcommand\T{^\top} x\T w": "x' w",
    r"\def\R#1{W_{#1}} \R1 x + \R{1} x": "2 W1 x",
    r"\newcommand{\sm}[1]{\operatorname{softmax}(#1)} \sm{z_2}": "softmax(z2)",
    r"\DeclareMathOperator{\softmax}{softmax} \softmax(z_2)": "softmax(z2)",
    r"\newcommand{\n}[2][2]{\|#2\|_#1} \n{x} + \n[1]{x}": "‖x‖ + ‖x‖_1",
    r"\newcommand{\a}{\b} \newcommand{\b}{x} \a": "x",
}

DOCUMENT = r"""\documentclass{article} % a comment, $x = y$
\newcommand{\W}{\mathbf{W}}
\newcommand{\pd}[2]{\frac{\partial #1}{\partial #2}}
\begin{document}
Let $p = \text{softmax}(z_2)$ where $h$ is given, and 5\$ is money.
\begin{align*}
  \delta_2 &= \pd{L}{z_2} = p - y \label{eq:1} \\ % the first
  \pd{L}{\W_2} &= \delta_2 h^\top && \text{since } z_2 = W_2 h \\[2pt]
  \pd{L}{W_1}
    &= \delta_1 x^\top \\
    &= \W_2^\top (p-y) \odot {}\\
    & \quad (1 - h \odot h) x^\top. \tag{3}
\end{align*}
\[ a = \delta_1, \qquad b = \delta_2 \quad \text{since } z = Wx \]
$$ c = \begin{cases} 1 & z_1 > 0 \\ 0 & \text{else}\end{cases} $$
\begin{equation}\begin{aligned} u &= W_1 x \\ v &= u \end{aligned}\end{equation}
\begin{verbatim} $not = math$ \end{verbatim}
\begin{eqnarray} d &=& b_1 + \nonumber \\ & & b_1 \end{eqnarray}
\(e = 1\), and dots: $f = x_1 + \dots + x_n$.
\end{document}
$g = 1$
"""

FRAGMENTS: dict[str, list[tuple[str, int]]] = {
    "a = b": [("a = b", 1)],
    "a = b = c": [("a = b = c", 1)],
    "a = b\nc = d": [("a = b", 1), ("c = d", 2)],
    "a = b\n  = c": [("a = b", 1), ("a = c", 2)],
    "a\n &= b \\\\\n &= c": [("a = b", 2), ("a = c", 3)],
    "a &= b + \\\\ & c": [("a = b + \\\\ & c", 1)],
    "a = b\n  + c": [("a = b\n  + c", 1)],
    r"a = b \\ c = d": [("a = b", 1), ("c = d", 1)],
    r"a = b, \quad c = d": [("a = b", 1), ("c = d", 1)],
    "a = b, c = d; e = f": [("a = b", 1), ("c = d", 1), ("e = f", 1)],
    r"a = f(b, c)": [("a = f(b, c)", 1)],
    r"a = b \text{ because } c = d": [("a = b", 1)],
    r"a = b \qquad l = 2, \dots, 99": [("a = b", 1)],
    r"\text{Hence } a = b": [("a = b", 1)],
    r"\text{loss} = b": [(r"\text{loss} = b", 1)],
    r"a := b": [(r"a = b", 1)],
    r"a \coloneqq b": [(r"a = b", 1)],
    r"\sum_{k=1}^{K} a_k = b": [(r"\sum_{k=1}^{K} a_k = b", 1)],
    r"$a = b$ and \( c = d \)": [("a = b", 1), ("c = d", 1)],
    r"the cost is $x$": [],
    "% only a comment": [],
    "": [],
    r"p - y": [("p - y", 1)],
}
