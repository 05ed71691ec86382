"""Where jobs' control groups are made: version 2 where a subtree is ours, else version 1's controllers, else nowhere."""

from __future__ import annotations

import os
import time

from atrium_node.cgroup_files import list_mounts, own_paths, read_text, try_write
from atrium_node.job_cgroup import JobCgroup

_CPU_PERIOD_US = 100_000
_PATIENCE_TRIES, _PAUSE_SECONDS = 100, 0.01
_CONTROLLERS = ("memory", "cpu", "pids")
_FOLDER_PREFIX = "job-"
"""The kernel's own files (`tasks`, `cpu.stat`) are in the same folder: a job key must not be one of their names."""


class CgroupTree:
    """One parent folder per controller; version 2 has the one controller `v2`. With none it makes no groups."""

    def __init__(self, mode: str, why: str, parents: dict[str, str]) -> None:
        """`mode` is v2, v1 or none; `why` is for people."""
        self.mode = mode
        self.why = why
        self._parents = parents
        self._controllers = _enabled_v2(parents["v2"]) if mode == "v2" else set(parents)

    @property
    def limits(self) -> dict[str, bool]:
        """Which limits are really enforced."""
        return {name: name in self._controllers for name in _CONTROLLERS}

    def create(self, key: str, cpu: float | None, memory_bytes: int | None, pids: int | None) -> JobCgroup:
        """Makes the job's groups and sets its limits. OSError when a limit that should hold cannot be set."""
        folders = {name: os.path.join(parent, _FOLDER_PREFIX + key) for name, parent in self._parents.items()}
        for folder in folders.values():
            os.makedirs(folder, exist_ok=True)
        for controller, file, value, must_hold in self._settings(cpu, memory_bytes, pids):
            if controller in self._controllers:
                path = os.path.join(folders.get("v2") or folders[controller], file)
                if not try_write(path, value) and must_hold:
                    JobCgroup(folders).remove()
                    raise OSError(0, f"the limit {file} = {value} was refused")
        return JobCgroup(folders)

    def sweep(self, keys: set[str]) -> bool:
        """Ends what is in groups of none of the jobs known (`keys`): of an agent that died before recording, of fork servers.

        True when all of it is gone.
        """
        is_clear = True
        for parent in self._parents.values():
            for name in os.listdir(parent):
                folder = os.path.join(parent, name)
                if name.startswith(_FOLDER_PREFIX) and name.removeprefix(_FOLDER_PREFIX) not in keys:
                    stray = JobCgroup({"stray": folder})
                    stray.kill()
                    is_clear = stray.remove() and is_clear
        return is_clear

    def close(self, keys: set[str]) -> None:
        """Sweeps, and removes the parents when no job is in them any more. Waits a moment for what was killed to go."""
        for _ in range(_PATIENCE_TRIES):
            if self.sweep(keys):
                break
            time.sleep(_PAUSE_SECONDS)
        for parent in self._parents.values():
            try:
                os.rmdir(parent)
            except OSError:
                continue

    def _settings(self, cpu: float | None, memory_bytes: int | None, pids: int | None) -> list[tuple[str, str, str, bool]]:
        """Controller, file, value, and whether a refusal is an error, in the order they are written."""
        v2 = self.mode == "v2"
        settings: list[tuple[str, str, str, bool]] = []
        if memory_bytes is not None:
            settings.append(("memory", "memory.max" if v2 else "memory.limit_in_bytes", str(memory_bytes), True))
            # Kernels without swap accounting lack these files.
            swap = ("memory.swap.max", "0") if v2 else ("memory.memsw.limit_in_bytes", str(memory_bytes))
            settings.append(("memory", *swap, False))
        if cpu is not None:
            quota = max(1000, round(cpu * _CPU_PERIOD_US))
            if v2:
                settings.append(("cpu", "cpu.max", f"{quota} {_CPU_PERIOD_US}", True))
            else:
                settings.append(("cpu", "cpu.cfs_period_us", str(_CPU_PERIOD_US), True))
                settings.append(("cpu", "cpu.cfs_quota_us", str(quota), True))
        if pids is not None:
            settings.append(("pids", "pids.max", str(pids), True))
        return settings


def find_cgroup_tree(name: str, wanted: str = "auto") -> CgroupTree:
    """The best tree that can be had here. `name` is ours on this machine; `wanted` is auto, v2, v1 or none."""
    if wanted == "none":
        return CgroupTree("none", "switched off by configuration", {})
    reasons: list[str] = []
    for mode, find in (("v2", _find_v2), ("v1", _find_v1)):
        if wanted not in ("auto", mode):
            continue
        found = find(name)
        if isinstance(found, CgroupTree):
            return found
        reasons.append(found)
    return CgroupTree("none", "; ".join(reasons), {})


def _enabled_v2(folder: str) -> set[str]:
    return set(read_text(os.path.join(folder, "cgroup.subtree_control")).split())


def _find_v2(name: str) -> CgroupTree | str:
    mount = list_mounts().get("cgroup2")
    if mount is None:
        return "no cgroup v2 is mounted"
    own = os.path.normpath(mount + own_paths().get("", "/"))
    why = "cgroup v2 is not delegated to this process"
    # systemd owns the root of the mount where it runs; elsewhere (containers) root may use it.
    bases = [own] if os.path.isdir("/run/systemd/system") else list(dict.fromkeys((own, mount)))
    for base in bases:
        if not set(_CONTROLLERS) & set(read_text(os.path.join(base, "cgroup.controllers")).split()):
            why = "cgroup v2 has no memory, cpu or pids controller here"
            continue
        folder = _prepare_v2(base, name)
        if folder is not None:
            return CgroupTree("v2", f"cgroup v2 under {base}", {"v2": folder})
    return why


def _prepare_v2(base: str, name: str) -> str | None:
    folder = os.path.join(base, name)
    leaf = os.path.join(base, f"{name}-agent")
    try:
        os.makedirs(folder, exist_ok=True)
        if not _enable_v2(base):
            # A group with processes of its own can hand on no controllers: the agent moves to a leaf first.
            os.makedirs(leaf, exist_ok=True)
            if not try_write(os.path.join(leaf, "cgroup.procs"), str(os.getpid())) or not _enable_v2(base):
                os.rmdir(folder)
                return None
        _enable_v2(folder)
        probe = os.path.join(folder, "probe_")
        os.makedirs(probe, exist_ok=True)
        os.rmdir(probe)
    except OSError:
        return None
    return folder


def _enable_v2(folder: str) -> bool:
    offered = set(read_text(os.path.join(folder, "cgroup.controllers")).split())
    control = os.path.join(folder, "cgroup.subtree_control")
    # One write each: a kernel that lacks one controller still gives the others.
    return any([try_write(control, f"+{name}") for name in _CONTROLLERS if name in offered])


def _find_v1(name: str) -> CgroupTree | str:
    mounts = list_mounts()
    paths = own_paths()
    parents: dict[str, str] = {}
    for controller in (*_CONTROLLERS, "cpuacct"):
        mount = mounts.get(controller)
        if controller == "cpuacct" and mount in (None, mounts.get("cpu")):
            continue
        if mount is None:
            return f"cgroup v1 has no {controller} controller here"
        for base in (mount, os.path.normpath(mount + paths.get(controller, "/"))):
            folder = os.path.join(base, name)
            try:
                os.makedirs(folder, exist_ok=True)
            except OSError:
                continue
            parents[controller] = folder
            break
        else:
            return f"cgroup v1 at {mount} is not writable for this user"
    return CgroupTree("v1", "cgroup v1 controllers memory, cpu and pids", parents)
