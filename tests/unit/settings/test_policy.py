from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from bridge.domain.people import Place, Role, Target
from bridge.domain.policy import Approval, Hours, Rules
from bridge.settings import Settings

Load = Callable[..., Settings]

TEXT = """
[posting]
zone = "Europe/Berlin"

[policy]
approval_expires = "2h"
forbidden = { "a number" = 'K-\\d+' }
internal_hosts = ["ops.example.org"]

[[policy.approval]]
roles = ["staff"]
hours = "22:00-06:00"

[[rooms]]
jid = "ops@rooms.example.org"
[rooms.policy]
mentions = 2
quiet_hours = "23:00-05:00"

[accounts.x]
plugin = "fake"
key = "kept for the plugin"
[accounts.x.policy]
links = ["example.org"]
approval = [{}]

[people]
"ana@example.org" = ["admin"]
"""

BERLIN = "Europe/Berlin"
ROOM = Target("ops@rooms.example.org", Place.ROOM)
DIRECT = Target("ana@example.org", Place.DIRECT)
ALL = Rules(
    approval=(Approval(roles=(Role.STAFF,), hours=Hours.parse("22:00-06:00", BERLIN)),),
    forbidden={"a number": "K-\\d+"},
    secrets=True,
    internal_hosts=("ops.example.org",),
)


def test_room_and_account_add_to_what_is_for_all(read: Load, good: str) -> None:
    settings = read(good + TEXT)
    room = Rules(mentions=2, quiet=Hours.parse("23:00-05:00", BERLIN))
    x = Rules(links=("example.org",), approval=(Approval(accounts=("x",)),))
    assert settings.rules_for(ROOM, ["x"]) == (ALL, room, x)
    assert settings.rules_for(DIRECT, ["x"]) == (ALL, x)
    assert settings.rules_for(ROOM, []) == (ALL, room)
    assert settings.policy.approval_expires == timedelta(hours=2)
    assert settings.accounts["x"].own == {"key": "kept for the plugin"}


def test_without_a_policy_only_secrets_are_looked_for(read: Load, good: str) -> None:
    settings = read(good)
    assert settings.rules_for(DIRECT, []) == (Rules(secrets=True),)
    assert settings.policy.approval_expires == timedelta(days=1)


def test_the_hours_have_a_zone_of_their_own_if_it_is_given(read: Load, good: str) -> None:
    settings = read(good + "[policy]\nzone = 'UTC'\nquiet_hours = '22:00-06:00'\n[posting]\nzone = 'Europe/Berlin'")
    assert settings.rules_for(DIRECT, [])[0].quiet == Hours.parse("22:00-06:00", "UTC")


def test_that_nobody_can_approve_is_a_warning(read: Load, good: str) -> None:
    warning = (
        "[policy] asks for a second person, and [people] names fewer than two approvers: what an approver writes can "
        "be approved by nobody"
    )
    assert warning in read(good + TEXT).warnings()
    assert warning not in read(good + TEXT + '"tom@example.org" = ["approver"]\n').warnings()
    assert warning not in read(good).warnings()
