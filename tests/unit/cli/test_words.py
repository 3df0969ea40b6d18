from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]


class TestWords:
    def test_version(self, cli: Cli) -> None:
        status, out, err = cli("--version")
        assert (status, err, len(out)) == (0, [], 1)
        assert out[0].startswith("statusbridge ")

    @pytest.mark.parametrize(
        "command", [(), ("run",), ("check",), ("init",), ("accounts",), ("resume",), ("db",), ("audit",), ("export",)]
    )
    def test_help(self, cli: Cli, command: tuple[str, ...]) -> None:
        status, out, err = cli(*command, "--help")
        assert (status, err) == (0, [])
        assert out[0].startswith("usage: statusbridge")
        assert any("--config FILE" in line for line in out)

    @pytest.mark.parametrize(
        "words",
        [
            (),
            ("audit",),
            ("audit", "verify", "--head", "7"),
            ("audit", "export", "--since", "then"),
            ("start",),
            ("db",),
            ("db", "down"),
            ("run", "now"),
            ("--verbose", "run"),
            ("--conf", "x", "run"),
        ],
    )
    def test_not_understood(self, cli: Cli, words: tuple[str, ...]) -> None:
        status, out, err = cli(*words)
        assert (status, out) == (2, [])
        assert err[-1].startswith("statusbridge")

    def test_options_before_and_after_the_command(self, cli: Cli, config: Path, app: Any) -> None:
        other = config.rename("other.toml")
        assert cli("--config", str(other), "run").status == 0
        assert cli("run", "--config", str(other)).status == 0
        assert len(app.ran) == 2

    def test_the_variable_that_names_the_file(self, cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        config.rename("other.toml")
        monkeypatch.setenv("STATUSBRIDGE_CONFIG", "other.toml")
        assert cli("run").status == 0
        assert cli("--config", "config.toml", "run").status == 1
