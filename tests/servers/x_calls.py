"""One request to the stub of X, as it arrived."""

from __future__ import annotations

import contextlib
import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from aiohttp import web

_NAME: Final = re.compile(rb'[ ;]name="([^"]*)"')
_TIMESTAMP: Final = re.compile(r'oauth_timestamp="(\d+)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that arrived, as it was.

    `form` holds the parts of a form, whose boundary is in `full_type`; `objection` is what its signature lacks.
    """

    number: int
    method: str
    path: str
    query: Mapping[str, str]
    content_type: str
    raw: bytes
    json: Mapping[str, Any] | None = None
    form: Mapping[str, str | bytes] = field(default_factory=dict[str, str | bytes])
    full_type: str = ""
    authorization: str = field(default="", repr=False)
    objection: str | None = None
    at: float = 0.0

    @property
    def posts(self) -> bool:
        """Whether it asks to publish."""
        return (self.method, self.path) == ("POST", "/2/tweets")

    @property
    def plain(self) -> str:
        """The body as text; nothing for a form with parts."""
        return "" if self.form else self.raw.decode(errors="replace")


async def read(request: web.Request, number: int) -> Call:
    """Read a request to its end; a body that can't be read is none."""
    raw = await request.read()
    body: Any = None
    form: dict[str, str | bytes] = {}
    if request.content_type == "application/json":
        with contextlib.suppress(ValueError):
            body = json.loads(raw)
    elif request.content_type.startswith("multipart/"):
        form = dict(_parts(raw, request.headers["Content-Type"]))
    return Call(
        number=number,
        method=request.method,
        path=request.path,
        query=dict(request.query),
        content_type=request.content_type if raw else "",
        raw=raw,
        json=body if isinstance(body, dict) else None,
        form=form,
        full_type=request.headers.get("Content-Type", "") if raw else "",
        authorization=request.headers.get("Authorization", ""),
        at=time.monotonic(),
    )


def _parts(raw: bytes, content_type: str) -> Iterator[tuple[str, str | bytes]]:
    """Yield the name and the content of each part of a form (RFC 7578); what has a file's name is bytes."""
    boundary = content_type.partition("boundary=")[2].strip('"').encode()
    for part in raw.split(b"--" + boundary)[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").removesuffix(b"\r\n").partition(b"\r\n\r\n")
        if name := _NAME.search(head):
            yield name[1].decode(), content if b"filename=" in head else content.decode()


def stale(call: Call, now: datetime, tolerance: float | None) -> str | None:
    """Return what is wrong with the time in a signature, or None; without a tolerance any time is good."""
    signed = _TIMESTAMP.search(call.authorization)
    if tolerance is None or signed is None:
        return None
    off = int(signed[1]) - now.timestamp()
    return f"its time is {off:.0f} s off" if abs(off) > tolerance else None
