"""Claims as students spell them: identities, one-hots, indices, remarks. Each row is one claim."""

from __future__ import annotations

from functools import cache

import pytest

import symgrad as sg
from symgrad.errors import ParseError
from symgrad.verification.judge import decide
from symgrad.verification.names import Truth
from symgrad.verification.reader import Reader
from symgrad.verification.work import lines

MODELS = {
    "ridge": "X: matrix(n, d); y: vector(n); w: vector(d); λ: scalar\n"
    "L = (1/(2 n)) ||X w - y||^2 + λ/2 w'w",
    "trace": "W: matrix(n, n); x: vector(n); a: scalar\nL = x' W x + a trace(W)",
    "label": "x: vector(D); c: label(C); W: matrix(C, D); b: vector(C)\n"
    "z = W x + b\np = softmax(z)\nL = -log(p[c])",
    "labels": "X: matrix(N, D); y: label(C, N); W: matrix(D, C)\nZ = X W\n"
    "P = softmax(Z, rows=true)\nL = -(1/N) Σ_n log(P[n, y[n]])",
    "net": "x: vector(D); y: simplex(C); W1: matrix(H, D); b1: vector(H)\n"
    "W2: matrix(C, H); b2: vector(C)\nz1 = W1 x + b1\nh = tanh(z1)\nz2 = W2 h + b2\n"
    "p = softmax(z2)\nL = cross_entropy(p, y)",
    "inverse": "S: matrix(n, n), positive definite; x: vector(n)\nL = x' S^-1 x + logdet(S)",
    "relu": "x: vector(D); t: vector(C); W: matrix(H, D); V: matrix(C, H)\n"
    "z = W x\nh = relu(z)\no = V h\nL = 1/2 ||o - t||^2",
    "neuron": "x, t: scalar; w, b: scalar\nz = w x + b\no = sigmoid(z)\nL = 1/2 (o - t)^2",
    "quadratic": "A: matrix(n, n); x: vector(n)\nL = x' A x",
    "normal": "x, w: vector(n)\nz = w * x\nL = sum(gelu(z))",
}


@cache
def truth(model: str) -> Truth:
    return Truth(sg.parse(MODELS[model]))


def statuses(text: str, model: str) -> list[str]:
    reader = Reader(truth(model))
    found = [c for line in lines(text, names=truth(model).names) for c in reader.claims(line)]
    return [decide(c).status for c in found]


RIGHT: dict[str, list[str]] = {
    "ridge": [  # the identity takes the size that fits
        "dL/dw = (X'X/n + λ I) w - X'y/n",
        "dL/dw = (I λ + X'X/n) w - X'y/n",
        "dL/dw = (X'X + n λ * I) w/n - X'y/n",
        "dL/dw = X'(X w - y)/n + λ I w",
        "dL/dw = (X'X/n + λ eye(d)) w - X'y/n",
        "dL/dw = (X'X/n + λ I_d) w - X'y/n",
        r"\nabla_w L = (\frac{1}{n} X^\top X + \lambda I) w - \frac1n X^\top y",
        r"\nabla_w L = (\frac{1}{n} X^\top X + \lambda \mathbf I) w - \frac1n X^\top y",
        r"\nabla_w L = (\frac{1}{n} X^\top X + \lambda \mathbb{I}) w - \frac1n X^\top y",
        r"\nabla_w L = (\frac{1}{n} X^\top X + \lambda I_d) w - \frac1n X^\top y",
        r"\frac{\partial L}{\partial X} = \frac1n (X w - y) \otimes w",
        # as in NumPy; a method binds more tightly than any operator
        "dL/dw = X.T.dot(X.dot(w) - y)/n + λ*w",
        "w.grad = 1/n * np.transpose(X).dot(np.dot(X, w) - y) + λ*w",
        "dL/dλ = (w'w)^2/w.dot(w)/2",
        "dL/dλ = np.sum(w**2)/2",
        "dL/dλ = (w**2).sum()/2",
        "dL/dλ = 1/2 * n * (w**2).mean() * (1/n) * d",
        # two names in one
        "dL/dw = X'(Xw - y)/n + λ w",
        "dL/dw = X'Xw/n - X'y/n + λw",
    ],
    "trace": [
        "dL/dW = x x' + a I",
        "dL/dW = (a I)' + x ⊗ x",
        "dL/dW = x x' + a I ⊙ I",
        "dL/dW = a I_n + x x'",
        "dL/dx = (W + I W') x",
        "dL/dx = W x + (2 I - I) W' x",
        "dL/da = tr(I W)",
        "dL/dW[i, j] = x[i] x[j] + a 1[i = j]",
        "dL/dW[i, j] = x[i] x[j] + a 1[i ≥ j] 1[i ≤ j]",
        "dL/dW_{i, j} = x_i x_j + a δ_ij",
        "dL/dw_ij = x_i x_j + a δ[i, j]",
        "dL/dW[i, j] = x[i] x[j] + a I[i, j]",
        r"\frac{\partial L}{\partial W_{ij}} = x_i x_j + a \delta_{ij}",
        r"\frac{\partial L}{\partial W_{ij}} = x_i x_j + a \mathbf{1}[i \ge j] \mathbf{1}[i \le j]",
        r"\frac{\partial L}{\partial w_{ij}} = x_i x_j + a I_{ij}",
    ],
    "label": [
        "dL/dz[k] = p[k] - 1[k = c]",
        "dL/dz[k] = p[k] - 1[k ≥ c] 1[k ≤ c]",
        "dL/dz[k] = p[k] - 1[k + 1 > c] 1[k - 1 < c]",
        "dL/dz[0] = p[0] - 1[c < 1]",
        "dL/dz_k = softmax(z)_k - δ_{k,c}",
        "dL/dz_k = p_k - δ_kc",
        "dL/dz = p - e_c",
        "dL/dz = p - 1_c",
        r"\frac{\partial L}{\partial z_k} = p_k - \mathbf{1}[k \ge c] \mathbf{1}[k \le c]",
        r"\frac{\partial L}{\partial z_k} = p_k - \mathbf{1}[k - c \ge 0] \mathbf{1}[c - k \ge 0]",
        r"\frac{\partial L}{\partial z_k} = p_k - \mathbf{1}[k - c = 0]",
        r"\frac{\partial L}{\partial z_1} = p_1 - \mathbf{1}[c < 2]",
        r"\frac{\partial L}{\partial z_k} = \mathrm{softmax}(z)_k - \delta_{kc}",
        r"\nabla_z L = p - \mathbf e_c",
        r"\frac{\partial L}{\partial z_k} = p_k - \mathbb{1}_{[k=c]}",
        r"\frac{\partial L}{\partial z_k} = p_k - \mathbb{1}_{\{k=c\}}",
    ],
    "labels": [
        "dL/dZ[n, k] = (P[n, k] - 1[k ≥ y[n]] 1[k ≤ y[n]])/N",
        r"\frac{\partial L}{\partial Z_{nk}} = \frac{1}{N} (P_{nk} - \mathbf{1}[y_n = k])",
        r"\frac{\partial L}{\partial Z_{nk}} = \frac{1}{N} (P_{nk} - \delta_{k, y_n})",
    ],
    "net": [
        "dL/db1 := W2'(p - y) ⊙ (1 - h^2)",
        "dL/dz2 ≡ p - y",
        "dL/dz2 = p - y (since Σy = 1)",
        "dL/dz2 = p - y   by the chain rule",
        "dL/dz2 = p - y, by the chain rule",
        "dL/dz2 = p - y  [chain rule]",
        "dL/dz2 = p - y (softmax and cross entropy)",
        "Thus dL/dz2 = p − y because Σ_k y[k] = 1",
        "by = p - y; dL/db2 = by",
        r"\nabla_{z_2} L = p - y \quad \text{(since $\sum_k y_k = 1$)}",
        r"\nabla_{z_2} L = p - y \qquad (\text{softmax + CE})",
        r"\nabla_{z_2} L := p - y",
        "dL/dW1 = W2' (p - y) * (1 - h^2) x'",
        "dL/dz1 = W2'(p - y) ⊙ sech²(z1)",
        "grad_{W2} L = (p - y) h'",
        r"\operatorname{grad}_{W_2} L = (p - y) h^\top",
        "dL/dW2 = (p - y) ⊗ h",
        "dL/dW2 = outer(p - y, h)",
        "W2.grad = np.outer(p - y, np.tanh(z1))",
        "dL/db1 = np.multiply(np.dot(W2.T, p - y), 1 - np.tanh(W1x + b1)**2)",
        "dL/db1 = W2'(p - y) ⊙ h'(z1)",
        "dL/db1[k] = h_k' Σ_j W2[j, k] (p[j] - y[j])",
        "h_k' = 1 - h_k^2",
        "h'(z1) = 1 - h^2",
        r"\nabla_{b_1} L = W_2^\top (p - y) \odot h'(z_1)",
        r"\nabla_{b_1} L = W_2^\top (p - y) \odot \tanh^{\prime}(z_1)",
        r"\frac{\partial L}{\partial b_{1,k}} = h'_k \sum_j (W_2)_{jk} (p_j - y_j)",
        r"\frac{\partial L}{\partial (W_2)_{kj}} = (p_k - y_k) (h)_j",
        r"\nabla_{W_2} L = (p - y) h^t",
        "vec(dL/dW2) = vec((p - y) h')",
        "dL/dw^(2)_ki = (p_k - y_k) h_i",
        "dL/dW^{(2)}_{ki} = (p_k - y_k) h_i",
        r"\frac{\partial L}{\partial w^{(2)}_{ki}} = (p_k - y_k) h_i",
    ],
    "relu": [
        "dL/dz = [z > 0] ⊙ (V.T @ (o - t))",
        "dL/dz = (V.T @ (o - t)) * [z > 0]",
        r"\nabla_z L = V^\top (o - t) \odot (z > 0)",
    ],
    "neuron": [
        "dL/dw = [o - t] [o (1 - o)] x",
        "dL/dw = 2 [o - t] [o (1 - o)] x / 2",
    ],
    "normal": [
        "dL/dw = (Φ(z) + z * φ(z)) * x",
        r"\nabla_w L = (\Phi(z) + z \odot \phi(z)) \odot x",
    ],
}
WRONG: dict[str, list[str]] = {
    "ridge": ["dL/dw = (X'X/n + λ) w - X'y/n", "dL/dw = (X'X/n + λ ones(d, d)) w - X'y/n"],
    "trace": ["dL/dW = I ⊙ W", "dL/dW = a I", "dL/dW = I"],
    "net": ["dL/db1 = W2'(p - y) ⊙ h'(h)", "h_k' = 1 + h_k^2", "p' = p"],
    "label": [
        r"\frac{\partial L}{\partial z_k} = p_k - \mathbf{1}[k - c = 1]",
        "dL/dz[k] = p[k] - 1[k > c]",
        "dL/dz = p + e_c",
    ],
}
UNREAD: dict[str, list[tuple[str, str]]] = {
    "ridge": [
        (
            r"\nabla_w L = (\frac{1}{n} X^\top X + \lambda \mathbb{1}) w - \frac1n X^\top y",
            "not clear whether this is the identity or a matrix of ones",
        ),
        ("dL/dX[0, :] = w'", "a row or column is not read"),
    ],
    "trace": [
        ("B = a I; dL/dW = x x' + B", "write its size, as in eye"),
        ("dL/da = tr(I)", "write its size, as in eye"),
    ],
    "net": [
        ("dL/dW3 = (p - y) h'", "there is no W3 in this loss; its parameters are"),
        (r"\frac{\partial L}{\partial W_3} = p", "there is no W3 in this loss"),
        ("dL/dW2 = dL/dz3 h'", "there is no z3 in this loss"),
        ("vec(dL/dW2) = p", "on both sides"),
        ("dL/dW2 = W1 ⊗ W2", "between vectors only"),
        ("dp[j]/dz2[k] = -p[j] p[k] (j ≠ k)", "under a condition only"),
        ("p_k' = p_k (1 - p_k)", "by what p is differentiated"),
        ("dL/dz2 = softmax(z2, p_k=1) - y", "softmax cannot take these arguments"),
    ],
    "quadratic": [
        ("∇_x (x' A x) = (A + A') x", "a derivative is of a name"),
        (r"\nabla_x (x^\top A x) = (A + A^\top) x", "a derivative is of a name"),
        (r"\nabla_x x^\top A x = (A + A^\top) x", "the derivative of x by itself"),
        ("dL/dx = 0", "∂L/∂x is not 0 everywhere. If you set it to zero"),
        ("dL/dx_i = Σ_j (a_j' x) x_j", "where a_i is row i of A"),
        (r"\frac{\partial L}{\partial x_i} = A_{i:} x", "a row such as X_{n:} is not read"),
        ("dL/dx = 2 + .dot(x)", "cannot stand here"),
        ("dL/dx[i] = [A x] [i]", "whether this is a position or a factor"),
        ("dL/dx[i] = Σ_{i=0}^{n-1} A[i, i]", "i is an index already, outside this sum"),
    ],
    "neuron": [("dL/dw = x**o.dot(x)", "a method stands behind a value in brackets")],
    "inverse": [
        ("dL/dS^-1 = x x' - S", "a derivative by an inverse is not read"),
        (r"\frac{\partial L}{\partial S^{-1}} = x x^\top - S", "name an inverse in the model"),
    ],
}


def rows(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(model, text) for model, texts in table.items() for text in texts]


@pytest.mark.parametrize(("model", "text"), rows(RIGHT))
def test_right(model: str, text: str) -> None:
    assert statuses(text, model) == ["right"]


@pytest.mark.parametrize(("model", "text"), rows(WRONG))
def test_wrong(model: str, text: str) -> None:
    assert statuses(text, model) == ["wrong"]


@pytest.mark.parametrize(
    ("model", "text", "words"), [(m, *row) for m, found in UNREAD.items() for row in found]
)
def test_what_is_not_read_has_a_sentence(model: str, text: str, words: str) -> None:
    with pytest.raises(ParseError, match=words):
        statuses(text, model)


def test_a_gradient_under_another_name_says_nothing_of_itself() -> None:
    assert statuses("g = dL/dW2; dL/dW2 = g", "net") == ["undecided", "undecided"]
    assert statuses("err = dL/dz2 = p - y; dL/dW2 = err h'", "net")[1:] == ["right", "right"]


def test_a_remark_hides_no_equation() -> None:
    text = "dL/dz2 = p - y since Σ_k y[k] = 1, dL/db2 = y - p by the chain rule"
    assert statuses(text, "net") == ["right", "wrong"]
