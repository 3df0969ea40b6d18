from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bridge.commands import receipts as commands_receipts
from bridge.domain.deliveries import State
from bridge.domain.ids import EntryId
from bridge.domain.people import Place, Target
from bridge.store import notices, posts, receipts

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.store import Tx
    from bridge.testing.clock import FakeClock
    from tests.unit.commands.conftest import Bench

SECOND_ROOM = "sales@rooms.example.org"
TARGET = Target(SECOND_ROOM, Place.ROOM)


async def touch(bench: Bench, post: int, origin: str) -> bool:
    def unit(tx: Tx) -> bool:
        stored = posts.get(tx, EntryId(post))
        assert stored is not None
        return commands_receipts.touch(tx, stored, origin_id=origin, now=bench.clock.now())

    return await bench.store.write(unit)


async def due(bench: Bench) -> list[datetime | None]:
    return [one.due_at for one in await bench.store.read(notices.pending)]


async def burst(bench: Bench, number: int) -> None:
    for count in range(number):
        await bench.desk.handle(bench.incoming(f"!post number {count}", room=SECOND_ROOM))


async def test_a_receipt_tells_how_each_account_stands(bench: Bench) -> None:
    await bench.room("!post hello")
    await bench.become(1, State.SENT, account="mastodon")
    await bench.become(1, State.READY, account="x")
    assert await bench.receipt(1) == "[1] mastodon https://mastodon.example.org/1 · x on its way"
    await bench.become(1, State.UNCERTAIN, account="x")
    assert await bench.receipt(1) == "[1] mastodon https://mastodon.example.org/1 · x not sure, checking"
    await bench.become(1, State.UNCERTAIN, account="x", unwanted=True)
    assert (await bench.receipt(1)).endswith("x taken back; if it arrived, it is to be deleted")
    await bench.become(1, State.DEAD, account="x")
    assert (await bench.receipt(1)).endswith("x NOT sent, too old")


async def test_the_receipt_of_a_thread_counts_its_parts(bench: Bench) -> None:
    await bench.room("!to x post " + "Many words make a thread of it. " * 20)
    await bench.room("!send")
    assert await bench.receipt(1) == "[1] x on its way (0 of 3 parts sent)"
    await bench.first_becomes(1, State.SENT)
    assert await bench.receipt(1) == "[1] x on its way (1 of 3 parts sent)"
    await bench.become(1, State.SENT)
    assert await bench.receipt(1) == "[1] x https://x.example.org/1 (3 parts)"


async def test_the_time_left_is_that_of_the_moment(bench: Bench, clock: FakeClock) -> None:
    await bench.room("!post hello")
    await clock.advance(7.5)
    assert "Sending in 13 s" in await bench.receipt(1)
    await clock.advance(60)
    assert "Sending in 0 s" in await bench.receipt(1)


async def test_where_two_accounts_cut_alike_the_parts_are_shown_once(bench: Bench) -> None:
    bench.accounts.change("mastodon", limits=bench.accounts.views["x"].limits)
    lines = (await bench.room("!post " + "Many words make a thread of it. " * 100))[0].splitlines()
    assert lines[0].startswith("[1] 3199 characters: mastodon 13 parts, x 13 parts (can't be edited or deleted).")
    assert lines[1].startswith("| mastodon, x 1/13: Many words make a thread of it. ")
    assert lines[-1] == "| ... and 5 more"
    assert len(lines) == 10


async def test_a_burst_shares_one_receipt(bench: Bench) -> None:
    await burst(bench, 75)
    told = await bench.told()
    assert [one.body for one in told[:4]] == [f"[{number}] x on its way" for number in range(1, 5)]
    assert [one.body for one in told[4:]] == ["[5]..[4b] 71 posts: x 71 on its way"]
    assert await bench.count("delivery") == 75


async def test_a_burst_is_corrected_every_two_seconds(bench: Bench, clock: FakeClock) -> None:
    await burst(bench, 20)
    await bench.told()
    start = clock.now()
    assert await touch(bench, 10, "one")
    assert not await touch(bench, 11, "two")
    assert await due(bench) == [start + timedelta(seconds=2)]
    assert await bench.told() == []
    await clock.advance(2)
    await bench.become(10, State.SENT)
    await bench.become(11, State.DEAD)
    assert [one.body for one in await bench.told()] == ["[5]..[14] 16 posts: x 1 FAILED, 14 on its way, 1 sent"]
    assert await touch(bench, 12, "three")
    assert await due(bench) == [start + timedelta(seconds=4)]
    await clock.advance(60)
    await bench.told()
    assert await touch(bench, 1, "own")
    assert await due(bench) == [None]


async def test_a_burst_that_is_held_says_how_to_stop_it(bench: Bench) -> None:
    for count in range(8):
        await bench.desk.handle(bench.incoming(f"!post number {count}", room="ops@rooms.example.org"))
    told = await bench.told()
    assert told[-1].body == (
        "[5]..[8] 4 posts: mastodon 4 held · x 4 held. `!undo ID` takes one back, `!panic` freezes all"
    )


async def test_posts_that_are_apart_have_their_own_receipts(bench: Bench, clock: FakeClock) -> None:
    for _ in range(8):
        await burst(bench, 1)
        await clock.advance(0.5)
    assert len(await bench.told()) == 8


async def test_a_clock_that_was_set_back_does_not_delay_a_receipt(bench: Bench, clock: FakeClock) -> None:
    await burst(bench, 8)
    await bench.told()
    clock.jump(-3600)
    await touch(bench, 8, "one")
    assert await due(bench) == [clock.now() + timedelta(seconds=2)]


async def test_what_a_person_holds_and_what_goes_out(bench: Bench) -> None:
    await bench.room("!post one")
    await bench.room("!post two")
    source = Target("ops@rooms.example.org", Place.ROOM)
    held = await bench.store.read(lambda tx: receipts.held_by(tx, author="raj@example.org", source=source))
    assert held == ((2, frozenset({"undo"})), (1, frozenset({"undo"})))
    await bench.become(1, State.SENDING)
    outgoing = await bench.store.read(receipts.outgoing)
    assert (outgoing.held, outgoing.ready, outgoing.on_the_wire) == (1, 0, ((1, "mastodon"), (1, "x")))


async def test_a_line_is_rendered_as_it_was_written(bench: Bench) -> None:
    await bench.desk.handle(bench.incoming("!me", room=SECOND_ROOM))
    (line,) = await bench.store.read(notices.pending)
    assert await bench.store.read(lambda tx: bench.render(tx, line)) == line.body


async def test_a_receipt_of_what_is_gone_says_so(bench: Bench) -> None:
    def unit(tx: Tx) -> list[str]:
        notices.touch_receipt(tx, target=TARGET, receipt=EntryId(0x4F), origin_id="one", at=bench.clock.now())
        return [bench.render(tx, one) for one in notices.pending(tx, TARGET)]

    assert await bench.store.write(unit) == ["[4f] is not known any more"]
