"""A model URI is read as what it names, or refused with the one that was meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelserve.errors import ModelUriError
from pytest_modelserve.model.uri import LOCAL_SCHEME, REMOTE_SCHEMES, parse_uri, suggested_uri

LOGGED = "m-0123456789abcdef0123456789abcdef"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_relative_path_starts_at_the_working_directory(here: Path) -> None:
    uri = parse_uri("models/churn")
    assert (uri.text, uri.scheme, uri.local_path) == ("models/churn", LOCAL_SCHEME, here / "models/churn")


def test_an_absolute_path_is_itself(tmp_path: Path) -> None:
    assert parse_uri(str(tmp_path)).local_path == tmp_path


def test_a_tilde_is_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parse_uri("~/churn").local_path == tmp_path / "churn"


def test_a_tilde_of_an_unknown_user_is_an_error() -> None:
    with pytest.raises(ModelUriError) as caught:
        parse_uri("~no-such-user-here/churn")
    assert "'~no-such-user-here/churn'" in caught.value.happened
    assert caught.value.fix == "Give the path in full."


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("file:///srv/churn", "/srv/churn"),
        ("file:/srv/churn", "/srv/churn"),
        ("file://localhost/srv/churn", "/srv/churn"),
        ("FILE:///srv/churn", "/srv/churn"),
        ("file:///srv/my%20churn%23%3F", "/srv/my churn#?"),
        ("file:///srv/ch%C3%BCrn", "/srv/chürn"),
    ],
)
def test_a_file_uri_names_its_path(text: str, path: str) -> None:
    uri = parse_uri(text)
    assert (uri.scheme, uri.local_path) == (LOCAL_SCHEME, Path(path))


def test_a_relative_file_uri_starts_at_the_working_directory(here: Path) -> None:
    assert parse_uri("file:churn").local_path == here / "churn"


@pytest.mark.parametrize(
    ("text", "in_happened", "in_fix"),
    [
        ("file://nas/churn", "the host 'nas'", "file:///nas/churn"),
        ("file:///srv/churn?version=2", "a query or a fragment", "%3F"),
        ("file:///srv/churn#2", "a query or a fragment", "%23"),
        ("file:", "names no path", "file:///"),
        ("file:///a%00b", "names no path", "file:///"),
    ],
)
def test_a_file_uri_that_cannot_name_a_path_is_an_error(text: str, in_happened: str, in_fix: str) -> None:
    with pytest.raises(ModelUriError) as caught:
        parse_uri(text)
    assert in_happened in caught.value.happened
    assert in_fix in caught.value.fix


@pytest.mark.parametrize("text", ["", "  ", "a\0b"])
def test_nothing_is_no_uri(text: str) -> None:
    with pytest.raises(ModelUriError) as caught:
        parse_uri(text)
    assert caught.value.happened == f"{text!r} is no model URI"


@pytest.mark.parametrize("scheme", REMOTE_SCHEMES)
def test_what_mlflow_resolves_is_kept_as_it_is(scheme: str) -> None:
    uri = parse_uri(f"{scheme}:/churn/5")
    assert (uri.text, uri.scheme, uri.local_path) == (f"{scheme}:/churn/5", scheme, None)


@pytest.mark.parametrize(
    ("text", "meant"),
    [("model:/churn/5", "models:/churn/5"), ("run:/abc/model", "runs:/abc/model"), ("files:///srv", "file:///srv")],
)
def test_an_unknown_scheme_names_the_one_that_was_meant(text: str, meant: str) -> None:
    with pytest.raises(ModelUriError) as caught:
        parse_uri(text)
    assert repr(text.partition(":")[0]) in caught.value.happened
    assert meant in caught.value.fix
    assert "models:" in str(caught.value.facts["known"])


def test_an_unknown_scheme_like_no_other_may_be_a_name_with_a_colon() -> None:
    with pytest.raises(ModelUriError) as caught:
        parse_uri("zzzzqqq:5")
    assert "./zzzzqqq:5" in caught.value.fix


def test_a_name_with_a_colon_that_exists_is_that_directory(here: Path) -> None:
    (here / "churn:5").mkdir()
    assert parse_uri("churn:5").local_path == here / "churn:5"
    assert parse_uri("./churn:5").local_path == here / "churn:5"


def test_a_uri_longer_than_a_file_name_is_still_one() -> None:
    assert parse_uri("models:/" + "churn" * 100).scheme == "models"


def test_a_bare_id_of_a_logged_model_suggests_its_uri() -> None:
    assert suggested_uri(LOGGED) == f"models:/{LOGGED}"
    assert suggested_uri("m-churn") is None


@given(
    st.text(max_size=30).filter(lambda text: ":" not in text and text.strip() and "\0" not in text and "~" not in text)
)
def test_a_text_without_scheme_is_an_absolute_path(text: str) -> None:
    uri = parse_uri(text)
    assert uri.scheme == LOCAL_SCHEME
    assert uri.local_path is not None
    assert uri.local_path.is_absolute()
