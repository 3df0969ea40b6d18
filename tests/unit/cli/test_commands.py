from __future__ import annotations

import asyncio
import io
import os
import sqlite3
import stat
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import pytest

from bridge.cli import main
from bridge.domain.clock import SystemClock
from bridge.domain.outbox import Draft, Part
from bridge.domain.people import Place, Target
from bridge.domain.posts import Key
from bridge.store import Store, Tx, accounts, audit, notices, outbox, posts
from tests.unit.cli.conftest import GOOD

Cli = Callable[..., Any]


class TestInit:
    def test_it_writes_a_configuration_that_can_be_checked(self, cli: Cli) -> None:
        status, out, err = cli("init", "new.toml")
        assert (status, err) == (0, [])
        assert out == ["new.toml is written. Fill it in, then: statusbridge --config new.toml check"]
        assert stat.S_IMODE(Path("new.toml").stat().st_mode) == 0o600
        assert cli("--config", "new.toml", "check").status == 0

    def test_it_never_overwrites(self, cli: Cli, config: Path) -> None:
        before = config.read_text()
        message = "config.toml exists and is left as it is; name another file, or move it away"
        assert cli("init") == (1, [], [message])
        assert config.read_text() == before
        Path("link.toml").symlink_to("nowhere.toml")
        assert cli("init", "link.toml").status == 1
        assert not Path("nowhere.toml").exists()

    def test_where_it_can_not_write(self, cli: Cli) -> None:
        assert cli("init", "no/such/folder.toml") == (
            1,
            [],
            ["no/such/folder.toml: can't be written: no such file or directory"],
        )

    def test_a_full_disk_leaves_nothing_half_written(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        class Full:
            def __init__(self, descriptor: int, *_args: Any, **_options: Any) -> None:
                self.descriptor = descriptor

            def __enter__(self) -> Self:
                return self

            def __exit__(self, *_exc: object) -> None:
                os.close(self.descriptor)

            def write(self, _text: str) -> None:
                raise OSError(28, "No space left on device")

        monkeypatch.setattr("bridge.cli.commands.os.fdopen", Full)
        assert cli("init", "new.toml") == (1, [], ["new.toml: can't be written: no space left on device"])
        assert not Path("new.toml").exists()


class TestAccounts:
    def test_before_the_first_start(self, cli: Cli, config: Path) -> None:
        config.write_text(
            GOOD + '[accounts.off]\nplugin = "fake"\nenabled = false\n[accounts.bad]\nplugin = "nobody"\n'
        )
        status, out, err = cli("accounts")
        assert (status, err) == (0, [])
        assert out == [
            "ACCOUNT  PLUGIN  WAITING  STATE",
            "one      fake    0        enabled",
            "off      fake    0        disabled",
            (
                "bad      nobody  0        broken: config.toml: accounts.bad.plugin: "
                "no plugin of that name is installed; installed are: fake"
            ),
        ]
        assert not Path("var").exists()

    def test_what_the_store_knows(self, cli: Cli, store: str) -> None:
        async def pause() -> None:
            async with Store.open(store, clock=SystemClock()) as opened:
                await opened.write(
                    lambda tx: accounts.put(
                        tx, accounts.AccountState(account="one", open_cause="the token is not valid", open_step=1)
                    )
                )

        asyncio.run(pause())
        assert cli("accounts").out[1:] == ["one      fake    0        paused: the token is not valid"]

    def test_none(self, cli: Cli, config: Path) -> None:
        config.write_text(GOOD.partition("[accounts")[0])
        assert cli("accounts") == (0, ["There is no account: add one as [accounts.NAME]."], [])

    def test_a_store_that_is_none(self, cli: Cli, config: Path) -> None:
        Path("var").mkdir()
        Path("var/statusbridge.db").write_text("this is no database" * 100)
        status, out, err = cli("accounts")
        assert (status, out, len(err)) == (1, [], 1)
        assert "isn't a SQLite database" in err[0]


class TestResume:
    def test_without_a_panic(self, cli: Cli, store: str) -> None:
        assert cli("resume") == (0, ["There is no panic: nothing was changed."], [])

    def test_before_the_first_start(self, cli: Cli, config: Path) -> None:
        status, out, err = cli("resume")
        assert (status, out, len(err)) == (1, [], 1)
        assert "doesn't exist" in err[0]

    def test_beside_a_running_bridge(self, store: str, capsys: pytest.CaptureFixture[str]) -> None:
        at = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)

        async def scene() -> tuple[Any, ...]:
            async with Store.open(store, clock=SystemClock()) as running:
                await running.write(lambda tx: accounts.set_panic(tx, actor="ana@example.org", at=at))
                status = await asyncio.to_thread(main, ["resume"])
                return (
                    status,
                    await running.read(accounts.panic),
                    await running.read(audit.head),
                    await running.read(audit.verify),
                    await running.read(notices.pending),
                )

        status, panic, head, report, lines = asyncio.run(scene())
        assert (status, panic, head.count, report.holds) == (0, None, 1, True)
        assert [(line.target.jid, line.body) for line in lines] == [
            ("ops@rooms.example.org", "by the shell: everything outgoing continues, 0 messages to go"),
            ("ana@example.org", "by the shell: everything outgoing continues, 0 messages to go"),
        ]
        out, err = capsys.readouterr()
        assert err == ""
        assert out.splitlines() == [
            "Ended the panic of ana@example.org since 2026-03-04 05:06 UTC; waiting to go out: 0.",
            "A running bridge goes on within 30 seconds.",
        ]
        with sqlite3.connect(store.removeprefix("sqlite:///")) as connection:
            ((actor, verb),) = connection.execute("SELECT actor, verb FROM audit").fetchall()
        connection.close()
        assert (actor.startswith("shell:"), verb) == (True, "resume by shell")

    def test_what_waits_is_shown_and_only_a_yes_lets_it_go_out(
        self, store: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        at = SystemClock().now()
        source = Target("raj@example.org", Place.DIRECT)
        draft = Draft(author=source.jid, nick="raj", source=source, text="hello", hold=timedelta(0), created_at=at)

        def begin(tx: Tx) -> None:
            accounts.set_panic(tx, actor="ana@example.org", at=at)
            stored = posts.add(tx, draft, stanza=None)
            part = Part(account="one", text="hello", key=Key(token="k", minted_at=at))
            outbox.add(tx, stored, [part], held=frozenset(), now=at, born_for=(), epoch="e")

        async def scene() -> list[tuple[int, bool]]:
            found: list[tuple[int, bool]] = []
            async with Store.open(store, clock=SystemClock()) as running:
                await running.write(begin)
                for typed, words in ((None, ["resume"]), ("no\n", ["resume"]), ("yes\n", ["resume"])):
                    stdin = io.StringIO(typed or "")
                    monkeypatch.setattr(stdin, "isatty", lambda typed=typed: typed is not None)
                    monkeypatch.setattr(sys, "stdin", stdin)
                    status = await asyncio.to_thread(main, words)
                    found.append((status, await running.read(accounts.panic) is None))
                await running.write(lambda tx: accounts.set_panic(tx, actor="ana@example.org", at=at))
                status = await asyncio.to_thread(main, ["resume", "--yes"])
                found.append((status, await running.read(accounts.panic) is None))
            return found

        assert asyncio.run(scene()) == [(1, False), (1, False), (0, True), (0, True)]
        out, err = capsys.readouterr()
        assert out.count("1 message waits (one 1)\n[1] 0 s, one: hello\n") == 4
        assert err.splitlines() == [
            "nothing was changed: statusbridge resume --yes lets it go out",
            "nothing was changed",
        ]


class TestUpgrade:
    def test_it_makes_a_store_once(self, cli: Cli, config: Path, tmp_path: Path) -> None:
        path = f"{tmp_path}/var/statusbridge.db"
        status, out, err = cli("db", "upgrade")
        assert (status, err, len(out)) == (0, [], 1)
        assert out[0].startswith(f"{path}: made (schema ")
        assert cli("db", "upgrade").out[0].startswith(f"{path}: is up to date (schema ")

    def test_while_a_bridge_runs(self, store: str, capsys: pytest.CaptureFixture[str]) -> None:
        async def scene() -> int:
            async with Store.open(store, clock=SystemClock()):
                return await asyncio.to_thread(main, ["db", "upgrade"])

        assert asyncio.run(scene()) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert len(err.splitlines()) == 1
        assert "another bridge" in err
