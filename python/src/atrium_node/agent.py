"""The node agent: parent and reaper of all jobs on this machine, asked over a Unix socket. README.md has the protocol."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import socket
import sys
import time
from typing import Any

from atrium_node import linux
from atrium_node.agent_options import AgentOptions, parse_options
from atrium_node.cgroup_tree import find_cgroup_tree
from atrium_node.connection import Connection, listen, peer_uid
from atrium_node.faults import Faults
from atrium_node.job_spec import SpecError
from atrium_node.launcher import Launcher
from atrium_node.log_bound import bound_logs
from atrium_node.loop import READ, Loop
from atrium_node.port_watch import PortWatch
from atrium_node.ports import PortPool
from atrium_node.records import RecordStore
from atrium_node.supervisor import Supervisor
from atrium_node.verbs import Verbs
from atrium_node.warm_pool import WarmPool

_LOG_BOUND_SECONDS = 5.0
EXIT_ALREADY_RUNNING = 75
"""Another agent has the data folder; a client should connect to that one."""


class Agent:
    """Wires the parts and owns the socket."""

    def __init__(self, options: AgentOptions) -> None:
        self._options = options
        self._connections: set[Connection] = set()
        self._loop = Loop(self._on_child_exit)
        self._records = RecordStore(os.path.join(options.data_dir, "jobs"))
        data = os.stat(options.data_dir)
        self._cgroups = cgroups = find_cgroup_tree(f"atrium-{data.st_dev:x}-{data.st_ino:x}", options.cgroups)
        boot_id = linux.boot_id()
        launcher = Launcher(self._records, cgroups, PortPool(), boot_id)
        self._warm = WarmPool(self._loop, cgroups)
        self._port_watch = PortWatch(self._loop, self._publish)
        self._supervisor = Supervisor(self._loop, self._records, launcher, self._warm, self._publish, Faults(options.fault))
        self._verbs = Verbs(self._supervisor, self._records, cgroups, self._warm, options.data_dir)
        linux.become_subreaper()
        adopted = self._supervisor.adopt_all(boot_id)
        for job in self._supervisor.jobs.values():
            self._port_watch.add(job)
        cgroups.sweep(set(self._supervisor.jobs))
        log(f"adopted {adopted} jobs; limits: {cgroups.mode} ({cgroups.why})")

    def run(self) -> None:
        """Until `shutdown` or SIGTERM. Jobs go on."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._loop.stop())
        server = listen(self._options.socket_path)
        self._loop.watch(server.fileno(), READ, lambda _events: self._accept(server))
        self._loop.call_later(_LOG_BOUND_SECONDS, self._bound_logs)
        tell_ready()
        self._loop.run()
        os.unlink(self._options.socket_path)
        self._warm.close()
        self._cgroups.close(set(self._supervisor.jobs))

    def _accept(self, server: socket.socket) -> None:
        try:
            sock, _ = server.accept()
        except OSError:
            return
        if peer_uid(sock) not in (0, os.geteuid()):
            sock.close()
            return
        self._connections.add(Connection(self._loop, sock, self._on_request, self._connections.discard))

    def _on_request(self, connection: Connection, request: dict[str, Any]) -> None:
        request_id = request.get("id")

        def reply(result: dict[str, Any]) -> None:
            connection.send({"id": request_id, "ok": True, "result": result})

        verb = request.get("verb")
        try:
            _refuse_late(request)
            if verb == "subscribe":
                connection.subscribed = True
                reply({})
            elif verb == "shutdown":
                reply({})
                self._loop.stop()
            else:
                self._verbs.find(verb)(request, reply)
        except SpecError as error:
            connection.send({"id": request_id, "ok": False, "error": {"code": error.code, "message": str(error)}})
        except Exception as error:
            log(f"{verb} failed: {error!r}")
            message = {"code": "internal", "message": "the agent failed; its log has the details"}
            connection.send({"id": request_id, "ok": False, "error": message})
            raise

    def _publish(self, event: dict[str, Any]) -> None:
        if event["event"] == "started":
            self._port_watch.add(self._supervisor.jobs[event["key"]])
        for connection in list(self._connections):
            if connection.subscribed:
                connection.send(event)

    def _on_child_exit(self, pid: int, status: int) -> None:
        if not self._warm.on_child_exit(pid):
            self._supervisor.on_child_exit(pid, status)

    def _bound_logs(self) -> None:
        bound_logs(self._supervisor.jobs.values(), self._records, self._options.log_limit_bytes)
        self._loop.call_later(_LOG_BOUND_SECONDS, self._bound_logs)


def _refuse_late(request: dict[str, Any]) -> None:
    """A client that has given up waiting must not be surprised by what it asked for then."""
    deadline_ms = request.get("deadlineMs")
    if isinstance(deadline_ms, (int, float)) and time.monotonic() * 1000 > deadline_ms:
        raise SpecError("too_late", "the request's deadline has passed")


def log(message: str) -> None:
    """One line to the agent's own log. Never a secret, never a user's text."""
    print(f"agent {os.getpid()}: {message}", file=sys.stderr, flush=True)


def tell_ready() -> None:
    """Whoever started us reads this line and knows that the socket answers; then the pipe is let go."""
    try:
        os.write(1, b"ready\n")
    except OSError:
        pass
    null = os.open("/dev/null", os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def raise_file_limit() -> None:
    """A few descriptors a job. Jobs themselves get the limit we were started with."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def take_lock(data_dir: str) -> int:
    """The data folder is ours until this process ends. Exits when another agent has it."""
    os.makedirs(os.path.join(data_dir, "jobs"), mode=0o700, exist_ok=True)
    fd = os.open(os.path.join(data_dir, "jobs", ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("another agent is running on this data folder", file=sys.stderr)
        sys.exit(EXIT_ALREADY_RUNNING)
    return fd


def main() -> None:
    """`agent --data DIR --socket PATH`: runs until told to stop."""
    options = parse_options(sys.argv[1:])
    os.umask(0o077)
    os.chdir("/")
    raise_file_limit()
    lock = take_lock(options.data_dir)
    try:
        Agent(options).run()
    except OSError as error:
        sys.exit(f"the node agent cannot run: {error}")
    finally:
        os.close(lock)
