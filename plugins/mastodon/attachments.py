"""Pictures and recordings of a post, as values: what a server takes of them, and what is remembered. No I/O."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from bridge.plugin import Media, Memo, RefusedError

MEMO: Final = "media"
"""The name in a memo under which a post's attachments are remembered."""

_COUNT: Final = 4
_MEGA: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a server takes; None, or no types, where it doesn't say and decides by itself.

    As on Mastodon, pictures have one limit, and recordings of sound or film another (`image_size_limit` and
    `video_size_limit`). `alt` is how long a description may be, in
    code points.
    """

    count: int = _COUNT
    image_bytes: int | None = None
    video_bytes: int | None = None
    types: frozenset[str] = frozenset()
    alt: int | None = None

    @property
    def most_bytes(self) -> int:
        """The most that anything may have: one number for the core, `check` knows better; 0 where it isn't known."""
        films = not self.types or any(not kind.startswith("image/") for kind in self.types)
        if not films:
            return self.image_bytes or 0
        return max(self.image_bytes or 0, self.video_bytes or 0) if self.video_bytes else 0

    def check(self, media: Sequence[Media], host: str) -> None:
        """Raise RefusedError, with a sentence for people, for what the server would refuse."""
        if len(media) > self.count:
            raise RefusedError(f"{host} takes at most {self.count} attachments in a post, not {len(media)}.")
        for number, one in enumerate(media, 1):
            if problem := self._problem(one):
                raise RefusedError(f"{host} can't take attachment {number}: {problem}.")

    def _problem(self, one: Media) -> str | None:
        kind = kind_of(one)
        most = self.image_bytes if kind.startswith("image/") else self.video_bytes
        if not one.data:
            return "it is empty"
        if self.types and kind not in self.types:
            return f"it is {kind or 'of no type'}, which the server doesn't know"
        if most is not None and len(one.data) > most:
            return f"it has {len(one.data) / _MEGA:.1f} MB, and {most / _MEGA:.1f} MB is the most"
        if self.alt is not None and len(one.alt) > self.alt:
            return f"its description has {len(one.alt)} characters, and {self.alt} is the most"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """Something that was uploaded: its id there, a digest of its bytes, and what it shows."""

    id: str
    digest: str
    alt: str = ""


def kind_of(one: Media) -> str:
    """Return the MIME type without its parameters, in lower case."""
    return one.type.partition(";")[0].strip().lower()


def digest(data: bytes) -> str:
    """Return what bytes are known again by."""
    return hashlib.sha256(data).hexdigest()[:32]


def remembered(attachments: Sequence[Attachment]) -> dict[str, str]:
    """Return the part of a memo that an edit needs: ids and digests; nothing for no attachments."""
    return {MEMO: json.dumps([[one.id, one.digest] for one in attachments])} if attachments else {}


def recalled(memo: Memo) -> tuple[Attachment, ...]:
    """Read what `remembered` wrote, without the descriptions; what can't be read counts as nothing."""
    return tuple(_pairs(memo.get(MEMO, "")))


def _pairs(text: str) -> Iterator[Attachment]:
    try:
        pairs: Any = json.loads(text)
    except ValueError:
        return
    for pair in cast("list[object]", pairs) if isinstance(pairs, list) else []:
        match pair:
            case [str(identifier), str(known)]:
                yield Attachment(id=identifier, digest=known)
            case _:
                pass
