"""The accounts: which plugins are installed, what each account is made of, whether it is up."""

from __future__ import annotations

from bridge.registry.account import Account, State, Status
from bridge.registry.building import Problem, Recipe
from bridge.registry.catalog import GROUP, AnyPlugin, Catalog, PluginBrokenError, PluginMissingError
from bridge.registry.directory import Registry
from bridge.registry.keeping import Memory, PassingMemory, StoreMemory
from bridge.registry.names import crowded, intruders
from bridge.registry.running import EnterError, attempt, entered, pause, run_account

__all__ = [
    "GROUP",
    "Account",
    "AnyPlugin",
    "Catalog",
    "EnterError",
    "Memory",
    "PassingMemory",
    "PluginBrokenError",
    "PluginMissingError",
    "Problem",
    "Recipe",
    "Registry",
    "State",
    "Status",
    "StoreMemory",
    "attempt",
    "crowded",
    "entered",
    "intruders",
    "pause",
    "run_account",
]
