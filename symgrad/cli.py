"""The command line: ``symgrad demo``, ``derive``, ``graph`` and ``build``.

A model is named as ``file.py:name``: the Python file that declares it, which is run, and the name
of the loss in it.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from symgrad.errors import DeclarationError, SymgradError

app = typer.Typer(
    help="Closed-form gradients from SymPy, and fast training code from gradients.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Model = Annotated[str, typer.Argument(help="The loss, as file.py:name.", show_default=False)]
Folder = Annotated[Path, typer.Option("--out", help="Folder for what is written.")]
Wrt = Annotated[
    list[str] | None,
    typer.Option("--wrt", help="A symbol to differentiate by; may be repeated. Default: all."),
]
TargetName = Annotated[str, typer.Option(help="numba or numpy.")]


@app.command()
def demo(out: Folder = Path("symgrad-demo"), target: TargetName = "numba") -> None:
    """Derive, check, generate and train a network on handwritten digits."""
    from rich.console import Console

    from symgrad.demo import run

    run(out, target, Console())


@app.command()
def derive(
    model: Model,
    wrt: Wrt = None,
    latex: bool = False,
    form: Annotated[str, typer.Option(help="matrix or index.")] = "matrix",
    notation: Annotated[str, typer.Option(help="delta, bar or partial.")] = "delta",
) -> None:
    """Print the derivation of a loss."""
    from symgrad.show.gradient import gradient

    loss = load_model(model)
    derivation = gradient(loss, select_symbols(loss, wrt))
    shown = derivation.latex if latex else derivation.text
    typer.echo(shown(form=form, notation=notation))


@app.command()
def graph(model: Model) -> None:
    """Print the graph of a loss, one node a line, in index notation."""
    from symgrad.lift import graph_text

    typer.echo(graph_text(load_model(model)))


@app.command()
def build(
    model: Model,
    param: Annotated[list[str], typer.Option("--param", help="A parameter; may be repeated.")],
    data: Annotated[list[str], typer.Option("--data", help="A data leaf; may be repeated.")],
    out: Annotated[Path, typer.Option("--out", help="The Python file to write.")],
    predict: Annotated[str | None, typer.Option(help="The prediction's name in the file.")] = None,
    target: TargetName = "numba",
    dtype: Annotated[str, typer.Option(help="float32 or float64.")] = "float32",
) -> None:
    """Write a standalone training module."""
    from symgrad.training import training_module

    loss, names = load_namespace(model)
    prediction = None
    if predict is not None:
        if predict not in names:
            raise DeclarationError(f"the file has no name {predict!r}; pass one that it defines.")
        prediction = names[predict]
    module = training_module(
        loss,
        params=select_symbols(loss, param),
        data=select_symbols(loss, data, labels=True),
        predict=prediction,
        target=target,
        dtype=dtype,
        name=out.stem,
    )
    typer.echo(f"written: {module.save(out)}")


def load_model(model: str) -> Any:
    """The loss that ``file.py:name`` names."""
    return load_namespace(model)[0]


def load_namespace(model: str) -> tuple[Any, dict[str, Any]]:
    """The loss and everything else that the file defines; the file is run."""
    path, _, name = model.rpartition(":")
    if not path or not name:
        raise DeclarationError(f"the model {model!r} was given; expected file.py:name.")
    if not Path(path).is_file():
        raise DeclarationError(f"there is no file {path}; expected file.py:name.")
    names = runpy.run_path(path)
    if name not in names:
        raise DeclarationError(f"the file {path} defines no name {name!r}.")
    return names[name], names


def select_symbols(loss: Any, wanted: list[str] | None, labels: bool = False) -> list[Any]:
    """The leaves of a loss by name; all that can be differentiated by if none is asked for."""
    from symgrad.graph import leaves
    from symgrad.lift import lift
    from symgrad.show.matrix_form import leaf_symbol

    found = {leaf.name: leaf for leaf in leaves([lift(loss)])}
    if wanted is None:
        return [leaf_symbol(n) for n in found.values() if not n.leaf.facts or labels]
    for name in wanted:
        if name not in found:
            raise DeclarationError(
                f"the loss has no leaf named {name}; it depends on {', '.join(found)}."
            )
    return [leaf_symbol(found[name]) for name in wanted]


def main(arguments: list[str] | None = None) -> None:
    """The entry point: an error is one sentence on standard error and exit status 1."""
    run: Callable[..., Any] = app
    try:
        run(args=arguments)
    except SymgradError as error:
        typer.echo(f"symgrad: {error}", err=True)
        sys.exit(1)
