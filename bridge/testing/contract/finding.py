"""Looking for what may have arrived: the answer is acted on without asking again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from bridge.plugin import (
    Deletes,
    Finds,
    Post,
    RefusedError,
    UnauthorizedError,
    UncertainError,
)
from bridge.testing.clock import FakeClock
from bridge.testing.contract.kit import DOUBTFUL, LATER, Contract, key, meet, needs, post, stored
from bridge.testing.contract.posting import NASTY, filled
from bridge.testing.harness import Harness, Trouble


@needs(Finds)
class Finding(Contract):
    """What `find` promises. Where it can't be sure that something is absent, it may say so: UncertainError."""

    @pytest.fixture
    def since(self, clock: FakeClock) -> datetime:
        """When the first attempt was made."""
        return clock.now()

    async def _is_absent(self, looked_for: Any) -> None:
        try:
            found = await self.soon(looked_for)
        except UncertainError:
            return
        assert found is None

    @pytest.mark.parametrize("kind", DOUBTFUL, ids=lambda kind: kind.name)
    async def test_what_arrived_is_found(
        self,
        plugin: Any,
        make: Callable[[], Any],
        harness: Harness,
        clock: FakeClock,
        since: datetime,
        kind: Trouble,
    ) -> None:
        """After a doubt and a restart, `find` says what the answer would have said."""
        before = await self.soon(plugin.post(post("before"), key(clock, "zero")))
        await meet(harness, kind)
        assert isinstance(await self.outcome(plugin.post(post(), key(clock))), UncertainError)
        await harness.trouble(None)
        async with make() as another:
            await self.soon(another.post(post("after"), key(clock, "two")))
            found = stored(await self.soon(another.find(post(), key(clock), since, frozenset({before.id}))))
        assert [shown.id for shown in await harness.published()][1] == found.id

    async def test_what_never_arrived_is_absent(self, plugin: Any, clock: FakeClock, since: datetime) -> None:
        """None is certain: what isn't there isn't found, though other posts are."""
        await self._is_absent(plugin.find(post(), key(clock), since, frozenset()))
        other = await self.soon(plugin.post(post("something else"), key(clock, "other")))
        await self._is_absent(plugin.find(post(), key(clock), since, frozenset({other.id})))
        await self._is_absent(plugin.find(post(), key(clock), since, frozenset()))

    async def test_what_was_given_up_is_absent(
        self, plugin: Any, harness: Harness, clock: FakeClock, since: datetime
    ) -> None:
        """The platform did nothing, and so there is nothing."""
        await self.give_up(plugin.post(post(), key(clock)), harness)
        await self._is_absent(plugin.find(post(), key(clock), since, frozenset()))

    async def test_the_twin_of_another_delivery_is_not_taken_for_it(
        self, plugin: Any, clock: FakeClock, since: datetime
    ) -> None:
        """What is `known` to belong to another delivery is never the answer."""
        twin = await self.soon(plugin.post(post("twin"), key(clock, "one")))
        await self._is_absent(plugin.find(post("twin"), key(clock, "two"), since, {twin.id}))

    async def test_beside_its_twin_it_is_found(self, plugin: Any, clock: FakeClock, since: datetime) -> None:
        """Of two equal texts it is the one that isn't known, in whatever order they came."""
        try:
            first = await self.soon(plugin.post(post("twin"), key(clock, "one")))
            second = await self.soon(plugin.post(post("twin"), key(clock, "two")))
        except RefusedError:
            return  # this platform has no twins
        found = await self.soon(plugin.find(post("twin"), key(clock, "two"), since, {first.id}))
        assert found is not None
        assert found.id == second.id
        found = await self.soon(plugin.find(post("twin"), key(clock, "one"), since, {second.id}))
        assert found is not None
        assert found.id == first.id

    async def test_what_is_older_than_the_first_attempt_is_not_it(self, plugin: Any, clock: FakeClock) -> None:
        """An equal text of an hour ago is another post, though nobody knows its id any more."""
        await self.soon(plugin.post(post("daily"), key(clock, "one")))
        await clock.advance(LATER)
        await self._is_absent(plugin.find(post("daily"), key(clock, "two"), clock.now(), frozenset()))

    @pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
    async def test_a_text_is_found_as_it_was_written(
        self, plugin: Any, clock: FakeClock, since: datetime, text: str
    ) -> None:
        """Whatever the platform makes of a text, it is still known."""
        posted = await self.soon(plugin.post(post(text), key(clock)))
        found = await self.soon(plugin.find(post(text), key(clock), since, frozenset()))
        assert found is not None
        assert found.id == posted.id

    async def test_the_longest_text_is_found(self, plugin: Any, clock: FakeClock, since: datetime) -> None:
        """One that differs at its very end is another."""
        text = filled(plugin, "x")
        posted = await self.soon(plugin.post(post(text), key(clock)))
        found = await self.soon(plugin.find(post(text), key(clock), since, frozenset()))
        assert found is not None
        assert found.id == posted.id
        await self._is_absent(plugin.find(post(text[:-1] + "y"), key(clock, "two"), since, frozenset()))

    async def test_an_answer_is_told_from_a_post_with_its_text(
        self, plugin: Any, clock: FakeClock, since: datetime
    ) -> None:
        """The same words to somebody are another post."""
        asked = stored(await self.soon(plugin.post(post("asked"), key(clock, "one"))))
        await self.soon(plugin.post(post("yes"), key(clock, "two")))
        answer = Post(text="yes", in_reply_to=asked.ref)
        await self._is_absent(plugin.find(answer, key(clock, "three"), since, frozenset({asked.id})))

    @pytest.mark.parametrize(
        "kind",
        [kind for kind in Trouble if kind not in {Trouble.HANGS, Trouble.UNAUTHORIZED}],
        ids=lambda kind: kind.name,
    )
    async def test_a_look_that_fails_is_not_taken_for_absence(
        self, plugin: Any, harness: Harness, clock: FakeClock, since: datetime, kind: Trouble
    ) -> None:
        """None would send the post a second time; whatever keeps `find` from looking is an error."""
        await self.soon(plugin.post(post(), key(clock)))
        await meet(harness, kind)
        assert await self.outcome(plugin.find(post(), key(clock), since, frozenset())) is not None

    async def test_a_login_that_ends_is_unauthorized_to_a_look(
        self, plugin: Any, harness: Harness, clock: FakeClock, since: datetime
    ) -> None:
        """The account pauses, as for a post."""
        await meet(harness, Trouble.UNAUTHORIZED)
        error = await self.outcome(plugin.find(post(), key(clock), since, frozenset()))
        assert type(error) is UnauthorizedError

    async def test_a_look_publishes_nothing_and_can_be_given_up(
        self, plugin: Any, harness: Harness, clock: FakeClock, since: datetime
    ) -> None:
        """Cancelled in the middle it is over, and the next look works."""
        await self.give_up(plugin.find(post(), key(clock), since, frozenset()), harness)
        await self._is_absent(plugin.find(post(), key(clock), since, frozenset()))
        assert await harness.published() == []

    @needs(Deletes)
    async def test_what_was_found_can_be_taken_back(
        self, plugin: Any, harness: Harness, clock: FakeClock, since: datetime
    ) -> None:
        """The `Posted` is as good as that of `post`; afterwards it isn't found any more."""
        await self.soon(plugin.post(post(), key(clock)))
        found = stored(await self.soon(plugin.find(post(), key(clock), since, frozenset())))
        await self.soon(plugin.delete(found))
        assert await harness.published() == []
        await self._is_absent(plugin.find(post(), key(clock), since, frozenset()))
