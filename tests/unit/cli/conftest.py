from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import ClassVar, NamedTuple, Self

import pytest
from pydantic import BaseModel, Field, SecretStr

import bridge
from bridge.cli import main
from bridge.domain.clock import SystemClock
from bridge.domain.findings import Finding
from bridge.plugin import Key, Limits, Plugin, Post, Posted, PostId, UnauthorizedError
from bridge.settings import Settings
from bridge.store import Store

GOOD = """\
[xmpp]
jid = "status@example.org"
password = "hunter2-the-password"
[[rooms]]
jid = "ops@rooms.example.org"
[people]
"ana@example.org" = ["admin"]
[accounts.one]
plugin = "fake"
token = "secret-token-1"
"""


class Own(BaseModel):
    token: SecretStr = Field(description="A token.", examples=["change-me"])


class FakePlugin(Plugin[Own]):
    Settings: ClassVar[type[BaseModel]] = Own

    async def __aenter__(self) -> Self:
        if self.settings.token.get_secret_value() == "wrong-token":
            raise UnauthorizedError("the token is not valid (any more)")
        self.limits = Limits(text=500)
        return self

    async def post(self, post: Post, key: Key) -> Posted:
        return Posted(id=PostId(key.token))


class FakeApp(ModuleType):
    """`bridge.app`, with a run and a check that a test directs."""

    class StartError(Exception):
        pass

    def __init__(self) -> None:
        super().__init__("bridge.app")
        self.ran: list[Settings] = []
        self.error: BaseException | None = None
        self.findings: list[Finding] = []
        self.during: Callable[[], None] | None = None

    async def run(
        self, settings: Settings, *, read: Callable[[], Settings], conceal: Callable[[Iterable[str]], None]
    ) -> None:
        self.ran.append(settings)
        self.read, self.conceal = read, conceal
        if self.during is not None:
            self.during()
        if self.error is not None:
            raise self.error

    async def check(self, _settings: Settings) -> list[Finding]:
        return self.findings


class Result(NamedTuple):
    status: int
    out: list[str]
    err: list[str]


Cli = Callable[..., Result]


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    """An empty folder, no variables, one installed plugin, and a bridge that does nothing."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.upper().startswith("STATUSBRIDGE_"):
            monkeypatch.delenv(name)
    module = ModuleType("plugins_of_the_test")
    vars(module)["FakePlugin"] = FakePlugin
    monkeypatch.setitem(sys.modules, "plugins_of_the_test", module)
    point = EntryPoint(name="fake", value="plugins_of_the_test:FakePlugin", group="statusbridge.plugins")
    vars(point)["dist"] = SimpleNamespace(name="statusbridge-fake")
    monkeypatch.setattr("bridge.registry.catalog.entry_points", lambda group: [point])
    app = FakeApp()
    monkeypatch.setitem(sys.modules, "bridge.app", app)
    monkeypatch.setattr(bridge, "app", app, raising=False)
    return app


@pytest.fixture
def app(surroundings: FakeApp) -> FakeApp:
    return surroundings


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    def run(*arguments: str) -> Result:
        status = main(arguments)
        out, err = capsys.readouterr()
        assert "hunter2" not in out + err
        assert "secret-token" not in out + err
        assert "Traceback" not in out
        return Result(status, out.splitlines(), err.splitlines())

    return run


@pytest.fixture
def config() -> Path:
    path = Path("config.toml")
    path.write_text(GOOD)
    path.chmod(0o600)
    return path


@pytest.fixture
def store(tmp_path: Path, config: Path) -> str:
    """A store as a first start leaves it."""
    url = f"sqlite:///{tmp_path}/var/statusbridge.db"

    async def make() -> None:
        async with Store.open(url, clock=SystemClock()):
            pass

    asyncio.run(make())
    return url
