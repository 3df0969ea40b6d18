from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text as sql

from bridge.commands.declined import LATE_SHOWN
from bridge.commands.incoming import Content

if TYPE_CHECKING:
    from bridge.commands.incoming import Incoming
    from bridge.store import Tx
    from bridge.testing.clock import FakeClock
    from tests.unit.commands.conftest import Bench

ROOM = "ops@rooms.example.org"
AWAY = timedelta(hours=3)
AGAIN = "Say again what still matters. Nothing was posted."
STRANGER = "I work for a team that you aren't in, so I can't do anything for you. Nothing was posted."
ENCRYPTED = "I can't read encrypted messages: send it without end-to-end encryption. Nothing was posted."


def listed(*lines: str) -> str:
    return "\n".join(["Said while I was away, not done:", *lines, AGAIN])


async def statuses(bench: Bench) -> list[str]:
    def look(tx: Tx) -> list[str]:
        return [str(row[0]) for row in tx.rows(sql("SELECT status FROM stanza ORDER BY id"))]

    return await bench.store.read(look)


async def hand_in_all(bench: Bench, *incomings: Incoming) -> list[tuple[str, str]]:
    """Hand in what an archive gave, before anything can be told, and return what is told then."""
    for incoming in incomings:
        await bench.desk.handle(incoming)
    return [(one.to, one.body) for one in await bench.told()]


async def test_a_command_that_was_said_too_long_ago_is_told_and_not_done(bench: Bench, clock: FakeClock) -> None:
    said = bench.incoming("!post yesterday's news", room=ROOM, said_at=clock.now() - AWAY, caught_up=False)
    assert await bench.hand_in(said) == [listed('raj, 3 h ago: "!post yesterday\'s news"')]
    assert await bench.count("post") == 0
    assert await statuses(bench) == ["late"]
    assert await bench.hand_in(said) == []


async def test_all_that_was_said_too_long_ago_is_one_notice_for_each_conversation(
    bench: Bench, clock: FakeClock
) -> None:
    then = clock.now() - AWAY
    told = await hand_in_all(
        bench,
        bench.incoming("!post one", room=ROOM, said_at=then),
        bench.incoming("is it the cache?", room=ROOM, said_at=then),
        bench.incoming("!pots two", who="tom", room=ROOM, said_at=then + timedelta(hours=1)),
        bench.incoming("three", said_at=then),
        bench.incoming("!post four", room=ROOM, said_at=clock.now() - timedelta(minutes=59)),
        bench.incoming("five", said_at=then),
        bench.incoming("six", who="ana", said_at=then),
    )
    late = [(to, body) for to, body in told if body.startswith("Said")]
    assert late == [
        (ROOM, listed('raj, 3 h ago: "!post one"', 'tom, 2 h ago: "!pots two"')),
        ("raj@example.org", listed('3 h ago: "three"', '3 h ago: "five"')),
        ("ana@example.org", listed('3 h ago: "six"')),
    ]
    assert await bench.count("post") == 1


async def test_a_burst_that_shares_a_commit_shares_the_notice(bench: Bench, clock: FakeClock) -> None:
    burst = [bench.incoming(f"!post {number}", room=ROOM, said_at=clock.now() - AWAY) for number in range(8)]
    assert await bench.desk.together(burst) == 8
    assert [one.body for one in await bench.told()] == [
        listed(*(f'raj, 3 h ago: "!post {number}"' for number in range(8)))
    ]


async def test_a_kill_between_the_lines_tells_each_of_them_once(bench: Bench, clock: FakeClock) -> None:
    lines = [bench.incoming(f"!post {number}", room=ROOM, said_at=clock.now() - AWAY) for number in range(4)]
    await bench.desk.handle(lines[0])
    await bench.desk.handle(lines[1])
    bench.desk = bench.new_desk()
    told = await hand_in_all(bench, *lines)
    assert told == [(ROOM, listed(*(f'raj, 3 h ago: "!post {number}"' for number in range(4))))]


async def test_what_comes_after_the_notice_went_out_is_another_one(bench: Bench, clock: FakeClock) -> None:
    first = await bench.room("!post one", said_at=clock.now() - AWAY)
    second = await bench.room("!post two", said_at=clock.now() - AWAY)
    assert (first, second) == ([listed('raj, 3 h ago: "!post one"')], [listed('raj, 3 h ago: "!post two"')])


async def test_of_very_many_some_are_quoted_and_the_others_counted(bench: Bench, clock: FakeClock) -> None:
    lines = [bench.incoming("!post " + "x" * 900, room=ROOM, said_at=clock.now() - AWAY) for _ in range(LATE_SHOWN + 7)]
    ((_, body),) = await hand_in_all(bench, *lines)
    assert body.count("raj, 3 h ago") == LATE_SHOWN
    assert body.endswith(f"\n... and 7 more\n{AGAIN}")
    assert len(body) < 2500


async def test_what_is_quoted_cannot_look_like_the_bots_own_line(bench: Bench, clock: FakeClock) -> None:
    lines = await bench.room("!post one\n[4f] mastodon done\u202e", who="raj", said_at=clock.now() - AWAY)
    assert lines == [listed('raj, 3 h ago: "!post one [4f] mastodon done"')]


async def test_what_cannot_be_read_is_not_quoted(bench: Bench, clock: FakeClock) -> None:
    lines = await bench.room("!post secret", content=Content.ENCRYPTED, said_at=clock.now() - AWAY)
    assert lines == [listed("raj, 3 h ago: (encrypted)")]


async def test_a_stranger_is_answered_once_a_day(bench: Bench, clock: FakeClock) -> None:
    assert await bench.direct("buy my watches", who="eve") == [STRANGER]
    assert await bench.direct("!me", who="eve") == []
    assert await bench.direct("post spam", who="eve") == []
    assert len(await bench.direct("hello", who="mallory")) == 1
    await clock.advance(timedelta(days=1, seconds=1).total_seconds())
    assert len(await bench.direct("hello again", who="eve")) == 1
    assert await bench.count("post") == 0


async def test_a_restart_does_not_forget_a_stranger(bench: Bench) -> None:
    assert await bench.direct("buy my watches", who="eve") == [STRANGER]
    bench.desk = bench.new_desk()
    assert await bench.direct("buy my watches", who="eve") == []


async def test_whatever_a_stranger_sends_gets_the_same_line(bench: Bench, clock: FakeClock) -> None:
    told = await hand_in_all(
        bench,
        bench.incoming("?OTRv23?", who="eve", content=Content.ENCRYPTED),
        bench.incoming("back at ten", who="eve", content=Content.AUTOMATIC),
        bench.incoming("hello", who="eve", said_at=clock.now() - AWAY),
    )
    assert told == [("eve@example.org", STRANGER)]


async def test_what_cannot_be_read_in_a_direct_chat_is_told_once_an_hour(bench: Bench, clock: FakeClock) -> None:
    assert await bench.direct("?OTR:AAMD.", content=Content.ENCRYPTED) == [ENCRYPTED]
    bench.desk = bench.new_desk()
    assert await bench.direct("?OTR:AAMD.", content=Content.ENCRYPTED) == []
    assert await bench.direct("", content=Content.ENCRYPTED) == []
    await clock.advance(3601)
    assert await bench.direct("", content=Content.ENCRYPTED, said_at=clock.now() - AWAY) == [ENCRYPTED]
    assert await bench.count("post") == 0


async def test_talk_that_cannot_be_read_is_told_its_author_alone_and_seldom(bench: Bench, clock: FakeClock) -> None:
    secret = bench.incoming("I sent you an OMEMO encrypted message", room=ROOM, content=Content.ENCRYPTED)
    words = (
        f"I can't read what you send encrypted to {ROOM}. If some of it is for me, send that unencrypted. "
        "Nothing was posted."
    )
    assert await hand_in_all(bench, secret) == [("raj@example.org", words)]
    await clock.advance(86_400)
    assert await hand_in_all(bench, replace(secret, key="next")) == []
    await clock.advance(7 * 86_400)
    assert await hand_in_all(bench, replace(secret, key="last")) == [("raj@example.org", words)]


async def test_talk_of_somebody_without_a_role_is_not_ours_to_read(bench: Bench) -> None:
    assert await bench.room("secret", who="eve", content=Content.ENCRYPTED) == []


async def test_an_away_message_is_not_published_and_told_once_a_day(bench: Bench, clock: FakeClock) -> None:
    words = (
        "That is your away message, so I took it for an automatic answer of your client. "
        "`post TEXT` posts it all the same. Nothing was posted."
    )
    assert await bench.direct("back at ten", content=Content.AUTOMATIC) == [words]
    for _ in range(50):
        assert await bench.direct("back at ten", content=Content.AUTOMATIC) == []
    await clock.advance(86_401)
    assert await bench.direct("back at ten", content=Content.AUTOMATIC) == [words]
    assert await bench.count("post") == 0
