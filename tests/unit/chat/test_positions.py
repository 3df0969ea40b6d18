from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from bridge.chat.positions import Position, Positions
from bridge.store import Store, cursors

if TYPE_CHECKING:
    from bridge.testing.clock import FakeClock

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


@pytest.mark.parametrize("identifier", ["1a2b", "id with spaces", "1768 ", None])
def test_a_position_survives_the_store(identifier: str | None) -> None:
    position = Position(id=identifier.rstrip() if identifier else None, stamp=NOW)
    assert Position.read(str(position)) == position


def test_a_position_keeps_the_moment_in_any_zone() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=5)))
    assert Position.read(str(Position(id="x", stamp=there))).stamp == NOW


def test_a_text_that_is_no_position_is_refused() -> None:
    with pytest.raises(ValueError, match="isoformat"):
        Position.read("1a2b")


async def test_the_first_position_never_replaces_one(store: Store, clock: FakeClock) -> None:
    positions = Positions(store, clock)
    assert await positions.get("ops@rooms.example.org") is None
    await positions.begin("ops@rooms.example.org", Position(id="1", stamp=NOW))
    await positions.begin("ops@rooms.example.org", Position(id="2", stamp=NOW))
    assert await positions.get("ops@rooms.example.org") == Position(id="1", stamp=NOW)
    await positions.move({"ops@rooms.example.org": str(Position(id="3", stamp=NOW))})
    assert await positions.get("ops@rooms.example.org") == Position(id="3", stamp=NOW)
    assert await store.read(lambda tx: cursors.get(tx, "archive:ops@rooms.example.org")) is not None
