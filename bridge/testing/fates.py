"""How calls of the platform in memory go, and what it remembers of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from bridge.plugin import Post, Posted, PostId

__all__ = ["Call", "Fate", "Published", "Verb"]

Verb: TypeAlias = Literal[
    "enter", "post", "edit", "delete", "find", "items", "matches", "repeat", "favour", "thread", "profile"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """How one call goes; by default well.

    In this order: it takes `pause` seconds; with `hangs="before"` it waits for `release`; `before` is raised, and
    nothing is done; the deed is done; with `hangs="after"` it waits for `release`; `after` is raised, though it is
    done.

    With `late` nobody ever answers, and the platform does the deed so many seconds after the call began, whatever
    became of the caller. A `stubborn` call doesn't heed that it is cancelled while it hangs.
    """

    pause: float = 0.0
    hangs: Literal["before", "after"] | None = None
    before: BaseException | None = None
    after: BaseException | None = None
    late: float | None = None
    stubborn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that reached the platform.

    `target` is what was to be edited, deleted, repeated, marked or shown, `since` from when on it was to look.
    """

    verb: Verb
    at: datetime
    key: str | None = None
    post: Post | None = None
    target: PostId | None = None
    since: datetime | None = None
    known: frozenset[PostId] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A post that is, or was, to be seen on the platform."""

    id: PostId
    key: str
    post: Post
    at: datetime
    url: str

    @property
    def posted(self) -> Posted:
        """What the platform answers for it."""
        return Posted(id=self.id, url=self.url, memo={"key": self.key})
