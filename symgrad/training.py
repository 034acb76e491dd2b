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
from symgrad.batch import batch
from symgrad.codegen.arguments import array_shape, of_leaves
from symgrad.codegen.program import Program
from symgrad.codegen.runtime.dataspec import DataSpec
from symgrad.codegen.training import RESERVED, ParamSpec, Size, TrainingSpec, assemble
from symgrad.compile import DTYPES, build
from symgrad.errors import DeclarationError, UnsupportedError
from symgrad.facts import axes_of_fact
from symgrad.functions import as_expression
from symgrad.graph import Node, Shape
from symgrad.lift import lift
from symgrad.module_file import TrainingModule
from symgrad.optimizers import learning_rate_leaf, update_formula, updated
from symgrad.simplify import computing
from symgrad.training_comments import comments_of, listing, value_text
from symgrad.training_model import Model, checked_model, undeclared


def training_module(
    loss: Any,
    params: Sequence[Any],
    data: Sequence[Any],
    predict: Any = None,
    target: str = "numba",
    dtype: str = "float32",
    name: str = "model",
) -> TrainingModule:
    """A standalone Python file that trains ``params`` to minimise the mean of ``loss``.

    ``loss`` is the loss of one example, of which the mean over the examples is taken, or already
    contains ``sg.empirical_risk`` (plus a regulariser, say). ``data`` are the leaves that differ
    between examples; in the file they are arrays with one example a row. ``predict`` is a value of
    one example, computed for every row of the data leaves that it needs.

    Raises DeclarationError, DerivativeError, ShapeError or UnsupportedError where these do not fit
    together, or the target, dtype or name is not one.
    """
    _check_options(name, dtype)
    losses = as_expression(loss)
    expected = None if predict is None else as_expression(predict)
    parameters, leaves = ([as_expression(x) for x in symbols] for symbols in (params, data))
    model = checked_model(losses, parameters, leaves)
    spec = _specification(model, expected, name, dtype)
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

    def __init__(self, model: Model, predict: Any) -> None:
        self.model = model
        derivation = model.derivation
        self.loss, *self.gradients = computing([derivation.loss_root, *derivation.roots])
        self.comments = comments_of(model, self.loss, self.gradients)
        self.arrays = list(model.leaves.values())
        self.shapes = [_array_shape(x) for x in model.params]
        given = [(x, x.name) for x in (*model.nodes, *self.arrays)]
        arguments = of_leaves(given, [self.loss, *self.gradients], RESERVED)
        self.sizes = {d.symbol: d.name for d in arguments.dimensions}
        self.inputs = [(x, a.name) for (x, _), a in zip(given, arguments.inputs, strict=True)]
        count = len(model.params)
        self.fields = [name for _, name in self.inputs[:count]]
        self.data = [name for _, name in self.inputs[count:]]
        self.predicted, self.predict_formula = _predicted(model, predict)

    def evaluate(self) -> Program:
        """The mean loss."""
        return self._program([self.loss], [()], self.inputs, ["loss"])

    def evaluate_with_gradient(self) -> Program:
        """The mean loss and its gradients."""
        slopes = [f"grad_{x}" for x in self.fields]
        names, remarks = ["loss", *slopes], zip(slopes, self.comments.gradients, strict=True)
        roots, shapes = [self.loss, *self.gradients], [(), *self.shapes]
        return self._program(roots, shapes, self.inputs, names, remarks)

    def step(self) -> tuple[Program, tuple[str, ...]]:
        """The mean loss and the new parameters for one minibatch, and the names of its data."""
        rate = learning_rate_leaf()
        count = len(self.fields)
        values = updated("sgd", self.model.nodes, self.gradients, rate)
        leaves = zip(self.arrays, self.model.leaves, strict=True)
        inputs = [*self.inputs[:count], *((many, one.name) for many, one in leaves)]
        inputs.append((rate, "learning_rate"))
        rows = {a.name: one.name for a, one in zip(self.arrays, self.model.leaves, strict=True)}
        texts = [_renamed(text, rows) for text in self.comments.gradients]
        new = [f"new_{x}" for x in self.fields]
        reserved = (RESERVED | set(self.data)) - {"learning_rate"}
        program = self._program(
            [self.loss, *values],
            [(), *self.shapes],
            inputs,
            ["loss", *new],
            zip(new, texts, strict=True),
            reserved,
        )
        return program, tuple(x.name for x in program.inputs[count:-1])

    def predict(self) -> tuple[Program | None, tuple[str, ...]]:
        """The predictions, and the names of the data that they need."""
        if self.predicted is None:
            return None, ()
        used = set(g.leaves([self.predicted]))
        inputs = [(leaf, name) for leaf, name in self.inputs if leaf in used]
        shape = self.predicted.shape
        program = self._program([self.predicted], [shape], inputs, [])
        return program, tuple(name for _, name in inputs if name in self.data)

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
        return build(roots, shapes, arguments, names, comments)


def _specification(model: Model, predict: Any, name: str, dtype: str) -> TrainingSpec:
    programs = _Programs(model, predict)
    step, rows = programs.step()
    prediction, predicts = programs.predict()
    params = zip(programs.fields, programs.shapes, programs.comments.gradients, strict=True)
    data = zip(programs.data, programs.arrays, strict=True)
    return TrainingSpec(
        name=name,
        dtype=dtype,
        params=tuple(
            ParamSpec(field, _sized(shape, programs.sizes), text) for field, shape, text in params
        ),
        data=tuple(_data_spec(field, leaf, programs.sizes) for field, leaf in data),
        rows=rows,
        predicts=predicts,
        loss=programs.evaluate(),
        value_and_grad=programs.evaluate_with_gradient(),
        predict=prediction,
        step=step,
        derivation=listing(model.shown.steps),
        objective=programs.comments.objective,
        update_formula=update_formula("sgd"),
        predict_formula=programs.predict_formula,
        version=symgrad.__version__,
    )


def _predicted(model: Model, predict: Any) -> tuple[Node | None, str]:
    """The prediction for every example, in computing form, and its formula for one."""
    if predict is None:
        return None, ""
    one = lift(predict)
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


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """A formula with other names for some of its values."""
    for old, new in names.items():
        text = re.sub(rf"(?<![A-Za-z0-9_]){re.escape(old)}(?![A-Za-z0-9_])", lambda _: new, text)  # noqa: B023
    return text


def _array_shape(symbol: Any) -> Shape:
    node = lift(symbol)
    return array_shape(node.shape, *getattr(symbol, "shape", ()))


def _sized(shape: Shape, names: Mapping[sp.Basic, str]) -> tuple[Size, ...]:
    return tuple(n if isinstance(n, int) else names[n] for n in shape)


def _data_spec(name: str, leaf: Node, names: Mapping[sp.Basic, str]) -> DataSpec:
    classes = leaf.leaf.classes
    if isinstance(classes, sp.Basic):
        classes = names.get(classes, str(classes))
    simplex = axes_of_fact(leaf, "simplex") == (leaf.rank - 1,)
    return DataSpec(name, _sized(leaf.shape[1:], names), classes, simplex)
