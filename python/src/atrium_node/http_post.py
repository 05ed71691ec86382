"""One HTTP request, by hand: the library's client takes longer to import than the whole launcher, and heeds proxies."""

from __future__ import annotations

import re
import socket

_URL = re.compile(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?((?:/[A-Za-z0-9._~%!$&'()*+,;=:@-]*)*)\Z")
_MOST_BYTES = 4 << 20
_PORTS = {"http": 80, "https": 443}


class HttpError(Exception):
    """No whole answer came."""


class Url:
    """Where the platform is: `http://host:port/prefix`."""

    __slots__ = ("secure", "host", "port", "authority", "prefix")

    def __init__(self, text: str) -> None:
        """Throws ValueError for what is no address of this kind."""
        match = _URL.match(text)
        if match is None:
            raise ValueError(f"{text} is no http or https address")
        scheme, host, port, prefix = match.groups()
        self.secure = scheme == "https"
        self.host = host.strip("[]")
        self.port = int(port) if port else _PORTS[scheme]
        self.authority = f"{host}:{port}" if port else host
        self.prefix = prefix.rstrip("/")


class Answer:
    """`local_address` is this machine's, as the other side was reached from."""

    __slots__ = ("status", "body", "local_address")

    def __init__(self, status: int, body: bytes, local_address: str) -> None:
        self.status = status
        self.body = body
        self.local_address = local_address


def post_json(url: Url, path: str, body: bytes, headers: dict[str, str], *, ca: str | None, timeout: float) -> Answer:
    """One POST. `ca`: a file of certificates to trust instead of the machine's. Throws HttpError."""
    head = [
        f"POST {url.prefix}{path} HTTP/1.1",
        f"Host: {url.authority}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    request = "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body
    try:
        with _connect(url, ca, timeout) as connection:
            local_address = connection.getsockname()[0]
            connection.sendall(request)
            return _parse(_read_all(connection), local_address)
    except (OSError, ValueError) as error:
        raise HttpError(str(error)) from error


def _connect(url: Url, ca: str | None, timeout: float) -> socket.socket:
    plain = _reach(url, timeout)
    if not url.secure:
        return plain
    import ssl

    try:
        context = ssl.create_default_context(cafile=ca)
        return context.wrap_socket(plain, server_hostname=url.host)
    except BaseException:
        plain.close()
        raise


def _reach(url: Url, timeout: float) -> socket.socket:
    """By IPv4 where there is a choice: servers listen on that, and our address is where they are looked for."""
    found = socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    trouble = OSError("no address")
    for family, kind, protocol, _, address in sorted(found, key=lambda entry: entry[0] != socket.AF_INET):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(timeout)
            connection.connect(address)
            return connection
        except OSError as error:
            connection.close()
            trouble = error
    raise trouble


def _read_all(connection: socket.socket) -> bytes:
    """Until the other side closes, as it was asked to."""
    data = bytearray()
    while part := connection.recv(65536):
        data += part
        if len(data) > _MOST_BYTES:
            raise ValueError("the answer is too long")
    return bytes(data)


def _parse(data: bytes, local_address: str) -> Answer:
    head, separator, rest = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    status = re.match(r"HTTP/1\.[01] (\d{3})(?: |\Z)", lines[0])
    if status is None or not separator:
        raise ValueError("that is no answer of HTTP")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if "chunked" in headers.get("transfer-encoding", "").lower():
        rest = _join_chunks(rest)
    elif len(rest) != int(headers.get("content-length", len(rest))):
        raise ValueError("the answer was cut off")
    return Answer(int(status.group(1)), rest, local_address)


def _join_chunks(data: bytes) -> bytes:
    parts = []
    while True:
        line, separator, data = data.partition(b"\r\n")
        length = int(line.partition(b";")[0], 16)
        if not separator or len(data) < length + 2:
            raise ValueError("the answer was cut off")
        if length == 0:
            return b"".join(parts)
        parts.append(data[:length])
        data = data[length + 2 :]
