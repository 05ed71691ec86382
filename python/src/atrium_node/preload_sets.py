"""Which modules a preloaded interpreter holds for which entry point. Data and its lookup only."""

from __future__ import annotations

NOTEBOOK = "notebook"
DASK = "dask"
ENGINE = "engine"

_SETS: dict[str, tuple[str, ...]] = {
    # What a JupyterLab server has imported by the time it answers; server extensions are found in the environment.
    NOTEBOOK: (
        "jupyterhub.singleuser",
        "jupyterhub.singleuser.extension",
        "jupyterlab.labapp",
        "jupyter_server.serverapp",
        "jupyter_server.kernelspecs.handlers",
        "jupyter_server.nbconvert.handlers",
        "jupyter_server.services.api.handlers",
        "jupyter_server.services.config.handlers",
        "jupyter_server.services.contents.handlers",
        "jupyter_server.services.events.handlers",
        "jupyter_server.services.kernels.handlers",
        "jupyter_server.services.kernelspecs.handlers",
        "jupyter_server.services.nbconvert.handlers",
        "jupyter_server.services.security.handlers",
        "jupyter_server.services.sessions.handlers",
        "jupyter_server.services.shutdown",
        "jupyter_server.view.handlers",
        "jupyter_core.migrate",
        "httpcore",
        "jinja2.ext",
        "tornado.platform.asyncio",
    ),
    # What schedulers and workers have imported once a client has been there; the dashboard needs bokeh.
    DASK: (
        "distributed",
        "distributed.cli.dask_scheduler",
        "distributed.cli.dask_worker",
        "distributed.nanny",
        "distributed.comm.tcp",
        "distributed.diagnostics.websocket",
        "distributed.http.health",
        "distributed.http.prometheus",
        "distributed.http.proxy",
        "distributed.http.scheduler.info",
        "distributed.http.scheduler.json",
        "distributed.http.scheduler.prometheus.core",
        "distributed.http.statics",
        "distributed.http.worker.prometheus.core",
        "distributed.dashboard.scheduler",
        "bokeh.application.handlers.document_lifecycle",
        "dask_gateway.scheduler_preload",
        "tornado.platform.asyncio",
    ),
    ENGINE: ("ipyparallel.engine.app", "ipyparallel.controller.app"),
}

PLANNED_SETS = frozenset(_SETS)
"""Sets that are loaded with root's rights on behalf of anybody: no other module is, however it is called."""

_STAND_INS: dict[str, tuple[str, ...]] = {
    # It makes an event loop, whose descriptors all forked processes would share.
    "dask_labextension": ("dask.distributed", "jupyter_server_proxy.handlers", "tornado.concurrent"),
}
"""Server extensions that begin something when they are imported: what they stand on is held instead."""

_ENTRIES = {
    "jupyterhub.singleuser": NOTEBOOK,
    "jupyter_server.serverapp": NOTEBOOK,
    "jupyterlab.labapp": NOTEBOOK,
    "jupyterlab.labhubapp": NOTEBOOK,
    "distributed": DASK,
    "atrium_client.dask_scheduler": DASK,
    "atrium_client.dask_worker": DASK,
    "dask_gateway": DASK,
    "ipyparallel": ENGINE,
}


JOB_VARIABLES = frozenset(
    f"JUPYTERHUB_{name}"
    for name in (
        "ACTIVITY_URL", "API_TOKEN", "API_URL", "BASE_URL", "CLIENT_ID", "DEFAULT_URL", "HOST", "HUB_PREFIX",
        "OAUTH_ACCESS_SCOPES", "OAUTH_CALLBACK_URL", "OAUTH_CLIENT_ALLOWED_SCOPES", "OAUTH_SCOPES", "PUBLIC_HUB_URL",
        "PUBLIC_URL", "ROOT_DIR", "SERVER_NAME", "SERVICE_NAME", "SERVICE_PREFIX", "SERVICE_URL", "USER",
        "COOKIE_HOST_PREFIX_ENABLED", "ACTIVITY_INTERVAL", "DEBUG", "DISABLE_USER_CONFIG",
    )
)  # fmt: skip
"""Differ from job to job: modules that read one of them at import are imported by each job for itself."""


_VARIABLES: dict[str, dict[str, str]] = {
    # As distributed.nanny.pre-spawn-environ has them; a job with others starts cold.
    DASK: {
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_TRIM_THRESHOLD_": "65536",
    },
}


def list_variables(name: str) -> dict[str, str]:
    """Variables that libraries in C read when they are loaded, as jobs of this set have them."""
    return _VARIABLES.get(name, {})


def list_extension_modules(name: str) -> tuple[str, ...]:
    """What is held of a Jupyter Server extension: as a rule the extension itself."""
    return _STAND_INS.get(name, (name,))


def find_set(entry: str) -> str:
    """The set of an entry `module:function`; entries nobody planned for have a set of their own, their module."""
    module = entry.partition(":")[0]
    while module:
        if module in _ENTRIES:
            return _ENTRIES[module]
        module = module.rpartition(".")[0]
    return entry.partition(":")[0]


def find_entry(name: str) -> str:
    """An entry whose set this one is. Throws StopIteration for a set of nobody's."""
    return next(entry for entry, of in _ENTRIES.items() if of == name)


def list_modules(name: str) -> tuple[str, ...]:
    """The modules of a set; of a set of its own that module."""
    return _SETS.get(name, (name,))
