"""A notice about to be sent: its body, written as things stand now, and the message that it corrects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from bridge.chat.outgoing import corrects
from bridge.domain.ids import short
from bridge.domain.notices import NoticeKind, NoticeState
from bridge.domain.people import Place
from bridge.domain.pieces import beginning
from bridge.store import notices, posts, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import TypeAlias

    from bridge.domain.notices import Notice
    from bridge.store import Tx
    from bridge.store.notices import Root

    Render: TypeAlias = Callable[[Tx, Notice], str]

_log = structlog.stdlib.get_logger(__name__)

NAMED_AFTER: Final = timedelta(seconds=1)
"""When it is looked again whether a line has a name by now."""

_BUGS: Final = (LookupError, ValueError, TypeError, AttributeError)


@dataclass(frozen=True, slots=True)
class Claim:
    """A notice that is marked as being sent; `replaces` is the id of the message that it corrects.

    `below` is the message that a client shows it as a reply to, `about` the name of the one that it does something to.
    """

    notice: Notice
    body: str
    replaces: str | None
    below: Root | None = None
    about: str | None = None


def begin(tx: Tx, notice: Notice, render: Render, *, nick: str | None, now: datetime) -> Claim | None:
    """Mark a ready notice as being sent, before it is; None where there is nothing to send after all.

    A receipt that reads as it does already is dropped: a correction that changes nothing only makes clients flicker.
    """
    if notice.about is not None:
        return _deed(tx, notice, notice.about, nick=nick, now=now)
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


def _deed(tx: Tx, notice: Notice, about: str, *, nick: str | None, now: datetime) -> Claim | None:
    """Begin a reaction or a retraction, once the line that it is about can be named as it is known there.

    In a room that is the room's own id of it, which its echo brings (XEP-0424 and XEP-0444). Under another nick than
    the line's own nobody would believe it.
    """
    line = shown.message(tx, about)
    if line is not None and line.state in {NoticeState.READY, NoticeState.SENDING}:
        shown.postpone(tx, notice.id, now + NAMED_AFTER)
        return None
    done = line is not None and line.state == NoticeState.DONE and line.nick == nick
    name = None if line is None or not done else line.stanza_id if notice.target.place is Place.ROOM else about
    if name is None:
        notices.drop(tx, notice.id, "nothing is there that it could be done to")
        return None
    if notices.begin(tx, notice.id, body=notice.body, corrects=None, nick=nick, at=now):
        return Claim(notice, notice.body, None, about=name)
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
