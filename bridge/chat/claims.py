"""A notice about to be sent: its body, written as things stand now, and the message that it corrects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from bridge.chat.outgoing import corrects
from bridge.domain.ids import short
from bridge.domain.notices import NoticeKind
from bridge.domain.pieces import beginning
from bridge.store import notices, posts

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import TypeAlias

    from bridge.domain.notices import Notice
    from bridge.store import Tx
    from bridge.store.notices import Root

    Render: TypeAlias = Callable[[Tx, Notice], str]

_log = structlog.stdlib.get_logger(__name__)

_BUGS: Final = (LookupError, ValueError, TypeError, AttributeError)


@dataclass(frozen=True, slots=True)
class Claim:
    """A notice that is marked as being sent; `replaces` is the id of the message that it corrects.

    `below` is the message that a client shows it as a reply to.
    """

    notice: Notice
    body: str
    replaces: str | None
    below: Root | None = None


def begin(tx: Tx, notice: Notice, render: Render, *, nick: str | None, now: datetime) -> Claim | None:
    """Mark a ready notice as being sent, before it is; None where there is nothing to send after all.

    A receipt that reads as it does already is dropped: a correction that changes nothing only makes clients flicker.
    """
    body, replaces = notice.body, None
    if notice.kind is NoticeKind.RECEIPT and notice.receipt is not None:
        root = notices.living(tx, notice.target, notice.receipt)
        replaces = corrects(root, nick, now)
        body = beginning(_written(tx, notice, render))
        if root is not None and replaces is not None and root.shown == body:
            notices.drop(tx, notice.id, "it would change nothing")
            return None
    if not body.strip():
        notices.drop(tx, notice.id, "there is nothing to say")
        return None
    if notices.begin(tx, notice.id, body=body, corrects=replaces, nick=nick, at=now):
        return Claim(notice, body, replaces, _below(tx, notice))
    return None


def _below(tx: Tx, notice: Notice) -> Root | None:
    """Return the receipt of the post that a customer answered, where the conversation was told of it."""
    stored = None if notice.answers is None else posts.get(tx, notice.answers)
    return None if stored is None else notices.living(tx, notice.target, stored.receipt)


def _written(tx: Tx, receipt: Notice, render: Render) -> str:
    try:
        return render(tx, receipt)
    except _BUGS:
        name = short(receipt.receipt or 0)
        _log.exception("a receipt could not be written", post=name)
        return f"[{name}] its receipt can't be shown: an error of the bridge, see its log"
