"""Port numbers for jobs on this machine, and who listens on them."""

from __future__ import annotations

import random
import socket
import struct

from atrium_node.socket_diag import list_listeners

_TCP_LISTEN = "0A"
_TRIES = 200


class PortPool:
    """Gives ports of this machine that no live job of ours has.

    Unless told otherwise they are taken from below the range in which the kernel places connections and listeners that name no port, so
    only a program that asks for this very number could take it between now and the job's own bind.
    """

    def __init__(self, address: str = "127.0.0.1", among: tuple[int, int] | None = None, *, shared: bool = False) -> None:
        """`address`: what jobs will listen on; `0.0.0.0` for every one. `among`: the first and last that may be taken.

        `shared`: other pools give ports of this machine, too, as where every job has its own: each port is claimed by a name that all see.
        Without that two of twenty that begin at once have the same one now and then.
        """
        self._address = address
        self._shared = shared
        self._taken: dict[int, socket.socket | None] = {}
        self._range = among or _usual_range()
        self._random = random.SystemRandom()

    def take(self) -> int:
        """A port that is free now, ours until `give_back`. OSError when none can be found."""
        for _ in range(_TRIES):
            port = self._random.randint(*self._range)
            if port in self._taken or not _is_free(self._address, port):
                continue
            claim = _claim(port) if self._shared else None
            if claim is not None or not self._shared:
                self._taken[port] = claim
                return port
        raise OSError("no free port was found")

    def hold(self, port: int) -> None:
        """Marks the port of an adopted job."""
        self._taken[port] = None

    def give_back(self, port: int) -> None:
        """The job that had it is over."""
        claim = self._taken.pop(port, None)
        if claim is not None:
            claim.close()


def listening_owners() -> dict[int, int]:
    """Of every TCP port that is listened on: the uid that does."""
    try:
        return list_listeners()
    except (OSError, struct.error):
        # A kernel without it, or a sandbox.
        return _read_listeners()


def _read_listeners() -> dict[int, int]:
    """From /proc/net, where listeners come first."""
    owners: dict[int, int] = {}
    for path in ("/proc/net/tcp6", "/proc/net/tcp"):
        try:
            with open(path, encoding="ascii") as file:
                next(file)
                for line in file:
                    fields = line.split(None, 8)
                    if fields[3] != _TCP_LISTEN:
                        break
                    owners[int(fields[1].rpartition(":")[2], 16)] = int(fields[7])
        except (OSError, StopIteration):
            continue
    return owners


def _usual_range() -> tuple[int, int]:
    low = _ephemeral_low()
    return (max(1024, low - 12000), low - 1) if low > 3000 else (61000, 65535)


def _ephemeral_low() -> int:
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
            return int(file.read().split()[0])
    except OSError:
        return 32768


def _claim(port: int) -> socket.socket | None:
    """Ours as long as this is open: an abstract name (unix(7)) is in one network namespace, as ports are. None: somebody else's."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0atrium-port-{port}")
    except OSError:
        claim.close()
        return None
    return claim


def _is_free(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            # Without SO_REUSEADDR a port in TIME_WAIT counts as taken; with it, servers that set it can bind too.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
        except OSError:
            return False
    return True
