"""One rank on this machine, started by mpiexec: learns its number and becomes the job's program.

The program's words come with a `=` before each, since mpiexec takes some words for its own (`:` ends a program's words).
"""

from __future__ import annotations

import os
import signal
import sys

from atrium_node.mpi_flavour import RANK_DEFAULTS

_NOT_FOUND, _CANNOT_RUN = 127, 126


def main() -> None:
    """Never returns."""
    tasks, *words = sys.argv[1:]
    command = [word[1:] for word in words]
    rank = os.environ.get("OMPI_COMM_WORLD_RANK") or os.environ.get("PMI_RANK") or os.environ.get("PMIX_RANK")
    if rank is None:
        _end("mpiexec does not say which rank this is", _CANNOT_RUN)
    # mpiexec is kept from the wish that the job end, which reaches each rank by itself.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    try:
        os.execvpe(command[0], command, {**RANK_DEFAULTS, **os.environ, "ATRIUM_TASK_INDEX": str(rank), "ATRIUM_TASKS": tasks})
    except OSError as error:
        code = _NOT_FOUND if isinstance(error, FileNotFoundError) else _CANNOT_RUN
        _end(f"cannot run {command[0]}: {error.strerror}", code)


def _end(message: str, code: int) -> None:
    print(f"atrium: {message}", file=sys.stderr)
    sys.exit(code)
