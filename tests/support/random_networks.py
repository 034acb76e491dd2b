"""Random networks through the public API, each with a reference that knows nothing of our graph.

`Network(seed)` draws a network from the table of `network_rows`: leaves, operations on them,
shared and named values, and a loss that depends on all of it, over a batch or not. While it is
declared, the same operations are written down as a tape of autograd's NumPy, which gives value and
gradient. Numbers are computed along with the declaration, so that every operand is where its
operation is smooth and well-conditioned: inside its domain, and away from kinks.

`network_checks` compares the two.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import autograd.numpy as anp
import numpy as np
import sympy as sp
from autograd import grad
from fact_values import satisfying
from network_row import ANY, Domain, Row
from network_rows import ROWS
from network_values import (
    Indexed,
    Leaf,
    Step,
    Value,
    axes_of,
    declared,
    name_of,
    ranked,
    symbols_in,
    words_of,
)
from oracle import Net
from sympy.matrices.expressions.matexpr import MatrixExpr

import symgrad as sg
from symgrad import graph as g
from symgrad.lift import lift

MARGIN = 0.01
"""How far from a kink values stay."""

ROOM = 100
"""How many entries an array has at most."""

DIMENSIONS = sp.symbols("M D P", integer=True, positive=True)


class Network:
    """A random network: ``loss``, ``wrt``, ``leaves``, and ``reference`` of the leaves' arrays."""

    def __init__(self, seed: int, rows: Sequence[str] = (), steps: int = 5) -> None:
        self.seed, self.random = seed, Random(seed)
        self.rng = np.random.default_rng(seed)
        self.examples = self.random.choice((0, 0, 2, 3))
        self.sizes = {d: self.random.choice((1, 2, 2, 3, 3)) for d in DIMENSIONS}
        self.sizes[DIMENSIONS[0]] = self.random.choice((2, 3))
        literal = self.random.choices((1, 2, 3, 3), k=2)
        self.choices = [*self.random.sample(DIMENSIONS, 2), *literal]
        self.leaves: list[Leaf] = []
        self.tape: list[Leaf | Step] = []
        self.points: list[list[Any]] = [[] for _ in range(max(1, self.examples))]
        self.pool: list[Value] = []
        self.used: set[int] = set()
        self.labels: dict[Any, Value] = {}
        self.masks: dict[Any, Value] = {}
        self.rows: list[str] = []
        self.net = Net(dims=self.sizes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", sg.DomainWarning)  # values are in the domain
            drawn = [self.random.choice(list(ROWS)) for _ in range(steps)]
            for name in [*drawn, *rows]:
                self.apply(ROWS[name])
            self._finish()

    # ------------------------------------------------------------------------------ leaves

    def size(self, shape: Sequence[Any]) -> tuple[int, ...]:
        """Axes as numbers."""
        return tuple(map(self.net.size, shape))

    def _add_leaf(
        self, symbol: Any, dims: tuple[Any, ...], draw: Callable[[], Any], frozen: bool, data: bool
    ) -> Value:
        data = data and self.examples > 0
        arrays = tuple(draw() for _ in range(self.examples if data else 1))
        place = len(self.tape)
        leaf = Leaf(symbol, place, np.shape(arrays[0]), arrays, data, not (frozen or data))
        self.tape.append(leaf)
        self.leaves.append(leaf)
        for n, point in enumerate(self.points):
            point.append(arrays[n if data else 0])
        return Value(symbol, place, dims, not leaf.trained)

    def leaf(
        self, dims: tuple[Any, ...], domain: Domain = ANY, fact: str = "", frozen: bool = False
    ) -> Value:
        """A new leaf with values inside a domain, or with a fact."""
        name = f"{'sxAKR'[len(dims)]}{len(self.tape)}"
        symbol: Any
        if not dims:
            symbol = sp.Symbol(name, real=True)
        elif len(dims) > 2 or (self.random.random() < 0.2 and not fact):
            symbol = sp.IndexedBase(name, shape=dims)
        else:
            symbol = sp.MatrixSymbol(name, *(*dims, 1)[:2])
        if fact == "simplex" and self.random.random() < 0.5:
            symbol = sg.simplex(name, dims[0])
        elif fact:
            symbol = sg.assume(symbol, fact)
        if isinstance(symbol, sp.IndexedBase) and len(dims) <= 2:
            symbol = sg.functions.as_expression(symbol)
        shape = self.size(dims)

        def draw() -> Any:
            a = domain.draw(self.rng, shape)
            square = (*shape, 1, 1)[: max(2, len(shape))]
            made = satisfying((fact,), np.reshape(a, square), self.rng) if fact else a
            return made.reshape(shape)[()]

        data = frozen or self.random.random() < 0.25
        value = self._add_leaf(symbol, dims, draw, frozen, data)
        self.pool.append(value)
        return value

    def label(self, classes: Any, length: Any = None) -> Value:
        """A class label, or a vector of them; one for each number of classes, shared."""
        key = (classes, length)
        if key not in self.labels:
            name = f"c{len(self.tape)}"
            symbol = sg.label(name, classes, *(() if length is None else (length,)))
            shape = () if length is None else self.size((length,))
            top = self.net.size(classes)
            draw = lambda: self.rng.integers(top, size=shape)  # noqa: E731
            dims = () if length is None else (length,)
            self.labels[key] = self._add_leaf(symbol, dims, draw, True, True)
        return self.labels[key]

    def mask(self, dims: tuple[Any, ...]) -> Value:
        """A dropout mask of one shape, shared."""
        if dims not in self.masks:
            symbol = sg.mask(f"m{len(self.tape)}", *dims, rate=sp.Rational(1, 4))
            draw = lambda: self.rng.integers(2, size=self.size(dims)) * 1.0  # noqa: E731
            self.masks[dims] = self._add_leaf(symbol, dims, draw, True, True)
        return self.masks[dims]

    # ---------------------------------------------------------------------------- operands

    def operands(self, row: Row) -> list[Value]:
        """Operands for a row, inside its domain and away from its kinks."""
        for attempt in range(80):
            bound: dict[str, Any] = {}
            fresh = attempt >= 8  # then only new leaves, drawn until they fit
            found = [
                self._operand(word, row, k, bound, fresh)
                for k, word in enumerate(words_of(row.operands))
            ]
            if self._smooth(row, found):
                return found
            if fresh:  # leave nothing behind that is not used
                self.pool = [v for v in self.pool if v not in found or v.place in self.used]
        raise AssertionError(f"no operands for {row.name}, seed {self.seed}")

    def _smooth(self, row: Row, operands: Sequence[Value]) -> bool:
        if row.kinks is None:
            return True
        for n in range(len(self.points)):
            at = self.numbers(row, operands, n)
            if not (np.abs(np.asarray(row.kinks(*at), dtype=float)) > MARGIN).all():
                return False
        return True

    def numbers(self, row: Row, operands: Sequence[Value], n: int) -> list[Any]:
        """The operands' arrays at one example, with as many axes as the row says."""
        return [
            ranked(self.points[n][v.place], word)
            for v, word in zip(operands, words_of(row.operands), strict=True)
        ]

    def _operand(self, word: str, row: Row, k: int, bound: dict[str, Any], fresh: bool) -> Value:
        domain = row.domain[k] if k < len(row.domain) else ANY
        if word.startswith("#"):
            classes, _, length = word[1:].partition(":")
            dims = [self._bind(x, row, bound) for x in (classes, *length)]
            return self.label(*dims)
        if word.startswith("%"):
            return self.mask(declared(tuple(self._bind(x, row, bound) for x in word[1:])))
        letters, _, fact = word.partition("=")
        frozen, bare = letters.endswith("!"), letters.endswith("^")
        letters = letters.rstrip("!^")
        old = None if fresh else self._existing(letters, row, bound, fact, frozen, bare, domain)
        if old is not None:
            return old
        if letters in "*@":
            dims = bound.get(letters)
            if dims is None:
                rank = self.random.choice((0, 1, 1, 2, 2, 3, 4) if letters == "*" else (1, 2))
                dims = bound[letters] = self._shape(rank)
        else:
            dims = tuple(self._bind(x, row, bound) for x in letters.strip("."))
        return self.leaf(declared(dims), domain, fact, frozen)

    def _shape(self, rank: int) -> tuple[Any, ...]:
        while True:
            dims = declared(tuple(self.random.choice(self.choices) for _ in range(rank)))
            if np.prod(self.size(dims), dtype=int) <= ROOM:
                return dims

    def _bind(self, letter: str, row: Row, bound: dict[str, Any]) -> Any:
        if letter not in bound:
            options = row.sizes.get(letter) or [
                d for d in self.choices if self.net.size(d) >= row.least.get(letter, 1)
            ]
            bound[letter] = self.random.choice(options or [row.least.get(letter, 1)])
        return bound[letter]

    def _existing(
        self,
        letters: str,
        row: Row,
        bound: dict[str, Any],
        fact: str,
        frozen: bool,
        bare: bool,
        domain: Domain,
    ) -> Value | None:
        """A value of the pool that fits, made to lie in the domain; recent ones more often."""
        if self.random.random() < 0.25:
            return None
        fits = [v for v in self.pool if self._fits(v, letters, row, bound, fact, frozen)]
        fits = [v for v in fits if self._is_leaf(v)] if bare else fits
        if not fits:
            return None
        value = self.random.choice([*fits, *fits[-2:]])
        if letters in "*@":
            bound[letters] = value.dims
        else:
            bound.update(zip(letters.strip("."), (*value.dims, 1)[: len(letters)], strict=False))
        if all(domain.holds(point[value.place]) for point in self.points):
            return value
        return None if fact or bare or domain.choices else self._inside(value, domain)

    def _fits(
        self, v: Value, letters: str, row: Row, bound: dict[str, Any], fact: str, frozen: bool
    ) -> bool:
        if frozen and not v.frozen:
            return False
        node = lift(v.expr) if fact else None
        if node is not None and (
            node.kind is not g.Kind.LEAF or fact not in {f.name for f in node.leaf.facts}
        ):
            return False
        if letters in "*@":
            if letters == "@" and not isinstance(v.expr, MatrixExpr):
                return False
            return bound.get(letters, v.dims) == v.dims
        letters = letters.strip(".")
        if len(letters) != len(v.dims):
            return False
        at = dict(bound)
        for letter, n in zip(letters, v.dims, strict=True):
            if at.setdefault(letter, n) != n:
                return False
            if letter in row.sizes and n not in row.sizes[letter]:
                return False
            if self.net.size(n) < row.least.get(letter, 1):
                return False
        return True

    def _inside(self, v: Value, domain: Domain) -> Value:
        """centre + half·tanh(v), or 3/2·I + tanh(v)/8."""
        if domain.regular:
            if not isinstance(v.expr, MatrixExpr):
                return v
            expr = sg.tanh(v.expr) / 8 + sp.Rational(3, 2) * sp.Identity(v.expr.shape[0])
            shape = self.size(v.dims)
            eye = np.eye(*shape)[:, : shape[-1]].reshape(shape)
            return self.record("inside", expr, lambda x: anp.tanh(x) / 8 + 1.5 * eye, [v])
        centre = sp.Rational(str(round((domain.low + domain.high) / 2, 4)))
        half = sp.Rational(str(round(0.45 * (domain.high - domain.low), 4)))
        meaning = lambda x: float(centre) + float(half) * anp.tanh(x)  # noqa: E731
        if isinstance(v.expr, MatrixExpr):
            expr = half * sg.tanh(v.expr) + centre * sp.OneMatrix(*v.expr.shape)
        elif v.dims:
            at = sp.symbols("i j k l", integer=True)[: len(v.dims)]
            entry = centre + half * sp.tanh(v[at])
            expr = sg.let(self._name(), entry, *self._ranges(at, v.dims))
        else:
            expr = centre + half * sp.tanh(v.expr)
        return self.record("inside", expr, meaning, [v])

    @staticmethod
    def _ranges(indices: Sequence[Any], dims: Sequence[Any]) -> list[Any]:
        return [(s, 0, n - 1) for s, n in zip(indices, dims, strict=True)]

    # --------------------------------------------------------------------------- operations

    def _name(self) -> str:
        return f"n{len(self.tape)}"

    def record(
        self, row: str, expr: Any, meaning: Callable[..., Any], of: Sequence[Value]
    ) -> Value:
        """A value and its meaning, written down side by side."""
        dims = axes_of(expr)
        shape = self.size(dims)
        step = Step(row, meaning, tuple(v.place for v in of), shape)
        place = len(self.tape)
        self.tape.append(step)
        for point in self.points:
            result = np.asarray(meaning(*(point[p] for p in step.operands)), dtype=float)
            kept = tuple(n for n in result.shape if n != 1), tuple(n for n in shape if n != 1)
            assert kept[0] == kept[1], f"{row}: declared {shape}, means {result.shape}: {expr}"
            assert np.isfinite(result).all(), f"{row}: {result}"
            point.append(result.reshape(shape))
        self.used.update(step.operands)
        value = Value(expr, place, dims, all(v.frozen for v in of))
        self.pool.append(value)
        return value

    def apply(self, row: Row) -> Value:
        """One operation on values of the pool, or on new leaves."""
        operands = self.operands(row)
        words = words_of(row.operands)
        if row.indexed:
            operands = [self._symbol(v) for v in operands]
            entry, indices = row.declare(
                *(Indexed(v, word) for v, word in zip(operands, words, strict=True))
            )
            named = indices or self.random.random() < 0.5
            expr = sg.let(self._name(), entry, *indices) if named else entry
        else:
            options = {"name": str(len(self.tape))} if row.naming else {}
            expr = row.declare(*(v.expr for v in operands), **options)

        def meaning(*xs: Any) -> Any:
            return row.meaning(*(ranked(x, word) for x, word in zip(xs, words, strict=True)))

        self.rows.append(row.name)
        value = self.record(row.name, expr, meaning, operands)
        if max(float(np.abs(p[value.place]).max(initial=0)) for p in self.points) > 3:
            value = self.record("tanh", sg.tanh(value.expr), anp.tanh, [value])
        if not row.indexed and self.random.random() < 0.5:
            value = self._named(value)
        return value

    def _symbol(self, v: Value) -> Value:
        """A value that can be indexed: a leaf or a named value."""
        if isinstance(v.expr, sp.Symbol | sp.MatrixSymbol) or type(v.expr) is sp.IndexedBase:
            return v
        return v if hasattr(v.expr, "label") and not hasattr(v.expr, "operands") else self._named(v)

    def _named(self, v: Value) -> Value:
        return self.record("let", sg.let(self._name(), v.expr), lambda x: x, [v])

    # ------------------------------------------------------------------------------- the loss

    def _finish(self) -> None:
        """A loss that depends on every value that nothing else uses."""
        ends = [v for v in self.pool if v.place not in self.used and not self._is_leaf(v)]
        terms, total = [], []
        for v in ends:
            if v.dims:
                w = self.leaf(v.dims)
                part = self.record(
                    "dot", sg.dot(w.expr, v.expr), lambda a, b: anp.sum(a * b), [w, v]
                )
            else:
                part = v
            c = sp.Rational(self.random.choice((1, 2, 3)), 4)
            terms.append(c * part.expr)
            total.append((float(c), part.place))
        expr = sp.Add(*terms)

        def whole(*xs: Any) -> Any:
            return sum(c * anp.reshape(x, ()) for (c, _), x in zip(total, xs, strict=True))

        parts = [Value(None, p, (), False) for _, p in total]
        end = self.record("loss", expr, whole, parts)
        if self.random.random() < 0.5:
            end = self.record("tanh", sp.tanh(end.expr / 4), lambda x: anp.tanh(x / 4), [end])
        if self.random.random() < 0.5:
            end = self._named(end)
        self.place, self.loss = end.place, end.expr
        below = {leaf.name for leaf in g.leaves([lift(self.loss)])}
        self.leaves = [leaf for leaf in self.leaves if name_of(leaf.symbol) in below]
        if self.examples:
            data = [leaf.symbol for leaf in self.leaves if leaf.data]
            self.loss = sg.empirical_risk(self.loss, data)
        self.trained = [leaf for leaf in self.leaves if leaf.trained]
        assert self.trained
        node = lift(self.loss)
        known = {s for leaf in g.leaves([node]) for n in leaf.shape for s in symbols_in(n)}
        self.net.dims.update({s: self.examples for s in known if s not in self.sizes})
        self.inner = self._inner()

    def _is_leaf(self, v: Value) -> bool:
        return isinstance(self.tape[v.place], Leaf)

    def _inner(self) -> Value | None:
        """A named value of the network that the gradient is taken by as well."""
        if self.examples or self.random.random() < 0.6:
            return None
        below = set(g.topological([lift(self.loss)]))
        named = [
            v
            for v in self.pool
            if not v.frozen
            and not self._is_leaf(v)
            and isinstance(v.expr, sp.Symbol | sp.MatrixSymbol)
            and lift(v.expr).kind is g.Kind.NAMED
            and lift(v.expr) in below
            and v.place != self.place
        ]
        return self.random.choice(named) if named else None

    @property
    def wrt(self) -> list[Any]:
        """The symbols to differentiate by."""
        return [leaf.symbol for leaf in self.trained] + ([self.inner.expr] if self.inner else [])

    def reference(self, *trained: Any) -> Any:
        """The loss, by the meanings, as a function of what ``wrt`` has: autograd can read it.

        The last argument, for a named value, is added to it.
        """
        total = 0.0
        moved = {leaf.place: x for leaf, x in zip(self.trained, trained, strict=False)}
        for n in range(len(self.points)):
            at: list[Any] = []
            for place, entry in enumerate(self.tape):
                if isinstance(entry, Leaf):
                    own = entry.arrays[n if entry.data else 0]
                    at.append(moved.get(place, own))
                    continue
                result = entry.meaning(*(at[p] for p in entry.operands))
                at.append(anp.reshape(result, entry.shape))
                if self.inner is not None and place == self.inner.place:
                    at[-1] = at[-1] + trained[-1]
            total = total + at[self.place]
        return total / len(self.points)

    @property
    def arguments(self) -> list[Any]:
        """The point: an array for each of ``wrt``."""
        given = [leaf.arrays[0] for leaf in self.trained]
        return given + ([np.zeros(self.tape[self.inner.place].shape)] if self.inner else [])

    def gradients(self, arguments: Sequence[Any]) -> list[np.ndarray]:
        """The gradient of the reference, by autograd."""
        return [
            np.asarray(x) for x in grad(self.reference, tuple(range(len(arguments))))(*arguments)
        ]

    @property
    def given(self) -> dict[str, Any]:
        """The leaves' arrays by the names that the graph has for them."""
        nodes, result = self._nodes(), {}
        for leaf in self.leaves:
            node = nodes[name_of(leaf.symbol)]
            arrays = leaf.arrays if leaf.data and self.examples else leaf.arrays[0]
            shape = self.size(node.shape)
            array = np.reshape(np.asarray(arrays), shape)
            result[node.name] = array if shape else array[()]
        return result

    @property
    def loss_node(self) -> g.Node:
        """The loss as a node of the graph."""
        return lift(self.loss)

    def _nodes(self) -> dict[str, g.Node]:
        """The leaves of the graph by the names that they were declared with."""
        found = g.leaves([lift(self.loss)])
        return {name_of(leaf.leaf.origin or leaf.leaf.symbol): leaf for leaf in found}

    def passed(self) -> list[Any]:
        """The arguments of ``sg.function``, in the order of ``leaves``."""
        nodes, values = self._nodes(), []
        for leaf in self.leaves:
            if leaf.data and self.examples:
                node = nodes[name_of(leaf.symbol)]
                values.append(np.reshape(np.asarray(leaf.arrays), self.size(node.shape)))
            else:
                values.append(leaf.arrays[0])
        return values

    def __str__(self) -> str:
        """The declaration, for a message."""
        shapes = ", ".join(f"{leaf.symbol} {leaf.shape}" for leaf in self.leaves)
        return (
            f"seed {self.seed}: {', '.join(self.rows)}\n"
            f"sizes {self.net.dims}, leaves {shapes}\nby {self.wrt}\n{sg.graph_text(self.loss)}"
        )
