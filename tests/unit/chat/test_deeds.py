"""What is done to our own lines: reactions and retractions, which need a name for the line first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

import pytest
from sqlalchemy import text as sql

from bridge.chat import claims
from bridge.chat.claims import NAMED_AFTER
from bridge.domain.ids import EntryId
from bridge.domain.notices import Notice, NoticeState
from bridge.domain.people import Place, Target
from bridge.store import Store, Tx, notices, shown
from tests.unit.chat.kit import ANA, ROOM, Kit, until

if TYPE_CHECKING:
    from bridge.testing.clock import FakeClock

REACTIONS = "{urn:xmpp:reactions:0}reactions"
RETRACT = "{urn:xmpp:message-retract:1}retract"
ITEM = EntryId(7)


@pytest.fixture
async def kit(stream: Any, store: Store, clock: FakeClock) -> AsyncIterator[Kit]:
    made = Kit(stream, store, clock)
    yield made
    await made.stop()


async def react(kit: Kit, emoji: str, name: str) -> None:
    await kit.store.write(lambda tx: shown.react(tx, ITEM, emoji, mint=lambda: name, at=kit.clock.now()))


def named(stanza: Element, tag: str) -> str | None:
    found = stanza.find(tag)
    return None if found is None else found.get("id")


async def test_in_a_room_it_waits_for_the_rooms_own_id_of_the_line(kit: Kit) -> None:
    kit.run(ROOM)
    line = await kit.owe("[7] @kim: any ETA?", tells=ITEM)
    await react(kit, "👀", "r1")
    await kit.sent("[7] @kim: any ETA?")
    await kit.later(NAMED_AFTER.total_seconds())
    assert len(kit.stream.sent) == 1
    kit.echo(line)
    await kit.later(NAMED_AFTER.total_seconds())
    await until(lambda: len(kit.stream.sent) == 2)
    assert named(kit.stream.sent[1], REACTIONS) == f"archived-{line}"
    assert [one.text for one in kit.stream.sent[1].iter("{urn:xmpp:reactions:0}reaction")] == ["👀"]
    kit.echo("r1")
    await kit.all_done()


async def test_in_a_direct_chat_the_line_is_named_by_its_own_id(kit: Kit) -> None:
    kit.run("direct")
    line = await kit.owe("[7] @kim: any ETA?", to=ANA, tells=ITEM)
    await kit.sent("[7] @kim: any ETA?")
    kit.sender.acknowledged(line)
    await kit.all_done()
    await kit.store.write(lambda tx: shown.retract(tx, ITEM, mint=lambda: "t1", at=kit.clock.now()))
    await until(lambda: len(kit.stream.sent) == 2)
    assert named(kit.stream.sent[1], RETRACT) == line
    kit.sender.acknowledged("t1")
    await kit.all_done()


async def begun(store: Store, clock: FakeClock, *, line: str, nick: str = "status") -> tuple[bool, str | None]:
    """Have a line in a state, sent as `status`, and a reaction to it; return whether it is begun, and its state."""
    target = Target(ROOM, Place.ROOM)
    now = clock.now()

    def unit(tx: Tx) -> tuple[bool, str | None]:
        number = notices.add_line(tx, target=target, body="x", origin_id="o1", at=now, tells=ITEM)
        shown.react(tx, ITEM, "👀", mint=lambda: "r1", at=now)
        if line != "ready":
            notices.begin(tx, number, body="x", corrects=None, nick="status", at=now)
        if line in {"done", "nameless"}:
            notices.done(tx, "o1", stanza_id="a1" if line == "done" else None, at=now)
        if line == "dropped":
            notices.drop(tx, number, "gone")
        reaction = next(one for one in notices.pending(tx, target) if one.about is not None)
        claim = claims.begin(tx, reaction, written, nick=nick, now=now)
        state: str | None = tx.scalar(sql("SELECT state FROM notice WHERE origin_id = 'r1'"))
        return claim is not None, state

    return await store.write(unit)


def written(_tx: Tx, notice: Notice) -> str:
    return notice.body


@pytest.mark.parametrize(
    ("line", "nick", "expected"),
    [
        ("done", "status", (True, NoticeState.SENDING)),
        ("done", "status_", (False, NoticeState.DROPPED)),
        ("nameless", "status", (False, NoticeState.DROPPED)),
        ("dropped", "status", (False, NoticeState.DROPPED)),
        ("sending", "status", (False, NoticeState.READY)),
        ("ready", "status", (False, NoticeState.READY)),
    ],
)
async def test_only_to_what_is_there_under_the_same_nick(
    store: Store, clock: FakeClock, line: str, nick: str, expected: tuple[bool, str]
) -> None:
    assert await begun(store, clock, line=line, nick=nick) == expected


async def test_an_unsent_reaction_says_what_is_true_by_then(kit: Kit) -> None:
    await kit.owe("[7] @kim: any ETA?", tells=ITEM)
    for emoji, name in (("👀", "r1"), ("", "r2"), ("✅", "r3")):
        await react(kit, emoji, name)
    assert await kit.owed() == {"[7] @kim: any ETA?": NoticeState.READY, "✅": NoticeState.READY}


async def test_what_an_unreachable_room_was_owed_of_them_goes_to_nobody(kit: Kit) -> None:
    await kit.owe("[7] @kim: any ETA?", tells=ITEM)
    await react(kit, "👀", "r1")
    target, ana = Target(ROOM, Place.ROOM), Target(ANA, Place.DIRECT)

    def unit(tx: Tx) -> list[str]:
        ids = {one.id: [f"copy-{one.id}"] for one in notices.pending(tx, target)}
        notices.redirect(tx, target, [ana], prefix="> ", origin_ids=ids, at=kit.clock.now(), error="gone")
        return [one.body for one in notices.pending(tx)]

    assert await kit.store.write(unit) == ["> [7] @kim: any ETA?"]
