"""A private PostgreSQL cluster: loopback port and Unix socket, fresh databases on request."""

from __future__ import annotations

import asyncio
import itertools
import os
import pwd
import signal
import subprocess
from pathlib import Path

import psycopg

from tests.servers.ports import HOST
from tests.servers.process import Server, ServerError, mortal
from tests.servers.programs import find_program

_ROLE = "statusbridge"
_POLL = 0.01


class Postgres(Server):
    """One cluster in a private folder, trusting every local connection; durable unless `fsync` is False.

    As root it runs as an unprivileged user, since PostgreSQL refuses root.
    """

    name = "postgres"
    # A fast shutdown; SIGTERM would wait until every client has gone.
    stop_signal = signal.SIGINT
    # An immediate shutdown, unlike SIGKILL, removes the shared memory.
    death_signal = "QUIT"

    def __init__(self, *, fsync: bool = True, max_connections: int = 100) -> None:
        """Make the folder and choose the port; nothing is started yet."""
        super().__init__(user=_unprivileged() if os.geteuid() == 0 else None)
        self.host = HOST
        self.port = self._port()
        self._fsync = fsync
        self._max_connections = max_connections
        self._numbers = itertools.count(1)

    @property
    def data(self) -> Path:
        """The folder of the cluster's data; a disk of its own may be mounted there before the first start."""
        return self.folder / "data"

    @property
    def user(self) -> str | None:
        """Whom the server runs as, where it isn't who runs this."""
        return self._user

    @property
    def url(self) -> str:
        """The URL of the administration database, for SQLAlchemy with psycopg 3."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """Return the URL of `database`, over TCP, for SQLAlchemy with psycopg 3."""
        return f"postgresql+psycopg://{_ROLE}@{HOST}:{self.port}/{database}"

    def conninfo(self, database: str = "postgres") -> str:
        """Return psycopg's connection string for `database`, over TCP."""
        return f"host={HOST} port={self.port} user={_ROLE} dbname={database} connect_timeout=5"

    def new_database(self) -> str:
        """Make a fresh empty database, blocking for some tens of milliseconds, and return its URL."""
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
        return self.url_of(name)

    def drop_database(self, url: str) -> None:
        """Drop a database that `new_database` made, ending whoever still uses it."""
        name = url.rpartition("/")[2]
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())

    async def create_database(self) -> str:
        """Make a fresh empty database and return its URL."""
        name = f"test_{next(self._numbers)}"
        async with await psycopg.AsyncConnection.connect(self.conninfo(), autocommit=True) as connection:
            await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
        return self.url_of(name)

    async def crash(self) -> None:
        """End the server in the middle of everything, as an immediate shutdown does; data and ports stay."""
        for _ in self._stopping(signal.SIGQUIT):
            await asyncio.sleep(_POLL)

    def _prepare(self) -> None:
        if (self.data / "PG_VERSION").exists():
            return
        command = [find_program("initdb"), "-D", str(self.data), "-U", _ROLE, "-A", "trust"]
        options = ["--no-sync", "--no-locale", "-E", "UTF8", "--no-instructions"]
        done = subprocess.run(
            mortal([*command, *options], user=self._user),
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
        )
        if done.returncode != 0:
            msg = f"initdb failed: {done.stdout}{done.stderr}"
            raise ServerError(msg)

    def _command(self) -> list[str]:
        settings = {
            "listen_addresses": HOST,
            "port": self.port,
            "unix_socket_directories": self.folder,
            "fsync": "on" if self._fsync else "off",
            "max_connections": self._max_connections,
            "shared_buffers": "32MB",
            "log_line_prefix": "%m [%p] %d ",
        }
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return [find_program("postgres"), "-D", str(self.data), *options]

    def _ready(self) -> bool:
        try:
            psycopg.connect(self.conninfo()).close()
        except psycopg.OperationalError:
            return False
        return True


def _unprivileged() -> str:
    for user in ("postgres", "nobody"):
        try:
            pwd.getpwnam(user)
        except KeyError:
            continue
        return user
    msg = "PostgreSQL refuses to run as root, and there is neither a user postgres nor a user nobody"
    raise ServerError(msg)
