"""What MLflow's own server makes of bodies, headers and routes, and how it answers.

Each entry was seen on the server, by its example; `benchmarks/deviations.py` sends them again.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from .bodies import Parts, digit, flight, flight_columns, flight_rows, whole
from .deviation import FAILS, Deviation, Example, of_mlflow

_SERVER: Final = "https://github.com/mlflow/mlflow/blob/v3.17.2/mlflow/pyfunc/scoring_server/__init__.py"
_DECODE: Final = f"{_SERVER}#L107"  # _decode_json_input
_TYPES: Final = f"{_SERVER}#L279"  # of invocations, where the media type is taken apart
_TAKEN: Final = frozenset({"accepted", "reached"})
_REFUSED: Final = frozenset({"rejected"})
_NO_JSON: Final = frozenset({"error_body"})
_FAULT: Final = "Internal Server Error"
_SINCE: Final = ">=2.11.5"  # tried on 2.11.5, 2.20.4, 2.21.0, 3.0.0 and 3.17.2
_FASTAPI: Final = "2.21"  # from which on the server is built on it, and no longer on Flask
_GOOD: Final = flight()
_LARGE: Final = 64 * 1024 * 1024  # bytes: the longest body that our own server takes
_of: Final = partial(of_mlflow, versions=_SINCE)


def _typed(content_type: str | None, status: int, answer: str) -> Example:
    return Example(model="flight_delays", status=status, body=_GOOD, content_type=content_type, answer=answer)


def _flight(status: int, body: Parts, answer: str = "", *, reaches: bool = False) -> Example:
    return Example(model="flight_delays", status=status, body=body, answer=answer, reaches=reaches)


_NAMES: Final = "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)"

MLFLOW_PROTOCOL: Final = (
    Deviation(
        id="column_twice_in_csv",
        server="mlflow",
        versions=_SINCE,
        rules=("duplicate_column",),
        kinds=_TAKEN,
        envelopes=frozenset({"csv"}),
        is_steady=False,  # where the signature has a datetime column all CSV is refused
        what="Of a column that stands twice in CSV the second is dropped.",
        link=f"{_SERVER}#L189",
        example=Example(
            model="iris_classifier",
            status=200,
            body=whole(f"{_NAMES},sepal length (cm)\n5.1,3.5,1.4,0.2,9\n"),
            content_type="text/csv",
            reaches=True,
        ),
    ),
    _of(
        "single_value_is_repeated",
        ("ragged_columns",),
        _TAKEN,
        "A single value among the columns of inputs is repeated for each row.",
        _DECODE,
        label="one value, which is no list",
        example=_flight(200, flight_columns(single="distance"), reaches=True),
    ),
    _of(
        "labels_repeat_the_row",
        ("index_wrong_length",),
        _TAKEN,
        "One row with several row labels is answered as so many rows.",
        _DECODE,
        label="row labels for 1 rows",
        example=_flight(200, flight(inside=', "index": [0, 1, 2]'), "late.*late.*late", reaches=True),
    ),
    _of(
        "short_row_is_filled",
        ("ragged_rows",),
        _TAKEN,
        "A row that is too short is filled up with nulls where another one is long enough.",
        _DECODE,
        label="the last row is too short",
        is_steady=False,  # a column of bytes is not filled
        example=_flight(200, flight_rows(without="raining"), reaches=True),
    ),
    _of(
        "utf_16_is_read",
        ("not_utf8",),
        _TAKEN,
        "A body in UTF-16 is read, although JSON travels as UTF-8.",
        _DECODE,
        label="^UTF-16$",
        versions=f">={_FASTAPI}",
        example=_flight(200, whole(_GOOD[0][0].decode(), "utf-16"), reaches=True),
    ),
    _of(
        "deep_nesting_fails",
        ("deep_nesting",),
        FAILS,
        "A body that is nested some thousand deep is answered 500.",
        "https://github.com/mlflow/mlflow/issues/4897",
        example=_flight(500, ((b'{"dataframe_split": ', 1), (b"[", 100_000), (b"]", 100_000), (b"}", 1)), _FAULT),
    ),
    _of(
        "deep_nesting_fails_under_load",
        ("survives",),
        FAILS,
        "A body that is nested some thousand deep is answered 500; the server goes on.",
        "https://github.com/mlflow/mlflow/issues/4897",
        label="^nested 100,000 deep$",
        example=_flight(500, ((b'{"inputs": ', 1), (b"[", 100_000), (b"]", 100_000), (b"}", 1)), _FAULT),
    ),
    _of(
        "long_integer_fails",
        ("huge_integer",),
        FAILS,
        "An integer of more than 4,300 digits is answered 500.",
        "https://github.com/mlflow/mlflow/issues/4897",
        example=_flight(500, flight(distance="9" * 5000), _FAULT),
    ),
    _of(
        "no_content_type_fails",
        ("missing_content_type",),
        FAILS,
        "A request without Content-Type is answered 500.",
        "https://github.com/mlflow/mlflow/issues/4897",
        example=_typed(None, 500, _FAULT),
    ),
    _of(
        "unknown_type_in_plain_text",
        ("unknown_media_type",),
        _NO_JSON,
        "The answer 415 to an unknown media type is plain text.",
        _TYPES,
        example=_typed("text/plain", 415, "^This predictor only supports"),
    ),
    _of(
        "other_charset_in_plain_text",
        ("other_charset",),
        _NO_JSON,
        "The answer 415 to another charset is plain text.",
        _TYPES,
        example=_typed("application/json; charset=latin-1", 415, "^The scoring server only supports UTF-8"),
    ),
    _of(
        "charset_in_quotes_is_refused",
        ("content_type_charset",),
        _REFUSED,
        'charset="utf-8" in quotes, or Charset with a capital, is refused, although both say what JSON is anyway.',
        _TYPES,
        label='^(charset="utf-8"|Charset=utf-8)$',
        example=_typed('application/json; charset="utf-8"', 415, "^The scoring server only supports UTF-8"),
    ),
    _of(
        "media_type_in_capitals_is_refused",
        ("content_type_case",),
        _REFUSED,
        "A media type in capitals is refused, although case means nothing in it.",
        _TYPES,
        example=_typed("APPLICATION/JSON", 415, "^This predictor only supports"),
    ),
    _of(
        "no_limit_of_size",
        ("body_too_large",),
        _TAKEN,
        "A body of any size is read into memory.",
        f"{_SERVER}#L486",
        example=_flight(200, (*_GOOD, (b" ", _LARGE)), reaches=True),
    ),
    _of(
        "head_is_refused",
        ("health_head",),
        _REFUSED,
        "HEAD /ping and HEAD /health are answered 405, although some load balancers probe by them.",
        f"{_SERVER}#L465",
        versions=">=3.11",
        example=Example(model="flight_delays", status=405, content_type=None, method="HEAD", path="/ping"),
    ),
    _of(
        "errors_tell_the_stack",
        ("leaks_nothing",),
        frozenset({"stack_trace"}),
        "An error of the model, or of the reader of CSV or Parquet, tells the stack trace with the paths of its files.",
        f"{_SERVER}#L250",
        example=Example(
            model="flight_delays",
            status=400,
            body=whole('"'),
            content_type="text/csv",
            answer='"stack_trace": "Traceback ',
        ),
    ),
    Deviation(
        id="parquet_without_a_reader",
        server="mlflow",
        versions=">=3.10",
        rules=("valid", "input_example", "reordered_columns"),
        kinds=_REFUSED,
        envelopes=frozenset({"parquet"}),
        is_steady=False,  # most environments have pyarrow
        answer="Unable to find a usable engine",
        what="Parquet is said to be taken and refused where the environment has no pyarrow: mlflow-skinny brings none.",
        link=f"{_SERVER}#L215",
        example=Example(
            model="flight_delays",
            status=400,
            body=whole("PAR1"),
            content_type="application/vnd.apache.parquet",
            answer="Unable to find a usable engine",
        ),
    ),
    Deviation(
        id="nan_is_answered",
        server="mlflow",
        versions=_SINCE,
        rules=(),
        kinds=frozenset({"bare_nan"}),
        is_steady=False,
        what="NaN and infinity in what the model returned are answered as they are, which is no JSON.",
        link=f"{_SERVER}#L241",
        example=Example(model="digits_onnx", status=200, body=digit("null"), answer="NaN", reaches=True),
    ),
)
