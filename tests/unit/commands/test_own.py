"""What people set for themselves, and the last thing that was heard."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bridge.domain.items import Deleted
from bridge.domain.posts import Visibility
from bridge.plugin import Cursor
from bridge.store import inbox

if TYPE_CHECKING:
    from tests.unit.commands.conftest import Bench


async def test_ones_own_hold_counts_wherever_one_posts_and_for_nobody_else(bench: Bench) -> None:
    (line,) = await bench.direct("set hold 1m30s")
    words = (
        "From now on what you post goes out 1 min 30 s after you write it, unless you `undo` it, here and everywhere"
    )
    assert line == words
    assert "Sending in 1 min 30 s" in (await bench.direct("post one"))[0]
    assert "Sending in 1 min 30 s" in (await bench.room("!post two"))[0]
    assert "Sending in 20 s" in (await bench.room("!post three", who="ana"))[0]
    assert "1 min 30 s after you wrote it, unless you `undo` it (as you have set it)." in (await bench.direct("me"))[0]
    assert (await bench.audited())[0][1:] == ("set", None, None, "hold 1m30s")


async def test_it_outlives_the_program(bench: Bench) -> None:
    await bench.direct("set hold 5s")
    bench.desk = bench.new_desk()
    assert "Sending in 5 s" in (await bench.direct("post one"))[0]
    await bench.direct("set hold 6s")
    assert "Sending in 6 s" in (await bench.direct("post two"))[0]


async def test_without_a_hold_it_goes_out_at_once(bench: Bench) -> None:
    assert await bench.direct("set hold 0s") == ["From now on what you post goes out at once, here and everywhere"]
    await bench.direct("post one")
    assert await bench.states(1) == {"mastodon": ["ready"], "x": ["ready"]}


async def test_what_is_set_counts_from_the_next_line_on_in_a_burst_too(bench: Bench) -> None:
    lines = [bench.incoming(text) for text in ("!post one", "!set hold 5s", "!post two")]
    assert await bench.desk.together(lines) == 2
    assert await bench.desk.together(lines[2:]) == 1
    now = bench.clock.now()
    assert {one.hold_until for one in await bench.deliveries(1)} == {now + timedelta(seconds=20)}
    assert {one.hold_until for one in await bench.deliveries(2)} == {now + timedelta(seconds=5)}


@pytest.mark.parametrize("text", ["set hold 2h", "set hold 3660d"])
async def test_a_hold_has_an_end(bench: Bench, text: str) -> None:
    assert await bench.direct(text) == ["A hold is 1h at most: `set hold 1h`. Nothing was changed."]
    assert "Sending in 20 s" in (await bench.direct("post one"))[0]


async def test_the_last_thing_that_was_heard_and_a_persons_last_one(bench: Bench) -> None:
    assert await bench.room("!last") == ["I have heard nothing. `!inbox` lists what waits."]
    await bench.hears("any ETA?")
    await bench.hears("thanks", who="lee")
    await bench.clock.advance(120)
    assert await bench.room("!last") == ["[2] @lee@mastodon.example: thanks\n| 2 min ago, on mastodon: open"]
    assert await bench.room("!last @kim") == ["[1] @kim@mastodon.example: any ETA?\n| 2 min ago, on mastodon: open"]
    await bench.room("!done 1")
    assert (await bench.room("!last @kim"))[0].endswith("on mastodon: done")


async def test_what_is_private_or_was_taken_back_is_not_shown(bench: Bench) -> None:
    (item,) = await bench.hears("my password is x", visibility=Visibility.DIRECT)
    (line,) = await bench.room("!last")
    assert "password" not in line
    assert "my password is x" in (await bench.direct("last"))[0]
    gone = Deleted(id=item.item.id, cursor=Cursor("2"))
    await bench.store.write(lambda tx: inbox.hear(tx, account="mastodon", things=[gone], received_at=bench.clock.now()))
    (line,) = await bench.direct("last")
    assert line.startswith("[1] @kim@mastodon.example (private) took it back\n")
