"""`audit export`, `audit verify` and `export`, as they are typed."""

from __future__ import annotations

import asyncio
import io
import json
import random
import sqlite3
import stat
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.cli import main
from bridge.domain.chain import NAMES, Head
from bridge.domain.clock import SystemClock
from bridge.store import Store, Tx, audit

Cli = Callable[..., Any]
AT = datetime(2026, 1, 31, 13, 0, tzinfo=UTC)
COUNT = 6


@pytest.fixture
def filled(store: str) -> str:
    """A store in whose audit six days in a row have one row each."""

    def unit(tx: Tx) -> None:
        for number in range(COUNT):
            audit.append(
                tx,
                at=AT + timedelta(days=number),
                actor="ana@example.org",
                verb="post",
                salt=f"salt {number}",
                entry=79 + number,
                archive="ops@rooms.example.org",
                key=f"stanza-{number}",
                content=f"\u202eétat {number}\n",
            )

    async def make() -> Head:
        async with Store.open(store, clock=SystemClock()) as opened:
            await opened.write(unit)
            return await opened.read(audit.head)

    return str(asyncio.run(make()))


def execute(store: str, statement: str) -> None:
    with sqlite3.connect(store.removeprefix("sqlite:///")) as connection:
        connection.execute(statement)
    connection.close()


class TestVerify:
    def test_a_chain_that_holds(self, cli: Cli, filled: str) -> None:
        assert cli("audit", "verify") == (0, [f"audit ok: 6 rows, head {filled}"], [])
        assert cli("audit", "verify", "--head", filled).status == 0

    def test_one_byte_that_was_changed(self, cli: Cli, filled: str, store: str) -> None:
        execute(store, "UPDATE audit SET content = replace(content, '3', '4') WHERE id = 4")
        assert cli("audit", "verify") == (1, [], ["audit BROKEN at row 4: it says something else than was said"])

    def test_the_last_row_removed(self, cli: Cli, filled: str, store: str) -> None:
        execute(store, "DELETE FROM audit WHERE id = 6")
        assert cli("audit", "verify").status == 0
        assert cli("audit", "verify", "--head", filled) == (
            1,
            [],
            ["audit BROKEN: 6 rows were noted, 5 are left: its end was cut off"],
        )

    def test_forgotten_content_is_counted(self, cli: Cli, filled: str, store: str) -> None:
        execute(store, "UPDATE audit SET content = NULL, salt = NULL WHERE id = 4")
        assert cli("audit", "verify", "--head", filled) == (
            0,
            [f"audit ok: 6 rows, head {filled}; the content of 1 row was forgotten"],
            [],
        )

    def test_before_the_first_start(self, cli: Cli, config: Path) -> None:
        status, out, err = cli("audit", "verify")
        assert (status, out, len(err)) == (1, [], 1)
        assert "doesn't exist" in err[0]

    def test_beside_a_running_bridge(self, filled: str, store: str, capsys: pytest.CaptureFixture[str]) -> None:
        async def scene() -> list[int]:
            async with Store.open(store, clock=SystemClock()):
                return [
                    await asyncio.to_thread(main, list(words))
                    for words in (("audit", "verify", "--head", filled), ("audit", "export"), ("export",))
                ]

        assert asyncio.run(scene()) == [0, 0, 0]
        assert capsys.readouterr().err == ""


class TestExport:
    def test_every_row_is_a_line(self, cli: Cli, filled: str) -> None:
        status, out, err = cli("audit", "export")
        assert (status, err, len(out)) == (0, [], COUNT)
        rows = [json.loads(line) for line in out]
        assert [tuple(row) for row in rows] == [NAMES] * COUNT
        assert (rows[0]["actor"], rows[0]["at"]) == ("ana@example.org", "2026-01-31T13:00:00.000000Z")
        assert all(line.isascii() for line in out)
        assert cli("audit", "export", "-").out == out

    @pytest.mark.parametrize(
        ("since", "count"),
        [
            ("2026-02-02", 4),
            ("2026-02-02T13:00Z", 4),
            ("2026-02-02T13:01", 3),
            ("2026-02-02T14:30+02:00", 4),
            ("2027-01-01", 0),
            ("2020-01-01", 6),
        ],
    )
    def test_since(self, cli: Cli, filled: str, since: str, count: int) -> None:
        assert len(cli("audit", "export", "--since", since).out) == count

    def test_into_a_file_that_is_never_overwritten(self, cli: Cli, filled: str) -> None:
        assert cli("audit", "export", "rows.jsonl") == (0, ["rows.jsonl is written: 6 rows."], [])
        assert stat.S_IMODE(Path("rows.jsonl").stat().st_mode) == 0o600
        assert cli("audit", "export", "rows.jsonl") == (
            1,
            [],
            ["rows.jsonl exists and is left as it is; name another file, or move it away"],
        )
        assert cli("audit", "export", "no/such.jsonl").err == [
            "no/such.jsonl: can't be written: no such file or directory"
        ]

    def test_a_row_that_can_not_be_read_leaves_no_file(self, cli: Cli, filled: str, store: str) -> None:
        execute(store, "UPDATE audit SET verb = CAST(x'ff' AS TEXT) WHERE id = 4")
        status, out, err = cli("audit", "export", "rows.jsonl")
        assert (status, out, len(err)) == (1, [], 1)
        assert err[0].startswith("audit BROKEN at row 4")
        assert not Path("rows.jsonl").exists()


class TestFile:
    @pytest.fixture
    def exported(self, cli: Cli, filled: str) -> Path:
        assert cli("audit", "export", "rows.jsonl").status == 0
        return Path("rows.jsonl")

    def test_it_needs_neither_store_nor_configuration(
        self, cli: Cli, exported: Path, filled: str, config: Path
    ) -> None:
        config.unlink()
        words = ("audit", "verify", "--file", "rows.jsonl")
        assert cli(*words) == (0, [f"audit ok: 6 rows, head {filled}"], [])
        assert cli(*words, "--head", filled).status == 0

    def test_from_standard_input(self, cli: Cli, exported: Path, filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(exported.read_bytes())))
        assert cli("audit", "verify", "--file", "-").out == [f"audit ok: 6 rows, head {filled}"]

    def test_a_part_says_that_it_is_one(self, cli: Cli, filled: str) -> None:
        cli("audit", "export", "--since", "2026-02-02", "part.jsonl")
        last = filled.partition(":")[2]
        words = ("audit", "verify", "--file", "part.jsonl")
        said = f"audit ok from row 3 on (the file has nothing before it): 4 rows, last {last}"
        assert cli(*words) == (0, [said], [])
        assert cli(*words, "--head", filled).status == 0
        assert cli(*words, "--head", f"6:{'0' * 64}").err == [
            "audit BROKEN: the noted row 6 isn't in it: it was changed, or is outside of this part"
        ]

    def test_any_byte_that_is_changed_taken_out_or_put_in(self, cli: Cli, exported: Path) -> None:
        whole = exported.read_bytes()
        lines = whole.splitlines(keepends=True)
        chosen = random.Random(1)
        for place in chosen.sample(range(len(whole)), 60):
            row = whole[:place].count(b"\n") + 1
            for changed in (bytes([whole[place] ^ 1]), bytes([whole[place] ^ 32]), b"", whole[place : place + 1] * 2):
                exported.write_bytes(whole[:place] + changed + whole[place + 1 :])
                status, out, err = cli("audit", "verify", "--file", "rows.jsonl")
                assert (status, out, len(err)) == (1, [], 1), (place, changed)
                found = err[0].split(":")[0].removeprefix("audit BROKEN at ").split()
                # A changed id or hash is seen in its own row, whatever it says its number is.
                assert found[0] in {"line", "row"}
                assert found[0] == "row" or int(found[1]) == row
        exported.write_bytes(b"".join(lines))
        assert cli("audit", "verify", "--file", "rows.jsonl").status == 0

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (lambda lines: [*lines[:2], *lines[3:]], "row 4"),
            (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "row 3"),
            (lambda lines: [*lines[:3], lines[2], *lines[3:]], "row 3"),
            (lambda lines: [*lines[:5], lines[5][:-40]], "line 6"),
            (lambda lines: [*lines[:5], lines[5][:-1]], "line 6"),
            (lambda lines: [*lines[:2], b"\n", *lines[2:]], "line 3"),
            (lambda _: [b"<html>not what was asked for</html>\n"], "line 1"),
            (lambda _: [b"[" * 200_000], "line 1"),
            (lambda _: [b'{"id": ' + b"9" * 5000 + b"}\n"], "line 1"),
            (lambda _: [b"\xff\xfe\x00"], "line 1"),
        ],
        ids=["removed", "swapped", "twice", "cut", "no end", "blank", "html", "deep", "long number", "bytes"],
    )
    def test_a_file_that_was_edited(
        self, cli: Cli, exported: Path, change: Callable[[list[bytes]], list[bytes]], told: str
    ) -> None:
        exported.write_bytes(b"".join(change(exported.read_bytes().splitlines(keepends=True))))
        status, out, err = cli("audit", "verify", "--file", "rows.jsonl")
        assert (status, out, len(err)) == (1, [], 1)
        assert err[0].startswith(f"audit BROKEN at {told}: ")

    def test_its_end_cut_at_a_line(self, cli: Cli, exported: Path, filled: str) -> None:
        exported.write_bytes(b"".join(exported.read_bytes().splitlines(keepends=True)[:-1]))
        assert cli("audit", "verify", "--file", "rows.jsonl").status == 0
        assert cli("audit", "verify", "--file", "rows.jsonl", "--head", filled).err == [
            "audit BROKEN: 6 rows were noted, 5 are left: its end was cut off"
        ]

    def test_no_such_file(self, cli: Cli) -> None:
        assert cli("audit", "verify", "--file", "none.jsonl").err == [
            "none.jsonl: can't be read: no such file or directory"
        ]


class TestExportAll:
    def test_the_form_of_an_empty_store(self, cli: Cli, store: str) -> None:
        status, out, err = cli("export")
        assert (status, err, len(out)) == (0, [], 2)
        first, last = map(json.loads, out)
        assert (first["record"], first["version"]) == ("export", 1)
        counts = {"post": 0, "timer": 0, "picture": 0, "delivery": 0, "item": 0, "note": 0}
        assert last == {"record": "end", "counts": counts}

    def test_into_a_file(self, cli: Cli, store: str) -> None:
        assert cli("export", "all.jsonl") == (0, ["all.jsonl is written: 2 lines."], [])
        assert len(Path("all.jsonl").read_text(encoding="ascii").splitlines()) == 2
