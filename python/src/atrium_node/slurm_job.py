"""The launcher of a job on a node of a Slurm cluster: fetches the job from the control plane, runs and watches it.

All that the batch script holds is where the control plane is and which job is meant. Exit statuses of its own: 91 the
job is not wanted, 92 no munge credential on this node, 93 the control plane cannot be reached, 94 it refused, 95 the
log cannot be written. Else the program's: 128 and the signal when one ended it.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import Any

from atrium_node import munge
from atrium_node.log_file import open_shared_log, say_in_log
from atrium_node.mpi_flavour import MpiError
from atrium_node.node_door import Door, DoorError, find_claimant
from atrium_node.ports import PortPool
from atrium_node.slurm_child import Child, start_program
from atrium_node.slurm_options import SlurmOptions, parse_options
from atrium_node.slurm_signals import Signals
from atrium_node.slurm_watch import SlurmWatch

_NO_LOG = 95
_CANNOT_RUN = 126
_PATIENCE_SECONDS = 300.0
_REPORT_SECONDS = 8.0
_EVERY_ADDRESS = "0.0.0.0"


def main() -> None:
    """Exits with the program's status."""
    options = parse_options(sys.argv[1:])
    try:
        door = _open_door(options)
        job = door.fetch_job(_node_name(), _PATIENCE_SECONDS)
    except DoorError as error:
        print(f"atrium: {error}", file=sys.stderr)
        sys.exit(error.code)
    try:
        code = _run(door, job, options)
    except Exception as error:
        # Nobody reads our standard error: the person who waits is told.
        door.report({"exit": {"failure": f"its launcher failed: {error!r}", "exitCode": _CANNOT_RUN}}, _REPORT_SECONDS)
        raise
    sys.exit(code)


def _open_door(options: SlurmOptions) -> Door:
    return Door(options.url, options.key, find_claimant(), options.munge_socket, options.ca, options.hub_uid)


def _run(door: Door, job: dict[str, Any], options: SlurmOptions) -> int:
    signals = Signals()
    allowed = job.get("portRange")
    among = None if allowed is None else (allowed["first"], allowed["last"])
    pool = PortPool(_EVERY_ADDRESS, among, shared=True)
    try:
        ports = {name: pool.take() for name in job["ports"]}
    except OSError as error:
        return _fail(SlurmWatch(door, job, {}, signals), str(error), _CANNOT_RUN)
    watch = SlurmWatch(door, job, ports, signals)
    try:
        log = open_shared_log(job["log"]["path"])
    except OSError as error:
        return _fail(watch, f"its output cannot be written on this node: {error.strerror}", _NO_LOG)
    try:
        child = start_program(job, ports, log, options.munge_socket)
    except (OSError, munge.MungeError) as error:
        return _fail(watch, str(error), _CANNOT_RUN)
    except MpiError as error:
        failure = f"its tasks cannot run: {error}"
        say_in_log(job["log"]["path"], failure)
        return _fail(watch, failure, error.code)
    os.close(log)
    return _follow(watch, child)


def _fail(watch: SlurmWatch, failure: str, code: int) -> int:
    watch.tell_end({"failure": failure, "exitCode": code})
    return code


def _follow(watch: SlurmWatch, child: Child) -> int:
    status = watch.run(child)
    if status is None:
        return _fail(watch, "how its program ended was not seen: the warm door of its node is gone", _CANNOT_RUN)
    code = os.waitstatus_to_exitcode(status)
    exit: dict[str, Any] = {}
    failure = child.failure or watch.failure
    if failure is not None:
        exit["failure"] = failure
    if code >= 0:
        exit["exitCode"] = code
    else:
        exit["signal"] = _signal_name(-code)
    watch.tell_end(exit)
    return code if code >= 0 else 128 - code


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"


def _node_name() -> str:
    return os.environ.get("SLURMD_NODENAME") or socket.gethostname()
