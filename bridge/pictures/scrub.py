"""The work on a picture that a stranger may have made: run as a program of its own, which may fail, hang or fall over.

It takes one argument, what to do as JSON, and says on standard output what came of it, as one line of JSON:
{"made": {...}}, {"unfit": why} or {"failed": errno}. `bridge.pictures.scrubbing` asks it and ends it.
"""

from __future__ import annotations

import errno
import json
import math
import os
import resource
import sys
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict

from PIL import Image

from bridge.pictures import gifs, pixels
from bridge.pictures.sniff import GIF, HEAD, JPEG, PNG, TOO_LARGE, TYPES, UNREADABLE, WEBP, Unfit, type_of

if TYPE_CHECKING:
    from collections.abc import Mapping

MEMORY: Final = 1 << 30
MOST_BYTES: Final = 256 << 20
"""How large a written file may become."""
_FILES: Final = 16

_QUALITIES: Final = (84, 78, 72)
"""What is tried after the best, before pixels are given up."""
_GAIN: Final = 3
"""How many times smaller the lowest quality is than the best, at the very most."""
_SMALLEST_SIDE: Final = 16
_LEAST_SHRINKING, _MOST_SHRINKING = 0.9, 0.25
_MACHINE: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR}
    | {errno.EISDIR, errno.EMFILE, errno.ENFILE, errno.ENAMETOOLONG}
)
"""What is the machine's fault and not the picture's."""


class Order(TypedDict):
    """What to do; `types` and `most_bytes` are for `fit` alone."""

    do: str
    source: str
    into: str
    types: list[str]
    most_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was written."""

    type: str
    width: int
    height: int
    frames: int


def scrub(source: Path, into: Path) -> Made:
    """Write a picture anew, without anything but its pixels; raises Unfit, and what Pillow raises for a broken one."""
    media_type = _type(source)
    if media_type == GIF:
        moving = gifs.parse(source.read_bytes())
        keep(gifs.written(moving), into)
        return Made(type=GIF, width=moving.width, height=moving.height, frames=len(moving.frames))
    lossless = media_type == WEBP and _lossless(source)
    with pixels.opened(source, media_type) as picture:
        if pixels.frames_of(picture) > 1:
            moving = pixels.animation(picture)
            return _kept(pixels.animated(media_type, moving, lossless=lossless), media_type, into)
        if picture.info.get("default_image"):
            picture.seek(1)
        subsampling = pixels.subsampling_of(picture)
        plain = pixels.clean(picture)
    if media_type == JPEG:
        return _kept(pixels.jpeg(plain, subsampling=subsampling), media_type, into)
    return _kept(pixels.png(plain) if media_type == PNG else pixels.webp(plain, lossless=lossless), media_type, into)


def fit(source: Path, into: Path, types: frozenset[str], most_bytes: int) -> Made:
    """Write a scrubbed picture as one of these types, in at most so many bytes; see `scrubbing.fit`."""
    media_type, size = _type(source), source.stat().st_size
    taken = media_type in types or not types
    frames = len(gifs.parse(source.read_bytes()).frames) if media_type == GIF else 1
    with pixels.opened(source, media_type) as picture:
        frames = frames if media_type == GIF else pixels.frames_of(picture)
        if taken and (not most_bytes or size <= most_bytes):
            keep(source.read_bytes(), into)
            return Made(type=media_type, width=picture.width, height=picture.height, frames=frames)
        if frames > 1:
            name = media_type.partition("/")[2].upper()
            raise Unfit(
                f"it is an animation of {size / 1000:.1f} kB, and at most {most_bytes / 1000:.1f} kB are taken there"
                if taken
                else f"it is an animated {name}, which isn't taken there, and I don't convert animations"
            )
        plain = pixels.clean(picture)
    opaque = _opaque(plain)
    return _smaller(plain, target(media_type, types, opaque=opaque), most_bytes, into, opaque=opaque)


def target(own: str, types: frozenset[str], *, opaque: bool) -> str:
    """Return the type that a still picture becomes; raises Unfit where none that we write is taken.

    JPEG is best for what is opaque. What shows through stays what it is, or becomes what can show through, too.
    """
    best = (JPEG, own, WEBP, PNG, GIF) if opaque else (*((own,) if own in {PNG, WEBP} else ()), PNG, WEBP, JPEG, GIF)
    for media_type in best:
        if media_type in (types or TYPES):
            return media_type
    raise Unfit("it would have to be a type of picture that I can't write")


def keep(data: bytes, into: Path) -> None:
    """Write a file so that it is there whole and on the disk, or not at all."""
    if len(data) > MOST_BYTES:
        raise Unfit(TOO_LARGE)
    beside = part_of(into)
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(into)
    folder = os.open(into.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def part_of(into: Path) -> Path:
    """Return where a file is while it isn't whole."""
    return into.with_name(f".{into.name}.part")


def answer(order: Order) -> Mapping[str, object]:
    """Do as told, and return what to say of it; raises nothing but what ends a program."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return {"made": asdict(_done(order))}
    except Unfit as error:
        return {"unfit": str(error)}
    except (MemoryError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return {"unfit": TOO_LARGE}
    except OSError as error:
        if error.errno in _MACHINE:
            return {"failed": error.errno}
        return {"unfit": TOO_LARGE if error.errno in {errno.EFBIG, errno.ENOMEM} else UNREADABLE}
    except ValueError as error:
        # Pillow's word for text that unpacks to more than a megabyte.
        return {"unfit": TOO_LARGE if "too large" in str(error) else UNREADABLE}
    except Exception:  # noqa: BLE001  # a hostile file finds ways to fail that nobody has thought of
        return {"unfit": UNREADABLE}


def limit(seconds: float) -> None:
    """Bound what this process may take from now on, for good."""
    whole = math.ceil(seconds)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (whole, whole + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES, _FILES))


def main() -> None:
    """Do what the one argument says."""
    order: Order = json.loads(sys.argv[1])
    limit(order["seconds"])
    sys.stdout.write(json.dumps(answer(order)) + "\n")


def _done(order: Order) -> Made:
    source, into = Path(order["source"]), Path(order["into"])
    if order["do"] == "scrub":
        return scrub(source, into)
    return fit(source, into, frozenset(order["types"]), order["most_bytes"])


def _type(source: Path) -> str:
    with source.open("rb") as file:
        return type_of(file.read(HEAD))


def _lossless(source: Path) -> bool:
    """Whether a WebP file holds its pixels without loss, as far as its first frame tells (RFC 9649, 2.6)."""
    with source.open("rb") as file:
        head = file.read(12)
        while len(head := file.read(8)) == 8:  # noqa: PLR2004  # a chunk's name and length
            name, length = head[:4], int.from_bytes(head[4:], "little")
            if name in {b"VP8 ", b"VP8L"}:
                return name == b"VP8L"
            # A frame has its chunks behind 16 bytes of its own.
            file.seek(16 if name == b"ANMF" else length + length % 2, os.SEEK_CUR)
    return False


def _kept(data: bytes, media_type: str, into: Path) -> Made:
    keep(data, into)
    with pixels.opened(into, media_type) as picture:
        return Made(type=media_type, width=picture.width, height=picture.height, frames=pixels.frames_of(picture))


def _opaque(plain: Image.Image) -> bool:
    if not plain.has_transparency_data:
        return True
    alpha = plain.convert("RGBA").getchannel("A")
    return alpha.getextrema() == (255, 255)


def _smaller(plain: Image.Image, media_type: str, most_bytes: int, into: Path, *, opaque: bool) -> Made:
    """Write with less quality, then with fewer pixels, the first that fits."""
    whole = _for(plain, media_type, opaque=opaque)
    scale = 1.0
    while True:
        size = (max(1, round(whole.width * scale)), max(1, round(whole.height * scale)))
        scaled = whole if scale == 1 else _resized(whole, size)
        best, least = _lightest(scaled, media_type, most_bytes)
        if best is not None:
            return _kept(best, media_type, into)
        if max(size) <= _SMALLEST_SIDE:
            raise Unfit(f"it can't be made as small as the {most_bytes} bytes that are taken there")
        scale *= min(_LEAST_SHRINKING, max(_MOST_SHRINKING, math.sqrt(most_bytes / least)))


def _lightest(scaled: Image.Image, media_type: str, most_bytes: int) -> tuple[bytes | None, int]:
    """Return the best file of this size that fits, or None and how large the smallest would be."""
    data = _written(scaled, media_type, pixels.QUALITY)
    if not most_bytes or len(data) <= most_bytes:
        return data, len(data)
    if media_type not in {JPEG, WEBP} or len(data) > most_bytes * _GAIN:
        return None, len(data)
    least = _written(scaled, media_type, _QUALITIES[-1])
    if len(least) > most_bytes:
        return None, len(least)
    for quality in _QUALITIES[:-1]:
        data = _written(scaled, media_type, quality)
        if len(data) <= most_bytes:
            return data, len(data)
    return least, len(least)


def _for(plain: Image.Image, media_type: str, *, opaque: bool) -> Image.Image:
    """Return the pixels in full colours, on white where the type has nothing to show through with."""
    if opaque:
        return plain.convert("L" if plain.mode in {"1", "L", "LA"} else "RGB")
    seen = plain.convert("RGBA")
    if media_type in {PNG, WEBP}:
        return seen
    ground = Image.new("RGB", seen.size, "white")
    ground.paste(seen, mask=seen.getchannel("A"))
    return ground


def _resized(whole: Image.Image, size: tuple[int, int]) -> Image.Image:
    return whole.resize(size, Image.Resampling.LANCZOS)  # pyright: ignore[reportUnknownMemberType]  # it names numpy


def _written(picture: Image.Image, media_type: str, quality: int) -> bytes:
    if media_type == JPEG:
        return pixels.jpeg(picture, quality)
    if media_type == WEBP:
        return pixels.webp(picture, quality)
    return pixels.png(picture) if media_type == PNG else pixels.gif(picture)


if __name__ == "__main__":
    main()
