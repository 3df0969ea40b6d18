"""Edits and deletions of what was heard: once each, in their order, and never showing more than before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from bridge.domain.ids import Cursor, EntryId, PostId
from bridge.domain.inbox import Change, Counts, ItemState, News, StoredItem
from bridge.domain.items import Author, Deleted, Edited, Item
from bridge.domain.posts import Visibility
from bridge.store import Store, inbox
from bridge.store.schema import item

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


def heard(name: str, **more: Any) -> Item:
    values: dict[str, Any] = {"text": f"text {name}", "created_at": NOW, "cursor": Cursor("c"), **more}
    return Item(id=PostId(name), author=Author(id="5", handle="kim@social.example"), **values)


def edited(name: str, text: str, **more: Any) -> Edited:
    return Edited(item=heard(name, text=text, **more))


def deleted(name: str) -> Deleted:
    return Deleted(id=PostId(name), cursor=Cursor("c"))


async def hear(
    store: Store, *things: Item | Edited | Deleted, account: str = "one", at: datetime = NOW
) -> list[Change]:
    return await store.write(lambda tx: inbox.hear(tx, account=account, things=things, received_at=at), bulk=True)


def news(changes: Sequence[Change]) -> list[tuple[News, int, str]]:
    return [(one.news, one.stored.id, one.stored.item.text) for one in changes]


async def get(store: Store, entry: int) -> StoredItem:
    found = await store.read(lambda tx: inbox.get(tx, EntryId(entry)))
    assert found is not None
    return found


async def test_the_same_batch_twice_tells_of_everything_once(store: Store) -> None:
    batch = [heard("a"), heard("b"), edited("a", "better"), deleted("b"), heard("c"), deleted("never heard")]
    first = await hear(store, *batch)
    assert news(first) == [
        (News.NEW, 1, "text a"),
        (News.NEW, 2, "text b"),
        (News.EDITED, 1, "better"),
        (News.DELETED, 2, "text b"),
        (News.NEW, 3, "text c"),
    ]
    assert await hear(store, *batch, at=LATER) == []
    assert ((await get(store, 1)).item.text, (await get(store, 2)).deleted_at) == ("better", NOW)


async def test_a_unit_that_is_rolled_back_and_run_again_does_the_same(store: Store) -> None:
    await hear(store, heard("a"), heard("b"))
    batch = [edited("a", "better"), deleted("b"), edited("c", "edited before it was ever heard")]
    runs: list[list[Change]] = []

    def unit(tx: Any) -> None:
        runs.append(inbox.hear(tx, account="one", things=batch, received_at=NOW))
        if len(runs) == 1:
            raise ValueError("the neighbour's bug")

    with pytest.raises(ValueError, match="neighbour"):
        await store.write(unit, bulk=True)
    assert (await get(store, 1)).item.text == "text a"
    await store.write(unit, bulk=True)
    assert [(change.news, change.stored.item.id) for change in runs[-1]] == [
        (News.EDITED, "a"),
        (News.DELETED, "b"),
        (News.NEW, "c"),
    ]
    assert news(runs[-1])[:2] == news(runs[0])[:2]
    assert await hear(store, *batch) == []


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, False),
        ({"text": "better"}, True),
        ({"warning": "spiders"}, True),
        ({"media": ("a cat",)}, True),
        ({"language": "de", "url": "https://social.example/2", "memo": {"revision": "2"}}, False),
        ({"text": "", "raw": "{}"}, True),
    ],
)
async def test_only_an_edit_of_what_people_saw_is_news(store: Store, more: dict[str, Any], told: bool) -> None:
    await hear(store, heard("a"))
    again = Edited(item=heard("a", **more))
    changes = await hear(store, again, again)
    assert [one.news for one in changes] == [News.EDITED] * told
    assert (await get(store, 1)).item.text == more.get("text", "text a")


async def test_an_edit_for_fewer_people_counts_from_then_on_and_is_silent(store: Store) -> None:
    await hear(store, heard("a"))
    private = heard("a", visibility=Visibility.DIRECT, memo={"visibility": "direct"})
    assert await hear(store, Edited(item=private), Edited(item=private)) == []
    now = (await get(store, 1)).item
    assert (now.private, now.memo) == (True, {"visibility": "direct"})


async def test_what_could_not_be_read_and_now_can_is_news_and_its_source_is_not(store: Store) -> None:
    await hear(store, heard("a", text="", raw='{"favourites": 1}'))
    assert await hear(store, Edited(item=heard("a", text="", raw='{"favourites": 2}'))) == []
    assert news(await hear(store, edited("a", "readable"))) == [(News.EDITED, 1, "readable")]
    assert (await get(store, 1)).item.raw is None


async def test_an_edit_keeps_id_account_and_what_became_of_the_item(store: Store) -> None:
    await hear(store, heard("a"), account="one")
    await hear(store, heard("a"), account="two")
    await store.write(lambda tx: inbox.answered(tx, EntryId(1), NOW))
    (change,) = await hear(store, edited("a", "better"), at=LATER)
    one, two = await get(store, 1), await get(store, 2)
    assert change.stored.state is ItemState.ANSWERED
    assert (one.item.text, one.state, one.received_at) == ("better", ItemState.ANSWERED, NOW)
    assert two.item.text == "text a"


async def test_an_edited_item_with_another_id_is_the_one_with_its_uri(store: Store) -> None:
    uri = "https://social.example/77"
    await hear(store, heard("old", uri=uri))
    (change,) = await hear(store, edited("new", "better", uri=uri))
    assert (change.news, change.stored.id, change.stored.item.id) == (News.EDITED, 1, "new")
    assert (await get(store, 1)).item.id == "new"
    assert await hear(store, deleted("old"), heard("new", uri=uri), heard("old", uri=uri)) == []
    assert [one.news for one in await hear(store, deleted("new"))] == [News.DELETED]


async def test_another_id_alone_is_taken_over_and_told_to_nobody(store: Store) -> None:
    uri = "https://social.example/77"
    await hear(store, heard("old", uri=uri))
    assert await hear(store, edited("new", "text old", uri=uri)) == []
    assert (await get(store, 1)).item.id == "new"


async def test_what_was_private_stays_private_whatever_an_edit_says(store: Store) -> None:
    await hear(store, heard("a", visibility=Visibility.DIRECT, memo={"visibility": "direct"}))
    (change,) = await hear(store, edited("a", "my card", visibility=Visibility.PUBLIC, memo={"visibility": "public"}))
    assert change.stored.item.private
    kept = (await get(store, 1)).item
    assert (kept.private, kept.memo) == (True, {"visibility": "direct"})
    await hear(store, heard("b"))
    (change,) = await hear(store, edited("b", "now private", visibility=Visibility.DIRECT))
    assert change.stored.item.private


async def test_a_deleted_item_leaves_the_inbox_keeps_its_text_and_is_never_changed_again(store: Store) -> None:
    await hear(store, heard("a"), heard("b"))
    (change,) = await hear(store, deleted("a"), at=LATER)
    assert (change.stored.deleted_at, change.stored.state) == (LATER, ItemState.DONE)
    assert await store.read(lambda tx: inbox.counts(tx, NOW)) == Counts(open=1, claimed=0, today=2)
    assert [one.id for one in await store.read(lambda tx: inbox.open_items(tx, 9))] == [2]
    assert await hear(store, edited("a", "back again"), deleted("a"), heard("a")) == []
    kept = await get(store, 1)
    assert (kept.item.text, kept.deleted_at) == ("text a", LATER)


async def test_a_claimed_item_that_is_deleted_stays_with_who_claimed_it(store: Store) -> None:
    await hear(store, heard("a"))
    await store.write(lambda tx: tx.changed(update(item).where(item.c.id == 1).values(state="claimed")))
    await hear(store, deleted("a"))
    (one,) = await store.read(lambda tx: inbox.open_items(tx, 9))
    assert (one.state, one.deleted_at) == (ItemState.CLAIMED, NOW)


async def test_a_deleted_item_does_not_wait_again_when_its_answer_is_taken_back(store: Store) -> None:
    await hear(store, heard("a"), heard("b"))
    for entry in (1, 2):
        await store.write(lambda tx, entry=entry: inbox.answered(tx, EntryId(entry), NOW))
    await hear(store, deleted("a"))
    for entry in (1, 2):
        assert await store.write(lambda tx, entry=entry: inbox.reopen(tx, EntryId(entry)))
    assert [(await get(store, entry)).state for entry in (1, 2)] == [ItemState.DONE, ItemState.OPEN]


async def test_bytes_that_no_database_takes_are_no_news_again_and_again(store: Store) -> None:
    nasty = heard("a", text="nul \x00", warning="\ud83d", media=("\x00",))
    await hear(store, heard("a"))
    assert [one.news for one in await hear(store, Edited(item=nasty), Edited(item=nasty))] == [News.EDITED]


async def test_more_than_a_hundred_things_are_refused(store: Store) -> None:
    many = [deleted(str(number)) for number in range(101)]
    with pytest.raises(ValueError, match="101 things in one unit, at most 100"):
        await hear(store, *many)
    assert await hear(store, *many[:100]) == []


async def test_a_change_is_what_the_store_then_holds(store: Store) -> None:
    await hear(store, heard("a", uri="u"))
    (change,) = await hear(store, edited("a", "better", uri="u", warning="w", media=("m",), language="en"))
    held = await get(store, 1)
    assert replace(change.stored, item=replace(change.stored.item, cursor=Cursor(""))) == held
