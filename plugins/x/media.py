"""Pictures and films on their way to X, before the post that shows them.

Nothing is published until the post itself is: whatever goes wrong here is certainly not published. Sources:
https://docs.x.com/x-api/media/quickstart/best-practices and the media paths of X's OpenAPI document.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from mimetypes import guess_extension
from typing import Any, Final, cast

import aiohttp

from bridge.plugin import Clock, Key, Media, PluginError, RefusedError, UnavailableError
from plugins.x.answers import Json
from plugins.x.api import Api, Purse
from plugins.x.prices import Kind

COUNT: Final = 4
PICTURES: Final = frozenset({"image/jpeg", "image/png", "image/webp"})
_GIF: Final = "image/gif"
_FILMS: Final = frozenset({"video/mp4", "video/quicktime", "video/webm"})
TYPES: Final = PICTURES | {_GIF} | _FILMS
PICTURE_BYTES: Final = 5_000_000
_GIF_BYTES: Final = 15_000_000
_FILM_BYTES: Final = 512_000_000
_ALT: Final = 1_000
_CHUNK: Final = 2_000_000
"""Bytes of one part of a film; each is a request with its own 15 s."""
_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 30.0
_KEPT: Final = 3600.0
_MOST: Final = 64
_MEGA: Final = 1_000_000

_log = logging.getLogger(__name__)


def check(media: Sequence[Media]) -> None:
    """Raise RefusedError, with a sentence for people, for what X would refuse."""
    if len(media) > COUNT:
        raise RefusedError(f"X takes at most {COUNT} attachments in a post, not {len(media)}.")
    for number, one in enumerate(media, 1):
        if problem := _problem(one):
            raise RefusedError(f"X can't take attachment {number}: {problem}.")


def _problem(one: Media) -> str | None:
    kind = kind_of(one)
    most = PICTURE_BYTES if kind in PICTURES else _GIF_BYTES if kind == _GIF else _FILM_BYTES
    if kind not in TYPES:
        return f"it is {kind or 'of no type'}, which X doesn't take"
    if not one.data:
        return "it is empty"
    if len(one.data) > most:
        return f"it has {len(one.data) / _MEGA:.1f} MB, and {most / _MEGA:.1f} MB is the most"
    if len(one.alt) > _ALT:
        return f"its description has {len(one.alt)} characters, and {_ALT} is the most"
    return None


def kind_of(one: Media) -> str:
    """Return the MIME type without its parameters, in lower case."""
    return one.type.partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upload:
    """What is at X already: its id, since when (monotonic), after how many seconds to ask (None: ready), described."""

    id: str
    since: float
    wait: float | None = None
    described: bool = False


class Uploads:
    """Uploads, and remembers for an hour what has been uploaded for a delivery that isn't published yet.

    So another attempt at it goes on where the last one ended. (X forgets what is attached to nothing after a day.)
    """

    def __init__(self, api: Api, purse: Purse, clock: Clock, patience: float) -> None:
        """Take what sends and what pays, and how many seconds the attachments of a post may take, all in all."""
        self._api = api
        self._purse = purse
        self._clock = clock
        self._patience = patience
        self._held: OrderedDict[tuple[str, int], _Upload] = OrderedDict()

    async def ready(self, media: Sequence[Media], key: Key) -> tuple[str, ...]:
        """Upload, describe, and wait until X has processed all of it; return the ids.

        Raises UnavailableError, or RefusedError or UnauthorizedError where X says so; never UncertainError.
        """
        if not media:
            return ()
        try:
            return await self._clock.within(self._patience, self._all(media, key))
        except TimeoutError:
            raise UnavailableError(f"X didn't have the attachments ready within {self._patience:.0f} s.") from None

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

    async def _all(self, media: Sequence[Media], key: Key) -> tuple[str, ...]:
        return tuple([await self._one(one, (key.token, place)) for place, one in enumerate(media)])

    async def _one(self, one: Media, slot: tuple[str, int]) -> str:
        held = self._held.get(slot)
        try:
            if held is None or self._clock.monotonic() - held.since > _KEPT:
                held = self._hold(slot, await self._upload(one))
            while held.wait is not None:
                await self._clock.sleep(held.wait)
                held = self._hold(slot, replace(held, wait=await self._progress(held.id)))
        except RefusedError:
            self._held.pop(slot, None)
            raise
        if one.alt and not held.described:
            await self._describe(held.id, one.alt)
            held = self._hold(slot, replace(held, described=True))
        return held.id

    async def _upload(self, one: Media) -> _Upload:
        whole = kind_of(one) in PICTURES or (kind_of(one) == _GIF and len(one.data) <= PICTURE_BYTES)
        data = await (self._whole(one) if whole else self._in_parts(one))
        return _Upload(id=_id(data), since=self._clock.monotonic(), wait=_wait(data))

    async def _whole(self, one: Media) -> Json:
        form = _form(one, one.data)
        form.add_field("media_category", _category(one))
        return _data(await self._api.call("POST", "/2/media/upload", form=form))

    async def _in_parts(self, one: Media) -> Json:
        begin = {"media_category": _category(one), "media_type": kind_of(one), "total_bytes": len(one.data)}
        identifier = _id(_data(await self._api.call("POST", "/2/media/upload/initialize", json=begin)))
        for index, at in enumerate(range(0, len(one.data), _CHUNK)):
            form = _form(one, one.data[at : at + _CHUNK])
            form.add_field("segment_index", str(index))
            await self._api.call("POST", f"/2/media/upload/{identifier}/append", form=form)
        ended = _data(await self._api.call("POST", f"/2/media/upload/{identifier}/finalize"))
        return {**ended, "id": identifier}

    async def _progress(self, identifier: str) -> float | None:
        asked = {"media_id": identifier, "command": "STATUS"}
        return _wait(_data(await self._api.call("GET", "/2/media/upload", params=asked)))

    async def _describe(self, identifier: str, alt: str) -> None:
        """Say what a picture shows; where that fails the post goes out all the same, and the log says so."""
        try:
            await self._purse.reserve(Kind.DESCRIBE)
            described = {"id": identifier, "metadata": {"alt_text": {"text": alt}}}
            await self._api.call("POST", "/2/media/metadata", json=described)
        except PluginError as error:
            _log.warning("X has not taken the description of a picture: %s", error)

    def _hold(self, slot: tuple[str, int], upload: _Upload) -> _Upload:
        self._held[slot] = upload
        while len(self._held) > _MOST:
            self._held.popitem(last=False)
        return upload


def _category(one: Media) -> str:
    kind = kind_of(one)
    return "tweet_image" if kind in PICTURES else "tweet_gif" if kind == _GIF else "tweet_video"


def _form(one: Media, data: bytes) -> aiohttp.FormData:
    """Return a form with bytes of a picture, as a file: bytes as they are would be written without a pause."""
    form = aiohttp.FormData()
    name = f"attachment{guess_extension(kind_of(one)) or ''}"
    form.add_field("media", BytesIO(data), filename=name, content_type=kind_of(one))
    return form


def _data(answer: Json) -> Json:
    data = answer.get("data")
    return cast("Json", data) if isinstance(data, dict) else {}


def _id(data: Json) -> str:
    if not data.get("id"):
        raise UnavailableError("X took an attachment, but its answer can't be read.")
    return str(data["id"])


def _wait(data: Json) -> float | None:
    """Return after how many seconds to ask again; None once it is processed. Raises RefusedError where it can't be."""
    info: Any = data.get("processing_info")
    if not isinstance(info, dict):
        return None
    told = cast("Json", info)
    state = str(told.get("state") or "").lower()
    if state == "failed":
        raise RefusedError("X can't process an attachment: convert it to MP4 with H.264, or to JPEG, and try again.")
    if state == "succeeded":
        return None
    after = told.get("check_after_secs")
    return min(max(float(after), _PAUSE), _LONGEST_PAUSE) if isinstance(after, int | float) else _PAUSE
