"""Killing the bridge at one commit: right before it, or right after."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

    from tests.flow.conftest import House


def kill_at(house: House, monkeypatch: pytest.MonkeyPatch, unit_of_work: str, moment: str) -> list[str]:
    """Have the bridge end at the commit of a unit, named by a part of its qualified name; `moment` is before or after.

    Returns a list in which `moment` stands as often as that has happened.
    """
    write, killed = house.store.write, list[str]()

    async def killing(unit: Any, *, bulk: bool = False) -> Any:
        chosen = unit_of_work in unit.__qualname__
        done = await write(unit, bulk=bulk) if not chosen or moment == "after" else None
        if chosen:
            killed.append(moment)
            house.task.cancel()
            await asyncio.Event().wait()  # nobody hears of it any more
        return done

    monkeypatch.setattr(house.store, "write", killing)
    return killed
