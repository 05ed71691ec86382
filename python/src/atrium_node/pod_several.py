"""What the first process of a pod does for a job of several tasks: in this pod alone, as the main one of several, or as one of the others."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from atrium_node import pod_tasks
from atrium_node.pod_gang import GangWatch
from atrium_node.pod_peer import PeerWatch
from atrium_node.pod_watch import PodWatch

_LONGEST_FAILURE = 4096


def run_several(job: dict[str, Any], job_file: str, order_file: str, end_all: Callable[[int], None]) -> tuple[int, int, str]:
    """Until it is over: the wait status, how many programs were ended for want of memory, and why tasks could not run, or nothing."""
    if "ATRIUM_PEER" in os.environ:
        return (*PeerWatch(job, order_file, end_all).run(), "")
    failure, theirs = os.pipe()
    os.set_blocking(failure, False)
    if "shares" not in job:
        watch = PodWatch(job, _start(job, theirs, lambda: None), order_file, end_all)
        return (*watch.run(), _read(failure))

    def start(addresses: list[str], own: str) -> int:
        return _start(job, theirs, lambda: pod_tasks.Pods(addresses, job["shares"], own, job_file))

    gang = GangWatch(job, order_file, end_all, start)
    signal.signal(signal.SIGTERM, lambda *_: gang.end_everywhere())
    end = gang.run()
    gang.release()
    return (*end, _read(failure))


def _start(job: dict[str, Any], failure: int, find_places: Callable[[], pod_tasks.Places | None]) -> int:
    pid = os.fork()
    if pid == 0:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        pod_tasks.run(job, failure, find_places())
    return pid


def _read(failure: int) -> str:
    try:
        return os.read(failure, _LONGEST_FAILURE).decode(errors="replace")
    except BlockingIOError:
        return ""
