from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.delivery import calls
from bridge.domain import deadline
from bridge.domain.deliveries import (
    Absent,
    Delivery,
    DeliveryKind,
    Outcome,
    Refused,
    Sent,
    State,
    Unauthorized,
    Unavailable,
    Uncertain,
)
from bridge.domain.ids import EntryId
from bridge.domain.people import Place, Target
from bridge.plugin import (
    Key,
    PluginError,
    Post,
    Posted,
    PostId,
    Ref,
    RefusedError,
    UnauthorizedError,
    UnavailableError,
    UncertainError,
    Visibility,
)
from bridge.registry import AnyPlugin, PassingMemory
from bridge.registry.keeping import AccountKeep
from bridge.testing import FakeClock, FakePlatform, FakePlugin, FakeSettings, Fate, FullFakePlugin

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DEADLINE = timedelta(seconds=30)
MINUTE = timedelta(minutes=1)
ONE = Delivery(
    id=7,
    post=EntryId(0x4F),
    source=Target("ops@rooms.example.org", Place.ROOM),
    account="mastodon",
    kind=DeliveryKind.POST,
    text="hello",
    state=State.SENDING,
    key=Key(token="k1", minted_at=NOW),
    fresh_since=NOW,
    parent=Ref(id=PostId("i1"), memo={"root": "t"}),
    visibility=Visibility.UNLISTED,
    warning="Outage",
    language="en",
)
DELETION = replace(ONE, kind=DeliveryKind.DELETE, parent=Ref(id=PostId("p1"), memo={"rev": "3"}), posted_url="URL")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def platform(clock: FakeClock) -> FakePlatform:
    return FakePlatform(clock)


def plugin(platform: FakePlatform, made: type[AnyPlugin] = FullFakePlugin) -> AnyPlugin:
    return made(FakeSettings(platform=platform), AccountKeep(PassingMemory(), "mastodon"), platform.clock)


async def attempt(platform: FakePlatform, one: Delivery = ONE, made: type[AnyPlugin] = FullFakePlugin) -> Outcome:
    return await calls.attempt(plugin(platform, made), one, clock=platform.clock, deadline=DEADLINE)


async def look(platform: FakePlatform, made: type[AnyPlugin] = FullFakePlugin) -> Outcome:
    known = frozenset({PostId("p9")})
    return await calls.look(
        plugin(platform, made), ONE, known=known, since=NOW, clock=platform.clock, deadline=DEADLINE
    )


async def test_everything_of_a_post_reaches_the_plugin(platform: FakePlatform) -> None:
    assert isinstance(await attempt(platform), Sent)
    (published,) = platform.published
    assert published.key == "k1"
    assert published.post == Post(
        text="hello", in_reply_to=ONE.parent, visibility=Visibility.UNLISTED, warning="Outage", language="en"
    )


async def test_a_deletion_names_what_was_posted(platform: FakePlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    deleted: list[Posted] = []

    async def delete(_plugin: object, posted: Posted) -> None:
        deleted.append(posted)

    monkeypatch.setattr(FullFakePlugin, "delete", delete)
    assert await attempt(platform, DELETION) == Sent(posted=None)
    assert deleted == [Posted(id=PostId("p1"), url="URL", memo={"rev": "3"})]


async def test_what_can_not_be_deleted_is_refused(platform: FakePlatform) -> None:
    assert await attempt(platform, DELETION, FakePlugin) == Refused(reason="this platform's plugin can't delete")
    lost = replace(DELETION, parent=None)
    assert await attempt(platform, lost) == Refused(reason="nobody knows what the platform calls it")
    assert platform.calls == []


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (RefusedError("no"), Refused(reason="no")),
        (UnauthorizedError("who?"), Unauthorized(reason="who?")),
        (UnavailableError("503"), Unavailable(reason="503")),
        (UnavailableError("429", retry_after=MINUTE), Unavailable(reason="429", retry_after=MINUTE)),
        (UncertainError("lost"), Uncertain(reason="lost")),
        (
            UncertainError("502", answered=True, retry_after=MINUTE),
            Uncertain(reason="502", answered=True, retry_after=MINUTE),
        ),
        (PluginError("of a later contract"), Uncertain(reason="of a later contract")),
        (RefusedError(""), Refused(reason="RefusedError")),
        (RefusedError("x" * 1000), Refused(reason="x" * 300)),
    ],
)
async def test_every_error_is_an_outcome(platform: FakePlatform, error: PluginError, outcome: Outcome) -> None:
    platform.will("post", Fate(before=error))
    assert await attempt(platform) == outcome


@pytest.mark.parametrize("bug", [ValueError("secret"), KeyError("id"), asyncio.InvalidStateError(), RecursionError()])
async def test_a_bug_is_doubt_and_its_traceback_is_logged(platform: FakePlatform, bug: Exception) -> None:
    platform.will("post", Fate(before=bug))
    with capture_logs() as logs:
        assert await attempt(platform) == Uncertain(reason=f"the plugin failed ({type(bug).__name__})")
    assert [(entry["event"], entry["account"], entry["delivery"], entry["exc_info"]) for entry in logs] == [
        ("plugin failed", "mastodon", 7, True)
    ]


async def test_a_look_finds_it_or_is_certain_that_it_is_absent(platform: FakePlatform) -> None:
    assert await look(platform) == Absent()
    await attempt(platform)
    assert await look(platform) == Sent(posted=platform.published[0].posted)
    assert [call.known for call in platform.calls if call.verb == "find"] == [{"p9"}, {"p9"}]


async def test_what_can_not_be_searched_stays_in_doubt(platform: FakePlatform) -> None:
    assert await look(platform, FakePlugin) == Uncertain(reason="the platform can't be searched", answered=True)


async def test_the_deadline_ends_a_call_that_heeds_it(clock: FakeClock, platform: FakePlatform) -> None:
    platform.will("post", Fate(hangs="before"))
    task = asyncio.create_task(attempt(platform))
    await clock.advance(29)
    assert not task.done()
    await clock.advance(1)
    assert await task == Uncertain(reason="no answer within 30 s")
    platform.release()
    await clock.advance(0)
    assert platform.visible == []


@pytest.mark.parametrize("after", [None, ValueError("too late"), RefusedError("too late")])
async def test_the_deadline_leaves_a_call_behind_that_does_not(
    clock: FakeClock, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch, after: Exception | None
) -> None:
    monkeypatch.setattr(deadline, "GRACE", 0.0)
    platform.will("post", Fate(hangs="before", stubborn=True, after=after))
    task = asyncio.create_task(attempt(platform))
    await clock.advance(30)
    assert await task == Uncertain(reason="no answer within 30 s")
    platform.release()
    await clock.advance(0)
    assert platform.visible == ["hello"]


async def test_whoever_is_cancelled_takes_the_call_along(clock: FakeClock, platform: FakePlatform) -> None:
    platform.will("post", Fate(hangs="before"))
    task: asyncio.Task[Any] = asyncio.create_task(attempt(platform))
    await clock.advance(1)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    platform.release()
    await clock.advance(0)
    assert platform.visible == []


async def test_a_call_that_times_out_by_itself_is_doubt(platform: FakePlatform) -> None:
    platform.will("post", Fate(before=TimeoutError()))
    assert isinstance(await attempt(platform), Uncertain)
