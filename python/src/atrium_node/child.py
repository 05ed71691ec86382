"""The steps between a fork and the user's program, the same for a cold and a warm start.

They run in the new process. Until `await_go` returns, nothing of the user's has been touched; after `drop_to` nothing
of the platform's can be.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import signal

from atrium_node import linux
from atrium_node.child_plan import ChildFiles, ChildPlan
from atrium_node.mpi_flavour import MpiError
from atrium_node.shared_link import link_shared
from atrium_node.tasks import run_tasks

# Users' processes die before the platform's when the machine as a whole is out of memory.
_OOM_SCORE_ADJ = b"300"


class StepError(Exception):
    """A step towards the user's program failed; `message` is for the person who started it."""

    def __init__(self, step: str, error: OSError) -> None:
        super().__init__(f"{step}: {error.strerror or error}")
        self.step = step
        self.errno = error.errno or 0


def leave_parent(files: ChildFiles) -> ChildFiles:
    """First after the fork: own session, default signals, no descriptor of the parent's but `files`."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    reset_signals()
    kept = _lay_out(files)
    os.closerange(7, _open_limit())
    return kept


def _lay_out(files: ChildFiles) -> ChildFiles:
    """Moves the descriptors to 3..6, so that one range can be closed."""
    sources = [files.go, files.status, files.log, files.ran]
    high = [_dup_above(fd) for fd in sources]
    for target, fd in enumerate(high, start=3):
        os.dup2(fd, target, inheritable=False)
    return ChildFiles(3, 4, 5, 6)


def _dup_above(fd: int) -> int:
    import fcntl

    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 16)


def _open_limit() -> int:
    return max((int(name) for name in os.listdir("/proc/self/fd")), default=1023) + 1


def reset_signals() -> None:
    """Every signal as a fresh process has it: default action, none blocked."""
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_DFL)
        except (OSError, ValueError):
            continue
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def enter_cgroups(plan: ChildPlan) -> None:
    """By itself, and before it waits for "go": the kernel takes milliseconds to move a process, which so hold up this job alone."""
    try:
        for folder in plan.cgroups:
            fd = os.open(f"{folder}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
            try:
                # cgroups(7): 0 is the process that writes.
                os.write(fd, b"0")
            finally:
                os.close(fd)
    except OSError as error:
        raise StepError("cannot enter its control group", error) from error


def go_word(pid: int) -> bytes:
    """What the agent writes to let this process, and no other that may hold the same pipe, run the job."""
    return b"go %d" % pid


def await_go(files: ChildFiles) -> None:
    """Waits until the agent has recorded this process for its job. Ends it when the agent dies first, or means another.

    Throws StepError when the mark that it ran cannot be written.
    """
    try:
        word = os.read(files.go, 32)
    except OSError:
        word = b""
    if word != go_word(os.getpid()):
        os._exit(0)
    os.close(files.go)
    try:
        # From here on the job counts as run, whatever becomes of the agent.
        os.write(files.ran, b"1")
    except OSError as error:
        raise StepError("cannot mark the job as run", error) from error
    os.close(files.ran)


def take_standard_files(files: ChildFiles) -> None:
    """No input; output and errors to the log."""
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(files.log, 1)
    os.dup2(files.log, 2)
    os.close(files.log)


def drop_to(plan: ChildPlan) -> None:
    """Limits and identity. StepError when any of it does not hold; the user's program must not run then."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (plan.open_files, hard))
        os.umask(plan.umask)
        _prefer_as_oom_victim()
    except OSError as error:
        raise StepError("cannot set limits", error) from error
    if plan.drop:
        # Not the one of the root process that forked us.
        linux.leave_session_keyring()
        try:
            os.setgroups(plan.gids)
            os.setresgid(plan.gid, plan.gid, plan.gid)
            os.setresuid(plan.uid, plan.uid, plan.uid)
            _verify_dropped(plan)
        except OSError as error:
            raise StepError("cannot become the job's owner", error) from error
    try:
        linux.forbid_new_privileges()
    except OSError as error:
        raise StepError("cannot give up privileges", error) from error


def _verify_dropped(plan: ChildPlan) -> None:
    if os.getresuid() != (plan.uid,) * 3 or os.getresgid() != (plan.gid,) * 3:
        raise OSError(errno.EPERM, "the identity did not change")
    if set(os.getgroups()) - {plan.gid} != set(plan.gids) - {plan.gid}:
        raise OSError(errno.EPERM, "the groups did not change")
    try:
        os.setuid(0)
    except PermissionError:
        return
    raise OSError(errno.EPERM, "root could be regained")


def _prefer_as_oom_victim() -> None:
    try:
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    except OSError:
        return
    try:
        os.write(fd, _OOM_SCORE_ADJ)
    except OSError:
        pass
    finally:
        os.close(fd)


def enter_directory(plan: ChildPlan) -> None:
    """As the owner, so that what the owner may not enter is refused."""
    try:
        os.chdir(plan.cwd)
        link_shared(plan.environment)
    except OSError as error:
        raise StepError(f"cannot enter the working directory {plan.cwd}", error) from error


def exec_command(plan: ChildPlan) -> None:
    """Becomes the user's program. Returns never; throws StepError."""
    try:
        os.execvpe(plan.command[0], plan.command, plan.environment)
    except OSError as error:
        raise StepError(f"cannot run {plan.command[0]}", error) from error


def report_failure(files: ChildFiles, error: StepError) -> None:
    """To the person by the job's log, and to the agent by the status pipe."""
    message = str(error)
    # The agent that held the other end may be gone, if this comes late.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        os.write(2, f"atrium: {message}\n".encode(errors="replace"))
        os.write(files.status, json.dumps({"message": message, "errno": error.errno}).encode() + b"\n")
    except OSError:
        pass


def run_cold(plan: ChildPlan, files: ChildFiles) -> None:
    """The whole way of a forked agent to the user's program. Never returns."""
    code = 126
    try:
        files = leave_parent(files)
        enter_cgroups(plan)
        await_go(files)
        take_standard_files(files)
        drop_to(plan)
        enter_directory(plan)
        if plan.tasks > 1:
            code = run_tasks(plan)
        else:
            exec_command(plan)
    except MpiError as error:
        report_failure(files, StepError("its tasks cannot run", OSError(0, str(error))))
        code = error.code
    except StepError as error:
        report_failure(files, error)
        code = 127 if error.errno == errno.ENOENT else 126
    except BaseException as error:
        report_failure(files, StepError("cannot start", OSError(0, repr(error))))
    finally:
        os._exit(code)
