"""A person with a real XMPP client, for tests and the demo."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Self

from slixmpp import JID, ClientXMPP
from slixmpp.exceptions import IqError, IqTimeout

from tests.servers.heard import ORIGIN_ID, REPLACE, Heard, read
from tests.servers.watch import PATIENCE, Watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers.xmpp import Login

Where = str | None
Affiliation = Literal["owner", "admin", "member", "none", "outcast"]
_RECONNECT = 0.1


class PersonError(RuntimeError):
    """A person couldn't sign in, join or speak."""


class Person:
    """One signed-in account: `say` in a room, `tell` in a direct chat, and an `inbox` of what was heard.

    Entering signs in and tells the server that messages may come; leaving signs out. With `survives` a lost session
    is replaced by a new one at once, rooms are joined again and what was missed there is fetched. `bounced` holds the
    ids of own messages that came back, with the condition.
    """

    def __init__(
        self,
        jid: str,
        password: str,
        *,
        host: str,
        port: int,
        ca_file: Path,
        survives: bool = False,
        resource: str = "test",
    ) -> None:
        """Take what a client needs; nothing is connected yet."""
        self.jid = jid
        self.nick = jid.partition("@")[0]
        self.inbox: list[Heard] = []
        self.bounced: dict[str, str] = {}
        self.sessions = 0
        self._full = f"{jid}/{resource}"
        self._password = password
        self._address = (host, port)
        self._ca_file = ca_file
        self._survives = survives
        self._rooms: dict[str, str] = {}
        self._own: set[str] = set()
        self._archived: set[tuple[str, str]] = set()
        self._client: ClientXMPP | None = None
        self._returning: asyncio.Task[None] | None = None
        self._watch = Watch()

    @classmethod
    def of(cls, login: Login, *, survives: bool = False, resource: str = "test") -> Self:
        """Make the person of an account of a Prosody."""
        return cls(
            login.jid,
            login.password,
            host=login.host,
            port=login.port,
            ca_file=login.ca_file,
            survives=survives,
            resource=resource,
        )

    @property
    def client(self) -> ClientXMPP:
        """The slixmpp client of the present session, for whatever this class doesn't speak."""
        if self._client is None:
            msg = f"{self.jid} isn't signed in"
            raise PersonError(msg)
        return self._client

    @property
    def online(self) -> bool:
        """Whether a session exists."""
        return self._client is not None

    # --- speaking --------------------------------------------------------------------------------------------------

    async def join(self, room: str, nick: str | None = None) -> None:
        """Join `room` without history; PersonError with the server's condition when it refuses."""
        await self._join(room, nick or self.nick, maxstanzas=0)
        self._rooms[room] = nick or self.nick

    async def leave(self, room: str) -> None:
        """Leave `room` and wait until the server has confirmed it."""
        nick = self._rooms.pop(room)
        left = asyncio.get_running_loop().create_future()
        with self.client.event_handler(f"muc::{room}::self-presence", lambda _: left.done() or left.set_result(None)):
            self.client.make_presence(pto=JID(f"{room}/{nick}"), ptype="unavailable").send()
            await asyncio.wait_for(left, PATIENCE)

    async def say(self, room: str, text: str, *, patience: float = PATIENCE) -> str:
        """Say `text` in `room` and return the message's own id once the room has echoed it.

        PersonError when the room refuses it, AssertionError when no echo comes.
        """
        return await self._speak(room, text, patience)

    async def correct(self, where: str, message_id: str, text: str, *, patience: float = PATIENCE) -> str:
        """Replace one's own message `message_id` (XEP-0308) in a room or a direct chat; returns the new id."""
        return await self._speak(where, text, patience, replaces=message_id)

    async def tell(self, jid: str, text: str) -> str:
        """Send `text` to `jid` as a direct chat and return the message's id."""
        return await self._speak(jid, text, PATIENCE)

    async def affiliate(self, room: str, jid: str, affiliation: Affiliation) -> None:
        """Give `jid` the affiliation owner, admin, member, none or outcast; PersonError when not allowed to."""
        muc = self.client.plugin["xep_0045"]
        try:
            await muc.set_affiliation(JID(room), affiliation, jid=JID(jid), timeout=PATIENCE)
        except (IqError, IqTimeout) as error:
            msg = f"{self.jid} can't make {jid} {affiliation} of {room}: {error}"
            raise PersonError(msg) from error

    # --- hearing ---------------------------------------------------------------------------------------------------

    def mark(self) -> int:
        """Return the present end of the inbox, for `after`."""
        return len(self.inbox)

    def heard(self, where: Where = None, *, after: int = 0) -> list[Heard]:
        """Return what others have said so far (in the room or chat `where`), oldest first."""
        return [item for item in self.inbox[after:] if not item.own and where in (None, item.where)]

    async def hears(
        self,
        what: str | Callable[[Heard], object],
        *,
        where: Where = None,
        after: int = 0,
        patience: float = PATIENCE,
    ) -> Heard:
        """Return the first message of others whose body the regular expression `what` finds, or that `what` accepts.

        It may have come before the call; `after` = an earlier `mark()` leaves older ones out. Corrections count as
        messages. Raises AssertionError with all that was heard when it doesn't come in time.
        """
        accepts = what if callable(what) else _finds(what)

        def look() -> Heard | None:
            return next((item for item in self.heard(where, after=after) if accepts(item)), None)

        return await self._watch.until(
            look, timeout=patience, otherwise=lambda: self._deaf(repr(what), self.heard(where, after=after), patience)
        )

    def living(self, root_id: str) -> Heard | None:
        """Return the newest form of the message `root_id`: the last correction by the same sender, or itself."""
        root = next((item for item in self.inbox if item.id == root_id and item.replaces is None), None)
        forms = [item for item in self.inbox if item.replaces == root_id and _same_sender(item, root)]
        return forms[-1] if forms else root

    async def shows(self, root_id: str, what: str | Callable[[Heard], object], *, patience: float = PATIENCE) -> Heard:
        """Return the newest form of `root_id` as soon as `what` fits it (see `hears`)."""
        accepts = what if callable(what) else _finds(what)

        def look() -> Heard | None:
            form = self.living(root_id)
            return form if form is not None and accepts(form) else None

        return await self._watch.until(
            look, timeout=patience, otherwise=lambda: self._deaf(f"{what!r} as {root_id}", self.inbox, patience)
        )

    async def returns(self, sessions: int, *, patience: float = PATIENCE) -> None:
        """Wait until more than `sessions` sessions have begun and this one has joined its rooms again."""
        await self._watch.until(
            lambda: self.online and self.sessions > sessions,
            timeout=patience,
            otherwise=lambda: f"{self.jid} had {self.sessions} sessions and is {'on' if self.online else 'off'}line",
        )

    # --- the session -----------------------------------------------------------------------------------------------

    async def sign_in(self, *, patience: float = PATIENCE) -> None:
        """Begin a session; PersonError when the password is wrong or the server isn't there."""
        client = self._new_client()
        outcome: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

        def settle(problem: str | None) -> None:
            if not outcome.done():
                outcome.set_result(problem)

        client.add_event_handler("session_start", lambda _: settle(None))
        client.add_event_handler("failed_all_auth", lambda _: settle("the server refused the password"))
        client.add_event_handler("connection_failed", lambda why: settle(f"no connection: {why}"))
        client.add_event_handler("disconnected", lambda why: settle(f"disconnected: {why}"))
        client.connect(*self._address)
        try:
            problem = await asyncio.wait_for(outcome, patience)
        except TimeoutError:
            problem = f"no session after {patience:g} s"
        if problem is not None:
            await _close(client)
            msg = f"{self.jid} can't sign in: {problem}"
            raise PersonError(msg)
        client.add_event_handler("message", lambda stanza: self._on_message(client, stanza))
        client.add_event_handler("message_error", self._on_error)
        client.add_event_handler("disconnected", lambda _: self._on_disconnected(client))
        self._client = client
        client.send_presence()
        # The server works in order: once it answers, it takes this person for available.
        await client.plugin["xep_0199"].ping(JID(client.boundjid.host), timeout=patience)
        for room, nick in self._rooms.items():
            await self._join(room, nick, since=self._last_time())
        self.sessions += 1
        self._watch.changed()

    async def sign_out(self) -> None:
        """End the session in an orderly way; messages are stored by the server from now on."""
        client, self._client = self._client, None
        if client is not None:
            await _close(client)

    async def __aenter__(self) -> Self:
        await self.sign_in()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._survives = False
        if self._returning is not None:
            self._returning.cancel()
            await asyncio.wait((self._returning,))
        await self.sign_out()

    def _new_client(self) -> ClientXMPP:
        client = ClientXMPP(self._full, self._password)
        client.enable_direct_tls = False
        client.enable_plaintext = False
        client.ca_certs = self._ca_file
        client.ssl_context = ssl.create_default_context(cafile=str(self._ca_file))
        for plugin in ("xep_0030", "xep_0045", "xep_0199"):
            client.register_plugin(plugin)
        return client

    async def _join(self, room: str, nick: str, **history: Any) -> None:
        client = self.client
        refusal: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def refused(stanza: Any) -> None:
            if stanza["from"].bare == room and not refusal.done():
                refusal.set_result(stanza["error"]["condition"])

        def lost(_: Any) -> None:
            if not refusal.done():
                refusal.set_result("the session was lost")

        joining = asyncio.ensure_future(
            client.plugin["xep_0045"].join_muc_wait(JID(room), nick, timeout=PATIENCE, **history)
        )
        with client.event_handler("presence_error", refused), client.event_handler("disconnected", lost):
            await asyncio.wait((joining, refusal), return_when=asyncio.FIRST_COMPLETED)
        try:
            if refusal.done():
                joining.cancel()
                await asyncio.wait((joining,))
                msg = f"{self.jid} can't join {room}: {refusal.result()}"
                raise PersonError(msg)
            await joining
        finally:
            refusal.cancel()

    async def _speak(self, where: str, text: str, patience: float, *, replaces: str | None = None) -> str:
        room = where in self._rooms
        message = self.client.make_message(mto=JID(where), mbody=text, mtype="groupchat" if room else "chat")
        message_id = self.client.new_id()
        message["id"] = message_id
        _append(message, ORIGIN_ID, message_id)
        if replaces is not None:
            _append(message, REPLACE, replaces)
        self._own.add(message_id)
        message.send()
        if room:
            problem = await self._watch.until(
                lambda: self._answer_to(message_id),
                timeout=patience,
                otherwise=lambda: f"{where} didn't echo {text!r} of {self.jid} within {patience:g} s",
            )
            if problem:
                msg = f"{where} refused {text!r} of {self.jid}: {problem}"
                raise PersonError(msg)
        return message_id

    def _answer_to(self, message_id: str) -> str | None:
        """Return the condition of a bounce, "" for an echo, None while there is neither."""
        if message_id in self.bounced:
            return self.bounced[message_id]
        return "" if any(item.own and item.id == message_id for item in self.inbox) else None

    def _on_error(self, stanza: Any) -> None:
        self.bounced[stanza["id"]] = stanza["error"]["condition"]
        self._watch.changed()

    def _on_message(self, client: ClientXMPP, stanza: Any) -> None:
        muc = client.plugin["xep_0045"]
        item = read(stanza, jid=self.jid, rooms=self._rooms, own=self._own, real=muc.get_jid_property)
        if item is None:
            return
        if item.stanza_id is not None:
            if (item.where, item.stanza_id) in self._archived:
                return
            self._archived.add((item.where, item.stanza_id))
        self.inbox.append(item)
        self._watch.changed()

    def _on_disconnected(self, client: ClientXMPP) -> None:
        if client is not self._client:
            return
        self._client = None
        self._watch.changed()
        if self._survives and (self._returning is None or self._returning.done()):
            self._returning = asyncio.ensure_future(self._return(client))

    async def _return(self, lost: ClientXMPP) -> None:
        await _close(lost)
        while True:
            with contextlib.suppress(PersonError, asyncio.TimeoutError):
                await self.sign_in()
                return
            await self.sign_out()
            await asyncio.sleep(_RECONNECT)

    def _last_time(self) -> datetime:
        # A little overlap: what comes twice is known by its archive id.
        last = self.inbox[-1].at if self.inbox else datetime.now(UTC)
        return last - timedelta(minutes=1)

    def _deaf(self, what: str, items: list[Heard], patience: float) -> str:
        lines = [f"{self.jid} didn't hear {what} within {patience:g} s, but {len(items)} messages:"]
        return "\n".join([*lines, *(f"  {item}" for item in items[-50:])])


def _finds(pattern: str) -> Callable[[Heard], object]:
    compiled = re.compile(pattern)
    return lambda item: compiled.search(item.body)


def _same_sender(item: Heard, root: Heard | None) -> bool:
    return root is None or (item.where, item.nick, item.own) == (root.where, root.nick, root.own)


def _append(message: Any, tag: str, value: str) -> None:
    element = message.xml.makeelement(tag, {"id": value})
    message.xml.append(element)


async def _close(client: ClientXMPP) -> None:
    """End the stream and everything that slixmpp left running for it."""
    if client.transport is not None:
        await client.disconnect(wait=1.0)
    client.cancel_connection_attempt()
    filters = client._run_out_filters
    if filters is not None and not filters.done():
        filters.cancel()
        await asyncio.wait((filters,))
