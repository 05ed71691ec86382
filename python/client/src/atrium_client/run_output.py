"""A run's output as it comes. What has been read is counted, so that a connection that breaks is taken up where it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from atrium_client.api import Api, ApiError

_ENDED = frozenset({"succeeded", "failed", "cancelled", "preempted"})
_PASSING_STATUSES = frozenset({0, 500, 502, 503, 504})
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0
_FOLLOWED_AT_ONCE = 32
_PAGE = 200


def follow_output(api: Api, run: int, index: int | None = None, notify: Callable[[str], Any] | None = None) -> Iterator[bytes]:
    """The output of one job, try after try. ApiError when the platform refuses; while it is away it is waited for."""
    import http.client

    attempt, offset, pause = 1, 0, _FIRST_PAUSE
    while True:
        before = offset
        try:
            query = {"index": index, "try": attempt, "offset": offset, "follow": "true"}
            for chunk in api.stream(f"/api/v1/runs/{run}/log", query):
                offset += len(chunk)
                yield chunk
            job = _find_job(api, run, index)
        except ApiError as error:
            if error.status not in _PASSING_STATUSES or error.code == "not_configured":
                raise
            job = {"try": attempt, "state": "unknown"}
        except (OSError, http.client.HTTPException):
            job = {"try": attempt, "state": "unknown"}
        if job is None or (job["state"] in _ENDED and job["try"] <= attempt):
            return
        if job["try"] > attempt:
            attempt, offset = job["try"], 0
            if notify is not None:
                notify(f"Try {attempt} begins.")
            continue
        pause = _FIRST_PAUSE if offset > before else min(_LONGEST_PAUSE, pause * 2)
        time.sleep(pause)


def _find_job(api: Api, run: int, index: int | None) -> Mapping[str, Any] | None:
    after = None if index is None or index == 0 else index - 1
    jobs = api.call("GET", f"/api/v1/runs/{run}", query={"limit": 1, "after": after})["jobList"]
    return next((job for job in jobs if job.get("index") == index), None)


def stream_output(
    api: Api, view: Mapping[str, Any], write: Callable[[str], Any], notify: Callable[[str], Any] | None = None
) -> None:
    """Passes on everything that a run prints until it ends; of an array line by line, with each job's number before it."""
    if view.get("array") is None:
        _pass_on(follow_output(api, view["id"], None, notify), write)
    else:
        _stream_array(api, view, write, notify)


def _pass_on(chunks: Iterator[bytes], write: Callable[[str], Any]) -> None:
    import codecs

    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for chunk in chunks:
        text = decoder.decode(chunk)
        if text:
            write(text)
    rest = decoder.decode(b"", final=True)
    if rest:
        write(rest)


def _stream_array(
    api: Api, view: Mapping[str, Any], write: Callable[[str], Any], notify: Callable[[str], Any] | None
) -> None:
    """Some jobs at a time, in the order of their numbers; the output of the others is kept until it is their turn."""
    import threading

    numbers = _list_numbers(api, view["id"])
    reading, writing = threading.Lock(), threading.Lock()
    failures: list[BaseException] = []

    def say(index: int, message: str) -> None:
        if notify is not None:
            notify(f"[{index}] {message}")

    def work() -> None:
        try:
            while not failures:
                with reading:
                    index = next(numbers, None)
                if index is None:
                    return
                lines = _LinePrefix(f"[{index}] ", write, writing)
                _pass_on(follow_output(api, view["id"], index, lambda message, of=index: say(of, message)), lines.write)
                lines.end()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(_FOLLOWED_AT_ONCE, view["jobs"]["total"]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(0.2)
    if failures:
        raise failures[0]


def _list_numbers(api: Api, run: int) -> Iterator[int]:
    after: int | None = None
    while True:
        page = api.call("GET", f"/api/v1/runs/{run}", query={"limit": _PAGE, "after": after})
        yield from (job["index"] for job in page["jobList"])
        after = page.get("next")
        if after is None:
            return


class _LinePrefix:
    """Whole lines, with something before each; lines of several writers do not mix."""

    def __init__(self, prefix: str, write: Callable[[str], Any], lock: Any) -> None:
        self._prefix, self._write, self._lock, self._rest = prefix, write, lock, ""

    def write(self, text: str) -> None:
        *lines, self._rest = (self._rest + text).split("\n")
        with self._lock:
            for line in lines:
                self._write(f"{self._prefix}{line}\n")

    def end(self) -> None:
        if self._rest:
            self.write("\n")
