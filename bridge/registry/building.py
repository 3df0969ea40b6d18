"""From the tables of the configuration to accounts: pure but for the plugins' import."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast, get_args

import structlog
from pydantic import BaseModel, SecretStr, ValidationError

from bridge.registry.catalog import AnyPlugin, Catalog, PluginBrokenError, PluginMissingError
from bridge.settings import CORE_KEYS, AccountSettings, Settings, describe, hide, secret_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo


_log = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why an account can't be entered, in one line that names the key.

    A `fatal` one is a mistake in the configuration: a start ends with it. With another, the rest goes on.
    """

    text: str
    fatal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What an account is made of: its plugin's class and that one's own settings, or the problems with them."""

    plugin: type[AnyPlugin] | None = None
    own: BaseModel | None = None
    problems: tuple[Problem, ...] = ()
    secrets: tuple[str, ...] = ()


def recipe(name: str, settings: Settings, catalog: Catalog) -> Recipe:
    """Find the plugin of an account and read the plugin's own keys; of a disabled one nothing is loaded."""
    account = settings.accounts[name]
    guessed = secret_texts(account.own)
    if not account.enabled:
        return Recipe(secrets=guessed)
    place = settings.place("accounts", name, "plugin")
    try:
        plugin = catalog.load(account.plugin)
    except PluginMissingError as error:
        return Recipe(problems=(Problem(text=f"{place}: {error}", fatal=True),), secrets=guessed)
    except PluginBrokenError as error:
        return Recipe(problems=(Problem(text=f"{place}: {error}", fatal=False),), secrets=guessed)
    return _own(name, account, settings, plugin)


def _own(name: str, account: AccountSettings, settings: Settings, plugin: type[AnyPlugin]) -> Recipe:
    table = _decoded(plugin.Settings, account.own)
    secrets = tuple(dict.fromkeys((*secret_texts(account.own), *_declared(plugin.Settings, account.own))))
    try:
        own = _validated(plugin.Settings, table)
    except ValidationError as error:
        lines = describe(
            error,
            model=plugin.Settings,
            data=table,
            where=lambda loc: settings.place("accounts", name, *loc),
            also_known=CORE_KEYS,
        )
        fatal = not _only_secrets_missing(plugin.Settings, error)
        problems = tuple(Problem(text=hide(line, secrets), fatal=fatal) for line in lines)
        return Recipe(plugin=plugin, problems=problems, secrets=secrets)
    try:
        chosen = plugin.for_settings(own)
    except Exception as error:  # noqa: BLE001 - a plugin's bug is its own
        # Without the traceback: no log knows the account's secrets yet.
        kind = type(error).__name__
        _log.error("the plugin can't tell its class for an account", account=name, plugin=account.plugin, error=kind)
        place = settings.place("accounts", name, "plugin")
        failed = f"{place}: the plugin {account.plugin} failed ({kind})"
        return Recipe(plugin=plugin, problems=(Problem(text=failed, fatal=False),), secrets=secrets)
    return Recipe(plugin=chosen, own=own, secrets=secrets)


def _validated(model: type[BaseModel], table: Mapping[str, Any]) -> BaseModel:
    extra = None if model.model_config.get("extra") == "allow" else "forbid"
    return model.model_validate(table, extra=extra)


def _decoded(model: type[BaseModel], table: Mapping[str, Any]) -> dict[str, Any]:
    """Read lists and tables that came as JSON from the environment, where the plugin wants no text."""
    decoded = dict(table)
    for key, value in table.items():
        info = _field(model, key)
        if isinstance(value, str) and value[:1] in {"[", "{"} and info is not None and not _takes_text(info.annotation):
            try:
                decoded[key] = json.loads(value)
            except ValueError:
                continue
    return decoded


def _takes_text(annotation: object) -> bool:
    texts: tuple[object, ...] = (str, SecretStr, Any)
    arguments = get_args(annotation)
    optional = bool(arguments) and arguments[-1] is type(None)
    return any(annotation is text for text in texts) or (
        optional and any(_takes_text(argument) for argument in arguments)
    )


def _field(model: type[BaseModel], key: str) -> FieldInfo | None:
    found = model.model_fields.get(key)
    return found or next((info for info in model.model_fields.values() if key == info.alias), None)


def _only_secrets_missing(model: type[BaseModel], error: ValidationError) -> bool:
    """Tell whether nothing is wrong but that secrets are absent: such an account waits, and the others work."""
    for detail in error.errors(include_url=False, include_input=False):
        info = _field(model, str(detail["loc"][0])) if len(detail["loc"]) == 1 else None
        if detail["type"] != "missing" or info is None or not _is_secret(info.annotation):
            return False
    return True


def _is_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(_is_secret(argument) for argument in get_args(annotation))


def _declared(model: type[BaseModel], table: Mapping[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        info = _field(model, key)
        if info is None:
            continue
        nested = info.annotation
        if isinstance(value, str) and value and _is_secret(nested):
            yield value
        elif isinstance(value, Mapping) and isinstance(nested, type) and issubclass(nested, BaseModel):
            yield from _declared(nested, cast("Mapping[str, Any]", value))
