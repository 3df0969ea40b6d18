"""The server that plays X, with the times of a clock that a test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bridge.testing import FakeClock, MemoryKeep
from tests.servers.x import X


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def keep() -> MemoryKeep:
    """What an account remembers."""
    return MemoryKeep()


@pytest.fixture
async def x(clock: FakeClock) -> AsyncIterator[X]:
    """The server, which has to find every request signed."""
    async with X(clock=clock) as x:
        yield x
