"""The command line: ``symgrad demo``, ``derive``, ``verify``, ``graph``, ``cost`` and ``build``.

A model is a text model, ``model.sg`` or ``model.sg:name``, or ``file.py:name``: the Python file
that declares it, which is run, and the name of the loss in it (`models`).
"""

from __future__ import annotations

import codecs
import inspect
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from symgrad.errors import DeclarationError, SymgradError
from symgrad.models import (
    data_symbols,
    load_model,
    over_examples,
    select_symbols,
    trained_symbols,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from symgrad import __version__

        typer.echo(f"symgrad {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Closed-form gradients with every step, checks of hand derivations, and fast training code.

    A model is a text model, whose guide is printed by symgrad language, or a Python file and the
    name of the loss in it.
    """


Model = Annotated[
    str,
    typer.Argument(
        help="The loss: model.sg (its last line), model.sg:name or file.py:name.",
        show_default=False,
    ),
]
Folder = Annotated[Path, typer.Option("--out", help="Folder for what is written.")]
Wrt = Annotated[
    list[str] | None,
    typer.Option(
        "--wrt",
        help="A symbol to differentiate by; may be repeated. Default: the model's params, or all.",
    ),
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
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="text, ascii, markdown, latex (an align block), document (LaTeX) or html. "
            "Default: by the suffix of --out, or text.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="The file to write (.txt, .md, .tex, .html) instead of printing."
        ),
    ] = None,
    form: Annotated[str, typer.Option(help="matrix or index.")] = "matrix",
    notation: Annotated[str, typer.Option(help="delta, bar, partial or nabla.")] = "delta",
    convention: Annotated[
        str, typer.Option(help="Vectors and examples as declared, column or row.")
    ] = "declared",
    layout: Annotated[
        str, typer.Option(help="Of derivatives: natural, numerator or denominator.")
    ] = "natural",
    level: Annotated[
        str, typer.Option(help="brief (the results), normal, or full (with proofs).")
    ] = "normal",
    messages: Annotated[
        bool, typer.Option("--messages", help="Give every named value's adjoint a line.")
    ] = False,
    fold: Annotated[
        bool,
        typer.Option("--fold/--no-fold", help="Show layers that repeat once, with an index."),
    ] = True,
) -> None:
    """Print the derivation of a loss, or write it to a file."""
    from symgrad.show.formats import FORMATS, format_named, format_of
    from symgrad.show.gradient import gradient
    from symgrad.show.style import Options

    name = format or ("text" if out is None else format_of(out))
    format_named(name)  # before the work, not after it
    declared = load_model(model)
    derivation = gradient(declared.loss, select_symbols(declared, wrt), messages=messages)
    options = Options(convention=convention, layout=layout, level=level, fold=fold)
    if out is not None:
        derivation.save(out, form, notation, format=name, **options)
        typer.echo(f"written: {out}")
        return
    if name == "text" and not _takes_unicode(sys.stdout.encoding):
        name = "ascii"
    typer.echo(FORMATS[name].render(derivation.sheet(form, notation, **options)), nl=False)


def _takes_unicode(encoding: str | None) -> bool:
    """Whether a stream of this encoding can hold every sign of a formula."""
    return encoding is not None and codecs.lookup(encoding).name.startswith("utf")


def _for_terminal(text: str) -> str:
    """``text`` in the signs that standard output can hold."""
    from symgrad.show.ascii import to_ascii

    return text if _takes_unicode(sys.stdout.encoding) else to_ascii(text)


@app.command(context_settings={"ignore_unknown_options": True})  # a claim may begin with a minus
def verify(
    model: Model,
    claim: Annotated[
        str,
        typer.Argument(
            help='A claim, as "dL/dW1 = (p - y) x\'", or a file of work: .tex, .txt, or - for '
            "standard input.",
            show_default=False,
        ),
    ],
    wrt: Annotated[
        list[str] | None,
        typer.Option("--wrt", help="What a claim without a left side is the gradient of."),
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="text or latex. Default: what it looks like.")
    ] = None,
    layout: Annotated[str, typer.Option(help="Of gradients: natural or numerator.")] = "natural",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say whether a hand derivation is right, or where it goes wrong and why.

    The exit status is 0 for right, 1 for wrong or incomplete, 2 for undecided or not readable.
    """
    from symgrad.verification.command import STYLES, answer, refused

    try:
        found = answer(model, claim, wrt, language=language, layout=layout)
    except SymgradError as error:
        found = refused(error)
        if not as_json:
            typer.echo(found.lines[0][0], err=True)
            raise typer.Exit(found.status) from error
    if as_json:
        typer.echo(found.json(ascii=not _takes_unicode(sys.stdout.encoding)))
    elif sys.stdout.isatty():
        from rich.console import Console

        console = Console(highlight=False)
        for line, kind in found.lines:
            console.print(_for_terminal(line), style=STYLES.get(kind), markup=False, soft_wrap=True)
    else:
        typer.echo(_for_terminal("\n".join(line for line, _ in found.lines)))
    raise typer.Exit(found.status)


@app.command()
def grade(
    key: Model,
    submissions: Annotated[
        Path, typer.Argument(help="The folder of the submissions: .tex, .txt, .md, .sg.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The table. Default: results.csv.", show_default=False),
    ] = None,
    wrt: Annotated[
        list[str] | None,
        typer.Option(
            "--wrt",
            help="A gradient to be found, as W1, or z2 for δ2; may be repeated. Default: the "
            "params.",
        ),
    ] = None,
    gradescope: Annotated[
        bool, typer.Option("--gradescope", help="Write Gradescope's results.json instead.")
    ] = False,
    points: Annotated[float, typer.Option(help="Points of a submission that is right.")] = 1.0,
    jobs: Annotated[
        int | None, typer.Option(help="Processes at once. Default: one for each core.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Time for one submission.")] = 20.0,
    memory: Annotated[int, typer.Option(help="Memory for one submission, in MB.")] = 512,
    layout: Annotated[str, typer.Option(help="Of gradients: natural or numerator.")] = "natural",
) -> None:
    """Mark a folder of hand derivations, line by line, with feedback for each.

    Every gradient that the key lists as params, or that --wrt names, is
    worth the same and counts once. It earns all if it is right, in however
    many lines. Where a slip is carried on, or the gradient is wrong, missing
    or made of a δ that no line derives, it earns the part of its derivation
    that is right: of the key's intermediate gradients, and of itself. Lines
    that repeat the model or each other earn nothing.

    Every submission is read in a process of its own, with a limit on time
    and memory. A run that was stopped goes on where it was when the same
    command is given again.
    """
    from rich.console import Console

    from symgrad.grading.command import plan, run

    planned = plan(
        key,
        submissions,
        out,
        wrt=wrt,
        layout=layout,
        points=points,
        jobs=jobs,
        seconds=seconds,
        megabytes=memory,
        as_gradescope=gradescope,
    )
    raise typer.Exit(run(planned, Console()))


@app.command()
def language() -> None:
    """Print the guide to text models."""
    import symgrad.language as guide

    typer.echo(inspect.cleandoc(guide.__doc__ or ""))


@app.command()
def graph(
    model: Model,
    wrt: Wrt = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Draw it to a file: .svg, .dot (Graphviz) or .mmd (Mermaid)."),
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(
            "--at",
            help="A value, as w1=2, w=1/3, x=1,2,3, W=1,2;3,4 or x=x.npy; for each leaf one. "
            "Then numbers are shown, forward and backward.",
        ),
    ] = None,
    detail: Annotated[
        str | None, typer.Option(help="values (named ones) or operations. Default: what fits.")
    ] = None,
    direction: Annotated[
        str | None, typer.Option(help="right or down. Default: right, unless it is long.")
    ] = None,
    notation: Annotated[
        str, typer.Option(help="Of adjoints: delta, bar, partial or nabla.")
    ] = "delta",
    fold: Annotated[bool, typer.Option(help="Draw layers that repeat once, with an index.")] = True,
) -> None:
    """Draw the computational graph of a loss, or print it in index notation, a node a line."""
    from symgrad.lift import graph_text
    from symgrad.pictures.picture import draw, format_of
    from symgrad.pictures.point import assignments
    from symgrad.show.gradient import gradient

    if out is not None:
        format_of(out)  # before the work, not after it
    elif at is None and (detail or direction or not fold):
        raise DeclarationError(
            "--detail, --direction and --no-fold are of a picture; say with --out where to draw "
            "it, or with --at at which values."
        )
    given = None if at is None else assignments(at)
    declared = load_model(model)
    if out is None and given is None:
        typer.echo(_for_terminal(graph_text(declared.loss)))
        return
    chosen = wrt is not None or declared.params or declared.data
    shown = gradient(declared.loss, select_symbols(declared, wrt)) if chosen else declared.loss
    picture = draw(shown, given, detail=detail, direction=direction, notation=notation, fold=fold)
    if out is not None:
        typer.echo(f"written: {picture.save(out)}")
        return
    typer.echo(_for_terminal(graph_text(declared.loss)))
    typer.echo("\n" + picture.table(ascii=not _takes_unicode(sys.stdout.encoding)))


@app.command()
def cost(
    model: Model,
    wrt: Wrt = None,
    dim: Annotated[
        list[str] | None,
        typer.Option("--dim", help="The size of a dimension, as D=784; may be repeated."),
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option("--batch", "-N", help="Count for the mean over so many examples: 64, or N."),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", help="What differs between examples. Default: a text model's data."),
    ] = None,
) -> None:
    """Print the multiply-adds of a loss and its gradient, other operations, and memory."""
    from symgrad.costs import sizes_of
    from symgrad.show.gradient import gradient

    declared, sizes = load_model(model), sizes_of(dim or [])
    if batch is not None:
        declared, examples = over_examples(declared, data, batch)
        sizes |= sizes_of([f"{examples}={batch}"]) if batch.isdigit() else {}
    derivation = gradient(declared.loss, select_symbols(declared, wrt))
    typer.echo(derivation.cost().at(sizes).text(ascii=not _takes_unicode(sys.stdout.encoding)))


@app.command()
def build(
    model: Model,
    out: Annotated[Path, typer.Option("--out", help="The Python file to write.")],
    param: Annotated[
        list[str] | None,
        typer.Option("--param", help="A parameter; may be repeated. Default: a text model's."),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", help="A data leaf; may be repeated. Default: a text model's."),
    ] = None,
    predict: Annotated[
        str | None,
        typer.Option(
            help="The prediction's name in the file. Default: the module predicts nothing."
        ),
    ] = None,
    target: TargetName = "numba",
    dtype: Annotated[str, typer.Option(help="float32 or float64.")] = "float32",
    size: Annotated[
        list[str] | None,
        typer.Option("--size", help="A dimension fixed in the file, as D=784; may be repeated."),
    ] = None,
    optimizer: Annotated[
        list[str] | None,
        typer.Option(
            "--optimizer", help="One that the file has beside sgd; may be repeated. Default: all."
        ),
    ] = None,
) -> None:
    """Write a standalone training module."""
    from symgrad.costs import sizes_of
    from symgrad.training import training_module

    declared = load_model(model)
    module = training_module(
        declared.loss,
        params=trained_symbols(declared, param),
        data=data_symbols(declared, data),
        predict=None if predict is None else declared.named(predict),
        target=target,
        dtype=dtype,
        name=out.stem,
        optimizers=optimizer,
        sizes=sizes_of(size or []),
    )
    typer.echo(f"written: {module.save(out)}")


def main(arguments: list[str] | None = None) -> None:
    """The entry point: an error is one sentence on standard error and exit status 1."""
    run: Callable[..., Any] = app
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            run(args=arguments)
        except SymgradError as error:
            typer.echo(f"symgrad: {error}", err=True)
            sys.exit(1)


def _show_warning(
    message: Warning | str, category: type[Warning], *where: Any, **more: Any
) -> None:
    """A warning as one sentence: the place in this program that it comes from helps nobody."""
    typer.echo(f"symgrad: warning: {message}", err=True)
