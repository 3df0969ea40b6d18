"""Keeping a session: connect, wait, come back. What happens inside of one is the business of the chat."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Self
from xml.etree.ElementTree import Element

import structlog

from bridge.chat.client import Client, Failure
from bridge.chat.elements import PING
from bridge.chat.errors import NoAnswer, Refused, ResourceConflict, WrongPassword
from bridge.chat.stream import ANSWER_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bridge.domain.clock import Clock
    from bridge.settings import XmppSettings

_log = structlog.stdlib.get_logger(__name__)

START_SECONDS: Final = 20.0
"""How long connecting, encrypting and logging in may take together; a mute server would hold us for ever."""
CLOSE_SECONDS: Final = 2.0
PING_SECONDS: Final = 30.0
PING_ANSWER_SECONDS: Final = 15.0
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 10.0
_MOST_DOUBLINGS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Whom to log in as, and where; without `host` the server is found by DNS."""

    jid: str
    resource: str
    password: str
    host: str | None
    port: int
    ca_file: Path | None

    @classmethod
    def of(cls, settings: XmppSettings) -> Self:
        """Return what the configuration says."""
        return cls(
            jid=settings.jid,
            resource=settings.resource,
            password=settings.password.get_secret_value(),
            host=settings.host,
            port=settings.port,
            ca_file=settings.ca_file,
        )

    @property
    def server(self) -> str:
        """The server as a log names it."""
        return f"{self.host}:{self.port}" if self.host else self.jid.partition("@")[2]


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the owner of a session wants to hear of, synchronously and in the order of the stream.

    `established` is told whether the session of before goes on; `lost` that it is gone, perhaps to be resumed.
    `request` tells whether a request (`iq`) gets an answer.
    """

    stanza: Callable[[Element], None]
    acknowledged: Callable[[str], None]
    established: Callable[[bool], None]
    lost: Callable[[], None]
    request: Callable[[Element], bool] = lambda _: False


def pause(failures: int, jitter: float) -> float:
    """Return the seconds to wait before the next attempt: full jitter under 0.5 s doubling to 10 s."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures, _MOST_DOUBLINGS)) * jitter


class Session:
    """One account's session, again and again."""

    def __init__(
        self, login: Login, clock: Clock, handlers: Handlers, jitter: Callable[[], float] | None = None
    ) -> None:
        """Take who to be and whom to tell; must be made inside the event loop. Raises BadCaFile."""
        self._login = login
        self._clock = clock
        self._handlers = handlers
        self._jitter = jitter or random.random
        self._client = Client(f"{login.jid}/{login.resource}", login.password, login.ca_file, self)
        self._client.enable_direct_tls = login.host is None
        self._over = asyncio.Event()
        self._up = asyncio.Event()
        self._live = False
        self._failure: Failure | None = None
        self._told: set[str] = set()

    @property
    def own(self) -> str:
        """Our bare address."""
        return self._client.own

    @property
    def live(self) -> bool:
        """Whether there is a session now."""
        return self._live

    def send(self, stanza: Element) -> bool:
        """Hand over a message, a presence or an answer; False, and nothing done, while there is no session."""
        return self._live and self._client.hand_over(stanza)

    async def ask(
        self, kind: Literal["get", "set"], to: str | None, payload: Element, seconds: float = ANSWER_SECONDS
    ) -> Element:
        """Send a request and return the whole answer; raises Refused or NoAnswer."""
        return await self._client.ask(kind, to, payload, seconds)

    def cut(self) -> None:
        """End the connection at once; it comes back by itself."""
        self._client.abort()

    async def run(self) -> None:
        """Keep a session for ever.

        Raises WrongPassword and ResourceConflict, since trying again would not help. An unreachable server, one without
        encryption and one whose certificate isn't trusted are told once and tried on.
        """
        failures = 0
        while True:
            self._over.clear()
            self._up.clear()
            self._failure = None
            self._client.connect(self._login.host, self._login.port if self._login.host else None)
            if await self._comes_up():
                began = self._clock.monotonic()
                await self._keep()
                # What comes up only to fall down at once doesn't deserve a quick return.
                failures = 0 if self._clock.monotonic() - began > LONGEST_PAUSE else failures
            self._raise_or_tell()
            await self._clock.sleep(pause(failures, self._jitter()))
            failures += 1

    async def close(self) -> None:
        """Leave in order, within a few seconds."""
        self._live = False
        await self._client.end(CLOSE_SECONDS)

    def stanza(self, stanza: Element) -> None:
        """Pass on what came off the stream."""
        self._handlers.stanza(stanza)

    def request(self, request: Element) -> bool:
        """Pass on a request."""
        return self._handlers.request(request)

    def acknowledged(self, identifier: str) -> None:
        """Pass on that the server has a message."""
        self._handlers.acknowledged(identifier)

    def established(self, *, resumed: bool) -> None:
        """Note that there is a session."""
        if self._told:
            _log.info("the XMPP server is back", server=self._login.server)
            self._told.clear()
        self._live = True
        self._up.set()
        self._handlers.established(resumed)

    def disconnected(self, cause: str) -> None:
        """Note that the connection is gone."""
        was_live, self._live = self._live, False
        if was_live:
            _log.info("lost the XMPP session; coming back", cause=cause or "the connection was closed")
            self._handlers.lost()
        self._over.set()

    def failed(self, failure: Failure) -> None:
        """Note why there is no session; the first reason of an attempt that isn't mere unreachability counts."""
        if self._failure is None or self._failure.kind == "unreachable":
            self._failure = failure
        if failure.kind in {"password", "auth", "unencrypted", "conflict"}:
            self._client.abort()

    async def _comes_up(self) -> bool:
        """Wait for the session; False where the attempt has failed or taken too long."""
        up, over = asyncio.ensure_future(self._up.wait()), asyncio.ensure_future(self._over.wait())
        try:
            await self._clock.within(START_SECONDS, asyncio.wait((up, over), return_when=asyncio.FIRST_COMPLETED))
        except TimeoutError:
            self.failed(Failure("unreachable", f"no session within {START_SECONDS:g} s"))
        finally:
            up.cancel()
            over.cancel()
        if self._live:
            return True
        if self._failure is None:
            # What stands before the server takes the connection, and drops it.
            self.failed(Failure("unreachable", "the connection was closed at once"))
        self._client.cancel_connection_attempt()
        self._client.abort()
        return False

    async def _keep(self) -> None:
        """Return when the connection is gone; a server that doesn't answer a ping counts as gone."""
        pings = asyncio.ensure_future(self._ping())
        try:
            await self._over.wait()
        finally:
            pings.cancel()
            await asyncio.wait((pings,))

    async def _ping(self) -> None:
        while True:
            await self._clock.sleep(PING_SECONDS)
            try:
                await self.ask("get", self._login.jid.partition("@")[2], Element(PING + "ping"), PING_ANSWER_SECONDS)
            except Refused:
                continue
            except NoAnswer:
                _log.warning("the XMPP server doesn't answer; connecting anew", server=self._login.server)
                self.cut()

    def _raise_or_tell(self) -> None:
        failure = self._failure
        if failure is None:
            return
        login = self._login
        if failure.kind == "password":
            raise WrongPassword(f"the XMPP server refuses the password of {login.jid}: mend xmpp.password or xmpp.jid")
        if failure.kind == "conflict":
            raise ResourceConflict(
                f"another program is logged in as {login.jid}/{login.resource}: stop it, or change xmpp.resource"
            )
        if failure.kind not in self._told:
            self._told.add(failure.kind)
            _log.warning(_words(failure, login))


def _words(failure: Failure, login: Login) -> str:
    if failure.kind == "unreachable":
        return f"cannot reach XMPP server {login.server} ({failure.cause}); trying on"
    if failure.kind == "certificate":
        return (
            f"the certificate of XMPP server {login.server} isn't trusted ({failure.cause}): "
            "mend it, or name its authority as xmpp.ca_file; trying on"
        )
    if failure.kind == "unencrypted":
        return f"XMPP server {login.server} offers no encryption, so no password was sent; trying on"
    if failure.kind == "auth":
        return f"XMPP server {login.server} doesn't let {login.jid} in now ({failure.cause}); trying on"
    return f"XMPP server {login.server} ended the stream ({failure.cause}); trying on"
