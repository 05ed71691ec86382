"""What Dask keeps from its import, made what a fresh process would have. Nothing is done where Dask is not loaded."""

from __future__ import annotations

import copy
import logging
import os
import platform
import sys
from collections.abc import Iterator
from typing import Any

from atrium_node.warm_program import Differs

# Looked up when they are used. Any other key may have been read while modules were loaded (`distributed.comm.shard` was).
_READ_LATE = (
    "distributed.comm.require-encryption",
    "distributed.comm.timeouts",
    "distributed.comm.tls",
    "distributed.scheduler.allowed-failures",
    "distributed.scheduler.idle-timeout",
    "distributed.scheduler.preload",
    "distributed.scheduler.work-stealing",
    "distributed.scheduler.worker-saturation",
    "distributed.scheduler.worker-ttl",
    "distributed.worker.memory",
    "distributed.worker.preload",
    "distributed.worker.resources",
    "gateway",
    # Of DASK_GATEWAY_API_TOKEN and the like, which dask_gateway reads itself.
    "gateway-api-token",
    "gateway-api-url",
    "gateway-cluster-name",
    "labextension",
    "scheduler-address",
    "temporary-directory",
)

_MEASURES = (
    ("dask.system", "CPU_COUNT", "cpu_count"),
    ("distributed.system", "MEMORY_LIMIT", "memory_limit"),
)
# Modules that have the measure of this name.
_holders: dict[str, list[Any]] = {}


def refresh_dask() -> None:
    """Reads Dask's configuration anew: its variables and files are the job's. Throws Differs when loaded modules used another one."""
    config = sys.modules.get("dask.config")
    if config is None:
        return
    loaded = dict(_flatten(copy.deepcopy(config.config)))
    _read_again(config)
    now = dict(_flatten(config.config))
    for key in sorted(loaded.keys() | now.keys()):
        is_late = any(key == late or key.startswith(f"{late}.") for late in _READ_LATE)
        if not is_late and loaded.get(key) != now.get(key):
            raise Differs(f"Dask's {key} may be read while modules load")
    _measure_again()


def prepare_dask() -> None:
    """In the fork server, with all modules in: what is the same for every process, and takes each of them a program or a long look."""
    if "distributed" not in sys.modules:
        return
    # distributed tells it with its versions; the standard library asks uname(1), and keeps the answer.
    platform.uname().processor  # noqa: B018
    for _, attribute, _ in _MEASURES:
        _holders[attribute] = [
            module
            for name, module in list(sys.modules.items())
            if name.partition(".")[0] in ("dask", "distributed") and attribute in getattr(module, "__dict__", {})
        ]


def give_back_loggers() -> None:
    """distributed takes Tornado's loggers when it is imported. An application that sets them up itself, and finds distributed loaded before
    that, would log each of its lines twice."""
    if "distributed.config" in sys.modules:
        for name in ("tornado", "tornado.application"):
            logger = logging.getLogger(name)
            logger.handlers.clear()
            logger.propagate = True
            logger.setLevel(logging.NOTSET)


def _read_again(config: Any) -> None:
    """In the order in which imports do it, as the first to name a key decides on its spelling. What cannot be read is for the cold start to say."""
    try:
        config.paths[:] = config._get_paths()
        packages = list(config.defaults)
        config.defaults.clear()
        config.refresh(paths=config.paths)
        for defaults in packages:
            config.update_defaults(defaults)
        distributed = sys.modules.get("distributed.config")
        if distributed is not None:
            config.rename(distributed.deprecations)
    except Exception as error:
        raise Differs(f"Dask's configuration cannot be read: {error!r}") from error


def _measure_again() -> None:
    """Cores and memory were those of the fork server, which has no limits of a job's."""
    for module, attribute, function in _MEASURES:
        source = sys.modules.get(module)
        if source is None or not hasattr(source, function):
            continue
        value = getattr(source, function)()
        for holder in _holders.get(attribute, ()):
            setattr(holder, attribute, value)
    bokeh = sys.modules.get("bokeh.server.tornado")
    if bokeh is not None:
        setattr(bokeh, "PID", os.getpid())  # noqa: B010


def _flatten(values: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves by dotted name; `_` and `-` mean the same to Dask."""
    for name, value in values.items():
        key = f"{prefix}{str(name).replace('_', '-')}"
        if isinstance(value, dict) and value:
            yield from _flatten(value, f"{key}.")
        else:
            yield key, value
