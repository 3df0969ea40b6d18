"""A look at the XMPP server for `check`: logs in under a resource of its own, asks, and leaves. It says nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, Literal
from xml.etree.ElementTree import Element, SubElement

from bridge.chat.archive import Archives
from bridge.chat.client import Client, Failure, silence
from bridge.chat.elements import DISCO_INFO, MAM, MUC_ADMIN
from bridge.chat.errors import AnswerError, BadCaFile, Refused
from bridge.domain.findings import Finding

if TYPE_CHECKING:
    from bridge.domain.clock import Clock
    from bridge.settings import RoomSettings, XmppSettings

START_SECONDS: Final = 15.0
CLOSE_SECONDS: Final = 2.0
_REASON_SECONDS: Final = 0.3
_RESOURCE: Final = "statusbridge-check"


class _Ears:
    """Hears whether there will be a session."""

    def __init__(self) -> None:
        self.outcome: asyncio.Future[Failure | None] = asyncio.get_running_loop().create_future()

    def stanza(self, stanza: Element) -> None:
        """Nothing that is said concerns a look."""

    def request(self, request: Element) -> bool:
        """Nothing is offered."""
        del request
        return False

    def acknowledged(self, identifier: str) -> None:
        """Nothing is sent."""

    def established(self, *, resumed: bool) -> None:
        """There is a session."""
        del resumed
        self._settle(None)

    def disconnected(self, cause: str) -> None:
        """The connection is gone."""
        self.failed(Failure("unreachable", cause or "the connection was closed"))

    def failed(self, failure: Failure) -> None:
        """There will be no session; a mere loss of the connection may have a better reason, which comes after it."""
        if failure.kind == "unreachable":
            asyncio.get_running_loop().call_later(_REASON_SECONDS, self._settle, failure)
        else:
            self._settle(failure)

    def _settle(self, failure: Failure | None) -> None:
        if not self.outcome.done():
            self.outcome.set_result(failure)


class _Stream:
    """The client as what asks archives needs it."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def own(self) -> str:
        """Our bare address."""
        return self._client.own

    def send(self, stanza: Element) -> bool:
        """Say nothing: this is a look."""
        del stanza
        return False

    async def ask(
        self, kind: Literal["get", "set"], to: str | None, payload: Element, seconds: float = START_SECONDS
    ) -> Element:
        """Send a request and return its answer; raises AnswerError."""
        return await self._client.ask(kind, to, payload, seconds)


class _ProbeError(Exception):
    """There is no session; one sentence for people."""


async def probe(settings: XmppSettings, rooms: Sequence[RoomSettings], clock: Clock) -> list[Finding]:
    """Return what keeps the bot from its server, its archive or its rooms, one finding per cause."""
    silence()
    try:
        async with _session(settings, clock) as client:
            found = await _own_archive(client)
            for room in rooms:
                found += await _room(client, room.jid)
            return found
    except (BadCaFile, _ProbeError) as error:
        return [Finding(str(error))]


@asynccontextmanager
async def _session(settings: XmppSettings, clock: Clock) -> AsyncGenerator[Client]:
    ears = _Ears()
    password = settings.password.get_secret_value()
    client = Client(f"{settings.jid}/{_RESOURCE}", password, settings.ca_file, ears)
    client.enable_direct_tls = settings.host is None
    client.connect(settings.host, settings.port if settings.host else None)
    try:
        try:
            failure = await clock.within(START_SECONDS, asyncio.shield(ears.outcome))
        except TimeoutError:
            failure = Failure("unreachable", f"no session within {START_SECONDS:g} s")
        if failure is not None:
            raise _ProbeError(_words(failure, settings))
        yield client
    finally:
        await client.end(CLOSE_SECONDS)


def _words(failure: Failure, settings: XmppSettings) -> str:
    server = f"{settings.host}:{settings.port}" if settings.host else settings.jid.partition("@")[2]
    match failure.kind:
        case "unreachable":
            return f"cannot reach XMPP server {server} ({failure.cause}): start it, or mend xmpp.host and xmpp.port"
        case "certificate":
            return (
                f"the certificate of XMPP server {server} isn't trusted ({failure.cause}): "
                "mend it, or name its authority as xmpp.ca_file"
            )
        case "unencrypted":
            return f"XMPP server {server} offers no encryption, so no password was sent: switch on TLS there"
        case "password":
            return f"the XMPP server refuses the password of {settings.jid}: mend xmpp.password or xmpp.jid"
        case _:
            return f"XMPP server {server} doesn't let {settings.jid} in ({failure.cause})"


async def _own_archive(client: Client) -> list[Finding]:
    try:
        if await Archives(_Stream(client)).exists(client.own):
            return []
    except AnswerError as error:
        return [Finding(f"the archive of {client.own} can't be asked ({error})", warning=True)]
    text = f"{client.own} has no archive (XEP-0313): what is said in direct chats while I am away will not be done"
    return [Finding(text, warning=True)]


async def _room(client: Client, jid: str) -> list[Finding]:
    try:
        answer = await client.ask("get", jid, Element(DISCO_INFO + "query"), START_SECONDS)
    except Refused as refusal:
        return [Finding(f"room {jid}: {_missing(refusal)}")]
    except AnswerError as error:
        return [Finding(f"room {jid}: can't be asked ({error})")]
    features = {element.get("var") for element in answer.iter(DISCO_INFO + "feature")}
    found: list[Finding] = []
    if "muc_nonanonymous" not in features:
        found.append(
            Finding(f"room {jid} hides who people are: make it non-anonymous, else nobody can command me there")
        )
    if MAM.strip("{}") not in features:
        text = f"room {jid} has no archive (XEP-0313): exactly-once isn't promised there; switch it on"
        found.append(Finding(text, warning=True))
    if "muc_membersonly" not in features:
        found.append(Finding(f"room {jid} is open to everybody: make it members-only", warning=True))
    return [*found, *await _rank(client, jid)]


def _missing(refusal: Refused) -> str:
    if refusal.condition == "item-not-found":
        return "there is no such room: make it, or mend rooms.jid"
    return f"it doesn't answer ({refusal})"


async def _rank(client: Client, jid: str) -> list[Finding]:
    """Whether the bot may read the room's lists, which only its admins may (XEP-0045, 9)."""
    query = Element(MUC_ADMIN + "query")
    SubElement(query, MUC_ADMIN + "item", {"affiliation": "member"})
    try:
        await client.ask("get", jid, query, START_SECONDS)
    except Refused:
        text = f"room {jid}: I am no admin of it, so I can't tell who said what while I was away; make me one"
        return [Finding(text, warning=True)]
    except AnswerError as error:
        return [Finding(f"room {jid}: can't be asked ({error})")]
    return []
