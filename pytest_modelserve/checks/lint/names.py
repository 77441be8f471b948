"""Whether every column, tensor and parameter can be addressed by a request, and none is taken for another."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from ...signature import Array, ColumnSchema, DataType, Map, Object, Schema, TensorSchema
from ...wire.values import show_value
from .rule import Found, Linted, listed, plural

Name: TypeAlias = "str | int | None"

UNIFIED: Final = ("messages", "prompt", "input")  # any of them at the top makes MLflow's server take the body whole
ENVELOPES: Final = ("dataframe_split", "dataframe_records", "inputs", "instances", "params")
ISSUE: Final = "https://github.com/mlflow/mlflow/pull/26069"


def find_twice(linted: Linted) -> Iterator[Found]:
    """Look for names that stand twice, or that are the same text."""
    for side, schema in _sides(linted):
        groups: dict[str, list[Name]] = defaultdict(list)
        for name in names_of(schema):
            if name is not None:
                groups[str(name)].append(name)
        for key, names in groups.items():
            if len(names) > 1:
                are = "is declared twice" if len(set(names)) == 1 else f"is declared as {listed(names)}"
                yield Found(
                    title=f"{side}: {show_value(key)} {are}, and JSON has one place for it: one of them is lost",
                    expected="names that differ as text",
                    received=listed(names),
                )


def find_unreachable(linted: Linted) -> Iterator[Found]:
    """Look for inputs that MLflow takes for unnamed: it asks for them by their place, and drops what is sent."""
    for at, name in enumerate(names_of(linted.signature.inputs)):
        if name == "" or (name == 0 and at):
            yield Found(
                title=f"the input {show_value(name)}, at place {at}, can never be sent: MLflow takes it for unnamed, "
                f"looks for {at}, and drops what a request sends ({ISSUE})",
                expected="a name that is neither empty nor the integer 0",
                received=show_value(name),
            )


def find_integers(linted: Linted) -> Iterator[Found]:
    """Look for integer names, and for text that reads like one."""
    names = names_of(linted.signature.inputs)
    if integers := [name for name in names if isinstance(name, int)]:
        yield Found(
            title=f"{plural(integers)} named by an integer: JSON has only text for names, so that nothing but "
            "dataframe_split reaches them; rename by frame.columns = frame.columns.astype(str) before logging"
        )
    if places := [name for name in names if isinstance(name, str) and name.isdecimal()]:
        yield Found(
            title=f"{plural(places)} named like a place: rows that are sent without names count 0, 1, 2 …, as "
            "integers, and are not these; give a name that says what is in it"
        )


def find_spaces(linted: Linted) -> Iterator[Found]:
    """Look for names with spaces at their ends."""
    names = [
        name for name in names_of(linted.signature.inputs) if isinstance(name, str) and name and name != name.strip()
    ]
    if names:
        yield Found(title=f"{plural(names)} begin or end with a space, which every caller must send exactly so")


def find_lookalikes(linted: Linted) -> Iterator[Found]:
    """Look for names that differ in nothing that a person sees: case, spaces, or how their characters are composed."""
    groups: dict[str, list[Name]] = defaultdict(list)
    for name in dict.fromkeys(names_of(linted.signature.inputs)):
        if isinstance(name, str):
            groups[unicodedata.normalize("NFKC", name).strip().casefold()].append(name)
    for names in groups.values():
        if len(names) > 1:
            yield Found(title=f"{plural(names)} differ by case, spaces or composition alone: callers will mix them up")


def find_names_of_protocol(linted: Linted) -> Iterator[Found]:
    """Look for columns that are called like what stands at the top of a body."""
    names = [name for name in names_of(linted.signature.inputs) if name in ENVELOPES]
    if names:
        yield Found(title=f"{plural(names)} named like a part of the protocol: at the top of a body it is no column")
    plain = [name for name, kind in _kinds(linted.signature.inputs).items() if name in UNIFIED and not _is_chat(kind)]
    if plain and not _is_agent(linted):
        yield Found(
            title=f"{plural(plain)} switch MLflow's server to its LLM mode where they stand at the top of a body: it "
            "takes the body whole, as one row, and answers without `predictions`; send them in an envelope, or rename"
        )


def find_params_like_columns(linted: Linted) -> Iterator[Found]:
    """Look for params that have the name of a column where a body may be taken whole."""
    columns = [name for name in names_of(linted.signature.inputs) if isinstance(name, str)]
    params = [spec.name for spec in linted.signature.params or ()]
    both: list[Name] = [name for name in params if name in columns]
    if both and any(name in UNIFIED for name in columns):
        yield Found(
            title=f"{plural(both)} and a param have one name: in a body that MLflow takes whole the param gets both"
        )


def names_of(schema: Schema | None) -> tuple[Name, ...]:
    """Return the names of a schema's columns or tensors in order, None for those without."""
    if isinstance(schema, ColumnSchema):
        return tuple(spec.name for spec in schema.columns)
    return tuple(spec.name for spec in schema.tensors) if isinstance(schema, TensorSchema) else ()


def _sides(linted: Linted) -> Iterator[tuple[str, Schema | None]]:
    yield "inputs", linted.signature.inputs
    yield "outputs", linted.signature.outputs


def _kinds(schema: Schema | None) -> Mapping[Name, object]:
    if isinstance(schema, ColumnSchema):
        return {spec.name: spec.type for spec in schema.columns}
    return {spec.name: spec.dtype for spec in schema.tensors} if isinstance(schema, TensorSchema) else {}


def _is_chat(kind: object) -> bool:
    """Tell whether a type is that of a conversation: a list of records, as chat models declare it."""
    return isinstance(kind, Array) and isinstance(kind.items, Object | Map)


def _is_agent(linted: Linted) -> bool:
    """Tell whether the model says that it is made for such bodies."""
    kinds = _kinds(linted.signature.inputs)
    return "task" in linted.model.metadata or kinds.get("prompt") is DataType.STRING
