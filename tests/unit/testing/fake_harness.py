"""The platform in memory as the contract suite sees a platform."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from bridge.plugin import (
    Limits,
    PluginError,
    PostId,
    RefusedError,
    UnauthorizedError,
    UnavailableError,
    UncertainError,
    Visibility,
)
from bridge.testing import FakeClock, FakePlatform, Fate, Harness, Shown, Trouble
from bridge.testing.fates import Verb

VERBS: tuple[Verb, ...] = (
    "enter",
    "post",
    "edit",
    "delete",
    "find",
    "items",
    "matches",
    "repeat",
    "favour",
    "thread",
)
WRITES: tuple[Verb, ...] = ("post", "edit", "delete", "repeat", "favour")

BEFORE: Mapping[Trouble, Callable[[], PluginError]] = {
    Trouble.REFUSED: lambda: RefusedError("The platform refuses."),
    Trouble.UNAUTHORIZED: lambda: UnauthorizedError("The platform doesn't know the token."),
    Trouble.LIMITED: lambda: UnavailableError("Not so fast.", retry_after=timedelta(seconds=7)),
    Trouble.UNREACHABLE: lambda: UnavailableError("Nobody answers."),
}
AFTER: Mapping[Trouble, Callable[[], PluginError]] = {
    Trouble.BROKEN: lambda: UncertainError("The platform has a fault.", answered=True),
    Trouble.GARBLED: lambda: UncertainError("The answer can't be read.", answered=True),
    Trouble.LOST: lambda: UncertainError("The answer was lost."),
}


class FakeHarness(Harness):
    """Over a platform of 300 characters, with all abilities."""

    def __init__(self, clock: FakeClock, *, key_lifetime: timedelta = timedelta(hours=1)) -> None:
        self.platform = FakePlatform(clock, limits=Limits(text=300, key_lifetime=key_lifetime))

    def settings(self) -> Mapping[str, object]:
        return {"platform": self.platform}

    async def published(self) -> Sequence[Shown]:
        return [
            Shown(
                id=one.id,
                text=one.post.text,
                in_reply_to=one.post.in_reply_to.id if one.post.in_reply_to else None,
                visibility=one.post.visibility or Visibility.PUBLIC,
                warning=one.post.warning,
            )
            for one in self.platform.published
            if one.id not in self.platform.deleted
        ]

    async def trouble(self, kind: Trouble | None) -> None:
        self.platform.hung.clear()
        for verb in VERBS:
            self.platform.always(verb, fate(kind, verb) if kind else None)

    async def hanging(self) -> None:
        await self.platform.hung.wait()

    async def say(self, text: str, *, who: str = "kim", in_reply_to: PostId | None = None) -> PostId:
        return self.platform.say(text, who=who, in_reply_to=in_reply_to).id

    async def say_unreadable(self) -> str:
        link = "https://platform.example/odd"
        self.platform.say("", raw="{odd", url=link)
        return link

    async def say_elsewhere(self, text: str) -> PostId:
        return self.platform.say_elsewhere(text).id

    async def repeated(self) -> Sequence[PostId]:
        return self.platform.repeated

    async def favoured(self) -> Sequence[PostId]:
        return self.platform.favoured


def fate(kind: Trouble, verb: Verb) -> Fate:
    """Return how a call of a verb goes in trouble; what only reads is certain to have done nothing."""
    if kind is Trouble.HANGS:
        return Fate(hangs="before")
    if kind in BEFORE:
        return Fate(before=BEFORE[kind]())
    return Fate(after=AFTER[kind]()) if verb in WRITES else Fate(before=UnavailableError("No answer."))
