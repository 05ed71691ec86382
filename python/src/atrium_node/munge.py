"""Munge credentials (munge(7)): messages between users of a cluster that prove who made them and that only one user may read."""

from __future__ import annotations

import os
import subprocess

_FOLDERS = "/usr/bin:/usr/local/bin:/opt/munge/bin:/bin"
_PATIENCE_SECONDS = 20

# unmunge(1): the payload of a credential that is too old or was seen before is told as well.
SUCCESS = 0
EXPIRED = 15
REPLAYED = 17


class MungeError(Exception):
    """The munge daemon of this node did not do it; the message says why."""


class Message:
    """What a credential held. `status` is one of this module's, `uid` that of the process which made it."""

    __slots__ = ("status", "uid", "payload")

    def __init__(self, status: int, uid: int, payload: bytes) -> None:
        self.status = status
        self.uid = uid
        self.payload = payload


def encode(payload: bytes, socket: str | None, reader_uid: int | None = None) -> bytes:
    """A credential of this process; `reader_uid` alone may decode it if given. Throws MungeError."""
    restriction = [] if reader_uid is None else [f"--restrict-uid={reader_uid}"]
    status, output = _run("munge", restriction, socket, payload)
    if status != 0:
        raise MungeError(f"munge ended with status {status}")
    return output.strip()


def decode(credential: bytes, socket: str | None) -> Message:
    """Throws MungeError for what is none, or is not for this user."""
    status, output = _run("unmunge", ["--keys=UID", "--numeric"], socket, credential)
    head, separator, payload = output.partition(b"\n\n")
    name, _, uid = head.partition(b":")
    if status not in (SUCCESS, EXPIRED, REPLAYED) or not separator or name != b"UID" or not uid.strip().isdigit():
        raise MungeError(f"unmunge ended with status {status}")
    return Message(status, int(uid), payload)


def _run(program: str, options: list[str], socket: str | None, data: bytes) -> tuple[int, bytes]:
    words = [find_program(program), *options, *([] if socket is None else [f"--socket={socket}"])]
    try:
        done = subprocess.run(
            words, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_PATIENCE_SECONDS, env={}
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MungeError(f"{program} cannot be run: {error}") from error
    return done.returncode, done.stdout


def find_program(name: str) -> str:
    """Its path, by the PATH of this process and the usual folders; the name alone when it is nowhere."""
    for folder in f"{os.environ.get('PATH', '')}:{_FOLDERS}".split(":"):
        path = os.path.join(folder, name)
        if folder.startswith("/") and os.access(path, os.X_OK):
            return path
    return name
