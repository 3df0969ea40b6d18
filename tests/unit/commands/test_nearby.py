from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.commands.nearby import ORDINARY, guesses, near
from bridge.commands.verbs import NAMES

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy


def names(word: str, *, command_like: bool = True, second_is_target: bool = False) -> list[str]:
    return [verb.name for verb in guesses(word, command_like=command_like, second_is_target=second_is_target)]


@pytest.mark.parametrize(
    ("word", "verb"),
    [("psot", "post"), ("pst", "post"), ("posst", "post"), ("pozt", "post"), ("resovle", "resolve"), ("POTS", "post")],
)
def test_one_slip_is_near(word: str, verb: str) -> None:
    assert verb in {found.name for found in near(word)}


@pytest.mark.parametrize("word", ["", "p", "fv", "psto!", "opsts", "hello", "x" * 100_000])
def test_two_slips_and_short_words_are_not(word: str) -> None:
    assert near(word) == ()


@CALM
@given(st.sampled_from(sorted(name for name in NAMES if len(name) >= 3)), st.data())
def test_every_single_slip_is_found(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(name) - 1))
    letter = data.draw(st.characters(codec="ascii", categories=["Ll"]))
    slips = [name[:at] + name[at + 1 :], name[:at] + letter + name[at:], name[:at] + letter + name[at + 1 :]]
    if at + 1 < len(name):
        slips.append(name[:at] + name[at + 1] + name[at] + name[at + 2 :])
    for slip in slips:
        if len(slip) >= 3:
            assert any(name in {verb.name, *verb.aliases} for verb in near(slip)), slip


@pytest.mark.parametrize(
    ("word", "verbs"),
    [
        ("Post", ["post"]),
        ("post:", ["post"]),
        ("`undo", ["undo"]),
        ("/help", ["help"]),
        ("status?", ["status?"]),
        ("r52", ["r"]),
        ("d@kim", ["d"]),
        ("fav#4f", ["fav"]),
        ("delete", ["undo"]),
        ("yes", ["send"]),
        ("stop", ["off", "panic"]),
        ("hello", ["help"]),
        ("all", ["alt"]),
        ("we", []),
    ],
)
def test_what_a_first_word_may_have_meant(word: str, verbs: list[str]) -> None:
    assert names(word) == verbs


@pytest.mark.parametrize("word", ["delete", "yes", "hello", *sorted(ORDINARY)])
def test_everyday_words_begin_sentences(word: str) -> None:
    assert names(word, command_like=False) == []


def test_stop_is_always_asked() -> None:
    assert names("Stop", command_like=False) == ["off", "panic"]


def test_short_words_count_before_an_id() -> None:
    assert names("rr", second_is_target=True) == ["repeat", "r"]
    assert names("e", second_is_target=True) == ["r", "d"]
    assert names("rr", command_like=False) == []
