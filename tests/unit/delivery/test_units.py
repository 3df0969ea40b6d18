from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bridge.delivery import units
from bridge.delivery.units import Attempt, Idle, LookFor
from bridge.domain.deliveries import DeliveryKind, Refused, Sent, State, Unauthorized, Unavailable, Uncertain
from bridge.domain.ids import PostId
from bridge.domain.people import Place, Target
from bridge.domain.posts import Key, Posted
from bridge.domain.settling import Terms
from bridge.store import accounts, notices, outbox

if TYPE_CHECKING:
    from bridge.testing import FakeClock
    from tests.unit.delivery.conftest import Bench

ADMIN = Target("ana@example.org", Place.DIRECT)
ACCOUNT = "mastodon"
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
THERE = Posted(id=PostId("p1"), url="https://mastodon.example/p1")


async def test_the_head_is_claimed_and_in_doubt_from_then_on(bench: Bench) -> None:
    await bench.post()
    step = await bench.store.write(lambda tx: units.claim(tx, bench.context()))
    assert isinstance(step, Attempt)
    row = await bench.row(step.delivery)
    assert row == step.delivery
    assert (row.state, row.attempt, row.epoch) == (State.SENDING, 1, bench.store.epoch)
    assert (row.doubt_since, row.doubt_attempt) == (bench.clock.now(), 1)


async def test_nothing_is_claimed_while_the_plugin_is_not_up(bench: Bench) -> None:
    (one,) = await bench.post()
    context = bench.context(usable=False, problem="no route to host")
    step = await bench.store.write(lambda tx: units.claim(tx, context))
    assert step == Idle(until=None, waiting=1, cause="no route to host", told=False, open=False)
    assert (await bench.row(one)).state is State.READY


async def test_a_born_row_is_attempted_by_the_lane_that_did_not_begin_it(bench: Bench) -> None:
    (one,) = await bench.post(born=True)
    assert one.state is State.SENDING
    claims = [
        bench.context(usable=False, problem="down"),
        bench.context(begun=(one.id, one.attempt)),
        bench.context(epoch="a later run"),
    ]
    for context in claims:
        step = await bench.store.write(lambda tx, context=context: units.claim(tx, context))
        assert isinstance(step, Idle)
        assert step.waiting == 1
    assert await bench.store.write(lambda tx: units.claim(tx, bench.context())) == Attempt(delivery=one)


async def test_a_look_is_told_what_else_is_ours(bench: Bench) -> None:
    (old,) = await bench.post("old")
    await bench.save(replace(old, state=State.SENT, posted=THERE))
    (one,) = await bench.post()
    await bench.save(replace(one, state=State.UNCERTAIN, attempt=1, doubt_since=bench.clock.now(), doubt_attempt=1))
    context = bench.context(terms=Terms(finds=True))
    step = await bench.store.write(lambda tx: units.claim(tx, context))
    assert isinstance(step, LookFor)
    assert step.known == {"p1"}


async def test_an_outcome_of_a_row_that_people_settled_is_left_alone(bench: Bench) -> None:
    (one,) = await bench.post(born=True)
    await bench.save(replace(one, state=State.SENT, posted_url="LINK"))
    context = bench.context()
    await bench.store.write(lambda tx: units.settle(tx, context, one, Unavailable(reason="503"), 1.0))
    assert ((await bench.row(one)).state, (await bench.row(one)).posted_url) == (State.SENT, "LINK")
    assert (await bench.store.read(lambda tx: accounts.get(tx, ACCOUNT))).failures == 0


async def test_an_outcome_of_an_older_attempt_is_left_alone(bench: Bench) -> None:
    (one,) = await bench.post(born=True)
    await bench.save(replace(one, attempt=2))
    await bench.store.write(lambda tx: units.settle(tx, bench.context(), one, Refused(reason="422"), 1.0))
    assert (await bench.row(one)).state is State.SENDING


async def test_sent_and_the_next_claim_are_one_commit(bench: Bench) -> None:
    (one,) = await bench.post(born=True)
    (two,) = await bench.post()
    step = await bench.store.write(lambda tx: units.settle(tx, bench.context(), one, Sent(posted=THERE), 1.0))
    assert isinstance(step, Attempt)
    assert step.delivery.id == two.id
    assert (await bench.row(one)).state is State.SENT


@pytest.mark.parametrize(("paused", "told"), [(False, 1), (True, 0)])
async def test_a_bad_login_is_told_to_the_admins_unless_they_know(bench: Bench, paused: bool, told: int) -> None:
    (one,) = await bench.post(born=True)
    context = bench.context(paused=paused)
    await bench.store.write(lambda tx: units.settle(tx, context, one, Unauthorized(reason="revoked"), 1.0))
    assert (len(await bench.lines(ADMIN)), await bench.lines()) == (told, [])


async def test_the_end_of_a_cancelled_part_ends_every_part_after_it(bench: Bench) -> None:
    first, *_ = await bench.post(parts=4, born=True)
    await bench.save(replace(first, unwanted=True))
    await bench.store.write(lambda tx: units.settle(tx, bench.context(), first, Unavailable(reason="refused"), 1.0))
    assert [one.state for one in await bench.rows(1)] == [State.CANCELLED] * 4


async def test_a_taken_back_part_that_arrived_is_deleted_and_frees_nothing(bench: Bench) -> None:
    first, *_ = await bench.post(parts=2, born=True)
    await bench.save(replace(first, unwanted=True))
    context = bench.context(deletes=True)
    await bench.store.write(lambda tx: units.settle(tx, context, first, Sent(posted=THERE), 1.0))
    rows = await bench.rows(1)
    assert [(one.kind, one.state) for one in rows] == [
        (DeliveryKind.POST, State.SENT),
        (DeliveryKind.POST, State.HELD),
        (DeliveryKind.DELETE, State.SENDING),
    ]


async def test_a_receipt_is_owed_only_where_it_says_something_new(bench: Bench) -> None:
    (one,) = await bench.post(born=True)
    await bench.store.write(
        lambda tx: units.settle(tx, bench.context(usable=False), one, Unavailable(reason="503"), 1.0)
    )
    assert await owed(bench) == 0
    row = await bench.row(one)
    await bench.save(replace(row, state=State.SENDING, attempt=2, doubt_since=bench.clock.now(), doubt_attempt=2))
    row = await bench.row(one)
    await bench.store.write(lambda tx: units.settle(tx, bench.context(), row, Sent(posted=THERE), 1.0))
    assert await owed(bench) == 1


async def owed(bench: Bench) -> int:
    return len([one for one in await bench.store.read(notices.pending) if one.receipt is not None])


async def test_a_hold_that_is_over_waits_for_its_conversation_without_waking_the_lane(
    bench: Bench, clock: FakeClock
) -> None:
    (one,) = await bench.post(hold=20 * SECOND)
    await clock.advance(10)
    (two,) = await bench.post(hold=20 * SECOND)
    await clock.advance(15)
    away = bench.context(present=frozenset())
    step = await bench.store.write(lambda tx: units.claim(tx, away))
    assert step == Idle(until=two.hold_until, waiting=0, cause=None, told=False, open=False)
    await clock.advance(15)
    step = await bench.store.write(lambda tx: units.claim(tx, replace(away, now=clock.now())))
    assert step == Idle(until=None, waiting=0, cause=None, told=False, open=False)
    assert [(await bench.row(row)).state for row in (one, two)] == [State.HELD, State.HELD]
    step = await bench.store.write(lambda tx: units.claim(tx, bench.context()))
    assert isinstance(step, Attempt)
    assert step.delivery.id == one.id
    assert (await bench.row(two)).state is State.READY


async def test_only_the_holds_of_one_conversation_begin_anew(bench: Bench, clock: FakeClock) -> None:
    (one,) = await bench.post(hold=20 * SECOND)
    await clock.advance(15)
    assert await bench.store.write(lambda tx: units.restart_holds(tx, bench.context(), "other@rooms.example.org")) == 0
    assert (await bench.row(one)).hold_until == one.hold_until
    assert await bench.store.write(lambda tx: units.restart_holds(tx, bench.context(), one.source.jid)) == 1
    assert (await bench.row(one)).hold_until == clock.now() + 20 * SECOND


async def test_a_blocked_lane_is_told_once_and_only_while_something_waits(bench: Bench) -> None:
    told = [await bench.store.write(lambda tx: units.tell_blocked(tx, bench.context(), "503")) for _ in range(2)]
    await bench.post()
    told += [await bench.store.write(lambda tx: units.tell_blocked(tx, bench.context(), "503")) for _ in range(2)]
    assert told == [False, False, True, False]
    assert await bench.lines() == ["mastodon does not flow: 503. 1 message waiting, nothing is lost; I keep trying"]


async def test_a_row_that_an_earlier_run_left_is_in_doubt_and_told_once(bench: Bench, clock: FakeClock) -> None:
    (one,) = await bench.post(born=True)
    later = bench.context(epoch="the next run", terms=Terms(settle_after=40 * SECOND))
    assert await bench.store.write(lambda tx: units.recover(tx, bench.context())) == 0
    assert await bench.store.write(lambda tx: units.recover(tx, later)) == 1
    row = await bench.row(one)
    assert (row.state, row.due_at) == (State.UNCERTAIN, clock.now() + 40 * SECOND)
    assert len(await bench.lines()) == 1
    await bench.save(replace(row, state=State.SENDING, attempt=2))
    assert await bench.store.write(lambda tx: units.recover(tx, replace(later, epoch="yet another"))) == 1
    assert len(await bench.lines()) == 1


async def test_a_deletion_that_an_earlier_run_left_is_tried_again(bench: Bench, clock: FakeClock) -> None:
    (one,) = await bench.post()
    sent = replace(one, state=State.SENT, posted=THERE)
    await bench.save(sent)
    key = Key(token="d", minted_at=clock.now())
    await bench.store.write(lambda tx: outbox.add_deletion(tx, sent, key=key, now=clock.now()))
    step = await bench.store.write(lambda tx: units.claim(tx, bench.context()))
    assert isinstance(step, Attempt)
    await bench.store.write(lambda tx: units.recover(tx, bench.context(epoch="the next run")))
    row = await bench.row(step.delivery)
    assert (row.state, row.doubt_since, row.due_at) == (State.READY, None, None)
    assert await bench.lines() == []


async def test_a_start_probes_an_open_breaker_at_once_and_brings_far_times_near(bench: Bench, clock: FakeClock) -> None:
    (one,) = await bench.post()
    await bench.save(replace(one, due_at=clock.now() + HOUR, pause=5 * SECOND))
    state = await bench.store.read(lambda tx: accounts.get(tx, ACCOUNT))
    opened = replace(state, failures=5, open_step=3, probe_at=clock.now() + HOUR, open_cause="503")
    await bench.store.write(lambda tx: accounts.put(tx, opened))
    await bench.store.write(lambda tx: units.recover(tx, bench.context()))
    assert (await bench.row(one)).due_at == clock.now() + 5 * SECOND
    after = await bench.store.read(lambda tx: accounts.get(tx, ACCOUNT))
    assert (after.probe_at, after.open_step) == (clock.now(), 3)


async def test_what_was_not_begun_is_given_back(bench: Bench) -> None:
    (one,) = await bench.post(born=True)
    assert await bench.store.write(lambda tx: units.give_back(tx, bench.context(begun=(one.id, 1)))) == 0
    assert await bench.store.write(lambda tx: units.give_back(tx, bench.context(epoch="another"))) == 0
    assert (await bench.row(one)).state is State.SENDING
    assert await bench.store.write(lambda tx: units.give_back(tx, bench.context())) == 1
    row = await bench.row(one)
    assert (row.state, row.attempt, row.doubt_since) == (State.READY, 0, None)


async def test_a_stale_head_makes_room_for_the_next(bench: Bench, clock: FakeClock) -> None:
    (one,) = await bench.post()
    (doubtful,) = await bench.post()
    doubt = replace(doubtful, state=State.UNCERTAIN, attempt=1, doubt_since=clock.now(), doubt_attempt=1)
    await bench.save(doubt)
    await clock.advance(3601)
    (fresh,) = await bench.post()
    step = await bench.store.write(lambda tx: units.claim(tx, bench.context()))
    assert isinstance(step, Attempt)
    assert step.delivery.id == fresh.id
    assert [(await bench.row(row)).state for row in (one, doubtful)] == [State.DEAD, State.ASKED]
    assert len(await bench.lines()) == 2


def test_a_platform_that_says_no_is_well() -> None:
    outcomes = [Sent(posted=None), Refused(reason=""), Unavailable(reason=""), Uncertain(reason="")]
    assert [units.done(outcome) for outcome in outcomes] == [True, True, False, False]
