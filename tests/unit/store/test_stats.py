from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bridge.domain.deliveries import State
from bridge.domain.ids import Cursor, EntryId, PostId
from bridge.domain.items import Author, Item
from bridge.domain.outbox import Draft, Part
from bridge.domain.people import Place, Target
from bridge.domain.posts import Key
from bridge.store import Store, Tx, inbox, outbox, posts, stats
from bridge.store.stats import Period, Standing

RAJ = Target("raj@example.org", Place.DIRECT)


def heard(tx: Tx, at: datetime) -> EntryId:
    item = Item(
        id=PostId(str(at)),
        author=Author(id="5", handle="kim@social.example"),
        text="any ETA?",
        created_at=at,
        cursor=Cursor("1"),
    )
    (one,) = inbox.add(tx, account="a", items=[item], received_at=at)
    return one.id


def posted(tx: Tx, at: datetime, states: dict[str, State], *, answers: EntryId | None = None) -> None:
    draft = Draft(author=RAJ.jid, nick="raj", source=RAJ, text="We", hold=timedelta(0), created_at=at, answers=answers)
    stored = posts.add(tx, draft, stanza=None)
    parts = [
        Part(account=name, text="We", key=Key(token=f"{stored.id}{name}{number}", minted_at=at), part=number, parts=2)
        for name in states
        for number in range(2)
    ]
    for one in outbox.add(tx, stored, parts, held=frozenset(), now=at, born_for=frozenset(), epoch="e"):
        outbox.save(tx, replace(one, state=states[one.account], held=frozenset()), now=at)


async def test_of_nothing_there_are_zeros(store: Store, now: datetime) -> None:
    nothing = Period(published={}, answers=0, failed=0, heard=0, first_answer=None)
    assert await store.read(lambda tx: stats.period(tx, now)) == nothing
    nobody = Standing(open=0, claimed=0, oldest=None, failed=0, in_doubt=0)
    assert await store.read(stats.standing) == nobody


async def test_a_period_begins_at_its_first_moment(store: Store, now: datetime) -> None:
    before = now - timedelta(milliseconds=1)

    def unit(tx: Tx) -> None:
        for at in (before, now, now + timedelta(minutes=3)):
            one = heard(tx, at)
            inbox.answered(tx, one, at + timedelta(minutes=at.minute))
            posted(tx, at, {"b": State.SENT, "a": State.SENT})
            posted(tx, at, {"a": State.SENT}, answers=one)
            posted(tx, at, {"a": State.DEAD, "b": State.ASKED, "c": State.UNCERTAIN})
        heard(tx, before - timedelta(days=1))

    await store.write(unit)
    found = await store.read(lambda tx: stats.period(tx, now))
    # Answered after 3 min what came before, at 4 min and at 7 min past the hour; all three answers came since.
    median = timedelta(minutes=4)
    assert found == Period(published={"a": 2, "b": 2}, answers=2, failed=2, heard=2, first_answer=median)
    standing = await store.read(stats.standing)
    assert (standing.open, standing.claimed, standing.failed, standing.in_doubt) == (1, 0, 6, 12)
    assert standing.oldest is not None
    assert standing.oldest.received_at == before - timedelta(days=1)
