"""Looking for what may have arrived on X."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bridge.plugin import Post, PostId, Ref, UnavailableError, UncertainError
from bridge.testing import FakeClock
from plugins.x.find import Verdict, Wanted, canonical, judge, media_of, shown, versions
from tests.platforms.x.shop import NOW, PNG, entered, key, only, picture
from tests.servers import faults, x_faults
from tests.servers.x import X
from tests.servers.x_world import Words

OWN = "/2/users/1001/tweets"


async def test_trap_only_a_second_look_15_seconds_later_is_sure_of_nothing(x: X, clock: FakeClock) -> None:
    async with entered(x, clock) as shop:
        for passed in (0, 14):
            await clock.advance(passed)
            with pytest.raises(UncertainError, match="may take a while") as caught:
                await shop.find(Post(text="absent"), key(), NOW, frozenset())
            assert caught.value.retry_after == timedelta(seconds=15)
        await clock.advance(1)
        assert await shop.find(Post(text="absent"), key(), NOW, frozenset()) is None
        with pytest.raises(UncertainError):
            await shop.find(Post(text="another"), key("two"), NOW, frozenset())


async def test_trap_what_is_listed_late_is_found_by_the_second_look(x: X, clock: FakeClock) -> None:
    x.lag = 15
    async with entered(x, clock) as shop:
        x.next(faults.lose_response())
        with pytest.raises(UncertainError):
            await shop.post(Post(text="late"), key())
        with pytest.raises(UncertainError):
            await shop.find(Post(text="late"), key(), NOW, frozenset())
        await clock.advance(15)
        found = await shop.find(Post(text="late"), key(), NOW, frozenset())
        assert found is not None
        assert found.id == x.own[0].id
        assert found.memo == {"own": "yes"}


@pytest.mark.parametrize("words", Words)
@pytest.mark.parametrize(
    "text",
    [
        "see https://example.org/a?b=c&d=1#e and example.org",
        "<b>R&D</b> &amp; more",
        "Cafe\u0301 au lait",
        "  around  \n\n it ",
        "HTTPS://EXAMPLE.ORG/Path/",
        "https://example.org/%C3%BC/ü",
    ],
)
async def test_trap_what_x_makes_of_a_text_is_known_again(x: X, clock: FakeClock, text: str, words: Words) -> None:
    x.words = words
    async with entered(x, clock) as shop:
        posted = await shop.post(Post(text=text), key())
        found = await shop.find(Post(text=text), key(), NOW, frozenset())
        assert found is not None
        assert found.id == posted.id


@pytest.mark.parametrize("words", Words)
async def test_trap_a_long_post_is_compared_as_a_whole(x: X, clock: FakeClock, words: Words) -> None:
    x.premium, x.words = True, words
    async with entered(x, clock, premium=True) as shop:
        posted = await shop.post(Post(text="word " * 100 + "end https://example.org/x"), key())
        found = await shop.find(Post(text="word " * 100 + "end https://example.org/x"), key(), NOW, frozenset())
        assert found is not None
        assert found.id == posted.id
        with pytest.raises(UncertainError, match="a while"):
            await shop.find(Post(text="word " * 100 + "other"), key("two"), NOW, frozenset())


async def test_trap_its_own_picture_is_no_part_of_a_text(x: X, clock: FakeClock) -> None:
    """Whoever looks has no pictures at hand; who has, knows how many there are."""
    async with entered(x, clock) as shop:
        posted = await shop.post(Post(text="look", media=(picture(),)), key())
        for media in ((), (picture(),)):
            found = await shop.find(Post(text="look", media=media), key(), NOW, frozenset())
            assert found is not None
            assert found.id == posted.id
        with pytest.raises(UncertainError, match="similar"):
            await shop.find(Post(text="look", media=(picture(), picture(PNG + b"2"))), key(), NOW, frozenset())


async def test_all_pages_back_to_the_first_attempt_are_read(x: X, clock: FakeClock) -> None:
    async with entered(x, clock) as shop:
        x.write("too old", x.me)
        await clock.advance(3600)
        since = clock.now()
        wanted = x.write("wanted", x.me)
        for number in range(250):
            x.write(f"other {number}", x.me)
        found = await shop.find(Post(text="wanted"), key(), since, frozenset())
        assert found is not None
        assert found.id == wanted.id
        assert len(x.asked(OWN)) == 3
        assert shop._ledger.spending().today.amount == Decimal("0.01") + 251 * Decimal("0.001")
        with pytest.raises(UncertainError, match="a while"):
            await shop.find(Post(text="too old"), key(), since, frozenset())


@pytest.mark.parametrize("hours", [-3, 0, 3])
async def test_trap_a_clock_that_is_wrong_does_not_hide_a_post(x: X, clock: FakeClock, hours: int) -> None:
    """X's clock is the stub's; ours is another one, as many hours off."""
    ours = FakeClock(clock.now() + timedelta(hours=hours))
    async with entered(x, ours) as shop:
        x.write("wanted", x.me)
        found = await shop.find(Post(text="wanted"), key(), ours.now(), frozenset())
        assert found is not None


async def test_it_is_not_sure_when_the_clock_was_set_back(x: X, clock: FakeClock) -> None:
    async with entered(x, clock) as shop:
        with pytest.raises(UncertainError, match="set back"):
            await shop.find(Post(text="x"), key(), NOW + timedelta(seconds=1), frozenset())


async def test_trap_a_list_without_an_end_is_not_certain(x: X, clock: FakeClock) -> None:
    endless = {"data": [{"id": "7", "text": "other"}], "meta": {"result_count": 1, "next_token": "more"}}
    async with entered(x, clock) as shop:
        x.decide = only("GET", OWN, x_faults.answer(200, endless))
        with pytest.raises(UncertainError, match="can't be listed back"):
            await shop.find(Post(text="wanted"), key(), NOW, frozenset())


@pytest.mark.parametrize(
    "fault",
    [
        faults.server_error(),
        faults.lose_response(),
        x_faults.over_capacity(),
        x_faults.page(),
        x_faults.empty(),
        x_faults.answer(200, ""),
        x_faults.answer(200, {"data": []}),
        x_faults.answer(200, {"meta": [], "data": []}),
        x_faults.answer(200, {"meta": {}, "data": {}}),
        x_faults.out_of_credits(),
        x_faults.limited(),
    ],
)
async def test_trap_what_is_no_list_does_not_pass_for_an_empty_one(x: X, clock: FakeClock, fault: faults.Fault) -> None:
    async with entered(x, clock) as shop:
        for _ in range(2):
            x.decide = only("GET", OWN, fault)
            with pytest.raises(UnavailableError):
                await shop.find(Post(text="absent"), key(), NOW, frozenset())
            await clock.advance(60)


async def test_trap_looking_goes_beyond_every_budget(x: X, clock: FakeClock) -> None:
    async with entered(x, clock, daily_budget="0", monthly_budget="0") as shop:
        x.write("wanted", x.me)
        assert await shop.find(Post(text="wanted"), key(), NOW, frozenset()) is not None


async def test_what_is_there_twice_is_not_decided(x: X, clock: FakeClock) -> None:
    async with entered(x, clock) as shop:
        first, second = x.write("twin", x.me), x.write("twin", x.me)
        with pytest.raises(UncertainError, match="more than once"):
            await shop.find(Post(text="twin"), key(), NOW, frozenset())
        found = await shop.find(Post(text="twin"), key(), NOW, {PostId(first.id)})
        assert found is not None
        assert found.id == second.id


async def test_trap_a_later_version_of_a_known_post_is_known(x: X, clock: FakeClock) -> None:
    async with entered(x, clock) as shop:
        first = x.write("twin", x.me)
        x.edit(first, "twin")
        with pytest.raises(UncertainError, match="a while"):
            await shop.find(Post(text="twin"), key(), NOW, {PostId(first.id)})


@pytest.mark.parametrize("words", Words)
@pytest.mark.parametrize("whole", [True, False])
async def test_an_answer_is_found_under_what_it_answers_only(x: X, clock: FakeClock, words: Words, whole: bool) -> None:
    x.words, x.whole = words, whole
    async with entered(x, clock) as shop:
        one, two = x.mention("hi"), x.mention("hello")
        answer = x.write("@kim yes", x.me, reply_to=one.id)
        for text in ("@kim yes", "yes"):
            found = await shop.find(Post(text=text, in_reply_to=Ref(id=PostId(one.id))), key(), NOW, frozenset())
            assert found is not None
            assert found.id == answer.id
        for post in (Post(text="@kim yes", in_reply_to=Ref(id=PostId(two.id))), Post(text="@kim yes")):
            with pytest.raises(UncertainError, match="a while"):
                await shop.find(post, key(), NOW, frozenset())


async def test_what_is_referred_to_is_only_asked_for_where_it_matters(x: X, clock: FakeClock) -> None:
    async with entered(x, clock) as shop:
        mention = x.mention("hi")
        x.write("@kim yes", x.me, reply_to=mention.id)
        with pytest.raises(UncertainError):
            await shop.find(Post(text="other"), key(), NOW, frozenset())
        assert "expansions" not in x.calls[-1].query
        assert shop._ledger.spending().today.amount == Decimal("0.011")
        with pytest.raises(UncertainError):
            await shop.find(Post(text="other", in_reply_to=Ref(id=PostId(mention.id))), key(), NOW, frozenset())
        assert x.calls[-1].query["expansions"] == "referenced_posts"
        assert shop._ledger.spending().today.amount == Decimal("0.013")


def verdict(post: Post, begin: datetime = NOW - timedelta(minutes=1), **status: Any) -> Verdict:
    wanted = Wanted(account="1", post=post, since=NOW, known=frozenset())
    told = {"id": "7", "text": "hello", "created_at": NOW.isoformat(), "conversation_id": "7", **status}
    return judge(told, wanted, begin)


def test_a_text_whose_links_x_has_changed_may_be_it() -> None:
    link = {"url": "https://t.co/a", "expanded_url": "https://example.org/moved"}
    more: dict[str, Any] = {"text": "see https://t.co/a now", "entities": {"urls": [link]}}
    assert verdict(Post(text="see https://example.org/moved/ now"), **more) is Verdict.YES
    assert verdict(Post(text="see https://example.org/x now"), **more) is Verdict.PERHAPS
    assert verdict(Post(text="see https://example.org/x then"), **more) is Verdict.NO
    assert verdict(Post(text="see now"), **more) is Verdict.NO
    assert verdict(Post(text="see https://example.org/x now"), text="see now") is Verdict.NO


def test_what_is_surely_another() -> None:
    hello = Post(text="hello")
    assert verdict(hello) is Verdict.YES
    assert verdict(hello, created_at=(NOW - timedelta(minutes=2)).isoformat()) is Verdict.NO
    assert verdict(hello, referenced_tweets=[{"type": "retweeted", "id": "3"}]) is Verdict.NO
    assert verdict(hello, referenced_posts=[{"type": "replied_to", "id": "3"}]) is Verdict.NO
    assert verdict(hello, conversation_id="3") is Verdict.NO
    assert verdict(Post(text="hello", media=(picture(),))) is Verdict.NO
    assert verdict(Post(text="Hello")) is Verdict.NO


def test_what_cannot_be_read_hides_nothing() -> None:
    hello = Post(text="hello")
    assert verdict(hello, created_at="yesterday") is Verdict.YES
    assert verdict(hello, created_at="2026-01-02T03:04:05") is Verdict.YES
    assert verdict(hello, entities=[], attachments="x", referenced_posts="x", edit_history_post_ids="x") is Verdict.YES
    assert verdict(hello, referenced_posts=[None], entities={"urls": [None, {}]}) is Verdict.YES
    assert versions({"id": 7}) == ("7",)
    assert media_of({"attachments": {"media_keys": None}}) == ()
    assert shown({}) == ("",)


def test_a_link_that_is_none_is_a_word() -> None:
    assert canonical("http://[x y") == "http://[x y"


def test_an_answer_whose_parent_x_does_not_name_is_never_taken_for_absent() -> None:
    """References cost, and may be left out; what is taken for absent is sent again."""
    answer = Post(text="hello", in_reply_to=Ref(id=PostId("3")))
    assert verdict(answer, conversation_id="3", referenced_posts=[{"type": "replied_to", "id": "3"}]) is Verdict.YES
    assert verdict(answer, conversation_id="3", referenced_posts=[{"type": "replied_to", "id": "4"}]) is Verdict.NO
    assert verdict(answer, conversation_id="3") is Verdict.PERHAPS
    assert verdict(answer, conversation_id="") is Verdict.PERHAPS
    assert verdict(answer) is Verdict.NO  # it begins a conversation of its own
