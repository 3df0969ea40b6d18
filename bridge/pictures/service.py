"""Fetches what people shared, makes it harmless, keeps it on the disk, and fits it to each platform.

First the row, then the deed: a picture that is wanted stays so until what became of it is committed, so that after a
kill it is fetched again, and a file that no row knows is removed at the next start.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from bridge.commands import pictures as words
from bridge.domain.clock import wait_event
from bridge.domain.mint import Mint
from bridge.domain.pictures import Lost, PictureState, StoredPicture, taken
from bridge.domain.posts import Media
from bridge.pictures.errors import FetchError
from bridge.pictures.scrubbing import Scrubbed, ScrubError, fit, scrub
from bridge.pictures.sniff import HEAD, type_of
from bridge.store import InDoubt, NotCommitted, StoreError, pictures

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime
    from pathlib import Path

    from bridge.domain.clock import Clock
    from bridge.domain.deliveries import Delivery
    from bridge.domain.pictures import Takes
    from bridge.settings import Current
    from bridge.store import Store, Tx

AT_ONCE: Final = 4
"""Pictures that are fetched at the same time."""

ATTEMPTS: Final = 4
FIRST_PAUSE: Final = timedelta(seconds=5)
"""How long to wait after a first failure; three times as long after each further one."""

SWEEP: Final = 60.0
TIDY: Final = timedelta(hours=1)
KEEP: Final = timedelta(days=1)
"""How long a file stays that no delivery needs any more."""

SECONDS: Final = 120.0
"""How long one picture may be worked on; a large one takes half a minute of an idle processor."""

STORE_PAUSE: Final = 1.0
BATCH: Final = 100

_GONE: Final = "its picture isn't on the disk any more: share it again"

log = structlog.stdlib.get_logger()


class Fetches(Protocol):
    """Gets a file by its link."""

    async def fetch(self, url: str, into: Path) -> int:
        """Write the file, whole or not at all, and return its size; raises FetchError."""
        ...


class Pictures:
    """All pictures of one bridge; `run` it as a task, once."""

    def __init__(self, store: Store, current: Current, clock: Clock, fetcher: Callable[[], Fetches]) -> None:
        """Take what it works with; `fetcher` is called for the first picture. The files are in the directory of the
        configuration.
        """
        self._store = store
        self._current = current
        self._clock = clock
        self._fetcher = cache(fetcher)
        self._folder = current.settings.store.media
        self._woken = store.event(pictures.TOPIC)
        self._working: dict[int, asyncio.Task[None]] = {}
        self._given_up: set[int] = set()
        self._fitting = asyncio.Lock()

    async def run(self) -> None:
        """Fetch what is wanted, for ever."""
        tidied: float | None = None
        try:
            while True:
                self._woken.clear()
                if tidied is None or self._clock.monotonic() - tidied >= TIDY.total_seconds():
                    tidied = self._clock.monotonic()
                    await self.tidy()
                await wait_event(self._clock, self._woken, await self._begin())
        finally:
            tasks = tuple(self._working.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def media(self, delivery: Delivery, limits: Takes) -> tuple[Media, ...]:
        """Return a delivery's pictures as its platform takes them; raises Lost."""
        if delivery.part:
            return ()
        try:
            own = await self._store.read(lambda tx: pictures.of_post(tx, delivery.post))
        except StoreError as error:
            raise Lost(f"its pictures can't be looked up ({error})", again=True) from None
        ready = [one for one in own if one.state is PictureState.READY]
        return tuple([await self._fitted(one, limits) for one in taken(ready, limits)])

    async def tidy(self) -> None:
        """Remove the files that no delivery needs any more, and those that no row knows."""
        try:
            while names := await self._store.write(self._prune, bulk=True):
                await asyncio.to_thread(self._remove, names)
            there = await asyncio.to_thread(lambda: list(self._folder.glob("*-*.*")))
            # In this order: what is settled while the rows are read was being worked on, or is among them.
            working = {f"{number:x}" for number in self._working}
            kept = {name.partition(".")[0] for name in await self._store.read(pictures.kept)}
            await asyncio.to_thread(_remove_unknown, there, kept, working)
        except (StoreError, OSError) as error:
            log.warning("the directory of pictures can't be tidied up now", cause=str(error))

    def _prune(self, tx: Tx) -> list[str]:
        return list(pictures.prune(tx, self._clock.now() - KEEP, BATCH))

    def _remove(self, names: list[str]) -> None:
        for name in names:
            for path in self._folder.glob(f"{name.partition('.')[0]}.*"):
                path.unlink(missing_ok=True)

    async def _begin(self) -> float:
        """Begin with what is due and not begun; return the seconds until something else may be."""
        try:
            wanted = await self._store.read(lambda tx: pictures.wanted(tx, BATCH))
        except StoreError as error:
            log.warning("the pictures that are wanted can't be read now", cause=str(error))
            return STORE_PAUSE
        now, next_due = self._clock.now(), SWEEP
        for one in wanted:
            left = 0.0 if one.due_at is None else (one.due_at - now).total_seconds()
            if one.id in self._working or one.id in self._given_up or len(self._working) >= AT_ONCE:
                continue
            if left > 0:
                next_due = min(next_due, left)
                continue
            self._working[one.id] = asyncio.create_task(self._work(one), name=f"picture {one.id}")
        return next_due

    async def _work(self, picture: StoredPicture) -> None:
        name = f"{picture.id:x}-{uuid.uuid4().hex}"
        try:
            await self._settle(await self._get(picture, name))
        except Exception:
            # To take it up again at once would ask its server for ever; the next start may do better.
            log.exception("a picture could not be seen to", picture=picture.id)
            self._given_up.add(picture.id)
            self._remove([f"{name}."])
        finally:
            del self._working[picture.id]
            self._woken.set()

    async def _get(self, picture: StoredPicture, name: str) -> StoredPicture:
        """Fetch a picture, and return what it is then."""
        if self._clock.now() - picture.created_at > self._current.settings.posting.max_age:
            return _failed(picture, "it waited too long for me to fetch it; share it again")
        raw, clean = self._folder / f"{name}.raw", self._folder / f"{name}.picture"
        try:
            await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
            await self._fetcher().fetch(picture.url, raw)
            scrubbed = await scrub(raw, clean, seconds=SECONDS)
        except FetchError as error:
            return self._later(picture, str(error), again=error.again)
        except ScrubError as error:
            return _failed(picture, str(error))
        except OSError as error:
            return self._later(picture, f"it can't be kept here ({error.strerror})", again=True)
        except Exception:
            log.exception("a picture could not be fetched", picture=picture.id)
            return self._later(picture, "something went wrong in me; it was logged", again=True)
        finally:
            raw.unlink(missing_ok=True)
        return _ready(picture, clean.name, scrubbed)

    def _later(self, picture: StoredPicture, why: str, *, again: bool) -> StoredPicture:
        attempts = picture.attempts + 1
        if not again or attempts >= ATTEMPTS:
            return replace(_failed(picture, why), attempts=attempts)
        pause = FIRST_PAUSE * 3**picture.attempts
        log.info("a picture could not be fetched; trying on", picture=picture.id, cause=why)
        return replace(picture, attempts=attempts, due_at=self._clock.now() + pause, error=why)

    async def _settle(self, changed: StoredPicture) -> None:
        """Write down what became of a picture, however long the store takes to be well again."""
        seed = uuid.uuid4().hex
        while True:
            now = self._clock.now()
            try:
                wanted = await self._store.write(lambda tx, now=now: self._unit(tx, changed, seed, now))
            except (NotCommitted, InDoubt) as error:
                log.warning("what became of a picture can't be written down now", cause=str(error))
                await self._clock.sleep(STORE_PAUSE)
            else:
                break
        if not wanted and changed.file is not None:
            await asyncio.to_thread(self._remove, [changed.file])

    def _unit(self, tx: Tx, changed: StoredPicture, seed: str, now: datetime) -> bool:
        current = pictures.get(tx, changed.id)
        if current is None or current.state is not PictureState.WANTED:
            # Its author has forgotten it meanwhile; or this very change is written, and its commit had no answer.
            return current is not None and current.file == changed.file
        # Meanwhile it may have been described, or become a post's.
        changed = replace(changed, alt=current.alt, post=current.post)
        pictures.save(tx, changed)
        mint = Mint(seed)
        if changed.state is PictureState.READY:
            words.arrived(tx, changed, settings=self._current.settings, now=now, new_id=mint)
        elif changed.state is PictureState.FAILED:
            words.failed(tx, changed, settings=self._current.settings, now=now, new_id=mint)
        return True

    async def _fitted(self, picture: StoredPicture, limits: Takes) -> Media:
        path = self._folder / (picture.file or "")
        fits_type = not limits.media_types or picture.type in limits.media_types
        if fits_type and (not limits.media_bytes or picture.size <= limits.media_bytes):
            return Media(data=await _read(path), type=picture.type, alt=picture.alt)
        digest = hashlib.sha256(repr((sorted(limits.media_types), limits.media_bytes)).encode()).hexdigest()[:16]
        fitted = path.with_suffix(f".{digest}.picture")
        # Two accounts of the same limits may ask at the same moment.
        async with self._fitting:
            if not await asyncio.to_thread(fitted.exists):
                await _fit(path, fitted, limits)
        data = await _read(fitted)
        return Media(data=data, type=type_of(data[:HEAD]) or picture.type, alt=picture.alt)


def _remove_unknown(there: Iterable[Path], kept: Collection[str], working: Collection[str]) -> None:
    for path in there:
        # What is being written has a dot before its name.
        stem = path.name.removeprefix(".").partition(".")[0]
        if stem not in kept and stem.partition("-")[0] not in working:
            path.unlink(missing_ok=True)


async def _fit(path: Path, fitted: Path, limits: Takes) -> None:
    try:
        await fit(path, fitted, types=limits.media_types, most_bytes=limits.media_bytes, seconds=SECONDS)
    except ScrubError as error:
        raise Lost(f"its picture can't be made to fit: {error}") from None
    except OSError as error:
        if not await asyncio.to_thread(path.exists):
            raise Lost(_GONE) from None
        raise Lost(f"its picture can't be made to fit here ({error.strerror})", again=True) from None


async def _read(path: Path) -> bytes:
    try:
        return await asyncio.to_thread(path.read_bytes)
    except FileNotFoundError:
        raise Lost(_GONE) from None
    except OSError as error:
        raise Lost(f"its picture can't be read here ({error.strerror})", again=True) from None


def _failed(picture: StoredPicture, why: str) -> StoredPicture:
    return replace(picture, state=PictureState.FAILED, error=why, due_at=None)


def _ready(picture: StoredPicture, file: str, scrubbed: Scrubbed) -> StoredPicture:
    return replace(
        picture,
        state=PictureState.READY,
        file=file,
        type=scrubbed.type,
        size=scrubbed.size,
        width=scrubbed.width,
        height=scrubbed.height,
        frames=scrubbed.frames,
        error=None,
        due_at=None,
    )
