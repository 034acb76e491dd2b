"""The command line: fit, predict, evaluate, check, info, health."""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from .checks import _check_dims, _check_params, _dimensions, _shape_text, predict
from .columns import _takes_labels
from .divergence import Diverged
from .full_batch import FULL_BATCH
from .gradient_check import check_gradients
from .health import health
from .history import History
from .information import _information
from .initial import INITIALISERS
from .interface import DATA, INPUTS, NAME, OPTIMIZERS, Params
from .metrics import _target, evaluate
from .printing import _aligned
from .records import DataSpec
from .schedules import SCHEDULES
from .storage import _check_writable, _load_labelled, _save_labelled, load
from .tables import _Classes, _Examples, _is_table, _read_examples, _write_predictions
from .training import fit

# Option of `fit` → type, what stands for its value in the help, and the help.
FIT_OPTIONS: dict[str, tuple[Callable[[str], Any], str, str]] = {
    "epochs": (int, "N", "passes over the data"),
    "batch_size": (int, "N", "examples per step"),
    "learning_rate": (float, "RATE", "step length η, such as 0.1, or 0.001 for adam"),
    "optimizer": (str, "NAME", f"one of {', '.join([*OPTIMIZERS, *FULL_BATCH])}"),
    "schedule": (str, "NAME", f"of the learning rate, one of {', '.join(SCHEDULES)}"),
    "warmup": (int, "STEPS", "steps in which the learning rate rises to its value"),
    "clip": (float, "NORM", "scale longer gradients down to this norm"),
    "seed": (int, "N", "of the initial parameters, the order of the rows and dropout"),
    "patience": (int, "N", "stop after so many epochs without a lower validation loss"),
    "checkpoint": (str, "FILE", "save the run to this file; where it exists, continue from it"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status.

    0: done, 1: a wrong gradient, 2: bad input or a loss that diverged, 130: interrupted; `fit` has
    saved its parameters then.
    """
    parser = _parser()
    args = parser.parse_args(arguments)
    if not hasattr(args, "command"):
        parser.print_help()
        return 0
    try:
        status = int(args.command(args))
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # what reads our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, FloatingPointError, OSError, ImportError) as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


# -------------------------------------------------------------------------- what can be written


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the arguments."""

    def format_help(self) -> str:
        return super().format_help().replace("\n  command\n", "\n")  # a heading below its heading

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{NAME}: {message}; see {self.prog} --help.\n")


def _parser() -> argparse.ArgumentParser:
    script = Path(sys.argv[0]).name
    script = f"python {script}" if script.endswith(".py") else NAME
    parser = _Parser(
        prog=script,
        description=f"Train and use {NAME}.",
        epilog="Exit status: 0 done; 1 a wrong gradient, which check has found; 2 bad input, or a "
        "loss that diverged; 130 interrupted, with what fit has learned saved.",
    )
    commands = parser.add_subparsers(metavar="command", title="commands", parser_class=_Parser)

    def command(
        name: str, run: Callable[[argparse.Namespace], int], help: str, examples: str = ""
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name,
            help=help,
            description=f"{help[0].upper()}{help[1:]}.",
            epilog=examples.replace("SCRIPT", script) or None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        added.set_defaults(command=run)
        return added

    _add_fit_options(command("fit", _fit, "train and save the parameters", _data_help(DATA, "fit")))
    inputs = [spec for spec in DATA if spec.name in INPUTS]
    for name, run, help, specs in (
        ("predict", _predict_file, "predict from saved parameters", inputs),
        ("evaluate", _evaluate_file, "measure saved parameters on data", DATA),
        ("health", _health, "find saturated units and gradients that explode or vanish", DATA),
    ):
        with_data = command(name, run, help, _data_help(specs, ""))
        with_data.add_argument("weights", help="parameters saved by fit")
        _add_data(with_data)
        if name == "predict":
            text = ".npz file for `predictions`, or .csv table"
            with_data.add_argument("--out", required=True, metavar="FILE", help=text)

    check = command("check", _check, "compare the gradient with differences of the loss")
    check.add_argument("--weights", metavar="FILE", help="parameters to check at, else random ones")
    check.add_argument("--seed", type=int, default=0, metavar="N", help="of the random numbers")
    info = command("info", _info, "show formulas, shapes, counts, optimizers, and what made this")
    info.add_argument("weights", nargs="?", help="parameters saved by fit, to count their entries")
    _add_dims(info)
    return parser


def _add_fit_options(train: argparse.ArgumentParser) -> None:
    _add_data(train)
    train.add_argument("--out", required=True, metavar="FILE", help=".npz file for the parameters")
    for name, (kind, metavar, text) in FIT_OPTIONS.items():
        default = signature(fit).parameters[name].default
        required = default is Parameter.empty
        train.add_argument(
            f"--{name.replace('_', '-')}",
            type=kind,
            metavar=metavar,
            help=text + ("" if required or default is None else f" (default: {default})"),
            required=required,
            default=None if required else default,
        )
    train.add_argument("--validation", metavar="FILE", help="data to measure after each epoch")
    train.add_argument("--params", metavar="FILE", help="parameters to start from")
    train.add_argument(
        "--initial",
        metavar="RULE",
        help=f"initial matrices, one of {', '.join(INITIALISERS)}; or some, such as W1=he_normal,…",
    )
    train.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="of the optimizer or the schedule, such as beta1=0.95; see info (repeatable)",
    )
    train.add_argument("--freeze", metavar="NAME,…", help="parameters that stay as they are")
    _add_dims(train)
    train.add_argument("--quiet", action="store_true", help="print nothing but errors")


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", help=".npz or .csv file, see below")
    parser.add_argument(
        "--columns",
        action="append",
        default=[],
        metavar="NAME=COLUMN",
        help="where a column of a .csv table has another name (repeatable)",
    )


def _add_dims(parser: argparse.ArgumentParser) -> None:
    text = f"sizes, such as {(_dimensions() or ['H'])[0]}=32, that the data do not show"
    parser.add_argument("--dims", action="append", default=[], metavar="NAME=SIZE,…", help=text)


def _data_help(specs: Sequence[DataSpec], command: str) -> str:
    """How the data files of a command look."""
    if not specs:
        return f"{NAME} predicts nothing: it was made without a prediction."
    archive = ", ".join(f"{spec.name} {_shape_text(('N', *spec.shape))}" for spec in specs)
    lines = ["data files, N examples in N rows:", f"  .npz  {archive}"]
    for k, spec in enumerate(specs):
        ways = [f"the column {spec.name}"]
        if spec.shape:
            ways = [
                f"the columns {spec.name}1, {spec.name}2, … or {spec.name}[0], {spec.name}[1], …"
            ]
            ways += ["all that are left"] if not _takes_labels(spec) else []
        if _takes_labels(spec):
            ways = [
                f"the column {spec.name}, classes as numbers from 0 or as text",
                *ways[: spec.simplex],
            ]
        lines.append(f"  {'.csv' if not k else '    '}  {spec.name}: {'; or '.join(ways)}")
    name = specs[-1].name
    lines.append(
        f"columns with other names: --columns {name}=name, {name}=a,b,c or {name}=first..last"
    )
    if command == "fit":
        lines += [
            "",
            "for example:",
            "  SCRIPT fit train.npz --epochs 20 --optimizer adam --learning-rate 1e-3 \\",
            "      --batch-size 32 --checkpoint run.ckpt --out weights.npz",
        ]
    return "\n".join(lines)


# --------------------------------------------------------------------------------- the commands


def _fit(args: argparse.Namespace) -> int:
    read = {"data": args.data, "--validation": args.validation, "--params": args.params}
    _check_outputs({"--out": args.out, "--checkpoint": args.checkpoint}, read)
    options: dict[str, Any] = {name: getattr(args, name) for name in FIT_OPTIONS}
    options |= {"initial": _initial_of(args.initial), "freeze": _listed_names(args.freeze)}
    options["options"] = {
        name: _parsed(float, f"--option {name}", value)
        for name, value in _pairs("--option", args.option, "beta1=0.95").items()
    }
    sizes = _sizes_of(args.dims)
    options |= sizes
    known = None
    if args.params is not None:
        options["params"], known = _load_labelled(args.params)
        _check_params(options["params"], sizes)
    train = _read_data(args, args.data, DATA, sizes, known)
    classes = {**(known or {}), **train.classes}
    for spec, array in zip(DATA, train.arrays, strict=True):
        if isinstance(spec.classes, str) and spec.name in train.classes:
            sizes.setdefault(spec.classes, len(train.classes[spec.name]))
            options.setdefault(spec.classes, sizes[spec.classes])
        for dim, size in zip(spec.shape, array.shape[1:], strict=False):
            sizes.setdefault(str(dim), size)
    if args.validation is not None:
        held_out = _read_data(args, args.validation, DATA, sizes, classes)
        options["validation"] = held_out.arrays
    if not args.quiet:
        print(_origins(args.data, train), end="")
    try:
        params, history = fit(*train.arrays, progress=not args.quiet, **options)
    except Diverged as error:
        _save_labelled(error.params, classes, args.out)
        said = f"{_as_typed(str(error))} The last good parameters are in {args.out}."
        raise FloatingPointError(said) from None
    except ValueError as error:
        raise ValueError(_as_typed(str(error))) from None
    _save_labelled(params, classes, args.out)
    if not args.quiet:
        if len(history.loss):
            print(_epochs_table(history))
        if history.ended == "patience":
            print(f"no lower validation loss in {args.patience} epochs: took the lowest")
        print(f"saved {args.out}")
    return 130 if history.ended == "interrupted" else 0


def _predict_file(args: argparse.Namespace) -> int:
    if not INPUTS:
        raise ValueError(f"{NAME} predicts nothing; build it with predict=.")
    _check_outputs({"--out": args.out}, {"weights": args.weights, "data": args.data})
    inputs = [spec for spec in DATA if spec.name in INPUTS]
    params, classes, examples = _read_weights_and_data(args, inputs)
    named = dict(zip((spec.name for spec in inputs), examples.arrays, strict=True))
    predictions = predict(params, *(named[name] for name in INPUTS))
    target = _scored(params, predictions.shape)
    names = classes.get(target, ()) if target is not None else ()
    _write_predictions(args.out, predictions, target, names)
    return 0


def _scored(params: Params, shape: tuple[int, ...]) -> str | None:
    """The argument that predictions of this shape are scores of: one for each of its classes."""
    sizes: dict[str, int] = {}
    _check_params(params, sizes)
    target = _target()
    if target is None or not _takes_labels(target):
        return None
    (dim,) = target.shape or (target.classes,)
    return target.name if shape[1:] == (sizes.get(str(dim), dim),) else None


def _evaluate_file(args: argparse.Namespace) -> int:
    params, _, examples = _read_weights_and_data(args, DATA)
    measured = evaluate(params, *examples.arrays)
    rows = [(name.replace("_", " "), f"{value:.6g}") for name, value in measured.items()]
    print(_aligned(rows, "<<"))
    return 0


def _check(args: argparse.Namespace) -> int:
    report = check_gradients(None if args.weights is None else load(args.weights), seed=args.seed)
    print(report)
    return 0 if report.ok else 1


def _info(args: argparse.Namespace) -> int:
    sizes = _sizes_of(args.dims)
    if args.weights is not None:
        _check_params(load(args.weights), sizes)
    print(_information(sizes))
    return 0


def _health(args: argparse.Namespace) -> int:
    params, _, examples = _read_weights_and_data(args, DATA)
    print(health(params, *examples.arrays))
    return 0


# ------------------------------------------------------------------------- reading and printing


def _as_typed(sentence: str) -> str:
    """A sentence of `fit` with its options as they are typed here: --batch-size for batch_size."""
    names = "|".join([*FIT_OPTIONS, "validation", "params", "initial", "freeze", "option"])
    words = r"(?<!the )(?<!The )(?<!a )(?<!an )(?<!\d )"  # "the validation loss", "20 epochs"
    pattern = rf"{words}(?<![\w./'-])({names})s?\b(?!['/]|\.\w)(=(?= ))?"
    typed = re.sub(pattern, lambda found: f"--{found[1].replace('_', '-')}", sentence)
    return typed.replace(f"{NAME} needs ", f"{NAME} needs --dims ")


def _check_outputs(outputs: Mapping[str, str | None], inputs: Mapping[str, str | None]) -> None:
    """Refuse, before any work, files that cannot be written, or that would replace another."""
    taken = {Path(path).resolve(): name for name, path in inputs.items() if path is not None}
    for name, path in outputs.items():
        if path is None:
            continue
        _check_writable(path)
        other = taken.setdefault(Path(path).resolve(), name)
        if other != name:
            raise ValueError(f"{other} and {name} are both {path}; give different files.")


def _read_data(
    args: argparse.Namespace,
    path: str,
    specs: Iterable[DataSpec],
    sizes: Mapping[str, int],
    classes: _Classes | None,
) -> _Examples:
    columns = _pairs("--columns", args.columns, f"{DATA[-1].name}=name")
    if columns and not any(map(_is_table, filter(None, (args.data, vars(args).get("validation"))))):
        raise ValueError(
            f"--columns is for .csv tables, but {path} is none: its arrays are found by name."
        )
    return _read_examples(path, [spec.name for spec in specs], sizes, columns, classes)


def _read_weights_and_data(
    args: argparse.Namespace, specs: Iterable[DataSpec]
) -> tuple[Params, dict[str, tuple[str, ...]], _Examples]:
    """What a command that uses saved parameters is given: they, their classes, and the data."""
    params, classes = _load_labelled(args.weights)
    sizes: dict[str, int] = {}
    _check_params(params, sizes)
    return params, classes, _read_data(args, args.data, specs, sizes, classes)


def _sizes_of(texts: Sequence[str]) -> dict[str, int]:
    pairs = _pairs("--dims", [pair for text in texts for pair in text.split(",")], "H=32")
    return _check_dims({name: _parsed(int, f"--dims {name}", x) for name, x in pairs.items()})


def _initial_of(text: str | None) -> str | dict[str, str] | None:
    """One rule, or rules by parameter: W1=he_normal,W2=zeros."""
    if text is None or "=" not in text:
        return text
    return _pairs("--initial", text.split(","), "W1=he_normal")


def _listed_names(text: str | None) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def _pairs(option: str, texts: Sequence[str], example: str) -> dict[str, str]:
    """Texts such as beta1=0.95 as names and values."""
    pairs = [text.partition("=") for text in texts]
    for name, sign, value in pairs:
        if not (name and sign and value):
            raise ValueError(
                f"{option} {name}{sign}{value}: give a name and a value, as {example}."
            )
    names = [name for name, _, _ in pairs]
    if twice := [name for k, name in enumerate(names) if name in names[:k]]:
        raise ValueError(f"{option} {twice[0]}: two values were given; give one.")
    return {name: value for name, _, value in pairs}


def _parsed(kind: Callable[[str], Any], option: str, text: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise ValueError(f"{option}={text}: {text!r} is not {wanted}.") from None


def _origins(path: str, examples: _Examples) -> str:
    """Which columns of a table were read as what, and which number each class has."""
    lines = []
    for name, columns in examples.columns.items():
        shown = ", ".join(columns) if len(columns) < 5 else f"{columns[0]} … {columns[-1]}"
        lines.append(
            f"{path}: {name} is {shown}" + f" ({len(columns)} columns)" * (len(columns) > 1)
        )
    for name, classes in examples.classes.items():
        numbers = ", ".join(f"{text} = {k}" for k, text in enumerate(classes[:20]))
        lines.append(
            f"{path}: {name} has {len(classes)} classes: {numbers}" + ", …" * (len(classes) > 20)
        )
    return "".join(line + "\n" for line in lines)


def _epochs_table(history: History, most: int = 10) -> str:
    """The history of a run, at most so many epochs: evenly spread, the first and the last too."""
    count = len(history.loss)
    chosen = np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
    columns = {
        name.replace("_", " "): values
        for name, values in history._asdict().items()
        if isinstance(values, np.ndarray) and not np.isnan(values).all()
        if name != "validation_zero_one_loss"  # 1 - accuracy
    }
    rows = [(str(k + 1), *(f"{x[k]:.6g}" for x in columns.values())) for k in chosen]
    return _aligned([("epoch", *columns), *rows], ">" * (len(columns) + 1))


if __name__ == "__main__":
    for _stream in (sys.stdout, sys.stderr):
        if isinstance(_stream, io.TextIOWrapper):
            _stream.reconfigure(errors="replace")  # where θ cannot be shown, ? is better than none
    sys.exit(main())
