"""Level "full" is a proof: each line follows from the one above by one law, in numbers too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from network_checks import planned
from networks import NETWORKS, C, Network, classifier
from oracle import Net, point
from proofs import check_proofs
from random_networks import Network as RandomNetwork
from sympy import MatrixSymbol, Symbol

import symgrad as sg
from symgrad import graph as g
from symgrad.algebra import scaled
from symgrad.identities import CANONICAL
from symgrad.show import expansion, proof, visible
from symgrad.show.presentation import ONE_SUM, PRESENTED, law_between, presented
from symgrad.show.visible import SILENT, VISIBLE


def proved(d: sg.Derivation, **style: Any) -> dict[str, list[tuple[str, str]]]:
    """Each line's proof, by the line's first name."""
    return {
        s.names[0]: [(sg.formula(m.expr), m.law) for m in s.proof]
        for s in d.lines(level="full", **style)
        if s.proof
    }


def test_the_network_of_the_design() -> None:
    network = classifier()
    assert proved(sg.gradient(network.loss, network.wrt)) == {
        "L": [("−yᵀ·(z2 − logsumexp(z2)·1)", "log softmax(z) = z − logsumexp(z)")],
        "δ2": [
            (
                "∂L/∂logsumexp(z2)·softmax(z2) − y",
                "s = logsumexp(z) gives z̄ = s̄·softmax(z); s = aᵀ·b gives ā = s̄·b; "
                "z2 is used twice: the messages add",
            ),
            ("∂L/∂logsumexp(z2)·p − y", "p = softmax(z2)"),
            (
                "sum(y)·p − y",
                "Z = B − A gives Ā = −Z̄; this term is added to every entry, so its gradient sums "
                "over the C entries; s = aᵀ·b gives ā = s̄·b",
            ),
            ("p − y", "Σ y = 1, declared"),
        ],
        "δ1": [
            (
                "∂L/∂h ⊙ (1 − tanh(z1) ⊙ tanh(z1))",
                "H = f(Z) gives Z̄ = H̄ ⊙ f′(Z), tanh′ = 1 − tanh²",
            ),
            ("∂L/∂h ⊙ (1 − h ⊙ h)", "h = tanh(z1)"),
            (
                "(W2ᵀ·δ2) ⊙ (1 − h ⊙ h)",
                "product rule for matrices: z = A·b gives b̄ = Aᵀ·z̄",
            ),
        ],
    }


def test_without_the_fact_the_sum_stays() -> None:
    network = classifier("plain")
    lines = proved(sg.gradient(network.loss, network.wrt))["δ2"]
    assert lines[-1][0] == "sum(y)·p − y"


def test_logistic_regression() -> None:
    """A7: the stable form forward, one denominator, and −σ(−z) as ŷ − 1."""
    network = NETWORKS["A7"]()
    lines = proved(sg.gradient(network.loss, network.wrt))
    assert [law for _, law in lines["ŷ"]] == ["1/(1 + exp(−z)) = σ(z)"]
    assert [law for _, law in lines["L"]] == ["log(σ(z)) = −softplus(−z)"] * 2
    assert lines["∂L/∂ŷ"][-1][1].startswith("over one denominator")
    assert [law for _, law in lines["∂L/∂w"][-2:]] == [
        "σ(−z) = 1 − σ(z)",
        "multiplied out, and like terms added up",
    ]


def by_examples() -> tuple[sg.Derivation, Net, dict[str, Any]]:
    """Logistic regression over the rows of X, as it is typed, by w and by the bias b."""
    model = sg.parse("""
        X: matrix(n, m);  t: vector(n);  w: vector(m);  b: scalar
        s = sigmoid(X w + b)
        J = -(1/n) sum(t*log(s) + (1 - t)*log(1 - s)) + 1/2 ||w||^2
        params w, b
    """)
    net = Net(dims={model.dims["n"]: 4, model.dims["m"]: 3})
    env = point([model.names[x] for x in ("X", "t", "w", "b")], net, seed=5)
    return sg.gradient(model.loss, model.params), net, env


def test_terms_meet_under_one_sum() -> None:
    d, net, env = by_examples()
    lines = proved(d)
    assert [x[0] for x in lines["∂J/∂b"][-3:]] == [
        "sum((s ⊙ (1 − t) − t ⊙ σ(−b·1 − X·w))/n)",
        "sum((s ⊙ (1 − t))/n − (t ⊙ (1 − s))/n)",
        "sum(s − t)/n",
    ]
    assert lines["∂J/∂b"][-3][1] == ONE_SUM
    for convention in ("declared", "row"):
        assert check_proofs(d, net, env, convention=convention) > 5


def test_inner_values_are_spelled_in_the_convention() -> None:
    """∂J/∂(w·Xᵀ) beside σ(b·1 + w·Xᵀ), and not ∂J/∂(X·w)."""
    d, _, _ = by_examples()
    text = d.text(convention="row", level="full")
    assert "∂J/∂(w·Xᵀ)·X" in text
    assert "X·w" not in text
    assert "∂J/∂(X·w)[" in d.text("index", convention="row", level="full")


def test_the_hessian_of_logistic_regression() -> None:
    w, x = MatrixSymbol("w", C, 1), MatrixSymbol("x", C, 1)
    y = Symbol("y", real=True)
    z = sg.let("z", sg.dot(w, x))
    p = sg.let("p", sg.sigmoid(z))
    loss = sg.let("L", -y * sp.log(p) - (1 - y) * sp.log(1 - p))
    lines = proved(sg.hessian(loss, w))["∂²L/∂w∂wᵀ"]
    assert lines[0] == ("(∂²L/∂w∂z)·xᵀ", "s = aᵀ·b gives ā = s̄·b")
    assert lines[-1][0] == "p·(1 − p)·x·xᵀ"


# --------------------------------------------------------------- each line follows, in numbers


STYLES: dict[str, dict[str, str]] = {
    "delta": {},
    "bar": {"notation": "bar"},
    "partial": {"notation": "partial"},
    "nabla": {"notation": "nabla"},
    "index": {"form": "index"},
    "rows": {"convention": "row"},
    "numerator": {"layout": "numerator"},
}


def at_point(network: Network, **style: str) -> int:
    """The proofs of a network's gradient, checked at a point."""
    env = point(network.leaves, network.net, 0)
    return check_proofs(sg.gradient(network.loss, network.wrt), network.net, env, **style)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_line_follows(name: str) -> None:
    compared = at_point(NETWORKS[name]())
    assert compared >= {"classifier": 6, "attention": 3, "A7": 9}.get(name, 0)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", ["classifier", "attention", "A5"])
def test_every_line_follows_in_every_style(name: str, style: str) -> None:
    assert at_point(NETWORKS[name](), **STYLES[style])


@pytest.mark.parametrize("name", ["classifier", "regression", "A4", "A7"])
def test_every_line_of_second_order_follows(name: str) -> None:
    network = NETWORKS[name]()
    loss, wrt = network.loss, network.wrt
    directions = [
        MatrixSymbol(f"d_{w.name}", *w.shape) if hasattr(w, "shape") else Symbol(f"d_{w.name}")
        for w in wrt
    ]
    env = point([*network.leaves, *directions], network.net, 0)
    pairs = [
        check_proofs(d, network.net, env)
        for d in (
            sg.hessian(loss, wrt),
            sg.jacobian(loss, wrt),
            sg.jvp(loss, wrt, directions),
            sg.hvp(loss, wrt, directions),
        )
    ]
    assert all(pairs[:1])


def of_random_network(seed: int) -> None:
    network = RandomNetwork(seed, planned(seed))
    check_proofs(sg.gradient(network.loss, network.wrt), network.net, network.given)


QUICK = 3


@pytest.mark.parametrize("seed", range(QUICK))
def test_random_networks(seed: int) -> None:
    of_random_network(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(QUICK, 100))
def test_more_random_networks(seed: int) -> None:
    of_random_network(seed)


# ------------------------------------------------------------------------ what cannot be proved


def broken(rule: Any) -> Any:
    """A law whose right side is twice what it was."""

    def twice(node: g.Node) -> g.Node | None:
        after = rule.apply(node)
        return None if after is None or after is node else scaled(2, after)

    return rule._replace(apply=twice)


@pytest.mark.parametrize(
    ("law", "network"),
    [
        ("simplex sums to one", classifier),
        ("log", classifier),
        ("onehot sums to one", lambda: classifier("label")),
        ("reciprocal", NETWORKS["A7"]),
        ("log of product", NETWORKS["A7"]),
    ],
)
def test_a_wrong_law_is_found(
    law: str, network: Callable[[], Network], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"onehot sums to one": "one-hot sums to one"}
    found = {
        kind: tuple(broken(r) if r.name in (law, names.get(law)) else r for r in rules)
        for kind, rules in VISIBLE.items()
    }
    assert found != VISIBLE
    monkeypatch.setattr(proof, "VISIBLE", found)
    with pytest.raises((AssertionError, g.GraphError)):
        at_point(network())


def test_a_wrong_name_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value is put for a name that is worth another."""

    def mixed(self: Any, stage: int) -> dict[g.Node, g.Node]:
        right = names(self, stage)
        vectors = [n for n in right.values() if n.name in ("h", "z1")]
        return {**right, vectors[1].args[0]: vectors[0]} if len(vectors) > 1 else right

    names = proof.Proofs._names
    monkeypatch.setattr(proof.Proofs, "_names", mixed)
    with pytest.raises(AssertionError):
        at_point(classifier())


def test_a_wrong_rearrangement_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(value: g.Node, names: Any) -> Any:
        return ((scaled(2, node), law) for node, law in presented(value, names))

    monkeypatch.setattr(proof, "presented", wrong)
    with pytest.raises(AssertionError):
        at_point(NETWORKS["A7"]())


def test_a_proof_that_stops_short_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the moves that put names in, no proof comes to its line: readers see where."""
    monkeypatch.setattr(proof.Proofs, "_names", lambda self, stage: {})
    network = classifier()
    moves = proved(sg.gradient(network.loss, network.wrt))["δ2"]
    assert moves[-1] == ("p − y", proof.UNPROVED)
    with pytest.raises(AssertionError, match="no named law"):
        at_point(network)


def test_the_name_of_an_identity_is_put_in() -> None:
    A = MatrixSymbol("A", C, C)
    one = sg.let("n", sp.Identity(C))
    loss = sg.let("L", sg.logdet(A * A.T + sp.Identity(C)) + sg.dot(MatrixSymbol("B", C, C), one))
    (moves,) = proved(sg.gradient(loss, A)).values()
    assert "n" in moves[-1][0]
    assert moves[-1][1] == "n = I"


# ----------------------------------------------------------------------------- the tables


a, b, c, d, e = sp.symbols("a b c d e")

REARRANGED = {
    "over one denominator": (a / b + c / d, (a * d + b * c) / (b * d)),
    "a common factor cancelled": ((a * b + a * c) / (a * d), (b + c) / d),
    "a common factor taken out": (a * b + a * c, a * (b + c)),
    "multiplied out, and like terms added up": (a * (1 - b) - b * (1 - a), a - b),
    "a sum of products as a product": (a * c + a * d + b * c + b * d, (a + b) * (c + d)),
    "multiplied out: ": (a * (b + c), a * b + a * c),
}
"""The beginning of each law, and what it makes of what."""


@pytest.mark.parametrize("law", REARRANGED)
def test_what_was_rearranged(law: str) -> None:
    before, after = REARRANGED[law]
    assert sp.simplify(before - after) == 0
    assert law_between(before, after).startswith(law)
    assert law_between(e * before, e * after).startswith(law)


def test_every_rearrangement_has_a_name() -> None:
    assert len(REARRANGED) == len(PRESENTED)


def test_every_law_is_shown_or_tidies_up() -> None:
    names = {r.name for r in visible._ROWS}
    assert names >= SILENT, "a name in SILENT is of no rule"
    assert {r.name for rules in VISIBLE.values() for r in rules} == names - SILENT
    assert set(visible.WORDS) <= names - SILENT
    assert {r.name for r in CANONICAL} <= names


def test_what_quotes_a_fact_is_shown() -> None:
    for rule in visible._ROWS:
        if rule.reason is not None:
            assert rule.name not in SILENT, rule.name


def test_forms_that_differ_in_order_only() -> None:
    a, b, c = (g.leaf(n, (2, 2), sp.Symbol(n)) for n in "ABC")
    axes = (0, 1)
    difference = g.add([(1, a, axes), (-1, b, axes)], (2, 2))
    opposite = g.add([(-1, a, axes), (1, b, axes)], (2, 2))

    def times(x: g.Node, y: g.Node) -> g.Node:
        return g.product([(x, (0, 2)), (y, (2, 1))], (2, 2))

    assert expansion.expanded(times(difference, c)) == expansion.expanded(
        scaled(-1, times(opposite, c))
    )
    turned = g.product([(difference, (1, 0))], (2, 2))
    assert expansion.expanded(turned) == expansion.expanded(
        g.add([(1, a, (1, 0)), (-1, b, (1, 0))], (2, 2))
    )
    assert expansion.expanded(times(a, b)) != expansion.expanded(times(b, a))
    ones = g.const(1, (2,))
    assert expansion.expanded(g.product([(a, (0, 1)), (ones, (1,))], (2,))) == (
        expansion.expanded(g.product([(a, (0, 1))], (2,)))
    )
    counted = g.product([(ones, (0,))], ())
    assert list(expansion.expanded(counted).values()) == [2]


# -------------------------------------------------------------------------------- renderings


def test_the_table_has_proofs_below_their_lines() -> None:
    network = classifier()
    d = sg.gradient(network.loss, network.wrt)
    lines = d.text(level="full").splitlines()
    at = next(k for k, line in enumerate(lines) if line.startswith("  δ1 = ∂L/∂z1"))
    assert " ".join(lines[at + 1].split()) == "= ∂L/∂h ⊙ (1 − h ⊙ h) h = tanh(z1)"
    assert lines[at].index("= ∂L/∂h ⊙") == lines[at + 1].index("= ∂L/∂h ⊙")
    assert lines[at + 2].split("  ")[-1].strip().startswith("product rule for matrices")
    assert lines[at + 2].index("= (W2ᵀ·δ2) ⊙ (1 − h ⊙ h)") == lines[at].index("= ∂L/∂h ⊙")
    assert "gives" not in d.text()


def test_latex_has_proofs_below_their_lines() -> None:
    network = classifier()
    d = sg.gradient(network.loss, network.wrt)
    block = d.latex(level="full")
    assert r"\frac{\partial L}{\partial \operatorname{logsumexp}(z_{2})}" in block
    assert block.count("&=") > d.latex().count("&=") + 6


def test_below_full_nothing_is_proved() -> None:
    network = classifier()
    for level in ("brief", "normal"):
        assert not any(s.proof for s in sg.gradient(network.loss, network.wrt).lines(level=level))


def test_a_line_that_needs_no_proof_has_none() -> None:
    x = MatrixSymbol("x", C, 1)
    (line,) = [s for s in sg.gradient(sg.sum(x), x).lines(level="full") if s.phase == "backward"]
    assert line.proof == ()
    assert np.all(sg.formula(line.expr) == "1")


# ----------------------------------------------------------------------------- read as a student


def printed(loss: Any, wrt: Any, **style: Any) -> str:
    """Forward and backward lines with their proofs."""
    return sg.gradient(loss, wrt).text(level="full", **style).split("\n\nresult")[0] + "\n"


GOLDEN: dict[str, Callable[[], str]] = {
    "design": lambda: printed(classifier().loss, classifier().wrt),
    "design_bar": lambda: printed(classifier().loss, classifier().wrt, notation="bar"),
    "design_by_index": lambda: printed(classifier().loss, classifier().wrt, form="index"),
    "label": lambda: printed(classifier("label").loss, classifier("label").wrt),
    "logistic": lambda: printed(NETWORKS["A7"]().loss, NETWORKS["A7"]().wrt),
    "regression": lambda: printed(NETWORKS["regression"]().loss, NETWORKS["regression"]().wrt),
    "attention": lambda: printed(NETWORKS["attention"]().loss, NETWORKS["attention"]().wrt),
}
"""Proofs that were read once, line by line."""


@pytest.mark.parametrize("name", GOLDEN)
def test_printed(name: str, golden: Callable[..., None]) -> None:
    golden(GOLDEN[name]())


def test_sparsemax_of_every_example() -> None:
    """Its sparsemax is one of a matrix, which has no name in matrix notation."""
    x, b = MatrixSymbol("x", C, 1), MatrixSymbol("b", C, 1)
    risk = sg.empirical_risk(sg.let("L", sg.dot(sg.sparsemax(x + b), x)), [x])
    assert "∂R/∂b" in sg.gradient(sg.let("R", risk), b).text(level="full")
