"""Roles that are taken in the chat, and what is told of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bridge.commands.desk import Desk
from bridge.commands.people import People
from bridge.commands.roles import SHOWN
from bridge.domain.people import Role
from bridge.settings import Current
from tests.unit.commands.saying import deeds, role, says

if TYPE_CHECKING:
    from bridge.testing.clock import FakeClock
    from tests.unit.commands.conftest import Bench

ROOM = "ops@rooms.example.org"
KIM = "kim@example.org"
STRANGER = "I work for a team that you aren't in, so I can't do anything for you. Nothing was posted."


@pytest.mark.parametrize("who", ["raj", "tom", "kim"])
@pytest.mark.parametrize("text", ["!role grant admin kim@example.org", "!role revoke admin ana@example.org", "!roles"])
async def test_only_admins_give_and_take(bench: Bench, who: str, text: str) -> None:
    (words,) = (await says(bench, text, who=who)).values()
    assert words.endswith("Nothing was posted.")
    assert await bench.count("role") == 0
    assert await bench.audited() == []


async def test_an_address_with_a_nick_is_none(bench: Bench) -> None:
    assert "needs an address" in (await says(bench, f"!role grant staff {ROOM}/kim"))["ana"]


async def test_what_the_file_gives_is_denied_over_it(bench: Bench, clock: FakeClock) -> None:
    day = f"{clock.now():%Y-%m-%d}"
    assert await says(bench, "role revoke approver tom@example.org") == {
        "ana": f"tom@example.org is now staff, from the configuration, but approver denied by ana on {day}",
        "tom": (
            "ana@example.org takes the role approver from you, everywhere: you are staff now. "
            "What you hold and what you have claimed stays as it is"
        ),
    }
    assert "needs the role approver; you are staff" in (await says(bench, "resume", who="tom"))["tom"]
    assert await says(bench, "role revoke approver tom@example.org") == {
        "ana": (
            f"tom@example.org is staff, from the configuration, but approver denied by ana on {day}. "
            "Nothing was changed."
        )
    }
    me = (await says(bench, "me", who="tom"))["tom"]
    assert f"staff in direct chats, from the configuration, but approver denied by ana on {day}." in me
    await says(bench, "role grant approver tom@example.org")
    assert await role(bench, "tom") is Role.STAFF
    await says(bench, "role accept", who="tom")
    assert await role(bench, "tom") is Role.APPROVER
    assert [content for _, _, content in await deeds(bench)][:1] == ["approver tom@example.org"]


async def test_a_member_of_a_room_can_be_denied_what_the_room_gives(bench: Bench) -> None:
    assert "Sending in" in (await bench.room("!post one", who="eve", affiliation="member"))[0]
    await says(bench, "role revoke staff eve@example.org")
    (words,) = await bench.room("!post two", who="eve", affiliation="member")
    assert words.startswith("eve: you have no role here")
    me = (await bench.room("!me", who="eve", affiliation="member"))[0]
    assert f"You may do nothing here: staff denied by ana on {bench.clock.now():%Y-%m-%d}." in me
    assert "Sending in" in (await bench.room("!post three", who="lee", affiliation="member"))[0]


async def test_what_was_said_before_stays_as_it_is(bench: Bench) -> None:
    await bench.hears("any ETA?")
    await bench.direct("claim 1")
    await bench.direct("post hello")
    before = await bench.states(2)
    await says(bench, "role revoke staff raj@example.org")
    assert await bench.states(2) == before
    assert "claimed by raj" in (await says(bench, "inbox"))["ana"]


async def test_the_last_admin_stays(bench: Bench) -> None:
    refused = {
        "ana": (
            "ana@example.org is the last admin: make somebody else one before, with `role grant admin JID`. "
            "Nothing was changed."
        )
    }
    assert await says(bench, "role revoke admin ana@example.org") == refused
    assert await says(bench, "role revoke staff ana@example.org") == refused
    await says(bench, "role grant admin raj@example.org")
    assert await says(bench, "role revoke admin ana@example.org") == refused
    await says(bench, "role accept", who="raj")
    assert (await says(bench, "role revoke admin ana@example.org"))["ana"].startswith("ana@example.org is now an appr")
    assert "needs the role admin" in (await says(bench, "roles"))["ana"]
    assert "is the last admin" in (await says(bench, "role revoke admin raj@example.org", who="raj"))["raj"]


async def test_what_somebody_does_not_have_is_not_taken(bench: Bench) -> None:
    assert await says(bench, "role revoke admin tom@example.org") == {
        "ana": "tom@example.org is an approver, from the configuration. Nothing was changed."
    }
    assert await says(bench, "role revoke approver eve@example.org") == {
        "ana": "eve@example.org is without a role. Nothing was changed."
    }
    assert await bench.audited() == []


async def test_roles_tells_who_may_do_what_and_why(bench: Bench, clock: FakeClock) -> None:
    day, end = f"{clock.now():%Y-%m-%d}", f"{clock.now() + timedelta(days=7):%Y-%m-%d %H:%M} UTC"
    await says(bench, "role grant approver kim@example.org")
    await says(bench, "role accept", who="kim")
    await says(bench, "role revoke approver tom@example.org")
    await says(bench, "role revoke staff raj@example.org")
    await says(bench, "role grant staff eve@example.org")
    assert (await says(bench, "roles"))["ana"].splitlines() == [
        "admin ana@example.org: from the configuration",
        f"approver kim@example.org: granted by ana on {day}",
        f"staff members of {ROOM}, there: from the configuration",
        f"staff tom@example.org: from the configuration, but approver denied by ana on {day}",
        f"none eve@example.org: staff offered by ana, waiting until {end}",
        f"none raj@example.org: from the configuration, but staff denied by ana on {day}",
    ]
    await clock.advance(8 * 86_400)
    assert "eve" not in (await says(bench, "roles"))["ana"]


async def test_roles_fits_a_screen(bench: Bench) -> None:
    staff = {f"p{n}@example.org": (Role.STAFF,) for n in range(40)}
    bench.configure(people={"ana@example.org": (Role.ADMIN,), **staff})
    lines = (await says(bench, "roles"))["ana"].splitlines()
    assert (len(lines), lines[-1]) == (SHOWN + 1, f"... and {40 + 1 + 1 - SHOWN} more")


async def test_whoever_is_an_admin_now_is_told_of_trouble(bench: Bench) -> None:
    await says(bench, "role grant admin raj@example.org")
    await says(bench, "role accept", who="raj")
    await says(bench, "role revoke admin ana@example.org", who="raj")
    assert "raj" in await says(bench, "panic", who="tom")
    assert "ana" not in await says(bench, "resume", who="tom")


async def test_who_brings_an_old_message_after_its_revocation_may_nothing(bench: Bench) -> None:
    said = bench.incoming("post hello")
    await says(bench, "role revoke staff raj@example.org")
    assert await bench.hand_in(replace(said, key="another")) == [STRANGER]
    assert await bench.count("post") == 0


async def test_those_who_ask_what_somebody_may_do_know_as_soon_as_it_is_committed(bench: Bench) -> None:
    known = People(Current(bench.settings), bench.store)
    await known.learn()
    changes: list[Role] = []
    known.watch(lambda: changes.append(known.role_of(KIM)))
    bench.desk = Desk(
        Current(bench.settings),
        bench.store,
        bench.accounts,
        bench.clock,
        born_for=frozenset[str],
        begin=bench.born.append,
        people=known,
    )
    await says(bench, "role grant admin kim@example.org")
    await says(bench, "role accept", who="kim")
    assert known.admins() == ("ana@example.org", KIM)
    await says(bench, "role revoke staff kim@example.org")
    assert changes == [Role.NONE, Role.ADMIN, Role.NONE]
    await says(bench, "set hold 5s")
    assert len(changes) == 3
