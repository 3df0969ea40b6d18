"""What a file is by its first bytes, whatever it is called, and how large a picture may be."""

from __future__ import annotations

import re
from typing import Final

JPEG: Final = "image/jpeg"
PNG: Final = "image/png"
GIF: Final = "image/gif"
WEBP: Final = "image/webp"
TYPES: Final = frozenset({JPEG, PNG, GIF, WEBP})

HEAD: Final = 1024
"""How many of the first bytes are looked at."""
MOST_PIXELS: Final = 50_000_000
MOST_A_SIDE: Final = 20_000
MOST_FRAMES: Final = 500
MOST_PIXELS_OF_ALL: Final = 200_000_000
"""Over all frames of an animation together."""

UNREADABLE: Final = "it can't be read as a picture"
TOO_LARGE: Final = "it is too large to unpack"
_ONLY: Final = "JPEG, PNG, GIF or WebP"

_PICTURES: Final = (
    (re.compile(rb"\xff\xd8\xff"), JPEG),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), PNG),
    (re.compile(rb"GIF8[79]a"), GIF),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), WEBP),
)
_OTHERS: Final = (
    (re.compile(rb"%PDF-"), "a PDF document"),
    (re.compile(rb".{4}ftyp(hei|hev|mif1|msf1)", re.DOTALL), "a HEIC picture"),
    (re.compile(rb".{4}ftypavi", re.DOTALL), "an AVIF picture"),
    (re.compile(rb".{4}ftypqt", re.DOTALL), "a QuickTime video"),
    (re.compile(rb".{4}ftyp", re.DOTALL), "an MP4 video"),
    (re.compile(rb"II\*\0|MM\0\*"), "a TIFF picture"),
    (re.compile(rb"BM.{12}[\x0c\x28\x38\x40\x6c\x7c]\0\0\0", re.DOTALL), "a BMP picture"),
    (re.compile(rb"8BPS"), "a Photoshop picture"),
    (re.compile(rb"%!PS|\xc5\xd0\xd3\xc6"), "a PostScript drawing"),
    (re.compile(rb"\0\0\x01\0"), "an icon"),
    (re.compile(rb"PK[\x03\x05]"), "a ZIP archive"),
    (re.compile(rb"\x7fELF"), "an ELF program"),
    (re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype\s+html|html|head|body|script)\b", re.IGNORECASE), "an HTML page"),
    (re.compile(rb"(\xef\xbb\xbf)?\s*<.*<svg\b|\s*<svg\b", re.IGNORECASE | re.DOTALL), "an SVG drawing"),
)


class Unfit(Exception):  # noqa: N818 - says what is the case
    """This is no picture that can be published; its text is a clause for people that says why."""


def type_of(head: bytes) -> str:
    """Return the media type that the first `HEAD` bytes of a file tell, one of `TYPES`; raises Unfit for any other."""
    if not head:
        raise Unfit("it is empty")
    for looks, media_type in _PICTURES:
        if looks.match(head):
            return media_type
    for looks, name in _OTHERS:
        if looks.match(head):
            raise Unfit(f"it is {name}, and I take only {_ONLY}")
    raise Unfit(f"I take pictures only: {_ONLY}")


def webp_size(head: bytes) -> tuple[int, int]:
    """Return the width and height that a WebP file begins with (RFC 9649, 2.5 to 2.7); raises Unfit where it has none.

    A decoder for WebP reserves its memory by them as soon as it is made.
    """
    chunk, body = head[12:16], head[20:30]
    if len(body) < len(b"flagsWWWHHH") - 1:
        raise Unfit(UNREADABLE)
    if chunk == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    raise Unfit(UNREADABLE)


def judge(width: int, height: int, frames: int = 1) -> None:
    """Raise Unfit for what is larger than we unpack; asked before anything is unpacked."""
    if width < 1 or height < 1 or frames < 1:
        raise Unfit(UNREADABLE)
    if width * height > MOST_PIXELS or max(width, height) > MOST_A_SIDE:
        raise Unfit(
            f"it has {width} x {height} pixels, and I take at most {MOST_PIXELS // 1_000_000} megapixels "
            f"and {MOST_A_SIDE} pixels a side"
        )
    if frames > MOST_FRAMES:
        raise Unfit(f"it has more than {MOST_FRAMES} frames, and I take at most so many")
    if width * height * frames > MOST_PIXELS_OF_ALL:
        raise Unfit(
            f"its {frames} frames have {width * height * frames // 1_000_000} megapixels together, "
            f"and I take at most {MOST_PIXELS_OF_ALL // 1_000_000}"
        )
