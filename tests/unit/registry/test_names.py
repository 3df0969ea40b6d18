from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import EntryPoint, PathDistribution
from pathlib import Path

import pytest

from bridge.registry import GROUP, Catalog, PluginBrokenError
from bridge.registry.names import crowded, intruders

SENTENCE = (
    '{} brings a package "{}" too, which is a name of Statusbridge\'s own: '
    "uninstall it, or give Statusbridge an environment of its own"
)
CONFIG = """
[xmpp]
jid = "status@example.org"
password = "made-up"
[people]
"ana@example.org" = ["admin"]
[store]
url = "sqlite:///{}/statusbridge.db"
[accounts.one]
plugin = "mastodon"
base_url = "https://mastodon.example"
"""


def installed(folder: Path, name: str, **files: str) -> PathDistribution:
    place = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    place.mkdir(parents=True)
    (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    for file, text in files.items():
        (place / {"record": "RECORD", "top": "top_level.txt"}[file]).write_text(text)
    return PathDistribution(place)


def test_here_the_names_are_ours_alone() -> None:
    assert intruders() == ()


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({"record": "plugins/__init__.py,,\nother/bridge/__init__.py,,\n"}, ["plugins"]),
        ({"record": "other.py,,\nbridge.py,,\nplugins/x.py,,\n"}, ["bridge", "plugins"]),
        ({"record": "my/plugins/__init__.py,,\nplugins.pyi,,\nbridges/__init__.py,,\n"}, []),
        ({"top": "other\nplugins\n", "record": "bridge/__init__.py,,\n"}, ["plugins"]),
        ({}, []),
    ],
)
def test_whoever_else_brings_them_is_named(tmp_path: Path, files: dict[str, str], names: list[str]) -> None:
    found = [installed(tmp_path, "somebody-else", **files), installed(tmp_path, "statusbridge", record="bridge/x,,\n")]
    assert intruders(found) == tuple(SENTENCE.format("somebody-else", name) for name in names)


def test_a_second_place_is_noticed(tmp_path: Path) -> None:
    assert not crowded()
    assert not crowded([str(tmp_path)])
    (tmp_path / "plugins.py").write_text("")
    assert crowded([*sys.path, str(tmp_path)])


def test_a_plugin_that_is_hidden_says_by_whom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.registry.catalog.intruders", lambda: ("somebody-else hides it",))
    points = [EntryPoint(name=package, value=f"{package}.nowhere:Plugin", group=GROUP) for package in ("plugins", "re")]
    catalog = Catalog(points)
    with pytest.raises(PluginBrokenError, match="can't be loaded: somebody-else hides it"):
        catalog.load("plugins")
    with pytest.raises(PluginBrokenError, match="can't be loaded: ModuleNotFoundError"):
        catalog.load("re")


@pytest.mark.parametrize("package", ["plugins", "bridge"])
def test_check_names_who_hides_ours_in_one_line(tmp_path: Path, package: str) -> None:
    site = tmp_path / "site"
    installed(site, "somebody-else", record=f"{package}/__init__.py,,\n")
    if package == "plugins":
        (site / package).mkdir()
        (site / package / "__init__.py").write_text("")
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.format(tmp_path))
    config.chmod(0o600)
    done = subprocess.run(
        [sys.executable, "-m", "bridge", "--config", str(config), "check"],
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if "somebody-else" in line]
    sentence = SENTENCE.format("somebody-else", package)
    if package == "plugins":
        start = f'{config}: accounts.one.plugin: plugin "mastodon" of statusbridge can\'t be loaded: '
        assert lines == [start + sentence]
    else:
        assert lines == [f"warning: {sentence}"]
    assert done.stderr == ""
