"""Roles given in the chat, in the whole program: what a kill leaves of them, and who is told what from then on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.delivery import DIRECT
from bridge.domain.people import Role
from bridge.plugin import UnauthorizedError
from bridge.testing import Fate

if TYPE_CHECKING:
    from tests.flow.conftest import Build, House

ADMIN, RAJ, KIM = "ana@example.org", "raj@example.org", "kim@example.org"


async def direct(house: House, text: str, *, who: str = "ana") -> list[str]:
    return await house.say(text, place=DIRECT, who=who)


async def test_an_offer_that_was_not_told_when_the_program_was_killed_is_told_afterwards(build: Build) -> None:
    house = await build(hold="20s")
    grant = house.incoming("role grant staff kim@example.org", place=DIRECT, who="ana")
    house.chat.present.clear()
    await house.chat.desk.handle(grant)
    await house.restart()
    assert len(house.heard(KIM)) == 1
    await house.chat.desk.handle(grant)
    await house.quiet()
    assert house.heard(KIM) == []
    house.heard(ADMIN)
    accept = house.incoming("role accept", place=DIRECT, who="kim")
    house.chat.present.clear()
    await house.chat.desk.handle(accept)
    await house.restart()
    await house.chat.desk.handle(accept)
    await house.quiet()
    assert house.heard(KIM) == ["You are staff from now on. `help` tells what you can say"]
    assert house.heard(ADMIN) == ["kim@example.org has accepted, and is staff from now on"]
    assert "Sending in 20 s" in (await direct(house, "post hello", who="kim"))[0]


async def test_a_revocation_outlives_a_kill(build: Build) -> None:
    house = await build()
    house.chat.present.clear()
    await house.chat.desk.handle(house.incoming("role revoke staff raj@example.org", place=DIRECT, who="ana"))
    await house.restart()
    assert house.heard(RAJ)[0].startswith("ana@example.org takes the role staff from you, everywhere")
    assert "you have no role here" in (await house.say("!post hello"))[0]


async def test_whoever_is_an_admin_by_then_is_told_of_a_login_that_is_no_good(build: Build) -> None:
    house = await build()
    reviews = house.chat.reviews
    await direct(house, "role grant admin raj@example.org")
    await direct(house, "role accept", who="raj")
    await direct(house, "role revoke admin ana@example.org", who="raj")
    assert house.chat.reviews == reviews + 3
    assert house.bridge._people.admins() == (RAJ,)
    assert house.bridge._people.role_of(ADMIN) is Role.APPROVER
    house.heard(ADMIN)
    house.heard(RAJ)
    house.platforms["mastodon"].will("post", Fate(before=UnauthorizedError("the token is no good")))
    await house.say("!post hello", who="tom")
    await house.pass_time(30)
    assert any("is paused: the token is no good" in line for line in house.heard(RAJ))
    assert not any("is paused" in line for line in house.heard(ADMIN))
