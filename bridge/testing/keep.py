"""A memory for plugins under test."""

from __future__ import annotations

from typing import Final

_CORE: Final = "core:"


class MemoryKeep:
    """A `Keep` in memory; as in the bridge, names that begin with `core:` are not the plugin's."""

    def __init__(self) -> None:
        """Begin with nothing saved."""
        self.saved: dict[str, str] = {}

    async def load(self, name: str) -> str | None:
        """Return what was saved under the name, or None; raises ValueError for a name of the core's."""
        return self.saved.get(_own(name))

    async def save(self, name: str, value: str) -> None:
        """Save a text under the name; raises ValueError for a name of the core's."""
        self.saved[_own(name)] = value


def _own(name: str) -> str:
    if name.startswith(_CORE):
        raise ValueError(f"names that begin with {_CORE} belong to the core")
    return name
