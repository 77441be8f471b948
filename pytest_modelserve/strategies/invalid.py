"""Invalid requests by Hypothesis: a valid one is drawn, and one single fault of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import hypothesis
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ..cases import Case, Envelope, Table, Tensors
from ..domain import Domain
from ..errors import ModelServeError
from ..signature.specs import ColumnSchema, Signature
from .carriers import FLAT, envelopes_for, plain_payload
from .edges import base_value
from .faults import Maker, Wanted
from .mutations import faults_of
from .payloads import cases
from .pools import example_columns


def invalid_cases(
    signature: Signature,
    *,
    example: Table | Tensors | None = None,
    domain: Domain | None = None,
    envelopes: Sequence[Envelope] | None = None,
    rules: Collection[str] | None = None,
    max_rows: int = 10,
    raised: float | None = None,
) -> SearchStrategy[Case]:
    """Return requests with one single fault each, made from valid ones that are drawn with them.

    Each has the rule that it breaks, and the rule's expectation. They shrink to the first row of the example with
    nothing else changed than the one thing that is wrong.

    Args:
        signature: What the model takes.
        example: Rows that it is known to take.
        domain: Narrows columns, bound to the signature as `domain.bound` returns it.
        envelopes: How payloads are wrapped; all that fit but Parquet, which needs an extra, by default.
        rules: The ids of the rules to break, as `mutations` has them; all by default.
        max_rows: The most rows.
        raised: How many times its default a numeric parameter may grow at most.

    Raises:
        EncodeError: None of the envelopes can carry the model's columns.
        ModelServeError: The signature shows none of the rules.
        SignatureError: The model declares no inputs, or a tensor that JSON cannot carry.
    """
    wraps = _wraps(signature, envelopes)
    bare = tuple(one for one in wraps if one not in FLAT) or wraps  # what JSON carries is drawn, and CSV where it fits
    valid = cases(
        signature, example=example, domain=domain, envelopes=bare, max_rows=max_rows, raised=raised, with_loose=False
    )
    places = _places(signature, wraps, None if rules is None else frozenset(rules))
    if not places:
        raise ModelServeError(
            "the signature shows none of the rules",
            facts={"rules": ", ".join(sorted(rules or ())) or "all"},
            fix="Ask for some of those that rules_for(signature) returns.",
        )
    known = _known_cells(signature, example)

    @st.composite
    def broken(draw: st.DrawFn) -> Case:
        rule_id = draw(st.sampled_from(tuple(places)))
        where = draw(st.sampled_from(places[rule_id]))
        base = _with_column(draw(valid), where, known)
        maker = Maker(signature=signature, base=base, envelopes=wraps)
        faults = tuple(faults_of(signature, base, Wanted(rules=frozenset({rule_id}), where=where)))
        fault = draw(st.sampled_from(faults)) if faults else hypothesis.reject()
        fitting = maker.fitting(fault)
        return maker.case(fault, draw(st.sampled_from(fitting)) if fitting else hypothesis.reject())

    return broken()


def _wraps(signature: Signature, envelopes: Sequence[Envelope] | None) -> tuple[Envelope, ...]:
    if envelopes is not None:
        return tuple(envelopes)
    return tuple(one for one in envelopes_for(signature) if one is not Envelope.PARQUET)


def _places(
    signature: Signature, envelopes: tuple[Envelope, ...], rules: frozenset[str] | None
) -> dict[str, tuple[str | int | None, ...]]:
    """Return where each rule can be broken; a rule that no envelope can show is left out."""
    plain = plain_payload(signature)
    if plain is None:
        return {}
    base = Case(payload=plain)
    maker = Maker(signature=signature, base=base, envelopes=envelopes)
    found: dict[str, dict[str | int | None, None]] = {}
    for fault in faults_of(signature, base, Wanted(rules=rules)):
        # whether an envelope can show a fault hangs on its rule, and seldom on its place
        if fault.rule in found or maker.fitting(fault):
            found.setdefault(fault.rule, {})[fault.where] = None
    return {rule_id: tuple(places) for rule_id, places in found.items()}


def _known_cells(signature: Signature, example: Table | Tensors | None) -> Mapping[str | int, object]:
    if not isinstance(signature.inputs, ColumnSchema):
        return {}
    schema = signature.inputs
    examples = example_columns(schema, example if isinstance(example, Table) else None)
    return {
        name: examples[name][0] if examples[name] else base_value(spec.type)
        for name, spec in zip(schema.names, schema.columns, strict=True)
    }


def _with_column(case: Case, name: str | int | None, known: Mapping[str | int, object]) -> Case:
    """Return the case with a column in every row that it may have left out."""
    table = case.payload
    if not isinstance(table, Table) or name not in known or name is None or name in table.columns:
        return case
    rows = tuple((*row, known[name]) for row in table.rows)
    return replace(case, payload=replace(table, columns=(*table.columns, name), rows=rows))
