"""A bot made of the real chat, the real store, and a desk that records what it is handed."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import SecretStr

from bridge.chat import Chat
from bridge.commands.incoming import Answer, Incoming
from bridge.domain.clock import SystemClock
from bridge.domain.ids import EntryId
from bridge.domain.notices import Notice
from bridge.domain.people import Place, Role, Target
from bridge.domain.standing import Standing
from bridge.settings import RoomSettings, XmppSettings
from bridge.store import Store, Tx, cursors, notices, stanzas
from tests.servers.cut import CutProxy
from tests.servers.person import Person
from tests.servers.watch import PATIENCE, Watch
from tests.servers.xmpp import Login, XmppServer

CLOCK = SystemClock()


class Desk:
    """Takes each stanza in once, moves the cursor with it, and answers what begins with `!echo`."""

    def __init__(self) -> None:
        self.handled: list[Incoming] = []
        self.offered = 0
        self.watch = Watch()
        self.store: Store | None = None
        self.failures: list[Exception] = []

    async def together(self, incomings: Sequence[Incoming]) -> int:
        return 0

    async def answer(self, incoming: Incoming) -> Answer:
        await self.handle(incoming)
        return Answer(lines=(incoming.text,))

    async def handle(self, incoming: Incoming) -> None:
        self.offered += 1
        if self.failures:
            raise self.failures.pop(0)
        # What is committed is recorded, even if whoever waits for it is cancelled meanwhile.
        await asyncio.shield(asyncio.ensure_future(self._commit(incoming)))

    async def _commit(self, incoming: Incoming) -> None:
        assert self.store is not None
        now, answer_id = CLOCK.now(), uuid.uuid4().hex

        def unit(tx: Tx) -> bool:
            number = stanzas.admit(tx, archive=incoming.archive, key=incoming.key, sender=incoming.sender, at=now)
            if number is None:
                return False
            if incoming.position is not None:
                cursors.move(tx, f"archive:{incoming.archive}", incoming.position, now)
            if incoming.text.startswith("!echo "):
                text = incoming.text.removeprefix("!echo ")
                notices.add_line(tx, target=incoming.source, body=text, origin_id=answer_id, at=now)
            return True

        if await self.store.write(unit):
            self.handled.append(incoming)
            self.watch.changed()

    def texts(self, sender: str | None = None, source: str | None = None) -> list[str]:
        return [one.text for one in self.handled if sender in {None, one.sender} and source in {None, one.source.jid}]

    async def handles(self, count: int, *, patience: float = PATIENCE) -> list[Incoming]:
        """Wait until so many stanzas have been handled in all."""
        await self.watch.until(
            lambda: len(self.handled) >= count,
            timeout=patience,
            otherwise=lambda: f"{len(self.handled)} handled, not {count}: {self.texts()}",
        )
        return self.handled


class Bot:
    """One bridge's chat; `start`, `stop` (in order) and `kill` (as by SIGKILL) as often as one likes."""

    def __init__(self, url: str, login: Login, rooms: Sequence[str], **options: Any) -> None:
        self.url = url
        self.login = login
        self.rooms = tuple(rooms)
        self.desk: Desk = options.get("desk") or Desk()
        self.caught_up: list[str] = []
        self.lost = 0
        self.left: list[str] = []
        self.watch = Watch()
        self.admins: Sequence[str] = options.get("admins", ())
        self.host: str | None = options.get("host", login.host)
        self.port: int = options.get("port", login.port)
        self.role_of: Callable[[str, str | None, str | None], Role] | None = options.get("role_of")
        self.member_role: Role = options.get("member_role", Role.NONE)
        self.standing: Callable[[], Awaitable[Standing]] | None = options.get("standing")
        self.accounts: Callable[[], Sequence[str]] = options.get("accounts", tuple)
        self.nick: str = options.get("nick", "status")
        self.resource: str = options.get("resource", "statusbridge")
        self.password: str = options.get("password", login.password)
        self.ca_file: Path = options.get("ca_file", login.ca_file)
        self._stack = AsyncExitStack()
        self._started = False
        self.store = cast("Store", None)
        self.chat = cast("Chat", None)
        self.running = cast("asyncio.Task[None]", None)

    async def start(self, *, wait: bool = True) -> None:
        self.store = await self._stack.enter_async_context(Store.open(self.url, clock=CLOCK))
        self.desk.store = self.store
        settings = XmppSettings(
            jid=self.login.jid,
            resource=self.resource,
            password=SecretStr(self.password),
            host=self.host,
            port=self.port,
            ca_file=self.ca_file,
            nick=self.nick,
        )
        self.chat = Chat(
            settings,
            rooms=[RoomSettings(jid=jid, member_role=self.member_role) for jid in self.rooms],
            admins=lambda: self.admins,
            store=self.store,
            desk=self.desk,
            render=_render,
            clock=CLOCK,
            on_caught_up=self._on_caught_up,
            on_lost=self._on_lost,
            on_left=self._on_left,
            jitter=lambda: 0.1,
            role_of=self.role_of,
            standing=self.standing,
            accounts=self.accounts,
        )
        self._started = True
        before = len(self.caught_up)
        self.running = asyncio.ensure_future(self.chat.run())
        if wait:
            await self.is_in(before + len(self.rooms) + 1)

    async def is_in(self, count: int, *, patience: float = PATIENCE) -> None:
        """Wait until so many times, in all, something was caught up with."""

        def look() -> bool:
            if self.running.done():
                self.running.result()
            return len(self.caught_up) >= count

        await self.watch.until(look, timeout=patience, otherwise=lambda: f"caught up with {self.caught_up}")

    async def loses(self, count: int = 1, *, patience: float = PATIENCE) -> None:
        await self.watch.until(lambda: self.lost >= count, timeout=patience, otherwise=lambda: "no session was lost")

    async def leaves(self, count: int = 1, *, patience: float = PATIENCE) -> None:
        await self.watch.until(lambda: len(self.left) >= count, timeout=patience, otherwise=lambda: f"left {self.left}")

    async def stop(self) -> None:
        if self._started:
            self._started = False
            await self._end()
            await self.chat.close()
        await self._stack.aclose()

    async def kill(self) -> None:
        """End without a word to the server: no unavailable presence, no end of the stream."""
        client = self.chat._session._client
        transport, client.transport = client.transport, None
        if transport is not None:
            transport.abort()
        await self._end()
        await client.end(0)
        self._started = False
        await self._stack.aclose()

    async def _end(self) -> None:
        self.running.cancel()
        await asyncio.wait((self.running,))

    async def say(self, jid: str, body: str, place: Place = Place.ROOM, **options: Any) -> str:
        """Owe somebody a line; returns its origin id."""
        origin_id, now = uuid.uuid4().hex, CLOCK.now()
        await self.store.write(
            lambda tx: notices.add_line(
                tx, target=Target(jid, place), body=body, origin_id=origin_id, at=now, **options
            )
        )
        return origin_id

    async def touch(self, room: str, receipt: int) -> None:
        """Owe a room the present state of a receipt."""
        target, origin_id, now = Target(room, Place.ROOM), uuid.uuid4().hex, CLOCK.now()
        await self.store.write(
            lambda tx: notices.touch_receipt(tx, target=target, receipt=EntryId(receipt), origin_id=origin_id, at=now)
        )

    async def pending(self) -> list[Notice]:
        return await self.store.read(notices.pending)

    async def has_said_all(self, *, patience: float = PATIENCE) -> None:
        """Wait until nothing is owed any more."""
        deadline = CLOCK.monotonic() + patience
        while owed := await self.pending():
            assert CLOCK.monotonic() < deadline, owed
            await asyncio.sleep(0.01)

    async def gives_up(self, logs: Sequence[Any], *, patience: float = PATIENCE) -> None:
        """Wait until the log has a warning."""
        deadline = CLOCK.monotonic() + patience
        while await self.pending() or not [entry for entry in logs if entry["log_level"] == "warning"]:
            assert CLOCK.monotonic() < deadline, logs
            await asyncio.sleep(0.01)

    async def _on_caught_up(self, source: str) -> None:
        self.caught_up.append(source)
        self.watch.changed()

    def _on_lost(self) -> None:
        self.lost += 1
        self.watch.changed()

    def _on_left(self, room: str) -> None:
        self.left.append(room)
        self.watch.changed()


def _render(_: Tx, notice: Notice) -> str:
    """Write a receipt that reads otherwise each time."""
    return f"receipt of {notice.receipt}, state {notice.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """A bot that is in a room, and Ana, who is there, too; `proxy` stands between the bot and the server."""

    bot: Bot
    me: Login
    ana: Login
    person: Person
    room: str
    proxy: CutProxy


@pytest.fixture
async def new_bot(tmp_path: Path) -> AsyncIterator[Callable[..., Bot]]:
    """`new_bot(login, room, ...)` makes a bot that isn't started yet; all are stopped in the end."""
    made: list[Bot] = []

    def make(login: Login, *rooms: str, **options: Any) -> Bot:
        bot = Bot(f"sqlite:///{tmp_path / f'{len(made)}.db'}", login, rooms, **options)
        made.append(bot)
        return bot

    yield make
    for bot in made:
        await bot.stop()


SERVERS = ["prosody", pytest.param("ejabberd", marks=pytest.mark.servers)]
"""Every test of the chat runs against both, against the second with the long tests."""


@pytest.fixture(params=SERVERS)
def xmpp(request: pytest.FixtureRequest) -> XmppServer:
    """A running server, shared by all tests."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=SERVERS)
def private_xmpp(request: pytest.FixtureRequest) -> XmppServer:
    """A running server of the test's own."""
    return request.getfixturevalue(f"private_{request.param}")


@pytest.fixture
def new_login(xmpp: XmppServer, new_name: Callable[[str], str]) -> Callable[[str], Login]:
    """Fresh accounts on the shared server, with empty archives: `new_login("ana")`."""
    return lambda stem: xmpp.add_user(new_name(stem))


@pytest.fixture
def new_room(xmpp: XmppServer, new_name: Callable[[str], str]) -> Callable[..., str]:
    """Fresh rooms on the shared server: `new_room(owners=[bot.jid], members=[ana.jid])` returns the JID."""
    return lambda stem="ops", **settings: xmpp.make_room(new_name(stem), **settings)


@pytest.fixture
async def meeting(
    xmpp: XmppServer, new_login: Callable[[str], Login], new_room: Callable[..., str], new_bot: Callable[..., Bot]
) -> AsyncIterator[Meeting]:
    me, ana = new_login("bot"), new_login("ana")
    room = new_room(admins=[me.jid], members=[ana.jid])
    async with CutProxy(xmpp.port) as proxy, Person.of(ana) as person:
        bot = new_bot(me, room, port=proxy.port)
        await bot.start()
        await person.join(room)
        yield Meeting(bot=bot, me=me, ana=ana, person=person, room=room, proxy=proxy)
        proxy.flow()
        await bot.stop()


@pytest.fixture
def numbered() -> Callable[[Sequence[str], str], list[int]]:
    """The numbers in those texts that have a prefix, in order."""
    return lambda texts, prefix: [int(found[1]) for text in texts if (found := re.fullmatch(rf"{prefix} (\d+)", text))]
