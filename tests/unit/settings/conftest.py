from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bridge.settings import Settings, SettingsError, load

GOOD = """\
[xmpp]
jid = "status@example.org"
password = "hunter2-the-password"
"""

Load = Callable[..., Settings]
Causes = Callable[..., tuple[str, ...]]


@pytest.fixture
def good() -> str:
    return GOOD


@pytest.fixture
def read(tmp_path: Path) -> Load:
    """Load a configuration's text, with nothing from the real environment."""

    def reader(text: str, environ: Mapping[str, str] | None = None, secrets: Path | None = None) -> Settings:
        empty = tmp_path / "no-secrets"
        empty.mkdir(exist_ok=True)
        (tmp_path / "config.toml").write_text(text, encoding="utf-8")
        return load(tmp_path / "config.toml", environ=environ or {}, secrets=secrets or empty)

    return reader


@pytest.fixture
def causes(read: Load, tmp_path: Path) -> Causes:
    """Load a wrong configuration and return its causes, with the file's folder cut off."""

    def reader(text: str, environ: Mapping[str, str] | None = None, secrets: Path | None = None) -> tuple[str, ...]:
        with pytest.raises(SettingsError) as caught:
            read(text, environ, secrets)
        assert str(caught.value) == "\n".join(caught.value.causes)
        return tuple(cause.replace(f"{tmp_path}/", "") for cause in caught.value.causes)

    return reader
