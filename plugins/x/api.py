"""What the parts of the plugin need of each other: something that asks X, and something that counts money."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from plugins.x.answers import Json
from plugins.x.prices import Kind

if TYPE_CHECKING:
    import aiohttp


class Api(Protocol):
    """What sends requests to X; see `plugins.x.client.Client`."""

    @property
    def skew(self) -> timedelta | None:
        """How far X's clock is ahead of this machine's; None where it is not known."""
        ...

    async def call(
        self,
        method: str,
        route: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        form: aiohttp.FormData | None = None,
        publishes: bool = False,
    ) -> Json:
        """Return the JSON object of the answer, or raise a PluginError."""
        ...


class Purse(Protocol):
    """What counts money; see `plugins.x.ledger.Ledger`."""

    async def reserve(self, kind: Kind, count: int = 1) -> None:
        """Count what is about to be done; raises RefusedError where a budget doesn't allow it."""
        ...

    async def charge(self, kind: Kind, count: int = 1) -> None:
        """Count what was done."""
        ...
