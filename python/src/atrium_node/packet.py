"""Messages between the agent, a fork server and its processes: JSON, one a datagram, descriptors beside it.

A datagram comes whole or not at all, so neither side ever waits for the rest of one. What a job is given (its environment
holds secrets) is never in a message: it is in a file without a name, of which the descriptor alone is passed on.
"""

from __future__ import annotations

import json
import os
import socket
from typing import Any

_MAX_BYTES = 64 << 10
_MAX_DESCRIPTORS = 8


def make_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets for packets."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send_packet(sock: socket.socket, message: dict[str, Any], fds: list[int]) -> None:
    """OSError when the other side is gone."""
    data = json.dumps(message).encode()
    if fds:
        socket.send_fds(sock, [data], fds)
    else:
        sock.send(data)


def receive_packet(sock: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """One message and its descriptors. None: the other side is gone. ValueError: it is no message of ours."""
    data, fds, _, _ = socket.recv_fds(sock, _MAX_BYTES, _MAX_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
    if not data:
        return None
    message = json.loads(data)
    if not isinstance(message, dict):
        raise ValueError("a message is an object")
    return message, fds


def put_aside(fields: dict[str, Any]) -> int:
    """A descriptor of a file without a name that holds `fields`; for `take_up` in the process it is passed to."""
    fd = os.memfd_create("atrium-plan", os.MFD_CLOEXEC)
    with open(fd, "wb", closefd=False) as file:
        file.write(json.dumps(fields).encode())
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def take_up(fd: int) -> dict[str, Any]:
    """What `put_aside` wrote. Closes the descriptor."""
    with open(fd, "rb") as file:
        fields: dict[str, Any] = json.load(file)
    return fields
