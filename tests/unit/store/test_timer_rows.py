"""The rows of what waits for its time, and what people have set for themselves, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError

from bridge.domain.ids import EntryId
from bridge.domain.when import Moment
from bridge.domain.zones import ZERO, find_zone
from bridge.store import NotCommitted, people, timers
from bridge.store.people import Own
from tests.unit.store.restoring import write

if TYPE_CHECKING:
    from bridge.store import Store, Tx

HOUR = timedelta(hours=1)


async def plan(store: Store, now: datetime, *hours: float) -> list[EntryId]:
    """Have posts wait for so many hours each."""

    def unit(tx: Tx) -> list[EntryId]:
        made = [write(tx, now, held={"schedule"})[0].id for _ in hours]
        for entry, many in zip(made, hours, strict=True):
            timers.add(tx, entry, Moment(now + many * HOUR, ZERO), said=f"in {many}h")
        return made

    return await store.write(unit)


async def test_what_is_due_comes_in_its_order_and_what_is_asked_not_again(store: Store, now: datetime) -> None:
    third, first, second, later = await plan(store, now, 3, 1, 1, 9)

    def due(hours: float) -> list[EntryId]:
        return [one.post for one in found[hours]]

    found = {
        hours: await store.read(lambda tx, hours=hours: timers.due(tx, now + hours * HOUR, 9)) for hours in (0.5, 1, 5)
    }
    assert (due(0.5), due(1), due(5)) == ([], [first, second], [first, second, third])
    assert await store.read(timers.next_due) == now + HOUR
    assert [await store.write(lambda tx: timers.ask(tx, first)) for _ in range(2)] == [True, False]
    assert [one.post for one in await store.read(lambda tx: timers.due(tx, now + HOUR, 9))] == [second]
    listed = await store.read(lambda tx: timers.first(tx, 3))
    assert [(one.post, one.asked) for one in listed] == [(first, True), (second, False), (third, False)]
    assert await store.read(timers.count) == 4
    assert later is not None


async def test_one_that_was_asked_about_waits_again_once_it_is_moved(store: Store, now: datetime) -> None:
    (entry,) = await plan(store, now, 1)
    zone = find_zone("Asia/Tokyo")
    assert zone is not None
    await store.write(lambda tx: timers.ask(tx, entry))
    assert await store.read(timers.next_due) is None
    assert await store.write(lambda tx: timers.move(tx, entry, Moment(now + 2 * HOUR, zone)))
    after = await store.read(lambda tx: timers.get(tx, entry))
    assert after is not None
    assert (after.due_at, after.zone, after.said, after.asked) == (now + 2 * HOUR, "Asia/Tokyo", "in 1h", False)
    await store.write(lambda tx: timers.reword(tx, entry, "18:00"))
    after = await store.read(lambda tx: timers.get(tx, entry))
    assert after is not None
    assert (after.said, str(after.moment)) == ("18:00", "Fri 2026-01-02 14:04:05 Asia/Tokyo")


async def test_what_has_ended_is_nowhere(store: Store, now: datetime) -> None:
    (entry,) = await plan(store, now, 1)
    assert [await store.write(lambda tx: timers.end(tx, entry)) for _ in range(2)] == [True, False]
    assert not await store.write(lambda tx: timers.move(tx, entry, Moment(now, ZERO)))
    assert not await store.write(lambda tx: timers.ask(tx, entry))
    assert await store.read(lambda tx: (timers.get(tx, entry), timers.next_due(tx), timers.count(tx))) == (
        None,
        None,
        0,
    )


async def test_a_post_has_one_time(store: Store, now: datetime) -> None:
    (entry,) = await plan(store, now, 1)
    with pytest.raises((IntegrityError, NotCommitted)):
        await store.write(lambda tx: timers.add(tx, entry, Moment(now, ZERO), said="18:00"))


async def test_a_zone_that_is_not_known_any_more_is_told_in_utc(store: Store, now: datetime) -> None:
    (entry,) = await plan(store, now, 1)
    zone = type(ZERO)("Mars/Base", ZERO.tz)
    await store.write(lambda tx: timers.move(tx, entry, Moment(now, zone)))
    after = await store.read(lambda tx: timers.get(tx, entry))
    assert after is not None
    assert str(after.moment) == "Fri 2026-01-02 03:04:05 UTC"


async def test_people_set_one_thing_without_the_other(store: Store) -> None:
    def unit(tx: Tx) -> dict[str, Own]:
        people.set_zone(tx, "raj@example.org", "Asia/Tokyo")
        people.set_hold(tx, "ana@example.org", timedelta(seconds=5))
        people.set_hold(tx, "raj@example.org", timedelta(seconds=9))
        people.set_zone(tx, "raj@example.org", "Asia/Seoul")
        return people.own(tx)

    assert await store.write(unit) == {
        "raj@example.org": Own(hold=timedelta(seconds=9), zone="Asia/Seoul"),
        "ana@example.org": Own(hold=timedelta(seconds=5)),
    }
