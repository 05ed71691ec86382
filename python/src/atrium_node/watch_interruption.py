"""On a node that is a spot machine of EC2: when Amazon announces that it takes the machine back, no job starts there any more and those
that run are queued again, while there are two minutes left to do so in order. What may not be queued again has the time until shortly
before; then it ends as a job whose node was lost, which Slurm would otherwise notice minutes later.

    python3 -I -S PATH/atrium_node watch_interruption [--node NAME] [--slurm DIR]

Asks the machine's own metadata service every few seconds, with a token (IMDSv2). Runs as root: slurmctld takes these orders from root and
SlurmUser alone. Ends with 0 when all is done; what could not be done is tried again.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime

_METADATA = "http://169.254.169.254"
_TOKEN_SECONDS = 21600
_REQUEST_SECONDS = 2
_COMMAND_SECONDS = 20
# So long before the machine goes, what is left on it ends.
_LAST_SECONDS = 15.0
# EC2 gives two minutes; a clock that is wrong must not make more of them.
_LONGEST_WAIT_SECONDS = 100.0
_NODE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_UNREACHABLE = (OSError, http.client.HTTPException)
# Such jobs are on the node with processes that another node can begin again.
_STATES = "RUNNING,SUSPENDED,CONFIGURING"


class Metadata:
    """What EC2 tells a machine about itself."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._token: str | None = None
        # A proxy that is meant for the site's web must not see this.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def read(self, path: str) -> str | None:
        """The text at this path; None where there is none. Raises what is `_UNREACHABLE` when it cannot be asked."""
        if self._token is None:
            wanted = {"X-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_SECONDS)}
            self._token = self._ask("PUT", "/latest/api/token", wanted)
        try:
            return self._ask("GET", f"/latest/meta-data/{path}", {"X-aws-ec2-metadata-token": self._token})
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            # A token lives for hours, and not longer than the machine's last halt.
            self._token = None
            raise

    def _ask(self, method: str, path: str, headers: dict[str, str]) -> str:
        request = urllib.request.Request(self._url + path, method=method, headers=headers)
        with self._opener.open(request, timeout=_REQUEST_SECONDS) as answer:
            return answer.read(64 << 10).decode()


class Slurm:
    """The orders to slurmctld, by its commands."""

    def __init__(self, folder: str | None) -> None:
        self._folder = folder

    def retire(self, node: str, reason: str) -> None:
        """No job starts there any more; when none runs there, the machine is removed and the node is free for another one."""
        self._run("scontrol", "update", f"nodename={node}", "state=power_down_asap", f"reason={reason}")

    def empty(self, node: str, reason: str) -> None:
        """The jobs that are left lose their node, and the machine is removed."""
        self._run("scontrol", "update", f"nodename={node}", "state=power_down_force", f"reason={reason}")

    def jobs(self, node: str) -> list[str]:
        """Jobs on this node, tasks of arrays one by one."""
        return self._run("squeue", "--all", "--noheader", f"--nodelist={node}", f"--states={_STATES}", "--format=%A").split()

    def requeue(self, job: str) -> None:
        """Raises CommandFailed for jobs that may not be: interactive ones, and those submitted with --no-requeue."""
        self._run("scontrol", "requeue", job)

    def _run(self, program: str, *arguments: str) -> str:
        path = program if self._folder is None else os.path.join(self._folder, program)
        try:
            done = subprocess.run(
                [path, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_COMMAND_SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CommandFailed(f"{program}: {error}") from error
        if done.returncode != 0:
            raise CommandFailed(f"{program}: {(done.stderr or done.stdout).strip()}")
        return done.stdout


class CommandFailed(Exception):
    """One of Slurm's commands did not do what it was told."""


def main() -> None:
    """Watches until the machine is taken back and its jobs are safe."""
    options = _parse_options()
    metadata = Metadata(options.metadata)
    node = options.node or _find_node(metadata)
    _say("watching", node=node)
    slurm = Slurm(options.slurm)
    while True:
        notice = _read_notice(metadata)
        if notice is not None and _leave(slurm, node, notice):
            return
        time.sleep(options.every)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="watch_interruption", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--node", help="its name in Slurm; default: the tag atrium-node, else the host's name")
    parser.add_argument("--slurm", metavar="DIR", help="where Slurm's commands are; default: on PATH")
    parser.add_argument("--every", type=float, default=5.0, metavar="SECONDS", help="between two questions (5)")
    parser.add_argument("--metadata", default=_METADATA, metavar="URL", help="the machine's metadata service")
    options = parser.parse_args()
    if options.node is not None and not _NODE_NAME.match(options.node):
        parser.error("--node: not the name of a node")
    return options


def _find_node(metadata: Metadata) -> str:
    try:
        tag = metadata.read("tags/instance/atrium-node")
    except _UNREACHABLE:
        tag = None
    name = tag or socket.gethostname().split(".")[0]
    if not _NODE_NAME.match(name):
        sys.exit(f"not the name of a node: {name!r}")
    return name


def _read_notice(metadata: Metadata) -> str | None:
    """When the machine is taken back, as EC2 writes it; None while nothing is announced or nothing can be asked."""
    try:
        text = metadata.read("spot/instance-action")
    except _UNREACHABLE as error:
        _say("the metadata service does not answer", reason=str(error))
        return None
    if text is None:
        return None
    try:
        when = str(json.loads(text)["time"])
    except (ValueError, KeyError, TypeError):
        # Announced all the same.
        return "soon"
    return re.sub(r"[^0-9A-Za-z:.+-]", "", when)[:40]


def _leave(slurm: Slurm, node: str, when: str) -> bool:
    """Whether all was done."""
    reason = f"Atrium: EC2 takes the machine back at {when}"
    try:
        slurm.retire(node, reason)
        stay = [job for job in slurm.jobs(node) if not _requeue(slurm, node, job)]
        _say("the machine is taken back", node=node, time=when)
        if stay:
            time.sleep(_seconds_to_stay(when))
            slurm.empty(node, reason)
    except CommandFailed as error:
        _say("slurmctld could not be told", node=node, reason=str(error))
        return False
    return True


def _requeue(slurm: Slurm, node: str, job: str) -> bool:
    try:
        slurm.requeue(job)
    except CommandFailed as error:
        _say("the job cannot be queued again", node=node, job=job, reason=str(error))
        return False
    _say("the job is queued again", node=node, job=job)
    return True


def _seconds_to_stay(when: str) -> float:
    try:
        end = datetime.fromisoformat(when.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return _LONGEST_WAIT_SECONDS
    return min(_LONGEST_WAIT_SECONDS, max(0.0, end - time.time() - _LAST_SECONDS))


def _say(message: str, **fields: str) -> None:
    print(json.dumps({"msg": message, **fields}), file=sys.stderr, flush=True)
