"""The configuration: a TOML file, over it the environment, over that a directory of secrets.

    settings = load(Path("config.toml"))     # raises SettingsError with one line per cause

Each key of the file can be given as `STATUSBRIDGE_SECTION__KEY` in the environment, or as a file of that name (with
or without the prefix) in the secrets directory.
"""

from __future__ import annotations

from bridge.settings.current import Changes, Current, changes, effective
from bridge.settings.errors import SettingsError, Where, describe, hide, listed, nearest
from bridge.settings.loading import load
from bridge.settings.models import (
    ACCOUNT_NAME,
    CORE_KEYS,
    AccountSettings,
    LimitSettings,
    Mode,
    PostingSettings,
    ReplyGesture,
    RoomSettings,
    StoreSettings,
    WebSettings,
    XmppSettings,
    secret_texts,
)
from bridge.settings.root import Settings
from bridge.settings.rules import ApprovalSettings, PolicySettings, RuleSettings

__all__ = [
    "ACCOUNT_NAME",
    "CORE_KEYS",
    "AccountSettings",
    "ApprovalSettings",
    "Changes",
    "Current",
    "LimitSettings",
    "Mode",
    "PolicySettings",
    "PostingSettings",
    "ReplyGesture",
    "RoomSettings",
    "RuleSettings",
    "Settings",
    "SettingsError",
    "StoreSettings",
    "WebSettings",
    "Where",
    "XmppSettings",
    "changes",
    "describe",
    "effective",
    "hide",
    "listed",
    "load",
    "nearest",
    "secret_texts",
]
