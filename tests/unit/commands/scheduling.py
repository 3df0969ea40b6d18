"""What several tests of posts that wait for their time say and look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bridge.commands import later
from bridge.commands.incoming import Gesture, GestureKind
from bridge.commands.later import Firing
from bridge.domain.ids import EntryId
from bridge.store import timers

if TYPE_CHECKING:
    from bridge.domain.later import Timer
    from tests.unit.commands.conftest import Bench

# It is Fri 2026-01-02 03:04:05 UTC.
AT_SIX = "Fri 2026-01-02 18:00 UTC (in 14 h 56 min)"
LAST = "x ok (can't be edited or deleted)"
LOOKS = f"11 characters: mastodon ok, {LAST}"


def goes_out(at: str = AT_SIX, *, text: str = "We are back", looks: str = LOOKS, entry: int = 1) -> str:
    return f'[{entry}] "{text}" goes out {at}, {looks}. `!move {entry} WHEN`, or `!undo {entry}`'


async def timer(bench: Bench, entry: int = 1) -> Timer | None:
    return await bench.store.read(lambda tx: timers.get(tx, EntryId(entry)))


async def fire(bench: Bench, entry: int = 1, **values: Any) -> bool:
    """Look at one post as the timers do."""
    made = Firing(
        now=bench.clock.now(),
        max_age=timedelta(hours=1),
        seed=f"fire-{entry}-{bench.clock.monotonic()}",
        secret="salt",
        unusable=lambda _: None,
    )
    return await bench.store.write(lambda tx: later.fire(tx, EntryId(entry), replace(made, **values)))


async def held(bench: Bench, entry: int = 1) -> list[tuple[str, str, set[str]]]:
    return [(one.account, one.text, set(one.held)) for one in await bench.deliveries(entry)]


def corrected(about: str, **values: Any) -> dict[str, Any]:
    return {"gesture": Gesture(kind=GestureKind.CORRECTION, about=about), **values}
