"""Where the configuration comes from: a TOML file, the environment, a directory of secrets; later ones win."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic_settings import EnvSettingsSource

from bridge.settings.errors import Loc, SettingsError, key_path, nearest
from bridge.settings.models import AccountSettings
from bridge.settings.root import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic.fields import FieldInfo

PREFIX: Final = "STATUSBRIDGE_"
DELIMITER: Final = "__"
OPTIONS: Final = frozenset({"STATUSBRIDGE_CONFIG", "STATUSBRIDGE_SECRETS_DIR", "STATUSBRIDGE_LOG_LEVEL"})
"""Variables that stand for options of the command line, not for keys of the file."""

DEFAULT_SECRETS: Final = Path("/run/secrets")
_LARGEST_SECRET: Final = 65536
_LARGEST_FILE: Final = 4_194_304
_POSITION = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One source: its values, and for texts from outside the file the name that each path was given under."""

    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    names: Mapping[tuple[str, ...], str] = field(default_factory=dict[tuple[str, ...], str])

    def place(self, loc: Loc) -> str | None:
        """Return the name that the value at this path came by, or None where this layer doesn't have it."""
        path = tuple(str(part) for part in loc)
        for length in range(len(path), 0, -1):
            name = self.names.get(path[:length])
            if name is not None:
                return name if length == len(path) else f"{name}: {key_path(loc)}"
        return None


class _Texts(EnvSettingsSource):
    """Environment variables, or files of the same form, read from a mapping instead of from the process."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        super().__init__(Settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): text for name, text in self._texts.items() if text}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Read a JSON list or object where the core knows that one belongs; leave all else as it is."""
        del field_name
        known = cast("FieldInfo | None", field)
        if known is None or not isinstance(value, str) or value[:1] not in {"[", "{"}:
            return value
        try:
            return json.loads(value)
        except ValueError:
            return value


def read_file(path: Path) -> Layer:
    """Read the TOML file; raises SettingsError with the one line that says why it can't be read."""
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST_FILE + 1)
    except FileNotFoundError:
        raise SettingsError([f"{path}: no such file; `statusbridge init {path}` writes a commented one"]) from None
    except IsADirectoryError:
        raise SettingsError([f"{path}: is a directory; give the configuration file in it"]) from None
    except PermissionError:
        raise SettingsError([f"{path}: permission denied; the bridge's user must be able to read it"]) from None
    except OSError as error:
        raise SettingsError([f"{path}: can't be read: {error.strerror}"]) from None
    if len(raw) > _LARGEST_FILE:
        raise SettingsError([f"{path}: is too large for a configuration file"])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SettingsError([f"{path}, line {line}: is not UTF-8; save the file as UTF-8"]) from None
    try:
        return Layer(data=tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([_syntax(path, text, str(error))]) from None
    except RecursionError:
        raise SettingsError([f"{path}: is nested too deeply"]) from None


def _syntax(path: Path, text: str, message: str) -> str:
    match = _POSITION.search(message)
    line = match[1] if match and match[1] else str(text.rstrip("\n").count("\n") + 1)
    what = _POSITION.sub("", message)
    if what == "Invalid value":
        what = "this value can't be read; texts need quotes"
    return f"{path}, line {line}: {what[:1].lower()}{what[1:]}"


def read_environment(environ: Mapping[str, str]) -> Layer:
    """Read the variables that name keys; raises SettingsError where one nearly does."""
    ours = {name: text for name, text in environ.items() if name.upper().startswith(PREFIX)}
    keys = {name: text for name, text in ours.items() if name.upper() not in OPTIONS}
    return _texts(keys, {name: f"environment: {name}" for name in keys})


def read_secrets(directory: Path, *, required: bool) -> Layer:
    """Read the files of a directory that are named as keys, with or without the prefix, in any case.

    Other files are left alone. Raises SettingsError where a key's file can't be read, or where the directory is
    `required` and can't be.
    """
    try:
        files = sorted(path for path in directory.iterdir() if _is_key(path.name) and not path.is_dir())
    except OSError as error:
        if required:
            raise SettingsError(
                [f"secrets directory {directory}: {(error.strerror or 'not readable').lower()}"]
            ) from None
        return Layer()
    named = {path.name if path.name.upper().startswith(PREFIX) else PREFIX + path.name: path for path in files}
    return _texts(
        {name: _secret(path) for name, path in named.items()}, {name: str(path) for name, path in named.items()}
    )


def _secret(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST_SECRET + 1)
        if len(raw) > _LARGEST_SECRET:
            raise SettingsError([f"{path}: is too large for a secret"])
        return raw.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise SettingsError([f"{path}: is not UTF-8"]) from None
    except OSError as error:
        raise SettingsError([f"{path}: can't be read: {(error.strerror or 'unknown cause').lower()}"]) from None


def _is_key(name: str) -> bool:
    lowered = name.lower()
    if lowered.startswith(PREFIX.lower()):
        return True
    section, delimiter, _ = lowered.partition(DELIMITER)
    return (bool(delimiter) and section in Settings.model_fields) or lowered in _flat()


def _texts(texts: Mapping[str, str], places: Mapping[str, str]) -> Layer:
    names: dict[tuple[str, ...], str] = {}
    read: dict[str, str] = {}
    causes: list[str] = []
    for name, text in texts.items():
        path = tuple(name[len(PREFIX) :].lower().split(DELIMITER))
        if path[0] in Settings.model_fields:
            names[path] = places[name]
            read[name] = text
        else:
            causes += _stranger(path, places[name])
    if causes:
        raise SettingsError(causes)
    return Layer(data=_Texts(read)(), names=names)


def _stranger(path: tuple[str, ...], place: str) -> Iterable[str]:
    """Yield a line about a variable that names no key but seems to mean one; others may belong to anybody.

    An orchestrator puts variables of its own there, `STATUSBRIDGE_SERVICE_HOST` for a service of that name.
    """
    flat = _flat()
    hint = flat.get("_".join(path))
    if hint is None and len(path) > 1:
        section = nearest(path[0], Settings.model_fields)
        hint = DELIMITER.join((section, *path[1:])) if section else None
        if hint is None:
            yield f"{place}: unknown key; there are: {', '.join(sorted(Settings.model_fields))}"
    if hint is not None:
        yield f"{place}: unknown key; did you mean {PREFIX}{hint.upper()}?"


def _flat() -> dict[str, str]:
    """Return the core's keys as somebody writes them who takes one underscore for two."""
    flat: dict[str, str] = {}
    for section, info in Settings.model_fields.items():
        annotation = info.annotation
        fields = getattr(annotation, "model_fields", None)
        if isinstance(fields, Mapping) and annotation is not AccountSettings:
            for key in cast("Mapping[str, FieldInfo]", fields):
                flat[f"{section}_{key}"] = f"{section}{DELIMITER}{key}"
    return flat


def merged(layers: Iterable[Layer]) -> dict[str, Any]:
    """Lay one source over the other, table by table; a list or a value replaces the former one."""
    result: dict[str, Any] = {}
    for layer in layers:
        result = _over(result, layer.data)
    return result


def _over(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            result[key] = _over(cast("Mapping[str, Any]", below), cast("Mapping[str, Any]", value))
        else:
            result[key] = value
    return result
