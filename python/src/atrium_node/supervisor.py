"""The table of jobs: starts them once each, watches them, ends them, and adopts those of an agent that died."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import Any

from atrium_node import linux, stragglers
from atrium_node.faults import Faults
from atrium_node.job import Job, boot_ms
from atrium_node.job_spec import JobSpec
from atrium_node.launcher import Launch, Launcher, LaunchError
from atrium_node.loop import HANGUP, READ, Loop
from atrium_node.reaper import Reaper
from atrium_node.records import RecordError, RecordStore

Outcome = Callable[[Job | None, LaunchError | None], None]
"""Called once: with the job that runs, or with why it does not."""

Publish = Callable[[dict[str, Any]], None]


class Supervisor:
    """All jobs by key. `publish` gets every event."""

    def __init__(self, loop: Loop, records: RecordStore, launcher: Launcher, warm: Any, publish: Publish, faults: Faults) -> None:
        """`warm` offers `fork(launch, done)`; see warm_pool.py."""
        self.jobs: dict[str, Job] = {}
        self._by_pid: dict[int, Job] = {}
        self._waiting: dict[str, list[Outcome]] = {}
        self._loop = loop
        self._records = records
        self._launcher = launcher
        self._warm = warm
        self._publish = publish
        self._faults = faults
        self._reaper = Reaper(loop, records, launcher, publish)

    def start(self, spec: JobSpec, done: Outcome) -> None:
        """Starts the job unless its key is known: then `done` gets the first one."""
        known = self.jobs.get(spec.key)
        if known is not None:
            done(known, None)
        elif spec.key in self._waiting:
            self._waiting[spec.key].append(done)
        else:
            self._waiting[spec.key] = [done]
            self._launch(spec)

    def _launch(self, spec: JobSpec) -> None:
        try:
            launch = self._launcher.prepare(spec)
        except LaunchError as error:
            self._answer(spec.key, None, error)
            return
        if spec.warm_prefix is None or spec.tasks > 1:
            # Several tasks are several processes: the first one only starts them.
            self._fork_cold(launch)
            return

        def on_warm(pid: int | None, reason: str) -> None:
            if pid is None:
                launch.job.warm = {"used": False, "reason": reason}
                self._fork_cold(launch)
            else:
                launch.job.warm = {"used": True}
                self._record_and_release(launch, pid)

        self._warm.fork(launch, on_warm)

    def _fork_cold(self, launch: Launch) -> None:
        try:
            pid = self._launcher.fork_cold(launch)
        except LaunchError as error:
            self._refuse(launch, error)
        else:
            self._record_and_release(launch, pid)

    def _record_and_release(self, launch: Launch, pid: int) -> None:
        """The order is the point: identity, record, and only then the user's program. The process enters its groups by itself."""
        job = launch.job
        self._faults.reach("forked")
        job.pid = pid
        job.start_time = linux.start_time(pid) or 0
        job.state = "running"
        try:
            self._records.save(job.key, job.to_record())
        except RecordError as error:
            self._refuse(launch, LaunchError("storage_full" if error.full else "record_failed", str(error)))
            return
        self._faults.reach("recorded")
        self.jobs[job.key] = job
        self._by_pid[pid] = job
        launch.close_child_files()
        launch.release()
        job.status_fd = launch.status
        self._loop.watch(launch.status, READ | HANGUP, lambda _events: self._read_status(job))
        self._limit_time(job)
        self._publish({"event": "started", "key": job.key, "pid": pid, "warm": job.warm})
        self._faults.reach("released")
        self._answer(job.key, job, None)

    def _refuse(self, launch: Launch, error: LaunchError) -> None:
        launch.close_child_files()
        launch.abandon()
        launch.job.cgroup.kill()
        self._launcher.discard(launch.job)
        if launch.job.cgroup.tracks:
            # The waiting process needs a moment to go; then its group can.
            self._loop.call_later(0.2, lambda: self._launcher.give_back(launch.job))
        self._answer(launch.spec.key, None, error)

    def _answer(self, key: str, job: Job | None, error: LaunchError | None) -> None:
        for done in self._waiting.pop(key, []):
            done(job, error)

    def _read_status(self, job: Job) -> None:
        """The new process closes this pipe when it becomes the user's program, or first says what went wrong."""
        if job.status_fd is None:
            return
        try:
            data = os.read(job.status_fd, 65536)
        except BlockingIOError:
            # Another process that was forked a moment ago still holds a copy of the other end.
            return
        for line in data.splitlines():
            self._hear(job, json.loads(line))
        if data:
            return
        self._loop.unwatch(job.status_fd)
        os.close(job.status_fd)
        job.status_fd = None

    def _hear(self, job: Job, message: dict[str, Any]) -> None:
        if "cold" in message:
            # A warm process that found it would differ has become the cold command; nothing else changes.
            job.warm = {"used": False, "reason": message["cold"]}
            try:
                self._records.save(job.key, job.to_record())
            except RecordError:
                pass
        else:
            job.failure = str(message.get("message", "unknown"))

    def _limit_time(self, job: Job) -> None:
        if job.time_limit_ms is not None:
            started_ms = boot_ms() if job.started_boot_ms is None else job.started_boot_ms
            left_ms = started_ms + job.time_limit_ms - boot_ms()
            job.time_limit = self._loop.call_later(max(0.0, left_ms / 1000), lambda: self._on_time_limit(job))

    def _on_time_limit(self, job: Job) -> None:
        if job.state == "running":
            self._stop(job, 10_000, "time_limit")

    def stop(self, key: str, grace_ms: int) -> None:
        """SIGTERM to all of the job, SIGKILL after the grace. Ended, unknown or already stopping is no error."""
        job = self.jobs.get(key)
        if job is not None and job.state in ("running", "stopping"):
            self._stop(job, grace_ms, "cancelled")

    def _stop(self, job: Job, grace_ms: int, reason: str) -> None:
        kill_at_ms = boot_ms() + grace_ms
        if job.state == "stopping" and job.kill_at_ms is not None and job.kill_at_ms <= kill_at_ms:
            return
        job.stop_reason = job.stop_reason or reason
        job.kill_at_ms = kill_at_ms
        job.state = "stopping"
        try:
            # The next agent goes on with the stop; with a full disk this one must do alone.
            self._records.save(job.key, job.to_record())
        except RecordError:
            pass
        self._faults.reach("stopping")
        stragglers.send(job, signal.SIGTERM)
        self._kill_later(job)

    def _kill_later(self, job: Job) -> None:
        if job.kill_timer is not None:
            job.kill_timer.cancel()
        left_ms = (job.kill_at_ms or 0) - boot_ms()
        # Ten minutes are the most anyone may ask for.
        job.kill_timer = self._loop.call_later(min(max(0.0, left_ms / 1000), 600), lambda: self._kill(job))

    def _kill(self, job: Job) -> None:
        if job.state == "ended" or job.ending:
            return
        stragglers.send(job, signal.SIGKILL)
        # Again until the end: a process may fork while it is being killed.
        job.kill_timer = self._loop.call_later(0.1, lambda: self._kill(job))

    def on_child_exit(self, pid: int, status: int) -> None:
        """A child of this agent ended; strangers among them are orphans of jobs that we reap."""
        job = self._by_pid.pop(pid, None)
        if job is not None:
            self._faults.reach("exited")
            # What it said last, then the end of the pipe.
            self._read_status(job)
            self._read_status(job)
            self._reaper.end(job, status)

    def forget(self, key: str) -> None:
        """Drops an ended job's record and output."""
        job = self.jobs.get(key)
        if job is not None and job.state == "ended":
            del self.jobs[key]
            self._records.remove(key)

    def adopt_all(self, boot_id: str) -> int:
        """Takes over the jobs on disk. Answers how many live."""
        for key, record in self._records.load_all().items():
            try:
                job = Job.from_record(record)
            except (KeyError, TypeError, ValueError):
                continue
            self.jobs[key] = job
            if job.state != "ended":
                self._adopt(job, boot_id)
        return len(self._by_pid)

    def _adopt(self, job: Job, boot_id: str) -> None:
        for port in job.ports.values():
            self._launcher.hold_port(port)
        if not self._is_alive(job, boot_id):
            self._end_unobserved(job, None)
            return
        self._by_pid[job.pid] = job
        assert job.pidfd is not None
        self._loop.watch(job.pidfd, READ | HANGUP, lambda events: self._on_pidfd(job, events))
        self._limit_time(job)
        if job.state == "stopping":
            stragglers.send(job, signal.SIGTERM)
            self._kill_later(job)

    def _is_alive(self, job: Job, boot_id: str) -> bool:
        """The same process as recorded, not a later one with its number."""
        if job.boot_id != boot_id:
            return False
        try:
            job.pidfd = os.pidfd_open(job.pid)
        except OSError:
            return False
        if linux.start_time(job.pid) == job.start_time:
            return True
        os.close(job.pidfd)
        job.pidfd = None
        return False

    def _on_pidfd(self, job: Job, events: int) -> None:
        assert job.pidfd is not None
        status = linux.exit_status_of_stranger(job.pidfd)
        if status is None and not events & HANGUP and not job.ending:
            # The kernel tells once its parent has reaped it; that parent gets three seconds.
            job.ending = True
            self._loop.watch(job.pidfd, HANGUP, lambda later: self._on_pidfd(job, later))
            self._loop.call_later(3, lambda: self._on_pidfd(job, HANGUP) if job.pidfd is not None else None)
            return
        self._loop.unwatch(job.pidfd)
        os.close(job.pidfd)
        job.pidfd = None
        self._by_pid.pop(job.pid, None)
        self._end_unobserved(job, status)

    def _end_unobserved(self, job: Job, status: int | None) -> None:
        if not self._records.has_run(job.key):
            # The agent died between record and release: nothing of the user's ran, so it was never submitted.
            self.jobs.pop(job.key, None)
            self._launcher.discard(job)
            self._publish({"event": "absent", "key": job.key})
            return
        self._reaper.end(job, status)
