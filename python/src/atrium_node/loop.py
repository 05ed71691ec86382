"""A small single-threaded event loop: descriptors by epoll, timers by a heap, child exits by SIGCHLD."""

from __future__ import annotations

import heapq
import os
import select
import signal
import sys
import time
from collections.abc import Callable

READ = select.EPOLLIN
WRITE = select.EPOLLOUT
HANGUP = select.EPOLLHUP | select.EPOLLERR


class Timer:
    """A call that was asked for. `cancel` is safe at any time."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """The call will not be made."""
        self.callback = None


class Loop:
    """Calls back when descriptors are ready, when timers are due and when children end."""

    def __init__(self, on_child_exit: Callable[[int, int], None]) -> None:
        """`on_child_exit(pid, status)` gets every child, also those inherited as a subreaper."""
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callable[[int], None]] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._timer_count = 0
        self._on_child_exit = on_child_exit
        self._stopping = False
        self._wake_r, self._wake_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wake_w, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _ignore)
        self.watch(self._wake_r, READ, self._on_wake)

    def watch(self, fd: int, events: int, callback: Callable[[int], None]) -> None:
        """Calls `callback(events)` whenever `fd` is ready; a second call changes what is waited for."""
        if fd in self._callbacks:
            self._epoll.modify(fd, events)
        else:
            self._epoll.register(fd, events)
        self._callbacks[fd] = callback

    def unwatch(self, fd: int) -> None:
        """Must come before the descriptor is closed."""
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Calls `callback` once, not before `seconds` have passed on the monotonic clock."""
        timer = Timer(callback)
        self._timer_count += 1
        heapq.heappush(self._timers, (time.monotonic() + seconds, self._timer_count, timer))
        return timer

    def stop(self) -> None:
        """`run` returns after the callbacks now under way."""
        self._stopping = True

    def run(self) -> None:
        """Until `stop`. A callback that fails is reported on stderr and does not end the loop."""
        # A child may have ended before the handler was in place.
        self._reap()
        while not self._stopping:
            for fd, events in self._epoll.poll(self._seconds_to_timer()):
                callback = self._callbacks.get(fd)
                if callback is not None:
                    _guarded(callback, events)
            self._run_timers()

    def _seconds_to_timer(self) -> float | None:
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _run_timers(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            callback = heapq.heappop(self._timers)[2].callback
            if callback is not None:
                _guarded(callback)

    def _on_wake(self, _events: int) -> None:
        try:
            os.read(self._wake_r, 4096)
        except BlockingIOError:
            pass
        self._reap()

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            _guarded(self._on_child_exit, pid, status)


def _guarded(callback: Callable[..., None], *args: int) -> None:
    try:
        callback(*args)
    except Exception:
        # Dear to load, and seldom wanted.
        import traceback

        traceback.print_exc(file=sys.stderr)


def _ignore(_signal: int, _frame: object) -> None:
    """A handler has to exist for the wake-up descriptor to be written."""
