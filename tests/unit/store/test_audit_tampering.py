"""Whatever is changed in the audit by hand is found, with the number of the row."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, insert, select, text, update

from bridge.domain.chain import NAMES, START, Head, digest
from bridge.domain.clock import SystemClock
from bridge.store import Store, Tx, audit, migrations
from bridge.store.audit import _STEP
from bridge.store.engine import backend_for
from bridge.store.schema import audit as table
from bridge.store.types import fixed

if TYPE_CHECKING:
    from datetime import datetime

COUNT = 7


def fill(tx: Tx, now: datetime, count: int = COUNT) -> None:
    for number in range(count):
        audit.append(
            tx,
            at=now,
            actor="ana@example.org",
            verb="post",
            salt=f"salt {number}",
            entry=79,
            account="mastodon",
            stanza=number,
            archive="ops@rooms.example.org",
            key=f"stanza-{number}",
            decision="held",
            rule="links",
            delivery=number,
            platform_id=f"1145{number}",
            content=f"text {number}",
        )


@pytest.fixture
async def filled(store: Store, now: datetime) -> Store:
    await store.write(lambda tx: fill(tx, now))
    return store
    return store


async def row_of(store: Store, one: int) -> dict[str, Any]:
    return await store.read(lambda tx: dict(tx.rows(select(table).where(table.c.id == one))[0]._mapping))


async def change(store: Store, one: int, **values: Any) -> None:
    statement = update(table).where(table.c.id == one).values(**values)
    assert await store.write(lambda tx: tx.changed(statement)) == 1


def one_byte_off(value: Any, chosen: random.Random) -> Any:
    """Return a value of the same kind that differs in one byte."""
    if isinstance(value, int):
        return value ^ (1 << chosen.randrange(16))
    if isinstance(value, str):
        place = chosen.randrange(len(value))
        other = chr(32 + (ord(value[place]) - 31) % 95)
        return value[:place] + other + value[place + 1 :]
    return value.replace(microsecond=value.microsecond ^ (1 << chosen.randrange(16)))


@pytest.mark.parametrize("column", [name for name in NAMES if name != "id"])
async def test_one_byte_of_any_column_of_any_row(filled: Store, column: str) -> None:
    for one in range(1, COUNT + 1):
        before = await row_of(filled, one)
        for seed in range(4):
            await change(filled, one, **{column: one_byte_off(before[column], random.Random(seed))})
            report = await filled.read(audit.verify)
            assert (report.holds, report.row) == (False, one), (column, one)
            await change(filled, one, **before)
    assert (await filled.read(audit.verify)).holds


@pytest.mark.parametrize("column", ["entry", "account", "stanza_id", "archive", "key", "decision", "rule", "delivery"])
async def test_a_field_that_is_taken_out(filled: Store, column: str) -> None:
    await change(filled, 4, **{column: None})
    assert (await filled.read(audit.verify)).row == 4


async def test_content_that_is_put_back_under_another_salt(filled: Store) -> None:
    await change(filled, 4, content="other", salt="mine")
    assert (await filled.read(audit.verify)).row == 4
    await change(filled, 4, content="other", salt=None)
    assert (await filled.read(audit.verify)).row == 4
    await change(filled, 4, content=None, salt=None)
    report = await filled.read(audit.verify)
    assert (report.holds, report.forgotten) == (True, 1)  # what was forgotten is counted


async def test_a_row_that_is_hashed_anew_breaks_the_next(filled: Store) -> None:
    link = (await filled.read(lambda tx: audit.newest(tx, 4)))[0]
    forged = {"verb": "drop", "content": "other", "digest": digest(link.salt or "", "other")}
    row = await row_of(filled, link.id)
    made = replace(link, verb="drop", content="other", digest=forged["digest"])
    await change(filled, link.id, **{**row, **forged, "hash": made.expected()})
    assert (await filled.read(audit.verify)).row == link.id + 1


async def test_another_number(filled: Store) -> None:
    await change(filled, COUNT, id=COUNT + 1)
    assert (await filled.read(audit.verify)).row == COUNT + 1


async def test_a_removed_row(filled: Store) -> None:
    await filled.write(lambda tx: tx.changed(delete(table).where(table.c.id == 4)))
    report = await filled.read(audit.verify)
    assert (report.row, report.why) == (
        5,
        "it doesn't follow the one before it: something was removed, put in or moved",
    )


async def test_the_first_row_removed(filled: Store) -> None:
    await filled.write(lambda tx: tx.changed(delete(table).where(table.c.id == 1)))
    assert (await filled.read(audit.verify)).row == 2


async def test_the_last_row_removed_is_found_with_a_head(filled: Store) -> None:
    noted = await filled.read(audit.head)
    await filled.write(lambda tx: tx.changed(delete(table).where(table.c.id == COUNT)))
    assert (await filled.read(audit.verify)).holds
    report = await filled.read(lambda tx: audit.verify(tx, noted))
    assert (report.holds, report.why) == (False, "7 rows were noted, 6 are left: its end was cut off")


async def test_everything_written_anew_is_found_with_a_head(filled: Store, now: datetime) -> None:
    noted = await filled.read(audit.head)

    def forge(tx: Tx) -> None:
        tx.execute(delete(table))
        for number in range(COUNT + 2):
            audit.append(tx, at=now, actor="eve@example.org", verb="post", salt=f"{number}")

    await filled.write(forge)
    assert (await filled.read(audit.verify)).holds
    assert not (await filled.read(lambda tx: audit.verify(tx, noted))).holds
    assert not (await filled.read(lambda tx: audit.verify(tx, Head(3, noted.hash)))).holds


async def test_two_rows_swapped(filled: Store) -> None:
    def swap(tx: Tx) -> None:
        for former, later in ((3, 1003), (4, 3), (1003, 4)):
            tx.execute(update(table).where(table.c.id == former).values(id=later))

    await filled.write(swap)
    assert (await filled.read(audit.verify)).row == 3  # the first that stands where it doesn't belong


@pytest.mark.parametrize("place", [-5, 0, COUNT + 1])
async def test_a_row_put_in(filled: Store, place: int) -> None:
    row = await row_of(filled, 4)
    await filled.write(lambda tx: tx.changed(insert(table), {**row, "id": place, "previous": "f" * 64}))
    report = await filled.read(audit.verify)
    assert (report.holds, report.row) == (False, place)


async def test_values_that_no_program_writes(sqlite_url: str, now: datetime) -> None:
    async with Store.open(sqlite_url, clock=SystemClock()) as store:
        await store.write(lambda tx: fill(tx, now, 1200))
        for one, column, value in (
            (600, "content", "CAST(x'ff61' AS TEXT)"),
            (700, "verb", "x'00ff'"),
            (800, "at", "'yesterday'"),
            (900, "at", "'2026-01-02 03:04:05.000678Z'"),
            (1000, "version", "'two'"),
            (1100, "salt", "7"),
        ):
            before = await store.read(lambda tx, one=one: tx.rows(select(*table.c).where(table.c.id == one))[0])
            edit = text(f"UPDATE audit SET {column} = {value} WHERE id = {one}")
            await store.write(lambda tx, edit=edit: tx.changed(edit))
            report = await store.read(audit.verify)
            assert (report.holds, report.row) == (False, one), column
            await store.write(
                lambda tx, one=one, row=before: tx.changed(
                    update(table).where(table.c.id == one).values(**row._mapping)
                )
            )
        assert (await store.read(audit.verify)).holds


async def test_a_last_row_edited_by_hand_stops_nobody(filled: Store, now: datetime) -> None:
    await change(filled, COUNT, hash="f" * 64)
    await filled.write(lambda tx: fill(tx, now, 2))
    assert (await filled.read(audit.head)).count == COUNT + 2
    assert (await filled.read(audit.verify)).row == COUNT


async def test_a_unit_that_fails_leaves_no_gap(filled: Store, now: datetime) -> None:
    def fails(tx: Tx) -> None:
        fill(tx, now, 3)
        raise LookupError

    with pytest.raises(LookupError):
        await filled.write(fails)
    await filled.write(lambda tx: fill(tx, now, 1))
    report = await filled.read(audit.verify)
    assert (report.holds, report.head.count) == (True, COUNT + 1)
    assert (await filled.read(lambda tx: audit.newest(tx, 1)))[0].id == COUNT + 1


async def test_neighbours_tell_whether_a_few_rows_hold(filled: Store, now: datetime) -> None:
    links = await filled.read(lambda tx: audit.newest(tx, 3))

    def bound(tx: Tx) -> list[bool]:
        return [audit.is_bound(tx, link) for link in audit.newest(tx, 3)]

    assert await filled.read(bound) == [True, True, True]
    await change(filled, links[1].id, verb="drop")
    assert await filled.read(bound) == [True, False, True]
    await filled.write(lambda tx: tx.changed(delete(table).where(table.c.id == links[1].id)))
    assert await filled.read(lambda tx: audit.is_bound(tx, links[0])) is False
    assert await filled.read(lambda tx: audit.is_bound(tx, links[2])) is False


OLD = """
INSERT INTO audit (at, actor, verb, entry, account, stanza_id, content, salt, digest, previous, hash)
VALUES (:at, 'raj@example.org', 'post', 1, NULL, 1, :content, :salt, :digest, :previous, :hash)
"""


async def test_rows_of_an_older_version_hold_and_go_on(store_url: str, now: datetime) -> None:
    backend = backend_for(store_url, lock=True)
    backend.open()
    migrations.migrate(backend, "0014")
    connection = backend.connect()
    previous, at = START, fixed(now)
    with connection.begin():
        for number in range(_STEP + 2):
            said, salt = f"text {number}", f"salt {number}"
            fields = [previous, at, "raj@example.org", "post", 1, None, 1, digest(salt, said)]
            made = hashlib.sha256(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()
            values = {"at": at, "content": said, "salt": salt, "digest": fields[-1], "previous": previous, "hash": made}
            connection.execute(text(OLD), values)
            previous = made
    connection.close()
    backend.close()
    async with Store.open(store_url, clock=SystemClock()) as store:
        noted = await store.read(audit.head)
        await store.write(lambda tx: fill(tx, now, 2))
        report = await store.read(lambda tx: audit.verify(tx, noted))
        assert (report.holds, report.head.count) == (True, _STEP + 4)
        await change(store, 3, rule="none")
        assert (await store.read(audit.verify)).row == 3
        await change(store, 3, rule=None, version=2)
        assert (await store.read(audit.verify)).row == 3
