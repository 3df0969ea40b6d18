"""Mutants that break what is promised of editing, deleting, finding, and of what others said."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bridge.plugin import (
    Item,
    Key,
    Post,
    Posted,
    PostId,
    Ref,
    RefusedError,
    UnavailableError,
    UncertainError,
)
from bridge.testing import AbleFakePlugin
from tests.unit.testing.mutation import caught_by


@caught_by("test_editing_twice_is_harmless")
class RefusesToEditTwice(AbleFakePlugin):
    async def edit(self, posted: Posted, post: Post, key: Key) -> Posted:
        if any(one.id == posted.id and one.post == post for one in self.settings.platform.published):
            raise RefusedError("Nothing would change.")
        return await super().edit(posted, post, key)


@caught_by("test_an_edit_changes_the_post")
class EditsByPostingAnew(AbleFakePlugin):
    async def edit(self, posted: Posted, post: Post, key: Key) -> Posted:
        return await self.post(post, key)


@caught_by("test_an_edit_of_what_is_gone_is_refused")
class BringsBackWhatIsGone(AbleFakePlugin):
    async def edit(self, posted: Posted, post: Post, key: Key) -> Posted:
        try:
            return await super().edit(posted, post, key)
        except RefusedError:
            return await self.post(post, key)


@caught_by("test_what_is_already_gone_is_done")
class FailsToDeleteTwice(AbleFakePlugin):
    async def delete(self, posted: Posted) -> None:
        if posted.id in self.settings.platform.deleted:
            raise RefusedError("There is no such post.")
        await super().delete(posted)


@caught_by("test_a_deletion_takes_back_one_post")
class KnowsOnlyItsOwnPosts(AbleFakePlugin):
    known: tuple[PostId, ...] = ()

    async def post(self, post: Post, key: Key) -> Posted:
        posted = await super().post(post, key)
        self.known = (*self.known, posted.id)
        return posted

    async def delete(self, posted: Posted) -> None:
        if posted.id in self.known:
            await super().delete(posted)


@caught_by("test_a_deletion_takes_back_one_post")
class TrustsThatMemosKeepTheirTypes(AbleFakePlugin):
    async def post(self, post: Post, key: Key) -> Posted:
        posted = await super().post(post, key)
        memo: Any = {"revision": 1}
        return replace(posted, memo=memo)


@caught_by("test_the_twin_of_another_delivery_is_not_taken_for_it")
class AdoptsTheTwin(AbleFakePlugin):
    async def find(self, post: Post, key: Key, since: datetime, known: AbstractSet[PostId]) -> Posted | None:
        return await super().find(post, key, since, frozenset())


@caught_by("test_what_is_older_than_the_first_attempt_is_not_it")
class FindsWhatIsOld(AbleFakePlugin):
    async def find(self, post: Post, key: Key, since: datetime, known: AbstractSet[PostId]) -> Posted | None:
        return await super().find(post, key, datetime.fromtimestamp(0, UTC), known)


@caught_by("test_a_look_that_fails_is_not_taken_for_absence")
class TakesFailureForAbsence(AbleFakePlugin):
    async def find(self, post: Post, key: Key, since: datetime, known: AbstractSet[PostId]) -> Posted | None:
        with suppress(UnavailableError, UncertainError):
            return await super().find(post, key, since, known)
        return None


@caught_by("test_the_longest_text_is_found")
class ComparesOnlyTheBeginning(AbleFakePlugin):
    async def find(self, post: Post, key: Key, since: datetime, known: AbstractSet[PostId]) -> Posted | None:
        for one in self.settings.platform.published:
            if one.post.text[:50] == post.text[:50] and one.id not in known:
                return one.posted
        return await super().find(post, key, since, known)


@caught_by("test_an_answer_is_told_from_a_post_with_its_text")
class ComparesOnlyTheText(AbleFakePlugin):
    async def find(self, post: Post, key: Key, since: datetime, known: AbstractSet[PostId]) -> Posted | None:
        return await super().find(replace(post, in_reply_to=None), key, since, known)


@caught_by("test_what_arrived_is_found")
class FindsOnlyTheNewest(AbleFakePlugin):
    async def find(self, post: Post, key: Key, since: datetime, known: AbstractSet[PostId]) -> Posted | None:
        found = await super().find(post, key, since, known)
        return found if found and found.id == self.settings.platform.published[-1].id else None


@caught_by("test_a_post_is_repeated_once")
class RepeatsTwice(AbleFakePlugin):
    async def repeat(self, item: Ref, key: Key) -> Posted:
        posted = await super().repeat(item, key)
        self.settings.platform.repeated.append(item.id)
        return posted


@caught_by("test_what_was_repeated_can_be_taken_back")
class RepeatsForEver(AbleFakePlugin):
    async def delete(self, posted: Posted) -> None:
        repeated = list(self.settings.platform.repeated)
        await super().delete(posted)
        self.settings.platform.repeated = repeated


@caught_by("test_a_post_is_marked")
class TakesMarksBack(AbleFakePlugin):
    async def favour(self, item: Ref) -> None:
        marks = self.settings.platform.favoured
        if item.id in marks:
            marks.remove(item.id)
        else:
            await super().favour(item)


@caught_by("test_a_conversation_is_shown_oldest_first")
class ShowsTheNewestFirst(AbleFakePlugin):
    async def thread(self, item: Ref) -> tuple[Item, ...]:
        return tuple(reversed(await super().thread(item)))


@caught_by("test_a_conversation_that_can_not_be_read_is_an_error")
class ShowsNothingForAnError(AbleFakePlugin):
    async def thread(self, item: Ref) -> tuple[Item, ...]:
        with suppress(UnavailableError, UncertainError):
            return await super().thread(item)
        return ()
