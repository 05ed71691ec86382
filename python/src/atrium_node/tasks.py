"""The first process of a job of several tasks: starts them, and ends with the first one that fails."""

from __future__ import annotations

import os
import signal

from atrium_node.child_plan import ChildPlan

_NOT_FOUND = 127


def run_tasks(plan: ChildPlan) -> int:
    """Runs the command once a task, as the owner already; answers the exit status of the first that failed, else 0."""
    pids = {_start(plan, index) for index in range(plan.tasks)}
    result = 0
    while pids:
        pid, status = os.wait()
        if pid not in pids:
            continue
        pids.remove(pid)
        code = os.waitstatus_to_exitcode(status)
        if code != 0 and result == 0:
            result = code if code > 0 else 128 - code
            for other in pids:
                os.kill(other, signal.SIGTERM)
    return result


def _start(plan: ChildPlan, index: int) -> int:
    environment = plan.environment | {"ATRIUM_TASK_INDEX": str(index), "ATRIUM_TASKS": str(plan.tasks)}
    pid = os.fork()
    if pid:
        return pid
    try:
        os.execvpe(plan.command[0], plan.command, environment)
    except OSError as error:
        os.write(2, f"atrium: cannot run {plan.command[0]}: {error.strerror}\n".encode(errors="replace"))
    finally:
        os._exit(_NOT_FOUND)
