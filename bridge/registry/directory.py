"""All accounts of the configuration, each with a status; one that is broken stops none of the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from bridge.registry.account import Account
from bridge.registry.building import Recipe, recipe
from bridge.registry.catalog import Catalog
from bridge.registry.keeping import Memory, PassingMemory

if TYPE_CHECKING:
    from bridge.commands.accounts import AccountView, Installed
    from bridge.domain.clock import Clock
    from bridge.settings import AccountSettings, Settings


class Registry:
    """The accounts by name, in the order of the configuration; it is the `Accounts` that commands see."""

    def __init__(
        self, settings: Settings, recipes: Mapping[str, Recipe], *, clock: Clock, memory: Memory | None = None
    ) -> None:
        """Make the accounts; what is wrong with one is its status. Without a memory nothing outlives the process."""
        self._clock = clock
        self._memory = memory or PassingMemory()
        self._accounts = {name: self.made(name, settings.accounts[name], made) for name, made in recipes.items()}

    @staticmethod
    def recipes(settings: Settings, catalog: Catalog | None = None) -> dict[str, Recipe]:
        """Load the plugins of all enabled accounts and read their own keys; never raises for what is wrong there."""
        plugins = catalog or Catalog()
        return {name: recipe(name, settings, plugins) for name in settings.accounts}

    def made(self, name: str, settings: AccountSettings, made: Recipe) -> Account:
        """Return an account that isn't among ours yet."""
        return Account(name, settings, made, memory=self._memory, clock=self._clock)

    def swap(self, accounts: Iterable[Account]) -> None:
        """Have these accounts in the place of all former ones."""
        self._accounts = {account.name: account for account in accounts}

    def __contains__(self, name: str) -> bool:
        """Tell whether there is an account of that name."""
        return name in self._accounts

    def __iter__(self) -> Iterator[Account]:
        """Go through the accounts, in order."""
        return iter(self._accounts.values())

    def __getitem__(self, name: str) -> Account:
        """Return an account by its name; raises KeyError."""
        return self._accounts[name]

    def names(self) -> tuple[str, ...]:
        """Return the names of all accounts, in the order of the configuration."""
        return tuple(self._accounts)

    def view(self, name: str) -> AccountView | None:
        """Return an account as it is now; None if there is none of that name."""
        account = self._accounts.get(name)
        return None if account is None else account.view()

    def installed(self) -> tuple[Installed, ...]:
        """Return the plugins that are installed now."""
        return Catalog().installed()

    def mistakes(self) -> tuple[str, ...]:
        """Return the lines about the configuration that a start ends with."""
        return tuple(problem.text for account in self for problem in account.problems if problem.fatal)

    def secrets(self) -> tuple[str, ...]:
        """Return the secrets of all accounts, for the redaction of logs."""
        return tuple(dict.fromkeys(text for account in self for text in account.secrets))

    async def recall(self) -> None:
        """Read what was known of the accounts when the bridge last ran; to be called before the first command.

        Raises ReadError.
        """
        for account in self:
            await account.recall()
