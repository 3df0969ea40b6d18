"""X's own description of its API as a judge: Prism, which answers by it and refuses what it doesn't describe."""

from __future__ import annotations

import io
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote

import aiohttp
import pytest

from tests.servers.npm import installed
from tests.servers.ports import HOST, is_listening
from tests.servers.process import Server
from tests.servers.programs import MissingProgramError, find_program
from tests.servers.require import STRICT, missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.servers.x_calls import Call

DOCUMENT: Final = "X_OPENAPI"
"""The variable that names the file with X's OpenAPI document."""

_PACKAGE, _VERSION = "@stoplight/prism-cli", "5.16.0"
_HOLE: Final = re.compile(r"\{[^}]*\}")


def require_document() -> Document:
    """Read X's OpenAPI document; skips the test, with a word, where nobody names one."""
    named = os.environ.get(DOCUMENT)
    if not named:
        pytest.skip(f"{DOCUMENT} doesn't name the file with X's OpenAPI document")
    return Document(content=json.loads(Path(named).read_text(encoding="utf-8")))


def require_prism(document: Document) -> Prism:
    """Return a Prism that can be started, installing it where need be.

    Skips the test, with a word, where it can't be had, or fails where STATUSBRIDGE_REQUIRE_SERVERS is 1.
    """
    try:
        return Prism(document, installed(_PACKAGE, _VERSION))
    except MissingProgramError as error:
        missing["prism"] = str(error)
        if os.environ.get(STRICT) == "1":
            pytest.fail(f"prism: {error}", pytrace=False)
        pytest.skip(f"prism: {error}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """X's OpenAPI document."""

    content: Mapping[str, Any]

    def judged(self) -> dict[str, Any]:
        """Return the document for Prism, to which the scheme of OAuth 1 means that no call is ever signed."""
        content = json.loads(json.dumps(self.content))
        key = {"type": "apiKey", "in": "header", "name": "Authorization"}
        content["components"]["securitySchemes"]["UserToken"] = key
        return content

    def operation(self, call: Call) -> Mapping[str, Any] | None:
        """Return what the document says of a request's method and path; None where it knows of neither."""
        fitting = [path for path in self.content["paths"] if fits(path, call.path)]
        # `/2/users/me` fits `/2/users/{id}` as well: what has the fewest holes is meant.
        for path in sorted(fitting, key=lambda path: path.count("{")):
            if found := self.content["paths"][path].get(call.method.lower()):
                return cast("Mapping[str, Any]", found)
        return None

    def undeclared(self, call: Call) -> set[str]:
        """Return the query parameters of a request that the document doesn't know; Prism takes no notice of those."""
        operation = self.operation(call) or {}
        known = {self._resolved(one)["name"] for one in operation.get("parameters", []) if self._is_query(one)}
        return set(call.query) - known

    def _is_query(self, parameter: Mapping[str, Any]) -> bool:
        return self._resolved(parameter)["in"] == "query"

    def _resolved(self, parameter: Mapping[str, Any]) -> Mapping[str, Any]:
        reference = parameter.get("$ref")
        if reference is None:
            return parameter
        return self.content["components"]["parameters"][str(reference).rpartition("/")[2]]


def fits(template: str, path: str) -> bool:
    """Tell whether a path is one of a template's, as `/2/tweets/{id}`."""
    parts = [re.escape(part) for part in _HOLE.split(template)]
    return re.fullmatch("[^/]+".join(parts), path) is not None


class Prism(Server):
    """Prism on a free loopback port. It keeps nothing: it judges requests, and its answers mean nothing else."""

    name = "prism"
    start_deadline = 120.0

    def __init__(self, document: Document, folder: Path) -> None:
        """Take the document, and where Prism is installed; nothing is started yet."""
        super().__init__()
        self._document = document
        self._program = folder / "node_modules" / ".bin" / "prism"
        self.port = self._port()
        self.base_url = f"http://{HOST}:{self.port}"

    def _prepare(self) -> None:
        (self.folder / "x.json").write_text(json.dumps(self._document.judged()), encoding="utf-8")

    def _command(self) -> list[str]:
        # Static answers have ids that break the document's own patterns, so that they are made up at random.
        how = ["mock", "-d", "--errors", "--json-schema-faker-fillProperties=false"]
        where = ["-h", HOST, "-p", str(self.port), str(self.folder / "x.json")]
        return [find_program("node"), str(self._program), *how, *where]

    def _ready(self) -> bool:
        return is_listening(self.port)

    async def objection(self, call: Call) -> str | None:
        """Return what is wrong with a request as it was sent, or None.

        Commas come as they are: X takes `a%2Cb` for a list of two, as any client sends it, and Prism for one word.
        """
        query = "&".join(f"{quote(name)}={quote(value, safe=',:')}" for name, value in call.query.items())
        headers = {"Authorization": call.authorization or "none", "Accept": "application/json"}
        if call.full_type:
            headers["Content-Type"] = call.full_type
        url = f"{self.base_url}{call.path}" + (f"?{query}" if query else "")
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                call.method, url, data=io.BytesIO(call.raw) if call.raw else None, headers=headers
            ) as answer,
        ):
            said = await answer.text()
            violations = answer.headers.get("sl-violations", "")
        wrong = answer.status >= 400 or "request" in violations
        return f"{answer.status} {violations or said[:300]}" if wrong else None
