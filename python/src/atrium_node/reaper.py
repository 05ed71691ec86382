"""The end of a job: everything of it goes, its exit is recorded and told."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from atrium_node import stragglers
from atrium_node.job import Job, now_ms
from atrium_node.launcher import Launcher
from atrium_node.loop import Loop
from atrium_node.records import RecordError, RecordStore

_POLL_SECONDS = 0.01
_PATIENCE_POLLS = 500
_RETRY_SECONDS = 5.0


class Reaper:
    """Ends jobs whose first process is gone."""

    def __init__(self, loop: Loop, records: RecordStore, launcher: Launcher, publish: Callable[[dict[str, Any]], None]) -> None:
        self._loop = loop
        self._records = records
        self._launcher = launcher
        self._publish = publish

    def end(self, job: Job, status: int | None) -> None:
        """Kills what is left, then announces. `status` None: nobody saw how it ended."""
        job.ending = True
        job.usage()
        job.exit = job.describe_exit(status, job.cgroup.usage().oom_kills)
        for timer in (job.time_limit, job.kill_timer):
            if timer is not None:
                timer.cancel()
        self._clear(job, 0)

    def _clear(self, job: Job, polls: int) -> None:
        """A killed process may take a moment to go; after five seconds one that cannot die is left behind."""
        left = not stragglers.send(job, signal.SIGKILL) or not job.cgroup.remove()
        if left and polls < _PATIENCE_POLLS:
            self._loop.call_later(_POLL_SECONDS, lambda: self._clear(job, polls + 1))
            return
        self._launcher.give_back(job)
        job.state = "ended"
        job.ended_at_ms = now_ms()
        self._save(job)
        self._publish({"event": "exited", "key": job.key, **(job.exit or {})})

    def _save(self, job: Job) -> None:
        try:
            self._records.save(job.key, job.to_record())
        except RecordError:
            if not self._records.exists(job.key):
                return
            # Full disk: clients have the answer from memory, the disk gets it as soon as it can.
            self._loop.call_later(_RETRY_SECONDS, lambda: self._save(job))
