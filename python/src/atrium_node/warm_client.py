"""The launcher's side of the warm door: asks for a process in place of one of its own."""

from __future__ import annotations

import fcntl
import json
import os
import select
import socket
import struct
from typing import Any

from atrium_node import linux
from atrium_node.child import go_word
from atrium_node.child_plan import ChildPlan
from atrium_node.packet import receive_packet, send_packet

WARM_SOCKET = "/run/atrium/warm.sock"
# linux/fcntl.h; Python names them from 3.9 on.
PLAN_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_ANSWER_SECONDS = 10.0
_LAST_WORD_SECONDS = 2.0


class WarmProgram:
    """A program whose parent is the door. Ends are told by the door, and seen by the kernel when the door is gone."""

    def __init__(self, pid: int, pidfd: int, sock: socket.socket) -> None:
        self.pid = pid
        self._pidfd = pidfd
        self._socket: socket.socket | None = sock

    @property
    def wake_files(self) -> list[int]:
        """Readable when `poll` may have something to say."""
        return [self._pidfd] if self._socket is None else [self._pidfd, self._socket.fileno()]

    def poll(self) -> tuple[bool, int | None]:
        """Whether it has ended, and its wait status; None: nobody saw that."""
        if self._socket is not None and select.select([self._socket], [], [], 0)[0]:
            status = self._hear()
            if status is not None:
                return True, status
        if not select.select([self._pidfd], [], [], 0)[0]:
            return False, None
        if self._socket is not None and select.select([self._socket], [], [], _LAST_WORD_SECONDS)[0]:
            status = self._hear()
            if status is not None:
                return True, status
        return True, linux.exit_status_of_stranger(self._pidfd)

    def _hear(self) -> int | None:
        assert self._socket is not None
        try:
            packet = receive_packet(self._socket)
        except (OSError, ValueError):
            packet = None
        if packet is not None and isinstance(packet[0].get("ended"), int):
            return int(packet[0]["ended"])
        self._socket.close()
        self._socket = None
        return None


def ask_door(plan: ChildPlan, log: int) -> tuple[WarmProgram, int] | None:
    """The program, which runs now, and the pipe that tells how its start went. None: there is no door, or it will not."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.settimeout(_ANSWER_SECONDS)
    try:
        sock.connect(WARM_SOCKET)
        _, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        # It is told secrets.
        if uid != 0:
            raise OSError("the door is not root's")
        _send(sock, plan, log)
        packet = receive_packet(sock)
    except (OSError, ValueError):
        packet = None
    if packet is None or len(packet[1]) != 3:
        for fd in [] if packet is None else packet[1]:
            os.close(fd)
        sock.close()
        return None
    return _let_go(sock, *packet)


def _send(sock: socket.socket, plan: ChildPlan, log: int) -> None:
    given = {name: getattr(plan, name) for name in ("command", "environment", "cwd", "umask")}
    fd = _seal(given)
    try:
        send_packet(sock, {"prefix": plan.warm_prefix, "entry": plan.warm_entry}, [log, fd])
    finally:
        os.close(fd)


def _seal(fields: dict[str, Any]) -> int:
    fd = os.memfd_create("atrium-plan", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(fd, "wb", closefd=False) as file:
        file.write(json.dumps(fields).encode())
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, PLAN_SEALS)
    return fd


def _let_go(sock: socket.socket, message: dict[str, Any], fds: list[int]) -> tuple[WarmProgram, int] | None:
    """Nothing of the job has run before this, and the process runs it or nothing does: a cold start cannot be a second one."""
    pidfd, go, status = fds
    pid = int(message["pid"])
    try:
        os.write(go, go_word(pid))
    except OSError:
        # It ended while it waited.
        os.close(pidfd)
        os.close(status)
        sock.close()
        return None
    finally:
        os.close(go)
    sock.settimeout(None)
    return WarmProgram(pid, pidfd, sock), status
