"""Which address of this node another host reaches."""

from __future__ import annotations

import socket


def find_own_address(host: str, port: int) -> str:
    """The address that packets to `host` come from. OSError when there is no way to it."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as sock:
        # Sends nothing: it makes the kernel choose the way.
        sock.connect(address)
        own: str = sock.getsockname()[0]
    return own
