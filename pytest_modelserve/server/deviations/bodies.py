"""Bodies of requests to the models of the examples, of one row, in which some cells are another JSON text."""

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


def flight_instances(*, without: str) -> Parts:
    """Return two rows for `flight_delays` as `instances`, the second without a column."""
    return whole(flight_records(without=without)[0][0].decode().replace("dataframe_records", "instances"))


def lists(numbers: str) -> Parts:
    """Return a row for `lists` as `dataframe_split`, its column of lists as told."""
    return whole(f'{{"dataframe_split": {{"columns": ["numbers"], "data": [[{numbers}]]}}}}')


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


_IRIS: Final = {"sepal length (cm)": 5.1, "sepal width (cm)": 3.5, "petal length (cm)": 1.4, "petal width (cm)": 0.2}


def iris_tensors(beside: str = "", *, more: str = "", without: str = "", **changes: str) -> Parts:
    """Return a row for `iris_classifier` by the Open Inference Protocol.

    Args:
        beside: Members beside `inputs`.
        more: A further tensor.
        without: The name of a tensor that is left out.
        changes: Parts of the first tensor, as JSON texts; an empty text leaves the part out.
    """
    tensors = []
    for at, (name, value) in enumerate(_IRIS.items()):
        parts = {"name": json.dumps(name), "shape": "[1, 1]", "datatype": '"FP64"', "data": f"[{value}]"}
        parts.update(changes if at == 0 else {})
        if name != without:
            tensors.append(_members({part: text for part, text in parts.items() if text}))
    return whole(f'{{"inputs": [{", ".join([*tensors, *filter(None, (more,))])}]{beside}}}')


def flight_tensors(*, carrier: str = '["9E"]', departure: str = "", shape: str = "[1, 1]") -> Parts:
    """Return a row for `flight_delays` by the Open Inference Protocol; data of two tensors, and one shape, as told."""
    datatypes = {"distance": "INT64", "dep_delay": "INT64", "raining": "BOOL"}
    told = {"carrier": carrier, "scheduled_departure": departure}
    tensors = []
    for name, text in _FLIGHT.items():
        parts = {
            "name": f'"{name}"',
            "shape": shape if name == "carrier" else "[1, 1]",
            "datatype": f'"{datatypes.get(name, "BYTES")}"',
            "data": told.get(name) or f"[{text}]",
        }
        tensors.append(_members(parts))
    return whole(f'{{"inputs": [{", ".join(tensors)}]}}')


def digit_tensor() -> Parts:
    """Return an image for `digits_onnx` by the Open Inference Protocol."""
    data = ", ".join(["0.0"] * 64)
    tensor = _members({"name": '"input-0"', "shape": "[1, 8, 8]", "datatype": '"FP32"', "data": f"[{data}]"})
    return whole(f'{{"inputs": [{tensor}]}}')


def penguin_csv(island: str) -> Parts:
    """Return a row for `penguins_rules` as CSV, its first column of text as told."""
    names = "island,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex"
    return whole(f"{names}\n{island},45.8,14.6,210.0,4200.0,female\n")


def photos(envelope: str, photo: str, seal: str) -> Parts:
    """Return a row for `photos`, of two columns of bytes, in an envelope."""
    forms = {
        "dataframe_split": f'{{"columns": ["photo", "seal"], "data": [[{photo}, {seal}]]}}',
        "inputs": f'{{"photo": [{photo}], "seal": [{seal}]}}',
    }
    return whole(f'{{"{envelope}": {forms[envelope]}}}')


def photo_csv(photo: str) -> Parts:
    """Return a row for `photos` as CSV."""
    return whole(f"photo,seal\n{photo},MQ==\n")


def instants(taken: str, *, is_array: bool = False) -> Parts:
    """Return a row for `instants`, to be answered as a data frame or as an array."""
    params = f'"params": {{"in_array": {json.dumps(is_array)}}}'
    return whole(f'{{"dataframe_split": {{"columns": ["taken"], "data": [[{taken}]]}}, {params}}}')


def whole(text: str, encoding: str = "utf-8") -> Parts:
    """Return a text as the only part of a body."""
    return ((text.encode(encoding), 1),)


def _members(parts: Mapping[str, str]) -> str:
    return "{" + ", ".join(f'"{name}": {text}' for name, text in parts.items()) + "}"


def _split(rows: Sequence[Mapping[str, str]], *, beside: str = "", inside: str = "") -> Parts:
    data = ", ".join(f"[{', '.join(row.values())}]" for row in rows)
    return whole(f'{{"dataframe_split": {{"columns": {json.dumps([*rows[0]])}, "data": [{data}]{inside}}}{beside}}}')
