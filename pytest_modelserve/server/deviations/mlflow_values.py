"""What MLflow's own server makes of values that a signature forbids, or allows.

Its parser casts each column of a data frame by pandas, `inputs` and `instances` by NumPy, and enforces the signature on
what that made of it. Each entry was seen on the server, by its example; `benchmarks/deviations.py` sends them again.
"""

from __future__ import annotations

from typing import Final

from .bodies import flight, flight_csv, flight_inputs, flight_records, flight_rows, patient_csv
from .deviation import NOTHING, Cells, Deviation, Example

_CODE: Final = "https://github.com/mlflow/mlflow/blob/v3.17.2/mlflow"
_CAST: Final = f"{_CODE}/utils/proto_json_utils.py#L276"  # cast_df_types_according_to_schema
_CONVERT: Final = f"{_CODE}/utils/proto_json_utils.py#L464"  # convert_data_type, of inputs and instances
_DECODE: Final = f"{_CODE}/pyfunc/scoring_server/__init__.py#L107"  # _decode_json_input
_MISSING: Final = "|".join(  # as the documentation of pandas.read_csv lists them
    (
        *("", "#N/A", "#N/A N/A", "#NA", r"-1\.#IND", r"-1\.#QNAN", "-NaN", "-nan", r"1\.#IND", r"1\.#QNAN"),
        *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    )
)
_FRAMES: Final = frozenset({"dataframe_split", "dataframe_records"})
_ARRAYS: Final = frozenset({"inputs", "instances"})
_TAKEN: Final = frozenset({"accepted", "reached"})
_SINCE: Final = ">=2.11.5"  # tried on 2.11.5, 2.20.4, 2.21.0, 3.0.0 and 3.17.2


def _taken(
    name: str,
    rule: str,
    what: str,
    link: str,
    example: Example,
    *,
    types: frozenset[str] = NOTHING,
    label: str = "",
    is_steady: bool = True,
) -> Deviation:
    """Return a deviation by which what must be refused reaches the model."""
    return Deviation(
        id=name,
        server="mlflow",
        versions=_SINCE,
        rules=(rule,),
        kinds=_TAKEN,
        types=types,
        label=label,
        is_steady=is_steady,
        what=what,
        link=link,
        example=example,
    )


def _flight(status: int = 200, /, **cells: str) -> Example:
    return Example(model="flight_delays", status=status, body=flight(**cells), reaches=True)


MLFLOW_VALUES: Final = (
    _taken(
        "text_is_true",
        "text_for_boolean",
        'Any text but the empty one becomes true in a boolean column, "false" too.',
        "https://github.com/mlflow/mlflow/issues/3996",
        _flight(raining='"false"'),
    ),
    _taken(
        "number_is_true",
        "number_for_boolean",
        "Any number but 0 becomes true in a boolean column.",
        "https://github.com/mlflow/mlflow/issues/3996",
        _flight(raining="1.5"),
    ),
    _taken(
        "null_is_false",
        "null_in_required",
        "Null becomes false in a boolean column.",
        _CAST,
        _flight(raining="null"),
        types=frozenset({"boolean"}),
    ),
    _taken(
        "text_is_number",
        "text_for_number",
        "Text that reads like a number becomes one.",
        _CAST,
        _flight(distance='"1"'),
    ),
    _taken(
        "boolean_is_number",
        "boolean_for_number",
        "True becomes 1 and false 0 in a column of numbers.",
        _CAST,
        _flight(distance="true"),
    ),
    _taken(
        "fraction_is_cut",
        "fraction_for_integer",
        "The fraction of a number is cut off in a column of integers.",
        _CAST,
        _flight(distance="1.5"),
    ),
    _taken(
        "integer_wraps",
        "integer_out_of_range",
        "A number beyond an integer type wraps around, or becomes its lowest value.",
        _CAST,
        _flight(distance="9223372036854775808"),
    ),
    _taken(
        "float_overflows",
        "float_out_of_range",
        "A number beyond a floating-point type becomes infinity.",
        _DECODE,
        _flight(wind_speed="1e400"),
    ),
    _taken(
        "nan_is_read",
        "nan_token",
        "NaN, which is no JSON, is read as a number that is missing.",
        _DECODE,
        _flight(carrier="NaN"),
    ),
    _taken(
        "infinity_is_read",
        "infinity_token",
        "Infinity, which is no JSON, is read as a number.",
        _DECODE,
        _flight(wind_speed="Infinity"),
    ),
    _taken(
        "number_stays_in_text",
        "number_for_string",
        "A number in a column of text reaches the model, as a number from a data frame.",
        _CAST,
        _flight(carrier="1"),
    ),
    _taken(
        "boolean_stays_in_text",
        "boolean_for_string",
        "A boolean in a column of text reaches the model, as a boolean from a data frame.",
        _CAST,
        _flight(carrier="true"),
    ),
    _taken(
        "date_is_guessed",
        "bad_date",
        'Text such as "now", "01/02/2024" and "" becomes a date, the current time, or none.',
        _CAST,
        _flight(scheduled_departure='"now"'),
        label=r'= "(now|01/02/2024|)" \(',
    ),
    _taken(
        "number_is_date",
        "number_for_datetime",
        "A number becomes a date, as nanoseconds since 1970.",
        _CAST,
        _flight(scheduled_departure="1577836800"),
    ),
    _taken(
        "boolean_is_date",
        "boolean_for_datetime",
        "In inputs and instances true becomes the first nanosecond of 1970.",
        _CONVERT,
        Example(model="flight_delays", status=200, body=flight_inputs(scheduled_departure="true"), reaches=True),
    ),
    _taken(
        "list_stays_in_cell",
        "list_for_scalar",
        "A list in a column of text or booleans reaches the model.",
        _CAST,
        _flight(400, carrier='["a"]'),
        types=frozenset({"string", "boolean"}),
    ),
    _taken(
        "record_stays_in_cell",
        "object_for_scalar",
        "A record in a column of text or booleans reaches the model.",
        _CAST,
        _flight(400, carrier='{"a": 1}'),
        types=frozenset({"string", "boolean"}),
    ),
    _taken(
        "gap_is_filled",
        "missing_column",
        "A required column that only some of the rows have becomes NaN, or true, in the others.",
        _CAST,
        Example(model="flight_delays", status=200, body=flight_records(without="raining"), reaches=True),
        label="^the last of the rows is without",
        is_steady=False,  # a column of bytes is not filled
    ),
    _taken(
        "param_token_is_read",
        "param_wrong_type",
        "NaN and Infinity, which are no JSON, are read as numbers of a param.",
        _DECODE,
        Example(
            model="flight_delays",
            status=200,
            body=flight(beside=', "params": {"late_after_minutes": NaN}'),
            reaches=True,
        ),
        label=r"= (NaN|-?Infinity) \(",
        is_steady=False,  # of a boolean param they are refused
    ),
    _taken(
        "param_overflows",
        "param_out_of_range",
        "A number beyond the type of a param becomes infinity, or is taken as it is.",
        _DECODE,
        Example(
            model="flight_delays",
            status=200,
            body=flight(beside=', "params": {"late_after_minutes": 1e400}'),
            reaches=True,
        ),
    ),
    _taken(
        "param_null_is_taken",
        "param_null",
        "Null is given to the model in place of the value of a param.",
        f"{_CODE}/models/utils.py",
        Example(
            model="flight_delays", status=200, body=flight(beside=', "params": {"pessimistic": null}'), reaches=True
        ),
    ),
    Deviation(
        id="null_is_text",
        server="mlflow",
        versions=_SINCE,
        rules=("valid", "input_example", "null_as_missing"),
        kinds=frozenset({"arrival"}),
        envelopes=_ARRAYS,
        types=frozenset({"string"}),
        change='^null -> "None"$',
        is_steady=False,
        what='In inputs and instances null becomes the text "None" in a column of text.',
        link=_CONVERT,
        example=Example(
            model="flight_delays", status=200, body=flight_inputs(carrier="null"), reaches=True, received="'None'"
        ),
    ),
    Deviation(
        id="dates_of_two_forms",
        server="mlflow",
        versions=">=3.12",
        rules=("valid", "input_example"),
        kinds=frozenset({"rejected"}),
        envelopes=_FRAMES,
        types=frozenset({"datetime"}),
        answer="unconverted data remains|doesn.{1,3}t match format",
        cells=frozenset({Cells.DATES_OF_TWO_FORMS}),
        is_steady=False,
        what="Dates with and without a fraction of a second are refused together: the first row gives the form.",
        link=_CAST,
        example=Example(
            model="flight_delays",
            status=400,
            body=flight_rows(scheduled_departure='"2013-08-06T15:59:00.5"'),
            answer="unconverted data remains",
        ),
    ),
    Deviation(
        id="csv_text_is_missing",
        server="mlflow",
        versions=_SINCE,
        rules=("valid", "input_example"),
        kinds=frozenset({"arrival"}),
        envelopes=frozenset({"csv"}),
        types=frozenset({"string"}),
        change=f'^"({_MISSING})" -> NaN$',
        is_steady=False,
        what='In CSV text that pandas takes for a missing value, "NA", "null" and "" among it, becomes NaN.',
        link=f"{_CODE}/pyfunc/scoring_server/__init__.py#L189",
        example=Example(
            model="old_world",
            status=200,
            body=patient_csv("NA"),
            content_type="text/csv",
            reaches=True,
            received=r"values=\(nan,\)",
        ),
    ),
    Deviation(
        id="csv_takes_no_date",
        server="mlflow",
        versions=_SINCE,
        rules=("valid", "input_example", "reordered_columns"),
        kinds=frozenset({"rejected"}),
        envelopes=frozenset({"csv"}),
        types=frozenset({"datetime"}),
        answer="datetime64",
        what="CSV is refused where the signature has a datetime column, whatever stands in it.",
        link="https://github.com/mlflow/mlflow/pull/5531",
        example=Example(
            model="flight_delays", status=400, body=flight_csv(), content_type="text/csv", answer="dtype datetime64"
        ),
    ),
)
