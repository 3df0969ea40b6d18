from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.servers.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="package")
def breakable_postgres(require: Callable[[str], None]) -> Iterator[Postgres]:
    """A durable PostgreSQL that the tests of this folder may stop, start and reconfigure."""
    require("postgresql")
    with Postgres() as server:
        yield server


@pytest.fixture
def breakable_url(breakable_postgres: Postgres) -> Iterator[str]:
    url = breakable_postgres.new_database()
    yield url
    if not breakable_postgres.running:
        breakable_postgres.start_now()
    breakable_postgres.drop_database(url)


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
