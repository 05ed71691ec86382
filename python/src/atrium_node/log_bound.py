"""Bounds jobs' logs. Jobs write to their file directly, so that they depend on no other process.

Every few seconds a log that has more than its bound on disk gives the older part back to the file system as a hole:
offsets of what stays do not change, so readers go on where they were. Where holes are not supported the file is
emptied; the job appends, so it goes on from the start.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from atrium_node import linux
from atrium_node.job import Job
from atrium_node.records import LOG_NAME, RecordStore

_BLOCK_BYTES = 4096


def bound_logs(jobs: Iterable[Job], records: RecordStore, limit_bytes: int) -> None:
    """Looks at each live job's log once; trims to half of `limit_bytes` what is over it."""
    for job in jobs:
        if job.state == "ended":
            continue
        path = records.path(job.key, LOG_NAME)
        try:
            stat = os.stat(path)
            if stat.st_size - job.log_start > limit_bytes:
                job.log_start = _trim(path, stat.st_size, limit_bytes // 2)
        except OSError:
            continue


def _trim(path: str, size: int, keep_bytes: int) -> int:
    fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        start = (size - keep_bytes) // _BLOCK_BYTES * _BLOCK_BYTES
        try:
            linux.punch_hole(fd, start)
        except OSError:
            os.ftruncate(fd, 0)
            return 0
        return start
    finally:
        os.close(fd)
