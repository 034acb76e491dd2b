"""Comparisons: what is equal is accepted, what is not is refuted by an example, the rest is open.

The tables have claims as a student writes them. The random networks know nothing of how claims
are compared: equal forms come from passes that have tests of their own, wrong ones from changing
a weight, a factor or a function in the graph.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
import sympy as sp
from networks import NETWORKS
from random_claims import agrees, changed, is_certain
from random_graphs import Declaration
from sympy import MatrixSymbol, OneMatrix, Q, hadamard_product, symbols

import symgrad as sg
from symgrad import graph as g
from symgrad.errors import ShapeError
from symgrad.graph import Node
from symgrad.lift import lift
from symgrad.simplify import computing
from symgrad.verification.comparison import METHODS
from symgrad.verification.equality import compare

D, H, N = symbols("D H N", integer=True, positive=True)
s, t, u = symbols("s t u", real=True)
W, A, B = MatrixSymbol("W", H, D), MatrixSymbol("A", H, H), MatrixSymbol("B", H, H)
x, y, b = MatrixSymbol("x", D, 1), MatrixSymbol("y", D, 1), MatrixSymbol("b", H, 1)
v = MatrixSymbol("v", D, 1)
positive = sg.assume(symbols("a", real=True), Q.positive)


def graph(e: Any) -> Node:
    return e if isinstance(e, Node) else lift(sg.functions.as_expression(e))


def by(loss: Any, w: Any) -> Node:
    """Our gradient of a loss."""
    return sg.gradient(loss, w).roots[0]


def each(f: Callable[[Any], Any], a: Any) -> Any:
    return a.applyfunc(sp.Lambda(t, f(t)))


EXP, SHIFTED = each(sp.exp, v), each(sp.exp, v - sg.max(v) * OneMatrix(D, 1))

EQUAL: dict[str, tuple[Any, Any]] = {
    "sech² = 1 − tanh²": (sp.sech(t) ** 2, 1 - sp.tanh(t) ** 2),
    "4/(eᵗ + e⁻ᵗ)²": (4 / (sp.exp(t) + sp.exp(-t)) ** 2, by(sg.tanh(t), t)),
    "σ(1 − σ)": (sp.exp(t) / (1 + sp.exp(t)) ** 2, by(sg.sigmoid(t), t)),
    "softplus": (sp.log(1 + sp.exp(t)), sg.softplus(t)),
    "softplus, shifted": (t + sp.log(1 + sp.exp(-t)), sg.softplus(t)),
    "softmax": (EXP / sg.sum(EXP), sg.softmax(v)),
    "softmax, shifted": (SHIFTED / sg.sum(SHIFTED), sg.softmax(v)),
    "gelu′": (
        (1 + sp.erf(t / sp.sqrt(2))) / 2 + t * sp.exp(-(t**2) / 2) / sp.sqrt(2 * sp.pi),
        by(sg.gelu(t), t),
    ),
    "sin² + cos²": (sp.sin(t) ** 2 + sp.cos(t) ** 2 + t, 1 + t),
    "sin 2t": (sp.sin(2 * t), 2 * sp.sin(t) * sp.cos(t)),
    "cos² − sin²": (sp.cos(2 * t), 1 - 2 * sp.sin(t) ** 2),
    "cosh² − sinh²": (sp.cosh(t) ** 2 - sp.sinh(t) ** 2, sp.Integer(1)),
    "eᵃ⁺ᵇ": (sp.exp(s + t), sp.exp(s) * sp.exp(t)),
    "nested exponentials": (sp.exp(sp.exp(s) + sp.exp(t)), sp.exp(sp.exp(s)) * sp.exp(sp.exp(t))),
    "log of a product": (sp.log(positive * sp.exp(t)), t + sp.log(positive)),
    "log of a quotient": (sp.log(1 / positive), -sp.log(positive)),
    "a rational function": (1 / (s - t) - 1 / (s + t), 2 * t / (s**2 - t**2)),
    "roots": (positive / sp.sqrt(positive), sp.sqrt(positive)),
    "cross-entropy": (
        hadamard_product(sg.softmax(v) - sg.simplex("p", D), OneMatrix(D, 1)),
        by(sg.cross_entropy(sg.softmax(v), sg.simplex("p", D)), v),
    ),
    "a quadratic form": ((A + A.T) * b, by(sg.dot(b, A * b), b)),
    "a symmetric form": (
        2 * sg.assume(A, Q.symmetric) * b,
        by(sg.dot(b, sg.assume(A, Q.symmetric) * b), b),
    ),
    "a log-determinant": (A.inv().T, by(sp.log(sp.Determinant(A)), A)),
    "an inverse": ((A * B).inv(), B.inv() * A.inv()),
    "an unknown function": (by(sp.Function("f")(t) ** 2, t), by(sp.Function("f")(t) ** 2 + 1, t)),
}


@pytest.mark.parametrize("name", EQUAL)
def test_equal(name: str) -> None:
    claim, truth = map(graph, EQUAL[name])
    found = compare(claim, truth)
    assert found.equal is True, found
    assert found.method in METHODS
    assert found.witness is None


def test_the_chance_of_an_accident_is_stated_and_small() -> None:
    claim, truth = sp.sech(t) ** 2, 1 - sp.tanh(t) ** 2
    found = compare(graph(claim), graph(truth), what="the derivative")
    assert found.method == "exact arithmetic"
    stated = re.fullmatch(
        r"The claim and the derivative agree exactly at 4 random points \(computed modulo primes "
        r"of 61 and more bits\): the chance that a wrong claim does is below 2⁻([⁰¹²³⁴⁵⁶⁷⁸⁹]+)\.",
        found.reason,
    )
    assert stated is not None
    assert 40 < int(stated[1].translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789"))) < 240


NOT_EQUAL: dict[str, tuple[Any, Any, str, str]] = {
    "sign": (-2 * t, by(t**2, t), "at t = 1: the claim gives −2, the gradient is 2", ""),
    "factor": (t, by(t**2, t), "at t = 1: the claim gives 1, the gradient is 2", ""),
    "order": (
        A * B,
        B * A,
        "at H = 2, A = [[0, 0], [0, 1]], B = [[0, 0], [1, 0]]: the claim gives 1 in entry (2, 1), "
        "the gradient has 0 there",
        "",
    ),
    "transpose": (
        A * b,
        A.T * b,
        "at H = 2, A = [[0, 0], [1, 0]], b = [0, 1]: the claim gives 0 in entry 1, the gradient "
        "has 1 there",
        "equal where A = Aᵀ",
    ),
    "size": (sg.sum(x), sg.sum(x) / D, "at D = 2, x = [0, 1]: the claim gives 1, the gradient is "
             "1/2", ""),
    "√t² = t": (
        t, sp.sqrt(t**2), "at t = −1: the claim gives −1, the gradient is 1",
        "equal where t ≥ 0",
    ),
    "relu′ left out": (
        s, by(s * sg.relu(t), t), "at s = 1, t = −1: the claim gives 1, the gradient is 0",
        "equal where t > 0",
    ),
    "arctan of a reciprocal": (
        sp.atan(1 / t), sp.pi / 2 - sp.atan(t),
        "at t = −1: the claim gives −0.7854, the gradient is 2.356", "equal where t > 0",
    ),
    "Σy = 1 was not declared": (
        sg.softmax(v) - y,
        by(-sg.dot(y, sg.log(sg.softmax(v))), v),
        "at D = 1, all values 0: the claim gives 1, the gradient is 0",
        "equal where Σ y = 1",
    ),
    "a small error": (
        (1 + sp.Rational(1, 10**9)) * sp.cosh(t), sp.cosh(t),
        "at t = 1: the claim gives 1.54308064, the gradient is 1.54308063", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_EQUAL)
def test_not_equal(name: str) -> None:
    claim, truth, witness, domain = NOT_EQUAL[name]
    found = compare(graph(claim), graph(truth), what="the gradient")
    assert found.equal is False, found
    assert found.method == "interval arithmetic"
    assert str(found.witness) == witness
    assert found.domain == domain
    assert found.reason == f"A{witness[1:]}."


KINKS: dict[str, tuple[Any, Any, str]] = {
    "1[t ≥ 0]": (
        sp.Piecewise((1, t >= 0), (0, True)), by(sg.relu(t), t), "they differ only at t = 0",
    ),
    "1[z ≥ 0], named": (
        each(lambda z: sp.Piecewise((1, z >= 0), (0, True)), sg.let("z", W * x)),
        by(sg.sum(sg.relu(sg.let("z", W * x))), sg.let("z", W * x)),
        "they differ only at z = 0",
    ),
    "t/|t|": (t / abs(t), by(abs(t), t), "the claim has no value at t = 0"),
    "x/‖x‖": (x / sp.sqrt(sg.dot(x, x)), by(sg.norm(x), x), "the claim has no value at x = 0"),
    "max(s, t)": (
        sp.Piecewise((1, s > t), (0, True)), by(sp.Max(s, t), s), "they differ only at s = t",
    ),
    "2·log t for log t²": (
        2 * sp.log(t), sp.log(t**2), "equal where t > 0; elsewhere the claim has none",
    ),
    "no kink that matters": (t * sg.relu(t), sg.relu(t) ** 2, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", KINKS)
def test_where_right_claims_differ(name: str) -> None:
    claim, truth, domain = KINKS[name]
    found = compare(graph(claim), graph(truth))
    assert found.equal is True, found
    assert found.domain == domain


def test_an_identity_that_is_not_known_is_undecided() -> None:
    """4·atan(1/5) − atan(1/239) is π/4 (Machin), which no law of ours says."""
    machin = 4 * sp.atan(t / 5) - sp.atan(t / 239)
    (claim,) = g.substitute([graph(machin)], {graph(t): g.const(1)})
    found = compare(claim, graph(sp.pi / 4))
    assert found.equal is None
    assert "agree to about 150 digits" in found.reason
    assert "identity that is not known" in found.reason


ONES, MEAN_OF_X = OneMatrix(D, 1), sg.sum(x) / D * OneMatrix(D, 1)
CENTRED = x - MEAN_OF_X
SPREAD = sp.sqrt(sg.dot(CENTRED, CENTRED) / D + sp.Rational(1, 10**5))
SCALED = CENTRED / SPREAD
LENGTH = sg.norm(x)


def normalised(upstream: Any) -> Any:
    """The gradient of layer normalisation, as in its paper, for the gradient by its output."""
    along = sg.dot(SCALED, upstream) / D
    return (upstream - sg.sum(upstream) / D * ONES - along * SCALED) / SPREAD


ROOTS: dict[str, tuple[Any, Any]] = {
    "√((a − b)²)": (each(lambda z: sp.sqrt(z**2), x - y), each(sp.Abs, x - y)),
    "√(s²·t²)": (sp.sqrt((s * t) ** 2), sp.Abs(s) * sp.Abs(t)),
    "√(s²·(1 + t²))": (sp.sqrt(s**2 + s**2 * t**2), sp.Abs(s) * sp.sqrt(1 + t**2)),
    "‖s·x‖": (sg.norm(s * x), sp.Abs(s) * LENGTH),
    "‖x‖²": (sp.sqrt(sg.dot(x, x)) ** 2, sg.dot(x, x)),
    "z/√(z²)": (each(lambda z: z / sp.sqrt(z**2), x), by(sg.sum(each(sp.Abs, x)), x)),
    "log t²": (2 * sp.log(sp.Abs(t)), sp.log(t**2)),
    "layer norm": (normalised(v), by(sg.dot(v, SCALED), x)),
    "layer norm, written out": (
        v / SPREAD - sg.sum(v) / D / SPREAD * ONES
        - sg.dot(CENTRED, v) / D / SPREAD**3 * CENTRED,
        by(sg.dot(v, SCALED), x),
    ),
    "layer norm, then tanh": (
        normalised(hadamard_product(v, ONES - each(lambda z: sp.tanh(z) ** 2, SCALED))),
        by(sg.dot(v, sg.tanh(SCALED)), x),
    ),
    "a unit vector": (v / LENGTH - sg.dot(x, v) / LENGTH**3 * x, by(sg.dot(v, x / LENGTH), x)),
    "a cosine": (
        (y / sg.norm(y) - sg.dot(x, y) / (LENGTH * sg.norm(y)) * x / LENGTH) / LENGTH,
        by(sg.dot(x, y) / sp.sqrt(sg.dot(x, x) * sg.dot(y, y)), x),
    ),
    "inverse functions": (sp.acos(sp.tanh(t)), sp.pi / 2 - sp.asin(sp.tanh(t))),
    "artanh": (sp.log((1 + sp.tanh(t)) / (1 - sp.tanh(t))) / 2, sp.atanh(sp.tanh(t))),
    "arsinh": (sp.log(t + sp.sqrt(1 + t**2)), sp.asinh(t)),
    "cube roots": (positive ** sp.Rational(2, 3) / positive, positive ** sp.Rational(-1, 3)),
    "a tie": (sg.max(x), sg.max(2 * hadamard_product(x, x / 2 - x / 2) + x)),
    "a tie that is irrational": (
        sp.Max(sp.tanh(t), (sp.exp(2 * t) - 1) / (sp.exp(2 * t) + 1)), sp.tanh(t),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ROOTS)
def test_roots_are_decided(name: str) -> None:
    found = compare(*map(graph, ROOTS[name]))
    assert found.equal is True, found
    assert "isolated" not in found.domain


@pytest.mark.parametrize("name", ["layer norm", "a unit vector", "√((a − b)²)", "arsinh"])
def test_what_is_wrong_with_roots_is_seen(name: str) -> None:
    claim, truth = ROOTS[name]
    one = g.const(1 + sp.Rational(1, 10**9))
    node = graph(claim)
    wrong = g.product([(node, tuple(range(node.rank))), (one, ())], node.shape)
    found = compare(wrong, graph(truth))
    assert found.equal is False, found


def test_the_fact_that_is_missing_can_be_read() -> None:
    found = compare(graph(A * b), graph(A.T * b))
    assert found.missing is not None
    assert (found.missing.leaf.name, found.missing.fact) == ("A", "symmetric")
    assert compare(graph(2 * t), graph(t)).missing is None


def test_a_witness_has_no_entry_that_is_not_needed() -> None:
    """A class that is one-hot makes the scores unnecessary, which were tried before it."""
    target = sg.simplex("p", D)
    W2 = MatrixSymbol("W2", D, H)
    right = W2.T * (sg.softmax(v) - target)
    found = compare(graph(-right), graph(right), what="the gradient")
    assert str(found.witness) == (
        "at D = 2, H = 1, W2 = [[0], [1]], p = [1, 0], v = 0: the claim gives −1/2, the gradient "
        "is 1/2"
    )


def test_no_point_in_the_domain_is_undecided() -> None:
    found = compare(graph(sp.log(-1 - t**2)), graph(sp.log(-2 - t**2)))
    assert found.equal is None
    assert found.reason.startswith("No point was found at which the true value has a value")


def test_a_claim_without_values_is_undecided() -> None:
    found = compare(graph(sp.sqrt(-1 - t**2)), graph(t))
    assert found.equal is None
    assert found.reason.startswith("No point was found at which the claim has a value")


def test_a_kink_alone_rejects_nothing_where_floats_are_noise() -> None:
    """(t + 10¹⁷) − 10¹⁷ is t, and in floats it is 0 or 16; a kink is not to decide."""
    huge = g.const(10**17)
    noise = g.add([(1, g.add([(1, graph(t), ()), (1, huge, ())], ()), ()), (-1, huge, ())], ())
    late = graph(sp.Piecewise((1, t >= 0), (0, True)))
    claim = g.add([(1, noise, ()), (1, late, ())], ())
    truth = g.add([(1, graph(t), ()), (1, by(sg.relu(t), t), ())], ())
    found = compare(claim, truth)
    assert found.equal is True
    assert "only at" in found.domain


def test_values_at_trivial_sizes_are_not_enough() -> None:
    """Of one entry the variance is 0 and has any sign; of more entries the claim has no value."""
    c = x - sg.sum(x) / D * OneMatrix(D, 1)
    claim, truth = (sg.sum(v) / sp.sqrt(1 + k * sg.dot(c, c)) for k in (-(10**6), 10**6))
    found = compare(graph(claim), graph(truth), what="the gradient")
    assert found.equal is not True
    assert "the gradient has a value and the claim has none" in found.reason


def test_more_than_four_dimensions_are_told_apart() -> None:
    dims = symbols("n:6", integer=True, positive=True)
    leaves = [MatrixSymbol(f"x{k}", n, 1) for k, n in enumerate(dims)]
    total = sp.Add(*[sg.sum(leaf) for leaf in leaves])
    found = compare(graph(total / dims[0]), graph(total / dims[4]))
    assert found.equal is False


def test_shapes_have_to_be_equal() -> None:
    with pytest.raises(ShapeError, match="a claim of shape D was compared with a value of shape"):
        compare(graph(x), graph(b))


def test_names_do_not_matter() -> None:
    h = sg.let("h", sg.tanh(W * x))
    found = compare(graph(2 * h), graph(2 * sg.tanh(W * x)))
    assert (found.equal, found.method) == (True, "same graph")


def test_the_seed_decides_and_the_answer_is_the_same() -> None:
    claim, truth = graph(sp.sech(t) ** 2), graph(1 - sp.tanh(t) ** 2)
    assert compare(claim, truth, seed=5) == compare(claim, truth, seed=5)
    assert all(compare(claim, truth, seed=k).equal for k in range(5))


# -------------------------------------------------------------------- large numbers as dimensions

n = 240
LARGE, INPUT = MatrixSymbol("W", 20, n), MatrixSymbol("x", n, 1)
MEAN = sg.sum(sg.tanh(LARGE * INPUT)) / 20


def test_large_dimensions_are_compared_as_symbols() -> None:
    right = each(lambda z: sp.sech(z) ** 2, LARGE * INPUT) / 20 * INPUT.T
    found = compare(graph(right), by(MEAN, LARGE))
    assert found.equal is True
    wrong = compare(graph(20 * right), by(MEAN, LARGE))
    assert wrong.equal is False
    assert wrong.witness is not None
    assert wrong.witness.values["W"].shape == (20, n)
    assert wrong.witness.place() == "x[1] = 1, all else 0"
    assert wrong.witness.claimed.shape == wrong.witness.true.shape == (20, n)


def test_a_witness_at_the_declared_sizes_is_one() -> None:
    """The places that are alike count as often as there are: in sums, means and log-sum-exp."""
    W2, y2 = MatrixSymbol("V", 12, 20), sg.simplex("y", 12)
    h = sg.tanh(LARGE * INPUT)
    p = sg.softmax(W2 * h)
    loss = sg.cross_entropy(p, y2) + sg.sum(sg.softplus(INPUT))
    for w in (LARGE, W2, INPUT):
        right = by(loss, w)
        half = g.add([(sp.Rational(1, 2), right, tuple(range(right.rank)))], right.shape)
        found = compare(half, right)
        assert found.equal is False
        is_certain(found, half, right)


def test_what_is_right_for_one_number_only() -> None:
    """Σ 1 over 240 entries is 240, and not for any other size."""
    ones = OneMatrix(n, 1)
    found = compare(graph(sg.dot(INPUT, INPUT) + sg.sum(ones)), graph(sg.dot(INPUT, INPUT) + n))
    assert found.equal is True


# -------------------------------------------------------------------------------- random networks


@pytest.mark.parametrize("seed", range(12))
def test_random_declarations(seed: int) -> None:
    made = Declaration(Random(seed).choice, 5)
    random = Random(seed)
    for root in sg.gradient(made.loss, made.wrt).roots[:2]:
        assert compare(computing([root])[0], root).equal is True
        claim = changed(root, random)
        found = compare(claim, root)
        if found.equal is False:
            is_certain(found, claim, root)
        else:  # what was changed may not matter: a factor 2 of 0, or 1 added to all scores
            assert found.equal is True
            agrees(claim, root)


@pytest.mark.parametrize("name", NETWORKS)
def test_closed_forms_of_networks(name: str) -> None:
    made = NETWORKS[name]()
    d = sg.gradient(made.loss, made.wrt)
    for k, root in enumerate(d.roots[:2]):
        claim = lift(sg.functions.as_expression(d.closed_form(d.wrt[k])))
        assert compare(claim, root).equal is True
        wrong = changed(claim, Random(name))
        found = compare(wrong, root)
        assert found.equal is False
        is_certain(found, wrong, root)
