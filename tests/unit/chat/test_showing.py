from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.chat.showing import EVERY, STATUS, WRITES_NOTHING, Showing
from bridge.domain.accounts import AccountState
from bridge.domain.standing import Standing
from bridge.store import OUTAGE, ReadError, Store, accounts
from bridge.testing.clock import FakeClock
from tests.unit.chat.kit import until

ROOM = "ops@rooms.example.org"
NOW = datetime(2026, 1, 2, tzinfo=UTC)
Shown = tuple[str | None, str | None, str | None]


class Stage:
    """A presence with what it shows."""

    def __init__(self, stream: Any, store: Store, clock: FakeClock) -> None:
        self.standing = Standing(up=3)
        self.rooms: dict[str, str] = {}
        self.asked = 0
        self.error: Exception | None = None
        self.stream = stream
        self.clock = clock
        self.showing = Showing(
            stream=stream, store=store, clock=clock, standing=self._now, rooms=lambda: dict(self.rooms)
        )

    async def _now(self) -> Standing:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.standing

    def shown(self) -> list[Shown]:
        """Return what was sent since the last time: to whom, `show`, status."""
        sent, self.stream.sent = self.stream.sent, []
        c = "{jabber:client}"
        return [(one.get("to"), one.findtext(c + "show"), one.findtext(c + "status")) for one in sent]

    async def looks(self) -> list[Shown]:
        self.showing.look()
        await self.clock.advance(0)
        return self.shown()

    async def change(self, **values: Any) -> None:
        self.standing = Standing(**values)
        self.showing.look()
        await self.clock.advance(0)


@pytest.fixture
async def stage(stream: Any, store: Store, clock: FakeClock) -> AsyncIterator[Stage]:
    made = Stage(stream, store, clock)
    stream.live = False
    task = asyncio.ensure_future(made.showing.run())
    await clock.advance(0)
    stream.live = True
    yield made
    task.cancel()
    await asyncio.wait((task,))


def usual(standing: str) -> str:
    return f"{STATUS}. {standing}"


async def test_a_new_session_is_shown_how_the_accounts_stand(stage: Stage) -> None:
    stage.showing.fresh()
    assert stage.shown() == [(None, None, usual("3 accounts up"))]
    stage.showing.fresh()
    assert len(stage.shown()) == 1


async def test_contacts_and_rooms_are_shown_the_same_and_nothing_twice(stage: Stage) -> None:
    stage.showing.fresh()
    stage.rooms[ROOM] = "status"
    stage.showing.enter(ROOM)
    both = [(None, None, usual("3 accounts up")), (f"{ROOM}/status", None, usual("3 accounts up"))]
    assert stage.shown() == both
    assert await stage.looks() == []
    await stage.change(up=2, paused=("x",))
    both = [(to, None, usual("2 accounts up, x paused")) for to, _, _ in both]
    assert stage.shown() == both


async def test_a_room_is_shown_anew_whenever_we_enter_it(stage: Stage) -> None:
    stage.rooms[ROOM] = "status"
    stage.showing.enter(ROOM)
    stage.showing.leave(ROOM)
    del stage.rooms[ROOM]
    stage.showing.enter(ROOM)
    stage.rooms[ROOM] = "status_"
    stage.showing.enter(ROOM)
    assert [to for to, _, _ in stage.shown()] == [f"{ROOM}/status", f"{ROOM}/status_"]


async def test_changes_are_shown_no_more_often_than_every_few_seconds(stage: Stage) -> None:
    stage.showing.fresh()
    stage.shown()
    await stage.change(up=2)
    assert [status for _, _, status in stage.shown()] == [usual("2 accounts up")]
    for up in range(20):
        await stage.change(up=up)
    assert stage.shown() == []
    await stage.clock.advance(EVERY)
    assert [status for _, _, status in stage.shown()] == [usual("19 accounts up")]
    await stage.change(up=1)
    await stage.change(up=19)
    await stage.clock.advance(EVERY)
    assert stage.shown() == []


async def test_what_could_not_be_sent_is_shown_when_there_is_a_session(stage: Stage) -> None:
    stage.stream.live = False
    await stage.change(up=2)
    stage.stream.live = True
    assert [status for _, _, status in await stage.looks()] == [usual("2 accounts up")]


async def test_the_stores_own_changes_are_seen(stage: Stage, store: Store) -> None:
    stage.showing.fresh()
    units: list[Callable[[Any], object]] = [
        lambda tx: accounts.put(tx, AccountState(account="x", failures=5)),
        lambda tx: accounts.set_panic(tx, actor="ana@example.org", at=NOW),
        accounts.clear_panic,
    ]
    for unit in units:
        before = stage.asked
        await store.write(unit)
        await until(lambda before=before: stage.asked > before)


async def test_in_an_outage_that_is_shown_and_the_store_is_left_alone(
    stage: Stage, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.showing.fresh()
    stage.shown()
    asked = stage.asked
    problem: list[str | None] = ["the disk is full"]
    monkeypatch.setattr(Store, "problem", property(lambda _: problem[0]))
    store.event(OUTAGE).set()
    await stage.clock.advance(0)
    assert stage.shown() == [(None, "dnd", WRITES_NOTHING)]
    assert stage.asked == asked
    problem[0] = None
    store.event(OUTAGE).set()
    await stage.clock.advance(EVERY)
    assert stage.shown() == [(None, None, usual("3 accounts up"))]


async def test_an_outage_is_shown_as_soon_as_it_begins_and_its_end_a_while_later(
    stage: Stage, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem: list[str | None] = [None]
    monkeypatch.setattr(Store, "problem", property(lambda _: problem[0]))

    async def becomes(cause: str | None) -> list[str | None]:
        problem[0] = cause
        store.event(OUTAGE).set()
        await stage.clock.advance(0)
        return [show for _, show, _ in stage.shown()]

    stage.showing.fresh()
    stage.shown()
    await stage.change(up=2)
    assert len(stage.shown()) == 1
    # One that is over before anybody has seen it begins no sooner.
    assert await becomes(None) == []
    assert await becomes("the disk is full") == ["dnd"]
    assert await becomes(None) == []
    assert await becomes("the disk is full") == []
    assert await becomes(None) == []
    await stage.clock.advance(EVERY)
    assert [show for _, show, _ in stage.shown()] == [None]


async def test_what_cannot_be_read_changes_nothing(stage: Stage) -> None:
    stage.showing.fresh()
    stage.shown()
    stage.error = ReadError("no")
    assert await stage.looks() == []


async def test_the_picture_is_told_when_it_is_known(stage: Stage) -> None:
    x = "{vcard-temp:x:update}"

    def photo() -> list[str | None]:
        sent, stage.stream.sent = stage.stream.sent, []
        return [one.findtext(f"{x}x/{x}photo") for one in sent if one.find(x + "x") is not None]

    stage.showing.fresh()
    assert photo() == [None]
    stage.showing.picture("cafe")
    await stage.clock.advance(0)
    assert photo() == ["cafe"]
    stage.showing.picture("")
    await stage.clock.advance(EVERY)
    assert photo() == [""]


async def test_every_presence_tells_what_we_speak(stage: Stage) -> None:
    stage.showing.fresh()
    assert stage.stream.sent[0].find("{http://jabber.org/protocol/caps}c") is not None


async def test_without_accounts_to_ask_we_say_what_we_do(stream: Any, store: Store, clock: FakeClock) -> None:
    showing = Showing(stream=stream, store=store, clock=clock, standing=None, rooms=dict)
    task = asyncio.ensure_future(showing.run())
    await clock.advance(0)
    assert [one.findtext("{jabber:client}status") for one in stream.sent] == [STATUS]
    task.cancel()
    await asyncio.wait((task,))
