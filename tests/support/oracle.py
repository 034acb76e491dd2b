"""What a declaration means, worked out without symgrad's graph.

`value` folds the SymPy expression that a user typed, by the textbook meaning of each SymPy node
and of each ``sg`` function's *name*; it never looks at a graph node. A named value hides its
definition from SymPy, so a test declares through a `Net`, which writes definitions down.

Derivatives are numerical: `complex_step` is exact to rounding for analytic functions, and
`second_difference` works with fifty digits. The arithmetic of numbers is a `Numbers`: complex,
float64 (with IEEE infinities) or mpmath.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from fact_values import satisfying
from functions_of_arrays import OF_ARRAYS, determinant, inverse
from scalar_functions import ROWS
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixExpr

import symgrad as sg

DIGITS = 60
STEP = 1e-30


@dataclass(frozen=True)
class Numbers:
    """A field of numbers and its elementary functions."""

    dtype: Any
    number: Callable[[Any], Any]
    exp: Callable[[Any], Any]
    log: Callable[[Any], Any]
    tanh: Callable[[Any], Any]
    sqrt: Callable[[Any], Any]
    sin: Callable[[Any], Any]
    cos: Callable[[Any], Any]
    real: Callable[[Any], Any]
    power: Callable[[Any, Any], Any]

    def array(self, shape: tuple[int, ...], fill: Any = 0) -> np.ndarray:
        """An array of one shape, every entry ``fill``."""
        result = np.empty(shape, dtype=self.dtype)
        result[...] = self.number(fill)
        return result


def _exact(x: Any) -> Any:
    if isinstance(x, sp.Basic):
        return mpmath.mpf(sp.N(x, DIGITS)._mpf_) if not x.is_Rational else _ratio(x)
    return mpmath.mpf(x)


def _ratio(x: Any) -> Any:
    return mpmath.mpf(int(x.p)) / int(x.q)


COMPLEX = Numbers(
    np.complex128,
    lambda x: np.complex128(complex(x)),
    np.exp,
    np.log,
    np.tanh,
    np.sqrt,
    np.sin,
    np.cos,
    lambda x: x.real,
    lambda x, n: x**n,
)
FLOAT = Numbers(
    np.float64,
    lambda x: np.float64(float(x)),
    np.exp,
    np.log,
    np.tanh,
    np.sqrt,
    np.sin,
    np.cos,
    lambda x: x,
    lambda x, n: x**n,
)
EXACT = Numbers(
    object, _exact, mpmath.exp, mpmath.log, mpmath.tanh, mpmath.sqrt, mpmath.sin, mpmath.cos,
    lambda x: x, mpmath.power,
)  # fmt: skip


def _sigmoid(n: Numbers, x: Any) -> Any:
    if n.real(x) >= 0:
        return 1 / (1 + n.exp(-x))
    return n.exp(x) / (1 + n.exp(x))


def _softplus(n: Numbers, x: Any) -> Any:
    return x + n.log(1 + n.exp(-x)) if n.real(x) > 0 else n.log(1 + n.exp(x))


def _sign(n: Numbers, x: Any) -> Any:
    return n.number(int(n.real(x) > 0) - int(n.real(x) < 0))


SCALAR: dict[str, Callable[[Numbers, Any], Any]] = {
    "exp": lambda n, x: n.exp(x),
    "log": lambda n, x: n.log(x),
    "tanh": lambda n, x: n.tanh(x),
    "sin": lambda n, x: n.sin(x),
    "cos": lambda n, x: n.cos(x),
    "sqrt": lambda n, x: n.sqrt(x),
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "relu": lambda n, x: x if n.real(x) > 0 else n.number(0),
    "step": lambda n, x: n.number(int(n.real(x) > 0)),
    "abs": lambda n, x: x * _sign(n, x),
    "absolute": lambda n, x: x * _sign(n, x),
    "Abs": lambda n, x: x * _sign(n, x),
    "signum": _sign,
    **ROWS,
}
"""Scalar functions by name."""


def scalar(e: Any, bind: Callable[[Any], Any], n: Numbers) -> Any:
    """A scalar SymPy expression; ``bind`` gives the number of a subexpression, or None."""
    bound = bind(e)
    if bound is not None:
        return bound
    if isinstance(e, sp.Piecewise):
        return scalar(next(x for x, c in e.args if _true(c, bind, n)), bind, n)
    if e.is_Number or e.is_NumberSymbol:
        return n.number(e)
    args = [scalar(x, bind, n) for x in e.args]
    if e.is_Add:
        return sum(args[1:], args[0])
    if e.is_Mul:
        result = args[0]
        for x in args[1:]:
            result = result * x
        return result
    if e.is_Pow:
        if e.exp == sp.Rational(1, 2):
            return n.sqrt(args[0])
        if e.exp.is_Integer:
            return args[0] ** int(e.exp)
        return n.power(args[0], args[1])
    return SCALAR[e.func.__name__](n, *args)


def _true(condition: Any, bind: Callable[[Any], Any], n: Numbers) -> bool:
    if condition in (sp.true, sp.false):
        return condition is sp.true
    if isinstance(condition, sp.And | sp.Or | sp.Not):
        found = [_true(x, bind, n) for x in condition.args]
        return {sp.And: all(found), sp.Or: any(found), sp.Not: not found[0]}[type(condition)]
    left, right = (n.real(scalar(x, bind, n)) for x in condition.args)
    return bool(_RELATIONS[condition.rel_op](left, right))


@dataclass(frozen=True)
class Entries:
    """An array that is defined by its entry at ``indices``."""

    entry: Any
    indices: tuple[Any, ...]
    shape: tuple[Any, ...]


@dataclass
class Net:
    """Declarations with their definitions written down, and the sizes of symbolic dimensions."""

    definitions: dict[str, Any] = field(default_factory=dict)
    dims: dict[Any, int] = field(default_factory=dict)

    def let(self, name: str, expr: Any, *indices: Any) -> Any:
        """``sg.let``, remembered."""
        symbol = sg.let(name, expr, *indices)
        plain = tuple(k[0] if isinstance(k, tuple) else k for k in indices)
        self.definitions[name] = Entries(expr, plain, tuple(symbol.shape)) if indices else expr
        return symbol

    def size(self, n: Any) -> int:
        """A dimension as a number."""
        if isinstance(n, int):
            return n
        found = self.dims.get(n)
        return int(sp.sympify(n).subs(self.dims)) if found is None else found

    def with_adjoints(self, d: Any) -> Net:
        """This net, and the adjoints that the derivation ``d`` names."""

        steps = d.steps

        def shown(phase: str, names: int) -> dict[str, Any]:
            found = [s for s in steps if s.phase == phase and len(s.names) >= names]
            return {
                s.names[0].split("[")[0]: Entries(s.expr.expr, s.expr.variables, s.shape)
                if isinstance(s.expr, sp.Lambda)
                else s.expr
                for s in found
            }

        forward, extra = shown("forward", 1), shown("backward", 2)
        return Net({**forward, **self.definitions, **extra}, self.dims)


def _is_leaf(option: Any) -> bool:
    """Whether an option of a function is a symbol that has a value."""
    return isinstance(option, sp.Symbol)


_RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, ">": operator.gt, ">=": operator.ge,
    "<": operator.lt, "<=": operator.le,
}  # fmt: skip


def value(expr: Any, net: Net, env: Mapping[str, Any], n: Numbers = COMPLEX) -> Any:
    """The number or the 2-D array that ``expr`` stands for; ``env`` has the leaves by name."""
    return _Evaluator(net, env, n).of(expr)


class _Evaluator:
    def __init__(self, net: Net, env: Mapping[str, Any], n: Numbers) -> None:
        self.net, self.env, self.n = net, env, n
        self.names: dict[str, Any] = {}

    def of(self, e: Any) -> Any:
        if isinstance(e, MatrixExpr):
            return self.matrix(e)
        if isinstance(e, Entries):
            return self.array(e)
        if isinstance(e, sp.IndexedBase):
            return self.named(str(e.label))
        return scalar(e, lambda x: self.bind(x, {}), self.n)

    def array(self, e: Entries) -> np.ndarray:
        """Every entry of an array that is defined by one."""
        result = self.n.array(tuple(self.net.size(x) for x in e.shape))
        for at in np.ndindex(*result.shape):
            where = dict(zip(e.indices, at, strict=False))
            result[at] = scalar(e.entry, lambda x, m=where: self.bind(x, m), self.n)
        return result

    def named(self, name: str) -> Any:
        if name not in self.names:
            if name in self.net.definitions:
                result = self.of(self.net.definitions[name])
            else:
                result = self.env[name]
            self.names[name] = result
        return self.names[name]

    def number(self, x: Any) -> Any:
        """A scalar, which may come as a 1×1 array."""
        return x[0, 0] if isinstance(x, np.ndarray) else x

    def bind(self, e: Any, indices: Mapping[Any, int]) -> Any:
        """Leaves of a scalar expression; None where its arguments decide."""
        if e in indices:
            return self.n.number(indices[e])
        if hasattr(e, "operands"):
            return self.call(e)
        if isinstance(e, sp.Symbol):
            if e in self.net.dims:
                return self.n.number(self.net.dims[e])
            return self.number(self.named(e.name))
        if isinstance(e, sp.Trace):
            array = self.matrix(e.arg)
            return sum((array[i, i] for i in range(1, len(array))), array[0, 0])
        if isinstance(e, sp.Determinant):
            return determinant(self.matrix(e.arg).tolist())
        if isinstance(e, MatrixElement):
            where = [self.index(x, indices) for x in e.args[1:]]
            return self.matrix(e.parent)[tuple(where)]
        if isinstance(e, sp.Indexed):
            array = self.named(str(e.base.label))
            where = tuple(self.index(x, indices) for x in e.indices)
            if len(where) == 1:
                array = array.reshape(-1)
            array = array.reshape(array.shape[: len(where)])
            inside = all(0 <= i < n for i, n in zip(where, array.shape, strict=True))
            return array[where] if inside else self.n.number(0)
        if isinstance(e, sp.KroneckerDelta):
            i, j = (self.index(x, indices) for x in e.args)
            return self.n.number(int(i == j))
        if type(e).__name__ == "indicator":
            return self.n.number(int(self.holds(e.args[0], indices)))
        if isinstance(e, sp.Sum):
            total = self.n.number(0)
            for inner in self.ranges(e.limits, dict(indices)):
                total = total + scalar(e.function, lambda x, m=inner: self.bind(x, m), self.n)
            return total
        if isinstance(e, MatrixExpr):
            return self.number(self.matrix(e))
        return None

    def ranges(self, limits: Any, indices: dict[Any, int]) -> Iterator[dict[Any, int]]:
        """Every point of a sum, the last range outermost."""
        if not limits:
            yield indices
            return
        symbol, low, high = limits[-1]
        for k in range(self.index(low, indices), self.index(high, indices) + 1):
            yield from self.ranges(limits[:-1], {**indices, symbol: k})

    def index(self, e: Any, indices: Mapping[Any, int]) -> int:
        """A whole number: a position, a limit, a label."""
        if isinstance(e, sp.Indexed | MatrixElement):
            return int(self.n.real(self.bind(e, indices)))
        if isinstance(e, int) or e.is_Integer:
            return int(e)
        e = e.xreplace({s: sp.Integer(k) for s, k in {**indices, **self.net.dims}.items()})
        return int(self.env[e.name]) if isinstance(e, sp.Symbol) else int(e)

    def holds(self, condition: Any, indices: Mapping[Any, int]) -> bool:
        """A condition on indices or on values."""
        if condition in (sp.true, sp.false):
            return condition is sp.true
        if isinstance(condition, sp.And | sp.Or):
            found = [self.holds(x, indices) for x in condition.args]
            return all(found) if isinstance(condition, sp.And) else any(found)
        if isinstance(condition, sp.Not):
            return not self.holds(condition.args[0], indices)
        bind = lambda x: self.bind(x, indices)  # noqa: E731
        left, right = (self.n.real(scalar(x, bind, self.n)) for x in condition.args)
        return bool(_RELATIONS[condition.rel_op](left, right))

    def matrix(self, e: Any) -> np.ndarray:
        n = self.n
        rows, cols = (self.net.size(x) for x in e.shape)
        if hasattr(e, "operands"):
            result = self.call(e)
        elif isinstance(e, sp.MatrixSymbol):
            result = np.asarray(self.named(e.name)).reshape(rows, cols)
        elif isinstance(e, sp.Identity):
            result = n.array((rows, rows))
            for i in range(rows):
                result[i, i] = n.number(1)
        elif isinstance(e, sp.OneMatrix):
            result = n.array((rows, cols), 1)
        elif isinstance(e, sp.ZeroMatrix):
            result = n.array((rows, cols))
        elif isinstance(e, sp.Transpose):
            result = self.matrix(e.arg).T
        elif isinstance(e, sp.MatAdd):
            terms = [self.matrix(x) for x in e.args]
            result = sum(terms[1:], terms[0])
        elif isinstance(e, sp.MatMul):
            result = None
            for x in e.args:
                factor = self.of(x)
                if result is None:
                    result = factor
                elif isinstance(factor, np.ndarray) and isinstance(result, np.ndarray):
                    result = result.dot(factor)
                else:
                    result = result * factor
        elif isinstance(e, sp.MatPow):
            base = self.matrix(e.base)
            base = inverse(n, base) if e.exp < 0 else base
            result = base
            for _ in range(abs(int(e.exp)) - 1):
                result = result.dot(base)
        elif isinstance(e, sp.HadamardProduct):
            result = n.array((rows, cols), 1)
            for x in e.args:
                result = result * self.matrix(x)
        elif isinstance(e, sp.HadamardPower):
            result = self.each(self.matrix(e.base), lambda x: _power(n, x, e.exp))
        elif isinstance(e, ElementwiseApplyFunction):
            (t,) = e.function.variables

            def body(x: Any) -> Any:
                return scalar(e.function.expr, lambda s: x if s == t else self.bind(s, {}), self.n)

            result = self.each(self.matrix(e.expr), body)
        elif isinstance(e, DiagMatrix):
            vector = self.matrix(e.args[0]).reshape(-1)
            result = n.array((len(vector), len(vector)))
            for i, x in enumerate(vector):
                result[i, i] = x
        elif isinstance(e, DiagonalOf):
            array = self.matrix(e.arg)
            result = n.array((len(array), 1))
            for i in range(len(array)):
                result[i, 0] = array[i, i]
        elif isinstance(e, sp.FunctionMatrix):
            result = n.array((rows, cols))
            i, j = e.lamda.variables
            for a, b in np.ndindex(rows, cols):
                at = {i: a, j: b}
                result[a, b] = scalar(e.lamda.expr, lambda x, m=at: self.bind(x, m), self.n)
        else:
            raise NotImplementedError(type(e).__name__)
        assert isinstance(result, np.ndarray), e
        assert result.shape == (rows, cols), (e, result.shape, (rows, cols))
        return result

    def each(self, array: np.ndarray, f: Callable[[Any], Any]) -> np.ndarray:
        result = self.n.array(array.shape)
        for at in np.ndindex(*array.shape):
            result[at] = f(array[at])
        return result

    def call(self, e: Any) -> Any:
        """A symgrad function, by its name."""
        n, head = self.n, e.head
        if e.options.get("columns"):  # a function of each column, or one-hot columns
            by_rows = _Flipped(e)
            return np.asarray(self.call(by_rows)).T
        if head == "onehot":
            (index, size), rows = e.operands, e.shape[0]
            del size
            result = n.array((self.net.size(rows), 1))
            if isinstance(index, MatrixExpr):  # one a row
                result = n.array(tuple(map(self.net.size, e.shape)))
                for i, k in enumerate(self.matrix(index).reshape(-1)):
                    result[i, int(n.real(k))] = n.number(1)
                return result
            computed = hasattr(index, "operands")  # an argmax
            place = int(n.real(self.of(index))) if computed else self.index(index, {})
            result[place, 0] = n.number(1)
            return result
        if head == "cross_entropy":
            p, y = e.operands
            logs = self.each(self.matrix(p), n.log).reshape(-1)
            if isinstance(y, MatrixExpr):
                return -_total(self.matrix(y).reshape(-1) * logs)
            return -logs[int(self.env[y.name])]
        if head == "mapped":
            return self.mapped(e.operands[0], [self.of(x) for x in e.operands[1:]])
        operands = [self.of(x) for x in e.operands]
        if head in ("sum", "dot"):
            result = operands[0]
            for x in operands[1:]:
                result = result * x
            return _total(result.reshape(-1))
        if head == "squared_error":
            difference = operands[0] - operands[1]
            return _total((difference * difference).reshape(-1)) / 2
        if head in ("softmax", "logsumexp"):
            rows = e.options.get("rows")
            array = operands[0] if rows else operands[0].reshape(1, -1)
            made = [_softmax(n, row) for row in array]
            if head == "softmax":
                result = n.array(array.shape)
                for i, (p, _) in enumerate(made):
                    result[i] = p
                return result if rows else result.reshape(operands[0].shape)
            lse = [s for _, s in made]
            if not rows:
                return lse[0]
            result = n.array((len(lse), 1))
            result[:, 0] = lse
            return result
        if head in OF_ARRAYS:
            options = {k: self.of(x) if _is_leaf(x) else x for k, x in e.options.items()}
            return OF_ARRAYS[head](n, *operands, **options)
        return self.pointwise(lambda *xs: SCALAR[head](n, *xs), operands)

    def mapped(self, function: sp.Lambda, operands: Sequence[Any]) -> Any:
        """A scalar function of several arrays."""

        def body(*xs: Any) -> Any:
            at = dict(zip(function.variables, xs, strict=True))
            return scalar(function.expr, lambda s: at[s] if s in at else self.bind(s, {}), self.n)

        return self.pointwise(body, operands)

    def pointwise(self, f: Callable[..., Any], operands: Sequence[Any]) -> Any:
        """A function at every entry of arrays of one shape, and of numbers."""
        shape = next(x.shape for x in operands if isinstance(x, np.ndarray))
        result = self.n.array(shape)
        for at in np.ndindex(*shape):
            result[at] = f(*(x[at] if isinstance(x, np.ndarray) else x for x in operands))
        return result


class _Flipped:
    """A function of the columns of a matrix as one of the rows of its transpose."""

    def __init__(self, e: Any) -> None:
        self.head, self.shape = e.head, e.shape[::-1]
        self.options = {} if e.head == "onehot" else {"rows": True}
        self.operands = e.operands
        if e.head != "onehot":
            self.operands = tuple(x.T for x in e.operands)


def _power(n: Numbers, x: Any, e: Any) -> Any:
    return x ** int(e) if e.is_Integer else n.power(x, n.number(e))


def _total(flat: np.ndarray) -> Any:
    return sum(flat[1:], flat[0])


def _softmax(n: Numbers, z: np.ndarray) -> tuple[np.ndarray, Any]:
    top = max(n.real(x) for x in z)
    e = [n.exp(x - top) for x in z]
    total = sum(e[1:], e[0])
    return np.array([x / total for x in e], dtype=n.dtype), top + n.log(total)


# -------------------------------------------------------------------------- numerical derivatives


def converted(env: Mapping[str, Any], n: Numbers) -> dict[str, Any]:
    """``env`` in other numbers; whole numbers, which are labels, stay."""
    result: dict[str, Any] = {}
    for name, x in env.items():
        if isinstance(x, np.ndarray):
            result[name] = n.array(x.shape)
            for at in np.ndindex(*x.shape):
                result[name][at] = n.number(x[at])
        else:
            result[name] = x if isinstance(x, int) else n.number(x)
    return result


def complex_step(loss: Any, wrt: str, net: Net, env: Mapping[str, Any]) -> Any:
    """∂loss/∂wrt, by f(x + ih)/h."""
    env = converted(env, COMPLEX)
    x = env[wrt]
    if not isinstance(x, np.ndarray):
        return _scalar_value(loss, net, {**env, wrt: x + STEP * 1j}).imag / STEP
    result = np.empty(x.shape)
    for at in np.ndindex(*x.shape):
        moved = x.copy()
        moved[at] += STEP * 1j
        result[at] = _scalar_value(loss, net, {**env, wrt: moved}).imag / STEP
    return result


def _scalar_value(loss: Any, net: Net, env: Mapping[str, Any], n: Numbers = COMPLEX) -> Any:
    result = value(loss, net, env, n)
    return result[0, 0] if isinstance(result, np.ndarray) else result


def second_difference(
    loss: Any, net: Net, env: Mapping[str, Any], first: Mapping[str, Any], second: Mapping[str, Any]
) -> float:
    """The mixed second derivative along two directions, by differences with sixty digits."""
    with mpmath.workdps(DIGITS):
        h = mpmath.mpf(10) ** -12
        base = converted(env, EXACT)
        u, v = converted(first, EXACT), converted(second, EXACT)
        total = mpmath.mpf(0)
        for a, b in itertools.product((1, -1), repeat=2):
            moved = dict(base)
            for name, direction in u.items():
                moved[name] = moved[name] + direction * (a * h)
            for name, direction in v.items():
                moved[name] = moved[name] + direction * (b * h)
            total += a * b * _scalar_value(loss, net, moved, EXACT)
        return float(total / (4 * h * h))


# ---------------------------------------------------------------------------------- random points


def point(
    symbols: Sequence[Any], net: Net, seed: int, low: float = 0.2, high: float = 1.4
) -> dict[str, Any]:
    """Random values for leaves: positive by default, so that logarithms and roots are defined."""
    rng = np.random.default_rng(seed)
    env: dict[str, Any] = {}
    for s in symbols:
        if isinstance(s, sp.IndexedBase):
            env[str(s.label)] = rng.uniform(low, high, tuple(net.size(x) for x in s.shape))
        elif isinstance(s, MatrixExpr):
            shape = tuple(net.size(x) for x in s.shape)
            env[s.name] = rng.uniform(low, high, shape)
            if type(s).__name__ == "FactMatrix":
                facts = {fact.name for fact in s.node.leaf.facts}
                env[s.name] = satisfying(facts, env[s.name], rng)
        elif hasattr(s, "classes"):
            env[s.name] = int(rng.integers(net.size(s.classes)))
        else:
            env[s.name] = float(rng.uniform(low, high))
    return env
