from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.domain.deliveries import Delivery, DeliveryKind, State, Tell
from bridge.domain.ids import EntryId
from bridge.domain.people import Place, Target
from bridge.domain.posts import Key
from bridge.domain.troubles import trouble
from bridge.domain.wording import blocked, flows, more, plural, seconds, tag, unauthorized, verb

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DELIVERY = Delivery(
    id=1,
    post=EntryId(0x4F),
    source=Target("ops@rooms.example.org", Place.ROOM),
    account="mastodon",
    kind=DeliveryKind.POST,
    text="hi",
    state=State.UNCERTAIN,
    key=Key(token="t", minted_at=NOW),
    fresh_since=NOW - timedelta(hours=3),
    error="no answer within 30 s.",
    posted_url="https://m.example.org/1",
)


@pytest.mark.parametrize(
    ("tell", "line"),
    [
        (
            Tell.DOUBT,
            "[4f] mastodon: not sure it arrived (no answer within 30 s), checking; nothing will be sent twice",
        ),
        (Tell.FOUND, "[4f] mastodon: found: https://m.example.org/1"),
        (Tell.RECOVERED, "[4f] mastodon: sent after all: https://m.example.org/1"),
        (
            Tell.FAILED,
            "[4f] mastodon FAILED: no answer within 30 s. `!retry 4f` tries again, `!drop 4f` gives it up",
        ),
        (
            Tell.UNDELETED,
            (
                "[4f] mastodon could NOT be deleted: no answer within 30 s. `!retry 4f` tries again; it is still "
                "there: https://m.example.org/1"
            ),
        ),
        (
            Tell.STALE,
            (
                "[4f] mastodon: 4f is stale, it waited 3 h and was not sent: `!retry 4f` sends it now, "
                "`!drop 4f` gives it up"
            ),
        ),
        (
            Tell.ASKED,
            (
                "[4f] mastodon: I can't tell whether it arrived (no answer within 30 s). `!retry 4f` if it isn't "
                "there, `!found 4f LINK` if it is, `!drop 4f` to leave it"
            ),
        ),
    ],
)
def test_trouble_is_one_clear_line(tell: Tell, line: str) -> None:
    assert trouble(tell, DELIVERY, now=NOW) == line


@pytest.mark.parametrize("tell", list(Tell))
def test_a_platforms_words_stay_within_the_line(tell: Tell) -> None:
    forged = replace(DELIVERY, error="no\n[9] sent\u202e " + "x" * 1000, posted_url=None)
    line = trouble(tell, forged, now=NOW)
    assert len(line.splitlines()) == 1
    assert "\u202e" not in line
    assert len(line) < 600


def test_trouble_names_the_part_and_what_it_answers() -> None:
    part = replace(DELIVERY, part=1, parts=3, error=None)
    line = trouble(Tell.FAILED, part, answers=0x52, now=NOW)
    assert line == (
        "[4f->52] mastodon (part 2 of 3) FAILED: no reason given. `!retry 4f` tries again, `!drop 4f` gives it up; "
        "what came before it (1 part) is live, `!undo 4f` takes it back; the parts after it wait"
    )
    direct = replace(DELIVERY, source=Target("raj@example.org", Place.DIRECT), part=2, parts=3)
    assert "`retry 4f`" in trouble(Tell.STALE, direct, now=NOW)
    assert "the parts after it" not in trouble(Tell.STALE, direct, now=NOW)


def test_lanes() -> None:
    assert blocked("x", cause="it does not answer.", waiting=1) == (
        "x does not flow: it does not answer. 1 message waiting, nothing is lost; I keep trying"
    )
    assert flows("x", waiting=2) == "x flows again; 2 messages to go"
    assert flows("x", waiting=0) == "x flows again"
    paused = "x is paused: the token is revoked. Nothing is lost, I try again every minute."
    assert unauthorized("x", "the token is revoked.").startswith(paused)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(0), "0 s"),
        (timedelta(milliseconds=1), "1 s"),
        (timedelta(seconds=20), "20 s"),
        (timedelta(seconds=59.5), "1 min"),
        (timedelta(minutes=2, seconds=30), "2 min 30 s"),
    ],
)
def test_durations_are_rounded_up_to_seconds(length: timedelta, words: str) -> None:
    assert seconds(length) == words


def test_small_words() -> None:
    assert verb(Place.ROOM, "undo") == "`!undo`"
    assert verb(Place.DIRECT, "undo") == "`undo`"
    assert tag(0x35, 0x34) == "[35->34]"
    assert plural(1, "post") == "1 post"
    assert plural(0, "post") == "0 posts"


@pytest.mark.parametrize(
    ("count", "place", "said"),
    [(1, Place.DIRECT, "... and 1 more: `inbox`"), (9_995, Place.ROOM, "... and 9,995 more: `!inbox`")],
)
def test_what_was_not_shown_is_counted_and_how_to_see_it_is_said(count: int, place: Place, said: str) -> None:
    assert more(count, place) == said
