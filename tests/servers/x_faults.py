"""What X in particular does wrong, beside what `faults` has for every platform."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.servers.faults import Commit, Fault, How

if TYPE_CHECKING:
    from collections.abc import Mapping

PROBLEMS: Final = "https://api.x.com/2/problems/"
BLANK: Final = "about:blank"

_TITLES: Final = {
    400: "Invalid Request",
    401: "Unauthorized",
    402: "CreditsDepleted",
    403: "Forbidden",
    404: "Not Found Error",
    429: "Too Many Requests",
    503: "Service Unavailable",
}
_PAGE: Final = "<!DOCTYPE html><html><head><title>X</title></head><body>Over capacity</body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Fault):
    """A fault with an exact body; `shift` moves the header Date by so many seconds."""

    body: str = ""
    content_type: str = "application/json"
    shift: float = 0.0


def problem(status: int, detail: str, kind: str = BLANK, **more: Any) -> dict[str, Any]:
    """Return an error as X writes it: a problem (RFC 7807)."""
    return {"title": _TITLES.get(status, "Error"), "detail": detail, "type": kind, "status": status, **more}


def answer(status: int, body: Mapping[str, Any] | str, *, committed: bool = False, **how: Any) -> Answer:
    """Answer with a status and a body, a text or JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    commit = Commit.FIRST if committed else Commit.NEVER
    return Answer(how=How.ANSWER, commit=commit, status=status, body=text, **how)


def limited(**headers: str) -> Answer:
    """Answer 429 with these headers: `retry_after="7"`, `x_rate_limit_reset="1767323045"`, or none at all."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer(429, problem(429, "Too Many Requests"), headers=named)


def out_of_credits() -> Answer:
    """Answer 402: the developer account has no money left."""
    return answer(402, problem(402, "The account has no credits for this request.", PROBLEMS + "credits"))


def over_capacity(*, committed: bool = False) -> Answer:
    """Answer 503 with a page for people."""
    return answer(503, _PAGE, committed=committed, content_type="text/html")


def page(*, committed: bool = True) -> Answer:
    """Answer 200 with a page for people."""
    return answer(200, _PAGE, committed=committed, content_type="text/html")


def no_data(*, committed: bool = True, status: int = 200) -> Answer:
    """Answer well, with errors and without data."""
    errors = [problem(404, "Could not find it.", PROBLEMS + "resource-not-found", resource_type="tweet")]
    return answer(status, {"errors": errors}, committed=committed)


def empty(*, committed: bool = True, status: int = 200) -> Answer:
    """Answer well, with an object that has nothing in it."""
    return answer(status, {}, committed=committed)


def suspended() -> Answer:
    """Answer 403 as to an account that X has suspended."""
    return answer(403, problem(403, "This account is suspended.", PROBLEMS + "user-suspended"))


def locked() -> Answer:
    """Answer 403 as to an account that X has locked for a while, in the words of the old API."""
    return answer(403, {"errors": [{"code": 326, "message": "This account is temporarily locked."}]})


def not_permitted() -> Answer:
    """Answer 403 as to an app whose tokens may only read."""
    detail = "The app has no write permission."
    return answer(403, problem(403, detail, PROBLEMS + "oauth1-permissions"))


def forbidden(detail: str = "Nothing of the kind is allowed here.") -> Answer:
    """Answer 403 with nothing that a program could tell it from others by."""
    return answer(403, problem(403, detail))


def skewed(seconds: float) -> Answer:
    """Answer 401 because of the time in the signature; the Date of the answer is so many seconds from it."""
    return answer(401, problem(401, "Unauthorized"), shift=seconds)
