"""Pictures as people and their enemies make them, and what a file holds besides its pixels."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageCms, ImageDraw
from PIL.PngImagePlugin import PngInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

MAKER = "Exemplar Optics"
COMMENT = "taken at the kitchen table"
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><secret>kitchen table</secret></x:xmpmeta>'
SECRETS = (b"Exif", b"GPS", b"http://ns.adobe.com/xap", b"xmpmeta", b"kitchen table", MAKER.encode(), b"ICC", b"8BIM")
"""What no published picture has in it."""
RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 200, 30), (30, 30, 220), (255, 255, 255)
PNG_MARK = b"\x89PNG\r\n\x1a\n"


def corners(mode: str = "RGB", size: tuple[int, int] = (48, 32)) -> Image.Image:
    """A picture that tells how it is turned: red, green, blue and white, clockwise from the top left."""
    wide, high = size
    picture = Image.new("RGB", size)
    draw = ImageDraw.Draw(picture)
    for colour, x, y in ((RED, 0, 0), (GREEN, wide // 2, 0), (BLUE, wide // 2, high // 2), (WHITE, 0, high // 2)):
        draw.rectangle((x, y, x + wide // 2, y + high // 2), fill=colour)
    return picture.convert(mode)


def colours_of(picture: Image.Image) -> str:
    """The corners, clockwise from the top left: RGBW where the picture isn't turned, a dot for what is clear."""
    seen = picture.convert("RGBA")
    right, low = picture.width - 2, picture.height - 2
    names = {RED: "R", GREEN: "G", BLUE: "B", WHITE: "W"}
    found = ""
    for at in ((1, 1), (right, 1), (right, low), (1, low)):
        pixel = seen.getpixel(at)
        assert isinstance(pixel, tuple)
        *colour, alpha = pixel
        near = min(names, key=lambda name: sum(abs(a - b) for a, b in zip(name, colour, strict=True)))
        found += names[near] if alpha else "."
    return found


def exif(orientation: int = 6) -> Image.Exif:
    """What a telephone writes: who made it, how it was held, and where."""
    made = Image.Exif()
    made[0x010F] = MAKER
    made[0x0112] = orientation
    made.get_ifd(0x8825).update({1: "N", 2: (48.0, 12.0, 30.0), 3: "E", 4: (16.0, 22.0, 1.0), 29: "2030:01:02"})
    return made


def profile() -> bytes:
    """A colour profile."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def strange_profile() -> bytes:
    """A colour profile by which red is blue, and blue red."""
    return profile().replace(b"rXYZ", b"????", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"????", b"bXYZ", 1)


def phone_jpeg(picture: Image.Image | None = None, orientation: int = 6) -> bytes:
    """A JPEG with everything that a telephone leaves in it, and something after its end."""
    out = BytesIO()
    (picture or corners()).save(
        out, "JPEG", quality=95, exif=exif(orientation), comment=COMMENT, xmp=XMP, icc_profile=profile(), subsampling=0
    )
    data = out.getvalue()
    photoshop = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x10kitchen table..."
    segment = b"\xff\xed" + struct.pack(">H", len(photoshop) + 2) + photoshop
    return data[:2] + segment + data[2:] + b"kitchen table, once more"


def full_png(picture: Image.Image, **options: object) -> bytes:
    """A PNG with text of all kinds, EXIF, a profile and a time."""
    info = PngInfo()
    info.add_text("Comment", COMMENT)
    info.add_text("Author", MAKER, zip=True)
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    info.add(b"tIME", struct.pack(">HBBBBB", 2030, 1, 2, 3, 4, 5))
    out = BytesIO()
    picture.save(out, "PNG", pnginfo=info, exif=exif(), icc_profile=profile(), dpi=(300, 300), **options)
    return out.getvalue() + b"kitchen table"


def full_webp(picture: Image.Image, **options: object) -> bytes:
    """A WebP with EXIF, XMP and a profile."""
    out = BytesIO()
    picture.save(out, "WEBP", exif=exif(), xmp=XMP, icc_profile=profile(), **options)
    return out.getvalue() + b"kitchen table"


def moving_frames() -> list[Image.Image]:
    """Three frames in which a square wanders over what is clear."""
    frames: list[Image.Image] = []
    for left in (0, 8, 16):
        frame = Image.new("RGBA", (32, 24), (0, 0, 0, 0))
        frame.paste(RED, (left, 4, left + 12, 16))
        frames.append(frame)
    return frames


def moving_gif(comment: str = COMMENT) -> bytes:
    """An animated GIF, clear in places, with three delays of its own, repeated four times after the first."""
    out = BytesIO()
    first, *others = moving_frames()
    first.save(
        out,
        "GIF",
        save_all=True,
        append_images=others,
        duration=[100, 250, 400],
        loop=4,
        disposal=2,
        comment=comment.encode(),
    )
    return out.getvalue() + b"kitchen table"


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of these chunks, with right checksums."""
    packed = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    ]
    return PNG_MARK + b"".join(packed)


def png_header(width: int, height: int, depth: int = 8, colour: int = 2) -> tuple[bytes, bytes]:
    """The first chunk of a PNG."""
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)


def black_png(side: int) -> bytes:
    """A whole and right PNG of one bit a pixel, all black."""
    packer = zlib.compressobj(1)
    row = bytes(side // 8 + 2)[: 1 + (side + 7) // 8]
    packed = b"".join(packer.compress(row * 100) for _ in range(side // 100)) + packer.flush()
    return png(png_header(side, side, 1, 0), (b"IDAT", packed), (b"IEND", b""))


def gif_frame(left: int = 0, top: int = 0, width: int = 1, height: int = 1) -> bytes:
    """A frame with data for one black pixel."""
    return b"," + struct.pack("<HHHHB", left, top, width, height, 0) + b"\x02\x02\x44\x01\0"


def gif(width: int, height: int, *parts: bytes) -> bytes:
    """A GIF in two colours."""
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff" + b"".join(parts) + b";"


def parts_of(data: bytes) -> list[str]:
    """The names of everything that a JPEG, PNG or WebP is made of, in order; what follows its end is "more"."""
    if data.startswith(b"\xff\xd8"):
        return list(_segments(data))
    return list(_chunks(data) if data.startswith(PNG_MARK) else _riff(data))


def _segments(data: bytes) -> Iterator[str]:
    at = 2
    while data[at + 1] != 0xD9:
        assert data[at] == 0xFF
        yield f"{data[at + 1]:X}"
        scan = data[at + 1] == 0xDA
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        while scan and (data[at] != 0xFF or data[at + 1] in {0, *range(0xD0, 0xD8)}):
            at += 1
    if at + 2 < len(data):
        yield "more"


def _chunks(data: bytes) -> Iterator[str]:
    at, name = len(PNG_MARK), ""
    while at < len(data) and name != "IEND":
        name = data[at + 4 : at + 8].decode("ascii")
        yield name
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    if at < len(data):
        yield "more"


def _riff(data: bytes) -> Iterator[str]:
    at, end = 12, 8 + int.from_bytes(data[4:8], "little")
    while at < end:
        yield data[at : at + 4].decode("ascii").strip()
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + length + length % 2
    if end < len(data):
        yield "more"


def placed(folder: Path, data: bytes, name: str = "given") -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(data)
    return path


def names_in(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())
