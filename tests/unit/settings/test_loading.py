from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from bridge.domain.people import Role
from bridge.settings import Mode, ReplyGesture, Settings, SettingsError, load

Load = Callable[..., Settings]
Causes = Callable[..., tuple[str, ...]]

FULL = """\
[xmpp]
jid = "Status@example.org"
password = "hunter2-the-password"
host = "127.0.0.1"
port = 5223
nick = "bot"

[store]
url = "sqlite:///data/s.db"
media = "/srv/media"

[posting]
mode = "strict"
hold = "5s"
max_age = "2h"
post_to = ["one"]

[[rooms]]
jid = "ops@rooms.example.org"
post_to = ["one", "two"]
hear_from = ["two"]
hear_private = true
member_role = "staff"
reply_gesture = "off"
hold = 0

[people]
"ana@example.org" = ["admin"]
"raj@example.org" = ["staff", "approver"]

[accounts.one]
plugin = "fake"
token = "secret-token"
own_key = 3

[accounts.two]
plugin = "fake"
enabled = false
settle_after = "1m"
deadline = "10s"
signature = "^%s"
require_alt = true

[web]
listen = "[::1]:8080"
"""


def test_every_key_is_read(read: Load, tmp_path: Path) -> None:
    settings = read(FULL)
    xmpp = settings.xmpp
    assert (xmpp.jid, xmpp.resource, xmpp.host, xmpp.port, xmpp.nick, xmpp.ca_file) == (
        "status@example.org",
        "statusbridge",
        "127.0.0.1",
        5223,
        "bot",
        None,
    )
    assert xmpp.password.get_secret_value() == "hunter2-the-password"
    assert settings.store.url == f"sqlite:///{tmp_path}/data/s.db"
    assert settings.store.sqlite_path == tmp_path / "data/s.db"
    assert settings.store.media == Path("/srv/media")
    posting = settings.posting
    assert (posting.mode, posting.hold, posting.max_age) == (Mode.STRICT, timedelta(seconds=5), timedelta(hours=2))
    room = settings.rooms[0]
    assert (room.jid, room.post_to, room.hear_from) == ("ops@rooms.example.org", ("one", "two"), ("two",))
    assert (room.hear_private, room.member_role, room.reply_gesture) == (True, Role.STAFF, ReplyGesture.OFF)
    assert room.hold == timedelta(0)
    assert settings.people == {"ana@example.org": (Role.ADMIN,), "raj@example.org": (Role.STAFF, Role.APPROVER)}
    one, two = settings.accounts["one"], settings.accounts["two"]
    assert (one.plugin, one.enabled, one.settle_after, one.deadline) == ("fake", True, None, timedelta(seconds=30))
    assert one.own == {"token": "secret-token", "own_key": 3}
    assert (two.enabled, two.settle_after, two.deadline) == (False, timedelta(minutes=1), timedelta(seconds=10))
    assert (two.signature, two.require_alt, two.own) == ("^%s", True, {})
    assert settings.web is not None
    assert (settings.web.host, settings.web.port) == ("::1", 8080)


def test_defaults(read: Load, good: str, tmp_path: Path) -> None:
    settings = read(good)
    assert settings.store.url == f"sqlite:///{tmp_path}/var/statusbridge.db"
    assert settings.store.media == tmp_path / "var/media"
    assert (settings.posting.mode, settings.posting.hold) == (Mode.GUARDED, timedelta(seconds=20))
    assert (settings.posting.max_age, settings.posting.post_to) == (timedelta(hours=1), None)
    assert (settings.rooms, settings.people, settings.accounts, settings.web) == ((), {}, {}, None)


def test_a_byte_order_mark_is_no_mistake(read: Load, good: str) -> None:
    assert read("\ufeff" + good).xmpp.jid == "status@example.org"


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql+psycopg://u@/d?host=/run", "postgresql+psycopg://u@/d?host=/run"),
        ("sqlite:////abs/s.db", "sqlite:////abs/s.db"),
    ],
)
def test_store_urls(read: Load, good: str, given: str, used: str) -> None:
    assert read(f'{good}[store]\nurl = "{given}"').store.url == used


def test_the_environment_wins_over_the_file_and_the_directory_over_both(read: Load, good: str, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    environ = {
        "STATUSBRIDGE_XMPP__PASSWORD": "from-environment",
        "STATUSBRIDGE_XMPP__NICK": "env",
        "STATUSBRIDGE_XMPP__PORT": "5333",
        "STATUSBRIDGE_ACCOUNTS__ONE__PLUGIN": "fake",
        "STATUSBRIDGE_ACCOUNTS__ONE__TOKEN": "0123",
        "STATUSBRIDGE_ACCOUNTS__ONE__SERVICE_KEY": '{"a": 1}',
        "STATUSBRIDGE_ROOMS": '[{"jid": "ops@rooms.example.org", "post_to": ["one"]}]',
        "STATUSBRIDGE_PEOPLE": '{"ana@example.org": ["admin"]}',
        "STATUSBRIDGE_STORE__URL": "",
        "OTHER": "1",
    }
    settings = read(good, environ)
    assert settings.xmpp.password.get_secret_value() == "from-environment"
    assert (settings.xmpp.jid, settings.xmpp.nick, settings.xmpp.port) == ("status@example.org", "env", 5333)
    assert settings.accounts["one"].own == {"token": "0123", "service_key": '{"a": 1}'}
    assert settings.rooms[0].post_to == ("one",)
    assert settings.admins() == ("ana@example.org",)

    (secrets / "xmpp__password").write_text(" from directory \n")
    (secrets / "STATUSBRIDGE_ACCOUNTS__ONE__TOKEN").write_text("token-in-a-file")
    (secrets / "somebody-elses").write_text("x")
    settings = read(good, environ, secrets)
    assert settings.xmpp.password.get_secret_value() == " from directory "
    assert settings.accounts["one"].own["token"] == "token-in-a-file"
    named = read(good, {**environ, "STATUSBRIDGE_SECRETS_DIR": str(tmp_path / "nowhere")}, secrets)
    assert named.xmpp.password.get_secret_value() == " from directory "


def test_the_directory_named_in_the_environment(good: str, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(good)
    (tmp_path / "s").mkdir()
    (tmp_path / "s/xmpp__password").write_text("x")
    settings = load(tmp_path / "config.toml", environ={"STATUSBRIDGE_SECRETS_DIR": str(tmp_path / "s")})
    assert settings.xmpp.password.get_secret_value() == "x"
    with pytest.raises(SettingsError) as caught:
        load(tmp_path / "config.toml", environ={"STATUSBRIDGE_SECRETS_DIR": str(tmp_path / "t")})
    assert caught.value.causes == (f"secrets directory {tmp_path}/t: no such file or directory",)


def test_places_are_named_by_their_source(read: Load, good: str, tmp_path: Path) -> None:
    settings = read(good, {"STATUSBRIDGE_WEB__LISTEN": "127.0.0.1:1"})
    assert settings.place("web", "listen") == "environment: STATUSBRIDGE_WEB__LISTEN"
    assert settings.place("rooms", 0, "jid") == f"{tmp_path}/config.toml: rooms[0].jid"


def test_no_secret_in_a_representation(read: Load) -> None:
    shown = repr(read(FULL))
    assert "hunter2" not in shown
    assert "secret-token" not in shown


def test_a_certificate_authority_beside_the_file(read: Load, causes: Causes, good: str, tmp_path: Path) -> None:
    authorities = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    (tmp_path / "ca.pem").write_bytes(Path(authorities).read_bytes())
    (tmp_path / "wrong.pem").write_text("no certificate")
    table = good + 'ca_file = "{}"\n'
    assert read(table.format("ca.pem")).xmpp.ca_file == tmp_path / "ca.pem"
    assert causes(table.format("wrong.pem")) == ("config.toml: xmpp.ca_file: wrong.pem is no certificate in PEM form",)
    assert causes(table.format("none.pem")) == ("config.toml: xmpp.ca_file: none.pem: no such file or directory",)


class TestTheFileItself:
    def test_missing(self, tmp_path: Path) -> None:
        path = tmp_path / "config.toml"
        with pytest.raises(SettingsError) as caught:
            load(path, environ={})
        assert caught.value.causes == (f"{path}: no such file; `statusbridge init {path}` writes a commented one",)

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError) as caught:
            load(tmp_path, environ={})
        assert caught.value.causes == (f"{tmp_path}: is a directory; give the configuration file in it",)

    def test_unreadable(self, tmp_path: Path, good: str, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "config.toml"
        path.write_text(good)
        path.chmod(0)
        if os.geteuid() == 0:  # whom nothing is forbidden

            def refuse(*_args: object) -> None:
                raise PermissionError(13, "Permission denied")

            monkeypatch.setattr(Path, "open", refuse)
        with pytest.raises(SettingsError) as caught:
            load(path, environ={})
        assert caught.value.causes == (f"{path}: permission denied; the bridge's user must be able to read it",)

    def test_not_utf8(self, tmp_path: Path, good: str) -> None:
        path = tmp_path / "config.toml"
        path.write_bytes(good.encode() + b'nick = "\xe4"\n')
        with pytest.raises(SettingsError) as caught:
            load(path, environ={})
        assert caught.value.causes == (f"{path}, line 4: is not UTF-8; save the file as UTF-8",)

    def test_too_large(self, tmp_path: Path) -> None:
        path = tmp_path / "config.toml"
        path.write_bytes(b"#" * 4_194_305)
        with pytest.raises(SettingsError, match="too large"):
            load(path, environ={})

    @pytest.mark.parametrize(
        ("text", "cause"),
        [
            ("[xmpp]\njid = status\n", "config.toml, line 2: this value can't be read; texts need quotes"),
            ("[xmpp\n", "config.toml, line 1: expected ']' at the end of a table declaration"),
            ('[xmpp]\njid = "a"\njid = "b"\n', "config.toml, line 3: cannot overwrite a value"),
            ('[xmpp]\njid = "abc', "config.toml, line 2: unterminated string"),
        ],
    )
    def test_not_toml(self, causes: Causes, text: str, cause: str) -> None:
        assert causes(text) == (cause,)
