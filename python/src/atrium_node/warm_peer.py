"""Who asks the warm door for a process, as the kernel says, and how a process is brought to where the asker is.

The asker is believed in nothing. What the kernel kept with the connection says who it was; what /proc says of its process
id counts only while that is the same, living process. A process made for it gets no more than the asker has.
"""

from __future__ import annotations

import os
import re
import resource
import select
import socket
import struct

from atrium_node.cgroup_files import list_mounts

_SO_PEERGROUPS = 59
# Python reads no longer answer: 256 groups.
_GROUPS_BYTES = 1024
_NAMESPACES = ("mnt", "net", "pid", "ipc", "uts", "user", "cgroup")
# Where Slurm finds the processes of a job by their control group, it finds ours too. Elsewhere ours would outlive the job.
_IN_JOB = re.compile(r"/job_\d+(?:/|\Z)")
_TRACKED_BY = ("freezer", "")
# As proc(5) calls them. prlimit(2) would show another user's to CAP_SYS_RESOURCE alone.
_LIMITS = {
    "Max cpu time": resource.RLIMIT_CPU, "Max file size": resource.RLIMIT_FSIZE, "Max data size": resource.RLIMIT_DATA,
    "Max stack size": resource.RLIMIT_STACK, "Max core file size": resource.RLIMIT_CORE,
    "Max resident set": resource.RLIMIT_RSS, "Max processes": resource.RLIMIT_NPROC,
    "Max open files": resource.RLIMIT_NOFILE, "Max locked memory": resource.RLIMIT_MEMLOCK,
    "Max address space": resource.RLIMIT_AS, "Max pending signals": resource.RLIMIT_SIGPENDING,
    "Max msgqueue size": resource.RLIMIT_MSGQUEUE, "Max nice priority": resource.RLIMIT_NICE,
    "Max realtime priority": resource.RLIMIT_RTPRIO, "Max realtime timeout": 15,
    "Max file locks": 10,
}  # fmt: skip
# A loaded interpreter may be beyond them already.
_OF_ADDRESSES = (resource.RLIMIT_AS, resource.RLIMIT_DATA)
_HIGHEST_OOM_SCORE = 300
"""Every job gets it: one that has more already must not get less."""


class Refused(Exception):
    """The asker has to start its program by itself; the message says why."""


class Peer:
    """The process at the other end of a connection. `close` it."""

    def __init__(self, sock: socket.socket) -> None:
        """Refused when it must not be served, OSError when it is gone."""
        self.pid, self.uid, self.gid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if self.uid <= 0 or self.gid <= 0 or self.pid <= 0:
            raise Refused("root is not served, nor a process of another namespace")
        groups = sock.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_BYTES)
        self.gids = list(struct.unpack(f"{len(groups) // 4}I", groups))
        self._pidfd = os.pidfd_open(self.pid)
        try:
            self._check()
            self._cgroups = self._read("cgroup")
            self._check_cgroups()
            self.open_files = self._read_limits()[resource.RLIMIT_NOFILE][0]
            self._check_lives()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Once."""
        os.close(self._pidfd)

    def bring(self, child: int) -> None:
        """Puts the waiting process `child`, of root still, where the peer is: control groups, limits, processors. Refused, OSError."""
        self._move(child)
        for number, limits in self._read_limits().items():
            if resource.prlimit(child, number) != limits:
                resource.prlimit(child, number, limits)
        os.setpriority(os.PRIO_PROCESS, child, os.getpriority(os.PRIO_PROCESS, self.pid))
        # Not before it is in its groups: to enter one changes them.
        os.sched_setaffinity(child, os.sched_getaffinity(self.pid))
        self._check()
        if not self._read("cgroup") == self._cgroups == _read(child, "cgroup"):
            raise Refused("the control groups changed meanwhile")
        self._check_lives()

    def _read(self, name: str) -> str:
        return _read(self.pid, name)

    def _read_limits(self) -> dict[int, tuple[int, int]]:
        limits: dict[int, tuple[int, int]] = {}
        for line in self._read("limits").splitlines()[1:]:
            name, soft, hard = line[:25].strip(), *line[25:].split()[:2]
            limits[_LIMITS[name]] = (_parse_limit(soft), _parse_limit(hard))
        return limits

    def _check_lives(self) -> None:
        """So what was read before this was of the peer, and of no later process of its number."""
        if select.select([self._pidfd], [], [], 0)[0]:
            raise Refused("the asker is gone")

    def _check(self) -> None:
        status = dict(line.split(":\t", 1) for line in self._read("status").splitlines() if ":\t" in line)
        if status["Uid"].split() != [str(self.uid)] * 4 or status["Gid"].split() != [str(self.gid)] * 4:
            raise Refused("the asker is not who it was when it connected")
        if status.get("Seccomp", "0") != "0":
            raise Refused("the asker may not make all system calls")
        if os.sched_getscheduler(self.pid) != os.SCHED_OTHER:
            raise Refused("the asker is not scheduled as others are")
        if int(self._read("oom_score_adj")) > _HIGHEST_OOM_SCORE:
            raise Refused("the asker is to die before others")
        limits = self._read_limits()
        if any(limits[number] != (resource.RLIM_INFINITY,) * 2 for number in _OF_ADDRESSES):
            raise Refused("the asker's address space is limited")
        self._check_place()

    def _check_place(self) -> None:
        for name in _NAMESPACES:
            if os.readlink(f"/proc/{self.pid}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}"):
                raise Refused(f"the asker has a namespace of its own: {name}")
        if not os.path.samestat(os.stat(f"/proc/{self.pid}/root"), os.stat("/")):
            raise Refused("the asker has a root folder of its own")
        for name in ("attr/current", "loginuid", "sessionid"):
            if _read_if_there(self.pid, name) != _read_if_there(os.getpid(), name):
                raise Refused(f"the asker has a mark that its processes would not have: {name}")

    def _check_cgroups(self) -> None:
        groups = _parse_cgroups(self._cgroups)
        if not any(_IN_JOB.search(groups.get(controller, "")) for controller in _TRACKED_BY):
            raise Refused("Slurm does not keep the asker's job together by control groups")

    def _move(self, child: int) -> None:
        mounts = list_mounts()
        present = _parse_cgroups(_read(child, "cgroup"))
        for controllers, path in _parse_cgroups(self._cgroups).items():
            if present.get(controllers) == path:
                continue
            mount = mounts.get(controllers.partition(",")[0] or "cgroup2")
            if mount is None or "/.." in path:
                raise Refused(f"the control groups of {controllers or 'version 2'} are not seen here")
            with open(f"{mount}{path}/cgroup.procs", "w", encoding="ascii") as file:
                file.write(str(child))


def _parse_limit(text: str) -> int:
    return resource.RLIM_INFINITY if text == "unlimited" else int(text)


def _parse_cgroups(text: str) -> dict[str, str]:
    """Paths by the controllers of their hierarchy, as the kernel lists them; version 2's under the empty name."""
    fields = [line.split(":", 2) for line in text.splitlines()]
    return {controllers: path for _, controllers, path in fields}


def _read(pid: int, name: str) -> str:
    with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def _read_if_there(pid: int, name: str) -> str:
    try:
        return _read(pid, name)
    except OSError:
        return ""

