"""A worker that closes is gone soon: distributed would wait for tasks that still run, whose results nobody wants any more.

A nanny would end it then; our workers have none. A preload of workers, switched on by dask_worker.py.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Any

_SECONDS = 2.0
"""For what is under way to other workers, and for teardown of people's own plugins."""
_FAREWELL_SECONDS = 0.1
"""For the last lines of the log, once it has closed."""
_POSITION_OF_WAIT = 2
"""`Worker.close(timeout, executor_wait, ...)`."""

_MAIN = "main.<locals>.run"
"""What `distributed.cli.dask_worker` runs until its worker has closed."""


def dask_setup(worker: Any) -> None:
    """Called by distributed once the worker is made. Closing may be cancelled on its way, and then never comes to the preloads' teardown."""
    close = worker.close

    async def close_in_time(*args: Any, **more: Any) -> Any:
        _end_after(_SECONDS)
        if len(args) < _POSITION_OF_WAIT:
            # Idle threads of its pools look for work once a second: waiting for each pool is seconds for nothing.
            more["executor_wait"] = False
        try:
            result = await close(*args, **more)
        except asyncio.CancelledError:
            # Its scheduler went away meanwhile: distributed waits for the end of a close that nobody goes on with.
            _end_after(0.0)
            raise
        # What is left is Python's own end, which waits for idle threads as well.
        _end_after(_FAREWELL_SECONDS)
        return result

    worker.close = close_in_time
    for task in asyncio.all_tasks():
        if getattr(task.get_coro(), "__qualname__", "") == _MAIN:
            task.add_done_callback(_end_with)


def _end_with(main: asyncio.Task[Any]) -> None:
    """What is still awaited then is given up by asyncio, which waits for it all the same: seen for as long as it may, of many that end at once."""
    if not main.cancelled() and main.exception() is None:
        _end_after(_FAREWELL_SECONDS)


def _end_after(seconds: float) -> None:
    timer = threading.Timer(seconds, os._exit, (0,))
    timer.daemon = True
    timer.start()
