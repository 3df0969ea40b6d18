"""The plugins for the platform in memory keep the contract, and each is tested for what it can do."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from bridge.plugin import Cursor, Deletes, Edits, Favours, Finds, Listens, Repeats, Shows, Tracks
from bridge.testing import AbleFakePlugin, FakeClock, FakePlugin, FindingFakePlugin, Harness, Trouble
from bridge.testing.contract import PluginContract
from bridge.testing.contract.changing import Deleting, Editing
from bridge.testing.contract.entering import Entering
from bridge.testing.contract.failing import Failing
from bridge.testing.contract.finding import Finding
from bridge.testing.contract.kit import Ear, meet
from bridge.testing.contract.listening import Listening
from bridge.testing.contract.others import Favouring, Repeating, Showing
from bridge.testing.contract.posting import Posting
from bridge.testing.contract.tracking import Tracking
from tests.unit.testing.fake_harness import FakeHarness


class TestAbleFakePlugin(PluginContract):
    plugin_class = AbleFakePlugin

    @pytest.fixture
    def harness(self, clock: FakeClock) -> Harness:
        return FakeHarness(clock)


class TestFakePlugin(PluginContract):
    plugin_class = FakePlugin

    @pytest.fixture
    def harness(self, clock: FakeClock) -> Harness:
        return FakeHarness(clock)


def names(part: type) -> set[str]:
    return {name for name in dir(part) if name.startswith("test_") and callable(getattr(part, name))}


@pytest.mark.parametrize(
    ("ability", "part"),
    [
        (Edits, Editing),
        (Deletes, Deleting),
        (Finds, Finding),
        (Listens, Listening),
        (Tracks, Tracking),
        (Repeats, Repeating),
        (Favours, Favouring),
        (Shows, Showing),
    ],
)
def test_an_ability_has_its_tests_and_its_absence_has_none(ability: type, part: type) -> None:
    assert names(part)
    assert names(part) <= names(TestAbleFakePlugin)
    assert not names(part) & names(TestFakePlugin)
    assert issubclass(AbleFakePlugin, ability)


def test_a_test_for_two_abilities_wants_both() -> None:
    class Found(PluginContract):
        plugin_class: ClassVar = FindingFakePlugin

    assert "test_what_was_found_can_be_taken_back" not in names(Found)
    assert "test_what_was_found_can_be_taken_back" in names(TestAbleFakePlugin)
    assert names(Found) - names(TestFakePlugin) == names(Finding) - {"test_what_was_found_can_be_taken_back"}


def test_what_every_plugin_must_do_is_tested_for_every_plugin() -> None:
    assert names(TestFakePlugin) >= names(Entering) | names(Failing)
    assert names(Posting) - names(TestFakePlugin) == {"test_an_answer_to_what_is_gone_is_no_post_of_its_own"}


def test_nothing_but_the_suite_needs_pytest() -> None:
    script = "import sys, bridge.app, bridge.cli, bridge.testing; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], timeout=50, check=False).returncode == 0


def test_a_subclass_tests_what_its_own_plugin_can_do() -> None:
    class Base(PluginContract):
        plugin_class: ClassVar = FakePlugin

    class More(Base):
        plugin_class: ClassVar = AbleFakePlugin

    assert names(Base) == names(TestFakePlugin)
    assert names(More) == names(TestAbleFakePlugin)


async def test_things_of_an_unknown_kind_are_positions(clock: FakeClock) -> None:
    @dataclass
    class Unknown:
        cursor: Cursor

    async def things() -> AsyncGenerator[Any]:
        yield Unknown(Cursor("1"))
        yield item
        yield Unknown(Cursor("3"))

    item = FakeHarness(clock).platform.say("hi")
    async with Ear(things(), clock, None, 5) as ear:
        assert (await ear.item(), (await ear.next()).cursor) == (item, "3")


def test_what_a_harness_can_not_do_is_skipped_with_its_reason(clock: FakeClock) -> None:
    class Gentle(FakeHarness):
        cannot: ClassVar = {Trouble.LOST: "it never loses anything"}

    with pytest.raises(pytest.skip.Exception, match="LOST: it never loses anything"):
        asyncio.run(meet(Gentle(clock), Trouble.LOST))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
