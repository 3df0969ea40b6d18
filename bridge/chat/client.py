"""The one place that knows slixmpp: a client that connects when told to, and hands over plain elements in order.

What slixmpp would do by itself and shouldn't is switched off here: its own reconnecting, its queue for messages while
there is no session, its roster and room bookkeeping.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

import structlog
from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.plugins.xep_0198.stanza import RequestAck
from slixmpp.stanza import Iq, Message, Presence

from bridge.chat import disco
from bridge.chat.elements import CLIENT, IQ, MESSAGE, bare, error_of
from bridge.chat.errors import BadCaFile, NoAnswer, Refused
from bridge.chat.stream import ANSWER_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from slixmpp.xmlstream.stanzabase import StanzaBase

_log = structlog.stdlib.get_logger(__name__)

_ACK_WINDOW = 5
"""Stanzas between two requests for an acknowledgement (XEP-0198) that slixmpp makes by itself, each before the stanza
that fills the window; so a message, whose acknowledgement is waited for, is followed by a request of ours."""
_WRITTEN_IN_VAIN = ("SSL connection is closed", "socket.send() raised exception.")
_BIND = "{urn:ietf:params:xml:ns:xmpp-bind}bind"


class Listener(Protocol):
    """Hears what happens to the connection, synchronously and in the order in which it happens."""

    def stanza(self, stanza: Element) -> None:
        """A message or presence came off the stream."""

    def request(self, request: Element) -> bool:
        """Somebody asks (`iq`) what isn't answered here; return whether they get an answer, sent like any stanza."""
        ...

    def acknowledged(self, identifier: str) -> None:
        """The server has taken over the message with this `id`."""

    def established(self, *, resumed: bool) -> None:
        """There is a session: the one of before, or a new one."""

    def disconnected(self, cause: str) -> None:
        """The connection is gone."""

    def failed(self, failure: Failure) -> None:
        """The connection can't become a session; `disconnected` may follow."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no session: what kind of reason, and its words."""

    kind: Literal["unreachable", "certificate", "unencrypted", "password", "auth", "conflict", "stream"]
    cause: str


def silence() -> None:
    """Keep slixmpp's own records out of the logs: they repeat what is told here, and the lowest level has passwords.

    So it is with what asyncio says of each write to a connection that has ended but not told us yet: what was written
    is owed until the server acknowledges it, and the end of the session is told by itself.
    """
    logging.getLogger("slixmpp").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").addFilter(_tells_something)


def _tells_something(record: logging.LogRecord) -> bool:
    return record.msg not in _WRITTEN_IN_VAIN


class Client(ClientXMPP):
    """One account's connection, used for all its sessions, so that one can be resumed."""

    # Read by slixmpp when the object goes, which it may before it was made.
    _run_out_filters: asyncio.Future[Any] | None = None

    def __init__(self, jid: str, password: str, ca_file: Path | None, listener: Listener) -> None:
        """Take full address, password and the authority to trust alone; must be made inside the event loop.

        Raises BadCaFile.
        """
        super().__init__(jid, password, ssl_context=_trust(ca_file))
        self._listener = listener
        self._auth_condition = ""
        self.whitespace_keepalive = False
        self.register_plugin("xep_0030")
        self.register_plugin("xep_0199")
        # Before our own filter, so that it counts every stanza.
        self.register_plugin("xep_0198", {"window": _ACK_WINDOW})
        self.add_filter("in", self._take)
        handlers: dict[str, Callable[[Any], None]] = {
            "session_start": self._on_start,
            "session_resumed": self._on_resumed,
            "disconnected": self._on_disconnected,
            "connection_failed": self._on_connection_failed,
            "ssl_invalid_chain": self._on_untrusted,
            "failed_auth": self._on_failed_auth,
            "failed_all_auth": self._on_failed_all_auth,
            "stream_error": self._on_stream_error,
            "stanza_acked": self._on_acked,
        }
        for name, handler in handlers.items():
            self.add_event_handler(name, handler)

    @property
    def own(self) -> str:
        """Our bare address."""
        return bare(str(self.requested_jid))

    @property
    def live(self) -> bool:
        """Whether there is a session that stanzas can be handed to."""
        return self._session_started and self.transport is not None

    def hand_over(self, element: Element) -> bool:
        """Send a message, a presence or the answer to a request; False, and nothing done, while there is no session."""
        if not self.live:
            return False
        if element.tag != MESSAGE:
            self.send(Iq(self, xml=element) if element.tag == IQ else Presence(self, xml=element))
            return True
        self.send(Message(self, xml=element))
        if "stream_management" in self.features:
            self.send(RequestAck(self))
        return True

    async def ask(
        self, kind: Literal["get", "set"], to: str | None, payload: Element, seconds: float = ANSWER_SECONDS
    ) -> Element:
        """Send a request and return the whole answer; raises Refused or NoAnswer."""
        if not self.live:
            raise NoAnswer("there is no session")
        request: Any = Iq(self, stype=kind, sto=to)
        request.xml.append(payload)
        try:
            answer = await request.send(timeout=seconds)
        except IqError as error:
            raise Refused(*error_of(cast("Any", error).iq.xml)) from None
        except IqTimeout:
            raise NoAnswer("no answer came in time") from None
        return cast("Element", answer.xml)

    async def end(self, seconds: float) -> None:
        """Close the stream in order, so that the server keeps no ghost of it, or cut it after so many seconds."""
        if self.transport is not None:
            gone = cast("asyncio.Future[Any]", self.disconnected)
            self.disconnect(wait=seconds)
            await asyncio.wait((gone,), timeout=seconds + 0.5)
        self.cancel_connection_attempt()
        self.abort()
        filters = self._run_out_filters
        if filters is not None:
            filters.cancel()
            await asyncio.wait((filters,), timeout=0.5)

    def reconnect(self, wait: float = 2.0, reason: str = "Reconnecting") -> None:  # noqa: ARG002 - as slixmpp has it
        """Only cut the connection: when to come back is the session's matter."""
        self.abort()

    def reschedule_connection_attempt(self) -> None:
        """End the attempt that has failed at every address of the server, instead of beginning another one."""
        self._current_connection_attempt = None
        self._listener.disconnected("")

    def _take(self, stanza: StanzaBase) -> StanzaBase | None:
        element = stanza.xml
        if isinstance(stanza, Iq):
            if element.get("type") == "error" and not self._session_started:
                self._on_bind_error(element)
            return None if self._answered(stanza) else stanza
        if not isinstance(stanza, (Message, Presence)):
            return stanza
        try:
            self._listener.stanza(element)
        except Exception:  # noqa: BLE001 - a stanza that we can't handle would end the session in slixmpp
            _log.exception("a stanza could not be handled")
        return None

    def _answered(self, request: Iq) -> bool:
        payload = disco.answer(request.xml)
        if payload is None:
            return self._taken(request.xml)
        reply: Any = request.reply()
        reply.xml.append(payload)
        reply.send()
        return True

    def _taken(self, request: Element) -> bool:
        try:
            return self._listener.request(request)
        except Exception:  # noqa: BLE001 - as for any stanza
            _log.exception("a request could not be handled")
            return False

    def _on_bind_error(self, element: Element) -> None:
        condition, text = error_of(element)
        if condition == "conflict" and element.find(_BIND) is not None:
            self._listener.failed(Failure("conflict", text or condition))

    def _on_start(self, _: object) -> None:
        self._auth_condition = ""
        self._listener.established(resumed=False)

    def _on_resumed(self, _: object) -> None:
        self._listener.established(resumed=True)

    def _on_disconnected(self, reason: object) -> None:
        self._listener.disconnected(str(reason or ""))

    def _on_connection_failed(self, reason: object) -> None:
        if isinstance(reason, ssl.SSLCertVerificationError):
            self._listener.failed(Failure("certificate", reason.verify_message))
        else:
            self._listener.failed(Failure("unreachable", _cause(reason)))

    def _on_untrusted(self, reason: object) -> None:
        words = reason.verify_message if isinstance(reason, ssl.SSLCertVerificationError) else _cause(reason)
        self._listener.failed(Failure("certificate", words))
        self.abort()

    def _on_failed_auth(self, failure: Any) -> None:
        self._auth_condition = str(failure["condition"])

    def _on_failed_all_auth(self, _: object) -> None:
        condition, self._auth_condition = self._auth_condition, ""
        encrypted = "starttls" in self.features or isinstance(self.socket, (ssl.SSLSocket, ssl.SSLObject))
        if not encrypted:
            self._listener.failed(Failure("unencrypted", "it offers no encryption"))
        elif condition in {"not-authorized", "credentials-expired", "account-disabled", "invalid-authzid"}:
            self._listener.failed(Failure("password", condition))
        else:
            self._listener.failed(Failure("auth", condition or "it offers no way to log in that we know"))

    def _on_stream_error(self, error: Any) -> None:
        condition, text = str(error["condition"]), str(error["text"])
        kind = "conflict" if condition == "conflict" else "stream"
        self._listener.failed(Failure(kind, f"{condition}: {text}" if text else condition))

    def _on_acked(self, stanza: StanzaBase) -> None:
        element = stanza.xml
        identifier = element.get("id")
        if identifier and element.tag == f"{CLIENT}message":
            self._listener.acknowledged(identifier)


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(ca_file) if ca_file is not None else None)
    except (OSError, ssl.SSLError) as error:
        raise BadCaFile(f"xmpp.ca_file: {ca_file} can't be read as certificates ({_cause(error)})") from None


def _cause(reason: object) -> str:
    if isinstance(reason, OSError) and reason.errno and reason.errno > 0:
        return os.strerror(reason.errno)
    return str(reason) or type(reason).__name__
