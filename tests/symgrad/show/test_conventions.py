"""Rows or columns, numerator or denominator layout: other spellings of the same values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
import pytest
import sympy as sp
from latex_values import value_of
from lecture_networks import SYSTEMS, deep, linear_layers
from networks import NETWORKS, SIZES, C, D, H, classifier
from oracle import COMPLEX, Entries, Net, converted, point, value
from sympy import MatrixSymbol, Symbol, symbols

import symgrad as sg
from symgrad import graph as g
from symgrad.show.conventions import Orientation, is_turned
from symgrad.show.latex_form import latex
from symgrad.show.latex_names import line_name, symbol
from symgrad.show.matrix_form import leaf_symbol

N = symbols("N", integer=True, positive=True)
STYLES = [
    (convention, layout)
    for convention, layout in product(
        ("declared", "column", "row"), ("natural", "numerator", "denominator")
    )
    if (convention, layout) != ("declared", "natural")
]

# ----------------------------------------------------------------------- every line by numbers


def batched(name: str) -> Callable[[], tuple[sg.Derivation, Net]]:
    """The empirical risk of a network, with x and y for data."""

    def declare() -> tuple[sg.Derivation, Net]:
        network = NETWORKS[name]()
        x, y = network.leaves[:2]
        risk = sg.let("R", sg.empirical_risk(network.loss, [x, y]))
        return sg.gradient(risk, network.wrt, messages=True), Net(dims={**SIZES, N: 5})

    return declare


def scores_of_scalars() -> tuple[sg.Derivation, Net]:
    """A risk whose prediction is one number an example."""
    x, w = MatrixSymbol("x", D, 1), MatrixSymbol("w", D, 1)
    b, y = Symbol("b", real=True), Symbol("y", real=True)
    z = sg.let("z", sg.dot(w, x) + b)
    risk = sg.empirical_risk(sg.let("L", sg.logistic_margin(y * z)), [x, y])
    return sg.gradient(sg.let("R", risk), [w, b]), Net(dims={**SIZES, N: 5})


def rows() -> tuple[sg.Derivation, Net]:
    """A network that is declared with rows."""
    x, t = MatrixSymbol("x", 1, D), MatrixSymbol("t", 1, C)
    W1, b1, W2 = MatrixSymbol("W1", D, H), MatrixSymbol("b1", 1, H), MatrixSymbol("W2", H, C)
    h = sg.let("h", sg.tanh(sg.let("z1", x * W1 + b1)))
    p = sg.let("p", sg.softmax(sg.let("z2", h * W2)))
    return sg.gradient(sg.let("L", sg.dot(t, sg.log(p))), [W1, b1, W2]), Net(dims=dict(SIZES))


def largest() -> tuple[sg.Derivation, Net]:
    """Reductions along rows, and sums of them."""
    x, W = MatrixSymbol("x", D, 1), MatrixSymbol("W", H, D)
    z = sg.let("z", W * x)
    loss = sg.logsumexp(z) - sg.max(z) + sg.norm(z) + z[1]
    risk = sg.let("R", sg.empirical_risk(sg.let("L", loss), [x]))
    return sg.gradient(risk, [W]), Net(dims={**SIZES, N: 5})


def of_network(name: str) -> Callable[[], tuple[sg.Derivation, Net]]:
    def declare() -> tuple[sg.Derivation, Net]:
        network = NETWORKS[name]()
        return sg.gradient(network.loss, network.wrt), Net(dims=dict(SIZES))

    return declare


def of_system(name: str) -> Callable[[], tuple[sg.Derivation, Net]]:
    def declare() -> tuple[sg.Derivation, Net]:
        system = SYSTEMS[name]()
        return sg.gradient(system.loss, system.wrt), Net(dims={**SIZES, **system.net.dims})

    return declare


def layers() -> tuple[sg.Derivation, Net]:
    net = Net()
    loss, wrt = deep(2, sg.sigmoid, net)
    return sg.gradient(loss, wrt), Net(dims=net.dims)


def jacobian_of_layers() -> tuple[sg.Derivation, Net]:
    (_, last), *_, x = linear_layers()
    return sg.jacobian(sg.let("h", sg.tanh(last)), [x]), Net(dims=dict(SIZES))


def jacobian_of_a_scalar() -> tuple[sg.Derivation, Net]:
    network = classifier()
    return sg.jacobian(network.loss, network.wrt), Net(dims=dict(SIZES))


def hessian() -> tuple[sg.Derivation, Net]:
    network = classifier()
    _, b1, _, b2 = network.wrt
    return sg.hessian(network.loss, [b1, b2]), Net(dims=dict(SIZES))


def product_with_hessian() -> tuple[sg.Derivation, Net]:
    network = classifier()
    b1 = network.wrt[1]
    return sg.hvp(network.loss, b1, MatrixSymbol("u", H, 1)), Net(dims=dict(SIZES))


CASES: dict[str, Callable[[], tuple[sg.Derivation, Net]]] = {
    **{name: of_system(name) for name in SYSTEMS},
    **{name: of_network(name) for name in NETWORKS},
    **{
        f"risk, {name}": batched(name) for name in ("classifier", "classifier, label", "regression")
    },
    "risk, scores of scalars": scores_of_scalars,
    "risk, largest": largest,
    "rows": rows,
    "D5": layers,
    "jacobian": jacobian_of_layers,
    "jacobian of a scalar": jacobian_of_a_scalar,
    "hessian": hessian,
    "hvp": product_with_hessian,
}


def numbers(
    d: sg.Derivation, net: Net, env: Mapping[str, Any], **style: str
) -> dict[str, tuple[tuple[Any, ...], bool, np.ndarray]]:
    """The printed shape, whether the name has a ᵀ, and the value of each line, by its name."""
    definitions: dict[str, Any] = {}
    steps = d.lines(**style)  # type: ignore[arg-type]
    for step in steps:
        expr: Any = step.expr
        if isinstance(expr, sp.Lambda):
            expr = Entries(expr.expr, tuple(expr.variables), step.shape)
        definitions[step.names[0].partition("[")[0]] = expr
    found = {}
    for step in steps:
        name = step.names[0].partition("[")[0]
        array = value(definitions[name], Net(definitions, net.dims), env)
        rows, cols = (*step.shape, 1, 1)[:2]
        last = step.names[-1].partition("[")[0]
        shown = np.asarray(array).reshape(net.size(rows), net.size(cols))
        found[last.replace("ᵀ", "")] = (rows, cols), "ᵀ" in last, shown
    return found


def turned_leaves(d: sg.Derivation, env: Mapping[str, Any], convention: str) -> dict[str, Any]:
    """The values of leaves as a convention writes them."""
    found = dict(env)
    for leaf in g.leaves([*d.roots, d.loss]):
        symbol = leaf_symbol(leaf)
        array = env.get(leaf.name)
        if not isinstance(array, np.ndarray):
            continue
        batch = leaf.rank > 0 and leaf.shape[0] == N
        vector, is_row = leaf.rank == 1, symbol.shape[0] == 1
        across = (convention == "column") == batch  # a vector stands across
        if convention != "declared" and ((vector and across != is_row) or (batch and across)):
            found[leaf.name] = array.T
    return found


@pytest.mark.parametrize(
    ("name", "styles"),
    [
        *((name, (STYLES * 2)[k % 8 : k % 8 + 6 : 3]) for k, name in enumerate(CASES)),
        *(pytest.param(name, STYLES, marks=pytest.mark.slow) for name in CASES),
    ],
    ids=[*CASES, *(f"{name}, all" for name in CASES)],
)
def test_lines_in_every_style(name: str, styles: list[tuple[str, str]]) -> None:
    """Each line's expression has the value of the line, transposed where its shape says so.

    Quickly, two styles of each declaration, every style eighth by eighth; all in the campaign.
    """
    d, net = CASES[name]()
    net.dims.setdefault(N, 5)
    leaves = [leaf_symbol(x) for x in g.leaves([*d.roots, d.loss])]
    env = converted(point(leaves, net, 0), COMPLEX)
    base = numbers(d, net, env)
    for convention, layout in styles:
        turned = turned_leaves(d, env, convention)
        for key, (shape, primed, found) in numbers(
            d, net, turned, convention=convention, layout=layout
        ).items():
            plain, plainly_primed, expected = base[key]
            assert shape in (plain, plain[::-1])
            square = shape == shape[::-1]
            same = primed == plainly_primed if square else shape == plain
            expected = expected if same else expected.T
            np.testing.assert_allclose(
                found, expected, rtol=1e-9, atol=1e-12, err_msg=f"{key}, {convention}, {layout}"
            )


READ = [x for x in (*SYSTEMS, *NETWORKS, "rows") if "label" not in x and "D6" not in x]


@pytest.mark.parametrize("name", READ)
def test_what_is_printed_has_the_shapes_that_it_says(name: str) -> None:
    """Each line as it is printed, where the printer puts ᵀ too, with rows and with columns.

    It is read by `latex_values`, which knows no broadcasting of rows to columns.
    """
    d, net = CASES[name]()
    leaves = [leaf_symbol(x) for x in g.leaves([*d.roots, d.loss])]
    env = point(leaves, net, 0)
    found: dict[str, dict[str, Any]] = {}
    for convention in ("declared", "row", "column"):
        values = {symbol(k): x for k, x in turned_leaves(d, env, convention).items()}
        values |= {str(s): float(n) for s, n in net.dims.items()}
        for step in d.lines(convention=convention):
            result = value_of(latex(step.expr), values)
            rows, cols = (net.size(n) for n in (*step.shape, 1, 1)[:2])
            if convention != "declared" or 1 not in (rows, cols):  # where n is said of a row too
                assert np.shape(result) == (rows, cols) or np.size(result) == rows * cols == 1
            result = result if np.ndim(result) else float(result)
            values |= {line_name(x): result for x in step.names}
            found.setdefault(convention, {})[step.names[-1]] = result
    for convention in ("row", "column"):
        for key, expected in found["declared"].items():
            result = found[convention][key]
            same = np.shape(result) == np.shape(expected)
            np.testing.assert_allclose(result, expected if same else np.transpose(expected))


def test_a_row_in_the_place_of_a_column_is_found() -> None:
    """w·h of two rows has no value, and a row plus a column none either."""
    values = {"w": np.ones((1, 3)), "h": np.ones((1, 3))}
    with pytest.raises(ValueError, match="matmul"):
        value_of("w h", values)
    for formula in (r"w + h^\top", r"w \odot h^\top"):
        with pytest.raises(AssertionError, match="not of one shape"):
            value_of(formula, values)


# ----------------------------------------------------------------------------- what is printed


def printed(d: sg.Derivation, **style: str) -> list[str]:
    """Each line with its shape."""
    return [
        f"{step.text}   {'×'.join(map(str, step.shape))}".strip()
        for step in d.lines(**style)  # type: ignore[arg-type]
    ]


def test_a_row_convention() -> None:
    d, _ = of_network("classifier")()
    assert printed(d, convention="row") == [
        "z1 = x·W1ᵀ + b1   1×H",
        "h = tanh(z1)   1×H",
        "z2 = h·W2ᵀ + b2   1×C",
        "p = softmax(z2)   1×C",
        "L = −y log(p)ᵀ",
        "δ2 = ∂L/∂z2 = p − y   1×C",
        "∂L/∂W2 = δ2ᵀ·h   C×H",
        "∂L/∂b2 = δ2   1×C",
        "δ1 = ∂L/∂z1 = (δ2·W2) ⊙ (1 − h ⊙ h)   1×H",
        "∂L/∂W1 = δ1ᵀ·x   H×D",
        "∂L/∂b1 = δ1   1×H",
    ]


def test_a_batch_in_columns() -> None:
    d, _ = batched("classifier")()
    assert printed(d, convention="column", notation="bar") == [
        "z1 = W1·X + b1·1ᵀ   H×N",
        "h = tanh(z1)   H×N",
        "z2 = W2·h + b2·1ᵀ   C×N",
        "p = softmax_columns(z2)   C×N",
        "L = −1ᵀ·(Y ⊙ log(p))   1×N",
        "R = sum(L)/N",
        "L̄ = 1/N   1×N",
        "z̄2 = (p − Y)/N   C×N",
        "W̄2 = z̄2·hᵀ   C×H",
        "b̄2 = z̄2·1   C",
        "h̄ = W2ᵀ·z̄2   H×N",
        "z̄1 = h̄ ⊙ (1 − h ⊙ h)   H×N",
        "W̄1 = z̄1·Xᵀ   H×D",
        "b̄1 = z̄1·1   H",
    ]


def test_a_batch_in_rows() -> None:
    """Which is how it is declared; only vectors of one example turn."""
    d, _ = batched("classifier")()
    assert printed(d)[0] == "z1 = X·W1ᵀ + 1·b1ᵀ   N×H"
    lines = printed(d, convention="row")
    assert lines[0] == "z1 = X·W1ᵀ + 1·b1   N×H"
    assert "∂R/∂b2 = 1ᵀ·δ2   1×C" in lines


def test_declared_rows_as_columns() -> None:
    d, _ = rows()
    assert printed(d)[0] == "z1 = x·W1 + b1   H"
    assert printed(d, convention="column")[0] == "z1 = W1ᵀ·x + b1   H"


LAYOUTS: dict[tuple[str, str], list[str]] = {
    ("numerator", "delta"): [
        "δ2 = ∂L/∂z2ᵀ = (p − y)ᵀ   1×C",
        "∂L/∂W2ᵀ = h·δ2   H×C",
        "∂L/∂b2ᵀ = δ2   1×C",
        "δ1 = ∂L/∂z1ᵀ = (δ2·W2) ⊙ (1 − h ⊙ h)ᵀ   1×H",
        "∂L/∂W1ᵀ = x·δ1   D×H",
        "∂L/∂b1ᵀ = δ1   1×H",
    ],
    ("numerator", "nabla"): [
        "(∇_z2 L)ᵀ = (p − y)ᵀ   1×C",
        "(∇_W2 L)ᵀ = h·(∇_z2 L)ᵀ   H×C",
        "(∇_b2 L)ᵀ = (∇_z2 L)ᵀ   1×C",
        "(∇_z1 L)ᵀ = ((∇_z2 L)ᵀ·W2) ⊙ (1 − h ⊙ h)ᵀ   1×H",
        "(∇_W1 L)ᵀ = x·(∇_z1 L)ᵀ   D×H",
        "(∇_b1 L)ᵀ = (∇_z1 L)ᵀ   1×H",
    ],
}


@pytest.mark.parametrize(("layout", "notation"), LAYOUTS)
def test_layouts_of_a_gradient(layout: str, notation: str) -> None:
    d, _ = of_network("classifier")()
    lines = printed(d, layout=layout, notation=notation)
    assert lines[5:] == LAYOUTS[layout, notation]
    assert printed(d, layout="denominator", notation=notation) == printed(d, notation=notation)


def test_layouts_of_a_jacobian() -> None:
    d, _ = jacobian_of_layers()
    natural = "∂h/∂xᵀ = diag(1 − h ⊙ h)·W3·W2·W1   C×D"
    assert printed(d)[-1] == printed(d, layout="numerator")[-1] == natural
    other = "∂hᵀ/∂x = W1ᵀ·W2ᵀ·W3ᵀ·diag(1 − h ⊙ h)   D×C"
    assert printed(d, layout="denominator")[-1] == other


def test_layouts_of_a_scalar() -> None:
    """∂L/∂bᵀ is a row, and its transpose ∂L/∂b; by a matrix, ∂L/∂W has W's shape in both."""
    d, _ = jacobian_of_a_scalar()
    shapes = {layout: [s.shape for s in d.lines(layout=layout) if s.names[0].startswith("∂L")]
              for layout in ("natural", "numerator", "denominator")}  # fmt: skip
    assert shapes["natural"] == [(C, H), (1, C), (H, D), (1, H)]
    assert shapes["numerator"] == [(H, C), (1, C), (D, H), (1, H)]
    assert shapes["denominator"] == [(C, H), (C,), (H, D), (H,)]


# --------------------------------------------------------------------------------- orientation


@pytest.mark.parametrize(
    ("shape", "column", "row"),
    [((H, 1), False, True), ((1, H), True, False), ((H, D), False, False), ((1, 1), False, False),
     ((N, D), True, False), ((N, 1), True, False), ((1, N), False, True)],
)  # fmt: skip
def test_what_is_turned(shape: tuple[Any, ...], column: bool, row: bool) -> None:
    assert is_turned(shape, "column", {N}) == column
    assert is_turned(shape, "row", {N}) == row
    assert not is_turned(shape, "declared", {N})


A, B = MatrixSymbol("A", D, H), MatrixSymbol("B", H, C)
u, v = MatrixSymbol("u", D, 1), MatrixSymbol("v", H, 1)

TURNED: dict[str, tuple[Any, bool, str]] = {
    "a product": (A * B, True, "Bᵀ·Aᵀ"),
    "a function": (sg.tanh(A), True, "tanh(A)ᵀ"),
    "a function of a vector": (sg.tanh(A * v), True, "tanh(v·Aᵀ)"),
    "a sum": (A + sg.tanh(A), True, "(tanh(A) + A)ᵀ"),
    "an outer product": (u * v.T, False, "uᵀ·v"),
    "a diagonal matrix": (sp.DiagMatrix(v), True, "diag(v)"),
    "an entry": (v[1, 0], False, "v[1]"),
    "a norm": (sg.norm(v), False, "‖v‖"),
    "an inner product": (sg.dot(A * v, u), False, "v·Aᵀ·uᵀ"),
    "an inner product with a weight": (sg.dot(u, A * v), False, "v·Aᵀ·uᵀ"),
    "an inner product with a row": (sg.dot(u, sg.tanh(A * v)), False, "tanh(v·Aᵀ)·uᵀ"),
    "a likelihood": (sg.dot(u, sg.log(A * v)), False, "u log(v·Aᵀ)ᵀ"),
    "a product with ⊙": (sp.HadamardProduct(A * v, u), True, "(v·Aᵀ) ⊙ u"),
    "a symmetric matrix": (sg.assume(MatrixSymbol("S", D, D), sp.Q.symmetric) * u, True, "u·S"),
    "softmax of rows": (sg.softmax(A, rows=True), True, "softmax_rows(A)ᵀ"),
    "softmax of rows, of a transpose": (
        sg.softmax(A * A.T, rows=True),
        True,
        "softmax_rows(A·Aᵀ)ᵀ",
    ),
    "softmax of rows, of a product": (
        sg.softmax((A * B) * (A * B).T, rows=True),
        True,
        "softmax_rows(A·B·Bᵀ·Aᵀ)ᵀ",
    ),
}


@pytest.mark.parametrize("name", TURNED)
def test_formulas_with_rows(name: str) -> None:
    """u and v are rows here, A and B as they were."""
    expr, turn, text = TURNED[name]
    orientation = Orientation(lambda s: is_turned(s.shape, "row", ()))
    assert sg.formula(orientation(expr, turn)) == text
