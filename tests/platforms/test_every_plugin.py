"""Every plugin of ours is tested for the whole contract."""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

from bridge.plugin import Plugin
from bridge.registry import GROUP
from bridge.testing.contract import PluginContract

ROOT = Path(__file__).resolve().parents[2]


def entry_points() -> dict[str, type]:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"][GROUP]
    return {name: EntryPoint(name=name, value=value, group=GROUP).load() for name, value in table.items()}


def suites(of: type = PluginContract) -> Iterator[type[PluginContract]]:
    for suite in of.__subclasses__():
        yield suite
        yield from suites(suite)


def test_every_entry_point_has_a_contract_test() -> None:
    for path in sorted((ROOT / "tests" / "platforms").glob("*/test_*.py")):
        importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    tested = {
        suite.plugin_class
        for suite in suites()
        if suite.__name__.startswith("Test") and suite.__module__.startswith("tests.platforms.")
    }
    plugins = entry_points()
    assert plugins
    assert all(issubclass(plugin, Plugin) for plugin in plugins.values())
    assert {name for name, plugin in plugins.items() if plugin not in tested} == set()
