from __future__ import annotations

import pytest

from tests.servers import programs, require


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which nothing is installed."""
    monkeypatch.setattr(programs.shutil, "which", lambda _: None)
    monkeypatch.setattr(programs.os, "access", lambda *_: False)
    monkeypatch.setattr(require, "missing", {})


def test_what_is_here_is_not_missing() -> None:
    assert programs.find_program("python3").endswith("python3")
    assert programs.lack("mastodon-mock") is None


@pytest.mark.usefixtures("bare")
def test_a_missing_server_skips_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(require.STRICT, raising=False)
    with pytest.raises(pytest.skip.Exception, match="prosody: the program prosody isn't installed: apt-get install"):
        require.require("prosody")
    assert list(require.missing) == ["prosody"]


@pytest.mark.usefixtures("bare")
def test_a_missing_server_fails_where_servers_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(require.STRICT, "1")
    with pytest.raises(pytest.fail.Exception, match="postgresql: the program initdb isn't installed"):
        require.require("postgresql")


def test_an_unknown_server_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        programs.lack("nosuch")
