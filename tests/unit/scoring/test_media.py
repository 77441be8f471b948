"""Content-Type and Content-Encoding by themselves, where a client or a server between would tidy them."""

from __future__ import annotations

import pytest

from pytest_modelserve.scoring.errors import DecidedBy, ErrorCode
from pytest_modelserve.scoring.media import Media, UnsupportedMedia, parse_content_type, require_no_encoding


@pytest.mark.parametrize(
    ("values", "media"),
    [
        (["application/json"], Media.JSON),
        (["application/json", "application/json"], Media.JSON),
        (["text/csv; charset=utf-8; header=present"], Media.CSV),
        (["text/csv;HEADER=Present"], Media.CSV),
        (["application/json; charset=' utf-8'".replace("'", '"')], Media.JSON),
        (["application/vnd.apache.parquet; "], Media.PARQUET),
    ],
)
def test_a_content_type_is_read(values: list[str], media: Media) -> None:
    assert parse_content_type(values) is media


@pytest.mark.parametrize(
    "values",
    [
        [],
        [" "],
        ["application/json", "text/csv"],
        ["application/json", ""],
        ["application/json; CHARSET=latin-1"],
        ["application/json; Charset=utf-16"],
        ["text/csv; HEADER=absent"],
        ["text/csv; header=ABSENT"],
    ],
)
def test_another_content_type_is_refused(values: list[str]) -> None:
    with pytest.raises(UnsupportedMedia):
        parse_content_type(values)


@pytest.mark.parametrize("values", [[], [""], ["identity"], [" Identity "], ["identity", ""]])
def test_a_body_as_it_is_has_no_encoding(values: list[str]) -> None:
    require_no_encoding(values)


@pytest.mark.parametrize("values", [["gzip"], ["identity", "br"], ["identity, gzip"]])
def test_an_encoded_body_is_refused(values: list[str]) -> None:
    with pytest.raises(UnsupportedMedia):
        require_no_encoding(values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], "no Content-Type"),
        (["  "], "no Content-Type"),
        (["", "application/json"], "no Content-Type"),
        (["application/json", ""], "several"),
        (["x/y"], "'x/y'"),
        ([], "reads application/json, text/csv, application/vnd.apache.parquet"),
    ],
)
def test_a_refused_content_type_is_told(values: list[str], said: str) -> None:
    with pytest.raises(UnsupportedMedia) as refused:
        parse_content_type(values)
    assert said in refused.value.message
    assert (refused.value.code, refused.value.decided_by) == (ErrorCode.UNSUPPORTED_MEDIA_TYPE, DecidedBy.PARSER)
