from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from bridge.domain.chain import START, Head
from bridge.domain.clock import SystemClock
from bridge.store import Store, Tx, audit
from bridge.store.schema import audit as table

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

texts = st.text(st.characters(exclude_categories=[]), max_size=20)
deeds = st.lists(
    st.fixed_dictionaries(
        {"actor": texts, "verb": texts, "salt": st.text("0123456789abcdef", min_size=1)},
        optional={
            "entry": st.integers(0, 2**40),
            "account": texts,
            "stanza": st.integers(0, 2**40),
            "archive": texts,
            "key": texts,
            "decision": texts,
            "rule": texts,
            "delivery": st.integers(0, 2**40),
            "platform_id": texts,
            "content": texts,
        },
    ),
    max_size=8,
)


async def fill(store: Store, now: datetime, count: int = 5) -> None:
    def unit(tx: Tx) -> None:
        for number in range(count):
            said, salt = f"text {number}", f"salt {number}"
            audit.append(tx, at=now, actor="ana@example.org", verb="post", entry=number, content=said, salt=salt)

    await store.write(unit)


async def test_an_empty_chain_holds(store: Store) -> None:
    assert (await store.read(audit.verify)).holds
    assert await store.read(audit.head) == Head(0, START)


async def test_a_chain_holds_and_its_head_moves(store: Store, now: datetime) -> None:
    heads = [await store.read(audit.head)]
    for _ in range(3):
        await fill(store, now, 1)
        heads.append(await store.read(audit.head))
    assert [one.count for one in heads] == [0, 1, 2, 3]
    assert len({one.hash for one in heads}) == 4
    assert (await store.read(audit.verify)).holds
    for one in heads:
        assert (await store.read(lambda tx, one=one: audit.verify(tx, one))).holds


async def test_a_chain_longer_than_one_page_holds(store: Store, now: datetime) -> None:
    await fill(store, now, audit._STEP * 2 + 1)
    assert (await store.read(audit.verify)).holds
    assert (await store.read(audit.head)).count == audit._STEP * 2 + 1


async def test_content_can_be_forgotten(store: Store, now: datetime) -> None:
    await fill(store, now)
    before = await store.read(audit.head)
    assert await store.write(lambda tx: audit.forget(tx, 2)) == 1
    assert (await store.read(audit.verify)).holds
    assert await store.read(audit.head) == before
    rows = await store.read(lambda tx: [tuple(row) for row in tx.rows(select(table.c.entry, table.c.content))])
    assert sorted(rows) == [(0, "text 0"), (1, "text 1"), (2, None), (3, "text 3"), (4, "text 4")]


async def test_the_chain_cannot_fork(store: Store, now: datetime) -> None:
    await fill(store, now, 1)
    row = await store.read(lambda tx: dict(tx.rows(select(table))[0]._mapping))
    del row["id"]
    with pytest.raises(Exception, match=r"(?i)unique"):
        await store.write(lambda tx: tx.execute(insert(table), row).rowcount)
    await fill(store, now, 1)
    assert (await store.read(audit.verify)).holds


async def test_two_programs_that_append_at_once_make_one_chain(store: Store, ready_url: str, now: datetime) -> None:
    async with Store.open(ready_url, clock=SystemClock(), lock=False) as beside:
        await asyncio.gather(*(fill(one, now, 1) for _ in range(20) for one in (store, beside)))
    assert (await store.read(audit.verify)).holds
    assert (await store.read(audit.head)).count == 40


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=deeds)
async def test_whatever_was_done_the_chain_holds(deeds: list[dict[str, Any]], tmp_path: Path, now: datetime) -> None:
    async with Store.open(f"sqlite:///{tmp_path / 'chain.db'}", clock=SystemClock()) as store:

        def unit(tx: Tx) -> None:
            tx.execute(delete(table))
            for deed in deeds:
                audit.append(tx, at=now, **deed)

        await store.write(unit)
        assert (await store.read(audit.verify)).holds
        assert (await store.read(audit.head)).count == len(deeds)
