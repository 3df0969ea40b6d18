"""Pictures made safe to publish. The work is done by a child process, since what is worked on may be made to harm."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog

from bridge.pictures.sniff import HEAD, TOO_LARGE, UNREADABLE, Unfit, type_of

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from pathlib import Path

_log = structlog.stdlib.get_logger(__name__)

_COMMAND: Final = (sys.executable, "-I", "-X", "utf8", "-m", "bridge.pictures.scrub")
_MOST_SAID: Final = 4096
_LONGEST_SENTENCE: Final = 300
_OUT_OF_BOUNDS: Final = (-signal.SIGKILL, -signal.SIGXCPU)


class ScrubError(Exception):
    """One clause for people: why this isn't a picture that can be published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrubbed:
    """A picture as it was written: its media type, bytes, pixels and frames."""

    type: str
    size: int
    width: int
    height: int
    frames: int


async def scrub(source: Path, into: Path, *, seconds: float = 30.0) -> Scrubbed:
    """Write the picture in `source` anew as `into`: upright, in sRGB, and without anything beside its pixels.

    It is JPEG, PNG, GIF or WebP by its content, and stays so; names and claims aren't looked at. Animations stay
    animated. `into` is another file in a folder that exists. It is whole and on the disk when this returns; otherwise
    there is none, not even one of before.

    Raises ScrubError where the picture isn't fit, and OSError where the machine is to blame.
    """
    return await _ask("scrub", source, into, seconds=seconds)


async def fit(source: Path, into: Path, *, types: frozenset[str], most_bytes: int, seconds: float = 30.0) -> Scrubbed:
    """Write what `scrub` has written as one of these media types (none: any), in at most so many bytes (0: any number).

    What fits is copied. What doesn't becomes JPEG, or where it is transparent PNG or WebP if one is taken, and lies on
    white if not; then quality is given up, and then pixels. The same picture and wishes give the same bytes. Animations
    are never converted.

    `into`, and what is raised, are as with `scrub`.
    """
    return await _ask("fit", source, into, types=sorted(types), most_bytes=most_bytes, seconds=seconds)


async def _ask(
    do: str, source: Path, into: Path, *, seconds: float, types: list[str] | None = None, most_bytes: int = 0
) -> Scrubbed:
    order = {
        "do": do,
        "source": str(source),
        "into": str(into),
        "types": types or [],
        "most_bytes": most_bytes,
        "seconds": seconds,
    }
    done = False
    try:
        async with asyncio.timeout(seconds):
            said, status = await _child(json.dumps(order))
        scrubbed = _understood(said, status, into)
        done = True
    except TimeoutError:
        raise ScrubError(TOO_LARGE) from None
    finally:
        if not done:
            for left in (into, into.with_name(f".{into.name}.part")):
                left.unlink(missing_ok=True)
    return scrubbed


async def _child(order: str) -> tuple[bytes, int | None]:
    """Return what the child said and its status; it is gone when this returns or raises."""
    process = await asyncio.create_subprocess_exec(
        *_COMMAND,
        order,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
        close_fds=True,
        start_new_session=True,
    )
    try:
        said = await _all_said(process)
        return said, await process.wait()
    finally:
        await _end(process)


async def _all_said(process: Process) -> bytes:
    """Return the beginning of it; whatever is said beyond is heard out, and forgotten."""
    said = b""
    while process.stdout is not None and (piece := await process.stdout.read(_MOST_SAID)):
        said = (said + piece)[:_MOST_SAID]
    return said


async def _end(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    await _all_said(process)
    await process.wait()


def _understood(said: bytes, status: int | None, into: Path) -> Scrubbed:
    """Return what the child has made, believing no more of its answer than can be seen."""
    try:
        answer: Any = json.loads(said) if status == 0 else {}
    except ValueError:
        answer = {}
    match answer:
        case {"made": {"type": str(kind), "width": int(width), "height": int(height), "frames": int(frames)}}:
            if _looks_like(into) != kind:
                raise ScrubError(UNREADABLE)
            return Scrubbed(type=kind, size=into.stat().st_size, width=width, height=height, frames=frames)
        case {"unfit": str(why)} if why.isprintable() and len(why) <= _LONGEST_SENTENCE:
            raise ScrubError(why)
        case {"failed": int(number)}:
            raise OSError(number, os.strerror(number), str(into))
        case _:
            _log.error("the program that cleans pictures ended without an answer", status=status)
            raise ScrubError(TOO_LARGE if status in _OUT_OF_BOUNDS else UNREADABLE)


def _looks_like(into: Path) -> str | None:
    try:
        with into.open("rb") as file:
            return type_of(file.read(HEAD))
    except (OSError, Unfit):
        return None
