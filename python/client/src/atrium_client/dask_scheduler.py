"""What Atrium adds to a Dask scheduler: `--preload dask_gateway.scheduler_preload --preload atrium_client.dask_scheduler`.

Or `python -m atrium_client.dask_scheduler ARGUMENTS`, which is `dask scheduler ARGUMENTS` with the working directory not on the path.
In that order: it builds on the other. All of it is optional for the scheduler: what cannot be hooked in a version of
distributed stays as distributed has it.

* A client of other versions (dask_versions.py) is refused: distributed's own `error` in the answer to its registration makes an
  unmodified `Client` raise ImportError with the difference. Protocol: `Scheduler.add_client` and `Client._ensure_connected`.
* The cluster is stopped when its last client has left that long ago, or none ever came: through the gateway, which knows why.
* The dashboard answers what came through the platform's edge alone (dask_dashboard.py).
* The first heartbeat goes at once, and one soon after a worker has come; dask_gateway's preload waits for 0.25 s and for its period.
* The dashboard's routes are not rendered for a log that nobody writes.
* However often adapting looks, it takes workers away after dask_gateway's usual nine seconds.

Variables:

* `ATRIUM_DASK_CLIENT_TIMEOUT`: seconds; absent or 0: the cluster lives without clients.
* `ATRIUM_DASK_VERSIONS`: `warn` leaves other versions to distributed's warning.
* `DASK_GATEWAY_CLUSTER_NAME`, `DASK_GATEWAY_API_URL`, `DASK_GATEWAY_API_TOKEN`: as dask_gateway's own preload reads them.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__" and sys.path and os.path.abspath(sys.path[0]) == os.getcwd():
    sys.path.pop(0)

import asyncio  # noqa: E402
import logging  # noqa: E402
import math  # noqa: E402
import time  # noqa: E402
from typing import Any  # noqa: E402

from atrium_client.dask_dashboard import guard_dashboard  # noqa: E402
from atrium_client.dask_versions import explain_difference, find_difference  # noqa: E402

logger = logging.getLogger("distributed.scheduler.atrium")

_LONGEST_LOOK = 5.0
_TOGETHER = 0.1
_TAKEN_AWAY_AFTER = 9.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0


def dask_setup(scheduler: Any) -> None:
    """Called by distributed once the scheduler listens. What cannot be guarded must not run."""
    token = os.environ.get("DASK_GATEWAY_API_TOKEN")
    if token:
        guard_dashboard(scheduler, token)
    for step in (_hasten_heartbeat, _tell_of_workers, _calm_adapting, _refuse_others, _watch_clients):
        try:
            step(scheduler)
        except Exception:
            logger.warning("not available with this version of distributed: %s", step.__name__, exc_info=True)


def dask_teardown(scheduler: Any) -> None:
    """Called by distributed when the scheduler closes."""
    watch = getattr(scheduler, "_atrium_watch", None)
    if watch is not None:
        watch.cancel()


def _hasten_heartbeat(scheduler: Any) -> None:
    """dask_gateway's loop reads the period when it first runs, which is after all preloads."""
    service = scheduler.services.get("gateway")
    if service is not None and getattr(service, "heartbeat_initial", 3600) < 1:
        service.heartbeat_initial = 0


def _tell_of_workers(scheduler: Any) -> None:
    """Workers that come together are told of together."""
    service = scheduler.services.get("gateway")
    if service is None:
        return
    added = service.worker_added
    soon: list[Any] = []

    async def tell() -> None:
        await asyncio.sleep(_TOGETHER)
        soon.clear()
        await service.waiter.interrupt()

    def add_and_tell(address: str) -> None:
        added(address)
        if not soon:
            soon.append(asyncio.ensure_future(tell()))

    service.worker_added = add_and_tell


def _calm_adapting(scheduler: Any) -> None:
    service = scheduler.services.get("gateway")
    if service is not None and 0 < service.adaptive_period < _TAKEN_AWAY_AFTER:
        service.adaptive_window = math.ceil(_TAKEN_AWAY_AFTER / service.adaptive_period)


def _refuse_others(scheduler: Any) -> None:
    if os.environ.get("ATRIUM_DASK_VERSIONS") == "warn":
        return
    from distributed.versions import get_versions

    register = scheduler.handlers["register-client"]
    ours = get_versions()

    async def register_same(comm: Any, client: Any = None, versions: Any = None, **more: Any) -> None:
        difference = find_difference(versions, ours)
        if not difference:
            await register(comm, client=client, versions=versions, **more)
            return
        logger.warning("Refuse client %s: other versions of %s", client, ", ".join(difference))
        await comm.write([{"op": "stream-start", "warning": "", "error": explain_difference(difference)}])
        await comm.close()

    scheduler.handlers["register-client"] = register_same


class ClientWatch:
    """Knows since when a scheduler has had no client. A cluster object that somebody holds open counts as one, too."""

    def __init__(self, scheduler: Any) -> None:
        self._scheduler = scheduler
        self._holders: list[Any] = []
        self._last_seen = time.monotonic()
        subscribe = scheduler.handlers.get("subscribe_worker_status")
        if subscribe is not None:

            def subscribe_and_hold(comm: Any, **more: Any) -> Any:
                self._holders.append(comm)
                return subscribe(comm, **more)

            scheduler.handlers["subscribe_worker_status"] = subscribe_and_hold

    def measure(self) -> float:
        """Seconds without anybody; 0 while somebody is there."""
        self._holders = [comm for comm in self._holders if not comm.closed()]
        if self._holders or any(_is_person(client) for client in self._scheduler.clients):
            self._last_seen = time.monotonic()
        return time.monotonic() - self._last_seen


def _is_person(client: str) -> bool:
    """distributed's own `fire-and-forget`, and clients inside tasks (`get_client`), keep no cluster."""
    return client != "fire-and-forget" and not client.startswith("Client-worker-")


def _watch_clients(scheduler: Any) -> None:
    timeout = float(os.environ.get("ATRIUM_DASK_CLIENT_TIMEOUT") or 0)
    if timeout > 0:
        scheduler._atrium_watch = asyncio.ensure_future(_stop_without_clients(scheduler, timeout))


async def _stop(gateway: Any) -> None:
    """As its own `shutdown`, which cannot say why."""
    from tornado.httpclient import AsyncHTTPClient, HTTPRequest

    url = f"{gateway.api_url}/v1/clusters/{gateway.cluster_name}?reason=no_clients"
    request = HTTPRequest(url, method="DELETE", headers={"Authorization": f"token {gateway.token}"})
    await AsyncHTTPClient().fetch(request)


async def _stop_without_clients(scheduler: Any, timeout: float) -> None:
    from dask_gateway.scheduler_preload import make_gateway_client

    gateway = make_gateway_client()
    watch = ClientWatch(scheduler)
    while True:
        left = timeout - watch.measure()
        if left <= 0:
            break
        # Often enough that who comes and goes in between is seen.
        await asyncio.sleep(min(left, max(timeout / 10, 0.05), _LONGEST_LOOK))
    logger.warning("No client for %.0f seconds: the cluster stops", timeout)
    pause = _FIRST_PAUSE
    while True:
        try:
            await _stop(gateway)
            return
        except Exception as error:
            logger.warning("The gateway did not stop the cluster: %s", error)
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


def _spare_route_list() -> None:
    """bokeh renders the list of a dashboard's routes for its log, whether that is written or not: an eighth of a scheduler's start."""
    try:
        from bokeh.server import tornado
    except ImportError:
        return
    if not logging.getLogger(tornado.__name__).isEnabledFor(logging.DEBUG) and hasattr(tornado, "pformat"):
        tornado.pformat = lambda *_, **__: ""


if __name__ == "__main__":
    from distributed.cli.dask_scheduler import main

    _spare_route_list()
    main.main(sys.argv[1:], prog_name="dask-scheduler")
