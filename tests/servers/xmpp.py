"""What any XMPP server of the tests offers, whichever program it is."""

from __future__ import annotations

import subprocess
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.ports import HOST
from tests.servers.process import Server, ServerError
from tests.servers.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a client needs to sign in."""

    jid: str
    password: str
    host: str
    port: int
    ca_file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomOptions:
    """How a room is: who sees whose address, who may enter, and whether it remembers."""

    nonanonymous: bool
    members_only: bool
    archive: bool


class XmppServer(Server):
    """An XMPP server on free loopback ports, with accounts at `domain` and rooms at `rooms.<domain>`.

    `port` begins in the clear and wants STARTTLS; on `direct_port` TLS comes first (XEP-0368). Names aren't looked up:
    connect to `host` and trust `ca_file`. Accounts and rooms may be made before the start or while it runs.
    """

    def __init__(
        self,
        users: Mapping[str, str] | None = None,
        *,
        domain: str = "example.org",
        hibernation: int = 60,
        stanza_limit: int = 256 * 1024,
        log_level: str = "info",
    ) -> None:
        """Take local names and passwords; `hibernation` is how long a lost session can be resumed, in seconds."""
        super().__init__()
        self.host = HOST
        self.domain = domain
        self.rooms_domain = f"rooms.{domain}"
        self.upload_domain = f"upload.{domain}"
        self.port = self._port()
        self.direct_port = self._port()
        self.http_port = self._port()
        self.ca_file = self.folder / "ca.pem"
        self._hibernation = hibernation
        self._stanza_limit = stanza_limit
        self._log_level = log_level
        self._passwords: dict[str, str] = {}
        self._rooms: list[str] = []
        for local, password in (users or {}).items():
            self.add_user(local, password)

    def add_user(self, local: str, password: str = "secret") -> Login:
        """Make the account `local@domain`, at any time; an existing one gets the new password."""
        self._set_password(local, password, new=local not in self._passwords)
        self._passwords[local] = password
        return self.login(local)

    def login(self, local: str) -> Login:
        """Return what a client needs to sign in as `local`; KeyError when there is no such account."""
        return Login(
            jid=self.jid(local),
            password=self._passwords[local],
            host=self.host,
            port=self.port,
            ca_file=self.ca_file,
        )

    def jid(self, local: str) -> str:
        """Return the bare JID of the account `local`."""
        return f"{local}@{self.domain}"

    def make_room(
        self,
        name: str,
        *,
        owners: Iterable[str] = (),
        admins: Iterable[str] = (),
        members: Iterable[str] = (),
        outcasts: Iterable[str] = (),
        nonanonymous: bool = True,
        members_only: bool = True,
        archive: bool = True,
    ) -> str:
        """Make a persistent room, at any time, and return its JID; people are bare JIDs or local names.

        Raises ServerError when the room exists: from then on only its owners configure it, over XMPP.
        """
        jid = f"{name}@{self.rooms_domain}"
        if jid in self._rooms:
            msg = f"the room {jid} exists already"
            raise ServerError(msg)
        self._rooms.append(jid)
        ranks = {"outcast": outcasts, "member": members, "admin": admins, "owner": owners}
        affiliations = {who if "@" in who else self.jid(who): rank for rank, people in ranks.items() for who in people}
        options = RoomOptions(nonanonymous=nonanonymous, members_only=members_only, archive=archive)
        self._write_room(name, affiliations, options)
        return jid

    def forget_room(self, jid: str) -> None:
        """Take note that somebody has destroyed a room, so that it can be made anew."""
        self._rooms.remove(jid)

    @property
    def upload_port(self) -> int:
        """Where what was uploaded is to be had."""
        return self.http_port

    @abstractmethod
    def empty_archives(self) -> None:
        """Remove everything that was said from all archives, while the server runs."""

    @abstractmethod
    def _set_password(self, local: str, password: str, *, new: bool) -> None:
        """Make an account, or give it another password."""

    @abstractmethod
    def _write_room(self, name: str, affiliations: Mapping[str, str], options: RoomOptions) -> None:
        """Make a room with what people (bare JIDs) are in it."""

    def _certify(self) -> None:
        """Make the server's certificate, unless there is one."""
        if not self.ca_file.exists():
            make_certificate(self.folder, self.domain, (self.domain, self.rooms_domain, self.upload_domain))


def make_certificate(folder: Path, name: str, hosts: Iterable[str], *, days: int = 30) -> None:
    """Make a key and a certificate that signs itself, `key.pem` and `ca.pem`; raises ServerError.

    With -1 `days` it has expired yesterday.
    """
    names = ",".join([*(f"DNS:{host}" for host in hosts), "DNS:localhost", f"IP:{HOST}"])
    request, extensions = folder / "request.pem", folder / "extensions.cnf"
    extensions.write_text(f"subjectAltName={names}\nbasicConstraints=critical,CA:true\n")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _openssl("req", *curve, "-subj", f"/CN={name}", "-keyout", folder / "key.pem", "-out", request)
    signed = ["-req", "-in", request, "-signkey", folder / "key.pem", "-days", str(days)]
    _openssl("x509", *signed, "-extfile", extensions, "-out", folder / "ca.pem")


def _openssl(*arguments: str | Path) -> None:
    done = subprocess.run([find_program("openssl"), *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        msg = f"openssl made no certificate: {done.stderr.strip()}"
        raise ServerError(msg)
