"""Pictures and recordings on their way to the server, before the post that shows them.

Nothing is published until the post itself is: whatever goes wrong here is certainly not published.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeVar

from bridge.plugin import Clock, Key, Media, RefusedError, UnavailableError, UncertainError
from plugins.mastodon.attachments import Attachment, digest
from plugins.mastodon.client import Client

T = TypeVar("T")

_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 5.0
_KEPT: Final = 3600.0
_MOST: Final = 64


class Call(Protocol):
    """Runs a job with the account's client, in its thread."""

    def __call__(self, job: Callable[[Client], T]) -> Awaitable[T]:
        """Return what the job returns, or raise what it raises."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upload:
    """What is on the server already: what it is, since when (monotonic), and whether it was processed."""

    attachment: Attachment
    since: float
    ready: bool


class Uploads:
    """Uploads, and remembers for an hour what has been uploaded for a delivery that isn't published yet.

    So another attempt at it goes on where the last one ended, and a post whose answer was lost is sent again with the
    same ids, which a server attaches once. (Mastodon removes what is attached to nothing after a day.)
    """

    def __init__(self, call: Call, clock: Clock, host: str, patience: float) -> None:
        """Take what runs jobs, and how many seconds the attachments of a post may take, all in all."""
        self._call = call
        self._clock = clock
        self._host = host
        self._patience = patience
        self._held: OrderedDict[tuple[str, int], _Upload] = OrderedDict()

    async def ready(self, media: Sequence[Media], key: Key) -> tuple[Attachment, ...]:
        """Upload, and wait until the server has processed all of it.

        Raises UnavailableError, or RefusedError or UnauthorizedError where the server says so; never UncertainError.
        """
        if not media:
            return ()
        try:
            return await self._clock.within(self._patience, self._all(media, key))
        except TimeoutError:
            raise UnavailableError(
                f"{self._host} didn't have the attachments ready within {self._patience:.0f} s."
            ) from None
        except UncertainError as error:
            raise UnavailableError(str(error), retry_after=error.retry_after) from None

    @contextmanager
    def until_settled(self, key: Key) -> Generator[None]:
        """Forget what was uploaded for a delivery once the block has published it, or heard that it is refused."""
        try:
            yield
        except RefusedError:
            self._forget(key)
            raise
        self._forget(key)

    def _forget(self, key: Key) -> None:
        for slot in [slot for slot in self._held if slot[0] == key.token]:
            del self._held[slot]

    async def _all(self, media: Sequence[Media], key: Key) -> tuple[Attachment, ...]:
        return tuple([await self._one(one, (key.token, place)) for place, one in enumerate(media)])

    async def _one(self, one: Media, slot: tuple[str, int]) -> Attachment:
        held = self._held.get(slot)
        try:
            if held is None or self._clock.monotonic() - held.since > _KEPT:
                held = await self._upload(one, slot)
            pause = 0.0
            while not held.ready:
                await self._clock.sleep(pause)
                pause = min(pause + _PAUSE, _LONGEST_PAUSE)
                held = await self._look_again(held, slot)
        except RefusedError:
            self._held.pop(slot, None)
            raise
        return held.attachment

    async def _upload(self, one: Media, slot: tuple[str, int]) -> _Upload:
        identifier, ready = await self._call(lambda client: client.upload(one))
        # A picture of many megabytes takes a while; the loop must not wait for it.
        known = await self._call(lambda _: digest(one.data))
        attachment = Attachment(id=identifier, digest=known, alt=one.alt)
        return self._hold(slot, _Upload(attachment=attachment, since=self._clock.monotonic(), ready=ready))

    async def _look_again(self, held: _Upload, slot: tuple[str, int]) -> _Upload:
        ready = await self._call(lambda client: client.is_processed(held.attachment.id))
        if ready is None:
            self._held.pop(slot, None)
            raise UnavailableError(f"{self._host} has lost an attachment while it processed it.")
        return self._hold(slot, replace(held, ready=ready))

    def _hold(self, slot: tuple[str, int], upload: _Upload) -> _Upload:
        self._held[slot] = upload
        while len(self._held) > _MOST:
            self._held.popitem(last=False)
        return upload
