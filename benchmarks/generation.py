"""Compare the fast generator with naive lists a column: payloads a CPU second, rows reached, discarded attempts.

Run: python benchmarks/generation.py
"""

from __future__ import annotations

import time
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from pytest_modelserve.cases import Case, Table
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature
from pytest_modelserve.strategies import cases, from_signature, values

KINDS = (DataType.DOUBLE, DataType.LONG, DataType.STRING, DataType.BOOLEAN)
WIDTHS = (4, 30, 300)
EXAMPLES = {4: 600, 30: 300, 300: 60}


def wide(width: int) -> Signature:
    return Signature(
        inputs=ColumnSchema(columns=tuple(ColumnSpec(name=f"c{at}", type=KINDS[at % 4]) for at in range(width)))
    )


def naive(signature: Signature) -> st.SearchStrategy[Table]:
    """Return tables of one list a column, as most people write them."""
    schema = signature.inputs
    assert isinstance(schema, ColumnSchema)

    @st.composite
    def lists(draw: st.DrawFn) -> Table:
        n_rows = draw(st.integers(1, 10))
        columns = [draw(st.lists(values(spec.type), min_size=n_rows, max_size=n_rows)) for spec in schema.columns]
        return Table(columns=schema.names, rows=tuple(zip(*columns, strict=True)))

    return lists()


def measured(strategy: st.SearchStrategy[object], n: int) -> tuple[float, float, int]:
    """Return payloads a CPU second, and the mean and greatest number of rows."""
    sizes: list[int] = []

    @seed(20831)
    @settings(
        max_examples=n, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(strategy)
    def collect(found: object) -> None:
        payload = found.payload if isinstance(found, Case) else found
        assert isinstance(payload, Table)
        sizes.append(len(payload.rows))

    started = time.process_time()
    collect()
    return len(sizes) / (time.process_time() - started), sum(sizes) / len(sizes), max(sizes)


def main() -> None:
    makers: dict[str, Callable[[Signature], st.SearchStrategy[object]]] = {
        "naive lists": naive,
        "from_signature": from_signature,
        "cases (fast)": cases,
    }
    print(f"{'strategy':<16}{'columns':>8}{'per CPU-s':>11}{'mean rows':>11}{'max':>5}{'ratio':>8}")
    for width in WIDTHS:
        first = 0.0
        for name, make in makers.items():
            speed, mean, most = measured(make(wide(width)), EXAMPLES[width])
            first = first or speed
            print(f"{name:<16}{width:>8}{speed:>11.1f}{mean:>11.1f}{most:>5}{speed / first:>8.1f}")


if __name__ == "__main__":
    main()
