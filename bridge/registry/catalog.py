"""The installed plugins, by the entry points that packages declare; none is imported before somebody asks for it."""

from __future__ import annotations

import re
from collections import defaultdict
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeGuard

from bridge.commands.accounts import Installed
from bridge.plugin import Plugin
from bridge.registry.names import OURS, intruders
from bridge.settings import listed, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

GROUP: Final = "statusbridge.plugins"

_CORE: Final = re.compile(r"statusbridge(?![\w.-])", re.IGNORECASE)

AnyPlugin: TypeAlias = Plugin[Any]


class PluginMissingError(Exception):
    """No plugin, or more than one, goes by the name; one sentence for people."""


class PluginBrokenError(Exception):
    """The plugin is installed and can't be used; one sentence for people."""


class Catalog:
    """Plugins by name, each loaded at most once."""

    def __init__(self, found: Iterable[EntryPoint] | None = None) -> None:
        """Take what is installed, or other entry points in its place."""
        self._found: dict[str, list[EntryPoint]] = defaultdict(list)
        for point in entry_points(group=GROUP) if found is None else found:
            if all(_origin(point) != _origin(other) for other in self._found[point.name]):
                self._found[point.name].append(point)
        self._loaded: dict[str, type[AnyPlugin]] = {}

    def names(self) -> tuple[str, ...]:
        """Return the names of all installed plugins, sorted."""
        return tuple(sorted(name for name, points in self._found.items() if points))

    def load(self, name: str) -> type[AnyPlugin]:
        """Import a plugin's class; raises PluginMissingError or PluginBrokenError."""
        if name not in self._loaded:
            self._loaded[name] = _import(self._only(name))
        return self._loaded[name]

    def installed(self) -> tuple[Installed, ...]:
        """Return every plugin with the package that brings it, sorted; none is imported."""
        return tuple(_installed(name, point) for name in self.names() for point in self._found[name])

    def _only(self, name: str) -> EntryPoint:
        points = self._found.get(name, [])
        if not points:
            meant = nearest(name, self.names())
            hint = f"did you mean {meant}?" if meant else f"installed are: {listed(self.names()) or 'none'}"
            raise PluginMissingError(f"no plugin of that name is installed; {hint}")
        if len(points) > 1:
            packages = " and ".join(sorted(_package(point) for point in points))
            raise PluginMissingError(f"{packages} both bring a plugin of that name; uninstall one")
        return points[0]


def _import(point: EntryPoint) -> type[AnyPlugin]:
    whose = f'plugin "{point.name}" of {_package(point)}'
    try:
        loaded: object = point.load()
    except (Exception, SystemExit) as error:
        if point.module.partition(".")[0] in OURS and (others := intruders()):
            raise PluginBrokenError(f"{whose} can't be loaded: {others[0]}") from error
        cause = " ".join(str(error).split()) or "no reason given"
        raise PluginBrokenError(f"{whose} can't be loaded: {type(error).__name__}: {cause}; reinstall it") from error
    if not _is_plugin(loaded):
        raise PluginBrokenError(f"{whose} is no class derived from bridge.plugin.Plugin")
    abstract: frozenset[str] = getattr(loaded, "__abstractmethods__", frozenset())
    if abstract or not hasattr(loaded, "Settings"):
        lacks = listed(sorted(abstract)) or "Settings"
        raise PluginBrokenError(f"{whose} is incomplete: it lacks {lacks}")
    return loaded


def _is_plugin(loaded: object) -> TypeGuard[type[AnyPlugin]]:
    return isinstance(loaded, type) and issubclass(loaded, Plugin)


def _installed(name: str, point: EntryPoint) -> Installed:
    package = point.dist
    wanted = (package.requires or []) if package is not None else []
    needs = next((need for need in wanted if _CORE.match(need)), None)
    return Installed(
        name=name,
        package=_package(point),
        version=package.version if package is not None else None,
        needs=None if needs is None else needs.partition(";")[0].strip(),
    )


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value


def _origin(point: EntryPoint) -> tuple[str, str]:
    return (_package(point), point.value)
