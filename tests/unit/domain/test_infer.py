"""A first domain comes from real data, and survives being written down."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelserve.domain import (
    ColumnDomain,
    Domain,
    Origin,
    as_toml,
    bound,
    from_frame,
    from_rows,
    from_table,
    read_data,
    read_file,
)
from pytest_modelserve.errors import DomainError
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature


def test_a_frame_suggests_ranges_levels_nulls_and_lengths() -> None:
    frame = pd.DataFrame(
        {
            "age": [30, 41, 58, 27, 77, 33],
            "score": [0.5, np.nan, 1.5, -2.0, 0.0, 0.25],
            "plan": ["basic", "pro", "basic", None, "basic", "pro"],
            "name": ["Ann", "Bob", "Eve", "Dan", "Joe", "Kim-Li"],
            "flag": [True, False] * 3,
            "when": pd.to_datetime(
                ["2024-01-01", "2024-01-05T00:00:00.000000001", *["2024-01-02"] * 4], format="ISO8601"
            ),
            "blob": [b"a", b"abc", b"", b"", b"", b""],
        }
    )
    assert dict(from_frame(frame, place="train.csv").columns) == {
        "age": ColumnDomain(min=27, max=77, nullable=False),
        "score": ColumnDomain(min=-2.0, max=1.5, nullable=True),
        "plan": ColumnDomain(values=("basic", "pro"), nullable=True),
        "name": ColumnDomain(max_length=6, nullable=False),
        "flag": ColumnDomain(nullable=False),
        "when": ColumnDomain(
            min=np.datetime64("2024-01-01", "ns"),
            max=np.datetime64("2024-01-05T00:00:00.000000001", "ns"),
            nullable=False,
        ),
        "blob": ColumnDomain(max_length=3, nullable=False),
    }


def test_few_whole_numbers_that_come_back_are_levels() -> None:
    (column,) = from_rows(["rooms"], [[2], [3], [2], [2], [3], [2]]).columns.values()
    assert column == ColumnDomain(min=2, max=3, values=(2, 3), nullable=False)


def test_no_rows_say_nothing_of_values() -> None:
    assert not from_rows(["a"], []).columns["a"].says_values


def test_what_was_seen_is_not_declared() -> None:
    assert not from_rows(["a"], [[1]], place="train.csv").is_declared("a")


@given(rows=st.lists(st.tuples(st.integers(-5, 5), st.sampled_from("xyz"), st.none() | st.floats(-9, 9)), min_size=1))
def test_data_lies_in_its_own_domain(rows: list[tuple[int, str, float | None]]) -> None:
    domain = from_rows(["n", "t", "f"], rows)
    for row in rows:
        for name, cell in zip("ntf", row, strict=True):
            assert domain.columns[name].contains(cell)


@pytest.mark.parametrize("suffix", ["csv", "json", "jsonl", "parquet"])
def test_data_is_read_by_its_suffix(tmp_path: Path, suffix: str) -> None:
    frame = pd.DataFrame({"code": ["x", "y"], "n": [1, 2]})
    path = tmp_path / f"train.{suffix}"
    if suffix == "csv":
        frame.to_csv(path, index=False)
    elif suffix == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_json(path, orient="records", lines=suffix == "jsonl")
    assert read_data(path).to_dict("list") == {"code": ["x", "y"], "n": [1, 2]}


@pytest.mark.parametrize(("name", "content"), [("t.json", b"{"), ("t.csv", b""), ("t.parquet", b"x"), ("t.xls", b"")])
def test_broken_data_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DomainError) as caught:
        read_data(tmp_path / name)
    assert caught.value.facts["file"] == tmp_path / name


def test_missing_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(DomainError):
        read_data(tmp_path / "none.csv")


TEXTS = st.text(st.characters(codec="utf-8"))
COLUMNS = st.one_of(
    st.builds(ColumnDomain, values=st.lists(TEXTS, min_size=1).map(tuple), nullable=st.none() | st.booleans()),
    st.builds(ColumnDomain, min=st.floats(-1e300, 0), max=st.just(float("inf")), unique=st.booleans()),
    st.builds(ColumnDomain, min=st.integers(-9, 0), max=st.integers(0, 2**62)),
    st.builds(
        ColumnDomain,
        max_length=st.integers(0, 9),
        pattern=st.sampled_from([None, "[a-z]+", r'\d"\\']),
        unique=st.just(True),
    ),
    st.builds(ColumnDomain, values=st.just(([1, "a"], {"k": [True, 1.5]}))),
)


@given(columns=st.dictionaries(TEXTS, COLUMNS), table=st.sampled_from(["", "tool.modelserve.domain"]))
def test_toml_reads_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, columns: dict[str, ColumnDomain], table: str
) -> None:
    declared = from_table(columns, origin=Origin.FILE, place="")
    path = tmp_path_factory.mktemp("toml") / ("pyproject.toml" if table else "domain.toml")
    path.write_text(as_toml(declared, table=table), encoding="utf-8")
    assert dict(read_file(path).columns) == columns


def test_moments_and_bytes_survive_toml(tmp_path: Path) -> None:
    signature = Signature(
        inputs=ColumnSchema(
            columns=(ColumnSpec(name="when", type=DataType.DATETIME), ColumnSpec(name="blob", type=DataType.BINARY))
        )
    )
    columns = {
        "when": ColumnDomain(min=np.datetime64("2024-01-01T00:00:00.000000001", "ns")),
        "blob": ColumnDomain(values=(b"\x00\xff",)),
    }
    path = tmp_path / "domain.toml"
    path.write_text(as_toml(Domain(columns=columns)))
    assert dict(bound(read_file(path), signature).columns) == columns
