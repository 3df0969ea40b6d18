"""Posts below one's own posts: the thread goes on wherever the first one is, or will be."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.commands.compose import Wish, order
from bridge.commands.context import Mistake
from bridge.commands.posting import take_back_questions, write
from bridge.domain.deliveries import Delivery, DeliveryKind, Hold, State
from bridge.domain.ids import short
from bridge.domain.people import Place
from bridge.domain.wording import NOTHING, tag
from bridge.settings import ReplyGesture
from bridge.store import outbox, posts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bridge.commands.context import Context, Deed, Turn
    from bridge.domain.ids import EntryId
    from bridge.domain.outbox import Part, StoredPost
    from bridge.store import Tx

_TO_COME = frozenset({State.HELD, State.READY, State.SENDING, State.UNCERTAIN})


async def go_on(context: Context, entry: EntryId, text: str) -> Deed:
    """Return the deed of publishing a text below one's own post; raises Mistake and ReadError.

    It goes where that post is, or will be, and is seen by the same people. In a room, where such a reply may be talk
    with colleagues, it waits for a second word unless the room's replies are always answers.
    """

    def look(tx: Tx) -> tuple[StoredPost | None, tuple[Delivery, ...]]:
        return posts.get(tx, entry), outbox.of_post(tx, entry)

    first, deliveries = await context.read(look)
    ends = _ends(deliveries)
    if first is None or not ends:
        raise Mistake(f"{tag(entry)} isn't anywhere, so nothing can follow it: {context.verb('post TEXT')}. {NOTHING}")
    wish = Wish(
        text=text,
        to=tuple(ends),
        warning=first.warning,
        visibility=first.visibility,
        question=_may_be_talk(context),
    )
    made = order(context, wish)

    def deed(turn: Turn) -> None:
        now = _ends(outbox.of_post(turn.tx, entry))
        parts = tuple(_below(part, now) for part in made.parts if part.account in now)
        if not parts:
            turn.say(f"{tag(entry)} was taken back meanwhile, so nothing can follow it. {NOTHING}", post=entry)
            return
        take_back_questions(turn)
        stored = write(turn, replace(made, parts=parts))
        turn.audit("thread", entry=stored.id, content=stored.text)
        if wish.question:
            send = turn.context.verb(f"send {short(stored.id)}")
            turn.say(
                f"{tag(stored.id)} Talk, or more of {short(entry)}? {send} posts it below. {NOTHING}", post=stored.id
            )

    return deed


def end_below(turn: Turn, stored: StoredPost) -> None:
    """Cancel what was to follow a post that was taken back or given up, or of which no id is known; and say so."""
    ended: dict[EntryId, None] = {}
    for one in outbox.of_post(turn.tx, stored.id):
        if one.posted is not None and not _is_deleted(turn.tx, one):
            continue
        for later in outbox.followers(turn.tx, one.id):
            if later.post != stored.id and later.state is State.HELD and Hold.FOLLOWS in later.held:
                gone = replace(later, state=State.CANCELLED, held=frozenset(), hold_until=None)
                outbox.save(turn.tx, gone, now=turn.now)
                ended[later.post] = None
    for entry in ended:
        below = posts.get(turn.tx, entry)
        if below is not None:
            turn.say(f"{tag(entry)} cancelled, too: it was to follow {short(stored.id)}", post=entry)
            turn.touch(below)
            end_below(turn, below)


def let_go(turn: Turn, before: Iterable[Delivery]) -> tuple[Delivery, ...]:
    """Part what is to follow some deliveries from them, since others take their place; return it."""
    below = [later for one in before for later in outbox.followers(turn.tx, one.id) if later.post != one.post]
    for one in below:
        outbox.refollow(turn.tx, one.id, None)
    return tuple(below)


def take_up(turn: Turn, below: Iterable[Delivery], owed: Iterable[Delivery]) -> None:
    """Let it follow those that took their place; on an account that none of them is for there is nothing to follow."""
    ends = _ends(owed)
    for one in below:
        if one.account in ends:
            outbox.refollow(turn.tx, one.id, ends[one.account].id)
        elif one.state is State.HELD:
            gone = replace(one, state=State.CANCELLED, held=frozenset(), hold_until=None)
            outbox.save(turn.tx, gone, now=turn.now)
            turn.say(f"{tag(one.post)} doesn't go to {one.account} any more: nothing is there to follow", post=one.post)


def _is_deleted(tx: Tx, one: Delivery) -> bool:
    return any(other.kind is DeliveryKind.DELETE for other in outbox.followers(tx, one.id))


def _may_be_talk(context: Context) -> bool:
    room = context.settings.room(context.source.jid) if context.place is Place.ROOM else None
    return room is not None and room.reply_gesture is ReplyGesture.ASK


def _ends(deliveries: Iterable[Delivery]) -> dict[str, Delivery]:
    """Return, for each account where a post is whole or will be, its last part."""
    grouped: defaultdict[str, list[Delivery]] = defaultdict(list)
    for one in deliveries:
        grouped[one.account].append(one)
    found: dict[str, Delivery] = {}
    for account, ones in grouped.items():
        parts = [one for one in ones if one.kind is DeliveryKind.POST]
        taken_back = any(one.kind is DeliveryKind.DELETE and one.state is not State.CANCELLED for one in ones)
        if parts and not taken_back and all(_stands(one) for one in parts):
            found[account] = max(parts, key=lambda one: one.part)
    return found


def _stands(one: Delivery) -> bool:
    return one.posted is not None if one.state is State.SENT else one.state in _TO_COME and not one.unwanted


def _below(part: Part, ends: Mapping[str, Delivery]) -> Part:
    """Return a part as it is put below the end of another post on its account."""
    if part.part:
        return part
    end = ends[part.account]
    if end.state is State.SENT and end.posted is not None:
        return replace(part, parent=end.posted.ref)
    return replace(part, follows=end.id)
