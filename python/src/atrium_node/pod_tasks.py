"""The tasks of a job on a cluster of pods: several programs in one pod, or in pods that lend themselves to it."""

from __future__ import annotations

import os
import resource
import signal
import sys
import tempfile
from typing import Any

from atrium_node.child_plan import KEY_VARIABLE, ChildPlan
from atrium_node.mpi_flavour import MpiError
from atrium_node.pod_agent import JOB_FILE_VARIABLE
from atrium_node.tasks import Places, run_tasks

# What the seccomp profile of runtimes forbids (process_vm_readv, and files of other processes by /proc) is tried by each MPI in its own
# way to copy messages once instead of twice, and found out too late: by messages that are long.
_NO_SINGLE_COPY = {
    "MPIR_CVAR_CH4_CMA_ENABLE": "0",
    "UCX_POSIX_USE_PROC_LINK": "n",
    "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
    "OMPI_MCA_smsc": "^cma",
}
_CANNOT_RUN = 126
_UMASK = 0o077


def _build_plan(job: dict[str, Any]) -> ChildPlan:
    """The pod's processes are the owner's from the first on."""
    return ChildPlan(
        command=job["command"],
        environment={**_NO_SINGLE_COPY, **job["environment"], KEY_VARIABLE: job["key"]},
        cwd=job["workingDirectory"],
        uid=os.getuid(),
        gid=os.getgid(),
        gids=[],
        umask=_UMASK,
        drop=False,
        tasks=job["tasks"],
        mpi=job.get("mpi"),
        open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        warm_prefix=None,
        warm_entry=None,
        cgroups=[],
    )


def enter(job: dict[str, Any]) -> ChildPlan:
    """What the job's programs find, in the process that becomes one of them or starts them. OSError."""
    os.umask(job.get("umask", _UMASK))
    plan = _build_plan(job)
    os.chdir(plan.cwd)
    if "umask" in job:
        # It has folders of groups.
        from atrium_node.shared_link import link_shared

        link_shared(plan.environment)
    return plan


class Pods(Places):
    """Other pods of the job: their addresses, and how many tasks each has. `own`: where they reach this one."""

    def __init__(self, addresses: list[str], shares: list[int], own: str, job_file: str) -> None:
        self._addresses = addresses
        self._shares = shares
        self._own = own
        self._job_file = job_file
        self._agent = _write_agent()

    def mpiexec_options(self, flavour: str) -> list[str]:
        hosts = ",".join(f"{address}:{share}" for address, share in zip(self._addresses, self._shares))
        if flavour == "openmpi":
            return ["--host", hosts]
        # The pod's name means nothing to other pods.
        return ["-launcher", "ssh", "-launcher-exec", self._agent, "-localhost", self._own, "-hosts", hosts]

    def mpiexec_environment(self) -> dict[str, str]:
        """For Open MPI 4 and, by other names, 5. Each pod is started by this one, and the agent stays as long as what it started."""
        return {
            JOB_FILE_VARIABLE: self._job_file,
            "OMPI_MCA_plm_rsh_agent": self._agent,
            "OMPI_MCA_plm_rsh_no_tree_spawn": "1",
            "OMPI_MCA_orte_leave_session_attached": "1",
            "PRTE_MCA_plm_ssh_agent": self._agent,
            "PRTE_MCA_plm_ssh_no_tree_spawn": "1",
            "PRTE_MCA_prte_leave_session_attached": "1",
        }

    def start_tasks(self, plan: ChildPlan) -> dict[int, signal.Signals]:
        started: dict[int, signal.Signals] = {}
        first = 0
        for address, share in zip(self._addresses, self._shares):
            words = [self._agent, "--tasks", str(first), str(share), address]
            environment = {**os.environ, JOB_FILE_VARIABLE: self._job_file}
            started[os.posix_spawn(self._agent, words, environment)] = signal.SIGUSR1
            first += share
        return started


def _write_agent() -> str:
    """mpiexec of MPICH wants one word that it can run."""
    package = os.path.dirname(os.path.abspath(__file__))
    descriptor, path = tempfile.mkstemp(prefix="atrium-agent-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(
            f"#!{sys.executable} -IS\nimport sys\nsys.path.insert(0, {os.path.dirname(package)!r})\n"
            "from atrium_node.pod_agent import main\nmain()\n"
        )
    os.chmod(path, 0o700)
    return path


def run(job: dict[str, Any], failure_fd: int, places: Places | None = None) -> None:
    """In the process that stands for the job's program: never returns. Why tasks could not run is written to `failure_fd`."""
    try:
        os._exit(run_tasks(enter(job), places))
    except MpiError as error:
        os.write(failure_fd, f"its tasks cannot run: {error}".encode(errors="replace"))
        os._exit(error.code)
    except OSError as error:
        os.write(failure_fd, f"{error.filename or 'its tasks'}: {error.strerror}".encode(errors="replace"))
    finally:
        os._exit(_CANNOT_RUN)
