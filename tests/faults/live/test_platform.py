"""A platform in trouble with fifty posts in flight: 0 lost, 0 doubled, in order, and the room told of it."""

from __future__ import annotations

import re

import pytest

from tests.servers import faults
from tests.servers.heard import Heard
from tests.servers.scene import Scene
from tests.servers.sink import Sink

pytestmark = [
    pytest.mark.live,
    pytest.mark.servers,
    pytest.mark.timeout(180),
    pytest.mark.parametrize("sink", ["keys", "search"], indirect=True),
]

LINES = 50
TEXTS = [f"status {number} of {LINES}" for number in range(1, LINES + 1)]
PATIENCE = 90.0

DOUBT = "not sure it arrived"
FOUND = ": found: "
BLOCKED = "does not flow"
FLOWS = "flows again"
FAILED = "FAILED"


async def say_all(scene: Scene) -> None:
    for text in TEXTS:
        await scene.raj.say(scene.room, f"!post {text}")


async def all_told(scene: Scene) -> None:
    """Wait for the receipt of the last post."""
    sent = re.compile(rf"\[{LINES:x}\].*mastodon .*(http|{LINES} sent|\d+ sent)")
    await scene.raj.hears(lambda heard: sent.search(heard.body), where=scene.room, patience=PATIENCE)


async def settled(scene: Scene, most: int) -> int:
    """Wait until every doubt that was told has its end told, for `most` doubts at least; return how many."""
    await scene.raj.hears(
        lambda _: len(lines(scene, DOUBT)) == len(lines(scene, FOUND)) >= most, where=scene.room, patience=PATIENCE
    )
    return len(lines(scene, FOUND))


def lines(scene: Scene, words: str) -> list[Heard]:
    """Return the lines of the bot's that say so, its corrections left aside."""
    said = scene.raj.heard(scene.room)
    return [heard for heard in said if words in heard.body and heard.replaces is None and heard.nick == "status"]


async def test_errors_of_the_server(scene: Scene, sink: Sink) -> None:
    sink.outage(faults.server_error(500))
    await say_all(scene)
    await scene.raj.hears(BLOCKED, where=scene.room, patience=PATIENCE)
    sink.heal()
    await sink.has_committed(LINES, patience=PATIENCE)
    await scene.raj.hears(FLOWS, where=scene.room, patience=PATIENCE)
    await all_told(scene)
    assert sink.audit(TEXTS).clean, sink.audit(TEXTS)
    assert [len(lines(scene, words)) for words in (DOUBT, BLOCKED, FLOWS)] == [1, 1, 1]


async def test_errors_after_the_post_was_made(scene: Scene, sink: Sink) -> None:
    sink.next(*[faults.server_error(503, committed=True)] * 3)
    await say_all(scene)
    await sink.has_committed(LINES, patience=PATIENCE)
    await all_told(scene)
    assert sink.audit(TEXTS).clean, sink.audit(TEXTS)
    assert await settled(scene, 1) >= 1


async def test_a_rate_limit(scene: Scene, sink: Sink) -> None:
    sink.outage(faults.rate_limited("1"))
    await say_all(scene)
    await scene.raj.hears(BLOCKED, where=scene.room, patience=PATIENCE)
    sink.heal()
    await sink.has_committed(LINES, patience=PATIENCE)
    await scene.raj.hears(FLOWS, where=scene.room, patience=PATIENCE)
    await all_told(scene)
    assert sink.audit(TEXTS).clean, sink.audit(TEXTS)
    assert [len(lines(scene, words)) for words in (DOUBT, BLOCKED, FLOWS)] == [0, 1, 1]


async def test_refused_connections(scene: Scene, sink: Sink) -> None:
    await sink.refuse()
    await say_all(scene)
    await scene.raj.hears(BLOCKED, where=scene.room, patience=PATIENCE)
    await sink.accept()
    await sink.has_committed(LINES, patience=PATIENCE)
    await scene.raj.hears(FLOWS, where=scene.room, patience=PATIENCE)
    await all_told(scene)
    assert sink.audit(TEXTS).clean, sink.audit(TEXTS)
    assert [len(lines(scene, words)) for words in (DOUBT, BLOCKED, FLOWS)] == [0, 1, 1]


async def test_refused_posts_are_told_and_do_not_stop_the_others(scene: Scene, sink: Sink) -> None:
    refused = set(TEXTS[10:13])
    sink.decide = lambda attempt: faults.refused() if attempt.text in refused else None
    await say_all(scene)
    await sink.has_committed(LINES - len(refused), patience=PATIENCE)
    await all_told(scene)
    assert sink.audit([text for text in TEXTS if text not in refused]).clean
    failed = lines(scene, FAILED)
    assert len([one for one in failed if "Text is not acceptable" in one.body]) == len(refused)
    sink.heal()
    for number in (11, 12, 13):
        await scene.raj.say(scene.room, f"!retry {number:x}")
    await sink.has_committed(LINES, patience=PATIENCE)
    assert not sink.audit(TEXTS).lost
    assert not sink.audit(TEXTS).doubled


async def test_a_platform_that_hangs(scene: Scene, sink: Sink) -> None:
    sink.next(faults.hang(), faults.hang(faults.Commit.FIRST))
    await say_all(scene)
    await sink.has_committed(LINES, patience=PATIENCE)
    await all_told(scene)
    assert sink.audit(TEXTS).clean, sink.audit(TEXTS)
    assert len(lines(scene, DOUBT)) >= 1


async def test_answers_that_drip(scene: Scene, sink: Sink) -> None:
    sink.next(faults.drip(0.5), faults.drip(0.5))
    await say_all(scene)
    await sink.has_committed(LINES, patience=PATIENCE)
    await all_told(scene)
    assert sink.audit(TEXTS).clean, sink.audit(TEXTS)
    assert await settled(scene, 1) >= 1


async def test_responses_lost_after_the_post_was_made(scene: Scene, sink: Sink) -> None:
    seen: set[str] = set()

    def lose_each_once(attempt: object) -> faults.Fault | None:
        text = getattr(attempt, "text", None)
        if text is None or text in seen:
            return None
        seen.add(text)
        return faults.lose_response()

    sink.decide = lose_each_once
    await say_all(scene)
    await sink.has_committed(LINES, patience=PATIENCE)
    await all_told(scene)
    assert sink.audit(TEXTS).clean, sink.audit(TEXTS)
    assert await settled(scene, LINES) == LINES


async def test_a_dead_token_pauses_the_account_and_loses_nothing(scene: Scene, sink: Sink) -> None:
    sink.outage(faults.unauthorized())
    await say_all(scene)
    await scene.raj.hears(BLOCKED, where=scene.room, patience=PATIENCE)
    await scene.ana.hears("is paused", where=scene.bot.jid, patience=PATIENCE)
    sink.heal()
    await sink.has_committed(LINES, patience=PATIENCE)
    await scene.raj.hears(FLOWS, where=scene.room, patience=PATIENCE)
    assert sink.audit(TEXTS).clean, sink.audit(TEXTS)
