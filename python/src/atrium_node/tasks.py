"""The first process of a job of several tasks: starts them, and ends with the first one that fails."""

from __future__ import annotations

import os
import select
import signal
import sys

from atrium_node.child_plan import KEY_VARIABLE, ChildPlan
from atrium_node.mpi_flavour import MpiError, find_mpiexec, resolve_mpi
from atrium_node.mpi_watch import MpiWatch

_NOT_FOUND = 127

# Of Open MPI 4 and 5: cores are shared out by control groups.
_MPIEXEC_OPTIONS = {
    "openmpi": ["--oversubscribe", "--bind-to", "none"],
    "mpich": [],
}


class Places:
    """Where tasks run: here, all of them. Drivers whose jobs have several machines say how programs start on those."""

    def mpiexec_options(self, flavour: str) -> list[str]:
        """What mpiexec is told of its hosts."""
        return ["-launcher", "fork"] if flavour == "mpich" else []

    def mpiexec_environment(self) -> dict[str, str]:
        """The same by variables."""
        return {}

    def start_tasks(self, plan: ChildPlan) -> dict[int, signal.Signals]:
        """Processes that are the tasks, or stand for some of them, with the signal that asks each to end."""
        return start_share(plan, 0, plan.tasks)


def run_tasks(plan: ChildPlan, places: Places | None = None) -> int:
    """Runs the command once a task, as the owner already; answers the exit status of the first that failed, else 0.

    Throws MpiError when the ranks could not be started, or were started in vain.
    """
    places = places or Places()
    if plan.mpi not in (None, "none"):
        return _run_ranks(plan, places, *_build_mpiexec(plan, places, plan.mpi))
    # Each task hears the wish that the job end by itself; this process stays as long as one of them.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    return wait_for_tasks(places.start_tasks(plan))


def start_share(plan: ChildPlan, first: int, count: int) -> dict[int, signal.Signals]:
    """Some of the tasks, here: see `Places.start_tasks`."""
    return {_start(plan, index): signal.SIGTERM for index in range(first, first + count)}


def wait_for_tasks(pids: dict[int, signal.Signals]) -> int:
    """Until all have ended; the first that fails has the others asked to."""
    result = 0
    while pids:
        pid, status = os.wait()
        if pid not in pids:
            continue
        del pids[pid]
        code = os.waitstatus_to_exitcode(status)
        if code != 0 and result == 0:
            result = code if code > 0 else 128 - code
            for other, number in pids.items():
                os.kill(other, number)
    return result


def _start(plan: ChildPlan, index: int) -> int:
    return _spawn(plan.command, plan.environment | {"ATRIUM_TASK_INDEX": str(index), "ATRIUM_TASKS": str(plan.tasks)}, set())


def _build_mpiexec(plan: ChildPlan, places: Places, asked: str) -> tuple[list[str], str]:
    """The command that starts all ranks, and the flavour that they are to be of."""
    mpi = resolve_mpi(asked, plan.command, plan.environment, plan.cwd)
    mpiexec = find_mpiexec(mpi, plan.environment)
    package = os.path.dirname(os.path.abspath(__file__))
    words = [mpiexec, *_MPIEXEC_OPTIONS[mpi.flavour], *places.mpiexec_options(mpi.flavour), "-n", str(plan.tasks)]
    words += [sys.executable, "-I", "-S", package, "mpi_task", str(plan.tasks)]
    return [*words, *(f"={word}" for word in plan.command)], mpi.flavour


def _run_ranks(plan: ChildPlan, places: Places, command: list[str], flavour: str) -> int:
    # The wish that the job end reaches each rank by itself. An mpiexec that hears it, too, kills them within a second.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    pid = _spawn(command, plan.environment | places.mpiexec_environment(), {signal.SIGTERM})
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
