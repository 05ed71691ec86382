"""Watches a Slurm job's program until it ends, and tells the control plane how it goes."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from atrium_node.log_file import say_in_log, trim_log
from atrium_node.node_door import Door
from atrium_node.ports import listening_owners
from atrium_node.slurm_child import Child
from atrium_node.slurm_signals import Signals
from atrium_node.slurm_usage import SlurmUsage

# Between looks at the ports: what takes long need not be seen to the millisecond, and many may start at once on few cores.
_PORT_SHARE_OF_AGE = 0.03
_QUICKEST_PORT_SECONDS, _SLOWEST_PORT_SECONDS = 0.005, 2.0
_OOM_SECONDS = 2.0
_LOG_SECONDS = 5.0
# People look at a server soon after its start.
_FIRST_USAGE_SECONDS = 10.0
_USAGE_SECONDS = 60.0
_FIRST_RETRY_SECONDS = 0.5
_LONGEST_RETRY_SECONDS = 15.0
_REPORT_SECONDS = 5.0
_LAST_REPORT_SECONDS = 8.0
"""The node is held for the job until its end was told, but not for longer."""


class SlurmWatch:
    """One job on this node."""

    def __init__(self, door: Door, job: dict[str, Any], ports: dict[str, int], signals: Signals) -> None:
        self._door = door
        self._ports = ports
        self._log_path: str = job["log"]["path"]
        self._log_limit: int = job["log"]["limitBytes"]
        self._log_start = 0
        self._signals = signals
        self._usage = SlurmUsage()
        self._oom_kills = 0
        self._untold: dict[str, Any] = {}
        self._retry_seconds = 0.0
        self._began = time.monotonic()
        self._due: dict[str, float] = {}
        self.failure: str | None = None
        """Why the program was ended by us."""

    def run(self, child: Child) -> int | None:
        """Returns the wait status of the program when it has ended, None if nobody saw it; its end is not told yet."""
        looks = {
            "ports": self._look_at_ports,
            "oom": self._look_at_oom_kills,
            "log": self._look_at_log,
            "usage": self._look_at_usage,
            "report": self._tell,
            "ranks": lambda: self._look_at_ranks(child),
        }
        self._due = {"oom": _OOM_SECONDS, "log": _LOG_SECONDS, "usage": _FIRST_USAGE_SECONDS}
        if self._ports:
            self._due["ports"] = 0.0
        if child.ranks is not None:
            self._due["ranks"] = 0.0
        self._signals.follow(child.pid)
        while True:
            ended, status = child.poll()
            if ended:
                self._signals.follow(None)
                return status
            for name, due in list(self._due.items()):
                if due <= self._age():
                    del self._due[name]
                    looks[name]()
            self._wait(child.wake_files)

    def tell_end(self, exit: dict[str, Any]) -> None:
        """Tries for some seconds."""
        self._look_at_oom_kills()
        self._untold["exit"] = exit
        give_up_at = time.monotonic() + _LAST_REPORT_SECONDS
        pause_seconds = 0.2
        while (left := give_up_at - time.monotonic()) > 0:
            if self._door.report(self._untold, min(left, _REPORT_SECONDS)):
                return
            time.sleep(min(pause_seconds, max(0.0, give_up_at - time.monotonic())))
            pause_seconds *= 2

    def _age(self) -> float:
        return time.monotonic() - self._began

    def _wait(self, wake_files: list[int]) -> None:
        """Until a child ends or something is due."""
        self._signals.wait(max(0.0, min(self._due.values()) - self._age()), wake_files)

    def _again(self, name: str, seconds: float) -> None:
        self._due[name] = self._age() + seconds

    def _look_at_ports(self) -> None:
        """Another user's program on a port is not the job."""
        owners, uid = listening_owners(), os.getuid()
        if all(owners.get(port) == uid for port in self._ports.values()):
            self._add({"host": self._door.local_address, "ports": self._ports})
            return
        pace = max(_QUICKEST_PORT_SECONDS, self._age() * _PORT_SHARE_OF_AGE)
        self._again("ports", min(pace, _SLOWEST_PORT_SECONDS))

    def _look_at_ranks(self, child: Child) -> None:
        assert child.ranks is not None
        is_known, trouble = child.ranks.look()
        if trouble is not None:
            # srun alone: the ranks end with the job.
            self.failure = f"its tasks cannot run: {trouble}"
            say_in_log(self._log_path, self.failure)
            os.kill(child.pid, signal.SIGKILL)
        elif not is_known:
            self._again("ranks", child.ranks.pace_seconds())

    def _look_at_oom_kills(self) -> None:
        """Told at once: the person wonders why their program is gone."""
        kills = self._usage.read_oom_kills()
        if kills != self._oom_kills:
            self._oom_kills = kills
            self._add({"oomKills": kills})
        self._again("oom", _OOM_SECONDS)

    def _look_at_log(self) -> None:
        try:
            size = os.stat(self._log_path).st_size
            if size - self._log_start > self._log_limit:
                self._log_start = trim_log(self._log_path, size, self._log_limit // 2)
                self._add({"logStart": self._log_start})
        except OSError:
            pass
        self._again("log", _LOG_SECONDS)

    def _look_at_usage(self) -> None:
        usage = self._usage.read()
        known = {"memoryBytes": usage.memory_bytes, "cpuSeconds": usage.cpu_seconds}
        change = {name: value for name, value in known.items() if value is not None}
        if change:
            self._add(change)
        self._again("usage", _USAGE_SECONDS)

    def _add(self, change: dict[str, Any]) -> None:
        self._untold |= change
        self._due.setdefault("report", 0.0)

    def _tell(self) -> None:
        if self._door.report(self._untold, _REPORT_SECONDS):
            self._untold = {}
            self._retry_seconds = 0.0
            return
        self._retry_seconds = min(_LONGEST_RETRY_SECONDS, self._retry_seconds * 2 or _FIRST_RETRY_SECONDS)
        self._again("report", self._retry_seconds)
