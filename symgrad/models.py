"""Models that the command line names: ``file.py:name``, ``model.sg`` and ``model.sg:name``.

Why it exists: every command takes a model, and a model is one of two things. A Python file is
*run*, and the name is that of the loss in it. A text model is only read (`symgrad.language`): the
loss is its last definition, unless a name is given, and it may say itself what is trained and what
is data.
"""

from __future__ import annotations

import runpy
import traceback
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import sympy as sp

from symgrad.errors import DeclarationError, ParseError, SymgradError
from symgrad.graph import Node, leaves
from symgrad.language.names import canonical
from symgrad.lift import lift
from symgrad.show.matrix_form import leaf_symbol

_DECLARED = (sp.Symbol, sp.MatrixSymbol, sp.IndexedBase)

EXPECTED = "expected file.py:name, or a text model, model.sg or model.sg:name"


class LoadedModel(NamedTuple):
    """A loss and all that its file defines.

    ``params`` and ``data`` are what a text model lists; () where it, or a Python file, lists none.
    """

    loss: Any
    names: Mapping[str, Any]
    params: Sequence[Any] = ()
    data: Sequence[Any] = ()

    def named(self, name: str) -> Any:
        """What the file calls ``name``; raises DeclarationError."""
        if name not in self.names:
            raise DeclarationError(f"the file has no name {name!r}; pass one that it defines.")
        return self.names[name]


def load_model(model: str) -> LoadedModel:
    """The model that ``file.py:name``, ``model.sg`` or ``model.sg:name`` stands for."""
    path, _, name = (model, "", "") if Path(model).is_file() else model.rpartition(":")
    path = path or model
    if not Path(path).is_file():
        raise DeclarationError(f"there is no file {path}; {EXPECTED}.")
    if Path(path).suffix == ".py" and not name:
        raise DeclarationError(
            f"the model {model!r} was given, a Python file; say which loss in it: {path}:name."
        )
    return _from_python(path, name) if Path(path).suffix == ".py" else _from_text(path, name)


def _from_python(path: str, name: str) -> LoadedModel:
    try:
        names = runpy.run_path(path)
    except SymgradError:
        raise
    except Exception as error:
        where = [x.lineno for x in traceback.extract_tb(error.__traceback__) if x.filename == path]
        line = error.lineno if isinstance(error, SyntaxError) else where[-1] if where else None
        place = path if line is None else f"{path}, line {line}"
        raise DeclarationError(
            f"{place}: {type(error).__name__}: {error}; correct it, so that the file can be run."
        ) from error
    return LoadedModel(_chosen(path, name, names), names)


def _from_text(path: str, name: str) -> LoadedModel:
    from symgrad.language.model import parse
    from symgrad.language.source import read

    try:
        model = parse(read(path))
    except ParseError as error:
        raise error.of_file(path) from error
    loss = _chosen(path, name, model) if name else model.loss
    return LoadedModel(loss, model.names, model.listed_params, model.data)


def _chosen(path: str, name: str, names: Mapping[str, Any]) -> Any:
    if name in names:
        return names[name]
    near = get_close_matches(name, list(names), 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise DeclarationError(f"the file {path} defines no name {name!r}.{hint}")


def select_symbols(model: LoadedModel, wanted: Sequence[str] | None) -> list[Any]:
    """What a loss is differentiated by: leaves by name, or what the model says, or all.

    Where nothing is asked for, that is the parameters that a text model lists, or else every leaf
    without facts that is not listed as data.
    """
    found = _leaves(model)
    if wanted is not None:
        return [leaf_symbol(_by_name(found, name)) for name in wanted]
    if model.params:
        below = set(found.values())
        return [x for x in model.params if lift(x) in below]
    return [
        leaf_symbol(n)
        for n in found.values()
        if not (n.leaf.facts or _listed(n, model.data) or (model.data and n.leaf.origin))
    ]


def trained_symbols(model: LoadedModel, wanted: Sequence[str] | None) -> list[Any]:
    """The parameters to train: leaves by name, or those that a text model lists."""
    if wanted or model.params:
        return select_symbols(model, wanted)
    raise DeclarationError(
        "no parameters were given; pass each with --param, or list them in a text model, as in "
        "params W, b."
    )


def data_symbols(model: LoadedModel, wanted: Sequence[str] | None) -> list[Any]:
    """The leaves that differ between examples: by name, or those that a text model lists."""
    if wanted:
        found = _leaves(model)
        return [leaf_symbol(_by_name(found, name)) for name in wanted]
    if model.data:
        return list(model.data)
    raise DeclarationError(
        "no data were given; pass each data leaf with --data, or list them in a text model, as in "
        "data x, y."
    )


def over_examples(
    model: LoadedModel, wanted: Sequence[str] | None, size: str
) -> tuple[LoadedModel, sp.Symbol]:
    """The mean of a loss over its examples, and the symbol of their number.

    The data are those ``wanted``, or what a text model lists. ``size`` is a number, or the name of
    the symbol. A loss that is such a mean stays as it is.
    """
    from symgrad.batch import empirical_risk, examples_symbol
    from symgrad.declare import let

    found = _leaves(model)
    of_all = [leaf for leaf in found.values() if leaf.leaf.origin is not None]
    if of_all:
        return model, of_all[0].shape[0]
    if not (size.isdigit() or size.isidentifier()):
        raise DeclarationError(
            f"the number of examples was given as {size!r}; expected a number, or a name such as N."
        )
    root = lift(model.loss)
    n = examples_symbol([root])
    if not size.isdigit():
        n = sp.Symbol(size, integer=True, positive=True)
    data = data_symbols(model, wanted)
    name = next(x for x in ("R", "risk", "risk_") if x not in model.names)
    risk = let(name, empirical_risk(model.loss, data, size=n))
    return model._replace(loss=risk, data=data), n


def _leaves(model: LoadedModel) -> dict[str, Node]:
    """The leaves of the loss by name, in the order in which the file declares them."""
    declared = [str(x) for x in model.names.values() if isinstance(x, _DECLARED)]
    place = {name: k for k, name in enumerate(declared)}
    found = sorted(leaves([lift(model.loss)]), key=lambda n: place.get(n.name, len(place)))
    return {leaf.name: leaf for leaf in found}


def _listed(leaf: Node, symbols: Sequence[Any]) -> bool:
    return any(lift(symbol) is leaf for symbol in symbols)


def _by_name(found: Mapping[str, Node], name: str) -> Node:
    for spelling in (name, canonical(name)):
        if spelling in found:
            return found[spelling]
    raise DeclarationError(f"the loss has no leaf named {name}; it depends on {', '.join(found)}.")
