"""Bodies of requests to the example models, of one row, in which some cells are another JSON text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

Parts = tuple[tuple[bytes, int], ...]

_FLIGHT: Final = {
    "carrier": '"9E"',
    "origin": '"JFK"',
    "dest": '"MSP"',
    "scheduled_departure": '"2013-08-06T15:59:00"',
    "distance": "1029",
    "dep_delay": "13",
    "raining": "false",
}


def flight(beside: str = "", *, inside: str = "", **cells: str) -> Parts:
    """Return a row for `flight_delays` as `dataframe_split`, some cells as told, with members beside or inside it."""
    return _split([{**_FLIGHT, **cells}], beside=beside, inside=inside)


def flight_inputs(**cells: str) -> Parts:
    """Return a row for `flight_delays` as `inputs`, some cells as told."""
    members = ", ".join(f'"{name}": [{text}]' for name, text in {**_FLIGHT, **cells}.items())
    return whole(f'{{"inputs": {{{members}}}}}')


def flight_rows(*, without: str = "", **cells: str) -> Parts:
    """Return two rows for `flight_delays` as `dataframe_split`, the second with some cells as told or without one."""
    return _split([_FLIGHT, {name: text for name, text in {**_FLIGHT, **cells}.items() if name != without}])


def flight_columns(*, single: str) -> Parts:
    """Return two rows for `flight_delays` as `inputs`, one column with a single value that is no list."""
    members = (f'"{name}": {text if name == single else f"[{text}, {text}]"}' for name, text in _FLIGHT.items())
    return whole(f'{{"inputs": {{{", ".join(members)}}}}}')


def flight_records(*, without: str) -> Parts:
    """Return two rows for `flight_delays` as `dataframe_records`, the second without a column."""
    rows = (_FLIGHT, {name: text for name, text in _FLIGHT.items() if name != without})
    records = ", ".join("{" + ", ".join(f'"{name}": {text}' for name, text in row.items()) + "}" for row in rows)
    return whole(f'{{"dataframe_records": [{records}]}}')


def flight_csv() -> Parts:
    """Return a row for `flight_delays` as CSV."""
    return whole(f"{','.join(_FLIGHT)}\n{','.join(text.strip(chr(34)) for text in _FLIGHT.values())}\n")


def digit(last: str = "0.0") -> Parts:
    """Return an image for `digits_onnx` as `inputs`, its last pixel as told."""
    line = ", ".join(["0.0"] * 8)
    image = ", ".join([f"[{line}]"] * 7 + [f"[{', '.join(['0.0'] * 7 + [last])}]"])
    return whole(f'{{"inputs": [[{image}]]}}')


def patient_csv(sex: str) -> Parts:
    """Return a row for `old_world` as CSV, its column of text as told."""
    return whole(f"age,sex,bmi,bp,s1,s2,s3,s4,s5,s6\n59,{sex},32.1,101,157,93.2,38,4,4.8598,87\n")


def whole(text: str, encoding: str = "utf-8") -> Parts:
    """Return a text as the only part of a body."""
    return ((text.encode(encoding), 1),)


def _split(rows: Sequence[Mapping[str, str]], *, beside: str = "", inside: str = "") -> Parts:
    data = ", ".join(f"[{', '.join(row.values())}]" for row in rows)
    return whole(f'{{"dataframe_split": {{"columns": {json.dumps([*rows[0]])}, "data": [{data}]{inside}}}{beside}}}')
