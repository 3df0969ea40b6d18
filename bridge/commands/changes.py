"""What a person decides about a post that exists: send, undo, retry, found, drop.

Each deed looks at the deliveries as they are in its own transaction, changes what can be changed, and says for each
account what was done.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from bridge.commands import approval, mine
from bridge.commands.accounts import goes_out, in_time
from bridge.commands.relay import reopen, show
from bridge.commands.threads import end_below
from bridge.domain.deliveries import Delivery, DeliveryKind, Hold, State
from bridge.domain.ids import short
from bridge.domain.posts import Key
from bridge.domain.text import clean_inbound
from bridge.domain.wording import NOTHING, STATE_WORDS, tag
from bridge.store import accounts, inbox, outbox, panics, posts, receipts, timers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.commands.context import Deed, Turn
    from bridge.domain.ids import EntryId
    from bridge.domain.outbox import StoredPost

_OWN_HOLDS = (Hold.UNDO.value, Hold.QUESTION.value, Hold.PREVIEW.value, Hold.SCHEDULE.value, Hold.POLICY.value)
_ITS_AUTHORS = frozenset({Hold.QUESTION.value, Hold.POLICY.value})
_IN_DOUBT = frozenset({State.ASKED, State.UNCERTAIN})
_LEFT_TO_PEOPLE = frozenset({State.DEAD, State.ASKED})

Words: TypeAlias = "defaultdict[str, list[str]]"
"""What was done, for each account."""


def send(entry: EntryId | None) -> Deed:
    """Return the deed of ending a hold now; without an id that of the person's newest held post here."""

    def deed(turn: Turn) -> None:
        stored = mine.newest_held(turn) if entry is None else _post(turn, entry)
        if stored is not None:
            _send(turn, stored)

    return deed


def undo(entry: EntryId | None) -> Deed:
    """Return the deed of taking a post back: what is held, on its way, or published.

    Without an id it is the person's newest held post here, else the person's last post here of the last 10 minutes.
    """

    def deed(turn: Turn) -> None:
        stored = mine.own_last(turn) if entry is None else _post(turn, entry)
        if stored is not None:
            everything = outbox.of_post(turn.tx, stored.id)
            for one in everything:
                if one.kind is DeliveryKind.EDIT:
                    _end_correction(turn, one)
            _each(turn, stored, "undo", everything, _Undo(turn).one, posts_only=True)
            end_below(turn, stored)
            reopen(turn.tx, stored, mint=turn.mint, now=turn.now)

    return deed


def retry(entry: EntryId) -> Deed:
    """Return the deed of sending again what was refused, stale, or can't be known: the person vouches for it."""

    def deed(turn: Turn) -> None:
        def one(delivery: Delivery, _all: Sequence[Delivery]) -> str:
            outbox.rejoin(turn.tx, delivery, now=turn.now)
            words = "deleting again" if delivery.kind is DeliveryKind.DELETE else "trying again"
            return in_time(turn.context.accounts, delivery.account, words)

        _settle(turn, entry, "retry", _LEFT_TO_PEOPLE, one)

    return deed


def found(entry: EntryId, link: str | None) -> Deed:
    """Return the deed of believing a person who saw the post on the platform."""
    url = None if link is None else "".join(clean_inbound(link, 1_000).split())

    def deed(turn: Turn) -> None:
        def one(delivery: Delivery, everything: Sequence[Delivery]) -> str:
            there = replace(
                delivery,
                state=State.SENT,
                posted_url=url,
                due_at=None,
                error=None,
                doubt_since=None,
                doubt_attempt=None,
                looks=0,
                failures=0,
            )
            _save(turn, there)
            _answered(turn, there)
            return _found_words(turn, there, everything)

        _settle(turn, entry, "found", _IN_DOUBT, one, link=url)

    return deed


def drop(entry: EntryId) -> Deed:
    """Return the deed of giving up what was refused, stale, held, or can't be known."""

    def deed(turn: Turn) -> None:
        def one(delivery: Delivery, everything: Sequence[Delivery]) -> str:
            cancel(turn, delivery)
            for later in _later_parts(delivery, everything):
                cancel(turn, later)
            if delivery.state is State.ASKED:
                return "left as it is; it may be there"
            return "dropped"

        _settle(turn, entry, "drop", _LEFT_TO_PEOPLE | {State.HELD}, one)

    return deed


def cancel(turn: Turn, one: Delivery) -> None:
    """End a delivery that isn't on the wire; nothing that it waited for can free it any more."""
    ended = replace(one, state=State.CANCELLED, held=frozenset(), hold_until=None, due_at=None)
    _save(turn, ended)


def _end_correction(turn: Turn, one: Delivery) -> None:
    """Have a correction of what is taken back not be made any more, nor be made again."""
    if one.state in {State.READY, State.HELD}:
        cancel(turn, one)
    elif one.state is State.SENDING:
        _save(turn, replace(one, unwanted=True))


def _save(turn: Turn, one: Delivery) -> None:
    outbox.save(turn.tx, one, now=turn.now)
    turn.tx.wake(outbox.lane_topic(one.account))


def _answered(turn: Turn, one: Delivery) -> None:
    """See to the item that a post answered, once its first part is there."""
    stored = posts.get(turn.tx, one.post)
    if stored is not None and stored.answers is not None and one.part == 0:
        inbox.answered(turn.tx, stored.answers, turn.now)
        show(turn.tx, stored.answers, mint=turn.mint, now=turn.now)


def _send(turn: Turn, stored: StoredPost) -> None:
    context = turn.context
    everything = outbox.of_post(turn.tx, stored.id)
    held = [one for one in everything if one.state is State.HELD]
    waiting = [one for one in held if one.held.intersection(_OWN_HOLDS)]
    needs = any(Hold.APPROVAL in one.held for one in held)
    off = dict.fromkeys(one.account for one in everything if Hold.ACCOUNT in one.held)
    if not waiting and needs:
        turn.say(approval.still_waits(turn, stored), post=stored.id)
        return
    if not waiting:
        why = f"waits until {', '.join(off)} is enabled again" if off else f"isn't held: {_standing(turn, stored)}"
        turn.say(f"{_lead(stored)} {why}", post=stored.id)
        return
    if stored.author != context.sender and any(one.held & _ITS_AUTHORS for one in waiting):
        turn.say(f"{_lead(stored)} waits for a word of its author alone. {NOTHING}", post=stored.id)
        return
    # A second word about a scheduled post agrees to what was planned; it doesn't change the plan.
    planned = any({Hold.POLICY, Hold.SCHEDULE} <= one.held for one in waiting)
    freed = set(_OWN_HOLDS) - ({Hold.SCHEDULE.value} if planned else set[str]())
    for one in waiting:
        for reason in sorted(one.held & freed):
            one = outbox.free(turn.tx, one, reason, now=turn.now)  # noqa: PLW2901 - one reason after the other
    if not planned:
        _end_timer(turn, stored, waiting)
    turn.audit("send", entry=stored.id)
    turn.touch(stored)
    if needs:
        approval.ask(turn, stored)
        turn.say(approval.still_waits(turn, stored), post=stored.id)
        return
    turn.say(f"{_lead(stored)} {_then(turn, stored, waiting, planned=planned)}", post=stored.id)


def _then(turn: Turn, stored: StoredPost, waiting: Sequence[Delivery], *, planned: bool) -> str:
    """Return when a post goes out that was sent just now, as what follows its name."""
    context = turn.context
    if planned:
        return f"goes out at its time; {context.verb(f'send {short(stored.id)}')} posts it now"
    if any(Hold.PICTURE in one.held for one in waiting):
        return "goes out as soon as its picture is here and described"
    if accounts.panic(turn.tx) is None:
        return goes_out(context.accounts, waiting)
    panics.tell(turn.tx, [context.source], now=turn.now)
    return f"ready, but everything outgoing is frozen: an approver's {context.verb('resume')} continues"


class _Undo:
    """What taking back means for one delivery, by where it stands."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn

    def one(self, one: Delivery, everything: Sequence[Delivery]) -> str:
        match one.state:
            case State.HELD | State.READY:
                cancel(self._turn, one)
                return "cancelled"
            case State.SENDING | State.UNCERTAIN:
                return self._unwanted(one)
            case State.SENT:
                return self._delete(one, everything)
            case State.ASKED:
                cancel(self._turn, one)
                return "left as it is; if it is there, delete it by hand"
            case State.DEAD:
                cancel(self._turn, one)
                return "was not sent"
            case State.CANCELLED:
                return "was cancelled before"

    def _unwanted(self, one: Delivery) -> str:
        _save(self._turn, replace(one, unwanted=True))
        if one.kind is DeliveryKind.FAVOUR:
            return "is on its way and can't be taken back from here: do it by hand"
        if self._deletes(one.account):
            return "is on its way, will be deleted once found"
        return "is on its way and can't be deleted there: look after it by hand"

    def _delete(self, one: Delivery, everything: Sequence[Delivery]) -> str:
        turn = self._turn
        if one.kind is DeliveryKind.FAVOUR:
            return f"a favourite can't be taken back from here: {one.posted_url or 'do it there by hand'}"
        before = [other for other in everything if other.kind is DeliveryKind.DELETE and other.follows == one.id]
        if any(other.state is State.SENT for other in before):
            return "was deleted before"
        for other in before:
            if other.state in {State.DEAD, State.CANCELLED}:
                outbox.rejoin(turn.tx, other, now=turn.now)
        deleting = in_time(turn.context.accounts, one.account, "deleting")
        if before:
            return deleting
        if one.posted is None or not self._deletes(one.account):
            return f"can't be deleted from here: {one.posted_url or 'delete it there by hand'}"
        key = Key(token=turn.mint(), minted_at=turn.now)
        outbox.add_deletion(turn.tx, one, key=key, now=turn.now)
        return deleting

    def _deletes(self, account: str) -> bool:
        view = self._turn.context.accounts.view(account)
        return view is not None and view.deletes


Change: TypeAlias = Callable[[Delivery, "Sequence[Delivery]"], str]


def _settle(
    turn: Turn, entry: EntryId, word: str, states: frozenset[State], change: Change, *, link: str | None = None
) -> None:
    """Change the deliveries of a post that stand so, or say how all of them stand."""
    stored = _post(turn, entry)
    if stored is None:
        return
    everything = outbox.of_post(turn.tx, entry)
    chosen = [one for one in everything if one.state in states]
    if not chosen:
        turn.say(f"{_lead(stored)} nothing to {_INFINITIVES[word]}: {_standing(turn, stored)}", post=stored.id)
        return
    if link is not None and len({one.account for one in chosen}) > 1:
        there = [one for one in chosen if receipts.host_of(turn.tx, one.account) == urlsplit(link).netloc.casefold()]
        if len({one.account for one in there}) != 1:
            turn.say(_ambiguous(turn, stored, chosen), post=stored.id)
            return
        chosen = there
    _each(turn, stored, word, chosen, change, content=link)
    if word in {"drop", "found"}:
        end_below(turn, stored)


def _ambiguous(turn: Turn, stored: StoredPost, chosen: Sequence[Delivery]) -> str:
    names = ", ".join(dict.fromkeys(one.account for one in chosen))
    without = turn.context.verb(f"found {short(stored.id)}")
    return (
        f"{_lead(stored)} is in doubt on {names}, and I can't tell where that link belongs: {without} without a link "
        "says that it is on all of them. Nothing was changed."
    )


_INFINITIVES = {"retry": "retry", "found": "find", "drop": "drop"}


def _each(
    turn: Turn,
    stored: StoredPost,
    word: str,
    chosen: Sequence[Delivery],
    change: Change,
    *,
    posts_only: bool = False,
    content: str | None = None,
) -> None:
    everything = outbox.of_post(turn.tx, stored.id)
    words: Words = defaultdict(list)
    done: set[int] = set()
    for one in chosen:
        if (posts_only and not one.kind.publishes) or one.id in done:
            continue
        said = change(one, everything)
        done |= {one.id, *(later.id for later in _later_parts(one, everything))} if word == "drop" else {one.id}
        if said not in words[one.account]:
            words[one.account].append(said)
    for account in words:
        turn.audit(word, entry=stored.id, account=account, content=content)
    after = outbox.of_post(turn.tx, stored.id)
    if not any(Hold.SCHEDULE in one.held for one in after):
        _end_timer(turn, stored, everything)
    if all(one.state is State.CANCELLED and one.doubt_since is None for one in after):
        # A question had no receipt yet, and needs none any more.
        if not any(Hold.QUESTION in one.held for one in everything):
            turn.touch(stored)
        turn.say(f"{_lead(stored)} cancelled. {NOTHING}", post=stored.id)
        return
    turn.touch(stored)
    turn.say(f"{_lead(stored)} {_sentence(words)}", post=stored.id)


def _end_timer(turn: Turn, stored: StoredPost, before: Iterable[Delivery]) -> None:
    """Have a post's time not come any more that one of its deliveries, as they were, waited for."""
    if any(Hold.SCHEDULE in one.held for one in before):
        timers.end(turn.tx, stored.id)


def _sentence(words: Words) -> str:
    return " · ".join(f"{account}: {', '.join(said)}" for account, said in words.items())


def _found_words(turn: Turn, there: Delivery, everything: Sequence[Delivery]) -> str:
    later = _later_parts(there, everything)
    for one in later:
        cancel(turn, one)
    words = f"taken as sent{f' ({there.posted_url})' if there.posted_url else ''}"
    if later:
        words += f"; the {len(later)} parts after it can't follow and were not sent: post them again"
    if there.unwanted:
        words += "; it was taken back, so delete it there by hand"
    return words


def _later_parts(one: Delivery, everything: Iterable[Delivery]) -> list[Delivery]:
    """Return the parts of the same thread that still wait for this one."""
    return [
        other
        for other in everything
        if other.kind is DeliveryKind.POST
        and one.kind is DeliveryKind.POST
        and other.account == one.account
        and other.part > one.part
        and other.state is State.HELD
    ]


def _post(turn: Turn, entry: EntryId) -> StoredPost | None:
    """Return the post, or say that there is none of that id."""
    stored = posts.get(turn.tx, entry)
    if stored is None:
        name = tag(entry)
        if inbox.get(turn.tx, entry) is not None:
            turn.say(f"{name} is what somebody said to us, not a post of ours. Nothing was changed.", item=entry)
        else:
            turn.say(f"There is no {name}. Nothing was changed.")
    return stored


def _standing(turn: Turn, stored: StoredPost) -> str:
    """Return in a few words how a post stands on each account."""
    words: Words = defaultdict(list)
    for one in outbox.of_post(turn.tx, stored.id):
        if one.kind.publishes:
            word = one.posted_url or STATE_WORDS[one.state] if one.state is State.SENT else STATE_WORDS[one.state]
        elif one.kind is DeliveryKind.EDIT:
            word = {State.SENT: "corrected", State.DEAD: "NOT corrected"}.get(one.state, "being corrected")
        else:
            word = {State.SENT: "deleted", State.DEAD: "NOT deleted"}.get(one.state, "deleting")
        if word not in words[one.account]:
            words[one.account].append(word)
    return _sentence(words)


def _lead(stored: StoredPost) -> str:
    return tag(stored.id, stored.item)
