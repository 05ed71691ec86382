"""What a new process has to become, and the descriptors it holds on the way there."""

from __future__ import annotations

KEY_VARIABLE = "ATRIUM_JOB"
"""Set in every job's environment to its key; finds daemons that left the session where no control group holds them."""


class ChildPlan:
    """What a new process has to become. Sent as JSON to a fork server, so plain data."""

    command: list[str]
    environment: dict[str, str]
    cwd: str
    uid: int
    gid: int
    gids: list[int]
    umask: int
    drop: bool
    tasks: int
    mpi: str | None
    """How several tasks find each other; None as `none`: not at all."""
    open_files: int
    warm_prefix: str | None
    warm_entry: str | None
    cgroups: list[str]
    """Folders of the control groups to enter."""

    __slots__ = (
        "command", "environment", "cwd", "uid", "gid", "gids", "umask", "drop", "tasks", "mpi", "open_files",
        "warm_prefix", "warm_entry", "cgroups",
    )  # fmt: skip

    def __init__(self, **fields: object) -> None:
        for name in self.__slots__:
            setattr(self, name, fields[name])

    def to_fields(self) -> dict[str, object]:
        """The opposite of the constructor."""
        return {name: getattr(self, name) for name in self.__slots__}


class ChildFiles:
    """Descriptors a new process holds: go (read), status (write), log (append) and the `ran` mark."""

    __slots__ = ("go", "status", "log", "ran")

    def __init__(self, go: int, status: int, log: int, ran: int) -> None:
        self.go = go
        self.status = status
        self.log = log
        self.ran = ran
