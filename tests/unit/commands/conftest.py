from __future__ import annotations

import itertools
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text as sql

from bridge.commands import receipts
from bridge.commands.accounts import AccountView, Installed
from bridge.commands.desk import Desk
from bridge.commands.incoming import Incoming
from bridge.commands.people import Rights
from bridge.commands.receipts import render
from bridge.domain.deliveries import Delivery, DeliveryKind, State
from bridge.domain.ids import Cursor, EntryId, PostId, parse_short
from bridge.domain.items import Author, Item
from bridge.domain.people import Place, Target
from bridge.domain.posts import Posted, Visibility
from bridge.domain.text import graphemes
from bridge.plugin import Limits
from bridge.settings import Current, Settings
from bridge.store import Store, Tx, inbox, notices, outbox, posts, upgrade
from bridge.testing.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bridge.domain.inbox import StoredItem
    from bridge.domain.notices import Notice

ROOM = "ops@rooms.example.org"
SECOND_ROOM = "sales@rooms.example.org"
BOT = "status@example.org"


@dataclass(frozen=True)
class Told:
    """One message of the bot as its reader gets it."""

    to: str
    body: str
    receipt: bool


@dataclass
class FakeAccounts:
    """Accounts as a test wants them."""

    views: dict[str, AccountView] = field(default_factory=dict[str, AccountView])
    plugins: tuple[Installed, ...] = ()

    def names(self) -> tuple[str, ...]:
        return tuple(self.views)

    def view(self, name: str) -> AccountView | None:
        return self.views.get(name)

    def installed(self) -> tuple[Installed, ...]:
        return self.plugins

    def change(self, name: str, **values: Any) -> None:
        self.views[name] = replace(self.views[name], **values)


def view(name: str, *, text: int = 500, edits: bool = True, deletes: bool = True) -> AccountView:
    return AccountView(
        name=name,
        plugin=name,
        enabled=True,
        up=True,
        problem=None,
        limits=Limits(text=text),
        length=graphemes,
        edits=edits,
        deletes=deletes,
        finds=True,
        repeats=True,
        favours=True,
    )


class Bench:
    """A desk with a real store and made-up accounts, to be talked to as the chat would."""

    def __init__(self, store: Store, clock: FakeClock, settings: Settings) -> None:
        self.store = store
        self.clock = clock
        self.settings = settings
        self.accounts = FakeAccounts(
            {"mastodon": view("mastodon"), "x": view("x", text=280, edits=False, deletes=False)}
        )
        self.born_for: frozenset[str] = frozenset()
        self.born: list[Delivery] = []
        self.said: list[tuple[str, str, str]] = []
        self._numbers = itertools.count(1)
        self._ids = itertools.count(1)
        self.desk = self.new_desk()

    def new_desk(self) -> Desk:
        return Desk(
            Current(self.settings),
            self.store,
            self.accounts,
            self.clock,
            born_for=lambda: self.born_for,
            begin=self.born.append,
            new_id=lambda: f"id{next(self._ids)}",
        )

    def configure(self, **sections: Any) -> None:
        """Change sections of the configuration, and open the desk anew."""
        self.settings = self.settings.model_copy(update=sections)
        self.desk = self.new_desk()

    @property
    def rights(self) -> Rights:
        """Who may do what by the configuration alone."""
        return Rights(self.settings, {})

    def incoming(self, text: str, *, who: str = "raj", room: str | None = None, **values: Any) -> Incoming:
        number = next(self._numbers)
        source = Target(room, Place.ROOM) if room else Target(f"{who}@example.org", Place.DIRECT)
        made = Incoming(
            archive=room or BOT,
            key=f"stanza-{number}",
            position=f"position-{number}",
            place=source.place,
            source=source,
            sender=f"{who}@example.org",
            nick=who,
            affiliation="none",
            text=text,
            said_at=self.clock.now(),
        )
        return replace(made, **values)

    async def room(self, text: str, *, who: str = "raj", room: str = ROOM, **values: Any) -> list[str]:
        """Say something in a room, and return what the bot says to anybody upon it."""
        return await self.hand_in(self.incoming(text, who=who, room=room, **values))

    async def direct(self, text: str, *, who: str = "raj", **values: Any) -> list[str]:
        """Say something in a direct chat, and return what the bot says to anybody upon it."""
        return await self.hand_in(self.incoming(text, who=who, **values))

    def name_of(self, words: str, where: str) -> str:
        """Return the id by which a client names the last message of ours there that has these words."""
        origin_id = next(one for jid, one, body in reversed(self.said) if jid == where and words in body)
        return f"archived-{origin_id}" if where in {ROOM, SECOND_ROOM} else origin_id

    async def hand_in(self, incoming: Incoming) -> list[str]:
        await self.desk.handle(incoming)
        return [one.body for one in await self.told()]

    async def told(self) -> list[Told]:
        """Return the messages that are due, as the chat would send them, and see them arrive."""

        def take(tx: Tx) -> list[Told]:
            now = self.clock.now()
            taken: list[Told] = []
            for one in notices.pending(tx):
                if one.due_at is not None and one.due_at > now:
                    continue
                if one.about is not None:
                    notices.begin(tx, one.id, body=one.body, corrects=None, nick=None, at=now)
                    notices.done(tx, one.origin_id, stanza_id=None, at=now)
                    continue
                body = self.render(tx, one)
                notices.begin(tx, one.id, body=body, corrects=None, nick=None, at=now)
                notices.done(tx, one.origin_id, stanza_id=f"archived-{one.origin_id}", at=now)
                self.said.append((one.target.jid, one.origin_id, body))
                taken.append(Told(one.target.jid, body, one.receipt is not None))
            return taken

        return await self.store.write(take)

    def render(self, tx: Tx, notice: Notice) -> str:
        return render(tx, notice, settings=self.settings, accounts=self.accounts, now=self.clock.now())

    async def receipt(self, post: int) -> str:
        """Return a post's receipt as it would be sent now."""

        def look(tx: Tx) -> str:
            stored = posts.get(tx, EntryId(post))
            assert stored is not None
            receipts.touch(tx, stored, origin_id=f"look-{next(self._ids)}", now=self.clock.now())
            mine = [one for one in notices.pending(tx, stored.source) if one.receipt == stored.receipt]
            body = self.render(tx, mine[-1])
            notices.drop(tx, mine[-1].id, "only looked at")
            return body

        return await self.store.write(look)

    async def deliveries(self, post: int) -> list[Delivery]:
        return list(await self.store.read(lambda tx: outbox.of_post(tx, EntryId(post))))

    async def states(self, post: int) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for one in await self.deliveries(post):
            kind = "" if one.kind is DeliveryKind.POST else f"{one.kind.value} "
            found.setdefault(one.account, []).append(kind + one.state.value)
        return found

    async def become(
        self,
        post: int,
        state: State,
        *,
        account: str | None = None,
        kinds: frozenset[DeliveryKind] = frozenset({DeliveryKind.POST}),
        **values: Any,
    ) -> None:
        """Put a post's deliveries into a state, as the lanes would."""

        def change(tx: Tx) -> None:
            for one in outbox.of_post(tx, EntryId(post)):
                if one.kind not in kinds or account not in {None, one.account}:
                    continue
                changed = replace(one, state=state, held=frozenset(), hold_until=None, **values)
                if state is State.SENT and one.kind is not DeliveryKind.FAVOUR:
                    url = f"https://{one.account}.example.org/{one.id}"
                    changed = replace(changed, posted=Posted(id=PostId(f"p{one.id}"), url=url), posted_url=url)
                if state in {State.ASKED, State.UNCERTAIN, State.SENDING}:
                    changed = replace(changed, doubt_since=self.clock.now(), doubt_attempt=1, attempt=1)
                outbox.save(tx, changed, now=self.clock.now())

        await self.store.write(change)

    async def first_becomes(self, post: int, state: State) -> None:
        """Put the first delivery of a post alone into a state."""

        def change(tx: Tx) -> None:
            one = outbox.of_post(tx, EntryId(post))[0]
            doubt = self.clock.now() if state is State.ASKED else None
            changed = replace(one, state=state, held=frozenset(), hold_until=None, doubt_since=doubt)
            outbox.save(tx, changed, now=self.clock.now())

        await self.store.write(change)

    async def settle_deletions(self, post: int, state: State) -> None:
        def change(tx: Tx) -> None:
            for one in outbox.of_post(tx, EntryId(post)):
                if one.kind is DeliveryKind.DELETE:
                    outbox.save(tx, replace(one, state=state), now=self.clock.now())

        await self.store.write(change)

    async def hears(self, *texts: str, account: str = "mastodon", who: str = "kim", **values: Any) -> list[StoredItem]:
        """Store items as the listening would."""
        now = self.clock.now()
        made = [
            replace(
                Item(
                    id=PostId(f"there-{next(self._numbers)}"),
                    author=Author(id=who, handle=f"{who}@mastodon.example"),
                    text=text,
                    created_at=now,
                    cursor=Cursor("1"),
                    answer_prefix=f"@{who}@mastodon.example",
                    visibility=Visibility.PUBLIC,
                ),
                **values,
            )
            for text in texts
        ]
        return await self.store.write(lambda tx: inbox.add(tx, account=account, items=made, received_at=now))

    async def audited(self) -> list[tuple[Any, ...]]:
        query = sql("SELECT actor, verb, entry, account, content FROM audit ORDER BY id")
        return [tuple(row) for row in await self.store.read(lambda tx: tx.rows(query))]

    async def count(self, table: str) -> int:
        return await self.store.read(lambda tx: tx.scalar(sql(f"SELECT count(*) FROM {table}")))


def post_id(lines: list[str]) -> int:
    """Return the id that opens the first line."""
    entry = parse_short(lines[0].partition("]")[0].partition("->")[0].lstrip("["))
    assert entry is not None
    return entry


@pytest.fixture(name="post_id")
def _post_id() -> Callable[[list[str]], int]:
    return post_id


@pytest.fixture(scope="session")
def _empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("desk") / "store.db"
    upgrade(f"sqlite:///{path}")
    # Most tests aren't about somebody's first day.
    with closing(sqlite3.connect(path)) as connection:
        rows = [(f"{who}@example.org", "2026-01-01") for who in ("ana", "kim", "raj", "tom")]
        connection.executemany("INSERT INTO welcome (jid, at) VALUES (?, ?)", rows)
        connection.commit()
    return path


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(_empty_store: Path, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    path = tmp_path / "store.db"
    shutil.copy(_empty_store, path)
    async with Store.open(f"sqlite:///{path}", clock=clock) as opened:
        yield opened


@pytest.fixture
def settings() -> Settings:
    return Settings.model_validate(
        {
            "xmpp": {"jid": BOT, "password": "secret"},
            "rooms": [
                {"jid": ROOM, "member_role": "staff", "hold": "20s"},
                {"jid": SECOND_ROOM, "post_to": ["x"], "hear_from": ["x"], "hear_private": True, "hold": "0s"},
            ],
            "people": {
                "ana@example.org": ["admin"],
                "tom@example.org": ["staff", "approver"],
                "raj@example.org": ["staff"],
            },
            "accounts": {"mastodon": {"plugin": "mastodon"}, "x": {"plugin": "x"}},
        }
    )


@pytest.fixture
async def bench(store: Store, clock: FakeClock, settings: Settings) -> AsyncIterator[Bench]:
    made = Bench(store, clock, settings)
    yield made
    await made.desk.settle()
