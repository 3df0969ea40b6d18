"""Pictures on their way into a post: shared, described, waited for, and forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from bridge.commands import receipts, rejudging
from bridge.commands.relay import reopen
from bridge.domain.deliveries import Hold, State
from bridge.domain.people import Place
from bridge.domain.pictures import MOST, SEEN, PictureState, shape, undescribed
from bridge.domain.text import clean_inbound, is_blank
from bridge.domain.wording import NOTHING, plural, tag
from bridge.domain.wording import verb as typed
from bridge.store import notices, outbox, pictures, posts, timers
from bridge.store import receipts as stored_receipts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

    from bridge.commands.context import Context, Deed, Turn
    from bridge.domain.deliveries import Delivery
    from bridge.domain.outbox import StoredPost
    from bridge.domain.pictures import StoredPicture
    from bridge.settings import Settings
    from bridge.store import Tx

LOOSE_FOR: Final = timedelta(minutes=10)
"""How long a picture waits for its author's next words."""

ALT_LIMIT: Final = 1_500
"""Characters of a description: as many as platforms take."""

UNCHANGED: Final = "Nothing was changed."


def share(turn: Turn) -> None:
    """Keep the pictures of a message for its author's next words.

    Some clients send a picture that has a caption once more, for those that can't show both in one.
    """
    room, files = MOST - len(loose(turn)), _new(turn, turn.context.incoming.files)
    for url in files[: max(0, room)]:
        _add(turn, url, alt=turn.context.incoming.described)
    if len(files) > room:
        turn.say(f"I keep {MOST} pictures for one post, and this is one too many. {NOTHING}")


def loose(turn: Turn) -> tuple[StoredPicture, ...]:
    """Return the pictures of the person here that wait for words."""
    context = turn.context
    return pictures.loose(turn.tx, sender=context.sender, source=context.source, after=turn.now - LOOSE_FOR)


def gathered(turn: Turn, held: frozenset[str]) -> tuple[StoredPicture, ...]:
    """Return the pictures that wait for the words of a post; a question in a room may be talk, and takes none."""
    if turn.context.place is Place.ROOM and Hold.QUESTION in held:
        return ()
    return loose(turn)[: max(0, MOST - len(turn.context.incoming.files))]


def attach(turn: Turn, stored: StoredPost, waiting: Sequence[StoredPicture]) -> tuple[StoredPicture, ...]:
    """Give a post its pictures: those that waited, and those of its own message; return them.

    The words that came with a picture describe it where nothing else does.
    """
    incoming = turn.context.incoming
    for one in waiting:
        pictures.attach(turn.tx, one.id, stored.id)
    for url in incoming.files[:MOST]:
        _add(turn, url, alt=incoming.described or _alt(stored.text), stored=stored)
    return pictures.of_post(turn.tx, stored.id)


def waits(own: Sequence[StoredPicture], accounts: Collection[str], settings: Settings) -> bool:
    """Tell whether a post has to wait for its pictures: to be fetched, or described where an account wants that."""
    if any(one.state is PictureState.WANTED for one in own):
        return True
    ready = [one for one in own if one.state is PictureState.READY]
    return undescribed(ready) and any(one.require_alt for name, one in settings.accounts.items() if name in accounts)


def describe(context: Context, text: str) -> Deed:
    """Return the deed of describing the picture that the person has just sent."""

    def deed(turn: Turn) -> None:
        words = _alt(text)
        if is_blank(words):
            turn.say(f"Say what the picture shows: {context.verb('alt TEXT')}. {UNCHANGED}")
        elif talked := _new(turn, context.shared):
            for url in talked[:MOST]:
                _add(turn, url, alt=words)
            turn.say(f"I fetch it. {_next(context.place)}")
        elif waiting := loose(turn):
            pictures.describe(turn.tx, _which(waiting).id, words)
            turn.say(f"Described. {_next(context.place)}")
        elif (held := _held_with_pictures(turn)) is not None:
            stored, own = held
            if (why := rejudging.refusal(turn, stored, words)) is not None:
                turn.say(f"{why[:1].upper()}{why[1:]}. {UNCHANGED}", post=stored.id)
                return
            pictures.describe(turn.tx, _which(own).id, words)
            turn.audit("alt", entry=stored.id, content=words)
            turn.say(f"{tag(stored.id, stored.answers)} its picture is described", post=stored.id)
            timer = timers.get(turn.tx, stored.id)
            rejudging.again(turn, stored, due=None if timer is None else timer.due_at, always=True)
            advance(turn.tx, stored, settings=context.settings, now=turn.now, new_id=turn.mint)
        else:
            turn.say(f"I know of no picture that you sent here just now: share one first. {UNCHANGED}")

    return deed


def forget_or(otherwise: Deed) -> Deed:
    """Return the deed of forgetting the pictures that wait for words, or another one where there are none."""

    def deed(turn: Turn) -> None:
        if waiting := loose(turn):
            _forget(turn, waiting)
        else:
            otherwise(turn)

    return deed


def unshare(message: int) -> Deed:
    """Return the deed of forgetting the pictures that came with a message, whose author took it back."""

    def deed(turn: Turn) -> None:
        if waiting := pictures.of_stanza(turn.tx, message):
            _forget(turn, waiting)

    return deed


async def alone(context: Context) -> bool:
    """Tell whether a person who says `send` means pictures that have no words; raises ReadError."""

    def look(tx: Tx) -> bool:
        after = context.now - LOOSE_FOR
        held = stored_receipts.held_by(tx, author=context.sender, source=context.source)
        # In a room a question, which was most probably talk, is answered by its id alone.
        mine = [why for _, why in held if Hold.SCHEDULE not in why]
        if any(context.place is Place.DIRECT or Hold.QUESTION not in why for why in mine):
            return False
        return bool(pictures.loose(tx, sender=context.sender, source=context.source, after=after))

    return await context.read(look)


def advance(tx: Tx, stored: StoredPost, *, settings: Settings, now: datetime, new_id: Callable[[], str]) -> None:
    """Let a post go on that needn't wait for its pictures any more: its undo window begins then."""
    held = [one for one in outbox.of_post(tx, stored.id) if one.state is State.HELD and Hold.PICTURE in one.held]
    if not held:
        return
    if not waits(pictures.of_post(tx, stored.id), {one.account for one in held}, settings):
        for one in held:
            rest = one.held - {Hold.PICTURE}
            if Hold.UNDO in rest:
                outbox.save(tx, replace(one, held=rest, hold_until=now + stored.hold), now=now)
                tx.wake(outbox.lane_topic(one.account))
            else:
                outbox.free(tx, one, Hold.PICTURE, now=now)
    if not any(Hold.QUESTION in one.held for one in held):
        receipts.touch(tx, stored, origin_id=new_id(), now=now, urgent=True)


def arrived(tx: Tx, picture: StoredPicture, *, settings: Settings, now: datetime, new_id: Callable[[], str]) -> None:
    """Tell of a picture that is ready, or let its post go on."""
    if picture.post is not None:
        _in_order(tx, picture, settings=settings, now=now, new_id=new_id)
        return
    words = f"I have your picture ({shape(picture)}), without its metadata. {_next(picture.source.place)}"
    notices.add_line(tx, target=picture.source, body=words, origin_id=new_id(), at=now)


def _in_order(tx: Tx, picture: StoredPicture, *, settings: Settings, now: datetime, new_id: Callable[[], str]) -> None:
    """Let the posts of a picture's author go on up to the first whose pictures aren't all here, as they were said."""
    held = stored_receipts.held_by(tx, author=picture.sender, source=picture.source)
    for entry in sorted(entry for entry, why in held if Hold.PICTURE in why):
        if any(one.state is PictureState.WANTED for one in pictures.of_post(tx, entry)):
            return
        if (stored := posts.get(tx, entry)) is not None:
            advance(tx, stored, settings=settings, now=now, new_id=new_id)


def failed(tx: Tx, picture: StoredPicture, *, settings: Settings, now: datetime, new_id: Callable[[], str]) -> None:
    """Tell of a picture that can't be had; its post then waits for a second word, or ends where it has no words."""
    why = (picture.error or "it can't be had").rstrip(".")
    stored = None if picture.post is None else posts.get(tx, picture.post)
    if stored is None:
        words = f"I can't take that picture: {why}. {NOTHING}"
        notices.add_line(tx, target=picture.source, body=words, origin_id=new_id(), at=now)
        return
    held = [one for one in outbox.of_post(tx, stored.id) if one.state is State.HELD and Hold.PICTURE in one.held]
    if held:
        _ask_again(tx, stored, held, why, now=now, new_id=new_id)
    _in_order(tx, picture, settings=settings, now=now, new_id=new_id)


def _ask_again(
    tx: Tx, stored: StoredPost, held: Sequence[Delivery], why: str, *, now: datetime, new_id: Callable[[], str]
) -> None:
    blank = is_blank(stored.text)
    if any(Hold.SCHEDULE in one.held for one in held):
        timers.end(tx, stored.id)
    for one in held:
        state, reasons = (State.CANCELLED, frozenset[str]()) if blank else (State.HELD, _asked(one.held))
        outbox.save(tx, replace(one, state=state, held=reasons, hold_until=None), now=now)
    send = typed(stored.source.place, f"send {stored.id:x}")
    rest = "" if blank else f" {send} posts the words without it."
    lead = tag(stored.id, stored.answers)
    words = f"{lead} I can't take its picture: {why}.{rest} {NOTHING}"
    notices.add_line(tx, target=stored.source, body=words, origin_id=new_id(), at=now, post=stored.id)
    receipts.touch(tx, stored, origin_id=new_id(), now=now, urgent=True)
    if blank:
        reopen(tx, stored, mint=new_id, now=now)
        _end_below(tx, stored, held, now=now, new_id=new_id)


def _end_below(
    tx: Tx, stored: StoredPost, held: Sequence[Delivery], *, now: datetime, new_id: Callable[[], str]
) -> None:
    """Cancel what was to follow a post that ends, and say so."""
    below = [later for one in held for later in outbox.followers(tx, one.id) if later.state is State.HELD]
    for later in below:
        outbox.save(tx, replace(later, state=State.CANCELLED, held=frozenset(), hold_until=None), now=now)
    for entry in dict.fromkeys(later.post for later in below if later.post != stored.id):
        words = f"{tag(entry)} cancelled, too: it was to follow {stored.id:x}"
        notices.add_line(tx, target=stored.source, body=words, origin_id=new_id(), at=now, post=entry)


def _asked(held: frozenset[str]) -> frozenset[str]:
    return held - {Hold.PICTURE, Hold.UNDO, Hold.SCHEDULE} | {Hold.QUESTION.value}


def _add(turn: Turn, url: str, *, alt: str, stored: StoredPost | None = None) -> None:
    context = turn.context
    pictures.add(
        turn.tx,
        url=url,
        sender=context.sender,
        source=context.source,
        alt=alt,
        stanza=turn.stanza,
        at=turn.now,
        post=None if stored is None else stored.id,
    )


def _new(turn: Turn, urls: Sequence[str]) -> list[str]:
    """Return those links that the person hasn't given us here yet."""
    context, after = turn.context, turn.now - LOOSE_FOR
    known = partial(pictures.is_known, turn.tx, sender=context.sender, source=context.source, after=after)
    return [url for url in urls if not known(url)]


def _alt(text: str) -> str:
    return clean_inbound(text, ALT_LIMIT).strip()


def _which(some: Sequence[StoredPicture]) -> StoredPicture:
    """Return the newest one without a description, else the newest one."""
    return next((one for one in reversed(some) if not one.alt), some[-1])


def _held_with_pictures(turn: Turn) -> tuple[StoredPost, list[StoredPicture]] | None:
    """Return the person's newest post here that has pictures and that no platform has seen, and these."""
    context = turn.context
    for entry, _ in stored_receipts.held_by(turn.tx, author=context.sender, source=context.source):
        stored = posts.get(turn.tx, entry)
        if stored is None or not stored.pictures or any(one.attempt for one in outbox.of_post(turn.tx, entry)):
            continue
        if own := [one for one in pictures.of_post(turn.tx, entry) if one.state in SEEN]:
            return stored, own
    return None


def _forget(turn: Turn, waiting: Sequence[StoredPicture]) -> None:
    for one in waiting:
        pictures.drop(turn.tx, one.id)
    which = "Your picture is" if len(waiting) == 1 else f"Your {plural(len(waiting), 'picture')} are"
    turn.say(f"{which} forgotten. {NOTHING}")


def _next(place: Place) -> str:
    line = "Your next line" if place is Place.DIRECT else f"Your next {typed(place, 'post TEXT')}"
    send, alt, undo = (typed(place, words) for words in ("send", "alt TEXT", "undo"))
    return f"{line} within 10 minutes goes with it; {send} posts it alone, {alt} describes it, {undo} forgets it"
