"""`python -m atrium_client run -n 8 -- python solver.py`: what `atrium run` does, where there is Python alone."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from typing import Any

from atrium_client.api import ApiError
from atrium_client.run_output import stream_output
from atrium_client.run_values import parse_length, parse_size
from atrium_client.runs import Run, find_exit_status, run

_EPILOG = """
Its output is passed on as it comes, its exit status is the command's: 128 and the signal where one ended it. Ctrl-C cancels it; a second
one leaves at once. When the terminal goes it runs on.
"""
_SAME_KEYSTROKE_SECONDS = 0.3


def add_run_command(commands: Any) -> None:
    """Adds `run` with the options that `atrium run` has."""
    parser = commands.add_parser(
        "run",
        help="run a program as a job, with several tasks, or as an array of jobs",
        epilog=_EPILOG,
        usage="python -m atrium_client run [options] [--] program [arguments]",
    )
    add = parser.add_argument
    add("-n", "--tasks", type=int, metavar="COUNT", help="run so many of it, which talk by MPI")
    add("-N", "--nodes", type=int, metavar="COUNT", help="spread the tasks over so many nodes")
    add("--cpu", type=float, metavar="CORES", help="cores of each task")
    add("--memory", type=_typed(parse_size), metavar="SIZE", help="memory of each task: 4G, 512M")
    add("--gpu", type=int, metavar="COUNT", help="GPUs of each task")
    add("--profile", metavar="NAME", help="what is not said here is as in this profile")
    add("--account", metavar="NAME", help="the scheduler's account that is charged")
    add("--name", metavar="TEXT", help="what people know it by; default: the program")
    add("--env", action="append", metavar="NAME=VALUE", help="a variable; repeatable; without a value: as it is here")
    add("--chdir", metavar="FOLDER", help="where it runs; default: here, on a laptop the home there")
    add("--array", metavar="NUMBERS", help="one job for each number: 1-100, 0,2,4-10:2; it is in ATRIUM_ARRAY_INDEX")
    add("--time", type=_typed(parse_length), metavar="LENGTH", help="it is ended after so long: 90s, 30m, 2h, 1d, 2:00:00")
    add("--mpi", choices=["auto", "openmpi", "mpich", "none"], help="how the tasks find each other")
    add("--retries", type=int, metavar="COUNT", help="run a job again so often after it failed")
    add("--prefix", metavar="FOLDER", help="prefix of the Python environment; default: that of this server")
    add("--detach", action="store_true", help="print its number and leave it running")
    add("--json", action="store_true", help="answer in JSON; output goes to standard error")
    add("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.set_defaults(main=lambda options: _main(parser, options))


def _typed(parse: Any) -> Any:
    def parse_text(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse_text


def _main(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        parser.error("which program?")
    try:
        variables = dict(_read_variable(text) for text in options.env or [])
    except KeyError as error:
        parser.error(f"--env {error.args[0]}: there is no such variable here")
    started = run(
        command,
        tasks=options.tasks,
        nodes=options.nodes,
        cpu=options.cpu,
        memory=options.memory,
        gpu=options.gpu,
        profile=options.profile,
        account=options.account,
        name=options.name,
        environment=variables or None,
        working_directory=options.chdir,
        array=options.array,
        # Milliseconds already.
        time_limit=None if options.time is None else options.time / 1000,
        mpi=options.mpi,
        retries=options.retries,
        prefix=options.prefix,
    )
    if options.detach:
        print(json.dumps(started.view, indent=2) if options.json else started.id)
        return 0
    return _watch(started, options.json)


def _read_variable(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    return name, value if separator else os.environ[name]


def _watch(started: Run, as_json: bool) -> int:
    output = sys.stderr if as_json else sys.stdout

    def write(text: str) -> None:
        output.write(text)
        output.flush()

    _cancel_on_signals(started)
    # Waits without reading until it may leave: a broken connection is taken up again.
    stream_output(started._api, started.view, write, _notify)
    status = _wait(started)
    if as_json:
        print(json.dumps(started.view, indent=2))
    elif status != 0:
        _notify(f"Run {started.id}: {started.view.get('message') or started.view['state']}")
    return status


def _wait(started: Run) -> int:
    while True:
        try:
            started.wait()
            return int(find_exit_status(started.view) or 0)
        except ApiError as error:
            if error.status not in (0, 500, 502, 503, 504):
                raise


def _cancel_on_signals(started: Run) -> None:
    import time

    cancelled_at: list[float] = []

    def cancel() -> None:
        try:
            started.cancel()
        except ApiError as error:
            _notify(f"Run {started.id} could not be cancelled: {error}")

    def on_signal(number: int, _frame: Any) -> None:
        now = time.monotonic()
        if not cancelled_at:
            cancelled_at.append(now)
            _notify(f"Cancelling run {started.id}. Once more leaves at once.")
            threading.Thread(target=cancel, daemon=True).start()
        elif now - cancelled_at[0] > _SAME_KEYSTROKE_SECONDS:
            os._exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)


def _notify(message: str) -> None:
    print(f"atrium: {message}", file=sys.stderr, flush=True)
