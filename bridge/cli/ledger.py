"""`audit export`, `audit verify` and `export`: what the store holds, read beside a running bridge, without its lock."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from bridge.cli.output import Failure, say
from bridge.domain.chain import Link, Report, Unreadable, check, read_line
from bridge.domain.clock import SystemClock
from bridge.domain.wording import plural
from bridge.store import Store, StoreError, Tx, audit, export

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from typing import BinaryIO

    from bridge.cli.parser import Options
    from bridge.settings import Settings

    Load = Callable[[Options], Settings]

T = TypeVar("T")

_LONGEST_LINE: Final = 1 << 22
_STANDARD: Final = Path("-")


def export_audit(options: Options, load: Load) -> int:
    """Write the rows of the audit."""

    def lines(tx: Tx) -> Iterator[str]:
        for row in audit.rows(tx, options.since):
            if isinstance(row, Unreadable):
                raise Failure([f"audit BROKEN at {row.place}: it can't be read, so that nothing after it is exported"])
            yield row.line()

    return _export(options, load, lines, "row")


def export_all(options: Options, load: Load) -> int:
    """Write all posts, deliveries and items, with what belongs to them."""
    now = SystemClock().now()

    def lines(tx: Tx) -> Iterator[str]:
        return (json.dumps(record, separators=(",", ":")) for record in export.records(tx, now))

    return _export(options, load, lines, "line")


def verify_audit(options: Options, load: Load) -> int:
    """Check the chain in the store, or in an exported file."""
    if options.file is None:
        report = _read(load(options), lambda tx: audit.verify(tx, options.head))
    else:
        with _input(options.file) as file:
            report = check(_rows(file), options.head, whole=False)
    if not report.holds:
        place = f" at {report.place}" if report.place is not None else ""
        raise Failure([f"audit BROKEN{place}: {report.why}"])
    say(_well(report))
    return 0


def _well(report: Report) -> str:
    forgotten = f"; the content of {plural(report.forgotten, 'row')} was forgotten" if report.forgotten else ""
    count = plural(report.head.count, "row")
    if report.whole:
        return f"audit ok: {count}, head {report.head}{forgotten}"
    part = f"audit ok from row {report.first} on (the file has nothing before it)"
    return f"{part}: {count}, last {report.head.hash}{forgotten}"


def _rows(file: BinaryIO) -> Iterator[Link | Unreadable]:
    number = 0
    while line := file.readline(_LONGEST_LINE):
        number += 1
        yield read_line(line, number)


def _export(options: Options, load: Load, lines: Callable[[Tx], Iterable[str]], what: str) -> int:
    settings = load(options)
    with _output(options.file) as file:

        def write(tx: Tx) -> int:
            count = 0
            for count, line in enumerate(lines(tx), 1):  # noqa: B007 - how many there were
                file.write(f"{line}\n".encode())
            return count

        count = _read(settings, write)
    if options.file not in {None, _STANDARD}:
        say(f"{options.file} is written: {plural(count, what)}.")
    return 0


def _read(settings: Settings, query: Callable[[Tx], T]) -> T:
    async def ask() -> T:
        async with Store.open(settings.store.url, clock=SystemClock(), lock=False) as store:
            return await store.read(query)

    try:
        return asyncio.run(ask())
    except StoreError as error:
        raise Failure([str(error)]) from None


@contextmanager
def _input(path: Path) -> Generator[BinaryIO]:
    if path == _STANDARD:
        yield sys.stdin.buffer
        return
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise Failure([f"{path}: can't be read: {(error.strerror or 'unknown cause').lower()}"]) from None


@contextmanager
def _output(path: Path | None) -> Generator[BinaryIO]:
    """Open a file that didn't exist, for its owner alone; it is whole in the end, or isn't there."""
    if path is None or path == _STANDARD:
        yield sys.stdout.buffer
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Failure([f"{path} exists and is left as it is; name another file, or move it away"]) from None
    except OSError as error:
        raise _unwritten(path, error) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _unwritten(path, error) from None
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _unwritten(path: Path, error: OSError) -> Failure:
    return Failure([f"{path}: can't be written: {(error.strerror or 'unknown cause').lower()}"])
