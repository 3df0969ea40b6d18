"""The account shop on the server that plays X, for tests: made, entered, and with what it says."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from bridge.plugin import Clock, Keep, Key, Media
from bridge.testing import MemoryKeep
from plugins.x import PremiumXPlugin, XPlugin, XSettings
from tests.servers.faults import Fault
from tests.servers.x import X
from tests.servers.x_calls import Call

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n and the rest"


def settings(x: X, **more: Any) -> dict[str, Any]:
    return {"base_url": x.base_url, **x.login.settings(), **more}


def make(x: X, clock: Clock, keep: Keep | None = None, **more: Any) -> XPlugin:
    own = XSettings.model_validate(settings(x, **more))
    made = (PremiumXPlugin if own.premium else XPlugin)(own, keep or MemoryKeep(), clock)
    assert isinstance(made, XPlugin.for_settings(own))
    return made


@asynccontextmanager
async def premium_shop(x: X, clock: Clock) -> AsyncGenerator[PremiumXPlugin]:
    own = XSettings.model_validate(settings(x, premium=True))
    async with PremiumXPlugin(own, MemoryKeep(), clock) as shop:
        yield shop


@asynccontextmanager
async def entered(x: X, clock: Clock, keep: Keep | None = None, **more: Any) -> AsyncGenerator[XPlugin]:
    async with make(x, clock, keep, **more) as shop:
        yield shop


def key(token: str = "one", minted_at: datetime = NOW) -> Key:
    return Key(token=token, minted_at=minted_at)


def picture(data: bytes = PNG, kind: str = "image/png", alt: str = "") -> Media:
    return Media(data=data, type=kind, alt=alt)


def only(method: str, path: str, fault: Fault) -> Callable[[Call], Fault | None]:
    """Let requests go wrong that begin with a path."""

    def decide(call: Call) -> Fault | None:
        return fault if call.method == method and call.path.startswith(path) else None

    return decide
