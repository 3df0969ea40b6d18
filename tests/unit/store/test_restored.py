from __future__ import annotations

import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import literal, make_url, select

from bridge.domain.clock import SystemClock
from bridge.domain.deliveries import Delivery, DeliveryKind, Hold, State
from bridge.domain.ids import EntryId, PostId
from bridge.domain.notices import NoticeState
from bridge.domain.people import Target
from bridge.domain.posts import Key, Posted
from bridge.store import Store, Tx, accounts, audit, cursors, notices, outbox
from bridge.store.restored import ACTOR, SETTLE, STEP, Beginning, freeze
from bridge.store.schema import audit as deeds
from bridge.store.schema import delivery
from tests.servers.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tests.servers.postgres import Postgres

    Restore = Callable[[], None]

from tests.unit.store.restoring import ANA, BOTH, ROOM, backup, is_restored, opened, put_back, run_once, write


class TestFreezing:
    """What becomes of the rows, on both databases."""

    async def freeze(self, store: Store, now: datetime, *, epoch: str = "new", told: Collection[Target] = BOTH) -> int:
        beginning = Beginning(epoch=epoch, now=now, told=tuple(told))
        return await store.write(lambda tx: freeze(tx, beginning, salt="salt"))

    async def test_everything_outgoing_is_frozen_by_whoever_was_first(self, store: Store, now: datetime) -> None:
        await self.freeze(store, now)
        panic = await store.read(accounts.panic)
        assert panic is not None
        assert (panic.actor, panic.at) == (ACTOR, now)
        assert await store.read(lambda tx: [tuple(row) for row in tx.rows(select(deeds.c.actor, deeds.c.verb))]) == [
            (ACTOR, "panic")
        ]
        assert (await store.read(audit.verify)).holds

    async def test_a_panic_of_before_stays_its_callers(self, store: Store, now: datetime) -> None:
        await store.write(lambda tx: accounts.set_panic(tx, actor="ana@example.org", at=now - timedelta(hours=1)))
        await self.freeze(store, now)
        panic = await store.read(accounts.panic)
        assert panic is not None
        assert panic.actor == "ana@example.org"

    @pytest.mark.parametrize("state", ["ready", "held", "sending", "retried"])
    async def test_what_was_not_settled_is_in_doubt_since_it_was_owed(
        self, store: Store, now: datetime, state: str
    ) -> None:
        owed = now - timedelta(minutes=5)

        def unit(tx: Tx) -> Delivery:
            held = {Hold.UNDO.value, Hold.PICTURE.value} if state == "held" else ()
            one = write(tx, owed, held=held, born=state == "sending")[1][0]
            if state == "retried":
                tx.execute(delivery.update().values(attempt=3, failures=3, due_at=now, error="503"))
            return one

        before = await store.write(unit)
        assert await self.freeze(store, now) == 1
        after = await store.read(lambda tx: outbox.get(tx, before.id))
        assert after is not None
        assert (after.state, after.held, after.hold_until, after.epoch) == (State.UNCERTAIN, frozenset(), None, None)
        assert (after.doubt_since, after.due_at) == (owed, now + SETTLE)
        assert after.doubt_attempt == after.attempt == {"retried": 4}.get(state, 1)
        assert after.error == ("503" if state == "retried" else "the store was restored from a backup")
        assert (after.key, after.position, after.fresh_since) == (before.key, before.position, before.fresh_since)

    async def test_a_doubt_of_before_is_as_old_as_it_was(self, store: Store, now: datetime) -> None:
        early = now - timedelta(minutes=5)
        one = await store.write(lambda tx: write(tx, early, born=True)[1][0])
        await store.write(lambda tx: tx.execute(delivery.update().values(attempt=4, doubt_attempt=2)).rowcount)
        await self.freeze(store, now)
        after = await store.read(lambda tx: outbox.get(tx, one.id))
        assert after is not None
        assert (after.doubt_since, after.attempt, after.doubt_attempt) == (early, 4, 2)

    async def test_what_is_settled_stays_and_deletions_go_on(self, store: Store, now: datetime) -> None:
        def unit(tx: Tx) -> None:
            one = write(tx, now)[1][0]
            tx.execute(delivery.update().values(state="sent", posted_id="77", settled_at=now))
            there = Posted(id=PostId("77"), url=None)
            sent_there = outbox.get(tx, one.id)
            assert sent_there is not None
            assert sent_there.posted == there
            outbox.add_deletion(tx, sent_there, key=Key(token="del", minted_at=now), now=now)
            for state in (State.DEAD, State.ASKED, State.CANCELLED):
                other = write(tx, now)[1][0]
                tx.execute(delivery.update().where(delivery.c.id == other.id).values(state=state.value))

        await store.write(unit)
        query = select(delivery.c.kind, delivery.c.state).order_by(delivery.c.id)
        before = await store.read(lambda tx: [tuple(row) for row in tx.rows(query)])
        assert await self.freeze(store, now) == 0
        assert await store.read(lambda tx: [tuple(row) for row in tx.rows(query)]) == before
        assert (DeliveryKind.DELETE.value, State.READY.value) in before

    async def test_what_has_a_time_of_its_own_waits_for_it_in_doubt(self, store: Store, now: datetime) -> None:
        """Found to be absent it would go out at once, which is before its time."""
        one = await store.write(lambda tx: write(tx, now, held={Hold.SCHEDULE.value, Hold.PICTURE.value})[1][0])
        assert await self.freeze(store, now) == 1
        after = await store.read(lambda tx: outbox.get(tx, one.id))
        assert after is not None
        assert (after.state, after.held, after.doubt_since) == (State.HELD, frozenset({"schedule"}), now)
        freed = await store.write(lambda tx: outbox.free(tx, after, Hold.SCHEDULE, now=now))
        assert freed.state is State.UNCERTAIN

    @pytest.mark.parametrize("why", [Hold.QUESTION, Hold.PREVIEW])
    async def test_what_waits_for_a_second_word_still_does(self, store: Store, now: datetime, why: Hold) -> None:
        """Found to be absent it would go out, which nobody has ever wanted."""
        one = await store.write(lambda tx: write(tx, now, held={why.value, Hold.UNDO.value})[1][0])
        assert await self.freeze(store, now) == 1
        after = await store.read(lambda tx: outbox.get(tx, one.id))
        assert after is not None
        assert (after.state, after.held, after.doubt_since) == (State.HELD, frozenset({why.value}), now)
        freed = await store.write(lambda tx: outbox.free(tx, after, why, now=now))
        assert freed.state is State.UNCERTAIN

    async def test_the_rest_of_a_thread_waits_in_doubt_for_its_beginning(self, store: Store, now: datetime) -> None:
        first, second, third = await store.write(lambda tx: write(tx, now, held={Hold.UNDO.value}, parts=3)[1])
        assert await self.freeze(store, now) == 3

        def look(tx: Tx) -> list[tuple[State, frozenset[str], datetime | None]]:
            found = [outbox.get(tx, one.id) for one in (first, second, third)]
            return [(one.state, one.held, one.doubt_since) for one in found if one is not None]

        follows = frozenset({Hold.FOLLOWS.value})
        assert await store.read(look) == [
            (State.UNCERTAIN, frozenset(), now),
            (State.HELD, follows, now),
            (State.HELD, follows, now),
        ]

        def free(tx: Tx) -> Delivery:
            waiting = outbox.get(tx, second.id)
            assert waiting is not None
            return outbox.free(tx, waiting, Hold.FOLLOWS, now=now)

        assert (await store.write(free)).state is State.UNCERTAIN

    async def test_lines_that_were_owed_are_looked_up_before_they_are_said(self, store: Store, now: datetime) -> None:
        early = now - timedelta(minutes=5)

        def unit(tx: Tx) -> None:
            later = early + timedelta(hours=1)
            notices.add_line(tx, target=ROOM, body="later", origin_id="later", at=early, due_at=later)
            notices.touch_receipt(tx, target=ROOM, receipt=EntryId(1), origin_id="receipt", at=early)
            said = notices.add_line(tx, target=ROOM, body="said", origin_id="said", at=early)
            notices.begin(tx, said, body="said", corrects=None, nick="status", at=now - timedelta(minutes=1))
            done = notices.add_line(tx, target=ANA, body="done", origin_id="done", at=early)
            notices.begin(tx, done, body="done", corrects=None, nick=None, at=early)
            notices.done(tx, "done", stanza_id=None, at=early)

        await store.write(unit)
        await self.freeze(store, now, told=[])
        found = {one.origin_id: one for one in await store.read(notices.pending)}
        assert set(found) == {"later", "receipt", "said"}
        assert {one.state for one in found.values()} == {NoticeState.SENDING}
        assert [found[name].first_sent_at for name in ("later", "receipt", "said")] == [
            early,
            early,
            now - timedelta(minutes=1),
        ]
        assert await store.write(lambda tx: notices.done(tx, "receipt", stanza_id="x", at=now))
        assert await store.write(lambda tx: notices.reopen(tx, [found["later"].id])) == 1

    async def test_archives_are_read_from_now_and_feeds_from_where_they_were(self, store: Store, now: datetime) -> None:
        def unit(tx: Tx) -> None:
            for name in ("archive:ops@rooms.example.org", "archive:status@example.org", "items:a", "archive_b"):
                cursors.move(tx, name, "7", now)

        await store.write(unit)
        await self.freeze(store, now)
        names = ("archive:ops@rooms.example.org", "archive:status@example.org", "items:a", "archive_b")
        assert await store.read(lambda tx: [cursors.get(tx, name) for name in names]) == [None, None, "7", "7"]

    @pytest.mark.parametrize("before", [0, 3])
    async def test_ids_jump_ahead(self, store: Store, now: datetime, before: int) -> None:
        for _ in range(before):
            await store.write(lambda tx: write(tx, now))
        await self.freeze(store, now)
        first = 2 * STEP if before else STEP
        assert (await store.write(lambda tx: write(tx, now)))[0].id == first
        await self.freeze(store, now, epoch="newer")
        assert (await store.write(lambda tx: write(tx, now)))[0].id == first + STEP

    async def test_everybody_is_told_once_in_their_own_words(self, store: Store, now: datetime) -> None:
        await store.write(lambda tx: cursors.move(tx, "archive:status@example.org", "7", now - timedelta(hours=2)))
        await store.write(lambda tx: write(tx, now))
        await self.freeze(store, now)
        room, ana = [await store.read(lambda tx, to=to: notices.pending(tx, to)) for to in BOTH]
        expected = (
            "I was started from a restored backup (or a moved database), as it was on 2026-01-02 01:04 UTC. Everything "
            "outgoing is frozen. 1 message may have gone out since and will be looked for, not sent again unseen. What "
            "was said to me since that time I don't carry out again; new ids begin at 2000. An approver's `!resume` "
            "continues"
        )
        assert [one.body for one in room] == [expected]
        assert [one.body.rpartition("An ")[2] for one in ana] == ["approver's `resume` continues"]
        assert {one.state for one in (*room, *ana)} == {NoticeState.READY}

    async def test_twice_is_harmless(self, store: Store, now: datetime) -> None:
        one = (await store.write(lambda tx: write(tx, now)))[1][0]
        await self.freeze(store, now)
        first = await store.read(lambda tx: outbox.get(tx, one.id))
        assert await self.freeze(store, now + timedelta(hours=1), epoch="newer") == 0
        assert await store.read(lambda tx: outbox.get(tx, one.id)) == first


class TestAnyDatabase:
    async def test_an_ordinary_start_is_none(self, store_url: str, now: datetime) -> None:
        for _ in range(3):
            await run_once(store_url, now)

    async def test_reading_and_repairing_beside_it_is_none(self, store_url: str, now: datetime) -> None:
        await run_once(store_url, now)
        async with Store.open(store_url, clock=SystemClock(), lock=False) as beside:
            await beside.write(lambda tx: write(tx, now))
            assert not beside.restored
        await run_once(store_url, now)

    async def test_a_restored_start_is_one_and_the_next_is_not(
        self, store_url: str, now: datetime, postgres: Postgres, tmp_path: Path
    ) -> None:
        await run_once(store_url, now, 2)
        restore = self.save(store_url, postgres, tmp_path)
        await run_once(store_url, now, 2)
        restore()
        assert await is_restored(store_url)
        async with opened(store_url) as store:
            assert not store.restored
            assert (await store.write(lambda tx: write(tx, now)))[0].id == 2 * STEP
            assert len(await store.read(notices.pending)) == len(BOTH)
        restore()
        assert await is_restored(store_url)

    def save(self, url: str, postgres: Postgres, folder: Path) -> Restore:
        path = make_url(url).database
        assert path is not None
        if url.startswith("sqlite"):
            backup(Path(path), folder / "backup.db")
            return lambda: put_back(folder / "backup.db", Path(path))
        return dumped(postgres, path, folder)


def tool(postgres: Postgres, name: str, *arguments: str) -> None:
    server = ["-h", postgres.host, "-p", str(postgres.port), "-U", "statusbridge"]
    done = subprocess.run([find_program(name), *server, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def dumped(postgres: Postgres, database: str, folder: Path) -> Restore:
    file = str(folder / "backup.dump")
    tool(postgres, "pg_dump", "-Fc", "-f", file, database)
    return lambda: tool(postgres, "pg_restore", "--clean", "-d", database, file)


class TestPostgres:
    async def test_a_dump_in_another_database(
        self, postgres: Postgres, postgres_url: str, now: datetime, tmp_path: Path
    ) -> None:
        await run_once(postgres_url, now)
        tool(postgres, "pg_dump", "-Fc", "-f", str(tmp_path / "x"), make_url(postgres_url).database or "")
        other = await postgres.create_database()
        tool(postgres, "pg_restore", "-d", make_url(other).database or "", str(tmp_path / "x"))
        assert await is_restored(other)
        await run_once(postgres_url, now)
        postgres.drop_database(other)

    async def test_only_the_rows_put_back(self, postgres: Postgres, postgres_url: str, now: datetime) -> None:
        await run_once(postgres_url, now)
        with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("CREATE TABLE saved AS SELECT * FROM control")
            connection.execute("TRUNCATE control")
            connection.execute("INSERT INTO control SELECT * FROM saved")
        assert await is_restored(postgres_url)

    async def test_a_copy_made_by_the_server(self, postgres: Postgres, postgres_url: str, now: datetime) -> None:
        await run_once(postgres_url, now)
        name = make_url(postgres_url).database or ""
        tool(postgres, "createdb", "-T", name, f"{name}_copy")
        assert await is_restored(f"{postgres_url}_copy")
        postgres.drop_database(f"{postgres_url}_copy")

    async def test_maintenance_is_no_restoration(self, postgres: Postgres, postgres_url: str, now: datetime) -> None:
        await run_once(postgres_url, now)
        with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("VACUUM (FULL, FREEZE, ANALYZE)")
            connection.execute("CLUSTER control USING pk_control")
            connection.execute("REINDEX TABLE control")
        await run_once(postgres_url, now)

    async def test_another_timeline(self, postgres_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
        await run_once(postgres_url, now)
        with monkeypatch.context() as patch:
            patch.setattr("bridge.store.postgres._TIMELINE", select(literal("00000002")))
            assert await is_restored(postgres_url)

    async def test_a_role_that_may_not_ask_for_the_timeline(
        self, postgres: Postgres, postgres_url: str, now: datetime
    ) -> None:
        role = f"plain_{make_url(postgres_url).database}"
        with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {role} LOGIN".encode())
            connection.execute(f"GRANT ALL ON SCHEMA public TO {role}".encode())
            connection.execute("REVOKE EXECUTE ON FUNCTION pg_walfile_name(pg_lsn) FROM PUBLIC")
        url = str(make_url(postgres_url).set(username=role))
        for _ in range(2):
            await run_once(url, now)
