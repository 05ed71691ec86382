"""The first process of a job's pod: starts the job's program, ends it when told to, and buries what is left over.

Python's standard library alone, 3.9 or newer, since it is mounted into whatever image the job has. Arguments: the folder with
`job.json`, and the one with orders, which the node writes anew, though not soon, when the pod's annotation changes; orders come sooner
through the pod's door. How the program ended stands in the container's termination message: `{"exitCode"}`, `{"signal"}` or
`{"failure"}`, and `{"oomKills"}` beside it. Of a job of several tasks the program is what starts and awaits them; a pod with a number
(`ATRIUM_PEER`) has none, and runs some of the tasks when the job's main pod asks for that.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys

TYPE_CHECKING = False
"""What is only for readers and checkers costs a start a tenth of its imports."""
if TYPE_CHECKING:
    from typing import Any

_PORT = re.compile(r"\{port:([a-z][a-z0-9_-]*)\}")
_IMAGE = re.compile(r"\{image:([A-Za-z_][A-Za-z0-9_]*)\}")
"""A variable of the image's own, which is what this process was started with."""
_TERMINATION_LOG = "/dev/termination-log"
_NOT_FOUND, _CANNOT_RUN = 127, 126
_UMASK = 0o077
_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> None:
    """Exits with the program's status; 128 and the signal when one ended it."""
    job_folder, orders_folder = sys.argv[1:]
    with open(os.path.join(job_folder, "job.json"), encoding="utf-8") as file:
        job = _fill(json.load(file))
    order_file = os.path.join(orders_folder, "end")
    if os.path.exists(order_file) and os.path.getsize(order_file) > 0:
        # Cancelled before it began.
        sys.exit(128 + signal.SIGTERM)
    for number in _PASSED_ON:
        # The first process of a pod gets only signals that it has a handler for.
        signal.signal(number, lambda *_: _end_all(signal.SIGTERM))
    _find_modules()
    if "tasks" in job:
        from atrium_node.pod_several import run_several

        _finish(*run_several(job, os.path.join(job_folder, "job.json"), order_file, _end_all))
    pid, failure = _start(job)
    if pid is None:
        _finish_failed(failure, _NOT_FOUND if "No such file" in failure else _CANNOT_RUN)
    # Loaded while the program starts, which takes longer.
    from atrium_node.pod_watch import PodWatch

    _finish(*PodWatch(job, pid or 0, order_file, _end_all).run())


def _finish(status: int, oom_kills: int, failure: str = "") -> None:
    _end_all(signal.SIGKILL)
    code = os.waitstatus_to_exitcode(status)
    if failure:
        _finish_failed(failure, code)
    end = {"exitCode": code} if code >= 0 else {"signal": _name_signal(-code)}
    _tell({**end, "oomKills": oom_kills} if oom_kills else end)
    sys.exit(code if code >= 0 else 128 - code)


def _finish_failed(failure: str, code: int) -> None:
    _tell({"failure": failure})
    print(f"atrium: {failure}", file=sys.stderr, flush=True)
    sys.exit(code)


def _find_modules() -> None:
    """Under `-I` this file's folder is left out."""
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _fill(job: dict[str, Any]) -> dict[str, Any]:
    def fill(text: str) -> str:
        text = _PORT.sub(lambda match: str(job["ports"].get(match.group(1), match.group(0))), text)
        return _IMAGE.sub(lambda match: os.environ.get(match.group(1), ""), text)

    environment = {**os.environ, **{name: fill(value) for name, value in job["environment"].items()}}
    if not os.access(environment.get("SHELL", "/bin/sh"), os.X_OK):
        environment["SHELL"] = "/bin/sh"
    return {**job, "command": [fill(word) for word in job["command"]], "environment": environment}


def _start(job: dict[str, Any]) -> tuple[int | None, str]:
    """The program's process id, or None and why it could not be started."""
    status_r, status_w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGPIPE, *_PASSED_ON):
                signal.signal(number, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.umask(job.get("umask", _UMASK))
            os.chdir(job["workingDirectory"])
            if "umask" in job:
                # It has folders of groups.
                from atrium_node.shared_link import link_shared

                link_shared(job["environment"])
            command, environment = job["command"], {**job["environment"], "ATRIUM_JOB": job["key"]}
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


def _end_all(number: int) -> None:
    """Every process of the pod but this one: it is the first, so nobody else is meant."""
    if os.getpid() != 1:
        sys.exit("atrium: not the first process of a pod")
    try:
        os.kill(-1, number)
    except ProcessLookupError:
        pass


def _name_signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _tell(end: dict[str, Any]) -> None:
    try:
        with open(_TERMINATION_LOG, "w", encoding="utf-8") as file:
            json.dump(end, file)
    except OSError:
        pass


if __name__ == "__main__":
    main()
