"""Plugins that break the contract, each in one way that a real one might, with the test that catches it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from bridge.plugin import Plugin, PluginError

T = TypeVar("T")
Made = TypeVar("Made", bound=type[Plugin[Any]])

MUTANTS: dict[str, tuple[type[Plugin[Any]], str]] = {}
"""By name: the plugin, and the test that fails for it."""


def caught_by(test: str) -> Callable[[Made], Made]:
    def enlist(mutant: Made) -> Made:
        MUTANTS[mutant.__name__] = (mutant, test)
        return mutant

    return enlist


async def as_error(call: Awaitable[T], change: Callable[[PluginError], BaseException]) -> T:
    try:
        return await call
    except PluginError as error:
        raise change(error) from None
