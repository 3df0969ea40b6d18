"""What became of each delivery is in the audit, once, bound into the chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.plugin import RefusedError, UnavailableError
from bridge.store import audit
from bridge.testing import Fate

if TYPE_CHECKING:
    from bridge.domain.chain import Link
    from tests.flow.conftest import Build, House

DOWN = Fate(before=UnavailableError("503 Service Unavailable."))
LOST = Fate(after=ConnectionError("the connection was cut"))


async def deeds(house: House, entry: int = 1) -> list[Link]:
    """Return what is recorded of a post, and see that the chain holds."""
    assert (await house.store.read(audit.verify)).holds
    return list(await house.store.read(lambda tx: audit.about(tx, entry)))


async def words(house: House, entry: int = 1) -> list[str]:
    return [f"{link.actor.partition('@')[0]} {link.verb}" for link in await deeds(house, entry)]


async def test_what_was_sent_with_where_it_is(build: Build) -> None:
    house = await build("mastodon", "x")
    await house.say("!post one")
    said, *sent = await deeds(house)
    (one, other) = await house.rows(1)
    assert (said.actor, said.verb, said.content, said.archive) == (
        "raj@example.org",
        "post",
        "one",
        "ops@rooms.example.org",
    )
    assert said.key
    found = {(link.actor, link.verb, link.account, link.delivery, link.platform_id, link.content) for link in sent}
    assert found == {
        ("bridge", "sent", row.account, row.id, row.posted.id, row.posted_url) for row in (one, other) if row.posted
    }
    assert len({link.salt for link in (said, *sent)}) == 3


async def test_tries_that_came_to_nothing_yet_are_no_rows(build: Build) -> None:
    house = await build()
    house.platforms["mastodon"].will("post", DOWN, DOWN, DOWN)
    await house.say("!post one")
    await house.pass_time(300)
    assert await words(house) == ["raj post", "bridge sent"]


async def test_a_refusal_and_what_a_person_made_of_it(build: Build) -> None:
    house = await build()
    house.platforms["mastodon"].will("post", Fate(before=RefusedError("too rude")))
    await house.say("!post one")
    assert (await deeds(house))[-1].content == "too rude"
    await house.say("!retry 1")
    await house.pass_time(10)
    assert await words(house) == ["raj post", "bridge failed", "raj retry", "bridge sent"]


async def test_a_deletion(build: Build) -> None:
    house = await build()
    await house.say("!post one")
    await house.say("!undo 1")
    await house.pass_time(10)
    posted, deleted = (link for link in await deeds(house) if link.actor == "bridge")
    assert (deleted.verb, deleted.platform_id) == ("deleted", posted.platform_id)


async def test_doubt_is_recorded_when_it_ends(build: Build) -> None:
    house = await build()
    house.platforms["mastodon"].will("post", LOST)
    await house.say("!post one")
    assert await words(house) == ["raj post"]
    await house.pass_time(600)
    assert await words(house) == ["raj post", "bridge found"]
    assert len(house.platforms["mastodon"].visible) == 1


async def test_a_kill_on_the_wire_leaves_one_outcome(build: Build) -> None:
    house = await build()
    house.platforms["mastodon"].will("post", Fate(hangs="after"))
    await house.say("!post one")
    await house.kill()
    await house.start()
    await house.pass_time(600)
    assert await words(house) == ["raj post", "bridge found"]
