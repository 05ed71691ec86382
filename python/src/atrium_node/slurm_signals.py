"""How the launcher of a Slurm job lives with signals: Slurm sends them to all of a job, and what to do is the program's to decide."""

from __future__ import annotations

import os
import select
import signal

# Slurm's wish that the job end, and what a site or a user may have it send as a warning before.
_SURVIVED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT)


class Signals:
    """From now on they end nobody but the program. `is_asked_to_end`: the job is to end."""

    def __init__(self) -> None:
        self.is_asked_to_end = False
        self._wakeup, wakeup = os.pipe()
        os.set_blocking(wakeup, False)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, *_SURVIVED):
            signal.signal(number, self._note)

    def _note(self, number: int, _frame: object) -> None:
        self.is_asked_to_end = self.is_asked_to_end or number == signal.SIGTERM

    def wait(self, seconds: float) -> None:
        """Until then, or until one comes: SIGCHLD says that the program ended."""
        if select.select([self._wakeup], [], [], seconds)[0]:
            os.read(self._wakeup, 4096)
