"""What a schedule's notebook runs in: papermill of the environment, its result in a file with date and number, old results removed.

All of it is done by the job, as its owner: `python -m atrium_client.notebook_job`, with what to do as JSON in ATRIUM_NOTEBOOK:
`path`, `folder` (of the results), `file` (name of this one), `keep` (so many results), `parameters`.
"""

from __future__ import annotations

import json
import os
import re
import sys
from typing import Any

VARIABLE = "ATRIUM_NOTEBOOK"
RESULT_PATTERN = re.compile(r"\d{4}-\d\d-\d\d_\d{4}_(\d{4,})\.ipynb")
"""Names of results as the platform makes them; the number is the group."""

_NO_PAPERMILL, _CANNOT_READ, _FAILED = 78, 66, 1
"""Exit statuses; the first two as sysexits.h has them: configuration error, no input."""


def main() -> int:
    """Answers the exit status."""
    # The notebook has no use for it, and its parameters may be nobody else's business.
    job = json.loads(os.environ.pop(VARIABLE))
    try:
        import papermill
    except ImportError as error:
        missing = "papermill is not in this environment" if error.name == "papermill" else f"papermill cannot be loaded: {error}"
        _say(f"{missing} ({sys.prefix}). Schedules need it to run notebooks: install papermill there.")
        return _NO_PAPERMILL
    try:
        kernel = find_missing(job["path"])
        os.makedirs(job["folder"], exist_ok=True)
    except (OSError, ValueError) as error:
        _say(f"The notebook cannot be run: {error}")
        return _CANNOT_READ
    result = os.path.join(job["folder"], job["file"])
    try:
        return _execute(papermill, job, kernel, result)
    finally:
        remove_old(job["folder"], job["keep"])


def _execute(papermill: Any, job: dict[str, Any], kernel: dict[str, str], result: str) -> int:
    from papermill.exceptions import PapermillExecutionError

    try:
        papermill.execute_notebook(
            job["path"],
            result,
            parameters=job["parameters"],
            **kernel,
            cwd=os.getcwd(),
            progress_bar=False,
            stdout_file=sys.stdout,
            stderr_file=sys.stderr,
        )
    except PapermillExecutionError as error:
        _say(f"Cell {error.exec_count} failed with {error.ename}: {error.evalue}")
        _say(f"The result is {result}, with the error in it.")
        return _FAILED
    except Exception as error:
        # No such kernel, a kernel that died, a full disk: one line says more than where papermill met it.
        _say(f"The notebook could not be run to its end: {type(error).__name__}: {error}")
        return _FAILED
    _say(f"The result is {result}.")
    return 0


def find_missing(path: str) -> dict[str, str]:
    """What papermill must be told because the notebook does not say it. OSError and ValueError when it cannot be read."""
    with open(path, encoding="utf-8") as file:
        try:
            notebook = json.load(file)
        except ValueError as error:
            raise ValueError(f"{path} is no notebook: {error}") from None
    if not isinstance(notebook, dict) or "cells" not in notebook:
        raise ValueError(f"{path} is no notebook.")
    metadata = notebook.get("metadata", {})
    spec = metadata.get("kernelspec", {})
    missing: dict[str, str] = {}
    if not spec.get("name"):
        missing["kernel_name"] = "python3"
    if not spec.get("language") and not metadata.get("language_info", {}).get("name"):
        missing["language"] = "python"
    return missing


def remove_old(folder: str, keep: int) -> None:
    """Leaves the `keep` results of the highest numbers. Other files are none of ours."""
    try:
        results = [(match, entry) for entry in os.scandir(folder) if (match := RESULT_PATTERN.fullmatch(entry.name))]
        files = [(int(match[1]), entry.path) for match, entry in results if entry.is_file(follow_symlinks=False)]
        for _number, path in sorted(files, reverse=True)[keep:]:
            os.unlink(path)
    except OSError as error:
        _say(f"Old results could not be removed: {error}")


def _say(message: str) -> None:
    print(f"atrium: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
