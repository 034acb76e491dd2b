"""The command line of a generated module: fit, predict, check, info."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from inspect import Parameter, signature

import numpy as np

from .checks import _shape_text, predict
from .gradient_check import check_gradients
from .interface import DATA, DTYPE, INPUTS, NAME, PARAM_SHAPES
from .storage import _check_writable, _read_arrays, _write_arrays, load, save
from .training import OPTIMIZERS, fit

FIT_OPTIONS = {
    "epochs": (int, "passes over the data"),
    "batch_size": (int, "examples per update"),
    "learning_rate": (float, "step length η"),
    "optimizer": (str, f"one of: {', '.join(OPTIMIZERS)}"),
    "seed": (int, "of initial parameters and shuffling"),
    "params": (str, ".npz file of parameters to start from"),
    "validation": (str, ".npz file of data to measure after each epoch"),
    "patience": (int, "epochs to wait for a lower validation loss"),
    "checkpoint": (str, ".npz file written after each epoch and resumed from"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 wrong gradient, 2 bad input."""
    args = _parser().parse_args(arguments)
    try:
        return int(args.command(args))
    except (ValueError, FloatingPointError, OSError) as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=NAME, description=f"Train and use {NAME}.")
    commands = parser.add_subparsers(required=True, metavar="command")

    train = commands.add_parser("fit", help="train and save the parameters")
    train.set_defaults(command=_fit)
    names = ", ".join(spec.name for spec in DATA)
    train.add_argument("data", help=f".npz file with {names}, one example per row")
    train.add_argument("--out", required=True, help=".npz file for the parameters")
    for name, (kind, text) in FIT_OPTIONS.items():
        default = signature(fit).parameters[name].default
        options = {"required": True} if default is Parameter.empty else {"default": default}
        train.add_argument("--" + name.replace("_", "-"), type=kind, help=text, **options)
    train.add_argument(
        "--dims", nargs="+", default=[], metavar="NAME=SIZE", help="sizes the data do not show"
    )
    train.add_argument("--quiet", action="store_true", help="no progress bar")

    apply = commands.add_parser("predict", help="predict from saved parameters")
    apply.set_defaults(command=_predict_file)
    apply.add_argument("params", help="parameters saved by fit")
    apply.add_argument("data", help=f".npz file with {', '.join(INPUTS)}")
    apply.add_argument("--out", required=True, metavar="FILE", help=".npz file for `predictions`")

    check = commands.add_parser("check", help="compare the gradient with differences of the loss")
    check.set_defaults(command=_check)
    check.add_argument("--seed", type=int, default=0)

    info = commands.add_parser("info", help="show the parameters and the data, with their shapes")
    info.set_defaults(command=_info)
    return parser


def _fit(args: argparse.Namespace) -> int:
    _check_writable(args.out)
    names = [spec.name for spec in DATA]
    options = {name: getattr(args, name) for name in FIT_OPTIONS}
    if args.params is not None:
        options["params"] = load(args.params)
    if args.validation is not None:
        options["validation"] = _read_named(args.validation, names)
    for text in args.dims:
        name, _, size = text.partition("=")
        if not size.isdecimal():
            raise ValueError(f"--dims {text}: give a name and a size, such as H=32.")
        options[name] = int(size)
    params, history = fit(*_read_named(args.data, names), progress=not args.quiet, **options)
    save(params, args.out)
    for name, values in history._asdict().items():
        if len(values) and np.isfinite(values[-1]):
            print(f"{name.replace('_', ' ')} {values[-1]:.6g}")
    return 0


def _predict_file(args: argparse.Namespace) -> int:
    _check_writable(args.out)
    predictions = predict(load(args.params), *_read_named(args.data, INPUTS))
    _write_arrays(args.out, {"predictions": predictions})
    return 0


def _check(args: argparse.Namespace) -> int:
    report = check_gradients(seed=args.seed)
    print(report)
    return 0 if report.ok else 1


def _info(args: argparse.Namespace) -> int:
    print(f"{NAME}, {np.dtype(DTYPE)}\nparameters")
    for name, shape in PARAM_SHAPES.items():
        print(f"  {name} {_shape_text(shape)}")
    print("data, one example per row")
    for spec in DATA:
        fact = "" if spec.classes is None else f" integer label in 0…{spec.classes}-1"
        fact += " probabilities" if spec.simplex else ""
        print(f"  {spec.name} {_shape_text(('N', *spec.shape))}{fact}")
    return 0


def _read_named(path: str, names: Sequence[str]) -> tuple[np.ndarray, ...]:
    arrays = _read_arrays(path)
    if missing := [name for name in names if name not in arrays]:
        raise ValueError(f"{path} has no array {', '.join(missing)}; it has {', '.join(arrays)}.")
    return tuple(arrays[name] for name in names)


if __name__ == "__main__":
    sys.exit(main())
