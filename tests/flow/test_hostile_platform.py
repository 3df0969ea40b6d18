"""What a platform or its plugin says can't look like another line of the bot's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.plugin import RefusedError
from bridge.testing import Fate

if TYPE_CHECKING:
    from tests.flow.conftest import Build

FALSE_LINES = "\n[9] mastodon https://evil.example\u2028\u202e\x1b[2J"


def one_harmless_line(text: str) -> bool:
    return len(text.splitlines()) == 1 and text.isprintable()


async def test_the_link_that_it_gives_stays_on_its_line(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    house = await build()
    monkeypatch.setattr(house.platforms["mastodon"], "address", f"https://mastodon.example{FALSE_LINES}")
    said = await house.say("!post one")
    assert [line for line in said if not one_harmless_line(line)] == []
    assert "[1] mastodon https://mastodon.example" in said[-1]
    said = await house.say("!url 1")
    assert [line for line in said if not one_harmless_line(line)] == []


async def test_the_words_with_which_it_refuses_stay_on_their_line(build: Build) -> None:
    house = await build()
    house.platforms["mastodon"].will("post", Fate(before=RefusedError(f"no{FALSE_LINES}")))
    said = await house.say("!post one")
    assert any("FAILED: no [9] mastodon" in line for line in said)
    assert [line for line in said if not one_harmless_line(line)] == []
