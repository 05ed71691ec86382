"""ipyparallel's engines as jobs of the platform: `ipp.Cluster(engines="atrium", n=8)`, `engines="atrium-mpi"`.

Found by ipyparallel's entry points. `atrium`: an array of jobs, one an engine. `atrium-mpi`: one job with that many ranks. The
controller stays where the cluster was made (engine_controller.py); engines get its connection info in a secret variable of their jobs.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ipyparallel.cluster.cluster import Cluster
from ipyparallel.cluster.launcher import EngineLauncher, NotRunning
from traitlets import Float, Integer, List, Unicode

from atrium_client.api import Api, ApiError, connect
from atrium_client.engine_controller import prepare_controllers
from atrium_client.run_watch import ENDED, Run, RunWatch, find_run

_POLL_SECONDS = 0.2
_MOST_OUTPUTS = 20
_ENDING = (signal.SIGTERM, signal.SIGKILL)

T = TypeVar("T")


class AtriumEngineSetLauncher(EngineLauncher):
    """Engines as an array of jobs. What is not said here is as in the profile; without one an engine gets one core."""

    job_profile = Unicode(help="Name of the platform's profile for engines; default: the first that is offered.").tag(config=True)
    cpu = Float(None, allow_none=True, help="Cores of each engine.").tag(config=True)
    memory = Integer(None, allow_none=True, help="Memory of each engine, bytes.").tag(config=True)
    gpu = Integer(None, allow_none=True, help="GPUs of each engine.").tag(config=True)
    account = Unicode(help="What the scheduler charges, where the profile leaves a choice.").tag(config=True)
    time_limit = Integer(None, allow_none=True, help="Seconds; default: as in the profile.").tag(config=True)
    run = Integer(-1, help="Number of the run on the platform.").tag(to_dict=True)

    engine_cmd = List([sys.executable, "-m", "atrium_client.engine"], help="The program of an engine.").tag(config=True)

    _api: Api | None = None
    _watch: RunWatch | None = None
    _told = (0, "")

    @property
    def api(self) -> Api:
        """The platform, asked for at first use."""
        self._api = self._api or connect()
        return self._api

    def find_args(self) -> list[str]:
        """The program of one engine."""
        return [*self.engine_cmd, *self.cluster_args, *self.engine_args]

    def build_request(self, n: int) -> dict[str, Any]:
        """Body of `POST /api/v1/runs`."""
        wanted = {
            "command": self.args,
            "name": f"engines of {self.cluster_id}" if self.cluster_id else "engines",
            "kind": "engine",
            "environment": self.get_env(),
            "workingDirectory": _find_working_directory(self.work_dir),
            "profile": self.job_profile or None,
            "account": self.account or None,
            "cpu": self.cpu,
            "memoryBytes": self.memory,
            "gpu": self.gpu,
            "timeLimitMs": None if self.time_limit is None else self.time_limit * 1000,
            **self._build_shape(n),
        }
        return {name: value for name, value in wanted.items() if value is not None}

    def _build_shape(self, n: int) -> dict[str, Any]:
        return {"array": f"0-{n - 1}", **_choose_share(self)}

    async def start(self, n: int) -> dict[str, Any]:
        """Asks for the engines; they may have to wait for their turn."""
        self.n = n
        started = await _in_thread(lambda: self.api.call("POST", "/api/v1/runs", self.build_request(n)))
        self.run = started["id"]
        self._follow()
        self.notify_start({"run": self.run})
        return {"run": self.run}

    @classmethod
    def from_dict(cls, d: dict[str, Any], **options: Any) -> AtriumEngineSetLauncher:
        """Engines of a cluster that another program started. NotRunning when they are gone."""
        launcher: AtriumEngineSetLauncher = super().from_dict(d, **options)
        run = find_run(launcher.api, launcher.run)
        if run is not None and run["state"] in ENDED:
            raise NotRunning(f"run {launcher.run} has ended: {run['state']}")
        launcher._follow()
        return launcher

    async def stop(self) -> None:
        """Cancels the jobs and comes back when they are gone."""
        await _in_thread(self._cancel)
        await self.join(timeout=self.stop_timeout)

    async def join(self, timeout: float | None = None) -> None:
        """TimeoutError when the engines are not gone by then, seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.state != "after":
            run = await _in_thread(lambda: find_run(self.api, self.run))
            if run is not None and run["state"] in ENDED:
                self._end(run)
                return
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"Engines of run {self.run} did not end in {timeout} seconds.")
            await asyncio.sleep(_POLL_SECONDS)

    def signal(self, sig: int | str) -> Awaitable[None] | None:
        """To every engine of this set, over the processes beside them. TERM and KILL cancel the jobs."""
        number = getattr(signal, sig if sig.startswith("SIG") else f"SIG{sig}") if isinstance(sig, str) else signal.Signals(sig)
        if number in _ENDING:
            self._cancel()
            return None
        if not isinstance(self.parent, Cluster) or len(self.parent.engines) != 1:
            raise NotImplementedError("Signals reach all engines of a cluster: use Client.send_signal for some of them.")
        return self._send_signal(int(number))

    async def _send_signal(self, number: int) -> None:
        client = await self.parent.connect_client()
        try:
            await _in_thread(lambda: client.send_signal(number, block=True))
        finally:
            client.close()

    def poll(self) -> int | str | None:
        """None while the engines run or wait, else how they ended."""
        return None if self.state != "after" else (self.stop_data or {}).get("exit_code")

    def get_output(self, remove: bool = False) -> str:
        """What the engines printed, of the first twenty. The platform keeps it: nothing is to be removed."""
        if remove or self.run < 0:
            return ""
        try:
            return "".join(self._read_outputs("all"))
        except ApiError as error:
            return f"The output of run {self.run} is not to be had: {error}\n"

    def _log_output(self, stop_data: dict[str, Any] | None = None) -> None:
        if not (stop_data or {}).get("exit_code"):
            return
        try:
            for output in self._read_outputs("failed", limit=1):
                self.log.warning("%s", "".join(output.splitlines(True)[-self.output_limit :]).rstrip())
        except ApiError as error:
            self.log.debug("no output of run %s: %s", self.run, error)

    def _read_outputs(self, kind: str, limit: int = _MOST_OUTPUTS) -> list[str]:
        run = self.api.call("GET", f"/api/v1/runs/{self.run}", query={"jobs": kind, "limit": limit})
        outputs = []
        for job in run["jobList"]:
            index = job.get("index")
            title = f"engine {index}" if index is not None else "engines"
            chunks = self.api.stream(f"/api/v1/runs/{self.run}/log", query={"index": index}, timeout=30)
            text = b"".join(chunks).decode(errors="replace")
            outputs.append(f"---- {title} on {job.get('node', '?')}: {job['state']}\n{text}")
        return outputs

    def _cancel(self) -> None:
        if self.run >= 0 and self.state != "after":
            self.api.call("DELETE", f"/api/v1/runs/{self.run}")

    def _follow(self) -> None:
        loop = self.loop

        def end(run: Run) -> None:
            # The loop of a synchronous call runs no longer than the call.
            if loop.asyncio_loop.is_running():
                loop.add_callback(self._end, run)
            else:
                self._end(run)

        self._watch = RunWatch(self.api, self.run, self._on_change, end)

    def _on_change(self, run: Run) -> None:
        """Says once that engines are lost, and why they wait."""
        lost = run["jobs"].get("failed", 0)
        news = (lost, run.get("message", "") if run["jobs"].get("waiting") else "")
        if news == self._told or run["state"] in ENDED:
            return
        if lost > self._told[0]:
            self.log.warning("%s of %s engines of run %s are lost", lost, self.n, self.run)
        elif news[1]:
            self.log.info("Engines of run %s wait: %s", self.run, news[1])
        self._told = news

    def _end(self, run: Run) -> None:
        if self._watch is not None:
            self._watch.stop()
        if self.state == "after":
            return
        failed = run["state"] in ("failed", "preempted")
        exit_code = (run.get("exitCode") or 1) if failed else 0
        self.notify_stop({"exit_code": exit_code, "run": self.run, "state": run["state"], "identifier": self.identifier})


class AtriumMPIEngineSetLauncher(AtriumEngineSetLauncher):
    """Engines as the ranks of one MPI program, which may spread over nodes."""

    nodes = Integer(None, allow_none=True, help="How many nodes; default: the scheduler's choice.").tag(config=True)
    mpi = Unicode("auto", help="openmpi, mpich, none, or auto: by what the environment has.").tag(config=True)

    def find_args(self) -> list[str]:
        return [*self.engine_cmd, "--mpi", *self.cluster_args, *self.engine_args]

    def _build_shape(self, n: int) -> dict[str, Any]:
        return {"tasks": n, "nodes": self.nodes, "mpi": self.mpi}


def _choose_share(launcher: AtriumEngineSetLauncher) -> dict[str, Any]:
    """An engine is no notebook server: of the server's own share it gets that of one core, unless something else is said."""
    if launcher.job_profile or launcher.cpu is not None:
        return {}
    cores, memory = os.environ.get("CPU_LIMIT"), os.environ.get("MEM_LIMIT")
    share = int(float(memory) / max(1.0, float(cores))) if memory and cores else None
    return {"cpu": 1, **({} if share is None or launcher.memory is not None else {"memoryBytes": share})}


def _find_working_directory(folder: str) -> str:
    """Where the person is, if other nodes have that too: homes are everywhere."""
    path, home = os.path.abspath(folder), os.path.expanduser("~")
    return path if path == home or path.startswith(f"{home}/") else home


async def _in_thread(function: Callable[[], T]) -> T:
    """Without holding up the loop; at the interpreter's end, when no thread can be started any more, with that."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if not future.cancelled():
            future.set_result(result) if error is None else future.set_exception(error)  # type: ignore[arg-type]

    def work() -> None:
        try:
            result, error = function(), None
        except BaseException as caught:
            result, error = None, caught
        loop.call_soon_threadsafe(settle, result, error)

    try:
        threading.Thread(target=work, daemon=True).start()
    except RuntimeError:
        return function()
    return await future


prepare_controllers(Cluster, AtriumEngineSetLauncher)
