"""Commands for clients with menus: who sees what, and every step."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring

import pytest

from bridge.commands.incoming import Answer
from bridge.domain.people import Place, Role, Target
from tests.unit.chat.menu_kit import (
    ANA,
    COMMANDS,
    EVE,
    INFO,
    ITEMS,
    RAJ,
    ROOM,
    TOM,
    Menu,
    X,
    actions,
    error_of,
    fields,
    note,
    session,
)


async def test_everybody_is_shown_what_they_may_do_now(menu: Menu) -> None:
    assert await menu.lists(EVE) == ["help", "me"]
    assert sorted(await menu.lists(RAJ)) == ["help", "inbox", "me", "panic", "set"]
    assert set(await menu.lists(TOM)) >= {"panic", "resume"}
    assert "account" not in await menu.lists(TOM)
    assert set(await menu.lists(ANA)) >= {"account", "resume", "panic", "set"}
    menu.roles["raj@example.org"] = Role.ADMIN
    assert await menu.lists(RAJ) == await menu.lists(ANA)


async def test_behind_a_nick_and_from_no_person_there_is_nothing(menu: Menu) -> None:
    for who in (f"{ROOM}/ana", ROOM, "status@example.org/other", "example.org"):
        assert await menu.lists(who) == []
        assert error_of(await menu.asks(who, INFO, "panic")) == ("cancel", "item-not-found")
        assert await menu.fails(who, "panic") == ("cancel", "not-allowed")
        assert await menu.fails(who, "me") == ("cancel", "not-allowed")
    assert menu.texts == []


async def test_each_command_tells_what_it_is_to_those_who_may_do_it(menu: Menu) -> None:
    query = (await menu.asks(ANA, INFO, "account"))[0]
    identity = query.find(f"{{{INFO}}}identity")
    assert identity is not None
    assert (identity.get("category"), identity.get("type")) == ("automation", "command-node")
    assert identity.get("name", "").startswith("account: ")
    assert [one.get("var") for one in query.iter(f"{{{INFO}}}feature")] == [COMMANDS, "jabber:x:data"]
    assert error_of(await menu.asks(RAJ, INFO, "account")) == ("cancel", "item-not-found")
    listing = (await menu.asks(EVE, INFO, COMMANDS))[0].find(f"{{{INFO}}}identity")
    assert listing is not None
    assert listing.get("type") == "command-list"


@pytest.mark.parametrize(
    "request_",
    [
        f"<iq xmlns='jabber:client' type='get'><query xmlns='{INFO}'/></iq>",
        f"<iq xmlns='jabber:client' type='get'><query xmlns='{INFO}' node='elsewhere'/></iq>",
        f"<iq xmlns='jabber:client' type='get'><query xmlns='{ITEMS}'/></iq>",
        f"<iq xmlns='jabber:client' type='get'><command xmlns='{COMMANDS}' node='me'/></iq>",
        f"<iq xmlns='jabber:client' type='result'><command xmlns='{COMMANDS}' node='me'/></iq>",
        "<iq xmlns='jabber:client' type='set'><query xmlns='jabber:iq:roster'/></iq>",
    ],
)
async def test_other_requests_are_others_matter(menu: Menu, request_: str) -> None:
    assert not menu.adhoc.take(fromstring(request_))
    assert menu.stream.sent == []


async def test_a_command_without_arguments_is_said_to_the_desk_at_once(menu: Menu) -> None:
    done = await menu.does(RAJ, "panic")
    assert note(done) == ("info", "done: !panic")
    (incoming,) = menu.clerk.handled
    assert incoming.key.startswith(f"command:{done.get('sessionid')}:")
    assert (incoming.sender, incoming.nick, incoming.text) == ("raj@example.org", "raj", "!panic")
    assert (incoming.archive, incoming.place, incoming.position) == ("status@example.org", Place.DIRECT, None)
    assert incoming.source == Target("raj@example.org", Place.DIRECT)
    assert incoming.names == frozenset()
    assert menu.met == ["raj@example.org"]


async def test_a_command_with_choices_asks_step_by_step_and_goes_back(menu: Menu) -> None:
    which = await menu.does(ANA, "account", "execute")
    name = session(which)
    assert (actions(which), fields(which)) == (("next", ["next"]), ["what"])
    form = await menu.does(ANA, "account", "next", name, what="info")
    assert (session(form), actions(form), fields(form)) == (name, ("complete", ["prev", "complete"]), ["account"])
    again = await menu.does(ANA, "account", "prev", name)
    assert fields(again) == ["what"]
    await menu.does(ANA, "account", "execute", name, what="info")
    done = await menu.does(ANA, "account", "complete", name, account="x")
    assert note(done) == ("info", "done: !account info x")
    assert menu.texts == ["!account info x"]


async def test_a_choice_without_arguments_is_done_at_once(menu: Menu) -> None:
    menu.clerk.says = lambda _: Answer(lines=("mastodon is up", "x is up"))
    name = session(await menu.does(ANA, "account"))
    done = await menu.does(ANA, "account", "next", name, what="list")
    assert [value.text for value in done.iter(X + "value")] == ["mastodon is up", "x is up"]
    assert menu.texts == ["!account list"]


async def test_one_form_is_enough_where_there_is_one_way(menu: Menu) -> None:
    form = await menu.does(RAJ, "set")
    assert (actions(form), fields(form)) == (("complete", ["complete"]), ["duration"])
    assert note(await menu.does(RAJ, "set", "complete", session(form), duration="10s")) == (
        "info",
        "done: !set hold 10s",
    )
    form = await menu.does(RAJ, "help")
    assert note(await menu.does(RAJ, "help", None, session(form))) == ("info", "done: !help")


async def test_what_went_wrong_is_an_error_and_what_is_to_come_says_where(menu: Menu) -> None:
    menu.clerk.says = lambda _: Answer(lines=("nothing is held. Nothing was changed.",), wrong=True)
    assert note(await menu.does(RAJ, "panic")) == ("error", "nothing is held. Nothing was changed.")
    menu.clerk.says = lambda _: Answer()
    assert note(await menu.does(RAJ, "panic")) == ("info", "That is taken up: the answer comes in our direct chat.")


async def test_a_stranger_is_told_so_and_nothing_is_kept_of_it(menu: Menu) -> None:
    for node in ("me", "help"):
        kind, words = note(await menu.does(EVE, node))
        assert (kind, words) == (
            "error",
            "I work for a team that you aren't in, so I can't do anything for you. Nothing was posted.",
        )
    assert await menu.fails(EVE, "panic") == ("auth", "forbidden")
    assert (menu.texts, menu.met, menu.tasks) == ([], [], [])
