"""Measure what the spy costs: requests a second with and without a request id, by which it records, as ratios.

One server with a model that does next to nothing, so that the spy's share is at its greatest; requests with and
without come by turns. The rates are those of the quickest tenth, which a busy machine disturbs least.

Run: python benchmarks/spy.py [--requests N] [--cache-dir DIR]
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from pytest_modelserve.client import REQUEST_ID_HEADER
from pytest_modelserve.pipeline import launch_spec, read_subject, restore_environment
from pytest_modelserve.server.process import serving
from pytest_modelserve.settings import Settings

PINNED = Path(__file__).parents[1] / "example_models" / "penguins_rules"  # whose pins have pandas and little else
WARM_UP = 30  # requests of each side that are not counted
SHAPES = ((1, 4), (1000, 4), (1, 300))  # rows, columns
LOADER = """
class Model:
    def predict(self, data, params=None):
        return data.iloc[:, 0].to_numpy()


def _load_pyfunc(path):
    return Model()
"""
KINDS = ("double", "long", "string", "boolean")
CELLS = {"double": 0.1, "long": 2**53 + 1, "string": "text", "boolean": True}


def kinds_of(n_columns: int, *, is_mixed: bool) -> list[str]:
    return [KINDS[at % 4] if is_mixed else "double" for at in range(n_columns)]


def written(path: Path, kinds: list[str]) -> Path:
    (path / "code").mkdir(parents=True)
    (path / "code" / "first_column.py").write_text(LOADER)
    for name in ("conda.yaml", "python_env.yaml", "requirements.txt"):
        shutil.copy(PINNED / name, path)
    inputs = [{"name": f"c{at}", "type": kind, "required": True} for at, kind in enumerate(kinds)]
    flavor = {"loader_module": "first_column", "code": "code", "env": {"virtualenv": "python_env.yaml"}}
    document = {"flavors": {"python_function": flavor}, "signature": {"inputs": json.dumps(inputs)}}
    (path / "MLmodel").write_text(yaml.safe_dump(document))
    return path


@contextmanager
def served(path: Path, cache_dir: Path | None) -> Iterator[HTTPConnection]:
    subject = read_subject(str(path), Settings(cache_dir=cache_dir))
    with restore_environment(subject) as environment, tempfile.TemporaryDirectory() as home:
        with serving(launch_spec(subject, environment), Path(home)) as server:
            where = urlsplit(server.base_url)
            yield HTTPConnection(where.hostname or "", where.port)


def ask(connection: HTTPConnection, body: bytes, headers: dict[str, str]) -> float:
    """Return the seconds to the whole answer."""
    started = time.perf_counter()
    connection.request("POST", "/invocations", body, {"Content-Type": "application/json", **headers})
    response = connection.getresponse()
    text = response.read()
    if response.status != 200:
        raise RuntimeError(f"{response.status} {text[:300]!r}")
    return time.perf_counter() - started


def measured(connection: HTTPConnection, body: bytes, n: int) -> tuple[float, float]:
    """Return the seconds within which a tenth of the requests came back, without and with the spy, asked by turns."""
    sides: dict[bool, list[float]] = {False: [], True: []}
    for at in range(2 * (n + WARM_UP)):
        is_spied = at % 2 == 1
        sides[is_spied].append(ask(connection, body, {REQUEST_ID_HEADER: f"r{at}"} if is_spied else {}))
    bare, spied = (statistics.quantiles(sides[is_spied][WARM_UP:], n=10)[0] for is_spied in (False, True))
    return bare, spied


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=500, help="of each side")
    parser.add_argument("--cache-dir", type=Path)
    options = parser.parse_args()
    print(f"{'rows':>6}{'columns':>9}  {'types':<8}{'without, req/s':>15}{'with, req/s':>13}{'ratio':>8}")
    for n_rows, n_columns in SHAPES:
        for is_mixed in (False, True):
            kinds = kinds_of(n_columns, is_mixed=is_mixed)
            rows = [[CELLS[kind] for kind in kinds]] * n_rows
            body = json.dumps({"dataframe_split": {"columns": [f"c{at}" for at in range(n_columns)], "data": rows}})
            with tempfile.TemporaryDirectory() as folder:
                with served(written(Path(folder) / "model", kinds), options.cache_dir) as connection:
                    bare, spied = measured(connection, body.encode(), options.requests)
            print(
                f"{n_rows:>6}{n_columns:>9}  {'mixed' if is_mixed else 'double':<8}{1 / bare:>15.0f}{1 / spied:>13.0f}"
                f"{bare / spied:>8.2f}"
            )


if __name__ == "__main__":
    main()
