"""Commands for clients with menus: every error, and what is done once whatever happens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from bridge.chat.adhoc import PATIENCE
from bridge.chat.dialogs import LIFETIME
from bridge.domain.people import Role
from bridge.store import InDoubt, NotCommitted
from tests.unit.chat.kit import until
from tests.unit.chat.menu_kit import ANA, EVE, RAJ, Menu, error_of, note, session

if TYPE_CHECKING:
    from bridge.testing.clock import FakeClock


async def test_who_may_not_is_told_so(menu: Menu) -> None:
    assert await menu.fails(RAJ, "account") == ("auth", "forbidden")
    assert await menu.fails(RAJ, "resume") == ("auth", "forbidden")
    assert await menu.fails(ANA, "explode") == ("cancel", "item-not-found")
    assert await menu.fails(ANA, "post") == ("cancel", "item-not-found")
    assert menu.texts == []


async def test_rights_are_those_of_the_moment_in_which_it_is_done(menu: Menu) -> None:
    name = session(await menu.does(ANA, "account"))
    await menu.does(ANA, "account", "next", name, what="info")
    menu.roles["ana@example.org"] = Role.STAFF
    assert await menu.fails(ANA, "account", "complete", name, account="x") == ("auth", "forbidden")
    menu.roles["ana@example.org"] = Role.ADMIN
    assert await menu.fails(ANA, "account", "complete", name, account="x") == (
        "cancel",
        "not-allowed",
        "session-expired",
    )
    assert menu.texts == []


async def test_a_form_is_its_requesters_alone(menu: Menu) -> None:
    name = session(await menu.does(ANA, "account"))
    menu.roles["eve@example.org"] = Role.ADMIN
    for who in (EVE, "ana@example.org/desktop", "ana@example.org"):
        assert await menu.fails(who, "account", "next", name, what="list") == ("modify", "bad-request", "bad-sessionid")
        assert await menu.fails(who, "account", "cancel", name) == ("modify", "bad-request", "bad-sessionid")
    assert await menu.fails(ANA, "set", "complete", name, duration="1s") == ("modify", "bad-request", "bad-sessionid")
    assert note(await menu.does(ANA, "account", "next", name, what="list"))[0] == "info"


async def test_a_wrong_or_missing_name_of_a_form_is_refused(menu: Menu) -> None:
    assert await menu.fails(ANA, "account", "next", "guess", what="list") == ("modify", "bad-request", "bad-sessionid")
    for action in ("next", "prev", "complete", "cancel"):
        assert await menu.fails(ANA, "account", action, what="list") == ("modify", "bad-request", "bad-sessionid")
    assert menu.texts == []


async def test_steps_that_do_not_exist_are_refused_and_the_form_stays(menu: Menu) -> None:
    name = session(await menu.does(ANA, "account"))
    for action in ("complete", "prev"):
        assert await menu.fails(ANA, "account", action, name, what="list") == ("modify", "bad-request", "bad-action")
    await menu.does(ANA, "account", "next", name, what="info")
    assert await menu.fails(ANA, "account", "next", name, account="x") == ("modify", "bad-request", "bad-action")
    assert await menu.fails(ANA, "account", "fly", name) == ("modify", "bad-request", "malformed-action")
    one = session(await menu.does(ANA, "set"))
    assert await menu.fails(ANA, "set", "prev", one) == ("modify", "bad-request", "bad-action")
    assert menu.texts == []
    assert note(await menu.does(ANA, "account", "complete", name, account="x"))[0] == "info"


async def test_what_is_missing_or_unknown_is_refused_and_the_form_stays(menu: Menu) -> None:
    name = session(await menu.does(ANA, "account"))
    bad = ("modify", "bad-request", "bad-payload")
    assert await menu.fails(ANA, "account", "next", name) == bad
    assert await menu.fails(ANA, "account", "next", name, what="explode") == bad
    await menu.does(ANA, "account", "next", name, what="info")
    assert await menu.fails(ANA, "account", "complete", name) == bad
    assert await menu.fails(ANA, "account", "complete", name, other="x") == bad
    assert await menu.fails(ANA, "account", "complete", name, account="nowhere") == bad
    assert await menu.fails(ANA, "account", "complete", name, account="x" * 1_000_000) == bad
    assert await menu.fails(ANA, "account", "complete", name, **{f"f{n}": "x" for n in range(10_000)}) == bad
    menu.accounts.remove("x")
    assert await menu.fails(ANA, "account", "complete", name, account="x") == bad
    assert menu.texts == []
    assert note(await menu.does(ANA, "account", "complete", name, account="mastodon"))[0] == "info"


async def test_what_is_given_up_or_done_or_old_is_over(menu: Menu, clock: FakeClock) -> None:
    over = ("cancel", "not-allowed", "session-expired")
    name = session(await menu.does(ANA, "account"))
    assert (await menu.does(ANA, "account", "cancel", name)).get("status") == "canceled"
    assert await menu.fails(ANA, "account", "next", name, what="list") == over
    name = session(await menu.does(RAJ, "set"))
    await menu.does(RAJ, "set", "complete", name, duration="10s")
    assert await menu.fails(RAJ, "set", "complete", name, duration="10s") == over
    name = session(await menu.does(RAJ, "set"))
    await clock.advance(LIFETIME)
    assert await menu.fails(RAJ, "set", "complete", name, duration="10s") == over
    assert menu.texts == ["!set hold 10s"]


async def test_while_the_archive_is_read_nothing_is_done(menu: Menu) -> None:
    name = session(await menu.does(RAJ, "set"))
    menu.live = False
    wait = ("wait", "resource-constraint")
    assert await menu.fails(RAJ, "panic") == wait
    assert await menu.fails(RAJ, "set", "complete", name, duration="10s") == wait
    assert menu.texts == []
    menu.live = True
    assert note(await menu.does(RAJ, "set", "complete", name, duration="10s"))[0] == "info"


@pytest.mark.parametrize("failure", [NotCommitted("the disk is full"), InDoubt("the connection broke")])
async def test_what_the_store_did_not_take_may_be_sent_again_under_the_same_key(menu: Menu, failure: Exception) -> None:
    name = session(await menu.does(RAJ, "set"))
    menu.clerk.errors = [failure]
    reply = await menu.reply_to(menu.request(RAJ, "set", "complete", name, duration="10s"))
    assert error_of(reply) == ("wait", "resource-constraint")
    certain = isinstance(failure, NotCommitted)
    assert ("Nothing was changed" in "".join(reply.itertext())) is certain
    assert note(await menu.does(RAJ, "set", "complete", name, duration="10s"))[0] == "info"
    first, second = menu.clerk.handled
    assert first.key == second.key


async def test_another_wish_on_the_same_form_is_another_deed(menu: Menu) -> None:
    name = session(await menu.does(RAJ, "set"))
    menu.clerk.errors = [InDoubt("the connection broke")]
    assert await menu.fails(RAJ, "set", "complete", name, duration="10s") == ("wait", "resource-constraint")
    await menu.does(RAJ, "set", "complete", name, duration="20s")
    first, second = menu.clerk.handled
    assert first.key != second.key


async def test_what_does_not_get_its_turn_is_taken_back(menu: Menu, clock: FakeClock) -> None:
    name = session(await menu.does(RAJ, "set"))
    blocked, free = asyncio.Event(), asyncio.Event()

    async def block() -> None:
        blocked.set()
        await free.wait()

    menu.worker.then(block)
    await blocked.wait()
    request = menu.request(RAJ, "set", "complete", name, duration="10s")
    menu.hand_in(request)
    await until(lambda: clock.sleepers > 0)
    assert await menu.fails(RAJ, "set", "complete", name, duration="10s") == ("wait", "resource-constraint")
    await clock.advance(PATIENCE)
    assert error_of(await menu.reply(request)) == ("wait", "resource-constraint")
    free.set()
    await menu.worker.reached()
    assert menu.texts == []
    assert note(await menu.does(RAJ, "set", "complete", name, duration="10s"))[0] == "info"
    assert menu.texts == ["!set hold 10s"]


async def test_two_at_once_are_done_one_after_the_other_and_the_same_form_once(menu: Menu) -> None:
    name = session(await menu.does(RAJ, "set"))
    menu.clerk.open.clear()
    first = menu.request(RAJ, "set", "complete", name, duration="10s")
    other = menu.request(ANA, "panic")
    menu.hand_in(first)
    menu.hand_in(other)
    assert await menu.fails(RAJ, "set", "complete", name, duration="10s") == ("wait", "resource-constraint")
    assert await menu.fails(RAJ, "set", "cancel", name) == ("wait", "resource-constraint")
    await until(lambda: menu.texts)
    assert menu.texts == ["!set hold 10s"]
    menu.clerk.open.set()
    assert (await menu.reply(first)).get("type") == (await menu.reply(other)).get("type") == "result"
    assert menu.texts == ["!set hold 10s", "!panic"]


async def test_when_the_session_is_lost_what_has_begun_is_done_and_what_has_not_is_not(menu: Menu) -> None:
    menu.clerk.open.clear()
    menu.hand_in(menu.request(RAJ, "panic"))
    await until(lambda: menu.texts)
    menu.hand_in(menu.request(ANA, "resume"))
    await asyncio.sleep(0)
    for task in menu.tasks:
        task.cancel()
    await asyncio.wait(menu.tasks)
    menu.clerk.open.set()
    await menu.worker.reached()
    assert menu.texts == ["!panic"]
    assert menu.stream.sent == []


async def test_a_bug_of_ours_is_an_answer_and_ends_nothing(menu: Menu, monkeypatch: pytest.MonkeyPatch) -> None:
    menu.clerk.errors = [RuntimeError("a bug")]
    with capture_logs() as logs:
        assert await menu.fails(RAJ, "panic") == ("cancel", "internal-server-error")
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["a command could not be carried out"]

    def broken() -> None:
        raise RuntimeError

    name = session(await menu.does(ANA, "account"))
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(menu.adhoc, "_accounts", broken)
        assert await menu.fails(ANA, "account", "next", name, what="info") == ("cancel", "internal-server-error")
    assert len(logs) == 1
    assert note(await menu.does(RAJ, "panic"))[0] == "info"
