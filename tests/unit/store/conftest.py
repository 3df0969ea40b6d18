from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from bridge.domain.clock import SystemClock
from bridge.store import Store, upgrade
from bridge.store.schema import metadata

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.servers.postgres import Postgres


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


@pytest.fixture(scope="session")
def _filled_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "store.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def _filled_postgres(postgres: Postgres) -> Iterator[str]:
    url = postgres.new_database()
    upgrade(url)
    yield url
    postgres.drop_database(url)


@pytest.fixture
def sqlite_url(_filled_sqlite: Path, tmp_path: Path) -> str:
    """Return the URL of a SQLite file with empty tables."""
    path = tmp_path / "store.db"
    shutil.copy(_filled_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_url(_filled_postgres: str) -> str:
    """Return the URL of a PostgreSQL database with empty tables."""
    with psycopg.connect(_filled_postgres.replace("+psycopg", ""), autocommit=True) as connection:
        tables = ", ".join(metadata.tables)
        connection.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE".encode())
    return _filled_postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def ready_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a database with empty tables, which is quicker than `store_url`."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
async def store(ready_url: str) -> AsyncIterator[Store]:
    async with Store.open(ready_url, clock=SystemClock()) as opened:
        yield opened
