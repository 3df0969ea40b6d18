from __future__ import annotations

from bridge.plugin import Cursor
from plugins.mastodon.place import Place, Watched

BEGIN = Place(start="0", at="9")


def test_trap_a_cursor_of_an_earlier_version_is_still_read() -> None:
    assert Place.read(Cursor('{"start": "3", "at": "42"}')) == Place(start="3", at="42")
    assert Place(start="3", at="42").cursor == '{"start": "3", "at": "42"}'


def test_what_is_watched_is_bounded_and_the_newest() -> None:
    place = BEGIN
    for number in (*range(95, 60, -1), *range(96, 140)):
        place = place.watching(str(number), f"s{number}")
    assert [one.entry for one in place.recent] == [str(number) for number in range(100, 140)]
    assert Place.read(place.cursor) == place
    assert len(place.cursor) < 1_000
    assert place.watching("61", "s61") == place


def test_an_entry_is_watched_once_under_the_latest_name_of_its_status() -> None:
    place = BEGIN.watching("10", "a").watching("11", "b")
    assert place.watching("10", "a") is place
    assert place.watching("10", "c").recent == (Watched("10", "c"), Watched("11", "b"))
    assert place.without("10").recent == (Watched("11", "b"),)


def test_a_gap_is_noted_until_the_position_moves() -> None:
    told = BEGIN.behind_gap()
    assert Place.read(told.cursor) == told
    assert told.past("9").gap
    assert told.past("8").gap
    assert not told.past("10").gap
    assert not BEGIN.gap
