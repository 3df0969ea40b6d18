"""What X answers, as values: status, headers, JSON, and what it says of a problem. No I/O.

Sources: https://docs.x.com/x-api/fundamentals/response-codes-and-errors and the problem types of X's OpenAPI document.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any, Final, cast

Json = dict[str, Any]

_REPLY_RULE: Final = ("mentioned or otherwise engaged", "only reply to or quote posts where you are mentioned")
_PARENT_GONE: Final = "deleted or not visible to"
_DUPLICATE: Final = "duplicate content"


class Meaning(Enum):
    """What a problem means, as far as what to do depends on it."""

    DUPLICATE = "the account has published the same text already"
    REPLY_RULE = "the account may not answer this post by the API"
    PARENT_GONE = "what it answers isn't to be seen"
    SUSPENDED = "the account is suspended or locked"
    PERMISSION = "the app hasn't got the right to"
    CREDITS = "the developer account has no credits"
    CAPPED = "the plan's own cap is reached"
    CLOCK = "the request is dated too far from X's time"
    ABSENT = "there is no such thing"
    TROUBLE = "X has trouble of its own"
    OTHER = "something else"


_KINDS: Final = {
    "user-suspended": Meaning.SUSPENDED,
    "user-locked": Meaning.SUSPENDED,
    "oauth1-permissions": Meaning.PERMISSION,
    "client-forbidden": Meaning.PERMISSION,
    "credits": Meaning.CREDITS,
    "usage-capped": Meaning.CAPPED,
    "resource-not-found": Meaning.ABSENT,
    "internal-error": Meaning.TROUBLE,
    "resource-unavailable": Meaning.TROUBLE,
    "field-hydration-failure": Meaning.TROUBLE,
}
_BY_CODE: Final = {
    187: Meaning.DUPLICATE,
    385: Meaning.PARENT_GONE,
    433: Meaning.REPLY_RULE,
    64: Meaning.SUSPENDED,
    326: Meaning.SUSPENDED,
    261: Meaning.PERMISSION,
    135: Meaning.CLOCK,
    34: Meaning.ABSENT,
    144: Meaning.ABSENT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer as it came; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""

    @property
    def data(self) -> Json | None:
        """The body's JSON object; None where it is none."""
        try:
            read: object = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return cast("Json", read) if isinstance(read, dict) else None

    async def json(self) -> Json:
        """Return the JSON object, as the SDK's own calls ask for it; an empty one where there is none."""
        return self.data or {}

    @property
    def time(self) -> datetime | None:
        """X's own time by the Date header, to the second."""
        try:
            at = parsedate_to_datetime(self.headers.get("date", ""))
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        return at.replace(tzinfo=at.tzinfo or UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What X says of a problem: the last part of its type, the old number, and the words for people."""

    kind: str = ""
    code: int | None = None
    detail: str = ""

    @property
    def meaning(self) -> Meaning:
        """What it means: by its type or number where it has one, else by a fragment of X's own sentence.

        Duplicates and the rule about answers have the type `about:blank`, and nothing but their words to be told by.
        """
        if self.kind in _KINDS:
            return _KINDS[self.kind]
        if self.code in _BY_CODE:
            return _BY_CODE[self.code]
        said = self.detail.casefold()
        if _DUPLICATE in said:
            return Meaning.DUPLICATE
        if any(fragment in said for fragment in _REPLY_RULE):
            return Meaning.REPLY_RULE
        return Meaning.PARENT_GONE if _PARENT_GONE in said else Meaning.OTHER


def problems(body: Json | None) -> tuple[Problem, ...]:
    """Read all problems of an answer, in each of the shapes that X gives them."""
    return tuple(_problems(body)) if body else ()


def _problems(body: Json) -> Iterator[Problem]:
    errors = body.get("errors")
    listed = (
        [cast("Json", one) for one in cast("list[object]", errors) if isinstance(one, dict)]
        if isinstance(errors, list)
        else []
    )
    if body.get("type") or body.get("detail"):
        inner = next((str(one["message"]) for one in listed if one.get("message")), "")
        yield _problem(body, inner)
        return
    yield from (_problem(one, "") for one in listed)
    if isinstance(error := body.get("error"), str):
        yield Problem(detail=error)


def _problem(one: Json, inner: str) -> Problem:
    """Read one problem; `inner` says more than a detail that only says that something is invalid."""
    code = one.get("code")
    return Problem(
        kind=str(one.get("type") or "").rstrip("/").rpartition("/")[2],
        code=code if isinstance(code, int) else None,
        detail=inner or str(one.get("detail") or one.get("message") or one.get("title") or ""),
    )
