"""What a Slurm job uses on this node, from the control groups that Slurm made for it."""

from __future__ import annotations

import os
import re

from atrium_node.cgroup_files import list_mounts, own_paths, read_counter
from atrium_node.job_cgroup import Usage

# `.../slurm_NODE/uid_1/job_2/step_batch` of version 1, `.../slurmstepd.scope/job_2/step_batch/...` of version 2.
_JOB = re.compile(r"(.*/job_\d+)(?:/|\Z)")


class SlurmUsage:
    """Reads the counters of the group that holds all steps of this process's job on this node. Knows nothing where there is none."""

    def __init__(self) -> None:
        paths, mounts = own_paths(), list_mounts()
        self._memory = _job_folder(mounts.get("memory"), paths.get("memory"))
        self._accounting = _job_folder(mounts.get("cpuacct"), paths.get("cpuacct"))
        self._unified = _job_folder(mounts.get("cgroup2"), paths.get(""))

    def read(self) -> Usage:
        """A few small files."""
        if self._memory is not None:
            return Usage(
                read_counter(os.path.join(self._memory, "memory.usage_in_bytes")),
                self._read_accounting(),
                self.read_oom_kills(),
            )
        if self._unified is None:
            return Usage(None, self._read_accounting(), 0)
        microseconds = read_counter(os.path.join(self._unified, "cpu.stat"), "usage_usec")
        return Usage(
            read_counter(os.path.join(self._unified, "memory.current")),
            None if microseconds is None else microseconds / 1e6,
            self.read_oom_kills(),
        )

    def read_oom_kills(self) -> int:
        """Programs of the job that the kernel ended here because it used more memory than it may."""
        if self._memory is not None:
            # Version 1 counts where the program was, not further up.
            folders = [folder for folder, _, _ in os.walk(self._memory)]
            return sum(read_counter(os.path.join(folder, "memory.oom_control"), "oom_kill") or 0 for folder in folders)
        if self._unified is None:
            return 0
        return read_counter(os.path.join(self._unified, "memory.events"), "oom_kill") or 0

    def _read_accounting(self) -> float | None:
        if self._accounting is None:
            return None
        nanoseconds = read_counter(os.path.join(self._accounting, "cpuacct.usage"))
        return None if nanoseconds is None else nanoseconds / 1e9


def _job_folder(mount: str | None, path: str | None) -> str | None:
    match = None if path is None else _JOB.match(path)
    return None if mount is None or match is None else mount + match.group(1)
