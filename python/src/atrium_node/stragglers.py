"""Finds the processes of a job: by its control group, or without one by session and by the mark in its environment."""

from __future__ import annotations

import os
import signal

from atrium_node import linux
from atrium_node.child_plan import KEY_VARIABLE
from atrium_node.job import Job


def find_processes(job: Job) -> set[int]:
    """Every live process of the job, its first one included."""
    if job.cgroup.tracks:
        return job.cgroup.pids() | _first_process(job)
    mark = f"{KEY_VARIABLE}={job.key}".encode()
    own = os.getpid()
    return {pid for pid in linux.list_pids() if pid != own and _belongs(pid, job.pid, mark)}


def _first_process(job: Job) -> set[int]:
    """It enters its group by itself, a moment after its start."""
    return {job.pid} if linux.start_time(job.pid) == job.start_time else set()


def _belongs(pid: int, session: int, mark: bytes) -> bool:
    fields = linux.stat_fields(pid)
    if fields is None or fields[0] in ("Z", "X"):
        return False
    if int(fields[3]) == session:
        return True
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return mark in file.read().split(b"\0")
    except OSError:
        return False


def send(job: Job, sig: signal.Signals) -> bool:
    """Sends `sig` to every process of the job. True when there was none left."""
    if sig == signal.SIGKILL and not job.cgroup.kill():
        return False
    pids = find_processes(job)
    for pid in pids:
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            continue
    return not pids
