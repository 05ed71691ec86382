"""Atrium from Python. Importing it loads nothing: what a job of it does not use costs it nothing."""

from __future__ import annotations

# Not typing's: nothing is loaded that a program does not need.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from atrium_client.api import Api, ApiError, connect
    from atrium_client.runs import Run, run

__version__ = "0.1.0"
__all__ = ["Api", "ApiError", "Run", "connect", "run"]

_HOMES = {"Api": "api", "ApiError": "api", "Run": "runs", "connect": "api", "run": "runs"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
