"""A worker that closes is gone soon: distributed would wait for tasks that still run, whose results nobody wants any more.

A nanny would end it then; our workers have none. A preload of workers, switched on by dask_worker.py.
"""

from __future__ import annotations

import os
import threading
from typing import Any

_SECONDS = 2.0
"""For what is under way to other workers, and for teardown of people's own plugins that came before."""


def dask_teardown(_worker: Any) -> None:
    """Called by distributed when the scheduler knows that this worker closes."""
    timer = threading.Timer(_SECONDS, os._exit, (0,))
    timer.daemon = True
    timer.start()
