"""What another configuration changes, and what is in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.settings import Changes, Current, changes, effective

if TYPE_CHECKING:
    from tests.unit.settings.conftest import Load

WHOLE = """
[posting]
hold = "20s"
[web]
listen = "127.0.0.1:8080"
[[rooms]]
jid = "ops@rooms.example.org"
[[rooms]]
jid = "sales@rooms.example.org"
[people]
"ana@example.org" = ["admin"]
[accounts.one]
plugin = "fake"
token = "secret-1"
[accounts.two]
plugin = "fake"
"""


def test_the_same_file_changes_nothing(read: Load, good: str) -> None:
    assert changes(read(good + WHOLE), read(good + WHOLE)) == Changes()


def test_accounts_rooms_and_rules(read: Load, good: str) -> None:
    old = read(good + WHOLE)
    text = WHOLE.replace("secret-1", "secret-2").replace("[accounts.two]", "[accounts.three]")
    text = text.replace("sales@", "press@").replace('"ops@rooms.example.org"', '"ops@rooms.example.org"\nhold = "0s"')
    text = text.replace('hold = "20s"', 'hold = "10s"\nmax_age = "2h"').replace("ana@", "tom@")
    text += '[templates]\nsorry = "We are sorry"\n'
    assert changes(old, read(good + text)) == Changes(
        new_accounts=("three",),
        changed_accounts=("one",),
        gone_accounts=("two",),
        new_rooms=("press@rooms.example.org",),
        changed_rooms=("ops@rooms.example.org",),
        gone_rooms=("sales@rooms.example.org",),
        others=("posting.hold", "posting.max_age", "people", "templates"),
    )


def test_what_is_read_once_stays_and_is_named(read: Load, good: str) -> None:
    old = read(good + WHOLE)
    other = good.replace("hunter2-the-password", "another-password") + 'nick = "bot"\n'
    new = read(other + WHOLE.replace('[web]\nlisten = "127.0.0.1:8080"', "") + '[store]\nmedia = "elsewhere"\n')
    found = changes(old, new)
    assert found == Changes(fixed=("xmpp.password", "xmpp.nick", "store.media", "web"))
    assert changes(new, old).fixed == found.fixed
    assert "another" not in str(found)
    kept = effective(old, new)
    assert (kept.xmpp, kept.store, kept.web) == (old.xmpp, old.store, old.web)
    assert kept.place("accounts", "one") == new.place("accounts", "one")


def test_what_is_in_force_is_asked_each_time(read: Load, good: str) -> None:
    current = Current(read(good))
    assert current.settings.accounts == {}
    current.swap(read(good + WHOLE))
    assert list(current.settings.accounts) == ["one", "two"]
