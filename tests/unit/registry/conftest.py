from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable
from datetime import timedelta
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar, Self

import pytest
from pydantic import BaseModel, Field, SecretStr

from bridge.plugin import Deletes, Key, Limits, Plugin, Post, Posted, PostId
from bridge.registry import Catalog
from bridge.settings import Settings, load


class Own(BaseModel):
    token: SecretStr
    base: str = "x"
    words: tuple[str, ...] = ()
    count: int = Field(default=1, ge=1)
    blob: SecretStr | None = None


async def _direct(what: Callable[[Any], Any] | None, plugin: object) -> None:
    result = None if what is None else what(plugin)
    if asyncio.iscoroutine(result):
        await result


class FakePlugin(Plugin[Own], Deletes):
    """A plugin whose entering and leaving a test directs."""

    Settings: ClassVar[type[BaseModel]] = Own
    enter: ClassVar[Callable[[Any], Any] | None] = None
    leave: ClassVar[Callable[[Any], Any] | None] = None
    made: ClassVar[list[Any]] = []
    entered: ClassVar[int] = 0
    left: ClassVar[int] = 0

    def __init__(self, settings: Own, keep: Any, clock: Any) -> None:
        super().__init__(settings, keep, clock)
        type(self).made.append(self)

    async def __aenter__(self) -> Self:
        await _direct(type(self).enter, self)
        self.limits = Limits(text=500, key_lifetime=timedelta(hours=1), media_types=frozenset({"image/png"}))
        type(self).entered += 1
        return self

    async def __aexit__(self, *exc: object) -> None:
        type(self).left += 1
        await _direct(type(self).leave, self)

    def length(self, text: str) -> int:
        return 2 * len(text)

    async def post(self, post: Post, key: Key) -> Posted:
        return Posted(id=PostId(key.token))

    async def delete(self, posted: Posted) -> None:
        return


class Incomplete(Plugin[Own]):
    Settings: ClassVar[type[BaseModel]] = Own


@pytest.fixture
def plugin() -> type[FakePlugin]:
    """A class of this test's own."""
    return type("FakePlugin", (FakePlugin,), {"made": []})


def point(name: str, value: str, package: str) -> EntryPoint:
    made = EntryPoint(name=name, value=value, group="statusbridge.plugins")
    vars(made)["dist"] = SimpleNamespace(name=package)
    return made


Points = Callable[[Iterable[tuple[str, str, str]]], Catalog]


@pytest.fixture
def points() -> Points:
    """Make a catalog of (name, value, package)."""
    return lambda found: Catalog([point(*one) for one in found])


@pytest.fixture
def catalog(plugin: type[FakePlugin], points: Points, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """`fake` works; the others are broken in one way each."""
    module = ModuleType("plugins_of_the_test")
    vars(module).update(FakePlugin=plugin, Incomplete=Incomplete, thing=3)
    monkeypatch.setitem(sys.modules, "plugins_of_the_test", module)
    return points(
        [
            ("fake", "plugins_of_the_test:FakePlugin", "statusbridge-fake"),
            ("half", "plugins_of_the_test:Incomplete", "statusbridge-half"),
            ("thing", "plugins_of_the_test:thing", "statusbridge-thing"),
            ("gone", "plugins_that_are_gone:FakePlugin", "statusbridge-gone"),
            ("lost", "plugins_of_the_test:Nothing", "statusbridge-lost"),
            ("twice", "plugins_of_the_test:FakePlugin", "statusbridge-b"),
            ("twice", "plugins_of_the_test:FakePlugin", "statusbridge-a"),
        ]
    )


Configure = Callable[[str], Settings]


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """Read the account tables of a test."""

    def reader(accounts: str) -> Settings:
        text = f'[xmpp]\njid = "status@example.org"\npassword = "hunter2-password"\n{accounts}'
        (tmp_path / "config.toml").write_text(text)
        return load(tmp_path / "config.toml", environ={}, secrets=tmp_path)

    return reader
