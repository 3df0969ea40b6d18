"""What a customer answers is shown below the receipt of what they answer (XEP-0461)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bridge.domain.ids import Cursor, EntryId, PostId
from bridge.domain.items import Author, Item
from bridge.domain.outbox import Draft
from bridge.domain.people import Place, Target
from bridge.store import Store, Tx, inbox, notices, posts
from tests.unit.chat.kit import ANA, OWN, ROOM, Kit, until

if TYPE_CHECKING:
    from bridge.testing.clock import FakeClock

REPLY = "{urn:xmpp:reply:0}reply"


@pytest.fixture
async def kit(stream: Any, store: Store, clock: FakeClock) -> AsyncIterator[Kit]:
    made = Kit(stream, store, clock)
    yield made
    await made.stop()


async def told(kit: Kit, target: Target) -> None:
    """Have a post with a receipt, and be told of an item that answers it, and of its claim."""
    now = kit.clock.now()
    draft = Draft(author=ANA, nick="ana", source=target, text="hello", hold=timedelta(0), created_at=now)
    item = Item(
        id=PostId("1"),
        author=Author(id="kim", handle="kim@social.example"),
        text="hi",
        created_at=now,
        cursor=Cursor("1"),
    )

    def post(tx: Tx) -> EntryId:
        entry = posts.add(tx, draft, stanza=None).id
        notices.touch_receipt(tx, target=target, receipt=entry, origin_id="root", at=now)
        return entry

    entry = await kit.store.write(post)
    await until(lambda: kit.stream.sent)
    if target.place is Place.ROOM:
        kit.echo("root")
    else:
        kit.sender.acknowledged("root")
    await kit.all_done()

    def answer(tx: Tx) -> None:
        (stored,) = inbox.add(tx, account="mastodon", items=[item], received_at=now)
        notices.add_line(
            tx, target=target, body="[2->1] @kim: hi", origin_id="answer", at=now, item=stored.id, post=entry
        )
        notices.add_line(tx, target=target, body="[2] is ana's", origin_id="claim", at=now, item=stored.id)

    await kit.store.write(answer)
    await until(lambda: len(kit.stream.sent) == 3)


def reply_of(kit: Kit, number: int) -> dict[str, str] | None:
    found = kit.stream.sent[number].find(REPLY)
    return None if found is None else dict(found.attrib)


async def test_in_a_room_it_names_the_rooms_own_id(kit: Kit) -> None:
    kit.run(ROOM)
    await told(kit, Target(ROOM, Place.ROOM))
    assert [reply_of(kit, number) for number in range(3)] == [
        None,
        {"id": "archived-root", "to": f"{ROOM}/status"},
        None,
    ]


async def test_in_a_direct_chat_it_names_the_messages_own_id(kit: Kit) -> None:
    kit.run("direct")
    kit.sender.meet(ANA)
    await told(kit, Target(ANA, Place.DIRECT))
    assert [reply_of(kit, number) for number in range(3)] == [None, {"id": "root", "to": OWN}, None]
