"""Putting a file where everybody who has its URL can get it: the upload service of our server (XEP-0363)."""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import structlog

from bridge.chat.elements import DATA, DISCO_INFO
from bridge.chat.errors import AnswerError, Refused
from bridge.domain.text import xml_safe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.chat.stream import Stream

_log = structlog.stdlib.get_logger(__name__)

DISCO_SECONDS: Final = 10.0
"""How long each service that our server names may take to say what it is."""
PUT_SECONDS: Final = 60.0
"""How long the transfer may take; services keep a slot open for a few minutes."""

_UPLOAD: Final = "{urn:xmpp:http:upload:0}"
_DISCO_ITEMS: Final = "{http://jabber.org/protocol/disco#items}"
_HEADERS: Final = frozenset({"authorization", "cookie", "expires"})
_STORED: Final = frozenset({200, 201})
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_WORDS: Final = 200


class UploadError(Exception):
    """The file isn't there; the message is one sentence for people, with the mend."""


@dataclass(frozen=True, slots=True)
class _Service:
    address: str
    limit: int | None
    """The most bytes that it takes, if it says so."""


@dataclass(frozen=True, slots=True)
class _Slot:
    put: str
    headers: tuple[tuple[str, str], ...]
    get: str


class Uploads:
    """Uploads to the service of our own server; it is looked for once, and again after it has refused something."""

    def __init__(self, stream: Stream, server: str, *, ca_file: Path | None = None) -> None:
        """Take a session, the domain of our account, and the authority to trust alone (None: those of the system)."""
        self._stream = stream
        self._server = server
        self._ca_file = ca_file
        self._service: _Service | None = None
        self._looking = asyncio.Lock()

    def forget(self) -> None:
        """Look for the service anew, next time; for the beginning of a new session."""
        self._service = None

    async def upload(self, data: bytes, *, name: str, type: str) -> str:  # noqa: A002 - the field's own term
        """Store a file of this name and media type, and return the URL to get it at.

        Raises UploadError: no service, a file too large, a slot refused, or a transfer that didn't succeed.
        """
        async with self._looking:
            service = self._service = self._service or await self._look()
        if service.limit is not None and len(data) > service.limit:
            raise UploadError(
                f"{name} has {len(data)} bytes, and {service.address} takes {service.limit} at most: make it smaller"
            )
        slot = await self._ask_slot(service, name, len(data), type)
        await self._put(slot, data, name, type)
        return slot.get

    async def _look(self) -> _Service:
        """Return the first service that our server names and that takes files (XEP-0363, 3)."""
        try:
            answer = await self._stream.ask("get", self._server, Element(_DISCO_ITEMS + "query"), DISCO_SECONDS)
        except AnswerError as error:
            raise UploadError(f"{self._server} doesn't say where files can go ({_words(error)}): try again") from error
        addresses = dict.fromkeys([self._server, *_addresses(answer)])
        async with asyncio.TaskGroup() as group:
            offers = [group.create_task(self._offer(address)) for address in addresses]
        for offer in offers:
            if (service := offer.result()) is not None:
                return service
        raise UploadError(f"{self._server} offers no place for files: switch on its HTTP upload (XEP-0363)")

    async def _offer(self, address: str) -> _Service | None:
        try:
            answer = await self._stream.ask("get", address, Element(DISCO_INFO + "query"), DISCO_SECONDS)
        except AnswerError as error:
            _log.debug("a service doesn't say what it is", service=address, cause=str(error))
            return None
        features = {feature.get("var") for feature in answer.iter(DISCO_INFO + "feature")}
        return _Service(address, _limit(answer)) if _UPLOAD.strip("{}") in features else None

    async def _ask_slot(self, service: _Service, name: str, size: int, media_type: str) -> _Slot:
        request = Element(
            _UPLOAD + "request", {"filename": xml_safe(name), "size": str(size), "content-type": media_type}
        )
        try:
            answer = await self._stream.ask("get", service.address, request)
        except AnswerError as error:
            # Another service, or another limit, may be there next time.
            self.forget()
            raise UploadError(_refusal(service, name, error)) from error
        slot = _slot(answer)
        if slot is None:
            raise UploadError(f"{service.address} gave no place for {name} that can be used: ask who runs it")
        return slot

    async def _put(self, slot: _Slot, data: bytes, name: str, media_type: str) -> None:
        import aiohttp  # noqa: PLC0415 - its library is 10 MB, which only an upload needs
        from yarl import URL  # noqa: PLC0415 - as above

        host = urlsplit(slot.put).netloc.rpartition("@")[2]
        try:
            # As it is: to escape it in another way could make another URL of it. And no redirection, which would hand
            # the authorization to somebody else.
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PUT_SECONDS)) as session,
                session.put(
                    URL(slot.put, encoded=True),
                    data=BytesIO(data),
                    headers=[("Content-Type", media_type), *slot.headers],
                    ssl=self._trust(),
                    allow_redirects=False,
                ) as answer,
            ):
                status = answer.status
        except aiohttp.ClientConnectorCertificateError as error:
            raise UploadError(
                f"the certificate of {host} isn't trusted ({_cause(error.certificate_error)}): "
                "mend it, or name its authority as xmpp.ca_file"
            ) from error
        except TimeoutError as error:
            raise UploadError(f"{host} didn't take {name} within {PUT_SECONDS:g} s: try again") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise UploadError(f"{name} can't be sent to {host} ({_cause(error)}): try again") from error
        if status not in _STORED:
            raise UploadError(f"{host} answers {status} instead of storing {name}: ask who runs it")

    def _trust(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=str(self._ca_file) if self._ca_file is not None else None)
        except OSError as error:
            raise UploadError(
                f"xmpp.ca_file: {self._ca_file} can't be read as certificates ({_cause(error)})"
            ) from error


def _addresses(answer: Element) -> Iterator[str]:
    for item in answer.iter(_DISCO_ITEMS + "item"):
        address = item.get("jid")
        if address and not item.get("node"):
            yield address


def _limit(answer: Element) -> int | None:
    """Return the largest size that a service announces, in bytes (XEP-0363, 3; the form is XEP-0128's)."""
    for form in answer.iter(DATA + "x"):
        values = {field.get("var"): field.findtext(DATA + "value", "").strip() for field in form.iter(DATA + "field")}
        size = values.get("max-file-size", "")
        if values.get("FORM_TYPE") == _UPLOAD.strip("{}") and _NUMBER.fullmatch(size):
            return int(size)
    return None


def _slot(answer: Element) -> _Slot | None:
    """Read a slot (XEP-0363, 4); None where one of its URLs isn't one of HTTP."""
    put, get = (answer.find(f"{_UPLOAD}slot/{_UPLOAD}{verb}") for verb in ("put", "get"))
    if put is None or get is None:
        return None
    to, back = put.get("url", ""), get.get("url", "")
    if not _is_http(to) or not _is_http(back):
        return None
    headers = ((_one_line(part.get("name", "")), _one_line(part.text or "")) for part in put.iter(_UPLOAD + "header"))
    return _Slot(to, tuple(pair for pair in headers if pair[0].casefold() in _HEADERS), back)


def _is_http(url: str) -> bool:
    # In the clear, too: where our own server wants its files is the business of who runs it.
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _one_line(text: str) -> str:
    """Return a name or value of a header without line ends, as XEP-0363, 4 wants it."""
    return text.replace("\r", "").replace("\n", "").strip()


def _refusal(service: _Service, name: str, error: AnswerError) -> str:
    if not isinstance(error, Refused):
        return f"{service.address} gave no place for {name} ({_words(error)}): try again"
    match error.condition:
        case "resource-constraint":
            mend = "try again later"
        case "not-acceptable":
            mend = "make it smaller, or take another kind of file"
        case _:
            mend = "ask who runs it"
    return f"{service.address} doesn't take {name} ({_words(error)}): {mend}"


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:_WORDS]


def _cause(error: Exception) -> str:
    """Return why a transfer failed, in words that have no part of a slot in them."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)
    return type(error).__name__
