from __future__ import annotations

import asyncio
import sys
import tomllib
from pathlib import Path

import pytest

from tests.servers.bridge import BridgeProcess, write_config
from tests.servers.process import ServerError
from tests.servers.xmpp import Login

FAKE = """
import json, signal, sys
def log(event, **rest): print(json.dumps({"event": event, **rest}), file=sys.stderr, flush=True)
signal.signal(signal.SIGTERM, lambda *_: (log("stopping"), sys.exit(7)))
print("no JSON at all", file=sys.stderr)
log("ready", args=sys.argv[1:])
while True:
    signal.pause()
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "bridge.toml"
    path.touch()
    return path


def bridge(config: Path, code: str = FAKE) -> BridgeProcess:
    return BridgeProcess(config, command=[sys.executable, "-c", code])


async def test_it_is_ready_when_its_log_says_so(config: Path) -> None:
    async with bridge(config) as process:
        assert process.running
        assert process.events("ready") == [{"event": "ready", "args": ["--config", str(config), "run"]}]
        assert process.lines[0] == {"event": "no JSON at all", "level": "raw"}
    assert not process.running
    assert process.events("stopping") == [{"event": "stopping"}]
    assert '"ready"' in process.log_path.read_text()


async def test_stopping_returns_the_exit_status(config: Path) -> None:
    async with bridge(config) as process:
        assert await process.stop() == 7


async def test_a_killed_one_says_nothing_and_starts_again(config: Path) -> None:
    async with bridge(config) as process:
        first = process.pid
        await process.kill()
        assert not process.running
        await process.start()
        await process.wait_ready()
        assert process.pid != first
        assert (process.starts, len(process.events("ready")), process.events("stopping")) == (2, 2, [])


async def test_one_that_ends_too_early_shows_its_log(config: Path) -> None:
    process = bridge(config, "import sys; sys.exit('xmpp.password is missing')")
    with pytest.raises(ServerError, match=r"(?s)ended first.*xmpp.password is missing"):
        async with process:
            pytest.fail("it can't be ready")
    assert not process.running


async def test_its_exit_status_can_be_waited_for(config: Path) -> None:
    process = bridge(config, "raise SystemExit(3)")
    await process.start()
    assert await process.wait() == 3


async def test_one_that_does_not_end_is_killed(config: Path) -> None:
    stubborn = FAKE.replace("sys.exit(7)", "None")
    process = bridge(config, stubborn)
    await process.start()
    await process.wait_ready()
    with pytest.raises(AssertionError, match=r"didn't end within 0\.1 s"):
        await process.stop(patience=0.1)
    assert not process.running


async def test_waiting_for_a_line_that_never_comes(config: Path) -> None:
    async with bridge(config) as process:
        with pytest.raises(AssertionError, match=r"(?s)'joined' wasn't logged.*ready"):
            await process.logs("joined", patience=0)


async def test_nothing_is_left_running(config: Path) -> None:
    before = asyncio.all_tasks()
    async with bridge(config):
        pass
    assert asyncio.all_tasks() == before


def test_a_config_is_written_with_what_a_run_needs(tmp_path: Path) -> None:
    login = Login(jid="status@example.org", password='p"\\ß', host="127.0.0.1", port=5222, ca_file=tmp_path / "ca.pem")
    path = write_config(
        tmp_path / "bridge.toml",
        login=login,
        store_url="sqlite:///x.db",
        rooms={"ops@rooms.example.org": {"member_role": "staff"}, "dev@rooms.example.org": {}},
        people={"ana@example.org": ["admin"]},
        accounts={"m-1": {"plugin": "mastodon", "base_url": "http://127.0.0.1:1", "access_token": "t"}},
        overrides={"xmpp": {"port": 1, "ca_file": None}, "posting": {"hold": "0s"}, "web": {"listen": "127.0.0.1:2"}},
    )

    assert tomllib.loads(path.read_text()) == {
        "xmpp": {"jid": "status@example.org", "password": 'p"\\ß', "host": "127.0.0.1", "port": 1},
        "store": {"url": "sqlite:///x.db", "media": str(tmp_path / "bridge.media")},
        "people": {"ana@example.org": ["admin"]},
        "accounts": {"m-1": {"plugin": "mastodon", "base_url": "http://127.0.0.1:1", "access_token": "t"}},
        "rooms": [{"jid": "ops@rooms.example.org", "member_role": "staff"}, {"jid": "dev@rooms.example.org"}],
        "posting": {"hold": "0s"},
        "web": {"listen": "127.0.0.1:2"},
    }
    assert path.stat().st_mode & 0o777 == 0o600
