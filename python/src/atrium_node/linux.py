"""What the kernel offers and Python's library does not: prctl, process identity, exit status of a stranger."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import struct

_PR_SET_NO_NEW_PRIVS = 38
_PR_GET_NO_NEW_PRIVS = 39
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_DUMPABLE = 4

_FALLOC_FL_KEEP_SIZE = 1
_FALLOC_FL_PUNCH_HOLE = 2

_libc = ctypes.CDLL(None, use_errno=True)
_libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


def _prctl(option: int, value: int) -> int:
    result = _libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl {option}: {os.strerror(code)}")
    return int(result)


def forbid_new_privileges() -> None:
    """No later exec of this process or its children gains rights: set-uid programs run without them."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if _prctl(_PR_GET_NO_NEW_PRIVS, 0) != 1:
        raise OSError(errno.EPERM, "no_new_privs did not hold")


def become_subreaper() -> None:
    """Orphans among our descendants become our children, so their end and status reach us."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(sig: int) -> None:
    """This process gets `sig` when the thread that forked it ends."""
    _prctl(_PR_SET_PDEATHSIG, sig)


# keyctl(2) has no function in the C library; by machine, from the kernel's tables of system calls.
_SYS_KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219, "ppc64le": 271, "s390x": 280}
_KEYCTL_JOIN_SESSION_KEYRING = 1


def leave_session_keyring() -> None:
    """This process gets an empty session keyring of its own (session-keyring(7)): who has one in common has the keys in it.

    Does nothing where the kernel has no keys or a container may not use them.
    """
    number = _SYS_KEYCTL.get(platform.machine())
    if number is not None:
        _libc.syscall(ctypes.c_long(number), ctypes.c_long(_KEYCTL_JOIN_SESSION_KEYRING), None)


def set_process_name(name: str) -> None:
    """What `ps` and `top` show as the program, its first 15 bytes."""
    buffer = ctypes.create_string_buffer(os.fsencode(name)[:15])
    _libc.prctl(_PR_SET_NAME, buffer, 0, 0, 0)


def allow_inspection() -> None:
    """Debuggers and monitors of this process's user may look into it, as they may after an exec; giving up rights forbids it."""
    _prctl(_PR_SET_DUMPABLE, 1)


def punch_hole(fd: int, length: int) -> None:
    """Gives the disk blocks of the first `length` bytes back; offsets of what follows stay. OSError where unsupported."""
    if _libc.fallocate(fd, _FALLOC_FL_PUNCH_HOLE | _FALLOC_FL_KEEP_SIZE, 0, length) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def boot_id() -> str:
    """Changes with every boot of the machine: process ids of another boot mean nothing."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def start_time(pid: int) -> int | None:
    """Clock ticks after boot at which `pid` started (proc(5), stat field 22). None: no such process, or only a zombie."""
    fields = stat_fields(pid)
    if fields is None or fields[0] in ("Z", "X"):
        return None
    return int(fields[19])


def stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third (state) on. None: no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in brackets and may hold anything, brackets too.
    return text[text.rindex(")") + 2 :].split()


def is_own_child(pid: int) -> bool:
    """True for a child of this process; until it is waited for, no other process can have its number."""
    fields = stat_fields(pid)
    return fields is not None and int(fields[1]) == os.getpid()


def process_owner(pid: int) -> int | None:
    """The uid a process runs as; root's for one that only root may look into. None: no such process."""
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except (FileNotFoundError, ProcessLookupError):
        return None


def resident_bytes(pid: int) -> int:
    """Resident memory of one process, 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    except (FileNotFoundError, ProcessLookupError):
        return 0


def list_pids() -> list[int]:
    """Every process id that /proc shows us."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


# linux/pidfd.h: struct pidfd_info, 64 bytes in its first version, PIDFD_INFO_EXIT since Linux 6.15.
_PIDFD_INFO_EXIT = 1 << 3
_PIDFD_INFO = struct.Struct("=QQ11IiQ")
_PIDFD_GET_INFO = (3 << 30) | (64 << 16) | (0xFF << 8) | 11


def exit_status_of_stranger(pidfd: int) -> int | None:
    """The wait status of an ended process that was not our child. None: this kernel does not tell (before 6.15)."""
    buffer = bytearray(64)
    struct.pack_into("=Q", buffer, 0, _PIDFD_INFO_EXIT)
    try:
        fcntl.ioctl(pidfd, _PIDFD_GET_INFO, buffer)
    except OSError:
        return None
    fields = _PIDFD_INFO.unpack_from(buffer.ljust(_PIDFD_INFO.size, b"\0"))
    return int(fields[13]) if fields[0] & _PIDFD_INFO_EXIT else None
