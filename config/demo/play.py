"""What one can type in the demo's terminal, and what it does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, cast, get_args

from config.demo.stage import CUSTOMER, STAFF
from tests.servers.person import PersonError
from tests.servers.process import ServerError

if TYPE_CHECKING:
    from config.demo.paper import Paper
    from config.demo.stage import Stage

Where = Literal["ops", "oncall", "bot"]
Order = Literal["help", "fail", "heal", "kill", "start", "quit"]

HELP: Final = f"""\
Type a line and Enter:
  TEXT               {CUSTOMER}, a customer, answers the shop's newest toot (or mentions the shop)
  raj: TEXT          raj says it in the room ops; ana and vera can, too
  raj/oncall: TEXT   ... in the room oncall, where posts go out at once
  raj/bot: TEXT      ... to the bot, in a direct chat: there bare words are a status
  /fail, /heal       the platform answers 500 to every post; it works again
  /kill, /start      kill -9 of the bridge; start it again (say something in between)
  /help, /quit       this; the end (as Ctrl-C and Ctrl-D)"""


@dataclass(frozen=True, slots=True)
class Speech:
    """Somebody says something: a customer in public (`where` is None), or staff."""

    who: str
    where: Where | None
    text: str


def parse(line: str) -> Speech | Order | str | None:
    """Return what a line asks for; None for an empty one, another text for one that can't be understood."""
    text = line.strip()
    if not text:
        return None
    if text.startswith("/"):
        order = text[1:].casefold()
        return cast("Order", order) if order in get_args(Order) else f"no such order: {text}. /help lists them"
    head, colon, rest = text.partition(":")
    who, _, where = head.strip().casefold().partition("/")
    if not colon or (who not in STAFF and who != CUSTOMER):
        return Speech(CUSTOMER, None, text)
    if not rest.strip():
        return f"what does {who} say? {head.strip()}: TEXT"
    if who == CUSTOMER:
        return Speech(who, None, rest.strip())
    if where not in {"", *get_args(Where)}:
        return f"no such place: {where}. It is ops, oncall or bot"
    return Speech(who, cast("Where", where or "ops"), rest.strip())


class Player:
    """Does what was typed."""

    def __init__(self, stage: Stage, paper: Paper) -> None:
        """Take the stage that it plays on."""
        self._stage = stage
        self._paper = paper

    async def do(self, line: str) -> bool:
        """Do what a line asks for; returns False when it asks for the end. Never raises for what went wrong."""
        wanted = parse(line)
        try:
            if isinstance(wanted, Speech):
                await self._speak(wanted)
            elif wanted == "quit":
                return False
            elif wanted is not None:
                self._paper.write(await self._order(wanted), colour="note")
        except (AssertionError, PersonError, ServerError) as error:
            self._paper.write(f"that didn't work: {error}", colour="trouble")
        return True

    async def _speak(self, speech: Speech) -> None:
        stage = self._stage
        if speech.where is None:
            newest = (await stage.mastodon.statuses())[-1:]
            await stage.mastodon.mention(speech.who, speech.text, in_reply_to=newest[0].id if newest else None)
        elif speech.where == "bot":
            await stage.people[speech.who].tell(stage.bot.jid, speech.text)
            self._paper.said("to bot", speech.who, speech.text)
        else:
            room = stage.ops if speech.where == "ops" else stage.oncall
            await stage.people[speech.who].say(room, speech.text)

    async def _order(self, order: str) -> str:
        stage = self._stage
        match order:
            case "help":
                return HELP
            case "fail":
                await stage.mastodon.fail(500, times=None)
                return "the platform answers 500 to every post, until /heal"
            case "heal":
                await stage.mastodon.heal()
                return "the platform works again"
            case "kill":
                await stage.bridge.kill()
                return "the bridge is dead (kill -9); what is said now waits for /start"
            case "start":
                await stage.bridge.start()
                async with asyncio.timeout(60):
                    await stage.bridge.wait_ready()
                return "the bridge is back"
            case _:
                return order
