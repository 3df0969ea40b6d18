from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.presence import Availability, Presence, prevailing

AVAILABLE, AWAY, DND, GONE = Availability.AVAILABLE, Availability.AWAY, Availability.DND, Availability.GONE
ANY = st.builds(
    Presence, availability=st.sampled_from(Availability), priority=st.integers(-128, 127), status=st.just("")
)


def shows(availability: Availability, priority: int = 0) -> Presence:
    return Presence(availability=availability, priority=priority)


@pytest.mark.parametrize(
    ("clients", "comes_to"),
    [
        ([], GONE),
        ([shows(GONE)], GONE),
        ([shows(AWAY)], AWAY),
        ([shows(AWAY), shows(AVAILABLE)], AVAILABLE),
        ([shows(AWAY), shows(DND)], DND),
        ([shows(AVAILABLE, 1), shows(DND, 5)], DND),
        ([shows(AVAILABLE, 1), shows(GONE, 5)], AVAILABLE),
        ([shows(AVAILABLE, -1)], GONE),
        ([shows(AVAILABLE, -1), shows(AWAY, 0)], AWAY),
    ],
)
def test_the_highest_priority_counts(clients: list[Presence], comes_to: Availability) -> None:
    assert prevailing(clients) is comes_to


@given(st.lists(ANY))
def test_the_order_of_the_clients_is_no_matter(clients: list[Presence]) -> None:
    assert prevailing(clients) is prevailing(clients[::-1])


@given(st.lists(ANY), st.integers(0, 127))
def test_a_client_that_is_gone_changes_nothing(clients: list[Presence], priority: int) -> None:
    assert prevailing([*clients, shows(GONE, priority)]) is prevailing(clients)
