"""Both plugins keep the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from square import Square
from statusbridge_townsquare import TownsquarePlugin
from statusbridge_townsquare.listening import ListeningPlugin

from bridge.testing import FakeClock
from bridge.testing.contract import PluginContract


class TestTownsquare(PluginContract):
    plugin_class = TownsquarePlugin

    @pytest.fixture
    async def harness(self, clock: FakeClock) -> AsyncIterator[Square]:
        async with Square(clock) as square:
            yield square


class TestListening(TestTownsquare):
    plugin_class = ListeningPlugin
