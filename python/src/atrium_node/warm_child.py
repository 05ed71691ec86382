"""Turns a forked preloaded interpreter into what a fresh one would be for the job, then runs the command's own script.

Whenever the two could differ, the process becomes the cold command instead: it has the pid, the rights and the files
already, so nothing but time is lost.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from types import ModuleType
from typing import Any

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
from atrium_node.environ_watch import EnvironWatch
from atrium_node.fresh_state import refresh_state, set_locale
from atrium_node.kept_home import KeptHome

# Variables the interpreter itself reads at start that are the same for a process already started.
_PYTHON_VARIABLES = frozenset({"PYTHONPATH", "PYTHONNOUSERSITE", "PYTHONUNBUFFERED"})
_LOADER_VARIABLES = frozenset({"LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "GLIBC_TUNABLES", "MALLOC_ARENA_MAX"})


class Differs(Exception):
    """A fresh interpreter would be another one; the message says why."""


class Interpreter:
    """What the fork server knows of itself from before it loaded anything."""

    def __init__(self, standard_path: list[str], site_path: list[str]) -> None:
        self.watch = EnvironWatch()
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


def _become(interpreter: Interpreter, plan: ChildPlan) -> Any:
    """All that user code could see. From here on user files may be read: the rights are the owner's."""
    _check_variables(interpreter, plan.environment)
    os.environ.clear()
    os.environ.update(plan.environment)
    set_locale(plan.environment)
    path, arguments = _find_script(plan)
    extra = [part for part in plan.environment.get("PYTHONPATH", "").split(":") if part]
    user_site = _find_user_site(plan.environment)
    _check_shadows(interpreter, [*extra, *user_site])
    sys.argv[:] = arguments
    sys.orig_argv[:] = [sys.executable, *arguments]
    sys.path[:] = interpreter.build_path(os.path.dirname(path), extra, user_site)
    sys.dont_write_bytecode = False
    interpreter.kept_home.replace(os.path.expanduser("~"))
    refresh_state()
    linux.set_process_name(os.path.basename(path))
    return _load_script(path)


def _check_variables(interpreter: Interpreter, environment: dict[str, str]) -> None:
    for name in environment:
        if name in _LOADER_VARIABLES or (name.startswith("PYTHON") and name not in _PYTHON_VARIABLES):
            raise Differs(f"{name} is set")
    name = interpreter.watch.find_difference(environment) or ""
    if name:
        raise Differs(f"{name} is read while modules load")


def _find_script(plan: ChildPlan) -> tuple[str, list[str]]:
    """The Python script of the environment that the command names, and sys.argv for it."""
    program = plan.command[0]
    if "/" not in program:
        import shutil

        program = shutil.which(program, path=plan.environment.get("PATH")) or program
    if os.path.dirname(program) != os.path.join(sys.prefix, "bin"):
        raise Differs("the command is not a script of this environment")
    return program, [program, *plan.command[1:]]


def _load_script(path: str) -> Any:
    """Compiles it as `python SCRIPT` would, in a fresh `__main__`."""
    with open(path, "rb") as file:
        source = file.read(1 << 20)
    shebang = source.split(b"\n", 1)[0].decode(errors="replace")
    if not shebang.startswith(f"#!{sys.prefix}/bin/python"):
        raise Differs("the command's first line names another interpreter")
    code = compile(source, path, "exec", dont_inherit=True)
    main = ModuleType("__main__")
    main.__file__ = path
    main.__builtins__ = sys.modules["builtins"]  # type: ignore[attr-defined]
    sys.modules["__main__"] = main
    return lambda: exec(code, main.__dict__)


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
