"""What MLflow's own server did besides, up to 2.20, when it was a Flask application on one worker of gunicorn.

Each entry was seen on 2.11.5, the version of `example_models/old_world`; `benchmarks/deviations.py` sends the examples
again.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from .bodies import flight, whole
from .deviation import FAILS, Example, of_mlflow

_SERVER: Final = "https://github.com/mlflow/mlflow/blob/v2.11.5/mlflow/pyfunc/scoring_server/__init__.py"
_FAULTS: Final = "https://github.com/mlflow/mlflow/issues/4897"
_VERSIONS: Final = ">=2.11.5,<2.21"  # tried on 2.11.5 and 2.20.4
_of: Final = partial(of_mlflow, versions=_VERSIONS)


def _get(path: str, status: int, answer: str) -> Example:
    return Example(model="flight_delays", status=status, content_type=None, method="GET", path=path, answer=answer)


MLFLOW_FLASK: Final = (
    _of(
        "no_utf_8_fails",
        ("not_utf8", "csv_not_utf8"),
        FAILS,
        "A body that is not UTF-8 is answered 500.",
        _FAULTS,
        example=Example(
            model="flight_delays",
            status=500,
            body=whole(flight()[0][0].decode(), "utf-16"),
            answer="Internal Server Error",
        ),
    ),
    _of(
        "parquet_fails",
        ("valid", "input_example", "reordered_columns"),
        FAILS,
        "Parquet, which it does not take, is answered 500: it is read as text before its media type is looked at.",
        _FAULTS,
        envelopes=frozenset({"parquet"}),
        example=Example(
            model="flight_delays",
            status=500,
            body=((b"PAR1\xff", 1),),
            content_type="application/vnd.apache.parquet",
            answer="Internal Server Error",
        ),
    ),
    _of(
        "routes_in_html",
        ("method_not_allowed", "unknown_path"),
        frozenset({"error_body"}),
        "The answers 404 and 405 are pages of HTML.",
        f"{_SERVER}#L397",
        example=_get("/modelserve-no-such-path", 404, "^<!doctype html>"),
    ),
)
