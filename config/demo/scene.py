"""The scene that plays by itself: what the bridge promises, done before one's eyes and measured."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from bridge.domain.panic import READING
from config.demo.paper import clean, indented
from config.demo.stage import CUSTOMER
from tests.servers.faults import judge
from tests.servers.person import PersonError
from tests.servers.process import ServerError, tail

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from config.demo.paper import Paper
    from config.demo.stage import Stage
    from tests.servers.heard import Heard
    from tests.servers.mastodon import Toot

FIRST: Final = "EU users can't sign in, we are on it"
BURST: Final = tuple(f"Region {number} of 35 is back" for number in range(1, 36))
KILL_AFTER: Final = 10
SAID_BEFORE: Final = 20
_COLUMN: Final = 60
_LOG_TAIL: Final = 25


class SceneError(Exception):
    """The scene went wrong: the step, what was missed, and the end of the bridge's log."""


class Actors:
    """Who speaks and listens in the scene, and the lines that this prints."""

    def __init__(self, stage: Stage, paper: Paper) -> None:
        """Take the stage, which is ready."""
        self.stage = stage
        self.mastodon = stage.mastodon
        self.raj = stage.people["raj"]
        self.ana = stage.people["ana"]
        self.steps = 0
        self.published: list[str] = []
        self._paper = paper
        self._marks = (0, 0)

    @asynccontextmanager
    async def step(self, title: str) -> AsyncGenerator[None]:
        """Time one step and print what becomes of it; SceneError when it fails."""
        self.steps += 1
        self._marks = (self.raj.mark(), self.ana.mark())
        self._paper.write(f"{self.steps}. {title}", colour="head")
        began = time.monotonic()
        try:
            yield
        except (AssertionError, PersonError, ServerError, TimeoutError) as error:
            log = tail(self.stage.bridge.log_path, _LOG_TAIL)
            raise SceneError(f"in step {self.steps}, {title}:\n{error}\n\nThe bridge's log ends:\n{log}") from None
        self._paper.write(f"   {'ok':<{_COLUMN}}{(time.monotonic() - began) * 1000:>8.0f} ms\n", colour="note")

    async def says(self, text: str, *, room: str | None = None, who: str = "raj") -> None:
        """Have somebody say something in a room, by default ops."""
        self.note(who, text)
        await self.stage.people[who].say(room or self.stage.ops, text)

    async def tells(self, text: str) -> None:
        """Have ana say something to the bot in a direct chat."""
        self.note("ana", f"(to the bot) {text}")
        await self.ana.tell(self.stage.bot.jid, text)

    async def hears(self, pattern: str, *, room: str | None = None) -> Heard:
        """Return what raj hears in a room as soon as it fits, and print it; what came before the last such is past."""
        heard = await self.raj.hears(pattern, where=room or self.stage.ops, after=self._marks[0])
        self._marks = (self.raj.inbox.index(heard) + 1, self._marks[1])
        self.note("status", heard.body, colour="status")
        return heard

    async def is_told(self, pattern: str) -> Heard:
        """Return what the bot tells ana in her direct chat since the step began, as soon as it fits, and print it."""
        heard = await self.ana.hears(pattern, where=self.stage.bot.jid, after=self._marks[1])
        self.note("status", heard.body, colour="status")
        return heard

    async def becomes(self, receipt: Heard, link: str) -> None:
        """Wait until a receipt has been corrected in place, so that it holds the link."""
        who = self.raj if receipt.where == self.stage.ops else self.ana
        form = await who.shows(receipt.id, lambda heard: link in heard.body)
        self.note("status", f"{form.body} (the same line, corrected)", colour="status")

    async def appears(self, count: int, text: str) -> Toot:
        """Return the shop's newest toot as soon as there are so many; it must be the given text."""
        toots = await self.mastodon.has_statuses(count, patience=30)
        expect(len(toots) == count, f"{len(toots)} toots in public, not {count}")
        expect(text in toots[-1].text, f"the newest toot is {toots[-1].text!r}, not {text!r}")
        self.note("public", f"@shop: {toots[-1].text}", colour="public")
        self.published.append(toots[-1].text)
        return toots[-1]

    def note(self, who: str, text: str, *, colour: str | None = None) -> None:
        """Print a line of the step."""
        lead = f"   {who:<8}"
        self._paper.write(lead + indented(clean(text), len(lead)), colour=colour)


def expect(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - it reads as an assertion does
    """Raise AssertionError with a sentence where something doesn't hold."""
    if not holds:
        raise AssertionError(otherwise)


async def play(stage: Stage, paper: Paper, *, began: float) -> str:
    """Play the whole scene and return the closing line; SceneError with the step that failed."""
    actors = Actors(stage, paper)
    ready = (time.monotonic() - began) * 1000
    paper.write(f"The XMPP server, the sandbox Mastodon and the bridge are ready after {ready:.0f} ms.\n")
    scene: tuple[Callable[[Actors], Awaitable[None]], ...] = (
        _from_the_room,
        _from_a_direct_chat,
        _undone,
        _answered,
        _failing_platform,
        _killed,
        _panic,
    )
    for act in scene:
        await act(actors)
    async with actors.step("The end: everything is in public once, and in order"):
        verdict = judge([toot.text for toot in await stage.mastodon.statuses()], actors.published)
        expect(verdict.clean, f"it isn't: {verdict}")
    took = time.monotonic() - began
    posts = f"{len(actors.published)} posts in public, 0 lost, 0 doubled, 0 out of order"
    return f"All {actors.steps} steps happened in {took:.1f} s: {posts}."


async def _from_the_room(actors: Actors) -> None:
    async with actors.step("A status from the room, with a preview"):
        await actors.says(f"!post {FIRST}")
        receipt = await actors.hears(r"^\[1\] .*Sending in \d+ s")
        expect(not await actors.mastodon.statuses(), "it is in public before its time")
        await actors.says("!send")
        toot = await actors.appears(1, FIRST)
        await actors.becomes(receipt, toot.url)


async def _from_a_direct_chat(actors: Actors) -> None:
    async with actors.step("A status from a direct chat: bare words"):
        await actors.says("is it the cache again? (talk among colleagues, it goes nowhere)", who="ana")
        text = "All systems are back to normal"
        await actors.tells(text)
        receipt = await actors.is_told(r"^\[2\] .*Sending in \d+ s")
        await actors.tells("send")
        toot = await actors.appears(2, text)
        await actors.becomes(receipt, toot.url)


async def _undone(actors: Actors) -> None:
    async with actors.step("A status taken back in time: nothing is published"):
        await actors.says("!post Oops, wrong window")
        await actors.hears(r"^\[3\] .*Sending in \d+ s")
        await actors.says("!undo")
        await actors.hears(r"^\[3\] cancelled")
        toots = await actors.mastodon.statuses()
        expect(not any("Oops" in toot.text for toot in toots), "it was published all the same")


async def _answered(actors: Actors) -> None:
    mastodon = actors.mastodon
    first = (await mastodon.statuses())[0]
    async with actors.step("A customer answers in public, and hears back"):
        said = await mastodon.mention(CUSTOMER, "still locked out, any ETA?", in_reply_to=first.id)
        actors.note("public", f"@{CUSTOMER}: {said.text}", colour="public")
        await actors.hears(rf"^\[4->1\] @{CUSTOMER}\b.*still locked out, any ETA\?")
        await actors.says("!r 4 About 20 minutes, sorry!")
        await actors.hears(rf"^\[5->4\] to @{CUSTOMER}.*in \d+ s")
        await actors.says("!send")
        toot = await actors.appears(3, "About 20 minutes, sorry!")
        expect(toot.in_reply_to == said.id, f"it answers {toot.in_reply_to}, not {said.id}")


async def _failing_platform(actors: Actors) -> None:
    room = actors.stage.oncall
    async with actors.step("The platform answers 500 for a while: the room is told, nothing is lost"):
        await actors.mastodon.fail(500, times=None)
        await actors.says("!post We move to another data centre", room=room)
        await actors.hears(r"^mastodon does not flow", room=room)
        expect(len(await actors.mastodon.statuses()) == 3, "something was published meanwhile")  # noqa: PLR2004
        await actors.mastodon.heal()
        await actors.hears(r"^mastodon flows again", room=room)
        await actors.appears(4, "We move to another data centre")


async def _killed(actors: Actors) -> None:
    stage, mastodon = actors.stage, actors.mastodon
    before = len(await mastodon.statuses())
    async with actors.step(f"kill -9 of the bridge in the middle of a burst of {len(BURST)} lines"):
        dead = asyncio.Event()
        talk = asyncio.create_task(_talk(actors, dead))
        await mastodon.has_statuses(before + KILL_AFTER)
        await stage.bridge.kill()
        mark = actors.raj.mark()
        dead.set()
        known, unsaid = len(await mastodon.statuses()) - before, len(BURST) - SAID_BEFORE
        actors.note("", f"(killed with {known} of {len(BURST)} in public; at least {unsaid} are said to nobody)")
        await talk
        await stage.bridge.start()
        await stage.bridge.wait_ready()
        actors.note("", "(all are said, and it is started again)")
        toots = await mastodon.has_statuses(before + len(BURST), patience=60)
        verdict = judge([toot.text for toot in toots[before:]], BURST)
        expect(verdict.clean, f"not each line once and in order: {verdict}")
        actors.published += BURST
        last = len(toots) + 2  # an undone post and a customer's words have numbers, too
        done = await actors.raj.hears(rf"\[{last:x}\].*mastodon (http\S+|\d+ sent)$", where=stage.oncall, after=mark)
        for heard in actors.raj.heard(stage.oncall, after=mark):
            if heard.replaces is None or heard is done:
                actors.note("status", heard.body, colour="status")
        actors.note("public", f"@shop: {len(BURST)} more, each once, in order", colour="public")


async def _talk(actors: Actors, dead: asyncio.Event) -> None:
    """Say all lines, the last ones not before the bridge is dead."""
    for number, line in enumerate(BURST, 1):
        if number > SAID_BEFORE:
            await dead.wait()
        await actors.raj.say(actors.stage.oncall, f"!post {line}")


async def _panic(actors: Actors) -> None:
    room = actors.stage.oncall
    before = len(await actors.mastodon.statuses())
    async with actors.step("Panic: nothing goes out until an admin says so"):
        await actors.says("!panic", room=room)
        await actors.hears(r"everything outgoing is frozen", room=room)
        await actors.says("!post Is this thing on?", room=room)
        await actors.hears(r"^\[\w+\] waits: everything outgoing is frozen", room=room)
        expect(len(await actors.mastodon.statuses()) == before, "something was published in a panic")
        await actors.says("!resume", room=room, who="ana")
        await actors.hears(r"`!resume` once more within", room=room)
        await asyncio.sleep(READING.total_seconds())
        await actors.says("!resume", room=room, who="ana")
        await actors.hears(r"everything outgoing continues", room=room)
        await actors.appears(before + 1, "Is this thing on?")
