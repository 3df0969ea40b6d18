from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.templates import Template, checked

MAINTENANCE = Template("Maintenance of {1} begins at {2} UTC.")


@pytest.mark.parametrize(
    ("text", "said", "words"),
    [
        ("{1} at {2}", "api 02:00", ("api", "02:00")),
        ("{1} at {2}", "  api   02:00 or  later ", ("api", "02:00 or  later")),
        ("{1} at {2}", '"the  api" 02:00', ("the  api", "02:00")),
        ("{1} at {2}", "“the api» 02:00", ("the api", "02:00")),
        ("{1} at {2}", 'api "two o\'clock"', ("api", "two o'clock")),
        ("{1} at {2}", 'api "two" or "three"', ("api", '"two" or "three"')),
        ("{1} at {2}", '"the api 02:00', ('"the', "api 02:00")),
        ("{1} at {2}", '"" 02:00', ('""', "02:00")),
        ("{1} at {2}", 'a"b c" d', ('a"b', 'c" d')),
        ("{2} at {1}", "api 02:00\nand later", ("api", "02:00\nand later")),
        ("{1} at {2}", "api", ("api",)),
        ("{1} at {2}", "", ()),
        ("{1}", "one two", ("one two",)),
        ("Sorry.", "", ()),
        ("Sorry.", "one two", ("one two",)),
        ("{1} and {1}", "both of them", ("both of them",)),
    ],
)
def test_which_words_a_line_has(text: str, said: str, words: tuple[str, ...]) -> None:
    assert Template(text).words(said) == words


@pytest.mark.parametrize(("text", "takes"), [("Sorry.", 0), ("{{1}}", 0), ("{2}{1}", 2), ("{1} {1}", 1)])
def test_how_many_words_it_takes(text: str, takes: int) -> None:
    assert Template(checked(text)).takes == takes


def test_words_go_in_as_they_are() -> None:
    assert MAINTENANCE.filled(("{2} {{", "\\1 %s é 👩\u200d🚒")) == (
        "Maintenance of {2} {{ begins at \\1 %s é 👩\u200d🚒 UTC."
    )
    assert Template("{{{1}}} {{}} {1}").filled(("x",)) == "{x} {} x"


@given(st.text(st.characters(exclude_categories=["Cs", "Z", "Cc"], exclude_characters='"'), min_size=1), st.text())
def test_the_last_place_takes_the_rest_byte_for_byte(first: str, rest: str) -> None:
    words = Template("{1} {2}").words(f"{first} {rest}")
    if len(words) == 2:
        assert words[1] in rest
        assert words[1].strip('"') == rest.strip().strip('"') or words[1] == rest.strip()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "must not be empty"),
        (" \u200b", "must not be empty"),
        ("From {0}", "the brace at character 6 belongs to no place for a word"),
        ("{x}", "the brace at character 1 belongs to no place for a word"),
        ("{}", "the brace at character 1"),
        ("{ 1 }", "the brace at character 1"),
        ("{01}", "the brace at character 1"),
        ("{100}", "the brace at character 1"),
        ("ends {1", "the brace at character 6"),
        ("1} ends", "the brace at character 2"),
        ("{{1}", "the brace at character 4"),
        ("{1} and {3}", "has the place {3}, but not {2}"),
        ("{2}", "has the place {2}, but not {1}"),
    ],
)
def test_what_is_wrong_with_a_template_is_said_without_its_text(text: str, why: str) -> None:
    with pytest.raises(ValueError, match="^" + why.replace("{", "\\{")) as caught:
        checked(text)
    assert "From" not in str(caught.value)
