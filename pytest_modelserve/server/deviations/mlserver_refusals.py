"""Which values MLServer answers 500 for on `/invocations`, since MLflow's parser refuses them there.

What the parser takes reaches the model, and what the schema refuses is a 400: an entry is only for the declared types
and envelopes with which the parser was seen to raise. Each was seen on MLServer; `benchmarks/deviations.py` sends the
examples again.
"""

from __future__ import annotations

from typing import Final

from .bodies import (
    Parts,
    flight,
    flight_inputs,
    flight_instances,
    flight_records,
    flight_rows,
    lists,
    photos,
    whole,
)
from .deviation import FAILS, FAULT, NOTHING, Cells, Deviation, Example

_SERVER: Final = "https://github.com/SeldonIO/MLServer/blob/1.7.1"
_PARSED: Final = f"{_SERVER}/runtimes/mlflow/mlserver_mlflow/runtime.py#L131"  # catches nothing that the parser raises
_REFUSABLE: Final = frozenset({"reject", "either"})
_FRAMES: Final = frozenset({"dataframe_split", "dataframe_records"})
_ARRAYS: Final = frozenset({"inputs", "instances"})
_TENSORS: Final = frozenset(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
_INTEGERS: Final = frozenset({"integer", "long"}) | _TENSORS
_NUMBERS: Final = _INTEGERS | {"float", "double", "float16", "float32", "float64"}
_NESTED: Final = frozenset({"array", "object", "map"})
_VALID: Final = ("valid", "input_example", "reordered_columns", "extra_column", "outside_domain")


def _fails(
    name: str,
    rules: tuple[str, ...],
    what: str,
    example: Example,
    *,
    types: frozenset[str] = NOTHING,
    envelopes: frozenset[str] = NOTHING,
    cells: frozenset[Cells] = frozenset(),
    wanted: frozenset[str] = _REFUSABLE,
) -> Deviation:
    """Return a deviation by which a value that the parser refuses is answered 500."""
    return Deviation(
        id=name,
        server="mlserver",
        versions="==1.7.1",  # the last release
        rules=rules,
        kinds=FAILS,
        answer=FAULT,
        what=what,
        link=_PARSED,
        types=types,
        envelopes=envelopes,
        cells=cells,
        wanted=wanted,
        is_steady=False,  # some values of most rules the parser takes, or leaves to the schema
        example=example,
    )


def _fault(body: Parts, model: str = "flight_delays", content_type: str = "application/json") -> Example:
    return Example(model=model, status=500, body=body, content_type=content_type, answer="Internal Server Error")


MLSERVER_REFUSALS: Final = (
    _fails(
        "refused_number_fails",
        ("text_for_number",),
        "Text that does not read like a number is answered 500 in a column of numbers, as plain text.",
        _fault(flight(distance='"many"')),
        types=_NUMBERS,
    ),
    _fails(
        "refused_integer_fails",
        ("integer_out_of_range", "null_in_required", "null_as_missing", "nan_token", "infinity_token"),
        "Null, NaN, infinity and what is out of range are answered 500 in a column of integers, as plain text.",
        _fault(flight(distance="null")),
        types=_INTEGERS,
    ),
    _fails(
        "refused_bytes_fail",
        (
            *("bad_base64", "number_for_binary", "boolean_for_binary", "unpadded_base64", "nan_token"),
            "null_in_required",
        ),
        "What is no base64, or no text, is answered 500 in a column of bytes of a data frame, as plain text.",
        _fault(photos("dataframe_split", "1", '"MQ=="'), "photos"),
        types=frozenset({"binary"}),
        envelopes=_FRAMES,
    ),
    _fails(
        "text_beyond_ascii_for_bytes_fails",
        ("bad_base64",),
        "In inputs and instances text beyond ASCII is answered 500 in a column of bytes, as plain text.",
        _fault(photos("inputs", '"\\u00e9"', '"MQ=="'), "photos"),
        types=frozenset({"binary"}),
        envelopes=_ARRAYS,
    ),
    _fails(
        "refused_date_fails",
        ("bad_date", "number_for_datetime", "nan_token"),
        "What is no date is answered 500 in a datetime column, as plain text.",
        _fault(flight(scheduled_departure='"someday"')),
        types=frozenset({"datetime"}),
    ),
    _fails(
        "date_in_frame_fails",
        ("boolean_for_datetime", "datetime_out_of_range"),
        "In data frames a boolean, or a date out of range, is answered 500 in a datetime column, as plain text.",
        _fault(flight(scheduled_departure="true")),
        types=frozenset({"datetime"}),
        envelopes=_FRAMES,
    ),
    _fails(
        "nested_in_frame_fails",
        ("list_for_scalar", "object_for_scalar"),
        "In data frames a list or a record is answered 500 in a column of numbers, dates or bytes, as plain text.",
        _fault(flight(distance="[1]")),
        types=_NUMBERS | {"datetime", "binary"},
        envelopes=_FRAMES,
    ),
    _fails(
        "list_in_arrays_fails",
        ("list_for_scalar",),
        "In inputs and instances a list for a scalar is answered 500, as plain text, where rows differ in length.",
        _fault(flight_inputs(distance="[1], 2")),
        types=_NUMBERS | {"datetime", "binary", "string", "boolean"},
        envelopes=_ARRAYS,
    ),
    _fails(
        "record_in_arrays_fails",
        ("object_for_scalar",),
        "In inputs and instances a record is answered 500 in a column or tensor of numbers or dates, as plain text.",
        _fault(flight_inputs(distance='{"a": 1}')),
        types=_NUMBERS | {"datetime"},
        envelopes=_ARRAYS,
    ),
    _fails(
        "refused_nested_value_fails",
        (
            *("scalar_for_array", "object_for_array", "wrong_element", "null_element", "list_for_object"),
            *("scalar_for_object", "list_for_map", "scalar_for_map", "null_in_required", "missing_property"),
            *("unknown_property", "wrong_property", "wrong_map_value"),
        ),
        "A list, record or map that the schema does not take is answered 500, as plain text.",
        _fault(lists("1"), "lists"),
        types=_NESTED,
    ),
    _fails(
        "gap_fails",
        ("missing_column", "ragged_records"),
        "A column that only some of the rows have is answered 500, as plain text.",
        _fault(flight_records(without="distance")),
        types=_INTEGERS | _NESTED | {"binary"},
        envelopes=frozenset({"dataframe_records"}),
    ),
    _fails(
        "gap_in_instances_fails",
        ("missing_column",),
        "In instances a column that only some of the rows have is answered 500, as plain text.",
        _fault(flight_instances(without="distance")),
        envelopes=frozenset({"instances"}),
    ),
    _fails(
        "refused_frame_fails",
        ("index_wrong_length", "ragged_rows", "duplicate_column"),
        "Row labels, rows or columns that do not fit a dataframe_split are answered 500, as plain text.",
        _fault(whole('{"dataframe_split": {"columns": ["carrier"], "data": [["9E", "UA"]]}}')),
        envelopes=frozenset({"dataframe_split"}),
    ),
    _fails(
        "ragged_tensor_fails",
        ("tensor_ragged",),
        "A tensor whose rows are of several lengths is answered 500, as plain text.",
        _fault(whole('{"inputs": [[[0.0], [0.0, 0.0]]]}'), "digits_onnx"),
    ),
    _fails(
        "refused_csv_cell_fails",
        ("csv_wrong_cell",),
        "In CSV text that is no number or boolean is answered 500 in a column of these, as plain text.",
        _fault(
            whole("sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)\nx,3.5,1.4,0.2\n"),
            "iris_classifier",
            "text/csv",
        ),
        types=_NUMBERS | {"boolean"},
        envelopes=frozenset({"csv"}),
    ),
    _fails(
        "odd_json_fails",
        ("byte_order_mark", "duplicate_json_key"),
        "A body with a byte order mark, or with a key twice, is answered 500, as plain text.",
        _fault(((b"\xef\xbb\xbf", 1), *flight())),
    ),
    _fails(
        "null_in_integers_fails",
        (*_VALID, "null_as_missing"),
        "Null in a column of integers that may be missing is answered 500, as plain text.",
        _fault(flight_rows(seats="null")),
        cells=frozenset({Cells.NULL_IN_INTEGERS}),
    ),
    _fails(
        "csv_null_in_booleans_fails",
        (*_VALID, "null_as_missing"),
        "In CSV an empty cell is answered 500 in a column of booleans that may be missing, as plain text.",
        _fault(whole('is_dark\n""\n'), "lists", "text/csv"),
        cells=frozenset({Cells.NULL_IN_BOOLEANS}),
        envelopes=frozenset({"csv"}),
    ),
    _fails(
        "null_in_bytes_fails",
        (*_VALID, "null_as_missing"),
        "In data frames null is answered 500 in a column of bytes, also where it may be missing.",
        _fault(photos("dataframe_split", '"YWJj"', "null"), "photos"),
        cells=frozenset({Cells.NULL_IN_BYTES}),
        envelopes=_FRAMES,
        wanted=NOTHING,
    ),
    _fails(
        "dates_of_two_forms_on_mlserver",
        (
            *(*_VALID, "null_as_missing", "zoned_datetime", "date_without_time", "duplicate_column", "missing_column"),
            *("number_for_boolean", "boolean_for_number", "text_for_boolean", "number_for_string"),
            *("boolean_for_string", "float_out_of_range", "fraction_for_integer", "integer_out_of_range"),
            *("null_in_required", "nan_token", "infinity_token", "param_wrong_type", "param_null"),
            *("param_list_for_scalar", "param_out_of_range", "ragged_records"),
        ),
        "Dates with and without a fraction of a second, a time or a zone fail together: the first row gives the form.",
        _fault(flight_rows(scheduled_departure='"2013-08-06T15:59:00.5"')),
        cells=frozenset({Cells.DATES_OF_TWO_FORMS}),
        envelopes=_FRAMES,
        wanted=NOTHING,
    ),
)
