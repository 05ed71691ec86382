"""Starts a Slurm job's own program: a child of the launcher, or several by srun(1)."""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import signal
import sys
from typing import Any

from atrium_node import munge
from atrium_node.child import StepError, drop_to, enter_directory, exec_command, report_failure, reset_signals, take_standard_files
from atrium_node.child_plan import ChildFiles, ChildPlan
from atrium_node.mpi_flavour import FLAVOURS, resolve_mpi
from atrium_node.mpi_watch import MpiWatch
from atrium_node.slurm_environment import build_environment
from atrium_node.warm_client import WarmProgram, ask_door

_PORT = re.compile(r"\{port:([a-z][a-z0-9_-]*)\}")
_KEY_VARIABLE = "ATRIUM_JOB"
_NOT_FOUND, _CANNOT_RUN = 127, 126


class Child:
    """A program that was started, or was not: `failure` says why. `ranks`: to be looked at while they run."""

    __slots__ = ("pid", "failure", "ranks", "_warm")

    def __init__(self, pid: int, failure: str | None, warm: WarmProgram | None = None) -> None:
        """`warm`: its parent is not this process."""
        self.pid = pid
        self.failure = failure
        self.ranks: MpiWatch | None = None
        self._warm = warm

    @property
    def wake_files(self) -> list[int]:
        """Become readable when it ends, beside SIGCHLD."""
        return [] if self._warm is None else self._warm.wake_files

    def poll(self) -> tuple[bool, int | None]:
        """Whether it has ended, and its wait status; None: nobody saw that."""
        if self._warm is not None:
            return self._warm.poll()
        ended, status = os.waitpid(self.pid, os.WNOHANG)
        return ended != 0, status


def start_program(job: dict[str, Any], ports: dict[str, int], log: int, munge_socket: str | None) -> Child:
    """Returns once the program runs, or could not be started; the child has ended then. Throws OSError, MungeError and MpiError."""
    program = _fill(job, ports)
    if job.get("tasks", 1) == 1:
        warm = _spawn_warm(build_plan(program), job["warm"], log) if "warm" in job else None
        return warm or _spawn(build_plan(program), os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), log)
    flavour = _find_flavour(job.get("mpi"), program)
    child = _spawn(_plan_tasks(job, program, flavour), _seal(program | {"mpi": flavour}, munge_socket), log)
    if flavour in FLAVOURS:
        child.ranks = MpiWatch(job["key"], flavour)
    return child


def build_plan(program: dict[str, Any]) -> ChildPlan:
    """The program under the rights we have: Slurm has made this process its owner's."""
    return ChildPlan(
        command=program["command"],
        environment=build_environment(program["environment"]),
        cwd=program["workingDirectory"],
        uid=os.getuid(),
        gid=os.getgid(),
        gids=[],
        umask=program["umask"],
        drop=False,
        tasks=1,
        mpi=None,
        open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        warm_prefix=None,
        warm_entry=None,
        cgroups=[],
    )


def _fill(job: dict[str, Any], ports: dict[str, int]) -> dict[str, Any]:
    """What is to run, with the ports' numbers in place. Plain data."""

    def fill(text: str) -> str:
        return _PORT.sub(lambda match: str(ports.get(match.group(1), match.group(0))), text)

    environment = {name: fill(value) for name, value in job["environment"].items()}
    return {
        "command": [fill(word) for word in job["command"]],
        "environment": environment | {_KEY_VARIABLE: job["key"]},
        "workingDirectory": job["workingDirectory"],
        "umask": job["umask"],
    }


def _find_flavour(asked: str | None, program: dict[str, Any]) -> str | None:
    """Of the MPI that ranks find each other by; None is the site's own choice. Throws MpiError."""
    if asked in (None, "none"):
        return asked
    return resolve_mpi(asked, program["command"], build_environment(program["environment"]), program["workingDirectory"]).flavour


def _plan_tasks(job: dict[str, Any], program: dict[str, Any], flavour: str | None) -> ChildPlan:
    """srun(1) of our own task program. It gets nothing of the job's: what it is given goes to the nodes in the clear."""
    package = os.path.dirname(os.path.abspath(__file__))
    words = [job.get("srun") or munge.find_program("srun"), "--kill-on-bad-exit=1", "--export=ALL", f"--ntasks={job['tasks']}"]
    # Since Slurm 22.05 steps have one core a task unless they are told, whatever the job has.
    cores = os.environ.get("SLURM_CPUS_PER_TASK")
    words += [] if cores is None else [f"--cpus-per-task={cores}"]
    way = "none" if flavour == "none" else job.get("mpiTypes", {}).get(flavour or "other")
    words += [] if way is None else [f"--mpi={way}"]
    words += [sys.executable, "-I", "-S", package, "slurm_task"]
    environment = {"PATH": os.environ.get("PATH", os.defpath)}
    return build_plan({**program, "command": words, "environment": environment, "workingDirectory": "/"})


def _seal(program: dict[str, Any], munge_socket: str | None) -> int:
    """The program for all tasks' standard input, so that none but their owner can read it on its way."""
    text = json.dumps({"mungeSocket": munge_socket}) + "\n"
    credential = munge.encode(json.dumps(program).encode(), munge_socket, os.getuid())
    fd = os.memfd_create("tasks")
    with open(os.dup(fd), "wb") as file:
        file.write(text.encode() + credential)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _spawn_warm(plan: ChildPlan, warm: dict[str, str], log: int) -> Child | None:
    """None: it has to start cold."""
    plan.warm_prefix, plan.warm_entry = warm["prefix"], warm["entry"]
    asked = ask_door(plan, log)
    if asked is None:
        return None
    program, status_r = asked
    with open(status_r, "rb") as status:
        words = [json.loads(line) for line in status.read().splitlines()]
    failure = next((str(word["message"]) for word in words if "message" in word), None)
    return Child(program.pid, failure, program)


def _spawn(plan: ChildPlan, standard_input: int, log: int) -> Child:
    status_r, status_w = os.pipe()
    sys.stderr.flush()
    # A signal to the new process waits until it has its own ways with signals: ours would swallow it.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            _become(plan, standard_input, log, status_w)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.close(standard_input)
        os.close(status_w)
    with open(status_r, "rb") as status:
        words = status.read()
    return Child(pid, str(json.loads(words)["message"]) if words else None)


def _become(plan: ChildPlan, standard_input: int, log: int, status: int) -> None:
    """In the new process. Never returns."""
    code = _CANNOT_RUN
    files = ChildFiles(-1, status, os.dup(log), -1)
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        take_standard_files(files)
        os.dup2(standard_input, 0)
        reset_signals()
        drop_to(plan)
        enter_directory(plan)
        exec_command(plan)
    except StepError as error:
        report_failure(files, error)
        code = _NOT_FOUND if error.errno == errno.ENOENT else _CANNOT_RUN
    except BaseException as error:
        report_failure(files, StepError("cannot start", OSError(0, repr(error))))
    finally:
        os._exit(code)
