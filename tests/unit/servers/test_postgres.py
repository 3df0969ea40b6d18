from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.servers.postgres import Postgres

pytestmark = pytest.mark.servers


def conninfo(url: str) -> str:
    return url.replace("postgresql+psycopg", "postgresql")


async def test_databases_are_fresh_and_apart(postgres: Postgres) -> None:
    first, second = await postgres.create_database(), postgres.new_database()
    try:
        assert first != second
        with psycopg.connect(conninfo(first)) as connection:
            connection.execute("CREATE TABLE t (x int)")
        with psycopg.connect(conninfo(second)) as connection:
            tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
            encoding = connection.execute("SHOW server_encoding").fetchone()
            assert (tables, encoding) == ((0,), ("UTF8",))
    finally:
        postgres.drop_database(first)
        postgres.drop_database(second)


async def test_a_dropped_database_is_gone_though_it_is_in_use(postgres: Postgres) -> None:
    url = postgres.new_database()
    with psycopg.connect(conninfo(url)) as user:
        postgres.drop_database(url)
        with pytest.raises(psycopg.OperationalError):
            user.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(conninfo(url))


async def test_what_is_committed_outlives_restart_and_kill() -> None:
    async with Postgres(fsync=False) as server:
        url = await server.create_database()
        with psycopg.connect(conninfo(url), autocommit=True) as connection:
            connection.execute("CREATE TABLE t (x int)")
        for number, end in enumerate((server.stop, server.kill)):
            with psycopg.connect(conninfo(url)) as connection:
                connection.execute("INSERT INTO t VALUES (%s)", (number,))
            await end()
            await server.start()
        with psycopg.connect(conninfo(url)) as connection:
            assert connection.execute("SELECT x FROM t ORDER BY x").fetchall() == [(0,), (1,)]
    assert not server.folder.exists()


@pytest.mark.parametrize(("options", "shown"), [({}, "on"), ({"fsync": False}, "off")])
def test_it_waits_for_the_disk_unless_told_otherwise(options: dict[str, bool], shown: str) -> None:
    server = Postgres(**options)
    assert f"fsync={shown}" in server._command()
    server.close()


def test_a_store_url_is_an_empty_database(store_url: str, tmp_path: Path) -> None:
    if store_url.startswith("sqlite:///"):
        assert not (tmp_path / "statusbridge.db").exists()
        assert store_url == f"sqlite:///{tmp_path}/statusbridge.db"
        return
    with psycopg.connect(conninfo(store_url)) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
