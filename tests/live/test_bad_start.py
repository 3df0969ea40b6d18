"""The program with something missing around it: one clear line, nothing half-written, and no secret."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bridge.domain.clock import SystemClock
from bridge.store import Store
from tests.servers.bridge import BridgeProcess, write_config
from tests.servers.ports import HOST, claim_port, release_port
from tests.servers.prosody import Prosody
from tests.servers.scene import Scene, mastodon_account
from tests.servers.sink import Sink
from tests.servers.toml import merged
from tests.servers.xmpp import Login

pytestmark = pytest.mark.live

PASSWORD = "xyzzy-the-password"
TOKEN = "plugh-the-token"
PROGRAM = (sys.executable, "-m", "bridge")
OBEYING = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""What makes root obey the permissions of files, too."""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a configuration whose XMPP server nobody listens for, unless another login is given."""

    def make(overrides: Mapping[str, Any] | None = None, *, login: Login | None = None) -> Path:
        nobody = Login(jid="status@example.org", password=PASSWORD, host=HOST, port=1, ca_file=tmp_path)
        system_authorities: Mapping[str, Any] = {"xmpp": {"ca_file": None}} if login is None else {}
        return write_config(
            tmp_path / "config.toml",
            login=login or nobody,
            store_url=f"sqlite:///{tmp_path}/var/statusbridge.db",
            rooms=["ops@rooms.example.org"],
            people={"ana@example.org": ["admin"]},
            accounts={"mastodon": mastodon_account(f"http://{HOST}:1", TOKEN)},
            overrides=merged(system_authorities, overrides or {}),
        )

    return make


@pytest.fixture
def free_port() -> Iterator[int]:
    port = claim_port()
    yield port
    release_port(port)


def complaints(bridge: BridgeProcess) -> list[str]:
    """Return what the program says that isn't an ordinary log line; none of it shows a secret or a traceback."""
    log = bridge.log_path.read_text(encoding="utf-8")
    assert PASSWORD not in log
    assert TOKEN not in log
    assert "Traceback" not in log
    return [line["event"] for line in bridge.lines if line["level"] not in {"debug", "info"}]


async def ended(config: Path, *before: str) -> str:
    """Run the program until it ends by itself, with status 1, and return the one line that it says."""
    bridge = BridgeProcess(config, command=(*before, *PROGRAM))
    await bridge.start()
    assert await bridge.wait() == 1, bridge.lines
    said = complaints(bridge)
    assert len(said) == 1, said
    return said[0]


def files_in(folder: Path) -> list[tuple[str, int]]:
    return sorted((file.name, file.stat().st_size) for file in folder.iterdir())


def is_whole(path: Path) -> bool:
    """Tell whether a store is there with all its tables, so that the next start finds nothing half-done."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


async def test_no_configuration(tmp_path: Path) -> None:
    said = await ended(tmp_path / "none.toml")
    assert (
        said == f"{tmp_path}/none.toml: no such file; `statusbridge init {tmp_path}/none.toml` writes a commented one"
    )
    assert [name for name, _ in files_in(tmp_path)] == ["none.log"]


@pytest.mark.parametrize(
    ("break_it", "expected"),
    [
        (lambda text: text + "[posting\n", r"line \d+: "),
        (lambda text: text.replace("[people]", "[poeple]"), r"poeple: unknown key; did you mean \[people\]\?"),
        (
            lambda text: text.replace('"mastodon"', '"mastodno"', 1),
            r"accounts\.mastodon\.plugin: no plugin of that name is installed; did you mean mastodon\?",
        ),
        (lambda text: text.replace(f'"{PASSWORD}"', "7"), r"xmpp\.password: must be text in quotes"),
        (lambda text: text.replace(TOKEN, f'{TOKEN}"\nx = "'), r"accounts\.mastodon\.x: unknown key"),
    ],
    ids=["no TOML", "unknown key", "unknown plugin", "wrong kind", "unknown key of a plugin"],
)
async def test_a_broken_configuration(
    write: Write, tmp_path: Path, break_it: Callable[[str], str], expected: str
) -> None:
    config = write()
    config.write_text(break_it(config.read_text()))
    said = await ended(config)
    assert re.match(rf"{re.escape(str(config))}(: |, ){expected}", said), said
    assert not (tmp_path / "var").exists()


async def test_a_wrong_password(write: Write, prosody: Prosody, new_name: Callable[[str], str], tmp_path: Path) -> None:
    login = prosody.add_user(new_name("status"))
    wrong = {"xmpp": {"password": PASSWORD}, "accounts": {"mastodon": {"enabled": False}}}
    said = await ended(write(wrong, login=login))
    assert said == (f"the XMPP server refuses the password of {login.jid}: mend xmpp.password or xmpp.jid")
    assert is_whole(tmp_path / "var/statusbridge.db")


async def test_an_occupied_port(write: Write, tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as other:
        listen = f"{HOST}:{other.getsockname()[1]}"
        said = await ended(write({"web": {"listen": listen}}))
    assert said == f"[web] listen: {listen} is in use by another program; stop it or choose another port"
    assert is_whole(tmp_path / "var/statusbridge.db")


async def test_a_store_that_another_bridge_works_with(write: Write, tmp_path: Path) -> None:
    path = tmp_path / "var/statusbridge.db"
    async with Store.open(f"sqlite:///{path}", clock=SystemClock()):
        said = await ended(write())
    assert said == f"another bridge (process {os.getpid()}) works with {path}: stop it first"


@pytest.mark.parametrize("there", [False, True], ids=["new", "old"])
async def test_a_store_that_may_not_be_written(write: Write, tmp_path: Path, there: bool) -> None:
    path = tmp_path / "var/statusbridge.db"
    path.parent.mkdir()
    config = write()
    if there:
        async with Store.open(f"sqlite:///{path}", clock=SystemClock()):
            pass
        path.chmod(0o444)
    before = files_in(path.parent)
    path.parent.chmod(0o555)
    try:
        said = await ended(config, *OBEYING)
    finally:
        path.parent.chmod(0o755)
    assert re.fullmatch(
        rf"can't write {path} \(.+\): let the user that runs the bridge write the file and its folder", said
    )
    assert files_in(path.parent) == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """`small_disk("128k")` is the folder of a file system of that size."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted: list[Path] = []

    def mount(size: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("mounting a small disk needs root; the limit on a file's size is tested all the same")
        mounted.append(folder)
        return folder

    yield mount
    for path in mounted:
        subprocess.run(["umount", "-l", str(path)], check=True)


async def test_a_full_disk(write: Write, small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("128k")
    path = disk / "statusbridge.db"
    config = write({"store": {"url": f"sqlite:///{path}"}})
    assert await ended(config) == f"the disk of {path} is full: make room"
    assert [name for name, _ in files_in(disk)] == ["statusbridge.db.lock"]


async def test_a_disk_that_fills_up(
    prosody: Prosody, sink: Sink, new_name: Callable[[str], str], tmp_path: Path, small_disk: Callable[[str], Path]
) -> None:
    disk = small_disk("4m")
    async with Scene(
        server=prosody,
        new_name=new_name,
        folder=tmp_path,
        accounts={"mastodon": mastodon_account(sink.base_url, sink.token, settle_after="0s")},
        overrides={"posting": {"hold": "0s"}},
        store_url=f"sqlite:///{disk}/statusbridge.db",
    ) as scene:
        fill(disk / "filler")
        texts = [f"status {number} {'x' * 400}" for number in range(20)]
        for text in texts:
            await scene.raj.say(scene.room, f"!post {text}")
        full = await scene.bridge.logs(lambda line: "is full: make room" in str(line))
        assert full["level"] in {"warning", "error"}
        (disk / "filler").unlink()
        await sink.has_committed(len(texts), patience=30)
        assert sink.audit(texts).clean
        assert "Traceback" not in scene.bridge.log_path.read_text(encoding="utf-8")


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass


async def test_a_limit_on_the_size_of_files(write: Write, tmp_path: Path) -> None:
    path = tmp_path / "var/statusbridge.db"
    said = await ended(write(), "prlimit", "--fsize=65536")
    assert re.fullmatch(rf"the disk of {path} (failed \(.+\): check it|is full: make room)", said), said
    assert not path.exists()


async def test_a_postgresql_that_does_not_answer(write: Write, free_port: int) -> None:
    url = f"postgresql+psycopg://bridge:{PASSWORD}@{HOST}:{free_port}/statusbridge"
    said = await ended(write({"store": {"url": url}}))
    assert re.fullmatch(
        rf"database statusbridge on {HOST}:{free_port} doesn't answer \(.+\): start PostgreSQL, or correct "
        r"\[store\] url",
        said,
    ), said


async def test_a_postgresql_without_the_database(write: Write, postgres_url: str, postgres: Any) -> None:
    url = re.sub(r"/\w+$", "/nowhere", postgres_url).replace("://statusbridge@", f"://statusbridge:{PASSWORD}@")
    said = await ended(write({"store": {"url": url}}))
    assert said == (
        f"there is no database nowhere on {postgres.host}:{postgres.port}: make it with createdb, or correct "
        "[store] url"
    )


async def test_an_xmpp_server_that_comes_up_later(
    private_prosody: Prosody, new_name: Callable[[str], str], write: Write
) -> None:
    login = private_prosody.add_user("status")
    room = private_prosody.make_room("ops", admins=[login.jid])
    await private_prosody.stop()
    bridge = BridgeProcess(write({"rooms": [{"jid": room}]}, login=login))
    await bridge.start()
    try:
        told = await bridge.logs(lambda line: "cannot reach XMPP server" in line["event"])
        # Several attempts, told once: the pause between them is at most 10 s.
        await private_prosody.start()
        await bridge.wait_ready()
        assert re.fullmatch(rf"cannot reach XMPP server {HOST}:{login.port} \(.+\); trying on", told["event"])
        about_xmpp = [line for line in complaints(bridge) if "XMPP" in line]
        assert about_xmpp == [told["event"]]
        assert len(bridge.events("the XMPP server is back")) == 1
    finally:
        assert await bridge.stop() == 0


@pytest.fixture
async def scene(prosody: Prosody, sink: Sink, new_name: Callable[[str], str], tmp_path: Path) -> AsyncIterator[Scene]:
    """A room whose platform isn't there yet."""
    await sink.refuse()
    account = mastodon_account(sink.base_url, sink.token, settle_after="0s", deadline="2s")
    async with Scene(
        server=prosody,
        new_name=new_name,
        folder=tmp_path,
        accounts={"mastodon": account},
        overrides={"posting": {"hold": "0s", "backoff": "50ms"}},
    ) as made:
        yield made


@pytest.mark.servers
@pytest.mark.timeout(150)
async def test_a_platform_that_comes_up_later(scene: Scene, sink: Sink) -> None:
    texts = [f"status {number}" for number in range(3)]
    for text in texts:
        await scene.raj.say(scene.room, f"!post {text}")
    blocked = await scene.raj.hears("does not flow", where=scene.room)
    await sink.accept()
    # The pause before it is tried again doubles up to a minute.
    await sink.has_committed(len(texts), patience=90)
    await scene.raj.hears("flows again", where=scene.room)
    assert sink.audit(texts).clean
    assert blocked.body.startswith("mastodon does not flow")
    said = [heard.body for heard in scene.raj.heard(scene.room)]
    assert [sum(words in body for body in said) for words in ("does not flow", "flows again")] == [1, 1]
    assert sorted(complaints(scene.bridge)) == ["account is down", "nothing goes out"]
