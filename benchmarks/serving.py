"""Compare our server with MLflow's own on one model: requests a second, latency, and CPU time a request, as ratios.

Both serve `example_models/iris_classifier` in the environment of its pins, at the same time, and are asked in turns, so
that a busy machine slows both. Requires psutil.

Run: python benchmarks/serving.py [--rounds N] [--seconds S] [--cache-dir DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from pytest_modelserve.environment.restoration import Environment, default_root
from pytest_modelserve.pipeline import read_subject, restore_environment
from pytest_modelserve.server.backends.environ import build_worker_env
from pytest_modelserve.server.launch import LaunchSpec, Probe
from pytest_modelserve.server.process import serving
from pytest_modelserve.server.state import Server
from pytest_modelserve.settings import Settings
from pytest_modelserve.subject import launch_spec

MODEL = Path(__file__).parents[1] / "example_models" / "iris_classifier"
COLUMNS = [f"{part} {side} (cm)" for part in ("sepal", "petal") for side in ("length", "width")]
WARM_UP = 50  # requests that are not counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How many rows a request has, and over how many connections requests come."""

    n_rows: int
    n_connections: int

    @property
    def body(self) -> bytes:
        rows = [[5.1 + at % 7 / 10, 3.5, 1.4 + at % 11 / 10, 0.2] for at in range(self.n_rows)]
        return json.dumps({"dataframe_split": {"columns": COLUMNS, "data": rows}}).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one server did with one load."""

    rate: float  # requests a second
    p50_ms: float
    p99_ms: float
    cpu_ms: float  # a request, of all processes of the server


LOADS = (Load(n_rows=1, n_connections=1), Load(n_rows=1, n_connections=8), Load(n_rows=1000, n_connections=1))


class Connection:
    """A connection that is kept, without the delay by which small segments wait for each other."""

    def __init__(self, base_url: str) -> None:
        where = urlsplit(base_url)
        self._http = HTTPConnection(where.hostname or "", where.port)
        self._http.connect()
        self._http.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, body: bytes) -> float:
        """Return the seconds to the whole answer."""
        started = time.perf_counter()
        self._http.request("POST", "/invocations", body, {"Content-Type": "application/json"})
        response = self._http.getresponse()
        answer = response.read()
        elapsed_s = time.perf_counter() - started
        if response.status != 200:
            raise RuntimeError(f"{response.status} {answer[:300]!r}")
        return elapsed_s


def measure(server: Server, load: Load, seconds: float) -> Measured:
    """Send as fast as answers come, for some seconds."""
    body, elapsed = load.body, list[float]()
    connections = [Connection(server.base_url) for _ in range(load.n_connections)]
    for at in range(WARM_UP):
        connections[at % len(connections)].ask(body)

    def send(connection: Connection, until: float) -> None:
        while time.perf_counter() < until:
            elapsed.append(connection.ask(body))

    cpu_before, started = cpu_s(server), time.perf_counter()
    threads = [threading.Thread(target=send, args=(each, started + seconds)) for each in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, cpu = time.perf_counter() - started, cpu_s(server) - cpu_before
    elapsed.sort()
    return Measured(
        rate=len(elapsed) / took,
        p50_ms=elapsed[len(elapsed) // 2] * 1000,
        p99_ms=elapsed[int(len(elapsed) * 0.99)] * 1000,
        cpu_ms=cpu / len(elapsed) * 1000,
    )


def cpu_s(server: Server) -> float:
    """Return the CPU seconds so far of a server and all its processes."""
    process = psutil.Process(server.pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def mlflow_launch(environment: Environment) -> LaunchSpec:
    """Return what MLflow's containers run, without access log."""
    app = ("-m", "uvicorn", "mlflow.pyfunc.scoring_server.app:app", "--host", "127.0.0.1", "--port", "{port}")
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return LaunchSpec(
        name="mlflow",
        backend="mlflow",
        model_uri=str(MODEL),
        command=(str(environment.python), *app, "--no-access-log", "--log-level", "warning"),
        env={**build_worker_env(environ, environment.prefix), "__pyfunc_model_path__": str(MODEL)},
        probe=Probe(body=LOADS[0].body),
    )


@contextmanager
def both(cache_dir: Path, home: Path) -> Iterator[dict[str, Server]]:
    """Run both servers."""
    subject = read_subject(str(MODEL), Settings(env_manager="uv", cache_dir=cache_dir))
    with (
        restore_environment(subject) as environment,
        serving(launch_spec(subject, environment), home / "ours") as ours,
        serving(mlflow_launch(environment), home / "theirs") as theirs,
    ):
        yield {"ours": ours, "mlflow": theirs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="a server, load and round")
    parser.add_argument("--cache-dir", type=Path, default=default_root())
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, both(options.cache_dir, Path(home)) as servers:
        for load in LOADS:
            rounds = [
                {name: measure(server, load, options.seconds) for name, server in servers.items()}
                for _ in range(options.rounds)
            ]
            report(load, rounds)


def report(load: Load, rounds: list[dict[str, Measured]]) -> None:
    print(f"{load.n_rows} rows, {load.n_connections} connections")
    for name in rounds[0]:
        found = [each[name] for each in rounds]
        rate, p50, p99, cpu = (
            statistics.median(getattr(one, key) for one in found) for key in ("rate", "p50_ms", "p99_ms", "cpu_ms")
        )
        print(f"  {name:7}{rate:8.0f} a second   p50 {p50:6.2f} ms   p99 {p99:6.2f} ms   CPU {cpu:5.2f} ms a request")
    rates = [each["ours"].rate / each["mlflow"].rate for each in rounds]
    cpus = [each["mlflow"].cpu_ms / each["ours"].cpu_ms for each in rounds]
    spread = f"{min(rates):.2f} to {max(rates):.2f}"
    print(f"  ratio  {statistics.median(rates):8.2f} ({spread}); CPU {statistics.median(cpus):.2f}")


if __name__ == "__main__":
    main()
