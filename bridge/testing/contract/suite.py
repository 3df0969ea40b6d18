"""The suite put together: every part of the contract, less what a plugin has no ability for."""

from __future__ import annotations

from typing import ClassVar

from bridge.testing.contract.changing import Deleting, Editing
from bridge.testing.contract.entering import Entering
from bridge.testing.contract.failing import Failing
from bridge.testing.contract.finding import Finding
from bridge.testing.contract.kit import needed
from bridge.testing.contract.listening import Listening
from bridge.testing.contract.others import Favouring, Repeating, Showing
from bridge.testing.contract.posting import Posting
from bridge.testing.contract.spending import Counting
from bridge.testing.contract.tracking import Tracking

__all__ = ["PluginContract"]


class PluginContract(
    Entering, Posting, Failing, Editing, Deleting, Finding, Listening, Tracking, Repeating, Favouring, Showing, Counting
):
    """What a plugin promises; inherit it, name the `plugin_class`, and make a fixture `harness`.

    A subclass may add tests of its own and set `patience`, the real seconds that anything may take.
    """

    left_out: ClassVar[frozenset[str]] = frozenset()
    """The tests for abilities that the plugin doesn't have; none of them is collected."""

    def __init_subclass__(cls) -> None:
        """Take out what is for other abilities than the plugin's, and bring back what a base class had taken out."""
        super().__init_subclass__()
        if not hasattr(cls, "plugin_class"):
            return
        left_out: set[str] = set()
        for part in cls.__mro__:
            for name, test in vars(part).copy().items():
                if not name.startswith("test_") or test is None:
                    continue
                if not all(issubclass(cls.plugin_class, ability) for ability in (*needed(part), *needed(test))):
                    left_out.add(name)
                    setattr(cls, name, None)
                elif name in cls.left_out:
                    setattr(cls, name, test)
        cls.left_out = frozenset(left_out)
