"""Requests to X: the SDK's asynchronous client (tweepy) with a transport of our own under it.

The SDK's own transport asks a fixed host without any timeout, fails on what isn't JSON, and writes the header
Authorization to its log. Each request has a fresh connection: one that X has closed without a word would be a doubt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, Final, NoReturn, cast
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from tweepy.asynchronous import AsyncClient
from yarl import URL

from bridge.plugin import Clock, RefusedError, UnavailableError
from plugins.x.answers import Answer, Json, Meaning, Problem, problems
from plugins.x.failures import AnsweredError, Attempt, answered, broken, lowered, refusal
from plugins.x.older import NEWER, older
from plugins.x.signing import Login

TIMEOUT: Final = 15.0
"""Seconds for a request, from its connection to the last byte of its answer."""

_MOST: Final = 8_000_000
"""Bytes of an answer: 100 posts with all their fields have less than a tenth of it."""
_AGENT: Final = "Statusbridge"


class Client(AsyncClient):
    """One login at X, shared by the tasks of an account; `open` it first, and `close` it once.

    No call waits for a rate limit or tries again, none follows a redirect, and no log holds what it sends.
    """

    def __init__(self, base_url: str, login: Login, clock: Clock) -> None:
        """Prepare; nothing is sent yet."""
        super().__init__(return_type=cast("Any", dict), wait_on_rate_limit=False)
        self.host = urlsplit(base_url).netloc
        self.skew: timedelta | None = None
        """How far X's clock was ahead of this machine's at the last answer; None where it never said."""
        self._base_url = base_url
        self._login = login
        self._clock = clock
        self._http: aiohttp.ClientSession | None = None
        self._calls: set[asyncio.Future[Answer]] = set()
        self._closed = False
        self._older = False

    def open(self) -> None:
        """Make the session; needs a running loop, and sends nothing."""
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": _AGENT},
            timeout=aiohttp.ClientTimeout(total=None),  # by the clock of the account instead
            trace_configs=[_tracing()],
            middlewares=(_once,),
        )

    async def close(self) -> None:
        """Let go at once: calls under way end as if the connection had broken, and later ones do nothing."""
        self._closed = True
        for call in self._calls:
            call.cancel()
        if self._http is not None:
            await self._http.close()

    async def call(
        self,
        method: str,
        route: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        form: aiohttp.FormData | None = None,
        publishes: bool = False,
    ) -> Json:
        """Ask X, and return the JSON object of its answer; `route` is as "/2/tweets".

        With `publishes` others see what it does, so that doubt is an UncertainError, and an answer without `data` is
        doubt; else nothing is ever uncertain. Raises a PluginError, whose `failures.cause` is what X answered.
        """
        try:
            answer = await self.request(method, route, self._worded(params), json, form=form, publishes=publishes)
        except RefusedError as error:
            if not self._may_be_words(params, error):
                raise
            answer = await self.request(method, route, older(params or {}), json, form=form)
            self._older = True
        return self._read(answer, publishes=publishes)

    async def request(
        self,
        method: str,
        route: str,
        params: Mapping[str, Any] | None = None,
        json: Mapping[str, Any] | None = None,
        user_auth: bool = True,  # noqa: FBT001, FBT002 # the SDK's own calls give it so
        *,
        form: aiohttp.FormData | None = None,
        publishes: bool = False,
    ) -> Answer:
        """Send one request, in the account's name, and return the answer if it is a success; see `call`."""
        del user_auth
        trace = SimpleNamespace(connected=False)
        sent = asyncio.ensure_future(self._send(method, route, params or {}, {"json": json, "data": form}, trace))
        self._calls.add(sent)
        try:
            answer = await self._clock.within(TIMEOUT, _unless_cancelled(sent))
        except (
            aiohttp.ClientError,
            OSError,
            ValueError,
            _BrokenError,
            _ClosedError,
        ) as error:  # TimeoutError is an OSError
            raise broken(error, self._attempt(publishes=publishes, sent=bool(trace.connected))) from None
        finally:
            sent.cancel()
            self._calls.discard(sent)
        if answer.time is not None:
            self.skew = answer.time - self._clock.now()
        done = HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES
        if not done or (answer.body.strip() and answer.data is None):
            self._fail(answer, publishes=publishes)
        return answer

    async def _send(
        self,
        method: str,
        route: str,
        params: Mapping[str, Any],
        body: Mapping[str, Any],
        trace: SimpleNamespace,
    ) -> Answer:
        if self._http is None or self._closed:
            raise _ClosedError
        url, query = self._base_url + route, _query(params)
        headers = {"Authorization": self._login.sign(method, url, query, self._clock.now().timestamp())}
        async with self._http.request(
            method,
            URL(f"{url}?{query}" if query else url, encoded=True),
            headers=headers,
            allow_redirects=False,
            proxy=_proxy(url),
            trace_request_ctx=trace,
            **body,
        ) as response:
            said = b""
            while len(said) < _MOST and (more := await response.content.read(_MOST - len(said))):
                said += more
            return Answer(status=response.status, headers=lowered(response.headers), body=said)

    def _read(self, answer: Answer, *, publishes: bool) -> Json:
        body = answer.data or {}
        if publishes and not isinstance(body.get("data"), dict):
            self._fail(answer, publishes=publishes)
        if not publishes and not body.keys() & {"data", "meta"} and (found := problems(body)):
            problem = self._login.hidden(found[0])
            if problem.meaning is Meaning.TROUBLE:
                raise UnavailableError("X has trouble of its own, and doesn't tell what was asked.")
            status = HTTPStatus.NOT_FOUND if problem.meaning is Meaning.ABSENT else HTTPStatus.FORBIDDEN
            raise RefusedError(refusal(status, problem)) from AnsweredError(status, problem)
        return body

    def _fail(self, answer: Answer, *, publishes: bool) -> NoReturn:
        found = problems(answer.data)
        problem = self._login.hidden(found[0]) if found else Problem()
        error = answered(answer, problem, self._attempt(publishes=publishes, sent=True))
        raise error from AnsweredError(answer.status, problem)

    def _attempt(self, *, publishes: bool, sent: bool) -> Attempt:
        return Attempt(host=self.host, publishes=publishes, sent=sent, now=self._clock.now())

    def _worded(self, params: Mapping[str, str] | None) -> Mapping[str, str] | None:
        return older(params) if params and self._older else params

    def _may_be_words(self, params: Mapping[str, str] | None, error: RefusedError) -> bool:
        """Tell whether X may have refused a query for words that only its newer servers know."""
        said = error.__cause__
        bad = isinstance(said, AnsweredError) and said.status == HTTPStatus.BAD_REQUEST
        return bad and not self._older and params is not None and NEWER in params


class _ClosedError(Exception):
    """The account was left."""


async def _unless_cancelled(call: asyncio.Future[Answer]) -> Answer:
    """Await a call; one that was cancelled under its caller, who wasn't, ends with _ClosedError."""
    await asyncio.wait({call})
    if call.cancelled():
        raise _ClosedError
    return call.result()


class _BrokenError(Exception):
    """The connection broke while something was sent or awaited."""


_NO_ANSWER: Final = (aiohttp.ClientError, OSError, ValueError, _BrokenError, _ClosedError)
"""How a request ends without an answer; TimeoutError is an OSError."""


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Send a request once: aiohttp sends a GET or DELETE again by itself when its connection broke.

    The second one would have the nonce of the first, for which X refuses the login.
    """
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _BrokenError from error


def _tracing() -> aiohttp.TraceConfig:
    """Return what notes in a request's trace that it has a connection, so that something may be sent."""

    async def connected(_session: object, context: SimpleNamespace, _params: object) -> None:
        context.trace_request_ctx.connected = True

    tracing = aiohttp.TraceConfig()
    tracing.on_connection_create_end.append(connected)
    return tracing


def _query(params: Mapping[str, Any]) -> str:
    """Encode a query as OAuth 1 signs it (RFC 3986, section 2.3), so that no one on the way need encode it anew."""
    return "&".join(f"{quote(name, safe='~')}={quote(str(value), safe='~')}" for name, value in sorted(params.items()))


def _proxy(url: str) -> str | None:
    """Return the proxy that the environment names; not by the session, which would read passwords from .netrc, too."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)
