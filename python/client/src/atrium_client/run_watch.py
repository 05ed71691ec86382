"""Follows a run of the platform in the background, for who must know when it ends or loses a part."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from atrium_client.api import Api, ApiError

ENDED = frozenset({"succeeded", "failed", "cancelled", "preempted"})
"""States of a run that are over; contract: `endedJobStates`."""

_STARTING_SECONDS, _RUNNING_SECONDS = 0.5, 5.0

Run = dict[str, Any]


class RunWatch:
    """Asks for a run until it has ended. A platform that does not answer says nothing of the run."""

    def __init__(self, api: Api, run: int, on_change: Callable[[Run], None], on_end: Callable[[Run], None]) -> None:
        """`on_change`: with each answer; `on_end`: once, last. Both are called in a thread of the watch's own."""
        self._api = api
        self._run = run
        self._on_change = on_change
        self._on_end = on_end
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"watch(run={run})", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No more calls, but for one that is under way."""
        self._stopped.set()

    def _follow(self) -> None:
        while not self._stopped.is_set():
            run = find_run(self._api, self._run)
            if run is not None:
                self._on_change(run)
                if run["state"] in ENDED:
                    if not self._stopped.is_set():
                        self._on_end(run)
                    return
            is_complete = run is not None and run["jobs"]["waiting"] == 0
            self._stopped.wait(_RUNNING_SECONDS if is_complete else _STARTING_SECONDS)


def find_run(api: Api, run: int) -> Run | None:
    """The run without its jobs; None while the platform does not answer. One whose record is gone has ended."""
    try:
        found: Run = api.call("GET", f"/api/v1/runs/{run}", query={"limit": 0})
        return found
    except ApiError as error:
        if error.status == 404:
            return {"id": run, "state": "cancelled", "jobs": {"waiting": 0, "running": 0, "failed": 0}}
        return None
