from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain.ids import EntryId
from bridge.domain.pacing import Pace
from bridge.domain.people import Place, Target
from bridge.store import Store, Tx, floods
from bridge.store.floods import Flood

if TYPE_CHECKING:
    from datetime import datetime

OPS = Target("ops@rooms.example.org", Place.ROOM)
ANA = Target("ana@example.org", Place.DIRECT)


async def test_where_a_conversation_stands_is_kept_for_it_alone(store: Store, now: datetime) -> None:
    def unit(tx: Tx) -> Pace:
        assert floods.pace_of(tx, OPS) is None
        floods.save(tx, OPS, Pace(began=now))
        stands = Pace(began=now, heard=12, places=0, reserved=2, flood=floods.begin(tx, OPS))
        floods.save(tx, OPS, stands)
        floods.save(tx, ANA, Pace(began=now, heard=1))
        return stands

    stands = await store.write(unit)
    assert await store.read(lambda tx: floods.pace_of(tx, OPS)) == stands
    assert await store.read(lambda tx: floods.pace_of(tx, ANA)) == Pace(began=now, heard=1)


async def test_each_flood_has_an_id_and_a_count_of_its_own(store: Store) -> None:
    def unit(tx: Tx) -> tuple[EntryId, EntryId]:
        first, second = floods.begin(tx, OPS), floods.begin(tx, OPS)
        floods.count(tx, first, 90)
        floods.count(tx, first, 9_905)
        floods.count(tx, second, 1)
        return first, second

    first, second = await store.write(unit)
    assert first != second
    assert await store.read(lambda tx: floods.get(tx, first)) == Flood(OPS.jid, 9_995)
    assert await store.read(lambda tx: floods.get(tx, second)) == Flood(OPS.jid, 1)
    assert await store.read(lambda tx: floods.get(tx, EntryId(second + 1))) is None
