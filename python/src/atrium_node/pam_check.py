"""One PAM question: is this the user's password, and may the account be used? For the control plane when it runs as root.

Reads one JSON object `{"user", "password", "service"}` from standard input and writes one, `{"ok": true}` or `{"ok": false,
"reason", "message"}`. Ends by itself after 30 seconds. The password stands in no argument, environment or log.

Calls pam_start(3), pam_authenticate(3), pam_acct_mgmt(3), pam_end(3) of libpam.so.0.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import sys
from typing import Any

_TIMEOUT_SECONDS = 30
_MAX_INPUT_BYTES = 64 << 10
_MAX_MESSAGES = 32

_PAM_SUCCESS = 0
_PAM_PROMPT_ECHO_OFF = 1
_PAM_PROMPT_ECHO_ON = 2
_PAM_BUF_ERR = 5
_PAM_CONV_ERR = 19
_PAM_SILENT = 0x8000
_PAM_DISALLOW_NULL_AUTHTOK = 0x1

# security/_pam_types.h; what is not named here is a failure of PAM itself.
_REASONS = {
    6: "denied",  # PAM_PERM_DENIED
    7: "wrong_password",  # PAM_AUTH_ERR
    8: "unavailable",  # PAM_CRED_INSUFFICIENT
    9: "unavailable",  # PAM_AUTHINFO_UNAVAIL
    10: "wrong_password",  # PAM_USER_UNKNOWN
    11: "too_many_tries",  # PAM_MAXTRIES
    12: "password_expired",  # PAM_NEW_AUTHTOK_REQD
    13: "account_expired",  # PAM_ACCT_EXPIRED
}

_FOLDERS = ("/etc/pam.d", "/usr/lib/pam.d")

_USER = re.compile(r"[^\x00-\x1f/:]{1,256}\Z")
_SERVICE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")


class _Message(ctypes.Structure):
    _fields_ = (("style", ctypes.c_int), ("text", ctypes.c_char_p))


class _Response(ctypes.Structure):
    # libpam frees the text: it has to come from C's own allocator, hence no c_char_p.
    _fields_ = (("text", ctypes.c_void_p), ("code", ctypes.c_int))


_Converse = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_int,
    ctypes.POINTER(ctypes.POINTER(_Message)),
    ctypes.POINTER(ctypes.POINTER(_Response)),
    ctypes.c_void_p,
)


class _Conversation(ctypes.Structure):
    _fields_ = (("converse", _Converse), ("data", ctypes.c_void_p))


class PamError(Exception):
    """PAM cannot be asked at all; the message says why."""


class Pam:
    """libpam and the parts of libc it hands memory over to."""

    def __init__(self) -> None:
        try:
            self.lib = ctypes.CDLL("libpam.so.0")
        except OSError as error:
            raise PamError("libpam.so.0 is not installed") from error
        self.libc = ctypes.CDLL(None)
        self.libc.calloc.restype = ctypes.c_void_p
        self.libc.calloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
        self.libc.strdup.restype = ctypes.c_void_p
        self.libc.strdup.argtypes = [ctypes.c_char_p]
        handle = ctypes.c_void_p
        self.lib.pam_start.argtypes = [
            ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(_Conversation), ctypes.POINTER(handle)
        ]  # fmt: skip
        for function in (self.lib.pam_authenticate, self.lib.pam_acct_mgmt, self.lib.pam_end):
            function.argtypes = [handle, ctypes.c_int]
        self.lib.pam_strerror.argtypes = [handle, ctypes.c_int]
        self.lib.pam_strerror.restype = ctypes.c_char_p

    def check(self, user: str, password: str, service: str) -> dict[str, Any]:
        """Asks once. Throws PamError when the conversation cannot even begin."""
        conversation = _Conversation(self._answer_with(password.encode()), None)
        handle = ctypes.c_void_p()
        code = self.lib.pam_start(service.encode(), user.encode(), ctypes.byref(conversation), ctypes.byref(handle))
        if code != _PAM_SUCCESS:
            raise PamError(f"pam_start failed with {code}")
        try:
            # One that may be empty by the system's files is no password for a network service.
            code = self.lib.pam_authenticate(handle, _PAM_SILENT | _PAM_DISALLOW_NULL_AUTHTOK)
            if code == _PAM_SUCCESS:
                code = self.lib.pam_acct_mgmt(handle, _PAM_SILENT | _PAM_DISALLOW_NULL_AUTHTOK)
            text = self.lib.pam_strerror(handle, code).decode(errors="replace")
        finally:
            self.lib.pam_end(handle, code)
        if code == _PAM_SUCCESS:
            return {"ok": True}
        return {"ok": False, "reason": _REASONS.get(code, "failed"), "message": text}

    def _answer_with(self, password: bytes) -> Any:
        def converse(count: int, messages: Any, responses: Any, _data: Any) -> int:
            if not 0 < count <= _MAX_MESSAGES:
                return _PAM_CONV_ERR
            # On any error below libpam looks at nothing, so what was allocated is lost with this process.
            array = self.libc.calloc(count, ctypes.sizeof(_Response))
            if not array:
                return _PAM_BUF_ERR
            answers = ctypes.cast(array, ctypes.POINTER(_Response))
            for index in range(count):
                style = messages[index].contents.style
                if style == _PAM_PROMPT_ECHO_OFF:
                    answers[index].text = self.libc.strdup(password)
                elif style == _PAM_PROMPT_ECHO_ON:
                    # A question we have no answer to (a second factor): refuse instead of guessing.
                    return _PAM_CONV_ERR
            responses[0] = answers
            return _PAM_SUCCESS

        return _Converse(converse)


def refuse_open_service(service: str, seen: frozenset[str] = frozenset()) -> None:
    """Throws PamError for a service that does not exist, or that lets root in without a password, as `su` does: we ask as
    root, so it would let everybody in.
    """
    for folder in _FOLDERS:
        try:
            with open(f"{folder}/{service}", encoding="utf-8", errors="replace") as file:
                lines = [line.partition("#")[0].split() for line in file]
            break
        except FileNotFoundError:
            continue
    else:
        raise PamError(f"there is no PAM service {service}")
    for words in lines:
        if any("pam_rootok" in word for word in words):
            raise PamError(f"the PAM service {service} accepts root without a password and cannot be used")
        included = _find_included(words)
        if included is not None and included not in seen:
            refuse_open_service(included, seen | {service})


def _find_included(words: list[str]) -> str | None:
    if len(words) > 1 and words[0] == "@include":
        return words[1]
    if len(words) > 2 and words[1] in ("include", "substack"):
        return words[2]
    return None


def main() -> None:
    """Reads the question, answers it, and always exits 0 with an answer unless it is killed by the time limit."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_TIMEOUT_SECONDS)
    try:
        answer = _check(json.loads(sys.stdin.buffer.read(_MAX_INPUT_BYTES)))
    except PamError as error:
        answer = {"ok": False, "reason": "unavailable", "message": str(error)}
    except (ValueError, KeyError, TypeError):
        answer = {"ok": False, "reason": "bad_request", "message": "user, password and service are expected as JSON"}
    os.write(1, json.dumps(answer).encode() + b"\n")


def _check(question: dict[str, Any]) -> dict[str, Any]:
    user, password, service = (question[name] for name in ("user", "password", "service"))
    if not all(isinstance(value, str) for value in (user, password, service)):
        raise TypeError
    if not _USER.match(user) or not _SERVICE.match(service) or "\0" in password or password == "":
        return {"ok": False, "reason": "wrong_password", "message": "Authentication failure"}
    refuse_open_service(service)
    return Pam().check(user, password, service)
