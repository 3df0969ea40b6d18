"""The configuration as models; every field's description is what the commented example says of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, cast
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from bridge.domain.durations import Duration
from bridge.domain.jids import bare_jid
from bridge.domain.people import Role
from bridge.domain.rates import Rate, RateSetting
from bridge.domain.templates import checked
from bridge.settings.kinds import Names, RoleName, Section, bounded
from bridge.settings.kinds import zone as zone_name
from bridge.settings.rules import RuleSettings

ACCOUNT_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}\Z")
RESERVED_NAMES: Final = frozenset({"all", "none"})
"""Words that a list of accounts in the chat may come to mean something by."""

_LONGEST_HOLD: Final = timedelta(hours=1)
_LONGEST_DEADLINE: Final = timedelta(minutes=10)
_LONGEST_SETTLING: Final = timedelta(days=1)
_LONGEST_NICK: Final = 64
_HOST_AND_PORT = re.compile(r"(?:\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9._-]*))(?::(?P<port>[0-9]{1,5}))?", re.IGNORECASE)
_SECRET_KEY = re.compile(r"token|secret|passw|api[-_]?key|private[-_]?key|credential|cookie|session", re.IGNORECASE)


class Mode(StrEnum):
    """What a bare line in a direct chat does: posts, shows a preview first, or nothing."""

    OPEN = "open"
    GUARDED = "guarded"
    STRICT = "strict"


class ReplyGesture(StrEnum):
    """What an XMPP reply to an item that nobody claimed does."""

    ASK = "ask"
    ANSWER = "answer"
    OFF = "off"


def _nick(value: str) -> str:
    nick = value.strip()
    if not nick or len(nick) > _LONGEST_NICK or not nick.isprintable() or "/" in nick:
        raise ValueError(f"must be a name of 1 to {_LONGEST_NICK} printable characters, without a slash")
    return nick


def _template_name(value: str) -> str:
    if not ACCOUNT_NAME.match(value):
        raise ValueError(
            "a template's name is at most 32 small letters, digits, - and _, and begins with a letter or digit"
        )
    return value


def _listen(value: str) -> str:
    host, colon, port = value.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    digits = port.isascii() and port.isdigit()
    if not colon or not host or not digits or int(port) > 65535 or (":" in host and not bracketed):  # noqa: PLR2004
        raise ValueError('must be an address and a port, as "127.0.0.1:8080" or "[::1]:8080"')
    return value


def _upload_host(value: str) -> str:
    found = _HOST_AND_PORT.fullmatch(value)
    if found is None or not 0 < int(found["port"] or "443") <= 65535:  # noqa: PLR2004 - a port has 16 bits
        raise ValueError('must be a host, or a host and a port, as "upload.example.org" or "127.0.0.1:5281"')
    return value


def _store_url(value: str) -> str:
    scheme = value.partition(":")[0].lower()
    if scheme in {"sqlite", "sqlite+pysqlite"}:
        path = value.partition(":///")[2]
        if not path or path == ":memory:" or path.startswith("file:"):
            raise ValueError('must name a file, as "sqlite:///var/statusbridge.db"')
        return f"sqlite:///{path}"
    if scheme in {"postgresql", "postgres", "postgresql+psycopg"}:
        return "postgresql+psycopg" + value[value.index(":") :]
    raise ValueError('must begin with "sqlite:///" or "postgresql+psycopg://"')


BareJid = Annotated[str, AfterValidator(bare_jid)]
Hold = Annotated[Duration, bounded(timedelta(0), _LONGEST_HOLD, "between 0s and 1h")]
TemplateName = Annotated[str, AfterValidator(_template_name)]
TemplateText = Annotated[str, AfterValidator(checked)]


class XmppSettings(Section):
    """The bot's own account on an XMPP server."""

    jid: BareJid = Field(description="the bot's own address", examples=["status@example.org"])
    resource: Annotated[str, AfterValidator(_nick)] = Field(
        default="statusbridge", description="the name of this connection; one bridge, one resource"
    )
    password: SecretStr = Field(description="its password", examples=["change-me"], min_length=1)
    host: str | None = Field(
        default=None, min_length=1, description="the server's name or address, instead of DNS", examples=["127.0.0.1"]
    )
    port: int = Field(default=5222, ge=1, le=65535, description="the server's port, where host is given")
    ca_file: Path | None = Field(
        default=None,
        description="trust this certificate authority alone; certificates are always verified",
        examples=["ca.pem"],
    )
    nick: Annotated[str, AfterValidator(_nick)] = Field(default="status", description="the bot's name in the rooms")
    upload_host: Annotated[str, AfterValidator(_upload_host)] | None = Field(
        default=None,
        description="host, or host:port, of your upload service, whose pictures are taken also in a private network",
        examples=["upload.example.org"],
    )


class StoreSettings(Section):
    """Where everything that must not be lost is kept; relative paths start at this file's directory."""

    url: Annotated[str, AfterValidator(_store_url)] = Field(
        default="sqlite:///var/statusbridge.db",
        repr=False,
        description='an SQLite file, or "postgresql+psycopg://user:password@host/database"',
    )
    media: Path = Field(default=Path("var/media"), description="the directory for pictures")

    @property
    def sqlite_path(self) -> Path | None:
        """The file of an SQLite store; None for PostgreSQL."""
        return Path(self.url.removeprefix("sqlite:///")) if self.url.startswith("sqlite:///") else None

    @property
    def password(self) -> str | None:
        """The password in the URL, if there is one."""
        if self.sqlite_path is not None:
            return None
        try:
            password = urlsplit(self.url).password
        except ValueError:
            return None
        return unquote(password) if password else None

    @property
    def shown(self) -> str:
        """The store as an error or a table may name it: the file, or the URL without user, password and options."""
        path = self.sqlite_path
        if path is not None:
            return str(path)
        parts = urlsplit(self.url)
        return f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"


class PostingSettings(Section):
    """How posts go out."""

    mode: Mode = Field(
        default=Mode.GUARDED,
        description="in direct chats: open (posts at once), guarded (preview first), strict (only `post ...`)",
    )
    hold: Hold = Field(
        default=timedelta(seconds=20), description='how long a post can be undone before it goes out; "0s": at once'
    )
    max_age: Annotated[Duration, bounded(timedelta(seconds=1), timedelta(days=365), "between 1s and 365d")] = Field(
        default=timedelta(hours=1), description="what is older than this isn't sent without being asked again"
    )
    backoff: Annotated[Duration, bounded(timedelta(milliseconds=10), timedelta(minutes=1), "between 10ms and 1m")] = (
        Field(
            default=timedelta(seconds=5),
            description="the pause after a first failure; it doubles up to sixty times that",
        )
    )
    post_to: Names | None = Field(
        default=None,
        description="accounts that direct chats post to; default: every enabled account",
    )
    zone: Annotated[str, AfterValidator(zone_name)] = Field(
        default="UTC",
        description="the time zone in which people say times, unless they have set their own",
        examples=["Europe/Berlin"],
    )


class LimitSettings(Section):
    """How much may be said to the bot: COUNT/TIME, or "none"; panic and undo are always heard."""

    person: RateSetting = Field(
        default=Rate(1200, timedelta(minutes=1)), description="commands and statuses of one person", examples=["20/1m"]
    )
    room: RateSetting = Field(
        default=Rate(2400, timedelta(minutes=1)), description="commands said in one room", examples=["60/1m"]
    )
    posts: RateSetting = Field(
        default=Rate(1200, timedelta(minutes=10)), description="statuses and answers of one person", examples=["10/10m"]
    )


class RoomSettings(Section):
    """A room that the bot sits in; repeat the table for each."""

    jid: BareJid = Field(description="the room's address", examples=["ops@rooms.example.org"])
    post_to: Names | None = Field(
        default=None,
        description="accounts that the room posts to; default: every enabled account",
    )
    hear_from: Names | None = Field(
        default=None, description="accounts whose mentions and replies come here; default: all"
    )
    hear_private: bool = Field(default=False, description="whether customers' private messages come here, too")
    member_role: RoleName = Field(
        default=Role.NONE,
        description="what a member of this room may do: none, staff, approver or admin",
        examples=["staff"],
    )
    reply_gesture: ReplyGesture = Field(
        default=ReplyGesture.ASK, description="what an XMPP reply to an unclaimed item does: ask, answer or off"
    )
    hold: Hold | None = Field(default=None, description="this room's own undo window", examples=["0s"])
    policy: RuleSettings = Field(default_factory=RuleSettings, exclude=True)


class AccountSettings(Section):
    """One login on one platform; all other keys of the table are the plugin's own."""

    plugin: str = Field(min_length=1, description="which plugin speaks to it")
    enabled: bool = Field(default=True, description="false: it neither posts nor hears")
    settle_after: Annotated[Duration, bounded(timedelta(0), _LONGEST_SETTLING, "between 0s and 1d")] | None = Field(
        default=None,
        description="how long an abandoned request may still be at work there; default: what the plugin knows",
        examples=["30s"],
    )
    deadline: Annotated[Duration, bounded(timedelta(milliseconds=1), _LONGEST_DEADLINE, "between 1ms and 10m")] = Field(
        default=timedelta(seconds=30), description="how long one request may take, all in all"
    )
    signature: str | None = Field(
        default=None, description="added to every post: %s is the author's name", examples=["^%s"]
    )
    require_alt: bool = Field(default=False, description="pictures need a description")
    policy: RuleSettings = Field(default_factory=RuleSettings, exclude=True)
    own: dict[str, Any] = Field(default_factory=dict[str, Any], repr=False, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _split(cls, data: object) -> object:
        if not isinstance(data, Mapping):
            return data
        table = cast("Mapping[str, Any]", data)
        core = {key: value for key, value in table.items() if key in CORE_KEYS}
        return {**core, "own": {key: value for key, value in table.items() if key not in CORE_KEYS}}


CORE_KEYS: Final = frozenset(AccountSettings.model_fields) - {"own"}
"""The keys of an account's table that aren't its plugin's."""


class WebSettings(Section):
    """The page for monitoring; without this table no port is opened."""

    listen: Annotated[str, AfterValidator(_listen)] = Field(
        default="127.0.0.1:8080", description="address and port; /healthz answers there"
    )

    @property
    def host(self) -> str:
        """The address to listen on, without brackets."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port to listen on; 0 is any free one."""
        return int(self.listen.rpartition(":")[2])


def secret_texts(table: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the texts in a plugin's own keys, at any depth, whose names sound like secrets."""
    found: list[str] = []
    for key, value in table.items():
        if isinstance(value, Mapping):
            found += secret_texts(cast("Mapping[str, Any]", value))
        elif isinstance(value, str) and value and _SECRET_KEY.search(key):
            found.append(value)
    return tuple(found)
