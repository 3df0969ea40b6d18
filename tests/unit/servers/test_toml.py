from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from tests.servers.toml import merged, write_toml

text = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
value = st.one_of(text, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.lists(text))
table = st.dictionaries(text, value, max_size=3)
document = st.dictionaries(text, st.one_of(value, table, st.lists(table, min_size=1, max_size=2)), max_size=4)


@given(document)
def test_what_is_written_reads_the_same(found: dict[str, object]) -> None:
    assert tomllib.loads(write_toml(found)) == found


def test_merging_goes_table_by_table_and_takes_away_what_is_none() -> None:
    base = {"a": {"x": 1, "y": 2}, "b": [1]}
    assert merged(base, {"a": {"x": None, "z": 3}, "b": [2], "c": {"d": None}}) == {
        "a": {"y": 2, "z": 3},
        "b": [2],
        "c": {"d": None},
    }
    assert base == {"a": {"x": 1, "y": 2}, "b": [1]}
