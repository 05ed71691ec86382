"""The first process of a job of several tasks: starts them, and ends with the first one that fails."""

from __future__ import annotations

import os
import select
import signal
import sys

from atrium_node.child_plan import ChildPlan
from atrium_node.mpi_flavour import MpiError, find_mpiexec, resolve_mpi
from atrium_node.mpi_watch import MpiWatch
from atrium_node.stragglers import KEY_VARIABLE

_NOT_FOUND = 127

# Of Open MPI 4 and 5: cores are shared out by control groups, and there is no other host to start anything on.
_MPIEXEC_OPTIONS = {
    "openmpi": ["--oversubscribe", "--bind-to", "none"],
    "mpich": ["-launcher", "fork"],
}


def run_tasks(plan: ChildPlan) -> int:
    """Runs the command once a task, as the owner already; answers the exit status of the first that failed, else 0.

    Throws MpiError when the ranks could not be started, or were started in vain.
    """
    if plan.mpi not in (None, "none"):
        return _run_ranks(plan, *_build_mpiexec(plan, plan.mpi))
    # Each task hears the wish that the job end by itself; this process stays as long as one of them.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
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
    return _spawn(plan.command, plan.environment | {"ATRIUM_TASK_INDEX": str(index), "ATRIUM_TASKS": str(plan.tasks)}, set())


def _build_mpiexec(plan: ChildPlan, asked: str) -> tuple[list[str], str]:
    """The command that starts all ranks, and the flavour that they are to be of."""
    mpi = resolve_mpi(asked, plan.command, plan.environment, plan.cwd)
    mpiexec = find_mpiexec(mpi, plan.environment)
    package = os.path.dirname(os.path.abspath(__file__))
    words = [mpiexec, *_MPIEXEC_OPTIONS[mpi.flavour], "-n", str(plan.tasks)]
    words += [sys.executable, "-I", "-S", package, "mpi_task", str(plan.tasks)]
    return [*words, *(f"={word}" for word in plan.command)], mpi.flavour


def _run_ranks(plan: ChildPlan, command: list[str], flavour: str) -> int:
    # The wish that the job end reaches each rank by itself. An mpiexec that hears it, too, kills them within a second.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    pid = _spawn(command, plan.environment, {signal.SIGTERM})
    watch: MpiWatch | None = MpiWatch(plan.environment[KEY_VARIABLE], flavour)
    pidfd = os.pidfd_open(pid)
    while not select.select([pidfd], [], [], None if watch is None else watch.pace_seconds())[0]:
        if watch is not None:
            is_known, trouble = watch.look()
            watch = None if is_known else watch
            if trouble is not None:
                raise MpiError(trouble)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code if code >= 0 else 128 - code


def _spawn(command: list[str], environment: dict[str, str], blocked: set[signal.Signals]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        os.execvpe(command[0], command, environment)
    except OSError as error:
        os.write(2, f"atrium: cannot run {command[0]}: {error.strerror}\n".encode(errors="replace"))
    finally:
        os._exit(_NOT_FOUND)
