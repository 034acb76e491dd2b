"""The law of each line: the right one, stated right, and one for every line there is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import sympy as sp
from network_checks import planned
from networks import NETWORKS
from random_networks import Network
from sympy import MatrixSymbol, Symbol, symbols

import symgrad as sg
from symgrad.graph import Kind
from symgrad.lift import lift
from symgrad.show.factors import CHAINS, MATRIX_PRODUCTS
from symgrad.show.notation import over
from symgrad.show.rules import _LINEAR_ALGEBRA, _REDUCTIONS, RULES, declared_fact

N, M, K = symbols("N M K", integer=True, positive=True)
SIZES = {N: 3, M: 2, K: 4}
A, B = MatrixSymbol("A", N, M), MatrixSymbol("B", M, K)
P, Q = MatrixSymbol("P", N, M), MatrixSymbol("Q", N, N)
S = MatrixSymbol("S", N, K)
a, b, u = MatrixSymbol("a", N, 1), MatrixSymbol("b", M, 1), MatrixSymbol("u", N, 1)
c = Symbol("c", real=True)
label = sg.label("k", N)


def named(value: Any) -> Any:
    return sg.let("Z", value)


def law(value: Any, by: Any) -> str:
    """The law of the line ∂L/∂by, where L is made of a named ``value`` that has its own line."""
    z = named(value)
    if not getattr(z, "shape", ()):
        loss = sp.sin(z)
    elif z.shape[1] == 1:
        loss = sg.sum(sg.tanh(z))
    else:
        loss = sg.sum(sg.tanh(z))
    d = sg.gradient(loss, [z, by])
    (line,) = [s for s in d.steps if s.names[-1] == f"∂L/∂{by}"]
    return line.law


LAWS: dict[str, tuple[Callable[[], Any], Any, str]] = {
    "left": (lambda: A * B, A, "product rule for matrices: Z = A·B gives Ā = Z̄·Bᵀ"),
    "right": (lambda: A * B, B, "product rule for matrices: Z = A·B gives B̄ = Aᵀ·Z̄"),
    "left, transposed": (
        lambda: A.T * S, A, "product rule for matrices: Z = Aᵀ·B gives Ā = B·Z̄ᵀ"
    ),
    "right, transposed": (
        lambda: S * (Q * S).T, Q, "product rule for matrices: Z = A·Xᵀ gives X̄ = Z̄ᵀ·A"
    ),
    "in the middle": (
        lambda: A.T * Q * S, Q, "product rule for matrices: Z = A·X·B gives X̄ = Aᵀ·Z̄·Bᵀ"
    ),
    "in the middle, transposed": (
        lambda: A * (P.T * Q) * S, P, "product rule for matrices: Z = A·Xᵀ·B gives X̄ = B·Z̄ᵀ·A"
    ),
    "at the left end, transposed": (
        lambda: P.T * Q * S, P, "product rule for matrices: Z = Xᵀ·B gives X̄ = B·Z̄ᵀ"
    ),
    "in the second of two chains": (
        lambda: (Q * a) * (B.T * b).T, B, "product rule for matrices: Z = A·X gives X̄ = Aᵀ·Z̄"
    ),
    "at the right end": (
        lambda: Q * A * B, B, "product rule for matrices: Z = A·X gives X̄ = Aᵀ·Z̄"
    ),
    "before a vector, transposed": (
        lambda: P.T * Q * a, P, "product rule for matrices: z = Xᵀ·b gives X̄ = b·z̄ᵀ"
    ),
    "between a matrix and a vector, transposed": (
        lambda: A * P.T * a, P, "product rule for matrices: z = A·Xᵀ·b gives X̄ = b·z̄ᵀ·A"
    ),
    "matrix and vector": (lambda: A * b, A, "product rule for matrices: z = A·b gives Ā = z̄·bᵀ"),
    "vector": (lambda: A * b, b, "product rule for matrices: z = A·b gives b̄ = Aᵀ·z̄"),
    "vector, transposed": (
        lambda: A.T * a, a, "product rule for matrices: z = Aᵀ·b gives b̄ = A·z̄"
    ),
    "dot": (lambda: sg.dot(a, u), a, "s = aᵀ·b gives ā = s̄·b"),
    "square of a vector": (lambda: sg.dot(a, a), a, "s = aᵀ·a gives ā = 2·s̄·a"),
    "inner product": (lambda: sg.dot(A, P), A, "s = ⟨A, B⟩ gives Ā = s̄·B"),
    "outer": (lambda: a * b.T, a, "Z = a·bᵀ gives ā = Z̄·b"),
    "outer, right": (lambda: a * b.T, b, "Z = a·bᵀ gives b̄ = Z̄ᵀ·a"),
    "elementwise": (lambda: sp.HadamardProduct(A, P), A, "Z = A ⊙ B gives Ā = Z̄ ⊙ B"),
    "elementwise square": (lambda: sp.HadamardProduct(A, A), A, "Z = A ⊙ A gives Ā = 2·Z̄ ⊙ A"),
    "three": (lambda: sp.HadamardProduct(a, u, sg.exp(u)), a, "Z = A ⊙ B ⊙ … gives Ā = Z̄ ⊙ B ⊙ …"),
    "scalars": (lambda: c * Symbol("t", real=True), c, "product rule: z = a·b gives ā = z̄·b"),
    "scale": (lambda: c * A, A, "Z = c·A gives Ā = c·Z̄"),
    "scalar factor": (lambda: c * A, c, "Z = c·A gives c̄ = ⟨Z̄, A⟩"),
    "constant": (lambda: 3 * A, A, "Z = c·A gives Ā = c·Z̄"),
    "sum": (lambda: A + P, A, "Z = A + B gives Ā = Z̄"),
    "difference": (lambda: P - A, A, "Z = B − A gives Ā = −Z̄"),
    "trace": (lambda: sp.Trace(Q), Q, "s = tr A gives Ā = s̄·I"),
    "bilinear": (lambda: a.T * Q * u, Q, "product rule for matrices: s = aᵀ·X·b gives X̄ = s̄·a·bᵀ"),
    "broadcast": (
        lambda: A + sp.OneMatrix(N, 1) * b.T, b,
        "Z = A + B gives Ā = Z̄; b is added to every row, so its gradient sums over the N rows",
    ),
    "tanh": (
        lambda: sg.tanh(A), A, "H = f(Z) gives Z̄ = H̄ ⊙ f′(Z), tanh′ = 1 − tanh²"
    ),
    "scalar function": (
        lambda: sg.sigmoid(c), c, "chain rule: h = f(z) gives z̄ = h̄·f′(z), σ′ = σ(1 − σ)"
    ),
    "logsumexp": (
        lambda: sg.logsumexp(a), a, "s = logsumexp(z) gives z̄ = s̄·softmax(z)"
    ),
    "max": (lambda: sg.max(a), a, "s = max z gives z̄ = s̄ at the largest entry, 0 elsewhere"),
    "sum of entries": (lambda: sg.sum(A), A, "s = Σ a gives ā = s̄ in every entry"),
    "inverse": (lambda: Q.I, Q, "Y = X⁻¹ gives X̄ = −Yᵀ·Ȳ·Yᵀ"),
    "determinant": (lambda: sp.Determinant(Q), Q, "d = det X gives X̄ = d̄·d·X⁻ᵀ"),
    "log-determinant": (lambda: sg.logdet(Q), Q, "l = log |det X| gives X̄ = l̄·X⁻ᵀ"),
    "an entry": (
        lambda: a[label, 0], a, "z = a_c picks an entry, so ā is z̄ at c and 0 elsewhere"
    ),
    "cross-entropy": (
        lambda: sg.cross_entropy(sg.softmax(a), sg.simplex("y", N)), a,
        "L = −yᵀ log(softmax(z)) gives z̄ = (Σ y)·softmax(z) − y; Σ y = 1, declared",
    ),
    "cross-entropy of a label": (
        lambda: sg.cross_entropy(sg.softmax(a), label), a,
        "L = −log softmax(z)_c gives z̄ = softmax(z) − 1_c",
    ),
}  # fmt: skip
"""A value, what it is differentiated by, and the law of that line."""


@pytest.mark.parametrize("name", LAWS)
def test_the_law(name: str) -> None:
    declare, by, expected = LAWS[name]
    assert law(declare(), by) == expected


# ------------------------------------------------------------------- the formula in a law is right


def term(text: str, env: dict[str, Any]) -> Any:
    """A formula of a law in numbers: · ⊙ ᵀ and the like; a scalar is an array of one entry."""
    text = text.strip()
    if " + " in text:
        return sum(term(x, env) for x in text.split(" + "))
    if " − " in text:
        first, second = text.split(" − ")
        return term(first, env) - term(second, env)
    if text.startswith("−"):
        return -term(text[1:], env)
    for sign, combine in ((" ⊙ ", np.multiply), ("·", times)):
        if sign in text and "⟨" not in text:
            first, *rest = [term(x, env) for x in text.split(sign)]
            for x in rest:
                first = combine(first, x)
            return first
    if text.startswith("⟨"):
        left, right = text[1:-1].split(", ")
        return np.reshape((term(left, env) * term(right, env)).sum(), (1, 1))
    for suffix, apply in SUFFIXES.items():
        if text.endswith(suffix):
            return apply(term(text.removesuffix(suffix), env))
    return env[text] if text in env else np.reshape(float(text), (1, 1))


SUFFIXES: dict[str, Callable[[Any], Any]] = {
    "⁻ᵀ": lambda x: np.linalg.inv(x).T,
    "⁻¹": np.linalg.inv,
    "ᵀ": np.transpose,
    "²": np.square,
}


def times(x: Any, y: Any) -> Any:
    return x * y if 1 in (np.size(x), np.size(y)) else x @ y


def formulas() -> Iterator[Any]:
    texts = [x for _, _, law in LAWS.values() for x in law.split("; ")]
    texts += [f"Z = {z} gives {gets}" for z, gets in MATRIX_PRODUCTS.values()]
    texts += [f"{z} gives {gets}" for z, gets, _ in CHAINS.values()]
    texts += [row.backward for row in _LINEAR_ALGEBRA.values()]
    for text in dict.fromkeys(texts):
        found = re.fullmatch(r"(?:[a-z ]+: )?(\w) = (.+) gives (\S+) = (.+)", text)
        if found and not re.search(r"[a-z]{2}|…|_|f\(", f"{found[2]} {found[4]}"):
            yield pytest.param(*found.groups(), id=text)


@pytest.mark.parametrize(("z", "made_of", "bar", "gets"), list(formulas()))
def test_the_formula_of_a_law(z: str, made_of: str, bar: str, gets: str) -> None:
    """⟨Z̄, dZ⟩ = ⟨Ā, dA⟩ in numbers, for what the law says Ā is."""
    rng = np.random.default_rng(0)
    shapes = {"c": (1, 1), "s": (1, 1), "d": (1, 1), "l": (1, 1), "t": (1, 1)}
    scalar = made_of == "a·b" or made_of == "a²"
    names = set(re.findall("[A-Za-z]", made_of)) | {z}
    size = (1, 1) if scalar else (3, 1)
    env = {x: rng.normal(size=(3, 3) if x.isupper() else shapes.get(x, size)) for x in names}
    by = next(x for x in names if over(x) == bar)
    env[over(z)] = adjoint = rng.normal(size=env[z].shape)

    def value(x: Any) -> float:
        at = {**env, by: x}
        return float((adjoint * term(made_of, at)).sum())

    step = 1e-6 * rng.normal(size=env[by].shape)
    slope = (value(env[by] + step) - value(env[by] - step)) / 2
    env[z] = term(made_of, env)
    assert term(gets, env).shape == env[by].shape
    np.testing.assert_allclose((term(gets, env) * step).sum(), slope, rtol=1e-5, atol=1e-12)


# ------------------------------------------------------------------------- every line has a law


def test_examples_share_a_bias() -> None:
    """The words of the issue."""
    x, t = MatrixSymbol("x", M, 1), MatrixSymbol("t", K, 1)
    V, v = MatrixSymbol("V", K, M), MatrixSymbol("v", K, 1)
    z = sg.let("z", V * x + v)
    risk = sg.empirical_risk(sg.squared_error(z, t), data=[x, t])
    lines = {s.names[-1]: s for s in sg.gradient(risk, [V, v]).steps}
    (bias,) = [s for name, s in lines.items() if name.endswith("/∂v")]
    assert "v is added to every example, so its gradient sums over the N examples" in bias.law


def test_a_value_that_is_used_twice() -> None:
    h = sg.let("h", sg.tanh(a))
    p, q = sg.let("p", Q * h), sg.let("q", sg.exp(h))
    d = sg.gradient(sg.let("L", sg.dot(sg.sin(p), sg.cos(q))), [h, p, q, a])
    (line,) = [s for s in d.steps if s.names[-1] == "∂L/∂h"]
    assert line.law.endswith("h is used by p and q: their messages add")


def test_the_order_of_laws_is_not_that_of_the_nodes() -> None:
    """A value that another derivation has made before is numbered before the rest of this one."""
    laws = []
    for k in range(2):
        y, f = Symbol(f"y{k}", real=True), Symbol(f"f{k}", real=True)
        made = [sg.softplus(f), y * f][:: 1 - 2 * k]
        kept = [lift(x) for x in made]
        (line,) = lines_of(sg.gradient(sg.let("L", sg.softplus(f) - y * f), f))
        laws.append(line.law.replace(str(f), "f"))
        assert len(kept) == 2
    assert laws[0] == laws[1]
    assert laws[0].count("; ") == 2


def test_facts_are_quoted_as_declared() -> None:
    assert declared_fact("Σ y = 1") == "Σ y = 1, declared"
    assert declared_fact("A = Aᵀ (declared)") == "A = Aᵀ, declared"


def test_every_kind_that_is_differentiated_has_rules() -> None:
    constant = {Kind.LEAF, Kind.CONST, Kind.DELTA, Kind.ONEHOT, Kind.INDICATOR, Kind.NAMED}
    assert set(RULES) == set(Kind) - constant
    assert set(_REDUCTIONS) == {"logsumexp", "max", "sparsemax_value", "sparsemax_threshold"}


def lines_of(d: sg.Derivation) -> Iterator[Any]:
    return (step for step in d.steps if step.phase == "backward")


@pytest.mark.parametrize("name", NETWORKS)
def test_every_line_has_a_law(name: str) -> None:
    network = NETWORKS[name]()
    for step in lines_of(sg.gradient(network.loss, network.wrt)):
        assert step.law, step.text


@pytest.mark.parametrize("name", ["classifier", "regression", "A4", "A7"])
def test_every_line_of_second_order_has_a_law(name: str) -> None:
    network = NETWORKS[name]()
    loss, wrt = network.loss, network.wrt
    directions = [
        MatrixSymbol(f"d_{w.name}", *w.shape) if hasattr(w, "shape") else Symbol(f"d_{w.name}")
        for w in wrt
    ]
    for d in (
        sg.hessian(loss, wrt), sg.jacobian(loss, wrt), sg.jvp(loss, wrt, directions),
        sg.hvp(loss, wrt, directions),
    ):  # fmt: skip
        for step in lines_of(d):
            assert step.law, step.text


@pytest.mark.parametrize(
    "seed", [0, 1, 2, *(pytest.param(k, marks=pytest.mark.slow) for k in range(3, 40))]
)
def test_every_line_of_a_random_network_has_a_law(seed: int) -> None:
    network = Network(seed, planned(seed))
    for step in lines_of(sg.gradient(network.loss, network.wrt)):
        assert step.law, step.text
