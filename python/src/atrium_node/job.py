"""One job as the agent knows it, and how it is written to disk and to clients."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

from atrium_node.job_cgroup import JobCgroup

if TYPE_CHECKING:
    from atrium_node.job_spec import JobSpec
    from atrium_node.loop import Timer

_RECORDED = (
    "key", "uid", "command", "labels", "pid", "start_time", "boot_id", "state", "started_at_ms", "ended_at_ms",
    "ports", "exit", "warm", "time_limit_ms", "stop_reason", "kill_at_ms", "log_start", "started_boot_ms",
)  # fmt: skip

_KILLED = 137

# Fields that records of earlier versions lack: jobs outlive the agent that wrote theirs.
_ADDED = frozenset({"started_boot_ms"})


class Job:
    """States: starting, running, stopping, ended. Only `ended` never changes again."""

    key: str
    uid: int
    command: list[str]
    labels: dict[str, str]
    pid: int
    start_time: int
    boot_id: str
    state: str
    started_at_ms: int
    ended_at_ms: int | None
    ports: dict[str, int]
    exit: dict[str, Any] | None
    warm: dict[str, Any]
    time_limit_ms: int | None
    stop_reason: str | None
    started_boot_ms: int | None
    """The start on the clock that nobody can set; None in records of agents before there was this field."""
    kill_at_ms: int | None
    """On the same clock."""
    log_start: int
    """Output before this byte has been given up to bound the log's size."""

    def __init__(self, **fields: Any) -> None:
        self.ended_at_ms = self.exit = self.stop_reason = self.kill_at_ms = self.started_boot_ms = None
        self.log_start = 0
        self.cgroup = JobCgroup({})
        # Of this agent's life only:
        self.pidfd: int | None = None
        self.status_fd: int | None = None
        self.failure: str | None = None
        self.listening = False
        self.ending = False
        self.time_limit: Timer | None = None
        self.kill_timer: Timer | None = None
        self.usage_cache: tuple[float, dict[str, Any]] = (-1e9, {})
        for name, value in fields.items():
            setattr(self, name, value)

    @classmethod
    def from_spec(cls, spec: JobSpec, boot_id: str) -> Job:
        """Not running yet: pid and start time are 0."""
        return cls(
            key=spec.key,
            uid=spec.owner.uid,
            command=spec.command,
            labels=spec.labels,
            pid=0,
            start_time=0,
            boot_id=boot_id,
            state="starting",
            started_at_ms=now_ms(),
            started_boot_ms=boot_ms(),
            ports={},
            warm={"used": False},
            time_limit_ms=spec.time_limit_ms,
        )

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Job:
        """KeyError or TypeError when it is no record. One of another version may have fields more, or those that came later less."""
        job = cls(**{name: record[name] for name in _RECORDED if name in record or name not in _ADDED})
        job.cgroup = JobCgroup(dict(record["cgroup"]))
        return job

    def to_record(self) -> dict[str, Any]:
        """For the disk: no environment, so no secrets."""
        record = {name: getattr(self, name) for name in _RECORDED}
        record["cgroup"] = self.cgroup.folders
        return record

    def to_wire(self, log_path: str) -> dict[str, Any]:
        """For clients."""
        return {
            "key": self.key,
            "state": self.state,
            "pid": self.pid,
            "startTime": self.start_time,
            "startedAtMs": self.started_at_ms,
            "endedAtMs": self.ended_at_ms,
            "ports": self.ports,
            "listening": self.listening,
            "exit": self.exit,
            "warm": self.warm,
            "labels": self.labels,
            "log": {"path": log_path, "start": self.log_start},
        }

    def usage(self) -> dict[str, Any]:
        """Memory and processor time so far; read at most every two seconds."""
        read_at, usage = self.usage_cache
        if time.monotonic() - read_at > 2 and self.state != "ended":
            now = self.cgroup.usage()
            usage = {"memoryBytes": now.memory_bytes, "cpuSeconds": now.cpu_seconds, "oomKills": now.oom_kills}
            self.usage_cache = (time.monotonic(), usage)
        return usage

    def describe_exit(self, status: int | None, oom_kills: int) -> dict[str, Any]:
        """What became of the job, for machines (`reason`) and for its owner (`message`). `status` None: nobody saw."""
        exit_code, signal_name = _decode(status)
        exit: dict[str, Any] = {"exitCode": exit_code, "signal": signal_name, "oomKilled": False}
        # A shell says by 128 + 9 that its program was killed.
        was_killed = signal_name == "SIGKILL" or exit_code == _KILLED
        if was_killed and oom_kills > 0 and self.stop_reason is None:
            return exit | {"oomKilled": True, "reason": "out_of_memory", "message": "It used more memory than it may."}
        if self.failure is not None:
            return exit | {"reason": "start_failed", "message": f"It could not be started: {self.failure}."}
        if self.stop_reason == "time_limit":
            return exit | {"reason": "time_limit", "message": "Its time limit was reached."}
        if self.stop_reason is not None:
            return exit | {"reason": "cancelled", "message": "It was stopped."}
        if status is None:
            return exit | {"reason": "not_observed", "message": "It ended while nothing watched over it."}
        if signal_name is not None:
            return exit | {"reason": "exit_status", "message": f"It was ended by {signal_name}."}
        message = "It ended by itself." if exit_code == 0 else f"It ended with exit status {exit_code}."
        return exit | {"reason": "exit_status", "message": message}


def _decode(status: int | None) -> tuple[int | None, str | None]:
    if status is None:
        return None, None
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return code, None
    try:
        return None, signal.Signals(-code).name
    except ValueError:
        return None, f"SIG{-code}"


def now_ms() -> int:
    """Wall clock, milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def boot_ms() -> int:
    """Milliseconds since the machine's start: no setting of the clock touches them. They mean nothing after the next boot."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
