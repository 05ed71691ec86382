"""One of ipyparallel's engines as a job: `python -m atrium_client.engine ARGUMENTS`, which are those of `ipengine`.

A job ends when its first process does, all of it at once: so the engine is a child of that process, which stays until the engine's own
nanny has told the controller. Without that the controller only notices by missing heartbeats, half a minute later.
"""

from __future__ import annotations

import os
import signal
import sys
import time

if __name__ == "__main__" and sys.path and os.path.abspath(sys.path[0]) == os.getcwd():
    sys.path.pop(0)

_PR_SET_CHILD_SUBREAPER = 36
_TELLING_SECONDS = 3.0
_REGISTERING_SECONDS = 60.0
"""How long the controller may take to answer. A new pod may reach nothing for some seconds where network policies hold, and ipyparallel's own
five seconds see TCP try to connect only at once, after one second and after three."""
_OURS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> None:
    """Ends as the engine does."""
    engine = os.fork()
    if engine == 0:
        _run_engine()
        return
    for number in _OURS:
        # They go to every process of a job: the engine decides.
        signal.signal(number, signal.SIG_IGN)
    _become_subreaper()
    status = os.waitpid(engine, 0)[1]
    _await_others()
    _end_like(status)


def _run_engine() -> None:
    # A person's working directory belongs on the path of what they run, as ipengine has it.
    sys.path.insert(0, os.getcwd())
    from ipyparallel.engine import nanny
    from ipyparallel.engine.app import main as run

    start = nanny.Popen

    def start_deaf(*arguments: object, **options: object) -> object:
        """A nanny has to outlive the signal that ends its engine; ignored signals stay so over exec."""
        handler = signal.signal(signal.SIGTERM, signal.SIG_IGN)
        try:
            return start(*arguments, **options)
        finally:
            signal.signal(signal.SIGTERM, handler)

    nanny.Popen = start_deaf
    # As a default: a person's own configuration is read later, and holds.
    run(timeout=_REGISTERING_SECONDS)


def _become_subreaper() -> None:
    """The nanny of an engine that is gone becomes our child, so that it can be waited for."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        pass


def _await_others() -> None:
    deadline = time.monotonic() + _TELLING_SECONDS
    while time.monotonic() < deadline:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            time.sleep(0.02)


def _end_like(status: int) -> None:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
