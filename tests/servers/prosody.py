"""A private Prosody: accounts, members-only rooms with an archive, stream management, upload, STARTTLS."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.ports import HOST, is_listening
from tests.servers.process import Server, ServerError
from tests.servers.programs import find_program
from tests.servers.xmpp import Login, make_certificate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CONFIG = Path(__file__).with_name("prosody.cfg.lua.in")


class Prosody(Server):
    """Prosody on free loopback ports, with accounts at `domain` and rooms at `rooms.<domain>`.

    Names aren't looked up: connect to `host` and `port` and trust `ca_file`. Accounts and rooms may be made before the
    start or while it runs. Both are files of Prosody's own storage, which it reads when somebody first needs them.
    """

    name = "prosody"

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
        self.https_port = self._port()
        self.ca_file = self.folder / "ca.pem"
        self.websocket_url = f"ws://{HOST}:{self.http_port}/xmpp-websocket"
        self._hibernation = hibernation
        self._stanza_limit = stanza_limit
        self._log_level = log_level
        self._passwords: dict[str, str] = {}
        self._rooms: list[str] = []
        for local, password in (users or {}).items():
            self.add_user(local, password)

    def add_user(self, local: str, password: str = "secret") -> Login:
        """Make the account `local@domain`, at any time; an existing one gets the new password."""
        self._write(self.domain, "accounts", local, {"password": password})
        self._passwords[local] = password
        return self.login(local)

    def login(self, local: str) -> Login:
        """Return what a client needs to sign in as `local`; KeyError when there is no such account."""
        return Login(
            jid=f"{local}@{self.domain}",
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
        ranks = {"outcast": outcasts, "member": members, "admin": admins, "owner": owners}
        affiliations = {self._bare(who): rank for rank, people in ranks.items() for who in people}
        data = {
            "name": name,
            "persistent": True,
            "hidden": False,
            "members_only": members_only,
            "whois": "anyone" if nonanonymous else "moderators",
            "archiving": archive,
        }
        room = {"jid": jid, "_data": data, "_affiliations": affiliations, "_affiliation_data": {}}
        self._write(self.rooms_domain, "config", name, room)
        self._rooms.append(jid)
        self._write(self.rooms_domain, None, "persistent", dict.fromkeys(self._rooms, True))
        return jid

    def forget_room(self, jid: str) -> None:
        """Take note that somebody has destroyed a room, so that it can be made anew."""
        self._rooms.remove(jid)

    def empty_archives(self) -> None:
        """Remove everything that was said from all archives, while the server runs or not."""
        for path in [*self.folder.glob("data/*/archive*/*"), *self.folder.glob("data/*/muc_log*/*")]:
            path.unlink()

    def _bare(self, who: str) -> str:
        return who if "@" in who else self.jid(who)

    def _write(self, host: str, store: str | None, key: str, value: Mapping[str, object]) -> None:
        folder = self.folder / "data" / _encoded(host)
        if store is not None:
            folder /= store
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{_encoded(key)}.dat"
        fresh = path.with_suffix(".new")
        fresh.write_text(f"return {_lua(value)};\n", encoding="utf-8")
        fresh.replace(path)

    def _prepare(self) -> None:
        if not self.ca_file.exists():
            make_certificate(self.folder, self.domain, (self.domain, self.rooms_domain, self.upload_domain))
        values = {
            "RUN_AS_ROOT": "true" if os.geteuid() == 0 else "false",
            "FOLDER": str(self.folder),
            "DOMAIN": self.domain,
            "HOST": HOST,
            "C2S_PORT": str(self.port),
            "DIRECT_PORT": str(self.direct_port),
            "HTTP_PORT": str(self.http_port),
            "HTTPS_PORT": str(self.https_port),
            "HIBERNATION": str(self._hibernation),
            "STANZA_LIMIT": str(self._stanza_limit),
            "LOG_LEVEL": self._log_level,
        }
        text = _CONFIG.read_text(encoding="utf-8")
        for key, value in values.items():
            text = text.replace(f"@{key}@", value)
        (self.folder / "data").mkdir(exist_ok=True)
        (self.folder / "prosody.cfg.lua").write_text(text, encoding="utf-8")

    def _command(self) -> list[str]:
        return [find_program("prosody"), "-F", "--config", str(self.folder / "prosody.cfg.lua")]

    def _ready(self) -> bool:
        return all(is_listening(port) for port in (self.port, self.http_port, self.https_port))


def _encoded(name: str) -> str:
    return "".join(char if char.isascii() and char.isalnum() else _percent(char) for char in name)


def _percent(char: str) -> str:
    return "".join(f"%{byte:02x}" for byte in char.encode())


def _lua(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        return "{" + "".join(f"[{_lua(str(key))}]={_lua(item)};" for key, item in value.items()) + "}"
    plain = frozenset(range(0x20, 0x7F)) - frozenset(b'"\\')
    escaped = "".join(chr(byte) if byte in plain else f"\\{byte:03d}" for byte in str(value).encode())
    return f'"{escaped}"'
