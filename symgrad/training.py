"""`training_module`: a loss becomes one standalone file that trains it.

In: the loss of one example (or an empirical risk), its parameters and its data. The risk is
differentiated (`training_model`) and brought into the computing form; `optimizers` adds the
update; each of the four programs of a `TrainingSpec` is scheduled; `codegen.training` makes the
file of them.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import sympy as sp

import symgrad
from symgrad import graph as g
from symgrad.batch import batch, batch_all
from symgrad.codegen.arguments import array_shape, of_leaves
from symgrad.codegen.fixed_sizes import fixed
from symgrad.codegen.passes import Passes, left_out
from symgrad.codegen.program import Program
from symgrad.codegen.runtime.full_batch import FULL_BATCH
from symgrad.codegen.runtime.records import DataSpec, MaskSpec
from symgrad.codegen.training import RESERVED, assemble
from symgrad.codegen.training_spec import ParamSpec, Size, SquaresSpec, TraceSpec, TrainingSpec
from symgrad.compile import DTYPES, build
from symgrad.cost_report import Tally
from symgrad.elementwise import broadcast
from symgrad.errors import DeclarationError, UnsupportedError
from symgrad.facts import axes_of_fact
from symgrad.forms import mask_rate, without_masks
from symgrad.functions import as_expression
from symgrad.graph import Access, Node, Shape
from symgrad.least_squares import squares_of
from symgrad.lift import lift
from symgrad.module_file import TrainingModule
from symgrad.optimizers import Optimizer, chosen
from symgrad.rewrite import Rewriter
from symgrad.simplify import COMPUTING, computing
from symgrad.training_comments import comments_of, declaration_text, formulas, listing, value_text
from symgrad.training_model import Model, checked_model, undeclared
from symgrad.training_trace import trace_of
from symgrad.update_programs import DESCENT_FORMULA, descended, learning_rate_leaf, update_spec


def training_module(
    loss: Any,
    params: Sequence[Any],
    data: Sequence[Any],
    predict: Any = None,
    target: str = "numba",
    dtype: str = "float32",
    name: str = "model",
    optimizers: Iterable[str | Optimizer] | None = None,
    sizes: Mapping[Any, int] | None = None,
    without: Iterable[str] = (),
) -> TrainingModule:
    """A standalone Python file that trains ``params`` to minimise the mean of ``loss``.

    ``loss`` is the loss of one example, of which the mean over the examples is taken, or already
    contains ``sg.empirical_risk`` (plus a regulariser, say). ``data`` are the leaves that differ
    between examples; in the file they are arrays with one example a row. ``predict`` is a value of
    one example, computed for every row of the data leaves that it needs. A dropout mask
    (``sg.mask``) is listed with the data; ``fit`` draws it.

    ``optimizers`` are names of `symgrad.optimizers.OPTIMIZERS` or rules made with
    ``sg.optimizer``; all of the table unless given, and "sgd" always. ``sizes`` fixes dimensions,
    ``{D: 784}``, which else are known when the file runs. ``without`` are optimisations to leave
    out, named in `symgrad.codegen.passes`.

    Raises DeclarationError, DerivativeError, ShapeError or UnsupportedError where these do not fit
    together, or the target, dtype or name is not one.
    """
    _check_options(name, dtype)
    omitted = left_out(without)
    losses = as_expression(loss)
    expected = None if predict is None else as_expression(predict)
    parameters, leaves = ([as_expression(x) for x in symbols] for symbols in (params, data))
    rules = chosen(optimizers)
    for rule in rules:
        if rule.name in FULL_BATCH:
            raise DeclarationError(
                f"an optimizer is named {rule.name}, which every file has already; rename it."
            )
    model = checked_model(losses, parameters, leaves)
    spec = _specification(model, expected, name, dtype, rules, sizes or {}, omitted)
    return TrainingModule(name, assemble(spec, target), target)


def _check_options(name: str, dtype: str) -> None:
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise DeclarationError(
            f"the module name {name!r} was given; expected a Python identifier such as "
            "'digits', because the file is imported by it."
        )
    if dtype not in DTYPES:
        near = get_close_matches(str(dtype), DTYPES, n=1, cutoff=0.0)
        raise UnsupportedError(
            f"the dtype {dtype!r} was given; expected {' or '.join(map(repr, DTYPES))}. "
            f"Did you mean {near[0]!r}?"
        )


# ------------------------------------------------------------------------------- the programs


class _Programs:
    """The programs of one model, with one set of names."""

    def __init__(
        self, model: Model, predict: Any, sizes: Mapping[Any, int], without: Passes
    ) -> None:
        self.model, self.without = model, without
        derivation = model.derivation
        raw = [derivation.loss_root, *derivation.roots]
        self.rewriter = Rewriter(COMPUTING)
        self.loss, *self.gradients = self._computing(raw)
        self.comments = comments_of(model, self.loss, self.gradients, self.rewriter)
        self.masks = {one: many for one, many in model.leaves.items() if mask_rate(one) is not None}
        data = {one: many for one, many in model.leaves.items() if one not in self.masks}
        self.ones, self.arrays = list(data), list(data.values())
        self.shapes = [_array_shape(x) for x in model.params]
        given = [(x, x.name) for x in (*model.nodes, *self.arrays, *self.masks.values())]
        arguments = of_leaves(given, [self.loss, *self.gradients], RESERVED)
        names = {d.symbol: d.name for d in arguments.dimensions}
        self.fixed = _fixed_sizes(sizes, {s: x for s, x in names.items() if s != model.size})
        self.sizes: dict[sp.Basic, Size] = {**names, **self.fixed}
        named = [(x, a.name) for (x, _), a in zip(given, arguments.inputs, strict=True)]
        first, last = len(model.params), len(named) - len(self.masks)
        self.inputs, self.drawn = named[:last], named[last:]
        self.fields = [name for _, name in named[:first]]
        self.data = [name for _, name in named[first:last]]
        self.predicted, self.predict_formula = _predicted(model, predict)
        self.exact = (
            self._computing(without_masks(raw)) if self.masks else [self.loss, *self.gradients]
        )

    def _computing(self, roots: Sequence[Node]) -> list[Node]:
        """The computing form; most of the graphs of one model are the same values."""
        return computing(roots, self.rewriter)

    def evaluate(self) -> Program:
        """The mean loss."""
        return self._program(self.exact[:1], [()], self.inputs, ["loss"])

    def evaluate_with_gradient(self) -> Program:
        """The mean loss of a minibatch and its gradients."""
        slopes = [f"grad_{x}" for x in self.fields]
        names, texts = ["loss", *slopes], self._gradient_texts()
        roots, shapes = [self.loss, *self.gradients], [(), *self.shapes]
        return self._program(
            roots, shapes, self._minibatch(), names, zip(slopes, texts, strict=True), self._taken()
        )

    def step(self) -> tuple[Program, tuple[str, ...]]:
        """The mean loss and the new parameters for one minibatch, and the names of its data."""
        rate = learning_rate_leaf()
        values = descended(self.model.nodes, self.gradients, rate)
        inputs = [*self._minibatch(), (rate, "learning_rate")]
        new = [f"new_{x}" for x in self.fields]
        program = self._program(
            [self.loss, *values],
            [(), *self.shapes],
            inputs,
            ["loss", *new],
            zip(new, self._gradient_texts(), strict=True),
            self._taken(),
        )
        first = len(self.fields)
        return program, tuple(x.name for x in program.inputs[first : first + len(self.arrays)])

    def predict(self) -> tuple[Program | None, tuple[str, ...]]:
        """The predictions, and the names of the data that they need."""
        if self.predicted is None:
            return None, ()
        used = set(g.leaves([self.predicted]))
        inputs = [(leaf, name) for leaf, name in self.inputs if leaf in used]
        shape = self.predicted.shape
        program = self._program([self.predicted], [shape], inputs, [])
        return program, tuple(name for _, name in inputs if name in self.data)

    def trace(self) -> TraceSpec:
        """Every named value, the gradients, and what layers of units are judged by."""
        values = trace_of(self.model.derivation, self.fields)
        roots = self._computing(without_masks([x.node for x in values]))
        shapes = [x.shape for x in roots]
        for k, x in enumerate(values):
            if x.table == "gradients":
                shapes[k] = self.shapes[self.fields.index(x.key)]
        program = self._program(roots, shapes, self.inputs, [])
        return TraceSpec(program, tuple((x.table, x.key) for x in values))

    def squares(self) -> SquaresSpec | None:
        """Residuals and Jacobian, where the loss of one example is a sum of squares."""
        model = self.model
        if not model.of_one_example:
            return None
        (root,) = without_masks([model.root])
        terms = squares_of(root, model.nodes)
        if terms is None:
            return None
        one = [x for term in terms for x in (term.residual, *term.blocks)]
        batched = batch_all(one, model.leaves, model.size)
        pairs = zip(one, batched, strict=True)
        many = self._computing(
            [new if new is not old else self._repeated(old) for old, new in pairs]
        )
        shapes = [x.shape for x in many]
        program = self._program(many, shapes, self.inputs, [])
        return SquaresSpec(program, tuple(float(term.weight) for term in terms))

    def _repeated(self, node: Node) -> Node:
        """What is the same for every example, once for each."""
        axes = tuple(range(1, node.rank + 1))
        return broadcast(Access(node, axes), (self.model.size, *node.shape))

    def _minibatch(self) -> list[tuple[Node, str]]:
        """The parameters, and the data of a minibatch under the names of one example."""
        rows = zip(self.arrays, self.ones, strict=True)
        params = self.inputs[: len(self.fields)]
        return [*params, *((many, one.name) for many, one in rows), *self.drawn]

    def _taken(self) -> frozenset[str]:
        return (RESERVED | set(self.data)) - {"learning_rate"}

    def _gradient_texts(self) -> list[str]:
        rows = {a.name: one.name for a, one in zip(self.arrays, self.ones, strict=True)}
        return [_renamed(text, rows) for text in self.comments.gradients]

    def _program(
        self,
        roots: Sequence[Node],
        shapes: Sequence[Shape],
        inputs: Iterable[tuple[Node, str]],
        names: Sequence[str | None],
        remarks: Iterable[tuple[str, str]] = (),
        reserved: frozenset[str] = RESERVED,
    ) -> Program:
        arguments = of_leaves(inputs, roots, reserved)
        comments = {**self.comments.values, **dict(remarks)}
        return fixed(build(roots, shapes, arguments, names, comments, self.without), self.fixed)


def _fixed_sizes(sizes: Mapping[Any, int], names: Mapping[sp.Symbol, str]) -> dict[sp.Symbol, int]:
    """The sizes that are fixed when the file is built, by the symbol of each dimension."""
    by_name = {symbol.name: symbol for symbol in names}
    found: dict[sp.Symbol, int] = {}
    for key, size in sizes.items():
        symbol = by_name.get(str(key))
        if symbol is None:
            raise DeclarationError(
                f"sizes has {key}, which is no dimension of the parameters and data; they have "
                f"{', '.join(by_name) or 'none that is a symbol'}."
            )
        if isinstance(size, bool) or not isinstance(size, int | sp.Integer) or size < 1:
            raise DeclarationError(f"the size {key} = {size!r} was given; expected an integer ≥ 1.")
        found[symbol] = int(size)
    return found


def _specification(
    model: Model,
    predict: Any,
    name: str,
    dtype: str,
    rules: Sequence[Optimizer],
    sizes: Mapping[Any, int],
    without: Passes,
) -> TrainingSpec:
    programs = _Programs(model, predict, sizes, without)
    step, rows = programs.step()
    prediction, predicts = programs.predict()
    params = zip(programs.fields, programs.shapes, programs.comments.gradients, strict=True)
    data = zip(programs.data, programs.arrays, strict=True)
    drawn = zip((name for _, name in programs.drawn), programs.masks.items(), strict=True)
    return TrainingSpec(
        name=name,
        dtype=dtype,
        params=tuple(
            ParamSpec(field, _sized(shape, programs.sizes), text) for field, shape, text in params
        ),
        data=tuple(_data_spec(field, leaf, programs.sizes) for field, leaf in data),
        masks=tuple(_mask_spec(field, *leaves, programs.sizes) for field, leaves in drawn),
        rows=rows,
        predicts=predicts,
        loss=programs.evaluate(),
        value_and_grad=programs.evaluate_with_gradient(),
        predict=prediction,
        step=step,
        trace=programs.trace(),
        squares=programs.squares(),
        updates=tuple(update_spec(rule, RESERVED) for rule in rules),
        derivation=listing(model.shown.steps),
        objective=programs.comments.objective,
        update_formula=DESCENT_FORMULA,
        predict_formula=programs.predict_formula,
        formulas=formulas(model.shown.steps),
        costs=_costs(model, programs.fixed),
        provenance={
            "symgrad": symgrad.__version__,
            "declaration": declaration_text(model),
        },
        without=without,
    )


def _costs(model: Model, fixed: Mapping[sp.Symbol, int]) -> dict[str, str]:
    """The operations of one example where there is one, else of all, by their sorts."""
    cost = model.shown.cost()
    cost = cost.at({symbol: size for symbol, size in fixed.items() if symbol in cost.dimensions})
    rows = "one example" if model.of_one_example else "all examples"
    parts = {f"forward, {rows}": cost.forward, f"backward, {rows}": cost.backward}
    return {what: _tally_text(tally) for what, tally in parts.items()}


def _tally_text(tally: Tally) -> str:
    pairs = zip(tally.texts, tally.counts._fields, strict=True)
    listed = [f"{text} {sort.replace('_', '-')}" for text, sort in pairs if text != "0"]
    return ", ".join(listed) or "nothing"


def _predicted(model: Model, predict: Any) -> tuple[Node | None, str]:
    """The prediction for every example, in computing form, and its formula for one."""
    if predict is None:
        return None, ""
    (one,) = without_masks([lift(predict)])
    declared = {*model.nodes, *model.leaves}
    for leaf in g.leaves([one]):
        if leaf not in declared:
            raise undeclared("prediction", leaf, model)
    (many,) = computing([batch(one, model.leaves, model.size)])
    if not set(g.leaves([many])).intersection(model.leaves.values()):
        raise DeclarationError(
            f"the prediction {predict} depends on no data leaf, so it is the same for every "
            f"example; expected one that uses {', '.join(x.name for x in model.leaves)}."
        )
    return many, value_text(one)


def _mask_spec(name: str, one: Node, many: Node, names: Mapping[sp.Basic, Size]) -> MaskSpec:
    rate = mask_rate(one)
    assert rate is not None
    return MaskSpec(name, _sized(many.shape[1:], names), float(rate))


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """A formula with other names for some of its values."""
    for old, new in names.items():
        text = re.sub(rf"(?<![A-Za-z0-9_]){re.escape(old)}(?![A-Za-z0-9_])", lambda _: new, text)  # noqa: B023
    return text


def _array_shape(symbol: Any) -> Shape:
    node = lift(symbol)
    return array_shape(node.shape, *getattr(symbol, "shape", ()))


def _sized(shape: Shape, names: Mapping[sp.Basic, Size]) -> tuple[Size, ...]:
    return tuple(n if isinstance(n, int) else names[n] for n in shape)


def _data_spec(name: str, leaf: Node, names: Mapping[sp.Basic, Size]) -> DataSpec:
    classes = leaf.leaf.classes
    if isinstance(classes, sp.Basic):
        classes = names.get(classes, str(classes))
    simplex = axes_of_fact(leaf, "simplex") == (leaf.rank - 1,)
    return DataSpec(name, _sized(leaf.shape[1:], names), classes, simplex)
