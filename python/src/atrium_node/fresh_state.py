"""State that modules keep from their import and that each process must have for itself."""

from __future__ import annotations

import locale
import os
import random
import signal
import sys
import time

_C_LOCALES = ("", "C", "POSIX")


def set_locale(environment: dict[str, str]) -> None:
    """As the interpreter's start does: the C locale becomes C.UTF-8 (PEP 538), and children are told."""
    wanted = environment.get("LC_ALL") or environment.get("LC_CTYPE") or environment.get("LANG") or ""
    if wanted in _C_LOCALES and not environment.get("LC_ALL"):
        os.environ["LC_CTYPE"] = "C.UTF-8"
    try:
        locale.setlocale(locale.LC_CTYPE, "")
    except locale.Error:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    time.tzset()


def refresh_state() -> None:
    """Randomness, signals, caches and clocks of a new process."""
    _reseed()
    # What Python itself sets at its start.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _forget_places()
    if os.environ.get("PYTHONUNBUFFERED"):
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(write_through=True)  # type: ignore[union-attr]
    logging = sys.modules.get("logging")
    if logging is not None:
        # Nanoseconds since Python 3.13.
        is_whole = isinstance(getattr(logging, "_startTime", 0.0), int)
        setattr(logging, "_startTime", time.time_ns() if is_whole else time.time())  # noqa: B010


def _reseed() -> None:
    """OpenSSL and `secrets` notice a fork by themselves; these do not, or are made sure of."""
    random.seed()
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
    ssl = sys.modules.get("ssl")
    if ssl is not None:
        ssl.RAND_add(os.urandom(32), 32.0)
    process = sys.modules.get("multiprocessing.process")
    if process is not None:
        # Made at import: two users' jobs with the same key could talk to each other's managers.
        process.current_process().authkey = os.urandom(32)


def _forget_places() -> None:
    """Folders looked up while another HOME, TMPDIR and working directory were in force."""
    import importlib

    importlib.invalidate_caches()
    for name, attribute, value in (
        ("sysconfig", "_CONFIG_VARS", None),
        ("sysconfig", "_CONFIG_VARS_INITIALIZED", False),
        ("multiprocessing.process", "ORIGINAL_DIR", os.getcwd()),
        ("tempfile", "tempdir", None),
        ("tempfile", "_name_sequence", None),
    ):
        if hasattr(sys.modules.get(name), attribute):
            setattr(sys.modules[name], attribute, value)
    handlers = sys.modules.get("wsgiref.handlers")
    if handlers is not None:
        handlers.BaseHandler.os_environ = handlers.read_environ()
