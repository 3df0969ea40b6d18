"""The contract between Statusbridge and a platform: all that a plugin sees of the program.

A plugin is a class derived from `Plugin` and from one class per ability it has, registered under the entry-point
group `statusbridge.plugins`. This module follows semantic versioning (`CONTRACT`).

Errors a plugin raises, by what happens next:

    PluginError
    ├── RefusedError        no, and no again: the author is told
    ├── UnauthorizedError   the account pauses, an admin is told
    ├── UnavailableError    certainly not published: retried
    └── UncertainError      may be published: looked up before anything is sent again

Anything else that a plugin raises is a bug of the plugin, and treated as UncertainError.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, Self, TypeVar

from pydantic import BaseModel

from bridge.domain.clock import Clock
from bridge.domain.durations import Duration
from bridge.domain.ids import Cursor, PostId, by_age
from bridge.domain.items import Author, Deleted, Edited, Gap, Heard, Item, Notice, Seen
from bridge.domain.posts import Key, Media, Memo, Money, Post, Posted, Ref, Spending, Visibility
from bridge.domain.profiles import Profile
from bridge.domain.text import clean_inbound, graphemes, strip_leading_mentions, to_text

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from collections.abc import Set as AbstractSet

__all__ = [
    "CONTRACT",
    "Author",
    "Clock",
    "Cursor",
    "Deleted",
    "Deletes",
    "Duration",
    "Edited",
    "Edits",
    "Favours",
    "Finds",
    "Gap",
    "Heard",
    "Item",
    "Keep",
    "Key",
    "Limits",
    "Listens",
    "LogsIn",
    "Media",
    "Memo",
    "Money",
    "Notice",
    "Plugin",
    "PluginError",
    "Post",
    "PostId",
    "Posted",
    "Profile",
    "Ref",
    "RefusedError",
    "Repeats",
    "Seen",
    "Shows",
    "Spending",
    "Spends",
    "Tracks",
    "UnauthorizedError",
    "UnavailableError",
    "UncertainError",
    "Visibility",
    "by_age",
    "clean_inbound",
    "graphemes",
    "strip_leading_mentions",
    "to_text",
]

CONTRACT = "1.1"
"""The version of this contract: the major number changes when a plugin must."""

S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What fits; known once the plugin is entered, since instances differ.

    `text` counts as the plugin's `length` does. `media` is how many pictures and recordings a post may have (zero:
    none), `media_bytes` the most that any of them may have, `media_types` their MIME types; zero bytes and no types
    beside some `media` mean that the platform doesn't say. `key_lifetime` is how long the platform surely remembers a
    key (zero: it doesn't). `settle_after` is how long an abandoned request may still be at work there (zero: the same
    key twice at once is safe). `threads` is whether a text that is too long for one post may become several unasked:
    False where what follows one's own post may be refused, or costs much; then their author is asked first.
    """

    text: int
    media: int = 0
    media_bytes: int = 0
    media_types: frozenset[str] = frozenset()
    key_lifetime: timedelta = timedelta(0)
    settle_after: timedelta = timedelta(seconds=30)
    threads: bool = True


class PluginError(Exception):
    """Something a platform did not do; the message is one sentence for people, without secrets."""


class RefusedError(PluginError):
    """The platform said no, and will say no again."""


class UnauthorizedError(PluginError):
    """The platform does not know this login (any more)."""


class UnavailableError(PluginError):
    """Certainly not published, and worth another attempt, `retry_after` from now at the earliest."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        """Keep how long the platform asked to be left alone."""
        super().__init__(message)
        self.retry_after = retry_after


class UncertainError(PluginError):
    """May or may not be published.

    `answered` says that the platform did answer (a 5xx), so that nothing of this attempt is still at work there.
    """

    def __init__(self, message: str, *, answered: bool = False, retry_after: timedelta | None = None) -> None:
        """Keep whether an answer came, and how long the platform asked to be left alone."""
        super().__init__(message)
        self.answered = answered
        self.retry_after = retry_after


class Keep(Protocol):
    """An account's own small memory (rotating tokens, sessions), durable once `save` returns."""

    async def load(self, name: str) -> str | None:
        """Return what was saved under the name, or None."""
        ...

    async def save(self, name: str, value: str) -> None:
        """Save a text under the name; on return it is committed."""
        ...


class Plugin(ABC, Generic[S]):
    """One account on one platform: entered once, shared by tasks, left once."""

    Settings: ClassVar[type[BaseModel]]
    """The model of the plugin's own keys in `[accounts.NAME]`; secrets are `SecretStr`."""

    limits: Limits
    """Set by `__aenter__`."""

    @classmethod
    def for_settings(cls, settings: S) -> type[Plugin[S]]:
        """Return the class for an account with these settings: this one, or one derived from it that can do more.

        It is asked once, before an instance is made; no I/O happens here.
        """
        del settings
        return cls

    def __init__(self, settings: S, keep: Keep, clock: Clock) -> None:
        """Take what the account needs; no I/O happens here."""
        self.settings = settings
        self.keep = keep
        self.clock = clock

    async def __aenter__(self) -> Self:
        """Check the credentials and learn the limits.

        Raises UnauthorizedError where the login is no good, UnavailableError where nobody answers: the core tries
        again with a new instance.
        """
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Let go of everything, within a second, also while calls are under way."""
        return

    def length(self, text: str) -> int:
        """Count a text as the platform does; by default its grapheme clusters (UAX 29)."""
        return graphemes(text)

    def cost(self, post: Post) -> Money | None:
        """Return what publishing this will cost, or None where it costs nothing.

        It is asked before anything is attempted; what is then in `media` has its type and description, and no data.
        """
        del post
        return None

    @abstractmethod
    async def post(self, post: Post, key: Key) -> Posted:
        """Publish once, whatever happens to the answer.

        Called again with the same key it must not publish twice where the platform remembers keys. Raises a
        PluginError; cancelled in the middle, the outcome is uncertain and nothing of this call may go on to publish
        more than it already has on the wire.
        """


class Edits(ABC):
    """The platform lets one's own posts be changed."""

    @abstractmethod
    async def edit(self, posted: Posted, post: Post, key: Key) -> Posted:
        """Change a published post, and return it as it is then; its id may be another one.

        What `post` leaves out stays as it is there: a `warning` or `language` that is None, `media` that are none. An
        empty `warning` takes it away. Whom a post is for and what it answers can't be changed. Editing twice to the
        same content is harmless. Raises a PluginError; RefusedError where the post isn't there any more.
        """


class Deletes(ABC):
    """The platform lets one's own posts be taken back."""

    @abstractmethod
    async def delete(self, posted: Posted) -> None:
        """Take a post back; one that is already gone counts as done. Raises a PluginError."""


class Finds(ABC):
    """One's own recent posts can be looked through."""

    @abstractmethod
    async def find(self, post: Post, key: Key, since: datetime, known: AbstractSet[PostId]) -> Posted | None:
        """Look for a post of which nobody knows whether it arrived; None means *certainly absent*.

        `since` is the first doubtful attempt; `known` are ids that belong to other deliveries and are never the
        answer. Raises UncertainError where it looked and can't be sure: after the third time the room is asked. Raises
        UnavailableError, or another PluginError, where it could not look.
        """


class Listens(ABC):
    """What people say to the account can be heard."""

    @abstractmethod
    def items(self, since: Cursor | None) -> AsyncGenerator[Heard]:
        """Yield what was said, changed and taken back, oldest first, each at least once, for ever; the core closes it.

        With `since=None` it starts at now: nothing old, but a `Seen` with the position. Own posts are skipped. Raises
        a PluginError (RefusedError where the login may not listen), after which the core starts it again, later, from
        the last position it stored.
        """


class Tracks(ABC):
    """What is said about a word, anywhere on the platform, can be heard."""

    @abstractmethod
    def matches(self, query: str, since: Cursor | None) -> AsyncGenerator[Heard]:
        """Yield what matches, as `Listens.items` does; raises RefusedError where the platform can't search for it."""


class Repeats(ABC):
    """Another's post can be repeated to one's own followers."""

    @abstractmethod
    async def repeat(self, item: Ref, key: Key) -> Posted:
        """Repeat it, once; what it returns can be deleted again.

        Repeating twice is harmless. Raises a PluginError; RefusedError for what isn't public.
        """


class Favours(ABC):
    """Another's post can be marked as a favourite."""

    @abstractmethod
    async def favour(self, item: Ref) -> None:
        """Mark it; marking twice is harmless. Raises a PluginError."""


class Shows(ABC):
    """The conversation around a post can be read, and what an account says about itself."""

    @abstractmethod
    async def thread(self, item: Ref) -> tuple[Item, ...]:
        """Return the conversation, oldest first, own posts and the post itself among it; their cursors are empty.

        A long one is cut to what is nearest. Raises a PluginError; RefusedError where the post isn't there.
        """

    @abstractmethod
    async def profile(self, who: Author | str) -> Profile:
        """Return what is known of an account, named by its author or its complete handle.

        Raises a PluginError; RefusedError where there is no such account.
        """


class Spends(ABC):
    """What the account does there costs money, and the plugin counts it."""

    @abstractmethod
    def spending(self) -> Spending:
        """Return what was spent so far, over restarts; at once, from memory. Asked of an entered plugin alone."""


class LogsIn(ABC):
    """The platform gives its tokens by an OAuth dialogue, in the shell or in the chat."""

    @abstractmethod
    async def begin_login(self) -> str:
        """Return the link to open; raises a PluginError."""

    @abstractmethod
    async def finish_login(self, code: str) -> None:
        """Trade the code for a token and keep it; raises a PluginError."""
