"""Job records on disk: what the next agent needs to find the jobs of one that died. No secrets.

Nothing is forced to the medium: a record has to outlive the agent, not the machine, since no job of its outlives that.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from typing import Any

from atrium_node.job_spec import SpecError, parse_key

RECORD_NAME = "record.json"
LOG_NAME = "log"
RAN_NAME = "ran"


class RecordError(Exception):
    """A record could not be written. `full`: for want of space."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"the job's record could not be written: {os.strerror(error.errno or 0)}")
        self.full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class RecordStore:
    """One folder a job, `ROOT/KEY`: `record.json`, `log`, and `ran`, which the job marks before the user's program."""

    def __init__(self, root: str) -> None:
        """`root` is made when it is missing, readable for nobody else."""
        os.makedirs(root, mode=0o700, exist_ok=True)
        self.root = root

    def path(self, key: str, name: str = "") -> str:
        """Of the job's folder or of a file in it. `key` has been checked to need no escaping."""
        return os.path.join(self.root, key, name) if name else os.path.join(self.root, key)

    def open_job(self, key: str) -> tuple[int, int]:
        """Makes the folder of a new job; answers descriptors of its empty log (append) and of its `ran` mark."""
        try:
            shutil.rmtree(self.path(key), ignore_errors=True)
            os.mkdir(self.path(key), 0o700)
            log = self._create(key, LOG_NAME, os.O_APPEND)
            try:
                return log, self._create(key, RAN_NAME, 0)
            except OSError:
                os.close(log)
                raise
        except OSError as error:
            raise RecordError(error) from error

    def _create(self, key: str, name: str, flags: int) -> int:
        flags |= os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(self.path(key, name), flags, 0o600)

    def save(self, key: str, record: dict[str, Any]) -> None:
        """Whole or not at all, and seen by every later process when it returns. Throws RecordError."""
        path = self.path(key, RECORD_NAME)
        temporary = path + ".new"
        data = json.dumps(record, separators=(",", ":")).encode()
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                written = 0
                while written < len(data):
                    written += os.write(fd, data[written:])
            finally:
                os.close(fd)
            os.rename(temporary, path)
        except OSError as error:
            raise RecordError(error) from error

    def exists(self, key: str) -> bool:
        """The job has a folder: it was not forgotten."""
        return os.path.isdir(self.path(key))

    def has_run(self, key: str) -> bool:
        """The job got as far as the user's program; False only when it surely did not."""
        try:
            return os.stat(self.path(key, RAN_NAME)).st_size > 0
        except FileNotFoundError:
            return True

    def remove(self, key: str) -> None:
        """Record, log and all. Nothing there is no error."""
        shutil.rmtree(self.path(key), ignore_errors=True)

    def load_all(self) -> dict[str, dict[str, Any]]:
        """Every readable record. A folder without one is of a job that never ran, and is removed."""
        records: dict[str, dict[str, Any]] = {}
        for name in os.listdir(self.root):
            try:
                key = parse_key(name)
                with open(self.path(key, RECORD_NAME), encoding="utf-8") as file:
                    record = json.load(file)
                if isinstance(record, dict) and record.get("key") == key:
                    records[key] = record
            except SpecError:
                continue
            except FileNotFoundError:
                if os.path.isdir(self.path(name)):
                    self.remove(name)
            except (OSError, ValueError):
                continue
        return records
