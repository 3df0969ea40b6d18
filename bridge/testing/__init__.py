"""What a plugin, or the program itself, is tested with; shipped, so that others can use it too."""

from __future__ import annotations

from bridge.testing.clock import FakeClock
from bridge.testing.plugin import (
    Call,
    DeletingFakePlugin,
    FakePlatform,
    FakePlugin,
    FakeSettings,
    Fate,
    FindingFakePlugin,
    FullFakePlugin,
    ListeningFakePlugin,
    Published,
)

__all__ = [
    "Call",
    "DeletingFakePlugin",
    "FakeClock",
    "FakePlatform",
    "FakePlugin",
    "FakeSettings",
    "Fate",
    "FindingFakePlugin",
    "FullFakePlugin",
    "ListeningFakePlugin",
    "Published",
]
