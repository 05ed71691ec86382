"""One of several processes of a Slurm job, started by srun(1): takes its program from standard input and becomes it."""

from __future__ import annotations

import errno
import json
import os
import sys

from atrium_node import munge, pmi_relay
from atrium_node.child import StepError, drop_to, enter_directory, exec_command
from atrium_node.mpi_flavour import FLAVOURS, RANK_DEFAULTS, MpiError
from atrium_node.slurm_child import build_plan

_NOT_FOUND, _CANNOT_RUN = 127, 126


def main() -> None:
    """Never returns."""
    try:
        head, credential = sys.stdin.buffer.read().split(b"\n", 1)
        message = munge.decode(credential, json.loads(head)["mungeSocket"])
        # Tasks of one node open the same credential, and a late one an old one: what counts is that we made it.
        if message.uid != os.getuid():
            raise munge.MungeError("the program is somebody else's")
        program = json.loads(message.payload)
        _check_way(program.get("mpi"))
        plan = build_plan(program)
        own = {"ATRIUM_TASK_INDEX": os.environ["SLURM_PROCID"], "ATRIUM_TASKS": os.environ["SLURM_NTASKS"]}
        defaults = RANK_DEFAULTS if program.get("mpi") in FLAVOURS else {}
        plan.environment = defaults | plan.environment | own
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        drop_to(plan)
        enter_directory(plan)
        if program.get("mpi") == "mpich" and "PMI_FD" in os.environ:
            pmi_relay.put_relay_between()
        exec_command(plan)
    except StepError as error:
        _end(str(error), _NOT_FOUND if error.errno == errno.ENOENT else _CANNOT_RUN)
    except (munge.MungeError, MpiError, ValueError, KeyError) as error:
        _end(f"cannot start: {error}", _CANNOT_RUN)


def _check_way(flavour: str | None) -> None:
    """Without it each rank would take itself for the only one. Throws MpiError."""
    if flavour in FLAVOURS and not any(name in os.environ for name in ("PMIX_RANK", "PMI_RANK", "PMI_FD")):
        raise MpiError(f"srun gives ranks of {FLAVOURS[flavour]} no way to find each other: see scheduler.slurm.mpi")


def _end(message: str, code: int) -> None:
    print(f"atrium: {message}", file=sys.stderr)
    sys.exit(code)
