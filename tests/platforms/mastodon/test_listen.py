"""Paging through the notifications, against lists of every habit."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from plugins.mastodon import listen
from plugins.mastodon.translate import Json


@dataclass
class Listing:
    """Notifications by number; `habit` tells what it makes of `min_id`, `most` how many it gives at once."""

    numbers: range
    habit: str = "min_id"
    most: int = 40
    asked: list[tuple[str | None, str | None]] = field(default_factory=list[tuple[str | None, str | None]])

    async def __call__(self, *, min_id: str | None = None, max_id: str | None = None) -> list[Json]:
        self.asked.append((min_id, max_id))
        lowest = int(min_id) if min_id and self.habit != "ignored" else -1
        chosen = [n for n in self.numbers if lowest < n < int(max_id or 10**9)]
        first = min_id and self.habit == "min_id"
        return [{"id": str(n)} for n in reversed(chosen[: self.most] if first else chosen[-self.most :])]


async def read(listing: Listing, position: int) -> list[int]:
    """Read on from a position; -1 stands for a gap."""
    return [
        -1 if entry is None else int(listen.identifier(entry)) async for entry in listen.since(listing, str(position))
    ]


@pytest.mark.parametrize("most", [40, 20, 7])
@pytest.mark.parametrize("habit", ["min_id", "since_id", "ignored"])
@pytest.mark.parametrize("gap", [0, 1, 6, 7, 8, 39, 40, 41, 79, 80, 81, 200])
async def test_trap_nothing_is_left_out_even_where_min_id_means_since_id(gap: int, habit: str, most: int) -> None:
    listing = Listing(range(50, 1000), habit, most)
    heard = await read(listing, 999 - gap)
    assert heard == sorted(set(heard))
    assert heard[-max(gap, most) :] == list(range(1000 - max(gap, most), 1000))


async def test_without_a_gap_one_request_is_enough() -> None:
    listing = Listing(range(1000))
    await read(listing, 990)
    assert listing.asked == [(None, None)]


async def test_a_long_gap_is_read_forward_page_by_page() -> None:
    listing = Listing(range(1000))
    assert await read(listing, 799) == list(range(800, 1000))
    forward = [("799", None), ("839", None), ("879", None), ("919", None), ("959", None)]
    assert listing.asked == [(None, None), forward[0], (None, "800"), *forward[1:], (None, "960")]


async def test_from_nowhere_everything_is_new() -> None:
    assert await read(Listing(range(1, 100)), 0) == list(range(1, 100))
    assert await read(Listing(range(0)), 0) == []


async def test_ids_of_other_lengths_are_in_order() -> None:
    async def fetch(*, min_id: str | None = None, max_id: str | None = None) -> list[Json]:
        return [] if min_id or max_id else [{"id": "9"}, {"id": "100"}, {"id": "11"}]

    found = [listen.identifier(entry) async for entry in listen.since(fetch, "0") if entry is not None]
    assert found == ["9", "11", "100"]


@pytest.mark.parametrize("habit", ["min_id", "since_id", "ignored"])
@pytest.mark.parametrize(("position", "gap"), [(48, True), (49, True), (50, False), (52, False), (900, False)])
async def test_trap_a_gap_longer_than_the_server_keeps_is_told(position: int, gap: bool, habit: str) -> None:
    heard = await read(Listing(range(50, 950), habit), position)
    assert (heard[0] == -1) == gap
    assert heard.count(-1) == gap
    assert heard[gap:][-(949 - max(position, 49)) :] == list(range(max(position, 49) + 1, 950))


async def test_a_list_that_people_have_cleared_is_no_gap() -> None:
    assert await read(Listing(range(50, 60)), 40) == list(range(50, 60))
