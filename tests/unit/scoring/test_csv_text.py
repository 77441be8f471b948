"""CSV by the types of the signature: quotes tell text from null, nothing is guessed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_modelserve.scoring import csv_text
from pytest_modelserve.signature.datatypes import Array, DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, TensorSchema, TensorSpec

NOW = "2024-01-02T03:04:05.123456789"


def columns(**kinds: Any) -> ColumnSchema:
    return ColumnSchema(columns=tuple(ColumnSpec(name=name, type=kind) for name, kind in kinds.items()))


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        *((DataType.BOOLEAN, text, text.lower() == "true") for text in ("true", "True", "FALSE")),
        (DataType.INTEGER, "-12", -12),
        (DataType.LONG, "9007199254740993", 2**53 + 1),
        (DataType.LONG, "3.0", 3),
        (DataType.DOUBLE, "1e3", 1000.0),
        (DataType.DOUBLE, "0.1", 0.1),
        (DataType.DOUBLE, "2", 2.0),
        *((DataType.DOUBLE, f'"{text}"', float(text)) for text in ("2", "1e3", "-1.5E-1", "0.25e+2")),
        *((DataType.STRING, text, text) for text in ("007", "NA", "null", "nan", " 1", "2024-01-02", "true")),
        (DataType.STRING, '""', ""),
        (DataType.STRING, '"a ""b"", c\r\nd"', 'a "b", c\r\nd'),
        (DataType.STRING, '""""', '"'),
        (DataType.STRING, '"a"""', 'a"'),
        (DataType.STRING, '"""a"', '"a'),
        (DataType.BINARY, '"aGk="', b"hi"),
        (DataType.BINARY, "aGk=", b"hi"),
        (DataType.BINARY, "1234", b"\xd7m\xf8"),
        (DataType.DATETIME, NOW, np.datetime64(NOW)),
        (DataType.DATETIME, '"2024-01-02"', np.datetime64("2024-01-02", "ns")),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_cell_arrives(serve: Any, cells: Any, kind: DataType, text: str, expected: Any, line_end: str) -> None:
    body = f'id,"x"{line_end}1,{text}{line_end}'.encode()
    assert cells(serve(columns(x=kind, id=DataType.LONG)).receive(body, "text/csv"), "x") == [expected]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *((DataType.BOOLEAN, text) for text in ("1", "yes", "", '""')),
        *((DataType.LONG, text) for text in ("1.5", "007", "+1", "1_0", "NA", "", "9223372036854775808", "true", "x")),
        (DataType.INTEGER, "2147483648"),
        *(
            (DataType.DOUBLE, text)
            for text in ("nan", "null", "inf", "1e400", "1,5", "x", '""', " 1", "0x1", "1e", "1e+", "1.", "9" * 5000)
        ),
        *((DataType.BINARY, text) for text in ("!", "", "aGk")),
        *((DataType.DATETIME, text) for text in ("now", "20240102", '""')),
    ],
)
def test_a_cell_of_another_type_is_refused(serve: Any, kind: DataType, text: str) -> None:
    serve(columns(id=DataType.LONG, x=kind)).refuse(f"id,x\n1,{text}\n", "text/csv")


def test_an_empty_cell_is_null_and_an_empty_text_is_not(serve: Any, cells: Any) -> None:
    table = serve(columns(a=DataType.STRING, b=DataType.DOUBLE)).receive(b'a,b\n,1\n"",\n', "text/csv")
    assert cells(table, "a") == [None, ""]
    assert np.isnan(cells(table, "b")[1])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n\n",
        b"a\n1\n",
        b"a,b,a\n1,2,1\n",
        b"a,b\n1\n",
        b"a,b\n1,2,3\n",
        b"a,b\n1,2\n1,2,3\n",
        b'a,b\n1,"2\n',
        b'a,b\n1,2"3\n',
        b'a,b\n1,"2"3\n',
        b"a;b\n1;2\n",
        b"a,b\n1,\xff\n",
        "a,b\n1,2\n".encode("utf-16"),
    ],
)
def test_broken_csv_is_refused(serve: Any, body: bytes) -> None:
    serve(columns(a=DataType.LONG, b=DataType.DOUBLE)).refuse(body, "text/csv")


@pytest.mark.parametrize(
    ("body", "n_rows"),
    [
        (b"\xef\xbb\xbfa,b\n1,2\n", 1),
        (b"b,a\n2,1", 1),
        (b"a,b\n\n1,2\n\n1,2\n\n", 2),
        (b"a,b,z\r1,2,x\r", 1),
        (b"a,b\n", 0),
        (b"a,b", 0),
    ],
)
def test_forms_of_csv(serve: Any, body: bytes, n_rows: int) -> None:
    table = serve(columns(a=DataType.LONG, b=DataType.DOUBLE)).receive(body, "text/csv; charset=utf-8")
    assert table.n_rows == n_rows
    assert [column.values.tolist() for column in table.columns] == [[1] * n_rows, [2.0] * n_rows]


def test_an_empty_line_of_one_column_is_a_null(serve: Any, cells: Any) -> None:
    table = serve(columns(a=DataType.STRING)).receive(b"a\nx\n\ny\n", "text/csv")
    assert cells(table, "a") == ["x", None, "y"]


def test_columns_without_names_go_by_position(serve: Any) -> None:
    schema = ColumnSchema(columns=tuple(ColumnSpec(name=None, type=k) for k in (DataType.LONG, DataType.STRING)))
    table = serve(schema).receive(b"u,v\n1,007\n", "text/csv")
    assert [list(column.values) for column in table.columns] == [[1], ["007"]]
    table = serve(schema).receive(b"1,0\n007,1\n", "text/csv")
    assert [list(column.values) for column in table.columns] == [[1], ["007"]]


def test_integers_for_names_are_found_by_their_text(serve: Any) -> None:
    schema = ColumnSchema(columns=(ColumnSpec(name=0, type=DataType.STRING),))
    assert serve(schema).receive(b"0\n007\n", "text/csv").columns[0].values == ["007"]


@pytest.mark.parametrize(
    ("schema", "message", "details"),
    [
        (
            columns(b=DataType.LONG, a=Array(items=DataType.LONG)),
            "CSV cannot carry column 'a', which is nested; send JSON",
            {"column": "a"},
        ),
        (
            TensorSchema(tensors=(TensorSpec(name=None, dtype="int64", shape=(-1, 2)),)),
            "CSV cannot carry tensors; send inputs as JSON",
            {},
        ),
    ],
)
def test_what_csv_cannot_carry_is_refused_whatever_the_body(
    serve: Any, schema: Any, message: str, details: dict[str, str]
) -> None:
    for body in (b"b,a\n1,2\n", b""):
        error = serve(schema).refuse(body, "text/csv")
        assert (error["error_code"], error["message"]) == ("INVALID_PARAMETER_VALUE", message)
        assert error.get("details", {}) == details


def test_long_tables_are_read_like_short_ones(serve: Any) -> None:
    schema = columns(a=DataType.LONG, b=DataType.DOUBLE)
    table = serve(schema).receive('"a","b"\n' + "".join(f"{n},{n}.5\n" for n in range(1000)), "text/csv")
    assert [column.values.tolist() for column in table.columns] == [list(range(1000)), [n + 0.5 for n in range(1000)]]


@pytest.mark.parametrize("text", ["1,007", "1.5,1.", "1,+1", "1,1e400", "1,", "1,-", "1,1 ", "1,true"])
def test_one_bad_number_among_good_ones_is_found(serve: Any, text: str) -> None:
    schema = ColumnSchema(columns=(ColumnSpec(name="x", type=DataType.DOUBLE),))
    body = "x\n" + text.replace(",", "\n") + "\n"
    if text == "1,":
        assert serve(schema).receive(body, "text/csv").n_rows == 2
    else:
        error = serve(schema).refuse(body, "text/csv")
        assert error["details"] == {"column": "x", "row": 1}
        assert f"is a string ({text[text.index(',') + 1 :]!r})" in error["message"]


def test_a_quoted_line_end_is_no_row_end(serve: Any, cells: Any) -> None:
    schema = columns(a=DataType.LONG, t=DataType.STRING)
    table = serve(schema).receive(b'a,t\n1,x\n2,"y\nz"\n3,w\n', "text/csv")
    assert cells(table, "t") == ["x", "y\nz", "w"]


@pytest.mark.parametrize("kind", [DataType.DATETIME, DataType.BOOLEAN])
def test_a_cell_is_told_as_the_text_that_it_is(serve: Any, kind: DataType) -> None:
    error = serve(columns(id=DataType.LONG, x=kind)).refuse("id,x\n1,12\n", "text/csv")
    assert "is a string ('12')" in error["message"] or "is '12'" in error["message"]


def test_of_columns_with_names_none_goes_by_position(serve: Any, cells: Any) -> None:
    schema = ColumnSchema(
        columns=(ColumnSpec(name="a", type=DataType.LONG), ColumnSpec(name="b", type=DataType.STRING, required=False))
    )
    assert cells(serve(schema).receive(b"z,a\nx,1\n", "text/csv"), "a") == [1]


def test_a_cell_of_a_column_by_position_is_of_its_type(serve: Any) -> None:
    schema = ColumnSchema(columns=tuple(ColumnSpec(name=None, type=kind) for kind in (DataType.LONG, DataType.STRING)))
    assert list(serve(schema).receive(b"u,v\n1,12\n", "text/csv").columns[1].values) == ["12"]


def test_a_comma_in_quotes_makes_no_two_numbers(serve: Any) -> None:
    error = serve(columns(x=DataType.LONG, y=DataType.LONG)).refuse(b'x,y\n"1,2",3\n', "text/csv")
    assert error["details"] == {"column": "x", "row": 0}


@pytest.mark.parametrize(
    ("body", "position"), [(b'"x', 0), (b'x\n1\n"', 4), (b"\xff", 0), (b"x\n\xff", 2), (b"\xef\xbb\xbfx\n\xff", 2)]
)
def test_what_is_no_csv_is_told_with_its_place(serve: Any, body: bytes, position: int) -> None:
    assert serve().refuse(body, "text/csv")["details"] == {"position": position}


@pytest.mark.parametrize(
    ("body", "slowly"),
    [
        ("a,b\n1,x\n2,y\n", "a,b\n"),
        ('"a",b\n1,x\n2,y\n', '"a",b\n'),
        ('a,b\n1,"x"\n2,y\n', 'a,b\n1,"x"\n'),
        ('a,b\n1,x\n2,"y"\n', 'a,b\n1,x\n2,"y"\n'),
        ("a,b\r\n1,x\r\n2,y\r\n", "a,b\r\n1,x\r\n2,y\r\n"),
        ("a,b", "a,b"),
    ],
)
def test_only_what_stands_above_the_last_quote_is_read_slowly(
    monkeypatch: pytest.MonkeyPatch, body: str, slowly: str
) -> None:
    read: list[str] = []
    split = csv_text._split_quoted_rows

    def note(text: str) -> list[list[str]]:
        read.append(text)
        return split(text)

    monkeypatch.setattr(csv_text, "_split_quoted_rows", note)
    table = csv_text.read_csv(body.encode(), columns(a=DataType.LONG, b=DataType.STRING))
    assert read == [slowly]
    assert table.columns == ({"a": [1, 2], "b": ["x", "y"]} if "1" in body else {"a": [], "b": []})


@pytest.mark.parametrize(
    ("kind", "cells", "slowly"),
    [
        *((kind, ["1", "-2"], False) for kind in (DataType.INTEGER, DataType.LONG)),
        *((kind, ["1.5", "-2e-1", "1E+3"], False) for kind in (DataType.FLOAT, DataType.DOUBLE)),
        (DataType.LONG, ["1", ""], True),
        (DataType.LONG, ["1", '"2"'], True),
        (DataType.STRING, ["1", "2"], True),
    ],
)
def test_a_column_of_numbers_alone_is_read_at_once(
    monkeypatch: pytest.MonkeyPatch, kind: DataType, cells: list[str], slowly: bool
) -> None:
    read: list[str] = []
    read_cell = csv_text._read_cell

    def note(cell: str, kind: DataType | None) -> object:
        read.append(cell)
        return read_cell(cell, kind)

    monkeypatch.setattr(csv_text, "_read_cell", note)
    csv_text.read_csv("\n".join(["x,y", *(f"{cell},1" for cell in cells)]).encode(), columns(x=kind, y=DataType.LONG))
    assert read == ([cell.strip('"') for cell in cells] if slowly else [])


@pytest.mark.parametrize(("digits", "is_number"), [("1" * 401, True), ("1" * 402, False)])
def test_an_integer_of_no_declared_type_has_at_most_401_digits(serve: Any, digits: str, is_number: bool) -> None:
    (column, _) = serve().receive(f"x,y\n{digits},1\n", "text/csv").columns
    assert list(column.values) == [int(digits) if is_number else digits]
