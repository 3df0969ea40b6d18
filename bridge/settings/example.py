"""The commented configuration that `statusbridge init` writes, made from the models: it can't be out of date."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel

from bridge.domain.durations import render_duration
from bridge.domain.people import Role
from bridge.settings.models import (
    AccountSettings,
    LimitSettings,
    PostingSettings,
    RoomSettings,
    StoreSettings,
    WebSettings,
    XmppSettings,
)
from bridge.settings.root import Settings
from bridge.settings.rules import PolicySettings

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_HEAD = """\
# The configuration of Statusbridge. `statusbridge --config FILE check` tells whether it is right.
#
# A line that begins with # shows a key's default, or an example where there is none: remove the # to set it.
# Each key can come from the environment instead, as STATUSBRIDGE_XMPP__PASSWORD, or from a file of that name (or
# xmpp__password) in a directory of secrets: --secrets DIR, else STATUSBRIDGE_SECRETS_DIR, else /run/secrets. The
# directory wins over the environment, the environment over this file. Lengths of time: 500ms, 20s, 2m30s, 1h.
"""
_PEOPLE = """\
[people]
"ana@example.org" = ["admin"]
"raj@example.org" = ["staff", "approver"]
"""
_TEMPLATES = """\
# [templates]
# maintenance = "Maintenance of {1} begins at {2} UTC. We tell you here when it is over."
"""
_WIDTH = 120
_COLUMN = 44


def render(plugins: Mapping[str, type[BaseModel]]) -> str:
    """Return the file's text, with an account for each plugin, by its name and the model of its own keys."""
    names = list(plugins)
    known = {"post_to": names, "hear_from": names}
    blocks = [_HEAD]
    heads = {"[xmpp]": XmppSettings, "[store]": StoreSettings, "[posting]": PostingSettings, "[policy]": PolicySettings}
    for header, model in heads.items():
        blocks.append(_block(header, model, _lines(model, known)))
    blocks.append(_block("# [limits]", LimitSettings, _lines(LimitSettings)))
    blocks.append(_block("[[rooms]]", RoomSettings, _lines(RoomSettings, known)))
    blocks.append(f"# {Settings.model_fields['people'].description}\n{_PEOPLE}")
    blocks += [_account(name, model) for name, model in plugins.items()]
    blocks.append(f"# {Settings.model_fields['templates'].description}\n{_TEMPLATES}")
    blocks.append(_block("# [web]", WebSettings, _lines(WebSettings)))
    return "\n".join(blocks)


def _account(name: str, model: type[BaseModel]) -> str:
    core = list(_lines(AccountSettings, {"plugin": name}))
    return _block(f"[accounts.{name}]", AccountSettings, [*core, *_lines(model)])


def _block(header: str, model: type[BaseModel], lines: Iterator[str] | Sequence[str]) -> str:
    return f"# {_first_line(model)}\n{header}\n" + "".join(f"{line}\n" for line in lines)


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().partition("\n")[0]


def _lines(model: type[BaseModel], known: Mapping[str, object] | None = None) -> Iterator[str]:
    """Yield a line for each key; `known` are examples that the model can't have."""
    for name, info in model.model_fields.items():
        if info.exclude:
            continue
        sample = (known or {}).get(name) or _sample(info)
        start = "" if info.is_required() else "# "
        yield from _commented(f"{start}{name} = {_literal(sample)}", info.description or "")


def _commented(assignment: str, description: str) -> Iterator[str]:
    words = description.rstrip(".")
    line = f"{assignment:<{_COLUMN}}# {words}" if words else assignment
    if len(line) > _WIDTH:
        yield f"# {words}:"
        line = assignment
    yield line


def _sample(info: FieldInfo) -> object:
    if not info.is_required():
        default: object = info.get_default(call_default_factory=True, validated_data={})
        if default is not None:
            return default
    return info.examples[0] if info.examples else "..."


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        return f'"{render_duration(value)}"'
    if isinstance(value, Role):
        return f'"{value}"'
    if isinstance(value, Enum):
        return _literal(value.value)
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return "{" + ", ".join(f"{json.dumps(key)} = {_literal(item)}" for key, item in items) + "}"
    if isinstance(value, Sequence | frozenset | set) and not isinstance(value, str):
        return f"[{', '.join(_literal(item) for item in cast('Sequence[Any]', value))}]"
    return json.dumps(str(value), ensure_ascii=False)
