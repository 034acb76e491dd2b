"""Interrupts: Ctrl-C ends a run where it can be continued."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class _Interrupts:
    """While it is entered, Ctrl-C and SIGTERM only set `asked`; a second one raises.

    Python lets only the main thread handle signals; in others nothing changes. Signals that the
    process ignores stay ignored.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> _Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) not in (None, signal.SIG_IGN):
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
