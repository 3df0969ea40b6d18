"""What is added to a text on its way to an account: the mention that an answer needs, and a signature."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.commands import compose
from bridge.commands.incoming import Gesture, GestureKind
from bridge.domain.outbox import Draft
from bridge.domain.people import Place, Target
from bridge.domain.posts import Visibility
from bridge.domain.text import graphemes
from bridge.plugin import Limits
from tests.unit.commands.conftest import view

if TYPE_CHECKING:
    from tests.unit.commands.conftest import Bench

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
KIM = "@kim@mastodon.example"
LONG = "word " * 30


async def texts(bench: Bench, post: int) -> list[str]:
    return [one.text for one in await bench.deliveries(post)]


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("Soon", f"{KIM} Soon"),
        (f"{KIM} Soon", f"{KIM} Soon"),
        (f"{KIM}  Soon", f"{KIM} Soon"),
        (f"{KIM}\nSoon", f"{KIM} Soon"),
        ("@Kim@Mastodon.Example Soon", "@Kim@Mastodon.Example Soon"),
        (f"{KIM}, soon", f"{KIM}, soon"),
        (f"{KIM}: soon", f"{KIM}: soon"),
        (KIM, KIM),
        (f"{KIM}.org Soon", f"{KIM} {KIM}.org Soon"),
        (f"{KIM}s Soon", f"{KIM} {KIM}s Soon"),
        (f"{KIM}. Soon", f"{KIM}. Soon"),
        (f"Soon, {KIM}", f"{KIM} Soon, {KIM}"),
        ("@kim Soon", f"{KIM} @kim Soon"),
    ],
)
async def test_an_answer_carries_the_mention_once(bench: Bench, said: str, sent: str) -> None:
    await bench.hears("any ETA?")
    await bench.direct(f"!r 1 {said}")
    assert await texts(bench, 2) == [sent]


@pytest.mark.parametrize("visibility", [Visibility.DIRECT, Visibility.PUBLIC])
async def test_each_part_of_an_answer_carries_it(bench: Bench, visibility: Visibility) -> None:
    bench.accounts.change("mastodon", limits=Limits(text=100), signature="^%s")
    await bench.hears("any ETA?", visibility=visibility)
    await bench.direct(f"!r 1 {KIM.upper()} {LONG}")
    first, second, third = await texts(bench, 2)
    assert first.startswith(f"{KIM.upper()} word")
    assert second.startswith(f"{KIM} word")
    assert third.startswith(f"{KIM} word")
    assert [part.endswith("^raj") for part in (first, second, third)] == [False, False, True]
    assert max(map(len, (first, second, third))) <= 100


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("Soon", "Soon ^raj"),
        ("Soon ^raj", "Soon ^raj"),
        ("Soon ^RAJ", "Soon ^RAJ"),
        ("Soon\n^raj", "Soon\n^raj"),
        ("Soon^raj", "Soon^raj ^raj"),
        ("^raj", "^raj"),
        ("^raj says soon", "^raj says soon ^raj"),
    ],
)
async def test_a_post_is_signed_once(bench: Bench, said: str, sent: str) -> None:
    bench.accounts.change("x", signature=" ^%s")
    await bench.direct(f"!to x post {said}")
    assert await texts(bench, 1) == [sent]


async def test_the_signature_never_stands_alone_nor_breaks_the_limit(bench: Bench) -> None:
    bench.accounts.change("x", limits=Limits(text=20), signature="^%s")
    await bench.direct("!to x post 20 characters, so 20")
    assert await texts(bench, 1) == ["20 characters,", "so 20 ^raj"]
    await bench.direct(f"!to x post a {'b' * 20}")
    assert await texts(bench, 2) == ["a", "b" * 15, "bbbbb ^raj"]
    await bench.direct("!to x post https://example.org/")
    assert await texts(bench, 3) == ["https://example.org/", "^raj"]


async def test_a_correction_of_an_answer_follows_the_same_rules(bench: Bench) -> None:
    bench.accounts.change("mastodon", signature="^%s")
    await bench.hears("any ETA?")
    await bench.direct("!r 1 Son", names=frozenset({"m1"}))
    assert await texts(bench, 2) == [f"{KIM} Son ^raj"]
    again = Gesture(kind=GestureKind.CORRECTION, about="m1")
    await bench.direct(f"!r 1 {KIM} Soon ^raj", gesture=again)
    assert await texts(bench, 2) == [f"{KIM} Soon ^raj"]
    await bench.room("!edit 2 Very soon", who="tom")
    assert await texts(bench, 2) == [f"{KIM} Very soon ^raj"]


@CALM
@given(
    st.lists(st.sampled_from(["word", "😀", "@ana@example.org", "https://example.org", ".", KIM, "^raj"]), min_size=1),
    st.sampled_from(["", KIM]),
    st.integers(50, 80),
)
def test_every_part_fits_mentions_and_only_the_last_is_signed(words: list[str], prefix: str, limit: int) -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    source = Target("raj@example.org", Place.DIRECT)
    said = " ".join(words)
    draft = Draft(author=source.jid, nick="raj", source=source, text=said, hold=now - now, created_at=now)
    signing = replace(view("x", text=limit), signature="^%s")
    parts = compose._texts(signing, draft, prefix=prefix)
    assert all(graphemes(part) <= limit for part in parts)
    assert all(part.startswith(prefix) for part in parts)
    assert parts[-1].split()[-1] == "^raj"
    body = " ".join(part.removeprefix(prefix).strip() for part in parts).split()
    bare = said.removeprefix(prefix) if (prefix and said.startswith(f"{prefix} ")) or said == prefix else said
    expected = bare.split()
    assert body == (expected if expected[-1:] == ["^raj"] else [*expected, "^raj"])
