"""What each failure means: a table over exceptions, statuses, headers and bodies."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest

from bridge.plugin import PluginError, RefusedError, UnauthorizedError, UnavailableError, UncertainError
from plugins.x.answers import Answer, Meaning, Problem, problems
from plugins.x.failures import LAG, AnsweredError, Attempt, answered, broken, cause, meaning, retry_after

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EPOCH = int(NOW.timestamp())
TYPES = "https://api.x.com/2/problems/"
PAGE = b"<!DOCTYPE html><html><body>Over capacity</body></html>"
KEY = cast("Any", SimpleNamespace(host="api.x.com", port=443, is_ssl=True, ssl=True))


def said(status: int, kind: str = "about:blank", detail: str = "No.", **more: Any) -> bytes:
    return json.dumps({"title": "T", "detail": detail, "type": kind, "status": status, **more}).encode()


def coded(code: int, message: str = "No.") -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


def judged(status: int, body: bytes = b"", headers: dict[str, str] | None = None, *, publishes: bool) -> PluginError:
    answer = Answer(status=status, headers=headers or {}, body=body)
    found = problems(answer.data)
    attempt = Attempt(host="api.x.com", publishes=publishes, sent=True, now=NOW)
    return answered(answer, found[0] if found else Problem(), attempt)


ANSWERS: dict[str, tuple[int, bytes, type[PluginError], type[PluginError], str]] = {
    # name: status, body, what it is to a post, what it is to a look, words of the sentence
    "bad request": (400, said(400, TYPES + "invalid-request"), RefusedError, RefusedError, "refused it (400): No."),
    "bad request in detail": (
        400,
        said(400, TYPES + "invalid-request", errors=[{"message": "max_results is too small"}]),
        RefusedError,
        RefusedError,
        "max_results is too small",
    ),
    "no login": (401, said(401, detail="Unauthorized"), UnauthorizedError, UnauthorizedError, "keys and tokens (401)"),
    "no login, not even JSON": (401, PAGE, UnauthorizedError, UnauthorizedError, "keys and tokens (401)."),
    "token revoked, older words": (401, coded(89), UnauthorizedError, UnauthorizedError, "keys and tokens (401): No."),
    "dated wrongly": (401, coded(135), UnauthorizedError, UnauthorizedError, "this machine's clock is wrong"),
    "suspended": (403, said(403, TYPES + "user-suspended"), UnauthorizedError, UnauthorizedError, "suspended"),
    "suspended, at the older address": (
        403,
        said(403, "https://api.twitter.com/2/problems/user-suspended"),
        UnauthorizedError,
        UnauthorizedError,
        "log in on x.com",
    ),
    "suspended, older words": (403, coded(64), UnauthorizedError, UnauthorizedError, "suspended or locked"),
    "locked, older words": (403, coded(326), UnauthorizedError, UnauthorizedError, "suspended or locked"),
    "forbidden": (403, said(403), RefusedError, RefusedError, "refused it (403): No."),
    "forbidden, a page": (403, PAGE, RefusedError, RefusedError, "refused it (403)."),
    "no permission": (403, said(403, TYPES + "oauth1-permissions"), RefusedError, RefusedError, "access token"),
    "plan without it": (403, said(403, TYPES + "client-forbidden"), RefusedError, RefusedError, "developer console"),
    "duplicate": (
        403,
        said(403, detail="This post has duplicate content, no?"),
        RefusedError,
        RefusedError,
        "change a word",
    ),
    "duplicate, older words": (403, coded(187), RefusedError, RefusedError, "no text twice"),
    "rule about answers": (
        403,
        said(403, detail="You were not mentioned or otherwise engaged by the author."),
        RefusedError,
        RefusedError,
        "only who mentioned or quoted the account",
    ),
    "rule about answers, older words": (403, coded(433), RefusedError, RefusedError, "mentioned or quoted"),
    "parent gone": (403, coded(385), RefusedError, RefusedError, "isn't there (any more)"),
    "absent": (404, said(404, TYPES + "resource-not-found"), RefusedError, RefusedError, "refused it (404)"),
    "too large": (413, b"", RefusedError, RefusedError, "refused it (413)."),
    "no credits": (402, said(402, TYPES + "credits"), UnavailableError, UnavailableError, "X wants credits (402)"),
    "no credits, no body": (402, b"", UnavailableError, UnavailableError, "X wants credits (402)"),
    "no credits, by type": (403, said(403, TYPES + "credits"), UnavailableError, UnavailableError, "wants credits"),
    "limited": (429, said(429), UnavailableError, UnavailableError, "fewer requests (429)"),
    "limited, a page": (429, PAGE, UnavailableError, UnavailableError, "fewer requests (429)"),
    "capped": (429, said(429, TYPES + "usage-capped"), UnavailableError, UnavailableError, "cap for this app"),
    "timed out there": (408, b"", UncertainError, UnavailableError, "fault of its own (408)"),
    "moved": (302, b"", UncertainError, UnavailableError, "fault of its own (302)"),
    "broken": (500, said(500), UncertainError, UnavailableError, "fault of its own (500)"),
    "over capacity, a page": (503, PAGE, UncertainError, UnavailableError, "fault of its own (503)"),
    "gateway": (504, b"", UncertainError, UnavailableError, "fault of its own (504)"),
    "suspended by a broken server": (
        502,
        said(502, TYPES + "user-suspended"),
        UncertainError,
        UnavailableError,
        "fault of its own (502)",
    ),
    "well, but a page": (200, PAGE, UncertainError, UnavailableError, "can't be read"),
    "well, but nothing": (200, b"", UncertainError, UnavailableError, "can't be read"),
    "well, but only errors": (
        200,
        json.dumps({"errors": [{"type": TYPES + "resource-not-found", "detail": "No."}]}).encode(),
        UncertainError,
        UnavailableError,
        "can't be read",
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_is_no_success(name: str) -> None:
    status, body, to_a_post, to_a_look, words = ANSWERS[name]
    for publishes, kind in ((True, to_a_post), (False, to_a_look)):
        error = judged(status, body, publishes=publishes)
        assert type(error) is kind, (name, publishes)
        assert words in str(error)
        assert str(error).endswith(".")
        assert "\n" not in str(error)
        if isinstance(error, UncertainError):
            assert error.answered
            assert error.retry_after == LAG


BREAKS: dict[str, tuple[Exception, str]] = {
    "no address": (aiohttp.ClientConnectorDNSError(KEY, socket.gaierror(-2, "?")), "its name has no address"),
    "certificate": (aiohttp.ClientConnectorCertificateError(KEY, ValueError("?")), "can't be verified"),
    "tls": (aiohttp.ClientConnectorSSLError(KEY, OSError(1, "?")), "doesn't speak HTTPS"),
    "refused": (aiohttp.ClientConnectorError(KEY, ConnectionRefusedError(111, "?")), "refuses connections"),
    "proxy": (aiohttp.ClientProxyConnectionError(KEY, ConnectionRefusedError(111, "?")), "The proxy"),
    "slow to connect": (TimeoutError(), "doesn't accept connections in time"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_was_never_sent_is_certainly_not_published(name: str) -> None:
    error, words = BREAKS[name]
    for publishes in (True, False):
        result = broken(error, Attempt(host="api.x.com", publishes=publishes, sent=False, now=NOW))
        assert type(result) is UnavailableError
        assert words in str(result)


@pytest.mark.parametrize(
    "error",
    [
        aiohttp.ServerDisconnectedError(),
        aiohttp.ClientOSError(104, "reset"),
        aiohttp.ClientPayloadError("cut"),
        TimeoutError(),
        OSError("?"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_broke_after_it_was_sent_is_in_doubt(error: Exception) -> None:
    sent = broken(error, Attempt(host="api.x.com", publishes=True, sent=True, now=NOW))
    assert isinstance(sent, UncertainError)
    assert not sent.answered
    assert sent.retry_after == LAG
    looked = broken(error, Attempt(host="api.x.com", publishes=False, sent=True, now=NOW))
    assert type(looked) is UnavailableError


LIMITS: dict[str, tuple[dict[str, str], float | None]] = {
    "none": ({}, None),
    "seconds": ({"retry-after": "7"}, 7),
    "seconds and a half": ({"retry-after": "7.5"}, 7.5),
    "a date": ({"retry-after": "Fri, 02 Jan 2026 03:05:05 GMT"}, 60),
    "an epoch in the place of seconds": ({"retry-after": str(EPOCH + 90)}, 90),
    "reset": ({"x-rate-limit-reset": str(EPOCH + 900)}, 900),
    "retry-after before reset": ({"retry-after": "7", "x-rate-limit-reset": str(EPOCH + 900)}, 7),
    "reset has passed": ({"x-rate-limit-reset": str(EPOCH - 5)}, None),
    "garbage": ({"retry-after": "soon", "x-rate-limit-reset": "later", "x-user-limit-24hour-reset": ""}, None),
    "not a number": ({"retry-after": "nan", "x-rate-limit-reset": "inf"}, None),
    "negative": ({"retry-after": "-3"}, None),
    "zero": ({"retry-after": "0"}, None),
    "huge": ({"x-rate-limit-reset": "9" * 400}, None),
    "very late": ({"x-rate-limit-reset": str(EPOCH + 10**8)}, 86_400),
    "the day's is used up": (
        {
            "x-rate-limit-remaining": "99",
            "x-rate-limit-reset": str(EPOCH + 900),
            "x-user-limit-24hour-remaining": "0",
            "x-user-limit-24hour-reset": str(EPOCH + 40_000),
        },
        40_000,
    ),
    "the app's day is used up": (
        {"x-app-limit-24hour-remaining": "0", "x-app-limit-24hour-reset": str(EPOCH + 50_000)},
        50_000,
    ),
    "the day's isn't used up": (
        {
            "x-rate-limit-reset": str(EPOCH + 900),
            "x-user-limit-24hour-remaining": "3",
            "x-user-limit-24hour-reset": str(EPOCH + 40_000),
        },
        900,
    ),
    "only the day's": ({"x-user-limit-24hour-reset": str(EPOCH + 40_000)}, 40_000),
    "used up, but garbage": (
        {
            "x-user-limit-24hour-remaining": "0",
            "x-user-limit-24hour-reset": "x",
            "x-rate-limit-reset": str(EPOCH + 60),
        },
        60,
    ),
}


@pytest.mark.parametrize("name", LIMITS)
def test_how_long_to_leave_it_alone(name: str) -> None:
    headers, seconds = LIMITS[name]
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert retry_after(Answer(status=429, headers=headers), NOW) == expected


@pytest.mark.parametrize("minutes", [-90, -3, 0, 3, 90])
def test_times_are_those_of_x(minutes: int) -> None:
    there = NOW + timedelta(minutes=minutes)
    headers = {"date": format_datetime(there, usegmt=True), "x-rate-limit-reset": str(int(there.timestamp()) + 60)}
    assert retry_after(Answer(status=429, headers=headers), NOW) == timedelta(minutes=1)


def test_a_date_that_is_none_leaves_our_own_time() -> None:
    headers = {"date": "yesterday", "x-rate-limit-reset": str(EPOCH + 60)}
    assert retry_after(Answer(status=429, headers=headers), NOW) == timedelta(minutes=1)


def test_a_login_that_is_refused_for_the_clock_says_so() -> None:
    headers = {"date": format_datetime(NOW + timedelta(minutes=12), usegmt=True)}
    assert "clock is wrong by 12 minutes" in str(judged(401, said(401), headers, publishes=True))
    near = {"date": format_datetime(NOW + timedelta(minutes=1), usegmt=True)}
    assert "clock" not in str(judged(401, said(401), near, publishes=True))


def test_what_x_says_is_cleaned_and_short() -> None:
    error = judged(403, said(403, detail="No\n\nway\u202e\x07 " + "x" * 1000), publishes=True)
    assert str(error).startswith("X refused it (403): No way")
    assert len(str(error)) < 400


@pytest.mark.parametrize(
    "body", [b"[]", b"null", b'"no"', b"{}", b'{"errors": "no"}', b'{"errors": [1, null]}', b"[" * 10_000]
)
def test_no_body_crashes_the_reading_of_it(body: bytes) -> None:
    assert problems(Answer(status=400, body=body).data) == ()


def test_errors_of_any_shape_are_read() -> None:
    assert problems({"error": "Invalid token"}) == (Problem(detail="Invalid token"),)
    assert problems({"errors": [{"title": "Gone", "type": TYPES + "resource-not-found"}]})[0].meaning is Meaning.ABSENT
    assert problems({"title": "Nothing more"}) == ()


def test_the_cause_is_kept_beside_the_sentence() -> None:
    error = RefusedError("no")
    assert cause(error) is None
    assert meaning(error) is Meaning.OTHER
    error.__cause__ = AnsweredError(403, Problem(code=187))
    assert meaning(error) is Meaning.DUPLICATE
    error.__cause__ = AnsweredError(404, Problem())
    assert meaning(error) is Meaning.ABSENT
    error.__cause__ = AnsweredError(500, Problem(kind="resource-not-found"))
    assert meaning(error) is Meaning.OTHER
