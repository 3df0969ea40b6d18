"""What X charges: one table, in millionths of a US dollar, as its page of prices told on 28 August 2026.

The page is docs.x.com/x-api/getting-started/pricing. Writing is charged for each request, reading for each resource
that an answer holds, and the same resource only once in a day (UTC), which X promises softly and nobody here counts
on. What an account reads of its own through an app of its own ("owned reads") is cheaper: its mentions and its posts
among it. X may change its prices at any time; the one place to follow it is this table.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from bridge.plugin import Money

CURRENCY: Final = "USD"
_MICRO: Final = 1_000_000


class Kind(StrEnum):
    """Something that X charges for."""

    POST = "post"
    POST_WITH_LINK = "post with a link"
    REPLY = "reply"
    """An answer to somebody who called on the account."""
    DELETE = "deletion"
    INTERACT = "interaction"
    """A repost or a like."""
    MANAGE = "management"
    SEND_MESSAGE = "message sent"
    UPLOAD = "upload"
    """The page names no price for it."""
    DESCRIBE = "description"
    """The alternative text of one picture."""
    READ_MENTION = "mention read"
    READ_POST = "post read"
    READ_USER = "user read"
    READ_MESSAGE = "message read"
    READ_MEDIA = "media read"
    READ_SELF = "own profile read"
    """Who the account is, asked when it is entered."""
    LOOK = "own post read"
    """One of the account's own posts, read to find out whether something arrived."""


PRICES: Final = MappingProxyType(
    {
        Kind.POST: 15_000,
        Kind.POST_WITH_LINK: 200_000,
        Kind.REPLY: 10_000,
        Kind.DELETE: 10_000,
        Kind.INTERACT: 15_000,
        Kind.MANAGE: 5_000,
        Kind.SEND_MESSAGE: 15_000,
        Kind.UPLOAD: 0,
        Kind.DESCRIBE: 5_000,
        Kind.READ_MENTION: 1_000,
        Kind.READ_POST: 5_000,
        Kind.READ_USER: 10_000,
        Kind.READ_MESSAGE: 10_000,
        Kind.READ_MEDIA: 5_000,
        Kind.READ_SELF: 10_000,
        Kind.LOOK: 1_000,
    }
)
"""Micro-dollars for one of each."""


def price(kind: Kind, count: int = 1) -> int:
    """Return what so many cost, in micro-dollars."""
    return PRICES[kind] * count


def of_post(*, link: bool, summoned: bool = False) -> Kind:
    """Return what publishing is charged as; an answer with a link counts as the dearer of the two.

    `summoned` says that it answers somebody who called on the account; where nobody knows, it is left False.
    """
    if link:
        return Kind.POST_WITH_LINK
    return Kind.REPLY if summoned else Kind.POST


def dollars(micro: int) -> Decimal:
    """Return micro-dollars as dollars, exactly."""
    return Decimal(micro) / _MICRO


def micro(amount: Decimal) -> int:
    """Return dollars as micro-dollars; what is less than one is left out."""
    return int(amount * _MICRO)


def money(micro: int, why: str = "") -> Money:
    """Return micro-dollars as the contract says them."""
    return Money(amount=dollars(micro), currency=CURRENCY, why=why)


def said(micro: int) -> str:
    """Return micro-dollars as people read them: `0.2 USD`."""
    return f"{dollars(micro).normalize():f} {CURRENCY}"
