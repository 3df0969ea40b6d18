from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import text as sql

from bridge.domain.posts import Visibility
from bridge.store import audit

if TYPE_CHECKING:
    from bridge.store import Tx
    from tests.unit.commands.conftest import Bench


def sent(tx: Tx, bench: Bench, *, entry: int = 1, account: str = "mastodon") -> None:
    audit.append(
        tx,
        at=bench.clock.now(),
        actor=audit.BRIDGE,
        verb="sent",
        salt="s",
        entry=entry,
        account=account,
        delivery=1,
        platform_id="114512345678901234",
        content="https://mastodon.example.org/1",
    )


async def test_all_about_a_post_and_what_became_of_it(bench: Bench) -> None:
    await bench.room("!post We are down", key="1a2b")
    at = f"{bench.clock.now():%H:%M}"
    bench.clock.jump(60)
    await bench.store.write(lambda tx: sent(tx, bench))
    (line,) = await bench.direct("audit 1", who="tom")
    assert line.startswith(f'[1] {at} post raj "We are down" (stanza 1a2b) · ')
    assert line.endswith("sent mastodon 114512345678... · chain ok (times in UTC)")


async def test_a_stanza_is_proved_when_its_row_is_gone(bench: Bench) -> None:
    await bench.room("!post We are down", key="an-id-of-the-archive")
    await bench.store.write(lambda tx: tx.changed(sql("UPDATE post SET stanza_id = NULL")))
    await bench.store.write(lambda tx: tx.changed(sql("DELETE FROM stanza WHERE key = 'an-id-of-the-archive'")))
    (link,) = await bench.store.read(lambda tx: audit.about(tx, 1))
    assert (link.archive, link.key) == ("ops@rooms.example.org", "an-id-of-the-archive")
    assert (await bench.store.read(audit.verify)).holds


async def test_the_last_deeds_newest_last(bench: Bench) -> None:
    for number in range(25):
        await bench.room(f"!post number {number}")
    (told,) = await bench.direct("audit", who="tom")
    lines = told.splitlines()
    assert len(lines) == 21
    assert 'post [6] raj "number 5"' in lines[0]
    assert 'post [19] raj "number 24"' in lines[-2]
    assert lines[-1] == "chain ok (times in UTC)"


async def test_what_was_edited_by_hand_is_seen(bench: Bench) -> None:
    await bench.room("!post We are down")
    await bench.room("!post We are up")
    await bench.store.write(lambda tx: tx.changed(sql("UPDATE audit SET actor = 'eve@example.org' WHERE id = 1")))
    (line,) = await bench.direct("audit 1", who="tom")
    assert line.endswith("chain BROKEN at row 1 (times in UTC)")
    (told,) = await bench.direct("audit", who="tom")
    assert told.endswith("chain BROKEN at row 1 (times in UTC)")
    (other,) = await bench.direct("audit 2", who="tom")
    assert other.endswith("chain ok (times in UTC)")


async def test_what_was_forgotten_says_so(bench: Bench) -> None:
    await bench.room("!post We are down")
    await bench.store.write(lambda tx: audit.forget(tx, 1))
    (line,) = await bench.direct("audit 1", who="tom")
    assert "We are down" not in line
    assert "post raj (forgotten)" in line
    assert line.endswith("chain ok (times in UTC)")


async def test_an_item_its_notes_and_its_answers(bench: Bench) -> None:
    (one,) = await bench.hears("any ETA?", visibility=Visibility.PRIVATE)
    await bench.direct(f"note {one.id:x} he pays for gold")
    await bench.direct(f"claim {one.id:x}")
    await bench.direct(f"r {one.id:x} Soon")
    (line,) = await bench.direct(f"audit {one.id:x}", who="tom")
    assert 'note raj "he pays for gold" mastodon' in line
    assert " claim raj mastodon (stanza " in line
    assert line.endswith("answered by [2]")


async def test_times_are_the_readers_own(bench: Bench) -> None:
    await bench.room("!post We are down")
    await bench.direct("set zone Asia/Kolkata", who="tom")
    (line,) = await bench.direct("audit 1", who="tom")
    at = bench.clock.now().astimezone(ZoneInfo("Asia/Kolkata"))
    assert line.startswith(f"[1] {at:%H:%M} post raj")
    assert line.endswith("chain ok (times in Asia/Kolkata)")


async def test_a_time_edited_by_hand_is_shown_as_it_stands(bench: Bench) -> None:
    await bench.room("!post We are down")
    await bench.store.write(lambda tx: tx.changed(sql("UPDATE audit SET at = 'noon' WHERE id = 1")))
    (line,) = await bench.direct("audit 1", who="tom")
    assert line.startswith("[1] noon post raj")
    assert "chain BROKEN at row 1" in line


async def test_older_deeds_have_their_day(bench: Bench) -> None:
    await bench.room("!post We are down")
    day = f"{bench.clock.now():%Y-%m-%d}"
    bench.clock.jump(timedelta(days=2).total_seconds())
    (line,) = await bench.direct("audit 1", who="tom")
    assert line.startswith(f"[1] {day} ")


async def test_nothing_was_done(bench: Bench) -> None:
    (told,) = await bench.direct("audit", who="tom")
    assert told == "Nothing was recorded yet."
    (one,) = await bench.hears("any ETA?")
    assert await bench.direct(f"audit {one.id:x}", who="tom") == ["[1] nothing was done about it"]


async def test_for_approvers_in_direct_chats_alone(bench: Bench) -> None:
    await bench.room("!post We are down")
    (told,) = await bench.direct("audit 1", who="raj")
    assert told == "`audit` needs the role approver; you are staff. Nothing was posted."
    (told,) = await bench.room("!audit 1", who="tom")
    assert told == "`audit` works in a direct chat with me only. Nothing was posted."
