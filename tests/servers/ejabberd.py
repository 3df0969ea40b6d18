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
from tests.servers.process import ServerError
from tests.servers.programs import find_program
from tests.servers.xmpp import RoomOptions, XmppServer

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIBRARIES = "/usr/lib/*-linux-gnu/ejabberd-*/ebin"


class Ejabberd(XmppServer):
    """Its default for archives of accounts is left as it is: `never`."""

    name = "ejabberd"

    def __init__(self, users: Mapping[str, str] | None = None, **options: Any) -> None:
        """Take what any server does."""
        self._owed: list[tuple[str, dict[str, object]]] = []
        super().__init__(users, **options)

    def empty_archives(self) -> None:
        """Remove everything that was said from all archives; the server must run."""
        self._call("delete_old_mam_messages", {"type": "all", "days": 0})

    def _set_password(self, local: str, password: str, *, new: bool) -> None:
        account = {"user": local, "host": self.domain}
        if new:
            self._do("register", **account, password=password)
        else:
            self._do("change_password", **account, newpass=password)

    def _write_room(self, name: str, affiliations: Mapping[str, str], options: RoomOptions) -> None:
        values = {
            "persistent": True,
            "public": False,
            "members_only": options.members_only,
            "anonymous": not options.nonanonymous,
            "mam": options.archive,
        }
        listed = [{"name": key, "value": json.dumps(value)} for key, value in values.items()]
        room = {"name": name, "service": self.rooms_domain}
        self._do("create_room_with_opts", **room, host=self.domain, options=listed)
        for who, rank in affiliations.items():
            self._do("set_room_affiliation", **room, jid=who, affiliation=rank)

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
        self._certify()
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
                    "access": "all",
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
