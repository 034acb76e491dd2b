# mypy: disable-error-code="no-any-return, call-arg, attr-defined, unreachable"
"""Meetings: two threads that work on one step, and wait for each other in compiled code.

Each thread counts the meetings that it has come to, in a line of cache of its own, and waits until
the other's count is as high: about a third of a microsecond where both are there. A thread that has
waited for long lets other programs have its core. Copied by source into the files that need it.
"""

import ctypes
import os
from collections.abc import Callable
from threading import Thread
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import config, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

PATIENCE = 4096
"""How often a thread looks whether the other has come before it lets others have its core."""
GONE = np.iinfo(np.int64).max
"""The number of meetings that a thread has been to when there is no need to wait for it."""

YIELD = "symgrad_yield"
"""Compiled code calls `sched_yield` under a name of its own; see `blas`."""
if os.name == "posix":
    llvmlite.binding.add_symbol(
        YIELD, ctypes.cast(ctypes.CDLL(None).sched_yield, ctypes.c_void_p).value
    )


def two_threads() -> bool:
    """Whether there are two cores to compute on."""
    return os.name == "posix" and config.NUMBA_NUM_THREADS > 1


def _on_two_threads(met: np.ndarray, this: Callable[[], int], that: Callable[[], int]) -> int:
    """`this()`, with `that()` on another thread beside it.

    Whichever ends early, by an error or an interrupt, the other does not wait for it.
    """
    failures: list[BaseException] = []

    def other() -> None:
        try:
            that()
        except BaseException as error:
            failures.append(error)
        finally:
            met[1] = GONE

    met[:] = 0
    thread = Thread(target=other, daemon=True)
    thread.start()
    try:
        taken = this()
    finally:
        met[0] = GONE
        thread.join()
    if failures:
        raise failures[0]
    return taken


@njit(nogil=True)
def _wait(met: np.ndarray, half: int) -> None:
    """Wait until the other thread has come to as many meetings."""
    looked = 0
    while _look(met, 1 - half) < met[half, 0]:
        looked += 1
        if looked > PATIENCE:
            _let_others()


@njit
def _arrive(met: np.ndarray, half: int) -> None:
    """Come to a meeting: the other thread sees what was written before."""
    _show(met, half, met[half, 0] + 1)


def _counter(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """The address of met[half, 0]."""
    array = context.make_array(signature.args[0])(context, builder, args[0])
    return builder.gep(array.data, [builder.mul(args[1], ir.Constant(args[1].type, 8))])


@intrinsic
def _look(typing_context: Any, met: Any, half: Any) -> Any:
    """met[half, 0], and all that was written before it."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(_counter(context, builder, signature, args), "acquire", 8)

    return types.int64(met, types.int64), codegen


@intrinsic
def _show(typing_context: Any, met: Any, half: Any, count: Any) -> Any:
    """met[half, 0] = count, after all that was written before."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address = _counter(context, builder, signature, args)
        builder.store_atomic(args[2], address, "release", 8)
        return context.get_dummy_value()

    return types.void(met, types.int64, types.int64), codegen


@intrinsic
def _let_others(typing_context: Any) -> Any:
    """Let other threads have this core, if there are any that want it."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        routine = ir.FunctionType(ir.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, routine, YIELD), [])
        return context.get_dummy_value()

    return types.void(), codegen
