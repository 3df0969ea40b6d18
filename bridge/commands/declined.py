"""What isn't done, and how its author hears of it: from strangers, encrypted, written by a machine, or too old.

All but what is too old is told so seldom that two machines can never keep each other talking.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from bridge.commands.incoming import Content
from bridge.commands.posting import shortened
from bridge.commands.waiting import since
from bridge.domain.people import Place, Target
from bridge.domain.wording import NOTHING
from bridge.store import cursors, notices

if TYPE_CHECKING:
    from bridge.commands.context import Turn

STRANGERS_EVERY: Final = timedelta(days=1)
"""A stranger in a direct chat is answered no more often than this."""

ENCRYPTED_EVERY: Final = timedelta(hours=1)
"""Somebody who sends the bot what it can't read is told so no more often than this."""

ENCRYPTED_TALK_EVERY: Final = timedelta(days=7)
"""As ENCRYPTED_EVERY, for what is said in a room, most of which is no business of the bot's."""

AUTOMATIC_EVERY: Final = timedelta(days=1)

LATE_SHOWN: Final = 20
"""Lines that one notice of what wasn't done quotes; the others are counted."""

STRANGER: Final = f"I work for a team that you aren't in, so I can't do anything for you. {NOTHING}"
ENCRYPTED: Final = f"I can't read encrypted messages: send it without end-to-end encryption. {NOTHING}"


def to_stranger(turn: Turn) -> None:
    """Answer somebody who has no role."""
    seldom(turn, "stranger", STRANGERS_EVERY, STRANGER)


def to_encrypted(turn: Turn) -> None:
    """Tell the author of what can't be read so, in a direct chat, wherever it was said."""
    incoming = turn.context.incoming
    if incoming.place is Place.DIRECT:
        seldom(turn, "encrypted", ENCRYPTED_EVERY, ENCRYPTED)
        return
    room = incoming.source.jid
    words = f"I can't read what you send encrypted to {room}. If some of it is for me, send that unencrypted. {NOTHING}"
    seldom(turn, f"encrypted:{room}", ENCRYPTED_TALK_EVERY, words)


def to_automatic(turn: Turn) -> None:
    """Tell somebody whose client answers by itself that its answer isn't taken for a status."""
    words = (
        "That is your away message, so I took it for an automatic answer of your client. "
        f"{turn.context.verb('post TEXT')} posts it all the same. {NOTHING}"
    )
    seldom(turn, "automatic", AUTOMATIC_EVERY, words)


def too_late(turn: Turn) -> None:
    """List a line that was said too long ago in the one notice that tells the conversation of all such lines."""
    source = turn.context.source
    name = f"{cursors.TOLD}late:{source.place.value}:{source.jid}"
    owed = _Late.read(cursors.get(turn.tx, name)).with_line(_quoted(turn))
    number = owed.notice
    if number is None or not notices.revise(turn.tx, number, owed.body()):
        # What was told before is on its way, so this is the first line of another notice.
        fresh = _Late().with_line(_quoted(turn))
        number = turn.say(fresh.body())
        owed = fresh
    cursors.move(turn.tx, name, owed.text(number), turn.now)


@dataclass(frozen=True, slots=True)
class _Late:
    """The lines that a notice lists, and how many more it only counts."""

    notice: int | None = None
    lines: tuple[str, ...] = ()
    more: int = 0

    @classmethod
    def read(cls, text: str | None) -> _Late:
        if text is None:
            return cls()
        kept = cast("dict[str, Any]", json.loads(text))
        return cls(notice=kept["notice"], lines=tuple(kept["lines"]), more=kept["more"])

    def text(self, notice: int) -> str:
        return json.dumps({"notice": notice, "lines": self.lines, "more": self.more}, ensure_ascii=False)

    def with_line(self, line: str) -> _Late:
        if len(self.lines) < LATE_SHOWN:
            return _Late(self.notice, (*self.lines, line), self.more)
        return _Late(self.notice, self.lines, self.more + 1)

    def body(self) -> str:
        more = [f"... and {self.more} more"] if self.more else []
        again = f"Say again what still matters. {NOTHING}"
        return "\n".join(["Said while I was away, not done:", *self.lines, *more, again])


def _quoted(turn: Turn) -> str:
    incoming, now = turn.context.incoming, turn.now
    ago = f"{since(now, incoming.said_at)} ago"
    who = f"{turn.context.nick}, {ago}" if incoming.place is Place.ROOM else ago
    said = f'"{shortened(incoming.text)}"' if incoming.text else "(a picture)" if incoming.files else "(a gesture)"
    said = "(encrypted)" if incoming.content is Content.ENCRYPTED else said
    return f"{who}: {said}"


def seldom(turn: Turn, topic: str, every: timedelta, words: str) -> None:
    """Tell the sender something in a direct chat, unless it was told not long ago; a restart doesn't forget that."""
    sender = turn.context.sender
    name = f"{cursors.TOLD}{topic}:{sender}"
    last = cursors.get(turn.tx, name)
    if last is not None and abs(turn.now - datetime.fromisoformat(last)) < every:
        return
    cursors.move(turn.tx, name, turn.now.isoformat(), turn.now)
    turn.say(words, to=Target(sender, Place.DIRECT))
