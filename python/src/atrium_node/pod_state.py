"""What a pod's first process sees of its job: who listens on its ports, what it uses, how full its home is. From the kernel alone."""

from __future__ import annotations

import os
import struct

from atrium_node.cgroup_files import read_counter, read_text
from atrium_node.socket_diag import list_listeners

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_TCP_LISTEN = "0A"
_LOOPBACK = ("0100007F", "00000000000000000000000001000000")
"""127.0.0.1 and ::1 as /proc/net has them: what listens there is not reached from outside. Of 127.0.0.0/8 the last byte decides."""


def find_listening(ports: Iterable[int], uid: int) -> set[int]:
    """Those of `ports` on which a program of `uid` listens where the pod is reached from outside."""
    try:
        owners = list_listeners(from_outside=True)
    except (OSError, struct.error):
        # A kernel without it, or a sandbox.
        return _read_listening(ports, uid)
    return {port for port in ports if owners.get(port) == uid}


def _read_listening(ports: Iterable[int], uid: int) -> set[int]:
    wanted = {f"{port:04X}": port for port in ports}
    found: set[int] = set()
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in read_text(path).splitlines()[1:]:
            fields = line.split(None, 8)
            if len(fields) < 8 or fields[3] != _TCP_LISTEN:
                continue
            address, _, port = fields[1].rpartition(":")
            if port in wanted and fields[7] == str(uid) and not _is_loopback(address):
                found.add(wanted[port])
    return found


class SocketCount:
    """How many TCP sockets the pod has: two counters, a tenth of the work of asking who listens."""

    def __init__(self) -> None:
        self._files = [file for file in map(_open, ("/proc/net/sockstat", "/proc/net/sockstat6")) if file is not None]

    def read(self) -> tuple[bytes, ...] | None:
        """The numbers as the kernel has them, by version of IP. None where it does not say."""
        counts = tuple(os.pread(file, 512, 0).partition(b": inuse ")[2].split(None, 1)[0] for file in self._files)
        return counts or None


def _open(path: str) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def _is_loopback(address: str) -> bool:
    return address in _LOOPBACK or (len(address) == 8 and address.endswith("7F"))


class PodUsage:
    """The counters of the container's control groups, of version 1 or 2. Knows nothing where there are none."""

    def __init__(self) -> None:
        folders = _own_folders()
        self._memory, self._accounting = folders.get("memory"), folders.get("cpuacct")
        self._unified = folders.get("")

    def read(self) -> dict[str, Any]:
        """`cpuSeconds`, `memoryBytes` (without files that the kernel keeps and could drop), `memoryLimitBytes` and `oomKills`, where known."""
        found = {
            "cpuSeconds": self._read_cpu(),
            "memoryBytes": self._read_memory(),
            "oomKills": self.read_oom_kills(),
        }
        return {name: value for name, value in found.items() if value is not None}

    def read_oom_kills(self) -> int | None:
        """Programs of the job that the kernel ended because the job used more memory than it may."""
        if self._memory is not None:
            return read_counter(os.path.join(self._memory, "memory.oom_control"), "oom_kill")
        if self._unified is not None:
            return read_counter(os.path.join(self._unified, "memory.events"), "oom_kill")
        return None

    def _read_cpu(self) -> float | None:
        if self._accounting is not None:
            used = read_counter(os.path.join(self._accounting, "cpuacct.usage"))
            return None if used is None else used / 1e9
        if self._unified is None:
            return None
        used = read_counter(os.path.join(self._unified, "cpu.stat"), "usage_usec")
        return None if used is None else used / 1e6

    def _read_memory(self) -> int | None:
        if self._memory is not None:
            used = read_counter(os.path.join(self._memory, "memory.usage_in_bytes"))
            cached = read_counter(os.path.join(self._memory, "memory.stat"), "total_inactive_file")
        elif self._unified is not None:
            used = read_counter(os.path.join(self._unified, "memory.current"))
            cached = read_counter(os.path.join(self._unified, "memory.stat"), "inactive_file")
        else:
            return None
        return None if used is None else max(0, used - (cached or 0))


def read_space(folder: str) -> dict[str, int] | None:
    """Size and free space of the file system that a folder is on, in bytes and files. None: it cannot be asked."""
    try:
        space = os.statvfs(folder)
    except OSError:
        return None
    return {
        "bytes": space.f_blocks * space.f_frsize,
        "freeBytes": space.f_bavail * space.f_frsize,
        "files": space.f_files,
        "freeFiles": space.f_favail,
    }


def _own_folders() -> dict[str, str]:
    """Where this container's control groups are seen, by controller; version 2's under the empty name.

    A container sees its own group as the root of the mount (proc(5), mountinfo: the fourth field), whatever the name of the group is.
    """
    paths: dict[str, str] = {}
    for line in read_text("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            paths[controller] = path
    folders: dict[str, str] = {}
    for line in read_text("/proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        root, point = before.split()[3:5]
        kind, _, options = (after.split(" ") + ["", "", ""])[:3]
        if kind not in ("cgroup", "cgroup2"):
            continue
        for controller in [""] if kind == "cgroup2" else options.split(","):
            if controller in paths:
                folders.setdefault(controller, _join(point.replace("\\040", " "), root, paths[controller]))
    return folders


def _join(point: str, root: str, path: str) -> str:
    if root == "/" or not (path + "/").startswith(root + "/"):
        inner = os.path.normpath(path).lstrip("/") if root == "/" else ""
    else:
        inner = path[len(root) :].lstrip("/")
    folder = os.path.join(point, inner)
    # Where namespaces hide the name of the group, its files are at the mount itself.
    return folder if os.path.isdir(folder) else point
