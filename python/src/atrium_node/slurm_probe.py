"""What a node of a Slurm cluster looks like to a job: the part of `atrium doctor` that runs there.

Writes what it saw as JSON to SHARED/logs/KEY, then listens on the port that stands in it and says KEY to whoever
connects, so that the platform's machine can try whether it gets there.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from typing import Any

from atrium_node import munge
from atrium_node.http_post import HttpError, post_json
from atrium_node.log_file import open_shared_log
from atrium_node.ports import PortPool
from atrium_node.slurm_options import SlurmOptions, parse_options

_HUB_PATIENCE_SECONDS = 10.0
_LISTEN_SECONDS = 30.0
_MANY_BYTES = 1 << 50


def main() -> None:
    """Exits with 0 when the answer is written, whatever is in it."""
    words = sys.argv[1:]
    shared = _take(words, "--shared") or ""
    ports = _take(words, "--ports")
    options = parse_options(words)
    with _listen(ports) as listener:
        answer = _look_around(options, shared)
        answer["port"] = listener.getsockname()[1]
        _write(os.path.join(shared, "logs", options.key), answer)
        _say_key(listener, options.key)


def _take(words: list[str], option: str) -> str | None:
    """The option's value, both taken out of the words."""
    if option not in words[:-1]:
        return None
    at = words.index(option)
    value = words[at + 1]
    del words[at : at + 2]
    return value


def _listen(ports: str | None) -> socket.socket:
    """On a port as jobs would get it. `ports`: `FIRST-LAST`."""
    first, _, last = (ports or "").partition("-")
    pool = PortPool("0.0.0.0", (int(first), int(last)) if last else None)
    return socket.create_server(("0.0.0.0", pool.take()), backlog=8)


def _look_around(options: SlurmOptions, shared: str) -> dict[str, Any]:
    return {
        "time": time.time(),
        "node": os.environ.get("SLURMD_NODENAME") or socket.gethostname(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "uid": os.getuid(),
        "cpus": len(os.sched_getaffinity(0)),
        "memoryLimitBytes": _find_memory_limit(),
        "home": _look_at_home(),
        "marker": _read_marker(os.path.join(shared, "node", options.key)),
        "munge": _try_munge(options),
        "hub": _try_hub(options),
    }


def _look_at_home() -> dict[str, Any]:
    home = os.path.expanduser(f"~{_login()}")
    found: dict[str, Any] = {"path": home}
    try:
        status = os.stat(home)
        found.update(uid=status.st_uid, inode=status.st_ino, writable=os.access(home, os.W_OK | os.X_OK))
    except OSError as error:
        found["error"] = error.strerror
    return found


def _login() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return ""


def _read_marker(path: str) -> dict[str, str]:
    try:
        with open(path, encoding="ascii") as file:
            return {"text": file.read(256)}
    except (OSError, ValueError) as error:
        return {"error": str(error)}


def _try_munge(options: SlurmOptions) -> dict[str, str]:
    try:
        credential = munge.encode(options.key.encode(), options.munge_socket, options.hub_uid)
        return {"credential": credential.decode("ascii")}
    except munge.MungeError as error:
        return {"error": str(error)}


def _try_hub(options: SlurmOptions) -> dict[str, Any]:
    """Any answer of HTTP shows that the way is free."""
    try:
        answer = post_json(options.url, "/hub/api/jobs/launch", b"{}", {}, ca=options.ca, timeout=_HUB_PATIENCE_SECONDS)
        return {"status": answer.status, "address": answer.local_address}
    except HttpError as error:
        return {"error": str(error), **_find_own_address(options)}


def _find_own_address(options: SlurmOptions) -> dict[str, str]:
    """This node's address on the way to the platform; nothing is sent."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(options.url.host, options.url.port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(address)
            return {"address": probe.getsockname()[0]}
    except OSError:
        return {}


def _find_memory_limit() -> int | None:
    """The smallest of this process's control groups, of both versions; None for no limit."""
    limits = []
    with open("/proc/self/cgroup", encoding="ascii", errors="replace") as file:
        for line in file:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            if controllers == "":
                limits += _limits_of("/sys/fs/cgroup", path, "memory.max")
            elif "memory" in controllers.split(","):
                limits += _limits_of("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes")
    return min((limit for limit in limits if limit < _MANY_BYTES), default=None)


def _limits_of(root: str, path: str, name: str) -> list[int]:
    limits = []
    while path not in ("", "/"):
        try:
            with open(f"{root}{path}/{name}", encoding="ascii") as file:
                limits.append(int(file.read()))
        except (OSError, ValueError):
            pass  # `max`, or a part of the tree that this node does not show.
        path = os.path.dirname(path)
    return limits


def _write(path: str, answer: dict[str, Any]) -> None:
    """In one piece: who reads it may come in between."""
    fd = open_shared_log(path)
    with os.fdopen(fd, "wb") as file:
        file.write(json.dumps(answer).encode("ascii") + b"\n")


def _say_key(listener: socket.socket, key: str) -> None:
    listener.settimeout(_LISTEN_SECONDS)
    try:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(key.encode("ascii") + b"\n")
    except OSError:
        pass  # Nobody came: that is what they will find out, too.
