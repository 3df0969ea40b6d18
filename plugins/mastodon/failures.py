"""The SDK's failures as our errors, by type and status, never by text, which servers translate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from ssl import SSLCertVerificationError
from typing import Final

import requests
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError, SSLError

from bridge.plugin import (
    PluginError,
    RefusedError,
    UnauthorizedError,
    UnavailableError,
    UncertainError,
    clean_inbound,
    to_text,
)
from plugins.mastodon.transport import Answer, MovedError

_SENTENCE: Final = 300
_LONGEST_WAIT: Final = timedelta(days=1)
_UNDECIDED: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.MISDIRECTED_REQUEST, HTTPStatus.TOO_EARLY})
_NEVER_SENT: Final = (
    (NameResolutionError, "{host} can't be found: its name has no address."),
    (SSLCertVerificationError, "The certificate of {host} can't be verified."),
    (NewConnectionError, "{host} refuses connections or can't be reached."),  # before ConnectTimeoutError, its base
    (ConnectTimeoutError, "{host} doesn't accept connections in time."),
    (requests.exceptions.ConnectTimeout, "{host} doesn't accept connections in time."),
    (SSLError, "{host} doesn't speak HTTPS as it should."),
    (requests.exceptions.SSLError, "{host} doesn't speak HTTPS as it should."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request that failed: what is known of it.

    `connected` tells whether a connection was made for it, so that something may have been sent. `secret` is the
    token, which no sentence of the server's may repeat.
    """

    host: str
    writes: bool
    connected: bool
    answer: Answer | None
    now: datetime
    secret: str = field(default="", repr=False)


def failure(error: Exception, attempt: Attempt) -> PluginError:
    """Tell what a failed request means for what was asked for."""
    if attempt.answer is not None:
        return _answered(error, attempt, attempt.answer)
    causes = tuple(_causes(error))
    for cause in causes:
        if isinstance(cause, MovedError):
            return UnavailableError(f"{attempt.host} has moved to {cause.origin}: set base_url to that address.")
    if not attempt.connected:
        for kind, sentence in _NEVER_SENT:
            if any(isinstance(cause, kind) for cause in causes):
                return UnavailableError(sentence.format(host=attempt.host))
    if attempt.writes:
        return UncertainError(f"The connection to {attempt.host} broke before its answer came.")
    return UnavailableError(f"{attempt.host} doesn't answer.")


def _answered(error: Exception, attempt: Attempt, answer: Answer) -> PluginError:
    host, status = attempt.host, answer.status
    wait = retry_after(answer, attempt.now)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return UnavailableError(f"{host} asks for fewer requests (429).", retry_after=wait)
    if status == HTTPStatus.UNAUTHORIZED:
        return UnauthorizedError(f"{host} doesn't accept the access token (401){_said(error, attempt)}")
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return _doubt(f"{host} gave an answer that can't be read.", attempt, wait)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status < HTTPStatus.BAD_REQUEST or status in _UNDECIDED:
        return _doubt(f"{host} has a fault of its own ({status}).", attempt, wait)
    return RefusedError(f"{host} refused it ({status}){_said(error, attempt)}")


def _doubt(sentence: str, attempt: Attempt, wait: timedelta | None) -> PluginError:
    if attempt.writes:
        return UncertainError(sentence, answered=True, retry_after=wait)
    return UnavailableError(sentence, retry_after=wait)


def retry_after(answer: Answer, now: datetime) -> timedelta | None:
    """Return how long the server asks to be left alone: by Retry-After, else by X-RateLimit-Reset; a day at most.

    Both come as a time or a number, the time on the server's clock; what makes no sense counts as absent.
    """
    for name in ("retry-after", "x-ratelimit-reset"):
        wait = _wait(answer.headers.get(name, "").strip(), server_time(answer) or now, relative=name == "retry-after")
        if wait is not None and timedelta(0) < wait:
            return min(wait, _LONGEST_WAIT)
    return None


def server_time(answer: Answer) -> datetime | None:
    """Return the server's own time by its Date header, to the second."""
    return _date(answer.headers.get("date", ""))


def _wait(text: str, now: datetime, *, relative: bool) -> timedelta | None:
    try:
        number = float(text)
    except ValueError:
        at = _iso(text) or _date(text)
        return at - now if at else None
    if not math.isfinite(number):
        return None
    seconds = number if relative else number - now.timestamp()
    return timedelta(seconds=max(-1.0, min(seconds, _LONGEST_WAIT.total_seconds())))


def _iso(text: str) -> datetime | None:
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return None
    return value.replace(tzinfo=value.tzinfo or UTC)


def _date(text: str) -> datetime | None:
    try:
        value = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return value.replace(tzinfo=value.tzinfo or UTC)


def _said(error: Exception, attempt: Attempt) -> str:
    """Return the end of our sentence: the server's own, cleaned and short, where it gave one."""
    said = error.args[3] if len(error.args) > 3 and isinstance(error.args[3], str) else ""  # noqa: PLR2004 # see below
    # Mastodon.py's API errors are (its own words, status, reason, what the server's JSON says under "error").
    if attempt.secret:
        said = said.replace(attempt.secret, "...")
    sentence = " ".join(clean_inbound(to_text(said), _SENTENCE).split())
    return f": {sentence}" if sentence else "."


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all that led to it, each once."""
    waiting: list[object] = [error]
    met: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if not isinstance(cause, BaseException) or id(cause) in met:
            continue
        met.add(id(cause))
        yield cause
        waiting += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
