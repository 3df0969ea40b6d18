"""A private ejabberd: accounts, members-only rooms with an archive, stream management, upload, STARTTLS.

It runs without the distribution of Erlang, so it needs no epmd and can meet no other node. Accounts and rooms are made
by its HTTP API, which only loopback may use.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.servers.ports import HOST, is_listening
from tests.servers.process import Server, ServerError
from tests.servers.programs import find_program
from tests.servers.xmpp import Login, make_certificate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LIBRARIES = "/usr/lib/*-linux-gnu/ejabberd-*/ebin"


class Ejabberd(Server):
    """ejabberd on free loopback ports, with accounts at `domain` and rooms at `rooms.<domain>`.

    Names aren't looked up: connect to `host` and `port` and trust `ca_file`. Accounts and rooms may be made before the
    start or while it runs. Its default for archives of accounts is left as it is: `never`.
    """

    name = "ejabberd"

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
        self._rooms: set[str] = set()
        self._owed: list[tuple[str, dict[str, object]]] = []
        for local, password in (users or {}).items():
            self.add_user(local, password)

    def add_user(self, local: str, password: str = "secret") -> Login:
        """Make the account `local@domain`, at any time; an existing one gets the new password."""
        if local in self._passwords:
            self._do("change_password", user=local, host=self.domain, newpass=password)
        else:
            self._do("register", user=local, host=self.domain, password=password)
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
        self._rooms.add(jid)
        options = {
            "persistent": True,
            "public": False,
            "members_only": members_only,
            "anonymous": not nonanonymous,
            "mam": archive,
        }
        listed = [{"name": key, "value": json.dumps(value)} for key, value in options.items()]
        room = {"name": name, "service": self.rooms_domain}
        self._do("create_room_with_opts", **room, host=self.domain, options=listed)
        ranks = {"outcast": outcasts, "member": members, "admin": admins, "owner": owners}
        for rank, people in ranks.items():
            for who in people:
                address = who if "@" in who else self.jid(who)
                self._do("set_room_affiliation", **room, jid=address, affiliation=rank)
        return jid

    def forget_room(self, jid: str) -> None:
        """Take note that somebody has destroyed a room, so that it can be made anew."""
        self._rooms.remove(jid)

    def empty_archives(self) -> None:
        """Remove everything that was said from all archives; the server must run."""
        self._call("delete_old_mam_messages", {"type": "all", "days": 0})

    def _do(self, command: str, **arguments: object) -> None:
        if self.running:
            self._call(command, arguments)
        else:
            self._owed.append((command, arguments))

    def _call(self, command: str, arguments: Mapping[str, object]) -> None:
        request = urllib.request.Request(
            f"http://{HOST}:{self.http_port}/api/{command}",
            data=json.dumps(arguments).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            msg = f"ejabberd refuses {command}: {error.read().decode(errors='replace')}"
            raise ServerError(msg) from None

    def _prepare(self) -> None:
        if not self.ca_file.exists():
            make_certificate(self.folder, self.domain, (self.domain, self.rooms_domain, self.upload_domain))
            both = (self.folder / "key.pem").read_text() + self.ca_file.read_text()
            (self.folder / "server.pem").write_text(both)
        for folder in ("data", "logs", "upload"):
            (self.folder / folder).mkdir(exist_ok=True)
        # Whatever is JSON is YAML, too.
        (self.folder / "ejabberd.yml").write_text(json.dumps(self._configuration(), indent=1), encoding="utf-8")

    def _configuration(self) -> dict[str, Any]:
        return {
            "hosts": [self.domain],
            "loglevel": self._log_level,
            "certfiles": [str(self.folder / "server.pem")],
            "listen": [
                {
                    "port": self.port,
                    "ip": HOST,
                    "module": "ejabberd_c2s",
                    "max_stanza_size": self._stanza_limit,
                    "starttls_required": True,
                },
                {
                    "port": self.direct_port,
                    "ip": HOST,
                    "module": "ejabberd_c2s",
                    "max_stanza_size": self._stanza_limit,
                    "tls": True,
                },
                {
                    "port": self.http_port,
                    "ip": HOST,
                    "module": "ejabberd_http",
                    "request_handlers": {"/api": "mod_http_api", "/upload": "mod_http_upload"},
                },
            ],
            "api_permissions": {
                "the tests": {"from": ["mod_http_api"], "who": {"ip": f"{HOST}/32"}, "what": "*"},
            },
            "auth_method": "internal",
            "auth_password_format": "scram",
            "modules": {
                "mod_adhoc": {},
                "mod_admin_extra": {},
                "mod_caps": {},
                "mod_carboncopy": {},
                "mod_disco": {},
                "mod_http_api": {},
                "mod_http_upload": {
                    "host": self.upload_domain,
                    "docroot": str(self.folder / "upload"),
                    "put_url": f"http://{HOST}:{self.http_port}/upload",
                },
                "mod_mam": {},
                "mod_muc": {"host": self.rooms_domain, "default_room_options": {"persistent": True, "mam": True}},
                "mod_muc_admin": {},
                "mod_offline": {},
                "mod_ping": {},
                "mod_private": {},
                "mod_pubsub": {"plugins": ["flat", "pep"]},
                "mod_roster": {"versioning": True},
                "mod_stream_mgmt": {"resume_timeout": self._hibernation},
                "mod_vcard": {"search": False},
                "mod_version": {},
            },
        }

    def _command(self) -> list[str]:
        folders = sorted(Path("/").glob(_LIBRARIES.removeprefix("/")))
        if not folders:
            msg = "the libraries of ejabberd aren't installed: apt-get install ejabberd"
            raise ServerError(msg)
        spool = json.dumps(str(self.folder / "data"))
        return [find_program("erl"), "-noinput", "-pa", str(folders[-1]), "-mnesia", "dir", spool, "-s", "ejabberd"]

    def _environment(self) -> Mapping[str, str]:
        return {
            **super()._environment(),
            "HOME": str(self.folder),
            "EJABBERD_CONFIG_PATH": str(self.folder / "ejabberd.yml"),
            "EJABBERD_LOG_PATH": str(self.folder / "logs" / "ejabberd.log"),
            "ERL_CRASH_DUMP": os.devnull,
        }

    def _ready(self) -> bool:
        if not all(is_listening(port) for port in (self.port, self.http_port)):
            return False
        owed, self._owed = self._owed, []
        for command, arguments in owed:
            self._call(command, arguments)
        return True
