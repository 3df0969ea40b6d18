"""The welcome of somebody who writes to the bot for the first time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from bridge.commands.incoming import Content
from bridge.domain.people import Role
from bridge.settings import Mode

if TYPE_CHECKING:
    from tests.unit.commands.conftest import Bench

WELCOME = (
    "Welcome, kim: I take you for kim@example.org, staff.\n"
    "What you write here is a status, and it goes to mastodon, x, 20 s after you wrote it, unless you `undo` it. "
    "Where I am not sure what you mean, I ask.\n"
    "`help` shows what you need most, `me` what you may do."
)


@pytest.fixture(autouse=True)
async def _kim(bench: Bench) -> None:
    await bench.store.write(lambda tx: tx.execute(text("DELETE FROM welcome WHERE jid = 'kim@example.org'")))
    bench.configure(people={**bench.settings.people, "kim@example.org": (Role.STAFF,), "eve@example.org": ()})


async def test_it_comes_once_before_the_answer_and_the_deed_is_done(bench: Bench) -> None:
    first, receipt = await bench.direct("We are on it", who="kim")
    assert first == WELCOME
    assert receipt.startswith("[1] 12 characters: mastodon ok")
    assert len(await bench.direct("me", who="kim")) == 1
    assert len(await bench.direct("We are still on it", who="kim")) == 1
    assert len(await bench.direct("me")) == 1  # raj has been here before


async def test_handed_in_twice_it_comes_once(bench: Bench) -> None:
    incoming = bench.incoming("me", who="kim")
    assert len(await bench.hand_in(incoming)) == 2
    assert await bench.hand_in(incoming) == []


async def test_it_outlives_the_desk(bench: Bench) -> None:
    await bench.direct("me", who="kim")
    bench.desk = bench.new_desk()
    assert len(await bench.direct("me", who="kim")) == 1


async def test_messages_that_share_a_commit_share_it(bench: Bench) -> None:
    incomings = [bench.incoming(f"We are on it {number}", who="kim") for number in range(3)]
    assert await bench.desk.together(incomings) == 3
    told = [one.body for one in await bench.told()]
    assert [body for body in told if body.startswith("Welcome")] == [WELCOME]
    assert await bench.count("post") == 3


async def test_a_mistake_and_a_late_line_get_it_too(bench: Bench) -> None:
    first, second = await bench.direct("!psot hi", who="kim")
    assert first == WELCOME
    assert second.endswith("Nothing was posted.")
    bench.configure(people={"eve@example.org": (Role.ADMIN,)})
    late = bench.incoming("hi", who="eve", said_at=bench.clock.now() - timedelta(hours=3))
    first, second = await bench.hand_in(late)
    assert first.startswith("Welcome, eve: I take you for eve@example.org, an admin.")
    assert second.startswith("Said while I was away")


async def test_nobody_else_gets_it(bench: Bench) -> None:
    assert len(await bench.direct("hi", who="eve")) == 1
    assert len(await bench.room("!me", who="kim")) == 1
    away = bench.incoming("I am away", who="kim", content=Content.AUTOMATIC)
    assert not any("Welcome" in line for line in await bench.hand_in(away))
    chosen = bench.incoming("!me", who="kim", chosen=True)
    assert len(await bench.hand_in(chosen)) == 1
    assert await bench.count("welcome") == 3
    assert (await bench.direct("me", who="kim"))[0] == WELCOME


async def test_it_says_what_bare_words_do_here(bench: Bench) -> None:
    posting = bench.settings.posting
    bench.configure(posting=posting.model_copy(update={"mode": Mode.STRICT, "hold": timedelta(0)}))
    (welcome, _) = await bench.direct("me", who="kim")
    assert welcome.splitlines()[1] == (
        "Only `post TEXT` publishes here, and it goes to mastodon, x, at once; `undo` takes it back where that can be "
        "done. Where I am not sure what you mean, I ask."
    )
