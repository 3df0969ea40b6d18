from __future__ import annotations

from datetime import datetime, timedelta

from bridge.domain import rights
from bridge.domain.people import Role
from bridge.domain.rights import Kept, Ruling
from bridge.store import Store, people, roles

KIM = "kim@example.org"


async def test_what_is_kept_of_a_person_is_what_was_put_last(store: Store, now: datetime) -> None:
    granted = Ruling(role=Role.STAFF, by="ana@example.org", at=now)
    denied = Ruling(role=Role.ADMIN, by="tom@example.org", at=now + timedelta(days=1))
    all_of_it = rights.offer(Kept(granted=granted, denied=denied), Role.APPROVER, by="ana@example.org", now=now)
    for kept in (Kept(granted=granted), all_of_it, Kept(denied=denied)):
        await store.write(lambda tx, kept=kept: roles.put(tx, KIM, kept))
        assert await store.read(lambda tx: roles.of(tx, KIM)) == kept
        assert await store.read(roles.everybody) == {KIM: kept}


async def test_of_whom_nothing_is_kept_there_is_no_row(store: Store, now: datetime) -> None:
    granted = Ruling(role=Role.STAFF, by="ana@example.org", at=now)
    await store.write(lambda tx: roles.put(tx, KIM, Kept(granted=granted)))
    await store.write(lambda tx: roles.put(tx, KIM, Kept()))
    assert await store.read(roles.everybody) == {}
    assert await store.read(lambda tx: roles.of(tx, KIM)) == Kept()


async def test_whoever_keeps_a_copy_is_woken(store: Store, now: datetime) -> None:
    event = store.event(people.TOPIC)
    await store.write(lambda tx: roles.put(tx, KIM, Kept(granted=Ruling(role=Role.STAFF, by="a@b.c", at=now))))
    assert event.is_set()
