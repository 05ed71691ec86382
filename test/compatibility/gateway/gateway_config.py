"""The real dask-gateway-server configured from the site of the corpus (site.ts, given as a JSON file by reference-gateway.ts)."""

import json
import os

from dask_gateway_server.auth import JupyterHubAuthenticator, unauthorized
from dask_gateway_server.models import User
from dask_gateway_server.options import Float, Integer, Mapping, Options, String

with open(os.environ["COMPATIBILITY_SITE"]) as file:
    site = json.load(file)


class SiteAuthenticator(JupyterHubAuthenticator):
    """JupyterHub's, whose hub knows the tokens of the site."""

    async def setup(self, app):
        pass

    async def authenticate(self, request):
        user = site["tokens"].get(self.get_token(request))
        if user is None:
            raise unauthorized("jupyterhub")
        return User(user)


def build_config(options):
    return {
        "worker_cores": options.worker_cores,
        "worker_memory": int(options.worker_memory * 2**30),
        "environment": options.environment_vars,
        "idle_timeout": options.idle_timeout,
    }


worker, most = site["worker"], site["most"]
c = get_config()  # noqa: F821
c.DaskGateway.authenticator_class = SiteAuthenticator
c.SiteAuthenticator.cookie_name = "dask-gateway"
c.DaskGateway.backend_class = "dask_gateway_server.backends.local.UnsafeLocalBackend"
c.DaskGateway.address = f"127.0.0.1:{site['apiPort']}"
c.Proxy.address = f"127.0.0.1:{site['port']}"
c.Proxy.prefix = "/gateway"
c.UnsafeLocalBackend.clusters_directory = site["folder"]
c.ClusterConfig.scheduler_cmd = [site["dask"], "scheduler"]
c.ClusterConfig.worker_cmd = [site["dask"], "worker"]
c.ClusterConfig.cluster_max_workers = most["workers"]
c.Backend.cluster_options = Options(
    Integer("worker_cores", default=worker["cores"], min=1, max=most["cores"], label="Cores of a worker"),
    Float(
        "worker_memory",
        default=worker["memoryGib"],
        min=0.25,
        max=most["memoryGib"],
        label="Memory of a worker (GiB)",
    ),
    String("environment", label="Prefix of the Python environment (empty: as here)"),
    Mapping("environment_vars", label="Environment variables"),
    Float(
        "idle_timeout",
        default=site["idleTimeoutS"],
        min=0,
        label="Stop after so many seconds without work (0: never)",
    ),
    handler=build_config,
)
