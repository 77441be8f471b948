"""The changes by which the good request of the Open Inference Protocol (V2) becomes those of a rule.

Each yields requests with what is special about them; `TEXT` is the key of one that is no document.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from ..wire.open_inference import JSON_TEXT

Document: TypeAlias = "dict[str, Any]"
Changed: TypeAlias = "Iterator[tuple[str, Document]]"

TEXT: Final = "the text"
NO_SUCH: Final = "no_such_name_by_modelserve"
MOST_INPUTS: Final = 3  # of which one at a time is left out or changed; servers treat the hundredth as the first
MOST_NESTED: Final = 16  # of which one at a time is nested: what a server makes of lists is a matter of types
IDENTITIES: Final = ("r1", "", "é ✓ \u0000 7")
_TENSOR_PARTS: Final = ("name", "shape", "datatype", "data")


def written(document: Document) -> bytes:
    """Return a request as it is sent."""
    return json.dumps(document).encode()


def _first(good: Document, **changes: object) -> Document:
    """Return the request with parts of its first tensor changed."""
    first, *others = good["inputs"]
    return {**good, "inputs": [{**first, **changes}, *others]}


def changed_input(good: Document, document: Document) -> str | None:
    """Return the name of the only tensor in which a request is not the good one, or which it lacks; None for several.

    Args:
        good: The good request.
        document: What was made of it.
    """
    kept = document.get("inputs")
    if TEXT in document or not isinstance(kept, list):
        return None
    names = {tensor["name"] for tensor in good["inputs"] if tensor not in kept or kept.count(tensor) > 1}
    return names.pop() if len(names) == 1 else None


def as_it_is(good: Document) -> Changed:
    """Yield the good request itself."""
    yield "the input example", good


def with_ids(good: Document) -> Changed:
    """Yield it with ids that are to come back."""
    for identity in IDENTITIES:
        yield f"id {identity!r}", {**good, "id": identity}


def with_a_key(good: Document) -> Changed:
    """Yield it with a key that the protocol does not know."""
    yield "a key that nobody knows", {**good, NO_SUCH: {"a": [1]}}


def nested(good: Document) -> Changed:
    """Yield it with the data of one tensor in lists by its shape, so that it tells which server reads of which type."""
    for at, tensor in enumerate(good["inputs"][:MOST_NESTED]):
        lists = {**tensor, "data": as_lists(tensor["data"], tensor["shape"])}
        yield f"data of {tensor['name']!r} nested by its shape", _replaced(good, at, lists)


def as_lists(data: list[Any], shape: list[int]) -> list[Any]:
    """Return the elements of a tensor as lists in lists."""
    if len(shape) < 2:
        return data
    step = math.prod(shape[1:])
    return [as_lists(data[at * step : (at + 1) * step], shape[1:]) for at in range(shape[0])]


def of_another_datatype(good: Document) -> Changed:
    """Yield it with text for numbers, and numbers for text; where any JSON value may stand, neither is wrong."""
    typed = [(at, tensor) for at, tensor in enumerate(good["inputs"]) if not _is_json_text(tensor)]
    for at, tensor in typed[:MOST_INPUTS]:
        is_text = tensor["datatype"] == "BYTES"
        datatype, value = ("FP64", 0.5) if is_text else ("BYTES", "text")
        other = {**tensor, "datatype": datatype, "data": [value] * len(tensor["data"])}
        other.pop("parameters", None)
        yield f"{datatype} in place of {tensor['datatype']} for {tensor['name']!r}", _replaced(good, at, other)


def of_no_datatype(good: Document) -> Changed:
    """Yield it with datatypes that the protocol does not have."""
    for datatype in ("FLOAT", good["inputs"][0]["datatype"].lower(), None):
        yield f"datatype {datatype!r}", _first(good, datatype=datatype)


def of_wrong_values(good: Document) -> Changed:
    """Yield it with an element that is not of its tensor's datatype."""
    for at, tensor in enumerate(good["inputs"][:MOST_INPUTS]):
        if tensor["data"]:
            value = 0.5 if tensor["datatype"] == "BYTES" else "x"
            told = f"{value!r} in {tensor['name']!r}, which is {tensor['datatype']}"
            yield told, _replaced(good, at, {**tensor, "data": [value, *tensor["data"][1:]]})


def out_of_range(good: Document) -> Changed:
    """Yield it with an integer beyond its datatype."""
    for at, tensor in enumerate(good["inputs"]):
        datatype = tensor["datatype"]
        if "INT" in datatype and tensor["data"]:
            bits = int(datatype.partition("INT")[2])
            beyond = 1 << (bits if datatype.startswith("U") else bits - 1)
            yield (
                f"{beyond} in {tensor['name']!r}",
                _replaced(good, at, {**tensor, "data": [beyond, *tensor["data"][1:]]}),
            )
            return


def of_another_size(good: Document) -> Changed:
    """Yield it with shapes that its data does not fill."""
    shape = good["inputs"][0]["shape"]
    yield "one row more than there is data for", _first(good, shape=[(shape or [1])[0] + 1, *shape[1:]])
    yield "a negative size", _first(good, shape=[-1, *shape[1:]])
    yield "sizes that are texts", _first(good, shape=[str(size) for size in shape] or ["1"])


def of_another_rank(good: Document) -> Changed:
    """Yield it with more dimensions than the model takes."""
    shape = good["inputs"][0]["shape"]
    yield f"shape {[*shape, 1, 1]}", _first(good, shape=[*shape, 1, 1])


def without_an_input(good: Document) -> Changed:
    """Yield it without one of its tensors."""
    for at, tensor in enumerate(good["inputs"][:MOST_INPUTS]):
        yield f"without {tensor['name']!r}", {**good, "inputs": [*good["inputs"][:at], *good["inputs"][at + 1 :]]}


def without_a_part(good: Document) -> Changed:
    """Yield it with a tensor that lacks a part, and without any."""
    first, *others = good["inputs"]
    for part in _TENSOR_PARTS:
        lacking = {key: value for key, value in first.items() if key != part}
        yield f"a tensor without {part}", {**good, "inputs": [lacking, *others]}
    yield "without inputs", {key: value for key, value in good.items() if key != "inputs"}
    yield "no inputs", {**good, "inputs": []}


def with_an_input_twice(good: Document) -> Changed:
    """Yield it with a tensor that stands twice."""
    yield f"{good['inputs'][0]['name']!r} twice", {**good, "inputs": [*good["inputs"], good["inputs"][0]]}


def with_an_unknown_output(good: Document) -> Changed:
    """Yield it with a wish for an output that there is not."""
    yield "an output that there is not", {**good, "outputs": [{"name": NO_SUCH}]}


def with_a_broken_id(good: Document) -> Changed:
    """Yield it with an id that is no string."""
    yield "a number for an id", {**good, "id": 7}


def no_requests(good: Document) -> Changed:
    """Yield texts that are no request."""
    texts = {"no body": "", "broken JSON": written(good).decode()[:-1], "a list": "[]", "a string": '"x"'}
    for label, text in texts.items():
        yield label, {TEXT: text}


def _is_json_text(tensor: Mapping[str, Any]) -> bool:
    return bool(tensor.get("parameters", {}).get("content_type") == JSON_TEXT)


def _replaced(good: Document, at: int, tensor: Mapping[str, Any]) -> Document:
    return {**good, "inputs": [*good["inputs"][:at], tensor, *good["inputs"][at + 1 :]]}
