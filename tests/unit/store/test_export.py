"""Everything that is in the tables comes out, in the documented form."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, insert, select

from bridge.store import Store, Tx, export
from bridge.store.schema import delivery, item, keep, note, picture, post, short_id, stanza, timer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Table

TABLES = (post, timer, picture, delivery, item, note)
SCHEMA = json.loads((Path(__file__).parents[3] / "docs/export.schema.json").read_text(encoding="utf-8"))
KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def faults(value: Any, schema: Mapping[str, Any], path: str = "") -> list[str]:
    """Return what of a value isn't as a schema says; it knows the words that ours uses, and no other."""
    assert set(schema) <= {
        "$schema", "$defs", "$ref", "title", "description", "oneOf", "type", "const", "enum", "pattern", "items",
        "properties", "required", "additionalProperties",
    }  # fmt: skip
    if "$ref" in schema:
        return faults(value, SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")], path)
    if "oneOf" in schema:
        tries = [faults(value, one, path) for one in schema["oneOf"]]
        return [] if sum(not found for found in tries) == 1 else min(tries, key=len)
    found = [f"{path}: {value!r} isn't {schema}"] if not _is_plain(value, schema) else []
    if isinstance(value, list):
        for one in value:  # pyright: ignore[reportUnknownVariableType]
            found += faults(one, schema.get("items", {}), f"{path}[]")
    if isinstance(value, dict):
        found += _in_fields(value, schema, path)  # pyright: ignore[reportUnknownArgumentType]
    return found


def _is_plain(value: Any, schema: Mapping[str, Any]) -> bool:
    kinds = schema.get("type", list(KINDS))
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return (
        any(type(value) in KINDS[kind] for kind in kinds)
        and value == schema.get("const", value)
        and value in schema.get("enum", [value])
        and (not isinstance(value, str) or re.search(schema.get("pattern", ""), value) is not None)
    )


def _in_fields(value: Mapping[str, Any], schema: Mapping[str, Any], path: str) -> list[str]:
    known, rest = schema.get("properties", {}), schema.get("additionalProperties", True)
    found = [f"{path}: no {name}" for name in schema.get("required", ()) if name not in value]
    for name, one in value.items():
        if name not in known and rest is False:
            found.append(f"{path}: {name} is unknown")
        else:
            other = rest if isinstance(rest, dict) else {}
            found += faults(one, known.get(name, other), f"{path}.{name}")
    return found


def fill(tx: Tx, now: datetime) -> None:
    """Put something into every column of every table that is exported, and secrets into others."""
    tx.execute(insert(short_id), [{"kind": "item"}, {"kind": "post"}])
    where = {"archive": "ops@rooms.example.org", "sender": "raj@example.org", "status": "done", "received_at": now}
    tx.execute(insert(stanza), {"key": "1a2b", **where})
    tx.execute(insert(keep), {"account": "mastodon", "name": "token", "value": "keep-this-secret"})
    tx.execute(insert(item), values(item, now, id=1, post_id=None, state="answered"))
    tx.execute(insert(post), values(post, now, id=2, answers=1, about=None, receipt_id=2, stanza_id=1, place="room"))
    tx.execute(insert(timer), values(timer, now, post_id=2, state="waiting"))
    ours: dict[str, Any] = {"post_id": 2, "stanza_id": 1, "place": "room", "state": "ready"}
    tx.execute(insert(picture), values(picture, now, **ours, alt="a red door"))
    for number, follows in enumerate((None, 1), 1):
        own: dict[str, Any] = {"state": "sent", "kind": "post", "key_token": f"k{number}", "held": frozenset({"undo"})}
        tx.execute(
            insert(delivery), values(delivery, now, **own, post_id=2, follows=follows, posted_id=f"1145{number}")
        )
    tx.execute(insert(note), values(note, now, item_id=1))


def values(table: Table, now: datetime, **given: Any) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for column in table.columns:
        kind = type(column.type).__name__
        by_kind: dict[str, Any] = {
            "Utc": now,
            "JSON": ["https://social.example/1.png"] if column.name == "media" else {"revision": "7"},
            "Boolean": True,
            "Reasons": frozenset[str](),
            "SafeText": f"{table.name} {column.name} \u202e\n",
        }
        made[column.name] = by_kind.get(kind, 7)
    if "id" not in given:
        made.pop("id", None)
    return made | given


@pytest.fixture
async def records(store: Store, now: datetime) -> list[dict[str, Any]]:
    await store.write(lambda tx: fill(tx, now))
    return await store.read(lambda tx: list(export.records(tx, now)))


async def test_it_is_as_the_schema_says(records: list[dict[str, Any]]) -> None:
    for record in records:
        assert faults(json.loads(json.dumps(record)), SCHEMA) == []
    assert faults({**records[1], "more": 1}, SCHEMA) != []
    assert faults({**records[1], "id": "4F"}, SCHEMA) != []


async def test_every_row_comes_out_and_the_end_counts_them(records: list[dict[str, Any]]) -> None:
    assert [record["record"] for record in records] == [
        "export", "post", "timer", "picture", "delivery", "delivery", "item", "note", "end",
    ]  # fmt: skip
    assert records[-1]["counts"] == {"post": 1, "timer": 1, "picture": 1, "delivery": 2, "item": 1, "note": 1}
    assert (records[0]["version"], records[0]["made_at"]) == (1, "2026-01-02T03:04:05.000678Z")


async def test_every_column_comes_out(records: list[dict[str, Any]]) -> None:
    by_type = {record["record"]: record for record in records}
    for table in TABLES:
        record = by_type[table.name]
        columns = {column.name for column in table.columns}
        assert set(record) - {"record", "stanza"} == columns - {"stanza_id"}
        assert ("stanza" in record) == ("stanza_id" in columns)
        assert set(SCHEMA["$defs"][table.name]["properties"]) == set(record)
    text = json.dumps(records)
    said = [(table, column) for table in TABLES for column in table.columns if type(column.type).__name__ == "SafeText"]
    given = {"state", "kind", "place", "key_token", "posted_id", "alt"}
    for table, column in said:
        assert column.name in given or f"{table.name} {column.name} " in text


async def test_what_belongs_together_can_be_put_together(records: list[dict[str, Any]]) -> None:
    _, one, timed, shown, first, second, heard, noted, _ = records
    assert (one["id"], one["answers"], heard["id"], noted["item_id"]) == ("2", "1", "1", "1")
    assert (first["post_id"], second["post_id"], second["follows"], shown["post_id"]) == ("2", "2", first["id"], "2")
    assert one["stanza"] == shown["stanza"] == {"archive": "ops@rooms.example.org", "key": "1a2b"}
    assert (timed["post_id"], timed["due_at"]) == ("2", "2026-01-02T03:04:05.000678Z")
    assert (shown["alt"], first["posted_id"], first["held"]) == ("a red door", "11451", ["undo"])
    assert heard["created_at"] == "2026-01-02T03:04:05.000678Z"
    assert heard["media"] == ["https://social.example/1.png"]


async def test_nothing_that_plugins_keep_comes_out(records: list[dict[str, Any]]) -> None:
    assert "keep-this-secret" not in json.dumps(records)


async def test_pages_and_one_snapshot(store: Store, now: datetime) -> None:
    count = export._STEP * 2 + 3

    def many(tx: Tx) -> None:
        tx.execute(insert(short_id), [{"kind": "item"}] * count)
        made = values(item, now, id=0, post_id=None, state="open")
        rows = [{**made, "id": one, "platform_id": f"p{one}", "uri": f"u{one}"} for one in range(1, count + 1)]
        tx.execute(insert(item), rows)

    await store.write(many)
    seen: list[str] = []
    loop = asyncio.get_running_loop()

    def meanwhile(tx: Tx) -> int:
        for record in export.records(tx, now):
            if not seen:  # a row that is written while the export runs, behind what was read of it
                seen.append(record["record"])
                tx.scalar(select(func.count()).select_from(item))
                asyncio.run_coroutine_threadsafe(store.write(lambda tx: one_more(tx, now)), loop).result()
            counts.append(record)
        return len(counts)

    counts: list[dict[str, Any]] = []
    await store.read(meanwhile)
    assert counts[-1]["counts"]["item"] == count
    assert sum(record["record"] == "item" for record in counts) == count
    assert (await store.read(lambda tx: list(export.records(tx, now))))[-1]["counts"]["item"] == count + 1


def one_more(tx: Tx, now: datetime) -> None:
    number = tx.scalar(insert(short_id).returning(short_id.c.id), {"kind": "item"})
    tx.execute(insert(item), values(item, now, id=number, post_id=None, state="open", platform_id="late", uri="late"))
