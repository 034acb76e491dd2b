"""Work on things that nobody can trust, each in a process of its own with limits.

Why it exists: a submission may be anything. One that runs out of time or memory, or that finds a
mistake of ours and crashes, must cost its own mark and nobody else's. So each is worked on in a
child process, which is forked from a parent that has everything loaded (a fork takes
milliseconds), has a limit on its memory and its processor time, and is killed when its time is up.
The child's answer comes through a pipe; what it leaves behind is nothing.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import selectors
import signal
import sys
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, NoReturn, TypeVar

T = TypeVar("T")

LONGEST_ANSWER = 4 * 2**20
"""Bytes of an answer."""


class Limits(NamedTuple):
    """What one child may use: seconds of time, bytes of memory beyond what the parent has."""

    seconds: float = 20.0
    memory: int = 512 * 2**20


class Outcome(NamedTuple, Generic[T]):
    """A task with its answer, or with the sentence that says why it has none."""

    task: T
    answer: dict[str, Any] | None
    failure: str
    seconds: float


_OUT_OF_MEMORY = 77
"""The exit status of a child that ran out of memory."""


@dataclass
class _Child(Generic[T]):
    task: T
    process: int
    pipe: int
    started: float
    received: bytearray = field(default_factory=bytearray)
    late: bool = False

    def kill(self) -> None:
        with suppress(ProcessLookupError):  # it has just ended by itself
            os.kill(self.process, signal.SIGKILL)

    def outcome(self, limits: Limits) -> Outcome[T]:
        """What came of it, once its pipe is at its end."""
        os.close(self.pipe)
        _, status = os.waitpid(self.process, 0)
        seconds = time.monotonic() - self.started
        failure = self._failure(status, limits)
        answer = None if failure else json.loads(bytes(self.received))
        return Outcome(self.task, answer, failure, seconds)

    def _failure(self, status: int, limits: Limits) -> str:
        code = os.waitstatus_to_exitcode(status)
        if self.late or code == -signal.SIGXCPU:
            return f"it took more than {limits.seconds:g} seconds and was stopped"
        if code == _OUT_OF_MEMORY or (code < 0 and _is_memory(self.received)):
            return f"it needed more than {limits.memory / 2**20:g} MB of memory and was stopped"
        if len(self.received) > LONGEST_ANSWER:
            return "its report is longer than any report should be, and was dropped"
        if code != 0:
            said = self.received.decode(errors="replace").strip().splitlines()
            return f"symgrad failed on it: {said[-1] if said else f'signal {-code}'}"
        return ""


def _is_memory(received: bytearray) -> bool:
    return b"MemoryError" in received


def each(
    tasks: Sequence[T],
    work: Callable[[T], dict[str, Any]],
    jobs: int,
    limits: Limits,
) -> Iterator[Outcome[T]]:
    """``work`` on every task, as many at once as there are ``jobs``, in the order they end.

    ``work`` returns what JSON can hold. However the iteration ends, by an exception too, no child
    is left. Needs `os.fork`.
    """
    waiting = deque(tasks)
    running: dict[int, _Child[T]] = {}
    gc.collect()
    gc.freeze()  # a collection in a child would copy every page that it shares with us
    try:
        with selectors.DefaultSelector() as selector:
            while waiting or running:
                while waiting and len(running) < jobs:
                    child = _start(waiting.popleft(), work, limits)
                    running[child.pipe] = child
                    selector.register(child.pipe, selectors.EVENT_READ)
                for key, _ in selector.select(_patience(running.values(), limits)):
                    child = running[key.fd]
                    chunk = os.read(key.fd, 2**16)
                    child.received += chunk
                    if len(child.received) > LONGEST_ANSWER:
                        child.kill()
                    if not chunk:
                        selector.unregister(key.fd)
                        del running[key.fd]
                        yield child.outcome(limits)
                now = time.monotonic()
                for child in running.values():
                    if now - child.started > limits.seconds and not child.late:
                        child.late = True
                        child.kill()
    finally:
        for child in running.values():
            child.kill()
            os.close(child.pipe)
            os.waitpid(child.process, 0)
        gc.unfreeze()


def _patience(children: Any, limits: Limits) -> float:
    """Seconds until the next child has used up its time."""
    now = time.monotonic()
    left = [child.started + limits.seconds - now for child in children if not child.late]
    return max(0.0, min(left, default=1.0)) + 0.01


def _start(task: T, work: Callable[[T], dict[str, Any]], limits: Limits) -> _Child[T]:
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        # from Python 3.12 on: NumPy's BLAS has threads, which sleep while we fork
        warnings.simplefilter("ignore", DeprecationWarning)
        process = os.fork()
    if process == 0:
        _live(reading, writing, task, work, limits)
    os.close(writing)
    return _Child(task, process, reading, time.monotonic())


def _live(
    reading: int, writing: int, task: T, work: Callable[[T], dict[str, Any]], limits: Limits
) -> NoReturn:
    """The life of a child."""
    status = 1
    try:
        for stop in (signal.SIGINT, signal.SIGTERM):
            signal.signal(stop, signal.SIG_DFL)
        os.close(reading)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        _limit(limits)
        _send(writing, json.dumps(work(task)).encode())
        status = 0
    except MemoryError:
        status = _OUT_OF_MEMORY
    except BaseException:
        _send(writing, traceback.format_exc().encode(errors="replace"))
    finally:
        os._exit(status)


def _limit(limits: Limits) -> None:
    memory = _own_memory() + limits.memory
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, int(limits.seconds) + 1),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),  # it has nothing to write but its answer, to a pipe
    ):
        _, hard = resource.getrlimit(what)
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        with suppress(ValueError, OSError):  # a system that has no such limit still has the time
            resource.setrlimit(what, (most, hard))


def _own_memory() -> int:
    """The address space that the parent has handed down, in bytes."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:  # no /proc, as on macOS
        return 4 * 2**30


def _send(pipe: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(pipe, view) :]
