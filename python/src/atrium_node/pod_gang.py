"""The first process of the main pod of a job of several pods: waits until the others are there, and then starts the job's tasks on them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from atrium_node.pod_agent import ask_for
from atrium_node.pod_door import Door, Request
from atrium_node.pod_watch import PodWatch

# Less than what nodes give pods to end: 30 seconds.
_DRAIN_GRACE_MS = 25_000


class GangWatch(PodWatch):
    """`start(addresses, own)` starts the program that stands for all tasks; answers its process id."""

    def __init__(
        self,
        job: dict[str, Any],
        order_file: str,
        end_all: Callable[[int], None],
        start: Callable[[list[str], str], int],
    ) -> None:
        super().__init__({**job, "ports": {}}, 0, order_file, end_all)
        self._start = start
        self._addresses: list[str] = []

    def _add_routes(self, door: Door) -> None:
        door.route("POST", "/start", self._post_start)

    def _post_start(self, request: Request) -> None:
        """Addresses of the pods, in the order of their shares. A second one has no effect."""
        addresses = [str(address) for address in request.body["addresses"]]
        if not self._addresses:
            self._addresses = addresses
            # The address by which the platform has reached this pod is the one that other pods reach.
            own = request.connection.getsockname()[0]
            self._program = self._start(addresses, own[7:] if own.startswith("::ffff:") else own)
        request.answer(202, {})

    def _enforce_end(self) -> None:
        super()._enforce_end()
        if not self._program:
            self._status = int(signal.SIGTERM)
            self._loop.stop()

    def end_everywhere(self) -> None:
        """The node wants this pod to end, which the others do not hear of: a drain, the job's time limit."""
        # Whoever tells the others must not hear it, too.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        if os.fork() == 0:
            for address in self._addresses:
                ask_for(address, self._job["door"], "/end", graceMs=_DRAIN_GRACE_MS)
            os._exit(0)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._end(_DRAIN_GRACE_MS)

    def release(self) -> None:
        """Lets the other pods go."""
        for address in self._addresses:
            ask_for(address, self._job["door"], "/release")
