from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.chat.dialogs import LIFETIME, MOST, MOST_EACH, Dialogs
from bridge.chat.forms import Problem

if TYPE_CHECKING:
    from bridge.testing.clock import FakeClock

ANA = "ana@example.org/phone"


def problem(dialogs: Dialogs, owner: str, node: str, name: str) -> tuple[str, str | None]:
    with pytest.raises(Problem) as error:
        dialogs.find(owner, node, name)
    return error.value.condition, error.value.specific


def test_a_dialog_is_its_owners_and_its_commands_alone(clock: FakeClock) -> None:
    dialogs = Dialogs(clock)
    one = dialogs.begin(ANA, "account")
    assert dialogs.find(ANA, "account", one.id) is one
    for owner, node, name in (
        ("ana@example.org/desktop", "account", one.id),
        ("ana@example.org", "account", one.id),
        ("eve@example.org/phone", "account", one.id),
        (ANA, "role", one.id),
        (ANA, "account", "guessed"),
        (ANA, "account", ""),
    ):
        assert problem(dialogs, owner, node, name) == ("bad-request", "bad-sessionid")


def test_names_are_long_and_never_the_same(clock: FakeClock) -> None:
    dialogs = Dialogs(clock)
    names = {dialogs.begin(f"p{number}@example.org/x", "me").id for number in range(100)}
    assert len(names) == 100
    assert min(map(len, names)) >= 32


async def test_what_lies_about_for_too_long_is_over_and_each_step_lets_it_live_on(clock: FakeClock) -> None:
    dialogs = Dialogs(clock)
    one = dialogs.begin(ANA, "account")
    await clock.advance(LIFETIME - 1)
    dialogs.find(ANA, "account", one.id)
    await clock.advance(LIFETIME - 1)
    dialogs.find(ANA, "account", one.id)
    await clock.advance(LIFETIME)
    assert problem(dialogs, ANA, "account", one.id) == ("not-allowed", "session-expired")
    assert problem(dialogs, "eve@example.org/x", "account", one.id) == ("bad-request", "bad-sessionid")
    assert len(dialogs) == 0


def test_what_has_ended_is_known_to_have_been(clock: FakeClock) -> None:
    dialogs = Dialogs(clock)
    one = dialogs.begin(ANA, "account")
    dialogs.end(one)
    dialogs.end(one)
    assert problem(dialogs, ANA, "account", one.id) == ("not-allowed", "session-expired")


def test_one_person_has_few_on_all_devices_and_nobody_elses_ends_for_them(clock: FakeClock) -> None:
    dialogs = Dialogs(clock)
    other = dialogs.begin("raj@example.org/x", "me")
    mine = [dialogs.begin(f"ana@example.org/{number}", "me") for number in range(MOST_EACH + 3)]
    assert len(dialogs) == MOST_EACH + 1
    dialogs.find(other.owner, "me", other.id)
    assert problem(dialogs, mine[2].owner, "me", mine[2].id)[1] == "session-expired"
    dialogs.find(mine[3].owner, "me", mine[3].id)


def test_all_together_are_bounded_and_so_is_what_is_remembered(clock: FakeClock) -> None:
    dialogs = Dialogs(clock)
    first = dialogs.begin("p0@example.org/x", "me")
    for number in range(1, 3 * MOST):
        dialogs.begin(f"p{number}@example.org/x", "me")
    assert len(dialogs) == MOST
    assert len(dialogs._ended) <= MOST
    assert problem(dialogs, first.owner, "me", first.id) == ("bad-request", "bad-sessionid")


async def test_what_is_being_done_is_neither_ended_nor_begun_twice(clock: FakeClock) -> None:
    dialogs = Dialogs(clock)
    busy = [dialogs.begin(ANA, "me") for _ in range(MOST_EACH)]
    for one in busy:
        one.busy = True
    await clock.advance(2 * LIFETIME)
    assert problem(dialogs, ANA, "me", busy[0].id) == ("resource-constraint", None)
    with pytest.raises(Problem, match="Too many"):
        dialogs.begin(ANA, "me")
    busy[3].busy = False
    dialogs.begin(ANA, "me")
    assert len(dialogs) == MOST_EACH
