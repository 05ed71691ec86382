"""Takes modules out again that each job has to import for itself, with everything that holds on to them."""

from __future__ import annotations

import sys
from types import ModuleType


def drop_modules(seeds: set[str]) -> set[str]:
    """Forgets these modules and all that refer to them, directly or not; answers their names.

    A module refers to another by having it, or something defined in it, among its globals. A package's attribute that is
    its own submodule does not count: it is removed, and the next import sets it again.
    """
    modules = {name: module for name, module in sys.modules.items() if type(module) is ModuleType}
    dropped = seeds & modules.keys()
    grows = True
    while grows:
        users = {name for name, module in modules.items() if name not in dropped and _refers(module, dropped)}
        dropped |= users
        grows = bool(users)
    for name in dropped:
        module = sys.modules.pop(name)
        package, _, attribute = name.rpartition(".")
        if getattr(sys.modules.get(package), attribute, None) is module:
            delattr(sys.modules[package], attribute)
    return dropped


def _refers(module: ModuleType, names: set[str]) -> bool:
    own = module.__name__
    for attribute, value in list(vars(module).items()):
        if isinstance(value, ModuleType):
            if value.__name__ in names and value.__name__ != f"{own}.{attribute}":
                return True
        elif isinstance(value, type) or callable(value):
            if getattr(value, "__module__", None) in names:
                return True
        elif type(value).__module__ in names:
            return True
    return False
