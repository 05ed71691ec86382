"""The program a warm process becomes: a script of the environment, or a module as `python -m` runs it."""

from __future__ import annotations

import os
import sys
from types import ModuleType

from atrium_node.child_plan import ChildPlan


class Differs(Exception):
    """A fresh interpreter would be another one; the message says why."""


class Script:
    """What a console script is: a file of Python in the environment's `bin`."""

    def __init__(self, path: str, arguments: list[str]) -> None:
        self.arguments = [path, *arguments]
        self.original = [sys.executable, *self.arguments]
        self.first_path = os.path.dirname(path)
        self.name = os.path.basename(path)
        self.shadowing: list[str] = []
        """Folders on its path that a person can write."""
        with open(path, "rb") as file:
            source = file.read(1 << 20)
        shebang = source.split(b"\n", 1)[0].decode(errors="replace")
        if not shebang.startswith(f"#!{sys.prefix}/bin/python"):
            raise Differs("the command's first line names another interpreter")
        self._code = compile(source, path, "exec", dont_inherit=True)

    def run(self) -> None:
        """As `python SCRIPT` would, in a fresh `__main__`."""
        main = _make_main()
        main.__file__ = self.arguments[0]
        exec(self._code, main.__dict__)


class Module:
    """What follows `python -m`."""

    def __init__(self, module: str, arguments: list[str]) -> None:
        self.arguments = ["-m", *arguments]
        self.original = [sys.executable, "-m", module, *arguments]
        # `python -m` has the working directory first, a person's home among them.
        self.first_path = os.getcwd()
        self.shadowing = [self.first_path]
        self.name = os.path.basename(sys.executable)
        self._module = module

    def run(self) -> None:
        """By the function that the interpreter itself calls for `-m`."""
        import runpy

        _make_main()
        runpy._run_module_as_main(self._module)  # type: ignore[attr-defined]


def find_program(plan: ChildPlan) -> Script | Module:
    """The Python program that the command names. Throws Differs when it is none of this environment."""
    program, *arguments = plan.command
    if "/" not in program:
        import shutil

        program = shutil.which(program, path=plan.environment.get("PATH")) or program
    if program == sys.executable and arguments[:1] == ["-m"] and len(arguments) > 1:
        return Module(arguments[1], arguments[2:])
    if os.path.dirname(program) != os.path.join(sys.prefix, "bin"):
        raise Differs("the command is not a script of this environment")
    return Script(program, arguments)


def _make_main() -> ModuleType:
    main = ModuleType("__main__")
    main.__builtins__ = sys.modules["builtins"]  # type: ignore[attr-defined]
    sys.modules["__main__"] = main
    return main
