"""Fetching a file that somebody shared by HTTP upload (XEP-0363, XEP-0066), from wherever the link leads.

The link, and all that answers it, is a stranger's: nothing inside of the operator's network is asked, nothing larger or
slower than the caps is taken, and no error tells what an address was.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final
from urllib.parse import urljoin

import aiohttp
import structlog
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from bridge.pictures.addresses import PRIVATE, Destination, Forbidden, UploadHost, destination, is_public
from bridge.pictures.errors import FetchError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

_log = structlog.stdlib.get_logger(__name__)

_CHUNK_BYTES: Final = 64 * 1024
_MEBIBYTE: Final = 1024 * 1024
_OK: Final = 200
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_FOR_LATER: Final = frozenset({408, 429})
_SERVER_ERRORS: Final = 500
_NO_SUCH_NAME: Final = frozenset({socket.EAI_NONAME, socket.EAI_NODATA})
_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "Statusbridge"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How much one file may cost: its bytes, the seconds for all of it, and how often a server may send on."""

    most_bytes: int = 20 * _MEBIBYTE
    seconds: float = 60.0
    redirects: int = 3


class Fetcher:
    """Fetches shared files; may fetch several at once."""

    def __init__(
        self,
        *,
        upload: UploadHost | None = None,
        ca_file: Path | None = None,
        caps: Caps = Caps(),
        resolve: Callable[[str, int], Awaitable[Sequence[str]]] | None = None,
    ) -> None:
        """Take the configured upload service, and the authority that vouches for it and for nobody else.

        `resolve` returns a name's IP addresses, or raises OSError; without it the machine's own resolver is asked.
        Raises ValueError where `ca_file` can't be read.
        """
        self._upload = upload
        self._caps = caps
        self._resolve = resolve or _resolve
        self._authority = None if ca_file is None else _authority(ca_file)

    async def fetch(self, url: str, into: Path) -> int:
        """Fetch the file behind a link, and return how many bytes it has.

        On return it is at `into`, and on the disk. Raises FetchError. After that or a cancellation there is no `into`,
        not even one of before, nor `<into>.part`, where the file grows.
        """
        outcome = await self._outcome(url, into)
        if isinstance(outcome, FetchError):
            # Here, where no other exception is being handled that could hang on it and name an address.
            raise outcome
        return outcome

    async def _outcome(self, url: str, into: Path) -> int | FetchError:
        part = _Part(into)
        kept = False
        try:
            async with asyncio.timeout(self._caps.seconds):
                size = await self._receive(url, part)
                await part.keep()
                kept = True
        except FetchError as error:
            return FetchError(str(error), again=error.again)
        except TimeoutError:
            return FetchError(f"the file didn't arrive within {self._caps.seconds:g} s", again=True)
        finally:
            if not kept:
                part.drop()
        return size

    async def _receive(self, url: str, part: _Part) -> int:
        """Follow the link to its file; raises FetchError."""
        try:
            there = destination(url, self._upload)
        except Forbidden as refusal:
            raise FetchError(str(refusal), again=False) from None
        who = sender = "the link's server" if there.literal else there.host
        gate = _Gate(self._resolve)
        async with aiohttp.ClientSession(
            # A connection that is kept would be asked for the next hop without another look at its address.
            connector=aiohttp.TCPConnector(resolver=gate, use_dns_cache=False, force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            timeout=aiohttp.ClientTimeout(),
            auto_decompress=False,
            trust_env=False,
        ) as session:
            for _ in range(self._caps.redirects + 1):
                gate.lead_to(there)
                answer = await self._visit(session, there, who, part)
                if isinstance(answer, int):
                    return answer
                there = self._onward(there, answer, sender)
                who = f"the server that {sender} sends on to"
        raise FetchError(f"{sender} sends on more than {self._caps.redirects} times", again=False)

    async def _visit(self, session: aiohttp.ClientSession, there: Destination, who: str, part: _Part) -> int | str:
        """Ask one server, and return the size of its file, or where it sends on; raises FetchError about `who`."""
        trust = self._authority if there.trusted and self._authority is not None else True
        url = URL(there.url, encoded=True)
        try:
            async with session.get(url, allow_redirects=False, ssl=trust) as response:
                if response.status in _REDIRECTS:
                    return response.headers.get("Location", "")
                self._check(response, who)
                return await self._save(response, part)
        except Forbidden:
            raise FetchError(f"{who} is in a private network, which no file is fetched from", again=False) from None
        except (aiohttp.ClientError, OSError) as error:
            raise _explained(error, who) from None

    def _onward(self, here: Destination, location: str, sender: str) -> Destination:
        try:
            # Without a Location, that is nowhere: an empty one would lead to the same link again.
            return destination(urljoin(here.url, location) if location else "", self._upload)
        except (Forbidden, ValueError):
            raise FetchError(f"{sender} sends on to where no file is fetched from", again=False) from None

    def _check(self, response: aiohttp.ClientResponse, who: str) -> None:
        """Refuse, before its body is read, what is no file that can be taken."""
        if response.status != _OK:
            raise _declined(response.status, who)
        codings = ",".join(response.headers.getall("Content-Encoding", [])).split(",")
        if not {coding.strip().lower() for coding in codings} <= {"", "identity"}:
            raise FetchError(f"{who} packs the file in a way that it wasn't asked for", again=False)
        if (response.content_length or 0) > self._caps.most_bytes:
            raise self._too_large()

    async def _save(self, response: aiohttp.ClientResponse, part: _Part) -> int:
        size = 0
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            size += len(chunk)
            if size > self._caps.most_bytes:
                raise self._too_large()
            part.write(chunk)
        if not size:
            raise FetchError("the file is empty", again=False)
        return size

    def _too_large(self) -> FetchError:
        most = self._caps.most_bytes
        words = f"{most:,} bytes" if most < _MEBIBYTE else f"{most / _MEBIBYTE:g} MiB"
        return FetchError(f"the file is larger than {words}", again=False)


class _Gate(AbstractResolver):
    """Looks names up for the connector, and lets it see only addresses that the current hop may lead to.

    One lookup serves a hop: aiohttp, which asks anew when it tries a broken request again, gets the same addresses.
    """

    def __init__(self, resolve: Callable[[str, int], Awaitable[Sequence[str]]]) -> None:
        self._resolve = resolve
        self._hop: Destination | None = None
        self._allowed: list[str] | None = None

    def lead_to(self, hop: Destination) -> None:
        """Let the connector go there, and nowhere else."""
        self._hop = hop
        self._allowed = None

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - aiohttp names it
    ) -> list[ResolveResult]:
        """Return the allowed addresses of the hop's host; raises Forbidden where it has none, OSError as the lookup."""
        hop = self._hop
        if hop is None or (host, port) != (hop.host, hop.port):
            raise Forbidden(PRIVATE)
        if self._allowed is None:
            self._allowed = await self._look_up(hop)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in self._allowed
        ]

    async def _look_up(self, hop: Destination) -> list[str]:
        answers = await self._resolve(hop.host, hop.port)
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "no addresses")
        allowed = [answer for answer in answers if is_public(answer) or (hop.trusted and _is_address(answer))]
        if not allowed:
            raise Forbidden(PRIVATE)
        return allowed

    async def close(self) -> None:
        """Leave nothing, since nothing is held."""


class _Part:
    """A file that isn't complete yet: beside its place, as `<name>.part`, made by the first write."""

    def __init__(self, into: Path) -> None:
        self._into = into
        self._path = into.with_name(f"{into.name}.part")
        self._file: BinaryIO | None = None

    def write(self, chunk: bytes) -> None:
        """Append to it; raises FetchError where the disk doesn't take it."""
        try:
            if self._file is None:
                self._file = os.fdopen(os.open(self._path, _NEW_FILE, 0o600), "wb")
            self._file.write(chunk)
        except OSError as error:
            raise self._unwritten(error) from None

    async def keep(self) -> None:
        """Put it in its place, on the disk; raises FetchError where the disk doesn't take it."""
        try:
            if self._file is not None:
                self._file.close()
            await asyncio.to_thread(_sync, self._path)
            # Here and not in a thread, which would go on renaming after a cancellation.
            self._path.replace(self._into)
            await asyncio.to_thread(_sync, self._into.parent)
        except OSError as error:
            raise self._unwritten(error) from None

    def drop(self) -> None:
        """Leave nothing of it, in its place neither."""
        with suppress(OSError):
            if self._file is not None:
                self._file.close()
        self._path.unlink(missing_ok=True)
        self._into.unlink(missing_ok=True)

    def _unwritten(self, error: OSError) -> FetchError:
        _log.warning("cannot store a shared file", path=str(self._path), cause=error.strerror)
        return FetchError("the file can't be stored here now", again=True)


def _authority(ca_file: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except ssl.SSLError:
        raise ValueError(f"{ca_file} is no certificate in PEM form") from None
    except OSError as error:
        raise ValueError(f"{ca_file} can't be read: {(error.strerror or 'not readable').lower()}") from None


async def _resolve(host: str, port: int) -> list[str]:
    infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in infos))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _sync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's names, are on the disk.

    It opens the path anew: an abandoned thread then holds no descriptor that somebody else has got meanwhile.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _declined(status: int, who: str) -> FetchError:
    if status in {404, 410}:
        return FetchError(f"{who} doesn't have the file any more", again=False)
    if status in {401, 403}:
        return FetchError(f"{who} doesn't give the file out", again=False)
    again = status in _FOR_LATER or status >= _SERVER_ERRORS
    return FetchError(f"{who} answers with status {status} instead of the file", again=again)


def _explained(error: aiohttp.ClientError | OSError, who: str) -> FetchError:
    if isinstance(error, TimeoutError):
        return FetchError(f"{who} doesn't answer in time", again=True)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        again = error.os_error.errno not in _NO_SUCH_NAME
        return FetchError(f"the address of {who} can't be found", again=again)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return FetchError(f"the certificate of {who} isn't trusted", again=False)
    if isinstance(error, aiohttp.ClientSSLError):
        return FetchError(f"{who} can't be spoken to with encryption", again=False)
    if isinstance(error, aiohttp.ClientConnectorError):
        return FetchError(f"{who} can't be reached", again=True)
    if isinstance(error, (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError)):
        return FetchError(f"{who} broke off", again=True)
    return FetchError(f"{who} answers with something that can't be read", again=False)
