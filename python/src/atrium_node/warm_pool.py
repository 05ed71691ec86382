"""Warm environments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from atrium_node.launcher import Launch
from atrium_node.loop import Loop


class WarmPool:
    """None yet."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def fork(self, launch: Launch, done: Callable[[int | None, str], None]) -> None:
        """Answers the pid of a process that waits for "go", or None and why."""
        done(None, "not preloaded")

    def preload(self, request: dict[str, Any]) -> dict[str, Any]:
        """Starts a fork server."""
        return {}

    def unload(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ends a fork server."""
        return {}

    def status(self) -> list[dict[str, Any]]:
        """For people."""
        return []

    def on_child_exit(self, pid: int) -> bool:
        """True when it was one of ours."""
        return False

    def close(self) -> None:
        """Ends all."""
