"""A job's log as a file: how it is made where others may look, and how its older part is given up."""

from __future__ import annotations

import os
import stat

from atrium_node import linux

_BLOCK_BYTES = 4096
_OWNER_AND_GROUP = 0o640


def open_shared_log(path: str) -> int:
    """Makes the log in a folder that others write to as well, and answers its descriptor (append).

    The folder's group may read it, nobody else. A log that is there already must be ours: a job that was put back into
    the queue goes on in it. Throws OSError.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(path, flags | os.O_CREAT | os.O_EXCL, _OWNER_AND_GROUP)
    except FileExistsError:
        fd = os.open(path, flags | os.O_NONBLOCK)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_nlink != 1:
            raise PermissionError(1, "the log is not ours")
        os.fchmod(fd, _OWNER_AND_GROUP)
    except OSError:
        os.close(fd)
        raise
    return fd


def say_in_log(path: str, message: str) -> None:
    """A line of ours among the program's."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(fd, "wb") as file:
            file.write(f"atrium: {message}\n".encode(errors="replace"))
    except OSError:
        pass


def trim_log(path: str, size: int, keep_bytes: int) -> int:
    """Gives up all but about the last `keep_bytes`; answers where what is left begins.

    As a hole in the file, so that offsets stay. Where holes are not supported the file is emptied; whoever appends goes
    on from the start. Throws OSError.
    """
    fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        start = (size - keep_bytes) // _BLOCK_BYTES * _BLOCK_BYTES
        try:
            linux.punch_hole(fd, start)
        except OSError:
            os.ftruncate(fd, 0)
            return 0
        return start
    finally:
        os.close(fd)
