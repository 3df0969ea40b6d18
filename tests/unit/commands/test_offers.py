"""Roles that are offered in the chat, and what becomes of the offers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bridge.commands.incoming import Content
from bridge.commands.offers import NO_OFFER
from bridge.domain.people import Role
from bridge.store import InDoubt, people
from tests.unit.commands.saying import deeds, role, says

if TYPE_CHECKING:
    from bridge.testing.clock import FakeClock
    from tests.unit.commands.conftest import Bench

ROOM = "ops@rooms.example.org"
KIM = "kim@example.org"
STRANGER = "I work for a team that you aren't in, so I can't do anything for you. Nothing was posted."


async def test_a_role_counts_once_the_person_has_accepted_it(bench: Bench) -> None:
    told = await says(bench, "role grant staff kim@example.org")
    day = f"{bench.clock.now() + timedelta(days=7):%Y-%m-%d %H:%M} UTC"
    assert told == {
        "kim": (
            "ana@example.org offers kim@example.org the role staff with me: you may then publish on the team's "
            "accounts and answer customers. `role accept` takes it, `role decline` refuses it. "
            f"If you say neither before {day}, nothing happens"
        ),
        "ana": (
            "I have offered kim@example.org the role staff. Nothing changes until `role accept` comes from there, "
            f"before {day}; `role revoke staff kim@example.org` takes the offer back"
        ),
    }
    assert await role(bench, "kim") is Role.NONE
    assert await says(bench, "role accept", who="kim") == {
        "kim": "You are staff from now on. `help` tells what you can say",
        "ana": "kim@example.org has accepted, and is staff from now on",
    }
    assert "Sending in 20 s" in (await says(bench, "post hello", who="kim"))["kim"]
    assert "Sending in 20 s" in (await bench.room("!post hello", who="kim"))[0]
    assert await deeds(bench) == [
        ("ana", "role grant", "staff kim@example.org"),
        ("kim", "role accept", "staff offered by ana@example.org"),
        ("kim", "post", "hello"),
        ("kim", "post", "hello"),
    ]


async def test_a_role_outlives_the_program(bench: Bench) -> None:
    await says(bench, "role grant staff kim@example.org")
    bench.desk = bench.new_desk()
    await says(bench, "role accept", who="kim")
    bench.desk = bench.new_desk()
    assert "Sending in 20 s" in (await says(bench, "post hello", who="kim"))["kim"]


async def test_an_offer_that_is_handed_in_twice_is_one(bench: Bench) -> None:
    grant = bench.incoming("role grant staff kim@example.org", who="ana")
    accept = bench.incoming("role accept", who="kim")
    for incoming in (grant, grant, accept, accept, grant):
        await bench.desk.handle(incoming)
    assert [one.to for one in await bench.told()] == [KIM, "ana@example.org", KIM, "ana@example.org"]
    assert [verb for _, verb, _ in await deeds(bench)] == ["role grant", "role accept"]
    assert await bench.count("role") == 1


async def test_accepting_again_changes_nothing(bench: Bench) -> None:
    await says(bench, "role grant staff kim@example.org")
    await says(bench, "role accept", who="kim")
    again = {"kim": "No role is offered to you: ask an admin. Nothing was changed."}
    assert await says(bench, "role accept", who="kim") == again
    assert [verb for _, verb, _ in await deeds(bench)] == ["role grant", "role accept"]


async def test_who_accepts_twice_in_one_burst_accepts_once(bench: Bench) -> None:
    await says(bench, "role grant staff kim@example.org")
    lines = [bench.incoming("role accept", who="kim"), bench.incoming("role accept", who="kim")]
    assert await bench.desk.together(lines) == 1
    assert await bench.desk.together(lines[1:]) == 1
    assert [verb for _, verb, _ in await deeds(bench)] == ["role grant", "role accept"]


async def test_a_revocation_and_an_accept_that_cross_in_one_burst_count_in_their_order(bench: Bench) -> None:
    lines = [
        bench.incoming("!role grant admin kim@example.org", who="ana"),
        bench.incoming("!role revoke admin kim@example.org", who="ana"),
        bench.incoming("!role accept", who="kim"),
        bench.incoming("!post mine", who="kim"),
    ]
    while lines:
        count = await bench.desk.together(lines)
        if not count:
            await bench.desk.handle(lines[0])
        lines = lines[max(1, count) :]
    assert await role(bench, "kim") is Role.NONE
    assert await bench.count("post") == 0
    day = f"{bench.clock.now():%Y-%m-%d}"
    bodies = [one.body for one in await bench.told() if one.to == KIM]
    assert bodies[1:] == [
        "ana@example.org takes back the offer of the role admin. Nothing was changed.",
        f"The offer of the role admin was taken back on {day}. Nothing was changed.",
        STRANGER,
    ]


async def test_a_line_that_was_said_before_the_offer_does_not_take_it(bench: Bench, clock: FakeClock) -> None:
    old = bench.incoming("role accept", who="kim")
    await clock.advance(60)
    await says(bench, "role grant admin kim@example.org")
    assert await bench.hand_in(old) == [
        "You said that before ana offered you the role admin: `role accept` takes it. Nothing was changed."
    ]
    assert await role(bench, "kim") is Role.NONE


async def test_an_offer_ends_by_itself(bench: Bench, clock: FakeClock) -> None:
    await says(bench, "role grant staff kim@example.org")
    end = f"{clock.now() + timedelta(days=7):%Y-%m-%d %H:%M} UTC"
    await clock.advance(7 * 86_400)
    words = f"The offer of the role staff ended on {end}: ask ana for another. Nothing was changed."
    assert await says(bench, "role accept", who="kim") == {"kim": words}
    assert await role(bench, "kim") is Role.NONE
    await says(bench, "role grant staff kim@example.org")
    await says(bench, "role accept", who="kim")
    assert await role(bench, "kim") is Role.STAFF


async def test_an_offer_can_be_refused(bench: Bench) -> None:
    await says(bench, "role grant staff kim@example.org")
    assert await says(bench, "role decline", who="kim") == {
        "kim": "You have refused the role staff. Nothing was changed.",
        "ana": "kim@example.org has refused the role staff. Nothing was changed.",
    }
    assert await says(bench, "role accept", who="kim") == {"kim": NO_OFFER}
    assert await bench.count("role") == 0


async def test_another_offer_takes_the_place_of_the_first(bench: Bench) -> None:
    await says(bench, "role grant staff kim@example.org")
    assert (await says(bench, "role grant staff kim@example.org"))["ana"].endswith("Nothing was changed.")
    told = await says(bench, "role grant approver kim@example.org")
    assert "the role approver with me, in place of staff:" in told["kim"]
    await says(bench, "role accept", who="kim")
    assert await role(bench, "kim") is Role.APPROVER


async def test_more_is_accepted_anew(bench: Bench) -> None:
    await says(bench, "role grant admin raj@example.org")
    assert await role(bench, "raj") is Role.STAFF
    me = (await says(bench, "me", who="raj"))["raj"]
    assert "staff in direct chats, from the configuration." in me
    assert "ana@example.org offers you the role admin until" in me
    await says(bench, "role accept", who="raj")
    assert await role(bench, "raj") is Role.ADMIN
    day = f"{bench.clock.now():%Y-%m-%d}"
    assert f"an admin in direct chats, granted by ana on {day}." in (await says(bench, "me", who="raj"))["raj"]
    assert (await says(bench, "role grant staff raj@example.org")) == {
        "ana": f"raj@example.org is an admin already, granted by ana on {day}. Nothing was changed."
    }


async def test_what_the_file_gives_meanwhile_is_not_granted_as_well(bench: Bench) -> None:
    await says(bench, "role grant staff kim@example.org")
    bench.configure(people={**bench.settings.people, KIM: (Role.APPROVER,)})
    assert await says(bench, "role accept", who="kim") == {
        "kim": "You are an approver already, from the configuration. Nothing was changed.",
        "ana": (
            "kim@example.org has accepted, but was an approver already, from the configuration. Nothing was changed."
        ),
    }
    assert await bench.count("role") == 0


async def test_whose_admin_is_none_any_more_is_offered_nothing(bench: Bench) -> None:
    await says(bench, "role grant admin raj@example.org")
    await says(bench, "role accept", who="raj")
    await says(bench, "role grant admin kim@example.org", who="raj")
    await says(bench, "role revoke admin raj@example.org")
    assert await says(bench, "role accept", who="kim") == {
        "kim": "raj, who offered you the role admin, is no admin any more: ask another. Nothing was changed."
    }


@pytest.mark.parametrize("text", ["!role accept", "role accept", "ROLE ACCEPT", "role decline"])
async def test_a_stranger_without_an_offer_is_refused_once(bench: Bench, text: str) -> None:
    assert await says(bench, text, who="eve") == {"eve": NO_OFFER}
    assert await says(bench, text, who="eve") == {}
    assert await bench.count("post") == 0


@pytest.mark.parametrize("text", ["hello", "post hello", "me", "help", "role grant admin eve@example.org", "panic"])
async def test_what_else_strangers_say_is_declined_as_before(bench: Bench, text: str) -> None:
    assert await says(bench, text, who="eve") == {"eve": STRANGER}
    assert await says(bench, text, who="eve") == {}


async def test_nobody_but_that_person_can_accept(bench: Bench) -> None:
    await says(bench, "role grant staff kim@example.org")
    assert (await bench.room("!role accept", who="kim"))[0].startswith("kim: you have no role here")
    assert await says(bench, "role accept", who="eve") == {"eve": NO_OFFER}
    assert "No role is offered to you" in (await says(bench, "role accept", who="tom"))["tom"]
    assert await role(bench, "kim") is Role.NONE


async def test_who_is_offered_a_role_is_reminded_in_place_of_being_declined(bench: Bench) -> None:
    await says(bench, "role grant staff kim@example.org")
    (words,) = (await says(bench, "post hello", who="kim")).values()
    assert "ana@example.org offers you the role staff" in words
    assert words.endswith("`role decline` refuses it. Nothing was posted.")
    assert await says(bench, "hello", who="kim") == {}
    encrypted = await says(bench, "role accept", who="kim", content=Content.ENCRYPTED)
    assert encrypted["kim"].startswith("I can't read encrypted messages")
    assert await role(bench, "kim") is Role.NONE
    (words,) = (await says(bench, "me", who="kim")).values()
    assert "without a role in direct chats. You may do nothing here: nobody has given you a role. ana@" in words


async def test_an_accept_that_is_read_too_late_is_told_and_not_done(bench: Bench, clock: FakeClock) -> None:
    await says(bench, "role grant staff kim@example.org")
    said = bench.incoming("role accept", who="kim")
    await clock.advance(7_200)
    assert (await bench.hand_in(said))[0].startswith("Said while I was away, not done:")
    assert await role(bench, "kim") is Role.NONE


@pytest.mark.parametrize(
    ("jid", "words"),
    [
        ("status@example.org", "That is me: I can't have a role. Nothing was changed."),
        (ROOM, f"{ROOM} is a room: what its members may do is in the configuration. Nothing was changed."),
        (
            "else@rooms.example.org",
            "else@rooms.example.org is where rooms are, and no person's own address. Nothing was changed.",
        ),
        ("tom@example.org", "tom@example.org is an approver already, from the configuration. Nothing was changed."),
    ],
)
async def test_whom_no_role_is_offered(bench: Bench, jid: str, words: str) -> None:
    assert await says(bench, f"role grant approver {jid}") == {"ana": words}
    assert await bench.count("role") == 0


async def test_less_than_the_file_gives_stays_less_once_it_is_accepted(bench: Bench) -> None:
    await says(bench, "role revoke staff tom@example.org")
    assert (await says(bench, "post hello", who="tom")) == {"tom": STRANGER}
    assert "staff denied by ana" in (await says(bench, "me", who="tom"))["tom"]
    await says(bench, "role grant staff tom@example.org")
    await says(bench, "role accept", who="tom")
    assert await role(bench, "tom") is Role.STAFF


async def test_an_offer_is_taken_back(bench: Bench) -> None:
    await says(bench, "role grant approver raj@example.org")
    assert await says(bench, "role revoke approver raj@example.org") == {
        "raj": "ana@example.org takes back the offer of the role approver. Nothing was changed.",
        "ana": "The offer of the role approver is taken back. raj@example.org is still staff, from the configuration",
    }
    assert (await says(bench, "role accept", who="raj"))["raj"].startswith("The offer of the role approver was taken")


async def test_a_role_whose_commit_got_no_answer_is_looked_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await says(bench, "role grant staff kim@example.org")
    accept = bench.incoming("role accept", who="kim")
    real = bench.store.write

    async def cut(unit: Any, *, bulk: bool = False) -> Any:
        await real(unit, bulk=bulk)
        bench.store.event(people.TOPIC).clear()  # nor is anybody woken by it
        raise InDoubt("the connection broke")

    monkeypatch.setattr(bench.store, "write", cut)
    with pytest.raises(InDoubt):
        await bench.desk.handle(accept)
    monkeypatch.undo()
    await bench.desk.handle(accept)
    await bench.told()
    assert "Sending in 20 s" in (await says(bench, "post hello", who="kim"))["kim"]
    assert [verb for _, verb, _ in await deeds(bench)] == ["role grant", "role accept", "post"]
