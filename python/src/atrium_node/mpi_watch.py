"""Sees whether the ranks of a job load the MPI that they were started for.

A program that loads another one takes itself for the only rank, and as many of it compute the same in vain and write the
same files. Scripts, and what they load, are known only once they run; so the libraries of running ranks are looked at.
"""

from __future__ import annotations

import os
import time

from atrium_node import linux
from atrium_node.child_plan import KEY_VARIABLE
from atrium_node.mpi_flavour import FLAVOURS, flavour_of_library, is_mpi_library

# Seconds since the start, seconds between looks.
_PACES = ((10.0, 0.2), (60.0, 1.0))
_SLOW_PACE_SECONDS = 10.0


class MpiWatch:
    """The ranks of one job that run on this node."""

    def __init__(self, key: str, flavour: str) -> None:
        self._mark = f"{KEY_VARIABLE}={key}".encode()
        self._flavour = flavour
        self._began = time.monotonic()

    def pace_seconds(self) -> float:
        """Until the next look."""
        age = time.monotonic() - self._began
        return next((pace for limit, pace in _PACES if age < limit), _SLOW_PACE_SECONDS)

    def look(self) -> tuple[bool, str | None]:
        """Whether it is known now, and what is wrong then."""
        found = {flavour: library for pid in self._list_ranks() for flavour, library in _find_mpi(pid).items()}
        if self._flavour in found or not found:
            return bool(found), None
        flavour, library = next(iter(found.items()))
        return True, (
            f"they were started for {FLAVOURS[self._flavour]}, but load {FLAVOURS[flavour]} ({library}): each would take "
            f"itself for the only one. Ask for the right one (`--mpi {flavour}`)"
        )

    def _list_ranks(self) -> list[int]:
        uid = os.getuid()
        return [pid for pid in linux.list_pids() if linux.process_owner(pid) == uid and self._is_marked(pid)]

    def _is_marked(self, pid: int) -> bool:
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                return self._mark in file.read().split(b"\0")
        except OSError:
            return False


def _find_mpi(pid: int) -> dict[str, str]:
    """The MPI libraries of a process by flavour."""
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as file:
            paths = [words[5].rstrip("\n") for words in (line.split(None, 5) for line in file) if len(words) == 6]
    except OSError:
        return {}
    return {flavour_of_library(path, paths): path for path in paths if is_mpi_library(path)}
