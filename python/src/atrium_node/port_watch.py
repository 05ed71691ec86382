"""Tells when a job's port is listened on, and by its owner: another user's program on it is not the job."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from atrium_node.job import Job
from atrium_node.loop import Loop
from atrium_node.ports import listening_owners

# Seconds since the job's start, seconds between looks: a warm start is ready in a tenth of a second.
_PACES = ((1.0, 0.005), (10.0, 0.02), (60.0, 0.2))
_SLOW_PACE = 2.0
_LONGEST_SHARE = 0.05
"""Of the agent's time for looking: a look at a machine with many connections takes longer."""


class PortWatch:
    """Looks only while a job with ports does not yet listen."""

    def __init__(self, loop: Loop, publish: Callable[[dict[str, Any]], None]) -> None:
        self._loop = loop
        self._publish = publish
        self._waiting: dict[str, tuple[Job, float]] = {}
        self._timer_is_set = False
        self._look_seconds = 0.0

    def add(self, job: Job) -> None:
        """Publishes `listening` once every port of the job is listened on by the job's owner."""
        if job.ports:
            self._waiting[job.key] = (job, time.monotonic())
            self._plan()

    def _plan(self) -> None:
        if self._timer_is_set or not self._waiting:
            return
        youngest = time.monotonic() - max(since for _, since in self._waiting.values())
        pace = next((pace for limit, pace in _PACES if youngest < limit), _SLOW_PACE)
        self._timer_is_set = True
        self._loop.call_later(max(pace, self._look_seconds / _LONGEST_SHARE), self._look)

    def _look(self) -> None:
        self._timer_is_set = False
        began = time.monotonic()
        owners = listening_owners()
        self._look_seconds = time.monotonic() - began
        for key, (job, _) in list(self._waiting.items()):
            if job.state == "ended" or job.ending:
                del self._waiting[key]
            elif all(owners.get(port) == job.uid for port in job.ports.values()):
                del self._waiting[key]
                job.listening = True
                self._publish({"event": "listening", "key": key, "ports": job.ports})
        self._plan()
