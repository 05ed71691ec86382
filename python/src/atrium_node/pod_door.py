"""The door of a job's pod: a small HTTP server in the job's first process, by which the control plane sees and ends the job at once.

One request a connection, JSON in and out, with the job's token (`Authorization: Bearer`). The token lies in the job's Secret: the job's
own user can read it and then do to this job what they can do anyway; nobody else has it, and no other job has the same one.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Callable

from atrium_node.loop import HANGUP, READ, WRITE, Loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MOST_CONNECTIONS = 64
_LONGEST_HEAD = 8 * 1024
_LONGEST_BODY = 1024 * 1024
_REQUEST_SECONDS = 10.0
"""From the connection to the whole request; strangers do not hold connections longer."""
_ANSWER_SECONDS = 30.0
_LONGEST_WAIT_SECONDS = 300.0
_REASONS = {200: "OK", 202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 409: "Conflict", 413: "Too Large"}


class Request:
    """One request, from which its connection can be answered now or later."""

    def __init__(self, door: Door, connection: socket.socket) -> None:
        self._door = door
        self.connection = connection
        self.method, self.path = "", ""
        self.query: dict[str, str] = {}
        self.body: dict[str, Any] = {}
        self.on_gone: Callable[[], None] | None = None
        """Called when it is over: answered, or the other side has gone."""

    @property
    def is_open(self) -> bool:
        """False once it was answered, or nobody waits for the answer any more."""
        return self.connection.fileno() >= 0

    def forget(self) -> None:
        """Another process has the connection now, and answers."""
        self._door.close(self)

    def answer(self, status: int, content: dict[str, Any]) -> None:
        """Answers and closes. Safe when the other side has gone."""
        self._door.send(self, status, json.dumps(content, separators=(",", ":")).encode())


Handler = Callable[[Request], None]


class Door:
    """Listens on one port of the pod and hands requests with the right token to their handlers."""

    def __init__(self, loop: Loop, token: str) -> None:
        self._loop = loop
        self._proof = f"Bearer {token}".encode()
        self._handlers: dict[tuple[str, str], Handler] = {}
        self._open: dict[socket.socket, Request] = {}

    def route(self, method: str, path: str, handler: Handler) -> None:
        """`handler` answers at once, or keeps the request and answers later."""
        self._handlers[method, path] = handler

    def listen(self, port: int) -> None:
        """On all addresses of the pod. OSError when somebody has the port."""
        listener = _bind(port)
        listener.listen(_MOST_CONNECTIONS)
        listener.setblocking(False)
        self._loop.watch(listener.fileno(), READ, lambda _: self._accept(listener))

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        if len(self._open) >= _MOST_CONNECTIONS:
            self._make_room()
        connection.setblocking(False)
        request, received = Request(self, connection), bytearray()
        self._open[connection] = request
        self._loop.watch(connection.fileno(), READ, lambda _: self._read(request, received))
        timer = self._loop.call_later(_REQUEST_SECONDS, lambda: self._expire(request))
        request.on_gone = timer.cancel

    def _make_room(self) -> None:
        """Whoever has not proved anything yet goes first, the longest here of them."""
        silent = (request for request in self._open.values() if request.method == "")
        self.close(next(silent, next(iter(self._open.values()))))

    def _expire(self, request: Request) -> None:
        if request.method == "":
            self.close(request)

    def _read(self, request: Request, received: bytearray) -> None:
        try:
            part = request.connection.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        received += part
        status = _parse(request, received, self._proof) if part else None
        if not part:
            self.close(request)
        elif status == 0:
            self._handle(request)
        elif status is not None:
            request.answer(status, {"error": _REASONS[status]})

    def _handle(self, request: Request) -> None:
        if request.on_gone is not None:
            request.on_gone()
            request.on_gone = None
        # Nothing more is to come: what is read from here on is the other side's going.
        self._loop.watch(request.connection.fileno(), READ, lambda _: self._leave(request))
        handler = self._handlers.get((request.method, request.path))
        if handler is None:
            request.answer(404, {"error": "no such thing"})
            return
        try:
            handler(request)
        except (KeyError, TypeError, ValueError) as error:
            request.answer(400, {"error": f"{type(error).__name__}: {error}"})

    def _leave(self, request: Request) -> None:
        try:
            if request.connection.recv(4096):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.close(request)

    def send(self, request: Request, status: int, body: bytes) -> None:
        """Writes the answer as the other side takes it, and closes."""
        if not request.is_open:
            return
        head = f"HTTP/1.1 {status} {_REASONS.get(status, 'Answer')}\r\nContent-Type: application/json\r\n"
        rest = memoryview(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        request.method = request.method or "-"
        self._write(request, rest)
        if request.is_open:
            self._loop.call_later(_ANSWER_SECONDS, lambda: self.close(request))

    def _write(self, request: Request, rest: memoryview) -> None:
        try:
            sent = request.connection.send(rest)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close(request)
            return
        rest = rest[sent:]
        if not rest:
            self.close(request)
        else:
            self._loop.watch(request.connection.fileno(), WRITE | HANGUP, lambda _: self._write(request, rest))

    def close(self, request: Request) -> None:
        """Safe to repeat."""
        if not request.is_open:
            return
        self._loop.unwatch(request.connection.fileno())
        self._open.pop(request.connection, None)
        request.connection.close()
        on_gone, request.on_gone = request.on_gone, None
        if on_gone is not None:
            on_gone()


def _bind(port: int) -> socket.socket:
    """Both families where the pod has them."""
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
        except OSError:
            pass
    return socket.create_server(("", port))


def _parse(request: Request, received: bytearray, proof: bytes) -> int | None:
    """0: the request is whole; None: not yet; else the status of a refusal."""
    head, separator, body = bytes(received).partition(b"\r\n\r\n")
    if not separator:
        return 413 if len(received) > _LONGEST_HEAD else None
    first, *lines = head.split(b"\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    if not _is_same(headers.get(b"authorization", b""), proof):
        return 401
    length = headers.get(b"content-length", b"0")
    words = first.decode("latin-1").split(" ")
    if not length.isdigit() or len(words) != 3:
        return 400
    if int(length) > _LONGEST_BODY:
        return 413
    if len(body) < int(length):
        return None
    try:
        request.body = json.loads(body[: int(length)] or b"{}")
    except ValueError:
        return 400
    if not isinstance(request.body, dict):
        return 400
    request.method = words[0]
    request.path, _, query = words[1].partition("?")
    request.query = dict(pair.partition("=")[::2] for pair in query.split("&") if pair)
    return 0


def _is_same(given: bytes, wanted: bytes) -> bool:
    """Takes as long whatever is given; the library's own costs a start ten times as much to load."""
    different = len(given) ^ len(wanted)
    for position, byte in enumerate(wanted):
        different |= byte ^ (given[position] if position < len(given) else 0)
    return different == 0


class Waiters:
    """Requests that wait for news, each at most the `wait` seconds of its query."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._looks: dict[Request, Callable[[], None]] = {}

    def hold(self, request: Request, is_due: Callable[[], bool], content: Callable[[], dict[str, Any]]) -> None:
        """Answers with `content` once it is due or its time is over; at once when it is due already."""
        seconds = min(_LONGEST_WAIT_SECONDS, max(0.0, float(request.query.get("wait", "0"))))
        until = time.monotonic() + seconds

        def look() -> None:
            if is_due() or time.monotonic() >= until:
                request.answer(200, content())

        def leave() -> None:
            timer.cancel()
            self._looks.pop(request, None)

        timer = self._loop.call_later(seconds, look)
        self._looks[request] = look
        request.on_gone = leave
        look()

    def tell(self) -> None:
        """Something has changed."""
        for look in list(self._looks.values()):
            look()


def warn(message: str) -> None:
    """A line in the job's own output: there is no other place that somebody reads."""
    print(f"atrium: {message}", file=sys.stderr, flush=True)
