"""What people write for settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelserve.setting_texts import parse_limit, parse_python, parse_seconds, parse_size, parse_switch


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
    [
        ("4GB", 4_000_000_000),
        (" 4 gb ", 4_000_000_000),
        ("2GiB", 2**31),
        ("0.5KiB", 512),
        ("1tb", 10**12),
        ("4G", 4 * 10**9),
        ("9", 9),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "0", "0.1", "-1GB", "4 G B", "inf", "nan", "1e999", "1GB 2GB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        parse_size(text)


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


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        *((text, "3.10") for text in ("3.10", " 3.10 ", "python3.10")),
        *((text, "3.10.13") for text in ("3.10.13", "python3.10.13")),
        *((text, Path(text)) for text in ("/usr/bin/python3.10", "bin/python", "./3.10", "python3", "3.10.x")),
        ("~/python", Path.home() / "python"),
    ],
)
def test_an_interpreter_is_named_by_version_or_by_path(text: str, chosen: Path | str) -> None:
    assert parse_python(text) == chosen


def test_an_interpreter_without_a_name() -> None:
    with pytest.raises(ValueError, match="empty"):
        parse_python(" ")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("20GB", 20_000_000_000),
        ("20 gb", 20_000_000_000),
        ("1.5G", 1_500_000_000),
        ("800MB", 800_000_000),
        ("2k", 2000),
        ("1TB", 10**12),
        ("0", 0),
        ("512", 512),
        ("7b", 7),
        ("off", None),
        (" OFF ", None),
    ],
)
def test_limits(text: str, size: int | None) -> None:
    assert parse_limit(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "1 0GB", "none", "inf", "nan"])
def test_what_is_no_limit(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        parse_limit(text)
