"""The pixels of a picture: opened after its size is judged, upright, in sRGB, and written alone."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any, Final, TypeAlias

from PIL import Image, ImageCms, JpegImagePlugin

from bridge.pictures.sniff import GIF, HEAD, JPEG, MOST_PIXELS, PNG, WEBP, judge, webp_size

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from PIL.ImageFile import ImageFile

    Transparency: TypeAlias = int | bytes | tuple[int, int, int]

QUALITY: Final = 90

_FORMATS: Final = {JPEG: "JPEG", PNG: "PNG", GIF: "GIF", WEBP: "WEBP"}
_ORIENTATION: Final = 0x0112
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SUBSAMPLING: Final = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}
_DEEPER: Final = 8
"""Bits that a channel of 16 has more than one of 8."""
_MANY_PIXELS: Final = 8_000_000
_THOROUGH, _QUICK = 6, 3
"""How hard zlib tries for a PNG, and for one of many pixels, which would take too long."""

Image.MAX_IMAGE_PIXELS = MOST_PIXELS


@dataclass(frozen=True, slots=True, kw_only=True)
class Animation:
    """Whole frames, the milliseconds that each is shown, and how often all are repeated: 0 is for ever."""

    frames: tuple[Image.Image, ...]
    milliseconds: tuple[float, ...]
    loop: int


@contextmanager
def opened(source: Path, media_type: str) -> Generator[ImageFile]:
    """Open a file as that type, and no other, with only its header read; raises Unfit where that tells of too much.

    Whether it is one is for `sniff.type_of` to say; what Pillow raises for a broken one is passed on.
    """
    with source.open("rb") as file:
        if media_type == WEBP:
            judge(*webp_size(file.read(HEAD)))
        with _header(file, _FORMATS[media_type]) as picture:
            judge(*picture.size, frames_of(picture))
            yield picture


def frames_of(picture: Image.Image) -> int:
    """Return how many frames are shown one after the other.

    The further pictures in a telephone's JPEG are none (depth, brightness), nor is what an animated PNG shows to
    programs that can't animate.
    """
    if isinstance(picture, JpegImagePlugin.JpegImageFile):
        return 1
    return int(getattr(picture, "n_frames", 1)) - bool(picture.info.get("default_image"))


def clean(picture: Image.Image) -> Image.Image:
    """Return the frame that a picture stands at, and nothing else of it: upright, in sRGB, 8 bits a channel.

    Its mode is one of 1, L, LA, P, RGB and RGBA; the one thing left in `info` is the `transparency` of a palette.
    """
    picture.load()
    turn = _TURNS.get(_orientation(picture))
    plain = picture.copy() if turn is None else picture.transpose(turn)
    plain.info = {}
    transparency: Transparency | None = picture.info.get("transparency")
    plain = _eight_bits(plain) if transparency is None else _with_alpha(plain, transparency)
    profile = picture.info.get("icc_profile")
    if isinstance(profile, bytes) and profile:
        plain = _in_srgb(plain, profile)
    plain = plain.convert("RGB") if plain.mode == "CMYK" else plain
    # Pillow notes the new profile there, and would write it.
    plain.info = {"transparency": transparency} if plain.mode == "P" and transparency is not None else {}
    return plain


def animation(picture: Image.Image) -> Animation:
    """Return all frames, each as `clean` does, in RGB or RGBA."""
    frames: list[Image.Image] = []
    milliseconds: list[float] = []
    first = int(bool(picture.info.get("default_image")))
    for number in range(first, first + frames_of(picture)):
        picture.seek(number)
        frame = clean(picture)
        frames.append(frame.convert("RGBA" if frame.has_transparency_data else "RGB"))
        milliseconds.append(float(picture.info.get("duration", 0)))
    return Animation(frames=tuple(frames), milliseconds=tuple(milliseconds), loop=int(picture.info.get("loop", 0)))


def subsampling_of(picture: Image.Image) -> str | None:
    """Return how much of the colours a JPEG has, in the words that `jpeg` takes; None where it isn't known."""
    return _SUBSAMPLING.get(JpegImagePlugin.get_sampling(picture))


def jpeg(picture: Image.Image, quality: int = QUALITY, subsampling: str | None = None) -> bytes:
    """Write an opaque picture, as `clean` returns it."""
    plain = picture if picture.mode in {"L", "RGB"} else picture.convert("L" if picture.mode == "1" else "RGB")
    out = BytesIO()
    extra = {} if subsampling is None else {"subsampling": subsampling}
    plain.save(out, "JPEG", quality=quality, optimize=True, progressive=True, **extra)
    return out.getvalue()


def png(picture: Image.Image) -> bytes:
    """Write a picture without loss; palette and transparency are kept."""
    out = BytesIO()
    picture.save(out, "PNG", compress_level=_QUICK if picture.width * picture.height > _MANY_PIXELS else _THOROUGH)
    return out.getvalue()


def webp(picture: Image.Image, quality: int = QUALITY, *, lossless: bool = False) -> bytes:
    """Write a picture; transparency is kept."""
    out = BytesIO()
    picture.save(out, "WEBP", quality=quality, lossless=lossless)
    return out.getvalue()


def gif(picture: Image.Image) -> bytes:
    """Write a still picture, in 256 colours."""
    out = BytesIO()
    picture.save(out, "GIF")
    return out.getvalue()


def animated(media_type: str, moving: Animation, *, lossless: bool = False) -> bytes:
    """Write an animated PNG or WebP; frames that look the same may become one."""
    out = BytesIO()
    first, *others = moving.frames
    durations = list(moving.milliseconds)
    if media_type == PNG:
        first.save(out, "PNG", save_all=True, append_images=others, duration=durations, loop=moving.loop)
    else:
        first.save(
            out,
            "WEBP",
            save_all=True,
            append_images=others,
            duration=durations,
            loop=moving.loop,
            quality=QUALITY,
            lossless=lossless,
        )
    return out.getvalue()


def _header(file: IO[bytes], form: str) -> ImageFile:
    # Pillow would refuse what is too large without saying how large that is; no pixel is unpacked yet.
    Image.MAX_IMAGE_PIXELS = None
    try:
        return Image.open(file, formats=[form])
    finally:
        Image.MAX_IMAGE_PIXELS = MOST_PIXELS


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001  # what can't be read turns nothing, in whatever way it can't
        return 1


def _eight_bits(plain: Image.Image) -> Image.Image:
    if plain.mode == "I;16":
        # Pillow would cut off what is brighter than 255; of two bytes the second is the higher one.
        return Image.frombytes("L", plain.size, plain.tobytes()[1::2])
    if plain.mode in {"1", "L", "LA", "P", "RGB", "RGBA", "CMYK"}:
        return plain
    return plain.convert("RGBA" if plain.has_transparency_data else "RGB")


def _with_alpha(plain: Image.Image, transparency: Transparency) -> Image.Image:
    """Keep a palette's transparency beside it; make that of one colour or shade a channel."""
    if plain.mode == "P":
        plain.info["transparency"] = transparency
        return plain
    deep = plain.mode not in {"1", "L", "RGB"}
    plain = _eight_bits(plain)
    if plain.mode not in {"1", "L", "RGB"}:
        return plain
    if deep and isinstance(transparency, int):
        transparency >>= _DEEPER
    plain.info["transparency"] = transparency
    plain = plain.convert("RGBA" if plain.mode == "RGB" else "LA")
    plain.info = {}
    return plain


def _in_srgb(plain: Image.Image, profile: bytes) -> Image.Image:
    """Return the colours as the profile means them; as they are where it can't be used with them."""
    try:
        return _converted(plain, ImageCms.ImageCmsProfile(BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return plain


def _converted(plain: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    srgb = _srgb()
    if plain.mode == "P":
        colours = bytes(plain.getpalette("RGB") or b"")
        strip = Image.frombytes("RGB", (len(colours) // 3, 1), colours)
        ImageCms.profileToProfile(strip, profile, srgb, inPlace=True)
        plain.putpalette(strip.tobytes())
        return plain
    if plain.mode in {"RGB", "RGBA"}:
        ImageCms.profileToProfile(plain, profile, srgb, inPlace=True)
        return plain
    if plain.mode == "LA":
        alpha = plain.getchannel("A")
        grey = _converted(plain.getchannel("L"), profile)
        grey.putalpha(alpha)
        return grey
    colour = ImageCms.profileToProfile(plain, profile, srgb, outputMode="RGB")
    if colour is None or plain.mode == "CMYK":
        return colour or plain
    return colour.convert("L")


def _srgb() -> ImageCms.ImageCmsProfile:
    # Pillow doesn't say what it makes here.
    made: Any = ImageCms.createProfile("sRGB")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return ImageCms.ImageCmsProfile(made)
