"""Each query that runs often must find its rows by an index, on both databases, however much is stored.

To add one, add a line to CASES: a name, what runs it, and the indexes that its plan must use.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import JSON, event, insert, text

from bridge.domain.chain import Link
from bridge.domain.clock import SystemClock
from bridge.domain.ids import Cursor, EntryId, PostId
from bridge.domain.inbox import StoredItem
from bridge.domain.items import Author, Deleted, Edited, Item
from bridge.domain.pacing import Pace
from bridge.domain.people import Place, Target
from bridge.domain.reviews import Review, ReviewState
from bridge.domain.rights import Kept
from bridge.domain.when import Moment
from bridge.domain.zones import ZERO
from bridge.store import (
    Store,
    Tx,
    accounts,
    audit,
    backlog,
    cursors,
    erasure,
    errands,
    figures,
    floods,
    inbox,
    notices,
    outbox,
    panics,
    pictures,
    posts,
    reactions,
    receipts,
    references,
    reviews,
    roles,
    shown,
    stanzas,
    stats,
    switching,
    timers,
    triage,
)
from bridge.store.schema import metadata
from bridge.store.types import Reasons, Utc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sqlalchemy import Table

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OPS = Target("ops@rooms.example.org", Place.ROOM)
ENTRY = EntryId(7)
LATER = Moment(datetime(2026, 12, 1, tzinfo=UTC), ZERO)
HEARD = Item(
    id=PostId("9"),
    author=Author(id="1", handle="kim@social.example"),
    text="",
    created_at=NOW,
    cursor=Cursor(""),
    uri="u",
    in_reply_to=PostId("5"),
)
MOVED = Edited(item=replace(HEARD, id=PostId("10"), text="better"))
DIRECTLY = Target("raj@example.org", Place.DIRECT)
STORED = StoredItem(id=ENTRY, account="one", item=HEARD, received_at=NOW)
LINK = Link(id=7, version=2, at="", actor="", verb="", digest="", previous="")
FOUND = erasure.Found(items=(ENTRY,), told=(7,), waiting=())
GONE = Deleted(id=PostId("10"), cursor=Cursor(""))


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    run: Callable[[Tx], object]
    uses: tuple[str, ...]
    """Each of them is in the plan; `a|b` is either, since both find one row."""
    walks: str = ""
    """A table that may be walked in the order of its key, since a LIMIT ends the walk."""


DONE = ReviewState.APPROVED
OPEN = Review(post=ENTRY, revision=1, rule="links", why="because", word=None, state=ReviewState.WAITING)

CASES = [
    Case(
        "panics.waiting",
        lambda tx: panics.waiting(tx, since=NOW, before=NOW, most=9),
        ("ix_delivery_lane", "ix_delivery_held", "ix_delivery_left"),
        walks="kept_back",  # what the indexes found, not a table
    ),
    Case("panics.told", panics.told, ("pk_cursor",)),
    Case("reviews.get", lambda tx: reviews.get(tx, ENTRY), ("pk_review",)),
    Case("reviews.asked", lambda tx: reviews.asked(tx, ENTRY), ("pk_review|ix_review_open",)),
    Case("reviews.decide", lambda tx: reviews.decide(tx, OPEN, DONE, actor="a", at=NOW), ("pk_review|ix_review_open",)),
    Case("reviews.expired", lambda tx: reviews.expired(tx, NOW, 9), ("ix_review_open",)),
    Case("reviews.next_expiry", reviews.next_expiry, ("ix_review_open",)),
    Case("reviews.revision_of", lambda tx: reviews.revision_of(tx, "m1"), ("pk_review_ask",)),
    Case("reviews.asked_in", lambda tx: reviews.asked_in(tx, ENTRY), ("ix_review_ask_post_id",)),
    Case("reviews.forget_asks", lambda tx: reviews.forget_asks(tx, ENTRY), ("ix_review_ask_post_id",)),
    Case("reviews.editors", lambda tx: reviews.editors(tx, ENTRY), ("ix_audit_entry",)),
    Case("timers.get", lambda tx: timers.get(tx, ENTRY), ("pk_timer",)),
    Case("timers.move", lambda tx: timers.move(tx, ENTRY, LATER), ("pk_timer",)),
    Case("timers.reword", lambda tx: timers.reword(tx, ENTRY, "in 2h"), ("pk_timer",)),
    Case("timers.ask", lambda tx: timers.ask(tx, ENTRY), ("pk_timer|ix_timer_waiting",)),
    Case("timers.end", lambda tx: timers.end(tx, ENTRY), ("pk_timer",)),
    Case("timers.due", lambda tx: timers.due(tx, NOW, 9), ("ix_timer_waiting",)),
    Case("timers.next_due", timers.next_due, ("ix_timer_waiting",)),
    Case("timers.first", lambda tx: timers.first(tx, 9), ("ix_timer_due_at",)),
    Case("pictures.wanted", lambda tx: pictures.wanted(tx, 9), ("ix_picture_wanted",)),
    Case("pictures.of_post", lambda tx: pictures.of_post(tx, ENTRY), ("ix_picture_post_id",)),
    Case(
        "pictures.loose",
        lambda tx: pictures.loose(tx, sender="raj@example.org", source=DIRECTLY, after=NOW),
        ("ix_picture_loose",),
    ),
    Case(
        "pictures.is_known",
        lambda tx: pictures.is_known(tx, "https://x", sender="raj@example.org", source=DIRECTLY, after=NOW),
        ("ix_picture_url",),
    ),
    Case("pictures.of_stanza", lambda tx: pictures.of_stanza(tx, 7), ("ix_picture_stanza_id",)),
    Case("pictures.detach", lambda tx: pictures.detach(tx, ENTRY), ("ix_picture_post_id",)),
    Case("pictures.describe", lambda tx: pictures.describe(tx, 7, "a door"), ("pk_picture|ix_picture",)),
    Case("pictures.kept", pictures.kept, ("ix_picture_ready",)),
    Case("pictures.prune", lambda tx: pictures.prune(tx, NOW, 50), ("ix_picture_ready", "ix_delivery_post_id")),
    Case("cursors.get", lambda tx: cursors.get(tx, "a"), ("pk_cursor",)),
    Case("cursors.move", lambda tx: cursors.move(tx, "a", "1", NOW), ()),
    Case("stanzas.admit", lambda tx: stanzas.admit(tx, archive="a", key="k", sender="s", at=NOW), ()),
    Case("stanzas.mark", lambda tx: stanzas.mark(tx, 1, "failed"), ("pk_stanza",)),
    Case("stanzas.prune", lambda tx: stanzas.prune(tx, NOW, 50), ("ix_stanza_received_at",)),
    Case("notices.ready", lambda tx: notices.ready(tx, targets=[OPS], now=NOW, limit=9), ("ix_notice_pending",)),
    Case("notices.next_due", notices.next_due, ("ix_notice_pending",)),
    Case("notices.sending", notices.sending, ("ix_notice_pending",)),
    Case("notices.sending to", lambda tx: notices.sending(tx, OPS), ("ix_notice_pending",)),
    Case("notices.pending", notices.pending, ("ix_notice_pending",)),
    Case("notices.is_owed", lambda tx: notices.is_owed(tx, OPS, ENTRY), ("uq_notice_receipt_ready",)),
    Case("notices.unsent_items", lambda tx: notices.unsent_items(tx, OPS), ("ix_notice_pending",)),
    Case("floods.pace_of", lambda tx: floods.pace_of(tx, OPS), ("pk_pace",)),
    Case("floods.save", lambda tx: floods.save(tx, OPS, Pace(began=NOW)), ()),
    Case("floods.count", lambda tx: floods.count(tx, ENTRY, 9), ("pk_flood",)),
    Case("floods.get", lambda tx: floods.get(tx, ENTRY), ("pk_flood",)),
    Case("notices.living", lambda tx: notices.living(tx, OPS, ENTRY), ("ix_notice_receipt",)),
    Case("notices.done", lambda tx: notices.done(tx, "o", stanza_id=None, at=NOW), ("uq_notice_origin_id",)),
    Case(
        "notices.begin",
        lambda tx: notices.begin(tx, 1, body="", corrects=None, nick=None, at=NOW),
        ("pk_notice|ix_notice_pending",),
    ),
    Case("notices.revise", lambda tx: notices.revise(tx, 1, "more"), ("pk_notice|ix_notice_pending",)),
    Case("notices.reopen", lambda tx: notices.reopen(tx, [1, 2]), ("pk_notice|ix_notice_pending",)),
    Case(
        "notices.came_back",
        lambda tx: notices.came_back(tx, "o", "ana@example.org", most=3, due_at=lambda _: NOW, why="gone"),
        ("uq_notice_origin_id",),
    ),
    Case("notices.prune", lambda tx: notices.prune(tx, NOW, 50), ("ix_notice_done",)),
    Case(
        "inbox.add",
        lambda tx: inbox.add(tx, account="one", items=[HEARD], received_at=NOW),
        ("uq_item_account_platform_id", "ix_item_account_uri", "ix_delivery_published"),
    ),
    Case(
        "inbox.hear",
        lambda tx: inbox.hear(tx, account="one", things=[MOVED, GONE], received_at=NOW),
        ("uq_item_account_platform_id", "ix_item_account_uri", "pk_item|ix_item_open"),
    ),
    Case("inbox.get", lambda tx: inbox.get(tx, ENTRY), ("pk_item",)),
    Case("inbox.newest", inbox.newest, (), walks="item"),
    Case("inbox.known", lambda tx: inbox.known(tx, "one", PostId("p")), ("uq_item_account_platform_id",)),
    Case("errands.is_under_way", lambda tx: errands.is_under_way(tx, ENTRY, DIRECTLY), ("ix_errand_item_id",)),
    Case("errands.waiting", errands.waiting, (), walks="errand"),
    Case("errands.finish", lambda tx: errands.finish(tx, 1), ("pk_errand",)),
    Case("inbox.latest_by", lambda tx: inbox.latest_by(tx, "kim@x.example"), ("ix_item_author_local_author_key_id",)),
    Case("inbox.latest_by nick", lambda tx: inbox.latest_by(tx, "kim"), ("ix_item_author_local_author_key_id",)),
    Case("inbox.open_items", lambda tx: inbox.open_items(tx, 9), ("ix_item_open",)),
    Case("inbox.counts", lambda tx: inbox.counts(tx, NOW), ("ix_item_open", "ix_item_received_at")),
    Case("inbox.answered", lambda tx: inbox.answered(tx, ENTRY, NOW), ("pk_item|ix_item_open",)),
    Case("inbox.earlier_by", lambda tx: inbox.earlier_by(tx, STORED, 3), ("ix_item_author_local_author_key_id",)),
    Case(
        "triage.claim",
        lambda tx: triage.claim(tx, ENTRY, person="raj@example.org", nick="raj", at=NOW),
        ("pk_item|ix_item_open",),
    ),
    Case("triage.release", lambda tx: triage.release(tx, ENTRY, person="raj@example.org"), ("pk_item|ix_item_open",)),
    Case("triage.finish", lambda tx: triage.finish(tx, ENTRY), ("pk_item|ix_item_open",)),
    Case("triage.notes", lambda tx: triage.notes(tx, ENTRY), ("ix_note_item_id",)),
    Case(
        "shown.react",
        lambda tx: shown.react(tx, ENTRY, "x", mint=str, at=NOW),
        ("ix_notice_tells",),
    ),
    Case("shown.last", lambda tx: shown.last(tx, "o"), ("ix_notice_about",)),
    Case("shown.message", lambda tx: shown.message(tx, "o"), ("uq_notice_origin_id",)),
    Case(
        "backlog.of_account",
        lambda tx: backlog.of_account(tx, "one"),
        ("ix_delivery_lane", "ix_delivery_held", "ix_delivery_left", "ix_delivery_known"),
    ),
    Case(
        "stats.period",
        lambda tx: stats.period(tx, NOW),
        ("ix_delivery_sent", "ix_delivery_left", "ix_item_received_at", "ix_item_answered"),
    ),
    Case("stats.standing", stats.standing, ("ix_item_open", "ix_delivery_left", "ix_delivery_lane")),
    Case("posts.about", lambda tx: posts.about(tx, ENTRY), ("ix_post_about",)),
    Case("posts.answering", lambda tx: posts.answering(tx, ENTRY), ("ix_post_answers",)),
    Case(
        "references.ours",
        lambda tx: references.ours(tx, DIRECTLY, "a"),
        ("ix_notice_archived", "uq_notice_origin_id"),
    ),
    Case(
        "references.theirs",
        lambda tx: references.theirs(tx, archive="a", sender="raj@example.org", name="m"),
        ("uq_stanza_archive_key", "ix_stanza_name", "ix_stanza_other_name"),
    ),
    Case("references.changed", lambda tx: references.changed(tx, 1, ENTRY), ("pk_stanza",)),
    Case("reactions.of", lambda tx: reactions.of(tx, "m", "raj@example.org"), ("pk_reaction",)),
    Case("reactions.prune", lambda tx: reactions.prune(tx, NOW, 50), ("ix_reaction_at",)),
    Case("roles.everybody", roles.everybody, ("pk_role",)),
    Case("roles.of", lambda tx: roles.of(tx, "kim@example.org"), ("pk_role",)),
    Case("roles.put", lambda tx: roles.put(tx, "kim@example.org", Kept()), ("pk_role",)),
    Case("accounts.get", lambda tx: accounts.get(tx, "one"), ("pk_account_state",)),
    Case("accounts.panic", accounts.panic, ("pk_control",)),
    Case("accounts.stops", accounts.stops, ("pk_control",)),
    Case("switching.hold", lambda tx: switching.hold(tx, "one"), ("ix_delivery_lane",)),
    Case("switching.free", lambda tx: switching.free(tx, "one"), ("ix_delivery_held",)),
    Case("switching.waiting", lambda tx: switching.waiting(tx, "one"), ("ix_delivery_held",)),
    Case("switching.unsettled", lambda tx: switching.unsettled(tx, "one"), ("ix_delivery_lane",)),
    Case("errands.trials", errands.trials, (), walks="trial"),
    Case(
        "figures.queues",
        figures.queues,
        ("ix_delivery_lane", "ix_delivery_held", "ix_delivery_left"),
    ),
    Case("accounts.keep_load", lambda tx: accounts.keep_load(tx, "one", "token"), ("pk_keep",)),
    Case("audit.append", lambda tx: audit.append(tx, at=NOW, actor="a", verb="v", salt="s"), (), walks="audit"),
    Case("audit.newest", lambda tx: audit.newest(tx, 20), (), walks="audit"),
    Case("audit.about", lambda tx: audit.about(tx, ENTRY), ("ix_audit_entry",)),
    Case("audit.forget", lambda tx: audit.forget(tx, ENTRY), ("ix_audit_entry",)),
    Case("audit.is_bound", lambda tx: audit.is_bound(tx, LINK), ("pk_audit",)),
    Case("erasure.erase", lambda tx: erasure.erase(tx, FOUND, at=NOW), ("pk_item", "ix_note_item_id")),
    Case("receipts.told", lambda tx: receipts.told(tx, ENTRY, OPS), ("ix_notice_receipt",)),
    Case("outbox.head", lambda tx: outbox.head(tx, "one"), ("ix_delivery_lane",)),
    Case("outbox.get", lambda tx: outbox.get(tx, 1), ("pk_delivery",)),
    Case("outbox.of_post", lambda tx: outbox.of_post(tx, ENTRY), ("ix_delivery_post_id",)),
    Case("outbox.followers", lambda tx: outbox.followers(tx, 1), ("ix_delivery_follows",)),
    Case("outbox.held", lambda tx: outbox.held(tx, "one"), ("ix_delivery_held",)),
    Case("outbox.sending", lambda tx: outbox.sending(tx, "one"), ("ix_delivery_lane",)),
    Case("outbox.pausing", lambda tx: outbox.pausing(tx, "one"), ("ix_delivery_lane",)),
    Case("outbox.waiting", lambda tx: outbox.waiting(tx, "one"), ("ix_delivery_lane",)),
    Case("outbox.tail", lambda tx: outbox.tail(tx, "one"), ("ix_delivery_account_position", "ix_delivery_lane")),
    Case("outbox.front", lambda tx: outbox.front(tx, "one"), ("ix_delivery_lane",)),
    Case("outbox.published", lambda tx: outbox.published(tx, "one", PostId("5")), ("ix_delivery_published",)),
    Case(
        "outbox.known",
        lambda tx: outbox.known(tx, "one", after=NOW),
        ("ix_delivery_known",),
    ),
    Case("outbox.prune", lambda tx: outbox.prune(tx, NOW, 5), ("ix_delivery_sent", "ix_delivery_follows")),
    Case("posts.get", lambda tx: posts.get(tx, ENTRY), ("pk_post",)),
    Case("posts.sharing", lambda tx: posts.sharing(tx, ENTRY), ("ix_post_receipt_id",)),
    Case("posts.group", lambda tx: posts.group(tx, ENTRY), ("ix_post_receipt_id",)),
    Case(
        "posts.last_of",
        lambda tx: posts.last_of(tx, author="ana@example.org", source=OPS, after=NOW),
        ("ix_post_source_created_at",),
    ),
]


def plans(tx: Tx, run: Callable[[Tx], object], explain: str) -> list[str]:
    """Run something, and return the plan of each statement that it executed."""
    statements: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        statements.append((statement, parameters))

    connection = tx._connection
    event.listen(connection, "before_cursor_execute", note)
    run(tx)
    event.remove(connection, "before_cursor_execute", note)
    assert statements
    found: list[str] = []
    for statement, parameters in statements:
        one = parameters[0] if isinstance(parameters, list) else parameters
        rows = connection.exec_driver_sql(f"{explain} {statement}", one).all()
        found.extend(str(row[-1]) for row in rows)
    return found


@pytest.fixture
async def lite(sqlite_url: str) -> AsyncIterator[Store]:
    async with Store.open(sqlite_url, clock=SystemClock()) as store:
        yield store


@pytest.fixture
async def heavy(postgresql_url: str) -> AsyncIterator[Store]:
    async with Store.open(postgresql_url, clock=SystemClock()) as store:
        yield store


async def test_no_query_scans_a_table_of_sqlite(lite: Store) -> None:
    missed: list[str] = []

    def unit(tx: Tx) -> None:
        for case in CASES:
            plan = "\n".join(plans(tx, case.run, "EXPLAIN QUERY PLAN"))
            missed.extend(f"{case.name}: {step}" for step in plan.splitlines() if _scans(step, case.walks))
            unused = [index for index in case.uses if not _uses(plan, index, _lite)]
            missed.extend(f"{case.name} doesn't use {index}: {plan}" for index in unused)

    await lite.write(unit)
    assert not missed, "\n".join(missed)


def _scans(step: str, walks: str) -> bool:
    return step.startswith("SCAN ") and " USING " not in step and step not in {"SCAN CONSTANT ROW", f"SCAN {walks}"}


def _uses(plan: str, index: str, spell: Callable[[str], str] = str) -> bool:
    return any(spell(name) in plan for name in index.split("|"))


def _lite(index: str) -> str:
    """SQLite names the indexes of keys by itself."""
    if any(index == one.name for table in metadata.tables.values() for one in table.indexes):
        return index
    kind, _, rest = index.partition("_")
    tables = [table for table in metadata.tables if rest == table or rest.startswith(f"{table}_")]
    columns = metadata.tables[max(tables, key=len)].primary_key.columns
    if kind == "pk" and len(columns) == 1 and columns[0].type.python_type is int:
        return "USING INTEGER PRIMARY KEY"
    return f"sqlite_autoindex_{max(tables, key=len)}_"


def fill(tx: Tx) -> None:
    """Store some hundred rows of each kind, since the planner of PostgreSQL counts."""
    states = {
        "delivery": ("sent", "ready"),
        "notice": ("done", "ready"),
        "item": ("done", "open"),
        "picture": ("dropped", "ready"),
    }
    for table in metadata.sorted_tables:
        if table.name in {"short_id", "stanza", "item", "post", "delivery", "notice", "picture"}:
            both = states.get(table.name, ("", ""))
            rows = [_made(table, number, both[number % 50 == 0]) for number in range(1, 1001)]
            tx.execute(insert(table), rows)
    tx.execute(text("ANALYZE"))


def _made(table: Table, number: int, state: str) -> dict[str, Any]:
    values: dict[str, Any] = {"id": number, "account": "one", "state": state, "visibility": "public", "place": "room"}
    values["kind"] = "line" if table.name == "notice" else "post"
    for column in table.columns:
        kind = column.type
        if column.name in values or (column.nullable and column.foreign_keys):
            continue
        if isinstance(kind, Utc):
            values[column.name] = NOW - timedelta(seconds=number)
        elif isinstance(kind, Reasons):
            values[column.name] = frozenset[str]()
        elif isinstance(kind, JSON):
            values[column.name] = {}
        else:
            values[column.name] = {int: number, bool: False}.get(kind.python_type, f"{column.name} {number}")
    if table.dialect_options["sqlite"]["autoincrement"]:
        del values["id"]
    return {name: value for name, value in values.items() if name in table.columns}


async def test_no_query_needs_to_scan_a_table_of_postgresql(heavy: Store) -> None:
    missed: list[str] = []

    def unit(tx: Tx) -> None:
        fill(tx)
        tx.execute(text("SET LOCAL enable_seqscan = off"))
        for case in CASES:
            plan = "\n".join(plans(tx, case.run, "EXPLAIN"))
            if "Seq Scan" in plan:
                missed.append(f"{case.name}: {plan}")
            missed.extend(f"{case.name} doesn't use {index}: {plan}" for index in case.uses if not _uses(plan, index))

    await heavy.write(unit)
    assert not missed, "\n".join(missed)
