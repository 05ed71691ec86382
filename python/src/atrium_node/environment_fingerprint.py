"""Tells whether a Python environment is still the one that was loaded."""

from __future__ import annotations

import glob
import os

_WATCHED = (
    "pyvenv.cfg",
    "bin",
    "bin/python",
    "conda-meta",
    "etc/jupyter",
    "etc/jupyter/*",
    "share/jupyter/labextensions",
)


def take_fingerprint(prefix: str) -> int:
    """Changes when packages come or go: pip, uv and conda all make or remove entries in one of these folders.

    A file edited in place deep inside a package is not noticed; `unload` and `preload` load the environment anew.
    """
    parts: list[str] = []
    for pattern in _WATCHED:
        for path in sorted(glob.glob(os.path.join(prefix, pattern))):
            parts.append(_describe(path))
    for folder in sorted(glob.glob(os.path.join(prefix, "lib", "python3*", "site-packages"))):
        parts += _describe_packages(folder)
    return hash(tuple(parts))


def _describe_packages(folder: str) -> list[str]:
    """Names of packages, and times of what names their versions. Bytecode that a run left behind is no change."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return [folder]
    parts = [folder]
    for name in names:
        if name != "__pycache__":
            is_package = "." not in name
            parts.append(name if is_package else _describe(os.path.join(folder, name)))
    return parts


def _describe(path: str) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return path
    return f"{path}:{status.st_ino}:{status.st_mtime_ns}"
