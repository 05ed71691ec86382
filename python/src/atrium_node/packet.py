"""Messages between the agent and a fork server: JSON with its length before it, descriptors beside it."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

_LENGTH = struct.Struct("!I")
_MAX_DESCRIPTORS = 8


def send_packet(sock: socket.socket, message: dict[str, Any], fds: list[int]) -> None:
    """Blocks until all of it is sent. OSError when the other side is gone."""
    data = json.dumps(message).encode()
    data = _LENGTH.pack(len(data)) + data
    sent = socket.send_fds(sock, [data], fds) if fds else sock.send(data)
    # Not even an empty rest: a receiver that has all of it may have closed its end already.
    if sent < len(data):
        sock.sendall(data[sent:])


def receive_packet(sock: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """One whole message and its descriptors. None: the other side is gone."""
    # The length alone first: a longer read could run into the next message.
    head, fds, _, _ = socket.recv_fds(sock, _LENGTH.size, _MAX_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
    while head and len(head) < _LENGTH.size:
        head += sock.recv(_LENGTH.size - len(head))
    if len(head) < _LENGTH.size:
        return None
    left = _LENGTH.unpack(head)[0]
    chunks: list[bytes] = []
    while left:
        chunk = sock.recv(left)
        if not chunk:
            return None
        chunks.append(chunk)
        left -= len(chunk)
    return json.loads(b"".join(chunks)), fds
