from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.domain import settling
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
from bridge.domain.ids import EntryId, PostId
from bridge.domain.people import Place, Target
from bridge.domain.posts import Key, Posted
from bridge.domain.retry import Breaker
from bridge.domain.settling import Ask, Begin, Expire, Look, Settled, Step, Terms, Wait

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
KEYS = Terms(key_lifetime=timedelta(minutes=50))
FINDS = Terms(finds=True)
NEITHER = Terms()
THERE = Posted(id=PostId("1145"), url="https://mastodon.example/@shop/1145")


def ready(**changes: object) -> Delivery:
    base = Delivery(
        id=1,
        post=EntryId(0x4F),
        source=Target("ops@rooms.example.org", Place.ROOM),
        account="mastodon",
        kind=DeliveryKind.POST,
        text="EU users can't sign in",
        state=State.READY,
        key=Key(token="k1", minted_at=NOW),
        fresh_since=NOW,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def sending(attempt: int = 1, **changes: object) -> Delivery:
    one = ready()
    for _ in range(attempt):
        one = settling.begin(one, now=NOW, epoch="run")
    return replace(one, **changes)  # type: ignore[arg-type]


def uncertain(**changes: object) -> Delivery:
    return replace(sending(), state=State.UNCERTAIN, told=True, **changes)  # type: ignore[arg-type]


def step(head: Delivery, terms: Terms = NEITHER, *, now: datetime = NOW, panic: bool = False) -> Step:
    return settling.next_step(head, now=now, panic=panic, breaker=Breaker(), terms=terms)


def settle(one: Delivery, outcome: Outcome, terms: Terms = NEITHER, *, now: datetime = NOW) -> Settled:
    return settling.settle(one, outcome, now=now, breaker=Breaker(), terms=terms, jitter=1.0)


class TestNextStep:
    def test_a_ready_head_begins(self) -> None:
        assert step(ready()) == Begin()

    def test_it_waits_for_its_due_time_and_says_why(self) -> None:
        head = ready(due_at=NOW + SECOND, error="503")
        assert step(head) == Wait(NOW + SECOND, "503")
        assert step(head, now=NOW + SECOND) == Begin()

    def test_it_waits_for_the_breakers_probe(self) -> None:
        breaker = Breaker(failures=5, step=1, probe_at=NOW + SECOND, cause="refused connections")
        waiting = settling.next_step(ready(), now=NOW, panic=False, breaker=breaker, terms=NEITHER)
        assert waiting == Wait(NOW + SECOND, "refused connections")

    def test_yesterdays_outage_does_not_go_out_today(self) -> None:
        assert step(ready(), now=NOW + HOUR) == Begin()
        assert step(ready(), now=NOW + HOUR + SECOND) == Expire()

    def test_a_deletion_is_never_stale_and_goes_on_under_panic(self) -> None:
        assert step(ready(kind=DeliveryKind.DELETE), now=NOW + 30 * HOUR, panic=True) == Begin()

    def test_panic_stops_a_post(self) -> None:
        assert step(ready(), panic=True) == Wait(None)

    @pytest.mark.parametrize(
        ("terms", "expected"),
        [(KEYS, Begin()), (FINDS, Look()), (replace(KEYS, finds=True), Begin()), (NEITHER, Ask())],
    )
    def test_doubt_is_settled_by_the_key_else_by_a_look_else_by_the_room(self, terms: Terms, expected: Step) -> None:
        assert step(uncertain(), terms) == expected

    def test_a_key_older_than_its_lifetime_is_not_trusted(self) -> None:
        almost = NOW + KEYS.key_lifetime - SECOND
        assert step(uncertain(), KEYS, now=almost) == Begin()
        assert step(uncertain(), KEYS, now=NOW + KEYS.key_lifetime) == Ask()
        assert step(uncertain(), replace(KEYS, finds=True), now=NOW + KEYS.key_lifetime) == Look()

    def test_a_negative_age_counts_as_expired(self) -> None:
        assert step(uncertain(), KEYS, now=NOW - SECOND) == Ask()

    def test_under_panic_one_looks_and_never_sends(self) -> None:
        assert step(uncertain(), FINDS, panic=True) == Look()
        assert step(uncertain(), replace(KEYS, finds=True), panic=True) == Look()
        assert step(uncertain(), KEYS, panic=True) == Wait(None)

    def test_a_stale_doubt_is_looked_up_or_asked_and_never_sent_again(self) -> None:
        late = NOW + HOUR + SECOND
        lasting = replace(KEYS, key_lifetime=24 * HOUR)
        assert step(uncertain(), lasting, now=late) == Ask()
        assert step(uncertain(), replace(lasting, finds=True), now=late) == Look()

    def test_what_was_taken_back_is_never_sent_again(self) -> None:
        assert step(uncertain(unwanted=True), KEYS) == Ask()
        assert step(uncertain(unwanted=True), replace(KEYS, finds=True)) == Look()
        assert step(uncertain(unwanted=True), KEYS, panic=True) == Ask()

    @pytest.mark.parametrize("kind", [DeliveryKind.REPEAT, DeliveryKind.FAVOUR])
    def test_what_is_there_once_however_often_it_is_made_settles_its_own_doubt(self, kind: DeliveryKind) -> None:
        for terms in (NEITHER, FINDS):
            assert step(uncertain(kind=kind), terms) == Begin()
            assert step(uncertain(kind=kind), terms, panic=True) == Wait(None)
            assert step(uncertain(kind=kind), terms, now=NOW + HOUR + SECOND) == Ask()
            assert step(uncertain(kind=kind, unwanted=True), terms) == Ask()
            assert step(uncertain(kind=kind, unwanted=True), terms, panic=True) == Ask()


class TestFirstAttempt:
    def test_doubt_begins_before_the_outcome_is_known(self) -> None:
        one = sending()
        assert (one.state, one.attempt, one.doubt_since, one.doubt_attempt) == (State.SENDING, 1, NOW, 1)

    def test_sent(self) -> None:
        after = settle(sending(), Sent(posted=THERE))
        assert (after.delivery.state, after.delivery.posted, after.tell) == (State.SENT, THERE, None)
        assert after.delivery.doubt_since is None

    def test_certainly_not_published_is_ready_again_without_doubt(self) -> None:
        after = settle(sending(), Unavailable(reason="connection refused"))
        one = after.delivery
        assert (one.state, one.doubt_since, one.doubt_attempt) == (State.READY, None, None)
        assert (one.due_at, one.error, after.tell) == (NOW + 5 * SECOND, "connection refused", None)

    def test_retry_after_is_honoured_and_never_shortens_the_back_off(self) -> None:
        long = settle(sending(), Unavailable(reason="429", retry_after=600 * SECOND))
        short = settle(sending(), Unavailable(reason="429", retry_after=SECOND))
        assert long.delivery.due_at == NOW + 600 * SECOND
        assert short.delivery.due_at == NOW + 5 * SECOND

    def test_refused_is_dead_and_told(self) -> None:
        after = settle(sending(), Refused(reason="too long"))
        assert (after.delivery.state, after.delivery.error, after.tell) == (State.DEAD, "too long", Tell.FAILED)

    def test_unauthorized_waits_and_opens_the_breaker(self) -> None:
        after = settle(sending(), Unauthorized(reason="token expired"))
        assert (after.delivery.state, after.delivery.due_at) == (State.READY, NOW + 5 * SECOND)
        assert after.breaker.cause == "token expired"

    def test_no_answer_is_settled_after_what_the_platform_may_still_do(self) -> None:
        after = settle(sending(), Uncertain(reason="timeout"))
        assert (after.delivery.state, after.tell) == (State.UNCERTAIN, Tell.DOUBT)
        assert after.delivery.due_at == NOW + 30 * SECOND

    def test_an_answered_doubt_is_settled_after_the_back_off(self) -> None:
        after = settle(sending(), Uncertain(reason="500", answered=True))
        assert (after.delivery.state, after.delivery.due_at) == (State.UNCERTAIN, NOW + 5 * SECOND)


class TestUnderDoubt:
    @pytest.mark.parametrize("outcome", [Refused(reason="no"), Unauthorized(reason="who?")])
    def test_no_is_not_the_end_of_it(self, outcome: Outcome) -> None:
        after = settle(sending(2), outcome)
        assert (after.delivery.state, after.tell) == (State.ASKED, Tell.ASKED)

    def test_unavailable_leaves_the_doubt(self) -> None:
        after = settle(sending(2), Unavailable(reason="429"))
        assert (after.delivery.state, after.delivery.doubt_attempt) == (State.UNCERTAIN, 1)

    def test_it_is_told_once(self) -> None:
        first = settle(sending(), Uncertain(reason="timeout"))
        again = settle(settling.begin(first.delivery, now=NOW, epoch="run"), Uncertain(reason="timeout"))
        assert (first.tell, again.tell) == (Tell.DOUBT, None)

    def test_found_by_a_look_or_by_the_key(self) -> None:
        for one in (uncertain(), sending(2)):
            after = settle(one, Sent(posted=THERE))
            assert (after.delivery.state, after.tell, after.delivery.doubt_since) == (State.SENT, Tell.FOUND, None)

    def test_certain_absence_frees_it_and_the_end_is_told(self) -> None:
        free = settle(uncertain(), Absent())
        assert (free.delivery.state, free.delivery.doubt_since, free.delivery.due_at) == (State.READY, None, None)
        sent = settle(settling.begin(free.delivery, now=NOW, epoch="run"), Sent(posted=THERE))
        assert sent.tell is Tell.RECOVERED

    def test_a_look_that_fails_goes_on_until_it_is_stale(self) -> None:
        soon = settle(uncertain(), Unavailable(reason="503"), FINDS)
        late = settle(uncertain(), Unavailable(reason="503"), FINDS, now=NOW + HOUR + SECOND)
        assert (soon.delivery.state, late.delivery.state) == (State.UNCERTAIN, State.ASKED)

    def test_a_look_that_is_not_sure_waits_for_the_back_off_not_for_the_settling(self) -> None:
        after = settle(uncertain(), Uncertain(reason="can't reach back"), FINDS)
        assert (after.delivery.state, after.delivery.due_at) == (State.UNCERTAIN, NOW + 5 * SECOND)

    def test_the_third_look_that_is_not_sure_leaves_it_to_the_room(self) -> None:
        similar = Uncertain(reason="a very similar post is there")
        first = settle(uncertain(), similar, FINDS)
        second = settle(first.delivery, similar, FINDS)
        third = settle(second.delivery, similar, FINDS)
        looks = (first, second, third)
        assert [look.delivery.state for look in looks] == [State.UNCERTAIN, State.UNCERTAIN, State.ASKED]
        assert [look.tell for look in looks] == [None, None, Tell.ASKED]
        assert third.delivery.error == similar.reason

    def test_a_platform_that_is_away_costs_no_look(self) -> None:
        one = uncertain()
        for _ in range(10):
            one = settle(one, Unavailable(reason="503"), FINDS).delivery
        assert (one.state, one.looks) == (State.UNCERTAIN, 0)

    def test_looks_are_counted_anew_after_another_attempt(self) -> None:
        looked = settle(uncertain(), Uncertain(reason="listed late"), FINDS).delivery
        assert (looked.looks, settling.begin(looked, now=NOW, epoch="run").looks) == (1, 0)
        assert settle(looked, Absent(), FINDS).delivery.looks == 0


class TestTakenBack:
    def test_sent_after_all_wants_its_deletion(self) -> None:
        assert settle(sending(unwanted=True), Sent(posted=THERE)).deletion_wanted
        assert not settle(sending(), Sent(posted=THERE)).deletion_wanted

    @pytest.mark.parametrize("outcome", [Absent(), Unavailable(reason="refused")])
    def test_certainly_absent_is_cancelled(self, outcome: Outcome) -> None:
        assert settle(sending(unwanted=True), outcome).delivery.state is State.CANCELLED


class TestDeletions:
    def test_doubt_about_a_deletion_is_tried_again(self) -> None:
        one = sending(kind=DeliveryKind.DELETE)
        after = settle(one, Uncertain(reason="timeout"))
        assert (after.delivery.state, after.delivery.doubt_since, after.tell) == (State.READY, None, None)

    def test_a_refused_deletion_is_told(self) -> None:
        after = settle(sending(kind=DeliveryKind.DELETE), Refused(reason="still there"))
        assert (after.delivery.state, after.tell) == (State.DEAD, Tell.UNDELETED)


class TestEnds:
    def test_five_5xx_in_a_row_open_the_breaker_and_its_probe_sets_the_pace(self) -> None:
        breaker = Breaker(failures=4)
        after = settling.settle(
            sending(2), Uncertain(reason="500", answered=True), now=NOW, breaker=breaker, terms=KEYS, jitter=0.0
        )
        assert after.breaker.probe_at == NOW + 5 * SECOND == after.delivery.due_at

    def test_a_row_left_sending_is_in_doubt_from_the_start_of_the_next_run(self) -> None:
        later = NOW + 100 * SECOND
        one = settling.recover(sending(), now=later, terms=NEITHER)
        assert (one.state, one.doubt_since, one.due_at) == (State.UNCERTAIN, NOW, later + 30 * SECOND)

    def test_an_attempt_nobody_made_is_taken_back(self) -> None:
        first = settling.give_back(sending())
        assert (first.state, first.attempt, first.doubt_since) == (State.READY, 0, None)
        second = settling.give_back(sending(2))
        assert (second.state, second.attempt, second.doubt_since) == (State.UNCERTAIN, 1, NOW)

    def test_stale_and_asked_are_told(self) -> None:
        assert settling.expire(ready(), breaker=Breaker()).tell is Tell.STALE
        assert settling.ask(uncertain(), breaker=Breaker()).tell is Tell.ASKED
