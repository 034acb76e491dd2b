"""What networks cost: the lecture's counts, formulas by hand, and generated programs."""

from __future__ import annotations

import time
import warnings
from typing import Any

import networks
import pytest
import sympy as sp
from network_checks import planned
from random_networks import Network
from sympy import MatrixSymbol, OneMatrix, symbols

import symgrad as sg
from symgrad.codegen.counts import Counts, held, summed
from symgrad.codegen.counts import count as counts_of

D, H, C, N, T = symbols("D H C N T", integer=True, positive=True)
x = MatrixSymbol("x", D, 1)
W1, b1 = MatrixSymbol("W1", H, D), MatrixSymbol("b1", H, 1)
W2, b2 = MatrixSymbol("W2", C, H), MatrixSymbol("b2", C, 1)


def classifier(target: str = "simplex") -> Any:
    """The two-layer network of the lectures, for one example."""
    z1 = sg.let("z1", W1 * x + b1)
    h = sg.let("h", sg.tanh(z1))
    z2 = sg.let("z2", W2 * h + b2)
    p = sg.let("p", sg.softmax(z2))
    if target == "label":
        return sg.let("L", -sg.log(p)[sg.label("c", C), 0])
    y = sg.simplex("y", C) if target == "simplex" else MatrixSymbol("y", C, 1)
    return sg.let("L", sg.cross_entropy(p, y))


def batched() -> tuple[Any, Any]:
    """The same network over the N rows of a matrix, with squared error."""
    X, Y = MatrixSymbol("X", N, D), MatrixSymbol("Y", N, C)
    ones = OneMatrix(N, 1)
    h = sg.let("h", sg.tanh(X * W1.T + ones * b1.T))
    return sg.let("L", sg.squared_error(h * W2.T + ones * b2.T, Y)), X


def same(found: Any, expected: Any) -> bool:
    return bool(sp.expand(found - expected) == 0)


# ------------------------------------------------------------------------------- the lecture


def test_one_multiply_add_a_weight_forward_and_two_backward() -> None:
    """HKUST, computational cost: over N examples 3·(D·H + H·C)·N, the input's gradient included."""
    loss, X = batched()
    cost = sg.gradient(loss, [W1, b1, W2, b2, X]).cost()
    assert same(cost.forward.multiply_adds, N * (D * H + H * C))
    assert same(cost.backward.multiply_adds, 2 * N * (D * H + H * C))
    assert cost.total.multiply_adds == 3 * N * (D * H + H * C)
    assert cost.ratio == 2
    assert cost.ratio_at_equal_sizes == 2


@pytest.mark.parametrize("target", ["simplex", "label", "plain"])
def test_the_loss_has_no_weights(target: str) -> None:
    cost = sg.gradient(classifier(target), [W1, b1, W2, b2, x]).cost()
    assert same(cost.total.multiply_adds, 3 * (D * H + H * C))
    assert cost.summary()[0] == (
        "cost: forward D·H + H·C, backward 2·(D·H + H·C) multiply-adds (backward ÷ forward = 2)"
    )


def test_the_gradient_by_the_input_is_counted_if_it_is_asked_for() -> None:
    cost = sg.gradient(classifier(), [W1, b1, W2, b2]).cost()
    assert same(cost.backward.multiply_adds, D * H + 2 * H * C)
    assert cost.ratio_at_equal_sizes == 1.5
    assert "Not asked for, and so not counted: the gradient by x." in str(cost)
    asked = sg.gradient(classifier(), [W1, b1, W2, b2, x]).cost()
    assert "Not asked for" not in str(asked)


def test_linear_in_the_layers_and_quadratic_in_the_width() -> None:
    def multiply_adds(depth: int) -> sp.Expr:
        h, weights = MatrixSymbol("x", H, 1), []
        for k in range(depth):
            weights.append(MatrixSymbol(f"W{k}", H, H))
            h = sg.let(f"h{k}", sg.tanh(weights[-1] * h))
        return sg.gradient(sg.let("L", sg.sum(h)), weights).cost().total.multiply_adds

    assert [multiply_adds(k) for k in (1, 2, 5)] == [2 * H**2, 5 * H**2, 14 * H**2]


def test_a_logistic_unit_costs_an_input_each() -> None:
    w, y = MatrixSymbol("w", D, 1), sp.Symbol("y", real=True)
    loss = sg.let("L", sg.binary_cross_entropy(sg.let("p", sg.sigmoid(w.T * x)), y))
    for value, size in ((loss, 1), (sg.let("R", sg.empirical_risk(loss, [x, y])), N)):
        cost = sg.gradient(value, w).cost()
        assert same(cost.forward.multiply_adds, D * size)
        assert same(cost.backward.multiply_adds, D * size)


# --------------------------------------------------------------------------- other networks


def test_a_convolution_counts_its_window() -> None:
    F, K = symbols("F K", integer=True, positive=True)
    signal, kernel = MatrixSymbol("S", F, T), sp.IndexedBase("K", shape=(K, F, 3))
    loss = sg.let("L", sg.sum(sg.tanh(sg.conv1d(signal, kernel))))
    cost = sg.gradient(loss, [kernel, signal]).cost()
    assert same(cost.forward.multiply_adds, 3 * F * K * (T - 2))
    assert same(cost.backward.multiply_adds, 6 * F * K * (T - 2))


def test_attention_is_quadratic_in_the_length() -> None:
    Q, K, V = (MatrixSymbol(n, T, D) for n in "QKV")
    loss = sg.let("L", sg.sum(sg.tanh(sg.attention(Q, K, V))))
    cost = sg.gradient(loss, [Q, K, V]).cost()
    assert same(cost.forward.multiply_adds, 2 * T**2 * D)
    assert same(cost.backward.multiply_adds, 4 * T**2 * D)


def test_a_recurrent_cell_costs_its_gates_at_every_step() -> None:
    """But the first forget gate, which there is nothing to forget for, and U·h at h = 0."""
    steps, cell = 3, sg.cell("lstm", D, H)
    xs = MatrixSymbol("xs", steps, D)
    loss = sg.let("L", sg.sum(sg.recurrent(cell, xs)[-1]))
    cost = sg.cost(loss)
    assert same(cost.forward.multiply_adds, (4 * steps - 1) * D * H + 4 * (steps - 1) * H**2)


# -------------------------------------------------------------------- lines, sums, and programs


def test_each_line_has_what_is_computed_on_it() -> None:
    cost = sg.gradient(classifier(), [W1, b1, W2, b2]).cost()
    expected = {
        "z1": D * H, "z2": H * C, "∂L/∂W2": H * C, "δ1": H * C, "∂L/∂W1": D * H,
    }  # fmt: skip
    assert [line.name for line in cost.lines] == [
        "z1", "h", "z2", "p", "L", "δ2", "∂L/∂W2", "∂L/∂b2", "δ1", "∂L/∂W1", "∂L/∂b1",
    ]  # fmt: skip
    for line in cost.lines:
        assert line.tally.multiply_adds == expected.get(line.name, 0)
    assert [line.phase for line in cost.lines] == ["forward"] * 5 + ["backward"] * 6


def test_a_value_that_the_stable_form_bypasses_costs_nothing() -> None:
    lines = {line.name: line.tally for line in sg.cost(classifier()).lines}
    assert not any(lines["p"].counts)
    assert lines["L"].functions == C + 1


def generated(inputs: list[Any], outputs: Any, trained: set[str]) -> tuple[Counts, Any]:
    """The operations of the generated function, and what it holds at most."""
    program = sg.function(inputs, outputs).program
    weights = {k for k, entry in enumerate(program.inputs) if entry.declared in trained}
    return summed(counts_of(program, s, weights) for s in program.statements), held(program)


def check_against_the_generated_program(seeds: range) -> None:
    for seed in seeds:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", sg.DomainWarning)
            network = Network(seed, planned(seed))
            d = sg.gradient(network.loss, network.wrt)
            cost = d.cost()
            inputs = [leaf.symbol for leaf in network.leaves]
            names = {str(symbol) for symbol in network.wrt}
            counts, peak = generated(inputs, [network.loss, d], names)
        assert cost.total.counts == counts, seed
        assert set(cost._memory.peak) == set(peak), seed
        assert len(cost.summary()) == 2, seed


def test_the_lines_add_up_to_the_generated_program() -> None:
    check_against_the_generated_program(range(5))


@pytest.mark.slow
def test_the_lines_of_many_networks_add_up() -> None:
    check_against_the_generated_program(range(1_000, 1_200))


@pytest.mark.parametrize("kind", ["hessian", "jacobian", "jvp", "hvp"])
def test_second_order_and_jacobians_have_a_cost(kind: str) -> None:
    w, v = MatrixSymbol("w", D, 1), MatrixSymbol("v", D, 1)
    A = MatrixSymbol("A", H, D)
    f = sg.let("f", sg.tanh(A * w))
    L = sg.let("L", sg.sum(f))
    d = {
        "hessian": lambda: sg.hessian(L, w),
        "jacobian": lambda: sg.jacobian(f, w),
        "jvp": lambda: sg.jvp(f, w, v),
        "hvp": lambda: sg.hvp(L, w, v),
    }[kind]()
    cost = d.cost()
    assert same(cost.forward.multiply_adds, D * H)
    assert len(cost.lines) == len(d.steps)
    expected = {
        "hessian": H * D**2, "jacobian": 0, "jvp": D * H, "hvp": 2 * D * H,
    }[kind]  # fmt: skip
    assert same(cost.backward.multiply_adds, expected)
    assert str(cost)


# ----------------------------------------------------------------------------------- memory


def test_memory() -> None:
    cost = sg.gradient(classifier(), [W1, b1, W2, b2]).cost()
    assert same(cost.parameters, D * H + H * C + H + C)
    assert same(cost.inputs, cost.parameters + D + C)
    assert same(cost.stored, H + C)
    sizes = cost.at(D=784, H=128, C=10)
    assert sizes.stored == 138
    weights = 784 * 128 + 128 * 10 + 128 + 10
    assert sizes.peak >= 2 * weights + 784 + 10
    assert sizes.peak == cost.peak.subs({D: 784, H: 128, C: 10})


def test_the_peak_is_the_largest_of_what_may_be_held() -> None:
    loss, _ = batched()
    cost = sg.gradient(loss, [W1, b1, W2, b2]).cost()
    assert isinstance(cost.peak, sp.Max)
    for sizes in ({D: 1, H: 9, C: 2, N: 50}, {D: 50, H: 9, C: 20, N: 1}):
        assert cost.at(sizes).peak == cost.peak.subs(sizes)


# ------------------------------------------------------------------------------ sizes and text


def test_sizes_may_be_given_by_name_or_symbol() -> None:
    cost = sg.gradient(classifier(), [W1, b1, W2, b2]).cost()
    assert cost.at(D=784, H=128, C=10).forward.multiply_adds == 101_632
    assert "101,632" in str(cost.at({D: 784, H: 128, C: 10}))
    assert cost.at({D: 784}).forward.multiply_adds == 784 * H + H * C
    with pytest.raises(sg.DeclarationError, match="no dimension Q; it depends on C, D, H"):
        cost.at(Q=3)
    for size in (0, -1, 2.5, "many"):
        with pytest.raises(sg.DeclarationError, match=f"the size {size!r} of D was given; expect"):
            cost.at(D=size)
    assert cost.at(D=2 * H).forward.multiply_adds == 2 * H**2 + H * C


def test_the_table() -> None:
    assert str(sg.gradient(classifier(), [W1, b1, W2, b2]).cost()) == (
        """\
                                        multiply-adds  elementwise    functions  reductions
forward
  z1 = W1·x + b1                        D·H            H              0          0
  h = tanh(z1)                          0              0              H          0
  z2 = W2·h + b2                        H·C            C              0          0
  p = softmax(z2)                       0              2·C + 1        C          2·C
  L = −yᵀ log(p)                        0              C + 1          1          C
  in all                                D·H + H·C      H + 4·C + 2    H + C + 1  3·C

backward
  δ2 = ∂L/∂z2 = p − y                   0              C              0          0
  ∂L/∂W2 = δ2·hᵀ                        H·C            0              0          0
  ∂L/∂b2 = δ2                           0              0              0          0
  δ1 = ∂L/∂z1 = (W2ᵀ·δ2) ⊙ (1 − h ⊙ h)  H·C            3·H            0          0
  ∂L/∂W1 = δ1·xᵀ                        D·H            0              0          0
  ∂L/∂b1 = δ1                           0              0              0          0
  in all                                D·H + 2·H·C    3·H + C        0          0

forward and backward                    2·D·H + 3·H·C  4·H + 5·C + 2  H + C + 1  3·C
backward ÷ forward                      1.5 at equal sizes

parameters                              D·H + H·C + H + C numbers
other inputs                            D + C numbers
stored for the backward pass            H + C numbers
peak, inputs included                   ≤ 2·D·H + 2·H·C + D + 5·H + 3·C + 2 numbers

Not asked for, and so not counted: the gradient by x."""
    )


def deep(depth: int, widths: list[Any]) -> sg.Derivation:
    h, weights = MatrixSymbol("x", widths[0], 1), []
    for k in range(1, depth + 1):
        W, b = MatrixSymbol(f"W{k}", widths[k], widths[k - 1]), MatrixSymbol(f"b{k}", widths[k], 1)
        weights += [W, b]
        h = sg.let(f"h{k}", sg.tanh(sg.let(f"z{k}", W * h + b)))
    return sg.gradient(sg.let("L", sg.dot(h, h) / 2), weights)


def test_layers_that_are_alike_are_shown_once() -> None:
    text = str(deep(12, [H] * 13).cost())
    assert "zₗ = Wₗ·hₗ₋₁ + bₗ  (each, l = 2, …, 12)" in text
    assert len(text.splitlines()) < 35
    assert "23·H²" in text
    plain = str(deep(3, [4, 5, 6, 7]).cost())
    assert "z3 = W3·h2 + b3" in plain
    assert "each" not in plain


def test_costs_of_a_hundred_layers_are_counted_in_a_second() -> None:
    """0.15 s for layers alike and 0.6 s for layers that all differ, on a machine of 2026."""
    for widths in ([H] * 101, list(symbols("D0:101", integer=True, positive=True))):
        d = deep(100, widths)
        start = time.perf_counter()
        lines = d.cost().summary()
        assert time.perf_counter() - start < 3
        assert all(len(line) < 250 for line in lines)


def test_the_footer_of_a_sheet_is_the_summary() -> None:
    d = sg.gradient(classifier(), [W1, b1, W2, b2])
    assert d.sheet().footer == d.cost().summary()
    assert "multiply-adds" not in d.text()
    assert d.text(level="full").endswith("\n".join(("", *d.cost().summary())))


LIMITS = {
    "an inverse forward": (
        "x: vector(d); S: matrix(d, d); L = x' S^-1 x + log(det(S)); params S",
        0.0, "(backward ÷ forward → 0 as all sizes grow)",
    ),
    "by the entry": (
        "x: vector(d); y: vector(d); L = x' y + sum(1/(1 + x^2)); params x",
        None, "operations (backward ÷ forward = ",
    ),
    "a matrix": (
        "x: vector(n); A: matrix(n, n); L = x' A x; params x, A",
        2.0, "multiply-adds (backward ÷ forward = 2 at large, equal sizes)",
    ),
}  # fmt: skip
"""A model, its backward ÷ forward where everything is large, and how the summary says it."""


@pytest.mark.parametrize("name", LIMITS)
def test_the_ratio_is_the_limit(name: str) -> None:
    """It is what the counts themselves come to at a large size."""
    text, limit, said = LIMITS[name]
    model = sg.parse(text)
    cost = sg.gradient(model.loss, model.params).cost()
    assert said in cost.summary()[0]
    size = {next(iter(model.dims)): 10**6}
    passes = [cost.at(size).backward, cost.at(size).forward]
    whole = "operations" in cost.summary()[0]
    above, below = (
        2 * x.multiply_adds * whole + x.multiply_adds * (not whole)
        + whole * (x.elementwise + x.functions + x.reductions)
        for x in passes
    )  # fmt: skip
    assert float(above / below) == pytest.approx(cost.ratio_at_equal_sizes, abs=1e-4)
    assert limit is None or cost.ratio_at_equal_sizes == limit


def test_without_arrays_all_operations_are_counted() -> None:
    """A1: g = w1³·w2 + 3·w1."""
    cost = sg.gradient(networks.a1().loss, networks.a1().wrt).cost()
    forward, backward = (int(x.counts.operations.expr) for x in (cost.forward, cost.backward))
    assert forward >= 4
    assert cost.summary()[0] == f"cost: forward {forward}, backward {backward} operations"


def test_a_value_of_any_shape() -> None:
    cost = sg.cost(sg.let("h", sg.tanh(W1 * x + b1)))
    assert same(cost.total.multiply_adds, D * H)
    assert cost.summary()[0] == "cost: D·H multiply-adds"
    assert not any(sg.cost(x).total.counts)


def test_the_residual_network_of_the_tests() -> None:
    network = networks.residual(4)
    cost = sg.gradient(network.loss, network.wrt).cost()
    size = network.wrt[0].shape[0]
    assert same(cost.backward.multiply_adds, 2 * cost.forward.multiply_adds - size**2)
