"""What a marker asks for: equal ones share a server, and a relative path begins where it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelserve.errors import ModelUriError, SettingError
from pytest_modelserve.request import Request, without_slash


def of_marker(*args: Any, **keywords: Any) -> Request:
    return Request.of_marker(pytest.mark.served_model(*args, **keywords).mark, Path("/project"))


@pytest.mark.parametrize("value", [1, "a", None, [1, 2], {"n": {"min": 1, "values": [1, 2]}}, {1, 2}, {"s": st.none()}])
def test_equal_markers_make_equal_requests_whatever_they_hold(value: object) -> None:
    one, two = of_marker("m", a=value, b=2), of_marker("m/", b=2, a=value)
    assert one == two
    assert hash(one) == hash(two)
    assert one.overrides == {"a": value, "b": 2}


def test_what_cannot_be_hashed_is_only_like_itself() -> None:
    class Odd:
        __hash__ = None  # type: ignore[assignment]

    odd = Odd()
    assert of_marker("m", a=odd) == of_marker("m", a=odd)
    assert of_marker("m", a=odd) != of_marker("m", a=Odd())


@pytest.mark.parametrize(
    "other",
    [of_marker("n"), of_marker("m", a=1), of_marker("m", a={"n": {"min": 2}}), Request("m", Path("/elsewhere"))],
)
def test_others_differ(other: Request) -> None:
    assert of_marker("m") != other
    assert of_marker("m", a={"n": {"min": 1}}) != other


def test_the_uri_may_be_a_keyword_or_a_path() -> None:
    assert of_marker(uri="m") == of_marker("m") == of_marker(Path("m"))


@pytest.mark.parametrize(("args", "keywords"), [((), {}), (("a", "b"), {}), ((3,), {}), (("a",), {"uri": "b"})])
def test_another_number_of_uris_is_an_error(args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    with pytest.raises(SettingError) as told:
        of_marker(*args, **keywords)
    assert told.value.happened.startswith("the marker served_model takes one model URI, not ")
    assert "@pytest.mark.served_model" in told.value.fix


@given(st.text("a/", max_size=6))
def test_a_slash_at_the_end_goes_unless_nothing_is_left(text: str) -> None:
    short = without_slash(text)
    assert text.startswith(short)
    assert set(text[len(short) :]) <= {"/"}
    assert not short.endswith("/") or set(text) == {"/"}
    assert without_slash(short) == short


@pytest.mark.parametrize(
    ("uri", "location"),
    [
        ("models/churn", "/project/models/churn"),
        ("./churn", "/project/./churn"),
        ("/abs/churn", "/abs/churn"),
        ("models:/churn/5", "models:/churn/5"),
        ("file:///abs/churn", "file:///abs/churn"),
        ("~/churn", "~/churn"),
    ],
)
def test_a_relative_path_begins_at_its_directory(uri: str, location: str) -> None:
    assert Request(uri, Path("/project")).location == location


def test_a_directory_with_a_colon_in_its_name_is_that_directory(tmp_path: Path) -> None:
    (tmp_path / "odd:name").mkdir()
    assert Request("odd:name", tmp_path).location == str(tmp_path / "odd:name")
    with pytest.raises(ModelUriError):
        _ = Request("odd:other", tmp_path).location


def test_where_the_process_stands_messages_name_the_path_as_it_was_written() -> None:
    assert Request("churn", Path.cwd()).location == "churn"
