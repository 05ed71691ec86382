"""Programs as jobs of the platform: `run([...], tasks=8)`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from atrium_client.api import Api, connect
from atrium_client.run_output import follow_output, stream_output
from atrium_client.run_values import build_array, parse_length, parse_size

_ENDED = frozenset({"succeeded", "failed", "cancelled", "preempted"})
_ASK_SECONDS = 0.5


def run(
    command: Sequence[str | os.PathLike[str]],
    *,
    tasks: int | None = None,
    nodes: int | None = None,
    cpu: float | None = None,
    memory: int | str | None = None,
    gpu: int | None = None,
    profile: str | None = None,
    account: str | None = None,
    name: str | None = None,
    environment: Mapping[str, str] | None = None,
    working_directory: str | os.PathLike[str] | None = None,
    array: str | int | Iterable[int] | None = None,
    time_limit: Any = None,
    mpi: str | None = None,
    retries: int | None = None,
    prefix: str | None = None,
    kind: str | None = None,
    api: Api | None = None,
) -> Run:
    """Starts a program as a job, with several tasks (MPI) or as an array of jobs, and returns at once.

    * `command`: argv. Nothing is a shell's: `["sh", "-c", "a | b"]` where one is wanted.
    * `cpu`, `memory` (`"4G"` or bytes), `gpu`: of each task. What is not said is as in the `profile`.
    * `array`: `"1-100"`, `range(100)`, `[3, 5]`: one job each, whose number is in ATRIUM_ARRAY_INDEX.
    * `time_limit`: seconds, a timedelta, or `"2h"`.
    * `working_directory`: default: the present one inside the platform, elsewhere the home there.

    ApiError with the platform's sentence when it is refused, ValueError for sizes and times that are none.
    """
    if isinstance(command, (str, bytes)):
        raise TypeError('command is a list of words: ["python", "solver.py"]')
    api = api or connect()
    fields = {
        "command": [os.fspath(word) for word in command],
        "tasks": tasks,
        "nodes": nodes,
        "cpu": cpu,
        "memoryBytes": None if memory is None else parse_size(memory),
        "gpu": gpu,
        "profile": profile,
        "account": account,
        "name": name,
        "environment": None if environment is None else dict(environment),
        "workingDirectory": _find_directory(working_directory),
        "array": None if array is None else build_array(array),
        "timeLimitMs": None if time_limit is None else parse_length(time_limit),
        "mpi": mpi,
        "retries": retries,
        "prefix": prefix,
        "kind": kind,
    }
    view = api.call("POST", "/api/v1/runs", {key: value for key, value in fields.items() if value is not None})
    return Run(api, view)


def _find_directory(given: str | os.PathLike[str] | None) -> str | None:
    if given is not None:
        return os.fspath(given)
    # Jobs of the platform see the same folders; a laptop's say nothing there.
    is_inside = os.environ.get("ATRIUM_API_URL") and not os.environ.get("ATRIUM_URL")
    return os.getcwd() if is_inside else None


class Run:
    """A run of this platform. `Run.find(id)` takes up one that was started elsewhere."""

    def __init__(self, api: Api, view: dict[str, Any]) -> None:
        self._api = api
        self.view = view
        """What the platform last said of it, as in `GET /api/v1/runs/:run`."""

    @classmethod
    def find(cls, run: int, api: Api | None = None) -> Run:
        """The run of this number. ApiError when there is none."""
        api = api or connect()
        return cls(api, api.call("GET", f"/api/v1/runs/{int(run)}"))

    @property
    def id(self) -> int:
        """Its number."""
        return int(self.view["id"])

    @property
    def state(self) -> str:
        """What it does now: `queued`, `running`, `succeeded`, …"""
        return str(self._refresh()["state"])

    @property
    def exit_code(self) -> int | None:
        """None while it runs; then the program's own, or 128 and the signal that ended it."""
        return find_exit_status(self.view if self._has_ended() else self._refresh())

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the end, and answers the exit code. TimeoutError after so many seconds."""
        import time

        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._has_ended():
            self._refresh()
            if self._has_ended():
                break
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"run {self.id} has not ended: it is {self.view['state']}")
            time.sleep(_ASK_SECONDS)
        return int(find_exit_status(self.view) or 0)

    def log(self, index: int | None = None, attempt: int | None = None) -> str:
        """What it has printed so far; of an array the job's of this number. `attempt`: of this try, 1 is the first."""
        query = {"index": index, "try": attempt}
        return b"".join(self._api.stream(f"/api/v1/runs/{self.id}/log", query)).decode(errors="replace")

    def follow(self, index: int | None = None) -> Iterator[bytes]:
        """Its output as it comes, try after try, until the end, whatever breaks in between."""
        return follow_output(self._api, self.id, index)

    def stream(self, write: Callable[[str], Any] | None = None) -> int:
        """Prints its output as it comes, an array's with the number before each line, and answers the exit code.

        An interrupt ends the printing, not the run: that is `cancel`.
        """
        stream_output(self._api, self.view, write or _print)
        return self.wait()

    def cancel(self) -> None:
        """Ends what has not ended. Repeatable."""
        self._api.call("DELETE", f"/api/v1/runs/{self.id}")

    def __repr__(self) -> str:
        return f"<Run {self.id} {self.view['name']!r}: {self.view['state']}>"

    def _has_ended(self) -> bool:
        return self.view["state"] in _ENDED

    def _refresh(self) -> dict[str, Any]:
        self.view = self._api.call("GET", f"/api/v1/runs/{self.id}", query={"limit": 0})
        return self.view


def _print(text: str) -> None:
    print(text, end="", flush=True)


def find_exit_status(view: Mapping[str, Any]) -> int | None:
    """As a shell counts: the program's own, 128 and the signal that ended it; 130 when it was cancelled; None before the end."""
    import signal

    if view["state"] not in _ENDED:
        return None
    if view["state"] == "succeeded":
        return 0
    if view["state"] == "cancelled":
        return 128 + signal.SIGINT
    ended_by = getattr(signal, str(view.get("exitSignal")), None)
    if ended_by is not None:
        return 128 + int(ended_by)
    return int(view.get("exitCode") or 1)
