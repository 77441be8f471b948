"""The fast generator for tensors: bytes pick elements from a pool, a few elements are changed in the example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ..cases import Case, Envelope, Expectation, Level, Tensors
from ..domain import Domain
from ..signature.specs import TensorSchema, TensorSpec
from .levels import level_of
from .pools import Entry, Pool, pool_of
from .tensors import as_elements, base_array, dtype_of, element_edges, elements, free_sizes, plain_element, shape_of
from .values import first_of_each, shown

_MAX_ELEMENTS: Final = 250_000  # of one payload: some megabytes of JSON
_NOISE: Final = 2_048  # bytes that pick elements; repeated over larger tensors
_SPOTS: Final = 8  # elements changed at most in an otherwise known tensor
_FULL_RANGE: Final = 2  # elements drawn from the whole type
_EXAMPLES: Final = 32  # distinct elements taken from the example


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorPlan:
    """How far one payload goes: all elements by noise or as the example has them, and a few up to another level."""

    noise: Level | None
    spots: Level


PLANS: Final = (  # the first is what Hypothesis shrinks to
    TensorPlan(noise=None, spots=Level.EXAMPLE),
    TensorPlan(noise=None, spots=Level.PLAUSIBLE),
    TensorPlan(noise=Level.EXAMPLE, spots=Level.PLAUSIBLE),
    TensorPlan(noise=Level.PLAUSIBLE, spots=Level.PLAUSIBLE),
    TensorPlan(noise=None, spots=Level.EXTREME),
    TensorPlan(noise=Level.EXTREME, spots=Level.EXTREME),
)


def element_pool(spec: TensorSpec, example: Tensors | None, domain: Domain) -> Pool:
    """Return the values that a tensor's elements are tried with: the example's, then the edges of the dtype."""
    array = None if example is None else example.arrays.get(spec.name)
    known = array.reshape(-1).tolist() if isinstance(array, np.ndarray) and array.dtype.kind != "M" else []
    if isinstance(array, np.ndarray) and array.dtype.kind == "M":
        known = list(array.astype("datetime64[ns]").reshape(-1))
    known = [value for value in known if not (isinstance(value, float) and np.isnan(value)) and value is not None]
    said = domain.of(spec.name)
    entries = [Entry(value=value, name="", level=Level.EXAMPLE) for value in first_of_each(known, _itself)[:_EXAMPLES]]
    if not entries:
        entries = [Entry(value=plain_element(spec), name="", level=Level.EXAMPLE)]
    entries += [Entry(value=edge.value, name=edge.name, level=edge.level) for edge in element_edges(spec)]
    if said is not None and said.says_values and domain.is_declared(spec.name):
        entries = [
            Entry(
                value=entry.value,
                name=entry.name,
                level=Level.EXAMPLE if said.contains(entry.value) else entry.level,
                expectation=Expectation.ACCEPT if said.contains(entry.value) else Expectation.EITHER,
            )
            for entry in entries
        ]
    return pool_of(spec.name, entries)


def largest_batch(schema: TensorSchema, free: Mapping[int, tuple[int, ...]], most: int) -> int:
    """Return how many rows a payload can have without growing too large, from 1 to `most`."""
    largest = {axis: max(sizes) for axis, sizes in free.items()}
    a_row = sum(int(np.prod(shape_of(spec, 1, largest), dtype=np.int64)) for spec in schema.tensors)
    return max(1, min(most, _MAX_ELEMENTS // max(1, a_row)))


def tensor_cases(
    schema: TensorSchema,
    domain: Domain,
    example: Tensors | None,
    envelopes: tuple[Envelope, ...],
    *,
    max_rows: int = 10,
) -> SearchStrategy[Case]:
    """Return valid requests of tensors, each with its level; see `payloads.cases`.

    Raises:
        SignatureError: JSON cannot carry a dtype.
    """
    pools = {spec.name: element_pool(spec, example, domain) for spec in schema.tensors}
    whole = {
        (spec.name, level): elements(spec, domain=domain.of(spec.name), level=level)
        for spec in schema.tensors
        for level in (Level.PLAUSIBLE, Level.EXTREME)
    }
    free = free_sizes(schema, example)
    most_rows = largest_batch(schema, free, max_rows)
    noise = st.binary(min_size=_NOISE, max_size=_NOISE)
    spots = st.lists(
        st.tuples(st.sampled_from(schema.tensors), st.integers(0, _MAX_ELEMENTS), st.integers(0, 255)), max_size=_SPOTS
    )

    @st.composite
    def arrays(draw: st.DrawFn) -> Case:
        plan = draw(st.sampled_from(PLANS))
        n_rows = draw(st.integers(1, most_rows))
        sizes = {axis: draw(st.sampled_from(choices)) for axis, choices in free.items()}
        built = _Built(pools=pools)
        raw = None if plan.noise is None else np.frombuffer(draw(noise), dtype=np.uint8)
        for spec in schema.tensors:
            built.start(spec, base_array(spec, shape_of(spec, n_rows, sizes), example), raw, plan)
        if plan.spots is not Level.EXAMPLE:
            for spec, at, byte in draw(spots):
                entries = pools[spec.name].upto(plan.spots)
                built.change(spec, at, entries[byte % len(entries)])
            for spec, at, _ in draw(spots)[:_FULL_RANGE]:
                value = draw(whole[spec.name, plan.spots])
                built.change(spec, at, Entry(value=value, name="drawn", level=level_of(value)))
        envelope = envelopes[0] if len(envelopes) == 1 else draw(st.sampled_from(envelopes))
        is_known = example is None or all(size == free[axis][0] for axis, size in sizes.items())
        return built.case(envelope, Level.EXAMPLE if is_known else Level.PLAUSIBLE)

    return arrays()


class _Built:
    """Tensors in the making, with the level that they have reached and what is special in them."""

    def __init__(self, *, pools: Mapping[str | None, Pool]) -> None:
        self._pools = pools
        self._arrays: dict[str | None, np.ndarray] = {}
        self._level = Level.EXAMPLE
        self._special: list[str] = []

    def start(self, spec: TensorSpec, base: np.ndarray, raw: np.ndarray | None, plan: TensorPlan) -> None:
        """Take a tensor as the example has it, or let bytes pick its elements."""
        if raw is None or plan.noise is None:
            self._arrays[spec.name] = base
            return
        entries = self._pools[spec.name].upto(plan.noise)
        chosen = np.resize(raw % len(entries), base.size)
        pool = as_elements([entry.value for entry in entries], dtype_of(spec))
        self._arrays[spec.name] = pool[chosen].reshape(base.shape)
        if base.size:
            self._level = max(self._level, *(entries[at].level for at in np.unique(chosen)))

    def change(self, spec: TensorSpec, at: int, entry: Entry) -> None:
        """Set one element, counted in row-major order and from the start again beyond the end."""
        flat = self._arrays[spec.name].reshape(-1)
        if not flat.size:
            return
        flat[at % flat.size] = entry.value
        self._level = max(self._level, entry.level)
        if entry.name:
            name = "" if spec.name is None else f'"{spec.name}" '
            self._special.append(f"{name}element {at % flat.size} = {shown(entry.value)} ({entry.name})")

    def case(self, envelope: Envelope, at_least: Level) -> Case:
        """Return what was made."""
        shapes = ", ".join(str(array.shape) for array in self._arrays.values())
        return Case(
            payload=Tensors(arrays=dict(self._arrays)),
            envelope=envelope,
            label="; ".join([f"shape {shapes}", *self._special[:3]]),
            level=max(self._level, at_least),
        )


def _itself(value: object) -> object:
    return value
