from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from bridge.domain.durations import Duration, parse_duration, render_duration


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("20s", timedelta(seconds=20)),
        ("0s", timedelta(0)),
        ("0", timedelta(0)),
        ("1h", timedelta(hours=1)),
        ("2m30s", timedelta(seconds=150)),
        ("2m 30s", timedelta(seconds=150)),
        ("500ms", timedelta(milliseconds=500)),
        ("1d", timedelta(days=1)),
        ("1.5s", timedelta(milliseconds=1500)),
        (" 1H ", timedelta(hours=1)),
        ("90", timedelta(seconds=90)),
        (90, timedelta(seconds=90)),
        (0.25, timedelta(milliseconds=250)),
        (timedelta(minutes=3), timedelta(minutes=3)),
    ],
)
def test_read(text: object, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "wrong",
    ["", "s", "20 seconds", "20x", "-1s", "1s1m", "1s1s", "1m1h", "٣s", "1e3", True, None, [], float("nan"), "1_0s"],
)
def test_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="length of time"):
        parse_duration(wrong)


def test_out_of_bounds() -> None:
    with pytest.raises(ValueError, match="negative"):
        parse_duration(-1)
    with pytest.raises(ValueError, match="ten years"):
        parse_duration("99999d")
    with pytest.raises(ValueError, match="ten years"):
        parse_duration(float(10**300))


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(seconds=20), "20s"),
        (timedelta(seconds=150), "2m30s"),
        (timedelta(hours=1), "1h"),
        (timedelta(days=2, milliseconds=5), "2d5ms"),
    ],
)
def test_written(length: timedelta, text: str) -> None:
    assert render_duration(length) == text


@given(st.integers(min_value=0, max_value=3660 * 86_400_000))
def test_what_is_written_can_be_read(milliseconds: int) -> None:
    length = timedelta(milliseconds=milliseconds)
    assert parse_duration(render_duration(length)) == length


class _Model(BaseModel):
    hold: Duration


def test_in_a_model() -> None:
    model = _Model.model_validate({"hold": "2m"})
    assert model.hold == timedelta(minutes=2)
    assert model.model_dump(mode="json") == {"hold": "2m"}
    with pytest.raises(ValidationError) as caught:
        _Model.model_validate({"hold": "hunter2"})
    assert [error["loc"] for error in caught.value.errors()] == [("hold",)]
