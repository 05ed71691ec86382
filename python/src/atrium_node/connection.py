"""One client of the agent's socket: requests and answers as JSON, one a line."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Callable
from typing import Any

from atrium_node.loop import HANGUP, READ, WRITE, Loop

_MAX_LINE_BYTES = 64 << 20
_MAX_UNSENT_BYTES = 32 << 20
_CHUNK_BYTES = 256 << 10


class Connection:
    """Reads lines, writes lines; closed at the first sign of trouble, which never touches a job."""

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        on_request: Callable[[Connection, dict[str, Any]], None],
        on_close: Callable[[Connection], None],
    ) -> None:
        self.subscribed = False
        self._loop = loop
        self._socket = sock
        self._on_request = on_request
        self._on_close = on_close
        self._received = bytearray()
        self._unsent = bytearray()
        self._closed = False
        sock.setblocking(False)
        loop.watch(sock.fileno(), READ, self._on_ready)

    def send(self, message: dict[str, Any]) -> None:
        """Queues one message. A client that does not read is let go before it costs much memory."""
        if self._closed:
            return
        self._unsent += json.dumps(message, separators=(",", ":")).encode() + b"\n"
        if len(self._unsent) > _MAX_UNSENT_BYTES:
            self.close()
        else:
            self._flush()

    def close(self) -> None:
        """Safe to repeat."""
        if not self._closed:
            self._closed = True
            self._loop.unwatch(self._socket.fileno())
            self._socket.close()
            self._on_close(self)

    def _on_ready(self, events: int) -> None:
        if events & WRITE:
            self._flush()
        if events & (READ | HANGUP) and not self._closed:
            self._receive()

    def _receive(self) -> None:
        try:
            data = self._socket.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data or len(self._received) + len(data) > _MAX_LINE_BYTES:
            self.close()
            return
        self._received += data
        if b"\n" not in data:
            return
        lines = self._received.split(b"\n")
        self._received = lines.pop()
        for line in lines:
            if line and not self._closed:
                self._handle(bytes(line))

    def _handle(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            self.send({"id": None, "ok": False, "error": {"code": "bad_request", "message": "not a line of JSON"}})
            return
        if isinstance(message, dict):
            self._on_request(self, message)

    def _flush(self) -> None:
        try:
            while self._unsent:
                sent = self._socket.send(self._unsent[:_CHUNK_BYTES])
                del self._unsent[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        self._loop.watch(self._socket.fileno(), READ | WRITE if self._unsent else READ, self._on_ready)


def peer_uid(sock: socket.socket) -> int:
    """The user at the other end of a Unix socket, as the kernel saw it connect."""
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])


def listen(path: str) -> socket.socket:
    """A Unix socket only its owner can connect to. Exits with a clear message when the path cannot hold one."""
    if len(os.fsencode(path)) > 107:
        raise OSError(f"the socket's path is longer than the 107 bytes Unix allows: {path}")
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    old = os.umask(0o177)
    try:
        sock.bind(path)
    finally:
        os.umask(old)
    sock.listen(128)
    sock.setblocking(False)
    return sock
