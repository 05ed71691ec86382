"""Clusters for the panel of dask-labextension, in a notebook server: its variables name this module.

They are dask_gateway's own, but for the link to the dashboard. The panel (dask-labextension 7.0, `DaskClusterManager` in its
JavaScript) opens a cluster's link by itself only when the server's own path `/user/NAME/proxy` stands in it; any other it asks
for through the notebook server, which looks for dashboards at the root of their host and brings no credentials. So the link
goes over that path and back again: browsers read `/gateway/clusters/X/user/NAME/proxy/../../../` as `/gateway/clusters/X/`.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urljoin

import dask_gateway

__all__ = ["GatewayCluster"]


class GatewayCluster(dask_gateway.GatewayCluster):
    """A cluster whose dashboard the panel finds."""

    @property
    def dashboard_link(self) -> str | None:
        """Absolute, since the panel takes others for paths of the notebook server."""
        return self._dashboard_link

    @dashboard_link.setter
    def dashboard_link(self, link: str | None) -> None:
        self._dashboard_link = None if link is None else build_link(link, os.environ)


def build_link(link: str, environment: Any) -> str:
    """The link as the panel opens it; as it is where there is no notebook server."""
    server = environment.get("JUPYTERHUB_SERVICE_PREFIX", "").strip("/")
    absolute = urljoin(environment.get("ATRIUM_PUBLIC_URL", ""), link)
    folder, _, page = absolute.rpartition("/")
    if not server or page != "status":
        return absolute
    way = f"{server}/proxy"
    back = "/".join(".." for _ in way.split("/"))
    return f"{folder}/{way}/{back}/{page}"
