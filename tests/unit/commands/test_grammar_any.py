from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.commands.grammar import Command, Line, Mistake, Outcome, Question, Status, Talk, parse
from bridge.commands.verbs import NAMES, VERBS, Verb
from bridge.domain.ids import EntryId
from bridge.domain.people import Place
from bridge.domain.templates import Template
from bridge.settings import Mode

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy


class Names:
    def account(self, name: str) -> bool:
        return name in {"mastodon", "x"}

    def entry(self, entry: EntryId) -> bool:
        return entry in {0x4F, 0x52, 0xBE}

    def nick(self, name: str) -> bool:
        return name in {"kim", "kim@example.org", "bob"}

    def template(self, name: str) -> Template | None:
        return {"sorry": Template("We are sorry."), "maintenance": Template("{1} at {2}")}.get(name)


class Everything:
    def account(self, name: str) -> bool:
        return bool(name)

    def entry(self, entry: EntryId) -> bool:
        return entry >= 0

    def nick(self, name: str) -> bool:
        return bool(name)

    def template(self, name: str) -> Template | None:
        return Template("{1} at {2}") if name else None


NICKS = frozenset({"status", "Status Bot"})
FIRST_WORDS = [
    *sorted(NAMES),
    "psot",
    "stop",
    "!post",
    "\\",
    "\\post",
    "status:",
    "status, ",
    "hello",
    "4f",
    "@kim",
    "x,",
    "“post”",
]
LINES = st.one_of(
    st.text(st.characters(codec=None), max_size=40),
    st.lists(
        st.sampled_from([*FIRST_WORDS, "!", ":", "Outage:", "private", "list", "22:00", "30m", "\n", "https://x"]),
        max_size=7,
    ).map(" ".join),
)


def in_room(text: str) -> Outcome:
    return parse(Line(text=text, place=Place.ROOM, bot_nicks=NICKS), Names())


def in_direct_chat(text: str, mode: Mode = Mode.GUARDED) -> Outcome:
    return parse(Line(text=text, place=Place.DIRECT, mode=mode), Names())


# All verbs


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_each_form_parses_as_it_is_explained(verb: Verb) -> None:
    assert len(verb.examples) == len(verb.usages)
    for example in verb.examples:
        for name in (verb.name, *verb.aliases):
            line = f"!{name}{example.removeprefix(verb.name)}"
            command = parse(Line(text=line, place=Place.DIRECT), Everything())
            assert isinstance(command, Command), line
            assert command.verb == ("post" if verb.prefix else verb.name)
            assert command.spec.name == command.verb
            assert command.said == ("post" if verb.prefix else name)
            room = parse(Line(text=line, place=Place.ROOM), Everything())
            assert room == (
                command
                if Place.ROOM in verb.places
                else Mistake(sentence=f"`{verb.name}` works in a direct chat with me only.")
            )


@pytest.mark.parametrize(
    ("text", "unbuilt"),
    [
        ("post hi", None),
        ("to x visibility private post hi", None),
        ("cw Outage: post hi", None),
        ("preview post hi", None),
        ("at 18:00 post hi", None),
        ("whois @kim", "whois"),
        ("plugin list", None),
        ("r 52 hi", None),
    ],
)
def test_what_is_not_in_this_version_is_known(text: str, unbuilt: str | None) -> None:
    command = in_direct_chat(text)
    assert isinstance(command, Command)
    assert command.unbuilt == unbuilt


# Any text


@CALM
@given(LINES)
def test_only_a_bang_or_the_name_speaks_to_the_bot_in_a_room(text: str) -> None:
    outcome = in_room(text)
    folded = text.casefold()
    if not folded.startswith(("!", *(f"{nick.casefold()}{mark}" for nick in NICKS for mark in ":,"))):
        assert outcome == Talk()
    assert not isinstance(outcome, (Status, Question))


@CALM
@given(
    st.sampled_from(sorted(NAMES)),
    st.sampled_from([str.lower, str.upper, str.title]),
    st.one_of(LINES, st.just("")),
    st.sampled_from(" \n\u00a0"),
)
def test_a_line_that_begins_with_a_verb_is_never_a_status(verb: str, case: object, rest: str, space: str) -> None:
    assert callable(case)
    for mode in Mode:
        assert not isinstance(in_direct_chat(f"{case(verb)}{space}{rest}", mode), (Status, Talk))


@CALM
@given(LINES, st.sampled_from(list(Mode)), st.sampled_from([Names(), Everything()]))
def test_every_text_means_something(text: str, mode: Mode, known: Names | Everything) -> None:
    outcome = parse(Line(text=text, place=Place.DIRECT, mode=mode), known)
    if isinstance(outcome, (Status, Question)):
        assert outcome.text == text.strip() or text.lstrip().startswith("\\") or "\\" in text
        assert mode is not Mode.STRICT
    if isinstance(outcome, Mistake):
        assert outcome.sentence.endswith((".", "?"))
        assert "\n" not in outcome.sentence
    if isinstance(outcome, Command):
        assert outcome.text == outcome.text.strip()
        assert outcome.text in text


@pytest.mark.timeout(20)
@pytest.mark.parametrize("unit", ["a", " ", "\n", "!", "to x,", "cw a ", ":", "@", "\u200b", "x,", "post "])
def test_a_huge_line_takes_linear_time(unit: str) -> None:
    text = unit * (60_000 // len(unit))
    for begin in (
        "",
        "!",
        "!post ",
        "!say maintenance ",
        '!say maintenance "',
        "to ",
        "!to ",
        "!cw ",
        "!open ",
        "!r ",
        "!found 4f ",
        "status: ",
    ):
        outcomes = (in_room(begin + text), in_direct_chat(begin + text))
        assert all(len(outcome.sentence) < 400 for outcome in outcomes if isinstance(outcome, Mistake))
