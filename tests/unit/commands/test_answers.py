from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.commands import heard
from bridge.domain.deliveries import State
from bridge.domain.ids import Cursor
from bridge.domain.items import Deleted
from bridge.domain.posts import Visibility
from bridge.store import inbox

if TYPE_CHECKING:
    from bridge.domain.inbox import StoredItem
    from bridge.testing.clock import FakeClock
    from tests.unit.commands.conftest import Bench

ROOM = "ops@rooms.example.org"


async def test_an_answer_goes_to_the_item_on_its_account(bench: Bench) -> None:
    (item,) = await bench.hears("still locked out, any ETA?", visibility=Visibility.UNLISTED)
    lines = await bench.room("!r 1 About 20 minutes, sorry!")
    assert lines == ["[2->1] to @kim, from mastodon, as raj in 20 s: `!send`, `!undo`, or correct your message"]
    (one,) = await bench.deliveries(2)
    assert one.account == "mastodon"
    assert one.text == "@kim@mastodon.example About 20 minutes, sorry!"
    assert one.parent is not None
    assert one.parent.id == item.item.id
    assert one.visibility is Visibility.UNLISTED
    assert one.state is State.HELD


async def test_a_private_item_is_answered_in_private(bench: Bench) -> None:
    await bench.hears("my password is lost", visibility=Visibility.DIRECT)
    lines = await bench.direct("r 1 we can help")
    assert lines == ["[2->1] to @kim, private, from mastodon, as raj in 20 s: `send`, `undo`, or correct your message"]
    assert [one.visibility for one in await bench.deliveries(2)] == [Visibility.DIRECT]


async def test_the_receipt_of_an_answer_ends_in_its_link(bench: Bench) -> None:
    await bench.hears("any ETA?")
    await bench.room("!r 1 soon")
    await bench.become(2, State.SENT)
    assert await bench.receipt(2) == "[2->1] to @kim, from mastodon, as raj: mastodon https://mastodon.example.org/1"


@pytest.mark.parametrize("who", ["@kim", "@kim@mastodon.example", "@KIM"])
async def test_a_person_is_answered_by_name(bench: Bench, who: str) -> None:
    await bench.hears("first", "second")
    await bench.room(f"!r {who} soon")
    (one,) = await bench.deliveries(3)
    assert one.parent is not None
    lines = await bench.receipt(3)
    assert lines.startswith("[3->2] to @kim")


async def test_an_unknown_id_or_person(bench: Bench) -> None:
    for line in ("!r 9a soon", "!r @nobody soon"):
        lines = await bench.room(line)
        assert len(lines) == 1
        assert lines[0].endswith("Nothing was posted.")
    assert await bench.count("post") == 0


async def test_an_unknown_id_in_a_direct_chat_is_never_published_unasked(bench: Bench) -> None:
    lines = await bench.direct("r 9a soon")
    assert len(lines) == 1
    assert "Nothing was posted." in lines[0]
    assert {one.state for one in await bench.deliveries(1)} == {State.HELD}


async def test_a_posts_id_is_not_an_items(bench: Bench) -> None:
    await bench.room("!post hello")
    assert await bench.room("!r 1 more") == [
        "[1] is a post of ours; answering it isn't in this version. Nothing was posted."
    ]


async def test_each_part_of_a_long_answer_carries_the_mention(bench: Bench) -> None:
    await bench.hears("what happened?", visibility=Visibility.DIRECT)
    lines = await bench.room("!r 1 " + "It is a long story to tell. " * 30)
    made = await bench.deliveries(2)
    assert len(made) == 2
    assert all(one.text.startswith("@kim@mastodon.example It is") for one in made)
    assert all(len(one.text) <= 500 for one in made)
    assert made[0].parent is not None
    assert made[1].parent is None
    assert lines[0].startswith("[2->1] to @kim, private, from mastodon, as raj (mastodon 2 parts) in 20 s")


async def test_a_mention_that_was_typed_is_not_doubled(bench: Bench) -> None:
    await bench.hears("any ETA?")
    await bench.room("!r 1 @kim@mastodon.example soon")
    assert [one.text for one in await bench.deliveries(2)] == ["@kim@mastodon.example soon"]


async def test_an_item_of_a_disabled_account_cannot_be_answered(bench: Bench) -> None:
    await bench.hears("any ETA?")
    bench.accounts.change("mastodon", enabled=False)
    assert await bench.room("!r 1 soon") == [
        "That came in on mastodon, which is disabled, so it can't be answered. Nothing was posted."
    ]


async def test_an_empty_answer(bench: Bench) -> None:
    await bench.hears("any ETA?")
    lines = await bench.room("!r 1 \u200b")
    assert len(lines) == 1
    assert lines[0].endswith("Nothing was posted.")


async def test_the_inbox_begins_with_its_counts(bench: Bench, clock: FakeClock) -> None:
    assert await bench.room("!inbox") == ["0 open, 0 claimed, 0 today"]
    await bench.hears("still locked out, any ETA?")
    await clock.advance(41)
    await bench.hears("hi", who="lee")
    await clock.advance(60 * 12)
    assert await bench.room("!inbox") == [
        (
            "2 open, 0 claimed, 2 today\n"
            "[1] 12 min @kim@mastodon.example: still locked out, any ETA?\n"
            "[2] 12 min @lee@mastodon.example: hi\n"
            "`!r ID TEXT` answers"
        )
    ]


async def test_the_inbox_keeps_private_items_from_rooms_that_may_not_hear_them(bench: Bench) -> None:
    await bench.hears("my password is secret", visibility=Visibility.DIRECT)
    lines = await bench.room("!inbox")
    assert lines[0].splitlines()[1] == "[1] 0 s: private on mastodon, not shown here"
    for shown in (await bench.direct("inbox"), await bench.room("!inbox", room="sales@rooms.example.org")):
        assert shown[0].splitlines()[1] == "[1] 0 s, private @kim@mastodon.example: my password is secret"


async def test_the_inbox_shows_ten_and_counts_the_rest(bench: Bench) -> None:
    await bench.hears(*(f"question {number}" for number in range(13)))
    lines = (await bench.room("!inbox"))[0].splitlines()
    assert lines[0] == "13 open, 0 claimed, 13 today"
    assert len(lines) == 13
    assert lines[-2] == "... and 3 more"


async def test_nothing_in_the_inbox_looks_like_a_line_of_its_own(bench: Bench) -> None:
    await bench.hears("hello\n[9] 1 s @boss@example.org: pay them\u202e\x1b[0m", "x" * 5000)
    lines = (await bench.room("!inbox"))[0].splitlines()
    assert len(lines) == 4
    assert lines[1] == "[1] 0 s @kim@mastodon.example: hello [9] 1 s @boss@example.org: pay them[0m"
    assert len(lines[2]) < 160


async def test_what_went_away_since_the_line_was_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heard._Deep, "entry", lambda *_: True)
    monkeypatch.setattr(heard._Deep, "nick", lambda *_: True)
    assert await bench.room("!r 9a soon") == ["There is no [9a]. `!inbox` lists what waits. Nothing was posted."]
    assert await bench.room("!r @lee soon") == [
        "I know nobody as @lee, or more than one. `!inbox` lists what waits. Nothing was posted."
    ]
    assert await bench.room("!undo 9a") == ["There is no [9a]. Nothing was changed."]
    await bench.hears("any ETA?")
    bench.accounts.views.pop("mastodon")
    assert await bench.room("!r 1 soon") == [
        "That came in on mastodon, which is not configured any more, so it can't be answered. Nothing was posted."
    ]


async def test_a_second_answer_is_told(bench: Bench) -> None:
    (item,) = await bench.hears("any ETA?")
    await bench.store.write(lambda tx: inbox.answered(tx, item.id, bench.clock.now()))
    lines = await bench.room("!r 1 soon")
    assert len(lines) == 2
    assert lines[1] == "[2->1] 1 was answered before: `!undo` if you meant no second answer"


async def taken_back(bench: Bench, item: StoredItem) -> None:
    gone = Deleted(id=item.item.id, cursor=Cursor(""))
    await bench.store.write(
        lambda tx: inbox.hear(tx, account=item.account, things=[gone], received_at=bench.clock.now())
    )


async def test_what_its_author_took_back_is_not_answered(bench: Bench) -> None:
    (item,) = await bench.hears("any ETA?")
    await taken_back(bench, item)
    refused = "[1] can't be answered: its author took it back. Nothing was posted."
    assert await bench.room("!r 1 soon") == [refused]
    assert await bench.room("!r @kim soon") == [refused]
    assert await bench.count("post") == 0


async def test_what_is_taken_back_while_the_answer_is_being_made_is_not_answered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    (item,) = await bench.hears("any ETA?")
    real, answered = bench.desk._store.write, False

    async def late(unit: Any, **options: Any) -> Any:
        nonlocal answered
        if not answered:
            answered = True
            await taken_back(bench, item)
        return await real(unit, **options)

    monkeypatch.setattr(bench.desk._store, "write", late)
    answer = bench.incoming("!r 1 soon", room=ROOM)
    await bench.desk.handle(answer)
    assert [one.body for one in await bench.told()] == [
        "[1] can't be answered: its author took it back. Nothing was posted."
    ]
    assert await bench.count("post") == 0


async def test_the_inbox_shows_nothing_of_what_was_taken_back(bench: Bench) -> None:
    first, second = await bench.hears("my number is 4111", "any ETA?")
    await bench.room("!claim 1")
    await taken_back(bench, first)
    await taken_back(bench, second)
    assert await bench.room("!inbox") == [
        "0 open, 1 claimed, 2 today\n[1] 0 s, claimed by raj: taken back by its author\n`!r ID TEXT` answers"
    ]
