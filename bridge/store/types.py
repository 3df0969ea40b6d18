"""How values are written: times, sets of reasons, and text that any database takes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import TIMESTAMP, Text
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect
    from sqlalchemy.types import TypeEngine

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def aware(value: datetime) -> datetime:
    """Return the same instant in UTC; raises ValueError for a time without a zone."""
    if value.tzinfo is None or value.utcoffset() is None:
        raise ValueError(f"a time without a zone can't be stored: {value!r}")
    return value.astimezone(UTC)


def fixed(value: datetime) -> str:
    """Return an instant as text of always 27 characters, which sorts as time does: `2030-01-02T03:04:05.000006Z`."""
    return aware(value).isoformat(timespec="microseconds")[:26] + "Z"


def storable(value: str) -> str:
    """Replace what no database stores as text: NUL (PostgreSQL) and lone surrogates (UTF-8)."""
    if "\x00" in value:
        value = value.replace("\x00", _REPLACEMENT)
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return "".join(_REPLACEMENT if "\ud800" <= character <= "\udfff" else character for character in value)
    return value


class Utc(TypeDecorator[datetime]):
    """An instant: fixed-width text on SQLite, `timestamptz` on PostgreSQL; always aware, always UTC.

    A naive time raises ValueError.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's own type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Write an instant."""
        if value is None:
            return None
        return aware(value) if dialect.name == "postgresql" else fixed(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Read an instant."""
        del dialect
        if value is None:
            return None
        read = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return read.astimezone(UTC)


class Reasons(TypeDecorator[frozenset[str]]):
    """A set of short words, as sorted text joined by commas; the empty set is the empty text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: frozenset[str] | None, dialect: Dialect) -> str | None:
        """Write the set; raises ValueError for a word that is empty or holds a comma."""
        del dialect
        if value is None:
            return None
        for word in value:
            if not word or "," in word:
                raise ValueError(f"not a word for a set of reasons: {word!r}")
        return ",".join(sorted(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> frozenset[str] | None:
        """Read the set."""
        del dialect
        if value is None:
            return None
        return frozenset(value.split(",")) if value else frozenset()


class SafeText(TypeDecorator[str]):
    """Text from anywhere: what a database would refuse is replaced, so that no foreign byte can block a queue."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Write the text, see `storable`."""
        del dialect
        return None if value is None else storable(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Read the text."""
        del dialect
        return value
