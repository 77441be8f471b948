"""The healthy models of the zoo, narrow so that each is checked in seconds."""

from __future__ import annotations

import io
from typing import Any, Final

import numpy as np

from .animal import Species


def column(name: str, kind: str, *, is_optional: bool = False, **more: Any) -> dict[str, Any]:
    """Return a column spec as MLflow writes it."""
    return {"type": kind, "name": name, "required": not is_optional, **more}


def tensor(dtype: str, *shape: int, name: str = "") -> dict[str, Any]:
    """Return a tensor spec as MLflow writes it."""
    spec = {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": list(shape)}}
    return {"name": name, **spec} if name else spec


def split(names: list[str], *rows: list[object], **params: object) -> dict[str, Any]:
    """Return the request of an example of rows."""
    document = {"dataframe_split": {"columns": names, "data": list(rows)}}
    return {**document, "params": params} if params else document


WIDTH: Final = 512  # of the network's hidden layers, as its loader has it


def weights() -> dict[str, bytes]:
    """Return the weights of the network as a file: two rows for its first layer, one for its last, between them all."""
    numbers = np.random.default_rng(7)
    scales = np.array([0.7] * 2 + [WIDTH**-0.5] * (WIDTH + 1))
    file = io.BytesIO()
    np.save(file, numbers.normal(size=(WIDTH + 3, WIDTH)) * scales[:, None])
    return {"weights.npy": file.getvalue()}


ITEM: Final = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "required": True},
        "count": {"type": "long", "required": True},
        "note": {"type": "string", "required": False},
    },
}

PARCELS: Final = Species(
    name="parcels",
    signature={
        "inputs": [column("zone", "string", is_optional=True), column("number", "long"), column("weight", "double")],
        "outputs": [column("number", "long"), column("price", "double"), column("label", "string")],
    },
    example=split(["zone", "number", "weight"], ["north", 11, 12.5], ["south", 12, 3.0], ["south", 7, 0.5]),
)
QUOTES: Final = Species(
    name="quotes",
    signature={
        "inputs": [column("amount", "double")],
        "outputs": [column("price", "double"), column("currency", "string")],
        "params": [
            {"name": "discount", "type": "double", "default": 0.0, "shape": None},
            {"name": "currency", "type": "string", "default": "EUR", "shape": None},
        ],
    },
    example=split(["amount"], [12.5], [3.0], discount=0.0, currency="EUR"),
)
LOOKUP: Final = Species(
    name="lookup",
    signature={"inputs": [column("key", "string")], "outputs": [column("feature", "string")]},
    example=split(["key"], ["ada"], ["grace"]),
)
GRADES: Final = Species(
    name="grades",
    signature={
        "inputs": [
            column("present", "boolean"),
            column("tries", "integer"),
            column("score", "double", is_optional=True),
        ],
        "outputs": [
            column("passed", "boolean"),
            column("grade", "integer"),
            column("share", "double", is_optional=True),
        ],
    },
    example=split(["present", "tries", "score"], [True, 1, 71.5], [False, 2, 20.0], [True, 3, 64.0]),
)
MOMENTS: Final = Species(
    name="moments",
    signature={
        "inputs": [column("start", "datetime"), column("end", "datetime", is_optional=True)],
        "outputs": [
            column("second", "long"),
            column("day", "string"),
            column("until", "datetime", is_optional=True),
        ],
    },
    example=split(
        ["start", "end"],
        ["2024-05-06T07:08:09", "2024-05-09T10:00:00.250000"],
        ["2023-01-02T03:04:05", "2023-01-03T00:00:00"],
    ),
)
NOTES: Final = Species(
    name="notes",
    signature={
        "inputs": [column("body", "string")],
        "outputs": [column("words", "long"), column("first", "string")],
    },
    example=split(["body"], ["the quick brown fox"], ["hello"]),
)
BLOBS: Final = Species(
    name="blobs",
    signature={
        "inputs": [column("content", "binary")],
        "outputs": [column("size", "long"), column("kind", "string"), column("preview", "binary")],
    },
    example=split(["content"], ["R0lGODlh"], ["aGVsbG8="]),
)
BASKETS: Final = Species(
    name="baskets",
    signature={
        "inputs": [
            {"type": "array", "items": ITEM, "name": "items", "required": True},
            {"type": "map", "values": {"type": "double"}, "name": "prices", "required": False},
        ],
        "outputs": [
            {"type": "array", "items": {"type": "long"}, "name": "counts", "required": True},
            column("total", "double"),
            column("largest", "long"),
            {"type": "array", "items": {"type": "string"}, "name": "notes", "required": True},
        ],
    },
    example=split(
        ["items", "prices"],
        [[{"name": "tea", "count": 2, "note": "loose"}, {"name": "cup", "count": 1, "note": ""}], {"tea": 4.5}],
        [[{"name": "cup", "count": 6, "note": "blue"}], {"cup": 3.0}],
    ),
)
TILES: Final = Species(
    name="tiles",
    signature={"inputs": [tensor("float32", -1, 4, 3)], "outputs": [tensor("float32", -1, 3)]},
    example={
        "inputs": [
            [[0.0, 1.0, 2.0], [30.0, 4.0, 5.0], [6.0, 70.0, 8.0], [9.0, 10.0, 11.0]],
            [[200.0, 1.0, 3.0], [3.0, 14.0, 5.0], [6.0, 7.0, 80.0], [9.0, 100.0, 11.0]],
        ]
    },
)
ROUTES: Final = Species(
    name="routes",
    signature={
        "inputs": [tensor("int64", -1, name="number"), tensor("float64", -1, 2, name="step")],
        "outputs": [tensor("int64", -1, name="number"), tensor("float64", -1, name="length")],
    },
    example={"inputs": {"number": [5, 3], "step": [[3.0, 4.0], [1.0, 1.5]]}},
)
NETWORK: Final = Species(
    name="network",
    signature={"inputs": [column("x", "double"), column("y", "double")], "outputs": [column("score", "double")]},
    example=split(["x", "y"], [0.5, 1.5], [-2.0, 3.0]),
    data=weights,
)

SPECIES: Final = (PARCELS, QUOTES, LOOKUP, GRADES, MOMENTS, NOTES, BLOBS, BASKETS, TILES, ROUTES, NETWORK)
