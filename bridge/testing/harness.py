"""What the contract suite needs of a platform: to make it misbehave, and to look at what it shows.

Whoever writes a plugin writes one `Harness`, over a server of his own that pretends to be the platform, or over a real
one that can be made to fail. Its times should be those of the suite's clock.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import ClassVar

from bridge.plugin import PostId, Visibility

__all__ = ["CannotError", "Harness", "Shown", "Trouble"]


class Trouble(Enum):
    """What goes wrong with a request that reaches the platform, or doesn't."""

    REFUSED = "the platform says no, and would say no again; nothing is done"
    UNAUTHORIZED = "the platform doesn't know the login (any more); nothing is done"
    LIMITED = "the platform asks for fewer requests; nothing is done"
    UNREACHABLE = "nobody takes connections"
    HANGS = "the platform takes the request and never answers; nothing is done"
    BROKEN = "the platform does it, and then answers that it failed by a fault of its own"
    GARBLED = "the platform does it, and then answers something that can't be read"
    LOST = "the platform does it, and then the connection breaks before the answer"


class CannotError(Exception):
    """A harness can't do something that not every platform has; the message says why, and the test is skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One post of the account, as the platform shows it now; `visibility` is who can really see it.

    `text` is what was written, not how it is marked up.
    """

    id: PostId
    text: str
    in_reply_to: PostId | None = None
    visibility: Visibility = Visibility.PUBLIC
    warning: str | None = None


class Harness(ABC):
    """One account on a platform that does what a test wants; alive for one test."""

    retry_after: ClassVar[timedelta | None] = timedelta(seconds=7)
    """How long it asks to be left alone with `Trouble.LIMITED`; None where it doesn't say."""

    poll: ClassVar[float | None] = None
    """How many seconds the plugin sleeps between two looks; None where it is told of news, or doesn't listen."""

    cannot: ClassVar[Mapping[Trouble, str]] = {}
    """Troubles that this harness can't make, with the reason; their tests are skipped."""

    @abstractmethod
    def settings(self) -> Mapping[str, object]:
        """Return the plugin's own keys in `[accounts.NAME]` for this account."""

    @abstractmethod
    async def published(self) -> Sequence[Shown]:
        """Return the account's own posts that are to be seen now, oldest first."""

    @abstractmethod
    async def trouble(self, kind: Trouble | None) -> None:
        """Let every request that comes from now on meet this, or with None go well.

        What hangs goes on hanging, until it is given up.
        """

    @abstractmethod
    async def hanging(self) -> None:
        """Return once a request hangs, since `Trouble.HANGS` began."""

    async def say(self, text: str, *, who: str = "kim", in_reply_to: PostId | None = None) -> PostId:
        """Have somebody say something to the account, and return its id; for what listens, repeats, favours, shows."""
        raise NotImplementedError

    async def say_unreadable(self) -> str:
        """Have somebody say what the plugin can't read, and return the link to it."""
        raise CannotError("this harness can't say anything that is unreadable")

    async def say_elsewhere(self, text: str) -> PostId:
        """Have somebody say something, but not to the account, and return its id; for what tracks."""
        raise NotImplementedError

    async def repeated(self) -> Sequence[PostId]:
        """Return what the account has repeated, each as often as it is to be seen."""
        raise NotImplementedError

    async def favoured(self) -> Sequence[PostId]:
        """Return what the account has marked as a favourite."""
        raise NotImplementedError
