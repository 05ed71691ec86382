"""The command lines of the launcher and of its tasks, which stand in batch scripts that Slurm keeps: nothing secret is in them."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from atrium_node.http_post import Url

_USAGE = "usage: slurm_job --url URL [--ca FILE] [--munge-socket PATH] [--hub-uid UID] KEY [KEY...]"
_WRONG_USAGE = 2


class SlurmOptions:
    """What the launcher was told. `key` is the one of this task of the array."""

    __slots__ = ("url", "ca", "munge_socket", "hub_uid", "key")

    def __init__(self, url: Url, ca: str | None, munge_socket: str | None, hub_uid: int | None, key: str) -> None:
        self.url = url
        self.ca = ca
        self.munge_socket = munge_socket
        self.hub_uid = hub_uid
        self.key = key


def parse_options(words: list[str]) -> SlurmOptions:
    """Ends the program with the usage when something is missing or unknown."""
    given: dict[str, str] = {}
    while words and words[0].startswith("--"):
        if len(words) < 2 or words[0] not in ("--url", "--ca", "--munge-socket", "--hub-uid"):
            _end(f"{words[0]} is no option, or lacks its value")
        given[words[0]] = words[1]
        words = words[2:]
    hub_uid = given.get("--hub-uid")
    if hub_uid is not None and not hub_uid.isdigit():
        _end("--hub-uid is a number")
    return SlurmOptions(
        _parse_url(given.get("--url", "")),
        given.get("--ca"),
        given.get("--munge-socket"),
        None if hub_uid is None else int(hub_uid),
        _pick_key(words),
    )


def _parse_url(text: str) -> Url:
    try:
        return Url(text)
    except ValueError as error:
        _end(str(error))


def _pick_key(keys: list[str]) -> str:
    """An array's task takes the key of its index."""
    index = os.environ.get("SLURM_ARRAY_TASK_ID", "0")
    if not index.isdigit() or int(index) >= len(keys):
        _end(f"there is no key for task {index}")
    return keys[int(index)]


def _end(message: str) -> NoReturn:
    print(f"{message}\n{_USAGE}", file=sys.stderr)
    sys.exit(_WRONG_USAGE)
