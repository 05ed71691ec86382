"""The first process of a job's pod: starts the job's program, ends it when told to, and buries what is left over.

A file by itself, Python's standard library alone, since it is mounted into whatever image the job has. Arguments: the
folder with `job.json`, and the one with orders, which the node writes anew when the pod's annotation changes.
How the program ended stands in the container's termination message: `{"exitCode"}`, `{"signal"}` or `{"failure"}`.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import sys
import time

_PORT = re.compile(r"\{port:([a-z][a-z0-9_-]*)\}")
_LOOK_SECONDS = 0.1
_TERMINATION_LOG = "/dev/termination-log"
_NOT_FOUND, _CANNOT_RUN = 127, 126
_UMASK = 0o077


def main() -> None:
    """Exits with the program's status; 128 and the signal when one ended it."""
    job_folder, orders_folder = sys.argv[1:]
    with open(os.path.join(job_folder, "job.json"), encoding="utf-8") as file:
        job = _fill(json.load(file))
    wakeup, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    if _read(os.path.join(orders_folder, "end")) != "":
        # Cancelled before it began.
        sys.exit(128 + signal.SIGTERM)
    pid, failure = _start(job)
    if pid is None:
        _tell({"failure": failure})
        print(f"atrium: {failure}", file=sys.stderr, flush=True)
        sys.exit(_NOT_FOUND if "No such file" in failure else _CANNOT_RUN)
    status = _follow(pid, wakeup, os.path.join(orders_folder, "end"))
    _end_all(signal.SIGKILL)
    code = os.waitstatus_to_exitcode(status)
    _tell({"exitCode": code} if code >= 0 else {"signal": signal.Signals(-code).name})
    sys.exit(code if code >= 0 else 128 - code)


def _fill(job: dict) -> dict:
    def fill(text: str) -> str:
        return _PORT.sub(lambda match: str(job["ports"].get(match.group(1), match.group(0))), text)

    environment = {name: fill(value) for name, value in job["environment"].items()}
    return job | {"command": [fill(word) for word in job["command"]], "environment": environment}


def _start(job: dict) -> tuple[int | None, str]:
    """The program's process id, or None and why it could not be started."""
    status_r, status_w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.umask(_UMASK)
            os.chdir(job["workingDirectory"])
            command, environment = job["command"], job["environment"] | {"ATRIUM_JOB": job["key"]}
            os.execvpe(command[0], command, environment)
        except OSError as error:
            where = job["workingDirectory"] if error.filename is None else error.filename
            os.write(status_w, f"{where}: {error.strerror}".encode(errors="replace"))
        finally:
            os._exit(_CANNOT_RUN)
    os.close(status_w)
    failure = b""
    while part := os.read(status_r, 4096):
        failure += part
    os.close(status_r)
    if failure:
        os.waitpid(pid, 0)
        return None, failure.decode(errors="replace")
    return pid, ""


def _follow(program: int, wakeup: int, order: str) -> int:
    """Until the program has ended: its wait status. What else dies here is buried as well."""
    deadline: float | None = None
    seen = ""
    while True:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return 0
            if pid == program:
                return status
            if pid == 0:
                break
        if select.select([wakeup], [], [], _LOOK_SECONDS)[0]:
            for number in os.read(wakeup, 64):
                if number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                    _end_all(signal.SIGTERM)
        text = _read(order)
        if text != seen:
            seen = text
            if deadline is None:
                _end_all(signal.SIGTERM)
            # A second, less patient order shortens the time; none lengthens it.
            wanted = time.monotonic() + int(text) / 1000
            deadline = wanted if deadline is None else min(deadline, wanted)
        if deadline is not None and time.monotonic() >= deadline:
            _end_all(signal.SIGKILL)


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            text = file.read().strip()
    except (OSError, ValueError):
        return ""
    return text if text.isdigit() else ""


def _end_all(number: int) -> None:
    """Every process of the pod but this one: it is the first, so nobody else is meant."""
    if os.getpid() != 1:
        sys.exit("atrium: not the first process of a pod")
    try:
        os.kill(-1, number)
    except ProcessLookupError:
        pass


def _tell(end: dict) -> None:
    try:
        with open(_TERMINATION_LOG, "w", encoding="utf-8") as file:
            json.dump(end, file)
    except OSError:
        pass


if __name__ == "__main__":
    main()
