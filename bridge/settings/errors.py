"""Mistakes in the configuration as people read them: one line per cause, naming the key, never showing a value."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast, get_args

from pydantic import BaseModel

from bridge.domain.durations import render_duration
from bridge.domain.redaction import Redactor

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

Loc = tuple[int | str, ...]
Where = Callable[[Loc], str]
"""Names the place of a key for people: file and key, or the variable that it came from."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")

_SENTENCES: Mapping[str, str] = {
    "missing": "is missing",
    "string_type": "must be text in quotes",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": 'must be a list, as ["a", "b"]',
    "list_type": 'must be a list, as ["a", "b"]',
    "set_type": 'must be a list, as ["a", "b"]',
    "frozen_set_type": 'must be a list, as ["a", "b"]',
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "path_type": "must be a path in quotes",
    "url_parsing": "must be a link, as https://example.org",
    "url_scheme": "must be a link that begins with https:// or http://",
}

_BOUNDS: Mapping[str, str] = {
    "expected": "be one of",
    "ge": "be at least",
    "gt": "be more than",
    "le": "be at most",
    "lt": "be less than",
    "max_length": "not be longer than",
    "pattern": "have the form",
}
"""What pydantic says of a bound, by its name."""


class SettingsError(Exception):
    """The configuration can't be used; `causes` has one line for each thing to mend."""

    def __init__(self, causes: Iterable[str]) -> None:
        """Keep the lines, each once, in order."""
        self.causes: tuple[str, ...] = tuple(dict.fromkeys(causes))
        super().__init__("\n".join(self.causes))


def key_path(loc: Sequence[int | str]) -> str:
    """Return a key as the file would address it: `rooms[0].post_to`, `people."ana@example.org"`."""
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            name = part if _BARE_KEY.match(part) else '"' + part.replace('"', '\\"') + '"'
            path += f".{name}" if path else name
    return "".join(character if character.isprintable() else "?" for character in path)


def listed(names: Iterable[str]) -> str:
    """Return names for a sentence: `a, b`."""
    return ", ".join(names)


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return the text without the secrets in it."""
    return Redactor(secrets).text(text)


def describe(
    error: ValidationError,
    *,
    model: type[BaseModel],
    data: Mapping[str, Any],
    where: Where,
    also_known: Iterable[str] = (),
    sections: bool = False,
) -> list[str]:
    """Turn what pydantic found into lines, one per cause: a misspelt key isn't also a missing one.

    `data` is what was validated, by `model`; `also_known` are further keys that its table may have, and `sections`
    says that its keys are tables.
    """
    details = error.errors(include_url=False, include_context=True, include_input=False)
    tables: dict[Loc, list[ErrorDetails]] = defaultdict(list)
    for detail in details:
        tables[_loc(detail)[:-1]].append(detail)
    lines: list[str] = []
    for table, found in tables.items():
        known = [*_keys_at(model, table), *also_known] if not table else _keys_at(model, table)
        hints = "[{}]" if sections and not table else "{}"
        lines += _table(table, found, known, _at(data, table), where=where, hints=hints)
    return lines


def _table(
    table: Loc, found: list[ErrorDetails], known: Sequence[str], data: object, *, where: Where, hints: str
) -> list[str]:
    missing = [str(_loc(detail)[-1]) for detail in found if detail["type"] == "missing"]
    forbidden = [str(_loc(detail)[-1]) for detail in found if detail["type"] == "extra_forbidden"]
    present: Mapping[str, Any] = cast("Mapping[str, Any]", data) if isinstance(data, Mapping) else {}
    strangers = forbidden or [key for key in present if key not in known]
    meant = _pair(strangers, missing, sure=bool(forbidden))
    lines = [unknown_key(where((*table, key)), hints.format(meant[key])) for key in meant if key not in forbidden]
    for detail in found:
        loc = _loc(detail)
        key = str(loc[-1]) if loc else ""
        if detail["type"] == "extra_forbidden":
            hint = (
                meant.get(key) or nearest(key, [name for name in known if name not in present]) or nearest(key, known)
            )
            lines.append(unknown_key(where(loc), hint and hints.format(hint), known))
        elif detail["type"] != "missing" or key not in meant.values():
            lines.append(f"{where(loc)}: {_sentence(detail)}")
    return lines


def _pair(strangers: Sequence[str], missing: Sequence[str], *, sure: bool) -> dict[str, str]:
    """Match unknown keys with missing ones; a lone pair belongs together where the key is `sure` to be wrong."""
    pairs: dict[str, str] = {}
    left = list(missing)
    for key in strangers:
        hint = nearest(key, left)
        if hint is not None:
            pairs[key] = hint
            left.remove(hint)
    if sure and not pairs and len(strangers) == 1 and len(left) == 1:
        pairs[strangers[0]] = left[0]
    return pairs


def nearest(key: str, known: Iterable[str]) -> str | None:
    """Return the known key that this one is probably a misspelling of, or None."""
    folded = {name.lower().replace("_", "").replace("-", ""): name for name in known}
    match = get_close_matches(key.lower().replace("_", "").replace("-", ""), folded, n=1, cutoff=0.7)
    return folded[match[0]] if match else None


def unknown_key(place: str, hint: str | None, known: Iterable[str] = ()) -> str:
    """Return the line about a key that nothing reads."""
    if hint is not None:
        return f"{place}: unknown key; did you mean {hint}?"
    names = listed(sorted(known))
    return f"{place}: unknown key; there are: {names}" if names else f"{place}: unknown key"


def _sentence(detail: ErrorDetails) -> str:
    kind = detail["type"]
    context = detail.get("ctx", {})
    if _loc(detail) == ("rooms",) and kind == "tuple_type":
        return "must be a list of tables: write [[rooms]], with double brackets"
    if kind in {"value_error", "assertion_error"}:
        return str(context.get("error", "is not valid"))
    for word, phrase in _BOUNDS.items():
        if kind not in _SENTENCES and word in context:
            bound: object = context[word]
            shown = render_duration(bound) if isinstance(bound, timedelta) else str(bound)
            return f"must {phrase} {shown.replace(chr(39), chr(34))}"
    return _SENTENCES.get(kind, "is not valid")


def _loc(detail: ErrorDetails) -> Loc:
    return tuple(part for part in detail["loc"] if part != "[key]")


def _at(data: object, loc: Loc) -> object:
    for part in loc:
        if isinstance(data, Mapping):
            data = cast("Mapping[str, object]", data).get(str(part))
        elif isinstance(data, Sequence) and isinstance(part, int) and not isinstance(data, str):
            items = cast("Sequence[object]", data)
            data = items[part] if part < len(items) else None
        else:
            return None
    return data


def _keys_at(model: type[BaseModel], loc: Loc) -> list[str]:
    """Return the keys that a table may have, walking the model's fields."""
    here = model
    annotation: object = model
    for part in loc:
        if isinstance(part, str) and part in here.model_fields:
            annotation = here.model_fields[part].annotation
        found = _model_in(annotation)
        if found is None:
            return []
        here = found
    return [name for name in here.model_fields if name != "own"]


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        found = _model_in(argument)
        if found is not None:
            return found
    return None
