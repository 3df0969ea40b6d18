"""What an account remembers between runs, in the store: its plugin's own memory, and its last known limits."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from bridge.plugin import Limits
from bridge.store import accounts

if TYPE_CHECKING:
    from bridge.store import Store

CORE: Final = "core:"
"""Names that begin so are the core's, not the plugin's."""

LIMITS: Final = f"{CORE}limits"


class Memory(Protocol):
    """Texts by account and name; durable once `save` returns."""

    async def load(self, account: str, name: str) -> str | None:
        """Return what was saved, or None."""
        ...

    async def save(self, account: str, name: str, value: str) -> None:
        """Save a text; on return it is committed."""
        ...


class StoreMemory:
    """Texts in the store's table `keep`."""

    def __init__(self, store: Store) -> None:
        """Take the open store."""
        self._store = store

    async def load(self, account: str, name: str) -> str | None:
        """Return what was saved, or None."""
        return await self._store.read(lambda tx: accounts.keep_load(tx, account, name))

    async def save(self, account: str, name: str, value: str) -> None:
        """Save a text; on return it is committed."""
        await self._store.write(lambda tx: accounts.keep_save(tx, account, name, value))


class PassingMemory:
    """Texts that end with the process, for a look at an account without its store."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._texts: dict[tuple[str, str], str] = {}

    async def load(self, account: str, name: str) -> str | None:
        """Return what was saved, or None."""
        return self._texts.get((account, name))

    async def save(self, account: str, name: str, value: str) -> None:
        """Save a text."""
        self._texts[account, name] = value


class AccountKeep:
    """One plugin's `Keep`: it sees its own account's texts, and none of the core's."""

    def __init__(self, memory: Memory, account: str) -> None:
        """Narrow a memory to one account."""
        self._memory = memory
        self._account = account

    async def load(self, name: str) -> str | None:
        """Return what was saved under the name, or None; raises ValueError for a name of the core's."""
        return await self._memory.load(self._account, _own(name))

    async def save(self, name: str, value: str) -> None:
        """Save a text under the name; on return it is committed. Raises ValueError for a name of the core's."""
        await self._memory.save(self._account, _own(name), value)


def _own(name: str) -> str:
    if name.startswith(CORE):
        raise ValueError(f"names that begin with {CORE} belong to the core")
    return name


def write_limits(limits: Limits) -> str:
    """Return limits as a text to keep."""
    return json.dumps(
        {
            "text": limits.text,
            "media": limits.media,
            "media_bytes": limits.media_bytes,
            "media_types": sorted(limits.media_types),
            "key_lifetime": limits.key_lifetime.total_seconds(),
            "settle_after": limits.settle_after.total_seconds(),
            "threads": limits.threads,
        }
    )


def read_limits(text: str | None) -> Limits | None:
    """Read kept limits; None where there are none, or where another version wrote them differently."""
    try:
        kept = cast("dict[str, Any]", json.loads(text or ""))
        return Limits(
            text=int(kept["text"]),
            media=int(kept["media"]),
            media_bytes=int(kept["media_bytes"]),
            media_types=frozenset(str(kind) for kind in kept["media_types"]),
            key_lifetime=timedelta(seconds=kept["key_lifetime"]),
            settle_after=timedelta(seconds=kept["settle_after"]),
            threads=bool(kept.get("threads", True)),
        )
    except (ValueError, KeyError, TypeError):
        return None
