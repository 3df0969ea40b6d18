"""Who may do what, whatever was said in the chat and in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bridge.domain import rights
from bridge.domain.people import Role
from bridge.domain.rights import NOTHING_KEPT, OFFERED_FOR, Kept, Ruling, Source

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
ANA = "ana@example.org"

roles = st.sampled_from(list(Role))
some_roles = st.sampled_from([Role.STAFF, Role.APPROVER, Role.ADMIN])
ages = st.integers(0, 20).map(lambda days: NOW - timedelta(days=days))
rulings = st.builds(Ruling, role=some_roles, by=st.just(ANA), at=ages)
offers = st.builds(lambda role, at: Ruling(role=role, by=ANA, at=at, expires=at + OFFERED_FOR), some_roles, ages)
kepts = st.builds(Kept, granted=st.none() | rulings, denied=st.none() | rulings, offered=st.none() | offers)


@given(file=roles, kept=kepts, member=roles, outcast=st.booleans())
def test_nobody_may_more_than_the_file_a_grant_or_the_room_allows(
    file: Role, kept: Kept, member: Role, outcast: bool
) -> None:
    granted = kept.granted.role if kept.granted else Role.NONE
    right = rights.decide(file, kept, member=member, outcast=outcast)
    assert right.role <= max(file, granted, member)
    assert not (outcast and right.role)
    if right.role:
        gives = {Source.FILE: file, Source.GRANT: granted, Source.MEMBER: member}[right.source]
        assert gives >= right.role


@given(file=roles, kept=kepts, member=roles)
def test_a_denial_always_caps(file: Role, kept: Kept, member: Role) -> None:
    right = rights.decide(file, kept, member=member)
    if kept.denied is not None:
        assert right.role < kept.denied.role
    assert (right.denied is not None) == (right.role < max(file, member, kept.granted.role if kept.granted else 0))


@given(file=roles, kept=kepts, member=roles, role=some_roles)
def test_an_offer_counts_for_nothing(file: Role, kept: Kept, member: Role, role: Role) -> None:
    offered = rights.offer(kept, role, by=ANA, now=NOW)
    before = rights.decide(file, rights.settled(kept), member=member)
    assert rights.decide(file, offered, member=member) == before
    assert rights.decide(file, rights.withdraw(offered, NOW), member=member) == before
    assert rights.withdraw(offered, NOW).open_offer(NOW) is None


@given(file=roles, kept=kepts, room=roles, role=some_roles)
def test_who_accepts_may_just_what_was_offered(file: Role, kept: Kept, room: Role, role: Role) -> None:
    if rights.decide(file, kept).role >= role:
        return
    offered = rights.offer(kept, role, by=ANA, now=NOW).offered
    assert offered is not None
    after = rights.accept(kept, offered, elsewhere=max(file, room), now=NOW)
    assert after.offered is None
    assert rights.decide(file, after).role is role
    assert rights.decide(file, after, member=room).role <= max(role, room)
    if kept.denied is not None and kept.denied.role <= role:
        assert rights.decide(file, after, member=room).role is role


@given(file=roles, kept=kepts, room=roles, role=some_roles)
def test_what_was_taken_is_gone_everywhere_and_nothing_is_given_by_it(
    file: Role, kept: Kept, room: Role, role: Role
) -> None:
    after = rights.revoke(kept, role, elsewhere=max(file, room), by=ANA, now=NOW)
    for member in (Role.NONE, room):
        then = rights.decide(file, after, member=member).role
        assert then < role
        assert then <= rights.decide(file, kept, member=member).role
    waiting = after.open_offer(NOW)
    assert waiting is None or waiting.role < role
    assert rights.revoke(after, role, elsewhere=max(file, room), by="tom@example.org", now=NOW) == after


def test_what_is_left_of_an_admin_by_the_file_is_what_is_below_the_role_that_was_taken() -> None:
    after = rights.revoke(NOTHING_KEPT, Role.APPROVER, elsewhere=Role.ADMIN, by=ANA, now=NOW)
    right = rights.decide(Role.ADMIN, after)
    assert (right.role, right.source, right.denied) == (Role.STAFF, Source.FILE, after.denied)


def test_a_room_gives_its_own_people_alone() -> None:
    given_to = {who: rights.member(who, Role.STAFF) for who in ("owner", "admin", "member", "none", "outcast", None)}
    assert [who for who, role in given_to.items() if role] == ["owner", "admin", "member"]


def test_an_offer_ends_on_the_second() -> None:
    kept = rights.offer(NOTHING_KEPT, Role.STAFF, by=ANA, now=NOW)
    assert kept.open_offer(NOW + OFFERED_FOR - timedelta(seconds=1)) == kept.offered
    assert kept.open_offer(NOW + OFFERED_FOR) is None
    assert rights.withdraw(kept, NOW + OFFERED_FOR) == kept
    assert kept.offered is not None
    assert not kept.offered.withdrawn
