"""Level "full" is a proof: each line follows from the one above by one law, in numbers too."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import sympy as sp
from lecture_networks import SYSTEMS
from network_checks import planned
from networks import NETWORKS, C, Network, classifier
from oracle import Net, point
from proofs import check_proofs
from random_networks import Network as RandomNetwork
from sympy import MatrixSymbol, Symbol

import symgrad as sg
from symgrad import graph as g
from symgrad.algebra import scaled
from symgrad.errors import GraphError
from symgrad.identities import CANONICAL
from symgrad.show import expansion, openings, proof, visible
from symgrad.show.presentation import ONE_SUM, PRESENTED, law_between, presented
from symgrad.show.rules import CHAIN_RULE
from symgrad.show.steps import Law
from symgrad.show.style import style_of
from symgrad.show.visible import SILENT, SYMMETRIC, VISIBLE, is_symmetry


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
                "∂L/∂(z2 − logsumexp(z2)·1) + ∂L/∂logsumexp(z2)·∂logsumexp(z2)/∂z2",
                "z2 is used twice: the messages add",
            ),
            (
                "∂L/∂logsumexp(z2)·softmax(z2) + ∂L/∂(z2 − logsumexp(z2)·1)",
                "s = logsumexp(z) gives z̄ = s̄·softmax(z)",
            ),
            ("∂L/∂logsumexp(z2)·p + ∂L/∂(z2 − logsumexp(z2)·1)", "p = softmax(z2)"),
            (
                "∂L/∂(z2 − logsumexp(z2)·1) − sum(∂L/∂(z2 − logsumexp(z2)·1))·p",
                "logsumexp(z2) is subtracted from every entry, so its gradient is minus the sum "
                "over the C entries",
            ),
            ("sum(y)·p − y", "s = aᵀ·b gives ā = s̄·b"),
            ("p − y", "Σ y = 1, declared"),
        ],
        "∂L/∂W2": [("δ2·hᵀ", "product rule for matrices: z = A·b gives Ā = z̄·bᵀ")],
        "∂L/∂b2": [("δ2", "Z = A + B gives Ā = Z̄")],
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
        "∂L/∂W1": [("δ1·xᵀ", "product rule for matrices: z = A·b gives Ā = z̄·bᵀ")],
        "∂L/∂b1": [("δ1", "Z = A + B gives Ā = Z̄")],
    }


def test_the_chain_rule_of_a_value_that_is_used_twice() -> None:
    """∂f/∂t = ∂f/∂x·∂x/∂t + ∂f/∂y·∂y/∂t, and each term by its own rule."""
    network = NETWORKS["A4"]()
    assert proved(sg.gradient(network.loss, network.wrt))["∂f/∂t"][:3] == [
        ("∂f/∂x·∂x/∂t + ∂f/∂y·∂y/∂t", "t is used by x and y: their messages add"),
        ("∂f/∂y·∂y/∂t − ∂f/∂x·sin(t)", "chain rule: h = f(z) gives z̄ = h̄·f′(z), cos′ = −sin"),
        ("2·∂f/∂y·t − ∂f/∂x·sin(t)", "z = a² gives ā = 2·z̄·a"),
    ]


X, M = MatrixSymbol("X", C, C), MatrixSymbol("M", C, C)
v, s, t = MatrixSymbol("v", C, 1), Symbol("s", real=True), Symbol("t", real=True)

OPENED: dict[str, tuple[Any, Any, list[tuple[str, str]]]] = {
    "two rules of one user": (
        sg.sum(sg.tanh(sg.let("Z", X * X))), X,
        [
            (
                "δ_Z·∂Z/∂X′ + δ_Z·∂Z/∂X′′",
                "X is used twice: the messages add, where X′ and X′′ are X at its two places in Z",
            ),
            ("δ_Z·Xᵀ + δ_Z·∂Z/∂X′′", "product rule for matrices: Z = A·B gives Ā = Z̄·Bᵀ"),
            ("δ_Z·Xᵀ + Xᵀ·δ_Z", "product rule for matrices: Z = A·B gives B̄ = Aᵀ·Z̄"),
        ],
    ),
    "one rule for two places": (
        v.T * X * v, v,
        [
            (
                "∂L/∂v′ + ∂L/∂v′′",
                "v is used twice: the messages add, where v′ and v′′ are v at its two places in L",
            ),
            ("X·v + ∂L/∂v′′", "product rule for matrices: s = aᵀ·x gives x̄ = s̄·a"),
            ("X·v + Xᵀ·v", "product rule for matrices: s = aᵀ·x gives x̄ = s̄·a"),
        ],
    ),
    "the loss is a user": (
        s * sg.exp(t) + t * sg.sin(t) * s, t,
        [
            (
                "∂L/∂exp(t)·∂exp(t)/∂t + ∂L/∂sin(t)·∂sin(t)/∂t + ∂L/∂t′",
                "t is used 3 times: the messages add, where t′ is t in L itself",
            ),
        ],
    ),
    "a constant in front": (
        sg.dot(v, v) / 2, v,
        [
            ("2·∂L/∂(‖v‖²)·v", "s = aᵀ·a gives ā = 2·s̄·a"),
            ("v", "Z = c·A gives Ā = c·Z̄"),
        ],
    ),
    "the inner of two products": (
        sg.dot(v, sp.MatMul(X, v)), v,
        [
            (
                "∂L/∂(X·v)·∂(X·v)/∂v + ∂L/∂v′",
                "v is used twice: the messages add, where v′ is v in L itself",
            ),
        ],
    ),
    "a power": (
        t**3 * s, t, [("3·s·t²", "z = a³·b gives ā = 3·z̄·a²·b")],
    ),
    "both sides of a sum": (
        sg.sum(sg.tanh(sg.let("Z", X + X.T))), X,
        [("∂L/∂Z + ∂L/∂Zᵀ", "X is used twice: the messages add")],
    ),
}  # fmt: skip
"""A loss, what it is differentiated by, and how the proof begins."""


@pytest.mark.parametrize("name", OPENED)
def test_what_an_adjoint_is_opened_to(name: str) -> None:
    value, by, expected = OPENED[name]
    lines = proved(sg.gradient(sg.let("L", value), by))
    assert lines[f"∂L/∂{by}"][: len(expected)] == expected


def test_a_long_value_goes_by_a_letter() -> None:
    """And the line that has the letter first says what it stands for."""
    u = MatrixSymbol("u", C, 1)
    z = sp.HadamardProduct(sg.tanh(M * (X * v + u) + X * u + M * v + u), u)
    loss = sg.let("L", sg.sum(sg.sin(z)))
    moves = [m for lines in proved(sg.gradient(loss, [X, v])).values() for m in lines]
    letters = {x for text, _ in moves for x in re.findall(r"∂L/∂([a-z]\d)", text)}
    assert letters
    assert "u1" not in letters, "a symbol is called u"
    for letter in letters:
        assert any(f"{letter} = " in law.partition(", where ")[2] for _, law in moves)


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


QUICK = 1, 2


@pytest.mark.parametrize("seed", QUICK)
def test_random_networks(seed: int) -> None:
    of_random_network(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", sorted({*range(100)} - {*QUICK}))
def test_more_random_networks(seed: int) -> None:
    of_random_network(seed)


# ------------------------------------------------------------------------------- one law a line


def tokens(expr: Any) -> list[str]:
    """What a formula is made of, in any order."""
    return sorted(re.findall(r"\w+|\S", sg.formula(expr)))


def hidden(node: g.Node) -> set[str]:
    """The adjoints and messages in a state, which later ones open."""
    return {n.name for n in expansion.down(node) if n.kind is g.Kind.NAMED}


def laws_of(d: sg.Derivation) -> list[str]:
    """The laws of every move; each is one, and does what it says."""
    found = []
    for step, states in d._lines.proved(style_of(level="full")):
        found += [move.law for move in step.proof]
        for move in step.proof:
            assert isinstance(move.law, Law), move
            assert ";" not in move.law, move
        for (old, _), (new, law) in pairwise(step.proof):
            where = f"{step.names[0]}: {sg.formula(old)} = {sg.formula(new)} by {law}"
            assert tokens(old) != tokens(new), f"only the order differs, {where}"
            if law == proof.DISTRIBUTIVE:
                assert sg.formula(old).count("(") != sg.formula(new).count("("), where
            elif is_symmetry(law):
                assert sg.formula(old).count("ᵀ") != sg.formula(new).count("ᵀ"), where
        for before, after in pairwise(states):
            opens = " gives " in after.law or "messages add" in after.law
            if step.phase == "backward" and opens:
                lost = hidden(before.node) - hidden(after.node)
                assert lost, f"nothing was opened by {after.law} in {step.text}"
    return found


@pytest.mark.parametrize("name", [*NETWORKS, *SYSTEMS])
def test_every_move_has_one_law(name: str) -> None:
    network = {**NETWORKS, **SYSTEMS}[name]()
    laws = laws_of(sg.gradient(network.loss, network.wrt))
    assert laws
    assert not {CHAIN_RULE, proof.UNPROVED} & {*laws}


def test_a_line_above_that_is_put_in_last_is_named() -> None:
    """J_z stands in the line for what the proof has as p·(1 − p)."""
    w, x = MatrixSymbol("w", 3, 1), MatrixSymbol("x", 3, 1)
    y = sp.Symbol("y", real=True)
    p = sg.let("p", sg.sigmoid(sg.let("z", sg.dot(w, x))))
    loss = sg.let("L", -y * sp.log(p) - (1 - y) * sp.log(1 - p))
    last = [s for s in sg.gauss_newton(loss, p, w).lines(level="full") if s.phase == "backward"][-1]
    assert last.proof[-1].law == "J_z = ∂p/∂z, a line above"


def test_the_gauss_newton_matrix_is_opened_factor_by_factor() -> None:
    """G = Jᵀ·H·J, and the curvature by the rules of a second sweep."""
    W, x, y = MatrixSymbol("W", C, C), MatrixSymbol("x", C, 1), sg.simplex("y", C)
    z = sg.let("z", W * x)
    loss = sg.let("L", sg.cross_entropy(sg.let("p", sg.softmax(z)), y))
    d = sg.gauss_newton(loss, z, x)
    assert CHAIN_RULE not in laws_of(d)
    lines = proved(d)
    assert lines["G"] == [
        ("Jᵀ·H·J", "by definition: G = Jᵀ·H·J"),
        ("Wᵀ·H·W", "J = ∂z/∂xᵀ, a line above"),
        ("Wᵀ·(diag(p) − p·pᵀ)·W", "H = ∂²L/∂z∂zᵀ, a line above"),
    ]
    assert lines["∂²L/∂z∂zᵀ"][0][1] == "z is used twice: the messages add"
    net = Net(dims={C: 3})
    assert check_proofs(d, net, point([W, x, y], net, 0)) > 8


SYMMETRY = {
    "gauss": (
        """x: vector(d); mu: vector(d); S: matrix(d, d) symmetric
        L = 1/2 (x-mu)' S^-1 (x-mu) + 1/2 log(det(S))
        params mu, S""",
        {
            "∂L/∂μ": [
                ("… − S⁻ᵀ·∂L/∂(S⁻¹·(x − μ))", "product rule for matrices: z = A·b gives b̄ = Aᵀ·z̄"),
                ("… − S⁻¹·∂L/∂(S⁻¹·(x − μ))", "S = Sᵀ, declared"),
            ],
            "∂L/∂S": [
                ("… − S⁻ᵀ·∂L/∂(S⁻¹)·S⁻ᵀ", "Y = X⁻¹ gives X̄ = −Yᵀ·Ȳ·Yᵀ"),
                ("… − S⁻¹·∂L/∂(S⁻¹)·S⁻¹", "S = Sᵀ, declared"),
                ("∂L/∂(log|det S|)·S⁻ᵀ − S⁻¹·∂L/∂(S⁻¹)·S⁻¹", "l = log |det X| gives X̄ = l̄·X⁻ᵀ"),
                ("∂L/∂(log|det S|)·S⁻¹ − S⁻¹·∂L/∂(S⁻¹)·S⁻¹", "S = Sᵀ, declared"),
                ("S⁻¹/2 − S⁻¹·(x − μ)·(x − μ)ᵀ·S⁻¹/2", "Z = c·A + B gives Ā = c·Z̄"),
            ],
        },
    ),
    "without the fact": (
        "S: matrix(d, d); x: vector(d); q = x' S^-1 x; params x",
        {"∂q/∂x": [("S⁻¹·x + S⁻ᵀ·x", "s = aᵀ·b gives ā = s̄·b")]},
    ),
    "by its form": (
        "X: matrix(n, m); L = log(det(X' X)); params X",
        {
            "∂L/∂X": [
                ("X·(Xᵀ·X)⁻ᵀ + X·(Xᵀ·X)⁻¹", "l = log |det X| gives X̄ = l̄·X⁻ᵀ"),
                ("2·X·(Xᵀ·X)⁻¹", SYMMETRIC),
            ]
        },
    ),
}
"""Text models, and lines of proofs, each behind ``…`` where it begins alike."""


@pytest.mark.parametrize("name", SYMMETRY)
def test_symmetry_is_a_line(name: str) -> None:
    text, expected = SYMMETRY[name]
    model = sg.parse(text)
    d = sg.gradient(model.loss, model.params)
    laws_of(d)
    lines = proved(d)
    for line, moves in expected.items():
        for ending, law in moves:
            assert any(t.endswith(ending.removeprefix("…")) and x == law for t, x in lines[line]), (
                ending,
                lines[line],
            )


T, E = sp.symbols("T E", integer=True, positive=True)
rows, others = MatrixSymbol("Q", T, E), MatrixSymbol("K", T, E)
gain, shift = MatrixSymbol("g", E, 1), MatrixSymbol("b", E, 1)
steps = MatrixSymbol("S", 3, 4)
lstm = sg.cell("lstm", 4, 2)
image, kernel = sp.IndexedBase("x", shape=(2, 6)), sp.IndexedBase("K", shape=(3, 2, 3))

LAYERS: dict[str, tuple[Any, list[Any]]] = {
    "layer norm": (sg.layer_norm(rows, gain, shift, name="x̂"), [gain, shift, rows]),
    "layer norm without names": (sg.layer_norm(gain), [gain]),
    "batch norm": (sg.batch_norm(rows, gain, shift), [gain, shift, rows]),
    "attention": (sg.attention(rows, others, rows, causal=True), [rows, others]),
    "convolution": (sg.conv1d(image, kernel), [image, kernel]),
    "pooling": (sg.max_pool1d(image, 2), [image]),
    "lstm": (sg.recurrent(lstm, steps)[-1], [x for gate in lstm.gates.values() for x in gate]),
}
"""A value, and what the sum of its hyperbolic tangents is differentiated by."""


@pytest.mark.parametrize("name", LAYERS)
def test_every_move_of_a_layer_has_one_law(name: str) -> None:
    value, wrt = LAYERS[name]
    laws = laws_of(sg.gradient(sg.let("L", sg.sum(sg.tanh(value))), wrt))
    assert laws
    assert CHAIN_RULE not in laws


@pytest.mark.parametrize("seed", [5, 7])
def test_every_move_of_a_random_network_has_one_law(seed: int) -> None:
    network = RandomNetwork(seed, planned(seed))
    assert CHAIN_RULE not in laws_of(sg.gradient(network.loss, network.wrt))


@pytest.mark.parametrize("name", ["classifier", "regression", "shared weights", "A4", "A7"])
def test_every_move_of_second_order_has_one_law(name: str) -> None:
    network = NETWORKS[name]()
    loss, wrt = network.loss, network.wrt
    for d in (sg.hessian(loss, wrt), sg.jacobian(loss, wrt)):
        assert CHAIN_RULE not in laws_of(d)


def test_laws_cannot_be_joined() -> None:
    first, second = Law("Z = A + B gives Ā = Z̄"), Law("p = softmax(z)")
    for text in (f"{first}; {second}", ""):
        with pytest.raises(GraphError, match="expected one law"):
            Law(text)


def test_changes_are_opened_one_after_the_other() -> None:
    """Forward, too: dz, then what it is made of."""
    x, d = Symbol("x", real=True), Symbol("d", real=True)
    y = sg.let("y", sg.cos(x))
    lines = proved(sg.jvp(sg.let("f", y * y), x, d))
    assert lines["J·d"] == [
        ("2·d(cos(x))·y", "z = a² gives dz = 2·a·da"),
        ("−2·y·d·sin(x)", "chain rule: h = f(z) gives dh = f′(z)·dz, cos′ = −sin"),
    ]


# ------------------------------------------------------------------------ what cannot be proved


@pytest.mark.parametrize("name", ["classifier", "A4", "rational", "shared weights"])
def test_a_lost_message_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an adjoint is opened to all its messages but the last."""

    def short(self: Any, forward: g.Node, parts: Any, level: int) -> Any:
        return opened(self, forward, parts[: max(1, len(parts) - 1)], level)

    opened = openings.Openings._opened
    monkeypatch.setattr(openings.Openings, "_opened", short)
    with pytest.raises(AssertionError):
        at_point(NETWORKS[name]())


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


def test_a_line_that_follows_by_one_law_is_its_proof() -> None:
    x = MatrixSymbol("x", C, 1)
    (line,) = [s for s in sg.gradient(sg.sum(x), x).lines(level="full") if s.phase == "backward"]
    assert [(sg.formula(m.expr), m.law) for m in line.proof] == [
        ("1", "s = Σ a gives ā = s̄ in every entry")
    ]
    assert sg.formula(line.expr) == "1"


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
