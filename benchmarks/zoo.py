"""Send every animal, faulty server and healthy twin of the zoo through the gate with three seeds; print the table.

Run: python benchmarks/zoo.py [--seeds N] [--jobs N] [--only NAME ...] [--cache-dir DIR]
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pytest_modelserve.environment.restoration import default_root
from pytest_modelserve.settings import Settings

sys.path.pop(0)  # this folder, in which `zoo` is this file
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from zoo.animals import ANIMALS
from zoo.model_source import ModelSource
from zoo.servers.backend import TWIN, add_backends, backend_name
from zoo.servers.cast import SERVERS
from zoo.table import Row, as_lines
from zoo.twins import TWINS
from zoo.visit import visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """One model, with what it is about and the settings of its run."""

    name: str
    source: ModelSource
    settings: Settings
    seen: str = ""
    check: str = ""


def visitors(settings: Settings) -> Iterator[Visitor]:
    """Yield all that the zoo has."""
    for animal in ANIMALS:
        limits = replace(settings, **animal.settings)
        yield Visitor(name=animal.name, source=animal.model(), settings=limits, seen=animal.source, check=animal.check)
    for twin in TWINS:
        yield Visitor(name=twin.name, source=twin.species.source(), settings=replace(settings, **twin.settings))
    behind = {}
    for server in SERVERS:
        backend = backend_name(server.name, has_spy=server.has_spy)
        limits = replace(settings, server=backend, **server.settings)
        source = server.species.source()
        yield Visitor(name=server.name, source=source, settings=limits, seen=server.source, check=server.check)
        twin_backend = backend_name(TWIN, has_spy=server.has_spy)
        name = f"{twin_backend} around {server.species.name}"
        behind[name] = Visitor(name=name, source=source, settings=replace(settings, server=twin_backend))
    yield from behind.values()


def visited(name: str, *, cache_dir: Path, home: Path, seed: int) -> Row:
    """Return what came of one visit; it is found again by its name, since no process can be sent one."""
    visitor = next(visitor for visitor in visitors(Settings(cache_dir=cache_dir)) if visitor.name == name)
    model = visitor.source.write(home / str(seed) / visitor.name.replace(" ", "_"))
    found = visit(model, visitor.settings, seed=seed)
    row = Row(name=visitor.name, visit=found, source=visitor.seen, check=visitor.check)
    print(f"seed {seed}: {row.cells[0]} {row.name}: {' '.join(row.cells[4:])}", file=sys.stderr, flush=True)
    return row


def main() -> int:
    """Print a table a seed; return 1 where something was not as expected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--jobs", type=int, default=1, help="visits at a time; the seconds are then those of a busy machine"
    )
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--cache-dir", type=Path, default=default_root())
    options = parser.parse_args()
    is_fine = True
    known = [visitor.name for visitor in visitors(Settings(cache_dir=options.cache_dir))]
    chosen = [name for name in known if not options.only or name in options.only]
    with tempfile.TemporaryDirectory() as home:
        add_backends(Path(home) / "site")  # the processes are forks, which find them, too
        forks = multiprocessing.get_context("fork")
        for seed in range(1, options.seeds + 1):
            visit_one = partial(visited, cache_dir=options.cache_dir, home=Path(home), seed=seed)
            with ProcessPoolExecutor(options.jobs, mp_context=forks) as pool:
                rows = list(pool.map(visit_one, chosen))
            print(f"seed {seed}", *as_lines(rows), "", sep="\n", flush=True)
            is_fine = is_fine and all(row.is_as_expected for row in rows)
    return 0 if is_fine else 1


if __name__ == "__main__":
    sys.exit(main())
