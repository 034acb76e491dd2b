"""The SVG: well-formed, self-contained, readable in both colour schemes, and safe."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET

import networks
import pytest
from sympy import MatrixSymbol, symbols

import symgrad as sg
from symgrad.pictures.palette import DARK, LIGHT, LOOKS
from symgrad.pictures.scene import AGAIN, LOSS
from symgrad.pictures.svg import text_width, typeset

SVG = "{http://www.w3.org/2000/svg}"
w1, w2 = symbols("w1 w2", real=True)
HOSTILE = [
    '<script>alert("1")</script>',
    "a]]>&amp;'\"",
    "x\u0000y\u001b",
    "};@import url(http://e.x)",
]


def first_exercise() -> str:
    network = networks.a1()
    return sg.gradient(network.loss, network.wrt).trace({w1: 2, w2: 3}).svg()


def texts(svg: str) -> list[str]:
    return [
        "".join(x.itertext()).replace("\u200b", "") for x in ET.fromstring(svg).iter(SVG + "text")
    ]


def test_the_numbers_of_the_first_exercise_are_on_it() -> None:
    shown = texts(first_exercise())
    for text in (
        "a = w1³", "8", "b = a·w2", "24", "c = 3·w1", "6", "g = b + c", "30", "36 + 3 = 39",
        "∂b/∂a = 3", "∂a/∂w1 = 12", "36",
    ):  # fmt: skip
        assert text in shown


def test_it_is_self_contained_and_accessible() -> None:
    svg = first_exercise()
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    assert "script" not in svg
    assert re.findall(r"https?://[^\"]+", svg) == ["http://www.w3.org/2000/svg"]
    assert root.find(SVG + "title").text == "Computational graph of g"  # type: ignore[union-attr]
    described = root.find(SVG + "desc").text  # type: ignore[union-attr]
    assert described is not None
    assert "at w1 = 2, w2 = 3" in described
    tooltips = [x.text for x in root.iter(SVG + "title")]
    assert "w1; value 2; ∂g/∂w1 = 36 + 3 = 39" in tooltips
    assert "∂a/∂w1 = 12; message 3·12 = 36" in tooltips
    width, height = map(float, root.get("viewBox", "").split()[2:])
    assert 300 < width < 1500
    assert 150 < height < 600


@pytest.mark.parametrize("name", HOSTILE)
def test_names_cannot_break_out(name: str) -> None:
    x = symbols("x", real=True)
    loss = sg.let(name, sg.let(name + "2", x**2) * x)
    d = sg.gradient(loss, [x])
    for picture in (d.picture(), d.trace({x: 2}).picture()):
        root = ET.fromstring(picture.svg())
        assert {x.tag.removeprefix(SVG) for x in root.iter()} <= {
            "svg", "title", "desc", "style", "rect", "g", "path", "text", "tspan",
        }  # fmt: skip
        assert sum(1 for x in root.iter(SVG + "style")) == 1
        assert "@import" not in (root.find(SVG + "style").text or "")  # type: ignore[union-attr]
    for text in ("".join(x.itertext()) for x in root.iter(SVG + "text")):
        assert "\x00" not in text


def test_two_colour_schemes_with_enough_contrast() -> None:
    assert LIGHT.keys() == DARK.keys()
    for colour in (LIGHT, DARK):
        for text, look in itertools.product(("ink", "forward", "backward"), LOOKS.values()):
            assert contrast(colour[text], colour[look.fill]) >= 4.5, (text, look)
        for look in LOOKS.values():
            assert contrast(colour[look.line], colour["page"]) >= 3, look


def test_every_renderer_has_the_colours_of_the_palette() -> None:
    picture = sg.draw(networks.a1().loss)
    svg = picture.svg()
    assert all(f"--{name}: {colour};" in svg for name, colour in LIGHT.items())
    dark = svg.partition("prefers-color-scheme: dark")[2]
    assert all(f"--{name}: {colour};" in dark for name, colour in DARK.items())
    for kind, look in LOOKS.items():
        assert f".{kind} rect" in svg
        assert f"classDef {kind} fill:{LIGHT[look.fill]}" in picture.mermaid()
    assert f'fillcolor="{LIGHT[LOOKS[LOSS].fill]}"' in picture.dot()


def contrast(a: str, b: str) -> float:
    """WCAG 2.1: the ratio of the relative luminances."""

    def luminance(colour: str) -> float:
        channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_names_are_typeset() -> None:
    def plain(text: str) -> str:
        return re.sub(r"</?tspan[^>]*>|\u200b", "|", typeset(text))

    assert plain("w1³ + tanh(z2)") == "|w||1||||³ + tanh(|z||2||||)"
    assert plain("δ_S·hᵀ") == "|δ|||S|||||·|h|ᵀ"
    assert plain("W̄1 = ŷ·ab") == "|W̄||1|||| = |ŷ|·ab"
    assert plain("δ_back") == "|δ||back||||"  # a word is upright
    assert plain("wₗ₋₁ + Σ_j") == "|w|||l|−1|||| + Σ||j|||||"  # no Greek capital is slanted
    assert typeset("conv1d(x2y)") == "conv1d(x2y)"
    assert typeset("1.2e−7") == "1.2e−7"


def test_widths_are_generous() -> None:
    """Against the advance widths of DejaVu Sans, a wide system font, in units of 1/2048."""
    advances = {
        "0.7311": [1303, 651, 1303, 1303, 1303, 1303],
        "W·x + b": [2025, 651, 1212, 651, 1716, 651, 1300],
        "36 + 3 = 39": [1303, 1303, 651, 1716, 651, 1303, 651, 1716, 651, 1303, 1303],
        "softmax(z)": [1067, 1253, 721, 803, 1995, 1255, 1212, 799, 1075, 799],
    }
    for text, widths in advances.items():
        real = sum(widths) / 2048
        assert real * 0.95 <= text_width(text, 1.0) <= real * 1.35, text


def test_deep_networks_are_folded_and_stay_small() -> None:
    h = MatrixSymbol("x", 5, 1)
    params = []
    for k in range(1, 31):
        W, b = MatrixSymbol(f"W{k}", 5, 5), MatrixSymbol(f"b{k}", 5, 1)
        params += [W, b]
        h = sg.let(f"h{k}", sg.tanh(sg.let(f"z{k}", W * h + b)))
    derivation = sg.gradient(sg.let("L", sg.dot(h, h)), params)
    whole = [x.label for x in derivation.picture(fold=False).scene.cards]
    assert "z17 = W17·h16 + b17" in whole
    assert len(whole) > 120
    picture = derivation.picture()
    labels = [x.label for x in picture.scene.cards]
    assert "zₗ = Wₗ·hₗ₋₁ + bₗ" in labels
    assert len(labels) < 25
    assert any("l = 2, …, 29" in x.above for x in picture.scene.cards)
    ends = [(labels[a.tail], labels[a.head]) for a in picture.scene.arrows]
    assert ("h1 = tanh(z1)", "zₗ = Wₗ·hₗ₋₁ + bₗ") in ends
    assert ("hₗ = tanh(zₗ)", "z30 = W30·h29 + b30") in ends
    assert len(picture.svg()) < 40_000


def test_the_index_of_folded_layers_is_no_name_of_the_users() -> None:
    value = symbols("l", real=True)
    for k in range(1, 6):
        value = sg.let(f"h{k}", sg.tanh(value))
    cards = sg.draw(sg.let("L", 2 * value), detail="values").scene.cards
    labels = ["l", "h1 = tanh(l)", "hₜ = tanh(hₜ₋₁)", "h5 = tanh(h4)", "L = 2·h5"]
    assert [x.label for x in cards] == labels
    assert cards[2].above == "t = 2, 3, 4"


def test_layers_that_differ_are_not_folded() -> None:
    x = symbols("x", real=True)
    value = x
    for k, body in enumerate([sg.tanh, sg.sigmoid, sg.tanh, sg.sigmoid, sg.softplus], 1):
        value = sg.let(f"h{k}", body(value))
    labels = [c.label for c in sg.draw(sg.let("L", value * x)).scene.cards]
    assert [x for x in labels if x.startswith("h")] == [
        "h1 = tanh(x)", "h2 = σ(h1)", "h3 = tanh(h2)", "h4 = σ(h3)", "h5 = softplus(h4)",
    ]  # fmt: skip


def test_weights_may_have_numbers_that_grow_at_another_rate() -> None:
    h = MatrixSymbol("x", 5, 1)
    for k in range(1, 7):
        A, B = MatrixSymbol(f"W{2 * k - 1}", 5, 5), MatrixSymbol(f"W{2 * k}", 5, 5)
        h = sg.let(f"h{k}", B * sg.tanh(A * h))
    labels = [x.label for x in sg.draw(sg.let("L", sg.dot(h, h))).scene.cards]
    assert "hₗ = W₂ₗ·tanh(W₂ₗ₋₁·hₗ₋₁)" in labels


def test_shared_weights_come_in_again_by_name() -> None:
    """Three steps of an LSTM: no arrow goes from a weight past the steps that it is used in."""
    cell = sg.cell("lstm", 4, 3)
    xs = [MatrixSymbol(f"x{k}", 4, 1) for k in (1, 2, 3)]
    state = sg.recurrent(cell, xs)[-1]
    d = sg.gradient(sg.let("L", sg.dot(state, state)), cell.parameters)
    scene = d.picture().scene
    cards = scene.cards
    again = {cards[a.head].label.split(" ")[0]: cards[a.tail] for a in scene.arrows
             if cards[a.tail].kind == AGAIN}  # fmt: skip
    assert again["f3"].label == "U_f, W_f, b_f"
    assert again["n2"].label == "W_c, b_c"
    assert "again: U_f; 3×3" in again["f3"].tooltip
    heads = [cards[a.head].label for a in scene.arrows if cards[a.tail].label == "W_i"]
    assert heads == ["i1 = σ(W_i·x1 + b_i)"]
    assert 'class="card again"' in d.picture().svg()
    values = [x for x in cards if x.kind == "value"]  # each has an arrow for all that it is made of
    for value in values:
        incoming = [cards[a.tail].label for a in scene.arrows if cards[a.head] is value]
        names = {x for label in incoming for x in label.split(" = ")[0].split(", ")}
        assert names == set(re.findall(r"[A-Za-z]+(?:_[a-z]|\d)", value.label.split(" = ")[1]))


def test_few_arrows_to_later_uses_are_drawn() -> None:
    network = networks.attention()
    kinds = [x.kind for x in sg.gradient(network.loss, network.wrt).picture().scene.cards]
    assert AGAIN not in kinds


def test_the_legend_says_how_an_adjoint_is_written() -> None:
    network = networks.classifier()
    d = sg.gradient(network.loss, network.wrt)
    for notation, said in (
        ("delta", "adjoint, δ1 = ∂L/∂z1"),
        ("bar", "adjoint, W̄1 = ∂L/∂W1"),
        ("partial", "adjoint ∂L/∂·"),
    ):
        assert any(said in x for x in texts(sg.draw(d, notation=notation).svg()))


def test_inputs_of_several_values_of_one_step_are_folded() -> None:
    """Each x of an LSTM goes into four gates of its step."""
    cell = sg.cell("lstm", 4, 3)
    state = sg.recurrent(cell, [MatrixSymbol(f"x{k}", 4, 1) for k in range(1, 9)])[-1]
    d = sg.gradient(sg.let("L", sg.dot(state, state)), cell.parameters)
    cards = d.picture().scene.cards
    labels = [x.label for x in cards if x.kind == "data"]
    assert labels == ["x1", "xₗ", "x8"]
    assert next(x.above for x in cards if x.label == "xₗ") == "4,  l = 2, …, 7"
