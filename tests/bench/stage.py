"""Everything that a bench needs around the contenders, and the contenders themselves: real servers and processes."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.bench.remote import Platforms
from tests.bench.talker import Talker
from tests.servers.bridge import ROOT, BridgeProcess, write_config
from tests.servers.postgres import Postgres
from tests.servers.process import ServerError, mortal
from tests.servers.prosody import Prosody
from tests.servers.sink import TOKEN

if TYPE_CHECKING:
    from tests.servers.xmpp import Login

MANY = 16
"""Accounts where many are measured."""

FLOOR = "floor"

_ENTRY = "[statusbridge.plugins]\nplain = tests.bench.plain:PlainPlugin\n"


class Kind(StrEnum):
    """How posts get to the platform, on both sides of a comparison."""

    PLAIN = "plain aiohttp"
    SDK = "Mastodon.py"


class Database(StrEnum):
    """Where our program keeps its rows; both wait for the disk."""

    SQLITE = "SQLite"
    POSTGRESQL = "PostgreSQL"


STREAMS = frozenset({Kind.PLAIN})
"""What is heard by a stream, and so measured from the platform to the room. A kind that joins needs its stream on the
platform of the bench, and the floor's half in `tests.bench.floor`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much is measured."""

    rounds: int = 7
    lines: int = 15
    burst: int = 500
    items: int = 10_000
    stored_posts: int = 100_000
    stored_items: int = 1_000_000
    idle: float = 60.0

    @classmethod
    def smoke(cls) -> Self:
        """Just enough to prove that the bench works."""
        return cls(rounds=1, lines=2, burst=10, items=150, stored_posts=50, stored_items=100, idle=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One running program: its room, and the platforms that its posts go to; `began` is how many seconds it took.

    `ear` is the platform whose stream it hears.
    """

    room: str
    sinks: tuple[int, ...]
    pid: int
    began: float
    store_url: str = ""
    ear: int = 0


class Stage:
    """The servers, the platforms and the person who types; contenders come and go."""

    def __init__(self) -> None:
        """Nothing is started yet."""
        self._numbers = itertools.count(1)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="statusbridge-bench-")))
            self.prosody = await stack.enter_async_context(Prosody(log_level="error"))
            self.postgres = await stack.enter_async_context(Postgres())
            self.platforms = await stack.enter_async_context(Platforms(MANY))
            self._login = self.prosody.add_user("raj")
            self.talker = Talker(self._login)
            stack.push_async_callback(self.talker.person.sign_out)
            await self.talker.enter()
            self._announce()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    def text(self) -> str:
        """Return a text that was never said before."""
        return f"status {next(self._numbers)} of the bench, as long as a short sentence"

    def new_store(self, database: Database) -> str:
        """Return the URL of an empty store."""
        if database is Database.POSTGRESQL:
            return self.postgres.new_database()
        return f"sqlite:///{self.folder / f'{next(self._numbers)}.db'}"

    @asynccontextmanager
    async def floor(
        self, kind: Kind, *, accounts: int = 1, streams: bool = False, ear: int = 0
    ) -> AsyncGenerator[Contender]:
        """Run the bare script; with `streams` it hears the stream of the platform `ear`."""
        bot, room = await self._room()
        plan = {
            "jid": bot.jid,
            "password": bot.password,
            "host": bot.host,
            "port": bot.port,
            "ca_file": str(bot.ca_file),
            "room": room,
            "nick": "status",
            "kind": kind.name.lower(),
            "sinks": self.platforms.sinks[:accounts],
            "token": TOKEN,
            "stream": self.platforms.stream(ear) if streams else None,
        }
        path = self.folder / f"{room}.json"
        path.write_text(json.dumps(plan), encoding="utf-8")
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *mortal([sys.executable, "-m", "tests.bench.floor", str(path)]), stdout=asyncio.subprocess.PIPE, cwd=ROOT
        )
        try:
            assert process.stdout is not None
            if await asyncio.wait_for(process.stdout.readline(), 30.0) != b"ready\n":
                raise ServerError("the bare script ended before it was ready")
            took = time.monotonic() - began
            yield Contender(room=room, sinks=tuple(range(accounts)), pid=process.pid, began=took, ear=ear)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    @asynccontextmanager
    async def bridge(
        self, kind: Kind, database: Database, *, accounts: int = 1, store_url: str | None = None, ear: int = 0
    ) -> AsyncGenerator[Contender]:
        """Run our program; its first account hears the stream of the platform `ear`."""
        bot, room = await self._room()
        url = store_url or self.new_store(database)
        config = write_config(
            self.folder / f"{room}.toml",
            login=bot,
            store_url=url,
            rooms={room: {"member_role": "staff"}},
            accounts={f"a{number}": self._account(kind, number, ear + number) for number in range(accounts)},
            overrides={
                "posting": {"hold": "0s", "backoff": "50ms"},
                "limits": {"person": "none", "room": "none", "posts": "none"},
            },
        )
        paths = os.pathsep.join([str(ROOT), str(self.folder / "plugins")])
        process = BridgeProcess(config, environment={"PYTHONPATH": paths})
        began = time.monotonic()
        async with process:
            took = time.monotonic() - began
            for number in range(accounts):
                await process.logs(lambda line, name=f"a{number}": _is_up(line, name))
            sinks = tuple(range(accounts))
            yield Contender(room=room, sinks=sinks, pid=process.pid, began=took, store_url=url, ear=ear)

    def _account(self, kind: Kind, number: int, ear: int) -> dict[str, Any]:
        shared = {"base_url": self.platforms.sinks[number], "access_token": TOKEN}
        if kind is Kind.SDK:
            return {"plugin": "mastodon", "settle_after": "0s", **shared}
        return {"plugin": "plain", "stream_url": self.platforms.stream(ear % len(self.platforms.sinks)), **shared}

    async def _room(self) -> tuple[Login, str]:
        number = next(self._numbers)
        bot = self.prosody.add_user(f"status-{number}")
        room = self.prosody.make_room(f"ops-{number}", admins=[bot.jid], members=[self._login.jid])
        await self.talker.join(room)
        return bot, room

    def _announce(self) -> None:
        """Make the bench's plugin known as any package's: by an entry point that only our program's path has."""
        folder = self.folder / "plugins" / "statusbridge_bench-1.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: statusbridge-bench\nVersion: 1\n", "utf-8")
        (folder / "entry_points.txt").write_text(_ENTRY, encoding="utf-8")


def _is_up(line: Any, name: str) -> bool:
    return line.get("event") == "account is up" and line.get("account") == name
