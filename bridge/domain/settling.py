"""What to do with the head of a lane, and what the outcome of an attempt or of a look makes of a delivery.

All of it is pure decisions; the states are those of `bridge.domain.deliveries`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bridge.domain.deliveries import (
    Absent,
    Delivery,
    DeliveryKind,
    Outcome,
    Refused,
    Sent,
    State,
    Tell,
    Unauthorized,
    Unavailable,
    Uncertain,
)
from bridge.domain.retry import BASE, Breaker, backoff
from bridge.domain.text import clean_inbound

if TYPE_CHECKING:
    from bridge.domain.posts import Posted


@dataclass(frozen=True, slots=True)
class Begin:
    """Make an attempt."""


@dataclass(frozen=True, slots=True)
class Look:
    """Look for it on the platform."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Nothing can settle it: the room decides."""


@dataclass(frozen=True, slots=True)
class Expire:
    """Too old to go out unasked."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet; `until` is None when only a commit can change that."""

    until: datetime | None
    cause: str | None = None


LOOKS = 3
"""How often a doubtful delivery is looked for by a plugin that can't be sure, before the room is asked."""

_LONGEST_LINK = 2_000

Step = Begin | Look | Ask | Expire | Wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the decisions need to know of the account and of the house.

    `finds` says whether the plugin can look; `key_lifetime` and `settle_after` are the plugin's limits, or the
    configuration's. `backoff` is the first pause between attempts.
    """

    key_lifetime: timedelta = timedelta(0)
    settle_after: timedelta = timedelta(seconds=30)
    finds: bool = False
    max_age: timedelta = timedelta(hours=1)
    backoff: timedelta = BASE


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What an outcome makes of a delivery; `tell` is what people must hear of it now.

    `deletion_wanted` says that it was taken back meanwhile, and arrived all the same.
    """

    delivery: Delivery
    breaker: Breaker
    tell: Tell | None = None
    deletion_wanted: bool = field(default=False)


def key_is_known(delivery: Delivery, terms: Terms, now: datetime) -> bool:
    """Tell whether the platform surely still remembers the key of the first doubtful attempt.

    An age below zero (the wall clock was set back) counts as expired.
    """
    if delivery.doubt_since is None:
        return False
    return timedelta(0) <= now - delivery.doubt_since < terms.key_lifetime


def is_stale(delivery: Delivery, terms: Terms, now: datetime) -> bool:
    """Tell whether it is too old to go out unasked; what takes something back never is."""
    return delivery.kind is not DeliveryKind.DELETE and now - delivery.fresh_since > terms.max_age


def next_step(head: Delivery, *, now: datetime, panic: bool, breaker: Breaker, terms: Terms) -> Step:
    """Decide what to do with the head of a lane, which is `ready` or `uncertain`.

    Under panic only deletions are attempted and only looks are made.
    """
    if breaker.probe_at is not None and breaker.probe_at > now:
        return Wait(breaker.probe_at, breaker.cause)
    if head.due_at is not None and head.due_at > now:
        return Wait(head.due_at, head.error)
    if head.kind is DeliveryKind.DELETE:
        return Begin()
    if head.state is State.UNCERTAIN and head.kind.publishes:
        return _settle_doubt(head, now=now, panic=panic, terms=terms)
    if is_stale(head, terms, now):
        return Ask() if head.state is State.UNCERTAIN else Expire()
    return Wait(None) if panic else Begin()


def _settle_doubt(head: Delivery, *, now: datetime, panic: bool, terms: Terms) -> Step:
    stale = is_stale(head, terms, now)
    # A repetition or a mark is there once, however often it is made.
    harmless = head.kind is not DeliveryKind.POST or key_is_known(head, terms, now)
    if not stale and not panic and not head.unwanted and harmless:
        return Begin()
    if terms.finds and head.kind is DeliveryKind.POST:
        return Look()
    if panic and not stale and not head.unwanted and harmless:
        return Wait(None)
    return Ask()


def begin(head: Delivery, *, now: datetime, epoch: str) -> Delivery:
    """Mark a delivery as being attempted: from here until its outcome is known, it is in doubt."""
    attempt = head.attempt + 1
    return replace(
        head,
        state=State.SENDING,
        attempt=attempt,
        epoch=epoch,
        due_at=None,
        doubt_since=head.doubt_since or now,
        doubt_attempt=head.doubt_attempt or attempt,
        looks=0,
    )


def settle(
    delivery: Delivery, outcome: Outcome, *, now: datetime, breaker: Breaker, terms: Terms, jitter: float
) -> Settled:
    """Decide what the outcome of an attempt, or of a look, makes of a delivery and of its account's breaker.

    `jitter` is a random number from 0 to 1. Doubt is sticky: it ends with `Sent`, with `Absent`, or with an attempt
    that was the first doubtful one and was certainly not published.
    """
    cause = None if isinstance(outcome, Sent | Absent) else outcome.reason
    after = breaker.after(
        failed=_failed(outcome),
        unauthorized=isinstance(outcome, Unauthorized),
        now=now,
        cause=cause,
        base=terms.backoff,
    )
    pause = backoff(delivery.failures + 1, jitter, terms.backoff)
    settled = _settled(delivery, outcome, now=now, after=after, pause=pause, terms=terms)
    return replace(settled, delivery=_measured(settled.delivery, now))


def _measured(delivery: Delivery, now: datetime) -> Delivery:
    """Note how long the pause shall be that was just begun, so that a clock set otherwise can't make it longer."""
    return replace(delivery, pause=delivery.due_at - now if delivery.due_at is not None else None)


def _settled(
    delivery: Delivery, outcome: Outcome, *, now: datetime, after: Breaker, pause: timedelta, terms: Terms
) -> Settled:
    match outcome:
        case Sent(posted=posted):
            return _sent(delivery, posted, breaker=after)
        case Absent():
            return _free(delivery, due_at=None, error=delivery.error, failures=delivery.failures, breaker=after)
        case Uncertain():
            due = _due(outcome, now=now, breaker=after, pause=pause)
            return _doubt(delivery, outcome, now=now, due_at=due, breaker=after, terms=terms)
        case Unavailable() | Refused() | Unauthorized():
            due = _due(outcome, now=now, breaker=after, pause=pause)
            return _not_by_this(delivery, outcome, now=now, due_at=due, breaker=after, terms=terms)


def _not_by_this(
    delivery: Delivery,
    outcome: Unavailable | Refused | Unauthorized,
    *,
    now: datetime,
    due_at: datetime,
    breaker: Breaker,
    terms: Terms,
) -> Settled:
    """This attempt published nothing; whether an earlier one did is another question."""
    reason = outcome.reason
    if delivery.kind.publishes and _was_in_doubt(delivery):
        if isinstance(outcome, Unavailable) and not is_stale(delivery, terms, now):
            return _still(delivery, reason, due_at=due_at, breaker=breaker)
        return _ask(delivery, reason, breaker=breaker)
    if isinstance(outcome, Refused):
        return _dead(delivery, reason, breaker=breaker)
    return _free(delivery, due_at=due_at, error=reason, failures=delivery.failures + 1, breaker=breaker)


def _failed(outcome: Outcome) -> bool:
    """Whether the platform is in trouble; one that refuses, or can be searched, is well."""
    match outcome:
        case Unavailable() | Uncertain() | Unauthorized():
            return True
        case Sent() | Refused() | Absent():
            return False


def _was_in_doubt(delivery: Delivery) -> bool:
    """Whether something other than the attempt that just ended may have published it."""
    if delivery.state is State.UNCERTAIN:
        return True
    return delivery.doubt_attempt is not None and delivery.doubt_attempt < delivery.attempt


def _due(outcome: Outcome, *, now: datetime, breaker: Breaker, pause: timedelta) -> datetime:
    """When to try again: the breaker's probe where it is open, else the back-off; never before the platform asked."""
    asked = outcome.retry_after if isinstance(outcome, Unavailable | Uncertain) else None
    own = breaker.probe_at or now + pause
    return max(own, now + asked) if asked is not None else own


def _link(url: str | None) -> str | None:
    """Return a platform's link as one harmless word: it is shown among lines of ours."""
    return "".join(clean_inbound(url, _LONGEST_LINK).split()) or None if url is not None else None


def _sent(delivery: Delivery, posted: Posted | None, *, breaker: Breaker) -> Settled:
    doubtful = _was_in_doubt(delivery)
    tell = None
    if delivery.told or doubtful:
        tell = Tell.FOUND if doubtful else Tell.RECOVERED
    done = replace(
        _without_doubt(delivery),
        state=State.SENT,
        posted=posted,
        posted_url=_link(posted.url) if posted else delivery.posted_url,
        error=None,
        due_at=None,
        failures=0,
    )
    wanted = delivery.unwanted and delivery.kind.publishes
    return Settled(delivery=done, breaker=breaker, tell=tell, deletion_wanted=wanted)


def _without_doubt(delivery: Delivery) -> Delivery:
    return replace(delivery, doubt_since=None, doubt_attempt=None, looks=0)


def _free(
    delivery: Delivery, *, due_at: datetime | None, error: str | None, failures: int, breaker: Breaker
) -> Settled:
    """Make it ready again: it is certainly not there. What was taken back meanwhile is cancelled instead."""
    if delivery.unwanted:
        cancelled = replace(_without_doubt(delivery), state=State.CANCELLED, due_at=None, error=None)
        return Settled(delivery=cancelled, breaker=breaker)
    ready = replace(_without_doubt(delivery), state=State.READY, due_at=due_at, error=error, failures=failures)
    return Settled(delivery=ready, breaker=breaker)


def _doubt(
    delivery: Delivery, outcome: Uncertain, *, now: datetime, due_at: datetime, breaker: Breaker, terms: Terms
) -> Settled:
    if not delivery.kind.publishes:
        # Deleting or editing twice is harmless, so there is nothing to look up.
        return _free(delivery, due_at=due_at, error=outcome.reason, failures=delivery.failures + 1, breaker=breaker)
    if delivery.state is State.UNCERTAIN:
        return _unsure_look(delivery, outcome, now=now, due_at=due_at, breaker=breaker, terms=terms)
    if not outcome.answered:
        due_at = max(now + terms.settle_after, breaker.probe_at or now)
        if outcome.retry_after is not None:
            due_at = max(due_at, now + outcome.retry_after)
    return _still(delivery, outcome.reason, due_at=due_at, breaker=breaker)


def _unsure_look(
    delivery: Delivery, outcome: Uncertain, *, now: datetime, due_at: datetime, breaker: Breaker, terms: Terms
) -> Settled:
    """What is listed late may be found by a later look; but a lane doesn't wait for ever for one that can tell."""
    looked = replace(delivery, looks=delivery.looks + 1)
    if looked.looks >= LOOKS or is_stale(delivery, terms, now):
        return _ask(looked, outcome.reason, breaker=breaker)
    return _still(looked, outcome.reason, due_at=due_at, breaker=breaker)


def _still(delivery: Delivery, reason: str, *, due_at: datetime, breaker: Breaker) -> Settled:
    tell = None if delivery.told else Tell.DOUBT
    uncertain = replace(
        delivery,
        state=State.UNCERTAIN,
        due_at=due_at,
        error=reason,
        failures=delivery.failures + 1,
        told=True,
    )
    return Settled(delivery=uncertain, breaker=breaker, tell=tell)


def _ask(delivery: Delivery, reason: str | None, *, breaker: Breaker) -> Settled:
    asked = replace(delivery, state=State.ASKED, due_at=None, error=reason, told=True)
    return Settled(delivery=asked, breaker=breaker, tell=Tell.ASKED)


def _dead(delivery: Delivery, reason: str, *, breaker: Breaker) -> Settled:
    dead = replace(_without_doubt(delivery), state=State.DEAD, due_at=None, error=reason, told=True)
    tell = Tell.UNDELETED if delivery.kind is DeliveryKind.DELETE else Tell.FAILED
    return Settled(delivery=dead, breaker=breaker, tell=tell)


def ask(delivery: Delivery, *, breaker: Breaker) -> Settled:
    """Hand a doubtful delivery to the room, since nothing else can settle it."""
    return _ask(delivery, delivery.error, breaker=breaker)


def expire(delivery: Delivery, *, breaker: Breaker) -> Settled:
    """End a delivery that waited too long: yesterday's outage must not go out today."""
    dead = replace(delivery, state=State.DEAD, due_at=None, error=None, told=True)
    return Settled(delivery=dead, breaker=breaker, tell=Tell.STALE)


def give_back(delivery: Delivery) -> Delivery:
    """Take back the beginning of an attempt that surely nobody made."""
    first = delivery.doubt_attempt == delivery.attempt
    return replace(
        _without_doubt(delivery) if first else delivery,
        state=State.READY if first else State.UNCERTAIN,
        attempt=delivery.attempt - 1,
    )


def recover(delivery: Delivery, *, now: datetime, terms: Terms) -> Delivery:
    """Judge a row that an earlier run of the program left `sending`: it is in doubt, from its attempt on.

    What the platform was doing with it may go on for `settle_after`, counted from the start of this run.
    """
    if not delivery.kind.publishes:
        return replace(_without_doubt(delivery), state=State.READY, due_at=None)
    doubtful = replace(
        delivery,
        state=State.UNCERTAIN,
        due_at=now + terms.settle_after,
        error=delivery.error or "the bridge stopped in the middle",
        told=True,
    )
    return _measured(doubtful, now)


def within_reach(delivery: Delivery, *, now: datetime) -> Delivery:
    """Return a delivery whose pause is, from now, at most as long as it was meant to be.

    Its end is stored by the wall clock, which may have been set back while the program was away.
    """
    latest = now + (delivery.pause or timedelta(0))
    if delivery.due_at is None or delivery.due_at <= latest:
        return delivery
    return replace(delivery, due_at=latest)
