from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, Field, SecretStr

from bridge.domain.durations import Duration
from bridge.settings import Settings
from bridge.settings.example import render
from bridge.settings.models import (
    AccountSettings,
    LimitSettings,
    PostingSettings,
    RoomSettings,
    StoreSettings,
    WebSettings,
    XmppSettings,
)
from bridge.settings.rules import PolicySettings
from plugins.mastodon import MastodonPlugin

Load = Callable[..., Settings]

COMMITTED = Path(__file__).parents[3] / "config" / "example.toml"


class _Own(BaseModel):
    link: str = Field(description="Where it is.", examples=["https://example.org"])
    token: SecretStr | None = Field(default=None, description="The token. " + "x" * 120)
    pause: Duration = timedelta(seconds=90)
    words: tuple[str, ...] = ("a", 'b"')


def test_the_committed_file_is_what_init_writes() -> None:
    expected = render({"mastodon": MastodonPlugin.Settings})
    assert COMMITTED.read_text(encoding="utf-8") == expected, (
        "remove config/example.toml and run: statusbridge init config/example.toml"
    )


def test_it_loads_as_it_is(read: Load) -> None:
    settings = read(render({"fake": _Own}))
    assert settings.xmpp.jid == "status@example.org"
    assert [room.jid for room in settings.rooms] == ["ops@rooms.example.org"]
    assert settings.admins() == ("ana@example.org",)
    assert settings.accounts["fake"].plugin == "fake"
    assert settings.accounts["fake"].own == {"link": "https://example.org"}
    assert settings.web is None


def test_the_committed_file_is_right(read: Load) -> None:
    settings = read(COMMITTED.read_text(encoding="utf-8"))
    assert settings.enabled() == ("mastodon",)
    assert MastodonPlugin.Settings.model_validate(settings.accounts["mastodon"].own)


def test_with_every_comment_removed_it_still_loads(read: Load, tmp_path: Path) -> None:
    lines = [
        line[2:]
        if line.startswith("# ") and (" = " in line or line in {"# [web]", "# [limits]", "# [templates]"})
        else line
        for line in render({"fake": _Own}).splitlines()
        if "ca_file" not in line
    ]
    table = tomllib.loads("\n".join(lines))
    settings = read("\n".join(lines))
    sections = {
        "xmpp": XmppSettings,
        "store": StoreSettings,
        "posting": PostingSettings,
        "limits": LimitSettings,
        "policy": PolicySettings,
        "web": WebSettings,
    }
    for name, model in sections.items():
        assert set(table[name]) == set(model.model_fields) - {"ca_file"}
    assert set(table["rooms"][0]) == set(RoomSettings.model_fields) - {"policy"}
    assert set(table["accounts"]["fake"]) == {*AccountSettings.model_fields, *_Own.model_fields} - {"own", "policy"}
    assert settings.accounts["fake"].own["words"] == ["a", 'b"']
    assert settings.accounts["fake"].own["pause"] == "1m30s"
    assert settings.posting.post_to == ("fake",)
    assert settings.template("maintenance") is not None


def test_no_line_is_longer_than_a_screen() -> None:
    text = render({"fake": _Own})
    assert max(len(line) for line in text.splitlines() if "xxx" not in line) <= 120
    assert "# The token. " + "x" * 120 + ":\n# token = " in text
