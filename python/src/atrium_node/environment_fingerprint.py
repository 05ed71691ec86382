"""Tells whether a Python environment is still the one that was loaded."""

from __future__ import annotations

import glob
import os

_WATCHED = (
    "pyvenv.cfg",
    "bin",
    "bin/python",
    "conda-meta",
    "lib/python3*/site-packages",
    "etc/jupyter",
    "etc/jupyter/*",
    "share/jupyter/labextensions",
)


def take_fingerprint(prefix: str) -> str:
    """Changes when packages come or go: pip, uv and conda all make or remove entries in one of these folders.

    A file edited in place deep inside a package is not noticed; `unload` and `preload` load the environment anew.
    """
    parts: list[str] = []
    for pattern in _WATCHED:
        for path in sorted(glob.glob(os.path.join(prefix, pattern))):
            try:
                status = os.stat(path)
            except OSError:
                continue
            parts.append(f"{path}:{status.st_ino}:{status.st_mtime_ns}")
    return "\n".join(parts)
