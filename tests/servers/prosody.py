"""A private Prosody: accounts, members-only rooms with an archive, stream management, upload, STARTTLS."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.servers.ports import HOST, is_listening
from tests.servers.programs import find_program
from tests.servers.xmpp import RoomOptions, XmppServer

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONFIG = Path(__file__).with_name("prosody.cfg.lua.in")


class Prosody(XmppServer):
    """Accounts and rooms are files of Prosody's own storage, which it reads when somebody first needs them."""

    name = "prosody"

    def __init__(self, users: Mapping[str, str] | None = None, **options: Any) -> None:
        """Take what any server does."""
        super().__init__(users, **options)
        self.https_port = self._port()
        self.websocket_url = f"ws://{HOST}:{self.http_port}/xmpp-websocket"

    @property
    def upload_port(self) -> int:
        """Where what was uploaded is to be had, encrypted."""
        return self.https_port

    def empty_archives(self) -> None:
        """Remove everything that was said from all archives, while the server runs or not."""
        for path in [*self.folder.glob("data/*/archive*/*"), *self.folder.glob("data/*/muc_log*/*")]:
            path.unlink()

    def _set_password(self, local: str, password: str, *, new: bool) -> None:
        self._write(self.domain, "accounts", local, {"password": password})

    def _write_room(self, name: str, affiliations: Mapping[str, str], options: RoomOptions) -> None:
        data = {
            "name": name,
            "persistent": True,
            "hidden": False,
            "members_only": options.members_only,
            "whois": "anyone" if options.nonanonymous else "moderators",
            "archiving": options.archive,
        }
        jid = f"{name}@{self.rooms_domain}"
        room = {"jid": jid, "_data": data, "_affiliations": dict(affiliations), "_affiliation_data": {}}
        self._write(self.rooms_domain, "config", name, room)
        self._write(self.rooms_domain, None, "persistent", dict.fromkeys(self._rooms, True))

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
        self._certify()
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
