"""What a plugin, or the program itself, is tested with; shipped, so that others can use it too."""

from __future__ import annotations

from bridge.testing.clock import FakeClock

__all__ = ["FakeClock"]
