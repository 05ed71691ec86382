"""Watches over the program of a job's pod: tells what it does through the pod's door, and ends it when told to."""

from __future__ import annotations

import os
import signal
import time

from atrium_node.loop import Loop
from atrium_node.pod_door import Door, Request, Waiters, warn
from atrium_node.pod_state import PodUsage, SocketCount, find_listening, read_space

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_ORDER_SECONDS = 0.25
_KILL_SECONDS = 0.1
# Between looks for listeners: a share of the time since the start, so that many who start at once leave the processors to what they wait for.
_SHARE_OF_AGE, _QUICKEST_SECONDS, _SLOWEST_SECONDS = 0.02, 0.004, 1.0
_TRUST_SECONDS = 0.25
"""For which the same number of sockets means the same listeners: one may have come as another went."""


class PodWatch:
    """One job: its program, its end, and what the door says of both."""

    def __init__(self, job: dict[str, Any], program: int, order_file: str, end_all: Callable[[int], None]) -> None:
        """`end_all(signal)`: reaches every process of the pod but this one."""
        self._job = job
        self._program = program
        self._order_file = order_file
        self._end_all = end_all
        self._loop = Loop(self._on_child_exit)
        self._waiters = Waiters(self._loop)
        self._usage = PodUsage()
        self._began = time.monotonic()
        self._status = 0
        self._seen_order = ""
        self._deadline: float | None = None
        self._listening: set[str] = set()
        self._sockets = SocketCount()
        self._counted: tuple[bytes, ...] | None = None
        self._looked = 0.0

    def run(self) -> tuple[int, int]:
        """Until the program has ended: its wait status, and how many programs were ended for want of memory."""
        self._open_door()
        self._look_for_orders()
        if self._job["ports"]:
            self._look_for_listeners()
        self._loop.run()
        return self._status, self._usage.read_oom_kills() or 0

    def _open_door(self) -> None:
        wanted = self._job.get("door")
        if wanted is None:
            return
        door = Door(self._loop, wanted["token"])
        door.route("GET", "/state", self._get_state)
        door.route("POST", "/end", self._post_end)
        self._add_routes(door)
        try:
            door.listen(wanted["port"])
        except OSError as error:
            warn(f"the door of the pod cannot be opened at port {wanted['port']}: {error.strerror}")

    def _add_routes(self, door: Door) -> None:
        """Of pods that can do more."""

    def _get_state(self, request: Request) -> None:
        """At once, or with `wait` once other ports are listened on than those in `listening`, names with commas between."""
        known = set(filter(None, request.query.get("listening", "").split(",")))
        self._waiters.hold(request, lambda: self._listening != known, self._describe)

    def _describe(self) -> dict[str, Any]:
        space = read_space(self._job.get("home", self._job["workingDirectory"]))
        return {
            "key": self._job["key"],
            "listening": sorted(self._listening),
            **self._usage.read(),
            **({} if space is None else {"home": space}),
        }

    def _post_end(self, request: Request) -> None:
        self._end(int(request.body["graceMs"]))
        request.answer(202, {})

    def _end(self, grace_ms: int) -> None:
        if self._deadline is None:
            self._end_all(signal.SIGTERM)
        # A second, less patient order shortens the time; none lengthens it.
        wanted = time.monotonic() + max(0, grace_ms) / 1000
        self._deadline = wanted if self._deadline is None else min(self._deadline, wanted)
        self._enforce_end()

    def _enforce_end(self) -> None:
        """What is forked at the same moment may be missed by a signal to all: it is repeated until the program is gone."""
        left = (self._deadline or 0.0) - time.monotonic()
        if left <= 0:
            self._end_all(signal.SIGKILL)
        self._loop.call_later(left if left > 0 else _KILL_SECONDS, self._enforce_end)

    def _look_for_orders(self) -> None:
        text = _read_order(self._order_file)
        if text not in ("", self._seen_order):
            self._seen_order = text
            self._end(int(text))
        self._loop.call_later(_ORDER_SECONDS, self._look_for_orders)

    def _look_for_listeners(self) -> None:
        now, counted = time.monotonic(), self._sockets.read()
        if counted is None or counted != self._counted or now - self._looked >= _TRUST_SECONDS:
            self._counted, self._looked = counted, now
            self._note_listeners()
        if len(self._listening) < len(self._job["ports"]):
            pace = max(_QUICKEST_SECONDS, _SHARE_OF_AGE * (now - self._began))
            self._loop.call_later(min(pace, _SLOWEST_SECONDS), self._look_for_listeners)

    def _note_listeners(self) -> None:
        ports = self._job["ports"]
        found = find_listening(ports.values(), os.getuid())
        listening = {name for name, port in ports.items() if port in found}
        if not listening <= self._listening:
            self._listening |= listening
            self._waiters.tell()

    def _on_child_exit(self, pid: int, status: int) -> None:
        """Of the program; what else dies here, as orphans do, needs no more than to be waited for."""
        if pid == self._program:
            self._status = status
            self._loop.stop()


def _read_order(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            text = file.read().strip()
    except (OSError, ValueError):
        return ""
    return text if text.isdigit() else ""
