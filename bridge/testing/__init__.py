"""What a plugin, or the program itself, is tested with; shipped, so that others can use it too.

The suite that every plugin inherits is `bridge.testing.contract.PluginContract`; it alone needs pytest and
pytest-asyncio, which come with the extra `testing`.
"""

from __future__ import annotations

from bridge.testing.clock import FakeClock
from bridge.testing.fakes import (
    AbleFakePlugin,
    DeletingFakePlugin,
    EditingFakePlugin,
    FakePlugin,
    FakeSettings,
    FindingFakePlugin,
    FullFakePlugin,
    ListeningFakePlugin,
    SociableFakePlugin,
    SpendingFakePlugin,
    TrackingFakePlugin,
)
from bridge.testing.fates import Call, Fate, Published
from bridge.testing.harness import CannotError, Harness, Shown, Trouble
from bridge.testing.keep import MemoryKeep
from bridge.testing.platform import FakePlatform

__all__ = [
    "AbleFakePlugin",
    "Call",
    "CannotError",
    "DeletingFakePlugin",
    "EditingFakePlugin",
    "FakeClock",
    "FakePlatform",
    "FakePlugin",
    "FakeSettings",
    "Fate",
    "FindingFakePlugin",
    "FullFakePlugin",
    "Harness",
    "ListeningFakePlugin",
    "MemoryKeep",
    "Published",
    "Shown",
    "SociableFakePlugin",
    "SpendingFakePlugin",
    "TrackingFakePlugin",
    "Trouble",
]
