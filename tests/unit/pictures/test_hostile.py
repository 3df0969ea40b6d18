"""What is made to harm, or no picture at all: told in a sentence, and nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from bridge.pictures import pixels, scrubbing
from bridge.pictures.scrub import Order, answer, main
from bridge.pictures.scrubbing import ScrubError, scrub
from bridge.pictures.sniff import GIF, HEAD, UNREADABLE, WEBP, Unfit, judge, type_of, webp_size
from tests.servers.pictures import (
    black_png,
    corners,
    full_webp,
    gif,
    gif_frame,
    moving_gif,
    names_in,
    phone_jpeg,
    placed,
    png,
    png_header,
)

if TYPE_CHECKING:
    from asyncio.subprocess import Process

UNPACKS_TO_TOO_MUCH = "it is too large to unpack"
ONLY = ", and I take only JPEG, PNG, GIF or WebP"
END = (b"IEND", b"")
FULL_FRAME = gif_frame()


def pixels_too_many(width: int, height: int) -> str:
    return f"it has {width} x {height} pixels, and I take at most 50 megapixels and 20000 pixels a side"


def packed(data: bytes) -> bytes:
    return zlib.compress(data, 9)


def text_bomb() -> bytes:
    text = (b"iTXt", b"Comment\0\1\0\0\0" + packed(bytes(60_000_000)))
    return png(png_header(1, 1), text, (b"IDAT", packed(bytes(4))), END)


def bad_checksum() -> bytes:
    data = bytearray(png(png_header(1, 1), (b"IDAT", packed(bytes(4))), END))
    data[29] ^= 1
    return bytes(data)


def webp_of(width: int, height: int) -> bytes:
    data = bytearray(full_webp(corners()))
    data[24:30] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes(data)


def garbage_after(head: bytes) -> bytes:
    return head + random.Random(7).randbytes(4000)


def orders(source: Path, into: Path) -> Order:
    return Order(do="scrub", source=str(source), into=str(into), types=[], most_bytes=0, seconds=5)


HOSTILE = {
    "a PNG that claims to be huge": (
        png(png_header(60_000, 60_000), (b"IDAT", packed(bytes(100))), END),
        pixels_too_many(60_000, 60_000),
    ),
    "a GIF with a screen that is huge": (gif(65535, 65535, FULL_FRAME), pixels_too_many(65535, 65535)),
    "a GIF of thousands of frames": (
        gif(1, 1, FULL_FRAME * 5000),
        "it has more than 500 frames, and I take at most so many",
    ),
    "a GIF of many large frames": (
        gif(5000, 5000, FULL_FRAME * 9),
        "its 9 frames have 225 megapixels together, and I take at most 200",
    ),
    "a GIF whose frame sticks out": (gif(4, 4, gif_frame(0, 0, 5, 4)), UNREADABLE),
    "a GIF without a frame": (gif(4, 4), UNREADABLE),
    "a GIF that breaks off": (moving_gif()[:200], UNREADABLE),
    "a GIF of something else": (gif(4, 4, b"?"), UNREADABLE),
    "a GIF with half a control": (gif(4, 4, b"!\xf9\x02ab\0", FULL_FRAME), UNREADABLE),
    "a GIF with too few pixels": (gif(4, 4, gif_frame(0, 0, 4, 4)), UNREADABLE),
    "a JPEG that breaks off": (phone_jpeg()[:-200], UNREADABLE),
    "a JPEG of noise": (garbage_after(b"\xff\xd8\xff\xe0"), UNREADABLE),
    "a PNG with a bad checksum": (bad_checksum(), UNREADABLE),
    "a PNG without pixels": (png(png_header(10, 10), END), UNREADABLE),
    "a PNG no pixel wide": (png(png_header(0, 10), (b"IDAT", packed(b"")), END), UNREADABLE),
    "a PNG with a bomb for text": (text_bomb(), UNPACKS_TO_TOO_MUCH),
    "a WebP that claims to be huge": (webp_of(16383, 16383), pixels_too_many(16383, 16383)),
    "a WebP with a size that isn't so": (webp_of(400, 300), UNREADABLE),
    "a WebP of noise": (garbage_after(b"RIFF\0\0\0\1WEBPVP8 "), None),
    "nothing": (b"", "it is empty"),
    "words": (b"just words", "I take pictures only: JPEG, PNG, GIF or WebP"),
    "a page": (b"\n<!DOCTYPE html><script>alert(1)</script>", "it is an HTML page" + ONLY),
    "a drawing with a script": (
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "it is an SVG drawing" + ONLY,
    ),
    "a video": (b"\0\0\0\x20ftypisom\0\0\2\0", "it is an MP4 video" + ONLY),
    "an Apple video": (b"\0\0\0\x14ftypqt  \0\0\2\0", "it is a QuickTime video" + ONLY),
    "an iPhone's picture": (b"\0\0\0\x18ftypheic\0\0\0\0", "it is a HEIC picture" + ONLY),
    "an AVIF": (b"\0\0\0\x18ftypavif\0\0\0\0", "it is an AVIF picture" + ONLY),
    "a TIFF": (b"II*\0\x08\0\0\0", "it is a TIFF picture" + ONLY),
    "a Photoshop file": (b"8BPS\0\1", "it is a Photoshop picture" + ONLY),
    "an EPS": (b"%!PS-Adobe-3.0 EPSF-3.0", "it is a PostScript drawing" + ONLY),
    "an icon": (b"\0\0\1\0\1\0\x10\x10", "it is an icon" + ONLY),
    "a bitmap": (b"BM" + bytes(12) + b"\x28\0\0\0", "it is a BMP picture" + ONLY),
    "a document": (b"%PDF-1.7", "it is a PDF document" + ONLY),
    "an archive": (b"PK\x03\x04", "it is a ZIP archive" + ONLY),
    "a program": (b"\x7fELF\2\1\1", "it is an ELF program" + ONLY),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_wrong_is_said(tmp_path: Path, name: str) -> None:
    data, sentence = HOSTILE[name]
    said = answer(orders(placed(tmp_path, data, "holiday.png"), tmp_path / "into"))
    assert set(said) == {"unfit"}
    assert said["unfit"] == sentence or (sentence is None and said["unfit"])
    assert names_in(tmp_path) == ["holiday.png"]


@pytest.mark.parametrize(
    "name",
    [
        "a PNG that claims to be huge",
        "a GIF of thousands of frames",
        "a PNG with a bomb for text",
        "a JPEG that breaks off",
    ],
)
async def test_the_child_says_so(tmp_path: Path, name: str) -> None:
    data, sentence = HOSTILE[name]
    with pytest.raises(ScrubError) as caught:
        await scrub(placed(tmp_path, data, "given"), tmp_path / "into")
    assert str(caught.value) == sentence
    assert names_in(tmp_path) == ["given"]


async def test_a_right_picture_that_is_a_bomb(tmp_path: Path) -> None:
    bomb = black_png(30_000)
    assert len(bomb) < 1_000_000
    with pytest.raises(ScrubError) as caught:
        await scrub(placed(tmp_path, bomb), tmp_path / "into")
    assert str(caught.value) == pixels_too_many(30_000, 30_000)


async def test_a_picture_that_is_an_archive_too(tmp_path: Path) -> None:
    archive = BytesIO(phone_jpeg())
    with zipfile.ZipFile(archive, "a") as writer:
        writer.writestr("evil.html", "<script>alert(1)</script>")
    assert b"PK\x03\x04" in archive.getvalue()
    await scrub(placed(tmp_path, archive.getvalue()), tmp_path / "into")
    data = (tmp_path / "into").read_bytes()
    assert b"PK" not in data
    assert data.endswith(b"\xff\xd9")


async def test_a_picture_that_is_a_script_too(tmp_path: Path) -> None:
    script = b"*/=1;alert(document.cookie)//"
    comment = b"!\xfe" + bytes([len(script)]) + script + b"\0"
    frame = gif_frame()
    unknown = b"!\xff\x0bJavaScript!" + bytes([len(script)]) + script + b"\0"
    given = gif(0x2A2F, 1, comment, unknown, frame) + script
    made = await scrub(placed(tmp_path, given), tmp_path / "into")
    data = (tmp_path / "into").read_bytes()
    assert (made.type, made.width, made.frames) == (GIF, 0x2A2F, 1)
    assert b"alert" not in data
    assert b"JavaScript" not in data


async def child_of(monkeypatch: pytest.MonkeyPatch, program: str) -> list[Process]:
    """Let another program do the child's work, and tell what was started."""
    started: list[Process] = []
    start = asyncio.create_subprocess_exec

    async def start_and_note(*args: Any, **options: Any) -> Process:
        started.append(await start(*args, **options))
        return started[-1]

    head = "import json, os, pathlib, signal, sys, time\norder = json.loads(sys.argv[1])\n"
    head += "into = pathlib.Path(order['into'])\npart = into.with_name(f'.{into.name}.part')\n"
    monkeypatch.setattr(scrubbing, "_COMMAND", (sys.executable, "-I", "-c", head + program))
    monkeypatch.setattr(asyncio, "create_subprocess_exec", start_and_note)
    return started


def assert_gone(started: list[Process]) -> None:
    assert len(started) == 1
    with pytest.raises(ChildProcessError):
        os.waitpid(started[0].pid, os.WNOHANG)
    with pytest.raises(ProcessLookupError):
        os.killpg(started[0].pid, 0)


HANGS = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ninto.touch()\npart.touch()\ntime.sleep(1000)"


async def test_a_child_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = await child_of(monkeypatch, HANGS)
    with pytest.raises(ScrubError, match=UNPACKS_TO_TOO_MUCH):
        await scrub(placed(tmp_path, phone_jpeg()), tmp_path / "into", seconds=0.7)
    assert_gone(started)
    assert names_in(tmp_path) == ["given"]


async def test_who_no_longer_waits_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = await child_of(monkeypatch, HANGS)
    task = asyncio.create_task(scrub(placed(tmp_path, phone_jpeg()), tmp_path / "into"))
    while not started or ".into.part" not in names_in(tmp_path):  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert_gone(started)
    assert names_in(tmp_path) == ["given"]


MADE = '{"made": {"type": "image/png", "width": 1, "height": 1, "frames": 1}}'


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", UNREADABLE),
        ("os.kill(os.getpid(), signal.SIGXCPU)", UNPACKS_TO_TOO_MUCH),
        ("os.kill(os.getpid(), signal.SIGKILL)", UNPACKS_TO_TOO_MUCH),
        ("part.touch()\nraise RuntimeError('a secret')", UNREADABLE),
        ("print('not JSON')", UNREADABLE),
        ("print('x' * 50_000_000)", UNREADABLE),
        (f"print('{MADE}')", UNREADABLE),
        (f"into.write_bytes(b'GIF89a')\nprint('{MADE}')", UNREADABLE),
        ("print(json.dumps({'unfit': 'two\\nlines'}))", UNREADABLE),
    ],
)
async def test_whatever_becomes_of_the_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, sentence: str
) -> None:
    started = await child_of(monkeypatch, program)
    with pytest.raises(ScrubError) as caught:
        await scrub(placed(tmp_path, phone_jpeg()), tmp_path / "into")
    assert str(caught.value) == sentence
    assert_gone(started)
    assert names_in(tmp_path) == ["given"]


def test_the_child_bounds_itself() -> None:
    program = (
        "import json, resource as r\n"
        "from bridge.pictures.scrub import limit\n"
        "limit(4.5)\n"
        "try:\n    bytearray(2 << 30)\n    full = False\n"
        "except MemoryError:\n    full = True\n"
        "kinds = r.RLIMIT_AS, r.RLIMIT_CPU, r.RLIMIT_FSIZE, r.RLIMIT_CORE, r.RLIMIT_NOFILE\n"
        "print(json.dumps([full, *(r.getrlimit(kind) for kind in kinds)]))\n"
    )
    said = subprocess.run([sys.executable, "-I", "-c", program], check=True, capture_output=True, text=True).stdout
    assert json.loads(said) == [True, [1 << 30] * 2, [5, 6], [256 << 20] * 2, [0, 0], [16, 16]]


def test_the_child_starts_light() -> None:
    program = "import sys, bridge.pictures.scrub\nprint(*sys.modules)"
    said = subprocess.run([sys.executable, "-I", "-c", program], check=True, capture_output=True, text=True).stdout
    assert set(said.split()).isdisjoint({"pydantic", "slixmpp", "aiohttp", "sqlalchemy", "asyncio", "structlog"})


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (MemoryError(), UNPACKS_TO_TOO_MUCH),
        (Image.DecompressionBombError(), UNPACKS_TO_TOO_MUCH),
        (OSError(27, "File too large"), UNPACKS_TO_TOO_MUCH),
        (ValueError("no such thing"), UNREADABLE),
        (ZeroDivisionError(), UNREADABLE),
    ],
)
def test_every_way_to_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str) -> None:
    def fail(picture: object) -> None:
        raise error

    monkeypatch.setattr(pixels, "clean", fail)
    assert answer(orders(placed(tmp_path, phone_jpeg()), tmp_path / "into")) == {"unfit": sentence}


def test_the_child_says_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bridge.pictures.scrub.limit", lambda seconds: None)
    order = orders(placed(tmp_path, phone_jpeg()), tmp_path / "into")
    monkeypatch.setattr(sys, "argv", ["scrub", json.dumps(order)])
    main()
    said = capsys.readouterr().out
    assert json.loads(said) == {"made": {"type": "image/jpeg", "width": 32, "height": 48, "frames": 1}}
    assert said.count("\n") == 1


@pytest.mark.parametrize(("lossless", "form"), [(True, b"VP8L"), (False, b"VP8 ")])
def test_the_size_of_a_webp(lossless: bool, form: bytes) -> None:
    plain, full = BytesIO(), full_webp(corners(), lossless=lossless)
    corners().save(plain, "WEBP", lossless=lossless)
    assert plain.getvalue()[12:16] == form
    assert webp_size(plain.getvalue()[:HEAD]) == webp_size(full[:HEAD]) == (48, 32)
    assert type_of(full[:HEAD]) == WEBP


@pytest.mark.parametrize("head", [b"RIFF\0\0\0\0WEBP", b"RIFF\0\0\0\0WEBPEVIL" + bytes(30)])
def test_a_webp_without_a_size(head: bytes) -> None:
    with pytest.raises(Unfit, match=UNREADABLE):
        webp_size(head)


def test_what_is_as_large_as_can_be() -> None:
    judge(20_000, 2500, 4)
    for width, height, frames in ((20_001, 1, 1), (20_000, 2501, 1), (1, 1, 501), (20_000, 2500, 5), (1, 1, 0)):
        with pytest.raises(Unfit):
            judge(width, height, frames)
