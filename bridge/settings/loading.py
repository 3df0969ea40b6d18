"""Reading the configuration, whole or not at all."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bridge.settings.checks import cross_check
from bridge.settings.errors import Loc, SettingsError, describe, hide, key_path, unknown_key
from bridge.settings.models import secret_texts
from bridge.settings.root import Settings
from bridge.settings.sources import DEFAULT_SECRETS, Layer, merged, read_environment, read_file, read_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.settings.errors import Where


def load(path: Path, *, environ: Mapping[str, str] | None = None, secrets: Path | None = None) -> Settings:
    """Read the file, the environment over it, and the secrets directory over both; relative paths become absolute.

    The secrets directory is `secrets`, else `STATUSBRIDGE_SECRETS_DIR`, else /run/secrets if there is one. Raises
    SettingsError with one line per cause; no line shows the value of a key.
    """
    variables = os.environ if environ is None else environ
    layers = _layers(path, variables, secrets)
    data = merged(layers)

    def where(loc: Loc) -> str:
        for layer in reversed(layers):
            place = layer.place(loc)
            if place is not None:
                return place
        return f"{path}: {key_path(loc)}"

    causes = [unknown_key(where((key,)), None, Settings.model_fields) for key in data if key.startswith("_")]
    data = {key: value for key, value in data.items() if not key.startswith("_")}
    settings: Settings | None = None
    try:
        settings = Settings(**data)
    except ValidationError as error:
        causes += describe(error, model=Settings, data=data, where=where, sections=True)
    causes += cross_check(data, where)
    if settings is not None:
        settings = _absolute(settings, path.absolute().parent).located(where)
        causes += _files(settings, where)
    if settings is None or causes:
        hidden = secret_texts(data)
        raise SettingsError(hide(cause, hidden) for cause in causes)
    return settings


def _layers(path: Path, environ: Mapping[str, str], secrets: Path | None) -> list[Layer]:
    named = environ.get("STATUSBRIDGE_SECRETS_DIR")
    directory = secrets or (Path(named) if named else DEFAULT_SECRETS)
    readers = (
        lambda: read_file(path),
        lambda: read_environment(environ),
        lambda: read_secrets(directory, required=directory is not DEFAULT_SECRETS),
    )
    layers: list[Layer] = []
    causes: list[str] = []
    for reader in readers:
        try:
            layers.append(reader())
        except SettingsError as error:
            causes += error.causes
    if causes:
        raise SettingsError(causes)
    return layers


def _absolute(settings: Settings, base: Path) -> Settings:
    store = settings.store
    update: dict[str, Any] = {"media": base / store.media.expanduser()}
    if store.sqlite_path is not None:
        update["url"] = f"sqlite:///{base / store.sqlite_path.expanduser()}"
    xmpp = settings.xmpp
    if xmpp.ca_file is not None:
        xmpp = xmpp.model_copy(update={"ca_file": base / xmpp.ca_file.expanduser()})
    return settings.model_copy(update={"store": store.model_copy(update=update), "xmpp": xmpp})


def _files(settings: Settings, where: Where) -> Iterable[str]:
    ca_file = settings.xmpp.ca_file
    if ca_file is None:
        return
    place = where(("xmpp", "ca_file"))
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=ca_file)
    except ssl.SSLError:
        yield f"{place}: {ca_file} is no certificate in PEM form"
    except OSError as error:
        yield f"{place}: {ca_file}: {(error.strerror or 'not readable').lower()}"
