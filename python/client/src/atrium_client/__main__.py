"""`python -m atrium_client`: the platform from a terminal that has Python alone."""

from __future__ import annotations

import argparse
import sys

from atrium_client.api import ApiError
from atrium_client.jobs_command import add_jobs_command
from atrium_client.run_command import add_run_command

_FAILED = 1
_NOT_ALLOWED = 4


def main() -> int:
    """Answers the exit status."""
    parser = argparse.ArgumentParser(prog="python -m atrium_client", description="Atrium from a terminal.")
    commands = parser.add_subparsers(required=True, metavar="command")
    add_run_command(commands)
    add_jobs_command(commands)
    options = parser.parse_args()
    try:
        return int(options.main(options))
    except ApiError as error:
        print(f"atrium: {error}", file=sys.stderr)
        return _NOT_ALLOWED if error.status in (401, 403) else _FAILED


if __name__ == "__main__":
    sys.exit(main())
