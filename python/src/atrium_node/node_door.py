"""The control plane's door for jobs: fetches a job for this node, and tells how it goes.

Every request carries a munge credential of its own over the hash of what is sent, so it proves the user and cannot be
sent again by somebody else. A job comes as a credential that only its owner can open.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
from typing import Any

from atrium_node import munge
from atrium_node.http_post import Answer, HttpError, Url, post_json

NOT_WANTED = 91
NO_CREDENTIAL = 92
UNREACHABLE = 93
REFUSED = 94

_MUNGE_PATIENCE_SECONDS = 10.0
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 10.0
_REQUEST_SECONDS = 20.0
_GONE = (409, 410)
_MALFORMED = (400, 413)
_REFUSALS = (*_MALFORMED, 401, 403)


class DoorError(Exception):
    """There is no job for us. `code` is the launcher's exit status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Door:
    """Where and as whom one launcher asks. `hub_uid`: the control plane's own user, if it is known."""

    def __init__(self, url: Url, key: str, claimant: str, munge_socket: str | None, ca: str | None, hub_uid: int | None) -> None:
        self._url = url
        self._about = {"key": key, "claimant": claimant}
        self._munge_socket = munge_socket
        self._ca = ca
        self._hub_uid = hub_uid
        self.local_address = ""
        """This node's address as the control plane was last reached from."""

    def fetch_job(self, node: str, patience_seconds: float) -> dict[str, Any]:
        """The job. Asks again while nobody answers: the control plane, or munge, may be starting. Throws DoorError."""
        began = time.monotonic()
        pause_seconds = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return self._try_to_fetch(node)
            except munge.MungeError as error:
                trouble, patience, code = str(error), _MUNGE_PATIENCE_SECONDS, NO_CREDENTIAL
            except HttpError as error:
                trouble, patience, code = str(error), patience_seconds, UNREACHABLE
            if time.monotonic() - began > patience:
                raise DoorError(code, trouble)
            # Many start at once: they are not to come back at once.
            time.sleep(pause_seconds * random.uniform(0.5, 1.0))
            pause_seconds = min(_LONGEST_PAUSE_SECONDS, pause_seconds * 2)

    def _try_to_fetch(self, node: str) -> dict[str, Any]:
        answer = self._post("/hub/api/jobs/launch", {"node": node}, _REQUEST_SECONDS)
        if answer.status == 200:
            return self._open(answer.body)
        if answer.status in _GONE:
            raise DoorError(NOT_WANTED, "this job is not wanted any more, or runs elsewhere")
        if answer.status in _REFUSALS:
            raise DoorError(REFUSED, f"the control plane refused with status {answer.status}")
        raise HttpError(f"the control plane answers with status {answer.status}")

    def report(self, change: dict[str, Any], timeout_seconds: float) -> bool:
        """False: it is to be told again; a credential that is refused now may be due to clocks. What is not wanted counts as told."""
        try:
            answer = self._post("/hub/api/jobs/report", change, timeout_seconds)
        except (HttpError, munge.MungeError):
            return False
        return answer.status < 300 or answer.status in _GONE + _MALFORMED

    def _post(self, path: str, more: dict[str, Any], timeout_seconds: float) -> Answer:
        body = json.dumps(self._about | more, separators=(",", ":")).encode()
        headers = {"Authorization": f"Munge {self._sign(body).decode('ascii')}"}
        answer = post_json(self._url, path, body, headers, ca=self._ca, timeout=timeout_seconds)
        self.local_address = answer.local_address
        return answer

    def _sign(self, body: bytes) -> bytes:
        digest = hashlib.sha256(body).hexdigest().encode()
        return munge.encode(digest, self._munge_socket)

    def _open(self, credential: bytes) -> dict[str, Any]:
        """The job in an answer. Throws DoorError for one that is of somebody else, or of another request."""
        try:
            message = munge.decode(credential.strip(), self._munge_socket)
        except munge.MungeError as error:
            raise DoorError(NO_CREDENTIAL, f"the job cannot be opened: {error}") from error
        if message.status != munge.SUCCESS or self._hub_uid not in (None, message.uid):
            raise DoorError(REFUSED, "what answered is not the control plane")
        job = json.loads(message.payload)
        if {name: job.get(name) for name in self._about} != self._about:
            raise DoorError(REFUSED, "the answer is of another job")
        return job


def find_claimant() -> str:
    """Slurm's id of this job: `123`, or `123_4` of an array's task. Throws DoorError outside of one."""
    array_id, index = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    if array_id is not None and index is not None:
        return f"{array_id}_{index}"
    job_id = os.environ.get("SLURM_JOB_ID")
    if job_id is None:
        raise DoorError(REFUSED, "this is no job of Slurm")
    return job_id
