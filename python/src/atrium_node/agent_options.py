"""The agent's command line. Written by hand: argparse alone would cost a tenth of the agent's memory."""

from __future__ import annotations

import os
import sys

_USAGE = (
    "usage: agent --data DIR --socket PATH [--log-limit-bytes N] [--cgroups auto|v2|v1|none] [--fault POINT]\n"
    "  --fault is for tests: the agent kills itself at that point"
)


class AgentOptions:
    """What the agent was told."""

    __slots__ = ("data_dir", "socket_path", "log_limit_bytes", "cgroups", "fault")

    def __init__(self, data_dir: str, socket_path: str, log_limit_bytes: int, cgroups: str, fault: str | None) -> None:
        self.data_dir = data_dir
        self.socket_path = socket_path
        self.log_limit_bytes = log_limit_bytes
        self.cgroups = cgroups
        self.fault = fault


def parse_options(words: list[str]) -> AgentOptions:
    """Exits with the usage when something is missing or unknown."""
    given: dict[str, str] = {}
    known = ("--data", "--socket", "--log-limit-bytes", "--cgroups", "--fault")
    if len(words) % 2:
        sys.exit(_USAGE)
    for name, value in zip(words[::2], words[1::2], strict=True):
        if name not in known:
            sys.exit(_USAGE)
        given[name] = value
    limit = given.get("--log-limit-bytes", str(32 << 20))
    cgroups = given.get("--cgroups", "auto")
    if "--data" not in given or "--socket" not in given or not limit.isdigit():
        sys.exit(_USAGE)
    if cgroups not in ("auto", "v2", "v1", "none"):
        sys.exit(_USAGE)
    data_dir = os.path.abspath(given["--data"])
    return AgentOptions(data_dir, os.path.abspath(given["--socket"]), int(limit), cgroups, given.get("--fault"))
