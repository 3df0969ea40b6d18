"""What goes wrong with a request, as our errors: by type and status; by X's words only where it gives nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import aiohttp

from bridge.plugin import (
    PluginError,
    RefusedError,
    UnauthorizedError,
    UnavailableError,
    UncertainError,
    clean_inbound,
)
from plugins.x.answers import Answer, Meaning, Problem

LAG: Final = timedelta(seconds=15)
"""How long after it was made a post may be missing in the account's own list."""

_SENTENCE: Final = 300
_LONGEST_WAIT: Final = timedelta(days=1)
_CREDITS_WAIT: Final = timedelta(minutes=15)
_SKEW: Final = timedelta(minutes=4)
"""X refuses what is dated more than five minutes from its own time."""
_UNDECIDED: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.MISDIRECTED_REQUEST, HTTPStatus.TOO_EARLY})
_LONG_LIMITS: Final = ("x-user-limit-24hour", "x-app-limit-24hour")
_NEVER_SENT: Final = (
    (aiohttp.ClientConnectorDNSError, "{host} can't be found: its name has no address."),
    (aiohttp.ClientConnectorCertificateError, "The certificate of {host} can't be verified."),
    (aiohttp.ClientSSLError, "{host} doesn't speak HTTPS as it should."),
    (aiohttp.ServerFingerprintMismatch, "{host} has another certificate than it should."),
    (aiohttp.ClientProxyConnectionError, "The proxy on the way to {host} can't be reached."),
    (aiohttp.ClientHttpProxyError, "The proxy on the way to {host} refuses to connect."),
    (aiohttp.ClientConnectorError, "{host} refuses connections or can't be reached."),
)


class AnsweredError(Exception):
    """The cause of an error that X answered with: what a caller may want to know beyond the sentence."""

    def __init__(self, status: int, problem: Problem) -> None:
        """Keep the status and the first problem."""
        super().__init__(f"status {status}")
        self.status = status
        self.problem = problem


def cause(error: BaseException) -> AnsweredError | None:
    """Return what X answered, where an error comes from an answer."""
    return error.__cause__ if isinstance(error.__cause__, AnsweredError) else None


def meaning(error: BaseException) -> Meaning:
    """Return what X's answer means; OTHER where there was none to rely on; a 404 is ABSENT whatever it says."""
    answered = cause(error)
    if answered is None or answered.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Meaning.OTHER
    return Meaning.ABSENT if answered.status == HTTPStatus.NOT_FOUND else answered.problem.meaning


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request that failed: what is known of it.

    `publishes` says that others would see what it does; `sent` that a connection was made, so that something may have
    arrived; `now` is this machine's time.
    """

    host: str
    publishes: bool
    sent: bool
    now: datetime


def broken(error: BaseException, attempt: Attempt) -> PluginError:
    """Tell what it means that no answer came."""
    if not attempt.sent or isinstance(error, aiohttp.ClientConnectorError):
        for kind, sentence in _NEVER_SENT:
            if isinstance(error, kind):
                return UnavailableError(sentence.format(host=attempt.host))
        if not attempt.sent:
            return UnavailableError(f"{attempt.host} doesn't accept connections in time.")
    if attempt.publishes:
        return UncertainError(f"The connection to {attempt.host} broke before its answer came.", retry_after=LAG)
    return UnavailableError(f"{attempt.host} doesn't answer.")


def answered(answer: Answer, problem: Problem, attempt: Attempt) -> PluginError:
    """Tell what an answer that is no success means, or can't be read; `problem` is the first that it speaks of."""
    status, wait = answer.status, retry_after(answer, attempt.now)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        capped = problem.meaning is Meaning.CAPPED
        why = "X's own cap for this app is reached (429)." if capped else "X asks for fewer requests (429)."
        return UnavailableError(why, retry_after=wait)
    if status == HTTPStatus.PAYMENT_REQUIRED or problem.meaning is Meaning.CREDITS:
        return UnavailableError(
            "X wants credits (402): buy some in X's developer console.", retry_after=wait or _CREDITS_WAIT
        )
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return _doubt("X gave an answer that can't be read.", attempt, wait)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status < HTTPStatus.BAD_REQUEST or status in _UNDECIDED:
        return _doubt(f"X has a fault of its own ({status}).", attempt, wait)
    if status == HTTPStatus.UNAUTHORIZED or problem.meaning in {Meaning.SUSPENDED, Meaning.CLOCK}:
        return UnauthorizedError(_no_login(answer, problem, attempt))
    return RefusedError(refusal(status, problem))


def refusal(status: int, problem: Problem) -> str:
    """Return the sentence for what X refuses, and will refuse again."""
    match problem.meaning:
        case Meaning.DUPLICATE:
            return "X takes no text twice, and has this one already: change a word of it."
        case Meaning.REPLY_RULE:
            return (
                "X lets programs answer only who mentioned or quoted the account, and this post doesn't: "
                "answer it on x.com, or mention its author in a post of its own."
            )
        case Meaning.PARENT_GONE:
            return "What it answers isn't there (any more), or its author doesn't let the account see it."
        case Meaning.PERMISSION:
            return (
                "The app may not do this on X: give it the right to in X's developer console, and then make a new "
                f"access token{_said(problem)}"
            )
        case _:
            return f"X refused it ({status}){_said(problem)}"


def _no_login(answer: Answer, problem: Problem, attempt: Attempt) -> str:
    if problem.meaning is Meaning.SUSPENDED:
        return f"X has suspended or locked the account: log in on x.com to see what it wants{_said(problem)}"
    off = answer.time - attempt.now if answer.time else timedelta(0)
    if abs(off) > _SKEW or problem.meaning is Meaning.CLOCK:
        by = f" by {abs(off).total_seconds() / 60:.0f} minutes" if answer.time else ""
        return f"X doesn't accept the login, because this machine's clock is wrong{by}: set it right ({answer.status})."
    return f"X doesn't accept the account's keys and tokens ({answer.status}){_said(problem)}"


def _doubt(sentence: str, attempt: Attempt, wait: timedelta | None) -> PluginError:
    if attempt.publishes:
        return UncertainError(sentence, answered=True, retry_after=max(wait or LAG, LAG))
    return UnavailableError(sentence, retry_after=wait)


def _said(problem: Problem) -> str:
    """Return the end of our sentence: X's own, cleaned and short, where it gave one."""
    sentence = " ".join(clean_inbound(problem.detail, _SENTENCE).split())
    if not sentence:
        return "."
    return f": {sentence}" if sentence.endswith((".", "?", "!", "…")) else f": {sentence}."


def retry_after(answer: Answer, now: datetime) -> timedelta | None:
    """Return how long X asks to be left alone, by its own clock; a day at most, and None where nothing makes sense.

    `retry-after` counts first. Else it is the latest end of those limits of which nothing is left, and else that of
    the usual one: several limits apply at once, of 15 minutes and of 24 hours, and each has its own headers
    (https://docs.x.com/x-api/fundamentals/rate-limits).
    """
    headers = answer.headers
    there = answer.time or now
    if wait := _positive(_relative(headers.get("retry-after", ""), there)):
        return wait
    limits = ("x-rate-limit", *_LONG_LIMITS)
    used_up = [name for name in limits if headers.get(f"{name}-remaining", "").strip() == "0"]
    for names in (used_up, limits[:1], limits[1:]):
        waits = [_positive(_until(headers.get(f"{name}-reset", ""), there)) for name in names]
        if known := [wait for wait in waits if wait is not None]:
            return max(known)
    return None


def _positive(wait: timedelta | None) -> timedelta | None:
    return min(wait, _LONGEST_WAIT) if wait is not None and wait > timedelta(0) else None


def _relative(text: str, there: datetime) -> timedelta | None:
    number = _number(text)
    if number is not None:
        # Some write the time itself instead of a length: no limit of X's is longer than a day.
        epoch = number > 10 * _LONGEST_WAIT.total_seconds()
        return _until(text, there) if epoch else timedelta(seconds=number)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at.replace(tzinfo=at.tzinfo or UTC) - there


def _until(text: str, there: datetime) -> timedelta | None:
    number = _number(text)
    if number is None:
        return None
    seconds = number - there.timestamp()
    return timedelta(seconds=max(-1.0, min(seconds, _LONGEST_WAIT.total_seconds())))


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return max(-1.0, min(number, 1e12)) if math.isfinite(number) else None


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers with their names in lower case; of those that come twice the first."""
    kept: dict[str, str] = {}
    for name, value in headers.items():
        kept.setdefault(name.lower(), value)
    return kept
