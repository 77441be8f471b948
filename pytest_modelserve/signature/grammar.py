"""Reads a type of the signature's JSON: scalars, arrays, objects, maps and what nests in them."""

from __future__ import annotations

from typing import Final

from .datatypes import AnyType, Array, DataType, Map, Object, Property, SparkMLVector, ValueType
from .located import Located

SCALARS: Final = frozenset(kind.value for kind in DataType)
COMPOUNDS: Final = frozenset({"array", "object", "map", "any", "sparkml_vector"})


def parse_type(at: Located) -> ValueType:
    """Read a type from the JSON object that has the key `type`; keys that do not belong to it are ignored.

    Raises:
        SignatureError: The type is unknown, or something that belongs to it is missing or malformed.
    """
    kind = at.require("type").one_of(SCALARS | COMPOUNDS, "type")
    if kind == "array":
        return Array(items=parse_type(at.require("items")))
    if kind == "map":
        return Map(values=parse_type(at.require("values")))
    if kind == "object":
        return parse_object(at)
    if kind == "any":
        return AnyType()
    return SparkMLVector() if kind == "sparkml_vector" else DataType(kind)


def parse_object(at: Located) -> Object:
    """Read an Object from the JSON object that has the keys `type` and `properties`.

    Raises:
        SignatureError: It has no properties, or one of them is malformed.
    """
    listed = at.require("properties")
    entries = listed.record()
    if not entries:
        raise listed.error("an object needs at least one property", "Use the type 'map' for free keys.")
    return Object(properties=tuple(_parse_property(name, entries[name]) for name in sorted(entries)))


def parse_required(entry: Located | None, *, default: bool) -> bool:
    """Read the key `required`; `default` where it is missing, and null means false, as MLflow takes it.

    Raises:
        SignatureError: It is neither a boolean nor null.
    """
    if entry is None:
        return default
    if entry.value is None or isinstance(entry.value, bool):
        return bool(entry.value)
    raise entry.error("'required' must be true or false")


def _parse_property(name: str, at: Located) -> Property:
    kind = parse_type(at)
    if isinstance(kind, SparkMLVector):  # MLflow 3.17 cannot load one here: it forgets the property's name
        raise at.error("a property cannot be a Spark ML vector", 'Use {"type": "array", "items": {"type": "double"}}.')
    return Property(name=name, type=kind, required=parse_required(at.record().get("required"), default=True))
