"""Brings a job from its spec to a process that waits for "go": folder, limits, ports, descriptors, fork."""

from __future__ import annotations

import os
import re
import resource
import signal
import sys
from collections.abc import Callable

from atrium_node.cgroup_tree import CgroupTree
from atrium_node.child import go_word, run_cold
from atrium_node.child_plan import KEY_VARIABLE, ChildFiles, ChildPlan
from atrium_node.job import Job
from atrium_node.job_spec import JobSpec
from atrium_node.ports import PortPool
from atrium_node.records import RecordError, RecordStore

_PORT = re.compile(r"\{port:([a-z][a-z0-9_-]*)\}")
OPEN_FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
"""The limit this process was started with."""

_DEFAULT_UMASK = 0o077


class LaunchError(Exception):
    """The job cannot be started here and now. `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Launch:
    """A job on its way: what the new process becomes, and both ends of its pipes."""

    __slots__ = ("job", "spec", "plan", "child", "go", "status")

    def __init__(self, job: Job, spec: JobSpec, plan: ChildPlan, child: ChildFiles, go: int, status: int) -> None:
        self.job = job
        self.spec = spec
        self.plan = plan
        self.child = child
        self.go = go
        self.status = status

    def close_child_files(self) -> None:
        """Ours of the descriptors that the new process now has."""
        for fd in (self.child.go, self.child.status, self.child.log, self.child.ran):
            os.close(fd)

    def release(self) -> None:
        """Lets the process run the user's program."""
        os.write(self.go, go_word(self.job.pid))
        os.close(self.go)

    def change_go(self) -> None:
        """Another "go" for another process: one that may still have the old one ends, and cannot read what is not meant for it."""
        go_r, go_w = os.pipe()
        os.close(self.child.go)
        os.close(self.go)
        self.child.go = go_r
        self.go = go_w

    def abandon(self) -> None:
        """The waiting process, if there is one, ends without having run anything of the user's."""
        os.close(self.go)
        os.close(self.status)


class Launcher:
    """Makes launches. Undoes everything it made when one fails."""

    def __init__(self, records: RecordStore, cgroups: CgroupTree, ports: PortPool, boot_id: str) -> None:
        self._records = records
        self._cgroups = cgroups
        self._ports = ports
        self._boot_id = boot_id

    def prepare(self, spec: JobSpec) -> Launch:
        """All but the process. Throws LaunchError and leaves nothing behind then."""
        job = Job.from_spec(spec, self._boot_id)
        undo: list[Callable[[], object]] = [lambda: self._records.remove(spec.key)]
        try:
            log, ran = self._records.open_job(spec.key)
            undo += [lambda: os.close(log), lambda: os.close(ran)]
            undo.append(lambda: self.give_back(job))
            for name in spec.ports:
                job.ports[name] = self._ports.take()
            job.cgroup = self._cgroups.create(spec.key, spec.cpu, spec.memory_bytes, spec.pids)
            plan = build_plan(spec, job.ports, list(job.cgroup.folders.values()))
            go_r, go_w = os.pipe()
            undo += [lambda: os.close(go_r), lambda: os.close(go_w)]
            status_r, status_w = os.pipe()
            os.set_blocking(status_r, False)
            return Launch(job, spec, plan, ChildFiles(go_r, status_w, log, ran), go_w, status_r)
        except (OSError, RecordError) as error:
            for step in reversed(undo):
                step()
            raise _explain(error) from error

    def fork_cold(self, launch: Launch) -> int:
        """A process of our own that waits for `release`. Throws LaunchError."""
        sys.stderr.flush()
        # A signal to the new process waits until it has its own ways with signals: the agent's would swallow it.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            if launch.spec.warm_prefix is not None:
                launch.change_go()
            pid = os.fork()
            if pid == 0:
                run_cold(launch.plan, launch.child)
            return pid
        except OSError as error:
            raise LaunchError("no_process", f"no process could be made: {error.strerror}") from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def hold_port(self, port: int) -> None:
        """Of an adopted job: nobody else gets it."""
        self._ports.hold(port)

    def give_back(self, job: Job) -> None:
        """Ports and control groups of a job that is over or never ran."""
        for port in job.ports.values():
            self._ports.give_back(port)
        job.cgroup.remove()

    def discard(self, job: Job) -> None:
        """As `give_back`, and the job's folder too."""
        self.give_back(job)
        self._records.remove(job.key)


def build_plan(spec: JobSpec, ports: dict[str, int], cgroups: list[str]) -> ChildPlan:
    """What the new process becomes: the spec with the ports' numbers in place, in the control groups of these folders."""

    def fill(text: str) -> str:
        return _PORT.sub(lambda match: str(ports.get(match.group(1), match.group(0))), text)

    command = [fill(word) for word in spec.command]
    environment = {name: fill(value) for name, value in spec.environment.items()}
    environment[KEY_VARIABLE] = spec.key
    return ChildPlan(
        command=command,
        environment=environment,
        cwd=spec.cwd,
        uid=spec.owner.uid,
        gid=spec.owner.gid,
        gids=spec.owner.gids,
        umask=_DEFAULT_UMASK if spec.umask is None else spec.umask,
        drop=os.geteuid() == 0,
        tasks=spec.tasks,
        mpi=spec.mpi,
        open_files=OPEN_FILES,
        warm_prefix=spec.warm_prefix,
        warm_entry=spec.warm_entry,
        cgroups=cgroups,
    )


def _explain(error: OSError | RecordError) -> LaunchError:
    if isinstance(error, RecordError):
        code = "storage_full" if error.full else "record_failed"
        return LaunchError(code, str(error))
    return LaunchError("cannot_prepare", error.strerror or str(error))
