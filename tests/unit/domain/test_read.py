"""A domain is read from wherever users write it, with strict keys."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from pytest_modelserve.domain import (
    ColumnDomain,
    Domain,
    Origin,
    from_metadata,
    from_table,
    merged,
    read_file,
    read_ini,
)
from pytest_modelserve.errors import DomainError

TABLE = {"age": {"min": 0, "max": 120}, "plan": {"values": ["basic", "pro"], "nullable": True}}
COLUMNS = {
    "age": ColumnDomain(min=0, max=120),
    "plan": ColumnDomain(values=("basic", "pro"), nullable=True),
}
TOML = 'age = { min = 0, max = 120 }\n[plan]\nvalues = ["basic", "pro"]\nnullable = true\n'


def declared(table: object, origin: Origin = Origin.MARKER) -> Domain:
    return from_table(table, origin=origin, place="the marker")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("d.toml", TOML),
        ("d.json", json.dumps(TABLE)),
        ("d.yaml", yaml.safe_dump(TABLE)),
        ("d.yml", yaml.safe_dump(TABLE)),
    ],
)
def test_a_file_is_read_by_its_suffix(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    domain = read_file(tmp_path / name)
    assert domain.columns == COLUMNS
    assert set(domain.origins.values()) == {Origin.FILE}
    assert domain.places["age"] == str(tmp_path / name)


def test_pyproject_holds_it_under_tool(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text("[tool.modelserve.domain.age]\nmin = 0\nmax = 120\n")
    assert read_ini(path).columns == {"age": COLUMNS["age"]}
    assert read_ini(path).origins == {"age": Origin.INI}
    assert read_file(path).origins == {"age": Origin.FILE}


def test_a_pyproject_without_the_table_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text("[tool.ruff]\nline-length = 120\n")
    assert not read_ini(path).columns


@pytest.mark.parametrize("metadata", [{"modelserve.domain": TABLE}, {"modelserve": {"domain": TABLE}}])
def test_metadata_holds_it_flat_or_nested(metadata: dict[str, object]) -> None:
    assert from_metadata(metadata).columns == COLUMNS


@pytest.mark.parametrize("metadata", [None, {}, {"modelserve": {"other": 1}}, {"modelserve": "x"}])
def test_metadata_without_a_domain_says_nothing(metadata: dict[str, object] | None) -> None:
    assert not from_metadata(metadata).columns


def test_a_list_stands_for_values() -> None:
    assert declared({"plan": ["basic"]}).columns == {"plan": ColumnDomain(values=("basic",))}


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"age": {"minimum": 0}}, "minimum"),
        ({"age": {"nullable": "yes"}}, "nullable"),
        ({"age": {"unique": 1}}, "unique"),
        ({"age": {"max_length": -1}}, "max_length"),
        ({"age": {"max_length": True}}, "max_length"),
        ({"age": {"values": []}}, "values"),
        ({"age": {"values": "basic"}}, "values"),
        ({"age": {"pattern": "("}}, "pattern"),
        ({"age": {"pattern": 3}}, "pattern"),
        ({"age": {"min": True}}, "min"),
        ({"age": {"max": [1]}}, "max"),
        ({"age": {"min": 0, "max": "old"}}, "max"),
    ],
)
def test_errors_name_place_column_and_key(table: object, key: str) -> None:
    with pytest.raises(DomainError) as caught:
        declared(table)
    assert caught.value.facts["place"] == "the marker"
    assert caught.value.facts["column"] == "age"
    assert caught.value.facts["key"] == key


def test_an_unknown_key_offers_the_one_that_was_meant() -> None:
    with pytest.raises(DomainError) as caught:
        declared({"age": {"maxlength": 3}})
    assert caught.value.fix == 'Did you mean "max_length"?'


def test_an_empty_range_shows_both_ends() -> None:
    with pytest.raises(DomainError) as caught:
        declared({"age": ColumnDomain(min=5, max=2)})
    assert (caught.value.facts["min"], caught.value.facts["max"]) == (5, 2)


@pytest.mark.parametrize("table", ["age", ["age"], {"age": 3}])
def test_what_is_no_table_is_refused(table: object) -> None:
    with pytest.raises(DomainError):
        declared(table)


@pytest.mark.parametrize(
    ("name", "content"),
    [("d.toml", b"age ="), ("d.json", b"{"), ("d.yaml", b"a: ["), ("d.txt", b"{}"), ("d.json", b"\xff")],
)
def test_a_broken_file_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DomainError) as caught:
        read_file(tmp_path / name)
    assert caught.value.facts["file"] == tmp_path / name


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DomainError) as caught:
        read_file(tmp_path / "none.toml")
    assert caught.value.facts["file"] == tmp_path / "none.toml"


def test_the_highest_origin_wins_a_column_whole_whatever_the_order() -> None:
    low = declared({"age": {"min": 0, "max": 9}, "plan": ["basic"]}, Origin.FILE)
    high = declared({"age": {"min": 5}}, Origin.MARKER)
    for domain in (merged(low, high), merged(high, low)):
        assert domain.of("age") == ColumnDomain(min=5)
        assert domain.of("plan") == ColumnDomain(values=("basic",))
        assert domain.origins == {"age": Origin.MARKER, "plan": Origin.FILE}


def test_the_order_of_precedence_is_as_documented() -> None:
    order = [Origin.MARKER, Origin.INI, Origin.FILE, Origin.METADATA, Origin.DATA]
    domains = [declared({"age": {"min": at}}, origin) for at, origin in enumerate(order)]
    for at in range(len(order)):
        found = merged(*reversed(domains[at:])).of("age")
        assert found == ColumnDomain(min=at)


def test_an_unnamed_column_goes_by_its_position() -> None:
    domain = declared({"0": {"min": 1}})
    assert domain.of(None) == domain.of(0) == domain.of("0") == ColumnDomain(min=1)


def test_data_is_not_a_declaration() -> None:
    assert declared({"age": {"min": 0}}, Origin.FILE).is_declared("age")
    assert not declared({"age": {"min": 0}}, Origin.DATA).is_declared("age")
    assert not Domain().is_declared("age")


@pytest.mark.parametrize(
    ("column", "inside", "outside"),
    [
        (ColumnDomain(min=0, max=2.5), [0, 2.5, 1], [-1, 2.6]),
        (ColumnDomain(values=(1, 2)), [1, 2], [3, True]),
        (ColumnDomain(values=(True,)), [True], [1, False]),
        (ColumnDomain(pattern="[a-c]+"), ["abc"], ["", "abcd"]),
        (ColumnDomain(max_length=2), ["ab", b"ab", [1, 2]], ["abc", b"abc", [1, 2, 3]]),
        (ColumnDomain(nullable=False), [1], [None]),
        (ColumnDomain(nullable=True), [None], []),
        (ColumnDomain(min=3), [None, 3], [2]),
    ],
)
def test_contains(column: ColumnDomain, inside: list[object], outside: list[object]) -> None:
    assert all(column.contains(value) for value in inside)
    assert not any(column.contains(value) for value in outside)
