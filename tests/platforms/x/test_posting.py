"""Publishing on X: what is sent, what it costs, and what a refusal means."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bridge.plugin import (
    Money,
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
from bridge.testing import FakeClock, MemoryKeep
from plugins.x import XPlugin, XSettings
from tests.platforms.x.shop import entered, key, picture
from tests.servers import faults, x_faults
from tests.servers.x import X


def spent(shop: XPlugin) -> Decimal:
    """What was spent beside the entering."""
    return shop._ledger.spending().today.amount - Decimal("0.01")


async def test_a_post_says_no_more_than_it_must(x: X, clock: FakeClock) -> None:
    async with entered(x, clock) as shop:
        posted = await shop.post(Post(text="hello"), key())
    assert x.calls[-1].json == {"text": "hello"}
    assert posted == Posted(id=PostId(x.own[0].id), url=f"https://x.com/shop/status/{x.own[0].id}", memo={"own": "yes"})


@pytest.mark.parametrize(
    ("post", "words"),
    [
        (Post(text="x" * 281), "280 characters"),
        (Post(text="hello", visibility=Visibility.UNLISTED), "only public"),
        (Post(text="hello", visibility=Visibility.DIRECT), "only public"),
        (Post(text="hello", warning="Ending"), "no warnings"),
        (Post(text=" "), "without text"),
    ],
    ids=("long", "unlisted", "direct", "warned", "empty"),
)
async def test_what_x_has_no_place_for_costs_nothing(x: X, clock: FakeClock, post: Post, words: str) -> None:
    async with entered(x, clock) as shop:
        with pytest.raises(RefusedError, match=words):
            await shop.post(post, key())
        assert spent(shop) == 0
    assert len(x.calls) == 1


async def test_what_each_kind_costs(x: X, clock: FakeClock) -> None:
    async with entered(x, clock) as shop:
        mention = Ref(id=PostId(x.mention("hi").id))
        posted = await shop.post(Post(text="hello"), key("1"))
        assert spent(shop) == Decimal("0.015")
        await shop.post(Post(text="see example.org"), key("2"))
        assert spent(shop) == Decimal("0.215")
        await shop.post(Post(text="an answer", in_reply_to=mention), key("3"))
        assert spent(shop) == Decimal("0.225")
        await shop.post(Post(text="to myself", in_reply_to=posted.ref), key("4"))
        assert spent(shop) == Decimal("0.240")
        await shop.post(Post(text="see https://example.org", in_reply_to=mention), key("5"))
        assert spent(shop) == Decimal("0.440")
        await shop.delete(posted)
        assert spent(shop) == Decimal("0.450")
        await shop.delete(posted)
        assert spent(shop) == Decimal("0.450")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (x_faults.forbidden(), RefusedError),
        (faults.unauthorized(), UnauthorizedError),
        (faults.rate_limited("7"), UnavailableError),
        (x_faults.out_of_credits(), UnavailableError),
    ],
)
async def test_what_was_not_done_is_not_paid_for(
    x: X, clock: FakeClock, fault: faults.Fault, kind: type[Exception]
) -> None:
    async with entered(x, clock) as shop:
        x.next(fault)
        with pytest.raises(kind):
            await shop.post(Post(text="hello"), key())
        assert spent(shop) == 0


async def test_trap_what_may_have_been_done_is_counted(x: X, clock: FakeClock) -> None:
    keep = MemoryKeep()
    async with entered(x, clock, keep) as shop:
        x.next(faults.lose_response())
        with pytest.raises(UncertainError):
            await shop.post(Post(text="hello"), key())
        x.next(faults.hang())
        call = asyncio.create_task(shop.post(Post(text="hung"), key("two")))
        await x.hung.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert spent(shop) == Decimal("0.030")
    async with entered(x, clock, keep) as later:
        assert spent(later) == Decimal("0.040")


async def test_beyond_its_budget_nothing_is_sent(x: X, clock: FakeClock) -> None:
    async with entered(x, clock, daily_budget="0.22") as shop:
        await shop.post(Post(text="hello"), key("1"))
        with pytest.raises(RefusedError, match="budget"):
            await shop.post(Post(text="see example.org", media=(picture(),)), key("2"))
        posted = await shop.post(Post(text="hello again"), key("3"))
        await shop.delete(posted)
    assert x.texts == ["hello", "hello again"]
    assert x.pictures == {}


async def test_trap_a_text_that_another_delivery_has_published_is_refused(x: X, clock: FakeClock) -> None:
    async with entered(x, clock) as shop:
        await shop.post(Post(text="twin"), key("one"))
        with pytest.raises(RefusedError, match="change a word"):
            await shop.post(Post(text="twin"), key("two"))


async def test_trap_a_duplicate_that_may_be_the_post_itself_is_in_doubt_and_then_found(x: X, clock: FakeClock) -> None:
    """Nobody saw it arrive: neither the first answer nor two looks; then X refuses the second attempt."""
    keep, since = MemoryKeep(), clock.now()
    async with entered(x, clock, keep) as shop:
        x.lag = 3600
        x.next(faults.lose_response())
        with pytest.raises(UncertainError):
            await shop.post(Post(text="hello"), key("one", since))
        with pytest.raises(UncertainError, match="may take a while"):
            await shop.find(Post(text="hello"), key("one", since), since, frozenset())
        await clock.advance(15)
        assert await shop.find(Post(text="hello"), key("one", since), since, frozenset()) is None
        with pytest.raises(UncertainError, match="very post"):
            await shop.post(Post(text="hello"), key("one", since))
        for _ in range(3):
            with pytest.raises(UncertainError, match="as one that it has already"):
                await shop.find(Post(text="hello"), key("one", since), since, frozenset())
            await clock.advance(15)
        with pytest.raises(RefusedError, match="change a word"):
            await shop.post(Post(text="hello"), key("one", since))
        await clock.advance(3600)
        found = await shop.find(Post(text="hello"), key("one", since), since, frozenset())
        assert found is not None
        assert found.id == x.own[0].id
    assert len(x.own) == 1


async def test_trap_a_twin_from_before_a_restart_is_looked_for_once_and_then_refused(x: X, clock: FakeClock) -> None:
    since = clock.now()
    async with entered(x, clock) as shop:
        first = await shop.post(Post(text="twin"), key("one", since))
    async with entered(x, clock) as later:
        with pytest.raises(UncertainError, match="very post") as caught:
            await later.post(Post(text="twin"), key("two", since))
        assert caught.value.answered
        for _ in range(2):
            try:
                assert await later.find(Post(text="twin"), key("two", since), since, {first.id}) is None
            except UncertainError:
                await clock.advance(15)
        with pytest.raises(RefusedError, match="change a word"):
            await later.post(Post(text="twin"), key("two", since))
    assert len(x.own) == 1


async def test_a_twin_that_is_older_than_the_delivery_is_another(x: X, clock: FakeClock) -> None:
    async with entered(x, clock) as shop:
        await shop.post(Post(text="twin"), key("one"))
    await clock.advance(600)
    async with entered(x, clock) as later:
        with pytest.raises(RefusedError, match="change a word"):
            await later.post(Post(text="twin"), key("two", clock.now()))


async def test_a_duplicate_that_cannot_be_looked_for_is_in_doubt(x: X, clock: FakeClock) -> None:
    async with entered(x, clock) as shop:
        x.person("kim")
        x.write("twin", x.me)
        x.decide = lambda call: faults.server_error() if call.path.endswith("/tweets") and not call.posts else None
        with pytest.raises(UncertainError, match="very post"):
            await shop.post(Post(text="twin"), key())


async def test_trap_the_rule_about_answers_is_explained(x: X, clock: FakeClock) -> None:
    async with entered(x, clock) as shop:
        stranger = x.remark("nice weather")
        with pytest.raises(RefusedError, match="only who mentioned or quoted the account"):
            await shop.post(Post(text="indeed", in_reply_to=Ref(id=PostId(stranger.id))), key())
        assert spent(shop) == 0


async def test_trap_an_answer_to_what_is_gone_is_refused_and_not_a_post_of_its_own(x: X, clock: FakeClock) -> None:
    async with entered(x, clock) as shop:
        mention = x.mention("hi")
        x.remove(mention.id)
        with pytest.raises(RefusedError, match="isn't there"):
            await shop.post(Post(text="hello", in_reply_to=Ref(id=PostId(mention.id))), key())
    assert x.own == []


@pytest.mark.parametrize(
    "fault",
    [
        x_faults.page(),
        x_faults.no_data(),
        x_faults.no_data(status=201),
        x_faults.empty(),
        x_faults.over_capacity(committed=True),
        x_faults.answer(201, {"data": {"id": None}}, committed=True),
        x_faults.answer(201, {"data": []}, committed=True),
    ],
)
async def test_trap_an_answer_that_does_not_name_the_post_is_doubt(x: X, clock: FakeClock, fault: faults.Fault) -> None:
    async with entered(x, clock) as shop:
        x.next(fault)
        with pytest.raises(UncertainError) as caught:
            await shop.post(Post(text="hello"), key())
    assert caught.value.answered
    assert caught.value.retry_after == timedelta(seconds=15)
    assert x.texts == ["hello"]


async def test_errors_beside_the_data_are_no_failure(x: X, clock: FakeClock) -> None:
    body: dict[str, Any] = {"data": {"id": "77", "text": "hello"}, "errors": [x_faults.problem(404, "Some field.")]}
    async with entered(x, clock) as shop:
        x.next(x_faults.answer(201, body, committed=True))
        assert (await shop.post(Post(text="hello"), key())).id == "77"


@pytest.mark.parametrize(
    "headers",
    [
        {"x_rate_limit_reset": "soon"},
        {"x_rate_limit_reset": "-5", "retry_after": "never"},
        {"x_user_limit_24hour_remaining": "0", "x_user_limit_24hour_reset": "x"},
    ],
    ids=str,
)
async def test_trap_odd_limits_make_no_failure_of_another_kind(x: X, clock: FakeClock, headers: dict[str, str]) -> None:
    async with entered(x, clock) as shop:
        x.next(x_faults.limited(**headers))
        with pytest.raises(UnavailableError) as caught:
            await shop.post(Post(text="hello"), key())
        assert caught.value.retry_after is None
        await shop.post(Post(text="hello"), key())
    assert x.texts == ["hello"]


async def test_trap_a_days_limit_is_waited_for_by_x_s_own_clock(x: X, clock: FakeClock) -> None:
    end = int(clock.now().timestamp()) + 3600 + 300
    fault = x_faults.answer(
        429,
        x_faults.problem(429, "Too many."),
        headers={"x-user-limit-24hour-remaining": "0", "x-user-limit-24hour-reset": str(end)},
        shift=300,
    )
    async with entered(x, clock) as shop:
        x.next(fault)
        with pytest.raises(UnavailableError) as caught:
            await shop.post(Post(text="hello"), key())
    assert caught.value.retry_after == timedelta(hours=1)


async def test_a_suspended_account_pauses(x: X, clock: FakeClock) -> None:
    async with entered(x, clock) as shop:
        x.next(x_faults.suspended())
        with pytest.raises(UnauthorizedError, match="suspended"):
            await shop.post(Post(text="hello"), key())


async def test_what_it_costs_is_known_before_and_is_what_is_spent(x: X, clock: FakeClock) -> None:
    async with entered(x, clock) as shop:
        mention = Ref(id=PostId(x.mention("hi").id))
        mine = (await shop.post(Post(text="hello"), key("0"))).ref
        cases = [
            (Post(text="hello again"), "0.015", ""),
            (Post(text="see example.org"), "0.2", "with a link; 0.015 USD without"),
            (Post(text="an answer", in_reply_to=mention), "0.01", ""),
            (Post(text="see https://example.org", in_reply_to=mention), "0.2", "with a link; 0.01 USD without"),
            (Post(text="to myself", in_reply_to=mine), "0.015", ""),
            (Post(text="seen", media=(picture(alt="a shop"), picture(), picture(alt="a door"))), "0.025", ""),
            (Post(text="see a.example.org", media=(picture(alt="a"),)), "0.205", "with a link; 0.02 USD without"),
        ]
        for number, (post, amount, why) in enumerate(cases, 1):
            before = spent(shop)
            assert shop.cost(post) == Money(amount=Decimal(amount), currency="USD", why=why)
            await shop.post(post, key(str(number)))
            assert spent(shop) - before == Decimal(amount)


def test_what_it_costs_is_known_without_a_login(clock: FakeClock) -> None:
    shop = XPlugin(XSettings(), MemoryKeep(), clock)
    assert shop.cost(Post(text="hello")).amount == Decimal("0.015")


async def test_what_was_spent_is_told_beside_the_budgets(x: X, clock: FakeClock) -> None:
    async with entered(x, clock, daily_budget="0.5", monthly_budget="5") as shop:
        await shop.post(Post(text="hello"), key())
        told = shop.spending()
    assert told.today.amount == told.month.amount == Decimal("0.025")
    assert told.daily_budget == Money(amount=Decimal("0.5"), currency="USD")
    assert told.monthly_budget == Money(amount=Decimal(5), currency="USD")
