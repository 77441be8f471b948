"""What the servers of others are known to do to the columns of one model; nothing is built or started."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..cases import Case, Envelope, Table
from ..errors import SignatureError
from ..model.mlmodel import Model
from ..results import ShownHazard
from ..server.deviations import DEVIATIONS, Cells, Deviation
from ..signature import ColumnSchema, DataType
from ..strategies.edge_cases import edge_cases
from ..strategies.mutations import mutations
from .deviations import asked_by
from .rejection import mutation_rules
from .searches import envelopes_by_signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """A known deviation of a server that can show in columns of a model.

    Attributes:
        deviation: It.
        columns: The columns, tensors or params in which it can show.
    """

    deviation: Deviation
    columns: tuple[str | int, ...]


def hazards_of(model: Model, example: Case | None) -> Iterator[Hazard]:
    """Yield the hazards of a model's columns: of MLflow's server as it was saved with, and of all others.

    Args:
        model: As it was read.
        example: Its input example; without one only the boundary values of each type are looked at.
    """
    known = [one for one in DEVIATIONS if one.server != "mlflow" or one.is_of(model.mlflow_version or "")]
    found: dict[str, dict[str | int, None]] = {one.id: {} for one in known}
    few = _one_of_each_kind(model, example)
    for case in _cases(few.model, few.example):
        asked = replace(asked_by(case, few.model.signature), cells=frozenset(Cells))  # a row beside it may be any
        for deviation in known:
            if (deviation.rules or deviation.types) and deviation.is_exercised_by(asked):
                found[deviation.id].update(dict.fromkeys(_columns(case, deviation, few.model)))
    for deviation in known:
        columns = tuple(like for name in found[deviation.id] for like in few.alike.get(name, (name,)))
        if columns:
            yield Hazard(deviation=deviation, columns=columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Few:
    """A model of fewer columns that shows the same: the first of those that are declared alike.

    Attributes:
        model: It.
        example: Of these columns.
        alike: The columns that each stands for.
    """

    model: Model
    example: Case | None
    alike: Mapping[str | int, Sequence[str | int]]


def _one_of_each_kind(model: Model, example: Case | None) -> _Few:
    signature = model.signature
    inputs = signature.inputs if signature else None
    if signature is None or not isinstance(inputs, ColumnSchema):
        return _Few(model=model, example=example, alike={})
    alike: dict[Hashable, list[str | int]] = {}
    for name, column in zip(inputs.names, inputs.columns, strict=True):
        alike.setdefault((column.type, column.required), []).append(name)
    kept = {names[0]: names for names in alike.values()}
    columns = [column for name, column in zip(inputs.names, inputs.columns, strict=True) if name in kept]
    fewer = replace(signature, inputs=replace(inputs, columns=tuple(columns)))
    return _Few(model=replace(model, signature=fewer), example=_with_columns(example, kept), alike=kept)


def _with_columns(example: Case | None, names: Collection[str | int]) -> Case | None:
    """Return the first row of an example with these of its columns alone."""
    if example is None or not isinstance(example.payload, Table):
        return example
    table = example.payload
    places = [place for place, name in enumerate(table.columns) if name in names]
    rows = tuple(tuple(row[place] for place in places) for row in table.rows[:1])
    payload = replace(table, columns=tuple(table.columns[place] for place in places), rows=rows)
    return replace(example, payload=payload)


def _columns(case: Case, deviation: Deviation, model: Model) -> Iterator[str | int]:
    """Yield where a deviation can show: what a request is about; by its cells, wherever they can be."""
    inputs = model.signature.inputs if model.signature else None
    if not deviation.cells:
        yield from () if case.held is None else (case.held,)
    elif isinstance(inputs, ColumnSchema):
        types = {name for cells in deviation.cells for name in cells.types}
        for name, column in zip(inputs.names, inputs.columns, strict=True):
            is_of_type = isinstance(column.type, DataType) and column.type.value in types
            if is_of_type and case.held in {None, name}:
                yield name


def shown_hazards(model: Model, example: Case | None) -> tuple[ShownHazard, ...]:
    """Return the hazards of a model's columns as a report has them.

    Args:
        model: As it was read.
        example: Its input example, or None.
    """
    return tuple(
        ShownHazard(
            id=one.deviation.id,
            server=one.deviation.server,
            versions=one.deviation.versions,
            columns=one.columns,
            what=one.deviation.what,
            link=one.deviation.link,
        )
        for one in hazards_of(model, example)
    )


def _cases(model: Model, example: Case | None) -> Iterator[Case]:
    """Yield requests with one thing about one column: boundary values that are allowed, and faults.

    None of a model with a tensor that JSON cannot carry, which each check tells.
    """
    signature = model.signature
    if signature is None or signature.inputs is None:
        return
    envelopes = tuple(map(Envelope, envelopes_by_signature(model)))
    try:
        yield from edge_cases(signature, envelopes=envelopes)
        if example is not None:
            yield from mutations(signature, example, envelopes=envelopes, rules=mutation_rules(model))
    except SignatureError:
        return
