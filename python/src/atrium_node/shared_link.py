"""`~/shared`: how people find the folders of their groups."""

from __future__ import annotations

import os

_VARIABLE = "ATRIUM_SHARED"


def link_shared(environment: dict[str, str]) -> None:
    """Made as the owner. What the owner has there already stays; a link that leads nowhere is of another time, and is made anew."""
    target, home = environment.get(_VARIABLE), environment.get("HOME")
    if not target or not home:
        return
    path = os.path.join(home, "shared")
    try:
        if os.path.islink(path) and not os.path.exists(path):
            os.unlink(path)
        os.symlink(target, path)
    except OSError:
        pass
