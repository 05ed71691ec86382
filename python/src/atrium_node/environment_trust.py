"""Whose code a Python environment is. An interpreter with rights loads only what administrators alone can change."""

from __future__ import annotations

import glob
import os
import stat


class TrustError(Exception):
    """This environment must not be preloaded; the message says which path is in the way."""


def find_code_owner(prefix: str) -> int:
    """0 when only root can change the environment, else the one user who, beside root, owns all of it.

    Checked: the prefix, its interpreter (links followed), its libraries and what is in site-packages, and every folder on
    the way there. Throws TrustError when others can write any of it, or when several users own parts.
    """
    known: dict[str, int] = {}
    owners = {check_path(path, known) for path in _list_paths(prefix)} | set(known.values())
    for folder in _site_packages(prefix):
        for entry in os.scandir(folder):
            owners.add(_check_one(entry.path, entry.stat(follow_symlinks=False)))
    owners.discard(0)
    if len(owners) > 1:
        raise TrustError(f"{prefix} has parts of several users")
    return owners.pop() if owners else 0


def check_path(path: str, known: dict[str, int]) -> int:
    """0 when root alone can change the file and every folder on the way, else the uid of another who can.

    `known` holds what was found before. Throws TrustError when everybody can, or it is not there.
    """
    owner = 0
    for part in _parents(path):
        if part not in known:
            known[part] = _check(part)
        owner = owner or known[part]
    return owner


def _list_paths(prefix: str) -> list[str]:
    python = os.path.join(prefix, "bin", "python")
    libraries = glob.glob(os.path.join(prefix, "lib", "python3*"))
    interpreter = os.path.realpath(python)
    # The standard library of the Python that a virtual environment was made of.
    base = os.path.dirname(os.path.dirname(interpreter))
    standard = glob.glob(os.path.join(base, "lib", "python3*"))
    paths = [prefix, python, interpreter, *libraries, *standard, *_site_packages(prefix)]
    return [path for each in paths for path in (os.path.abspath(each), os.path.realpath(each))]


def _site_packages(prefix: str) -> list[str]:
    return glob.glob(os.path.join(prefix, "lib", "python3*", "site-packages"))


def _parents(path: str) -> list[str]:
    parts = [path]
    while parts[-1] != "/":
        parts.append(os.path.dirname(parts[-1]))
    return parts


def _check(path: str) -> int:
    try:
        return _check_one(path, os.lstat(path))
    except OSError as error:
        raise TrustError(f"{path}: {error.strerror}") from error


def _check_one(path: str, status: os.stat_result) -> int:
    if stat.S_ISLNK(status.st_mode):
        return status.st_uid
    mode = status.st_mode
    # In a folder with the sticky bit (/tmp) others cannot replace what they do not own.
    is_shared_folder = stat.S_ISDIR(mode) and mode & stat.S_ISVTX and status.st_uid == 0
    by_others = mode & stat.S_IWOTH or (mode & stat.S_IWGRP and status.st_gid != 0 and status.st_gid != status.st_uid)
    if by_others and not is_shared_folder:
        raise TrustError(f"{path} can be written by others")
    return status.st_uid
