"""Who speaks and who listens: roles, and the places a line can go to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum


class Role(IntEnum):
    """What a person may do; each may what the former may."""

    NONE = 0
    STAFF = 1
    APPROVER = 2
    ADMIN = 3

    @classmethod
    def parse(cls, word: str) -> Role:
        """Read a role's name as the configuration writes it; raises KeyError."""
        return cls[word.upper()]

    def __str__(self) -> str:
        """Return the name as people write it."""
        return self.name.lower()


class Place(Enum):
    """The two kinds of conversation with the bot."""

    ROOM = "room"
    DIRECT = "direct"


@dataclass(frozen=True, slots=True)
class Target:
    """A conversation that lines go to: a room, or a person's bare JID."""

    jid: str
    place: Place
