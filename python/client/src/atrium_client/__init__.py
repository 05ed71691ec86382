"""Atrium from Python. Importing it loads the standard library alone, and little of that."""

from __future__ import annotations

from atrium_client.api import Api, ApiError, connect

__version__ = "0.1.0"
__all__ = ["Api", "ApiError", "connect"]
