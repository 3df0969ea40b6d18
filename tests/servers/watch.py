"""Waiting for something to become true, woken by changes instead of by a clock."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

PATIENCE = 15.0
"""How long a wait lasts by default, in seconds; long enough for a busy machine."""


class Watch:
    """Wakes those who wait for a condition whenever its owner says that something changed."""

    def __init__(self) -> None:
        """Nobody waits yet."""
        self._waiters: set[asyncio.Future[None]] = set()

    def changed(self) -> None:
        """Let everybody who waits look again; call it in the event loop's thread."""
        for waiter in tuple(self._waiters):
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, look: Callable[[], T | None], *, timeout: float, otherwise: Callable[[], str]) -> T:  # noqa: ASYNC109
        """Return the first result of `look` that is neither None nor False.

        Looks at once and after every change. After `timeout` seconds raises AssertionError(`otherwise()`).
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            found = look()
            if found is not None and found is not False:
                return found
            waiter: asyncio.Future[None] = loop.create_future()
            self._waiters.add(waiter)
            try:
                await asyncio.wait((waiter,), timeout=max(0.0, deadline - loop.time()))
                late = not waiter.done()
            finally:
                self._waiters.discard(waiter)
                waiter.cancel()
            if late and loop.time() >= deadline:
                raise AssertionError(otherwise())
