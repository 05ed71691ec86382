"""Keeps a scheduler's dashboard for those whom the platform's edge lets in.

Dask asks nobody who they are, and the port is open to every program that reaches the node. The edge sends a proof with each
request that it has let in (`X-Atrium-Proof`), which follows from the cluster's token. The question whether the scheduler is
there (`.../health`) is answered to everybody.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

_HEADER = "X-Atrium-Proof"


def build_proof(token: str) -> str:
    """As the control plane builds it from the token's hash (`server/src/dask/cluster-routes.ts`)."""
    token_hash = hashlib.sha256(token.encode()).hexdigest()
    return hashlib.sha256(f"dashboard {token_hash}".encode()).hexdigest()


def guard_dashboard(scheduler: Any, token: str) -> None:
    """Every route of the scheduler's web server, those that are added later too, websockets included.

    Raises AttributeError where this version of distributed has no web server that can be guarded.
    """
    from tornado.web import ErrorHandler

    proof = build_proof(token)
    application = scheduler.http_application
    find_handler = application.find_handler

    def find_allowed(request: Any, **more: Any) -> Any:
        presented = request.headers.get(_HEADER, "")
        if hmac.compare_digest(presented.encode(), proof.encode()) or request.path.endswith("/health"):
            return find_handler(request, **more)
        return application.get_handler_delegate(request, ErrorHandler, {"status_code": 403})

    application.find_handler = find_allowed
