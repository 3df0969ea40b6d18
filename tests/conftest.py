"""Fixtures for real and misbehaving servers. What is shared starts once per run; what a test may break is its own."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.servers.ejabberd import Ejabberd
from tests.servers.mastodon import MastodonMock
from tests.servers.postgres import Postgres
from tests.servers.prosody import Prosody
from tests.servers.require import STRICT, missing
from tests.servers.require import require as require_server
from tests.servers.sink import Sink
from tests.servers.xmpp import Login

FAULT = "xmpp fault"
"""The property under which a test tells what came of a fault, for the table at the end of the run."""

collect_ignore = ["stranger"]
"""A package of its own, whose tests run where it is installed: see tests/platforms/test_stranger.py."""


def pytest_configure() -> None:
    """Log plainly (a traceback drawn with all its values takes a second), and let no busy machine fail a property."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(),
        ],
    )
    settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("ours")


@pytest.fixture(scope="session")
def require() -> Callable[[str], None]:
    """`require("prosody")` skips the test where that server isn't installed, or fails it where servers are required."""
    return require_server


@pytest.fixture(scope="session")
def shared_prosody() -> Iterator[Prosody]:
    require_server("prosody")
    with Prosody() as server:
        yield server


@pytest.fixture
def prosody(shared_prosody: Prosody) -> Prosody:
    """A running Prosody, shared by all tests: make accounts with `new_login` and rooms with `new_room`.

    A test that stops or restarts it takes `private_prosody`.
    """
    if not shared_prosody.running:
        shared_prosody.start_now()
    return shared_prosody


@pytest.fixture
async def private_prosody() -> AsyncIterator[Prosody]:
    """A running Prosody of the test's own."""
    require_server("prosody")
    async with Prosody() as server:
        yield server


@pytest.fixture(scope="session")
def shared_ejabberd() -> Iterator[Ejabberd]:
    require_server("ejabberd")
    with Ejabberd() as server:
        yield server


@pytest.fixture
async def ejabberd(shared_ejabberd: Ejabberd) -> Ejabberd:
    """A running ejabberd, shared by all tests."""
    if not shared_ejabberd.running:
        await shared_ejabberd.start()
    return shared_ejabberd


@pytest.fixture
async def private_ejabberd() -> AsyncIterator[Ejabberd]:
    """A running ejabberd of the test's own."""
    require_server("ejabberd")
    async with Ejabberd() as server:
        yield server


@pytest.fixture(scope="session")
def new_name() -> Callable[[str], str]:
    """Names that no other test of the run gets: `new_name("ana")` is ana-1, ana-2, ..."""
    numbers = itertools.count(1)
    return lambda stem: f"{stem}-{next(numbers)}"


@pytest.fixture
def new_login(prosody: Prosody, new_name: Callable[[str], str]) -> Callable[[str], Login]:
    """Fresh accounts on the shared Prosody, with empty archives: `new_login("ana")`."""
    return lambda stem: prosody.add_user(new_name(stem))


@pytest.fixture
def new_room(prosody: Prosody, new_name: Callable[[str], str]) -> Callable[..., str]:
    """Fresh rooms on the shared Prosody: `new_room(owners=[bot.jid], members=[ana.jid])` returns the JID."""
    return lambda stem="ops", **settings: prosody.make_room(new_name(stem), **settings)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL, shared by all tests: take `postgres_url`, or `create_database()` more.

    It doesn't wait for the disk: no test here cuts the power, and a killed server loses nothing by it.
    """
    require_server("postgresql")
    with Postgres(fsync=False) as server:
        yield server


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """The URL of a fresh empty PostgreSQL database."""
    url = postgres.new_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh empty database: every test that takes it runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'statusbridge.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture(scope="session")
def shared_mastodon_mock() -> Iterator[MastodonMock]:
    require_server("mastodon-mock")
    with MastodonMock() as server:
        yield server


@pytest.fixture
async def mastodon_mock(shared_mastodon_mock: MastodonMock) -> MastodonMock:
    """A running mastodon-mock without statuses or faults, with the accounts shop, kim and lee; shared by all tests."""
    if not shared_mastodon_mock.running:
        await shared_mastodon_mock.start()
    await shared_mastodon_mock.reset()
    return shared_mastodon_mock


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    """A platform that misbehaves on demand, of the test's own; it honours keys and can be searched."""
    async with Sink() as server:
        yield server


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end what was left out for want of a server, so that no skip goes unseen."""
    reports = terminalreporter.getreports("passed")
    rows = {tuple(value) for report in reports for name, value in report.user_properties if name == FAULT}
    if rows:
        terminalreporter.section("faults of the line to the XMPP server")
        for row in [("fault", "server", "lost", "doubled", "told", "seconds until back"), *sorted(rows)]:
            terminalreporter.write_line(f"| {' | '.join(row)} |")
    if missing:
        terminalreporter.section("servers that are missing here")
        for server, reason in sorted(missing.items()):
            terminalreporter.write_line(f"{server}: {reason}")
        terminalreporter.write_line(f"{STRICT}=1 makes each of them a failure")
