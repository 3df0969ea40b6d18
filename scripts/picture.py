# ruff: noqa: INP001, PLR2004 - scripts, not a package; coordinates mean what they draw
"""Draws the bot's picture, bridge/chat/picture.png: a line of talk that goes out into the world.

    .venv/bin/python scripts/picture.py

It is drawn with 16 points for each of its own, in a palette, so that it stays small enough for every roster.
"""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path
from typing import Final

SIZE: Final = 96
FINE: Final = 4
SHADES: Final = 8
TARGET: Final = Path(__file__).parents[1] / "bridge" / "chat" / "picture.png"

_PAPER: Final = (0x12, 0x5E, 0x67)
_INK: Final = (0xFF, 0xFF, 0xFF)


def rounded(x: float, y: float, box: tuple[float, float, float, float], radius: float) -> bool:
    """Tell whether a point is inside of a box with round corners."""
    left, top, right, bottom = box
    across = max(left + radius - x, x - (right - radius), 0.0)
    down = max(top + radius - y, y - (bottom - radius), 0.0)
    return across**2 + down**2 <= radius**2


def inked(x: float, y: float) -> bool:
    """Tell whether a point belongs to the drawing: a bubble with its tail, an arrow cut out of it."""
    bubble = rounded(x, y, (16, 18, 80, 66), 12) or (26 <= x <= 44 and 60 <= y <= 80 and (x - 26) + (y - 62) <= 18)
    shaft = 28 <= x <= 56 and 38 <= y <= 46
    head = 52 <= x <= 68 and abs(y - 42) <= (68 - x) * 0.9
    return bubble and not shaft and not head


def shade(column: int, row: int) -> int:
    """Return how much of one dot is ink, in steps."""
    hits = sum(inked(column + (i + 0.5) / FINE, row + (j + 0.5) / FINE) for i in range(FINE) for j in range(FINE))
    return round(hits / FINE**2 * (SHADES - 1))


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return one part of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def drawn() -> bytes:
    """Return the whole file."""
    mix = [
        tuple(round(p + (i - p) * step / (SHADES - 1)) for p, i in zip(_PAPER, _INK, strict=True))
        for step in range(SHADES)
    ]
    lines = bytearray()
    for row in range(SIZE):
        dots = [shade(column, row) for column in range(SIZE)]
        lines += b"\0" + bytes(left << 4 | right for left, right in zip(dots[::2], dots[1::2], strict=True))
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 4, 3, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"PLTE", b"".join(bytes(colour) for colour in mix))
        + chunk(b"IDAT", zlib.compress(bytes(lines), 9))
        + chunk(b"IEND", b"")
    )


if __name__ == "__main__":
    TARGET.write_bytes(drawn())
    sys.stdout.write(f"{TARGET.name}: {TARGET.stat().st_size} bytes\n")
