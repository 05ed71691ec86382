"""The platform's REST API, by the standard library alone.

Where it is and who asks, from the environment:

* `ATRIUM_URL` and `ATRIUM_TOKEN`: on a laptop, and before all others where both are set;
* `ATRIUM_API_URL` and `JUPYTERHUB_API_TOKEN`: what every server and job of the platform has. No proxy is used then: the
  address is one that nodes reach;
* `ATRIUM_CA_FILE`: certificates to trust instead of the system's, PEM.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from typing import Any

_RETRY_STATUSES = frozenset({502, 503, 504})
_RETRY_SECONDS = 30.0
_LONGEST_PAUSE = 2.0


class ApiError(Exception):
    """What the platform answered, or that it did not. `status`: HTTP's; 0: no answer. `code`: the platform's stable name."""

    def __init__(self, message: str, status: int = 0, code: str = "unavailable") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def connect(url: str | None = None, token: str | None = None) -> Api:
    """The platform of this process's environment, or the one given. ApiError when it is not known which, or who asks."""
    env = os.environ
    if url is None and token is None and not (env.get("ATRIUM_URL") and env.get("ATRIUM_TOKEN")):
        url, token = env.get("ATRIUM_API_URL"), env.get("JUPYTERHUB_API_TOKEN")
        if url and token:
            return Api(url, token, use_proxies=False)
    url, token = url or env.get("ATRIUM_URL"), token or env.get("ATRIUM_TOKEN")
    if not url:
        raise ApiError("Set ATRIUM_URL to the platform's address, https://atrium.example.org.", code="not_configured")
    if not token:
        raise ApiError(f"Set ATRIUM_TOKEN to a token for {url}: the portal makes one.", code="not_configured")
    return Api(url, token)


class Api:
    """One platform, asked as the owner of one token."""

    def __init__(self, url: str, token: str, use_proxies: bool = True) -> None:
        self.url = url.rstrip("/")
        if not self.url.startswith(("http://", "https://")):
            raise ApiError(f"{url} is no address: it looks like https://atrium.example.org.", code="not_configured")
        self._token = token
        self._use_proxies = use_proxies
        self._opener: Any = None

    def __repr__(self) -> str:
        return f"Api({self.url!r})"

    def call(
        self, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None, timeout: float = 60.0
    ) -> Any:
        """The parsed answer; None for an empty one. ApiError with the platform's sentence when it is refused.

        Reads and deletions are tried again for half a minute while the platform restarts; what creates is sent once.
        """
        deadline = time.monotonic() + (_RETRY_SECONDS if method in ("GET", "DELETE") else 0)
        pause = 0.1
        while True:
            try:
                with self._open(method, path, body, query, timeout) as answer:
                    return _parse(answer.read())
            except ApiError as error:
                is_passing = error.status in _RETRY_STATUSES or error.code == "unavailable"
                if not is_passing or time.monotonic() + pause > deadline:
                    raise
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def stream(self, path: str, query: Mapping[str, Any] | None = None, timeout: float | None = None) -> Iterator[bytes]:
        """The answer as it comes, for logs. `timeout`: the longest silence, seconds; None: any."""
        with self._open("GET", path, None, query, timeout) as answer:
            while chunk := answer.read1(1 << 16):
                yield chunk

    def _open(self, method: str, path: str, body: Any, query: Mapping[str, Any] | None, timeout: float | None) -> Any:
        import http.client
        import urllib.error
        import urllib.parse
        import urllib.request

        given = {name: value for name, value in (query or {}).items() if value is not None}
        url = f"{self.url}{path}" + (f"?{urllib.parse.urlencode(given)}" if given else "")
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {self._token}", "Accept": "application/json, text/plain, */*"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(url, data=data, headers=headers, method=method)
        self._opener = self._opener or _build_opener(self._use_proxies)
        try:
            return self._opener.open(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            with error:
                raise _explain(error.code, error.read(), self.url) from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise ApiError(f"The platform at {self.url} cannot be reached: {reason}") from error


def _build_opener(use_proxies: bool) -> Any:
    import ssl
    import urllib.request

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        """A token must not follow to another address."""

        def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
            return None

    handlers: list[Any] = [NoRedirect()]
    certificates = os.environ.get("ATRIUM_CA_FILE")
    if certificates:
        handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=certificates)))
    if not use_proxies:
        handlers.append(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener(*handlers)


def _parse(data: bytes) -> Any:
    if not data:
        return None
    try:
        return json.loads(data)
    except ValueError:
        raise ApiError("What answered is not an Atrium platform: its answer is no JSON.", 200, "not_a_platform") from None


def _explain(status: int, data: bytes, url: str) -> ApiError:
    try:
        body = json.loads(data)
        return ApiError(str(body["message"]), status, str(body.get("code") or "refused"))
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    if 300 <= status < 400:
        return ApiError(f"{url} points elsewhere (HTTP {status}): use the platform's own address.", status, "redirected")
    return ApiError(f"{url} answered with HTTP {status}.", status, "refused")
