"""How the launcher of a Slurm job lives with signals.

Slurm's wish that a job end reaches the launcher alone on many sites (proctrack/cgroup spares what slurmstepd did not start
itself), and all of the job on others. So the launcher survives it and passes it on; what to do is the program's to decide.
"""

from __future__ import annotations

import os
import select
import signal

from atrium_node.cgroup_files import list_mounts, own_paths, read_text

# The wish that the job end, and what a site or a user may have Slurm send as a warning before.
_SURVIVED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT)


class Signals:
    """From now on they do not end this process."""

    def __init__(self) -> None:
        self._is_asked_to_end = False
        self._program: int | None = None
        self._wakeup, wakeup = os.pipe()
        os.set_blocking(wakeup, False)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, *_SURVIVED):
            signal.signal(number, self._note)

    def _note(self, number: int, _frame: object) -> None:
        """At once, whatever this process waits for: the time to tidy up runs already."""
        if number == signal.SIGTERM:
            self._is_asked_to_end = True
            self._pass_on()

    def follow(self, program: int | None) -> None:
        """The job's first process, which hears of the wish to end even if that came before it; None once it is gone."""
        self._program = program
        self._pass_on()

    def _pass_on(self) -> None:
        """Once to each process of the job here."""
        if not self._is_asked_to_end or self._program is None:
            return
        self._is_asked_to_end = False
        for pid in (_own_group() | {self._program}) - {os.getpid()}:
            try:
                os.kill(pid, signal.SIGTERM)
            except OSError:
                # It is gone, or Slurm's own.
                continue

    def wait(self, seconds: float, files: list[int]) -> None:
        """Until then, or until one comes, as SIGCHLD when the program ended, or one of `files` is readable."""
        if self._wakeup in select.select([self._wakeup, *files], [], [], seconds)[0]:
            os.read(self._wakeup, 4096)


def _own_group() -> set[int]:
    """The processes of this step, by the control group that Slurm made for it; none where it makes none."""
    paths, mounts = own_paths(), list_mounts()
    for controller, mount in (("freezer", "freezer"), ("memory", "memory"), ("", "cgroup2")):
        path = paths.get(controller, "")
        if mount in mounts and "/job_" in path:
            pids = {int(line) for line in read_text(f"{mounts[mount]}{path}/cgroup.procs").split()}
            # A process of another pid namespace shows as 0.
            return pids - {0}
    return set()
