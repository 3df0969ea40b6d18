"""`approve` and `reject`: the word of a second person on one revision of a post; and what the rules have wait for it.

The row and the reason to hold the deliveries go together: so one approval counts, whoever else says something at the
same instant, and none counts for a text that wasn't shown.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge.commands import receipts
from bridge.commands.people import Rights
from bridge.commands.reasons import called, who
from bridge.commands.relay import reopen
from bridge.domain.deliveries import Hold, State
from bridge.domain.ids import short
from bridge.domain.later import ACTOR
from bridge.domain.mint import Mint
from bridge.domain.people import Place, Role, Target
from bridge.domain.pictures import SEEN
from bridge.domain.policy import Decision, Verdict
from bridge.domain.reviews import Review, ReviewState, asks, changed
from bridge.domain.text import clean_inbound, quoted_lines
from bridge.domain.wording import NOTHING, clause, tag
from bridge.store import accounts, audit, inbox, notices, outbox, pictures, posts, reviews, timers

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bridge.commands.context import Deed, Turn
    from bridge.commands.later import Firing
    from bridge.domain.deliveries import Delivery
    from bridge.domain.ids import EntryId
    from bridge.domain.outbox import StoredPost
    from bridge.store import Tx

UNCHANGED: Final = "Nothing was changed."
FIRST_THEN: Final = frozenset({Hold.QUESTION.value, Hold.PREVIEW.value, Hold.POLICY.value})
"""While a post waits for its author, nobody else is asked."""

EITHER: Final = frozenset({Hold.APPROVAL.value, Hold.POLICY.value})
"""The reasons to hold a post that the rules give."""

_LONGEST: Final = 4_000


def holds(decision: Decision) -> frozenset[str]:
    """Return the reasons to hold a post that a decision gives."""
    found = {Verdict.APPROVAL: Hold.APPROVAL.value, Verdict.WORD: Hold.POLICY.value}
    return frozenset(reason for verdict, reason in found.items() if verdict in decision.verdicts)


def note(
    turn: Turn,
    stored: StoredPost,
    decision: Decision,
    held: frozenset[str],
    *,
    due: datetime | None,
    before: str | None = None,
) -> None:
    """Write down what the rules say of a new post or revision, and ask those who may approve it.

    `before` is the text that is published, where the revision corrects that.
    """
    former = reviews.get(turn.tx, stored.id) if stored.revision else None
    if not decision.findings and former is None:
        return
    if former is not None and former.state.is_open and former.before is not None:
        before = former.before  # what waited meanwhile was never published
    why, word = (decision.why(verdict) or None for verdict in (Verdict.APPROVAL, Verdict.WORD))
    state = ReviewState.AUTHOR if decision.findings else ReviewState.FREE
    one = Review(
        post=stored.id,
        revision=stored.revision,
        rule=decision.rules(),
        why=why,
        word=word,
        state=state,
        expires_at=until(turn, due) if why is not None else None,
        before=before if decision.findings else None,
    )
    reviews.put(turn.tx, one)
    verb = "hold" if decision.findings else "hold ended"
    said = " and ".join(sorted(holds(decision))) or None
    turn.audit(verb, entry=stored.id, content=_content(one), decision=said, rule=one.rule or None)
    if word is not None and Hold.QUESTION in held:
        send = turn.context.verb(f"send {short(stored.id)}")
        turn.say(f"{tag(stored.id, stored.item)} {word}: {send} posts it all the same. {NOTHING}", post=stored.id)
    if state is ReviewState.FREE:
        _tell_asked(turn, stored, "was changed, and needs nobody's approval any more")
    elif held.isdisjoint(FIRST_THEN):
        ask(turn, stored)


def until(turn: Turn, due: datetime | None) -> datetime:
    """Return until when something can be approved that goes out at a time, or at once."""
    return max(turn.now, due or turn.now) + turn.context.settings.policy.approval_expires


def ask(turn: Turn, stored: StoredPost) -> bool:
    """Ask those who may approve a post, once its author has said what they had to; False where nobody has to."""
    one = reviews.get(turn.tx, stored.id)
    if one is None or one.why is None or not reviews.asked(turn.tx, stored.id):
        return False
    for target in _who_is_asked(turn, stored):
        _ask_in(turn, stored, replace(one, state=ReviewState.WAITING), target)
    return True


def _ask_in(turn: Turn, stored: StoredPost, one: Review, target: Target) -> None:
    body = asks(stored, one, what=_what(turn, stored), text=_quoted(turn, stored), place=target.place)
    origin = turn.mint()
    notices.add_line(turn.tx, target=target, body=body, origin_id=origin, at=turn.now, post=stored.id)
    reviews.note_ask(turn.tx, origin, one, target)
    if target == turn.context.source:
        turn.said.append(body)


def _who_is_asked(turn: Turn, stored: StoredPost) -> list[Target]:
    """Return the rooms that use the post's accounts, and who may approve it; its own room sees the receipt.

    What answers something private goes to no room that mustn't hear that.
    """
    context = turn.context
    names = dict.fromkeys(one.account for one in outbox.of_post(turn.tx, stored.id))
    rights = Rights.read(turn.tx, context.settings)
    rooms = [room for name in names for room in context.settings.rooms_using(name)]
    item = inbox.get(turn.tx, stored.item) if stored.item is not None else None
    if item is not None and item.item.private:
        rooms = [room for room in rooms if room in context.settings.rooms_hearing(item.account, private=True)]
    targets = [Target(room, Place.ROOM) for room in rooms]
    writers = {stored.author, context.sender}
    targets += [Target(jid, Place.DIRECT) for jid in rights.holders(Role.APPROVER) if jid not in writers]
    # A receipt is one message, which the reaction to it can't tell the revisions of apart.
    has_receipt = not stored.revision and stored.receipt == stored.id
    if stored.source.place is Place.ROOM and not has_receipt:
        targets.append(stored.source)
    return [one for one in dict.fromkeys(targets) if one != stored.source or not has_receipt]


def _what(turn: Turn, stored: StoredPost) -> str:
    """Return how a post will look, for who didn't write it."""
    ones = outbox.of_post(turn.tx, stored.id)
    names = ", ".join(dict.fromkeys(one.account for one in ones if one.state is State.HELD))
    item = inbox.get(turn.tx, stored.item) if stored.item is not None else None
    if stored.about is not None and item is not None:
        return f"{ones[0].kind.value} of what @{receipts.handle(item)} said, on {names}"
    if item is not None:
        return f"to {receipts.addressee(item, stored.nick)}"
    shown = receipts.preview(stored, ones, turn.context.accounts)
    fits = ", ".join(f"{name} {fit}" for name, fit in shown.fits.items()) or f"a correction on {names}"
    behind = f', behind "{clause(stored.warning)}"' if stored.warning else ""
    return f"{shown.characters} characters{behind}: {fits}"


def _quoted(turn: Turn, stored: StoredPost) -> str:
    """Return the words of a post as quoted lines, those that describe its pictures among them."""
    own = pictures.of_post(turn.tx, stored.id) if stored.pictures else ()
    shown = [f"picture: {one.alt or 'without a description'}" for one in own if one.state in SEEN]
    text = "\n".join(filter(None, (clean_inbound(stored.text, _LONGEST).strip(), *shown)))
    return f"\n| {quoted_lines(text)}" if text else ""


def approve(entry: EntryId, version: int | None, *, message: str | None = None) -> Deed:
    """Return the deed of letting a post go out that waits for it; `message` is the line of ours that it is said on."""

    def deed(turn: Turn) -> None:
        found = _decidable(turn, entry)
        if found is None:
            return
        stored, one, waiting = found
        counted = _counted(turn, version, message)
        if counted != one.revision:
            place = turn.context.place
            words = changed(stored, one, counted + 1, text=_quoted(turn, stored), place=place)
            turn.say(words, post=stored.id)
            return
        if any(Hold.PICTURE in held.held for held in waiting):
            turn.say(f"{_lead(stored)} isn't whole yet: approve it once its picture is here and described", post=entry)
            return
        if not reviews.decide(turn.tx, one, ReviewState.APPROVED, actor=turn.context.sender, at=turn.now):
            return
        left: set[str] = set()
        for held in waiting:
            left |= outbox.free(turn.tx, held, Hold.APPROVAL, now=turn.now).held - {Hold.FOLLOWS}
        turn.audit("approve", entry=entry, content=_content(one), decision="approved", rule=one.rule)
        turn.touch(stored)
        _tell(turn, stored, f"is approved by {turn.context.nick}{_then(turn, left)}")

    return deed


def reject(entry: EntryId, why: str, *, message: str | None = None) -> Deed:
    """Return the deed of sending a post back to its author that waits for approval."""
    reason = clause(why) if why.strip() else ""

    def deed(turn: Turn) -> None:
        found = _decidable(turn, entry)
        if found is None:
            return
        stored, one, waiting = found
        counted = one.revision if message is None else _counted(turn, None, message)
        if counted != one.revision:
            turn.say(
                changed(stored, one, counted + 1, text=_quoted(turn, stored), place=turn.context.place), post=stored.id
            )
            return
        if not reviews.decide(turn.tx, one, ReviewState.REJECTED, actor=turn.context.sender, at=turn.now):
            return
        stored = _as_published(turn.tx, stored, one)
        ended = _cancel(turn.tx, stored, waiting, turn.mint, turn.now)
        said = f"{_content(one)}: {reason}" if reason else _content(one)
        turn.audit("reject", entry=entry, content=said, decision="rejected", rule=one.rule)
        turn.touch(stored)
        _tell(turn, stored, f"is rejected by {turn.context.nick}{f': {reason}' if reason else ''}. {NOTHING}")
        for line in ended:
            turn.say(line, to=stored.source)

    return deed


def expire(tx: Tx, entry: EntryId, made: Firing) -> bool:
    """Cancel a post that nobody has approved in time; False where that isn't so, or not any more."""
    one, stored = reviews.get(tx, entry), posts.get(tx, entry)
    if one is None or stored is None or one.expires_at is None or one.expires_at > made.now:
        return False
    if not reviews.decide(tx, one, ReviewState.EXPIRED, actor=ACTOR, at=made.now):
        return False
    mint = Mint(made.seed)
    waiting = _waiting(tx, stored)
    targets = (stored.source, *reviews.asked_in(tx, entry))
    reviews.forget_asks(tx, entry)
    if not waiting:
        return True  # it was taken back, and everybody knows
    stored = _as_published(tx, stored, one)
    ended = _cancel(tx, stored, waiting, mint, made.now)
    audit.append(
        tx,
        at=made.now,
        actor=ACTOR,
        verb="expired",
        salt=made.secret,
        entry=entry,
        content=_content(one),
        decision="expired",
        rule=one.rule,
    )
    receipts.touch(tx, stored, origin_id=mint(), now=made.now, urgent=True)
    words = f"{_lead(stored)} was approved by nobody in time, so it is cancelled. {NOTHING}"
    for target in dict.fromkeys(targets):
        notices.add_line(tx, target=target, body=words, origin_id=mint(), at=made.now, post=entry)
    for line in ended:
        notices.add_line(tx, target=stored.source, body=line, origin_id=mint(), at=made.now)
    return True


def still_waits(turn: Turn, stored: StoredPost) -> str:
    """Return the answer to a `send` that can't free a post."""
    one = reviews.get(turn.tx, stored.id)
    why = f" ({one.why})" if one is not None and one.why else ""
    return f"{_lead(stored)} waits for approval{why}: only an approver who didn't write it can send it. {NOTHING}"


def _decidable(turn: Turn, entry: EntryId) -> tuple[StoredPost, Review, list[Delivery]] | None:
    """Return what the person may decide on now, or say why there is nothing."""
    stored = posts.get(turn.tx, entry)
    if stored is None:
        is_item = inbox.get(turn.tx, entry) is not None
        what = f"{tag(entry)} is what somebody said to us" if is_item else f"There is no {tag(entry)}"
        turn.say(f"{what}. {UNCHANGED}", item=entry if is_item else None)
        return None
    one = reviews.get(turn.tx, entry)
    waiting = _waiting(turn.tx, stored)
    why = _obstacle(turn, stored, one, waiting)
    if why is not None or one is None:
        turn.say(f"{_lead(stored)} {why}. {UNCHANGED}", post=entry)
        return None
    return stored, one, waiting


def _obstacle(turn: Turn, stored: StoredPost, one: Review | None, waiting: list[Delivery]) -> str | None:
    """Return why a person can't decide on a post, as what follows its name; None where they can."""
    if one is None or one.why is None or one.state is ReviewState.FREE:
        return "needs nobody's approval"
    if one.state is ReviewState.EXPIRED:
        return "was approved by nobody in time, and is cancelled"
    if not one.state.is_open:
        return f"was {one.state.value} already, by {who(one.actor or '')}"
    if not waiting:
        return "was taken back, so there is nothing to decide"
    if one.state is ReviewState.AUTHOR:
        return f"waits for a word of its author, {stored.nick}, first"
    context = turn.context
    if context.sender in {stored.author, *reviews.editors(turn.tx, stored.id)}:
        return "was written or edited by you, so somebody else has to decide"
    room = context.source.jid if context.place is Place.ROOM else None
    role = Rights.read(turn.tx, context.settings).role_of(context.sender, context.incoming.affiliation, room)
    return None if role >= Role.APPROVER else f"needs the role approver; you are {called(role)}"


def _waiting(tx: Tx, stored: StoredPost) -> list[Delivery]:
    everything = outbox.of_post(tx, stored.id)
    return [one for one in everything if one.state is State.HELD and Hold.APPROVAL in one.held]


def _counted(turn: Turn, version: int | None, message: str | None) -> int:
    """Return which revision is meant: that of the line, the one that was named, or else the first."""
    if message is not None:
        return reviews.revision_of(turn.tx, message) or 0
    return 0 if version is None else version - 1


def _as_published(tx: Tx, stored: StoredPost, one: Review) -> StoredPost:
    """Have a post say again what is published, where a correction of that isn't made."""
    if one.before is None or stored.revision != one.revision:
        return stored
    return posts.revise(tx, stored, replace(stored, text=one.before))


def _cancel(tx: Tx, stored: StoredPost, waiting: list[Delivery], mint: Callable[[], str], now: datetime) -> list[str]:
    """End what waits, and what was to follow it; return what there is to say of that."""
    lines: list[str] = []
    for one in waiting:
        ended = replace(one, state=State.CANCELLED, held=frozenset[str](), hold_until=None, due_at=None)
        outbox.save(tx, ended, now=now)
        for later in outbox.followers(tx, one.id):
            below = posts.get(tx, later.post)
            if later.post == stored.id or later.state is not State.HELD or below is None:
                continue
            lines += _cancel(tx, below, [later], mint, now)
            lines.append(f"{tag(below.id)} cancelled, too: it was to follow {short(stored.id)}")
            receipts.touch(tx, below, origin_id=mint(), now=now)
    if any(one.kind.publishes for one in waiting):
        timers.end(tx, stored.id)
        reopen(tx, stored, mint=mint, now=now)
    return list(dict.fromkeys(lines))


def _tell(turn: Turn, stored: StoredPost, words: str) -> None:
    """Say what was decided here, where the post was written, and wherever somebody was asked about it."""
    _tell_asked(turn, stored, words, turn.context.source, stored.source)


def _tell_asked(turn: Turn, stored: StoredPost, words: str, *besides: Target) -> None:
    """Say what became of a question wherever it was asked, which ends it."""
    targets = (*besides, *reviews.asked_in(turn.tx, stored.id))
    reviews.forget_asks(turn.tx, stored.id)
    for target in dict.fromkeys(targets):
        turn.say(f"{_lead(stored)} {words}", to=target, post=stored.id)


def _then(turn: Turn, left: set[str]) -> str:
    if Hold.SCHEDULE in left:
        return ", and goes out at its time"
    if Hold.UNDO in left:
        return ", and goes out when it can't be undone any more"
    if Hold.ACCOUNT in left:
        return ", and goes out as soon as its account is enabled again"
    if accounts.panic(turn.tx) is not None:
        return f", but everything outgoing is frozen: an approver's {turn.context.verb('resume')} continues"
    return ", and goes out now"


def _content(one: Review) -> str:
    return f"version {one.version}"


def _lead(stored: StoredPost) -> str:
    return tag(stored.id, stored.item)
