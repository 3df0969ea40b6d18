"""Where a time ends in a line, and what a line is whose time is none."""

from __future__ import annotations

import pytest

from bridge.commands.grammar import Command, Mistake, Prefixes, Question
from bridge.domain.ids import EntryId
from tests.unit.commands.test_grammar import in_direct_chat, in_room


@pytest.mark.parametrize(
    ("text", "when", "rest"),
    [
        ("at 18:00 Sorry", "18:00", "Sorry"),
        ("At 6 pm Sorry", "6 pm", "Sorry"),
        ("at in 2 h 30 min Sorry", "in 2 h 30 min", "Sorry"),
        ("at\u00a0in\u00a02h\u00a0\u201cSorry\u201d", "in 2h", "\u201cSorry\u201d"),
        ("at 18:00: Sorry\nfor that", "18:00:", "Sorry\nfor that"),
        ("at tomorrow 02:00 europe/berlin 18:00 is over", "tomorrow 02:00 europe/berlin", "18:00 is over"),
        ("at 2026-10-25 02:30+01:00 Europe/Berlin Sorry", "2026-10-25 02:30+01:00 Europe/Berlin", "Sorry"),
    ],
)
def test_the_text_begins_where_the_time_ends(text: str, when: str, rest: str) -> None:
    assert in_direct_chat(text) == Command(verb="at", said="at", words=(when,), text=rest)


def test_prefixes_stand_before_it() -> None:
    assert in_direct_chat("to x, cw Outage: at 18:00 Sorry") == Command(
        verb="at",
        said="at",
        prefixes=Prefixes(accounts=("x",), warning="Outage"),
        words=("18:00",),
        text="Sorry",
    )


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (
            "move 4f tomorrow at 9:00",
            Command(verb="move", said="move", target=EntryId(0x4F), words=("tomorrow at 9:00",)),
        ),
        ("queue", Command(verb="queue", said="queue")),
        ("set zone europe/berlin", Command(verb="set", said="set", words=("zone", "Europe/Berlin"))),
    ],
)
def test_what_goes_with_it(text: str, command: Command) -> None:
    assert in_direct_chat(text) == command


SET = "type `!set hold DURATION` or `!set zone ZONE`."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("!at 18:00", "`at` needs a text: type `!at WHEN TEXT`."),
        ("!at monday Sorry", "After `monday` comes a time of day, as in `monday 9:00`: type `!at WHEN TEXT`."),
        ("!at 25:00 Sorry", "There is no time of day `25:00`: type `!at WHEN TEXT`."),
        (
            "!at 18:00 Europe/Berln Sorry",
            "There is no zone called `Europe/Berln`; zones are written as in `Europe/Berlin`: type `!at WHEN TEXT`.",
        ),
        ("!preview at 18:00 Sorry", "`at` shows and holds the post anyhow, without `preview`: type `!at WHEN TEXT`."),
        ("!move 4f 18:00 now", "`move` can't take `now` as well: type `!move ID WHEN`."),
        ("!set zone Mars/Base", f"`set` needs a time zone, such as `Europe/Berlin`, not `Mars/Base`: {SET}"),
        ("!set hold soon", f"`set` needs a length of time, such as `30m`, not `soon`: {SET}"),
        ("!set speed 9", f"`set` needs `hold`, not `speed`: {SET}"),
    ],
)
def test_what_is_none_says_what_to_type(text: str, sentence: str) -> None:
    assert in_room(text) == Mistake(sentence=sentence)


@pytest.mark.parametrize(
    "text",
    [
        "At dawn we open",
        "At 25:00 we open",
        "at monday we open",
        "at 18:00 tomorrow we open",
        "at 18:00 CET hi",
        "at 18:00",
    ],
)
def test_in_a_direct_chat_what_is_not_complete_is_a_question(text: str) -> None:
    outcome = in_direct_chat(text)
    assert isinstance(outcome, Question)
    assert (outcome.text, outcome.meant) == (text, ("at WHEN TEXT",))
