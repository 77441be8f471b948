"""What the servers of others are known to do to the columns of one model; nothing is built or started."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..cases import Case, Envelope
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
    for case in _cases(model, example):
        asked = replace(asked_by(case, model.signature), cells=frozenset(Cells))  # a row beside it may be any
        for deviation in known:
            if (deviation.rules or deviation.types) and deviation.is_exercised_by(asked):
                found[deviation.id].update(dict.fromkeys(_columns(case, deviation, model)))
    yield from (Hazard(deviation=one, columns=tuple(found[one.id])) for one in known if found[one.id])


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
    """Yield requests with one thing about one column: boundary values that are allowed, and faults."""
    signature = model.signature
    if signature is None or signature.inputs is None:
        return
    envelopes = tuple(map(Envelope, envelopes_by_signature(model)))
    yield from edge_cases(signature, envelopes=envelopes)
    if example is not None:
        yield from mutations(signature, example, envelopes=envelopes, rules=mutation_rules(model))
