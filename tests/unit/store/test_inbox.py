from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, select, update

from bridge.domain.ids import Cursor, EntryId, PostId
from bridge.domain.inbox import Counts, ItemState, StoredItem
from bridge.domain.items import Author, Item
from bridge.domain.posts import Visibility
from bridge.store import Store, Tx, inbox
from bridge.store.schema import delivery, item, post, short_id

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def heard(name: str, handle: str = "kim@social.example", **more: Any) -> Item:
    values: dict[str, Any] = {"text": f"text {name}", "created_at": NOW, "cursor": Cursor(f"c{name}"), **more}
    return Item(id=PostId(name), author=Author(id=f"id-{handle}", handle=handle), **values)


def names(stored: Sequence[StoredItem]) -> list[str]:
    return [one.item.id for one in stored]


async def add(store: Store, *items: Item, account: str = "one", at: datetime = NOW) -> list[StoredItem]:
    return await store.write(lambda tx: inbox.add(tx, account=account, items=items, received_at=at), bulk=True)


def our_post(tx: Tx, account: str, posted_id: str) -> EntryId:
    entry = int(tx.scalar(insert(short_id).returning(short_id.c.id), {"kind": "post"}))
    columns: dict[str, Any] = {
        "author": "ana@example.org",
        "nick": "ana",
        "source": "ops@rooms.example.org",
        "place": "room",
        "text": "ours",
        "created_at": NOW,
        "receipt_id": entry,
    }
    tx.execute(insert(post), {**_blank(post), **columns, "id": entry})
    columns = {
        "post_id": entry,
        "account": account,
        "state": "sent",
        "kind": "post",
        "parent_memo": {},
        "memo": {},
        "held": frozenset[str](),
        "key_token": f"key {account} {posted_id}",
        "key_minted_at": NOW,
        "fresh_since": NOW,
        "created_at": NOW,
        "posted_id": posted_id,
    }
    tx.execute(insert(delivery), {**_blank(delivery), **columns})
    return EntryId(entry)


def _blank(table: Any) -> dict[str, Any]:
    """Fill what may not be null."""
    made: dict[str, Any] = {}
    for column in table.columns:
        if not column.nullable and not column.primary_key:
            made[column.name] = {bool: False, int: 0}.get(column.type.python_type, "")
    return made


async def test_an_item_comes_back_as_it_was_heard(store: Store) -> None:
    full = Item(
        id=PostId("77"),
        author=Author(id="5", handle="Kim@Social.example", name="Kim \U0001f9c0", url="https://social.example/@kim"),
        text="still locked out,\nany ETA?",
        created_at=NOW - timedelta(hours=1),
        cursor=Cursor("c"),
        uri="https://social.example/77",
        url="https://social.example/@kim/77",
        in_reply_to=PostId("9"),
        visibility=Visibility.DIRECT,
        warning="rant",
        language="en",
        media=("https://social.example/a.png",),
        answer_prefix="@kim@social.example",
        raw='{"id": 77}',
        memo={"revision": "1"},
    )
    stored = (await add(store, full))[0]
    assert stored == StoredItem(id=stored.id, account="one", item=full, received_at=NOW)
    kept = replace(stored, item=replace(full, cursor=Cursor("")))
    assert await store.read(lambda tx: inbox.get(tx, stored.id)) == kept
    assert await store.read(lambda tx: inbox.get(tx, EntryId(stored.id + 1))) is None


async def test_only_what_is_new_is_stored_in_order_under_growing_ids(store: Store) -> None:
    first = await add(store, heard("a"), heard("b"))
    second = await add(store, heard("c"), heard("b"), heard("d"), heard("c"), heard("a"))
    assert names(first) == ["a", "b"]
    assert names(second) == ["c", "d"]
    numbers = [one.id for one in (*first, *second)]
    assert numbers == sorted(set(numbers))
    assert await add(store, heard("a")) == []
    assert await add(store) == []
    assert names(await add(store, heard("a"), account="two")) == ["a"]


async def test_one_uri_is_one_item_whatever_its_id(store: Store) -> None:
    uri = "https://social.example/77"
    assert names(await add(store, heard("a", uri=uri), heard("b"), heard("c"), heard("d", uri=uri))) == ["a", "b", "c"]
    assert names(await add(store, heard("e", uri=uri), heard("f", uri=f"{uri}8"))) == ["f"]
    assert names(await add(store, heard("e", uri=uri), account="two")) == ["e"]


async def test_posts_and_items_share_one_sequence(store: Store) -> None:
    before = (await add(store, heard("a")))[0].id
    between = await store.write(lambda tx: our_post(tx, "one", "500"))
    after = (await add(store, heard("b")))[0].id
    assert before < between < after


async def test_an_answer_to_our_post_is_linked_to_it_on_its_own_account(store: Store) -> None:
    ours = await store.write(lambda tx: our_post(tx, "one", "500"))
    await store.write(lambda tx: our_post(tx, "two", "500"))
    stored = await add(store, heard("a", in_reply_to="500"), heard("b", in_reply_to="501"), heard("c"))
    assert [one.post for one in stored] == [ours, None, None]
    again = await store.read(lambda tx: inbox.get(tx, stored[0].id))
    assert again is not None
    assert again.post == ours


async def test_more_than_a_hundred_items_are_refused(store: Store) -> None:
    many = [heard(str(number)) for number in range(101)]
    with pytest.raises(ValueError, match="101 items in one unit, at most 100"):
        await add(store, *many)
    assert len(await add(store, *many[:100])) == 100


async def test_bytes_that_no_database_takes_stop_nothing(store: Store) -> None:
    nasty = heard("a\x00b", text="nul \x00 and half a pair \ud83d", raw="\x00", memo={"k": "\x00"}, media=("\ud800",))
    assert len(await add(store, nasty, heard("c"))) == 2
    assert await add(store, nasty) == []
    found = await store.read(lambda tx: inbox.open_items(tx, 1))
    assert found[0].item.text == "nul \ufffd and half a pair \ufffd"


async def test_a_persons_last_item_is_found_by_handle(store: Store) -> None:
    await add(store, heard("a", "Kim@social.example"), heard("b", "kim@other.example"))
    await add(store, heard("c", "lee@social.example"))
    await add(store, heard("d", "kim@social.example"), account="two")

    async def latest(handle: str) -> str | None:
        found = await store.read(lambda tx: inbox.latest_by(tx, handle))
        return None if found is None else found.item.id

    assert await latest("kim@social.example") == "d"
    assert await latest("@KIM@other.example") == "b"
    assert await latest("kim") is None
    assert await latest("lee") == "c"
    assert await latest("@Lee") == "c"
    assert await latest("nobody") is None
    assert await latest("lee@other.example") is None
    assert await latest("") is None


async def test_the_inbox_counts_and_lists_what_is_open(store: Store) -> None:
    yesterday = NOW - timedelta(hours=4)
    await add(store, heard("a"), heard("b"), at=yesterday)
    stored = await add(store, *(heard(name) for name in "cdef"))
    await store.write(lambda tx: tx.changed(update(item).where(item.c.id == stored[0].id).values(state="claimed")))
    await store.write(lambda tx: tx.changed(update(item).where(item.c.id == stored[1].id).values(state="done")))
    assert await store.write(lambda tx: inbox.answered(tx, stored[2].id, NOW))
    assert await store.read(lambda tx: inbox.counts(tx, NOW)) == Counts(open=3, claimed=1, today=4)
    assert names(await store.read(lambda tx: inbox.open_items(tx, 3))) == ["a", "b", "c"]
    west = NOW.astimezone(timezone(timedelta(hours=-5)))
    assert (await store.read(lambda tx: inbox.counts(tx, west))).today == 6


async def test_an_answer_ends_what_is_open(store: Store) -> None:
    stored = (await add(store, heard("a")))[0]
    later = NOW + timedelta(minutes=3)
    assert await store.write(lambda tx: inbox.answered(tx, stored.id, later))
    assert not await store.write(lambda tx: inbox.answered(tx, stored.id, later + timedelta(minutes=1)))
    answered = await store.read(lambda tx: inbox.get(tx, stored.id))
    assert answered is not None
    assert (answered.state, answered.answered_at) == (ItemState.ANSWERED, later)
    assert await store.read(lambda tx: tx.execute(select(short_id.c.kind)).scalars().all()) == ["item"]
