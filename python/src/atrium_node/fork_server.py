"""A preloaded interpreter of one environment. Forks a process a job; never runs a user's code itself.

Runs under the environment's own Python, started by the agent: see fork_server_boot.py, its socket as descriptor 3.
Standard input is nothing, output goes to the agent's log. It ends when the agent does.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import socket
import sys
import time
import traceback
from typing import Any

from atrium_node import VERSION, linux
from atrium_node.child_plan import ChildFiles, ChildPlan
from atrium_node.dask_state import give_back_loggers, prepare_dask
from atrium_node.fork_server_boot import SOCKET_FD
from atrium_node.fresh_modules import drop_modules
from atrium_node.import_guard import ImportGuard
from atrium_node.loop_watch import LoopWatch
from atrium_node.packet import make_pair, receive_packet, send_packet, take_up
from atrium_node.preload_sets import DASK, JOB_VARIABLES, NOTEBOOK, list_extension_modules, list_modules
from atrium_node.warm_child import Interpreter, run_warm


def main(set_name: str, version: str) -> None:
    """Loads, says so, and forks until the agent goes. In a forked process it runs the job and never comes back."""
    linux.die_with_parent(signal.SIGKILL)
    sys.path.pop(0)
    sock = socket.socket(fileno=SOCKET_FD)
    sock.set_inheritable(False)
    if version != VERSION:
        # The files are newer than the agent: it will be replaced, until then jobs start cold.
        send_packet(sock, {"state": "failed", "reason": f"the agent is {version}, its files are {VERSION}"}, [])
        return
    # Writing would change the folders whose times tell us whether the environment has changed.
    sys.dont_write_bytecode = True
    started = time.monotonic()
    interpreter = Interpreter.capture()
    guard, loops = ImportGuard(), LoopWatch()
    guard.start()
    loops.start()
    interpreter.watch.start()
    try:
        missing = _load(set_name)
    finally:
        interpreter.watch.stop()
        loops.stop()
        guard.stop()
    interpreter.finish_loading(drop_modules(interpreter.watch.find_readers(JOB_VARIABLES) | loops.makers))
    prepare_dask()
    if set_name != DASK:
        give_back_loggers()
    obstacle = guard.refused or _find_obstacle(interpreter)
    if obstacle is not None:
        send_packet(sock, {"state": "failed", "reason": obstacle}, [])
        return
    # Frozen objects are never looked at by the collector, so their pages stay shared with all children.
    gc.collect()
    gc.freeze()
    ready = {
        "state": "ready",
        "modules": len(sys.modules),
        "missing": missing,
        "loadMs": round((time.monotonic() - started) * 1000),
        "residentBytes": linux.resident_bytes(os.getpid()),
    }
    send_packet(sock, ready, [])
    job = _serve(sock)
    if job is not None:
        run_warm(interpreter, *job)


def _find_obstacle(interpreter: Interpreter) -> str | None:
    """Why processes forked from this one could differ from fresh ones in a way we cannot mend."""
    _end_threads_that_know_forks()
    threads = len(os.listdir("/proc/self/task"))
    if threads > 1:
        return f"a preloaded module started {threads - 1} threads"
    files = _list_open_files()
    if files:
        return f"a preloaded module keeps open {', '.join(files)}"
    if interpreter.kept_home.stuck:
        return f"a preloaded module keeps the home folder in {', '.join(interpreter.kept_home.stuck)}"
    return None


def _list_open_files() -> list[str]:
    """Besides our own: a forked process closes what it does not know."""
    files = []
    for name in os.listdir("/proc/self/fd"):
        try:
            file = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            # The folder's own descriptor.
            continue
        if int(name) > SOCKET_FD:
            files.append(file)
    return files


def _end_threads_that_know_forks() -> None:
    """OpenBLAS, which numpy loads, ends its threads before every fork, and each process starts its own when it first needs them."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _load(set_name: str) -> list[str]:
    """Imports what there is of the set; answers what there is not. What fails here fails in the job too, and is told there."""
    modules = list(list_modules(set_name))
    if set_name == NOTEBOOK:
        modules += _list_server_extensions()
    return [name for name in modules if not _import(name)]


def _import(name: str) -> bool:
    try:
        importlib.import_module(name)
    except Exception:
        return False
    return True


def _list_server_extensions() -> list[str]:
    """Jupyter Server extensions that this environment (not a user's configuration) switches on."""
    import glob
    import json

    names: list[str] = []
    for path in sorted(glob.glob(os.path.join(sys.prefix, "etc/jupyter/jupyter_server_config.d/*.json"))):
        try:
            with open(path, encoding="utf-8") as file:
                extensions = json.load(file)["ServerApp"]["jpserver_extensions"]
            names += [part for name, is_on in extensions.items() if is_on for part in list_extension_modules(name)]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            traceback.print_exc()
    return names


class _Spare:
    """A forked process that waits for its job, so that no start has to wait for a fork."""

    def __init__(self, pid: int, sock: socket.socket) -> None:
        self.pid = pid
        self._socket = sock

    def give(self, request: dict[str, Any], fds: list[int]) -> bool:
        """Its job. False when it was gone before; it has not got it then."""
        try:
            if linux.start_time(self.pid) is None:
                return False
            send_packet(self._socket, request, fds)
            return True
        finally:
            self._socket.close()


def _serve(sock: socket.socket) -> tuple[ChildPlan, ChildFiles] | None:
    """Answers requests. Comes back in a forked process with its job, and in the server with None when the agent has gone.

    What the job is stays in a descriptor that is passed on unread: a secret that was once in this process would be in the
    memory of every process forked later, of other users too.
    """
    while True:
        spare = _fork_spare(sock)
        if not isinstance(spare, _Spare):
            return spare
        packet = receive_packet(sock)
        if packet is None:
            return None
        request, fds = packet
        while not spare.give(request, fds):
            spare = _fork_spare(sock)
            if not isinstance(spare, _Spare):
                return spare
        for fd in fds:
            os.close(fd)
        send_packet(sock, {"id": request["id"], "pid": spare.pid}, [])


def _fork_spare(server_socket: socket.socket) -> _Spare | tuple[ChildPlan, ChildFiles]:
    """In the server: the spare. In the spare: its job, once it has one; it ends when the server does."""
    ours, theirs = make_pair()
    pid = _fork_orphan()
    if pid:
        theirs.close()
        return _Spare(pid, ours)
    ours.close()
    # While a spare holds the server's socket, the agent cannot see by it that the server has gone.
    server_socket.close()
    try:
        packet = receive_packet(theirs)
    except OSError:
        packet = None
    if packet is None:
        os._exit(0)
    theirs.close()
    *files, plan = packet[1]
    return ChildPlan(**take_up(plan)), ChildFiles(*files)


def _fork_orphan() -> int:
    """A grandchild: its parent ends at once, so the agent, as the subreaper above us, becomes its parent and gets its status."""
    pid_r, pid_w = os.pipe()
    middle = os.fork()
    if middle == 0:
        os.close(pid_r)
        pid = os.fork()
        if pid == 0:
            os.close(pid_w)
            return 0
        os.write(pid_w, str(pid).encode())
        os._exit(0)
    os.close(pid_w)
    data = os.read(pid_r, 32)
    os.close(pid_r)
    os.waitpid(middle, 0)
    return int(data)
