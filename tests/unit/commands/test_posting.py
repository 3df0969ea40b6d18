from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bridge.domain.deliveries import State
from bridge.domain.posts import Visibility
from bridge.settings import Mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.testing.clock import FakeClock
    from tests.unit.commands.conftest import Bench

SECOND_ROOM = "sales@rooms.example.org"


def posting(bench: Bench, **values: Any) -> None:
    bench.configure(posting=bench.settings.posting.model_copy(update=values))


async def test_a_post_is_previewed_and_held(bench: Bench, clock: FakeClock) -> None:
    lines = await bench.room("!post EU users can't sign in, we are on it")
    assert lines == [
        (
            "[1] 36 characters: mastodon ok, x ok (can't be edited or deleted). "
            "Sending in 20 s: `!send`, `!undo`, or correct your message"
        )
    ]
    made = await bench.deliveries(1)
    assert [(one.account, one.text, one.state, one.held) for one in made] == [
        ("mastodon", "EU users can't sign in, we are on it", State.HELD, frozenset({"undo"})),
        ("x", "EU users can't sign in, we are on it", State.HELD, frozenset({"undo"})),
    ]
    assert {one.hold_until for one in made} == {clock.now() + timedelta(seconds=20)}
    assert len({one.key.token for one in made}) == 2


async def test_a_status_in_a_direct_chat_is_previewed_and_held(bench: Bench) -> None:
    lines = await bench.direct("EU users can't sign in")
    assert lines == [
        (
            "[1] 22 characters: mastodon ok, x ok (can't be edited or deleted). "
            "Sending in 20 s: `send`, `undo`, or correct your message"
        )
    ]
    assert await bench.states(1) == {"mastodon": ["held"], "x": ["held"]}


async def test_an_open_chat_drops_the_preview_and_keeps_the_hold(bench: Bench) -> None:
    posting(bench, mode=Mode.OPEN)
    assert await bench.direct("we are on it") == ["[1] to mastodon, x in 20 s: `send`, `undo`, or correct your message"]
    assert await bench.states(1) == {"mastodon": ["held"], "x": ["held"]}


async def test_an_open_chat_without_a_hold_posts_at_once(bench: Bench) -> None:
    posting(bench, mode=Mode.OPEN, hold=timedelta(0))
    assert await bench.direct("we are on it") == ["[1] mastodon on its way · x on its way"]
    assert await bench.states(1) == {"mastodon": ["ready"], "x": ["ready"]}


async def test_a_strict_chat_publishes_only_what_is_marked(bench: Bench) -> None:
    posting(bench, mode=Mode.STRICT)
    lines = await bench.direct("hello everybody out there")
    assert lines[0].endswith("Nothing was posted.")
    assert await bench.count("delivery") == 0
    assert len(await bench.direct("post hello")) == 1
    assert await bench.count("delivery") == 2


async def test_a_room_has_its_own_hold_and_accounts(bench: Bench) -> None:
    assert await bench.room("!post hello", room=SECOND_ROOM) == ["[1] x on its way"]
    assert await bench.states(1) == {"x": ["ready"]}


async def test_on_an_idle_lane_a_delivery_is_born_sending(bench: Bench) -> None:
    bench.born_for = frozenset({"x"})
    await bench.room("!post one", room=SECOND_ROOM)
    await bench.room("!post two", room=SECOND_ROOM)
    assert await bench.states(1) == {"x": ["sending"]}
    assert await bench.states(2) == {"x": ["ready"]}


async def test_a_lane_is_given_what_was_born_as_it_is_in_the_store(bench: Bench) -> None:
    bench.born_for = frozenset({"x", "mastodon"})
    await bench.room("!visibility unlisted post hello")
    assert bench.born == []
    await bench.room("!visibility unlisted post one", room=SECOND_ROOM)
    assert bench.born == await bench.deliveries(2)
    assert [one.state for one in bench.born] == [State.SENDING]


async def test_under_panic_nothing_is_born_sending_and_the_author_is_told(bench: Bench) -> None:
    bench.born_for = frozenset({"x"})
    await bench.room("!panic")
    lines = await bench.room("!post one", room=SECOND_ROOM)
    assert lines[-1] == "[1] waits: everything outgoing is frozen. An approver's `!resume` continues"
    assert await bench.states(1) == {"x": ["ready"]}


async def test_prefixes_name_accounts_and_visibility(bench: Bench) -> None:
    await bench.room("!to x visibility unlisted post hello")
    made = await bench.deliveries(1)
    assert [(one.account, one.visibility) for one in made] == [("x", Visibility.UNLISTED)]


async def test_a_content_warning_goes_before_the_text_and_is_shown(bench: Bench) -> None:
    (line,) = await bench.room("!cw Outage: post hello")
    assert line.startswith(
        '[1] 5 characters, behind "Outage": mastodon ok, x ok ' + "(can't be edited or deleted). Sending in 20 s: "
    )
    assert {(one.text, one.warning) for one in await bench.deliveries(1)} == {("hello", "Outage")}


async def test_a_content_warning_counts(bench: Bench) -> None:
    (line,) = await bench.direct(f"to x cw {'w' * 200}: post {'hello ' * 20}")
    assert ": x 2 parts (can't be edited or deleted). " in line
    assert len(await bench.deliveries(1)) == 2


@pytest.mark.parametrize("hold", [0, 20])
async def test_a_preview_is_held_until_its_author_sends_it(bench: Bench, hold: int) -> None:
    posting(bench, mode=Mode.OPEN, hold=timedelta(seconds=hold))
    bench.born_for = frozenset({"mastodon", "x"})
    (line,) = await bench.direct("preview cw Outage: post hello")
    assert line == (
        '[1] 5 characters, behind "Outage": mastodon ok, x ok '
        "(can't be edited or deleted). Held until you say so: `send`, `undo`, or correct your "
        "message. Nothing was posted."
    )
    await bench.clock.advance(7200)
    assert await bench.states(1) == {"mastodon": ["held"], "x": ["held"]}
    assert await bench.direct("edit 1 hello there") == [line.replace("5 char", "11 char")]
    assert (await bench.direct("send"))[-1] == "[1] goes out now"
    assert await bench.states(1) == {"mastodon": ["ready"], "x": ["ready"]}
    assert bench.born == []


async def test_a_newer_line_leaves_a_preview_as_it_is(bench: Bench) -> None:
    await bench.direct("preview post hello")
    await bench.direct("post another")
    assert await bench.states(1) == {"mastodon": ["held"], "x": ["held"]}
    assert (await bench.direct("undo 1"))[-1] == "[1] cancelled. Nothing was posted."


async def test_an_account_named_twice_gets_one_delivery(bench: Bench) -> None:
    await bench.room("!to x,X,x post hello")
    assert await bench.states(1) == {"x": ["held"]}


async def test_an_unknown_account_stops_all(bench: Bench) -> None:
    lines = await bench.room("!to x,friendica post hello")
    assert len(lines) == 1
    assert "friendica" in lines[0]
    assert lines[0].endswith("Nothing was posted.")
    assert await bench.count("post") == 0


async def test_a_disabled_account_stops_all_that_name_it(bench: Bench) -> None:
    bench.accounts.change("x", enabled=False)
    lines = await bench.room("!to x,mastodon post hello")
    assert lines == ["x is disabled: leave it out, or have an admin enable it. Nothing was posted."]
    await bench.room("!post hello")
    assert await bench.states(1) == {"mastodon": ["held"]}


async def test_without_any_account_nothing_is_posted(bench: Bench) -> None:
    bench.accounts.change("x", enabled=False)
    bench.accounts.change("mastodon", enabled=False)
    lines = await bench.room("!post hello")
    assert lines == ["No account is enabled here: say which, with `!to ACCOUNT post TEXT`. Nothing was posted."]


async def test_a_long_text_is_a_thread_where_it_does_not_fit(bench: Bench) -> None:
    text = " ".join(f"Sentence number {number} is here." for number in range(14))
    lines = await bench.room(f"!post {text}")
    assert lines[0].splitlines()[0] == (
        f"[1] {len(text)} characters: mastodon ok, x 2 parts (can't be edited or deleted). Sending in 20 s: "
        "`!send`, `!undo`, or correct your message"
    )
    assert [line.partition(":")[0] for line in lines[0].splitlines()[1:]] == ["| x 1/2", "| x 2/2"]
    made = await bench.deliveries(1)
    thread = [one for one in made if one.account == "x"]
    assert " ".join(one.text for one in thread) == text
    assert all(len(one.text) <= 280 for one in thread)
    assert [(one.part, one.parts) for one in thread] == [(0, 2), (1, 2)]
    assert thread[1].follows == thread[0].id
    assert thread[1].held == frozenset({"undo", "follows"})
    assert len({one.key.token for one in made}) == 3


async def test_a_text_that_needs_too_many_parts_is_refused(bench: Bench) -> None:
    lines = await bench.room("!post " + "A sentence of words. " * 400)
    assert lines == [
        (
            "x (takes 280 characters a post): this text would need more than 25 posts: shorten it, or publish it "
            "elsewhere and post its link. Nothing was posted."
        )
    ]
    assert await bench.count("post") == 0


async def test_a_link_that_does_not_fit_is_refused(bench: Bench) -> None:
    lines = await bench.room("!post https://example.org/" + "a" * 300)
    assert len(lines) == 1
    assert "can't be cut" in lines[0]
    assert lines[0].endswith("Nothing was posted.")


async def test_a_signature_is_added_and_counted(bench: Bench) -> None:
    bench.accounts.change("x", signature="^%s")
    await bench.room("!to x post " + "a" * 275)
    assert [one.text for one in await bench.deliveries(1)] == ["a" * 275 + " ^raj"]
    await bench.room("!to x post " + "word " * 55 + "end")
    texts = [one.text for one in await bench.deliveries(2)]
    assert len(texts) == 2
    assert texts[-1].endswith("^raj")


async def test_an_account_that_was_never_reached_gets_one_part_unchecked(bench: Bench) -> None:
    bench.accounts.change("x", limits=None, up=False)
    lines = await bench.room("!to x post " + "word " * 200)
    assert lines[0].startswith("[1] 999 characters: x not checked (never reached yet). Sending in 20 s")
    assert len(await bench.deliveries(1)) == 1


@pytest.mark.parametrize("text", ["\x07", "\u202e \u2066", "\u200b\u2060", " \n\t "])
async def test_a_text_of_nothing_visible_is_refused(bench: Bench, text: str) -> None:
    for lines in (await bench.direct(f"!post {text}"), await bench.room(f"!post {text}")):
        assert len(lines) == 1
        assert lines[0].endswith("Nothing was posted.")
    assert await bench.count("post") == 0


async def test_control_characters_are_left_out_and_told(bench: Bench) -> None:
    lines = await bench.room("!post sign\x1b[31m in\u202e works\x00 \u05e9\u05dc\u05d5\u05dd")
    assert lines[1] == "[1] 3 control characters left out"
    assert {one.text for one in await bench.deliveries(1)} == {"sign[31m in works \u05e9\u05dc\u05d5\u05dd"}


async def test_mixed_directions_and_emoji_go_out_as_they_are(bench: Bench) -> None:
    text = "\u05e9\u05dc\u05d5\u05dd, Kim! \u0645\u0631\u062d\u0628\u0627 \U0001f469\u200d\U0001f4bb ok"
    lines = await bench.room(f"!post {text}")
    assert len(lines) == 1
    assert {one.text for one in await bench.deliveries(1)} == {text}


async def test_the_lines_of_a_text_stay(bench: Bench) -> None:
    await bench.room("!post one\r\ntwo\n\nthree")
    assert {one.text for one in await bench.deliveries(1)} == {"one\ntwo\n\nthree"}


async def test_a_doubtful_line_is_held_with_a_question(bench: Bench) -> None:
    lines = await bench.direct("fav")
    assert len(lines) == 1
    assert lines[0].startswith('[1] Post "fav" as a status (`send`), or did you mean `fav ID`? Nothing was posted.')
    assert {one.held for one in await bench.deliveries(1)} == {frozenset({"question"})}
    assert {one.hold_until for one in await bench.deliveries(1)} == {None}


async def test_send_posts_what_was_asked_about(bench: Bench) -> None:
    await bench.direct("fav")
    lines = await bench.direct("send")
    assert lines == ["[1] mastodon on its way · x on its way", "[1] goes out now"]
    assert await bench.states(1) == {"mastodon": ["ready"], "x": ["ready"]}


async def test_a_newer_line_takes_the_place_of_a_question(bench: Bench) -> None:
    await bench.direct("fav")
    lines = await bench.direct("EU users can't sign in")
    assert len(lines) == 1
    assert await bench.states(1) == {"mastodon": ["cancelled"], "x": ["cancelled"]}
    assert await bench.states(2) == {"mastodon": ["held"], "x": ["held"]}
    assert await bench.direct("send 1") == ["[1] isn't held: mastodon: cancelled · x: cancelled"]


async def test_a_question_outlives_help_and_other_peoples_lines(bench: Bench) -> None:
    await bench.direct("fav")
    await bench.direct("help")
    await bench.direct("hello", who="tom")
    assert await bench.states(1) == {"mastodon": ["held"], "x": ["held"]}


async def test_nobody_but_its_author_answers_a_question(bench: Bench) -> None:
    await bench.direct("fav")
    assert await bench.direct("send 1", who="ana") == ["[1] waits for a word of its author alone. Nothing was posted."]
    assert await bench.states(1) == {"mastodon": ["held"], "x": ["held"]}


async def test_a_question_that_is_taken_back_has_no_receipt(bench: Bench) -> None:
    await bench.direct("fav")
    assert await bench.direct("undo") == ["[1] cancelled. Nothing was posted."]


async def test_a_backslash_makes_a_status_of_anything(bench: Bench) -> None:
    await bench.direct("\\fav")
    assert {(one.text, one.state, one.held) for one in await bench.deliveries(1)} == {
        ("fav", State.HELD, frozenset({"undo"}))
    }


async def test_a_post_is_audited_with_its_text(bench: Bench, post_id: Callable[[list[str]], int]) -> None:
    entry = post_id(await bench.room("!post hello"))
    rows = await bench.audited()
    assert rows == [("raj@example.org", "post", entry, None, "hello")]
