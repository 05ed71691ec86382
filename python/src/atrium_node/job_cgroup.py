"""The control groups of one job. The same few verbs for version 2, version 1 and none, so callers never ask which."""

from __future__ import annotations

import os
import signal

from atrium_node.cgroup_files import read_counter, read_text, try_write


class Usage:
    """What a job has used so far; None where it is not known."""

    __slots__ = ("memory_bytes", "cpu_seconds", "oom_kills")

    def __init__(self, memory_bytes: int | None, cpu_seconds: float | None, oom_kills: int) -> None:
        self.memory_bytes = memory_bytes
        self.cpu_seconds = cpu_seconds
        self.oom_kills = oom_kills


class JobCgroup:
    """Folders of one job: `v2`, or one per version 1 controller, or none at all."""

    __slots__ = ("folders",)

    def __init__(self, folders: dict[str, str]) -> None:
        """`folders` is what a job's record keeps: the next agent finds the same groups by it."""
        self.folders = folders

    @property
    def tracks(self) -> bool:
        """Every process of the job can be found by its group, daemons too."""
        return bool(self.folders)

    def attach(self, pid: int) -> None:
        """Moves one process in that has no right to enter by itself."""
        for folder in self.folders.values():
            with open(os.path.join(folder, "cgroup.procs"), "w", encoding="ascii") as stream:
                stream.write(str(pid))

    def pids(self) -> set[int]:
        """Every process in the groups."""
        found: set[int] = set()
        for folder in self.folders.values():
            found.update(int(line) for line in read_text(os.path.join(folder, "cgroup.procs")).split())
        # A process of another pid namespace shows as 0.
        found.discard(0)
        return found

    def kill(self) -> bool:
        """SIGKILL to everything in the group. True when nothing was left in it."""
        pids = self.pids()
        if not pids:
            return True
        if "v2" in self.folders and try_write(os.path.join(self.folders["v2"], "cgroup.kill"), "1"):
            return False
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return False

    def usage(self) -> Usage:
        """From the kernel's counters: a few small files."""
        if "v2" in self.folders:
            folder = self.folders["v2"]
            cpu_us = read_counter(os.path.join(folder, "cpu.stat"), "usage_usec")
            return Usage(
                read_counter(os.path.join(folder, "memory.current")),
                None if cpu_us is None else cpu_us / 1e6,
                read_counter(os.path.join(folder, "memory.events"), "oom_kill") or 0,
            )
        if "memory" not in self.folders:
            return Usage(None, None, 0)
        memory = self.folders["memory"]
        accounting = self.folders.get("cpuacct") or self.folders["cpu"]
        nanoseconds = read_counter(os.path.join(accounting, "cpuacct.usage"))
        return Usage(
            read_counter(os.path.join(memory, "memory.usage_in_bytes")),
            None if nanoseconds is None else nanoseconds / 1e9,
            read_counter(os.path.join(memory, "memory.oom_control"), "oom_kill") or 0,
        )

    def remove(self) -> bool:
        """Removes the groups. False while a process still ends in one of them."""
        gone = True
        for folder in self.folders.values():
            try:
                os.rmdir(folder)
            except FileNotFoundError:
                continue
            except OSError:
                gone = False
        return gone
