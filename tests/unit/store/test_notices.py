from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import pytest

from bridge.domain.ids import Cursor, EntryId, PostId
from bridge.domain.items import Author, Item
from bridge.domain.notices import Notice, NoticeKind, NoticeState
from bridge.domain.people import Place, Target
from bridge.store import NotCommitted, Store, Tx, inbox, notices
from bridge.store.notices import Root

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

T = TypeVar("T")

OPS = Target("ops@rooms.example.org", Place.ROOM)
DESK = Target("desk@rooms.example.org", Place.ROOM)
ANA = Target("ana@example.org", Place.DIRECT)
RAJ = Target("raj@example.org", Place.DIRECT)
POST = EntryId(0x4F)


def line(tx: Tx, name: str, at: datetime, *, target: Target = OPS, due_at: datetime | None = None) -> int:
    return notices.add_line(tx, target=target, body=f"body {name}", origin_id=name, at=at, due_at=due_at)


def touch(tx: Tx, name: str, at: datetime, *, target: Target = OPS, due_at: datetime | None = None) -> bool:
    return notices.touch_receipt(tx, target=target, receipt=POST, origin_id=name, at=at, due_at=due_at)


def ids(found: list[Notice]) -> list[str]:
    return [one.origin_id for one in found]


def ready(tx: Tx, now: datetime, *targets: Target) -> list[str]:
    return ids(notices.ready(tx, targets=targets or (OPS, DESK, ANA, RAJ), now=now, limit=50))


def send(tx: Tx, name: str, at: datetime, *, corrects: str | None = None, nick: str | None = "status") -> None:
    found = [one for one in notices.pending(tx) if one.origin_id == name]
    assert notices.begin(tx, found[0].id, body=f"sent {name}", corrects=corrects, nick=nick, at=at)


def number(tx: Tx, name: str) -> int:
    return next(one.id for one in notices.pending(tx) if one.origin_id == name)


async def run(store: Store, *units: Callable[[Tx], T]) -> list[T]:
    return [await store.write(unit) for unit in units]


async def test_a_line_is_owed_as_it_was_written_and_wakes_the_sender(store: Store, now: datetime) -> None:
    due = now + timedelta(seconds=2)
    added = await store.write(lambda tx: line(tx, "a", now, target=ANA, due_at=due))
    assert store.event("notices").is_set()
    assert await store.read(lambda tx: notices.get(tx, added)) == Notice(
        id=added,
        target=ANA,
        kind=NoticeKind.LINE,
        state=NoticeState.READY,
        origin_id="a",
        body="body a",
        created_at=now,
        due_at=due,
    )
    assert await store.read(lambda tx: notices.get(tx, added + 1)) is None


async def test_the_same_message_is_owed_once(store: Store, now: datetime) -> None:
    await store.write(lambda tx: line(tx, "a", now))
    with pytest.raises(NotCommitted):
        await store.write(lambda tx: line(tx, "a", now))


async def test_what_is_ready_comes_in_order_for_the_targets_asked(store: Store, now: datetime) -> None:
    def unit(tx: Tx) -> None:
        line(tx, "a", now)
        line(tx, "b", now, target=ANA)
        line(tx, "c", now, due_at=now + timedelta(seconds=1))
        line(tx, "d", now)
        line(tx, "e", now, target=DESK)

    await store.write(unit)
    assert await store.read(lambda tx: ready(tx, now, OPS, ANA)) == ["a", "b", "d"]
    assert await store.read(lambda tx: ready(tx, now + timedelta(seconds=1), OPS)) == ["a", "c", "d"]
    assert await store.read(lambda tx: ids(notices.ready(tx, targets=[OPS], now=now, limit=1))) == ["a"]
    assert await store.read(lambda tx: notices.ready(tx, targets=[], now=now, limit=1)) == []


async def test_the_next_time_is_the_earliest_of_what_is_unsent(store: Store, now: datetime) -> None:
    assert await store.read(notices.next_due) is None

    def unit(tx: Tx) -> None:
        line(tx, "a", now)
        line(tx, "b", now, due_at=now + timedelta(seconds=2))
        line(tx, "c", now, due_at=now + timedelta(seconds=1))

    await store.write(unit)
    assert await store.read(notices.next_due) == now + timedelta(seconds=1)
    await store.write(lambda tx: send(tx, "c", now))
    assert await store.read(notices.next_due) == now + timedelta(seconds=2)


async def test_a_notice_is_sent_before_it_is_done(store: Store, now: datetime) -> None:
    later = now + timedelta(seconds=1)
    added = await store.write(lambda tx: line(tx, "a", now))
    assert not await store.write(lambda tx: notices.done(tx, "a", stanza_id="s1", at=later))
    await store.write(lambda tx: send(tx, "a", now, nick="status"))
    sending = await store.read(lambda tx: notices.get(tx, added))
    assert sending is not None
    assert (sending.state, sending.body, sending.nick, sending.sends, sending.first_sent_at) == (
        NoticeState.SENDING,
        "sent a",
        "status",
        1,
        now,
    )
    assert not await store.write(lambda tx: notices.begin(tx, added, body="", corrects=None, nick=None, at=now))
    assert await store.read(lambda tx: ids(notices.sending(tx))) == ["a"]
    assert await store.write(lambda tx: notices.done(tx, "a", stanza_id="s1", at=later))
    assert not await store.write(lambda tx: notices.done(tx, "a", stanza_id="s1", at=later))
    assert not await store.write(lambda tx: notices.done(tx, "unknown", stanza_id=None, at=later))
    assert await store.read(notices.pending) == []


async def test_a_line_can_say_more_until_it_is_sent(store: Store, now: datetime) -> None:
    def unit(tx: Tx) -> list[bool]:
        one = line(tx, "a", now)
        before = notices.revise(tx, one, "body a, and more")
        assert [found.body for found in notices.pending(tx)] == ["body a, and more"]
        send(tx, "a", now)
        sending = notices.revise(tx, one, "too late")
        notices.reopen(tx, [one])
        return [before, sending, notices.revise(tx, one, "it may have arrived after all")]

    assert await store.write(unit) == [True, False, False]
    (owed,) = await store.read(notices.pending)
    assert owed.body == "sent a"


async def test_what_was_sent_is_listed_by_target(store: Store, now: datetime) -> None:
    def unit(tx: Tx) -> None:
        for name, target in (("a", OPS), ("b", ANA), ("c", OPS), ("d", OPS)):
            line(tx, name, now, target=target)
        for name in ("c", "b", "a"):
            send(tx, name, now)

    await store.write(unit)
    assert await store.read(lambda tx: ids(notices.sending(tx))) == ["a", "b", "c"]
    assert await store.read(lambda tx: ids(notices.sending(tx, OPS))) == ["a", "c"]
    assert await store.read(lambda tx: ids(notices.pending(tx, OPS))) == ["a", "c", "d"]


async def test_a_reopened_line_goes_first_and_keeps_its_first_time(store: Store, now: datetime) -> None:
    later = now + timedelta(seconds=9)

    def unit(tx: Tx) -> None:
        for name in "abc":
            line(tx, name, now)
        send(tx, "a", now)
        send(tx, "b", now)

    await store.write(unit)
    store.event("notices").clear()
    assert await store.write(lambda tx: notices.reopen(tx, [number(tx, "a"), number(tx, "c")])) == 1
    assert store.event("notices").is_set()
    assert await store.read(lambda tx: ready(tx, now)) == ["a", "c"]
    await store.write(lambda tx: send(tx, "a", later))
    again = (await store.read(notices.sending))[0]
    assert (again.origin_id, again.sends, again.first_sent_at) == ("a", 2, now)
    assert await store.write(lambda tx: notices.reopen(tx, [])) == 0


async def test_a_message_that_arrives_after_it_was_reopened_is_not_sent_again(store: Store, now: datetime) -> None:
    def unit(tx: Tx) -> bool:
        line(tx, "a", now)
        send(tx, "a", now)
        notices.reopen(tx, [number(tx, "a")])
        return notices.done(tx, "a", stanza_id="late", at=now)

    assert await store.write(unit)
    assert await store.read(lambda tx: ready(tx, now)) == []


async def test_a_receipt_is_owed_once_until_it_is_sent(store: Store, now: datetime) -> None:
    assert await run(
        store,
        lambda tx: touch(tx, "r1", now),
        lambda tx: touch(tx, "r2", now),
        lambda tx: touch(tx, "r3", now, target=ANA),
    ) == [True, False, True]
    await store.write(lambda tx: send(tx, "r1", now))
    assert await store.write(lambda tx: touch(tx, "r4", now))
    assert await store.read(lambda tx: ids(notices.pending(tx, OPS))) == ["r1", "r4"]
    first = (await store.read(lambda tx: notices.pending(tx, OPS)))[1]
    assert (first.kind, first.receipt, first.body, first.sends) == (NoticeKind.RECEIPT, POST, "", 0)


async def test_a_second_touch_wakes_nobody(store: Store, now: datetime) -> None:
    await store.write(lambda tx: touch(tx, "r1", now))
    store.event("notices").clear()
    await store.write(lambda tx: touch(tx, "r2", now))
    assert not store.event("notices").is_set()


async def test_corrections_name_the_first_message(store: Store, now: datetime) -> None:
    later = now + timedelta(minutes=1)
    assert await store.read(lambda tx: notices.living(tx, OPS, POST)) is None
    await store.write(lambda tx: touch(tx, "r1", now))
    assert await store.read(lambda tx: notices.living(tx, OPS, POST)) is None
    await store.write(lambda tx: send(tx, "r1", now, nick="status"))
    assert await store.read(lambda tx: notices.living(tx, OPS, POST)) == Root("r1", "status", now, "sent r1")

    def corrected(tx: Tx) -> None:
        notices.done(tx, "r1", stanza_id="s1", at=now)
        touch(tx, "r2", later)
        send(tx, "r2", later, corrects="r1")
        line(tx, "other", later)

    await store.write(corrected)
    assert await store.read(lambda tx: notices.living(tx, OPS, POST)) == Root("r1", "status", now, "sent r2", "s1")
    assert await store.read(lambda tx: notices.living(tx, ANA, POST)) is None
    assert await store.read(lambda tx: notices.living(tx, OPS, EntryId(0x50))) is None

    def anew(tx: Tx) -> None:
        touch(tx, "r3", later)
        send(tx, "r3", later, nick="status_")

    await store.write(anew)
    assert await store.read(lambda tx: notices.living(tx, OPS, POST)) == Root("r3", "status_", later, "sent r3")


async def test_of_a_receipt_only_the_newest_state_is_sent_again(store: Store, now: datetime) -> None:
    def unit(tx: Tx) -> int:
        for name, corrects in (("r1", None), ("r2", "r1"), ("r3", "r1")):
            touch(tx, name, now)
            send(tx, name, now, corrects=corrects)
        line(tx, "a", now)
        send(tx, "a", now)
        return notices.reopen(tx, [one.id for one in notices.sending(tx)])

    assert await store.write(unit) == 2
    assert await store.read(lambda tx: ready(tx, now)) == ["r3", "a"]
    assert await store.read(lambda tx: notices.living(tx, OPS, POST)) is None


async def test_a_reopened_receipt_gives_way_to_one_that_is_owed(store: Store, now: datetime) -> None:
    def unit(tx: Tx) -> int:
        touch(tx, "r1", now)
        send(tx, "r1", now)
        touch(tx, "r2", now)
        return notices.reopen(tx, [number(tx, "r1")])

    assert await store.write(unit) == 0
    assert await store.read(lambda tx: ids(notices.pending(tx))) == ["r2"]


async def test_what_an_unreachable_target_is_owed_falls_to_others(store: Store, now: datetime) -> None:
    def unit(tx: Tx) -> int:
        line(tx, "a", now)
        touch(tx, "r", now)
        line(tx, "b", now, target=DESK)
        line(tx, "c", now)
        moved = {number(tx, "a"): ["a1", "a2"], number(tx, "r"): ["r1", "r2"], number(tx, "b"): ["b1", "b2"]}
        return notices.redirect(tx, OPS, [ANA, RAJ], prefix="for ops: ", origin_ids=moved, at=now, error="unreachable")

    assert await store.write(unit) == 2
    owed = await store.read(notices.pending)
    assert [(one.target, one.origin_id, one.body, one.receipt) for one in owed] == [
        (DESK, "b", "body b", None),
        (OPS, "c", "body c", None),
        (ANA, "a1", "for ops: body a", None),
        (RAJ, "a2", "for ops: body a", None),
        (ANA, "r1", "", POST),
        (RAJ, "r2", "", POST),
    ]


async def test_a_dropped_notice_is_not_sent(store: Store, now: datetime) -> None:
    added = await store.write(lambda tx: line(tx, "a", now))
    assert await store.write(lambda tx: notices.drop(tx, added, "nobody listens"))
    assert not await store.write(lambda tx: notices.drop(tx, added, "nobody listens"))
    dropped = await store.read(lambda tx: notices.get(tx, added))
    assert dropped is not None
    assert dropped.state is NoticeState.DROPPED


async def test_only_settled_notices_are_pruned_the_oldest_first(store: Store, now: datetime) -> None:
    def unit(tx: Tx) -> None:
        for minute, name in enumerate("abcdef"):
            at = now + timedelta(minutes=minute)
            line(tx, name, at)
            if name in "abd":
                send(tx, name, at)
                notices.done(tx, name, stanza_id=None, at=at)
            if name == "c":
                notices.drop(tx, number(tx, "c"), "gone")

    await store.write(unit)
    before = now + timedelta(minutes=3)
    assert await run(store, *[lambda tx: notices.prune(tx, before, 2)] * 3) == [2, 1, 0]
    left = await store.read(lambda tx: [notices.get(tx, one) for one in range(1, 7)])
    assert [one.origin_id for one in left if one is not None] == ["d", "e", "f"]


async def test_a_receipt_is_owed_from_the_touch_to_the_sending(store: Store, now: datetime) -> None:
    def unit(tx: Tx) -> list[bool]:
        owed = [notices.is_owed(tx, OPS, POST)]
        touch(tx, "r1", now)
        owed += [notices.is_owed(tx, OPS, POST), notices.is_owed(tx, ANA, POST)]
        send(tx, "r1", now)
        return [*owed, notices.is_owed(tx, OPS, POST)]

    assert await store.write(unit) == [False, True, False, False]


async def test_only_unsent_lines_about_items_are_counted_for_their_target(store: Store, now: datetime) -> None:
    def unit(tx: Tx) -> list[int]:
        items = [said(number, now) for number in range(3)]
        stored = inbox.add(tx, account="one", items=items, received_at=now)
        for number, one in enumerate(stored):
            target = DESK if number == 0 else OPS
            notices.add_line(tx, target=target, body="said", origin_id=f"i{number}", at=now, item=one.id)
        line(tx, "a", now)
        touch(tx, "r1", now)
        before = notices.unsent_items(tx, OPS)
        send(tx, "i1", now)
        return [before, notices.unsent_items(tx, OPS), notices.unsent_items(tx, ANA)]

    assert await store.write(unit) == [2, 1, 0]


def said(number: int, now: datetime) -> Item:
    author = Author(id="1", handle="kim@social.example")
    return Item(id=PostId(str(number)), author=author, text="hi", created_at=now, cursor=Cursor(""))


async def test_a_line_that_is_too_long_is_owed_in_pieces_in_order(store: Store, now: datetime) -> None:
    lines = [f"line {number}" for number in range(2_000)]

    def unit(tx: Tx) -> int:
        number = notices.add_line(tx, target=OPS, body="\n".join(lines), origin_id="long", at=now)
        notices.add_line(tx, target=OPS, body="short", origin_id="short", at=now)
        return number

    number = await store.write(unit)
    owed = await store.read(lambda tx: notices.pending(tx, OPS))
    assert owed[0].id == number
    assert [one.origin_id for one in owed] == ["long", "long.1", "long.2", "short"]
    said = "\n".join(one.body.removeprefix("| ") for one in owed[:-1])
    assert said.splitlines() == lines
    assert max(len(one.body.encode()) for one in owed) <= 8_000
