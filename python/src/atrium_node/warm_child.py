"""Turns a forked preloaded interpreter into what a fresh one would be for the job, then runs the command's own script.

Whenever the two could differ, the process becomes the cold command instead: it has the pid, the rights and the files
already, so nothing but time is lost.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable

from atrium_node import linux
from atrium_node.child import (
    StepError,
    await_go,
    drop_to,
    enter_cgroups,
    enter_directory,
    exec_command,
    leave_parent,
    report_failure,
    take_standard_files,
)
from atrium_node.child_plan import ChildFiles, ChildPlan
from atrium_node.dask_state import refresh_dask
from atrium_node.environ_watch import EnvironWatch
from atrium_node.fresh_state import refresh_state, set_locale
from atrium_node.kept_home import KeptHome
from atrium_node.warm_program import Differs, find_program

# Variables the interpreter itself reads at start that are the same for a process already started.
_PYTHON_VARIABLES = frozenset({"PYTHONPATH", "PYTHONNOUSERSITE", "PYTHONUNBUFFERED"})
_LOADER_VARIABLES = frozenset({"LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "GLIBC_TUNABLES"})
# Read in C when a library is loaded, unseen by Python: by the C library itself, and by those that numpy brings.
_ALLOCATOR_PREFIXES = ("MALLOC_",)
_ALGEBRA_PREFIXES = ("OMP_", "OPENBLAS_", "GOTO_", "MKL_", "KMP_", "BLIS_", "VECLIB_", "NUMEXPR_")


class Interpreter:
    """What the fork server knows of itself from before it loaded anything."""

    def __init__(self, standard_path: list[str], site_path: list[str]) -> None:
        self.watch = EnvironWatch()
        self._loaded_with = dict(os.environ)
        self._standard_path = standard_path
        self._site_path = site_path
        self.top_level: set[str] = set()
        self.kept_home: KeptHome

    @classmethod
    def capture(cls) -> Interpreter:
        """Call it first: sys.path is then what `site` made of it."""
        is_site = [path.endswith(("site-packages", "dist-packages")) for path in sys.path]
        first_site = is_site.index(True) if True in is_site else len(sys.path)
        return cls(sys.path[:first_site], sys.path[first_site:])

    def finish_loading(self, dropped: set[str]) -> None:
        """Modules are in, and `dropped` ones out again. A package of the user's of a name that is taken would not be seen."""
        self.watch.forget_readers(dropped)
        self.kept_home = KeptHome([os.environ._data, self.watch])  # type: ignore[attr-defined]
        self.top_level = {name.partition(".")[0] for name in sys.modules} - {"__main__", "atrium_node"}

    def find_changed_variable(self, environment: dict[str, str]) -> str | None:
        """One that libraries in C read when they were loaded, and that this environment has not or has otherwise."""
        prefixes = _ALLOCATOR_PREFIXES + (_ALGEBRA_PREFIXES if "numpy" in sys.modules else ())
        for name in sorted(self._loaded_with.keys() | environment.keys()):
            if name.startswith(prefixes) and self._loaded_with.get(name) != environment.get(name):
                return name
        return None

    def build_path(self, first: str, extra: list[str], user_site: list[str]) -> list[str]:
        """sys.path in a fresh process's order."""
        return [first, *extra, *self._standard_path, *user_site, *self._site_path]


def run_warm(interpreter: Interpreter, plan: ChildPlan, files: ChildFiles) -> None:
    """Comes back when the script has ended: the interpreter then ends as it always does. Exits of the script pass through."""
    try:
        files = leave_parent(files)
        enter_cgroups(plan)
        await_go(files)
        take_standard_files(files)
        drop_to(plan)
        enter_directory(plan)
        try:
            script = _become(interpreter, plan)
        except Differs as difference:
            os.write(files.status, json.dumps({"cold": str(difference)}).encode() + b"\n")
            exec_command(plan)
            return
    except StepError as error:
        report_failure(files, error)
        os._exit(127 if error.errno == errno.ENOENT else 126)
    except BaseException as error:
        report_failure(files, StepError("cannot start", OSError(0, repr(error))))
        os._exit(126)
    os.close(files.status)
    linux.allow_inspection()
    del interpreter, plan, files
    script()


def _become(interpreter: Interpreter, plan: ChildPlan) -> Callable[[], None]:
    """All that user code could see. From here on user files may be read: the rights are the owner's."""
    _check_variables(interpreter, plan.environment)
    os.environ.clear()
    os.environ.update(plan.environment)
    set_locale(plan.environment)
    program = find_program(plan)
    extra = [part for part in plan.environment.get("PYTHONPATH", "").split(":") if part]
    user_site = _find_user_site(plan.environment)
    _check_shadows(interpreter, [*program.shadowing, *extra, *user_site])
    sys.argv[:] = program.arguments
    sys.orig_argv[:] = program.original
    sys.path[:] = interpreter.build_path(program.first_path, extra, user_site)
    sys.dont_write_bytecode = False
    interpreter.kept_home.replace(os.path.expanduser("~"))
    refresh_state()
    refresh_dask()
    linux.set_process_name(program.name)
    return program.run


def _check_variables(interpreter: Interpreter, environment: dict[str, str]) -> None:
    for name in environment:
        if name in _LOADER_VARIABLES or (name.startswith("PYTHON") and name not in _PYTHON_VARIABLES):
            raise Differs(f"{name} is set")
    name = interpreter.watch.find_difference(environment) or interpreter.find_changed_variable(environment) or ""
    if name:
        raise Differs(f"{name} is read while modules load")


def _find_user_site(environment: dict[str, str]) -> list[str]:
    import site

    site.USER_BASE = site.USER_SITE = None
    if environment.get("PYTHONNOUSERSITE"):
        site.ENABLE_USER_SITE = False
    folder = site.getusersitepackages()
    return [folder] if site.ENABLE_USER_SITE and os.path.isdir(folder) else []


def _check_shadows(interpreter: Interpreter, folders: list[str]) -> None:
    """Packages of the user's own that a fresh interpreter would take before, or run at its start."""
    for folder in folders:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            stem = name.partition(".")[0]
            if name.endswith(".pth") or stem in ("usercustomize", "sitecustomize") or stem in interpreter.top_level:
                raise Differs(f"{folder} holds {name}")
