"""The table test: every scalar function, its derivative and its second one, against mpmath.

At random points, on both sides of kinks and at ±1000, in float64 and float32, in NumPy and Numba:
no NaN, no infinity where the true value is finite, and errors of at most 4 units in the last place
times the condition number. `accuracy` says how that is estimated, and why; it walks the library's
own table, so that a new function is tested without being told.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from accuracy import ROWS, Truth, declared

import symgrad as sg
from symgrad import vocabulary as v

N = sp.Symbol("n", integer=True, positive=True)
X = sp.MatrixSymbol("x", N, 1)
s, t, u = sp.symbols("s t u", real=True)

truth = cache(Truth)
function = cache(lambda name: tuple(declared(name, X)))

COMPILED = ("relu", "leaky_relu", "elu, 2", "softplus", "swish", "gelu", "sigmoid", "tanh", "abs")
"""What is compiled with Numba every time; the rest is in the longer campaign.

In float32 only: `test_numba_target` compares all of them with NumPy in float64.
"""


def check(name: str, dtype: str, x: np.ndarray, arrays: Any) -> None:
    for k, array in enumerate(arrays):
        assert array.dtype == dtype
        assert np.isfinite(array).all(), (name, k, x[~np.isfinite(array)])
        excess = [truth(name).excess(k, a, b, dtype) for a, b in zip(x, array, strict=True)]
        worst = int(np.argmax(excess))
        what = ("value", "derivative", "second derivative")[k]
        assert excess[worst] <= 1, f"{what} of {name} at {x[worst]}: {array[worst]}"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ROWS)
def test_numpy(name: str, dtype: str) -> None:
    compute = sg.function([X], list(function(name)), dtype=dtype)
    x = truth(name).points(dtype)
    assert len(x) >= 6
    check(name, dtype, x, compute(x))


@pytest.mark.parametrize(
    ("names", "dtype"),
    [
        pytest.param(COMPILED, "float32", id="activations-float32"),
        *(
            pytest.param(
                *(tuple(ROWS)[k::5], dtype),
                id=f"part {k + 1} of 5-{dtype}",
                marks=pytest.mark.slow,
            )
            for k in range(5)
            for dtype in ("float64", "float32")
        ),
    ],
)
def test_numba(names: tuple[str, ...], dtype: str) -> None:
    outputs = [x for name in names for x in function(name)]
    compute = sg.function([X], outputs, target="numba", dtype=dtype)
    for k, name in enumerate(names):
        x = truth(name).points(dtype)
        check(name, dtype, x, compute(x)[3 * k : 3 * k + 3])


# ---------------------------------------------------------------------------------------- kinks

KINKS: dict[str, tuple[Any, dict[Any, float], float]] = {
    "relu": (sg.relu(t), {t: 0}, 0),
    "Max(0, t)": (sp.Max(0, t), {t: 0}, 0),
    "Min(0, t)": (sp.Min(0, t), {t: 0}, 0),
    "leaky_relu": (sg.leaky_relu(t, 0.25), {t: 0}, 0.25),
    "Max(t/4, t)": (sp.Max(t / 4, t), {t: 0}, 0.25),
    "prelu": (sg.prelu(t, s), {t: 0, s: 0.5}, 0.5),
    "elu": (sg.elu(t, 3), {t: 0}, 3),
    "abs": (sg.abs(t), {t: 0}, 0),
    "Abs": (sp.Abs(t), {t: 0}, 0),
    "maximum": (sg.maximum(t, s), {t: 2, s: 2}, 0.5),
    "Max": (sp.Max(t, s), {t: 2, s: 2}, 0.5),
    "minimum": (sg.minimum(3 * t, s), {t: 2, s: 6}, 1.5),
    "hinge": (sg.hinge(t), {t: 1}, 0),
    "Piecewise": (sp.Piecewise((2 * t, t >= 0), (3 * t, True)), {t: 0}, 2),
}
"""name → a function, a point on its kink, and the derivative by t there, as in PyTorch."""


@pytest.mark.parametrize("target", ["numpy", "numba"])
def test_the_derivative_at_a_kink(target: str) -> None:
    gradients = [sg.gradient(f, t) for f, _, _ in KINKS.values()]
    computes = [sg.function([t, s], [d]) for d in gradients] if target == "numpy" else []
    together = sg.function([t, s], gradients, target="numba") if target == "numba" else None
    for k, (name, (_, at, expected)) in enumerate(KINKS.items()):
        arguments = float(at[t]), float(at.get(s, 7.0))
        found = computes[k](*arguments)[0] if together is None else together(*arguments)[k]
        assert found == expected, name


@pytest.mark.parametrize("target", ["numpy", "numba"])
def test_norms_have_the_derivative_0_at_0(target: str) -> None:
    norms = [sg.norm(X, p) for p in (1, 2, sp.oo)]
    compute = sg.function([X], [sg.gradient(norm, X) for norm in norms], target=target)
    for gradient in compute(np.zeros(3)):
        np.testing.assert_array_equal(gradient, np.zeros(3))


def test_a_kink_has_a_second_derivative() -> None:
    for f in (sg.relu, sg.abs, sg.hinge, sg.leaky_relu):
        first = sg.gradient(f(t) * s, t)
        assert sg.gradient(first[t] * t, t)[t] == first[t]


# ---------------------------------------------------------------------------------------- jumps

a = sp.MatrixSymbol("a", 3, 1)
c = sg.label("c", 3)
JUMPS: dict[str, tuple[Any, Any, tuple[str, ...]]] = {
    "step": (sg.sum(sg.step(a)), a, ("a step", "σ", "sg.sigmoid")),
    "Heaviside": (sp.Heaviside(t, 0), t, ("a step", "sg.sigmoid")),
    "sign": (sg.sum(sg.sign(2 * a)), a, ("a sign", "tanh")),
    "SymPy's sign": (sp.sign(t), t, ("a sign", "sg.tanh")),
    "a hidden step": (sg.squared_error(sg.step(s * t) * u, t), s, ("a step",)),
    "0–1 loss": (sg.zero_one_loss(t), t, ("0–1 loss", "logistic", "hinge", "cross-entropy")),
    "0–1 loss of classes": (sg.zero_one_loss(a, c), a, ("0–1 loss", "cross-entropy")),
}  # fmt: skip
"""name → a loss through a jump, the parameter, and what the refusal has to say."""


@pytest.mark.parametrize("name", JUMPS)
def test_a_jump_is_not_differentiated(name: str) -> None:
    loss, parameter, mentions = JUMPS[name]
    with pytest.raises(sg.DerivativeError) as caught:
        sg.gradient(loss, parameter)
    for word in ("Dirac delta", "0 almost everywhere", *mentions):
        assert word in str(caught.value)


def test_a_jump_off_the_path_is_no_obstacle() -> None:
    gate = sg.step(s)
    assert sg.gradient(gate * t**2, t)[t] == 2 * gate * t or sg.gradient(gate * t**2, t)[t].has(t)
    compute = sg.function([s, t], sg.gradient(gate * t**2, t))
    assert [float(compute(x, 3.0)[0]) for x in (-1.0, 1.0)] == [0.0, 6.0]


@pytest.mark.parametrize("target", ["numpy", "numba"])
def test_jumps_have_values(target: str) -> None:
    outputs = [
        *(sg.step(t), sg.sign(t), sp.Heaviside(t), sp.Heaviside(t, 0), sp.Heaviside(t, 1)),
        *(sp.sign(t), sg.zero_one_loss(t), sp.Piecewise((5, t < 0), (7, sp.Eq(t, 0)), (9, True))),
    ]
    compute = sg.function([t], outputs, target=target)
    expected = {
        -2.0: [0, -1, 0, 0, 0, -1, 1, 5],
        0.0: [0, 0, 0.5, 0, 1, 0, 0, 7],
        2.0: [1, 1, 1, 1, 1, 1, 0, 9],
    }
    for x, values in expected.items():
        assert [float(y) for y in compute(x)] == values


@pytest.mark.parametrize("target", ["numpy", "numba"])
def test_metrics_of_scores(target: str) -> None:
    compute = sg.function([a, c], [sg.zero_one_loss(a, c), sg.argmax(a)], target=target)
    scores = np.array([1.0, 3.0, 2.0])
    assert [float(compute(scores, k)[0]) for k in range(3)] == [1, 0, 1]
    assert float(compute(scores, 0)[1]) == 1
    assert float(compute(np.array([2.0, 2.0, 2.0]), 2)[0]) == 0


def test_what_a_user_declares_equals_what_is_derived() -> None:
    assert v.without_jumps(v.hard_step(t)) == v.step(t)
    assert v.without_jumps(v.hard_sign(t) + v.zero_one(t)) == v.signum(t) + v.step(-t)


# -------------------------------------------------------------------------- pieces not taken


@pytest.mark.parametrize("target", ["numpy", "numba"])
def test_a_branch_that_is_not_taken_leaves_no_trace(target: str) -> None:
    """0·∞ would be NaN: each derivative is one Piecewise."""
    f = sp.Piecewise((sp.sin(t) / t, sp.Ne(t, 0)), (1, True)) + sp.Piecewise(
        (sp.sqrt(t), t > 0), (sp.exp(sp.tanh(1 / (t - 1))), True)
    )
    compute = sg.function([t], [f, sg.gradient(f, t)], target=target)
    for x in (0.0, 1.0, -1000.0, 1000.0):
        assert np.isfinite(compute(x)).all()


class mish(sp.Function):
    """A user's own activation: a derivative, a value, and nothing registered."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        x = self.args[0]
        return sp.tanh(v.softplus(x)) + x * (1 - sp.tanh(v.softplus(x)) ** 2) * v.sigmoid(x)

    def doit(self, **hints: Any) -> Any:
        return self.args[0] * sp.tanh(sp.log(1 + sp.exp(self.args[0])))


class valueless(sp.Function):
    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return sp.cos(self.args[0])


class underived(sp.Function):
    nargs = 1

    def doit(self, **hints: Any) -> Any:
        return self.args[0] * sp.exp(-self.args[0])


@pytest.mark.parametrize("target", ["numpy", "numba"])
def test_a_function_of_the_users(target: str) -> None:
    """log(1 + exp) inside its value is recognised, so that it is finite at ±1000."""
    compute = sg.function([t], [mish(t), sg.gradient(mish(t), t)], target=target)
    with np.errstate(all="raise", under="ignore"):
        values = [compute(x) for x in (-1000.0, 0.5, 1000.0)]
    np.testing.assert_allclose(
        values, [(0, 0), (0.3752452113, 0.8864243754), (1000, 1)], rtol=1e-7, atol=1e-300
    )


def test_a_function_without_a_derivative_is_differentiated_by_its_value() -> None:
    assert sp.simplify(sg.gradient(underived(t), t)[t] - (1 - t) * sp.exp(-t)) == 0


def test_a_function_without_a_value_cannot_be_computed() -> None:
    assert sg.gradient(valueless(t), t)[t] == sp.cos(t)
    with pytest.raises(sg.UnsupportedError, match=r"valueless .* doit method"):
        sg.function([t], valueless(t))


def test_an_open_piecewise_is_refused() -> None:
    with pytest.raises(sg.UnsupportedError, match="remaining case"):
        sg.let("q", sp.Piecewise((t, t > 0)))


def test_the_law_of_every_function_is_stated() -> None:
    ours = [f for f in vars(v).values() if isinstance(f, type) and issubclass(f, v._Activation)]
    jumps = [f for f in ours if issubclass(f, v._Jump)]
    assert {f for f in ours if not f.__name__.startswith("_")} - {*jumps} <= set(v.LAWS)


def test_a_piecewise_with_a_modulus_reads_as_the_textbook_has_it() -> None:
    """Huber's loss: the slope is the residual inside and a sign outside."""
    w, x = sp.MatrixSymbol("w", 3, 1), sp.MatrixSymbol("x", 3, 1)
    y = sp.Symbol("y", real=True)
    f = sg.let("f", sg.dot(w, x))
    inside = sp.Abs(f - y) < 1
    huber = sp.Piecewise(((f - y) ** 2 / 2, inside), (sp.Abs(f - y) - sp.Rational(1, 2), True))
    d = sg.gradient(sg.let("L", huber), w)
    assert sg.formula(d[w]) == "(f − y if |f − y| < 1 else sign(f − y))·x"
    for target in ("numpy", "numba"):
        slope = sg.function([w, x, y], d, target=target)
        for target_value, expected in ((0.5, -0.25), (3.0, -1.0), (-2.0, 1.0)):
            (found,) = slope(np.array([0.25, 0.0, 0.0]), np.array([1.0, 2.0, 0.0]), target_value)
            np.testing.assert_allclose(found, expected * np.array([1.0, 2.0, 0.0]))


@pytest.mark.parametrize("at", [-30, -50, -1000, -(10**5), 3])
@pytest.mark.parametrize("name", ["softplus", "sigmoid", "swish", "normal_cdf", "gelu"])
def test_a_small_constant_is_not_zero(name: str, at: int) -> None:
    """log(1 + e^−50) is 0 in floating point, and a term that is not there would vanish."""
    value = getattr(v, name)(sp.Integer(at))
    assert value.is_zero is False
    assert (value + 1 - 1) == value
    if at > -1000:
        with mpmath.workdps(60):
            exact = {
                "softplus": lambda t: mpmath.log(1 + mpmath.exp(t)),
                "sigmoid": lambda t: 1 / (1 + mpmath.exp(-t)),
                "swish": lambda t: t / (1 + mpmath.exp(-t)),
                "normal_cdf": lambda t: mpmath.erfc(-t / mpmath.sqrt(2)) / 2,
                "gelu": lambda t: t * mpmath.erfc(-t / mpmath.sqrt(2)) / 2,
            }[name](mpmath.mpf(at))
        assert abs(sp.Float(mpmath.nstr(exact, 50), 40) / value.evalf(40) - 1) < 1e-25
