"""Which packages a Dask client and its scheduler must have in the same version, and how that is said.

What client and scheduler exchange are objects pickled by cloudpickle and graphs in msgpack: with another Python, dask or
distributed these fail late and strangely. Other packages only deserve distributed's own warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SAME = ("python", "dask", "distributed", "msgpack", "cloudpickle")


def find_difference(client: Any, scheduler: Any) -> dict[str, tuple[str, str]]:
    """By package, the client's version and the scheduler's; empty when they fit, or when either did not say.

    `client`, `scheduler`: what `distributed.versions.get_versions()` gives on each side.
    """
    theirs, ours = _read_packages(client), _read_packages(scheduler)
    names = [name for name in SAME if theirs.get(name) and ours.get(name)]
    return {name: (theirs[name], ours[name]) for name in names if theirs[name] != ours[name]}


def explain_difference(difference: Mapping[str, tuple[str, str]]) -> str:
    """What the person reads who tries to connect."""
    rows = [("package", "here", "cluster"), *((name, *versions) for name, versions in difference.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join(
        [
            "This cluster runs another Python environment than the program that connects:",
            "",
            *(f"  {line}" for line in table),
            "",
            "Connect from the environment of the cluster, or start a cluster with the environment you are in.",
        ]
    )


def _read_packages(versions: Any) -> dict[str, str]:
    """Python's is cut to major and minor. In distributed before 2021 the packages are a list of pairs."""
    packages = versions.get("packages") if isinstance(versions, Mapping) else None
    if packages is None:
        return {}
    found = {str(name): str(version) for name, version in dict(packages).items() if version}
    if "python" in found:
        found["python"] = ".".join(found["python"].split(".")[:2])
    return found
