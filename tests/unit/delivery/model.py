"""What the machine plays against: a platform that remembers, forgets and dawdles, and a database in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.domain.ids import PostId
from bridge.domain.people import Place, Target
from bridge.domain.posts import Posted
from bridge.store import Tx

ACCOUNT = "mastodon"
ROOM = Target("ops@rooms.example.org", Place.ROOM)
SETTLE_AFTER = timedelta(seconds=30)
KEY_LIFETIME = timedelta(minutes=50)
FORGETS_AFTER = KEY_LIFETIME + timedelta(minutes=5)
"""When a key is really forgotten: later than promised, so that a request on its way still counts."""

MAX_AGE = timedelta(hours=3)
HOLD = timedelta(seconds=20)
SEC = timedelta(seconds=1)

FATES = (
    "sent",
    "lost answer",
    "never sent",
    "refused",
    "unauthorized",
    "5xx",
    "5xx after commit",
    "hangs",
    "hangs late",
)


@dataclass
class Platform:
    """What a platform knows: posts in order of their publication, and, if it keeps keys, which key made which."""

    keeps_keys: bool
    finds: bool
    published: list[str] = field(default_factory=list)
    late: list[tuple[datetime, str]] = field(default_factory=list)
    keys: dict[str, datetime] = field(default_factory=dict)

    def publish(self, token: str, now: datetime) -> Posted:
        known = self.keeps_keys and token in self.keys and now - self.keys[token] < FORGETS_AFTER
        if not known:
            self.published.append(token)
            self.keys[token] = now
        return Posted(id=PostId(token), url=f"https://mastodon.example/{token}")

    def settle_late(self, now: datetime) -> None:
        for entry in [one for one in self.late if one[0] <= now]:
            self.late.remove(entry)
            self.published.append(entry[1])
            self.keys[entry[1]] = entry[0]


class Transaction:
    """A committed transaction per block, as the writer makes one."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def __enter__(self) -> Tx:
        self.begun = self.connection.begin()
        return Tx(self.connection, "sqlite")

    def __exit__(self, *exc: object) -> None:
        if exc[0] is None:
            self.begun.commit()
        else:
            self.begun.rollback()
        self.connection.close()


def begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
