"""Lets a test kill the agent at a named point, as a power cut or an out-of-memory killer would."""

from __future__ import annotations

import os
import signal


class Faults:
    """Points: forked, recorded, released, stopping, exited. Without a wanted point nothing ever happens."""

    def __init__(self, wanted: str | None) -> None:
        self._wanted = wanted

    def reach(self, point: str) -> None:
        """Dies here, at once and without any cleaning up, when this is the wanted point."""
        if point == self._wanted:
            os.kill(os.getpid(), signal.SIGKILL)
