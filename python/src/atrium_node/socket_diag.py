"""Asks the kernel who listens on TCP ports, by netlink: sock_diag(7), linux/inet_diag.h, netlink(7).

A fortieth of what reading /proc/net takes (seen: 0.03 ms, 1.2 ms beside a hundred connections), which prints connections, too.
"""

from __future__ import annotations

import socket
import struct

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST_DUMP = 0x301
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_LISTENING = 1 << 10
_MOST_BYTES = 1 << 16
_PATIENCE_SECONDS = 1.0
# nlmsghdr, inet_diag_req_v2 whose socket is any.
_REQUEST = struct.Struct("=IHHII BBBxI 48x")
_HEADER = struct.Struct("=IH")
_ERROR = struct.Struct("=i")
# Of inet_diag_msg, from the beginning of the whole message.
_PORT, _PORT_AT = struct.Struct("!H"), 16 + 4
_ADDRESS_AT = 16 + 8
_UID, _UID_AT = struct.Struct("=I"), 16 + 64


def list_listeners(from_outside: bool = False) -> dict[int, int]:
    """Of every TCP port that is listened on here: the uid that does. OSError where the kernel does not answer this.

    `from_outside`: only what listens on more than the loopback addresses.
    """
    owners: dict[int, int] = {}
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as sock:
        sock.settimeout(_PATIENCE_SECONDS)
        for family in (socket.AF_INET6, socket.AF_INET):
            request = _REQUEST.pack(
                _REQUEST.size, _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0, family, socket.IPPROTO_TCP, 0, _LISTENING
            )
            sock.sendto(request, (0, 0))
            while _take(sock.recv(_MOST_BYTES), owners, from_outside):
                pass
    return owners


def _take(data: bytes, owners: dict[int, int], from_outside: bool) -> bool:
    """False: that was the last of it."""
    at = 0
    while at < len(data):
        length, kind = _HEADER.unpack_from(data, at)
        if kind == _NLMSG_DONE:
            return False
        if kind == _NLMSG_ERROR:
            raise OSError(-_ERROR.unpack_from(data, at + 16)[0], "the kernel does not list sockets")
        if not (from_outside and _is_loopback(data[at + 16], data[at + _ADDRESS_AT : at + _ADDRESS_AT + 16])):
            owners[_PORT.unpack_from(data, at + _PORT_AT)[0]] = _UID.unpack_from(data, at + _UID_AT)[0]
        at += (length + 3) & ~3
    return True


def _is_loopback(family: int, address: bytes) -> bool:
    """127.0.0.0/8, also as an address of version 6, and ::1."""
    if family == socket.AF_INET:
        return address[0] == 127
    return address == bytes(15) + b"\x01" or address[:13] == bytes(10) + b"\xff\xff\x7f"
