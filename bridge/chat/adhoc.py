"""Commands for clients with menus (XEP-0050): what is chosen there is said to the desk like a line of chat.

    requester ─► forms ─► dialogs ─► the line ─► worker ─► desk ─┬─► NOTICES ─► direct chat, as ever
                                                                 └─► the command's result: the same words

Own handling instead of the library's: that finds a dialog by its name alone, whoever asks, keeps it for ever, and lists
every command to everybody.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from bridge.chat import forms
from bridge.chat.dialogs import Dialog, Dialogs
from bridge.chat.elements import COMMANDS, bare, sender_of
from bridge.chat.forms import CHOICE, Problem, Step, bad, later
from bridge.chat.worker import Desk
from bridge.commands.declined import STRANGER
from bridge.commands.incoming import Incoming
from bridge.commands.menu import UnfitError, entries, offered
from bridge.domain.people import Place, Role, Target
from bridge.store import InDoubt, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
    from typing import Any
    from xml.etree.ElementTree import Element

    from bridge.chat.stream import Stream
    from bridge.chat.worker import Worker
    from bridge.commands.incoming import Answer
    from bridge.commands.menu import Entry, Way
    from bridge.domain.clock import Clock

_log = structlog.stdlib.get_logger(__name__)

PATIENCE: Final = 10.0
"""Seconds that a command waits for its turn; then it is taken back, and its requester may try again."""

_NAME: Final = "Commands"
_READING: Final = "I am still reading what was said while I was away: try again in a moment. Nothing was changed."
_WAITING: Final = "I can't do that just now: try again in a moment. Nothing was changed."
_DOUBT: Final = "I can't tell whether that was done: if it was, our direct chat says so."
_TAKEN: Final = "That is taken up: the answer comes in our direct chat."
_BROKEN: Final = "Something went wrong in me with that; it was logged."


class Clerk(Desk, Protocol):
    """A desk that tells what it answered, too."""

    async def answer(self, incoming: Incoming) -> Answer:
        """Do as `handle` does, and return what is said to the author, who gets it in the chat all the same."""
        ...


class AdHoc:
    """Answers requests (`iq`) about commands and those to carry them out; nothing of it is stored but the deeds."""

    def __init__(
        self,
        *,
        stream: Stream,
        worker: Worker,
        desk: Clerk,
        clock: Clock,
        rooms: Collection[str],
        role_of: Callable[[str], Role],
        accounts: Callable[[], Sequence[str]],
        live: Callable[[], bool],
        meet: Callable[[str], None],
        begin: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        """Take the session and the one ordered worker, through which every deed goes.

        `role_of` tells what somebody may do in a direct chat now, `accounts` the names of the accounts, and `live`
        whether direct chats are caught up. `meet` is told of everybody who may be owed a line, and `begin` has
        something done beside everything else, until the session ends.
        """
        self._stream = stream
        self._worker = worker
        self._desk = desk
        self._clock = clock
        self._rooms = rooms
        self._role_of = role_of
        self._accounts = accounts
        self._live = live
        self._meet = meet
        self._begin = begin
        self._menu: Mapping[str, Entry] = entries()
        self._dialogs = Dialogs(clock)

    def take(self, request: Element) -> bool:
        """Answer a request, now or later; False where it is none of ours."""
        if request.get("type") == "get":
            payload = self._look_up(request)
            if payload is not None:
                self._reply(request, payload)
            return payload is not None
        if request.get("type") != "set" or request.find(COMMANDS + "command") is None:
            return False
        try:
            payload = self._step(request)
        except Problem as problem:
            payload = problem
        except Exception:  # noqa: BLE001 - whatever somebody sends, they get an answer, and the session lives on
            _log.exception("a command's form could not be handled")
            payload = _broken()
        if payload is not None:
            self._reply(request, payload)
        return True

    def _look_up(self, request: Element) -> Element | Problem | None:
        """Return what a request to discover something is answered; None where it isn't about commands."""
        if forms.asked_node(request, "items") == forms.LIST:
            person = self._person(request)
            shown = () if person is None else offered(self._menu, self._role_of(person))
            return forms.items(request.get("to", self._stream.own), shown)
        node = forms.asked_node(request, "info")
        if node == forms.LIST:
            return forms.info(node, _NAME)
        if node is None or node not in self._menu:
            return None
        person, entry = self._person(request), self._menu[node]
        if person is None or entry.verb.role > self._role_of(person):
            return Problem("cancel", "item-not-found", "There is no such command.")
        return forms.info(node, entry.title)

    def _person(self, request: Element) -> str | None:
        """Return who asks, by the real bare address; None where that isn't known: behind a nick, or no person."""
        author = bare(sender_of(request))
        return author if "@" in author and author not in self._rooms and author != self._stream.own else None

    def _step(self, request: Element) -> Element | None:
        """Return the answer to one step of a command, None where it comes later; raises Problem."""
        step = forms.read(request)
        person = self._person(request)
        if person is None:
            raise Problem("cancel", "not-allowed", "Commands are for those whose real address asks me directly.")
        dialog = None
        if step.session is not None:
            dialog = self._dialogs.find(sender_of(request), step.node, step.session)
            if step.action == "cancel":
                self._dialogs.end(dialog)
                return forms.canceled(dialog.node, dialog.id)
        entry = self._allowed(person, step, dialog)
        if dialog is None and step.action != "execute":
            raise bad("bad-sessionid", "That goes on with a form, but doesn't say with which.")
        if self._role_of(person) is Role.NONE:
            # As in the chat, but without a row: there is no end of strangers.
            return forms.completed(entry.name, secrets.token_urlsafe(8), STRANGER, wrong=True)
        if not self._live():
            raise later(_READING)
        return self._open(request, entry) if dialog is None else self._go_on(request, entry, dialog, step)

    def _allowed(self, person: str, step: Step, dialog: Dialog | None) -> Entry:
        """Return the command, if the person may do it now; raises Problem."""
        entry = self._menu.get(step.node)
        if entry is None:
            raise Problem("cancel", "item-not-found", "There is no such command.")
        if entry.verb.role > self._role_of(person):
            if dialog is not None:
                self._dialogs.end(dialog)
            raise Problem("auth", "forbidden", f"That needs the role {entry.verb.role}. Nothing was changed.")
        return entry

    def _open(self, request: Element, entry: Entry) -> Element | None:
        dialog = self._dialogs.begin(sender_of(request), entry.name)
        if entry.only is None:
            return self._ask_which(entry, dialog)
        return self._chosen(request, entry, dialog, entry.only)

    def _go_on(self, request: Element, entry: Entry, dialog: Dialog, step: Step) -> Element | None:
        """Do what a form was sent back for."""
        way = dialog.way
        if way is None:
            if step.action not in {"next", "execute"}:
                raise bad("bad-action", "The next step comes first.")
            what = step.values.get(CHOICE, "")
            if what not in entry.ways:
                raise bad("bad-payload", "Choose what to do. Nothing was changed.")
            return self._chosen(request, entry, dialog, entry.ways[what])
        if step.action == "prev" and entry.only is None:
            dialog.way = None
            return self._ask_which(entry, dialog)
        if step.action not in {"complete", "execute"}:
            raise bad("bad-action", "This is the last step.")
        return self._say(request, dialog, self._line(way, step.values))

    def _ask_which(self, entry: Entry, dialog: Dialog) -> Element:
        return forms.executing(entry.name, dialog.id, forms.choosing(entry), ["next"])

    def _chosen(self, request: Element, entry: Entry, dialog: Dialog, way: Way) -> Element | None:
        """Ask for what is to be filled in; without anything, do it."""
        fields = way.fields(self._accounts())
        if not fields:
            return self._say(request, dialog, self._line(way, {}))
        dialog.way = way
        actions = ["complete"] if entry.only is not None else ["prev", "complete"]
        x = forms.form(" ".join(way.words), f"It {entry.help}.", fields)
        return forms.executing(entry.name, dialog.id, x, actions)

    def _line(self, way: Way, values: Mapping[str, str]) -> str:
        try:
            return way.line(way.fields(self._accounts()), values)
        except UnfitError as error:
            raise bad("bad-payload", f"{error} Nothing was changed.") from None

    def _say(self, request: Element, dialog: Dialog, line: str) -> None:
        dialog.busy = True
        self._begin(self._carry_out(request, dialog, line))

    async def _carry_out(self, request: Element, dialog: Dialog, line: str) -> None:
        """Have the desk do it in its turn, and answer the request."""
        incoming = self._incoming(bare(sender_of(request)), dialog, line)
        self._meet(incoming.sender)
        deed = _Deed(self._desk, incoming)
        try:
            self._worker.then(deed.run)
            try:
                await self._clock.within(PATIENCE, deed.begun.wait())
            except TimeoutError:
                deed.withdrawn = True
            payload = later(_WAITING) if deed.withdrawn else self._result(dialog, await deed.outcome)
        finally:
            # Nobody waits for it any more where the session was lost: what hasn't begun won't.
            deed.withdrawn = deed.withdrawn or not deed.begun.is_set()
            dialog.busy = False
        self._reply(request, payload)

    def _incoming(self, person: str, dialog: Dialog, line: str) -> Incoming:
        return Incoming(
            archive=self._stream.own,
            key=f"command:{dialog.id}:{hashlib.sha256(line.encode()).hexdigest()}",
            position=None,
            place=Place.DIRECT,
            source=Target(person, Place.DIRECT),
            sender=person,
            nick=person.partition("@")[0],
            affiliation="none",
            text=line,
            said_at=self._clock.now(),
            chosen=True,
        )

    def _result(self, dialog: Dialog, outcome: Answer | StoreError | None) -> Element | Problem:
        if isinstance(outcome, StoreError):
            # The same form may be sent again: where it says the same its key is the same, so that it is done once.
            return later(_DOUBT if isinstance(outcome, InDoubt) else _WAITING)
        self._dialogs.end(dialog)
        if outcome is None:
            return _broken()
        return forms.completed(dialog.node, dialog.id, "\n".join(outcome.lines) or _TAKEN, wrong=outcome.wrong)

    def _reply(self, request: Element, payload: Element | Problem) -> None:
        answer = forms.error(request, payload) if isinstance(payload, Problem) else forms.result(request, payload)
        self._stream.send(answer)


class _Deed:
    """One line on its way through the worker; until it has begun it can be withdrawn."""

    def __init__(self, desk: Clerk, incoming: Incoming) -> None:
        self._desk = desk
        self._incoming = incoming
        self.begun = asyncio.Event()
        self.withdrawn = False
        self.outcome: asyncio.Future[Answer | StoreError | None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Do it, once: whoever asked is told what came of it, and may ask again."""
        if self.withdrawn:
            return
        self.begun.set()
        outcome: Answer | StoreError | None = None
        try:
            outcome = await self._desk.answer(self._incoming)
        except StoreError as error:
            outcome = error
        except Exception:  # noqa: BLE001 - it is told, and the next stanza must still be heard
            _log.exception("a command could not be carried out")
        if not self.outcome.done():
            self.outcome.set_result(outcome)


def _broken() -> Problem:
    return Problem("cancel", "internal-server-error", _BROKEN)
