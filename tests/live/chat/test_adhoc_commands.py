"""Commands from a menu against real servers, by a client with code of its own for them: who sees what, what is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from slixmpp import JID
from slixmpp.exceptions import IqError
from sqlalchemy import text as sql

from bridge.commands.accounts import AccountView, Installed
from bridge.commands.desk import Desk as RealDesk
from bridge.commands.people import Rights
from bridge.domain.clock import SystemClock
from bridge.domain.text import graphemes
from bridge.plugin import Limits
from bridge.settings import Current, Settings
from bridge.store import accounts
from tests.servers.person import Person
from tests.servers.watch import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.commands.incoming import Answer, Incoming
    from bridge.store import Store
    from tests.servers.xmpp import Login

pytestmark = pytest.mark.live

COMMANDS = "{http://jabber.org/protocol/commands}"


class Accounts:
    def names(self) -> tuple[str, ...]:
        return ("mastodon", "x")

    def view(self, name: str) -> AccountView | None:
        if name not in self.names():
            return None
        limits = Limits(text=500)
        return AccountView(name=name, plugin=name, enabled=True, up=True, problem=None, limits=limits, length=graphemes)

    def installed(self) -> tuple[Installed, ...]:
        return ()


class Desk:
    """The bridge's own desk, once the bot has opened its store."""

    def __init__(self, settings: Settings) -> None:
        self.store: Store | None = None
        self._settings = settings
        self._desk: RealDesk | None = None

    async def answer(self, incoming: Incoming) -> Answer:
        return await self._real().answer(incoming)

    async def handle(self, incoming: Incoming) -> None:
        await self._real().handle(incoming)

    async def together(self, incomings: Sequence[Incoming]) -> int:
        return await self._real().together(incomings)

    def _real(self) -> RealDesk:
        assert self.store is not None
        if self._desk is None:
            self._desk = RealDesk(
                Current(self._settings),
                self.store,
                Accounts(),
                SystemClock(),
                born_for=frozenset,
                begin=lambda _: None,
            )
        return self._desk


class Menu:
    """What a person's client can do with the bot's commands: slixmpp's own requests and forms."""

    def __init__(self, person: Person, bot: str) -> None:
        self.person = person
        self._bot = bot
        for plugin in ("xep_0004", "xep_0050"):
            person.client.register_plugin(plugin)

    async def lists(self, address: str | None = None) -> list[str]:
        commands = self.person.client.plugin["xep_0050"]
        answer = await commands.get_commands(JID(address or self._bot), timeout=PATIENCE)
        return [node for _, node, _ in answer["disco_items"]["items"]]

    async def does(
        self,
        node: str,
        action: str = "execute",
        session: str | None = None,
        *,
        address: str | None = None,
        **values: str,
    ) -> Any:
        form = None
        if values:
            form = self.person.client.plugin["xep_0004"].make_form(ftype="submit")
            for name, value in values.items():
                form.add_field(var=name, value=value)
        commands: Any = self.person.client.plugin["xep_0050"]
        answer = await commands.send_command(
            JID(address or self._bot), node, action=action, payload=form, sessionid=session, timeout=PATIENCE
        )
        return answer["command"]

    async def opens_hold(self) -> str:
        """Open the form of `set hold`, and return the dialog's id."""
        session: str = (await self.does("set"))["sessionid"]
        await self.does("set", "next", session, what="hold")
        return session

    async def fails(self, node: str, *args: str, **values: Any) -> tuple[str, ...]:
        with pytest.raises(IqError) as error:
            await self.does(node, *args, **values)
        found: Any = error.value
        stanza = found.iq["error"]
        specific = [one.tag.removeprefix(COMMANDS) for one in stanza.xml if one.tag.startswith(COMMANDS)]
        return (stanza["type"], stanza["condition"], *specific)


def note(command: Any) -> tuple[str, str]:
    """Return the note that a command ended with."""
    assert command["status"] == "completed"
    ((kind, words),) = command["notes"]
    return kind, words


def shown(command: Any) -> list[str]:
    """Return the lines that a command ended with."""
    assert command["status"] == "completed"
    lines: list[str] = command["form"].get_fields()["answer"]["value"]
    return lines


@dataclass
class House:
    bot: Any
    room: str
    ana: Menu
    raj: Menu
    eve: Menu

    async def frozen(self) -> bool:
        return await self.bot.store.read(accounts.panic) is not None


@pytest.fixture
async def house(
    new_login: Callable[[str], Login], new_room: Callable[..., str], new_bot: Callable[..., Any]
) -> AsyncIterator[House]:
    me, ana, raj, eve = (new_login(name) for name in ("bot", "ana", "raj", "eve"))
    room = new_room(admins=[me.jid], members=[ana.jid, raj.jid])
    settings = Settings.model_validate(
        {
            "xmpp": {"jid": me.jid, "password": "secret"},
            "rooms": [{"jid": room, "member_role": "staff"}],
            "people": {ana.jid: ["admin"], raj.jid: ["staff"]},
            "accounts": {"mastodon": {"plugin": "mastodon"}, "x": {"plugin": "x"}},
        }
    )
    known = Rights(settings, {}).role_of
    bot = new_bot(me, room, desk=Desk(settings), admins=[ana.jid], role_of=known, accounts=Accounts().names)
    await bot.start()
    address = f"{me.jid}/statusbridge"
    async with Person.of(ana) as one, Person.of(raj) as two, Person.of(eve) as three:
        yield House(bot, room, *(Menu(person, address) for person in (one, two, three)))
        await bot.stop()


async def test_everybody_is_listed_what_they_may_do(house: House) -> None:
    assert {"account", "panic", "resume", "set", "me", "help", "inbox"} <= set(await house.ana.lists())
    assert sorted(await house.raj.lists()) == ["help", "inbox", "me", "panic", "set"]
    assert sorted(await house.eve.lists()) == ["help", "me"]
    info = await house.ana.person.client.plugin["xep_0030"].get_info(
        JID(f"{house.bot.login.jid}/statusbridge"), node="account", timeout=PATIENCE
    )
    ((category, type_, _, _),) = info["disco_info"]["identities"]
    assert (category, type_) == ("automation", "command-node")
    assert "http://jabber.org/protocol/commands" in info["disco_info"]["features"]


async def test_an_admin_looks_at_the_accounts_and_gets_the_same_in_the_chat(house: House) -> None:
    which = await house.ana.does("account")
    assert which["status"] == "executing"
    assert [option["value"] for option in which["form"].get_fields()["what"]["options"]][:1] == ["info"]
    listed = shown(await house.ana.does("account", "next", which["sessionid"], what="list"))
    assert listed == ["mastodon is up", "x is up"]
    assert (await house.ana.person.hears("mastodon is up")).body == "\n".join(listed)
    which = await house.ana.does("account")
    form = await house.ana.does("account", "next", which["sessionid"], what="info")
    assert [option["value"] for option in form["form"].get_fields()["account"]["options"]] == ["mastodon", "x"]
    told = shown(await house.ana.does("account", "complete", which["sessionid"], account="x"))
    assert told[:3] == ["x is up", "| enabled in the configuration", "| plugin x"]
    assert (await house.ana.person.hears("plugin x")).body == "\n".join(told)


async def test_staff_set_their_hold(house: House) -> None:
    name = await house.raj.opens_hold()
    wrong = note(await house.raj.does("set", "complete", name, duration="long"))
    assert wrong[0] == "error"
    assert "`set` needs a length of time" in wrong[1]
    name = await house.raj.opens_hold()
    kind, words = note(await house.raj.does("set", "complete", name, duration="10s"))
    assert (kind, words[:43]) == ("info", "From now on what you post goes out 10 s aft")
    assert (await house.raj.person.hears("goes out 10 s after")).body == words
    assert await house.bot.store.read(lambda tx: tx.scalar(sql("SELECT count(*) FROM audit"))) == 1


async def test_panic_and_resume_work_from_the_menu_and_everybody_is_told(house: House) -> None:
    await house.raj.person.join(house.room)
    kind, words = note(await house.raj.does("panic"))
    assert (kind, words[:32]) == ("info", "everything outgoing is frozen (d")
    assert await house.frozen()
    await house.raj.person.hears("says panic: everything outgoing is frozen", where=house.room)
    await house.ana.person.hears("says panic: everything outgoing is frozen")
    assert await house.raj.fails("resume") == ("auth", "forbidden")
    assert await house.frozen()
    assert note(await house.ana.does("resume"))[1].startswith("everything outgoing continues")
    assert not await house.frozen()
    assert note(await house.ana.does("resume"))[1] == "nothing is frozen"


async def test_staff_and_strangers_get_no_further_than_their_role(house: House) -> None:
    assert await house.raj.fails("account") == ("auth", "forbidden")
    assert await house.eve.fails("panic") == ("auth", "forbidden")
    kind, words = note(await house.eve.does("me"))
    assert (kind, words[:40]) == ("error", "I work for a team that you aren't in, so")
    assert not await house.frozen()
    assert await house.bot.store.read(lambda tx: tx.scalar(sql("SELECT count(*) FROM stanza"))) == 0


async def test_through_a_room_nothing_is_listed_and_nothing_is_done(house: House) -> None:
    await house.ana.person.join(house.room)
    behind = f"{house.room}/{house.bot.nick}"
    assert await house.ana.lists(behind) == []
    for node in ("panic", "me", "account"):
        assert await house.ana.fails(node, address=behind) == ("cancel", "not-allowed")
    assert not await house.frozen()


async def test_a_form_is_its_requesters_alone(house: House) -> None:
    which = await house.ana.does("account")
    name = which["sessionid"]
    assert await house.ana.fails("account", "next", "guess", what="list") == ("modify", "bad-request", "bad-sessionid")
    assert await house.raj.fails("set", "complete", name, duration="1s") == ("modify", "bad-request", "bad-sessionid")
    login = house.ana.person
    async with Person(
        login.jid,
        login._password,
        host=login._address[0],
        port=login._address[1],
        ca_file=login._ca_file,
        resource="other",
    ) as other:
        elsewhere = Menu(other, f"{house.bot.login.jid}/statusbridge")
        assert await elsewhere.fails("account", "next", name, what="list") == ("modify", "bad-request", "bad-sessionid")
    assert (await house.ana.does("account", "cancel", name))["status"] == "canceled"
    assert await house.ana.fails("account", "next", name, what="list") == ("cancel", "not-allowed", "session-expired")


async def test_two_at_once_each_get_their_own_answer(house: House) -> None:
    names = [await menu.opens_hold() for menu in (house.ana, house.raj)]
    done = await asyncio.gather(
        house.ana.does("set", "complete", names[0], duration="11s"),
        house.raj.does("set", "complete", names[1], duration="12s"),
        house.ana.does("inbox"),
    )
    assert "11 s after" in note(done[0])[1]
    assert "12 s after" in note(done[1])[1]
    assert "0 open" in note(done[2])[1]


async def test_the_menu_works_on_after_the_session_was_lost(house: House) -> None:
    name = await house.raj.opens_hold()
    house.bot.chat._session.cut()
    await house.bot.loses()
    await house.bot.is_in(4)
    kind, _ = note(await house.raj.does("set", "complete", name, duration="10s"))
    assert kind == "info"
    await house.raj.person.hears("goes out 10 s after")
