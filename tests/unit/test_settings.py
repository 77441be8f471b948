"""Settings and the texts that they are read from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelserve.errors import SettingError
from pytest_modelserve.settings import NAMES, Settings, parse_bytes, parse_seconds, parse_switch


def test_a_stronger_layer_stands_over_a_weaker_one() -> None:
    weaker = Settings().with_({"seed": 1, "examples": 5}, origin="ini")
    stronger = weaker.with_({"seed": 2}, origin="marker")
    assert (stronger.seed, stronger.examples, weaker.seed) == (2, 5, 1)


def test_a_name_that_is_none_is_told_with_its_origin_and_the_nearest() -> None:
    with pytest.raises(SettingError) as caught:
        Settings().with_({"sede": 2}, origin="the marker")
    assert caught.value.facts == {"given in": "the marker"}
    assert caught.value.fix == "Did you mean 'seed'?"


def test_every_setting_has_a_name() -> None:
    assert set(NAMES) == set(Settings.__dataclass_fields__)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60", 60), ("90s", 90), ("500ms", 0.5), ("2m", 120), ("1.5h", 5400), (" 3 s ", 3), ("2M", 120), ("1e-3", 0.001)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "0", "-1", "1d", "inf", "nan", "1e999", "ten", "1 0"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_seconds(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("4GB", 4_000_000_000), (" 4 gb ", 4_000_000_000), ("2GiB", 2**31), ("0.5KiB", 512), ("1tb", 10**12), ("9", 9)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GB", "0", "0.1", "-1GB", "4G", "4 G B", "inf", "nan", "1e999", "1GB 2GB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        parse_bytes(text)


@given(st.floats(min_value=1e-6, max_value=1e6))
def test_any_number_of_seconds_reads_as_itself(seconds: float) -> None:
    assert parse_seconds(str(seconds)) == seconds
    assert parse_seconds(f"{seconds}s") == seconds


@pytest.mark.parametrize(("text", "is_on"), [("true", True), ("1", True), (" On", True), ("NO", False), ("off", False)])
def test_switches(text: str, is_on: bool) -> None:
    assert parse_switch(text) is is_on


@pytest.mark.parametrize("text", ["", "2", "yeah"])
def test_what_is_no_switch(text: str) -> None:
    with pytest.raises(ValueError, match="switch"):
        parse_switch(text)
