"""What is special about `say` in a line: it knows its templates, and how many words they take."""

from __future__ import annotations

import pytest

from bridge.commands.grammar import Command, Line, Mistake, Prefixes, parse
from bridge.domain.people import Place
from tests.unit.commands.test_grammar import Names


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (
            "Say Maintenance  “the  api”  02:00, or a bit later ",
            Command(verb="say", said="say", words=("maintenance",), text="“the  api”  02:00, or a bit later"),
        ),
        (
            "to x,mastodon cw Outage: say maintenance api 02:00",
            Command(
                verb="say",
                said="say",
                words=("maintenance",),
                text="api 02:00",
                prefixes=Prefixes(accounts=("x", "mastodon"), warning="Outage"),
            ),
        ),
    ],
)
def test_it_is_a_command_if_the_template_is_there_and_has_its_words(text: str, command: Command) -> None:
    for line in (text, f"!{text}"):
        assert parse(Line(text=line, place=Place.DIRECT), Names()) == command
    assert parse(Line(text=f"!{text}", place=Place.ROOM), Names()) == command


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "!to x say maintenance api",
            (
                '`say maintenance` needs 2 words, not 1 ("Maintenance of {1} begins at {2} UTC."): '
                "type `say maintenance {1} {2}`."
            ),
        ),
    ],
)
def test_what_is_missing_is_said_with_the_text(text: str, sentence: str) -> None:
    assert parse(Line(text=text, place=Place.DIRECT), Names()) == Mistake(sentence=sentence)
