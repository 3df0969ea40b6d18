"""Mutants that break what is promised of entering, posting and failing."""

from __future__ import annotations

import asyncio
import hashlib
import html
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar, Self

from pydantic import BaseModel, SecretStr

from bridge.plugin import (
    Cursor,
    Heard,
    Key,
    Money,
    PluginError,
    Post,
    Posted,
    PostId,
    RefusedError,
    Spending,
    UnauthorizedError,
    UnavailableError,
    UncertainError,
)
from bridge.testing import AbleFakePlugin, FakeSettings
from tests.unit.testing.mutation import as_error, caught_by

Things = AsyncGenerator[Heard]


@caught_by("test_it_is_made_without_any_io")
class ConnectsWhileItIsMade(AbleFakePlugin):
    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.line = asyncio.get_running_loop().create_future()


@caught_by("test_what_was_spent_is_an_amount_of_money")
class TellsMoreOfADayThanOfItsMonth(AbleFakePlugin):
    def spending(self) -> Spending:
        told = super().spending()
        return replace(told, today=replace(told.today, amount=told.month.amount + 1))


@caught_by("test_what_a_post_costs_is_spent")
class ForgetsWhatItSpent(AbleFakePlugin):
    def cost(self, post: Post) -> Money | None:
        return Money(amount=Decimal("0.02"), currency="USD")


@caught_by("test_a_login_that_is_no_good_is_unauthorized")
class EntersWithAnyToken(AbleFakePlugin):
    async def __aenter__(self) -> Self:
        with suppress(UnauthorizedError):
            return await super().__aenter__()
        return self


@caught_by("test_a_platform_that_is_not_well_is_tried_again")
class GivesUpForGood(AbleFakePlugin):
    async def __aenter__(self) -> Self:
        return await as_error(super().__aenter__(), lambda error: RefusedError(str(error)))


@caught_by("test_entering_learns_the_limits")
class KnowsNoLimits(AbleFakePlugin):
    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.limits = replace(self.limits, settle_after=timedelta(seconds=-1))
        return self


@caught_by("test_it_can_be_left_in_the_middle_of_a_call")
class LeavesCallsBehind(AbleFakePlugin):
    async def post(self, post: Post, key: Key) -> Posted:
        return await self.settings.platform.post(post, key)


@caught_by("test_leaving_ends_it")
class ListensAfterItWasLeft(AbleFakePlugin):
    def items(self, since: Cursor | None) -> Things:
        return self.settings.platform.listen(since)


@caught_by("test_the_same_key_twice_is_one_post")
class IgnoresTheKey(AbleFakePlugin):
    number = 0

    async def post(self, post: Post, key: Key) -> Posted:
        self.number += 1
        return await super().post(post, replace(key, token=f"{key.token}-{id(self)}-{self.number}"))


@caught_by("test_equal_texts_are_as_many_posts_as_keys")
class TakesTheTextForTheKey(AbleFakePlugin):
    async def post(self, post: Post, key: Key) -> Posted:
        return await super().post(post, replace(key, token=hashlib.sha256(post.text.encode()).hexdigest()))


@caught_by("test_posts_keep_their_order")
class AnswersBeforeItPosts(AbleFakePlugin):
    waiting: tuple[Post, Key] | None = None

    async def post(self, post: Post, key: Key) -> Posted:
        held, self.waiting = self.waiting, None
        if held is None and post.text == "first":
            self.waiting = (post, key)
            return Posted(id=PostId("soon"))
        posted = await super().post(post, key)
        if held is not None:
            await super().post(*held)
        return posted


@caught_by("test_a_text_arrives_as_it_was_written")
class EscapesTheText(AbleFakePlugin):
    async def post(self, post: Post, key: Key) -> Posted:
        return await super().post(replace(post, text=html.escape(post.text)), key)


@caught_by("test_what_fits_by_its_length_is_published_whole")
class LiesAboutLength(AbleFakePlugin):
    def length(self, text: str) -> int:
        return sum(min(len(word), 5) for word in text.split(" ")) + text.count(" ")


@caught_by("test_a_text_that_is_too_long_is_refused")
class CutsTheText(AbleFakePlugin):
    async def post(self, post: Post, key: Key) -> Posted:
        return await super().post(replace(post, text=post.text[: self.limits.text]), key)


@caught_by("test_an_answer_is_one")
class ForgetsWhatItAnswers(AbleFakePlugin):
    async def post(self, post: Post, key: Key) -> Posted:
        return await super().post(replace(post, in_reply_to=None), key)


@caught_by("test_an_answer_to_what_is_gone_is_no_post_of_its_own")
class FlattensAnswersToWhatIsGone(AbleFakePlugin):
    async def post(self, post: Post, key: Key) -> Posted:
        gone = post.in_reply_to is not None and post.in_reply_to.id in self.settings.platform.deleted
        return await super().post(replace(post, in_reply_to=None) if gone else post, key)


@caught_by("test_nobody_sees_it_who_should_not")
class TellsEverybody(AbleFakePlugin):
    async def post(self, post: Post, key: Key) -> Posted:
        return await super().post(replace(post, visibility=None), key)


@caught_by("test_a_warning_is_not_dropped")
class DropsTheWarning(AbleFakePlugin):
    async def post(self, post: Post, key: Key) -> Posted:
        return await super().post(replace(post, warning=None), key)


@caught_by("test_pictures_that_do_not_fit_are_refused")
class DropsPictures(AbleFakePlugin):
    async def post(self, post: Post, key: Key) -> Posted:
        return await super().post(replace(post, media=()), key)


@caught_by("test_what_may_be_published_is_in_doubt")
class TakesDoubtForAFailure(AbleFakePlugin):
    async def post(self, post: Post, key: Key) -> Posted:
        def certain(error: PluginError) -> PluginError:
            return UnavailableError(str(error)) if isinstance(error, UncertainError) else error

        return await as_error(super().post(post, key), certain)


@caught_by("test_what_may_be_published_is_in_doubt")
class TriesAgainByItself(AbleFakePlugin):
    async def post(self, post: Post, key: Key) -> Posted:
        try:
            return await super().post(post, key)
        except UncertainError:
            return await super().post(post, replace(key, token=key.token[::-1]))


@caught_by("test_what_may_be_published_is_in_doubt")
class LetsItsLibraryThrough(AbleFakePlugin):
    async def post(self, post: Post, key: Key) -> Posted:
        def foreign(error: PluginError) -> BaseException:
            return ConnectionError(str(error)) if isinstance(error, UncertainError) else error

        return await as_error(super().post(post, key), foreign)


@caught_by("test_an_answer_that_never_came_is_not_called_one")
class CallsSilenceAnAnswer(AbleFakePlugin):
    async def post(self, post: Post, key: Key) -> Posted:
        def answered(error: PluginError) -> PluginError:
            return UncertainError(str(error), answered=True) if isinstance(error, UncertainError) else error

        return await as_error(super().post(post, key), answered)


@caught_by("test_a_rate_limit_is_waited_for_by_the_bridge")
class WaitsByItself(AbleFakePlugin):
    async def post(self, post: Post, key: Key) -> Posted:
        try:
            return await super().post(post, key)
        except UnavailableError:
            await self.clock.sleep(7)
            return await super().post(post, key)


@caught_by("test_a_rate_limit_is_waited_for_by_the_bridge")
class ForgetsHowLongToWait(AbleFakePlugin):
    async def post(self, post: Post, key: Key) -> Posted:
        def hasty(error: PluginError) -> PluginError:
            return UnavailableError(str(error)) if isinstance(error, UnavailableError) else error

        return await as_error(super().post(post, key), hasty)


@caught_by("test_what_the_platform_refuses_is_refused")
class PausesForOneRefusal(AbleFakePlugin):
    async def post(self, post: Post, key: Key) -> Posted:
        def harsh(error: PluginError) -> PluginError:
            return UnauthorizedError(str(error)) if isinstance(error, RefusedError) else error

        return await as_error(super().post(post, key), harsh)


@caught_by("test_it_goes_on_when_the_trouble_is_over")
class NeverRecovers(AbleFakePlugin):
    failed: PluginError | None = None

    async def post(self, post: Post, key: Key) -> Posted:
        if self.failed is not None:
            raise self.failed
        try:
            return await super().post(post, key)
        except PluginError as error:
            self.failed = error
            raise


@caught_by("test_what_is_cancelled_publishes_nothing_more")
class PostsAfterItWasCancelled(AbleFakePlugin):
    later: asyncio.Task[Posted] | None = None

    async def post(self, post: Post, key: Key) -> Posted:
        try:
            return await super().post(post, key)
        except asyncio.CancelledError:
            self.later = asyncio.create_task(self._again(post, key))
            raise

    async def _again(self, post: Post, key: Key) -> Posted:
        await self.clock.sleep(60)
        return await super().post(post, key)


@caught_by("test_what_is_cancelled_publishes_nothing_more")
class DoesNotHeedCancellation(AbleFakePlugin):
    async def post(self, post: Post, key: Key) -> Posted:
        with suppress(asyncio.CancelledError):
            return await super().post(post, key)
        await asyncio.Event().wait()
        raise AssertionError


class TokenSettings(FakeSettings):
    token: SecretStr = SecretStr("a-very-secret-token")


@caught_by("test_an_error_is_a_sentence_without_secrets")
class TellsItsToken(AbleFakePlugin):
    Settings: ClassVar[type[BaseModel]] = TokenSettings

    async def post(self, post: Post, key: Key) -> Posted:
        def chatty(error: PluginError) -> PluginError:
            token: SecretStr = getattr(self.settings, "token", SecretStr(""))
            error.__context__ = ValueError(f"Authorization: Bearer {token.get_secret_value()}")
            return error

        try:
            return await super().post(post, key)
        except PluginError as error:
            raise error from ValueError(str(chatty(error).__context__))
