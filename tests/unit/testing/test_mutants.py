"""The contract suite fails for plugins that break the contract: each mutant of the fake is caught by its test."""

from __future__ import annotations

from collections import defaultdict

import pytest

from tests.unit.testing.mutants import MUTANTS

pytest_plugins = ["pytester"]

QUIET = ("-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov", "-p", "no:timeout", "-p", "no:hypothesispytest")
INI = """
[pytest]
asyncio_default_fixture_loop_scope = function
asyncio_default_test_loop_scope = function
"""
FILE = """
import pytest
from bridge.testing import AbleFakePlugin
from bridge.testing.contract import PluginContract
from tests.unit.testing.fake_harness import FakeHarness
from tests.unit.testing.mutants import MUTANTS


class Suite(PluginContract):
    @pytest.fixture
    def harness(self, clock):
        return FakeHarness(clock)


class TestHealthy(Suite):
    plugin_class = AbleFakePlugin


for name, (mutant, _) in MUTANTS.items():
    globals()["Test" + name] = type("Test" + name, (Suite,), dict(plugin_class=mutant, patience=0.5))
"""


@pytest.mark.servers
@pytest.mark.timeout(240)
def test_every_mutant_is_caught_by_its_test_which_a_healthy_plugin_passes(pytester: pytest.Pytester) -> None:
    pytester.makeini(INI)
    path = pytester.makepyfile(FILE)
    wanted = {("TestHealthy", test) for _, test in MUTANTS.values()}
    wanted |= {(f"Test{name}", test) for name, (_, test) in MUTANTS.items()}
    passed, _, failed = pytester.inline_run(
        *(f"{path}::{suite}::{test}" for suite, test in sorted(wanted)), *QUIET
    ).listoutcomes()
    ran = defaultdict[str, set[str]](set)
    for word, reports in (("passed", passed), ("failed", failed)):
        for report in reports:
            suite = report.nodeid.split("::")[1]
            ran[suite].add(word)
    assert ran.pop("TestHealthy") == {"passed"}
    assert {name for name, words in ran.items() if "failed" not in words} == set()
    assert ran.keys() == {f"Test{name}" for name in MUTANTS}
    assert len(MUTANTS) >= 60
