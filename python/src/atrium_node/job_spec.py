"""What a client may ask the agent to run. Everything from outside is checked here, once."""

from __future__ import annotations

import os
import re
from typing import Any

from atrium_node.mpi_flavour import FLAVOURS

_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
_PORT_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")
_MAX_TASKS = 1024


class SpecError(Exception):
    """A spec that can never run. `code` is stable, the message is for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Owner:
    """The numbers a job runs under."""

    __slots__ = ("uid", "gid", "gids")

    def __init__(self, uid: int, gid: int, gids: list[int]) -> None:
        self.uid = uid
        self.gid = gid
        self.gids = gids


class JobSpec:
    """One job, checked. `environment` may hold secrets and is never written to disk."""

    __slots__ = (
        "key", "command", "environment", "cwd", "owner", "ports", "cpu", "memory_bytes",
        "pids", "umask", "time_limit_ms", "tasks", "mpi", "warm_prefix", "warm_entry", "labels",
    )  # fmt: skip

    def __init__(self, raw: object) -> None:
        if not isinstance(raw, dict):
            raise SpecError("invalid_spec", "a job spec is an object")
        self.key = parse_key(raw.get("key"))
        self.command = _strings(raw, "command")
        if not self.command or not self.command[0]:
            raise SpecError("invalid_spec", "command needs a program")
        self.environment = _environment(raw.get("environment", {}))
        self.cwd = _absolute(raw, "workingDirectory")
        self.owner = _owner(raw.get("owner"))
        self.ports = _port_names(raw)
        limits = _object(raw, "limits")
        self.cpu = _number(limits, "cpu", 0.01, 1e6)
        self.memory_bytes = _integer(limits, "memoryBytes", 1 << 20, 1 << 60)
        self.pids = _integer(limits, "pids", 1, 1 << 22)
        self.umask = _integer(raw, "umask", 0, 0o777)
        self.time_limit_ms = _integer(raw, "timeLimitMs", 1, 1 << 50)
        self.tasks = _integer(raw, "tasks", 1, _MAX_TASKS) or 1
        self.mpi = _mpi(raw.get("mpi"))
        warm = _object(raw, "warm")
        self.warm_prefix = _absolute(warm, "prefix") if warm else None
        self.warm_entry = _entry(warm) if warm else None
        self.labels = _environment(raw.get("labels", {}))


def parse_key(value: object) -> str:
    """A job key is a folder and a cgroup name as it is, so it can hold nothing that would need escaping."""
    if not isinstance(value, str) or not _KEY.match(value):
        raise SpecError("invalid_key", "a job key is 1 to 63 characters: lower-case letters, digits and -")
    return value


def _object(raw: dict[str, Any], name: str) -> dict[str, Any]:
    value = raw.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SpecError("invalid_spec", f"{name} is an object")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise SpecError("invalid_spec", f"{name} is text without NUL")
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        raise SpecError("invalid_spec", f"{name} is not valid text") from None
    return value


def _strings(raw: dict[str, Any], name: str) -> list[str]:
    value = raw.get(name)
    if not isinstance(value, list):
        raise SpecError("invalid_spec", f"{name} is a list")
    return [_text(item, name) for item in value]


def _environment(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise SpecError("invalid_spec", "environment and labels are objects")
    for name in value:
        if not _text(name, "a variable's name") or "=" in name:
            raise SpecError("invalid_spec", "a variable's name is not empty and has no =")
    return {name: _text(item, f"the variable {name}") for name, item in value.items()}


def _absolute(raw: dict[str, Any], name: str) -> str:
    path = _text(raw.get(name), name)
    if not path.startswith("/"):
        raise SpecError("invalid_spec", f"{name} is an absolute path")
    return path


def _integer(raw: dict[str, Any], name: str, low: int, high: int) -> int | None:
    value = raw.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise SpecError("invalid_spec", f"{name} is a whole number from {low} to {high}")
    return value


def _number(raw: dict[str, Any], name: str, low: float, high: float) -> float | None:
    value = raw.get(name)
    if value is None:
        return None
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not low <= value <= high:
        raise SpecError("invalid_spec", f"{name} is a number from {low} to {high}")
    return float(value)


def _mpi(value: object) -> str | None:
    if value is None or value in ("auto", "none", *FLAVOURS):
        return value  # type: ignore[return-value]
    raise SpecError("invalid_spec", f"mpi is auto, none, {' or '.join(FLAVOURS)}")


def _port_names(raw: dict[str, Any]) -> list[str]:
    names = _strings(raw, "ports") if "ports" in raw else []
    if len(set(names)) != len(names) or not all(_PORT_NAME.match(name) for name in names):
        raise SpecError("invalid_spec", "port names are different, of lower-case letters, digits, _ and -")
    return names


def _entry(warm: dict[str, Any]) -> str:
    entry = _text(warm.get("entry"), "warm.entry")
    if not re.fullmatch(r"[\w.]+(:[\w.]+)?", entry):
        raise SpecError("invalid_spec", "warm.entry is module:function, or module alone for `python -m`")
    return entry


def _owner(raw: object) -> Owner:
    """As root every job needs an ordinary user's uid; else jobs run as the one user there is."""
    own_uid = os.geteuid()
    if not isinstance(raw, dict) or raw.get("uid") is None:
        if own_uid == 0:
            raise SpecError("owner_required", "the agent runs as root: a job needs its owner's uid and gid")
        return Owner(own_uid, os.getegid(), os.getgroups())
    uid = _integer(raw, "uid", 0, 0xFFFFFFFE)
    gid = _integer(raw, "gid", 0, 0xFFFFFFFE)
    gids = raw.get("gids") or []
    if uid is None or gid is None or not isinstance(gids, list):
        raise SpecError("invalid_spec", "owner has uid, gid and a list of gids")
    checked = [_integer({"gid": item}, "gid", 0, 0xFFFFFFFE) or 0 for item in gids]
    if own_uid != 0:
        if uid != own_uid:
            raise SpecError("owner_unavailable", f"the agent runs as uid {own_uid} and cannot start jobs as {uid}")
        return Owner(own_uid, os.getegid(), os.getgroups())
    if uid == 0 or gid == 0 or 0 in checked:
        raise SpecError("owner_refused", "no job runs as root or in root's group")
    return Owner(uid, gid, checked)
