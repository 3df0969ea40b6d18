"""The wire under the SDK: a session that can be shut from another thread, and that keeps what the SDK throws away."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ProtocolError
from urllib3.util.ssl_ import create_urllib3_context

_READS: Final = frozenset({"GET", "HEAD"})
_KEPT: Final = ("date", "retry-after", "x-ratelimit-reset")
_TRAPS: Final = (
    "deprecation",
    "link",
    "mastodon-async-refresh",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
)


class AbandonedError(Exception):
    """The client was given up while it worked: nothing more leaves it."""


class MovedError(Exception):
    """The server sends its clients elsewhere; `origin` is where to, without path or query."""

    def __init__(self, origin: str) -> None:
        """Keep where to."""
        super().__init__(origin)
        self.origin = origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the SDK doesn't tell of the last answer: status, the few headers that matter (in lower case), JSON's kind.

    The SDK makes a list of any JSON object where it expects one; `is_list` tells whether it was one.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    is_list: bool = False


class Gate:
    """Whether a client may still send: shared by the thread that uses it and whoever gives it up.

    `opened` tells whether a connection has been made since the last request began; while it is false, nothing of a
    request that needs a fresh connection can have been sent.
    """

    def __init__(self) -> None:
        """Begin open, without a connection."""
        self.opened = False
        self._lock = threading.Lock()
        self._shut = False
        self._socket: socket.socket | None = None

    @property
    def is_shut(self) -> bool:
        """Whether the client was given up."""
        return self._shut

    def pass_through(self) -> None:
        """Begin a request; raises AbandonedError once the gate is shut."""
        self.opened = False
        if self._shut:
            raise AbandonedError

    def admit(self, connected: socket.socket | None) -> None:
        """Take note of a new connection before anything is sent on it; raises AbandonedError once the gate is shut."""
        with self._lock:
            if self._shut:
                raise AbandonedError
            self._socket = connected
            self.opened = True

    def shut(self) -> None:
        """Cut the connection and let no other be used; safe from any thread, and at once."""
        with self._lock:
            self._shut = True
            if self._socket is not None:
                with suppress(OSError):
                    # Not SSLSocket.shutdown, which forgets the encryption first, while the other thread may be writing.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class Session(requests.Session):
    """What the SDK sends with: writes on fresh connections, no redirect to elsewhere, nothing once the gate is shut.

    Environment variables for proxies and certificates (REQUESTS_CA_BUNDLE, SSL_CERT_FILE) are read once.
    """

    def __init__(self, base_url: str, gate: Gate) -> None:
        """Prepare for the server at `base_url`; nothing is sent yet."""
        super().__init__()
        self.answer: Answer | None = None
        self._gate = gate
        self.proxies.update(get_environ_proxies(base_url))
        self.trust_env = False
        self._adapter = _Adapter(gate)
        self.mount("http://", self._adapter)
        self.mount("https://", self._adapter)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send one request and remember its answer.

        Headers that make the SDK fail or warn are taken off the answer: an odd rate limit is no reason to call a post
        that was made a failure.
        """
        self.answer = None
        self._gate.pass_through()
        if request.method in _READS:
            response = self._read(request, **kwargs)
        else:
            self._adapter.close()
            try:
                response = super().send(request, **kwargs)
            finally:
                self._adapter.close()
        if self.answer is None:
            kept = {name: response.headers[name] for name in _KEPT if name in response.headers}
            is_list = not kwargs.get("stream") and response.content.lstrip()[:1] == b"["
            self.answer = Answer(status=response.status_code, headers=kept, is_list=is_list)
        for name in _TRAPS:
            response.headers.pop(name, None)
        return response

    def _read(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send a request that may be repeated: again, once, if the server had closed a kept connection meanwhile."""
        try:
            return super().send(request, **kwargs)
        except requests.ConnectionError as error:
            if self._gate.opened or not error.args or not isinstance(error.args[0], ProtocolError):
                raise
        self._gate.pass_through()
        self._adapter.close()
        return super().send(request, **kwargs)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Follow a redirect of a read within the server; raises MovedError for any other."""
        target = super().get_redirect_target(resp)
        asked = resp.request.url or ""
        if target is None:
            return None
        there = urlsplit(urljoin(asked, target))
        here = urlsplit(asked)
        if resp.request.method in _READS and (there.scheme, there.netloc) == (here.scheme, here.netloc):
            return target
        raise MovedError(f"{there.scheme}://{there.hostname or ''}" + (f":{there.port}" if there.port else ""))


class _Adapter(HTTPAdapter):
    """Connections that pass the gate before anything is sent on them, with certificates that are read once."""

    def __init__(self, gate: Gate) -> None:
        self._pools = _pools(gate)
        super().__init__(pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *arguments: Any, **pool_kwargs: Any) -> None:
        named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
        context = _tls(named or DEFAULT_CA_BUNDLE_PATH)
        super().init_poolmanager(*arguments, ssl_context=context, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **proxy_kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def cert_verify(self, conn: Any, url: str, verify: object, cert: object) -> None:
        """Leave all to the context, which requests would replace by one that reads the certificates again."""


@lru_cache(maxsize=4)
def _tls(certificates: str) -> ssl.SSLContext:
    context = create_urllib3_context()
    if os.path.isdir(certificates):  # noqa: PTH112 # the variable may name a directory, as for requests itself
        context.load_verify_locations(capath=certificates)
    else:
        context.load_verify_locations(cafile=certificates)
    return context


def _pools(gate: Gate) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            gate.admit(self.sock)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            gate.admit(self.sock)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain  # pyright: ignore[reportAssignmentType] # urllib3's own classes don't fit either

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure  # pyright: ignore[reportAssignmentType] # as above

    return {"http": PlainPool, "https": SecurePool}
