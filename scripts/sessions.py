# ruff: noqa: INP001 - scripts, not a package
"""Plays the sessions of docs/commands.md on the program itself, so that what they quote is what it says.

A session is a fenced block, ```` ```chat room ```` or ```` ```chat direct ````. Its lines:

    raj: !post We are on it          what a person types (`raj (3 h ago): ...` is read from the archive only now)
    (20 s later; mastodon has it)    what happens, with semicolons between: see OUTCOMES
    bot: [4f] mastodon on its way    what the bot says upon it, `(corrected)` where it corrects an earlier line
         further lines of the same message, indented

Only the lines of the bot are made here. Desk, store, lanes' units and wording are the program's own, the platforms made
up: `mastodon` remembers keys for an hour, can be searched, edits and deletes; `x` can do nothing but post.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bridge import logs
from bridge.chat.outgoing import corrects
from bridge.commands import later, receipts, relay
from bridge.commands.accounts import AccountView, Installed
from bridge.commands.desk import Desk
from bridge.commands.incoming import Incoming
from bridge.commands.later import Firing
from bridge.commands.people import Rights
from bridge.delivery import DIRECT, units
from bridge.delivery.lane import TOLD_AFTER
from bridge.delivery.units import Attempt, Idle, LookFor, Next
from bridge.domain.deliveries import (
    Absent,
    DeliveryKind,
    Outcome,
    Refused,
    Sent,
    Unauthorized,
    Unavailable,
    Uncertain,
)  # fmt: skip
from bridge.domain.durations import parse_duration
from bridge.domain.ids import Cursor, PostId
from bridge.domain.items import Author, Deleted, Edited, Item
from bridge.domain.mint import Mint
from bridge.domain.notices import NoticeKind
from bridge.domain.people import Place, Target
from bridge.domain.posts import Posted, Visibility
from bridge.domain.settling import Terms
from bridge.domain.text import graphemes
from bridge.plugin import Limits
from bridge.settings import Current, Settings
from bridge.store import Store, Tx, inbox, notices, timers, upgrade
from bridge.testing.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FIRST_ID: Final = 0x4F
"""The first id of every session."""

ROOM: Final = Target("ops@rooms.example.org", Place.ROOM)
BOT: Final = "status@example.org"
NICK: Final = "status"
PEOPLE: Final = {"ana": ["admin"], "tom": ["approver"], "raj": ["staff"]}
NEWCOMER: Final = "lee"

_SPOKEN = re.compile(r"(?P<who>[a-z]+)(?: \((?P<ago>\d+ \w+) ago\))?: (?P<text>.+)")
_HAPPENING = re.compile(r"\((.+)\)")
_BLOCK = re.compile(r"(?ms)^```chat (?P<place>room|direct)\n(?P<body>.*?)^```$")

OUTCOMES: Final[Mapping[str, Callable[[str], Outcome | None]]] = {
    r"(?P<account>\w+) has it": lambda _: None,
    r"(?P<account>\w+) hasn't got it": lambda _: Absent(),
    r"(?P<account>\w+) doesn't answer": lambda _: Uncertain(reason="no answer within 30 s"),
    r"(?P<account>\w+) refuses: (?P<why>.+)": lambda why: Refused(reason=why),
    r"(?P<account>\w+) refuses the token: (?P<why>.+)": lambda why: Unauthorized(reason=why),
    r"(?P<account>\w+) is down: (?P<why>.+)": lambda why: Unavailable(reason=why),
}
"""What a platform can answer, None being success."""

_LATER = re.compile(r"(\d+ (?:s|min|h)) later")
_CHANGES = re.compile(r"@(?P<who>\w+) (?:changes it: (?P<text>.+)|takes it back)")
_WRITES = re.compile(r"@(?P<who>\w+) writes(?P<privately> privately)? to (?P<account>\w+): (?P<text>.+)")


class SessionError(Exception):
    """A session has a line that can't be played; the message says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """A made-up account: what it can do, and how much it takes."""

    text: int
    edits: bool
    deletes: bool
    terms: Terms

    def view(self, name: str) -> AccountView:
        """Return it as commands see it."""
        return AccountView(
            name=name,
            plugin="mastodon",
            enabled=True,
            up=True,
            problem=None,
            limits=Limits(text=self.text),
            length=graphemes,
            edits=self.edits,
            deletes=self.deletes,
            finds=self.terms.finds,
        )


PLATFORMS: Final = {
    "mastodon": Platform(text=500, edits=True, deletes=True, terms=Terms(finds=True, key_lifetime=timedelta(hours=1))),
    "x": Platform(text=280, edits=False, deletes=False, terms=Terms()),
}


class _Accounts:
    def names(self) -> tuple[str, ...]:
        return tuple(PLATFORMS)

    def view(self, name: str) -> AccountView | None:
        return PLATFORMS[name].view(name) if name in PLATFORMS else None

    def installed(self) -> tuple[Installed, ...]:
        return ()


SETTINGS: Final = Settings.model_validate(
    {
        "xmpp": {"jid": BOT, "password": "secret", "nick": NICK},
        "rooms": [{"jid": ROOM.jid}],
        "people": {f"{who}@example.org": roles for who, roles in PEOPLE.items()},
        "policy": {"approval": [{"patterns": {"prices": "price"}}]},
        "templates": {"maintenance": "Maintenance of {1} begins at {2} UTC. We tell you here when it is over."},
        "accounts": {name: {"plugin": name} for name in PLATFORMS},
    }
)

RIGHTS: Final = Rights(SETTINGS, {})


class Player:
    """One session being played, with a store and a clock of its own."""

    def __init__(self, place: Place, store: Store, clock: FakeClock) -> None:
        """Begin where nothing was said yet."""
        self._place = place
        self._store = store
        self._clock = clock
        self._accounts = _Accounts()
        self._count = 0
        self._steps: dict[str, Next] = {}
        self._blocked: dict[str, float] = {}
        self._last_source = ROOM
        self._item: Item | None = None
        self._heard_on = ""
        self._desk = Desk(
            Current(SETTINGS),
            store,
            self._accounts,
            clock,
            born_for=frozenset[str],
            begin=lambda _: None,
            new_id=self._id,
        )

    def _id(self) -> str:
        self._count += 1
        return f"{self._count:08x}"

    async def play(self, lines: Iterable[str]) -> list[str]:
        """Return the session's lines with what the bot says now in place of what it said."""
        played: list[str] = []
        for line in lines:
            if line.startswith(("bot", " ")):
                continue
            played.append(line)
            if match := _HAPPENING.fullmatch(line):
                for event in match[1].split("; "):
                    await self._happen(event)
            elif match := _SPOKEN.fullmatch(line):
                await self._speak(match["who"], match["text"], match["ago"])
            elif line:
                raise SessionError(f"nobody can play this line: {line}")
            played += await self._told()
        await self._desk.settle()
        return played

    async def _speak(self, who: str, text: str, ago: str | None) -> None:
        if who not in {*PEOPLE, NEWCOMER}:
            raise SessionError(f"nobody is called {who}; there are: {', '.join(PEOPLE)}, {NEWCOMER}")
        jid = f"{who}@example.org"
        self._last_source = ROOM if self._place is Place.ROOM else Target(jid, Place.DIRECT)
        said_at = self._clock.now() - (parse_duration(ago.replace(" min", "m")) if ago else timedelta(0))
        await self._desk.handle(
            Incoming(
                archive=ROOM.jid if self._place is Place.ROOM else BOT,
                key=self._id(),
                position=None,
                place=self._place,
                source=self._last_source,
                sender=jid,
                nick=who,
                affiliation="none",
                text=text,
                said_at=said_at,
            )
        )
        await self._look_again()

    async def _happen(self, event: str) -> None:
        if match := _LATER.fullmatch(event):
            await self._wait(match[1])
            return
        if match := _WRITES.fullmatch(event):
            await self._hear(match["who"], match["account"], match["text"], private=match["privately"] is not None)
            return
        if (match := _CHANGES.fullmatch(event)) and self._item is not None:
            gone = Deleted(id=self._item.id, cursor=self._item.cursor)
            edited = Edited(item=replace(self._item, text=match["text"] or ""))
            await self._commit(gone if match["text"] is None else edited)
            return
        for pattern, outcome in OUTCOMES.items():
            if match := re.fullmatch(pattern, event):
                await self._answer(match["account"], outcome(match.groupdict().get("why", "")))
                return
        raise SessionError(f"nothing is known to happen like this: {event}")

    async def _wait(self, length: str) -> None:
        await self._clock.advance(parse_duration(length.replace(" min", "m")).total_seconds())
        await self._let_out()
        await self._look_again()

    async def _let_out(self) -> None:
        now, seed = self._clock.now(), self._id()
        made = Firing(now=now, max_age=timedelta(hours=1), seed=seed, secret=seed, unusable=lambda _: None)
        for one in await self._store.read(lambda tx: timers.due(tx, now, 9)):
            await self._store.write(lambda tx, post=one.post: later.fire(tx, post, made))

    async def _look_again(self) -> None:
        for account in PLATFORMS:
            await self._claim(account)

    async def _claim(self, account: str) -> Next:
        """Have a lane look at its head, unless something is on the wire; tell the room what has stood for long."""
        step = self._steps.get(account)
        if step is None or isinstance(step, Idle):
            step = await self._store.write(lambda tx: units.claim(tx, self._context(account)))
            self._steps[account] = step
        if isinstance(step, Idle):
            await self._tell_blocked(account, step)
        return step

    async def _tell_blocked(self, account: str, idle: Idle) -> None:
        cause = idle.cause
        if not idle.waiting or cause is None:
            self._blocked.pop(account, None)
            return
        since = self._blocked.setdefault(account, self._clock.monotonic())
        if self._clock.monotonic() - since >= TOLD_AFTER:
            await self._store.write(lambda tx: units.tell_blocked(tx, self._context(account), cause))

    async def _answer(self, account: str, outcome: Outcome | None) -> None:
        """Let a platform answer what its lane has on the wire; None is success."""
        step = await self._claim(account)
        if not isinstance(step, Attempt | LookFor):
            raise SessionError(f"nothing is on its way to {account}")
        delivery = step.delivery
        if outcome is None:
            there = delivery.kind is not DeliveryKind.DELETE
            url = f"https://{account}.example.org/@shop/{1000 + delivery.id}"
            outcome = Sent(posted=Posted(id=PostId(f"{delivery.id}"), url=url) if there else None)
        known: Outcome = outcome
        self._steps[account] = await self._store.write(
            lambda tx: units.settle(tx, self._context(account, delivery.id, delivery.attempt), delivery, known, 1.0)
        )
        await self._claim(account)

    def _context(self, account: str, *begun: int) -> units.Context:
        return units.Context(
            account=account,
            epoch=self._store.epoch,
            now=self._clock.now(),
            seed=self._id(),
            secret=self._id(),
            terms=PLATFORMS[account].terms,
            present=frozenset({ROOM.jid, DIRECT}),
            told=RIGHTS.rooms_told(account),
            admins=RIGHTS.told(),
            usable=True,
            begun=(begun[0], begun[1]) if begun else None,
        )

    async def _hear(self, who: str, account: str, text: str, *, private: bool) -> None:
        now, seed = self._clock.now(), self._id()
        handle = f"{who}@social.example.org"
        self._heard_on = account
        self._item = Item(
            id=PostId(seed),
            author=Author(id=who, handle=handle),
            text=text,
            created_at=now,
            cursor=Cursor(seed),
            answer_prefix=f"@{handle}",
            visibility=Visibility.DIRECT if private else Visibility.PUBLIC,
        )

        await self._commit(self._item)

    async def _commit(self, thing: Item | Edited | Deleted) -> None:
        now, seed = self._clock.now(), self._id()

        def unit(tx: Tx) -> None:
            changes = inbox.hear(tx, account=self._heard_on, things=[thing], received_at=now)
            relay.relay(tx, changes, rights=RIGHTS, mint=Mint(seed), now=now)

        await self._store.write(unit)

    async def _told(self) -> list[str]:
        """Take what the bot owes, as its sender would, and see it arrive."""
        now = self._clock.now()

        def take(tx: Tx) -> list[str]:
            said: list[str] = []
            for one in notices.pending(tx):
                if one.due_at is not None and one.due_at > now:
                    continue
                root = None
                if one.kind is NoticeKind.RECEIPT and one.receipt is not None:
                    root = corrects(notices.living(tx, one.target, one.receipt), NICK, now)
                body = receipts.render(tx, one, settings=SETTINGS, accounts=self._accounts, now=now)
                notices.begin(tx, one.id, body=body, corrects=root, nick=NICK, at=now)
                notices.done(tx, one.origin_id, stanza_id=None, at=now)
                if one.about is None:  # else it is done to a line, and not one to read
                    said += _shown(body, to=self._reader(one.target), corrected=root is not None)
            return said

        return await self._store.write(take)

    def _reader(self, target: Target) -> str:
        """Name who reads a line, where it isn't whoever the session is about."""
        if self._place is Place.ROOM and target == ROOM:
            return ""
        if self._place is Place.DIRECT and target == self._last_source:
            return ""
        return " (to the room)" if target == ROOM else f" (to {target.jid.partition('@')[0]})"


def _shown(body: str, *, to: str, corrected: bool) -> list[str]:
    first, *others = body.splitlines()
    return [f"bot{to}: {'(corrected) ' if corrected else ''}{first}", *(f"     {line}" for line in others)]


def blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    """Give the sessions of a document: where each takes place, and its lines."""
    for match in _BLOCK.finditer(text):
        yield match["place"], match["body"].splitlines()


def said(text: str) -> list[str]:
    """Return the lines of the bot in all sessions of a document."""
    return [line for _, lines in blocks(text) for line in lines if line.startswith(("bot", " "))]


async def _play_all(sessions: list[tuple[str, list[str]]], folder: Path) -> list[list[str]]:
    empty = folder / "empty.db"
    await asyncio.to_thread(upgrade, f"sqlite:///{empty}")
    with closing(sqlite3.connect(empty)) as connection:
        connection.execute("INSERT INTO short_id (id, kind) VALUES (?, 'post')", (FIRST_ID - 1,))
        known = [(f"{who}@example.org", "2026-01-01") for who in ("ana", "raj")]  # in a direct chat tom is new
        connection.executemany("INSERT INTO welcome (jid, at) VALUES (?, ?)", known)
        connection.commit()
    played: list[list[str]] = []
    for number, (place, lines) in enumerate(sessions):
        path = folder / f"session-{number}.db"
        shutil.copy(empty, path)
        clock = FakeClock()
        async with Store.open(f"sqlite:///{path}", clock=clock) as store:
            played.append(await Player(Place(place), store, clock).play(lines))
    return played


def played(text: str, folder: Path) -> str:
    """Return a document with its sessions as they go now; `folder` takes the stores. Raises SessionError."""
    with logs.configured("error"):
        results = iter(asyncio.run(_play_all(list(blocks(text)), folder)))
    return _BLOCK.sub(lambda match: f"```chat {match['place']}\n" + "\n".join([*next(results), "```"]), text)
