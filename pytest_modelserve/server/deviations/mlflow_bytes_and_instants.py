"""What MLflow's own server makes of columns of bytes, and of instants that the model returns.

Its parser decodes base64 in data frames alone; its encoder knows no NaT, and leaves arrays to NumPy. Each entry was
seen on the server, by its example; `benchmarks/deviations.py` sends them again.
"""

from __future__ import annotations

import base64
import re
from functools import partial
from typing import Final

from .bodies import instants, photo_csv, photos
from .deviation import Cells, Deviation, Example

_CODE: Final = "https://github.com/mlflow/mlflow/blob/v3.17.2/mlflow"
_FRAME: Final = f"{_CODE}/utils/proto_json_utils.py#L301"  # of cast_df_types_according_to_schema: base64
_CONVERT: Final = f"{_CODE}/utils/proto_json_utils.py#L464"  # convert_data_type, of inputs and instances
_CSV: Final = f"{_CODE}/pyfunc/scoring_server/__init__.py#L189"
_ENCODER: Final = f"{_CODE}/utils/proto_json_utils.py#L221"  # NumpyEncoder
_TAKEN: Final = frozenset({"accepted", "reached"})
_FRAMES: Final = frozenset({"dataframe_split", "dataframe_records"})
_ARRAYS: Final = frozenset({"inputs", "instances"})
_CSV_ALONE: Final = frozenset({"csv"})
_BINARY: Final = frozenset({"binary"})
_VALID: Final = ("valid", "input_example", "reordered_columns", "null_as_missing")
_MISSING: Final = tuple(base64.b64decode(text) for text in ("", "NULL", "None", "null"))
"""The bytes whose base64 text pandas takes for a missing value."""
_of: Final = partial(Deviation, server="mlflow", versions=">=2.11.5")


def _photos(
    status: int, envelope: str, photo: str, *, seal: str = '"MQ=="', received: str = "", answer: str = ""
) -> Example:
    return Example(
        model="photos",
        status=status,
        body=photos(envelope, photo, seal),
        reaches=bool(received),
        received=received,
        answer=answer,
    )


def _photo_csv(status: int, photo: str, received: str) -> Example:
    return Example(
        model="photos",
        status=status,
        body=photo_csv(photo),
        content_type="text/csv",
        reaches=True,
        received=received,
    )


MLFLOW_BYTES_AND_INSTANTS: Final = (
    _of(
        id="bytes_are_not_decoded",
        rules=_VALID,
        kinds=frozenset({"undecoded"}),
        envelopes=_ARRAYS,
        types=_BINARY,
        is_steady=False,
        what="In inputs and instances a column of bytes reaches the model as the base64 text by which it was sent.",
        link=_CONVERT,
        example=_photos(200, "inputs", '"YWJjZGVm"', received=r"values=\(b'YWJjZGVm',\)"),
    ),
    _of(
        id="csv_bytes_are_not_decoded",
        rules=_VALID,
        kinds=frozenset({"undecoded"}),
        envelopes=_CSV_ALONE,
        types=_BINARY,
        is_steady=False,
        what="In CSV a column of bytes reaches the model as text, in base64 as it was sent.",
        link=_CSV,
        example=_photo_csv(400, "YWJjZGVm", r"values=\('YWJjZGVm',\)"),
    ),
    _of(
        id="csv_bytes_are_missing",
        rules=_VALID,
        kinds=frozenset({"arrival"}),
        envelopes=_CSV_ALONE,
        types=_BINARY,
        change=f"^({'|'.join(re.escape(repr(missing)) for missing in _MISSING)}) -> NaN$",
        is_steady=False,
        what="In CSV bytes become NaN where pandas takes their base64 text for a missing value, as that of no bytes.",
        link=_CSV,
        example=_photo_csv(400, "", r"values=\(nan,\)"),
    ),
    _of(
        id="csv_takes_any_text_for_bytes",
        rules=("csv_wrong_cell",),
        kinds=_TAKEN,
        types=_BINARY,
        is_steady=False,  # where the signature has a datetime column all CSV is refused
        what="In CSV text that is no base64 reaches the model in a column of bytes.",
        link=_CSV,
        example=_photo_csv(400, "!!!!", r"values=\('!!!!',\)"),
    ),
    _of(
        id="bad_base64_is_taken",
        rules=("bad_base64",),
        kinds=_TAKEN,
        what="Of text that is no base64 what does not belong there is left out; inputs and instances pass it on.",
        link=_FRAME,
        example=_photos(200, "dataframe_split", '"!!!!"', received=r"values=\(b'',\)"),
    ),
    _of(
        id="number_is_bytes",
        rules=("number_for_binary", "boolean_for_binary"),
        kinds=_TAKEN,
        envelopes=_ARRAYS,
        what="In inputs and instances a number or a boolean becomes the bytes of its text in a column of bytes.",
        link=_CONVERT,
        example=_photos(200, "inputs", "1", received=r"values=\(b'1',\)"),
    ),
    _of(
        id="record_is_bytes",
        rules=("object_for_scalar",),
        kinds=_TAKEN,
        envelopes=_ARRAYS,
        types=_BINARY,
        what="In inputs and instances a record becomes the bytes of its text in Python in a column of bytes.",
        link=_CONVERT,
        example=_photos(200, "inputs", '{"a": 1}', received=r"""values=\(b"\{'a': 1\}",\)"""),
    ),
    _of(
        id="list_stays_in_bytes",
        rules=("list_for_scalar",),
        kinds=_TAKEN,
        envelopes=_ARRAYS,
        types=_BINARY,
        what="In inputs and instances a list in a column of bytes reaches the model as a list of bytes.",
        link=_CONVERT,
        is_steady=False,
        example=_photos(400, "inputs", '["a"]', received=r"values=\(\[b'a'\],\)"),
    ),
    _of(
        id="null_is_bytes",
        rules=("null_in_required",),
        kinds=_TAKEN,
        envelopes=_ARRAYS,
        types=_BINARY,
        what='In inputs and instances null becomes the four bytes "None" in a column of bytes.',
        link=_CONVERT,
        example=_photos(200, "inputs", "null", received=r"values=\(b'None',\)"),
    ),
    _of(
        id="optional_null_is_bytes",
        rules=_VALID,
        kinds=frozenset({"arrival"}),
        envelopes=_ARRAYS,
        types=_BINARY,
        change="^null -> b'None'$",
        is_steady=False,
        what='In inputs and instances null becomes the four bytes "None" in a column of bytes that may be missing.',
        link=_CONVERT,
        example=_photos(200, "inputs", '"YWJj"', seal="null", received=r"values=\(b'None',\)"),
    ),
    _of(
        id="null_for_bytes_is_refused",
        rules=_VALID,
        kinds=frozenset({"rejected"}),
        envelopes=_FRAMES,
        types=_BINARY,
        cells=frozenset({Cells.NULL_IN_BYTES}),
        answer="^400 .*Failed to convert column .*encoding without a string argument",
        is_steady=False,
        what="In data frames null is refused in a column of bytes, also where it may be missing.",
        link=_FRAME,
        example=_photos(
            400, "dataframe_split", '"YWJj"', seal="null", answer="TypeError.*encoding without a string argument"
        ),
    ),
    _of(
        id="no_time_is_text",
        rules=(),
        kinds=frozenset({"text_for_no_time"}),
        is_steady=False,
        what='Where a data frame that the model returned has no time, the text "NaT" is answered in place of null.',
        link=_ENCODER,
        example=Example(
            model="instants", status=200, body=instants("null"), answer=r'\{"taken": "NaT"\}', reaches=True
        ),
    ),
    _of(
        id="instants_are_integers",
        rules=(),
        kinds=frozenset({"integer_for_instant"}),
        is_steady=False,
        what="Instants in an array are answered as integers, of nanoseconds since 1970, in place of text.",
        link=_ENCODER,
        example=Example(
            model="instants",
            status=200,
            body=instants('"2024-05-06T07:08:09"', is_array=True),
            answer=r'\{"taken": \[1714979289000000000\]\}',
            reaches=True,
        ),
    ),
)
