"""Commands for clients with menus, on a pretend stream, with a desk that records."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, SubElement

from bridge.chat.adhoc import AdHoc
from bridge.chat.worker import Worker
from bridge.commands.incoming import Answer, Incoming
from bridge.commands.menu import entries
from bridge.commands.verbs import VERBS
from bridge.domain.people import Role
from tests.unit.chat.kit import until

if TYPE_CHECKING:
    from bridge.testing.clock import FakeClock
    from tests.unit.chat.conftest import FakeStream

COMMANDS = "http://jabber.org/protocol/commands"
C = f"{{{COMMANDS}}}"
X = "{jabber:x:data}"
E = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
INFO = "http://jabber.org/protocol/disco#info"
ITEMS = "http://jabber.org/protocol/disco#items"
US = "status@example.org/statusbridge"
ROOM = "ops@rooms.example.org"
ANA, TOM, RAJ, EVE = (f"{name}@example.org/phone" for name in ("ana", "tom", "raj", "eve"))


MENU = entries(replace(verb, forms=verb.forms[:1]) if verb.name == "set" else verb for verb in VERBS)
"""The menu of this version, but that there is one way to say `set`: a short dialog with one field."""


class Clerk:
    """A desk that records what it is handed, and answers as it is told."""

    def __init__(self) -> None:
        self.handled: list[Incoming] = []
        self.errors: list[Exception] = []
        self.open = asyncio.Event()
        self.open.set()
        self.says: Callable[[Incoming], Answer] = lambda incoming: Answer(lines=(f"done: {incoming.text}",))

    async def answer(self, incoming: Incoming) -> Answer:
        self.handled.append(incoming)
        await self.open.wait()
        if self.errors:
            raise self.errors.pop(0)
        return self.says(incoming)

    async def handle(self, incoming: Incoming) -> None:
        await self.answer(incoming)

    async def together(self, incomings: Sequence[Incoming]) -> int:
        return 0 * len(incomings)


class Menu:
    def __init__(self, stream: FakeStream, clock: FakeClock) -> None:
        self.stream = stream
        self.clock = clock
        self.clerk = Clerk()
        self.roles = {
            "ana@example.org": Role.ADMIN,
            "tom@example.org": Role.APPROVER,
            "raj@example.org": Role.STAFF,
            ROOM: Role.ADMIN,
            "status@example.org": Role.ADMIN,
        }
        self.accounts = ["mastodon", "x"]
        self.live = True
        self.met: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.worker = Worker(self.clerk, self._move, clock)
        self.adhoc = AdHoc(
            stream=stream,
            worker=self.worker,
            desk=self.clerk,
            clock=clock,
            rooms={ROOM},
            role_of=lambda jid: self.roles.get(jid, Role.NONE),
            accounts=lambda: self.accounts,
            live=lambda: self.live,
            meet=self.met.append,
            begin=self._begin,
        )
        self.adhoc._menu = MENU
        self._number = 0

    async def _move(self, positions: dict[str, str]) -> None:
        raise AssertionError(positions)

    def _begin(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.ensure_future(coroutine))

    def hand_in(self, request: Element) -> None:
        assert self.adhoc.take(request)

    async def reply_to(self, request: Element) -> Element:
        """Hand a request in, and return what its requester gets."""
        self.hand_in(request)
        return await self.reply(request)

    async def reply(self, request: Element) -> Element:
        def look() -> Element | None:
            return next((one for one in self.stream.sent if one.get("id") == request.get("id")), None)

        await until(look)
        reply = look()
        assert reply is not None
        assert reply.get("to") == request.get("from")
        return reply

    def request(
        self, who: str, node: str, action: str | None = None, session: str | None = None, **values: str
    ) -> Element:
        self._number += 1
        iq = Element("{jabber:client}iq", {"type": "set", "id": f"i{self._number}", "from": who, "to": US})
        given = {"node": node, "action": action, "sessionid": session}
        command = SubElement(iq, C + "command", {name: value for name, value in given.items() if value is not None})
        if values:
            x = SubElement(command, X + "x", {"type": "submit"})
            for name, value in values.items():
                SubElement(SubElement(x, X + "field", {"var": name}), X + "value").text = value
        return iq

    async def does(
        self, who: str, node: str, action: str | None = None, session: str | None = None, **values: str
    ) -> Element:
        """Take one step, and return the command that comes back."""
        reply = await self.reply_to(self.request(who, node, action, session, **values))
        command = reply.find(C + "command")
        assert command is not None, error_of(reply)
        assert command.get("node") == node
        return command

    async def fails(
        self, who: str, node: str, action: str | None = None, session: str | None = None, **values: str
    ) -> tuple[str, ...]:
        """Take one step, and return the type and the conditions of the error that comes back."""
        return error_of(await self.reply_to(self.request(who, node, action, session, **values)))

    async def asks(self, who: str, namespace: str, node: str) -> Element:
        self._number += 1
        iq = Element("{jabber:client}iq", {"type": "get", "id": f"i{self._number}", "from": who, "to": US})
        SubElement(iq, f"{{{namespace}}}query", {"node": node})
        return await self.reply_to(iq)

    async def lists(self, who: str) -> list[str]:
        query = (await self.asks(who, ITEMS, COMMANDS))[0]
        assert query.get("node") == COMMANDS
        assert {item.get("jid") for item in query} <= {US}
        return [item.get("node", "") for item in query]

    @property
    def texts(self) -> list[str]:
        return [incoming.text for incoming in self.clerk.handled]


def error_of(reply: Element) -> tuple[str, ...]:
    assert reply.get("type") == "error"
    (error,) = reply
    assert error.findtext(E + "text")
    return (error.get("type", ""), *(one.tag.rpartition("}")[2] for one in error if one.tag != E + "text"))


def session(command: Element) -> str:
    assert command.get("status") == "executing"
    return command.get("sessionid", "")


def actions(command: Element) -> tuple[str | None, list[str]]:
    element = command.find(C + "actions")
    assert element is not None
    return element.get("execute"), [one.tag.removeprefix(C) for one in element]


def fields(command: Element) -> list[str | None]:
    return [one.get("var") for one in command.iter(X + "field")]


def note(command: Element) -> tuple[str | None, str | None]:
    assert command.get("status") == "completed"
    element = command.find(C + "note")
    assert element is not None
    return element.get("type"), element.text
