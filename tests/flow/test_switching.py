"""Accounts are switched while the bridge runs: nothing is lost, doubled or out of order, whatever dies meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.delivery import DIRECT
from bridge.plugin import Limits, UnavailableError
from bridge.testing import Fate

if TYPE_CHECKING:
    from tests.flow.conftest import Build, House

ROOM = "ops@rooms.example.org"
SECOND_ROOM = "sales@rooms.example.org"
ADMIN = "ana@example.org"
OFF = "nothing goes out to it or is heard from it"
ON = "`account enable mastodon` ends that"


async def admin(house: House, text: str) -> list[str]:
    return await house.say(text, place=DIRECT, who="ana")


async def hang_one_and_queue(house: House, many: int) -> None:
    """Have the first post hang on the wire, and so many wait behind it."""
    house.platforms["mastodon"].will("post", Fate(hangs="before"))
    for number in range(1, many + 2):
        await house.say(f"!post {number}")
        await house.pass_time(1.5)
    house.heard()


async def test_what_waits_is_held_and_goes_out_in_order(build: Build) -> None:
    house = await build("mastodon", "x")
    platform = house.platforms["mastodon"]
    await hang_one_and_queue(house, 10)
    kept = "10 messages held for it; already on the wire: 1"
    assert await admin(house, "account disable mastodon") == [f"mastodon is disabled: {OFF}. {kept}. {ON}"]
    told = f"ana disables mastodon: {OFF}. {kept}. An admin: {ON}"
    assert house.heard() == [told]
    assert platform.left == 0
    platform.release()
    await house.quiet()
    assert (platform.visible, platform.left) == (["1"], 1)
    await house.pass_time(300)
    assert platform.visible == ["1"]
    assert house.platforms["x"].visible == [str(number) for number in range(1, 12)]
    assert await admin(house, "account enable mastodon") == [
        "mastodon is enabled: 10 messages held for it go out now, in order; what has become too old is asked about"
    ]
    await house.pass_time(5)
    assert platform.visible == [str(number) for number in range(1, 12)]
    assert (platform.entered, platform.count("post")) == (2, 11)


async def test_every_room_that_uses_it_is_told(build: Build) -> None:
    house = await build("mastodon", "x")
    await admin(house, "account disable x")
    for room in (ROOM, SECOND_ROOM):
        assert house.heard(room) == [
            f"ana disables x: {OFF}. Nothing waited for it. An admin: `account enable x` ends that"
        ]
    await admin(house, "account enable x")
    for room in (ROOM, SECOND_ROOM):
        assert house.heard(room) == ["ana enables x: nothing was held for it; it is being entered"]


async def test_posts_meanwhile_leave_it_out_and_naming_it_is_refused(build: Build) -> None:
    house = await build("mastodon", "x")
    await admin(house, "account disable mastodon")
    house.heard()
    assert (await house.say("!post hello"))[-1] == "~[1] x https://x.example/p1"
    assert await house.say("!to mastodon post hello") == [
        "mastodon is disabled: leave it out, or have an admin enable it. Nothing was posted."
    ]


async def test_a_kill_right_after_it_changes_nothing(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    await hang_one_and_queue(house, 3)
    await house.chat.desk.handle(house.incoming("account disable mastodon", place=DIRECT, who="ana"))
    await house.kill()
    platform.release()
    await house.start()
    await house.pass_time(600)
    # The one on the wire is in doubt, and stays so.
    assert (platform.entered, platform.count("find"), await house.states(1)) == (1, 0, ["uncertain"])
    assert await house.states(2) == ["held"]
    assert (await admin(house, "account list"))[-1] == "mastodon was disabled by ana 10 min ago · 1 waiting · 3 held"
    await admin(house, "account enable mastodon")
    await house.pass_time(120)
    assert platform.visible == ["1", "2", "3", "4"]


async def test_what_is_in_doubt_stays_so_and_is_named(build: Build) -> None:
    house = await build(limits=Limits(text=500))
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(after=RuntimeError("a bug")))
    await house.say("!post one")
    await house.say("!post two")
    (line,) = await admin(house, "account disable mastodon")
    assert "1 message held for it; in doubt, and looked for once it is enabled again: 1." in line
    await house.pass_time(600)
    assert platform.count("find") == 0
    house.heard()
    await admin(house, "account enable mastodon")
    await house.pass_time(60)
    assert platform.visible == ["one", "two"]
    assert any("found" in line for line in house.heard())


async def test_disabling_and_enabling_at_once(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    await hang_one_and_queue(house, 5)
    for text in ("disable", "enable", "disable", "enable"):
        await house.chat.desk.handle(house.incoming(f"account {text} mastodon", place=DIRECT, who="ana"))
    platform.release()
    await house.pass_time(30)
    assert platform.visible == [str(number) for number in range(1, 7)]
    assert platform.count("post") == 6


async def test_what_fails_on_the_wire_is_held_then(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(hangs="before", before=UnavailableError("503")))
    await house.say("!post one")
    await admin(house, "account disable mastodon")
    house.heard()
    platform.release()
    await house.pass_time(60)
    assert await house.states(1) == ["held"]
    assert house.heard() == ["~[1] mastodon held (disabled)"]


async def test_under_panic(build: Build) -> None:
    house = await build()
    await house.say("!panic")
    await house.say("!post one")
    house.heard(ADMIN)
    (line,) = await admin(house, "account disable mastodon")
    assert "1 message held for it" in line
    (line,) = await admin(house, "account enable mastodon")
    frozen = "everything outgoing is frozen: an approver's `resume` continues"
    assert line == f"mastodon is enabled: 1 message held for it, but {frozen}"
    await house.pass_time(30)
    assert house.platforms["mastodon"].visible == []
    await admin(house, "account disable mastodon")
    await house.say("!resume", who="tom")
    await house.pass_time(30)
    assert house.platforms["mastodon"].visible == []
    await admin(house, "account enable mastodon")
    await house.pass_time(30)
    assert house.platforms["mastodon"].visible == ["one"]


async def test_an_undo_window_ends_meanwhile_and_what_is_sent_then_waits(build: Build) -> None:
    house = await build(hold="20s")
    await house.say("!post one")
    await house.say("!post two")
    await admin(house, "account disable mastodon")
    house.heard()
    assert "[1] goes out once mastodon is enabled again" in await house.say("!send 1")
    await house.pass_time(60)
    assert (await house.states(1), await house.states(2)) == (["held"], ["held"])
    house.heard()
    assert await house.say("!send 2") == ["[2] waits until mastodon is enabled again"]
    await admin(house, "account enable mastodon")
    await house.pass_time(5)
    assert house.platforms["mastodon"].visible == ["one", "two"]


async def test_what_has_become_too_old_is_not_sent(build: Build) -> None:
    house = await build()
    await hang_one_and_queue(house, 1)
    await admin(house, "account disable mastodon")
    house.platforms["mastodon"].release()
    await house.pass_time(3700)
    house.heard()
    await admin(house, "account enable mastodon")
    await house.pass_time(5)
    assert house.platforms["mastodon"].visible == ["1"]
    assert any("2 is stale" in line and "`!retry 2`" in line for line in house.heard())


async def test_what_is_taken_back_or_corrected_meanwhile(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    await house.say("!post one")
    await hang_one_and_queue(house, 2)
    await admin(house, "account disable mastodon")
    platform.release()
    await house.quiet()
    house.heard()
    assert "[1] mastodon: deleting once mastodon is enabled again" in await house.say("!undo 1")
    assert "[3] cancelled. Nothing was posted." in await house.say("!undo 3")
    assert "[4] mastodon: will go out as corrected" in await house.say("!edit 4 better")
    await house.pass_time(60)
    assert platform.visible == ["one", "1"]
    await admin(house, "account enable mastodon")
    await house.pass_time(5)
    assert platform.visible == ["1", "better"]


async def test_repeating_it_is_harmless_and_says_so(build: Build) -> None:
    house = await build()
    assert await admin(house, "account enable mastodon") == ["mastodon is enabled already. Nothing was changed."]
    await admin(house, "account disable mastodon")
    await house.pass_time(300)
    assert await admin(house, "account disable mastodon") == [
        "mastodon is disabled already: ana did that 5 min ago. Nothing was changed."
    ]
    await admin(house, "account enable mastodon")
    assert await admin(house, "plugin enable mastodon") == ["mastodon is enabled already. Nothing was changed."]


async def test_it_is_not_heard_until_it_is_enabled_and_then_all_is(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.say("one")
    await house.quiet()
    await admin(house, "account disable mastodon")
    house.heard()
    platform.say("two")
    await house.pass_time(600)
    assert house.heard() == []
    await admin(house, "account enable mastodon")
    await house.quiet()
    assert house.heard() == [
        "ana enables mastodon: nothing was held for it; it is being entered",
        "[2] @kim@platform.example: two",
    ]


async def test_it_survives_a_restart(build: Build) -> None:
    house = await build("mastodon", "x")
    await admin(house, "account disable mastodon")
    await house.stop()
    await house.start()
    assert house.platforms["mastodon"].entered == 1
    assert str(await house.bridge.standing()) == "1 account up"
    assert house.bridge.health().problems == ()
    await admin(house, "account enable mastodon")
    await house.stop()
    await house.start()
    assert str(await house.bridge.standing()) == "2 accounts up"


async def test_what_waited_for_one_that_the_configuration_disables_is_held_and_told(build: Build) -> None:
    house = await build("mastodon", "x")
    await hang_one_and_queue(house, 2)
    enabled = house.settings
    barred = enabled.accounts["mastodon"].model_copy(update={"enabled": False})
    await house.kill()
    house.settings = enabled.model_copy(update={"accounts": {**enabled.accounts, "mastodon": barred}})
    await house.start()
    assert "mastodon is disabled in the configuration: 2 messages held for it, nothing is lost" in house.heard()
    assert await house.states(2) == ["held", "sent"]
    house.platforms["mastodon"].release()
    await house.kill()
    house.settings = enabled
    await house.start()
    await house.pass_time(120)
    assert house.platforms["mastodon"].visible == ["1", "2", "3"]


async def test_what_is_in_doubt_is_left_to_nobody_while_the_plugin_is_down(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    await hang_one_and_queue(house, 1)
    platform.always("enter", Fate(before=UnavailableError("503")))
    await house.restart()
    platform.release()
    await house.pass_time(600)
    assert await house.states(1) == ["uncertain"]
    platform.always("enter")
    await house.pass_time(120)
    assert platform.visible == ["1", "2"]


async def test_others_are_left_alone(build: Build) -> None:
    house = await build("mastodon", "x")
    for text in ("disable", "enable", "disable"):
        await admin(house, f"account {text} mastodon")
    assert (house.platforms["x"].entered, house.platforms["x"].left) == (1, 0)
    assert (house.platforms["mastodon"].entered, house.platforms["mastodon"].left) == (2, 2)
