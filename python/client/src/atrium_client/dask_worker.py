"""A Dask worker as a job: `python -m atrium_client.dask_worker --scheduler tls://HOST:PORT --name NAME ...`.

Runs distributed's own `dask worker`, without a nanny: the platform replaces a worker that is lost. What it adds is what only
the node knows: the address towards the scheduler, on which it listens alone, and a private place for files.

Flags, all to be given by who starts it; others go to `dask worker` as they are:

* `--scheduler URL`, `--name NAME`, `--nthreads N`, `--memory-limit BYTES` (0: not bounded)
* `--gpu N`: the resource `GPU` that tasks may ask for
* `--worker-port PORT`: where to listen; default: any
* `--death-timeout SECONDS`: how long a scheduler is looked for; default 60. One that goes away later ends the worker at once.
* `--dashboard`: pages of its own, on loopback; they cost a second of imports, so default: none

Certificates come by dask's configuration (`DASK_DISTRIBUTED__COMM__TLS__*`). `ENVIRONMENT` is what a nanny would set before the
process starts; jobs should have these variables from the beginning, as libraries read them when they are loaded.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__" and sys.path and os.path.abspath(sys.path[0]) == os.getcwd():
    # `python -m` puts the working directory first: nothing of a person's home is to take the place of a package.
    sys.path.pop(0)

import argparse  # noqa: E402
import stat  # noqa: E402
import tempfile  # noqa: E402
from urllib.parse import urlsplit  # noqa: E402

from atrium_client.own_address import find_own_address  # noqa: E402

ENVIRONMENT = {
    # distributed.nanny.pre-spawn-environ: a worker's threads are what is parallel, not those of numpy below each.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_TRIM_THRESHOLD_": "65536",
}

_LOOPBACK = "127.0.0.1:0"


def main(argv: list[str] | None = None) -> None:
    """Runs until the scheduler lets it go (status 0) or cannot be found (1)."""
    arguments = _parse(sys.argv[1:] if argv is None else argv)
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    command = build_command(arguments, find_host(arguments.scheduler), ensure_private_folder())
    from distributed.cli.dask_worker import main as run_worker

    _add_preload("atrium_client.dask_end")
    run_worker.main(command, prog_name="dask-worker")


def _add_preload(module: str) -> None:
    """Besides those of a person's configuration, which a flag would replace."""
    import dask.config

    modules = dask.config.get("distributed.worker.preload", [])
    modules = [modules] if isinstance(modules, str) else list(modules)
    arguments = list(dask.config.get("distributed.worker.preload-argv", []))
    more = {"distributed.worker.preload-argv": [*arguments, []]} if arguments and not isinstance(arguments[0], str) else {}
    dask.config.set({"distributed.worker.preload": [*modules, module], **more})


def build_command(arguments: argparse.Namespace, host: str, folder: str) -> list[str]:
    """Arguments of `dask worker`. `host`: this node's address; `folder`: for its files."""
    command = [arguments.scheduler, "--no-nanny", "--host", host, "--local-directory", folder]
    for flag in ("name", "nthreads", "memory_limit", "worker_port", "death_timeout"):
        value = getattr(arguments, flag)
        if value is not None:
            command += [f"--{flag.replace('_', '-')}", str(value)]
    if arguments.gpu:
        command += ["--resources", f"GPU={arguments.gpu}"]
    command += ["--dashboard" if arguments.dashboard else "--no-dashboard", "--dashboard-address", _LOOPBACK]
    return command + arguments.rest


def find_host(scheduler: str) -> str:
    """The address on which the scheduler and its other workers reach this one."""
    parts = urlsplit(scheduler)
    if not parts.hostname or not parts.port:
        raise SystemExit(f"dask_worker: {scheduler} is no address of a scheduler: it looks like tls://10.0.0.1:8786")
    try:
        host = find_own_address(parts.hostname, parts.port)
    except OSError as error:
        raise SystemExit(f"dask_worker: no way to the scheduler at {parts.hostname}: {error}") from error
    return f"[{host}]" if ":" in host else host


def ensure_private_folder() -> str:
    """A folder of this node that this user alone can look into. Always the same one: distributed clears there what a killed worker left."""
    path = os.path.join(tempfile.gettempdir(), f"atrium-dask-{os.getuid()}")
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        status = os.lstat(path)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
            # Somebody was here before to look at what we would write.
            return tempfile.mkdtemp(prefix="atrium-dask-")
    return path


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dask_worker", allow_abbrev=False)
    parser.add_argument("--scheduler", required=True)
    parser.add_argument("--name")
    parser.add_argument("--nthreads", type=int)
    parser.add_argument("--memory-limit")
    parser.add_argument("--gpu", type=int, default=0)
    parser.add_argument("--worker-port")
    parser.add_argument("--death-timeout", default="60")
    parser.add_argument("--dashboard", action=argparse.BooleanOptionalAction, default=False)
    # As every worker of ours is; said for whoever reads the process's arguments.
    parser.add_argument("--no-nanny", action="store_true")
    arguments, arguments.rest = parser.parse_known_args(argv)
    return arguments


if __name__ == "__main__":
    main()
