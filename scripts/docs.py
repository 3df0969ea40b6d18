# ruff: noqa: INP001 - scripts, not a package
"""Writes the parts of docs/ that are made from the program; with --check it only tells which are out of date.

    .venv/bin/python scripts/docs.py [--check]

A generated part stands between `<!-- made by scripts/docs.py: NAME -->` and `<!-- end of NAME -->`. The sessions of
docs/commands.md are played on the program itself (see sessions.py).
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import sessions
from pydantic import BaseModel

from bridge.commands.verbs import VERBS, Verb
from bridge.domain.durations import render_duration
from bridge.domain.people import Place, Role
from bridge.registry import Catalog
from bridge.settings import Settings
from bridge.settings.models import (
    AccountSettings,
    LimitSettings,
    PostingSettings,
    RoomSettings,
    StoreSettings,
    WebSettings,
    XmppSettings,
)
from bridge.settings.rules import ApprovalSettings, PolicySettings, RuleSettings

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

ROOT: Final = Path(__file__).resolve().parent.parent
DOCS: Final = ROOT / "docs"
_PART = re.compile(r"(?ms)^(<!-- made by scripts/docs\.py: (?P<name>[\w ]+) -->\n).*?^(<!-- end of (?P=name) -->)$")
_WHO: Final = {Role.NONE: "everybody", Role.STAFF: "staff", Role.APPROVER: "approvers", Role.ADMIN: "admins"}
_PREFIX: Final = "STATUSBRIDGE_"


class DocsError(Exception):
    """A document can't be made; the message is one sentence."""


def verbs() -> str:
    """Return a table of verbs for each area of the language."""
    areas: dict[str, list[Verb]] = {}
    for verb in VERBS:
        areas.setdefault(verb.area, []).append(verb)
    return "\n".join(part for area, found in areas.items() for part in (f"### {area.capitalize()}\n", _verbs(found)))


def _verbs(found: Sequence[Verb]) -> str:
    rows = [
        (
            "<br>".join(_code(usage) for usage in verb.usages)
            + (f"<br>also {', '.join(_code(alias) for alias in verb.aliases)}" if verb.aliases else ""),
            verb.help.replace("|", r"\|"),
            _WHO[verb.role] + "".join(f"; {_code(word)}: everybody" for word in sorted(verb.anybody)),
            "direct chats" if verb.places == frozenset({Place.DIRECT}) else "anywhere",
            "yes" if verb.built else "not yet",
        )
        for verb in found
    ]
    return _table(("type", "it", "who", "where", "in this version"), rows)


def configuration() -> str:
    """Return a table of keys for each table of the configuration file."""
    parts = [
        _section("[xmpp]", XmppSettings),
        _section("[store]", StoreSettings),
        _section("[posting]", PostingSettings),
        _section("[limits]", LimitSettings),
        _section("[policy]", PolicySettings),
        _section("[[policy.approval]]", ApprovalSettings),
        _section("[[rooms]]", RoomSettings),
        _section("[[rooms]]", RuleSettings, title="`[rooms.policy]`"),
        _people(),
        _section("[accounts.NAME]", AccountSettings),
        _section("[accounts.NAME.policy]", RuleSettings),
        _templates(),
        _section("[web]", WebSettings),
    ]
    for name, model in own_plugins().items():
        parts.append(_section("[accounts.NAME]", model, title=f'`[accounts.NAME]` with `plugin = "{name}"`'))
    return "\n".join(parts)


def own_plugins() -> Mapping[str, type[BaseModel]]:
    """Return the settings of the plugins in this repository, by the plugin's name."""
    catalog = Catalog()
    loaded = {name: catalog.load(name) for name in catalog.names()}
    return {name: plugin.Settings for name, plugin in loaded.items() if plugin.__module__.startswith("plugins.")}


def _section(header: str, model: type[BaseModel], title: str | None = None) -> str:
    about = " ".join((model.__doc__ or "").split("\n\n")[0].split())
    rows = [
        (_code(name), _default(info), _variable(header, name), _meaning(info))
        for name, info in model.model_fields.items()
        if not info.exclude
    ]
    table = _table(("key", "default", "environment", "meaning"), rows)
    return f"### {title or _code(header)}\n\n{about}\n\n{table}"


def _people() -> str:
    about = Settings.model_fields["people"].description
    row = (
        _code('"name@example.org"'),
        "nobody",
        _variable("[people]", None),
        'A list of roles, as `["staff", "approver"]`; the highest counts.',
    )
    return f"### `[people]`\n\n{about}\n\n" + _table(("key", "default", "environment", "meaning"), [row])


def _templates() -> str:
    about = Settings.model_fields["templates"].description
    row = (_code("NAME"), "none", _variable("[templates]", None), "The text of `say NAME`.")
    return f"### `[templates]`\n\n{about}\n\n" + _table(("key", "default", "environment", "meaning"), [row])


def _variable(header: str, key: str | None) -> str:
    if header == "[[rooms]]":
        return f"in {_code(_PREFIX + 'ROOMS')}"
    if header == "[[policy.approval]]":
        return f"in {_code(_PREFIX + 'POLICY__APPROVAL')}"
    path = header.strip("[]").split(".")
    return _code(_PREFIX + "__".join((*path, key) if key else path).upper())


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "**required**"
    value: object = info.get_default(call_default_factory=True, validated_data={})
    return "not set" if value is None else _code(_literal(value))


def _literal(value: object) -> str:
    if isinstance(value, timedelta):
        return f'"{render_duration(value)}"'
    if isinstance(value, Role):
        return f'"{value}"'
    if isinstance(value, Enum):
        return json.dumps(value.value)
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, Mapping):
        return json.dumps(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(_literal(item) for item in cast('Sequence[Any]', value))}]"
    return json.dumps(str(value))


def _meaning(info: FieldInfo) -> str:
    words = (info.description or "").rstrip(".").replace("|", r"\|")
    secret = "SecretStr" in str(info.annotation)
    example = f" Example: {_code(_literal(info.examples[0]))}." if info.examples and not secret else ""
    return f"{words}.{example}"


def _code(text: str) -> str:
    return "`" + text.replace("|", r"\|") + "`"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


PARTS: Final[Mapping[str, Callable[[], str]]] = {"verbs": verbs, "configuration": configuration}
PAGES: Final = ("commands.md", "configuration.md")


def made(text: str, folder: Path) -> str:
    """Return a page with its generated parts as they are now; `folder` takes what is made on the way."""

    def part(match: re.Match[str]) -> str:
        make = PARTS.get(match["name"])
        if make is None:
            raise DocsError(f"there is no part called {match['name']}; there are: {', '.join(PARTS)}")
        return f"{match[1]}\n{make()}\n{match[3]}"

    return sessions.played(_PART.sub(part, text), folder)


def stale(docs: Path = DOCS) -> Iterator[tuple[Path, str]]:
    """Give each page that isn't as it would be made now, with what it should be; raises DocsError."""
    for name in PAGES:
        page = docs / name
        before = page.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            after = made(before, Path(folder))
        if after != before:
            yield page, after


def main(arguments: Sequence[str]) -> int:
    """Write what is out of date, or with --check tell of it; return the exit status."""
    if set(arguments) - {"--check"}:
        sys.stderr.write("usage: docs.py [--check]\n")
        return 2
    check = "--check" in arguments
    found = False
    try:
        for page, text in stale():
            found = True
            if not check:
                page.write_text(text, encoding="utf-8")
            word = "is out of date: run `make docs`" if check else "is written anew"
            sys.stdout.write(f"docs: {page.relative_to(ROOT)} {word}\n")
    except (DocsError, sessions.SessionError) as error:
        sys.stderr.write(f"docs: {error}\n")
        return 1
    return 1 if found and check else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
