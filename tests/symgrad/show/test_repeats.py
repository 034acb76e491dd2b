"""Repeated layers are shown once, and unfolding what is shown gives every line back."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import MatrixSymbol, symbols

import symgrad as sg
from symgrad.show import layer_index, repeats, steps
from symgrad.show.latex import align
from symgrad.show.long_sums import collected, expanded
from symgrad.show.numbering import Forms, moved, renamed, replaced_numbers
from symgrad.show.repeats import folded, unfold
from symgrad.show.steps import Step

N = symbols("n", integer=True, positive=True)
EXAMPLES = Path(__file__).parents[3] / "examples"

Network = tuple[Any, list[Any]]


def chain(
    depth: int,
    layer: Callable[[Any, Any, Any, int], Any],
    name: Callable[[str, int], str] = lambda stem, k: f"{stem}{k}",
    sizes: Callable[[int], Any] = lambda k: N,
    first: int = 1,
) -> Network:
    """h_k = layer(W_k, h_k−1, b_k, k), and ½‖h‖² of the last one."""
    h: Any = MatrixSymbol("x", sizes(first - 1), 1)
    params = []
    for k in range(first, first + depth):
        W = MatrixSymbol(name("W", k), sizes(k), sizes(k - 1))
        b = MatrixSymbol(name("b", k), sizes(k), 1)
        params += [W, b]
        h = sg.let(name("h", k), layer(W, h, b, k))
    return sg.let("L", sg.dot(h, h) / 2), params


def plain(W: Any, h: Any, b: Any, k: int) -> Any:
    return sg.tanh(sg.let(f"z{k}", W * h + b))


def residual(W: Any, h: Any, b: Any, k: int) -> Any:
    return h + sg.tanh(W * h + b)


def alternating(W: Any, h: Any, b: Any, k: int) -> Any:
    return (sg.tanh if k % 2 else sg.sigmoid)(W * h + b)


def broken(W: Any, h: Any, b: Any, k: int) -> Any:
    return (sg.sigmoid if k == 7 else sg.tanh)(W * h + b)


def classifier(depth: int) -> Network:
    """A tanh network with softmax and cross-entropy."""
    C = symbols("C", integer=True, positive=True)
    h: Any = MatrixSymbol("x", N, 1)
    params = []
    for k in range(1, depth + 1):
        W, b = MatrixSymbol(f"W{k}", N, N), MatrixSymbol(f"b{k}", N, 1)
        params += [W, b]
        h = sg.let(f"h{k}", sg.tanh(sg.let(f"z{k}", W * h + b)))
    V, c = MatrixSymbol("V", C, N), MatrixSymbol("c", C, 1)
    p = sg.let("p", sg.softmax(sg.let("s", V * h + c)))
    return sg.let("L", sg.cross_entropy(p, sg.simplex("y", C))), [*params, V, c]


def widths(k: int) -> Any:
    return sp.Symbol(f"K{k}", integer=True, positive=True)


def recurrent(length: int) -> Network:
    U, W = MatrixSymbol("U", N, N), MatrixSymbol("W", N, N)
    h: Any = MatrixSymbol("h0", N, 1)
    for t in range(1, length + 1):
        h = sg.let(f"h{t}", sg.tanh(U * MatrixSymbol(f"x{t}", N, 1) + W * h))
    return sg.let("L", sg.dot(h, h) / 2), [U, W]


def two_weights(depth: int) -> Network:
    """Blocks with two weights each: W1, W2 in the first, W3, W4 in the second."""
    h: Any = MatrixSymbol("x", N, 1)
    params = []
    for k in range(1, depth + 1):
        A, B = (MatrixSymbol(f"W{j}", N, N) for j in (2 * k - 1, 2 * k))
        params += [A, B]
        h = sg.let(f"h{k}", h + B * sg.let(f"a{k}", sg.tanh(A * h)))
    return sg.let("L", sg.dot(h, h) / 2), params


def transformer(blocks: int) -> Network:
    loss, params, _, _ = runpy.run_path(str(EXAMPLES / "transformer.py"))["declare"](blocks)
    return loss, params


NETWORKS: dict[str, Callable[[], Network]] = {
    "plain": lambda: chain(8, plain),
    "across ten": lambda: chain(14, residual),
    "from zero": lambda: chain(6, residual, first=0),
    "alternating": lambda: chain(11, alternating),
    "broken": lambda: chain(14, broken),
    "classifier": lambda: classifier(6),
    "widths": lambda: chain(7, plain, sizes=widths),
    "recurrent": lambda: recurrent(12),
    "two weights": lambda: two_weights(7),
    "underscores": lambda: chain(6, residual, lambda stem, k: f"{stem}_{k}"),
    "encoder": lambda: chain(12, residual, lambda stem, k: f"{stem}_enc2_{k}"),
    "number first": lambda: chain(6, residual, lambda stem, k: f"{stem}{k}_enc"),
    "subscripts": lambda: chain(
        12, residual, lambda stem, k: stem + str(k).translate(layer_index.SUBSCRIPT)
    ),
    "backwards": lambda: chain(9, residual, lambda stem, k: f"{stem}{20 - k}"),
    "transformer": lambda: transformer(4),
}


def sections(d: Any, *style: str, **options: Any) -> list[list[Step]]:
    lines = d.lines(*style, **options)
    return [[s for s in lines if s.phase == phase] for phase in ("forward", "backward")]


def unfolded(lines: Sequence[Step]) -> Iterator[Step]:
    """Every line of a section, block by block."""
    rest = list(lines)
    while rest:
        block = [s for s in rest if s.repeats is rest[0].repeats and s.repeats is not None]
        for together in zip(*map(unfold, block or rest[:1]), strict=True):
            yield from together
        del rest[: len(block) or 1]


def spelled(step: Step) -> tuple[Any, ...]:
    """Everything that a reader sees of a line."""
    proof = [(sg.formula(move.expr), move.law) for move in step.proof]
    return step.text, step.shape, step.because, step.law, proof


STYLES = [("index",), ("matrix", "bar"), ("index", "partial"), ("matrix", "nabla")]


def check_unfolds(network: Network, *style: str, fewer: bool = True, **options: Any) -> None:
    """Unfolding gives every line back, and there is something to unfold."""
    lines = sections(sg.gradient(*network), *style, **options)
    shown = folded(lines)
    for before, after in zip(lines, shown, strict=True):
        assert len(after) < len(before) or not fewer
        assert [*map(spelled, unfolded(after))] == [*map(spelled, before)]


@pytest.mark.parametrize("name", NETWORKS)
def test_unfolding_gives_every_line_back(name: str) -> None:
    check_unfolds(NETWORKS[name]())


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", ["plain", "two weights"])
def test_in_every_style(name: str, style: tuple[str, ...]) -> None:
    check_unfolds(NETWORKS[name](), *style)


@pytest.mark.parametrize(
    "options",
    [{"level": "full"}, {"convention": "row"}, {"layout": "numerator"}],
    ids=lambda options: next(iter(options)),
)
def test_with_every_option(options: dict[str, str]) -> None:
    """At level "full" the proofs are those of every line, too."""
    check_unfolds(classifier(6), **options)


WORD = st.from_regex(r"[a-zA-Zα-ω]{1,3}(_[a-z]{1,2}([0-9]_)?)?", fullmatch=True)


@settings(max_examples=8, deadline=None)
@given(stems=st.lists(WORD, min_size=3, max_size=3, unique=True), first=st.integers(0, 95))
def test_random_names(stems: list[str], first: int) -> None:
    names = dict(zip("Wbh", stems, strict=True))
    check_unfolds(chain(5, residual, lambda stem, k: f"{names[stem]}{k}", first=first), fewer=False)


def test_layers_of_different_widths_fold_by_index() -> None:
    """Of n₁, n₂, … each line's own layer has the index j, the one before i, and the next k."""
    n = sp.symbols("n0:6", integer=True, positive=True)
    h, params = MatrixSymbol("x", n[0], 1), []
    for k in range(1, 6):
        W, b = MatrixSymbol(f"W{k}", n[k], n[k - 1]), MatrixSymbol(f"b{k}", n[k], 1)
        params += [W, b]
        h = sg.let(f"h{k}", sg.tanh(W * h + b))
    loss = sg.let("L", sg.squared_error(h, MatrixSymbol("t", n[5], 1)))
    sections = sg.gradient(loss, params).sheet("index").sections
    assert [s.text for _, steps in sections for s in steps if s.repeats] == [
        "hₗ[j] = tanh(Σ_i Wₗ[j, i]·hₗ₋₁[i] + bₗ[j])",
        "δₗ[j] = ∂L/∂hₗ[j] = Σ_k δₗ₊₁[k]·Wₗ₊₁[k, j]·(1 − hₗ₊₁[k]²)",
        "∂L/∂Wₗ[j, i] = δₗ[j]·hₗ₋₁[i]·(1 − hₗ[j]²)",
        "∂L/∂bₗ[j] = δₗ[j]·(1 − hₗ[j]²)",
    ]


@pytest.mark.parametrize("name", ["tanh", "residual", "transformer"])
def test_deep_networks(name: str, golden: Callable[..., None]) -> None:
    network = {
        "tanh": lambda: classifier(100),
        "residual": lambda: chain(100, residual),
        "transformer": lambda: transformer(12),
    }[name]()
    golden(f"{sg.gradient(*network)}\n")


def test_what_is_shown_of_a_deep_network() -> None:
    text = sg.gradient(*classifier(100)).text()
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "zₗ = Wₗ·hₗ₋₁ + bₗ l = 2, …, 100 n" in lines
    assert "hₗ = tanh(zₗ) n" in lines
    assert ("δₗ = ∂L/∂zₗ = (Wₗ₊₁ᵀ·δₗ₊₁) ⊙ (1 − hₗ ⊙ hₗ) l = 99, …, 2 n tanh′ = 1 − tanh²") in lines
    assert "∂L/∂Wₗ = δₗ·hₗ₋₁ᵀ n×n zₗ = Wₗ·hₗ₋₁ + bₗ" in lines
    assert "δ1 = ∂L/∂z1 = (W2ᵀ·δ2) ⊙ (1 − h1 ⊙ h1) n tanh′ = 1 − tanh²" in lines


def test_latex_has_the_index_below() -> None:
    text = sg.gradient(*classifier(9)).latex()
    assert r"z_{l} &= W_{l} h_{l-1} + b_{l} \qquad l = 2, \dots, 9" in text
    assert r"\delta_{l} = \frac{\partial L}{\partial z_{l}}" in text
    assert r"\bar{z}_{l} &=" in sg.gradient(*classifier(9)).latex(notation="bar")


def shown(network: Network) -> list[str]:
    """The lines of a sheet, an index behind them in brackets."""
    found = []
    for section in sg.gradient(*network).sheet().sections:
        found += [f"{s.text} [{s.repeats}]" if s.repeats else s.text for s in section.steps]
    return found


def test_a_layer_that_differs_is_shown_by_itself() -> None:
    lines = shown(chain(70, lambda W, h, b, k: broken(W, h, b, k - 50)))
    assert "hₗ = tanh(Wₗ·hₗ₋₁ + bₗ) [l = 2, …, 56]" in lines
    assert "h57 = σ(W57·h56 + b57)" in lines
    assert "hₗ = tanh(Wₗ·hₗ₋₁ + bₗ) [l = 58, …, 70]" in lines


def test_layers_of_two_kinds() -> None:
    lines = shown(chain(12, alternating))
    assert "hₗ = σ(Wₗ·hₗ₋₁ + bₗ) [l = 2, 4, …, 10]" in lines
    assert "hₗ₊₁ = tanh(Wₗ₊₁·hₗ + bₗ₊₁) [l = 2, 4, …, 10]" in lines


def test_numbers_that_grow_at_different_rates() -> None:
    lines = shown(two_weights(9))
    assert "aₗ = tanh(W₂ₗ₋₁·hₗ₋₁) [l = 2, …, 9]" in lines
    assert "hₗ = W₂ₗ·aₗ + hₗ₋₁ [l = 2, …, 9]" in lines


def test_a_weight_that_is_shared_has_a_sum() -> None:
    lines = shown(recurrent(9))
    assert "∂L/∂U = (h9 ⊙ (1 − h9 ⊙ h9))·x9ᵀ + (Σₗ₌₁⁸ (δₗ ⊙ (1 − hₗ ⊙ hₗ))·xₗᵀ)" in lines
    text = sg.gradient(*recurrent(9)).latex()
    assert (
        r"\Bigl( \sum_{l=1}^{8} (\delta_{l} \odot (\mathbf{1} - h_{l} \odot h_{l})) x_{l}^\top"
        in text
    )


A, B, X = (sp.symbols(f"{x}0:9", real=True) for x in "abx")
SUMS = {
    "Σₗ₌₀⁸ aₗ·bₗ": sp.Add(*(a * b for a, b in zip(A, B, strict=True))),
    "Σₗ₌₁⁸ aₗ·bₗ₋₁": sp.Add(*(A[k] * B[k - 1] for k in range(1, 9))),
    "x0² + (Σₗ₌₂⁴ aₗ) + (Σₗ₌₀² bₗ)": sp.Add(X[0] ** 2, *A[2:5], *B[:3]),
    "(Σₗ₌₀³ aₗ) + (Σₗ₌₅⁷ aₗ)": sp.Add(*A[:4], *A[5:8]),
    "a0 + a1": A[0] + A[1],
    "a0 + a2 + a4 + a6": sp.Add(*A[:8:2]),
    "2·a0 + 3·a1 + 4·a2": 2 * A[0] + 3 * A[1] + 4 * A[2],
    "a0·b8 + a1·b7 + a2·b6": sp.Add(*(A[k] * B[8 - k] for k in range(3))),
}


@pytest.mark.parametrize("text", SUMS)
def test_long_sums(text: str) -> None:
    forms = Forms()
    made = collected(SUMS[text], forms, "l")
    assert sg.formula(made) == text
    assert expanded(made) == SUMS[text]


def test_long_sums_of_entries() -> None:
    """In index form a line is a function of its indices."""
    i = sp.Symbol("i", integer=True)
    entry = sp.Lambda(i, sp.Add(*(sp.IndexedBase(f"h{k}")[i] for k in range(5))))
    made = collected(entry, Forms(), "l")
    assert sg.formula(made) == "Σₗ₌₀⁴ hₗ[i]"
    assert expanded(made) == entry


def test_shapes_have_the_index_too() -> None:
    d = sg.gradient(*chain(7, plain, sizes=widths))
    (block,) = {s.shape for s in d.sheet().sections[0].steps if s.repeats}
    assert [str(n) for n in block] == ["Kₗ"]


@pytest.mark.parametrize(("depth", "folds"), [(3, False), (4, True)])
def test_three_repetitions_are_the_fewest(depth: int, folds: bool) -> None:
    """The first of these layers is another one."""
    assert any("[l = " in line for line in shown(chain(depth, residual))[: depth + 1]) == folds


def test_another_letter_where_l_is_taken() -> None:
    def scaled(W: Any, h: Any, b: Any, k: int) -> Any:
        return sp.Symbol("l", real=True) * sg.tanh(W * h) + sp.Symbol("t7", real=True) * b

    (line,) = [x for x in shown(chain(6, scaled)) if x.startswith("h") and "[" in x]
    assert line.endswith("[n = 2, …, 6]") or line.endswith("[m = 2, …, 6]")


def test_where_every_letter_is_taken_nothing_is_folded() -> None:
    lines = sections(sg.gradient(*chain(6, residual)))
    letters = Step("forward", ("q",), sp.Add(*map(sp.Symbol, layer_index.INDICES)), (), "")
    assert folded([[*lines[0], letters]]) == [(*lines[0], letters)]


def test_names_that_would_read_alike_are_not_folded() -> None:
    """h3 and h_3 would both be hₗ."""
    lines = [
        Step("forward", (f"a{k}",), sp.Symbol(f"h{k}") * sp.Symbol(f"h_{k}"), (), "")
        for k in range(9)
    ]
    assert folded([lines]) == [tuple(lines)]


def test_one_symbol_in_two_roles() -> None:
    """At k = 1, h1 is both the input of every layer and that of this one."""
    h = [sp.Symbol(f"h{k}") for k in range(9)]
    lines = [Step("forward", (f"a{k}",), sp.Function("f")(h[1], h[k]), (), "") for k in range(1, 9)]
    (line,) = folded([lines])[0]
    assert line.text == "aₗ = f(h1, hₗ)"
    assert [x.text for x in unfold(line)] == [x.text for x in lines]


def test_numbers_that_are_no_part_of_a_name_stay() -> None:
    a = sp.Symbol
    lines = [Step("forward", (f"a{k}",), a(f"b{k}") ** k + k, (), f"{k} · 2") for k in range(9)]
    assert folded([lines]) == [tuple(lines)]


def test_a_choice_of_all_lines() -> None:
    d = sg.gradient(*classifier(9))
    assert len(d.text(fold=False).splitlines()) > len(d.text().splitlines())
    assert "ₗ" not in d.text(fold=False)
    assert all(step.repeats is None for step in d.steps)


def test_shown_lines_and_printing_do_not_grow_with_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[str] = []
    monkeypatch.setattr(steps, "formula", lambda e, f=steps.formula: printed.append("") or f(e))
    counts = []
    for depth in (20, 60):
        shown = sg.gradient(*classifier(depth)).sheet().sections
        printed.clear()
        steps.table(shown)
        counts.append((sum(len(x.steps) for x in shown), len(printed)))
        assert len(align(shown[1].steps)) < 3000
    assert counts[0] == counts[1]


def test_reading_forms_takes_time_in_proportion(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are compared with few others: twice the depth, about twice the comparisons."""
    compared: list[int] = []
    growth = repeats._growth
    monkeypatch.setattr(repeats, "_growth", lambda *args: compared.append(1) or growth(*args))
    counts = []
    for depth in (20, 40):
        lines = sections(sg.gradient(*classifier(depth)))
        compared.clear()
        folded(lines)
        counts.append(len(compared))
    assert counts[1] < 2.2 * counts[0]


# ----------------------------------------------------------------------------------- numbering


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("z2 = W2·h1 + b2", "z12 = W12·h11 + b12"),
        ("∂L/∂W3", "∂L/∂W4"),
        ("z̄3", "z̄10"),
        ("δ_z3", "δ_z4"),
        ("W_enc2_1", "W_enc3_1"),
        ("W₁", "W₂"),
        ("h3′", "h4′"),
    ],
)
def test_one_form(a: str, b: str) -> None:
    forms = Forms()
    assert forms(a).key == forms(b).key
    assert forms(a).numbers != forms(b).numbers


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("x/3", "x/4"),
        ("1 − h²", "2 − h²"),
        ("W1", "W₁"),
        ("W01", "W02"),
        ("h1", "z1"),
        ("h³", "h⁴"),
    ],
)
def test_different_forms(a: str, b: str) -> None:
    forms = Forms()
    assert forms(a).key != forms(b).key


def test_the_order_of_terms_does_not_count() -> None:
    """SymPy puts h10 before h9, and h8 before h9."""
    forms = Forms()
    a, b = (MatrixSymbol(f"h{k}", N, 1) + MatrixSymbol(f"h{k + 1}", N, 1) for k in (8, 9))
    assert forms(a).key == forms(b).key
    assert (forms(a).numbers, forms(b).numbers) == ((8, 9), (9, 10))


def test_assumptions_and_kinds_of_symbols_count() -> None:
    forms = Forms()
    keys = [
        forms(sp.Symbol("a1")), forms(sp.Symbol("a1", real=True)), forms(MatrixSymbol("a1", 2, 1)),
        forms(MatrixSymbol("a1", 3, 1)), forms("a1"), forms(sg.let("a1", MatrixSymbol("u", 2, 1))),
        forms(sg.simplex("a1", 2)),
    ]  # fmt: skip
    assert len({form.key for form in keys}) == len(keys)


def test_renamed_symbols_keep_their_kind() -> None:
    c = sg.label("c1", 5)
    y, z = sg.simplex("y1", N), sg.let("z1", MatrixSymbol("u1", N, 1))
    A = sg.let("A1", sp.IndexedBase("B", shape=(N, N, N)))
    for leaf in (c, y, z, A, sp.Symbol("t1", real=True), sg.let("s1", sp.Symbol("q", real=True))):
        new = renamed(leaf, {leaf: "new"})
        assert type(new) is type(leaf)
        assert str(new) == "new"
        assert Forms()(new).numbers == ()


def test_names_inside_functions_are_renamed() -> None:
    z = MatrixSymbol("z1", N, 1)
    assert str(renamed(sg.softmax(z) + sg.tanh(z), {z: "v"})) == "softmax(v) + tanh(v)"


def test_numbers_are_replaced_in_order() -> None:
    assert replaced_numbers("W2_1·h3/4", lambda k, digits, number: f"<{k}:{digits}>") == (
        "W<0:2>_<1:1>·h<2:3>/4"
    )
    assert moved("W2_1", (0, 3)) == "W2_4"
    assert moved("h₉", (1,)) == "h₁₀"
