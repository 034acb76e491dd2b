"""What a training module trains: parameters, data and the risk, checked against each other.

In: the loss, parameters and data as the user lists them. Out: a `Model` in which every leaf is one
or the other, every dimension is a number or a name, and the risk is differentiated. What does not
fit is one sentence here, before anything is generated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sympy as sp

from symgrad import graph as g
from symgrad.batch import batch_leaves, empirical_risk, examples_symbol
from symgrad.codegen.arguments import integers_used
from symgrad.declare import let
from symgrad.errors import DeclarationError, UnsupportedError
from symgrad.facts import FACTS
from symgrad.graph import Kind, Node
from symgrad.lift import lift
from symgrad.listing import shape_text
from symgrad.show.derivation import Derivation
from symgrad.show.gradient import gradient
from symgrad.symbols import ScalarCall


class Model(NamedTuple):
    """A checked declaration.

    ``leaves`` are the data: the leaf of one example → the leaf of all, in order. ``example`` is
    the derivation for one example, where there is one; ``of_one_example`` says that the loss was
    given so, and not as an empirical risk.
    """

    root: Node
    params: tuple[Any, ...]
    leaves: Mapping[Node, Node]
    size: sp.Expr
    derivation: Derivation
    example: Derivation | None
    of_one_example: bool

    @property
    def shown(self) -> Derivation:
        """The derivation to print."""
        return self.example if self.example is not None and self.of_one_example else self.derivation

    @property
    def nodes(self) -> list[Node]:
        """The parameters' leaves."""
        return [lift(x) for x in self.params]


def checked_model(loss: Any, params: list[Any], data: list[Any]) -> Model:
    if not params or not data:
        raise DeclarationError(
            f"no {'data' if params else 'parameters'} were given; list at least one symbol in "
            f"{'data' if params else 'params'}=[…]."
        )
    for kind, symbols in (("parameter", params), ("data leaf", data)):
        for k, symbol in enumerate(symbols):
            if symbol in symbols[:k]:
                raise DeclarationError(f"the {kind} {symbol} is listed twice; list it once.")
    both = [str(x) for x in params if x in data]
    if both:
        raise DeclarationError(
            f"{both[0]} is listed as a parameter and as data; a symbol is one or the other."
        )
    root = lift(loss)
    given_one = all(leaf.leaf.origin is None for leaf in g.leaves([root]))
    if given_one:
        size = examples_symbol([root])
        risk = let(_free_name(root), empirical_risk(loss, data, size=size))
        leaves = batch_leaves([root], data, size)
    else:
        risk, leaves = loss, _batched_leaves(root, data)
        size = next(iter(leaves.values())).shape[0]
    for symbol in params:
        _check_parameter(symbol)
    derivation = gradient(risk, params)
    example = loss if given_one else _loss_of_one(loss)
    below = set(g.topological([lift(example)])) if example is not None else set()
    shared = [x for x in params if lift(x) in below]
    model = Model(
        root,
        tuple(params),
        leaves,
        sp.sympify(size),
        derivation,
        gradient(example, shared) if shared else None,
        given_one,
    )
    _check_leaves(model)
    return model


def _free_name(root: Node) -> str:
    """A name for the risk, which the loss of one example has not taken."""
    taken = {n.name for n in g.topological([root]) if n.kind in (Kind.LEAF, Kind.NAMED)}
    return next(x for x in ("loss", "risk", "mean_loss", "mean_loss_") if x not in taken)


def _loss_of_one(loss: Any) -> Any:
    """What the only empirical risk in ``loss`` is the mean of; None if that cannot be seen."""
    found = [x.operands[0] for x in loss.atoms(ScalarCall) if x.function is empirical_risk]
    return found[0] if len(found) == 1 else None


def _batched_leaves(root: Node, data: Sequence[Any]) -> dict[Node, Node]:
    """The data leaves of the empirical risks below ``root``, in the order of ``data``."""
    below = g.leaves([root])
    of_example = {lift(x.leaf.origin): x for x in below if x.leaf.origin is not None}
    known = ", ".join(x.name for x in of_example)
    found: dict[Node, Node] = {}
    for symbol in data:
        node = lift(symbol)
        if node not in of_example:
            raise DeclarationError(
                f"the data leaf {symbol} is not among the data of the empirical risk in the loss, "
                f"which are {known}; list it there as well."
            )
        if node in below:
            raise DeclarationError(
                f"the data leaf {symbol} also occurs outside the empirical risk, where there is "
                "no single example; move that term into the mean."
            )
        found[node] = of_example[node]
    missing = [x.name for x in of_example if x not in found]
    if missing:
        raise DeclarationError(
            f"the empirical risk in the loss has the data {known}; list {', '.join(missing)} in "
            "data=[…] too."
        )
    if len({leaf.shape[0] for leaf in found.values()}) > 1:
        raise UnsupportedError(
            "the loss contains empirical risks over different numbers of examples; a training "
            "module has one N: give them the same size=."
        )
    return found


def _check_parameter(symbol: Any) -> None:
    node = lift(symbol)
    if node.kind is Kind.NAMED:
        raise DeclarationError(
            f"the parameter {symbol} is a value named with sg.let; parameters are leaves, such as "
            "a MatrixSymbol."
        )
    if node.kind is Kind.LEAF and node.leaf.facts:
        fact = FACTS[min(node.leaf.facts).name]
        raise DeclarationError(
            f"the parameter {symbol} is declared {fact.name}, which gradient steps would not keep; "
            f"declare a free one and use {fact.instead}."
        )


def _check_leaves(model: Model) -> None:
    """Every leaf is a parameter or data, and every dimension a number or a name of a leaf's."""
    root = model.derivation.loss
    declared = [*model.nodes, *model.leaves.values()]
    for leaf in g.leaves([root]):
        if leaf not in declared:
            raise undeclared("loss", leaf, model)
    symbols: set[sp.Basic] = set()
    for leaf in declared:
        for n in (*leaf.shape, leaf.leaf.classes):
            if isinstance(n, sp.Basic) and not n.is_Symbol:
                raise UnsupportedError(
                    f"the dimension {n} of {leaf.name} is a compound expression; a training "
                    "module knows numbers and plain names: give that size a symbol of its own."
                )
        symbols.update(n for n in leaf.shape if isinstance(n, sp.Basic))
    unknown = [n for n in integers_used([], [root]) if n not in symbols]
    if unknown:
        raise DeclarationError(
            f"the loss uses the integer {unknown[0]}, which is no dimension of a parameter or of "
            "the data; write its value in the loss instead."
        )


def undeclared(what: str, leaf: Node, model: Model) -> DeclarationError:
    if leaf in model.leaves:
        return DeclarationError(f"the {what} uses {leaf.name} outside the mean over the examples.")
    return DeclarationError(
        f"the {what} depends on {leaf.name} ({shape_text(leaf.shape)}), which is neither a "
        "parameter nor data; declare it as a parameter (params=[…]) or as data (data=[…]), or "
        "write its value in the loss."
    )
