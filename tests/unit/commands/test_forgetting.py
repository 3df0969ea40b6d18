"""A person is forgotten in two words, by an admin, and nobody's name is in the record of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text as sql

from bridge.domain.ids import EntryId
from bridge.domain.people import Role
from bridge.store import audit, inbox

if TYPE_CHECKING:
    from bridge.domain.inbox import StoredItem
    from tests.unit.commands.conftest import Bench

ROOM = "ops@rooms.example.org"
SHOWN = (
    "2 messages of theirs on mastodon would be erased here for good, with what was answered and noted: ids, times and "
    "links of our own posts stay, and so does what rooms, archives and mastodon have. `forget @kim` once more within "
    "5 min does it. Nothing was changed."
)
ERASED = "erased: 2 messages of theirs on mastodon, and 0 answers of ours"


async def admin(bench: Bench, words: str) -> list[str]:
    return await bench.direct(words, who="ana")


async def texts(bench: Bench) -> list[str]:
    return await bench.store.read(lambda tx: [row.text for row in tx.rows(sql("SELECT text FROM item ORDER BY id"))])


@pytest.fixture
async def kim(bench: Bench) -> list[StoredItem]:
    return [*await bench.hears("my number is 555-0100"), *await bench.hears("are you there?")]


async def test_the_first_word_shows_and_the_second_erases(bench: Bench, kim: Any) -> None:
    assert await admin(bench, "forget @kim") == [SHOWN]
    assert await texts(bench) == ["my number is 555-0100", "are you there?"]
    assert await admin(bench, "forget @kim") == [ERASED]
    assert await texts(bench) == ["", ""]
    assert "Nobody called `@kim` has written" in (await admin(bench, "!forget @kim"))[0]
    said = [(verb, content) for _, verb, _, _, content in await bench.audited() if verb.startswith("forget")]
    assert said == [("forget asked", None), ("forget", "2 messages, 0 answers")]
    assert (await bench.store.read(audit.verify)).why is None


async def test_what_has_changed_since_is_shown_again(bench: Bench, kim: Any) -> None:
    await admin(bench, "forget @kim")
    await bench.hears("hello?")
    assert (await admin(bench, "forget @kim"))[0].startswith("3 messages of theirs")
    assert (await admin(bench, "forget @kim"))[0].startswith("erased: 3 messages")


async def test_a_word_that_was_said_too_long_ago_does_not_count(bench: Bench, kim: Any) -> None:
    await admin(bench, "forget @kim")
    await bench.clock.advance(301)
    assert await admin(bench, "forget @kim") == [SHOWN]


async def test_two_admins_each_say_both_words(bench: Bench, kim: Any) -> None:
    bench.configure(people={**bench.settings.people, "eve@example.org": (Role.ADMIN,)})
    await admin(bench, "forget @kim")
    assert (await bench.direct("forget @kim", who="eve"))[-1] == SHOWN


async def test_an_answer_on_its_way_comes_first(bench: Bench, kim: list[StoredItem]) -> None:
    await bench.direct(f"r {kim[0].id:x} we are on it")
    told = await admin(bench, "forget @kim")
    assert told[-1] == (
        "1 answer to them on mastodon must be settled first: `forget @kim` after that. Nothing was changed."
    )
    assert (await bench.store.read(lambda tx: inbox.get(tx, EntryId(kim[0].id)))) is not None


async def test_only_admins_do_it_and_only_in_a_direct_chat(bench: Bench, kim: Any) -> None:
    assert await bench.direct("forget @kim") == ["`forget` needs the role admin; you are staff. Nothing was posted."]
    assert await bench.room("!forget @kim", who="ana") == [
        "`forget` works in a direct chat with me only. Nothing was posted."
    ]
    assert len(await texts(bench)) == 2
