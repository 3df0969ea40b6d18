"""Forgetting what a person said: the rows stay, since ids, answers and the audit's chain refer to them, the words go.

Two steps, since the first reads much and needn't be in the writer: `find` lists what there is, `erase` empties it. Do
both until nothing is found. The deed itself is the caller's to record, without the person's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, case, select, text, update

from bridge.domain.ids import EntryId
from bridge.domain.text import clean_inbound
from bridge.store import audit, delivery_rows, outbox, posts
from bridge.store.schema import NOTICE_DONE, NOTICE_RECEIPT, delivery, item, note, notice, post, review

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from bridge.store.tx import AnyRow, Tx

ERASED: Final = "(erased)"
"""What stands in the place of words."""

MOST: Final = 100
"""Items that one unit of work erases at most."""

_STEP: Final = 500
_EXCERPT: Final = 24
_SHORTEST: Final = 8
"""So much of a line that somebody said is taken for a quotation, where it stands in a line of ours."""

_ITEMS = (
    select(item.c.id, item.c.author_handle, item.c.author_name, item.c.text, item.c.warning, item.c.raw)
    .where(item.c.account == bindparam("of"), item.c.author_id == bindparam("by"), item.c.id > bindparam("after"))
    .order_by(item.c.id)
    .limit(_STEP)
)
_SAYS = notice.c.kind.in_(("line", "receipt")) & (notice.c.body != "")
_TOLD = (
    select(
        notice.c.id,
        notice.c.body,
        notice.c.item_id,
        notice.c.post_id,
        notice.c.receipt_id,
        case((text(NOTICE_DONE), 1), else_=0).label("is_done"),
    )
    .where(_SAYS, notice.c.id > bindparam("after"), notice.c.body != ERASED)
    .order_by(notice.c.id)
    .limit(_STEP)
)
_ERASE_ITEM = (
    update(item)
    .where(item.c.id == bindparam("one"))
    .values(
        uri="",
        author_id="",
        author_handle="",
        author_key="",
        author_local="",
        author_name="",
        author_url=None,
        text="",
        warning=None,
        language=None,
        url=None,
        media=[],
        answer_prefix="",
        memo={},
        raw=None,
        # As if its author had taken it back, so that no later edit brings it in again.
        deleted_at=case(
            (item.c.deleted_at.is_(None), bindparam("at", type_=item.c.deleted_at.type)), else_=item.c.deleted_at
        ),
        state=case((item.c.state == "open", "done"), else_=item.c.state),
    )
)
_ERASE_NOTES = update(note).where(note.c.item_id == bindparam("one")).values(text=ERASED)
_ERASE_POST = (
    update(post)
    .where(post.c.id == bindparam("one"))
    .values(text=case((post.c.text == "", ""), else_=ERASED), warning=None)
)
_ERASE_DELIVERIES = (
    update(delivery)
    .where(delivery.c.post_id == bindparam("one"))
    .values(
        text=case((delivery.c.text == "", ""), else_=ERASED),
        parent_memo={},
        error=None,
        # Else somebody's `retry` would publish what stands there now.
        state=case((delivery.c.state.in_(("dead", "asked")), "cancelled"), else_=delivery.c.state),
    )
)
_ERASE_REVIEW = (
    update(review).where(review.c.post_id == bindparam("one"), review.c.before.is_not(None)).values(before=ERASED)
)
_ERASE_TELLING = update(notice).where(notice.c.tells == bindparam("one"), _SAYS).values(body=ERASED)
_ERASE_RECEIPTS = (
    update(notice).where(text(NOTICE_RECEIPT), notice.c.receipt_id == bindparam("one"), _SAYS).values(body=ERASED)
)
_ERASE_TOLD = update(notice).where(notice.c.id == bindparam("one")).values(body=ERASED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a person said and what tells of it: items, and lines of ours by their numbers.

    `waiting` are answers to the person that are still on their way; what they answer isn't among the items.
    """

    items: tuple[EntryId, ...]
    told: tuple[int, ...]
    waiting: tuple[EntryId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was emptied, counted; `deeds` are rows of the audit."""

    items: int
    answers: int
    deeds: int


def find(tx: Tx, account: str, author: str) -> Found:
    """Return what is known of a person, by the platform's id of them; at most 100 items, the oldest first.

    It reads all items and all lines of the last weeks, so it belongs to a reader.
    """
    items: list[EntryId] = []
    waiting: list[EntryId] = []
    words: set[str] = set()
    for row in _said(tx, account, author) if author else ():  # who is erased already has no id
        going = _on_their_way(tx, EntryId(row.id))
        waiting += going
        if not going and len(items) < MOST:
            items.append(EntryId(row.id))
            words.update(_excerpts(row))
    answers = {answer for entry in items for answer in _answers(tx, entry)}
    told = [line.id for line in _lines(tx) if _tells(line, set(items), answers, words)] if items else []
    return Found(items=tuple(items), told=tuple(told), waiting=tuple(waiting))


def erase(tx: Tx, found: Found, *, at: datetime) -> Erased:
    """Empty what was found: items, colleagues' notes, our answers, the lines that told of them, the audit's content.

    Ids, times, states, links of our own posts and the chain of the audit stay. An answer that failed or was left in
    doubt is cancelled. An item with an answer on its way is left alone. Doing it twice is harmless.
    """
    count = answers = deeds = 0
    for entry in found.items:
        if _on_their_way(tx, entry):
            continue
        count += 1
        one = {"one": entry}
        tx.execute(_ERASE_ITEM, {**one, "at": at})
        for statement in (_ERASE_NOTES, _ERASE_TELLING):
            tx.execute(statement, one)
        deeds += audit.forget(tx, entry)
        for answer in _answers(tx, entry):
            answers += 1
            for statement in (_ERASE_POST, _ERASE_DELIVERIES, _ERASE_REVIEW, _ERASE_RECEIPTS):
                tx.execute(statement, {"one": answer})
            deeds += audit.forget(tx, answer)
    if found.told:
        tx.execute(_ERASE_TOLD, [{"one": one} for one in found.told])
    return Erased(items=count, answers=answers, deeds=deeds)


def _answers(tx: Tx, entry: EntryId) -> tuple[EntryId, ...]:
    return tuple(one.id for one in (*posts.answering(tx, entry), *posts.about(tx, entry)))


def _on_their_way(tx: Tx, entry: EntryId) -> list[EntryId]:
    """Return the answers to an item whose words a platform may still need."""
    return [
        answer
        for answer in _answers(tx, entry)
        if any(one.state not in delivery_rows.FINAL for one in outbox.of_post(tx, answer))
    ]


def _said(tx: Tx, account: str, author: str) -> Iterator[AnyRow]:
    after = 0
    while page := tx.rows(_ITEMS, {"of": account, "by": author, "after": after}):
        yield from page
        after = page[-1].id


def _lines(tx: Tx) -> Iterator[AnyRow]:
    after = 0
    while page := tx.rows(_TOLD, {"after": after}):
        yield from page
        after = page[-1].id


def _tells(line: AnyRow, items: set[EntryId], answers: set[EntryId], words: set[str]) -> bool:
    """Tell whether a line of ours is about what is to be erased, or, once it was told, quotes it."""
    if line.item_id in items or line.post_id in answers or line.receipt_id in answers:
        return True
    return bool(line.is_done) and any(word in line.body for word in words)


def _excerpts(row: AnyRow) -> Iterator[str]:
    """Return what of somebody's words, or names, can be told apart in a line of ours."""
    if row.author_handle:
        yield f"@{row.author_handle}"
    for said in (row.author_name, row.text, row.warning, row.raw):
        yield from _beginnings((said or "", clean_inbound(said or "", None)))


def _beginnings(texts: Iterable[str]) -> Iterator[str]:
    for words in texts:
        for line in words.splitlines():
            if len(line.strip()) >= _SHORTEST:
                yield line.strip()[:_EXCERPT].rstrip()
