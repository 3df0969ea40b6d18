from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from pydantic import ValidationError

from bridge.commands.people import Rights
from bridge.domain.people import Place, Role, Target
from bridge.settings import Settings, XmppSettings

Load = Callable[..., Settings]

TEXT = """\
[xmpp]
jid = "status@example.org"
password = "hunter2-the-password"
[posting]
hold = "20s"
post_to = ["two", "off"]
[store]
url = "postgresql://user:p%40ss-word@db.example.org/status"
[[rooms]]
jid = "all@rooms.example.org"
hold = "5s"
member_role = "staff"
[[rooms]]
jid = "one@rooms.example.org"
post_to = ["one", "off"]
hear_from = ["one"]
hear_private = true
[[rooms]]
jid = "ear@rooms.example.org"
post_to = ["one"]
hear_from = ["two"]
[people]
"ana@example.org" = ["admin"]
"raj@example.org" = ["staff", "approver"]
"eve@example.org" = []
[accounts.one]
plugin = "fake"
token = "secret-token-1"
nested = { api_key = "secret-key-1", harmless = "x" }
[accounts.off]
plugin = "fake"
enabled = false
password = "secret-password-1"
[accounts.two]
plugin = "fake"
"""


@pytest.fixture
def settings(read: Load) -> Settings:
    return read(TEXT)


ALL, ONE, EAR = "all@rooms.example.org", "one@rooms.example.org", "ear@rooms.example.org"


@pytest.mark.parametrize(
    ("jid", "affiliation", "room", "role"),
    [
        ("ana@example.org", None, None, Role.ADMIN),
        ("raj@example.org", None, None, Role.APPROVER),
        ("eve@example.org", None, None, Role.NONE),
        ("tom@example.org", None, None, Role.NONE),
        ("tom@example.org", "member", None, Role.NONE),
        ("tom@example.org", "member", ALL, Role.STAFF),
        ("tom@example.org", "admin", ALL, Role.STAFF),
        ("tom@example.org", "owner", ALL, Role.STAFF),
        ("tom@example.org", "none", ALL, Role.NONE),
        ("tom@example.org", None, ALL, Role.NONE),
        ("tom@example.org", "outcast", ALL, Role.NONE),
        ("tom@example.org", "owner", ONE, Role.NONE),
        ("tom@example.org", "owner", "other@rooms.example.org", Role.NONE),
        ("ana@example.org", "none", ALL, Role.ADMIN),
        ("ana@example.org", "outcast", ALL, Role.NONE),
        ("raj@example.org", "member", ALL, Role.APPROVER),
        ("eve@example.org", "member", ALL, Role.STAFF),
    ],
)
def test_roles(settings: Settings, jid: str, affiliation: str | None, room: str | None, role: Role) -> None:
    assert Rights(settings, {}).role_of(jid, affiliation, room) is role


def test_admins(settings: Settings) -> None:
    assert settings.admins() == ("ana@example.org",)


@pytest.mark.parametrize(
    ("source", "accounts"),
    [
        (Target(ALL, Place.ROOM), ("one", "two")),
        (Target(ONE, Place.ROOM), ("one",)),
        (Target("other@rooms.example.org", Place.ROOM), ()),
        (Target("ana@example.org", Place.DIRECT), ("two",)),
    ],
)
def test_where_posts_go(settings: Settings, source: Target, accounts: tuple[str, ...]) -> None:
    assert settings.accounts_for(source) == accounts


def test_direct_posts_go_everywhere_by_default(read: Load) -> None:
    settings = read(TEXT.replace('post_to = ["two", "off"]\n', ""))
    assert settings.accounts_for(Target("ana@example.org", Place.DIRECT)) == ("one", "two")


def test_where_items_come(settings: Settings) -> None:
    assert settings.rooms_hearing("one", private=False) == (ALL, ONE)
    assert settings.rooms_hearing("one", private=True) == (ONE,)
    assert settings.rooms_hearing("two", private=False) == (ALL, EAR)
    assert settings.rooms_hearing("two", private=True) == ()


def test_where_trouble_is_told(settings: Settings, read: Load) -> None:
    rooms = tuple(Target(jid, Place.ROOM) for jid in (ALL, ONE, EAR))
    assert Rights(settings, {}).rooms_told("one") == rooms
    assert Rights(settings, {}).rooms_told("two") == (rooms[0], rooms[2])
    narrow = TEXT.replace('hold = "5s"\n', 'post_to = ["one"]\nhear_from = ["one"]\n').replace(
        '["two"]\n[people]', "[]\n[people]"
    )
    assert Rights(read(narrow), {}).rooms_told("two") == (Target("ana@example.org", Place.DIRECT),)


def test_undo_windows(settings: Settings) -> None:
    assert settings.hold_for(Target(ALL, Place.ROOM)) == timedelta(seconds=5)
    assert settings.hold_for(Target(ONE, Place.ROOM)) == timedelta(seconds=20)
    assert settings.hold_for(Target(ALL, Place.DIRECT)) == timedelta(seconds=20)


def test_secrets(settings: Settings) -> None:
    assert set(settings.secrets()) == {
        "hunter2-the-password",
        "p@ss-word",
        "secret-token-1",
        "secret-key-1",
        "secret-password-1",
    }


def test_the_store_is_shown_without_user_and_password(settings: Settings, read: Load, good: str) -> None:
    assert settings.store.shown == "postgresql://db.example.org/status"
    assert read(good).store.shown.endswith("/var/statusbridge.db")
    assert read(good).store.password is None


def test_warnings(settings: Settings, read: Load, good: str) -> None:
    assert settings.warnings() == ()
    assert read(good).warnings() == (
        "[people] is empty: only members of rooms with a member_role can use the bot",
        "no [[rooms]]: the bot will only be in direct chats",
        "no account is enabled: nothing can be published",
    )
    assert read(TEXT.replace('["admin"]', '["staff"]')).warnings() == (
        "[people] names no admin: nobody will be told of trouble outside the rooms",
    )


def test_nothing_changes_and_nothing_comes_from_the_environment(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        settings.rooms = ()  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setenv("STATUSBRIDGE_XMPP__NICK", "other")
    made = Settings(xmpp=XmppSettings.model_validate({"jid": "a@example.org", "password": "x"}))
    assert made.xmpp.nick == "status"
    assert made.place("xmpp", "nick") == "xmpp.nick"
