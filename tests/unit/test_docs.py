from __future__ import annotations

import importlib
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from bridge import plugin as contract
from bridge.commands.verbs import VERBS
from bridge.domain import troubles, wording
from bridge.domain.deliveries import Delivery, DeliveryKind, State, Tell
from bridge.domain.ids import EntryId
from bridge.domain.people import Place, Target
from bridge.plugin import Key
from bridge.settings import (
    CORE_KEYS,
    ApprovalSettings,
    PolicySettings,
    PostingSettings,
    RoomSettings,
    RuleSettings,
    Settings,
    SettingsError,
    StoreSettings,
    WebSettings,
    XmppSettings,
    load,
)

MODELS: dict[str, type[BaseModel]] = {
    "[xmpp]": XmppSettings,
    "[store]": StoreSettings,
    "[posting]": PostingSettings,
    "[policy]": PolicySettings,
    "[[policy.approval]]": ApprovalSettings,
    "[rooms.policy]": RuleSettings,
    "[accounts.NAME.policy]": RuleSettings,
    "[[rooms]]": RoomSettings,
    "[web]": WebSettings,
}
ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG"))])
NOW = datetime(2026, 1, 2, tzinfo=UTC)
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    for name in ("docs", "sessions"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    loaded = importlib.import_module("docs")
    assert loaded.__file__ == str(ROOT / "scripts" / "docs.py")
    return loaded


def test_the_generated_parts_and_the_sessions_are_current(generator: Any) -> None:
    assert [path.name for path, _ in generator.stale()] == []


def test_a_stale_page_is_found_and_written_anew(
    generator: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands, configuration = page("commands.md"), page("configuration.md")
    (tmp_path / "commands.md").write_text(
        commands.replace("freezes everything outgoing, at once", "begins it"), encoding="utf-8"
    )
    (tmp_path / "configuration.md").write_text(configuration, encoding="utf-8")
    monkeypatch.setattr(generator, "ROOT", tmp_path)
    monkeypatch.setattr(generator, "DOCS", tmp_path)
    monkeypatch.setattr(generator.stale, "__defaults__", (tmp_path,))
    monkeypatch.setattr(generator.sessions, "played", lambda text, _: text)  # they take a while, and are played above
    assert generator.main(["--check"]) == 1
    assert capsys.readouterr().out == "docs: commands.md is out of date: run `make docs`\n"
    assert "begins it" in (tmp_path / "commands.md").read_text(encoding="utf-8")
    assert generator.main([]) == 0
    assert (tmp_path / "commands.md").read_text(encoding="utf-8") == commands
    assert generator.main(["--check"]) == 0


@pytest.mark.parametrize(
    ("session", "says"),
    [
        ("bob: !post hi", "nobody is called bob"),
        ("(it rains)", "nothing is known to happen like this: it rains"),
        ("(x has it)", "nothing is on its way to x"),
        ("Who says this", "nobody can play this line"),
    ],
)
def test_a_session_that_cannot_be_played_is_told(generator: Any, tmp_path: Path, session: str, says: str) -> None:
    with pytest.raises(generator.sessions.SessionError, match=says):
        generator.made(f"```chat room\n{session}\n```\n", tmp_path)


def test_a_session_quotes_what_the_bot_says_now(generator: Any, tmp_path: Path) -> None:
    before = "```chat room\nraj: !post hi\nbot: something else\n     and more\n```\n"
    after = generator.made(before, tmp_path)
    assert after.splitlines()[1:3] == [
        "raj: !post hi",
        (
            "bot: [4f] 2 characters: mastodon ok, x ok (can't be edited or deleted). "
            "Sending in 20 s: `!send`, `!undo`, or correct your message"
        ),
    ]
    assert "something else" not in after
    assert "and more" not in after


def test_the_generator_runs_as_a_program() -> None:
    wrong = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "docs.py"), "--chekc"], capture_output=True, text=True, check=False
    )
    assert (wrong.returncode, wrong.stderr) == (2, "usage: docs.py [--check]\n")


def test_every_verb_is_in_the_table_as_it_is() -> None:
    text = page("commands.md").partition("## All verbs")[2]
    for verb in VERBS:
        for usage in verb.usages:
            cell = "`" + usage.replace("|", "\\|") + "`"
            row = next(line for line in text.splitlines() if cell in line.partition(" | ")[0])
            assert row.endswith(f"| {'yes' if verb.built else 'not yet'} |")
        for alias in verb.aliases:
            assert f"`{alias}`" in text


def test_every_verb_of_this_version_is_told_of_in_a_session_or_in_the_prose(generator: Any) -> None:
    prose = page("commands.md").partition("## All verbs")[0]
    spoken = "\n".join(line for _, lines in generator.sessions.blocks(prose) for line in lines)
    for verb in VERBS:
        if verb.built:
            assert re.search(rf"(?:[!`: ]){verb.name}\b", prose + spoken), verb.name


def test_what_the_table_of_troubles_explains_is_what_is_said() -> None:
    rows = page("commands.md").partition("| the bot says |")[2].partition("\n\n")[0].splitlines()[2:]
    phrases = [row.split("`")[1] for row in rows]
    one = Delivery(
        id=1,
        post=EntryId(0x4F),
        source=Target("ops@rooms.example.org", Place.ROOM),
        account="x",
        kind=DeliveryKind.POST,
        text="hi",
        state=State.UNCERTAIN,
        key=Key(token="k", minted_at=NOW),
        fresh_since=NOW,
        error="no answer",
        posted_url="https://x.example.org/1",
    )
    said = [troubles.trouble(tell, one, now=NOW + timedelta(hours=2)) for tell in Tell]
    said += [wording.blocked("x", cause="it is down", waiting=3), wording.unauthorized("x", "no such token")]
    said.append(wording.deaf("x", cause="it is down"))
    assert len(phrases) == 9
    for phrase in phrases:
        assert any(phrase in line for line in said), phrase


def test_every_public_name_of_the_contract_is_explained() -> None:
    text = page("plugins.md")
    prose, _, listed = text.rpartition("## All of `bridge.plugin`")
    for name in contract.__all__:
        assert f"`{name}`" in listed, name
        assert re.search(rf"\b{name}\b", prose), name


def test_every_key_of_the_configuration_is_listed(generator: Any) -> None:
    text = page("configuration.md")
    sections: dict[str, set[str]] = {}
    for part in text.split("\n### ")[1:]:
        title, _, body = part.partition("\n")
        sections[title] = set(re.findall(r"(?m)^\| `([a-z_]+)` \|", body))
    for name in Settings.model_fields:
        assert any(f"[{name}" in title for title in sections), name
    for name, model in MODELS.items():
        assert sections[f"`{name}`"] == set(model.model_fields) - {"policy"}, name
    assert sections["`[accounts.NAME]`"] == CORE_KEYS - {"policy"}
    for name, model in generator.own_plugins().items():
        assert sections[f'`[accounts.NAME]` with `plugin = "{name}"`'] == set(model.model_fields)
    assert generator.own_plugins()


def test_the_small_configuration_is_one(tmp_path: Path) -> None:
    block = re.search(r"(?ms)^```toml\n(.*?)^```$", page("configuration.md"))
    assert block is not None
    path = tmp_path / "config.toml"
    path.write_text(block[1], encoding="utf-8")
    settings = load(path, environ={}, secrets=tmp_path)
    assert settings.enabled() == ("mastodon",)
    assert settings.warnings() == ()


def test_the_quoted_mistakes_are_those_of_the_program(tmp_path: Path) -> None:
    block = re.search(r"(?ms)^```text\n(.*?)^```$", page("configuration.md"))
    assert block is not None
    path = tmp_path / "config.toml"
    cases = [
        ('[xmpp]\njid = "status@example.org"\npasswort = "p"\n', {}),
        ("[xmpp]\njid = status\n", {}),
        ('[xmpp]\njid = "status@example.org"\n', {"STATUSBRIDGE_XMPP_PASSWORD": "p"}),
    ]
    lines: list[str] = []
    for text, environ in cases:
        path.write_text(text, encoding="utf-8")
        with pytest.raises(SettingsError) as caught:
            load(path, environ=environ, secrets=tmp_path)
        lines += [cause.replace(str(path), "config.toml") for cause in caught.value.causes]
    assert lines == block[1].splitlines()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"(?ms)^```.*?^```$", "", path.read_text(encoding="utf-8"))
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.exists(), f"{target} leads nowhere"
        assert there.is_relative_to(ROOT), f"{target} leads out of the repository"
        if anchor:
            assert anchor in headings(there), f"{target} names no heading"


def headings(path: Path) -> set[str]:
    titles = re.findall(r"(?m)^#+ (.+)$", path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_pages_are_found_and_have_links() -> None:
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "architecture.md", "commands.md"} <= {
        path.name for path in PAGES
    }
    assert LINK.findall(page("commands.md"))
