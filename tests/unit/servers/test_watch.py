from __future__ import annotations

import asyncio

import pytest

from tests.servers.watch import Watch


async def test_it_looks_at_once_and_after_every_change() -> None:
    watch, seen = Watch(), list[int]()
    waiting = asyncio.create_task(
        watch.until(lambda: sum(seen) if len(seen) == 2 else None, timeout=10, otherwise=lambda: "never")
    )
    for number in (3, 4):
        await asyncio.sleep(0)
        seen.append(number)
        watch.changed()
    assert await waiting == 7
    assert await watch.until(lambda: "there", timeout=0, otherwise=lambda: "never") == "there"


async def test_zero_counts_as_found_and_false_does_not() -> None:
    watch = Watch()
    assert await watch.until(lambda: 0, timeout=0, otherwise=lambda: "never") == 0
    with pytest.raises(AssertionError, match="never"):
        await watch.until(lambda: False, timeout=0, otherwise=lambda: "never")


async def test_who_is_cancelled_waits_no_more() -> None:
    watch = Watch()
    waiting = asyncio.create_task(watch.until(lambda: None, timeout=10, otherwise=lambda: "never"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert watch._waiters == set()
