"""The fast generator of the suite: a few choices a payload, many rows, and the special cells named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ..cases import Case, Envelope, Expectation, Level, Table, Tensors
from ..domain import Domain
from ..errors import EncodeError, SignatureError
from ..signature.specs import ColumnSchema, Signature, TensorSchema
from .carriers import FLAT, carries_cell, envelopes_for
from .columns import values
from .levels import level_of
from .params import param_pools
from .pools import Entry, Pool, column_pool, example_columns
from .tensor_payloads import tensor_cases
from .values import fingerprint, shown

_MAX_BYTES: Final = 7_900  # Hypothesis ends an example at 8,192 bytes of choices, and says so only by discarding it
_SPOTS: Final = 8  # cells changed at most in an otherwise known table
_SPOT_BYTES: Final = 4  # row, column in two bytes, entry
_FULL_RANGE: Final = 2  # cells drawn from the whole type, which the pools do not hold
_ABSENT_FROM: Final = 224  # of 256: one optional column in eight is absent
_SET_FROM: Final = 128  # of 256: one parameter in two is given
_NAMED: Final = 3  # special cells told in a label


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How far one payload goes.

    Attributes:
        cells: The level of all cells.
        spots: The level of a few cells, of absent columns and of parameters.
        with_loose: Whether those few may be values that the server may refuse.
    """

    cells: Level
    spots: Level
    with_loose: bool = False


PLANS: Final = (  # the first is what Hypothesis shrinks to
    Plan(cells=Level.EXAMPLE, spots=Level.EXAMPLE),
    Plan(cells=Level.EXAMPLE, spots=Level.PLAUSIBLE),
    Plan(cells=Level.PLAUSIBLE, spots=Level.PLAUSIBLE),
    Plan(cells=Level.EXAMPLE, spots=Level.EXTREME),
    Plan(cells=Level.EXTREME, spots=Level.EXTREME),
    Plan(cells=Level.EXAMPLE, spots=Level.EXTREME, with_loose=True),
)


def cases(
    signature: Signature,
    *,
    example: Table | Tensors | None = None,
    domain: Domain | None = None,
    envelopes: Sequence[Envelope] | None = None,
    max_rows: int = 10,
    raised: float | None = None,
    with_loose: bool = True,
) -> SearchStrategy[Case]:
    """Return valid requests of a signature, fast enough for the widest models, each with its level and expectation.

    A payload costs Hypothesis one run of bytes, which pick cells from the columns' pools, and a handful of choices, so
    that tables of hundreds of columns still get all their rows. At most two cells come from the whole type. All shrink
    to the example's values.

    Args:
        signature: What the model takes.
        example: What it is known to take.
        envelopes: How payloads are wrapped; the first one that fits the signature by default.
        max_rows: The most rows of a request; the widest tables get fewer.
        domain: Bound to the signature, as `domain.bound` returns it.
        raised: How many times its default a numeric parameter may grow at most.
        with_loose: Whether some hold values that the server may refuse.

    Raises:
        EncodeError: None of the envelopes can carry the model's columns.
        SignatureError: The model declares no inputs, or a tensor that JSON cannot carry.
    """
    known = domain or Domain()
    wraps = _wraps(signature, envelopes)
    match signature.inputs:
        case ColumnSchema() as schema:
            table = example if isinstance(example, Table) else None
            decoder = _Decoder.of(signature, schema, table, known, _Limits(envelopes=wraps, raised=raised))
            plans = tuple(plan for plan in PLANS if with_loose or not plan.with_loose)
            return _table_cases(decoder, schema, known, max_rows, plans)
        case TensorSchema() as schema:
            arrays = example if isinstance(example, Tensors) else None
            return tensor_cases(schema, known, arrays, wraps, max_rows=max_rows)
    raise SignatureError(
        "the signature declares no inputs, so there is nothing to draw",
        fix="Log the model with a signature: mlflow.models.infer_signature(inputs, outputs)",
    )


def _wraps(signature: Signature, envelopes: Sequence[Envelope] | None) -> tuple[Envelope, ...]:
    if envelopes is None:
        return envelopes_for(signature)[:1]
    found = envelopes_for(signature, envelopes)
    if not found and signature.inputs is not None:
        asked = ", ".join(envelope.value for envelope in envelopes)
        raise EncodeError(
            f"no envelope of {asked or 'none'} can carry the model's inputs",
            facts={"can": ", ".join(envelope.value for envelope in envelopes_for(signature))},
            fix="Ask for one of those that can.",
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    """What the caller allows besides the signature and the domain."""

    envelopes: tuple[Envelope, ...]
    raised: float | None

    def carried(self, pool: Pool, width: int) -> Pool:
        """Return the pool without values that one of the envelopes cannot carry, but never empty."""
        kept = [entry for entry in pool.strict if self.carries(entry.value, width)] or pool.strict[:1]
        return replace(
            pool,
            strict=tuple(kept),
            loose=tuple(entry for entry in pool.loose if self.carries(entry.value, width)),
        )

    def carries(self, value: object, width: int) -> bool:
        """Tell whether every envelope carries a cell of a table of this many columns."""
        return carries_cell(value, self.envelopes, width)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decoder:
    """Turns bytes into tables; holds what is the same for every payload."""

    names: tuple[str | int, ...]
    envelopes: tuple[Envelope, ...]
    pools: tuple[Pool, ...]
    params: tuple[Pool, ...]
    optional: tuple[int, ...]
    cells: Mapping[Level, tuple[tuple[Entry, ...], ...]]  # what a byte picks from, for each column
    spots: Mapping[tuple[Level, bool], tuple[tuple[Entry, ...], ...]]

    @classmethod
    def of(
        cls,
        signature: Signature,
        schema: ColumnSchema,
        example: Table | None,
        domain: Domain,
        limits: _Limits,
    ) -> _Decoder:
        examples = example_columns(schema, example)
        pools = tuple(
            limits.carried(column_pool(spec, examples[name], domain, name=name), len(schema.columns))
            for name, spec in zip(schema.names, schema.columns, strict=True)
        )
        return cls(
            names=schema.names,
            envelopes=limits.envelopes,
            pools=pools,
            params=param_pools(signature, domain, raised=limits.raised),
            optional=tuple(at for at, spec in enumerate(schema.columns) if not spec.required),
            cells={plan.cells: tuple(pool.upto(plan.cells) for pool in pools) for plan in PLANS},
            spots={
                (plan.spots, plan.with_loose): tuple(
                    pool.upto(plan.spots, with_loose=plan.with_loose) for pool in pools
                )
                for plan in PLANS
            },
        )

    def rows(self, raw: bytes, n_rows: int, plan: Plan) -> list[list[Entry]]:
        """Return a table of entries; bytes are used again where a table is larger than they are.

        The last row has the first bytes: it stays as it is while the rows get fewer, so that a fault in it and what
        stands beside it shrink together.
        """
        by_column, width = self.cells[plan.cells], len(self.names)
        needed = n_rows * width
        tiled = raw if len(raw) >= needed else raw * (needed // len(raw) + 1)
        return [
            [entries[byte % len(entries)] for entries, byte in zip(by_column, tiled[at : at + width], strict=True)]
            for at in range(needed - width, -1, -width)
        ]

    def change_spots(self, rows: list[list[Entry]], raw: bytes, plan: Plan) -> None:
        """Set a few cells to other entries of their pools; the entry of byte 0 changes nothing."""
        by_column = self.spots[plan.spots, plan.with_loose]
        for at in range(0, len(raw), _SPOT_BYTES):
            row, high, low, byte = raw[at : at + _SPOT_BYTES]
            column = (high * 256 + low) % len(self.names)
            if byte:
                entries = by_column[column]
                rows[-1 - row % len(rows)][column] = entries[byte % len(entries)]

    def absent(self, raw: bytes, plan: Plan) -> frozenset[int]:
        """Return which optional columns are absent; one column of the table always stays."""
        if plan.spots is Level.EXAMPLE or not raw:
            return frozenset()
        gone = [column for at, column in enumerate(self.optional) if raw[at % len(raw)] >= _ABSENT_FROM]
        return frozenset(gone[1:] if len(gone) == len(self.names) else gone)

    def given_params(self, raw: bytes, plan: Plan) -> dict[str, Entry]:
        """Return the parameters of the request."""
        found: dict[str, Entry] = {}
        for pool, byte in zip(self.params, raw, strict=False):
            entries = pool.upto(plan.spots)
            if byte >= _SET_FROM:
                found[str(pool.name)] = entries[(byte - _SET_FROM) % len(entries)]
        return found


def _table_cases(
    decoder: _Decoder, schema: ColumnSchema, domain: Domain, max_rows: int, plans: tuple[Plan, ...]
) -> SearchStrategy[Case]:
    width = len(decoder.names)
    n_absent, n_params = min(len(decoder.optional), 256), min(len(decoder.params), 256)
    tail = _SPOTS * _SPOT_BYTES + n_absent + n_params
    most_rows = max(1, min(max_rows, max(2, (_MAX_BYTES - tail) // width)))
    n_cells = min(most_rows * width, _MAX_BYTES - tail)
    bytes_drawn = st.binary(min_size=n_cells + tail, max_size=n_cells + tail)
    whole = {
        level: [
            values(spec.type, domain=domain.of(name), level=level)
            for name, spec in zip(schema.names, schema.columns, strict=True)
        ]
        for level in (Level.PLAUSIBLE, Level.EXTREME)
    }

    @st.composite
    def table_cases(draw: st.DrawFn) -> Case:
        plan = draw(st.sampled_from(plans))
        n_rows = draw(st.integers(1, most_rows))
        raw = draw(bytes_drawn)
        rest = raw[n_cells:]
        rows = decoder.rows(raw[:n_cells], n_rows, plan)
        decoder.change_spots(rows, rest[: _SPOTS * _SPOT_BYTES], plan)
        if plan.spots is not Level.EXAMPLE:
            places = st.lists(st.tuples(st.integers(0, n_rows - 1), st.integers(0, width - 1)), max_size=_FULL_RANGE)
            for row, column in draw(places):
                value = draw(whole[plan.spots][column])
                if carries_cell(value, decoder.envelopes, width):
                    rows[-1 - row][column] = _drawn(value, domain, decoder.pools[column])
        _make_unique(rows, decoder.pools)
        gone = decoder.absent(rest[_SPOTS * _SPOT_BYTES : tail - n_params], plan)
        envelope = draw(st.sampled_from(decoder.envelopes))
        if envelope is Envelope.UNIFIED:  # one row is the body
            del rows[:-1]
        params = {} if envelope in FLAT else decoder.given_params(rest[tail - n_params :], plan)
        return _case(decoder, rows, gone, params, envelope)

    return table_cases()


def _case(
    decoder: _Decoder,
    rows: Sequence[Sequence[Entry]],
    gone: frozenset[int],
    params: Mapping[str, Entry],
    envelope: Envelope,
) -> Case:
    kept = [at for at in range(len(decoder.names)) if at not in gone]
    cells = [(at, column, row[column]) for at, row in enumerate(rows) for column in kept]
    used = [entry for _, _, entry in cells] + list(params.values())
    is_loose = any(entry.expectation is not Expectation.ACCEPT for entry in used)
    return Case(
        payload=Table(
            columns=tuple(decoder.names[at] for at in kept),
            rows=tuple(tuple(row[at].value for at in kept) for row in rows),
        ),
        envelope=envelope,
        params={name: entry.value for name, entry in params.items()},
        expectation=Expectation.EITHER if is_loose else Expectation.ACCEPT,
        label=_label(decoder, cells, gone, params, len(rows)),
        level=max(Level.PLAUSIBLE if gone else Level.EXAMPLE, *(entry.level for entry in used)),
    )


def _label(
    decoder: _Decoder,
    cells: Sequence[tuple[int, int, Entry]],
    gone: frozenset[int],
    params: Mapping[str, Entry],
    n_rows: int,
) -> str:
    special = [(row, column, entry) for row, column, entry in cells if entry.name]
    parts = [
        f'{f"row {row} " if n_rows > 1 else ""}"{decoder.names[column]}" = {shown(entry.value)} ({entry.name})'
        for row, column, entry in special[:_NAMED]
    ]
    if len(special) > _NAMED:
        parts.append(f"{len(special) - _NAMED} more special cells")
    parts += [f'"{decoder.names[column]}" absent' for column in sorted(gone)[:_NAMED]]
    parts += [f"param {name} = {shown(entry.value)}" for name, entry in params.items()]
    return "; ".join(parts) or f"{n_rows} rows of known values"


def _drawn(value: object, domain: Domain, pool: Pool) -> Entry:
    key = fingerprint(value)
    known = next((entry for entry in pool.strict if fingerprint(entry.value) == key), None)
    if known is not None:
        return known
    said = domain.of(pool.name)
    is_declared = said is not None and said.says_values and domain.is_declared(pool.name)
    return Entry(value=value, name="drawn", level=Level.EXAMPLE if is_declared else level_of(value))


def _make_unique(rows: list[list[Entry]], pools: Sequence[Pool]) -> None:
    """Replace values that stand twice in a unique column, and drop rows where the pool has no others."""
    for column, pool in enumerate(pools):
        if not pool.is_unique:
            continue
        seen: set[object] = set()
        for at, row in enumerate(rows):
            fresh = (entry for entry in (row[column], *pool.strict) if fingerprint(entry.value) not in seen)
            chosen = next(fresh, None)
            if chosen is None:
                del rows[at:]
                break
            row[column] = chosen
            seen.add(fingerprint(chosen.value))
