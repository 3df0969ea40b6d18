"""What the bot says of posts and accounts: pure sentences, so that every one can be read in one place.

Verbs are quoted as they are typed in the conversation: with `!` in a room, bare in a direct chat.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING

from bridge.domain.deliveries import Delivery, DeliveryKind, Hold, State
from bridge.domain.ids import short
from bridge.domain.people import Place
from bridge.domain.text import clean_inbound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from bridge.domain.outbox import StoredPost, Tally
    from bridge.domain.when import Moment

NOTHING = "Nothing was posted."


def verb(place: Place, words: str) -> str:
    """Quote what to type."""
    return f"`!{words}`" if place is Place.ROOM else f"`{words}`"


def tag(entry: int, answers: int | None = None) -> str:
    """Return the id that opens a line: `[4f]`, or `[53->52]` where it answers something."""
    return f"[{short(entry)}->{short(answers)}]" if answers is not None else f"[{short(entry)}]"


_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def more(count: int, place: Place) -> str:
    """Return the line that counts what customers said and the conversation was not shown."""
    return f"... and {count:,} more: {verb(place, 'inbox')}"


def seconds(duration: timedelta) -> str:
    """Return a duration rounded up to whole seconds, as people read it: `20 s`, `2 min 30 s`, `1 h`."""
    rest = -(-duration // timedelta(seconds=1))
    parts: list[str] = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0 s"


def stopwatch(duration: timedelta) -> str:
    """Return how long something took, as a clock shows it: `0:41`, `12:03`, `1:02:03`."""
    minutes, rest = divmod(max(0, int(duration.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def plural(count: int, noun: str) -> str:
    """Return `1 post`, `2 posts`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def clause(text: str | None) -> str:
    """Return words of a platform, or of a person, as a part of one of our sentences, on one line."""
    words = " ".join(clean_inbound(text or "", _REASON).split()).rstrip(".")
    return words or "no reason given"


_REASON = 300


def blocked(account: str, *, cause: str, waiting: int) -> str:
    """Return the one line that tells that a lane does not flow."""
    wait = f"{plural(waiting, 'message')} waiting"
    return f"{account} does not flow: {clause(cause)}. {wait}, nothing is lost; I keep trying"


def flows(account: str, *, waiting: int) -> str:
    """Return the one line that tells that a lane flows again."""
    rest = f"; {plural(waiting, 'message')} to go" if waiting else ""
    return f"{account} flows again{rest}"


DISABLED = "disabled in the configuration"
GONE = "not in the configuration any more"


def barred(account: str, why: str, *, held: int) -> str:
    """Return the line that tells that the configuration keeps an account from working for which something waits."""
    return f"{account} is {why}: {plural(held, 'message')} held for it, nothing is lost"


def deaf(account: str, *, cause: str) -> str:
    """Return the one line that tells that nothing is heard from an account."""
    return f"{account} can't be heard: {clause(cause)}. I keep trying, and catch up with what is said there meanwhile"


def hears(account: str) -> str:
    """Return the one line that tells that an account is heard again."""
    return f"{account} is heard again"


def undeletable(delivery: Delivery) -> str:
    """Return the line for a post that was taken back, arrived all the same, and can't be deleted from here."""
    at = f" {delivery.posted_url}" if delivery.posted_url else ""
    lead = f"{tag(delivery.post)} {delivery.account}"
    if delivery.kind is DeliveryKind.FAVOUR:
        return f"{lead}: it had arrived, and I can't take a favourite back: do it by hand{at}"
    return f"{lead}: it had arrived, and I can't delete there: delete it by hand{at}"


def unauthorized(account: str, reason: str) -> str:
    """Return the line for the admins when a platform does not know the login any more."""
    return (
        f"{account} is paused: {clause(reason)}. Nothing is lost, I try again every minute. If the token is wrong, "
        "put a valid one into the configuration, then `reload`"
    )


class Lack(Enum):
    """What a post with pictures waits for: one to be fetched, to be described, or that of the post before it."""

    PICTURE = "picture"
    DESCRIPTION = "description"
    TURN = "turn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What the receipt of a held post tells before it goes out.

    `characters` counts the text alone; `fits` says for each account whether it fits, and at what price (`ok`,
    `2 parts`, ...), and `lasts` what can't be done there once it is out (`edited`, `deleted`); `parts` are the lines
    that show where a thread is cut; `pictures` is how many go with it, and `asks` names the accounts on which a thread
    goes out only at its author's word.
    """

    characters: int
    fits: Mapping[str, str]
    parts: tuple[str, ...] = ()
    pictures: int = 0
    lasts: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    asks: tuple[str, ...] = ()


def receipt(
    stored: StoredPost,
    deliveries: Sequence[Delivery],
    *,
    preview: Preview | None,
    to: str | None,
    now: datetime,
    lacks: Lack | None = None,
    moment: Moment | None = None,
) -> str:
    """Return the living receipt of one post as it stands now.

    `preview` is None where the conversation wants none; `to` describes whom it answers, repeats or marks (`@kim,
    private, from mastodon, as raj`); `lacks` is what a post with pictures waits for, if it waits for them, and
    `moment` the time that it waits for besides.
    """
    lead = tag(stored.id, stored.item)
    states = {one.state for one in deliveries}
    if states <= {State.CANCELLED} and not any(one.doubt_since for one in deliveries):
        return f"{lead} cancelled. {NOTHING}"
    if State.HELD in states and states <= {State.HELD, State.CANCELLED} and not _waits_for_account(deliveries):
        if any(Hold.PICTURE in one.held for one in deliveries):
            return f"{lead} {_unseen(stored, deliveries, lacks, moment)}"
        return f"{lead} {_held(stored, deliveries, preview=preview, to=to, now=now)}"
    grouped: defaultdict[str, list[Delivery]] = defaultdict(list)
    for one in deliveries:
        grouped[one.account].append(one)
    whom = f"{_how(deliveries)} {to}: " if to else ""
    return f"{lead} {whom}" + " · ".join(_account(name, ones) for name, ones in grouped.items())


def _waits_for_account(deliveries: Sequence[Delivery]) -> bool:
    """Tell whether nothing but a disabled account keeps what is held."""
    return not any(one.held - _NOBODYS for one in deliveries) and any(Hold.ACCOUNT in one.held for one in deliveries)


_NOBODYS = frozenset({Hold.ACCOUNT.value, Hold.FOLLOWS.value})
"""Reasons that neither somebody's word nor a moment ends."""


def _unseen(stored: StoredPost, deliveries: Sequence[Delivery], lacks: Lack | None, moment: Moment | None) -> str:
    """Return what a post waits for whose pictures can't go out yet."""
    place = stored.source.place
    accounts = ", ".join(dict.fromkeys(one.account for one in deliveries if one.state is State.HELD))
    at = "" if moment is None else f" {moment}"
    if lacks is Lack.DESCRIPTION:
        alt = verb(place, "alt TEXT")
        return f"waits for a description of its picture ({alt}), then goes to {accounts}{at}. {NOTHING}"
    what = "its picture, which I am fetching" if lacks is Lack.PICTURE else "the picture of the post before it"
    undo = verb(place, "undo" if moment is None else f"undo {short(stored.id)}")
    return f"waits for {what}, then goes to {accounts}{at}: {undo} stops it"


def _held(
    stored: StoredPost, deliveries: Sequence[Delivery], *, preview: Preview | None, to: str | None, now: datetime
) -> str:
    place = stored.source.place
    name = short(stored.id)
    held = [one for one in deliveries if one.state is State.HELD]
    accounts = ", ".join(dict.fromkeys(one.account for one in held))
    if any(Hold.QUESTION in one.held for one in held):
        return f"held for {accounts}: {verb(place, f'send {name}')} posts it. {NOTHING}"
    shown = any(Hold.PREVIEW in one.held for one in held)
    until = max((one.hold_until for one in held if one.hold_until), default=None)
    left = seconds(max(timedelta(0), until - now) if until else stored.hold)
    if stored.about is not None:
        return f"{_how(held)} {to or accounts} in {left}: {verb(place, 'send')} or {verb(place, 'undo')}"
    choice = f"{verb(place, 'send')}, {verb(place, 'undo')}, or correct your message"
    if preview is None:
        return f"to {to or accounts} in {left}: {choice}"
    why = f"A thread on {' and '.join(preview.asks)} goes out only when" if preview.asks else "Held until"
    when = f"{why} you say so: {choice}. {NOTHING}" if shown else f"Sending in {left}: {choice}"
    if to is not None:
        plain = set(preview.fits.values()) <= {FITS}
        fits = "" if plain else f" ({_fits(preview, to)})"
        return f"to {to}{fits}" + (f". {when}" if shown else f" in {left}: {choice}") + cuts(preview)
    return f"{looks(stored, preview)}. {when}{cuts(preview)}"


def looks(stored: StoredPost, preview: Preview) -> str:
    """Return how a post will look: its length, what goes with it, and how it fits."""
    seen = f", {plural(preview.pictures, 'picture')}" if preview.pictures else ""
    seen += f", {stored.visibility.value}" if stored.visibility else ""
    seen += f', behind "{clause(stored.warning)}"' if stored.warning else ""
    return f"{plural(preview.characters, 'character')}{seen}: {_fits(preview, None)}"


def _fits(preview: Preview, to: str | None) -> str:
    return ", ".join(f"{account} {word}{_for_good(preview, account, to)}" for account, word in preview.fits.items())


def cuts(preview: Preview) -> str:
    """Return the lines that show where a thread is cut."""
    return "".join(f"\n| {line}" for line in preview.parts)


def _for_good(preview: Preview, account: str, to: str | None) -> str:
    """Return what can't be done to a post there once it is out; of answers, whose line is full already, nothing."""
    words = " or ".join(preview.lasts.get(account, ()))
    return f" (can't be {words})" if words and to is None else ""


def _how(deliveries: Sequence[Delivery]) -> str:
    """Return what is done to whom the line names next."""
    kinds = {one.kind for one in deliveries}
    return "repeats" if DeliveryKind.REPEAT in kinds else "favourites" if DeliveryKind.FAVOUR in kinds else "to"


FITS = "ok"


def _account(name: str, ones: Sequence[Delivery]) -> str:
    posts = [one for one in ones if one.kind.publishes]
    deletions = [one for one in ones if one.kind is DeliveryKind.DELETE]
    if deletions:
        return f"{name} {_deleting(posts, deletions)}"
    corrected = _correcting([one for one in ones if one.kind is DeliveryKind.EDIT])
    if len(posts) == 1:
        return f"{name} {_state(posts[0])}{corrected}"
    done = sum(one.state is State.SENT for one in posts)
    if done == len(posts):
        return f"{name} {posts[0].posted_url or 'sent'} ({done} parts){corrected}"
    unsent = next(one for one in posts if one.state is not State.SENT)
    live = f": {posts[0].posted_url}" if unsent.state in _ENDED and posts[0].posted_url else ""
    return f"{name} {_state(unsent)} ({done} of {len(posts)} parts sent{live})"


_ENDED = frozenset({State.DEAD, State.ASKED, State.CANCELLED})
"""States in which nothing more happens without a word of somebody's."""


def _correcting(edits: Sequence[Delivery]) -> str:
    """Return what became of corrections of what is published."""
    wanted = [one for one in edits if one.state is not State.CANCELLED]
    if not wanted:
        return ""
    last = {one.follows: one for one in wanted}.values()
    if any(one.state is State.DEAD for one in last):
        return ", NOT corrected"
    if any(one.state is State.HELD for one in last):
        return ", a correction waits"
    return ", corrected" if all(one.state is State.SENT for one in last) else ", being corrected"


def _deleting(posts: Sequence[Delivery], deletions: Sequence[Delivery]) -> str:
    links = {one.id: one.posted_url or "sent" for one in posts}
    kept = [links.get(one.follows or 0, "sent") for one in deletions if one.state is State.DEAD]
    if kept:
        return "NOT deleted: " + ", ".join(kept)
    return "deleted" if all(one.state is State.SENT for one in deletions) else "deleting"


def _state(one: Delivery) -> str:
    if one.state is State.SENT:
        return one.posted_url or "sent"
    if one.state is State.CANCELLED and one.doubt_since is not None:
        return "left as it is (it may be there)"
    if one.unwanted and one.state in {State.SENDING, State.UNCERTAIN}:
        return "taken back; if it arrived, it is to be deleted"
    if one.state is State.HELD and Hold.ACCOUNT in one.held:
        return "held (disabled)"
    if one.state is State.HELD:
        return "held" if one.held - {Hold.FOLLOWS} else "on its way"
    if one.state is State.DEAD and one.error is None:
        return "NOT sent, too old"
    return STATE_WORDS[one.state]


STATE_WORDS = {
    State.HELD: "held",
    State.READY: "on its way",
    State.SENDING: "on its way",
    State.UNCERTAIN: "not sure, checking",
    State.SENT: "sent",
    State.ASKED: "not sure, asked you",
    State.DEAD: "FAILED",
    State.CANCELLED: "cancelled",
}


def gathered(tally: Tally, place: Place) -> str:
    """Return the one receipt that a burst of posts shares."""
    by_account: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for account, state, count in tally.states:
        by_account[account].append((STATE_WORDS[State(state)], count))
    parts = (f"{name} {_counts(words)}" for name, words in by_account.items())
    held = any(state == State.HELD for _, state, _ in tally.states)
    stop = f". {verb(place, 'undo ID')} takes one back, {verb(place, 'panic')} freezes all" if held else ""
    return f"[{short(tally.first)}]..[{short(tally.last)}] {plural(tally.posts, 'post')}: " + " · ".join(parts) + stop


def _counts(words: Iterable[tuple[str, int]]) -> str:
    total: defaultdict[str, int] = defaultdict(int)
    for word, count in words:
        total[word] += count
    return ", ".join(f"{count} {word}" for word, count in total.items())
