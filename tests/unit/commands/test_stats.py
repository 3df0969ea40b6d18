"""What `stats` counts, and that it tells numbers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain.deliveries import State
from bridge.domain.ids import EntryId
from bridge.domain.posts import Visibility
from bridge.store import inbox, triage

if TYPE_CHECKING:
    from tests.unit.commands.conftest import Bench

DAY = 86_400
SALES = "sales@rooms.example.org"
NOTHING_YET = [
    "today (UTC): published nothing · 0 answers sent · 0 heard",
    "7 days: published nothing · 0 answers sent · 0 heard",
    "now: 0 open, 0 claimed",
]


async def counted(bench: Bench) -> list[str]:
    (answer,) = await bench.direct("stats")
    return answer.splitlines()


async def answered(bench: Bench, entry: int) -> None:
    await bench.store.write(lambda tx: inbox.answered(tx, EntryId(entry), bench.clock.now()))


async def test_of_nothing_it_counts_nothing(bench: Bench) -> None:
    assert await counted(bench) == NOTHING_YET
    (same,) = await bench.room("!stats")
    assert same.splitlines() == NOTHING_YET


async def test_a_post_counts_once_for_each_account_that_has_it(bench: Bench) -> None:
    await bench.direct("post one")
    await bench.direct("post " + "many words " * 60)
    await bench.direct("to x post three")
    await bench.direct("to x post four")
    await bench.become(1, State.SENT)
    await bench.become(2, State.SENT)
    await bench.become(3, State.DEAD)
    await bench.become(4, State.CANCELLED)
    assert await counted(bench) == [
        "today (UTC): published mastodon 2, x 2 · 0 answers sent · 0 heard · 1 failed",
        "7 days: published mastodon 2, x 2 · 0 answers sent · 0 heard · 1 failed",
        "now: 0 open, 0 claimed · 1 failed",
    ]


async def test_what_is_in_doubt_stands_in_the_last_line(bench: Bench) -> None:
    await bench.direct("post one")
    await bench.become(1, State.ASKED, account="x")
    await bench.become(1, State.UNCERTAIN, account="mastodon")
    assert (await counted(bench))[2] == "now: 0 open, 0 claimed · 2 in doubt"


async def test_an_answer_is_no_post_and_its_time_is_told(bench: Bench) -> None:
    await bench.hears("Are you down?", "Any ETA?", "Hello?")
    for entry, seconds in ((1, 60), (2, 30), (3, 600)):
        await bench.clock.advance(seconds)
        await bench.room(f"!r {entry} Soon")
        await bench.become(entry + 3, State.SENT)
        await answered(bench, entry)
    lines = await counted(bench)
    assert lines[0] == "today (UTC): published nothing · 3 answers sent · 3 heard · first answer after 1:30 (median)"
    assert lines[2] == "now: 0 open, 0 claimed"


async def test_periods_end_where_they_say(bench: Bench) -> None:
    await bench.hears("Are you down?")
    await bench.room("!r 1 Soon")
    await bench.become(2, State.SENT)
    await answered(bench, 1)
    await bench.direct("post one")
    await bench.become(3, State.SENT)
    today = bench.clock.now()
    until_midnight = DAY - (today.hour * 3600 + today.minute * 60 + today.second)
    await bench.clock.advance(until_midnight)
    week = "published mastodon 1, x 1 · 1 answer sent · 1 heard · first answer after 0:00 (median)"
    assert await counted(bench) == [NOTHING_YET[0], f"7 days: {week}", NOTHING_YET[2]]
    await bench.clock.advance(7 * DAY - until_midnight)
    assert (await counted(bench))[1] == f"7 days: {week}"
    await bench.clock.advance(1)
    assert await counted(bench) == NOTHING_YET


async def test_the_oldest_that_waits_is_named_without_its_words(bench: Bench) -> None:
    await bench.hears("My number is 555-0100", visibility=Visibility.DIRECT)
    await bench.clock.advance(7200)
    await bench.hears("Are you down?", "Any ETA?")
    claim = triage.claim
    await bench.store.write(
        lambda tx: claim(tx, EntryId(2), person="raj@example.org", nick="raj", at=bench.clock.now())
    )
    await bench.clock.advance(60)
    for line in (*await bench.room("!stats"), *await bench.direct("stats"), *await bench.room("!stats", room=SALES)):
        assert line.splitlines()[2] == "now: 2 open, 1 claimed · the oldest is [1], 2 h old"
        assert "555" not in line


async def test_only_staff_may_count(bench: Bench) -> None:
    (answer,) = await bench.room("!stats", who="eve")
    assert "you have no role here" in answer
