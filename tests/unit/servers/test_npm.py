"""What is had from npm: once, complete, outside the tree, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers.npm import installed
from tests.servers.programs import MissingProgramError

GOOD = """#!/bin/sh
echo "$@" >> "{log}"
while [ "$1" != --prefix ]; do shift; done
mkdir -p "$2/node_modules/left"
"""
BAD = """#!/bin/sh
while [ "$1" != --prefix ]; do shift; done
mkdir -p "$2/node_modules"
echo "no such package" >&2
exit 1
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that PATH ends with, with a node in it; npm is up to the test."""
    folder = tmp_path / "bin"
    folder.mkdir()
    _program(folder / "node", "#!/bin/sh\n")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def _program(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def test_a_package_is_installed_once(programs: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    _program(programs / "npm", GOOD.format(log=log))
    folder = installed("@some/left", "1.2.3")
    assert (folder / "node_modules" / "left").is_dir()
    assert folder.is_relative_to(tmp_path / "cache")
    assert installed("@some/left", "1.2.3") == folder
    assert installed("@some/left", "1.2.4") != folder
    assert [line.split()[-1] for line in log.read_text().splitlines()] == ["@some/left@1.2.3", "@some/left@1.2.4"]
    assert sorted(one.name for one in folder.parent.iterdir()) == ["@some+left-1.2.3", "@some+left-1.2.4", "lock"]


def test_what_npm_can_not_get_is_missing_and_leaves_nothing(programs: Path) -> None:
    _program(programs / "npm", BAD)
    with pytest.raises(MissingProgramError, match="no such package"):
        installed("left", "1.2.3")
    _program(programs / "npm", GOOD.format(log="/dev/null"))
    assert (installed("left", "1.2.3") / "node_modules" / "left").is_dir()
