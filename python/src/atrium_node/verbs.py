"""What clients can ask for: each verb takes the request's fields and answers a result."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from atrium_node import PROTOCOL, VERSION, linux
from atrium_node.cgroup_tree import CgroupTree
from atrium_node.job import Job, now_ms
from atrium_node.job_spec import JobSpec, SpecError
from atrium_node.launcher import LaunchError
from atrium_node.records import LOG_NAME, RecordStore
from atrium_node.supervisor import Supervisor

Reply = Callable[[dict[str, Any]], None]

_MAX_GRACE_MS = 600_000


class Verbs:
    """The agent's answers. Throws SpecError for a request that makes no sense."""

    def __init__(self, supervisor: Supervisor, records: RecordStore, cgroups: CgroupTree, warm: Any, data_dir: str) -> None:
        self._supervisor = supervisor
        self._records = records
        self._cgroups = cgroups
        self._warm = warm
        self._data_dir = data_dir
        self._started_at_ms = now_ms()

    def find(self, name: object) -> Callable[[dict[str, Any], Reply], None]:
        """The verb of this name. Throws SpecError when there is none."""
        verbs: dict[object, Callable[[dict[str, Any], Reply], None]] = {
            "hello": lambda request, reply: reply(self._hello()),
            "status": lambda request, reply: reply(self._status()),
            "start": self._start,
            "list": lambda request, reply: reply(self._list(request)),
            "stop": lambda request, reply: reply(self._stop(request)),
            "forget": lambda request, reply: reply(self._forget(request)),
            "preload": lambda request, reply: reply(self._warm.preload(request)),
            "unload": lambda request, reply: reply(self._warm.unload(request)),
        }
        if not isinstance(name, str) or name not in verbs:
            raise SpecError("unknown_verb", "there is no such verb")
        return verbs[name]

    def _hello(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "protocol": PROTOCOL,
            "pid": os.getpid(),
            "uid": os.geteuid(),
            "dataDir": self._data_dir,
            "startedAtMs": self._started_at_ms,
            "cgroups": {"mode": self._cgroups.mode, "why": self._cgroups.why, "limits": self._cgroups.limits},
        }

    def _status(self) -> dict[str, Any]:
        states: dict[str, int] = {}
        for job in self._supervisor.jobs.values():
            states[job.state] = states.get(job.state, 0) + 1
        own = {"residentBytes": linux.resident_bytes(os.getpid())}
        return {**self._hello(), **own, "jobs": states, "warm": self._warm.status()}

    def _start(self, request: dict[str, Any], reply: Reply) -> None:
        specs = request.get("jobs")
        if not isinstance(specs, list):
            raise SpecError("bad_request", "jobs is a list of specs")
        results: list[dict[str, Any] | None] = [None] * len(specs)

        def settle(index: int, result: dict[str, Any]) -> None:
            results[index] = result
            if None not in results:
                reply({"results": results})

        if not specs:
            reply({"results": []})
        for index, raw in enumerate(specs):
            self._start_one(raw, index, settle)

    def _start_one(self, raw: object, index: int, settle: Callable[[int, dict[str, Any]], None]) -> None:
        try:
            spec = JobSpec(raw)
        except SpecError as error:
            key = raw.get("key") if isinstance(raw, dict) else None
            settle(index, {"key": key, "outcome": "rejected", "reason": error.code, "message": str(error)})
            return

        def done(job: Job | None, error: LaunchError | None) -> None:
            if job is not None:
                settle(index, {"key": spec.key, "outcome": "accepted", "job": self._wire(job)})
            else:
                code = error.code if error else "internal"
                settle(index, {"key": spec.key, "outcome": "rejected", "reason": code, "message": str(error)})

        self._supervisor.start(spec, done)

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        jobs = self._supervisor.jobs
        keys = request.get("keys")
        chosen = list(jobs.values()) if keys is None else [jobs[key] for key in _keys(request) if key in jobs]
        if request.get("live"):
            chosen = [job for job in chosen if job.state != "ended"]
        if request.get("usage"):
            return {"jobs": [self._wire(job) | job.usage() for job in chosen]}
        return {"jobs": [self._wire(job) for job in chosen]}

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        grace_ms = request.get("graceMs", 10_000)
        if not isinstance(grace_ms, int) or not 0 <= grace_ms <= _MAX_GRACE_MS:
            raise SpecError("bad_request", f"graceMs is 0 to {_MAX_GRACE_MS}")
        for key in _keys(request):
            self._supervisor.stop(key, grace_ms)
        return {}

    def _forget(self, request: dict[str, Any]) -> dict[str, Any]:
        for key in _keys(request):
            self._supervisor.forget(key)
        return {}

    def _wire(self, job: Job) -> dict[str, Any]:
        return job.to_wire(self._records.path(job.key, LOG_NAME))


def _keys(request: dict[str, Any]) -> list[str]:
    keys = request.get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise SpecError("bad_request", "keys is a list of job keys")
    return keys
