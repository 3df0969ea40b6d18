"""A total deadline for calls of code that isn't ours, which may not heed that it is cancelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from datetime import timedelta

    from bridge.domain.clock import Clock

GRACE = 1.0
"""Seconds that a cancelled call gets to end before it is left to itself."""

T = TypeVar("T")


class ExitError(Exception):
    """Code that isn't ours wanted to end the program: from a task of its own it could."""


async def contained(call: Coroutine[object, object, T]) -> T:
    """Await a call of code that isn't ours; raises ExitError in place of SystemExit, and what else the call raises."""
    try:
        return await call
    except SystemExit as error:
        raise ExitError(f"it wanted to end the program ({error})") from error


async def within(clock: Clock, deadline: timedelta, call: Coroutine[object, object, T]) -> T:
    """Await a call for so long, then cancel it and leave it behind, even where it doesn't heed the cancellation.

    Raises TimeoutError after the deadline, and what the call raises, as `contained` does.
    """
    task = asyncio.ensure_future(contained(call))
    try:
        return await clock.within(deadline.total_seconds(), asyncio.shield(task))
    except (TimeoutError, asyncio.CancelledError):
        if not task.done():
            await _abandon(task)
        raise


async def _abandon(task: asyncio.Future[T]) -> None:
    task.cancel()
    task.add_done_callback(_forget)
    await asyncio.wait({task}, timeout=GRACE)


def _forget(task: asyncio.Future[T]) -> None:
    """Take note of what an abandoned call came to, so that nobody complains that it was never looked at."""
    if not task.cancelled():
        task.exception()
