"""`resume` shows what waits before anything flows; everybody who was told of the panic is told of its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain.deliveries import State
from bridge.store import accounts

if TYPE_CHECKING:
    from bridge.testing.clock import FakeClock
    from tests.unit.commands.conftest import Bench

ROOM = "ops@rooms.example.org"
SECOND_ROOM = "sales@rooms.example.org"
ONCE_MORE = "`!resume` once more within 5 min lets it go on. Nothing was posted."


async def frozen(bench: Bench) -> bool:
    return await bench.store.read(accounts.panic) is not None


async def test_the_oldest_are_shown_first_with_how_many_wait_for_each_account(bench: Bench, clock: FakeClock) -> None:
    await bench.room("!panic")
    await bench.room("!post one")
    await clock.advance(120)
    await bench.direct("!to x post a secret plan")
    await clock.advance(60)
    assert await bench.room("!resume", who="tom") == [
        "2 messages wait (mastodon 1, x 2)\n"
        "[1] 3 min, mastodon, x: one\n"
        "[2] 1 min, x: (written elsewhere)\n" + ONCE_MORE
    ]
    assert await frozen(bench)
    told = await bench.direct("resume", who="tom")
    assert "[2] 1 min, x: a secret plan" in told[0]
    assert await frozen(bench)


async def test_the_list_is_one_screen_however_much_waits(bench: Bench) -> None:
    await bench.room("!panic")
    for number in range(14):
        await bench.room(f"!post line {number}", room=SECOND_ROOM)
    (shown,) = await bench.room("!resume", who="tom", room=SECOND_ROOM)
    lines = shown.splitlines()
    assert lines[0] == "14 messages wait (x 14)"
    assert [line.split()[-1] for line in lines[1:11]] == [str(number) for number in range(10)]
    assert lines[11:] == ["... and 4 more", ONCE_MORE]


async def test_stale_ones_are_marked_and_counted(bench: Bench, clock: FakeClock) -> None:
    await bench.room("!to x post old")
    await bench.become(1, State.READY)
    await bench.room("!to x post dead")
    await bench.room("!panic")
    await clock.advance(3700)
    await bench.become(2, State.DEAD)
    await bench.room("!to x post new", room=SECOND_ROOM)
    (shown,) = await bench.room("!resume", who="tom", room=SECOND_ROOM)
    rest = "; 1 more became too old during the panic"
    assert shown.splitlines()[0] == f"2 messages wait (x 2), 1 of them stale{rest}"
    assert shown.splitlines()[1:3] == ["[1] 61 min, stale, x: (written elsewhere)", "[3] 0 s, x: new"]
    await clock.advance(10)
    told = await bench.room("!resume", who="tom", room=SECOND_ROOM)
    assert told[0] == "everything outgoing continues, 1 message to go, 1 too old to go out unasked"


async def test_deletions_and_what_waits_for_something_else_are_not_shown(bench: Bench) -> None:
    await bench.room("!to mastodon post gone")
    await bench.become(1, State.SENT)
    await bench.room("!panic")
    await bench.room("!at in 2h later")
    await bench.room("!undo 1")
    assert (await bench.room("!resume", who="tom"))[0].startswith("everything outgoing continues")


async def test_what_came_after_the_list_is_shown_before_it_flows(bench: Bench, clock: FakeClock) -> None:
    await bench.room("!panic")
    await bench.room("!post one")
    await bench.room("!resume", who="tom")
    await clock.advance(10)
    await bench.room("!post two")
    (shown,) = await bench.room("!resume", who="tom")
    assert shown.startswith("what waits has changed since I showed it: 2 messages wait (mastodon 2, x 2)\n[1]")
    await clock.advance(10)
    await bench.room("!edit 2 two, but worse")
    (shown,) = await bench.room("!resume", who="tom")
    assert "two, but worse" in shown
    assert await frozen(bench)
    await clock.advance(10)
    await bench.room("!resume", who="tom")
    assert not await frozen(bench)


async def test_two_approvers_at_once_have_not_read_the_list(bench: Bench, clock: FakeClock) -> None:
    await bench.room("!panic")
    await bench.room("!post one")
    both = [bench.incoming("!resume", who=who, room=ROOM) for who in ("tom", "ana")]
    assert await bench.desk.together(both) == 2
    told = [one.body for one in await bench.told()]
    assert told[1] == (
        "the list of what waits was shown only now: say `!resume` once more when you have read it. Nothing was posted."
    )
    assert await frozen(bench)
    await clock.advance(3)
    await bench.room("!resume", who="ana")
    assert not await frozen(bench)


async def test_a_list_counts_only_where_it_was_shown(bench: Bench, clock: FakeClock) -> None:
    await bench.room("!panic")
    await bench.room("!post one")
    await bench.room("!resume", who="tom")
    await clock.advance(10)
    (shown,) = await bench.direct("resume", who="ana")
    assert shown.startswith("1 message waits")
    assert await frozen(bench)


async def test_a_new_panic_in_between_asks_for_the_list_again(bench: Bench, clock: FakeClock) -> None:
    await bench.room("!panic")
    await bench.room("!post one")
    await bench.room("!resume", who="tom")
    await clock.advance(10)
    await bench.room("!panic")
    assert (await bench.room("!resume", who="tom"))[0].startswith("1 message waits")
    await clock.advance(400)
    assert (await bench.room("!resume", who="tom"))[0].startswith("1 message waits")
    assert await frozen(bench)


async def test_the_same_second_word_handed_in_twice_counts_once(bench: Bench, clock: FakeClock) -> None:
    await bench.room("!panic")
    await bench.room("!post one")
    first = bench.incoming("!resume", who="tom", room=ROOM)
    await bench.hand_in(first)
    await clock.advance(10)
    assert await bench.hand_in(first) == []
    assert await frozen(bench)


async def test_whoever_was_told_of_the_panic_is_told_of_its_end_and_by_whom(bench: Bench) -> None:
    await bench.direct("panic", who="raj")
    await bench.direct("panic", who="tom")
    await bench.desk.handle(bench.incoming("!resume", who="ana", room=ROOM))
    told = await bench.told()
    end = "everything outgoing continues, 0 messages to go"
    assert {one.to: one.body for one in told} == {
        ROOM: end,
        SECOND_ROOM: f"ana says resume: {end}",
        "ana@example.org": f"ana says resume: {end}",
        "raj@example.org": f"ana says resume: {end}",
        "tom@example.org": f"ana says resume: {end}",
    }
    assert [row[:2] for row in await bench.audited()] == [("raj@example.org", "panic"), ("ana@example.org", "resume")]


async def test_who_lost_their_role_meanwhile_is_told_nothing(bench: Bench) -> None:
    await bench.direct("panic", who="raj")
    people = {jid: roles for jid, roles in bench.settings.people.items() if jid != "raj@example.org"}
    bench.configure(people=people)
    await bench.desk.handle(bench.incoming("resume", who="tom"))
    assert {one.to for one in await bench.told()} == {"tom@example.org", ROOM, SECOND_ROOM, "ana@example.org"}


async def test_the_next_panic_knows_nothing_of_the_one_before(bench: Bench, clock: FakeClock) -> None:
    await bench.direct("panic", who="raj")
    await bench.room("!resume", who="ana")
    await clock.advance(10)
    await bench.room("!panic")
    await bench.desk.handle(bench.incoming("!resume", who="ana", room=ROOM))
    assert "raj@example.org" not in {one.to for one in await bench.told()}
