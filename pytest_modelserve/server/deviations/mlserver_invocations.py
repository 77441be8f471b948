"""What MLServer makes of `/invocations`, which its MLflow runtime answers by MLflow's own parser.

So whatever that parser makes of a value it makes of it here, too; but what it refuses is answered 500, since the
runtime catches nothing that it raises. Each entry was seen on MLServer, by its example; `benchmarks/deviations.py`
sends them again.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from .bodies import flight, flight_csv, penguin_csv, whole
from .deviation import FAILS, FAULT, Cells, Deviation, Example
from .mlflow_bytes_and_instants import MLFLOW_BYTES_AND_INSTANTS
from .mlflow_protocol import MLFLOW_PROTOCOL
from .mlflow_values import MLFLOW_VALUES
from .mlserver_refusals import MLSERVER_REFUSALS

_SERVER: Final = "https://github.com/SeldonIO/MLServer/blob/1.7.1"
_RUNTIME: Final = f"{_SERVER}/runtimes/mlflow/mlserver_mlflow/runtime.py"
_PARSED: Final = f"{_RUNTIME}#L131"  # nothing around it catches what the parser raises
_BODY: Final = f"{_RUNTIME}#L36"  # where any body is decoded
_REFUSED: Final = frozenset({"rejected"})
_FAULT: Final = "Internal Server Error"
_PARQUET: Final = "application/vnd.apache.parquet"
_of: Final = partial(Deviation, server="mlserver", versions="==1.7.1")  # the last release

_SHARED: Final = frozenset(
    {
        *("text_is_true", "number_is_true", "null_is_false", "text_is_number", "boolean_is_number", "fraction_is_cut"),
        *("integer_wraps", "float_overflows", "nan_is_read", "infinity_is_read"),
        *("number_stays_in_text", "boolean_stays_in_text", "list_stays_in_cell", "record_stays_in_cell"),
        *("date_is_guessed", "number_is_date", "boolean_is_date", "gap_is_filled", "null_is_text"),
        *("param_token_is_read", "param_overflows", "param_null_is_taken", "csv_text_is_missing"),
        *("column_twice_in_csv", "single_value_is_repeated", "labels_repeat_the_row", "short_row_is_filled"),
        *(
            "bytes_are_not_decoded",
            "csv_bytes_are_not_decoded",
            "csv_bytes_are_missing",
            "csv_takes_any_text_for_bytes",
        ),
        *("bad_base64_is_taken", "number_is_bytes", "record_is_bytes", "list_stays_in_bytes", "null_is_bytes"),
        *("optional_null_is_bytes", "no_time_is_text", "instants_are_integers"),
        *("no_limit_of_size", "head_is_refused", "nan_is_answered"),
    }
)
"""Of MLflow's server those that lie in its parser, its encoder or its routes, all of which the runtime has from it."""


_OTHER_EXAMPLES: Final = {
    "csv_text_is_missing": Example(  # the model of the other is pinned to an MLflow that the runtime does not take
        model="penguins_rules",
        status=200,
        body=penguin_csv("NA"),
        content_type="text/csv",
        reaches=True,
        received=r"values=\(nan,\)",
    ),
}


def _shared(one: Deviation) -> Deviation:
    example = _OTHER_EXAMPLES.get(one.id, one.example)
    return replace(one, id=f"{one.id}_on_mlserver", server="mlserver", versions="==1.7.1", example=example)


def _fault(body: tuple[tuple[bytes, int], ...], content_type: str = "application/json") -> Example:
    return Example(model="flight_delays", status=500, body=body, content_type=content_type, answer=_FAULT)


MLSERVER_INVOCATIONS: Final = (
    *(_shared(one) for one in (*MLFLOW_VALUES, *MLFLOW_BYTES_AND_INSTANTS, *MLFLOW_PROTOCOL) if one.id in _SHARED),
    _of(
        id="unreadable_body_fails",
        rules=(
            *("no_body", "not_json", "not_utf8", "top_level_list", "top_level_scalar", "no_envelope", "two_envelopes"),
            *("envelope_wrong_shape", "deep_nesting", "huge_integer", "csv_not_utf8", "csv_ragged"),
        ),
        kinds=FAILS,
        answer=FAULT,
        what="A body that it cannot read is answered 500, as plain text.",
        link=_PARSED,
        example=_fault(whole("not json")),
    ),
    _of(
        id="unreadable_body_fails_under_load",
        rules=("survives",),
        kinds=FAILS,
        answer=FAULT,
        what="A body that it cannot read is answered 500; the server goes on.",
        link=_PARSED,
        # Of the second it reads an empty body, of the third the half, of the last blanks.
        label="^(nested 100,000 deep|Content-Length and Transfer-Encoding|a body longer than it says"
        "|huge: longer than may be, in chunks)$",
        is_steady=False,
        example=_fault(((b"[", 100_000),)),
    ),
    *MLSERVER_REFUSALS,
    _of(
        id="csv_takes_no_date_on_mlserver",
        rules=(
            *("valid", "input_example", "reordered_columns", "extra_column", "duplicate_column", "null_as_missing"),
            *("outside_domain", "csv_wrong_cell", "missing_column", "zero_rows"),
        ),
        kinds=FAILS,
        answer=FAULT,
        what="CSV fails where the signature has a datetime column, whatever stands in it.",
        link="https://github.com/mlflow/mlflow/pull/5531",
        envelopes=frozenset({"csv"}),
        cells=frozenset({Cells.DATES}),
        is_steady=False,  # another fault may be seen first
        example=_fault(flight_csv(), "text/csv"),
    ),
    _of(
        id="parquet_fails_on_mlserver",
        rules=("valid", "input_example", "reordered_columns", "extra_column", "null_as_missing", "outside_domain"),
        kinds=FAILS,
        answer=FAULT,
        what="Parquet fails, although its messages list it: any body is decoded as UTF-8 before its type is looked at.",
        link=_BODY,
        envelopes=frozenset({"parquet"}),
        example=_fault(((b"PAR1\xff", 1),), _PARQUET),
    ),
    _of(
        id="charset_in_quotes_is_refused_on_mlserver",
        rules=("content_type_charset",),
        kinds=_REFUSED,
        what='charset="utf-8" in quotes, or Charset with a capital, is refused, although both say what JSON is anyway.',
        link=f"{_RUNTIME}#L112",
        label='^(charset="utf-8"|Charset=utf-8)$',
        example=Example(
            model="flight_delays",
            status=400,
            body=flight(),
            content_type='application/json; charset="utf-8"',
            answer="only supports UTF-8",
        ),
    ),
    _of(
        id="media_type_in_capitals_is_refused_on_mlserver",
        rules=("content_type_case",),
        kinds=_REFUSED,
        what="A media type in capitals is refused, although case means nothing in it.",
        link=f"{_RUNTIME}#L125",
        example=Example(
            model="flight_delays",
            status=400,
            body=flight(),
            content_type="APPLICATION/JSON",
            answer="only supports the following content types",
        ),
    ),
    _of(
        id="not_ready_is_not_found",
        rules=("starts_and_stops",),
        kinds=_REFUSED,
        what="With workers a prediction is answered 404 while the model loads, not 503: its route is not there yet.",
        link=f"{_SERVER}/mlserver/server.py#L76",
        answer="^404 ",
        label="^before it is ready$",
        is_steady=False,  # without them its port opens when the model is loaded
        example=Example(model="penguins_rules", status=404, is_early=True, workers=1),
    ),
)
