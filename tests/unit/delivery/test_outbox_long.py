"""The outbox machine for longer, on platforms with and without keys."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.unit.delivery.test_outbox_machine import SETTINGS, NoKeys, OutboxMachine

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]


class LongSearch(OutboxMachine):
    """A platform with keys."""


class LongSearchWithoutKeys(NoKeys):
    """A platform without."""


TestLongSearch = LongSearch.TestCase
TestLongSearchWithoutKeys = LongSearchWithoutKeys.TestCase
TestLongSearch.settings = TestLongSearchWithoutKeys.settings = settings(SETTINGS, max_examples=200)
