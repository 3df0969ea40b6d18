"""GIF files, taken apart and written anew: each frame keeps its place, colours, delay and disposal, and nothing else.

Pillow would draw every frame onto the one before, choose 256 new colours and write what came of it: larger, and less
like what was sent. So it only packs and unpacks the pixels here. The format is that of the GIF89a specification.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from PIL import Image

from bridge.pictures.sniff import UNREADABLE, Unfit, judge

_HAS_PALETTE: Final = 0x80
_INTERLACED: Final = 0x40
_SIZE: Final = 0x07
_CONTROL: Final = 0xF9
_APPLICATION: Final = 0xFF
_DISPOSALS: Final = (0, 1, 2, 3)
_LOOPS: Final = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_INDICES: Final = bytes(part for index in range(256) for part in (index, 0, 0))
"""A palette that Pillow doesn't take for shades of grey, so that it hands out the pixels' indices as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """How a frame is shown: what becomes of it afterwards, hundredths of a second, and the colour that is none."""

    disposal: int = 0
    delay: int = 0
    transparent: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame, its pixels still packed: the size of the first codes, and the sub-blocks up to the empty one."""

    left: int
    top: int
    width: int
    height: int
    interlaced: bool
    palette: bytes
    control: Control
    packed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Gif:
    """A whole file; `loop` is how often it is repeated, 0 for ever, None not at all."""

    width: int
    height: int
    palette: bytes
    loop: int | None
    frames: tuple[Frame, ...]


class _Reader:
    """The bytes of a file, taken one piece after the other; raises Unfit where it ends too early."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, length: int) -> bytes:
        piece = self._data[self._at : self._at + length]
        if len(piece) < length:
            raise Unfit(UNREADABLE)
        self._at += length
        return piece

    def palette(self, flags: int) -> bytes:
        return self.take(3 << (flags & _SIZE) + 1) if flags & _HAS_PALETTE else b""

    def blocks(self) -> list[bytes]:
        found: list[bytes] = []
        while length := self.take(1)[0]:
            found.append(self.take(length))
        return found


def parse(data: bytes) -> Gif:
    """Take a file apart, without unpacking a pixel; what follows its end mark, and all that isn't shown, is left out.

    Raises Unfit for a file that breaks off, has a frame that sticks out of the picture, or is too large.
    """
    reader = _Reader(data)
    width, height, flags = struct.unpack("<6xHHB2x", reader.take(13))
    judge(width, height)
    palette, loop, control = reader.palette(flags), None, Control()
    frames: list[Frame] = []
    while (mark := reader.take(1)) != b";":
        if mark == b"!":
            label, blocks = reader.take(1)[0], reader.blocks()
            if label == _CONTROL:
                control = _control(blocks)
            elif label == _APPLICATION:
                loop = _loop(blocks, loop)
        elif mark == b",":
            frames.append(_frame(reader, width, height, control))
            control = Control()
            judge(width, height, len(frames))
        else:
            raise Unfit(UNREADABLE)
    judge(width, height, len(frames))
    return Gif(width=width, height=height, palette=palette, loop=loop, frames=tuple(frames))


def written(gif: Gif) -> bytes:
    """Return the file anew: the pixels of all frames unpacked and packed again, with what is needed to show them.

    Raises OSError for pixels that can't be unpacked.
    """
    parts = [b"GIF89a", struct.pack("<HHBBB", gif.width, gif.height, _palette_flags(gif.palette), 0, 0), gif.palette]
    if gif.loop is not None and len(gif.frames) > 1:
        parts.append(b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<HB", gif.loop, 0))
    for frame in gif.frames:
        shown = frame.control
        flags = shown.disposal << 2 | (shown.transparent is not None)
        parts.append(b"!\xf9\x04" + struct.pack("<BHBB", flags, shown.delay, shown.transparent or 0, 0))
        place = (frame.left, frame.top, frame.width, frame.height)
        parts.append(b"," + struct.pack("<HHHHB", *place, _palette_flags(frame.palette)) + frame.palette)
        parts.append(_packed_again(frame))
    return b"".join([*parts, b";"])


def _control(blocks: list[bytes]) -> Control:
    try:
        flags, delay, transparent = struct.unpack("<BHB", b"".join(blocks))
    except struct.error:
        raise Unfit(UNREADABLE) from None
    disposal = flags >> 2 & 7
    disposal = disposal if disposal in _DISPOSALS else 0
    return Control(disposal=disposal, delay=delay, transparent=transparent if flags & 1 else None)


def _loop(blocks: list[bytes], known: int | None) -> int | None:
    match blocks:
        case [name, counts, *_] if name in _LOOPS and counts.startswith(b"\1"):
            return int.from_bytes(counts[1:3], "little")
        case _:
            return known


def _frame(reader: _Reader, width: int, height: int, control: Control) -> Frame:
    left, top, wide, high, flags = struct.unpack("<HHHHB", reader.take(9))
    if not wide or not high or left + wide > width or top + high > height:
        raise Unfit(UNREADABLE)
    palette, code = reader.palette(flags), reader.take(1)
    packed = code + b"".join(bytes([len(block)]) + block for block in reader.blocks()) + b"\0"
    return Frame(
        left=left,
        top=top,
        width=wide,
        height=high,
        interlaced=bool(flags & _INTERLACED),
        palette=palette,
        control=control,
        packed=packed,
    )


def _palette_flags(palette: bytes) -> int:
    return _HAS_PALETTE | (len(palette) // 3).bit_length() - 2 if palette else 0


def _packed_again(frame: Frame) -> bytes:
    size = struct.pack("<HH", frame.width, frame.height)
    flags = _INTERLACED if frame.interlaced else 0
    alone = b"GIF89a" + size + b"\xf7\0\0" + _INDICES + b",\0\0\0\0" + size + bytes([flags]) + frame.packed + b";"
    anew = BytesIO()
    with Image.open(BytesIO(alone), formats=["GIF"]) as pixels:
        pixels.load()
        pixels.save(anew, "GIF", optimize=False, interlace=0)
    return parse(anew.getvalue()).frames[0].packed
