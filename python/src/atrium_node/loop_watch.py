"""Sees which modules make an event loop while they are imported (dask_labextension does).

A loop cannot be shared with a forked process: it waits on a descriptor of its own. So such modules are taken out again and each job
imports them for itself.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.selector_events import BaseSelectorEventLoop
from typing import Any


class LoopWatch:
    """Between `start` and `stop` every new loop is remembered, with the module whose import made it."""

    def __init__(self) -> None:
        self.makers: set[str] = set()
        self._loops: list[Any] = []
        self._initialize = BaseSelectorEventLoop.__init__

    def start(self) -> None:
        """From now on."""
        initialize = self._initialize

        def note(loop: Any, *arguments: Any, **options: Any) -> None:
            initialize(loop, *arguments, **options)
            self._loops.append(loop)
            self.makers |= _importing_modules()

        BaseSelectorEventLoop.__init__ = note  # type: ignore[method-assign]

    def stop(self) -> None:
        """The loops are closed, and the next one to be asked for is new."""
        BaseSelectorEventLoop.__init__ = self._initialize  # type: ignore[method-assign]
        if not self._loops:
            return
        for loop in self._loops:
            loop.close()
        asyncio.set_event_loop(None)
        asyncio.set_event_loop_policy(None)


def _importing_modules() -> set[str]:
    """The innermost module that is being imported. The loop may be kept anywhere else only through it."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back  # type: ignore[assignment]
    return {str(frame.f_globals.get("__name__", ""))} if frame is not None else set()
