"""What the chat hands to the commands: one stanza, judged by where it came from and who really sent it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from bridge.domain.people import Place, Target

if TYPE_CHECKING:
    from datetime import datetime


class Content(Enum):
    """What a stanza carries, as far as publishing it is concerned.

    `AUTOMATIC` is what its sender's client wrote by itself.
    """

    TEXT = "text"
    FILE = "file"
    ENCRYPTED = "encrypted"
    AUTOMATIC = "automatic"


class GestureKind(Enum):
    """What a message does with another one (XEP-0461, 0308, 0424, 0444)."""

    REPLY = "reply"
    CORRECTION = "correction"
    RETRACTION = "retraction"
    REACTIONS = "reactions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gesture:
    """A gesture and the id by which it names the message that it is about: which message that is, the store knows.

    `emojis` are all reactions that the sender has on it from now on. `replies` is whether a correction says that what
    it corrects was a reply, as clients repeat.
    """

    kind: GestureKind
    about: str
    emojis: frozenset[str] = frozenset()
    replies: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One message from a room or a direct chat.

    `archive` is the room's bare JID or the bot's own; `key` identifies the stanza there (its stanza-id by that archive,
    else the gate's fallback); `position` is opaque: what the archive's cursor is to be moved to. `sender` is the
    real bare JID, taken as the stanza came off the stream. `affiliation` is the sender's in the room *now* (`owner`,
    `admin`, `member`, `none`, `outcast`; `none` in a direct chat). `said_at` is when the server received it.
    `caught_up` is false while the archive is being read. `names` are the ids that the sender gave the message, by which
    later ones may refer to it. A retraction or a reaction has no text. `files` are the links of what was shared with
    it, whose caption is the text; `described` is what its sender's client says that they show.
    `chosen` is whether nobody typed it, but a menu made it of what was chosen there.
    """

    archive: str
    key: str
    position: str | None
    place: Place
    source: Target
    sender: str
    nick: str
    affiliation: str
    text: str
    said_at: datetime
    content: Content = Content.TEXT
    caught_up: bool = True
    gesture: Gesture | None = None
    names: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()
    described: str = ""
    chosen: bool = False

    @property
    def has_encrypted_file(self) -> bool:
        """Whether it shares a file that only its recipients can read (XEP-0454)."""
        return any(url.lower().startswith("aesgcm:") for url in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a message was answered in its own conversation, line by line; nothing where it had been done before.

    `wrong` is whether nothing came of it: it was a mistake, or we failed.
    """

    lines: tuple[str, ...] = ()
    wrong: bool = False
