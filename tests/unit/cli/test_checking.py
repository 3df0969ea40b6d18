from __future__ import annotations

import asyncio
import socket
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bridge.cli import main
from bridge.domain.clock import SystemClock
from bridge.domain.findings import Finding
from bridge.store import Store
from tests.unit.cli.conftest import GOOD

Cli = Callable[..., Any]


class TestCheck:
    def test_all_is_fine_and_nothing_is_made(self, cli: Cli, config: Path) -> None:
        assert cli("check") == (0, ["ok: config.toml (1 account, 1 room)"], [])
        assert sorted(path.name for path in Path().iterdir()) == ["config.toml"]

    def test_with_a_store(self, cli: Cli, store: str) -> None:
        assert cli("check") == (0, ["ok: config.toml (1 account, 1 room)"], [])

    def test_the_settings_first_and_alone(self, cli: Cli, config: Path, app: Any) -> None:
        app.findings = [Finding("not asked")]
        config.write_text(GOOD.replace("password =", "pasword ="))
        assert cli("check") == (1, ["config.toml: xmpp.pasword: unknown key; did you mean password?"], [])

    def test_a_missing_file(self, cli: Cli) -> None:
        assert cli("check") == (
            1,
            ["config.toml: no such file; `statusbridge init config.toml` writes a commented one"],
            [],
        )

    def test_a_plugin_and_a_token_and_the_server(self, cli: Cli, config: Path, app: Any) -> None:
        config.write_text(
            GOOD + '[accounts.two]\nplugin = "fake"\ntoken = "wrong-token"\n[accounts.three]\nplugin = "nobody"\n'
        )
        app.findings = [Finding("xmpp: nobody answers"), Finding("no archive", warning=True)]
        assert cli("check") == (
            1,
            [
                "config.toml: accounts.three.plugin: no plugin of that name is installed; installed are: fake",
                "xmpp: nobody answers",
                "warning: no archive",
                "config.toml: accounts.two: the token is not valid (any more)",
            ],
            [],
        )

    def test_warnings_alone_are_no_failure(self, cli: Cli, config: Path) -> None:
        config.write_text(GOOD.partition("[[rooms]]")[0])
        config.chmod(0o644)
        assert cli("check") == (
            0,
            [
                "warning: config.toml: [people] is empty: only members of rooms with a member_role can use the bot",
                "warning: config.toml: no [[rooms]]: the bot will only be in direct chats",
                "warning: config.toml: no account is enabled: nothing can be published",
                "warning: config.toml: holds secrets and can be read by other users; chmod 600 config.toml",
                "ok: config.toml (0 accounts, 0 rooms)",
            ],
            [],
        )

    def test_an_occupied_port(self, cli: Cli, config: Path) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            listen = f"127.0.0.1:{other.getsockname()[1]}"
            config.write_text(GOOD + f'[web]\nlisten = "{listen}"\n')
            assert cli("check") == (
                1,
                [f"[web] listen: {listen} is in use by another program; stop it or choose another port"],
                [],
            )

    def test_a_running_bridge_is_one_cause(self, config: Path, store: str, capsys: pytest.CaptureFixture[str]) -> None:
        async def scene() -> int:
            async with Store.open(store, clock=SystemClock()):
                return await asyncio.to_thread(main, ["check"])

        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            config.write_text(GOOD + f'[web]\nlisten = "127.0.0.1:{other.getsockname()[1]}"\n')
            assert asyncio.run(scene()) == 1
        (line,) = capsys.readouterr().out.splitlines()
        assert line.startswith("another bridge")

    def test_a_store_that_is_none(self, cli: Cli, config: Path) -> None:
        Path("var").mkdir()
        Path("var/statusbridge.db").write_text("this is no database" * 100)
        status, (line,), err = cli("check")
        assert (status, err) == (1, [])
        assert "isn't a SQLite database" in line

    def test_a_store_of_a_newer_program(self, cli: Cli, store: str) -> None:
        self._set_version(store, "9999")
        status, (line,), err = cli("check")
        assert (status, err) == (1, [])
        assert "newer version" in line

    def test_a_folder_that_is_a_file(self, cli: Cli, config: Path, tmp_path: Path) -> None:
        Path("var").write_text("")
        assert cli("check").out == [
            (
                f"store.url: {tmp_path}/var is a file, so that {tmp_path}/var/statusbridge.db can't be made; "
                "correct [store] url"
            )
        ]

    def test_a_directory_of_pictures_that_is_a_file(self, cli: Cli, config: Path, tmp_path: Path) -> None:
        Path("var").mkdir()
        Path("var/media").write_text("")
        assert cli("check").out == [
            f"store.media: {tmp_path}/var/media is a file, not a directory for pictures; correct [store] media"
        ]

    def test_a_directory_of_pictures_that_can_not_be_written(
        self, cli: Cli, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kept = tmp_path / "var" / "media"
        kept.mkdir(parents=True)
        monkeypatch.setattr("bridge.cli.checking.os.access", lambda path, _mode: path != kept)
        assert cli("check").out == [f"store.media: no picture can be kept in {kept}: this user may not write in {kept}"]

    def test_a_folder_that_can_not_be_written(
        self, cli: Cli, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bridge.cli.checking.os.access", lambda *_args: False)  # root may write anywhere
        assert cli("check").out == [
            f"store.url: {tmp_path}/var/statusbridge.db can't be made: this user may not write in {tmp_path}"
        ]

    @pytest.mark.parametrize(
        ("free", "expected"),
        [
            (10, (1, "store.url: the disk of {} is full: make room")),
            (2_000_000, (0, "warning: store.url: the disk of {} has only 2 MB left")),
        ],
    )
    def test_a_full_disk(
        self, cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch, *, free: int, expected: tuple[int, str]
    ) -> None:
        monkeypatch.setattr("bridge.cli.checking.shutil.disk_usage", lambda _path: SimpleNamespace(free=free))
        found = cli("check")
        assert (found.status, found.out[0]) == (expected[0], expected[1].format(config.absolute().parent))

    def test_nothing_is_logged(self, cli: Cli, config: Path, app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        async def broken(_self: object) -> None:
            raise RuntimeError("secret-token-1")

        monkeypatch.setattr(sys.modules["plugins_of_the_test"].FakePlugin, "__aenter__", broken)
        assert cli("check") == (
            1,
            ['config.toml: accounts.one: plugin "fake" failed: RuntimeError: [hidden]'],
            [],
        )

    @staticmethod
    def _set_version(store: str, version: str) -> None:
        connection = sqlite3.connect(store.removeprefix("sqlite:///"))
        with connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
        connection.close()
