from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from bridge.store import Store, stanzas
from bridge.store.schema import stanza

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.store import Tx

ROOM = "ops@rooms.example.org"


def admit(key: str, at: datetime, archive: str = ROOM) -> Callable[[Tx], int | None]:
    return lambda tx: stanzas.admit(tx, archive=archive, key=key, sender="ana@example.org", at=at)


async def test_each_stanza_of_an_archive_is_admitted_once(store: Store, now: datetime) -> None:
    first = await store.write(admit("a", now))
    assert first is not None
    assert await store.write(admit("a", now)) is None
    other = await store.write(admit("a", now, archive="status@example.org"))
    second = await store.write(admit("b", now))
    assert len({first, other, second, None}) == 4


async def test_what_became_of_it_is_marked(store: Store, now: datetime) -> None:
    number = await store.write(admit("a", now))
    assert number is not None
    await store.write(lambda tx: stanzas.mark(tx, number, "failed"))
    columns = [stanza.c[name] for name in ("id", "archive", "key", "sender", "status", "received_at")]
    rows = await store.read(lambda tx: [tuple(row) for row in tx.rows(select(*columns))])
    assert rows == [(number, ROOM, "a", "ana@example.org", "failed", now)]


async def test_the_oldest_are_pruned_a_few_at_a_time(store: Store, now: datetime) -> None:
    for number in range(5):
        await store.write(admit(str(number), now + timedelta(seconds=number)))
    before = now + timedelta(seconds=4)
    assert await store.write(lambda tx: stanzas.prune(tx, before, 3)) == 3
    assert await store.write(lambda tx: stanzas.prune(tx, before, 3)) == 1
    assert await store.write(lambda tx: stanzas.prune(tx, before, 3)) == 0
    assert await store.read(lambda tx: tx.execute(select(stanza.c.key)).scalars().all()) == ["4"]
