"""What is said of a post before it goes out: what each account will get, what it costs, and what is lost there."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from bridge.commands import receipts
from bridge.domain.ids import EntryId
from bridge.domain.pictures import PictureState, StoredPicture
from bridge.domain.text import graphemes
from bridge.plugin import Limits, Media, Money, Post
from bridge.store import posts

if TYPE_CHECKING:
    from tests.unit.commands.conftest import Bench

CHOICE = "`send`, `undo`, or correct your message"


def cents(post: Post) -> Money | None:
    return Money(amount=Decimal("0.010") * len(post.text), currency="USD") if post.text else None


async def test_an_account_that_can_do_everything_is_just_ok(bench: Bench) -> None:
    assert await bench.direct("to mastodon post hello") == [f"[1] 5 characters: mastodon ok. Sending in 20 s: {CHOICE}"]


@pytest.mark.parametrize(
    ("edits", "deletes", "said"),
    [
        (True, True, "x ok"),
        (False, True, "x ok (can't be edited)"),
        (True, False, "x ok (can't be deleted)"),
        (False, False, "x ok (can't be edited or deleted)"),
    ],
)
async def test_what_can_not_be_done_later_is_said_once(bench: Bench, edits: bool, deletes: bool, said: str) -> None:
    bench.accounts.change("x", edits=edits, deletes=deletes)
    assert await bench.direct("to x post hello") == [f"[1] 5 characters: {said}. Sending in 20 s: {CHOICE}"]
    assert (await bench.direct("send"))[-1] == "[1] goes out now"
    assert "can't" not in await bench.receipt(1)


async def test_of_an_account_that_was_never_reached_nothing_is_known(bench: Bench) -> None:
    bench.accounts.change("x", limits=None, up=False)
    (line,) = await bench.direct("to x post hello")
    assert line.startswith("[1] 5 characters: x not checked (never reached yet). Sending")


async def test_what_it_costs_is_added_up_over_its_parts(bench: Bench) -> None:
    bench.accounts.change("x", cost=cents)
    (line,) = await bench.direct("to mastodon,x post hello")
    assert line.startswith("[1] 5 characters: mastodon ok, x ok, costs 0.05 USD (can't be edited or deleted). Sending")
    bench.accounts.change("x", limits=Limits(text=10))
    (line,) = await bench.direct("to x post hello hello hello hello")
    assert line.startswith("[2] 23 characters: x 4 parts, costs 0.2 USD (can't be edited or deleted). Sending")


async def test_what_explains_a_price_stands_after_it(bench: Bench) -> None:
    bench.accounts.change(
        "x", cost=lambda _: Money(amount=Decimal("0.2"), currency="USD", why="with a link; 0.1 without")
    )
    (line,) = await bench.direct("to x post hello")
    assert line.startswith(
        "[1] 5 characters: x ok, costs 0.2 USD (with a link; 0.1 without) (can't be edited or deleted). "
    )
    bench.accounts.change("x", limits=Limits(text=10))
    (line,) = await bench.direct("to x post hello hello hello hello")
    assert line.startswith("[2] 23 characters: x 4 parts, costs 0.8 USD (with a link; 0.1 without) (can't be")


async def test_an_answer_says_its_price_alone(bench: Bench) -> None:
    bench.accounts.change("mastodon", edits=False)
    await bench.hears("any ETA?")
    (line,) = await bench.direct("r 1 Soon")
    assert line == f"[2->1] to @kim, from mastodon, as raj in 20 s: {CHOICE}"
    bench.accounts.change("mastodon", cost=cents)
    (line,) = await bench.direct("r 1 Soon")
    assert line.startswith("[3->1] to @kim, from mastodon, as raj (mastodon ok, costs 0.26 USD) in 20 s")


async def test_a_preview_shows_the_whole_of_each_part(bench: Bench) -> None:
    bench.accounts.change("x", limits=Limits(text=120), signature="^%s")
    text = "Maintenance of the shop begins at two o'clock and is over at four. " * 3
    (short,) = await bench.direct(f"to x post {text}")
    assert "| x 1/3: Maintenance of the shop begins a ... " in short
    (line,) = await bench.direct(f"preview to x post {text}")
    parts = [one.text for one in await bench.deliveries(2)]
    assert line.splitlines()[1:] == [f"| x {number}/{len(parts)}: {part}" for number, part in enumerate(parts, 1)]
    assert all(graphemes(part) <= 120 for part in parts)
    assert parts[-1].endswith("^raj")


async def test_what_an_answer_costs_is_asked_as_an_answer(bench: Bench) -> None:
    asked: list[Post] = []
    bench.accounts.change("mastodon", cost=asked.append)
    (item,) = await bench.hears("any ETA?")
    await bench.direct("r 1 Soon")
    assert [post.in_reply_to for post in asked] == [item.item.ref]


async def test_what_it_costs_is_asked_with_its_pictures_which_go_with_the_first_part(bench: Bench) -> None:
    asked: list[Post] = []
    bench.accounts.change("x", cost=asked.append, limits=Limits(text=10, media=2))
    await bench.direct("to x post hello hello hello")
    stored = await bench.store.read(lambda tx: posts.get(tx, EntryId(1)))
    assert stored is not None
    kept = StoredPicture(
        id=1,
        url="https://upload.example.org/1/photo.jpg",
        sender=stored.author,
        source=stored.source,
        post=stored.id,
        alt="a shop",
        state=PictureState.READY,
        created_at=bench.clock.now(),
        type="image/jpeg",
    )
    own = [kept, replace(kept, id=2, alt=""), replace(kept, id=3, state=PictureState.WANTED)]
    asked.clear()
    receipts.preview(stored, await bench.deliveries(1), bench.accounts, own)
    shown = tuple(Media(data=b"", type="image/jpeg", alt=alt) for alt in ("a shop", ""))
    assert [post.media for post in asked] == [shown, (), ()]


async def test_where_no_thread_goes_out_unasked_it_waits_for_a_word(bench: Bench) -> None:
    bench.accounts.change("x", limits=Limits(text=20, threads=False))
    (line,) = await bench.direct("post We are on it. It is the database. Back soon.")
    assert line.splitlines()[0] == (
        "[1] 44 characters: mastodon ok, x 3 parts (can't be edited or deleted). A thread on x goes out only when you "
        f"say so: {CHOICE}. Nothing was posted."
    )
    assert all("preview" in one.held for one in await bench.deliveries(1))
    assert (await bench.direct("send"))[-1] == "[1] goes out now"
    assert await bench.states(1) == {"mastodon": ["ready"], "x": ["ready", "held", "held"]}
    (line,) = await bench.direct("post We are on it.")
    assert "Sending in 20 s" in line


async def test_an_answer_that_becomes_a_thread_waits_as_well(bench: Bench) -> None:
    bench.accounts.change("mastodon", limits=Limits(text=30, threads=False))
    (item,) = await bench.hears("Help!")
    (line,) = await bench.direct(f"r {item.id:x} We are on it. It is the database.")
    assert line.splitlines()[0].endswith(
        f"A thread on mastodon goes out only when you say so: {CHOICE}. Nothing was posted."
    )
    assert "in 0 s" not in line


async def test_where_a_platform_counts_otherwise_its_count_is_shown(bench: Bench) -> None:
    bench.accounts.change("x", limits=Limits(text=280), length=lambda text: 2 * len(text), cost=cents)
    (line,) = await bench.direct("post hello")
    assert line.startswith(
        "[1] 5 characters: mastodon ok, x ok (10 of 280), costs 0.05 USD (can't be edited or deleted)."
    )
