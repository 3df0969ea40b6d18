"""What a person said can be forgotten, and nothing else is lost by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Text, cast, select

from bridge.domain.deliveries import DeliveryKind, State
from bridge.domain.ids import Cursor, EntryId, PostId
from bridge.domain.inbox import ItemState
from bridge.domain.items import Author, Edited, Item
from bridge.domain.outbox import Draft, Part
from bridge.domain.people import Place, Target
from bridge.domain.posts import Key, Posted
from bridge.store import Store, Tx, audit, erasure, inbox, notices, outbox, posts, triage
from bridge.store.schema import metadata

if TYPE_CHECKING:
    from datetime import datetime

ROOM = Target("ops@rooms.example.org", Place.ROOM)
SECRET = "grandmother's maiden name"
KIM = Author(id="77", handle="kim@social.example", name="Kimberley Nobody", url="https://social.example/@kim")


def heard(now: datetime, number: int, text: str, author: Author = KIM) -> Item:
    return Item(
        id=PostId(f"there-{number}"),
        author=author,
        text=text,
        created_at=now,
        cursor=Cursor(""),
        uri=f"https://social.example/users/kim/{number}" if author is KIM else "",
        url=f"https://social.example/@kim/{number}" if author is KIM else None,
        answer_prefix=f"@{author.handle}",
        warning=f"about {SECRET}" if author is KIM else None,
        media=("https://social.example/kim.png",) if author is KIM else (),
        memo={"acct": author.handle},
    )


def everything(tx: Tx) -> list[tuple[str, str, str]]:
    """Return every value of every table as text."""
    found: list[tuple[str, str, str]] = []
    for table in metadata.tables.values():
        for row in tx.rows(select(*(cast(column, Text) for column in table.columns))):
            found += [(table.name, name, str(value)) for name, value in zip(table.columns.keys(), row, strict=True)]
    return found


def scene(tx: Tx, now: datetime) -> dict[str, Any]:
    """Kim asks, colleagues note and answer, others hear of it; somebody else asks, too."""
    kims, toms = inbox.add(
        tx,
        account="mastodon",
        items=[
            heard(now, 1, f"my {SECRET} is\nthe one I never say"),
            heard(now, 2, "hello", Author(id="8", handle="tom@b.example")),
        ],
        received_at=now,
    )
    for origin, body, about in (
        ("o1", f"[1] @{KIM.handle}: my {SECRET} is", kims.id),
        ("o2", f"[2] before:\n| my {SECRET} is\n| and so on", toms.id),
        ("o3", "[2] @tom: hello", toms.id),
    ):
        line = notices.add_line(tx, target=ROOM, body=body, origin_id=origin, at=now, item=about)
        notices.begin(tx, line, body=body, corrects=None, nick=None, at=now)
        notices.done(tx, origin, stanza_id=None, at=now)
    made = triage.Note(author="raj@example.org", nick="raj", text=f"asks about {SECRET}", created_at=now)
    triage.add_note(tx, kims.id, made)
    audit.append(tx, at=now, actor="raj@example.org", verb="note", salt="s1", entry=kims.id, content=made.text)
    draft = Draft(
        author="raj@example.org",
        nick="raj",
        source=ROOM,
        text=f"Your {SECRET} is safe",
        hold=timedelta(0),
        answers=kims.id,
        created_at=now,
    )
    stored = posts.add(tx, draft, stanza=None)
    part = Part(
        account="mastodon",
        text=f"@{KIM.handle} {draft.text}",
        key=Key(token="k1", minted_at=now),
        kind=DeliveryKind.POST,
    )
    (one,) = outbox.add(tx, stored, [part], held=frozenset(), now=now, born_for=(), epoch="e")
    audit.append(tx, at=now, actor="raj@example.org", verb="reply", salt="s2", entry=stored.id, content=draft.text)
    audit.append(tx, at=now, actor="raj@example.org", verb="claim", salt="s3", entry=toms.id, content="hello")
    return {"kim": kims.id, "tom": toms.id, "answer": stored.id, "delivery": one}


async def settle(store: Store, one: Any, now: datetime, state: State = State.SENT) -> None:
    posted = Posted(id=PostId("p1"), url="https://shop.example/1")
    done = replace(one, state=state, posted=posted, posted_url=posted.url, attempt=1, error="the platform says no")
    await store.write(lambda tx: outbox.save(tx, done, now=now))


async def test_nothing_of_what_a_person_said_is_left_and_the_chain_holds(store: Store, now: datetime) -> None:
    made = await store.write(lambda tx: scene(tx, now))
    await settle(store, made["delivery"], now)
    before = await store.read(audit.head)
    found = await store.read(lambda tx: erasure.find(tx, "mastodon", KIM.id))
    assert (found.items, found.waiting) == ((made["kim"],), ())
    erased = await store.write(lambda tx: erasure.erase(tx, found, at=now))
    assert erased == erasure.Erased(items=1, answers=1, deeds=2)
    values = await store.read(everything)
    left = [
        (table, name) for table, name, value in values if "maiden" in value or "kim" in value.lower() or value == "77"
    ]
    assert left == []
    report = await store.read(audit.verify)
    assert (report.holds, report.head, report.forgotten) == (True, before, 2)
    assert (await store.read(lambda tx: erasure.find(tx, "mastodon", KIM.id))).items == ()


async def test_what_others_said_and_what_was_done_stays(store: Store, now: datetime) -> None:
    made = await store.write(lambda tx: scene(tx, now))
    await settle(store, made["delivery"], now)
    found = await store.read(lambda tx: erasure.find(tx, "mastodon", KIM.id))
    await store.write(lambda tx: erasure.erase(tx, found, at=now))
    kims, toms = await store.read(lambda tx: (inbox.get(tx, made["kim"]), inbox.get(tx, made["tom"])))
    assert kims is not None
    assert toms is not None
    assert (kims.state, kims.deleted_at, kims.item.id) == (ItemState.DONE, now, "there-1")
    assert (toms.item.text, toms.state) == ("hello", ItemState.OPEN)
    (one,) = await store.read(lambda tx: outbox.of_post(tx, made["answer"]))
    assert (one.state, one.posted_url, one.text) == (State.SENT, "https://shop.example/1", erasure.ERASED)
    bodies = await store.read(
        lambda tx: [value for table, name, value in everything(tx) if (table, name) == ("notice", "body")]
    )
    assert sorted(bodies) == sorted([erasure.ERASED, erasure.ERASED, "[2] @tom: hello"])
    assert [link.content for link in await store.read(lambda tx: audit.about(tx, made["tom"]))] == ["hello"]


async def test_no_edit_and_no_second_hearing_brings_it_back(store: Store, now: datetime) -> None:
    made = await store.write(lambda tx: scene(tx, now))
    await settle(store, made["delivery"], now)
    found = await store.read(lambda tx: erasure.find(tx, "mastodon", KIM.id))
    await store.write(lambda tx: erasure.erase(tx, found, at=now))
    again = heard(now, 1, f"my {SECRET} is back")
    changes = await store.write(
        lambda tx: inbox.hear(tx, account="mastodon", things=[again, Edited(item=again)], received_at=now)
    )
    assert changes == []
    assert not any("maiden" in value for _, _, value in await store.read(everything))


async def test_what_an_answer_on_its_way_answers_waits_for_it(store: Store, now: datetime) -> None:
    made = await store.write(lambda tx: scene(tx, now))
    found = await store.read(lambda tx: erasure.find(tx, "mastodon", KIM.id))
    assert (found.items, found.waiting) == ((), (made["answer"],))
    late = replace(found, items=(made["kim"],))
    assert await store.write(lambda tx: erasure.erase(tx, late, at=now)) == erasure.Erased(items=0, answers=0, deeds=0)
    (one,) = await store.read(lambda tx: outbox.of_post(tx, made["answer"]))
    assert SECRET in one.text


@pytest.mark.parametrize("state", [State.DEAD, State.ASKED])
async def test_an_answer_that_failed_can_not_go_out_as_erased(store: Store, now: datetime, state: State) -> None:
    made = await store.write(lambda tx: scene(tx, now))
    await settle(store, made["delivery"], now, state)
    found = await store.read(lambda tx: erasure.find(tx, "mastodon", KIM.id))
    await store.write(lambda tx: erasure.erase(tx, found, at=now))
    (one,) = await store.read(lambda tx: outbox.of_post(tx, EntryId(made["answer"])))
    assert (one.state, one.error) == (State.CANCELLED, None)
