from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from bridge.domain.clock import SystemClock
from bridge.domain.ids import EntryId
from bridge.domain.inbox import ItemState
from bridge.store import ForeignError, SchemaError, Store, inbox, migrations, people, references, triage, upgrade
from bridge.store.engine import Backend, backend_for
from bridge.store.migrations.run import config
from bridge.store.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection


@pytest.fixture
def backend(store_url: str) -> Iterator[Backend]:
    made = backend_for(store_url, lock=True)
    made.open()
    yield made
    made.close()


@pytest.fixture
def connection(backend: Backend) -> Iterator[Connection]:
    made = backend.connect()
    yield made
    made.close()


def test_the_known_revisions_are_those_that_stand_there() -> None:
    scripts = ScriptDirectory.from_config(config())
    assert scripts.get_heads() == [migrations.HEAD]
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == migrations.REVISIONS


def test_the_tables_are_those_of_the_schema(backend: Backend, connection: Connection) -> None:
    migrations.ensure(backend, connection, may_migrate=True)
    with connection.begin():
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("revision", migrations.REVISIONS)
def test_numbers_are_never_given_twice(tmp_path: Path, revision: str) -> None:
    backend = backend_for(f"sqlite:///{tmp_path / 'store.db'}", lock=True)
    backend.open()
    migrations.migrate(backend, revision)
    connection = backend.connect()
    created = {row.name: row.sql for row in connection.execute(text("SELECT name, sql FROM sqlite_master"))}
    connection.close()
    backend.close()
    wanted = {table.name for table in metadata.tables.values() if table.dialect_options["sqlite"]["autoincrement"]}
    assert {"short_id", "stanza", "delivery", "notice", "audit"} <= wanted
    assert {name for name in wanted & set(created) if "AUTOINCREMENT" not in created[name]} == set()


def test_an_empty_store_is_brought_up_and_then_left_alone(store_url: str) -> None:
    assert upgrade(store_url) == (None, migrations.HEAD)
    assert upgrade(store_url) == (migrations.HEAD, migrations.HEAD)


OLD_ROWS = (
    "INSERT INTO short_id (id, kind) VALUES (1, 'item')",
    """
    INSERT INTO stanza (archive, key, sender, status, received_at)
    VALUES ('ops@rooms.example.org', 's1', 'raj@example.org', 'done', :at)
    """,
    """
    INSERT INTO item (
        id, account, platform_id, uri, author_id, author_handle, author_key, author_local, author_name, text,
        visibility, media, answer_prefix, memo, created_at, received_at, state, claimed_by
    ) VALUES (
        1, 'mastodon', '7', '', '5', 'kim@social.example', 'kim@social.example', 'kim', '', 'any ETA?',
        'public', '[]', '', '{}', :at, :at, 'claimed', 'raj@example.org'
    )
    """,
)


async def test_what_an_older_version_wrote_is_read_and_goes_on(store_url: str, backend: Backend) -> None:
    migrations.migrate(backend, "0001")
    connection = backend.connect()
    with connection.begin():
        for statement in OLD_ROWS:
            connection.execute(text(statement), {"at": "2026-01-02T03:04:05.000000Z"} if ":at" in statement else {})
    connection.close()
    backend.close()
    async with Store.open(store_url, clock=SystemClock()) as store:
        one = await store.read(lambda tx: inbox.get(tx, EntryId(1)))
        assert one is not None
        assert (one.item.text, one.state, one.claimed_by, one.claimed_as) == (
            "any ETA?",
            ItemState.CLAIMED,
            "raj@example.org",
            None,
        )
        raj = {"archive": "ops@rooms.example.org", "sender": "raj@example.org"}
        theirs = await store.read(lambda tx: references.theirs(tx, **raj, name="s1"))
        assert theirs is not None
        assert theirs.post is None
        assert await store.write(lambda tx: triage.release(tx, EntryId(1), person="raj@example.org"))
        # Who has used the bot for long needs no welcome.
        assert await store.read(people.welcomed) == {"raj@example.org"}


async def test_what_people_had_set_stays_set(store_url: str, backend: Backend) -> None:
    migrations.migrate(backend, "0009")
    connection = backend.connect()
    with connection.begin():
        connection.execute(text("INSERT INTO person (jid, hold_ms) VALUES ('raj@example.org', 5000)"))
    connection.close()
    backend.close()
    async with Store.open(store_url, clock=SystemClock()) as store:
        await store.write(lambda tx: people.set_zone(tx, "ana@example.org", "Europe/Berlin"))
        assert await store.read(people.own) == {
            "raj@example.org": people.Own(hold=timedelta(seconds=5)),
            "ana@example.org": people.Own(zone="Europe/Berlin"),
        }


def test_a_newer_store_is_refused(backend: Backend, connection: Connection, store_url: str) -> None:
    migrations.ensure(backend, connection, may_migrate=True)
    with connection.begin():
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    connection.close()
    backend.close()
    with pytest.raises(SchemaError, match=r"written by a newer version of this program \(schema 9999, known up to"):
        upgrade(store_url)


def test_tables_of_another_program_are_left_alone(connection: Connection, backend: Backend) -> None:
    with connection.begin():
        connection.execute(text("CREATE TABLE delivery (id INTEGER)"))
    with pytest.raises(ForeignError, match="holds tables of another program"):
        migrations.ensure(backend, connection, may_migrate=True)
    with connection.begin():
        assert connection.execute(text("SELECT * FROM delivery")).all() == []


def test_a_migration_that_fails_leaves_nothing(
    connection: Connection, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connection.begin():
        connection.execute(text("CREATE TABLE notice (id INTEGER)"))
    with pytest.raises(Exception, match="already exists"):
        migrations.ensure(backend, connection, may_migrate=True)
    with connection.begin():
        assert set(connection.execute(migrations._TABLES[backend.dialect]).scalars()) == set()


def test_rows_that_point_nowhere_stop_a_migration(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    upgrade(url)
    backend = backend_for(url, lock=True)
    connection = backend.connect_to_migrate()
    with connection.begin():
        connection.execute(text("INSERT INTO short_id (id, kind) VALUES (1, 'item')"))
        connection.execute(text("UPDATE alembic_version SET version_num = ''"))
        connection.execute(text("DELETE FROM alembic_version"))
        connection.execute(text("CREATE TABLE other (id INTEGER REFERENCES short_id (id))"))
        connection.execute(text("INSERT INTO other VALUES (2)"))
        for table in reversed(metadata.sorted_tables):
            connection.execute(text(f"DROP TABLE {table.name}"))
    connection.close()
    with pytest.raises(SchemaError, match=r"holds rows that point nowhere \(other\): restore a backup"):
        migrations.migrate(backend)


async def test_two_at_once_migrate_once(store_url: str) -> None:
    backends = [backend_for(store_url, lock=False) for _ in range(2)]
    await asyncio.gather(*(asyncio.to_thread(migrations.migrate, backend) for backend in backends))
    connection = backends[0].connect()
    assert migrations.version(connection, "here") == migrations.HEAD
    connection.close()


_OPEN = """
import asyncio, sys
from bridge.domain.clock import SystemClock
from bridge.store import Store
async def main():
    async with Store.open(sys.argv[1], clock=SystemClock()) as store:
        await store.read(lambda tx: None)
asyncio.run(main())
print("alembic" in sys.modules)
"""


async def test_an_unchanged_schema_does_not_even_import_alembic(store_url: str) -> None:
    async with Store.open(store_url, clock=SystemClock()):
        pass
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", _OPEN, store_url],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout == "False\n"
