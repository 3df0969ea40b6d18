"""A plugin of somebody else's: built, installed beside ours, tested by the suite that it inherits, and used.

The package is tests/stranger, which docs/plugins.md shows.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from bridge.testing import FakeClock, Trouble
from tests.servers.ports import claim_port, release_port

if TYPE_CHECKING:
    from tests.stranger.tests.square import Square

PACKAGE = Path(__file__).resolve().parents[1] / "stranger"

CONFIG = """
[xmpp]
jid = "status@example.org"
password = "made-up-too"
host = "127.0.0.1"
port = {closed}
[[rooms]]
jid = "ops@rooms.example.org"
[people]
"ana@example.org" = ["admin"]
[store]
url = "sqlite:///{folder}/statusbridge.db"
[accounts.square]
plugin = "townsquare"
base_url = "http://127.0.0.1:{port}"
access_token = "made-up"
"""

POSTS = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from bridge.domain.clock import SystemClock
from bridge.plugin import Key, Post
from bridge.registry import Registry, entered
from bridge.settings import load

async def main():
    clock = SystemClock()
    settings = load(Path(sys.argv[1]))
    registry = Registry(settings, Registry.recipes(settings), clock=clock)
    async with entered(registry["square"], clock) as plugin:
        posted = await plugin.post(Post(text="hello square"), Key(token="k1", minted_at=datetime.now(UTC)))
        print(type(plugin).__module__, posted.id)

asyncio.run(main())
"""


class Ended(NamedTuple):
    status: int
    out: str
    err: str


async def run(*arguments: str, site: Path, cwd: Path) -> Ended:
    """Run Python in a child process that sees the package as installed; it is ended with the test."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *arguments),
        cwd=cwd,
        env={**environment, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Ended(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package installed from its wheel, without any network."""
    folder = tmp_path_factory.mktemp("stranger")
    shutil.copytree(PACKAGE, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))

    async def install() -> Path:
        offline = ("--disable-pip-version-check", "--no-deps", "--no-index")
        built = await run(
            *("-m", "pip", "wheel", *offline, "--no-build-isolation", "-w", str(folder), str(folder / "source")),
            site=folder / "none",
            cwd=folder,
        )
        assert built.status == 0, built.err
        (wheel,) = folder.glob("statusbridge_townsquare-1.0.0-*.whl")
        target = folder / "site"
        done = await run(
            *("-m", "pip", "install", *offline, "--target", str(target), str(wheel)), site=folder / "none", cwd=folder
        )
        assert done.status == 0, done.err
        return target

    return asyncio.run(install())


@pytest.fixture
async def square(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Square]:
    spec = importlib.util.spec_from_file_location("square", PACKAGE / "tests" / "square.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "square", module)
    spec.loader.exec_module(module)
    async with module.Square(FakeClock()) as running:
        yield running


@pytest.fixture
def config(tmp_path: Path, square: Square) -> Iterator[Path]:
    """A configuration whose XMPP server nobody runs."""
    closed = claim_port()
    path = tmp_path / "config.toml"
    path.write_text(CONFIG.format(closed=closed, port=square.port, folder=tmp_path), encoding="utf-8")
    path.chmod(0o600)
    yield path
    release_port(closed)


@pytest.mark.timeout(300)
async def test_it_keeps_the_contract_where_it_is_installed(site: Path, tmp_path: Path) -> None:
    shutil.copytree(PACKAGE / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PACKAGE / "pyproject.toml", tmp_path)
    ended = await run(
        *("-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:hypothesispytest"),
        "tests",
        site=site,
        cwd=tmp_path,
    )
    assert ended.status == 0, ended.out
    summary = ended.out.splitlines()[-1]
    assert " passed" in summary
    assert "1 skipped" in summary
    assert "this harness can't say anything that is unreadable" in ended.out


@pytest.mark.timeout(120)
async def test_an_account_of_it_is_checked_and_listed(site: Path, config: Path, square: Square) -> None:
    async def cli(*words: str) -> list[str]:
        ended = await run("-m", "bridge", "--config", str(config), *words, site=site, cwd=config.parent)
        assert ended.err == ""
        return ended.out.splitlines()

    assert [line.split() for line in await cli("accounts")] == [
        ["ACCOUNT", "PLUGIN", "WAITING", "STATE"],
        ["square", "townsquare", "0", "enabled"],
    ]
    (only_the_chat,) = await cli("check")
    assert "127.0.0.1" in only_the_chat
    assert "square" not in only_the_chat
    await square.trouble(Trouble.UNAUTHORIZED)
    found = await cli("check")
    assert f"{config}: accounts.square: Townsquare doesn't know this token any more: make a new one." in found
    assert "made-up" not in "".join(found)


@pytest.mark.timeout(120)
async def test_it_posts_through_the_registry(site: Path, config: Path, square: Square) -> None:
    ended = await run("-c", POSTS, str(config), site=site, cwd=config.parent)
    assert (ended.out, ended.err) == ("statusbridge_townsquare 1\n", "")
    assert [shown.text for shown in await square.published()] == ["hello square"]
