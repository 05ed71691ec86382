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

    def __init__(self, address: str = "127.0.0.1", among: tuple[int, int] | None = None) -> None:
        """`address`: what jobs will listen on; `0.0.0.0` for every one. `among`: the first and last that may be taken."""
        self._address = address
        self._taken: set[int] = set()
        self._range = among or _usual_range()
        self._random = random.SystemRandom()

    def take(self) -> int:
        """A port that is free now, ours until `give_back`. OSError when none can be found."""
        for _ in range(_TRIES):
            port = self._random.randint(*self._range)
            if port not in self._taken and _is_free(self._address, port):
                self._taken.add(port)
                return port
        raise OSError("no free port was found")

    def hold(self, port: int) -> None:
        """Marks the port of an adopted job."""
        self._taken.add(port)

    def give_back(self, port: int) -> None:
        """The job that had it is over."""
        self._taken.discard(port)


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


def _is_free(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            # Without SO_REUSEADDR a port in TIME_WAIT counts as taken; with it, servers that set it can bind too.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
        except OSError:
            return False
    return True
