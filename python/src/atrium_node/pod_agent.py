"""Starts a program on another pod of the same job, as ssh would: `pod_agent ADDRESS WORDS...`, what mpiexec calls for each host.

The words are one line for a shell, as with ssh; options before the address are ssh's, and have no meaning here. With `--tasks FIRST COUNT`
before it that many of the job's tasks are started instead. Output comes here, and the exit status is the program's; 255 when the pod is lost.
SIGUSR1 asks what was started to end.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import sys
import time

JOB_FILE_VARIABLE = "ATRIUM_JOB_FILE"
FRAME = struct.Struct(">cI")
OUTPUT, EXIT = b"o", b"x"

_LOST = 255
# A pod's door opens within a second of its start; a network rule of a new pod may take longer to hold everywhere.
_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.1
# A pod that is gone without a word is noticed within half a minute.
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 4))
_GRACE_MS = 60_000


def main() -> None:
    """Exits with the program's status."""
    # The wish that the job end reaches each pod by itself.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    words = sys.argv[1:]
    if words[:1] == ["--tasks"]:
        order: dict[str, object] = {"first": int(words[1]), "count": int(words[2])}
        address = words[3]
    else:
        while words and words[0].startswith("-"):
            del words[0]
        address = words[0]
        order = {"line": " ".join(words[1:])}
    with open(os.environ[JOB_FILE_VARIABLE], encoding="utf-8") as file:
        door = json.load(file)["door"]
    signal.signal(signal.SIGUSR1, lambda *_: ask_for(address, door, "/end", graceMs=_GRACE_MS))
    try:
        sys.exit(_follow(_ask(address, door, "/run", order, _PATIENCE_SECONDS)))
    except OSError as error:
        print(f"atrium: the pod at {address} is lost: {error}", file=sys.stderr, flush=True)
        sys.exit(_LOST)


def _ask(address: str, door: dict[str, object], path: str, body: dict[str, object], patience_seconds: float) -> socket.socket:
    """One request of which the answer is still to be read. OSError."""
    connection = _connect(address, int(str(door["port"])), patience_seconds)
    text = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: pod\r\nAuthorization: Bearer {door['token']}\r\nContent-Length: {len(text)}\r\n\r\n"
    connection.sendall(head.encode() + text)
    return connection


def _connect(address: str, port: int, patience_seconds: float) -> socket.socket:
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            connection = socket.create_connection((address, port), timeout=5)
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
    connection.settimeout(None)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE:
        connection.setsockopt(socket.IPPROTO_TCP, option, value)
    return connection


def _follow(connection: socket.socket) -> int:
    """Passes output on until the program's end is told. OSError when it never is."""
    with connection.makefile("rb") as answer:
        status = answer.readline().split()
        if status[1:2] != [b"200"]:
            raise OSError(f"its door answers {b' '.join(status).decode(errors='replace') or 'nothing'}")
        while answer.readline().strip():
            pass
        while True:
            head = answer.read(FRAME.size)
            if len(head) < FRAME.size:
                raise OSError("it ended without a word")
            kind, length = FRAME.unpack(head)
            content = answer.read(length)
            if kind == EXIT:
                return int(content)
            _write_all(content)


def _write_all(content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(1, view) :]


def ask_for(address: str, door: dict[str, object], path: str, patience_seconds: float = 0.0, **body: object) -> None:
    """As far as the pod is there."""
    try:
        with _ask(address, door, path, body, patience_seconds) as connection:
            connection.settimeout(5)
            connection.recv(4096)
    except OSError:
        pass
