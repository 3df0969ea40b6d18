from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog

import bridge
from bridge.chat.errors import WrongPassword
from bridge.store import TakenError
from bridge.web import ListenError
from tests.unit.cli.conftest import GOOD

Cli = Callable[..., Any]


class TestRun:
    def test_it_runs(self, cli: Cli, config: Path, app: Any) -> None:
        assert cli("run") == (0, [], [])
        assert app.ran[0].xmpp.jid == "status@example.org"

    def test_a_package_that_may_hide_ours_is_named(
        self, cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bridge.cli.commands.intruders", lambda: ("somebody-else brings it too",))
        assert cli("run") == (0, [], [])
        monkeypatch.setattr("bridge.cli.commands.crowded", lambda: True)
        status, out, (line,) = cli("run")
        assert (status, out) == (0, [])
        assert "a package of ours may be hidden" in line
        assert "somebody-else brings it too" in line

    def test_secrets_from_a_directory(self, cli: Cli, config: Path, app: Any) -> None:
        Path("s").mkdir()
        Path("s/xmpp__password").write_text("hunter2-from-a-file\n")
        assert cli("--secrets", "s", "run").status == 0
        assert app.ran[0].xmpp.password.get_secret_value() == "hunter2-from-a-file"

    @pytest.mark.parametrize(
        ("old", "new", "cause"),
        [
            (
                'plugin = "fake"',
                'plugin = "fak"',
                "accounts.one.plugin: no plugin of that name is installed; did you mean fake?",
            ),
            ("token =", "tokn =", "accounts.one.tokn: unknown key; did you mean token?"),
            ("password =", "pasword =", "xmpp.pasword: unknown key; did you mean password?"),
            ("[people]", "[poeple]", "poeple: unknown key; did you mean [people]?"),
        ],
    )
    def test_a_broken_configuration_is_one_line(
        self, cli: Cli, config: Path, app: Any, *, old: str, new: str, cause: str
    ) -> None:
        config.write_text(GOOD.replace(old, new))
        assert cli("run") == (1, [], [f"config.toml: {cause}"])
        assert app.ran == []
        assert not Path("var").exists()

    def test_two_causes_are_two_lines(self, cli: Cli, config: Path) -> None:
        config.write_text(GOOD + '[posting]\nhold = "x"\nmode = "y"\n')
        assert [line.partition(": must")[0] for line in cli("run").err] == [
            "config.toml: posting.mode",
            "config.toml: posting.hold",
        ]

    def test_a_missing_token_is_no_reason_to_end(self, cli: Cli, config: Path, app: Any) -> None:
        config.write_text(GOOD.replace('token = "secret-token-1"\n', ""))
        assert cli("run").status == 0
        assert len(app.ran) == 1

    @pytest.mark.parametrize("kind", ["start", "store", "port", "password", "several"])
    def test_what_ends_the_bridge_is_one_line(self, cli: Cli, config: Path, app: Any, kind: str) -> None:
        start = app.StartError("no way")
        app.error = {
            "start": start,
            "store": TakenError("no way"),
            "port": ListenError("no way"),
            "password": WrongPassword("no way"),
            "several": ExceptionGroup("several", [start, ExceptionGroup("x", [WrongPassword("no way")])]),
        }[kind]
        assert cli("run") == (1, [], ["no way"])

    def test_several_causes_and_a_secret_in_one(self, cli: Cli, config: Path, app: Any) -> None:
        app.error = ExceptionGroup("x", [app.StartError("one\ntwo"), TakenError("hunter2-the-password is wrong")])
        assert cli("run") == (1, [], ["one", "two", "[hidden] is wrong"])

    def test_a_bug_is_told_with_its_details_in_the_log(self, cli: Cli, config: Path, app: Any) -> None:
        app.error = ZeroDivisionError("secret-token-1")
        status, out, err = cli("run")
        assert (status, out) == (1, [])
        assert err[-1] == "the bridge ended by a mistake of its own (ZeroDivisionError); the log has the details"
        assert '"level": "critical"' in err[0]
        assert "ZeroDivisionError: [hidden]" in err[0]

    def test_logs_go_to_standard_error_without_secrets(self, cli: Cli, config: Path, app: Any) -> None:
        def say() -> None:
            structlog.stdlib.get_logger("bridge.x").info("logged secret-token-1")
            structlog.stdlib.get_logger("bridge.x").debug("not shown")

        app.during = say
        status, out, err = cli("run")
        assert (status, out, len(err)) == (0, [], 1)
        assert "logged [hidden]" in err[0]
        assert len(cli("--log-level", "debug", "run").err) == 2
        assert cli("--log-level", "error", "run").err == []

    def test_the_file_is_read_again_as_at_the_start_and_its_new_secrets_are_hidden(
        self, cli: Cli, config: Path, app: Any
    ) -> None:
        Path("s").mkdir()
        Path("s/xmpp__password").write_text("hunter2-from-a-file\n")

        def again() -> None:
            Path("s/xmpp__password").write_text("another-secret\n")
            settings = app.read()
            assert settings.xmpp.password.get_secret_value() == "another-secret"
            app.conceal(settings.secrets())
            structlog.stdlib.get_logger("bridge.x").info("logged another-secret")

        app.during = again
        status, _, err = cli("--secrets", "s", "run")
        assert (status, len(err)) == (0, 1)
        assert "logged [hidden]" in err[0]

    def test_interrupted(self, cli: Cli, config: Path, app: Any) -> None:
        app.error = KeyboardInterrupt()
        assert cli("run") == (130, [], [])


class TestTheProgram:
    """As a shell starts it."""

    @staticmethod
    def _start(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(bridge.__file__).parents[1])}
        return subprocess.run(
            [sys.executable, "-m", "bridge", *arguments],
            capture_output=True,
            text=True,
            env=environ,
            timeout=50,
            check=False,
            **options,
        )

    def test_a_missing_configuration(self) -> None:
        done = self._start("--config", "none.toml", "run")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "none.toml: no such file; `statusbridge init none.toml` writes a commented one\n"

    def test_an_unknown_plugin(self, config: Path) -> None:
        config.write_text(GOOD.replace('"fake"', '"nobody"'))
        done = self._start("run")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert done.stderr.startswith("config.toml: accounts.one.plugin: no plugin of that name is installed; ")

    def test_what_only_web_needs_is_loaded_only_for_it(self) -> None:
        look = "import sys, bridge.app, bridge.cli.commands, plugins.mastodon; print('aiohttp' in sys.modules)"
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(bridge.__file__).parents[1])}
        done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, env=environ, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")

    def test_not_understood(self) -> None:
        assert self._start("rnu").returncode == 2

    def test_a_reader_who_has_had_enough(self, config: Path) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(bridge.__file__).parents[1])}
        done = subprocess.run(
            [sys.executable, "-m", "bridge", "accounts"],
            stdout=writer,
            stderr=subprocess.PIPE,
            env=environ,
            timeout=50,
            check=False,
        )
        os.close(writer)
        assert (done.returncode, done.stderr) == (1, b"")
