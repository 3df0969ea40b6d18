"""How a delivery begins: born `sending` on an idle lane, else in its turn; and the receipt that a burst shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain.deliveries import State
from bridge.domain.ids import EntryId
from bridge.plugin import UnauthorizedError, UnavailableError
from bridge.store import Tx, outbox
from bridge.testing import Fate

if TYPE_CHECKING:
    from tests.flow.conftest import Build, House

ROOM = "ops@rooms.example.org"


async def born(house: House, entry: int) -> State:
    """Say something, and return how its delivery stands in the very commit that makes it."""

    def look(tx: Tx) -> State | None:
        rows = outbox.of_post(tx, EntryId(entry))
        return rows[0].state if rows else None

    house.store.watch = look
    await house.say("!post something")
    house.store.watch = None
    return next(state for state in house.store.seen if state is not None)


async def test_on_an_idle_lane_it_is_born_sending_and_published_once(build: Build) -> None:
    house = await build()
    assert await born(house, 1) is State.SENDING
    assert house.heard() == []
    assert house.platforms["mastodon"].visible == ["something"]
    assert await house.states(1) == ["sent"]


async def test_with_a_hold_it_is_held(build: Build) -> None:
    house = await build(hold="20s")
    assert await born(house, 1) is State.HELD


async def test_on_a_busy_lane_it_waits_its_turn(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(hangs="before"))
    await house.say("!post first")
    assert await born(house, 2) is State.READY
    platform.release()
    await house.quiet()
    assert platform.visible == ["first", "something"]


async def test_under_panic_it_waits(build: Build) -> None:
    house = await build()
    await house.say("!panic")
    assert await born(house, 1) is State.READY
    assert house.platforms["mastodon"].published == []


async def test_while_the_account_is_down_it_waits(build: Build) -> None:
    house = await build(start=False)
    house.platforms["mastodon"].will("enter", Fate(before=UnavailableError("503")))
    await house.start()
    assert await born(house, 1) is State.READY
    await house.pass_time(5)
    assert house.platforms["mastodon"].visible == ["something"]


async def test_while_the_breaker_is_open_it_waits(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(before=UnauthorizedError("the token was revoked")))
    await house.say("!post first")
    await house.say("!undo 1")
    assert await house.states(1) == ["cancelled"]
    assert await born(house, 2) is State.READY
    assert platform.count("post") == 1
    await house.pass_time(5)
    assert platform.visible == ["something"]


async def test_before_the_rooms_are_caught_up_it_waits(build: Build) -> None:
    house = await build(start=False)
    await house.start(arrive=False)
    assert await born(house, 1) is State.READY
    assert house.platforms["mastodon"].count("post") == 0


async def test_a_burst_shares_one_receipt(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.always("post", Fate(pause=0.09))
    for number in range(5):
        assert await house.say(f"!post line {number}") == [f"[{number + 1}] mastodon on its way"]
    for number in range(5, 75):
        await house.chat.desk.handle(house.incoming(f"!post line {number}"))
    await house.pass_time(60)
    assert platform.visible == [f"line {number}" for number in range(75)]
    told = house.heard_at()
    assert [body for _, body in told[:4]] == [
        f"~[{number}] mastodon https://mastodon.example/p{number}" for number in range(1, 5)
    ]
    assert told[4:] == [
        (2.0, "~[5]..[4b] 71 posts: mastodon 53 on its way, 18 sent"),
        (4.0, "~[5]..[4b] 71 posts: mastodon 31 on its way, 40 sent"),
        (6.0, "~[5]..[4b] 71 posts: mastodon 9 on its way, 62 sent"),
        (8.0, "~[5]..[4b] 71 posts: mastodon 71 sent"),
    ]
