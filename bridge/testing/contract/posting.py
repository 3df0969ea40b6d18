"""Publishing while all goes well: once, whole, in order, and to nobody but whom it is for."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import pytest

from bridge.plugin import Deletes, Media, Money, Plugin, Post, RefusedError, Visibility
from bridge.testing.clock import FakeClock
from bridge.testing.contract.kit import Contract, key, needs, only, post, stored, texts
from bridge.testing.harness import Harness

NASTY: Final = {
    "markup": "<b>bold</b> &amp; <script>alert(1)</script> & <br/> </p>",
    "quotes": "\"double\" 'single' `code` \\n \\ %s {0} ${HOME}; DROP TABLE post; --",
    "lines": "first\nsecond\n\nafter an empty one\n - and a dash",
    "scripts": "Zürich Ελλάδα 東京 עברית \u202eright to left\u202c हिन्दी",
    "emoji": "👩‍🚀 🏳️‍🌈 🇨🇭 👍🏽 ❤️ end",
    "marks": "@kim #open #東京 :smile: *bold* _under_ ~gone~ [a](b) !x /me",
    "links": "https://example.org/a?b=c&d=%20e#f (https://example.org/x_(y)) http://example.org.",
    "spaces": "no\u00a0break \u2009thin \u200bzero end",
    "json": '{"text": null, "id": [1, 2.5e3, true]}',
}
"""Texts that something on the way may take for more than a text."""

_SIZES: Final = {
    "letters": "x",
    "emoji": " 👩‍🚀🏳️‍🌈",
    "umlauts": " äöü",
    "links": " https://example.org/a",
    "names": " @kim@example.org",
    "lines": "\n\nx",
}
_WIDTH: Final = (Visibility.DIRECT, Visibility.PRIVATE, Visibility.UNLISTED, Visibility.PUBLIC)
_PICTURE: Final = Media(data=b"\x89PNG\r\n\x1a\n", type="image/png", alt="A dot")


def filled(plugin: Plugin[Any], unit: str) -> str:
    """Return the longest text, as the plugin counts, that is made of a unit and the letters before it."""
    limit = plugin.limits.text

    def fits(times: int, letters: int = 1) -> bool:
        return plugin.length("x" * letters + unit * times) <= limit

    times = _last(limit, fits)
    return "x" * _last(limit, lambda letters: fits(times, letters)) + unit * times


def _last(most: int, fits: Callable[[int], bool]) -> int:
    """Return the largest number up to `most` that fits, where all smaller ones do; small ones are tried first."""
    low, high = 0, 1
    while high < most and fits(high):
        low, high = high, min(2 * high, most)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


class Posting(Contract):
    """What `post`, `length` and `cost` promise."""

    async def test_a_post_is_published(self, plugin: Plugin[Any], harness: Harness, clock: FakeClock) -> None:
        """The answer names what is to be seen, and can be stored."""
        posted = stored(await self.soon(plugin.post(post(), key(clock))))
        shown = await only(harness)
        assert (shown.id, shown.text) == (posted.id, "hello")
        assert posted.id
        assert posted.url is None or posted.url.startswith(("http:", "https:")), "people can't follow the link"

    async def test_posts_keep_their_order(self, plugin: Plugin[Any], harness: Harness, clock: FakeClock) -> None:
        """What returned first is there first."""
        for name in ("first", "second", "third"):
            await self.soon(plugin.post(post(name), key(clock, name)))
        assert await texts(harness) == ["first", "second", "third"]

    async def test_the_same_key_twice_is_one_post(
        self, plugin: Plugin[Any], make: Callable[[], Any], harness: Harness, clock: FakeClock
    ) -> None:
        """Where the platform remembers keys, the second attempt finds the first, also after a restart."""
        if not plugin.limits.key_lifetime:
            pytest.skip("this platform remembers no keys")
        first = await self.soon(plugin.post(post(), key(clock)))
        assert (await self.soon(plugin.post(post(), key(clock)))).id == first.id
        async with make() as another:
            assert (await self.soon(another.post(post(), key(clock)))).id == first.id
        assert (await only(harness)).id == first.id

    async def test_equal_texts_are_as_many_posts_as_keys(
        self, plugin: Plugin[Any], harness: Harness, clock: FakeClock
    ) -> None:
        """A text that is published twice on purpose is there twice, or the second is refused; it is never the first."""
        first = await self.soon(plugin.post(post("twin"), key(clock, "one")))
        try:
            second = await self.soon(plugin.post(post("twin"), key(clock, "two")))
        except RefusedError:
            assert await texts(harness) == ["twin"]
        else:
            assert [shown.id for shown in await harness.published()] == [first.id, second.id]
            assert first.id != second.id

    @pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
    async def test_a_text_arrives_as_it_was_written(
        self, plugin: Plugin[Any], harness: Harness, clock: FakeClock, text: str
    ) -> None:
        """Nothing in a text is a command, markup or an escape to the plugin."""
        assert plugin.length(text) > 0
        await self.soon(plugin.post(post(text), key(clock)))
        assert (await only(harness)).text == text

    @pytest.mark.parametrize("unit", _SIZES.values(), ids=_SIZES)
    async def test_what_fits_by_its_length_is_published_whole(
        self, plugin: Plugin[Any], harness: Harness, clock: FakeClock, unit: str
    ) -> None:
        """`length` never counts less than the platform does: a text of `limits.text` isn't refused, and isn't cut."""
        text = filled(plugin, unit)
        await self.soon(plugin.post(post(text), key(clock)))
        assert (await only(harness)).text == text

    async def test_a_text_that_is_too_long_is_refused(
        self, plugin: Plugin[Any], harness: Harness, clock: FakeClock
    ) -> None:
        """It isn't cut to what fits, and isn't tried again."""
        text = filled(plugin, "x") + "x"
        assert plugin.length(text) > plugin.limits.text
        assert type(await self.outcome(plugin.post(post(text), key(clock)))) is RefusedError
        assert await texts(harness) == []

    async def test_length_is_a_count(self, plugin: Plugin[Any]) -> None:
        """Nothing is as long as nothing, and more is never shorter."""
        assert plugin.length("") == 0
        counts = [plugin.length("x" * times) for times in range(5)]
        assert counts == sorted(set(counts))

    async def test_cost_is_known_beforehand(self, plugin: Plugin[Any], harness: Harness) -> None:
        """`cost` is an amount of money or nothing, and publishes nothing."""
        cost = plugin.cost(post())
        assert cost is None or (
            isinstance(cost, Money) and isinstance(cost.amount, Decimal) and len(cost.currency) == 3
        )
        assert await texts(harness) == []

    async def test_an_answer_is_one(self, plugin: Plugin[Any], harness: Harness, clock: FakeClock) -> None:
        """It hangs on what it answers, or is refused; it is never published as a post of its own."""
        asked = stored(await self.soon(plugin.post(post("asked"), key(clock, "one"))))
        answer = Post(text="answered", in_reply_to=asked.ref)
        try:
            posted = await self.soon(plugin.post(answer, key(clock, "two")))
        except RefusedError:
            assert await texts(harness) == ["asked"]
        else:
            shown = (await harness.published())[-1]
            assert (shown.id, shown.text, shown.in_reply_to) == (posted.id, "answered", asked.id)

    @needs(Deletes)
    async def test_an_answer_to_what_is_gone_is_no_post_of_its_own(
        self, plugin: Any, harness: Harness, clock: FakeClock
    ) -> None:
        """Where what it answers isn't there any more, it is refused (or hangs there all the same)."""
        asked = stored(await self.soon(plugin.post(post("asked"), key(clock, "one"))))
        await self.soon(plugin.delete(asked))
        answer = Post(text="answered", in_reply_to=asked.ref)
        try:
            await self.soon(plugin.post(answer, key(clock, "two")))
        except RefusedError:
            assert await texts(harness) == []
        else:
            assert (await only(harness)).in_reply_to == asked.id

    @pytest.mark.parametrize("asked", Visibility, ids=lambda asked: asked.name)
    async def test_nobody_sees_it_who_should_not(
        self, plugin: Plugin[Any], harness: Harness, clock: FakeClock, asked: Visibility
    ) -> None:
        """A platform without a distinction takes a narrower one or refuses, never a wider one."""
        try:
            await self.soon(plugin.post(Post(text="hello", visibility=asked), key(clock)))
        except RefusedError:
            assert await texts(harness) == []
        else:
            assert _WIDTH.index((await only(harness)).visibility) <= _WIDTH.index(asked)

    async def test_a_warning_is_not_dropped(self, plugin: Plugin[Any], harness: Harness, clock: FakeClock) -> None:
        """What shall stand before a text stands there, or the post is refused."""
        try:
            await self.soon(plugin.post(Post(text="it is the butler", warning="Ending"), key(clock)))
        except RefusedError:
            assert await texts(harness) == []
        else:
            shown = await only(harness)
            assert shown.warning == "Ending" or shown.text.startswith("Ending")
            assert shown.text.endswith("it is the butler")

    async def test_pictures_that_do_not_fit_are_refused(
        self, plugin: Plugin[Any], harness: Harness, clock: FakeClock
    ) -> None:
        """One picture more than `limits.media` is no reason to publish the post without it."""
        pictures = (_PICTURE,) * (plugin.limits.media + 1)
        error = await self.outcome(plugin.post(Post(text="look", media=pictures), key(clock)))
        assert type(error) is RefusedError
        assert await texts(harness) == []
