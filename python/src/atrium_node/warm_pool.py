"""Warm environments: which have a fork server, and whether a job may come from it.

A fork server is only ever an optimisation. Whatever is not exactly right (not loaded yet, changed, refused, dead, slow) is
a reason to start cold, and the reason stays with the job.
"""

from __future__ import annotations

import os
import time
from typing import Any

from atrium_node.cgroup_tree import CgroupTree
from atrium_node.environment_trust import TrustError, find_code_owner
from atrium_node.job_cgroup import JobCgroup
from atrium_node.job_spec import Owner, SpecError
from atrium_node.launcher import Launch
from atrium_node.loop import Loop
from atrium_node.preload_sets import find_set
from atrium_node.warm_server import Forked, WarmServer

_DEFAULT_ENTRY = "jupyterhub.singleuser:main"
_IDLE_SECONDS = 1800.0
_SWEEP_SECONDS = 60.0
_MAX_SERVERS = 8
_RETRY_SECONDS = 60.0
# Bounds of a fork server with a user's rights; the jobs it makes have their own.
_OWN_CORES, _OWN_BYTES, _OWN_PROCESSES = 1.0, 1 << 30, 64


class WarmPool:
    """Fork servers by environment prefix and preload set."""

    def __init__(self, loop: Loop, cgroups: CgroupTree) -> None:
        self._loop = loop
        self._cgroups = cgroups
        self._groups_made = 0
        self._servers: dict[tuple[str, str], WarmServer] = {}
        self._kept: set[tuple[str, str]] = set()
        self._loaded_at: dict[tuple[str, str], float] = {}
        loop.call_later(_SWEEP_SECONDS, self._sweep)

    def fork(self, launch: Launch, done: Forked) -> None:
        """Answers the pid of a process that waits for "go", or None and why; then a cold one has to do."""
        plan = launch.plan
        assert plan.warm_prefix is not None and plan.warm_entry is not None
        key = (plan.warm_prefix, find_set(plan.warm_entry))
        server = self._servers.get(key)
        if server is None or server.state == "failed":
            done(None, self._load_for_next(key, launch))
        elif server.state == "loading":
            done(None, "the environment is still being loaded")
        elif not server.is_current():
            server.fail("the environment has changed")
            self._load(key, server.owner)
            done(None, "the environment has changed and is loaded anew")
        elif not server.serves(plan):
            done(None, "the environment belongs to another user")
        else:
            server.fork(launch, done)

    def _load_for_next(self, key: tuple[str, str], launch: Launch) -> str:
        """This job starts cold; the next one of its environment need not."""
        server = self._servers.get(key)
        if server is not None:
            is_recent = time.monotonic() - self._loaded_at.get(key, -1e9) < _RETRY_SECONDS
            if is_recent or (server.is_lasting and server.is_current()):
                return server.reason
        spec = launch.spec
        try:
            self._load(key, spec.owner)
        except SpecError as error:
            return str(error)
        return "the environment was not loaded yet"

    def _load(self, key: tuple[str, str], wanted_owner: Owner | None) -> WarmServer:
        prefix, set_name = key
        live = [server for server in self._servers.values() if server.state != "failed"]
        if len(live) >= _MAX_SERVERS:
            raise SpecError("warm_refused", f"{_MAX_SERVERS} environments are loaded already")
        try:
            owner = _choose_owner(find_code_owner(prefix), wanted_owner)
            server = WarmServer(self._loop, prefix, set_name, owner, self._make_group(owner))
        except (TrustError, OSError) as error:
            raise SpecError("warm_refused", f"the environment is not preloaded: {error}") from error
        self._loaded_at[key] = time.monotonic()
        self._servers[key] = server
        return server

    def _make_group(self, owner: Owner | None) -> JobCgroup:
        """A user's code runs in the fork server of a build of their own: it gets bounds as every job does."""
        if owner is None:
            return JobCgroup({})
        self._groups_made += 1
        return self._cgroups.create(f"warm-{self._groups_made}", _OWN_CORES, _OWN_BYTES, _OWN_PROCESSES)

    def preload(self, request: dict[str, Any]) -> dict[str, Any]:
        """Loads an environment and keeps it until `unload`. Throws SpecError when it must not be loaded."""
        prefix = _absolute(request.get("prefix"))
        key = (prefix, find_set(str(request.get("entry") or _DEFAULT_ENTRY)))
        raw = request.get("owner")
        owner = Owner(int(raw["uid"]), int(raw["gid"]), list(raw.get("gids") or [])) if isinstance(raw, dict) else None
        server = self._servers.get(key)
        if server is None or server.state == "failed" or not server.is_current():
            if server is not None:
                server.fail("loaded anew")
            server = self._load(key, owner)
        self._kept.add(key)
        return server.to_wire()

    def unload(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ends the fork servers of an environment. Its jobs go on."""
        prefix = _absolute(request.get("prefix"))
        for key in [key for key in self._servers if key[0] == prefix]:
            self._kept.discard(key)
            self._servers.pop(key).fail("unloaded")
        return {}

    def status(self) -> list[dict[str, Any]]:
        """For people."""
        return [server.to_wire() for server in self._servers.values()]

    def on_child_exit(self, pid: int) -> bool:
        """True when it was one of ours."""
        for server in self._servers.values():
            if server.pid == pid:
                server.fail("the fork server ended; the agent's log may say why")
                return True
        return False

    def _sweep(self) -> None:
        """What nobody asked to keep and nobody has used for long gives its memory back."""
        for key, server in list(self._servers.items()):
            if key not in self._kept and time.monotonic() - server.used_at > _IDLE_SECONDS:
                self._servers.pop(key).fail("not used for long")
        self._loop.call_later(_SWEEP_SECONDS, self._sweep)

    def close(self) -> None:
        """Ends all fork servers."""
        for server in self._servers.values():
            server.fail("the agent ends")


def _choose_owner(code_owner: int, wanted: Owner | None) -> Owner | None:
    """None: the agent's own rights. Throws TrustError when the code is of a user whose job this is not."""
    own_uid = os.geteuid()
    if code_owner in (0, own_uid):
        return None
    if own_uid == 0 and wanted is not None and wanted.uid == code_owner:
        return wanted
    raise TrustError(f"it belongs to uid {code_owner}")


def _absolute(value: object) -> str:
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value:
        raise SpecError("bad_request", "prefix is an absolute path")
    return os.path.normpath(value)
