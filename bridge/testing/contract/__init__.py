"""The contract of `bridge.plugin` as tests, which every plugin inherits; needs pytest and pytest-asyncio.

    class TestTownsquare(PluginContract):
        plugin_class = TownsquarePlugin

        @pytest.fixture
        async def harness(self, clock: FakeClock) -> AsyncIterator[Square]:
            async with Square(clock) as square:
                yield square

Whatever the plugin can do is tested, and nothing else is collected: an ability is a class it inherits from.
"""

from __future__ import annotations

import pytest

_PARTS = ("suite", "kit", "entering", "posting", "failing", "changing", "finding", "listening", "tracking", "others")
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _PARTS))

from bridge.testing.contract.suite import PluginContract  # noqa: E402 - once its assertions explain themselves

__all__ = ["PluginContract"]
