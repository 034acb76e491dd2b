"""``sg.draw``, ``d.picture()`` and ``symgrad graph``: what they draw, write and refuse."""

from __future__ import annotations

from pathlib import Path

import networks
import pytest
from sympy import IndexedBase, MatrixSymbol, symbols

import symgrad as sg
from symgrad import cli

w1, w2, x = symbols("w1 w2 x", real=True)
MODELS = Path(__file__).parents[3] / "examples"


def below(picture: sg.Picture) -> dict[str, str]:
    return {c.label.split(" = ")[0]: c.below for c in picture.scene.cards}


def test_a_derivation_is_drawn_with_its_adjoints() -> None:
    network = networks.classifier()
    d = sg.gradient(network.loss, network.wrt)
    assert below(d.picture()) == {
        "W1": "∂L/∂W1 = δ1·xᵀ", "x": "", "b1": "∂L/∂b1 = δ1", "W2": "∂L/∂W2 = δ2·hᵀ",
        "b2": "∂L/∂b2 = δ2", "y": "", "z1": "δ1 = ∂L/∂h ⊙ (1 − h ⊙ h)", "h": "∂L/∂h = W2ᵀ·δ2",
        "z2": "δ2 = p − y", "p": "∂L/∂p = −y/p", "L": "∂L/∂L = 1",
    }  # fmt: skip
    bars = below(d.picture(notation="bar"))
    assert (bars["z2"], bars["h"], bars["W2"]) == ("z̄2 = p − y", "h̄ = W2ᵀ·z̄2", "W̄2 = z̄2·hᵀ")


def test_operations_show_the_messages_of_their_consumers() -> None:
    network = networks.a1()
    picture = sg.gradient(network.loss, network.wrt).picture()
    assert below(picture)["w1"] == "∂g/∂w1 = 3·∂g/∂a·w1² + 3·∂g/∂c"
    arrows = {(a.tail, a.head): a.above for a in picture.scene.arrows}
    assert arrows[0, 2] == "∂a/∂w1 = 3·w1²"


def test_a_loss_is_differentiated_by_its_free_leaves() -> None:
    network = networks.classifier()
    assert below(sg.draw(network.loss))["x"] == "∂L/∂x = W1ᵀ·δ1"
    assert below(sg.draw(network.loss))["y"] == ""
    numbers = sg.draw(w1**3 * w2 + 3 * w1, {w1: 2, w2: 3})
    assert below(numbers)["w1"] == "36 + 3 = 39"
    assert numbers.trace is not None


def test_what_has_no_gradient_is_drawn_forward() -> None:
    v = MatrixSymbol("v", 3, 1)
    for value in (sg.let("h", sg.tanh(v)), sg.let("s", sg.step(x))):
        picture = sg.draw(value)
        assert not any(c.below for c in picture.scene.cards)
        assert "■ adjoint" not in picture.svg()
        with pytest.raises(sg.DerivativeError, match="has no gradient"):
            sg.draw(value, {x: 1})


def test_an_operation_without_a_derivative_in_a_loss_that_has_one() -> None:
    loss = sg.let("s", sg.step(x) * x)  # the whole is relu, which has a derivative
    assert not any(c.below for c in sg.draw(loss, detail="operations").scene.cards)
    with pytest.raises(sg.DerivativeError, match="the derivative of a step"):
        sg.gradient(loss, [x]).picture(detail="operations")


def test_a_hessian_is_drawn_forward() -> None:
    assert set(below(sg.hessian(networks.a1().loss, [w1]).picture()).values()) == {""}


def test_options_are_checked() -> None:
    d = sg.gradient(networks.a1().loss, [w1])
    with pytest.raises(sg.UnsupportedError, match="3 depends on no symbol, so it has no graph"):
        sg.draw(3)
    with pytest.raises(sg.UnsupportedError, match='"right" or "down"'):
        d.picture(direction="up")
    with pytest.raises(sg.UnsupportedError, match='"values" or "operations"'):
        d.picture(detail="all")
    with pytest.raises(sg.UnsupportedError, match="notation"):
        d.picture(notation="prose")


def test_formulas_of_indices_are_tooltips() -> None:
    image, kernel = IndexedBase("x", shape=(1, 9)), IndexedBase("k", shape=(2, 1, 3))
    y = sg.let("y", sg.conv1d(image, kernel))
    picture = sg.gradient(sg.let("L", sg.sum(sg.let("r", sg.relu(y)))), [kernel]).picture()
    card = picture.scene.cards[0]
    assert card.below == "∂L/∂k"
    assert "∂L/∂k = Σ_" in card.tooltip


def test_two_pictures_on_one_page_do_not_clash() -> None:
    assert " id=" not in sg.draw(x**2).svg()


def test_a_notebook_shows_it() -> None:
    d = sg.gradient(networks.a1().loss, [w1])
    assert d.picture()._repr_svg_().startswith("<svg")
    assert "8" in d.trace({w1: 2, w2: 3})._repr_svg_()


def test_saving(tmp_path: Path) -> None:
    picture = sg.draw(x**2 * w1)
    for name, start in (("a.svg", "<svg"), ("a.dot", "digraph"), ("a.mmd", "flowchart")):
        assert picture.save(tmp_path / name) == tmp_path / name
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    with pytest.raises(sg.UnsupportedError, match=r"a\.png; expected a name that ends in \.svg"):
        picture.save(tmp_path / "a.png")


# ------------------------------------------------------------------------ the command line


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_:
        cli.main([*arguments])
    return int(exit_.value.code or 0)


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "model.py"
    path.write_text(
        "from sympy import symbols\nw1, w2 = symbols('w1 w2', real=True)\ng = w1**3*w2 + 3*w1\n",
        encoding="utf-8",
    )
    return f"{path}:g"


def test_the_graph_command_writes_pictures(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "graph.svg"
    assert run("graph", model, "--out", str(out), "--at", "w1=2", "--at", "w2=3") == 0
    assert capsys.readouterr().out == f"written: {out}\n"
    assert ">36 + 3 = 39</text>" in out.read_text(encoding="utf-8")
    assert run("graph", model, "--wrt", "w2", "--out", str(tmp_path / "g.mmd")) == 0
    text = (tmp_path / "g.mmd").read_text(encoding="utf-8")
    assert ":::data" in text  # w1, which has no gradient now


def test_the_graph_command_prints(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("graph", model) == 0
    listing = capsys.readouterr().out
    assert "w1: leaf scalar" in listing
    assert "forward" not in listing
    assert run("graph", model, "--at", "w1=2", "--at", "w2=1/3", "--detail", "values") == 0
    text = capsys.readouterr().out
    assert text.startswith("w1: leaf scalar")
    assert "26/3" in text


def test_the_loss_is_no_shorthand_on_its_own_way_back() -> None:
    """∂h/∂z is 1 − h², and not 1 − L, where the loss happens to be h²."""
    model = sg.parse("x: scalar; w: scalar; z = w x; h = tanh(z); L = h^2; params w")
    scene = sg.gradient(model.loss, model.params).picture(detail="operations").scene
    assert "∂h/∂z = 1 − h²" in [arrow.above for arrow in scene.arrows]


BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "suffix": (("--out", "g.png"), "ends in .svg"),
    "value": (("--at", "w1=two"), "the value 'two' was given for w1"),
    "missing": (("--at", "w1=2"), "no value was given for w2"),
    "symbol": (("--wrt", "q", "--out", "g.svg"), "no leaf named q"),
    "folder": (("--out", "missing/g.svg"), "give a file in an existing folder"),
}


@pytest.mark.parametrize("name", BAD)
def test_its_errors_are_sentences(
    name: str, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options, message = BAD[name]
    assert run("graph", model, *options) == 1
    assert message in capsys.readouterr().err
