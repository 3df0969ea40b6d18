"""The configuration is read again while the bridge runs: whole or not at all, and nobody who isn't meant notices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge import reloading
from bridge.delivery import DIRECT
from bridge.domain.people import Role
from bridge.registry import Problem, Recipe, Registry
from bridge.settings import Settings, SettingsError
from bridge.testing import FakePlatform, Fate
from tests.flow.conftest import settings_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.flow.conftest import Build, House

ROOM = "ops@rooms.example.org"
SECOND_ROOM = "sales@rooms.example.org"
THIRD_ROOM = "press@rooms.example.org"
ADMIN = "ana@example.org"
SAME = "the configuration says what it said: nothing has changed"
IN_FORCE = "the new configuration is in force"


@pytest.fixture
def reload(build: Build, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Start a house whose configuration can be read again: `await reload("mastodon")`."""

    async def make(*accounts: str, **values: Any) -> House:
        house = await build(*accounts, **values)
        monkeypatch.setattr(Registry, "recipes", staticmethod(house.made_of))
        monkeypatch.setattr(reloading, "to_thread", at_once)
        return house

    return make


async def at_once(work: Callable[..., Any], *values: Any) -> Any:
    return work(*values)


async def say_reload(house: House) -> str:
    (answer,) = await house.say("reload", place=DIRECT, who="ana")
    return answer


def with_account(settings: Settings, name: str, **values: Any) -> Settings:
    table = settings.accounts["mastodon"].model_copy(update=values)
    return settings.model_copy(update={"accounts": {**settings.accounts, name: table}})


def without(settings: Settings, name: str) -> Settings:
    rest = {other: table for other, table in settings.accounts.items() if other != name}
    return settings.model_copy(update={"accounts": rest})


async def test_what_has_not_changed_says_so(reload: Any) -> None:
    house = await reload("mastodon", "x")
    assert await say_reload(house) == SAME
    house.settings = settings_for(("mastodon", "x"), hold="0s")
    assert await say_reload(house) == SAME
    assert [platform.entered for platform in house.platforms.values()] == [1, 1]


async def test_a_file_with_mistakes_changes_nothing(reload: Any) -> None:
    house = await reload("mastodon")

    def fail() -> Settings:
        raise SettingsError(["config.toml: posting.hold: must be between 0s and 1h", "config.toml: x: unknown key"])

    house.bridge._reloader._read = fail
    assert await say_reload(house) == (
        "config.toml: posting.hold: must be between 0s and 1h\nconfig.toml: x: unknown key\nNothing was changed."
    )
    house.bridge._reloader._read = house.read
    house.settings = with_account(house.settings, "x")
    house.platforms["x"] = FakePlatform(house.clock)
    problem = Problem(text="config.toml: accounts.x.plugin: no plugin of that name is installed", fatal=True)
    house.recipes["x"] = Recipe(problems=(problem,), secrets=("s3cret-token",))
    assert await say_reload(house) == f"{problem.text}\nNothing was changed."
    assert "x" not in house.accounts
    await house.say("!post hello")
    assert house.platforms["mastodon"].visible == ["hello"]
    assert house.platforms["mastodon"].entered == 1


async def test_no_secret_is_in_the_answer(reload: Any) -> None:
    house = await reload("mastodon")
    house.settings = with_account(house.settings, "x", own={"access_token": "s3cret-token"})
    house.platforms["x"] = FakePlatform(house.clock)
    problem = Problem(text="config.toml: accounts.x.base: s3cret-token is no address", fatal=True)
    house.recipes["x"] = Recipe(problems=(problem,), secrets=("s3cret-token",))
    answer = await say_reload(house)
    assert "s3cret" not in answer
    assert "config.toml: accounts.x.base" in answer


async def test_a_bug_of_ours_is_told_and_changes_nothing(reload: Any) -> None:
    house = await reload("mastodon")
    house.bridge._reloader._read = lambda: 1 / 0
    assert await say_reload(house) == (
        "the configuration could not be read, by a mistake of the bridge's own: see its log. Nothing was changed."
    )


async def test_an_account_more_and_one_changed_and_others_are_left_alone(reload: Any) -> None:
    house = await reload("mastodon", "x")
    house.platforms["y"] = FakePlatform(house.clock, address="https://y.example")
    house.settings = with_account(with_account(house.settings, "y"), "x", signature="^%s")
    assert await say_reload(house) == f"{IN_FORCE}\nnew account: y\nchanged account: x"
    assert {name: (one.entered, one.left) for name, one in house.platforms.items()} == {
        "mastodon": (1, 0),
        "x": (2, 1),
        "y": (1, 0),
    }
    await house.say("!post hello")
    assert [platform.visible for platform in house.platforms.values()] == [["hello"], ["hello ^raj"], ["hello"]]
    house.platforms["y"].say("any ETA?")
    await house.quiet()
    assert any("any ETA?" in line for line in house.heard())
    await house.restart()
    assert await say_reload(house) == SAME


async def test_what_waits_for_one_that_is_gone_is_held_and_goes_out_when_it_is_back(reload: Any) -> None:
    house = await reload("mastodon", "x")
    gone = house.platforms["x"]
    gone.will("post", Fate(hangs="before"))
    for number in range(3):
        await house.say(f"!post {number}")
        await house.pass_time(1.5)
    house.heard()
    whole, house.settings = house.settings, without(house.settings, "x")
    assert await say_reload(house) == f"{IN_FORCE}\naccount: x gone\nx: 2 messages held for it, nothing is lost"
    line = "x is not in the configuration any more: 2 messages held for it, nothing is lost"
    assert house.heard() == [line]
    # What is on the wire is let finish.
    assert (gone.left, gone.visible) == (0, [])
    gone.release()
    await house.pass_time(60)
    assert (gone.left, gone.visible) == (1, ["0"])
    assert await house.states(2) == ["sent", "held"]
    house.heard()
    assert (await house.say("!to x post hello"))[0].startswith("There is no account called `x`")
    await house.say("!post later")
    house.settings = whole
    assert "new account: x" in await say_reload(house)
    await house.pass_time(60)
    assert gone.visible == ["0", "1", "2"]
    assert gone.count("post") == 3


async def test_one_that_the_file_disables_and_enables_again(reload: Any) -> None:
    house = await reload("mastodon", "x")
    await house.say("!panic")
    await house.say("!post one")
    house.heard()
    house.heard(ADMIN)
    whole, house.settings = house.settings, with_account(house.settings, "x", enabled=False)
    assert "changed account: x\nx: 1 message held for it" in await say_reload(house)
    assert house.heard() == ["x is disabled in the configuration: 1 message held for it, nothing is lost"]
    await house.resume()
    await house.pass_time(60)
    house.heard(ADMIN)
    assert house.platforms["x"].visible == []
    house.settings = whole
    await say_reload(house)
    await house.pass_time(60)
    assert house.platforms["x"].visible == ["one"]


async def test_what_the_chat_disables_stays_so(reload: Any) -> None:
    house = await reload("mastodon", "x")
    await house.say("account disable x", place=DIRECT, who="ana")
    house.settings = with_account(house.settings, "x", signature="^%s")
    await say_reload(house)
    await house.pass_time(60)
    assert house.platforms["x"].entered == 1
    await house.say("account enable x", place=DIRECT, who="ana")
    assert house.platforms["x"].entered == 2


async def test_rooms_people_and_rules_change_with_the_next_line(reload: Any) -> None:
    house = await reload("mastodon", "x", hold="0s")
    old = house.settings
    rooms = (old.rooms[0].model_copy(update={"jid": THIRD_ROOM}), old.rooms[1])
    people = {jid: roles for jid, roles in old.people.items() if not jid.startswith("raj")}
    posting = settings_for(("mastodon", "x"), hold="20s").posting
    house.settings = old.model_copy(
        update={"rooms": rooms, "people": {**people, "kim@example.org": (Role.ADMIN,)}, "posting": posting}
    )
    assert await say_reload(house) == (
        f"{IN_FORCE}\nroom entered: {THIRD_ROOM}\nroom left: {ROOM}\nchanged: posting.hold, people"
    )
    assert house.chat.entered == [THIRD_ROOM]
    assert house.chat.admins() == (ADMIN, "kim@example.org")
    assert ROOM not in house.bridge.attendance.present
    await house.chat.arrive(THIRD_ROOM)
    assert (await house.say("!post hello", place=THIRD_ROOM))[0].startswith("raj: you have no role here")
    (line,) = await house.say("!post hello", place=THIRD_ROOM, who="kim")
    assert "Sending in 20 s" in line
    house.platforms["mastodon"].say("any ETA?")
    await house.quiet()
    assert any("any ETA?" in line for line in house.heard(THIRD_ROOM))


async def test_what_needs_a_restart_is_named_and_the_rest_is_done(reload: Any) -> None:
    house = await reload("mastodon")
    xmpp = house.settings.xmpp.model_copy(update={"nick": "bot", "port": 5223})
    store = house.settings.store.model_copy(update={"url": "sqlite:////elsewhere.db"})
    house.settings = house.settings.model_copy(update={"xmpp": xmpp, "store": store})
    fixed = "xmpp.port, xmpp.nick, store.url need a restart: unchanged until then"
    assert await say_reload(house) == f"Nothing was changed.\n{fixed}"
    house.settings = house.settings.model_copy(update={"people": {ADMIN: (Role.ADMIN,)}})
    assert await say_reload(house) == f"{IN_FORCE}\nchanged: people\n{fixed}"
    assert house.bridge._current.settings.xmpp.nick == "status"


async def test_an_account_that_could_not_be_entered_is_tried_anew(reload: Any) -> None:
    house = await reload("mastodon", "x", start=False)
    missing = Problem(text="config.toml: accounts.x.access_token: is missing", fatal=False)
    house.recipes["x"] = Recipe(problems=(missing,))
    await house.start()
    assert await say_reload(house) == SAME
    del house.recipes["x"]
    await say_reload(house)
    assert house.platforms["x"].entered == 1
    house.recipes["x"] = Recipe(problems=(missing,))
    assert await say_reload(house) == f"{IN_FORCE}\nx can't be entered: {missing.text}"


async def test_in_the_middle_of_a_burst_nothing_is_lost_or_doubled(reload: Any) -> None:
    house = await reload("mastodon", "x")
    for number in range(40):
        await house.chat.desk.handle(house.incoming(f"!post {number}"))
        if number % 8 == 4:
            house.settings = with_account(house.settings, "x", deadline=house.settings.accounts["x"].deadline * 1.1)
            await house.chat.desk.handle(house.incoming("reload", place=DIRECT, who="ana"))
    await house.pass_time(120)
    for platform in house.platforms.values():
        assert platform.visible == [str(number) for number in range(40)]
        assert platform.count("post") == 40
    assert house.platforms["mastodon"].entered == 1
    assert house.platforms["x"].entered > 1


async def test_it_is_answered_once_after_a_kill(reload: Any) -> None:
    house = await reload("mastodon")
    await house.chat.desk.handle(house.incoming("reload", place=DIRECT, who="ana"))
    await house.kill()
    await house.start()
    assert house.heard(ADMIN) == [SAME]


async def test_a_signal_does_the_same_and_logs_the_outcome(reload: Any, logs: list[Any]) -> None:
    house = await reload("mastodon", "x")
    house.settings = without(house.settings, "x")
    house.bridge.reload()
    await house.quiet()
    assert "x" not in house.accounts
    (entry,) = [entry for entry in logs if entry["event"] == "reload"]
    assert entry["outcome"] == f"{IN_FORCE}\naccount: x gone"
    assert house.heard(ADMIN) == []


async def test_it_ends_in_time_with_an_exchange_under_way(reload: Any) -> None:
    house = await reload("mastodon", "x")
    house.platforms["x"].will("post", Fate(hangs="before"))
    await house.say("!post one")
    house.settings = without(house.settings, "x")
    await say_reload(house)
    await house.stop()
    assert house.platforms["x"].left == 1
    await house.start()
    assert await house.states(1) == ["sent", "sending"]


async def test_only_an_admin_may(reload: Any) -> None:
    house = await reload("mastodon")
    (line,) = await house.say("!reload", place=DIRECT, who="tom")
    assert line == "`reload` needs the role admin; you are an approver. Nothing was posted."
