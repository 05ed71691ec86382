"""The warm door of a compute node: makes processes of preloaded interpreters for launchers of Slurm jobs. Runs as root.

A launcher connects, sends one packet, `{"prefix", "entry"}` with two descriptors: its log, and the sealed file that holds
command, environment, cwd and umask. Answers: `{"refused": why}`, or `{"pid"}` with the process (pidfd), its "go" pipe and
its status pipe; later `{"ended": wait status}`. Whatever is not exactly right is refused: the launcher then starts cold.
"""

from __future__ import annotations

import argparse
import fcntl
import itertools
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any

from atrium_node import linux
from atrium_node.agent import log, raise_file_limit
from atrium_node.cgroup_tree import CgroupTree
from atrium_node.child_plan import ChildFiles, ChildPlan
from atrium_node.job_spec import SpecError
from atrium_node.launcher import Launch
from atrium_node.loop import HANGUP, READ, Loop
from atrium_node.packet import send_packet
from atrium_node.preload_sets import DASK, NOTEBOOK, PLANNED_SETS, find_entry, find_set
from atrium_node.warm_client import PLAN_SEALS, WARM_SOCKET
from atrium_node.warm_peer import Peer, Refused
from atrium_node.warm_pool import WarmPool

_MAX_REQUEST_BYTES = 16 << 10
_MAX_PLAN_BYTES = 1 << 20
_MAX_CONNECTIONS, _MAX_OF_ONE_USER = 512, 64
_ASK_SECONDS = 2.0
# Many who ask at once wait for each other: a cold start would be more work still.
_FORK_SECONDS = 8.0
_TELL_SECONDS = 0.2
# What a first start would load in vain, and every node has a first one.
_LOADED_SETS = (NOTEBOOK, DASK)


class _Visit:
    """One connection, from the first word to the end of the process made for it."""

    def __init__(self, door: WarmDoor, sock: socket.socket, peer: Peer) -> None:
        self.peer = peer
        self.pid: int | None = None
        self.is_open = True
        self._door = door
        self._socket = sock
        self._files: list[int] = []
        self._timer = door.loop.call_later(_ASK_SECONDS, self.close)
        door.loop.watch(sock.fileno(), READ, lambda _events: self._on_ready())

    def _on_ready(self) -> None:
        # One request a connection; what else comes is never read.
        self._door.loop.watch(self._socket.fileno(), HANGUP, lambda _events: self.close())
        try:
            data, fds, flags, _ = socket.recv_fds(self._socket, _MAX_REQUEST_BYTES, 4, socket.MSG_CMSG_CLOEXEC)
            self._files = fds
            if len(fds) != 2 or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
                raise Refused("this is no request")
            self._ask(json.loads(data))
        except Refused as refused:
            self._refuse(str(refused))
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            self._refuse(f"{type(error).__name__}")

    def _ask(self, request: dict[str, Any]) -> None:
        prefix, entry = request["prefix"], request["entry"]
        if prefix not in self._door.prefixes or not isinstance(entry, str) or find_set(entry) not in PLANNED_SETS:
            raise Refused("this environment is not kept warm here")
        file, plan_file = self._files
        if not fcntl.fcntl(file, fcntl.F_GETFL) & os.O_APPEND:
            raise Refused("the log is not appended to")
        plan = _build_plan(_read_plan(plan_file), prefix, entry, self.peer)
        (go_r, go_w), (status_r, status_w) = os.pipe(), os.pipe()
        ran = os.memfd_create("ran", os.MFD_CLOEXEC)
        self._files += [go_r, go_w, status_r, status_w, ran]
        # No owner: an environment that is not root's alone is never loaded here.
        spec: Any = _NoOwner()
        launch = Launch(spec, spec, plan, ChildFiles(go_r, status_w, file, ran), go_w, status_r)
        self._timer.cancel()
        self._timer = self._door.loop.call_later(_FORK_SECONDS, self.close)
        self._door.pool.fork(launch, self._on_forked)

    def _on_forked(self, pid: int | None, reason: str) -> None:
        if pid is None:
            self._refuse(reason)
            return
        # It waits for "go", which the launcher alone can say; without the other end of that pipe it ends by itself.
        try:
            if not self.is_open:
                raise Refused("nobody waits for it any more")
            self.peer.bring(pid)
            pidfd = os.pidfd_open(pid)
            try:
                send_packet(self._socket, {"pid": pid}, [pidfd, self._files[3], self._files[4]])
            finally:
                os.close(pidfd)
        except (Refused, OSError, ValueError) as error:
            os.kill(pid, signal.SIGKILL)
            self._refuse(str(error))
            return
        self.pid = pid
        self._timer.cancel()
        self._close_files()

    def end(self, status: int) -> None:
        """The process has ended: tells the launcher."""
        self.pid = None
        self._say({"ended": status})
        self.close()
        self._door.visits.discard(self)

    def _refuse(self, why: str) -> None:
        log(f"process {self.peer.pid} of uid {self.peer.uid} starts cold: {why}")
        self._say({"refused": why})
        self.close()

    def _say(self, message: dict[str, Any]) -> None:
        if self.is_open:
            try:
                send_packet(self._socket, message, [])
            except OSError:
                pass

    def close(self) -> None:
        """Safe to repeat. A process that was made lives on."""
        if self.is_open:
            self.is_open = False
            self._timer.cancel()
            self._door.loop.unwatch(self._socket.fileno())
            self._socket.close()
            self._close_files()
            self.peer.close()
        if self.pid is None:
            self._door.visits.discard(self)

    def _close_files(self) -> None:
        for fd in self._files:
            os.close(fd)
        self._files = []


class _NoOwner:
    owner = None


class WarmDoor:
    """Listens, and is the parent of what it makes."""

    def __init__(self, path: str, prefixes: frozenset[str], sets: Sequence[str]) -> None:
        """`sets`: what is loaded of each environment from the beginning, and kept. Others are loaded when they were asked for."""
        self.prefixes = prefixes
        self.visits: set[_Visit] = set()
        self.loop = Loop(self._on_child_exit)
        self.pool = WarmPool(self.loop, CgroupTree("none", "not needed", {}))
        linux.become_subreaper()
        for name, prefix in itertools.product(sets, prefixes):
            try:
                self.pool.preload({"prefix": prefix, "entry": find_entry(name)})
            except SpecError as error:
                log(f"{prefix} ({name}): {error}")
        self._path = path
        self._told: dict[str, str] = {}
        self._tell_states()

    def _tell_states(self) -> None:
        """What has become of the environments, as it changes, for whoever reads the log."""
        for wire in self.pool.status():
            name, state = f"{wire['prefix']} ({wire['set']})", wire["state"]
            if state != "loading" and self._told.get(name) != state:
                self._told[name] = state
                log(f"{name} is kept warm" if state == "ready" else f"{name} is not kept warm: {wire.get('reason')}")
        self.loop.call_later(_TELL_SECONDS, self._tell_states)

    def run(self) -> None:
        """Until SIGTERM. Jobs go on."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.loop.stop())
        server = _listen(self._path)
        self.loop.watch(server.fileno(), READ, lambda _events: self._accept(server))
        self.loop.run()
        os.unlink(self._path)
        self.pool.close()

    def _accept(self, server: socket.socket) -> None:
        try:
            sock, _ = server.accept()
        except OSError:
            return
        sock.setblocking(False)
        try:
            if len(self.visits) >= _MAX_CONNECTIONS:
                raise Refused("too many ask")
            peer = Peer(sock)
        except (Refused, OSError, ValueError, KeyError) as error:
            _turn_away(sock, str(error))
            return
        if sum(visit.peer.uid == peer.uid for visit in self.visits) >= _MAX_OF_ONE_USER:
            peer.close()
            _turn_away(sock, "this user asks too much")
            return
        self.visits.add(_Visit(self, sock, peer))

    def _on_child_exit(self, pid: int, status: int) -> None:
        if self.pool.on_child_exit(pid):
            return
        for visit in list(self.visits):
            if visit.pid == pid:
                visit.end(status)


def _turn_away(sock: socket.socket, why: str) -> None:
    with sock:
        try:
            send_packet(sock, {"refused": why}, [])
        except OSError:
            pass


def _listen(path: str) -> socket.socket:
    folder = os.path.dirname(path)
    os.makedirs(folder, 0o755, exist_ok=True)
    status = os.stat(folder)
    if status.st_uid != 0 or status.st_mode & 0o022:
        sys.exit(f"{folder} is not root's alone")
    if os.path.lexists(path):
        os.unlink(path)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server.bind(path)
    os.chmod(path, 0o666)
    server.listen(128)
    server.setblocking(False)
    return server


def _read_plan(fd: int) -> dict[str, Any]:
    # Only a file in memory has seals, so reading it can neither block nor change meanwhile.
    if fcntl.fcntl(fd, fcntl.F_GET_SEALS) & PLAN_SEALS != PLAN_SEALS or os.fstat(fd).st_size > _MAX_PLAN_BYTES:
        raise Refused("this is no plan")
    fields: dict[str, Any] = json.loads(os.pread(fd, _MAX_PLAN_BYTES, 0))
    return fields


def _build_plan(given: dict[str, Any], prefix: str, entry: str, peer: Peer) -> ChildPlan:
    command, environment, cwd, umask = (given[name] for name in ("command", "environment", "cwd", "umask"))
    texts = [cwd, *command, *environment, *environment.values()]
    if not command or not isinstance(umask, int) or not all(isinstance(text, str) for text in texts):
        raise Refused("this is no plan")
    return ChildPlan(
        command=list(command), environment=dict(environment), cwd=cwd, uid=peer.uid, gid=peer.gid, gids=peer.gids,
        umask=umask & 0o777, drop=True, tasks=1, mpi=None, open_files=peer.open_files, warm_prefix=prefix, warm_entry=entry,
        cgroups=[],
    )  # fmt: skip


def main() -> None:
    """Runs until SIGTERM."""
    parser = argparse.ArgumentParser(prog="atrium_node warm_door", description=__doc__)
    parser.add_argument("--socket", default=WARM_SOCKET, help="where launchers ask; its folder must be root's")
    parser.add_argument("--prefix", action="append", required=True, help="an environment to keep loaded; may be given again")
    parser.add_argument(
        "--set", action="append", dest="sets", choices=sorted(PLANNED_SETS), help="what to keep of each; default: notebook and dask"
    )
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("the warm door makes processes of many users: it runs as root")
    raise_file_limit()
    os.umask(0o022)
    prefixes = frozenset(os.path.normpath(prefix) for prefix in options.prefix)
    WarmDoor(options.socket, prefixes, options.sets or _LOADED_SETS).run()
