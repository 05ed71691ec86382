"""Stands between a rank of MPICH and slurmstepd, and makes the rank keep its messages as short as slurmstepd can read.

Slurm's mpi/pmi2 reads a line of PMI-1 by one read(2) of 1024 bytes (`handle_pmi1_cmd` in src/plugins/mpi/pmi2/pmi1.c: "TODO: read
until newline"; so in 22.05 and still in 2026), but says that values may have 1024 bytes by themselves. MPICH cuts long values by
that number, and the addresses of UCX are long: the end of each line is then read as a line of its own, or with the next line,
which is lost. Ranks did not find each other then, or waited for ever. A rank that is told of shorter values sends shorter lines.
PMI-2, which says how long a message is, passes through as it is.
"""

from __future__ import annotations

import os
import re
import select
import signal
import socket

_FD_VARIABLE = "PMI_FD"
# A line has 1024 bytes. Beside the value: 21 of words, a key of 64 at most, a name of a key space (the numbers of job and step).
_LONGEST_VALUE = 768
_MOST_BYTES = 65536
_ANSWER = b"cmd=maxes "
_VALUE_LENGTH = re.compile(rb"\bvallen_max=(\d+)")


def put_relay_between() -> None:
    """Before this process becomes a rank: what PMI_FD names is then the relay's, a process of its own that ends with the rank."""
    fd = int(os.environ[_FD_VARIABLE])
    ours, theirs = socket.socketpair()
    # Not the rank's child, which it could wait for: that one ends at once, and leaves its own behind.
    pid = os.fork()
    if pid == 0:
        try:
            if os.fork() == 0:
                _become_relay(os.dup(fd), ours.detach())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    ours.close()
    os.dup2(theirs.fileno(), fd, inheritable=True)
    theirs.close()


def shorten_values(answer: bytes) -> bytes:
    """What slurmstepd says of the lengths that it takes, with values that fit. Anything else as it is."""
    if not answer.startswith(_ANSWER):
        return answer
    return _VALUE_LENGTH.sub(lambda match: b"vallen_max=%d" % min(int(match.group(1)), _LONGEST_VALUE), answer)


def _become_relay(slurm_fd: int, rank_fd: int) -> None:
    """Ends when either side has ended; until then no signal that is meant for ranks ends it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    null = os.open(os.devnull, os.O_RDWR)
    # The log is open as long as anybody holds it.
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    slurm, rank = socket.socket(fileno=slurm_fd), socket.socket(fileno=rank_fd)
    for number in {int(name) for name in os.listdir("/proc/self/fd")} - {0, 1, 2, slurm_fd, rank_fd}:
        # The folder itself was open while it was listed.
        os.closerange(number, number + 1)
    try:
        _relay(slurm, rank)
    except OSError:
        pass


def _relay(slurm: socket.socket, rank: socket.socket) -> None:
    while True:
        for ready in select.select([slurm, rank], [], [])[0]:
            data = ready.recv(_MOST_BYTES)
            if not data:
                return
            if ready is slurm:
                rank.sendall(shorten_values(data))
            else:
                slurm.sendall(data)
