"""Where the controller of a cluster with our engines listens.

ipyparallel's own listens on loopback, and says so before anybody asks for engines. Engines on other nodes need an address of this
one; and since its traffic then leaves the node, it is encrypted with CurveZMQ, whose key goes with the connection file.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from atrium_client.own_address import find_own_address


def build_controller_arguments(address: str | None, location: str | None) -> list[str]:
    """Arguments of `ipcontroller`, besides what a person has set: `address`, `location`."""
    own = find_address_towards_nodes()
    return [
        "--IPController.enable_curve=True",
        *([] if address else [f"--ip={own}"]),
        *([] if location or address else [f"--location={own}"]),
    ]


def find_address_towards_nodes() -> str:
    """This node's address in the network in which jobs reach the platform: loopback where all run on one machine."""
    url = urlsplit(os.environ.get("ATRIUM_API_URL") or os.environ.get("ATRIUM_URL") or "http://127.0.0.1:1")
    try:
        return find_own_address(url.hostname or "127.0.0.1", url.port or 443)
    except OSError:
        return "127.0.0.1"


def prepare_controllers(cluster_class: Any, engine_class: type) -> None:
    """From now on clusters with engines of `engine_class` start their controller so; others, and controllers not started here, do as before."""
    start = cluster_class.start_controller
    if getattr(start, "is_atriums", False):
        return

    async def start_controller(self: Any, **options: Any) -> Any:
        if _is_ours(self, engine_class) and "controller_args" not in options:
            arguments = build_controller_arguments(self.controller_ip, self.controller_location)
            options["controller_args"] = [*_read_configured(self), *arguments]
        return await start(self, **options)

    start_controller.is_atriums = True  # type: ignore[attr-defined]
    start_controller.__doc__ = start.__doc__
    cluster_class.start_controller = start_controller


def _is_ours(cluster: Any, engine_class: type) -> bool:
    from ipyparallel.cluster.launcher import LocalProcessLauncher

    return issubclass(cluster.engine_launcher_class, engine_class) and issubclass(
        cluster.controller_launcher_class, LocalProcessLauncher
    )


def _read_configured(cluster: Any) -> list[str]:
    """What a person's configuration gives to the controller: arguments of a launcher would replace it."""
    launcher = cluster.controller_launcher_class(parent=cluster, profile_dir=cluster.profile_dir, cluster_id=cluster.cluster_id)
    return list(getattr(launcher, "controller_args", []))
