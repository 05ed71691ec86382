"""The agent's side of one fork server: start it, ask it, notice its end."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from atrium_node import VERSION, linux
from atrium_node.child import drop_to, enter_cgroups, reset_signals
from atrium_node.child_plan import ChildPlan
from atrium_node.environment_fingerprint import take_fingerprint
from atrium_node.fork_server_boot import BOOT, SOCKET_FD
from atrium_node.job_cgroup import JobCgroup
from atrium_node.job_spec import Owner
from atrium_node.kept_home import MARKER_HOME
from atrium_node.launcher import OPEN_FILES, Launch
from atrium_node.loop import HANGUP, READ, Loop
from atrium_node.packet import make_pair, put_aside, receive_packet, send_packet
from atrium_node.preload_sets import list_variables

_ANSWER_SECONDS = 2.0
_MAX_UNDER_WAY = 4
_LOAD_SECONDS = 120.0
_GONE_SECONDS = 0.5

Forked = Callable[["int | None", str], None]


class WarmServer:
    """States: loading, ready, failed. A failed one is over; `reason` says why."""

    def __init__(self, loop: Loop, prefix: str, set_name: str, owner: Owner | None, cgroup: JobCgroup) -> None:
        """`owner`: the server runs as this user, in `cgroup`, and serves nobody else; None: with the agent's own rights."""
        self.prefix = prefix
        self.set_name = set_name
        self.owner = owner
        self.state = "loading"
        self.reason = ""
        self.is_lasting = False
        """It failed for what the environment holds: trying again is in vain until that changes."""
        self.details: dict[str, Any] = {}
        self.used_at = time.monotonic()
        self._loop = loop
        self._cgroup = cgroup
        self._fingerprint = take_fingerprint(prefix)
        self._waiting: dict[int, tuple[Launch, Forked]] = {}
        self._queue: deque[tuple[Launch, Forked]] = deque()
        self._last_id = 0
        self._socket, theirs = make_pair()
        # The agent waits for nobody.
        self._socket.setblocking(False)
        try:
            self.pid = _spawn(prefix, set_name, owner, theirs, list(cgroup.folders.values()))
        finally:
            theirs.close()
        loop.watch(self._socket.fileno(), READ | HANGUP, lambda _events: self._on_packet())
        self._load_timer = loop.call_later(_LOAD_SECONDS, lambda: self.fail("loading took too long"))

    def is_current(self) -> bool:
        """The environment has not changed since it was loaded."""
        return take_fingerprint(self.prefix) == self._fingerprint

    def serves(self, plan: ChildPlan) -> bool:
        """A server with a user's rights can only make processes of that user."""
        owner = self.owner
        if owner is None:
            return True
        return (plan.uid, plan.gid, set(plan.gids)) == (owner.uid, owner.gid, set(owner.gids))

    def fork(self, launch: Launch, done: Forked) -> None:
        """Asks for a process; `done` gets its pid, or None and why there is none."""
        self.used_at = time.monotonic()
        self._queue.append((launch, done))
        self._send_some()

    def _send_some(self) -> None:
        # Few at a time, so that what is sent always fits into the socket.
        while self._queue and len(self._waiting) < _MAX_UNDER_WAY and self.state == "ready":
            launch, done = self._queue.popleft()
            self._last_id += 1
            request_id = self._last_id
            self._waiting[request_id] = (launch, done)
            try:
                self._send(request_id, launch)
            except OSError:
                self.fail("the fork server went away")
                return
            self._loop.call_later(_ANSWER_SECONDS, partial(self._on_silence, request_id))

    def _send(self, request_id: int, launch: Launch) -> None:
        child = launch.child
        # One with a user's rights is that user already, and has none to enter the job's groups.
        done_already = {} if self.owner is None else {"drop": False, "cgroups": []}
        plan = put_aside(launch.plan.to_fields() | done_already)
        try:
            send_packet(self._socket, {"id": request_id}, [child.go, child.status, child.log, child.ran, plan])
        finally:
            os.close(plan)

    def _on_silence(self, request_id: int) -> None:
        if request_id in self._waiting:
            self.fail("the fork server gave no answer")

    def _on_packet(self) -> None:
        try:
            packet = receive_packet(self._socket)
        except OSError:
            packet = None
        except ValueError:
            self.fail("the fork server's words make no sense")
            return
        if packet is None:
            self.fail("the fork server went away")
            return
        message, fds = packet
        # One that runs a user's code may send anything.
        for fd in fds:
            os.close(fd)
        if "state" in message:
            self._on_state(message)
        else:
            self._on_forked(message)

    def _on_state(self, message: dict[str, Any]) -> None:
        self._load_timer.cancel()
        if message["state"] == "ready" and self.state == "loading":
            self.state = "ready"
            self.details = {name: message.get(name) for name in ("modules", "loadMs", "missing")}
        else:
            self.is_lasting = True
            self.fail(str(message.get("reason")))

    def _on_forked(self, message: dict[str, Any]) -> None:
        request_id, pid = message.get("id"), message.get("pid")
        if not isinstance(request_id, int) or not isinstance(pid, int) or not self._is_ours(pid):
            self.fail("the fork server named a process that is not of its making")
            return
        launch, done = self._waiting.pop(request_id, (None, None))
        if launch is not None and done is not None:
            if self.owner is not None:
                launch.job.cgroup.attach(pid)
            done(pid, "")
        self._send_some()

    def _is_ours(self, pid: int) -> bool:
        """The agent will move, signal and wait for this process: it must be a child of the agent's, and of no other user's."""
        if not linux.is_own_child(pid):
            return False
        return self.owner is None or linux.process_owner(pid) == self.owner.uid

    def fail(self, reason: str) -> None:
        """Over: the process ends, whoever waits is told to go on without. Jobs forked before live on."""
        if self.state == "failed":
            return
        self.state = "failed"
        self.reason = reason
        self._load_timer.cancel()
        self._loop.unwatch(self._socket.fileno())
        self._socket.close()
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        if self._cgroup.tracks:
            self._cgroup.kill()
            # What was killed needs a moment to go.
            self._loop.call_later(_GONE_SECONDS, self._cgroup.remove)
        left = [*self._waiting.values(), *self._queue]
        self._waiting.clear()
        self._queue.clear()
        for _, done in left:
            done(None, reason)

    def to_wire(self) -> dict[str, Any]:
        """For clients."""
        wire: dict[str, Any] = {"prefix": self.prefix, "set": self.set_name, "state": self.state, **self.details}
        if self.state == "failed":
            return wire | {"reason": self.reason}
        return wire | {"pid": self.pid, "residentBytes": linux.resident_bytes(self.pid)}


def _spawn(prefix: str, set_name: str, owner: Owner | None, theirs: socket.socket, cgroups: list[str]) -> int:
    """The environment's own interpreter with nothing of our environment variables, and one socket."""
    package_folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    python = os.path.join(prefix, "bin", "python")
    environment = {
        "PATH": f"{prefix}/bin:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": MARKER_HOME,
        **list_variables(set_name),
    }
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        reset_signals()
        os.dup2(theirs.fileno(), SOCKET_FD, inheritable=True)
        os.closerange(SOCKET_FD + 1, 1 << 20)
        os.dup2(2, 1)
        os.umask(0o077)
        os.chdir("/")
        if owner is not None and os.geteuid() == 0:
            plan = _owner_plan(owner, cgroups)
            enter_cgroups(plan)
            drop_to(plan)
        os.execve(python, [python, "-c", BOOT, package_folder, set_name, VERSION], environment)
    except BaseException as error:
        os.write(2, f"agent: fork server of {prefix}: {error!r}\n".encode(errors="replace"))
    finally:
        os._exit(126)


def _owner_plan(owner: Owner, cgroups: list[str]) -> ChildPlan:
    return ChildPlan(
        command=[], environment={}, cwd="/", uid=owner.uid, gid=owner.gid, gids=owner.gids, umask=0o077, drop=True,
        tasks=1, mpi=None, open_files=OPEN_FILES, warm_prefix=None, warm_entry=None, cgroups=cgroups,
    )  # fmt: skip
