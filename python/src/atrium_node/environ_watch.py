"""Sees which environment variables modules read while they are imported.

A module that keeps such a value would give a warm job the fork server's instead of its own. So every variable read during
preloading is remembered, and a job that has another value for one of them is started cold, unless it is known to matter
only while it is read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

# Read at import, not kept (homes are: see kept_home.py), or looked up again when used.
_HARMLESS = frozenset(
    {
        "HOME", "PATH", "USER", "LOGNAME", "USERNAME", "SHELL", "TERM", "COLUMNS", "LINES", "LANG", "LC_ALL", "LC_CTYPE",
        "LC_MESSAGES", "LANGUAGE", "TMPDIR", "TEMP", "TMP", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE",
        "COLORTERM", "TZ", "PWD", "CI",
    }
)  # fmt: skip


class _WatchedEnviron(os._Environ):  # type: ignore[type-arg]
    """`os.environ` and `os.environb` while modules are loaded."""

    watch: EnvironWatch

    def __getitem__(self, key: str | bytes) -> str | bytes:
        value: str | bytes | None = None
        try:
            found: str | bytes = super().__getitem__(key)
            value = found
            return found
        finally:
            self.watch.note(key, value)

    def __contains__(self, key: object) -> bool:
        return self.get(key) is not None

    def __iter__(self) -> Iterator[str]:
        self.watch.note("*", None)
        return super().__iter__()


class EnvironWatch:
    """Between `start` and `stop` all reads are remembered, with the module whose import made them."""

    def __init__(self) -> None:
        self._values: dict[str, str | None] = {}
        self._readers: dict[str, set[str]] = {}

    def start(self) -> None:
        """From now on."""
        _WatchedEnviron.watch = self
        os.environ.__class__ = os.environb.__class__ = _WatchedEnviron

    def stop(self) -> None:
        """`os.environ` is an ordinary one again."""
        os.environ.__class__ = os.environb.__class__ = os._Environ

    def note(self, key: str | bytes, value: str | bytes | None) -> None:
        """One read."""
        name = os.fsdecode(key)
        self._values.setdefault(name, None if value is None else os.fsdecode(value))
        self._readers.setdefault(name, set()).add(_importing_module())

    def find_readers(self, names: frozenset[str]) -> set[str]:
        """Modules that read any of these variables while they were imported."""
        return {module for name in names for module in self._readers.get(name, ())}

    def forget_readers(self, modules: set[str]) -> None:
        """These modules are imported anew in each job: what they read now does not matter."""
        for name, readers in self._readers.items():
            readers -= modules
            if not readers:
                self._values.pop(name, None)

    def find_difference(self, environment: dict[str, str]) -> str | None:
        """A variable that modules read and for which this environment has another value."""
        for name, value in self._values.items():
            if name != "*" and name not in _HARMLESS and environment.get(name) != value:
                return name
        return None


def _importing_module() -> str:
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back  # type: ignore[assignment]
    return str(frame.f_globals.get("__name__", "")) if frame is not None else ""
