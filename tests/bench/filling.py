"""A store that has been at work for years: finished posts and items by the hundred thousand, made by the database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    String,
    Table,
    cast,
    create_engine,
    insert,
    literal,
    literal_column,
    select,
    text,
)

from bridge.domain.clock import SystemClock
from bridge.store import Store
from bridge.store.schema import audit, delivery, item, notice, post, short_id, stanza

LONG_AGO = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
ROOM = "old@rooms.example.org"

Values = Mapping[str, Any]


async def prepare(url: str) -> None:
    """Make the store at `url`, so that a start finds it as all starts but the first one do."""
    async with Store.open(url, clock=SystemClock()):
        pass


async def fill(url: str, *, posts: int, items: int) -> None:
    """Make the store at `url` and put finished posts of the account a0, with all that belongs to them, and items in."""
    await prepare(url)
    await asyncio.to_thread(_fill, url, posts, items)


def _fill(url: str, posts: int, items: int) -> None:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            _put(connection, short_id, posts, {"kind": "post"})
            _put(connection, short_id, items, {"kind": "item"})
            _put(connection, stanza, posts, _stanza())
            _put(connection, post, posts, _post())
            _put(connection, delivery, posts, _delivery())
            _put(connection, notice, posts, _notice())
            _put(connection, audit, posts, _audit())
            _put(connection, item, items, _item(posts))
        if engine.dialect.name == "postgresql":
            # What its own housekeeping does within a minute.
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("ANALYZE"))
    finally:
        engine.dispose()


_NUMBER = literal_column("n", Integer)


def _put(connection: Connection, table: Table, count: int, values: Values) -> None:
    """Insert rows number 1 to `count`; what isn't an expression of the number is the same in all of them."""
    numbers = select(literal(1).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < count))
    columns = [table.c[name] for name in values]
    row = [
        value if isinstance(value, ColumnElement) else literal(value, column.type)
        for column, value in zip(columns, values.values(), strict=True)
    ]
    made = select(*row).select_from(numbers).order_by(numbers.c.n)
    connection.execute(insert(table).from_select([column.name for column in columns], made))


def _named(stem: str) -> ColumnElement[str]:
    return literal(stem, String).concat(cast(_NUMBER, String))


def _stanza() -> Values:
    return {
        "archive": ROOM,
        "key": _named("stanza-"),
        "sender": "ana@example.org",
        "status": "done",
        "received_at": LONG_AGO,
    }


def _post() -> Values:
    return {
        "id": _NUMBER,
        "author": "ana@example.org",
        "nick": "ana",
        "source": ROOM,
        "place": "room",
        "text": _named("a status of long ago, number "),
        "stanza_id": _NUMBER,
        "hold_ms": 0,
        "receipt_id": _NUMBER,
        "revision": 0,
        "created_at": LONG_AGO,
    }


def _delivery() -> Values:
    return {
        "post_id": _NUMBER,
        "account": "a0",
        "kind": "post",
        "part": 0,
        "parts": 1,
        "text": _named("a status of long ago, number "),
        "parent_memo": {},
        "state": "sent",
        "held": frozenset[str](),
        "position": _NUMBER,
        "fresh_since": LONG_AGO,
        "key_token": _named("key-"),
        "key_minted_at": LONG_AGO,
        "attempt": 1,
        "failures": 0,
        "looks": 0,
        "unwanted": False,
        "told": False,
        "posted_id": _named("old-"),
        "posted_url": _named("https://mastodon.example/@shop/"),
        "memo": {},
        "created_at": LONG_AGO,
        "settled_at": LONG_AGO,
    }


def _notice() -> Values:
    return {
        "target": ROOM,
        "place": "room",
        "kind": "receipt",
        "state": "done",
        "origin_id": _named("origin-"),
        "body": "sent",
        "receipt_id": _NUMBER,
        "stanza_id": _named("echo-"),
        "sends": 1,
        "created_at": LONG_AGO,
        "first_sent_at": LONG_AGO,
        "sent_at": LONG_AGO,
    }


def _audit() -> Values:
    return {
        "at": LONG_AGO,
        "actor": "ana@example.org",
        "verb": "post",
        "entry": _NUMBER,
        "stanza_id": _NUMBER,
        "digest": _named("digest-"),
        "previous": _named("previous-"),
        "hash": _named("hash-"),
    }


def _item(posts: int) -> Values:
    return {
        "id": _NUMBER + posts,
        "account": "a0",
        "platform_id": _named("item-"),
        "uri": _named("https://mastodon.example/items/"),
        "author_id": "7",
        "author_handle": "kim@mastodon.example",
        "author_key": "kim@mastodon.example",
        "author_local": "kim",
        "author_name": "Kim",
        "text": _named("a question of long ago, number "),
        "visibility": "public",
        "media": [],
        "answer_prefix": "@kim@mastodon.example",
        "memo": {},
        "created_at": LONG_AGO,
        "received_at": LONG_AGO,
        "state": "answered",
        "answered_at": LONG_AGO,
    }
