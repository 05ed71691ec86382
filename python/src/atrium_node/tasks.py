"""The first process of a job of several tasks: starts them, and ends with the first one that fails."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """`tasks N -- COMMAND...`: N processes that differ in ATRIUM_TASK_INDEX. Runs as the job's owner."""
    count = int(sys.argv[1])
    command = sys.argv[3:]
    pids = {_start(command, index, count) for index in range(count)}
    result = 0
    while pids:
        pid, status = os.wait()
        code = os.waitstatus_to_exitcode(status)
        if pid in pids:
            pids.remove(pid)
            if code != 0 and result == 0:
                result = code if code > 0 else 128 - code
                for other in pids:
                    os.kill(other, signal.SIGTERM)
    sys.exit(result)


def _start(command: list[str], index: int, count: int) -> int:
    environment = dict(os.environ, ATRIUM_TASK_INDEX=str(index), ATRIUM_TASKS=str(count))
    return os.posix_spawnp(command[0], command, environment)
