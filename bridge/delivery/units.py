"""The units of work of a lane: claim the head, settle an outcome, tell of it. All of them are nothing but rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bridge.commands import receipts
from bridge.commands.relay import show
from bridge.delivery import ledger
from bridge.delivery.attendance import conversation
from bridge.delivery.steps import Attempt, Context, Idle, LookFor, Next
from bridge.domain import settling, troubles, wording
from bridge.domain.accounts import AccountState
from bridge.domain.deliveries import Delivery, DeliveryKind, Hold, Outcome, Refused, Sent, State, Tell, Unauthorized
from bridge.domain.mint import Mint
from bridge.domain.people import Place
from bridge.domain.posts import Key
from bridge.domain.retry import Breaker
from bridge.domain.settling import Ask, Begin, Expire, Look, Settled, Wait
from bridge.store import accounts, inbox, notices, outbox, posts, switching
from bridge.store.delivery_rows import FINAL

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from bridge.domain.ids import EntryId
    from bridge.domain.people import Target
    from bridge.store import Tx

KNOWN_MARGIN = timedelta(days=1)
"""How far before the first doubtful attempt our other posts are remembered when a plugin looks for a lost one."""


def breaker_of(state: AccountState) -> Breaker:
    """Return an account's breaker from its row."""
    return Breaker(failures=state.failures, step=state.open_step, probe_at=state.probe_at, cause=state.open_cause)


def _with_breaker(state: AccountState, breaker: Breaker) -> AccountState:
    return replace(
        state,
        failures=breaker.failures,
        open_step=breaker.step,
        probe_at=breaker.probe_at,
        open_cause=breaker.cause,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """What a claim has found out before it looks at heads; `ends` is when the next undo window does."""

    tx: Tx
    context: Context
    mint: Mint
    panic: bool
    ends: datetime | None


def claim(tx: Tx, context: Context, mint: Mint | None = None, state: AccountState | None = None) -> Next:
    """End the holds that are over, then take the lane's head, or say why not; `state` is the account's, if known."""
    mint = mint or Mint(context.seed)
    ends = _free_holds(tx, context, mint)
    stops = accounts.stops(tx)
    made = _Claim(tx=tx, context=context, mint=mint, panic=stops.panic is not None, ends=ends)
    step: Next | AccountState = state or accounts.get(tx, context.account)
    if context.barred is not None or context.account in stops.off:
        return _shut(made, step)
    while isinstance(step, AccountState):
        step = _take(made, step)
    return step


def _shut(made: _Claim, state: AccountState) -> Next:
    """Begin nothing, since the account is disabled: what became ready all the same is held, and its receipt says so.

    What was born before that is on the wire for everybody who was told, and let finish.
    """
    tx, context = made.tx, made.context
    if context.usable:
        for one in _unbegun(tx, context):
            return Attempt(delivery=one)
    elif context.barred is not None:
        give_back(tx, context)
    for entry in dict.fromkeys(switching.hold(tx, context.account)):
        _touch(tx, entry, made.mint, context.now)
    idle = _idle(made, state, until=None, cause=None, empty=True)
    return replace(idle, shut=True)


def _take(made: _Claim, state: AccountState) -> Next | AccountState:
    """Do what the head asks for; when it left the lane, return the account's new state: there is another to look at.

    A row that is `sending` in this run, and that the lane did not begin, was born so, or its claim's commit had no
    answer: nobody sent it yet.
    """
    tx, context = made.tx, made.context
    head = outbox.head(tx, context.account)
    if head is None:
        return _idle(made, state, until=None, cause=None, empty=True)
    if head.state is State.SENDING:
        mine = head.epoch == context.epoch and (head.id, head.attempt) != context.begun
        if mine and context.usable:
            return Attempt(delivery=head)
        return _idle(made, state, until=None, cause=context.problem)
    if head.state is State.UNCERTAIN and not context.usable:
        # How its doubt can be settled only the plugin tells.
        return _idle(made, state, until=None, cause=context.problem)
    breaker = breaker_of(state)
    step = settling.next_step(head, now=context.now, panic=made.panic, breaker=breaker, terms=context.terms)
    match step:
        case Wait(until=until, cause=cause):
            return _idle(made, state, until=until, cause=context.problem or cause)
        case Ask():
            return _apply(tx, context, made.mint, state, before=head, settled=settling.ask(head, breaker=breaker))
        case Expire():
            return _apply(tx, context, made.mint, state, before=head, settled=settling.expire(head, breaker=breaker))
        case Begin() | Look():
            return _start(made, head, step, state)


def _start(made: _Claim, head: Delivery, step: Begin | Look, state: AccountState) -> Next:
    tx, context = made.tx, made.context
    if not context.usable:
        return _idle(made, state, until=None, cause=context.problem)
    if isinstance(step, Look):
        after = (head.doubt_since or context.now) - KNOWN_MARGIN
        return LookFor(delivery=head, known=outbox.known(tx, context.account, after=after))
    begun = settling.begin(head, now=context.now, epoch=context.epoch)
    outbox.save(tx, begun, now=context.now)
    return Attempt(delivery=begun)


def _idle(made: _Claim, state: AccountState, *, until: datetime | None, cause: str | None, empty: bool = False) -> Idle:
    times = [time for time in (until, made.ends) if time is not None]
    return Idle(
        until=min(times, default=None),
        waiting=0 if empty else outbox.waiting(made.tx, made.context.account),
        cause=cause,
        told=state.told_at is not None,
        open=state.probe_at is not None,
    )


def _free_holds(tx: Tx, context: Context, mint: Mint) -> datetime | None:
    """End the holds that are over, and return when the next undo window ends.

    One that is over stays held while its conversation is away. A question in a room, which was most probably talk, is
    forgotten when nobody has answered it for `max_age`.
    """
    held = outbox.held(tx, context.account)
    for one in held:
        asked = Hold.QUESTION in one.held and one.source.place is Place.ROOM
        if asked and context.now - one.fresh_since > context.terms.max_age:
            outbox.save(tx, replace(one, state=State.CANCELLED, held=frozenset(), hold_until=None), now=context.now)
            continue
        over = one.hold_until is not None and one.hold_until <= context.now
        # For its author a window begins when they see all that will go out: the picture, too.
        over = over and Hold.UNDO in one.held and Hold.PICTURE not in one.held
        if over and conversation(one.source) in context.present:
            outbox.free(tx, one, Hold.UNDO, now=context.now)
            _touch(tx, one.post, mint, context.now)
    later = (one.hold_until for one in held)
    return min((end for end in later if end is not None and end > context.now), default=None)


def settle(tx: Tx, context: Context, delivery: Delivery, outcome: Outcome, jitter: float) -> Next:
    """Write down what came of an attempt or a look, tell of it, and claim the next head in the same commit.

    A row that changed meanwhile (a person said `found`) is left alone.
    """
    mint = Mint(context.seed)
    after: AccountState | None = None
    current = outbox.get(tx, delivery.id)
    if current is not None and (current.state, current.attempt, current.epoch) == (
        delivery.state,
        delivery.attempt,
        delivery.epoch,
    ):
        state = accounts.get(tx, context.account)
        settled = settling.settle(
            current,
            outcome,
            now=context.now,
            breaker=breaker_of(state),
            terms=context.terms,
            jitter=jitter,
        )
        if isinstance(outcome, Unauthorized) and not context.paused:
            _tell(tx, context.admins, wording.unauthorized(context.account, outcome.reason), mint, context.now)
        after = _apply(tx, context, mint, state, before=current, settled=settled, flows=done(outcome))
    return claim(tx, context, mint, after)


def _apply(
    tx: Tx,
    context: Context,
    mint: Mint,
    state: AccountState,
    *,
    before: Delivery,
    settled: Settled,
    flows: bool = False,
) -> AccountState:
    """Write down what a delivery has become, with all that follows; return the account's state after it."""
    changed = settled.delivery
    outbox.save(tx, changed, now=context.now)
    sent = changed.state is State.SENT
    told_at = state.told_at
    if flows and told_at is not None:
        waiting = outbox.waiting(tx, context.account)
        _tell(tx, context.told, wording.flows(context.account, waiting=waiting), mint, context.now)
        told_at = None
    after = replace(_with_breaker(state, settled.breaker), told_at=told_at)
    if after != state:
        accounts.put(tx, after)
    if settled.tell is not None:
        _tell_trouble(tx, changed, settled.tell, mint, context.now)
    if changed.state in FINAL:
        ledger.record(tx, changed, settled.tell, salt=context.secret, at=context.now)
    if sent:
        _follow_up(tx, context, changed, mint, wanted=settled.deletion_wanted)
    if changed.state is State.CANCELLED:
        _cancel_followers(tx, context, changed)
    if wording.STATE_WORDS[changed.state] != wording.STATE_WORDS[before.state]:
        # Else the receipt would say again, with every attempt of an outage, what it says already.
        _touch(tx, changed.post, mint, context.now)
    return after


def _follow_up(tx: Tx, context: Context, sent: Delivery, mint: Mint, *, wanted: bool) -> None:
    """See to what waited for this: what follows it in a thread, its own deletion, the item that it answers."""
    if sent.kind is DeliveryKind.EDIT:
        _edited(tx, sent, context.now)
    if not sent.kind.publishes:
        return
    if wanted and sent.posted is not None and context.deletes:
        key = Key(token=mint(), minted_at=context.now)
        outbox.add_deletion(tx, sent, key=key, now=context.now)
    elif wanted:
        _tell(tx, (sent.source,), wording.undeletable(sent), mint, context.now)
    for follower in outbox.followers(tx, sent.id):
        if Hold.FOLLOWS in follower.held and not wanted:
            parent = sent.posted.ref if sent.posted else None
            outbox.free(tx, replace(follower, parent=parent), Hold.FOLLOWS, now=context.now)
    if sent.kind is DeliveryKind.POST and sent.parent is not None and sent.part == 0:
        stored = posts.get(tx, sent.post)
        if stored is not None and stored.answers is not None:
            inbox.answered(tx, stored.answers, context.now)
            show(tx, stored.answers, mint=mint, now=context.now)


def _edited(tx: Tx, edit: Delivery, now: datetime) -> None:
    """Know the post by what the platform calls it since its edit, which may be something else."""
    edited = outbox.get(tx, edit.follows) if edit.follows is not None else None
    if edited is not None and edit.posted is not None:
        there = replace(edited, text=edit.text, posted=edit.posted, posted_url=edit.posted_url)
        outbox.save(tx, there, now=now)
        for later in outbox.followers(tx, edited.id):
            if later.kind is not DeliveryKind.POST and later.state is State.READY:
                outbox.save(tx, replace(later, parent=edit.posted.ref, posted_url=edit.posted_url), now=now)


def _cancel_followers(tx: Tx, context: Context, one: Delivery) -> None:
    """End the rest of a thread with the part that it waits for."""
    for follower in outbox.followers(tx, one.id):
        if follower.state is State.HELD:
            ended = replace(follower, state=State.CANCELLED, held=frozenset(), hold_until=None)
            outbox.save(tx, ended, now=context.now)
            _cancel_followers(tx, context, ended)


def _tell_trouble(tx: Tx, one: Delivery, tell: Tell, mint: Mint, now: datetime) -> None:
    stored = posts.get(tx, one.post)
    body = troubles.trouble(tell, one, answers=stored.item if stored else None, now=now)
    notices.add_line(tx, target=one.source, body=body, origin_id=mint(), at=now, post=one.post)


def _touch(tx: Tx, entry: EntryId, mint: Mint, now: datetime) -> None:
    stored = posts.get(tx, entry)
    if stored is not None:
        receipts.touch(tx, stored, origin_id=mint(), now=now)


def _tell(tx: Tx, targets: Collection[Target], body: str, mint: Mint, now: datetime) -> None:
    for target in targets:
        notices.add_line(tx, target=target, body=body, origin_id=mint(), at=now)


def tell_blocked(tx: Tx, context: Context, cause: str) -> bool:
    """Tell the account's rooms that its lane does not flow, unless they know; returns whether they were told now."""
    state = accounts.get(tx, context.account)
    waiting = outbox.waiting(tx, context.account)
    if state.told_at is not None or not waiting:
        return False
    body = wording.blocked(context.account, cause=cause, waiting=waiting)
    _tell(tx, context.told, body, Mint(context.seed), context.now)
    accounts.put(tx, replace(state, told_at=context.now))
    return True


def recover(tx: Tx, context: Context) -> int:
    """Put what an earlier run of the lane left `sending` in doubt, and tell of it; returns how many there were.

    What waited for a disabled account is held, and what waited for one that is enabled by now goes on.
    """
    mint = Mint(context.seed)
    left = [
        one
        for one in outbox.sending(tx, context.account)
        if one.epoch != context.epoch or (one.id, one.attempt) == context.begun
    ]
    for one in left:
        doubtful = settling.recover(one, now=context.now, terms=context.terms)
        outbox.save(tx, doubtful, now=context.now)
        if doubtful.state is State.UNCERTAIN and not one.told:
            _tell_trouble(tx, doubtful, Tell.DOUBT, mint, context.now)
        _touch(tx, doubtful.post, mint, context.now)
    _clamp(tx, context)
    _open_or_shut(tx, context, mint)
    state = accounts.get(tx, context.account)
    if state.probe_at is not None:
        # A new start is reason enough for a new probe; what the clock did meanwhile doesn't matter then.
        accounts.put(tx, replace(state, probe_at=context.now))
    return len(left)


def _open_or_shut(tx: Tx, context: Context, mint: Mint) -> None:
    if context.barred is not None:
        if many := len(switching.hold(tx, context.account)):
            _tell(tx, context.told, wording.barred(context.account, context.barred, held=many), mint, context.now)
    elif context.account not in accounts.stops(tx).off:
        switching.free(tx, context.account)


def _clamp(tx: Tx, context: Context) -> None:
    """Bring near what a wall clock set back has put far away; a pause of its meant length stays as it is."""
    for one in outbox.pausing(tx, context.account):
        near = settling.within_reach(one, now=context.now)
        if near != one:
            outbox.save(tx, near, now=context.now)


def give_back(tx: Tx, context: Context) -> int:
    """Take back, when the lane stops, what was claimed or born but never begun; returns how many there were."""
    unbegun = _unbegun(tx, context)
    for one in unbegun:
        outbox.save(tx, settling.give_back(one), now=context.now)
    return len(unbegun)


def _unbegun(tx: Tx, context: Context) -> list[Delivery]:
    sending = outbox.sending(tx, context.account)
    return [one for one in sending if one.epoch == context.epoch and (one.id, one.attempt) != context.begun]


def restart_holds(tx: Tx, context: Context, name: str) -> int:
    """Begin the undo windows of a conversation anew, since nobody could say `undo` meanwhile; returns how many."""
    mint = Mint(context.seed)
    count = 0
    for one in outbox.held(tx, context.account):
        stored = posts.get(tx, one.post)
        if stored is not None and Hold.UNDO in one.held and conversation(one.source) == name:
            outbox.save(tx, replace(one, hold_until=context.now + stored.hold), now=context.now)
            receipts.touch(tx, stored, origin_id=mint(), now=context.now)
            count += 1
    return count


def done(outcome: Outcome) -> bool:
    """Tell whether an outcome means that the platform is well: it did what was asked, or said no."""
    return isinstance(outcome, Sent | Refused)
