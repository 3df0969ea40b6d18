"""Pictures that people share to publish them: where each stands, and what of them an account takes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bridge.domain.ids import EntryId
    from bridge.domain.people import Target

MOST: Final = 4
"""Pictures of one post: as many as most platforms take."""


class PictureState(StrEnum):
    """Where a picture stands: to be fetched, kept on the disk, not to be had, or not wanted any more."""

    WANTED = "wanted"
    READY = "ready"
    FAILED = "failed"
    DROPPED = "dropped"


SEEN: Final = frozenset({PictureState.WANTED, PictureState.READY})
"""What of a post's pictures is to be seen with it."""


class Lost(Exception):  # noqa: N818 - it names what a picture is
    """A picture of a post can't be had for a platform; the message is a clause for people that says why.

    `again` tells that it may be had later.
    """

    def __init__(self, message: str, *, again: bool = False) -> None:
        """Take the clause, and whether another attempt is worth it."""
        super().__init__(message)
        self.again = again


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPicture:
    """A picture as the store has it; `post` is None while it waits for its author's next words.

    What is known of the file (`file`, its name in the directory of pictures, `type`, `size` in bytes, `width`, `height`
    in pixels, `frames`) is so once it is ready. `attempts` counts those to fetch it; the next one is due at `due_at`.
    """

    id: int
    url: str
    sender: str
    source: Target
    post: EntryId | None
    alt: str
    state: PictureState
    created_at: datetime
    attempts: int = 0
    due_at: datetime | None = None
    file: str | None = None
    type: str = ""
    size: int = 0
    width: int = 0
    height: int = 0
    frames: int = 0
    error: str | None = None

    @property
    def is_animated(self) -> bool:
        """Whether it moves, so that it can't be made another type."""
        return self.frames > 1


class Takes(Protocol):
    """What a platform takes, as its plugin's limits say; see `bridge.plugin.Limits`."""

    @property
    def media(self) -> int:
        """How many."""
        ...

    @property
    def media_bytes(self) -> int:
        """How many bytes each; 0: it doesn't say."""
        ...

    @property
    def media_types(self) -> frozenset[str]:
        """Which types; none: it doesn't say."""
        ...


_STILL: Final = frozenset({"image/jpeg", "image/png", "image/webp"})
"""What a still picture can be made."""


def taken(pictures: Sequence[StoredPicture], limits: Takes) -> tuple[StoredPicture, ...]:
    """Return those of some ready pictures that a platform takes, perhaps made smaller or another type."""
    return tuple(one for one in pictures if _suits(one, limits))[: limits.media]


def _suits(picture: StoredPicture, limits: Takes) -> bool:
    if not picture.is_animated:
        return not limits.media_types or bool(limits.media_types & _STILL)
    small = not limits.media_bytes or picture.size <= limits.media_bytes
    return small and (not limits.media_types or picture.type in limits.media_types)


def undescribed(pictures: Sequence[StoredPicture]) -> bool:
    """Tell whether one of them has no description."""
    return any(not one.alt for one in pictures)


def shape(picture: StoredPicture) -> str:
    """Return what a ready picture is, for people: `PNG, 1080 x 800, 210 kB`."""
    kind = picture.type.rpartition("/")[2].upper()
    moving = ", animated" if picture.is_animated else ""
    return f"{kind}{moving}, {picture.width} x {picture.height}, {size(picture.size)}"


def size(count: int) -> str:
    """Return a number of bytes as people read it: `210 kB`, `1.4 MB`."""
    if count < 1_000_000:  # noqa: PLR2004 - a megabyte
        return f"{max(1, round(count / 1_000))} kB"
    return f"{count / 1_000_000:.1f} MB"
