"""Reading a message archive (XEP-0313), one page (XEP-0059) at a time."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, SubElement

from bridge.chat.elements import (
    DATA,
    DELAY,
    DISCO_INFO,
    FORWARD,
    MAM,
    MESSAGE,
    RSM,
    bare,
    sender_of,
    stamp_of,
    timestamp,
)
from bridge.chat.errors import NoAnswer, Refused

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.chat.stream import Stream

PAGE: Final = 50
_ABSENT: Final = frozenset(
    {"feature-not-implemented", "service-unavailable", "not-allowed", "forbidden", "not-acceptable"}
)
_NO_FORM: Final = f"{DATA}x"


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """One message in an archive: its id there, when the server received it, and the message itself."""

    id: str
    stamp: datetime
    message: Element


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Consecutive messages, oldest first; `complete` where no more lie in the direction that was asked for.

    `first` and `last` are the ids to go on from, None for an empty page.
    """

    messages: tuple[Archived, ...]
    complete: bool
    first: str | None
    last: str | None


class NoArchive(Exception):  # noqa: N818 - says what is the case
    """There is no archive at this address, or we may not read it."""


class UnknownPosition(Exception):  # noqa: N818 - as above
    """The archive doesn't know the id that it was asked to go on from: it has forgotten."""


class Archives:
    """Asks archives, and collects their results as they come off the stream."""

    def __init__(self, stream: Stream) -> None:
        """Take the session; every archive is named by its address, our own by our bare one."""
        self._stream = stream
        self._open: dict[str, tuple[str, list[Archived]]] = {}

    def collect(self, message: Element) -> None:
        """Take a message with a `result`, if it comes from an archive that was asked, for the query that was asked."""
        result = message.find(MAM + "result")
        archive, found = self._open.get(result.get("queryid", ""), ("", [])) if result is not None else ("", [])
        author = bare(sender_of(message)) or self._stream.own
        if result is None or not archive or author != archive:
            return
        forwarded = result.find(FORWARD + "forwarded")
        inner = forwarded.find(MESSAGE) if forwarded is not None else None
        stamp = stamp_of(forwarded.find(DELAY + "delay")) if forwarded is not None else None
        identifier = result.get("id")
        if inner is not None and stamp is not None and identifier:
            found.append(Archived(id=identifier, stamp=stamp, message=inner))

    async def page(
        self,
        archive: str,
        *,
        after: str | None = None,
        before: str | None = None,
        start: datetime | None = None,
        size: int = PAGE,
    ) -> Page:
        """Return the page after an id, or before one (`""`: the newest), from `start` on.

        Raises NoArchive, UnknownPosition, and AnswerError for every other way to fail.
        """
        name = uuid.uuid4().hex
        found: list[Archived] = []
        self._open[name] = (archive, found)
        query = _query(name, after=after, before=before, start=start, size=size)
        try:
            answer = await self._stream.ask("set", None if archive == self._stream.own else archive, query)
        except Refused as refusal:
            if refusal.condition == "item-not-found" and (after or before):
                raise UnknownPosition(archive) from refusal
            if refusal.condition in _ABSENT:
                raise NoArchive(archive) from refusal
            raise
        finally:
            del self._open[name]
        return _read(answer, tuple(found))

    async def exists(self, archive: str) -> bool:
        """Ask whether there is an archive at this address (XEP-0313, 7); raises AnswerError where nobody can tell."""
        to = None if archive == self._stream.own else archive
        try:
            answer = await self._stream.ask("get", to, Element(DISCO_INFO + "query"))
        except Refused as refusal:
            if refusal.condition in _ABSENT | {"item-not-found"}:
                return False
            raise
        features = {element.get("var") for element in answer.iter(DISCO_INFO + "feature")}
        return MAM.strip("{}") in features

    async def keep_everything(self) -> None:
        """Let our own archive keep all that is said to us; raises AnswerError where the server won't (XEP-0441)."""
        prefs = Element(MAM + "prefs", {"default": "always"})
        SubElement(prefs, MAM + "always")
        SubElement(prefs, MAM + "never")
        await self._stream.ask("set", None, prefs)


def _query(name: str, *, after: str | None, before: str | None, start: datetime | None, size: int) -> Element:
    query = Element(MAM + "query", {"queryid": name})
    if start is not None:
        form = SubElement(query, DATA + "x", {"type": "submit"})
        for variable, value in (("FORM_TYPE", MAM.strip("{}")), ("start", timestamp(start))):
            attributes = {"var": variable} | ({"type": "hidden"} if variable == "FORM_TYPE" else {})
            SubElement(SubElement(form, DATA + "field", attributes), DATA + "value").text = value
    page = SubElement(query, RSM + "set")
    SubElement(page, RSM + "max").text = str(size)
    if after is not None:
        SubElement(page, RSM + "after").text = after
    if before is not None:
        SubElement(page, RSM + "before").text = before
    return query


def _read(answer: Element, messages: tuple[Archived, ...]) -> Page:
    fin = answer.find(MAM + "fin")
    if fin is None:
        raise NoAnswer("the archive's answer has no end")
    return Page(
        messages=messages,
        complete=fin.get("complete") in {"true", "1"},
        first=fin.findtext(f"{RSM}set/{RSM}first"),
        last=fin.findtext(f"{RSM}set/{RSM}last"),
    )
