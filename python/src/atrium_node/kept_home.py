"""Finds what modules kept of the home folder they saw at import, and puts the job's own in its place.

The fork server runs with a home that nobody has, so its name can be found again wherever a module put it.
"""

from __future__ import annotations

import gc
from pathlib import PurePath
from typing import Any

MARKER_HOME = "/proc/atrium-preload"
"""HOME of every fork server: nobody can make it, root neither. Dask writes its templates into the home that it is imported with."""

_CONTAINERS = (dict, list, tuple, set, frozenset)


class KeptHome:
    """Places where the marker is kept: keys of dictionaries and lists, attributes of objects, and paths of pathlib."""

    def __init__(self, own: list[object]) -> None:
        """Looks at every object there is, but for `own`: places of ours that hold the marker."""
        self._keys: list[tuple[Any, Any]] = []
        self._attributes: list[tuple[Any, str]] = []
        self._paths: list[PurePath] = []
        self.stuck: list[str] = []
        """Places that cannot be changed: their environment cannot start warm."""
        passed_over = {id(each) for each in (own, *own, globals())}
        for holder in _find_holders(passed_over):
            self._remember(holder)

    def _remember(self, holder: Any) -> None:
        if isinstance(holder, PurePath):
            self._paths.append(holder)
            return
        if isinstance(holder, dict):
            self._keys += [(holder, key) for key, value in holder.items() if _has_marker(value)]
            return
        if isinstance(holder, list):
            self._keys += [(holder, index) for index, value in enumerate(holder) if _has_marker(value)]
            return
        attributes = [name for name, value in getattr(holder, "__dict__", {}).items() if _has_marker(value)]
        if attributes:
            self._attributes += [(holder, name) for name in attributes]
        else:
            self.stuck.append(f"a {type(holder).__module__}.{type(holder).__qualname__}")

    def replace(self, home: str) -> None:
        """In this process the marker's places hold `home`."""
        for holder, key in self._keys:
            holder[key] = _replaced(holder[key], home)
        for holder, name in self._attributes:
            setattr(holder, name, _replaced(getattr(holder, name), home))
        for path in self._paths:
            _become_path(path, type(path)(_replaced(str(path), home)))


def _find_holders(passed_over: set[int]) -> list[object]:
    found: list[object] = []
    for holder in gc.get_objects():
        if id(holder) not in passed_over:
            _look_into(holder, passed_over, found)
    return found


def _become_path(path: PurePath, other: PurePath) -> None:
    """Whoever holds a path, and be it a tuple, then holds the other: paths keep their parts in slots."""
    for name in {slot for each in type(path).__mro__ for slot in getattr(each, "__slots__", ())}:
        if hasattr(other, name):
            object.__setattr__(path, name, getattr(other, name))
        elif hasattr(path, name):
            object.__delattr__(path, name)


def _look_into(holder: object, passed_over: set[int], found: list[object]) -> None:
    # A path that nobody has printed yet holds no text but its parts.
    has_marker = isinstance(holder, PurePath) and _has_marker(str(holder))
    for value in gc.get_referents(holder):
        if _has_marker(value):
            has_marker = True
        # Containers of nothing but text are not in the collector's list themselves.
        elif isinstance(value, _CONTAINERS) and not gc.is_tracked(value) and id(value) not in passed_over:
            _look_into(value, passed_over, found)
    if has_marker:
        found.append(holder)


def _has_marker(value: object) -> bool:
    if type(value) is str:
        return MARKER_HOME in value
    return type(value) is bytes and MARKER_HOME.encode() in value


def _replaced(value: Any, home: str) -> Any:
    if type(value) is bytes:
        return value.replace(MARKER_HOME.encode(), home.encode(errors="surrogateescape"))
    return value.replace(MARKER_HOME, home)
