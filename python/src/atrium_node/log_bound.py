"""Bounds jobs' logs. Jobs write to their file directly, so that they depend on no other process.

Every few seconds a log that has more than its bound on disk gives the older part back to the file system as a hole:
offsets of what stays do not change, so readers go on where they were. Where holes are not supported the file is
emptied; the job appends, so it goes on from the start.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from atrium_node.job import Job
from atrium_node.log_file import trim_log
from atrium_node.records import LOG_NAME, RecordStore


def bound_logs(jobs: Iterable[Job], records: RecordStore, limit_bytes: int) -> None:
    """Looks at each live job's log once; trims to half of `limit_bytes` what is over it."""
    for job in jobs:
        if job.state == "ended":
            continue
        path = records.path(job.key, LOG_NAME)
        try:
            stat = os.stat(path)
            if stat.st_size - job.log_start > limit_bytes:
                job.log_start = trim_log(path, stat.st_size, limit_bytes // 2)
        except OSError:
            continue
