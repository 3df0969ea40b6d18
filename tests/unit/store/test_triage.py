from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

from bridge.domain.ids import Cursor, EntryId, PostId
from bridge.domain.inbox import ItemState
from bridge.domain.items import Author, Item
from bridge.store import Store, Tx, inbox, triage
from bridge.store.triage import Note

if TYPE_CHECKING:
    from bridge.domain.inbox import StoredItem

ONE = EntryId(1)


async def heard(store: Store, now: datetime) -> None:
    item = Item(
        id=PostId("7"),
        author=Author(id="5", handle="kim@social.example"),
        text="any ETA?",
        created_at=now,
        cursor=Cursor("1"),
    )
    await store.write(lambda tx: inbox.add(tx, account="a", items=[item], received_at=now))


async def read(store: Store) -> StoredItem:
    found = await store.read(lambda tx: inbox.get(tx, ONE))
    assert found is not None
    return found


async def test_of_many_who_claim_at_once_one_gets_it(store: Store, now: datetime) -> None:
    await heard(store, now)
    people = [f"p{number}@example.org" for number in range(20)]

    def unit(tx: Tx, person: str) -> bool:
        return triage.claim(tx, ONE, person=person, nick=person, at=now)

    got = await asyncio.gather(*(store.write(lambda tx, who=who: unit(tx, who)) for who in people))
    assert sum(got) == 1
    one = await read(store)
    assert (one.state, one.claimed_by, one.claimed_at) == (ItemState.CLAIMED, people[got.index(True)], now)


async def test_only_its_owner_releases_a_claim(store: Store, now: datetime) -> None:
    await heard(store, now)

    def unit(tx: Tx) -> list[bool]:
        return [
            triage.release(tx, ONE, person="raj@example.org"),
            triage.claim(tx, ONE, person="raj@example.org", nick="raj", at=now),
            triage.claim(tx, ONE, person="raj@example.org", nick="raj", at=now),
            triage.release(tx, ONE, person="ana@example.org"),
            triage.release(tx, ONE, person="raj@example.org"),
            triage.finish(tx, ONE),
            triage.finish(tx, ONE),
            triage.claim(tx, ONE, person="ana@example.org", nick="ana", at=now),
            triage.claim(tx, EntryId(9), person="ana@example.org", nick="ana", at=now),
        ]

    assert await store.write(unit) == [False, True, True, False, True, True, False, True, False]
    assert (await read(store)).claimed_as == "ana"


async def test_notes_are_kept_in_order(store: Store, now: datetime) -> None:
    await heard(store, now)
    made = [Note(author="raj@example.org", nick="raj", text=text, created_at=now) for text in ("one", "two")]
    await store.write(lambda tx: [triage.add_note(tx, ONE, note) for note in made] and None)
    assert await store.read(lambda tx: triage.notes(tx, ONE)) == made
    assert await store.read(lambda tx: triage.notes(tx, EntryId(2))) == []
