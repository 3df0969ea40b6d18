"""The suite put together: every part of the contract, less what a plugin has no ability for."""

from __future__ import annotations

from bridge.testing.contract.changing import Deleting, Editing
from bridge.testing.contract.entering import Entering
from bridge.testing.contract.failing import Failing
from bridge.testing.contract.finding import Finding
from bridge.testing.contract.kit import needed
from bridge.testing.contract.listening import Listening
from bridge.testing.contract.others import Favouring, Repeating, Showing
from bridge.testing.contract.posting import Posting
from bridge.testing.contract.tracking import Tracking

__all__ = ["PluginContract"]


class PluginContract(
    Entering, Posting, Failing, Editing, Deleting, Finding, Listening, Tracking, Repeating, Favouring, Showing
):
    """What a plugin promises; inherit it, name the `plugin_class`, and make a fixture `harness`.

    A subclass may add tests of its own and set `patience`, the real seconds that anything may take.
    """

    def __init_subclass__(cls) -> None:
        """Take out the tests of abilities that the plugin doesn't have, so that they aren't even collected."""
        super().__init_subclass__()
        if not hasattr(cls, "plugin_class"):
            return
        for part in cls.__mro__:
            for name, value in vars(part).copy().items():
                if name.startswith("test_") and not all(
                    issubclass(cls.plugin_class, ability) for ability in (*needed(part), *needed(value))
                ):
                    setattr(cls, name, None)
