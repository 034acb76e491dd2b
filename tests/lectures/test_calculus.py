"""Calculus by hand, as the lectures do it: graphs, chain rules, and the table of derivatives.

Each row declares a system in scalars, the way a blackboard has it, and states the lecture's result
as text. The ids are those of the project's list of lecture results, A1 to A8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mpmath
import pytest
import sympy as sp
from lectures import System, backward, check, real
from oracle import Net
from sympy import Function, IndexedBase, Sum
from sympy.core.function import AppliedUndef

import symgrad as sg

D = sp.Symbol("D", integer=True, positive=True)
i = sp.Symbol("i", integer=True)


def a1() -> System:
    """g = w1³·w2 + 3·w1 as a graph: ∂g/∂b = ∂g/∂c = 1, ∂g/∂a = w2, and two roads to w1."""
    net, (w1, w2) = Net(), real("w1 w2")
    a = net.let("a", w1**3)
    b, c = net.let("b", a * w2), net.let("c", 3 * w1)
    g = net.let("g", b + c)
    lines = [
        "∂g/∂c = 1",
        "∂g/∂b = 1",
        "∂g/∂a = w2",
        "∂g/∂w1 = 3·w1²·w2 + 3",
        "∂g/∂w2 = a",
    ]
    return System(g, [c, b, a, w1, w2], lines, net)


def a3() -> System:
    """r = u·v, u = t², v = 3t + 1: r′ = 2t·v + 3u, which is 9t² + 2t."""
    net, t = Net(), real("t")
    u, v = net.let("u", t**2), net.let("v", 3 * t + 1)
    r = net.let("r", u * v)
    lines = ["∂r/∂u = v", "∂r/∂v = u", "∂r/∂t = 2·v·t + 3·u"]
    return System(r, [u, v, t], lines, net, {t: "9·t² + 2·t"})


def a4() -> System:
    """f = y + e^(xy), x = cos t, y = t²: (y·e^(xy))·(−sin t) + (1 + x·e^(xy))·2t."""
    net, t = Net(), real("t")
    x, y = net.let("x", sp.cos(t)), net.let("y", t**2)
    f = net.let("f", y + sp.exp(x * y))
    return System(f, [t], ["∂f/∂t = 2·t·(1 + x·exp(x·y)) − y·exp(x·y)·sin(t)"], net)


def a4_messages() -> System:
    """The same with the partial derivatives that the multivariate chain rule combines."""
    net, t = Net(), real("t")
    x, y = net.let("x", sp.cos(t)), net.let("y", t**2)
    f = net.let("f", y + sp.exp(x * y))
    lines = [
        "∂f/∂y = 1 + x·exp(x·y)",
        "∂f/∂x = y·exp(x·y)",
        "∂f/∂t = 2·∂f/∂y·t − ∂f/∂x·sin(t)",
    ]
    return System(f, [x, y, t], lines, net, notation="partial")


def a5() -> System:
    """z = wx + b, y = σ(z), L = ½(y − t)², in bar notation; σ′ = y(1 − y) of the output."""
    net, (w, x, b, t) = Net(), real("w x b t")
    z = net.let("z", w * x + b)
    y = net.let("y", sg.sigmoid(z))
    loss = net.let("L", (y - t) ** 2 / 2)
    lines = ["ȳ = y − t", "z̄ = ȳ·y·(1 − y)", "w̄ = z̄·x", "b̄ = z̄"]
    return System(loss, [y, z, w, b], lines, net, notation="bar")


def a6() -> System:
    """o = σ(w0 + Σᵢ wᵢ·xᵢ), a sum over an index: ∂o/∂wᵢ = o(1 − o)·xᵢ."""
    net = Net(dims={D: 4})
    w, x, w0 = IndexedBase("w", shape=(D,)), IndexedBase("x", shape=(D,)), real("w0")
    o = net.let("o", 1 / (1 + sp.exp(-(w0 + Sum(w[i] * x[i], (i, 0, D - 1))))))
    wm = sp.MatrixSymbol("w", D, 1)
    return System(o, [wm], ["∂o/∂w[i] = o·x[i]·(1 − o)"], net, form="index")


def a7() -> System:
    """Cross-entropy of ŷ = 1/(1 + e^(−wx)): (ŷ − y)/(ŷ(1 − ŷ)) by ŷ, and (ŷ − y)·x by w."""
    net, (w, x, y) = Net(), real("w x y")
    p = net.let("ŷ", 1 / (1 + sp.exp(-w * x)))
    loss = net.let("CE", -y * sp.log(p) - (1 - y) * sp.log(1 - p))
    lines = ["∂CE/∂ŷ = (ŷ − y)/(ŷ·(1 − ŷ))", "∂CE/∂w = (ŷ − y)·x"]
    return System(loss, [p, w], lines, net)


SYSTEMS: dict[str, Callable[[], System]] = {
    "A1": a1, "A3": a3, "A4": a4, "A4, messages": a4_messages, "A5": a5, "A6": a6, "A7": a7,
}  # fmt: skip


@pytest.mark.parametrize("row", SYSTEMS)
def test_system(row: str) -> None:
    check(SYSTEMS[row]())


# ------------------------------------------------------------------------ A1: the numbers


def test_a1_at_the_point_of_the_lecture() -> None:
    """At (2, 3): forward a = 8, b = 24, c = 6, g = 30; the local slopes 3 and 12; (39, 8)."""
    w1, w2 = real("w1 w2")
    a = sg.let("a", w1**3)
    b, c = sg.let("b", a * w2), sg.let("c", 3 * w1)
    g = sg.let("g", b + c)
    assert sg.function([w1, w2], [a, b, c, g])(2.0, 3.0) == (8, 24, 6, 30)
    assert sg.function([w1, w2], sg.gradient(g, [w1, w2]))(2.0, 3.0) == (39, 8)
    local = [sg.gradient(b, a)[a], sg.gradient(a, w1)[w1], sg.gradient(c, w1)[w1]]
    assert [sg.formula(x) for x in local] == ["w2", "3·w1²", "3"]
    assert [float(x.subs({w1: 2, w2: 3})) for x in map(sp.sympify, local)] == [3, 12, 3]


# ------------------------------------------------------------------- A2: the derivative table

x = real("x")
a = sp.Symbol("a", positive=True)
n = real("n")
u, v, w = (Function(name, positive=True)(x) for name in "uvw")  # √u and ln u are in the table
f = Function("f", real=True)

TABLE: dict[str, tuple[Any, str]] = {
    "x": (x, "1"),
    "a·u": (a * u, "a·u′(x)"),
    "u + v − w": (u + v - w, "u′(x) + v′(x) − w′(x)"),
    "u·v": (u * v, "u(x)·v′(x) + v(x)·u′(x)"),
    "u/v": (u / v, "u′(x)/v(x) − u(x)·v′(x)/v²(x)"),
    "uⁿ": (u**n, "n·u(x)^(n − 1)·u′(x)"),
    "√u": (sp.sqrt(u), "u′(x)/(2·sqrt(u(x)))"),
    "1/u": (1 / u, "−u′(x)/u²(x)"),
    "1/uⁿ": (1 / u**n, "−n·u′(x)/u(x)^(n + 1)"),
    "f(u)": (f(u), "f′(u(x))·u′(x)"),
    "ln u": (sp.log(u), "u′(x)/u(x)"),
    "log_a u": (sp.log(u, a), "u′(x)/(u(x)·log(a))"),
    "eᵘ": (sp.exp(u), "exp(u(x))·u′(x)"),
    "aᵘ": (a**u, "a^(u(x))·log(a)·u′(x)"),
    "uᵛ": (u**v, "u(x)^(v(x) − 1)·v(x)·u′(x) + u(x)^(v(x))·log(u(x))·v′(x)"),
    "sin u": (sp.sin(u), "cos(u(x))·u′(x)"),
    "cos u": (sp.cos(u), "−sin(u(x))·u′(x)"),
    "tan u": (sp.tan(u), "sec²(u(x))·u′(x)"),
    "cot u": (sp.cot(u), "−csc²(u(x))·u′(x)"),
    "sec u": (sp.sec(u), "tan(u(x))·sec(u(x))·u′(x)"),
    "csc u": (sp.csc(u), "−cot(u(x))·csc(u(x))·u′(x)"),
}
"""f(u) for unknown functions u, v, w of x → its derivative, in the form of the lecture's table."""

KNOWN: dict[str, Callable[[Any], Any]] = {
    "u": lambda t: 1 + t**2 / 3, "u′": lambda t: 2 * t / 3,
    "v": lambda t: 2 + sp.sin(t), "v′": sp.cos,
    "w": sp.exp, "w′": sp.exp,
    "f": lambda t: t**3, "f′": lambda t: 3 * t**2,
    "σ": sp.tanh, "σ′": lambda t: 1 - sp.tanh(t) ** 2,
}  # fmt: skip
"""What the unknown functions are, to compare with numbers."""


def number(expr: Any, at: Mapping[Any, Any]) -> Any:
    """The value of an expression in the functions of `KNOWN`, to fifty digits."""
    known = sp.sympify(expr).replace(
        lambda e: isinstance(e, AppliedUndef), lambda e: KNOWN[e.func.__name__](*e.args)
    )
    return mpmath.mpf(known.subs(at).evalf(50)._mpf_)


def slope(expr: Any, by: Any, at: Mapping[Any, Any]) -> Any:
    """Its derivative by differences."""
    h = sp.Rational(1, 10**15)
    values = [number(expr, {**at, by: at[by] + s * h}) for s in (1, -1)]
    return (values[0] - values[1]) / (2 * h)


@pytest.mark.parametrize("row", TABLE)
def test_a2_derivative_table(row: str) -> None:
    expr, expected = TABLE[row]
    found = sg.gradient(expr, x).closed_form(x)
    assert sg.formula(found) == expected
    with mpmath.workdps(50):
        for point in (sp.Rational(2, 5), sp.Rational(13, 10)):
            at = {x: point, a: sp.Rational(17, 10), n: sp.Rational(5, 2)}
            assert mpmath.almosteq(number(found, at), slope(expr, x, at), 1e-20)


def test_a2_a_constant() -> None:
    """(a)′ = 0 adds nothing to x′ = 1; alone, a is no function of x, and the refusal says so."""
    assert sg.gradient(a + x, x)[x] == 1
    with pytest.raises(sg.DerivativeError, match="x does not occur in the loss; it depends on a"):
        sg.gradient(a, x)


def test_a2_of_several_arguments() -> None:
    """An unknown g(u, v) has a partial derivative by each argument: the multivariate rule."""
    g = Function("g", real=True)
    found = sg.gradient(g(u, v), x).closed_form(x)
    assert sg.formula(found) == "∂₁g(u(x), v(x))·u′(x) + ∂₂g(u(x), v(x))·v′(x)"
    assert sg.formula(sg.gradient(f(x**2), x)[x]) == "2·x·f′(x²)"


def test_a2_unknown_functions_are_for_deriving() -> None:
    """They have no values, and nothing is known of their signs."""
    with pytest.raises(sg.UnsupportedError, match="no spelling for the function f"):
        sg.function([x], f(x))
    with pytest.warns(sg.DomainWarning, match="can be ≤ 0"):
        sg.gradient(sp.log(f(x)), x)


# -------------------------------------------------------------------- A5: σ unknown, unexpanded


def test_a5_unexpanded() -> None:
    """(σ(wx + b) − t)·σ′(wx + b)·x, for a σ that nothing is said about."""
    w, x, b, t = real("w x b t")
    s = Function("σ", real=True)
    loss = (s(w * x + b) - t) ** 2 / 2
    d = sg.gradient(loss, [w, b])
    assert backward(d)[0] == "∂L/∂w = (σ(w·x + b) − t)·x·σ′(w·x + b)"
    z = sg.let("z", w * x + b)
    y = sg.let("y", s(z))
    d = sg.gradient(sg.let("L", (y - t) ** 2 / 2), [y, z, w, b])
    lines = ["ȳ = y − t", "z̄ = ȳ·σ′(z)", "w̄ = z̄·x", "b̄ = z̄"]
    assert backward(d, notation="bar") == lines
    at = {s: sp.Rational(k, 10) for s, k in zip((w, x, b, t), (3, -12, 4, 5), strict=True)}
    with mpmath.workdps(50):
        assert mpmath.almosteq(number(d.closed_form(w), at), slope(loss, w, at), 1e-20)


# ------------------------------------------------------------------------- A6: the graph drawn


def test_a6_as_a_graph() -> None:
    """The logistic unit as a computational graph, one operation a line, inputs first."""
    w, x, w0 = IndexedBase("w", shape=(D,)), IndexedBase("x", shape=(D,)), real("w0")
    net = sg.let("net", w0 + Sum(w[i] * x[i], (i, 0, D - 1)))
    o = sg.let("o", 1 / (1 + sp.exp(-net)))
    drawn = sg.graph_text(o)
    order = [line.split(":")[0].split(" =")[0] for line in drawn.splitlines()]
    named = [name for name in order if not name.startswith("%")]
    assert sorted(named[:3]) == ["w", "w0", "x"]
    assert named[3:] == ["net", "o"]
    assert "exp(" in drawn
    d = sg.gradient(o, [net, w, w0])
    lines = ["δ_net = ∂o/∂net = o·(1 − o)", "∂o/∂w = δ_net·x", "∂o/∂w0 = δ_net"]
    assert backward(d) == lines


# ----------------------------------------------------------- A8: backpropagation as an algorithm

q = real("q")

GRAPHS: dict[str, list[tuple[str, Callable[..., Any]]]] = {
    "fan-out": [
        ("v1", lambda: q**2 + q),
        ("v2", lambda v1: sp.sin(v1)),
        ("v3", lambda v1, v2: v1 * v2),
        ("v4", lambda v2, v3: sp.exp(v3) * v2),
        ("v5", lambda v3, v4: v3**2 * v4),
    ],
    "a chain": [
        ("v1", lambda: sp.cos(q)),
        ("v2", lambda v1: v1**3),
        ("v3", lambda v2: sp.log(2 + v2**2)),
        ("v4", lambda v3: v3**2),
    ],
    "one for all": [
        ("v1", lambda: sp.exp(q)),
        ("v2", lambda v1: v1**2),
        ("v3", lambda v1: sp.sin(v1)),
        ("v4", lambda v1, v2, v3: v1 * v2 * v3),
    ],
}
"""Values in a topological order, each a function of earlier ones; the last is the loss."""


@pytest.mark.parametrize("name", GRAPHS)
def test_a8_messages(name: str) -> None:
    """v̄ᵢ = Σⱼ v̄ⱼ·∂vⱼ/∂vᵢ over the children j of i: just these messages, in reverse order."""
    values: dict[str, Any] = {}
    plain: dict[str, Any] = {}
    for value, make in GRAPHS[name]:
        parents = make.__code__.co_varnames[: make.__code__.co_argcount]
        values[value] = sg.let(value, make(*(values[p] for p in parents)))
        plain[value] = make(*map(sp.Symbol, parents))
    loss = list(values)[-1]
    inner = list(values)[:-1]
    d = sg.gradient(values[loss], [*(values[k] for k in inner), q])
    bars = {k: sp.Symbol(f"∂{loss}/∂{k}") for k in inner} | {loss: sp.Integer(1)}
    names = {values[k]: sp.Symbol(k) for k in values}
    steps = [s for s in d.lines(notation="partial") if s.phase == "backward"]
    assert [s.names[0] for s in steps] == [f"∂{loss}/∂{k}" for k in [*reversed(inner), "q"]]
    written_out = [(sp.Symbol(k), plain[k]) for k in reversed(inner)]  # v1 may stand for exp(q)
    for step, k in zip(steps, [*reversed(inner), "q"], strict=True):
        by = q if k == "q" else sp.Symbol(k)
        message = sum(bars[j] * sp.diff(plain[j], by) for j in values)
        found = step.expr.xreplace(names)
        found = found.xreplace({s: sp.Symbol(s.name) for s in found.free_symbols if s != q})
        difference = (found - message).subs(written_out)
        assert sp.simplify(difference) == 0, (k, found, message)
