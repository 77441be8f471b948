"""The same valid requests get the same predictions from our server and from MLflow's own, but for listed differences.

Each request goes to both servers byte by byte, and the model behind them tells exactly what it was given. A difference
that is not listed fails; so does a listed one that no longer shows.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as search_settings

from pytest_modelserve.cases import Case, Envelope, Expectation, Table, Tensors
from pytest_modelserve.signature import Signature, parse_signature
from pytest_modelserve.strategies import cases, edge_cases, envelopes_for
from pytest_modelserve.wire.values import as_json_value

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # the first model builds the environment of them all

FRAMES: Final = (Envelope.DATAFRAME_SPLIT, Envelope.DATAFRAME_RECORDS)
ARRAYS: Final = (Envelope.INPUTS, Envelope.INSTANCES)
DRAWN: Final = 60  # random payloads a model, in JSON and again in CSV, beside the edges of every type
SCALARS: Final = ("boolean", "integer", "long", "float", "double", "string", "binary")
NUMBERS: Final = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64"),
)
DEFAULTS: Final = {
    "boolean": True,
    "integer": 1,
    "long": 1,
    "float": 0.5,
    "double": 0.5,
    "string": "a",
    "datetime": "2024-01-02T03:04:05",
}


def columns(*kinds: str, required: bool = True) -> list[dict[str, Any]]:
    return [{"name": kind, "type": kind, "required": required} for kind in kinds]


def tensor(dtype: str, *shape: int, name: str | None = None) -> dict[str, Any]:
    named = {} if name is None else {"name": name}
    return {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": list(shape)}, **named}


def params() -> list[dict[str, Any]]:
    scalars = [{"name": kind, "type": kind, "default": value, "shape": None} for kind, value in DEFAULTS.items()]
    lists = [{"name": f"{kind}s", "type": kind, "default": [value], "shape": [-1]} for kind, value in DEFAULTS.items()]
    return scalars + lists


SIGNATURES: Final[Mapping[str, Mapping[str, Any]]] = {
    "required": {"inputs": columns(*SCALARS)},
    "optional": {"inputs": [*columns(*SCALARS, required=False), {"name": "row", "type": "long", "required": True}]},
    "datetime": {"inputs": columns("datetime")},
    "optional_datetime": {"inputs": [*columns("long"), *columns("datetime", required=False)]},
    "unnamed": {"inputs": [{"type": "string", "required": True}]},
    "numbers": {"inputs": [tensor(dtype, -1, 2, name=dtype) for dtype in NUMBERS]},
    "texts": {"inputs": [tensor(dtype, -1, 2, name=dtype) for dtype in ("str", "bytes", "datetime64[ns]", "object")]},
    "matrix": {"inputs": [tensor("float64", -1, 3)]},
    "image": {"inputs": [tensor("uint8", -1, 2, 2)]},
    "params": {"inputs": columns("long"), "params": params()},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One value, or one whole request, that the two servers took for different things.

    Attributes:
        case: What was sent.
        name: Of the column, tensor or param; None where one server refused, or found another number of rows.
        sent: The value of that column in that row, or the whole tensor or param.
        ours: What the model got from our server, or the status and body of its answer.
        theirs: The same of MLflow's.
    """

    case: Case
    name: str | None
    sent: object
    ours: str
    theirs: str

    def __str__(self) -> str:
        place = "the request" if self.name is None else f'"{self.name}" = {self.sent!r:.80}'
        return (
            f"{self.case.envelope.value}, {place} ({self.case.label:.80})\n  ours {self.ours:.150}\n"
            f"  theirs {self.theirs:.150}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A way in which MLflow's server departs from the contract.

    Attributes:
        models: Those of `SIGNATURES` that must show it.
        cell: What `CONTRACT` demands, which our server does.
        reason: What MLflow does instead, as measured on 3.17.2.
        matches: Whether a difference is this one.
    """

    models: tuple[str, ...]
    cell: str
    reason: str
    matches: Callable[[Difference], bool]


def is_refusal(difference: Difference, *envelopes: Envelope) -> bool:
    """Tell whether MLflow refused what our server accepted."""
    is_it = difference.name is None and difference.ours.startswith("200") and difference.theirs.startswith("400")
    return is_it and difference.case.envelope in envelopes


def is_cell(difference: Difference, kind: type, *envelopes: Envelope) -> bool:
    """Tell whether one value of a Python type arrived as it was sent with us, and differently with MLflow."""
    is_it = difference.name is not None and isinstance(difference.sent, kind) and difference.case.envelope in envelopes
    return is_it and difference.ours == described(difference.sent)


def described(sent: object) -> str:
    """Return what the model tells of a value that arrived as it was sent."""
    match sent:
        case bytes():
            return f"bytes {sent.hex()}"
        case str():
            return f"str {json.dumps(sent)}"
        case float():
            return f"float64 float64 {sent.hex()}"
    return f"{type(sent).__name__} {sent}"


def as_base64(sent: object) -> str:
    assert isinstance(sent, bytes)
    return base64.b64encode(sent).decode()


def cells(difference: Difference, column: str) -> list[object]:
    payload = difference.case.payload
    assert isinstance(payload, Table)
    return [row[payload.columns.index(column)] for row in payload.rows] if column in payload.columns else []


def has_mixed_dates(difference: Difference) -> bool:
    """Tell whether some dates of the request have fractions of a second and others have none."""
    texts = [str(as_json_value(cell)) for cell in cells(difference, "datetime") if cell is not None]
    return len({"." in text for text in texts}) == 2


def is_neighbour(difference: Difference) -> bool:
    ours, theirs = (float.fromhex(text.split()[-1]) for text in (difference.ours, difference.theirs))
    return abs(ours - theirs) <= 2 * math.ulp(ours)


def is_raw_bytes(difference: Difference) -> bool:
    """Tell whether the elements of a tensor of bytes reached the model as their base64 text."""
    if difference.name != "bytes" or not isinstance(difference.sent, np.ndarray):
        return False
    return all(
        described(value) in difference.ours and described(as_base64(value).encode()) in difference.theirs
        for value in difference.sent.flat
    )


MISSING: Final = frozenset(  # what pandas.read_csv takes for a missing value, by its documentation
    {
        *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
        *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    }
)
KNOWN: Final[Mapping[str, Known]] = {
    "base64 text for bytes": Known(
        models=("required", "optional"),
        cell="1, binary: base64, the bytes arrive",
        reason="`inputs` and `instances` hand over the text itself, undecoded",
        matches=lambda it: is_cell(it, bytes, *ARRAYS) and it.theirs == f"bytes {as_base64(it.sent).encode().hex()}",
    ),
    "base64 text in CSV": Known(
        models=("required", "optional"),
        cell="1, binary: base64, the bytes arrive; 4, envelopes agree: CSV included",
        reason="CSV is read as text and never decoded; no bytes are the empty text, which pandas takes for missing",
        matches=lambda it: (
            is_cell(it, bytes, Envelope.CSV)
            and it.theirs == (f'str "{as_base64(it.sent)}"' if it.sent else "float nan")
        ),
    ),
    "base64 text in tensors": Known(
        models=("texts",),
        cell="1, tensor: dtype as declared; binary: base64, the bytes arrive",
        reason="a tensor of bytes gets the ASCII of the base64 text",
        matches=is_raw_bytes,
    ),
    "None for no text": Known(
        models=("optional",),
        cell="1, optional column: null for string",
        reason="`inputs` and `instances` are cast by NumPy, which makes the text None of null",
        matches=lambda it: is_cell(it, type(None), *ARRAYS) and it.theirs == 'str "None"',
    ),
    "None for no bytes": Known(
        models=("optional",),
        cell="1, optional column: null for binary",
        reason="`inputs` and `instances` are cast by NumPy, which makes the bytes None of null",
        matches=lambda it: is_cell(it, type(None), *ARRAYS) and it.theirs == f"bytes {b'None'.hex()}",
    ),
    "no null for bytes": Known(
        models=("optional",),
        cell="1, optional column: null for binary",
        reason="base64 decoding in data frames raises on null",
        matches=lambda it: is_refusal(it, *FRAMES) and None in cells(it, "binary"),
    ),
    "NaN for no text in CSV": Known(
        models=("optional",),
        cell="4, envelopes agree: null is None in the JSON envelopes",
        reason="an empty field of a text column is NaN to pandas",
        matches=lambda it: is_cell(it, type(None), Envelope.CSV) and it.theirs == "float nan",
    ),
    "NaN for text in CSV": Known(
        models=("required", "optional", "unnamed"),
        cell='1, string: every Unicode string as it is: empty, "NaN", "null"',
        reason="pandas.read_csv takes these words for missing values, quoted too",
        matches=lambda it: is_cell(it, str, Envelope.CSV) and it.sent in MISSING and it.theirs == "float nan",
    ),
    "lost NUL": Known(
        models=("required",),
        cell="1, string: every Unicode string as it is: with \\u0000",
        reason="`inputs` and `instances` go through NumPy's fixed-width text, which drops NULs at the end",
        matches=lambda it: is_cell(it, str, *ARRAYS) and it.theirs == f"str {json.dumps(str(it.sent).rstrip(chr(0)))}",
    ),
    "neighbouring double": Known(
        models=("required",),
        cell="1, double: the nearest float64 arrives",
        reason="pandas.read_csv reads decimals fast by default, up to two units in the last place off",
        matches=lambda it: is_cell(it, float, Envelope.CSV) and it.name == "double" and is_neighbour(it),
    ),
    "no dates in CSV": Known(
        models=("datetime", "optional_datetime"),
        cell="1, datetime: ISO 8601 without zone; 2, accept: CSV",
        reason="pandas.read_csv refuses the dtype datetime64[ns] that MLflow asks it for",
        matches=lambda it: is_refusal(it, Envelope.CSV) and bool(cells(it, "datetime")),
    ),
    "one form of date": Known(
        models=("datetime", "optional_datetime"),
        cell="1, datetime: ISO 8601 without zone, to the nanosecond",
        reason="pandas.to_datetime holds all rows to the form of the first: all have fractions of a second or none",
        matches=lambda it: is_refusal(it, *FRAMES) and has_mixed_dates(it),
    ),
}


def shown_by(model: str) -> Iterator[Case]:
    """Yield requests that show what neither edges nor chance are sure to show."""
    whole, fraction = np.datetime64("2024-01-02T03:04:05", "ns"), np.datetime64("2024-01-02T03:04:05.5", "ns")
    plain = (True, 1, 1, 1.0)
    if model == "required":
        for envelope in ARRAYS:
            row = (*plain, 1.0, "a\0", b"a")
            yield Case(payload=Table(columns=SCALARS, rows=(row,)), envelope=envelope, label="NUL at the end")
        row = (*plain, 6.7212487543999464e16, "a", b"a")
        yield Case(payload=Table(columns=SCALARS, rows=(row,)), envelope=Envelope.CSV, label="17 digits")
    elif model in {"datetime", "optional_datetime"}:
        beside = () if model == "datetime" else (("long", 1),)
        names, cells_beside = tuple(name for name, _ in beside), tuple(cell for _, cell in beside)
        for envelope in FRAMES:
            rows = tuple((*cells_beside, moment) for moment in (whole, fraction))
            mixed = Table(columns=(*names, "datetime"), rows=rows)
            yield Case(payload=mixed, envelope=envelope, label="with and without fraction")


def valid_cases(signature: Signature) -> Iterator[Case]:
    """Yield what the contract wants accepted, in every JSON envelope and in CSV."""
    for some in ((*FRAMES, *ARRAYS), (Envelope.CSV,)):
        if envelopes := envelopes_for(signature, some):
            for case in (*edge_cases(signature, envelopes=envelopes), *drawn(signature, envelopes)):
                if case.expectation is Expectation.ACCEPT:
                    yield case


def drawn(signature: Signature, envelopes: Sequence[Envelope]) -> Sequence[Case]:
    found: list[Case] = []

    @search_settings(
        max_examples=DRAWN,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases(signature, envelopes=envelopes))
    def collect(case: Case) -> None:
        found.append(case)

    collect()
    return found


def compare(case: Case, ours: Any, theirs: Any) -> Iterator[Difference]:
    """Yield what differs between two of `conftest.Answer`: the whole request where one server did not predict."""
    if (ours.status, theirs.status) != (200, 200) or len(ours.rows) != len(theirs.rows):
        told = [f"{answer.status} {answer.body[:300].decode(errors='replace')}" for answer in (ours, theirs)]
        yield Difference(case=case, name=None, sent=case.payload, ours=told[0], theirs=told[1])
        return
    for at, (our_row, their_row) in enumerate(zip(ours.rows, theirs.rows, strict=True)):
        yield from compare_parts(case, our_row, their_row, at)
    yield from compare_parts(case, ours.params, theirs.params, None)


def compare_parts(
    case: Case, ours: Mapping[str, str], theirs: Mapping[str, str], row: int | None
) -> Iterator[Difference]:
    for name in (*ours, *(theirs.keys() - ours.keys())):
        got = ours.get(name, "nothing"), theirs.get(name, "nothing")
        if got[0] != got[1]:
            yield Difference(case=case, name=name, sent=sent(case, name, row), ours=got[0], theirs=got[1])


def sent(case: Case, name: str, row: int | None) -> object:
    """Return what a case holds under a name: a cell of a row, a tensor, or a param where `row` is None."""
    if row is None:
        return case.params.get(name)
    if isinstance(case.payload, Tensors):
        return case.payload.arrays[name or None]
    assert isinstance(case.payload, Table)
    labels = [str(column) for column in case.payload.columns]
    return case.payload.rows[row][labels.index(name)] if name in labels else "absent"


@pytest.mark.parametrize("model", SIGNATURES)
def test_equal_predictions(model: str, serve_pair: Callable[..., Any]) -> None:
    declared = SIGNATURES[model]
    signature = parse_signature({side: json.dumps(spec) for side, spec in declared.items()})
    assert signature is not None
    pair = serve_pair(declared, probe=next(edge_cases(signature)))
    unlisted: list[str] = []
    shown: set[str] = set()
    for case in (*valid_cases(signature), *shown_by(model)):
        for difference in compare(case, *pair.ask(case)):
            names = {name for name, known in KNOWN.items() if known.matches(difference)}
            shown |= names
            if not names:
                unlisted.append(str(difference))
    assert not unlisted, f"{len(unlisted)} differences that are not listed:\n" + "\n".join(unlisted[:10])
    assert shown == {name for name, known in KNOWN.items() if model in known.models}
