"""What any XMPP server of the tests offers, whichever program it is."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tests.servers.ports import HOST
from tests.servers.process import ServerError
from tests.servers.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a client needs to sign in."""

    jid: str
    password: str
    host: str
    port: int
    ca_file: Path


class XmppServer(Protocol):
    """A private server with accounts and rooms; both may be made before the start or while it runs.

    `port` begins in the clear and wants STARTTLS; on `direct_port` TLS comes first (XEP-0368).
    """

    name: str
    host: str
    domain: str
    rooms_domain: str
    port: int
    direct_port: int
    ca_file: Path

    def add_user(self, local: str, password: str = "secret") -> Login:
        """Make the account `local@domain`, at any time; an existing one gets the new password."""
        ...

    def login(self, local: str) -> Login:
        """Return what a client needs to sign in as `local`; KeyError when there is no such account."""
        ...

    def jid(self, local: str) -> str:
        """Return the bare JID of the account `local`."""
        ...

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
        """Make a persistent room and return its JID; people are bare JIDs or local names.

        Raises ServerError when the room exists: from then on only its owners configure it, over XMPP.
        """
        ...

    def forget_room(self, jid: str) -> None:
        """Take note that somebody has destroyed a room, so that it can be made anew."""
        ...

    def empty_archives(self) -> None:
        """Remove everything that was said from all archives, while the server runs."""
        ...

    @property
    def running(self) -> bool:
        """Whether the process exists and hasn't ended by itself."""
        ...

    async def start(self) -> None:
        """Start the server with the data that it had and wait until it is ready."""
        ...

    async def stop(self) -> None:
        """Stop the server in its own orderly way and wait until it has ended; data and ports stay."""
        ...

    async def kill(self) -> None:
        """End the server by SIGKILL and wait until it is gone; data and ports stay."""
        ...


def make_certificate(folder: Path, name: str, hosts: Iterable[str]) -> None:
    """Make a key and a certificate that signs itself, `key.pem` and `ca.pem`; raises ServerError."""
    names = ",".join([*(f"DNS:{host}" for host in hosts), "DNS:localhost", f"IP:{HOST}"])
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    output = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "ca.pem")]
    subject = ["-days", "30", "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}"]
    done = subprocess.run(
        [find_program("openssl"), "req", "-x509", *curve, *subject, *output],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        msg = f"openssl made no certificate: {done.stderr.strip()}"
        raise ServerError(msg)
