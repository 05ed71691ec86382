"""The first process of a pod that lends itself to a job of several pods: runs what the job's main pod asks for, through its door."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

from atrium_node.child_plan import KEY_VARIABLE
from atrium_node.pod_agent import EXIT, FRAME, OUTPUT
from atrium_node.pod_door import Door, Request
from atrium_node.pod_tasks import enter
from atrium_node.pod_watch import PodWatch
from atrium_node.tasks import start_share, wait_for_tasks

_CANNOT_RUN = 127
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nConnection: close\r\n\r\n"


class PeerWatch(PodWatch):
    """A pod without a program of its own: ends when it is told to."""

    def __init__(self, job: dict[str, Any], order_file: str, end_all: Callable[[int], None]) -> None:
        super().__init__({**job, "ports": {}}, 0, order_file, end_all)
        self._running: set[int] = set()

    def _add_routes(self, door: Door) -> None:
        door.route("POST", "/run", self._post_run)
        door.route("POST", "/release", self._post_release)

    def _post_run(self, request: Request) -> None:
        body = request.body
        order = {"line": str(body["line"])} if "line" in body else {"first": int(body["first"]), "count": int(body["count"])}
        pid = os.fork()
        if pid == 0:
            try:
                _become_runner(request.connection, self._job, order)
            finally:
                os._exit(_CANNOT_RUN)
        self._running.add(pid)
        request.forget()

    def _post_release(self, request: Request) -> None:
        request.answer(202, {})
        self._end_all(signal.SIGKILL)
        self._loop.stop()

    def _enforce_end(self) -> None:
        super()._enforce_end()
        if not self._running:
            self._loop.stop()

    def _on_child_exit(self, pid: int, status: int) -> None:
        self._running.discard(pid)
        if self._deadline is not None and not self._running:
            self._loop.stop()


def _become_runner(connection: socket.socket, job: dict[str, Any], order: dict[str, Any]) -> None:
    """Starts what is asked for, passes its output on, and tells its end. The wish that the job end is not for this process."""
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    connection.setblocking(True)
    output, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            _become_program(theirs, job, order)
        finally:
            os._exit(_CANNOT_RUN)
    os.close(theirs)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        connection.sendall(_HEAD)
        _pass_on(connection, output, os.pidfd_open(pid))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        _send(connection, EXIT, str(code if code >= 0 else 128 - code).encode())
    except OSError:
        # Whoever asked is gone, and with it what this is good for.
        os.killpg(pid, signal.SIGKILL)
    os._exit(0)


def _become_program(output: int, job: dict[str, Any], order: dict[str, Any]) -> None:
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for standard in (1, 2):
        os.dup2(output, standard)
    try:
        plan = enter(job)
        if "line" in order:
            # Whatever starts ranks must not hear the wish that the job end: each of them does by itself.
            os.execve("/bin/sh", ["sh", "-c", order["line"]], plan.environment | {KEY_VARIABLE: job["key"]})
        os._exit(wait_for_tasks(start_share(plan, order["first"], order["count"])))
    except OSError as error:
        print(f"atrium: {error.filename or 'cannot run'}: {error.strerror}", file=sys.stderr, flush=True)


def _pass_on(connection: socket.socket, output: int, ended: int) -> None:
    """Until the program has ended and what it wrote by then is passed on. OSError when nobody listens any more."""
    while True:
        ready = select.select([output, ended, connection], [], [])[0]
        if output in ready:
            part = os.read(output, 65536)
            if part:
                _send(connection, OUTPUT, part)
                continue
            # Closed by all that had it: its end is what there is to wait for.
            ready = select.select([ended, connection], [], [])[0]
        if connection in ready and not connection.recv(4096):
            raise BrokenPipeError
        if ended in ready:
            return


def _send(connection: socket.socket, kind: bytes, content: bytes) -> None:
    connection.sendall(FRAME.pack(kind, len(content)) + content)
