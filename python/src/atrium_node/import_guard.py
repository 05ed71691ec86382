"""While an interpreter with root's rights loads modules: none comes from a file that another user could have written.

The environment as such was looked at before (environment_trust.py). This looks at each file as it is loaded, wherever a
package, an editable install or a link leads.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from atrium_node.environment_trust import TrustError, check_path


class ImportGuard:
    """A finder before all others. `refused` is why a module was not loaded; None: all was well."""

    def __init__(self) -> None:
        self.refused: str | None = None
        self._known: dict[str, int] = {}

    def start(self) -> None:
        """From now on. Who is not root has nothing to lose."""
        if os.geteuid() == 0:
            sys.meta_path.insert(0, self)  # type: ignore[arg-type]

    def stop(self) -> None:
        """Imports are ordinary ones again."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)  # type: ignore[arg-type]

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """What the other finders find. ImportError when it is not root's alone."""
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                if name.partition(".")[0] != __package__:
                    self._check(spec)
                return spec
        return None

    def _check(self, spec: ModuleSpec) -> None:
        files = [spec.origin] if spec.has_location and spec.origin else []
        if spec.cached and os.path.lexists(spec.cached):
            files.append(spec.cached)
        try:
            for file in files:
                for path in {os.path.abspath(file), os.path.realpath(file)}:
                    owner = check_path(path, self._known)
                    if owner != 0:
                        raise TrustError(f"{path} belongs to uid {owner}")
        except TrustError as error:
            self.refused = self.refused or str(error)
            raise ImportError(f"{spec.name} is not preloaded: {error}") from error
