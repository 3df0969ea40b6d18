"""What goes out: a post, the key of its delivery, and what a platform made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from bridge.domain.ids import PostId

Memo = Mapping[str, str]
"""What a plugin wants back later (a revision, media ids); stored beside the id, never read by the core."""


class Visibility(StrEnum):
    """Who may see a post; a platform without the distinction takes the nearest narrower one it has."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    PRIVATE = "private"
    DIRECT = "direct"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """A post on a platform that another one answers or follows."""

    id: PostId
    memo: Memo = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """One picture or recording, complete in memory."""

    data: bytes
    type: str
    alt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What one account shall publish, frozen once its first attempt began."""

    text: str
    in_reply_to: Ref | None = None
    media: tuple[Media, ...] = ()
    visibility: Visibility | None = None
    warning: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """The identity of one delivery, the same for every attempt at it.

    A plugin derives the platform's own idempotency key or record id from it.
    """

    token: str
    minted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What a platform answered: the post is there."""

    id: PostId
    url: str | None = None
    memo: Memo = field(default_factory=dict[str, str])

    @property
    def ref(self) -> Ref:
        """The post as something to answer or follow."""
        return Ref(id=self.id, memo=self.memo)


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """What a call will cost, in units of the named currency (ISO 4217).

    `why` is a phrase that explains the price to people, as in `with a link; 0.015 USD without`, or nothing.
    """

    amount: Decimal
    currency: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What an account has spent, by its own count: on this day and in this month, as the platform counts both.

    The budgets are what it may spend at most in a day and in a month, None where there is no such limit; `forecast` is
    what the whole month will come to if it goes on like this, None where nothing can be said of that.
    """

    today: Money
    month: Money
    daily_budget: Money | None = None
    monthly_budget: Money | None = None
    forecast: Money | None = None
