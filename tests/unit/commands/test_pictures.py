from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bridge.commands import pictures as words
from bridge.commands.incoming import Content, Gesture, GestureKind
from bridge.domain.deliveries import Hold, State
from bridge.domain.ids import EntryId
from bridge.domain.mint import Mint
from bridge.domain.pictures import PictureState, StoredPicture
from bridge.plugin import Limits
from bridge.settings.models import AccountSettings
from bridge.store import pictures

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.store import Tx
    from tests.unit.commands.conftest import Bench

URL = "https://upload.example.org/1/photo.jpg"
OTHER = "https://upload.example.org/2/photo.jpg"


def file(*urls: str, described: str = "") -> dict[str, Any]:
    return {"content": Content.FILE, "files": urls or (URL,), "described": described}


@pytest.fixture(autouse=True)
def _takes_pictures(bench: Bench) -> None:
    for name in bench.accounts.names():
        bench.accounts.change(name, limits=Limits(text=280, media=4))


async def all_pictures(bench: Bench) -> list[StoredPicture]:
    def look(tx: Tx) -> list[StoredPicture]:
        found = (pictures.get(tx, number) for number in range(1, 30))
        return [one for one in found if one is not None]

    return await bench.store.read(look)


async def settle(bench: Bench, *, error: str | None = None, url: str | None = None) -> list[str]:
    """Have what is wanted (or one of it) fetched, or not to be had, as the bridge would; return what it says."""
    known = {"file": "1-x.picture", "type": "image/jpeg", "size": 210_000, "width": 1080, "height": 800, "frames": 1}
    seed = f"settled-{len(bench.said)}"

    def write(tx: Tx) -> None:
        mint = Mint(seed)
        for one in pictures.wanted(tx, 99):
            if url not in {None, one.url}:
                continue
            state = PictureState.READY if error is None else PictureState.FAILED
            changed = replace(one, state=state, error=error, **({} if error else known))
            pictures.save(tx, changed)
            if error is None:
                words.arrived(tx, changed, settings=bench.settings, now=bench.clock.now(), new_id=mint)
            else:
                words.failed(tx, changed, settings=bench.settings, now=bench.clock.now(), new_id=mint)

    await bench.store.write(write)
    return [one.body for one in await bench.told()]


def wants_descriptions(bench: Bench) -> None:
    account = AccountSettings.model_validate({"plugin": "mastodon", "require_alt": True})
    bench.configure(accounts={**bench.settings.accounts, "mastodon": account})


async def test_a_picture_alone_waits_for_the_next_line_and_goes_with_it(bench: Bench) -> None:
    assert await bench.direct("", **file()) == []
    assert await settle(bench) == [
        (
            "I have your picture (JPEG, 1080 x 800, 210 kB), without its metadata. Your next line within 10 minutes "
            "goes with it; `send` posts it alone, `alt TEXT` describes it, `undo` forgets it"
        )
    ]
    (line,) = await bench.direct("The lift is out of order")
    assert line == (
        "[1] 24 characters, 1 picture: mastodon ok, x ok (can't be edited or deleted). "
        "Sending in 20 s: `send`, `undo`, or correct your message"
    )
    (picture,) = await all_pictures(bench)
    assert (picture.post, picture.alt, picture.url) == (1, "", URL)
    assert {one.pictures for one in await bench.deliveries(1)} == {1}
    (second,) = await bench.direct("And another thing")
    assert "picture" not in second


async def test_words_that_come_with_a_picture_are_its_status_and_describe_it(bench: Bench) -> None:
    lines = await bench.direct("The lift is out of order", **file())
    assert lines == [
        "[1] waits for its picture, which I am fetching, then goes to mastodon, x: `undo` stops it",
    ]
    assert {Hold.PICTURE, Hold.UNDO} == (await bench.deliveries(1))[0].held
    await bench.clock.advance(60)
    (receipt,) = await settle(bench)
    assert receipt.startswith(
        "[1] 24 characters, 1 picture: mastodon ok, x ok (can't be edited or deleted). Sending in 20 s"
    )
    (picture,) = await all_pictures(bench)
    assert picture.alt == "The lift is out of order"
    for one in await bench.deliveries(1):
        assert one.held == {Hold.UNDO}
        assert one.hold_until == bench.clock.now() + timedelta(seconds=20)


async def test_the_description_that_a_client_sends_comes_first(bench: Bench) -> None:
    await bench.direct("The lift", **file(described="A shut door"))
    assert [one.alt for one in await all_pictures(bench)] == ["A shut door"]


async def test_several_pictures_go_together_and_no_more_than_four(bench: Bench) -> None:
    for number in range(4):
        assert await bench.direct("", **file(f"{URL}?{number}")) == []
    assert await bench.direct("", **file(OTHER)) == [
        "I keep 4 pictures for one post, and this is one too many. Nothing was posted."
    ]
    await settle(bench)
    (line,) = await bench.direct("Four views")
    assert line.startswith("[1] 10 characters, 4 pictures: ")


async def test_what_comes_with_the_words_goes_before_what_waited(bench: Bench) -> None:
    for number in range(2):
        await bench.direct("", **file(f"{OTHER}?{number}"))
    await bench.direct("Many views", **file(*(f"{URL}?{number}" for number in range(9))))
    of_post = [one.url for one in await all_pictures(bench) if one.post == 1]
    assert of_post == [f"{URL}?{number}" for number in range(4)]
    assert {one.pictures for one in await bench.deliveries(1)} == {4}


async def test_a_picture_that_a_client_sends_again_beside_its_caption_is_one(bench: Bench) -> None:
    await bench.direct("The lift", **file())
    assert await bench.direct("", **file()) == []
    assert await bench.count("picture") == 1
    await bench.direct("", **file(OTHER))
    await bench.direct("", **file(OTHER))
    assert await bench.count("picture") == 2


async def test_send_posts_a_picture_alone(bench: Bench) -> None:
    await bench.direct("", **file())
    await settle(bench)
    (line,) = await bench.direct("send")
    assert line.startswith("[1] 0 characters, 1 picture: mastodon ok")
    assert {one.text for one in await bench.deliveries(1)} == {""}


async def test_send_means_what_is_held_where_something_is(bench: Bench) -> None:
    await bench.direct("first")
    await bench.direct("", **file())
    lines = await bench.direct("send")
    assert "[1] goes out now" in lines
    assert await bench.count("post") == 1


async def test_undo_forgets_the_picture_and_touches_nothing_else(bench: Bench) -> None:
    await bench.direct("first")
    await bench.become(1, State.SENT)
    await bench.direct("", **file())
    assert await bench.direct("undo") == ["Your picture is forgotten. Nothing was posted."]
    assert await bench.states(1) == {"mastodon": ["sent"], "x": ["sent"]}
    assert [one.state for one in await all_pictures(bench)] == [PictureState.DROPPED]
    assert await settle(bench) == []


async def test_who_takes_the_message_back_takes_its_picture_back(bench: Bench) -> None:
    await bench.direct("", **file(), names=frozenset({"m1"}))
    gone = Gesture(kind=GestureKind.RETRACTION, about="m1")
    assert await bench.direct("", gesture=gone) == ["Your picture is forgotten. Nothing was posted."]
    await bench.direct("", **file(), names=frozenset({"m2"}))
    forged = Gesture(kind=GestureKind.RETRACTION, about="m2")
    assert await bench.direct("", who="tom", gesture=forged) == []
    assert [one.state for one in await all_pictures(bench)] == [PictureState.DROPPED, PictureState.WANTED]


async def test_a_picture_waits_for_ten_minutes(bench: Bench) -> None:
    await bench.direct("", **file())
    await settle(bench)
    await bench.clock.advance(601)
    (line,) = await bench.direct("Something else")
    assert "picture" not in line


async def test_nobody_elses_picture_is_taken(bench: Bench) -> None:
    await bench.direct("", who="tom", **file())
    await settle(bench)
    (line,) = await bench.direct("Mine")
    assert "picture" not in line


async def test_a_picture_among_colleagues_is_talk_until_its_author_says_otherwise(bench: Bench) -> None:
    assert await bench.room("", **file()) == []
    assert await bench.room("look at that", **file()) == []
    assert await bench.count("picture") == 0
    (line,) = await bench.room("!post hello")
    assert "picture" not in line
    assert await bench.room("!alt A shut door", who="tom") == [
        "I know of no picture that you sent here just now: share one first. Nothing was changed."
    ]
    assert await bench.room("!alt A shut door") == [
        (
            "I fetch it. Your next `!post TEXT` within 10 minutes goes with it; `!send` posts it alone, `!alt TEXT` "
            "describes it, `!undo` forgets it"
        )
    ]
    await settle(bench)
    (line,) = await bench.room("!post The lift")
    assert line.startswith("[2] 8 characters, 1 picture: ")
    assert [(one.alt, one.post) for one in await all_pictures(bench)] == [("A shut door", 2)]


async def test_a_command_in_the_caption_takes_the_picture_in_a_room(bench: Bench) -> None:
    await bench.room("!post The lift", **file())
    assert [(one.alt, one.post) for one in await all_pictures(bench)] == [("The lift", 1)]
    assert await bench.room("!undo", **file()) == [
        "A picture goes with `!post TEXT` or `!r ID TEXT` alone. Nothing was posted."
    ]
    assert await bench.count("picture") == 1


async def test_an_encrypted_file_is_refused_clearly(bench: Bench) -> None:
    url = "aesgcm://upload.example.org/1/photo.jpg#" + "0" * 88
    assert await bench.direct("", **file(url)) == [
        "That file is encrypted end to end, so I can't take it: send it without encryption. Nothing was posted."
    ]
    assert await bench.room("", **file(url)) == []
    assert await bench.room("!alt A shut door") == [
        "I know of no picture that you sent here just now: share one first. Nothing was changed."
    ]
    assert await bench.count("picture") == 0


async def test_what_is_out_is_not_described_any_more(bench: Bench) -> None:
    await bench.direct("The lift", **file())
    await settle(bench)
    await bench.become(1, State.SENT)
    assert await bench.direct("alt A shut door") == [
        "I know of no picture that you sent here just now: share one first. Nothing was changed."
    ]
    assert [one.alt for one in await all_pictures(bench)] == ["The lift"]


async def test_a_stranger_can_share_nothing(bench: Bench) -> None:
    (line,) = await bench.direct("", who="eve", **file())
    assert line.startswith("I work for a team that you aren't in")
    assert await bench.count("picture") == 0


async def test_a_description_is_asked_for_where_an_account_wants_one(bench: Bench) -> None:
    wants_descriptions(bench)
    await bench.direct("", **file())
    await settle(bench)
    (line,) = await bench.direct("The lift")
    assert line == (
        "[1] waits for a description of its picture (`alt TEXT`), then goes to mastodon, x. Nothing was posted."
    )
    lines = await bench.direct("alt A shut door with a note on it")
    assert lines[0] == "[1] its picture is described"
    assert lines[1].startswith(
        "[1] 8 characters, 1 picture: mastodon ok, x ok (can't be edited or deleted). Sending in 20 s"
    )
    assert [one.alt for one in await all_pictures(bench)] == ["A shut door with a note on it"]
    assert (await bench.deliveries(1))[0].hold_until == bench.clock.now() + timedelta(seconds=20)


async def test_send_does_not_pass_by_a_missing_description(bench: Bench) -> None:
    wants_descriptions(bench)
    await bench.direct("", **file())
    await settle(bench)
    await bench.direct("The lift")
    lines = await bench.direct("send")
    assert lines[-1] == "[1] goes out as soon as its picture is here and described"
    assert await bench.states(1) == {"mastodon": ["held"], "x": ["held"]}
    await bench.direct("alt A shut door")
    assert await bench.states(1) == {"mastodon": ["ready"], "x": ["ready"]}


async def test_a_picture_that_cannot_be_had_leaves_the_words_to_their_author(bench: Bench) -> None:
    await bench.direct("The lift", **file())
    lines = await settle(bench, error="it is an SVG drawing.")
    assert lines[0] == (
        "[1] I can't take its picture: it is an SVG drawing. `send 1` posts the words without it. Nothing was posted."
    )
    assert await bench.states(1) == {"mastodon": ["held"], "x": ["held"]}
    await bench.direct("send 1")
    assert await bench.states(1) == {"mastodon": ["ready"], "x": ["ready"]}


@pytest.mark.parametrize("error", [None, "it is empty"])
async def test_posts_whose_pictures_come_in_another_order_go_on_as_they_were_said(
    bench: Bench, error: str | None
) -> None:
    bench.configure(posting=bench.settings.posting.model_copy(update={"hold": timedelta(0)}))
    await bench.direct("First look", **file(URL))
    await bench.direct("Second look", **file(OTHER))
    await settle(bench, url=OTHER)
    assert await bench.states(2) == {"mastodon": ["held"], "x": ["held"]}
    await settle(bench, url=URL, error=error)
    assert await bench.states(2) == {"mastodon": ["ready"], "x": ["ready"]}
    if error is None:
        first, second = await bench.deliveries(1), await bench.deliveries(2)
        assert [one.position for one in first] < [one.position for one in second]


async def test_a_picture_alone_that_cannot_be_had_is_only_told(bench: Bench) -> None:
    await bench.direct("", **file())
    assert await settle(bench, error="it is empty") == ["I can't take that picture: it is empty. Nothing was posted."]
    await bench.direct("", **file())
    await bench.direct("send")
    lines = await settle(bench, error="it is empty")
    assert lines[0] == "[1] I can't take its picture: it is empty. Nothing was posted."
    assert await bench.states(1) == {"mastodon": ["cancelled"], "x": ["cancelled"]}


async def test_what_an_account_does_not_take_is_said_before_it_goes_out(bench: Bench) -> None:
    bench.accounts.change("x", limits=Limits(text=280))
    bench.accounts.change("mastodon", limits=Limits(text=280, media=1))
    await bench.direct("", **file(URL, OTHER))
    await settle(bench)
    (line,) = await bench.direct("Two views")
    assert "mastodon ok with 1 of 2 pictures, x ok WITHOUT pictures (can't be edited or deleted)." in line


async def test_a_customer_is_answered_with_a_picture(bench: Bench) -> None:
    await bench.hears("which door?")
    await bench.room("!claim 1")
    name = bench.name_of("is raj's", "ops@rooms.example.org")
    reply = Gesture(kind=GestureKind.REPLY, about=name)
    lines = await bench.room("This one", **file(), gesture=reply)
    assert lines[0].startswith("[2->1] waits for its picture")
    (receipt,) = await settle(bench)
    assert receipt.startswith("[2->1] to @kim, from mastodon, as raj in 20 s")
    assert [(one.alt, one.post) for one in await all_pictures(bench)] == [("This one", 2)]
    wordless = await bench.room("", **file(OTHER), gesture=reply)
    assert wordless[0].startswith("[3->1] waits for its picture")
    assert {one.text for one in await bench.deliveries(3)} == {"@kim@mastodon.example"}


async def test_a_corrected_caption_keeps_the_picture(bench: Bench) -> None:
    await bench.direct("The lfit", **file(), names=frozenset({"m1"}))
    await settle(bench)
    better = Gesture(kind=GestureKind.CORRECTION, about="m1")
    (line,) = await bench.direct("The lift", gesture=better)
    assert line.startswith("[1] 8 characters, 1 picture: ")
    assert {(one.text, one.pictures) for one in await bench.deliveries(1)} == {("The lift", 1)}


async def test_a_question_that_is_replaced_gives_its_picture_back(bench: Bench) -> None:
    await bench.direct("", **file())
    await settle(bench)
    (question,) = await bench.direct("fav")
    assert question.startswith('[1] Post "fav" as a status')
    (line,) = await bench.direct("Doors are shut")
    assert line.startswith("[2] 14 characters, 1 picture")
    assert [one.post for one in await all_pictures(bench)] == [2]


async def test_what_was_shared_too_long_ago_is_listed(bench: Bench) -> None:
    early = bench.clock.now() - timedelta(hours=2)
    (line,) = await bench.direct("", **file(), said_at=early)
    assert "(a picture)" in line
    assert await bench.count("picture") == 0


async def test_what_waits_for_the_picture_of_another_post_says_so(bench: Bench) -> None:
    await bench.direct("First look", **file(URL))
    await bench.direct("Second look", **file(OTHER))
    await settle(bench, url=OTHER)
    assert await bench.receipt(2) == (
        "[2] waits for the picture of the post before it, then goes to mastodon, x: `undo` stops it"
    )


async def test_what_was_to_follow_a_picture_that_cannot_be_had_ends_with_it(bench: Bench) -> None:
    await bench.direct("", **file())
    await bench.direct("send")
    name = bench.name_of("waits for its picture", "raj@example.org")
    await bench.direct("And this", gesture=Gesture(kind=GestureKind.REPLY, about=name))
    lines = await settle(bench, error="it is empty")
    assert "[2] cancelled, too: it was to follow 1" in lines
    assert await bench.states(2) == {"mastodon": ["cancelled"], "x": ["cancelled"]}


async def test_a_picture_that_arrives_for_a_cancelled_post_says_nothing(
    bench: Bench, post_id: Callable[[list[str]], int]
) -> None:
    lines = await bench.direct("The lift", **file())
    await bench.direct(f"undo {post_id(lines)}")
    assert await settle(bench) == []
    assert await bench.store.read(lambda tx: len(pictures.of_post(tx, EntryId(1)))) == 1
