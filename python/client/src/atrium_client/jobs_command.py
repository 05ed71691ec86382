"""`python -m atrium_client jobs`: what `atrium jobs` does, where there is Python alone."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from atrium_client.api import connect
from atrium_client.run_output import follow_output


def add_jobs_command(commands: Any) -> None:
    """Adds `jobs list`, `show`, `log` and `cancel`."""
    jobs = commands.add_parser("jobs", help="see, follow and cancel what `run` started")
    jobs.set_defaults(main=_list, all=False, json=False, limit=50)
    verbs = jobs.add_subparsers(metavar="what")
    listing = verbs.add_parser("list", help="list what runs and waits, or everything")
    listing.add_argument("--all", action="store_true", help="what has ended, too")
    listing.add_argument("--limit", type=int, default=50, metavar="COUNT", help="so many at most; default: 50")
    show = verbs.add_parser("show", help="show a run with its jobs")
    log = verbs.add_parser("log", help="print its output")
    log.add_argument("--index", type=int, metavar="NUMBER", help="of this job of an array")
    log.add_argument("--try", type=int, dest="attempt", metavar="NUMBER", help="of this try; default: the last one")
    log.add_argument("-f", "--follow", action="store_true", help="go on until it ends")
    cancel = verbs.add_parser("cancel", help="cancel what has not ended of it")
    for parser, main in ((listing, _list), (show, _show), (log, _log), (cancel, _cancel)):
        if parser is not listing:
            parser.add_argument("run", type=int, help="number of the run")
        parser.add_argument("--json", action="store_true", help="answer in JSON")
        parser.set_defaults(main=main)


def _list(options: argparse.Namespace) -> int:
    query = {"state": "all" if options.all else "active", "limit": options.limit}
    runs = connect().call("GET", "/api/v1/runs", query=query)["runs"]
    if options.json:
        print(json.dumps(runs, indent=2))
    elif not runs:
        print("Nothing was run." if options.all else "Nothing runs or waits. What has ended: --all.")
    else:
        print(_render(["RUN", "NAME", "STATE", "JOBS", "EXIT", "MESSAGE"], [_row(run) for run in runs]))
    return 0


def _row(run: Mapping[str, Any]) -> list[str]:
    jobs = run["jobs"]
    ended = jobs["succeeded"] + jobs["failed"] + jobs["cancelled"]
    count = "1" if run.get("array") is None else f"{ended}/{jobs['total']}"
    ending = run.get("exitSignal") or str(run.get("exitCode", ""))
    return [str(run["id"]), run["name"], run["state"], count, ending, run.get("message", "")]


def _show(options: argparse.Namespace) -> int:
    run = connect().call("GET", f"/api/v1/runs/{options.run}")
    if options.json:
        print(json.dumps(run, indent=2))
        return 0
    print(_render(["RUN", "NAME", "STATE", "JOBS", "EXIT", "MESSAGE"], [_row(run)]))
    rows = [
        [str(job.get("index", "")), job["state"], str(job["try"]), job.get("node", ""), job.get("message", "")]
        for job in run["jobList"]
    ]
    print("\n" + _render(["INDEX", "STATE", "TRY", "NODE", "MESSAGE"], rows))
    return 0


def _log(options: argparse.Namespace) -> int:
    api = connect()
    if options.follow and options.attempt is None:
        # Says so when there is no such run, before anything is waited for.
        api.call("GET", f"/api/v1/runs/{options.run}", query={"limit": 0})
        chunks = follow_output(api, options.run, options.index)
    else:
        query = {"index": options.index, "try": options.attempt, "follow": "true" if options.follow else None}
        chunks = api.stream(f"/api/v1/runs/{options.run}/log", query)
    for chunk in chunks:
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
    return 0


def _cancel(options: argparse.Namespace) -> int:
    connect().call("DELETE", f"/api/v1/runs/{options.run}")
    print(json.dumps({"cancelled": options.run}) if options.json else f"Cancelling {options.run}.")
    return 0


def _render(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns. Names are anybody's text: control characters must not reach a terminal."""
    cells = [list(headings)] + [["".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells)
