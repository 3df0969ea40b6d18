from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bridge.domain.deliveries import Hold, State
from bridge.domain.ids import EntryId, PostId
from bridge.domain.outbox import Draft, Part, StoredPost
from bridge.domain.people import Place, Target
from bridge.domain.posts import Key, Posted
from bridge.store import Store, Tx, notices, outbox, posts, receipts
from bridge.store.receipts import Told

if TYPE_CHECKING:
    from collections.abc import Collection

ROOM = Target("ops@rooms.example.org", Place.ROOM)


def write(
    tx: Tx, now: datetime, *accounts: str, held: Collection[str] = (), author: str = "raj@example.org"
) -> StoredPost:
    draft = Draft(author=author, nick="raj", source=ROOM, text="hi", hold=timedelta(seconds=20), created_at=now)
    stored = posts.add(tx, draft, stanza=None)
    parts = [
        Part(account=name, text="hi", key=Key(token=f"{stored.id}-{number}", minted_at=now))
        for number, name in enumerate(accounts)
    ]
    outbox.add(tx, stored, parts, held=frozenset(held), now=now, born_for=(), epoch="e")
    return stored


async def test_a_tally_counts_by_account_and_state(store: Store, now: datetime) -> None:
    def unit(tx: Tx) -> EntryId:
        group = [write(tx, now, "a", "b") for _ in range(7)]
        one = outbox.of_post(tx, group[-1].id)[0]
        there = replace(one, state=State.SENT, posted=Posted(id=PostId("1"), url="https://A.example/1"))
        outbox.save(tx, replace(there, posted_url="https://A.example/1"), now=now)
        outbox.add_deletion(tx, there, key=Key(token="del", minted_at=now), now=now)
        return group[-1].receipt

    receipt = await store.write(unit)
    tally = await store.read(lambda tx: receipts.tally(tx, receipt))
    assert (tally.first, tally.last, tally.posts) == (receipt, receipt + 2, 3)
    assert tally.states == (("a", "ready", 2), ("a", "sent", 1), ("b", "ready", 3))
    assert await store.read(lambda tx: receipts.is_shared(tx, receipt))
    assert not await store.read(lambda tx: receipts.is_shared(tx, EntryId(receipt - 1)))
    assert await store.read(lambda tx: receipts.host_of(tx, "a")) == "a.example"
    assert await store.read(lambda tx: receipts.host_of(tx, "b")) is None


async def test_what_a_conversation_knows_of_a_receipt(store: Store, now: datetime) -> None:
    async def told() -> Told:
        return await store.read(lambda tx: receipts.told(tx, EntryId(1), ROOM))

    async def send(number: int, at: datetime) -> None:
        def unit(tx: Tx) -> None:
            notices.touch_receipt(tx, target=ROOM, receipt=EntryId(1), origin_id=f"o{number}", at=at)
            one = notices.pending(tx, ROOM)[-1]
            notices.begin(tx, one.id, body="b", corrects=None, nick=None, at=at)

        await store.write(unit)

    assert await told() == Told(last=None, owed=False)
    await send(1, now)
    await send(2, now + timedelta(seconds=3))
    assert await told() == Told(last=now + timedelta(seconds=3), owed=False)
    await store.write(lambda tx: notices.touch_receipt(tx, target=ROOM, receipt=EntryId(1), origin_id="o3", at=now))
    assert await told() == Told(last=now + timedelta(seconds=3), owed=True)
    elsewhere = Target("sales@rooms.example.org", Place.ROOM)
    assert await store.read(lambda tx: receipts.told(tx, EntryId(1), elsewhere)) == Told(last=None, owed=False)


async def test_what_somebody_holds(store: Store, now: datetime) -> None:
    def unit(tx: Tx) -> list[EntryId]:
        first = write(tx, now, "a", held={Hold.UNDO.value})
        write(tx, now, "a", held={Hold.UNDO.value}, author="tom@example.org")
        write(tx, now, "a", held={Hold.FOLLOWS.value})
        write(tx, now, "a")
        last = write(tx, now, "a", "b", held={Hold.QUESTION.value})
        return [last.id, first.id]

    last, first = await store.write(unit)
    held = await store.read(lambda tx: receipts.held_by(tx, author="raj@example.org", source=ROOM))
    assert held == ((last, frozenset({"question"})), (first, frozenset({"undo"})))


async def test_what_goes_out(store: Store, now: datetime) -> None:
    empty = await store.read(receipts.outgoing)
    assert (empty.held, empty.ready, empty.on_the_wire) == (0, 0, ())

    def unit(tx: Tx) -> EntryId:
        stored = write(tx, now, "a", "b")
        write(tx, now, "a", held={Hold.UNDO.value})
        one = outbox.of_post(tx, stored.id)[1]
        outbox.save(tx, replace(one, state=State.SENDING), now=now)
        return stored.id

    entry = await store.write(unit)
    busy = await store.read(receipts.outgoing)
    assert (busy.held, busy.ready, busy.on_the_wire) == (1, 1, ((entry, "b"),))
