"""Fields of a YAML file come out by type, and an error names file, field and value."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.errors import MlmodelError
from pytest_modelserve.model.fields import Fields, read_fields

Read = Callable[[str], Fields]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_text(text: str) -> Fields:
        file = tmp_path / "MLmodel"
        file.write_text(text, encoding="utf-8")
        return read_fields(file)

    return read_text


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("3.10", "3.10"),
        ("3.11.7", "3.11.7"),
        ("12345678901234567890123456789012", "12345678901234567890123456789012"),
        ("123e4567", "123e4567"),
        ("1.0e+3", "1.0e+3"),
        ("0012", "0012"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2024-01-02 03:04:05", "2024-01-02 03:04:05"),
        ("'1e3'", "1e3"),
        ("0x1F", "0x1F"),
    ],
)
def test_a_text_stays_as_it_is_written(read: Read, written: str, text: str) -> None:
    assert read(f"run_id: {written}").text("run_id") == text


@pytest.mark.parametrize("written", ["run_id:", "run_id: null", "run_id: ~", "other: 1"])
def test_a_missing_text_is_none(read: Read, written: str) -> None:
    assert read(written).text("run_id") is None


@pytest.mark.parametrize("written", ["true", "[a]", "{a: 1}"])
def test_what_is_no_text_is_an_error(read: Read, written: str, tmp_path: Path) -> None:
    with pytest.raises(MlmodelError) as caught:
        read(f"run_id: {written}").text("run_id")
    assert caught.value.facts["file"] == tmp_path / "MLmodel"
    assert caught.value.facts["field"] == "run_id"
    assert "value" in caught.value.facts


@pytest.mark.parametrize("written", ["other: 1", "loader_module: null", "loader_module: ''"])
def test_a_required_text_must_be_there(read: Read, written: str) -> None:
    with pytest.raises(MlmodelError) as caught:
        read(written).required_text("loader_module")
    assert "`loader_module`" in caught.value.happened


def test_a_missing_field_shows_no_value(read: Read) -> None:
    with pytest.raises(MlmodelError) as caught:
        read("other: 1").required_text("loader_module")
    assert caught.value.happened == "MLmodel has no `loader_module`, which must be a text"
    assert "value" not in caught.value.facts


@pytest.mark.parametrize(
    ("written", "flag"), [("true", True), ("'true'", True), ("False", False), ("null", False), ("'FALSE'", False)]
)
def test_a_flag_is_a_boolean_or_its_text(read: Read, written: str, flag: bool) -> None:
    assert read(f"streamable: {written}").flag("streamable") is flag


@pytest.mark.parametrize("written", ["1", "'maybe'", "[]"])
def test_what_is_no_flag_is_an_error(read: Read, written: str) -> None:
    with pytest.raises(MlmodelError) as caught:
        read(f"streamable: {written}").flag("streamable")
    assert "must be true or false" in caught.value.happened


def test_texts_are_a_list_of_texts(read: Read) -> None:
    fields = read("env_vars: [A, B]\nnone: null\nmixed: [A, 1]\none: A")
    assert fields.texts("env_vars") == ("A", "B")
    assert fields.texts("none") == ()
    for name in ("mixed", "one"):
        with pytest.raises(MlmodelError, match="a list of texts"):
            fields.texts(name)


def test_fields_below_know_where_they_stand(read: Read) -> None:
    flavor = read("flavors: {python_function: {code: [a]}}").below("flavors")
    assert flavor is not None
    below = flavor.below("python_function")
    assert below is not None
    with pytest.raises(MlmodelError) as caught:
        below.text("code")
    assert caught.value.facts["field"] == "flavors.python_function.code"
    assert caught.value.facts["value"] == "['a']"
    assert "a list" in caught.value.happened


@pytest.mark.parametrize(("written", "kind"), [("[a]", "a list"), ("text", "a text"), ("5", "a number (int)")])
def test_what_is_no_mapping_is_an_error(read: Read, written: str, kind: str) -> None:
    with pytest.raises(MlmodelError) as caught:
        read(f"flavors: {written}").below("flavors")
    assert kind in caught.value.happened


def test_a_mapping_has_texts_for_names(read: Read) -> None:
    fields = read("metadata: {1: a}\nnone: null")
    with pytest.raises(MlmodelError, match="keys are texts"):
        fields.mapping("metadata")
    assert fields.mapping("none") == {}


def test_an_alias_is_what_it_stands_for(read: Read) -> None:
    fields = read("a: &v 3.10\nb: *v")
    assert fields.text("b") == "3.10"


def test_all_values_are_json(read: Read) -> None:
    fields = read("when: 2024-01-02\nat: 2024-01-02 03:04:05\nnumber: 1.0e+3\nlist: [1, yes, null]")
    expected: dict[str, Any] = {
        "when": "2024-01-02",
        "at": "2024-01-02 03:04:05",
        "number": 1000.0,
        "list": [1, True, None],
    }
    assert json.loads(json.dumps(fields.values)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "flavors: {",
        "a: b: c",
        "\tflavors: 1",
        "a: !!python/object/apply:os.system [true]",
        "a: 1\n---\nb: 2",
        "a: *nobody",
    ],
)
def test_what_is_no_plain_yaml_is_an_error_with_its_place(read: Read, text: str, tmp_path: Path) -> None:
    with pytest.raises(MlmodelError) as caught:
        read(text)
    assert caught.value.happened.startswith("MLmodel is no YAML (line ")
    assert caught.value.facts["file"] == tmp_path / "MLmodel"
    assert caught.value.facts["reason"]


def test_endless_nesting_and_digits_are_no_yaml(read: Read) -> None:
    for text in ("a: " + "[" * 400, "a: " + "9" * 5000):
        with pytest.raises(MlmodelError, match="is no YAML"):
            read(text)


@pytest.mark.parametrize(("text", "kind"), [("", "null"), ("- a", "a list"), ("text", "a text"), ("# only", "null")])
def test_a_file_that_holds_no_mapping_is_an_error(read: Read, text: str, kind: str) -> None:
    with pytest.raises(MlmodelError) as caught:
        read(text)
    assert caught.value.happened == f"MLmodel holds {kind}, and must hold a mapping of names to values"


def test_a_file_that_is_not_utf8_names_the_byte(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_bytes(b"a: \xff")
    with pytest.raises(MlmodelError) as caught:
        read_fields(tmp_path / "MLmodel")
    assert caught.value.happened == "MLmodel is not UTF-8: byte 0xff at 3"


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MlmodelError) as caught:
        read_fields(tmp_path)
    assert "cannot be read" in caught.value.happened


def test_a_long_value_is_cut(read: Read) -> None:
    with pytest.raises(MlmodelError) as caught:
        read(f"flavors: {'x' * 1000}").below("flavors")
    assert len(str(caught.value.facts["value"])) < 300
    assert "(1002 characters)" in str(caught.value.facts["value"])
