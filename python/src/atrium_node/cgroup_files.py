"""Small reads and writes under /sys/fs/cgroup and of the mount table."""

from __future__ import annotations


def list_mounts() -> dict[str, str]:
    """Mount points by controller name (version 1) and `cgroup2`; the first one of each counts."""
    mounts: dict[str, str] = {}
    for line in read_text("/proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        # proc(5): the fifth field is the mount point, with blanks as \040.
        point = before.split()[4].replace("\\040", " ")
        kind, _, options = (after.split(" ") + ["", "", ""])[:3]
        if kind == "cgroup2":
            mounts.setdefault("cgroup2", point)
        elif kind == "cgroup":
            for option in options.split(","):
                mounts.setdefault(option, point)
    return mounts


def own_paths() -> dict[str, str]:
    """The groups this process is in, by controller; version 2's under the empty name."""
    paths: dict[str, str] = {}
    for line in read_text("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            paths[controller] = path
    return paths


def read_text(path: str) -> str:
    """The whole file; empty when it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def read_counter(path: str, name: str | None = None) -> int | None:
    """The number in the file, or in its line `NAME NUMBER`. None when there is none."""
    for line in read_text(path).splitlines():
        fields = line.split()
        if name is None and len(fields) == 1 and fields[0].isdigit():
            return int(fields[0])
        if name is not None and len(fields) == 2 and fields[0] == name:
            return int(fields[1])
    return None


def try_write(path: str, value: str) -> bool:
    """True when the kernel took it."""
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(value)
    except OSError:
        return False
    return True
