"""Compare how long a model's environment takes, ours beside MLflow's own: cold, with warm downloads, and once there.

Each way restores the environment of `example_models/iris_classifier` in a process of its own, with download caches and
environments of its own, in turns, so that a busy machine slows all. Then the model is loaded for the first time, which
compiles what it imports: ours does that at the end of a build, MLflow's leaves it to the first start of a server. Here
it is a column of its own. MLflow's run by the mlflow of an environment that is restored first, and need `pyenv` on
PATH. conda needs a channel, such as --conda-channel conda-forge=file:///srv/channel.

Run: python benchmarks/environments.py [--rounds N] [--way NAME ...] [--conda-channel NAME=URL] [--write]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from uv import find_uv_bin

from pytest_modelserve.environment.restoration import default_root
from pytest_modelserve.environment.restore import restore
from pytest_modelserve.pipeline import environment_request, read_subject, restore_environment
from pytest_modelserve.setting_texts import parse_channels
from pytest_modelserve.settings import Settings

ROOT: Final = Path(__file__).parents[1]
MODEL: Final = ROOT / "example_models" / "iris_classifier"
PAGE: Final = ROOT / "docs" / "explanation" / "environments.md"
BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"
COLD, WARM, LOAD, CACHED = STATES = ("cold", "warm", "first load", "cached")
COMPARED: Final = (COLD, WARM, CACHED)
LOADING: Final = "import sys; from mlflow.pyfunc import load_model; load_model(sys.argv[1])"
MANAGERS: Final = ("uv", "virtualenv", "conda")
YARDSTICK: Final = {"uv": "mlflow with uv", "virtualenv": "mlflow with virtualenv", "conda": "mlflow with virtualenv"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """Seconds that a restore took: of the clock, of all its processes' CPU, and of ours alone without imports."""

    wall_s: float
    cpu_s: float
    work_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to restore.

    Attributes:
        name: As the table says it.
        home: Its own folder, with `downloads` and `envs`.
        command: The process.
        env: What it finds its folders by.
        python: Where the environment's Python is, below `envs`, as a pattern.
        is_ours: Whether its last line is JSON with `work_s`.
    """

    name: str
    home: Path
    command: Sequence[str]
    python: str
    env: Mapping[str, str] = field(default_factory=dict)
    is_ours: bool = False

    def take(self, state: str) -> Took:
        """Restore once from what this state has, or load the model in what is restored."""
        for folder in {COLD: ("envs", "downloads"), WARM: ("envs",)}.get(state, ()):
            shutil.rmtree(self.home / folder, ignore_errors=True)
        self.home.mkdir(parents=True, exist_ok=True)
        command = self._loading() if state == LOAD else self.command
        before, started = children_cpu_s(), time.perf_counter()
        done = subprocess.run(
            command, env={**clean(), **self.env}, cwd=self.home, capture_output=True, text=True, check=False
        )
        wall_s, cpu_s = time.perf_counter() - started, children_cpu_s() - before
        if done.returncode:
            raise RuntimeError(f"{self.name}, {state}: exit code {done.returncode}\n{done.stderr[-3000:]}")
        work_s = json.loads(done.stdout.splitlines()[-1])["work_s"] if self.is_ours and state != LOAD else None
        return Took(wall_s=wall_s, cpu_s=cpu_s, work_s=work_s)

    def _loading(self) -> Sequence[str]:
        (python,) = (self.home / "envs").glob(self.python)
        return str(python), "-I", "-c", LOADING, str(MODEL)


def clean() -> dict[str, str]:
    """Return the variables without what would make every start compile anew."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ours(manager: str, home: Path, channels: Sequence[str]) -> Way:
    words = [option for channel in channels for option in ("--conda-channel", channel)]
    downloads = str(home / "downloads")
    return Way(
        name=manager,
        home=home,
        python="envs/*/g-*/env/bin/python",
        command=(sys.executable, __file__, "--one", manager, "--root", str(home / "envs"), *words),
        env={"UV_CACHE_DIR": downloads, "PIP_CACHE_DIR": downloads, "RATTLER_CACHE_DIR": f"{downloads}/rattler"},
        is_ours=True,
    )


def mlflows(manager: str, home: Path, python: Path) -> Way:
    downloads, uv = str(home / "downloads"), Path(find_uv_bin()).parent
    return Way(
        name=f"mlflow with {manager}",
        home=home,
        python="mlflow-*/bin/python",
        command=(str(python), "-m", "mlflow", "models", "prepare-env", "-m", str(MODEL), "--env-manager", manager),
        env={
            "MLFLOW_ENV_ROOT": str(home / "envs"),
            "UV_CACHE_DIR": downloads,
            "PIP_CACHE_DIR": downloads,
            "PATH": f"{uv}{os.pathsep}{os.environ['PATH']}",
        },
    )


def restore_one(manager: str, root: Path, channels: Sequence[str]) -> None:
    """Restore as one of our managers does but for the load, and print what the work took once all was imported."""
    places = parse_channels("\n".join(channels))
    settings = Settings(env_manager=manager, cache_dir=root, conda_channels=places)
    subject = read_subject(str(MODEL), settings)
    request = replace(environment_request(subject.model, settings), smoke=())
    used = time.process_time()
    with restore(request) as environment:
        print(json.dumps({"work_s": time.process_time() - used, "packages": len(environment.freeze)}))


def rounds_of(ways: Sequence[Way], n_rounds: int) -> Iterator[tuple[str, Mapping[str, Took]]]:
    """Yield each state with what every way took: cold once, the others as often as asked."""
    for state in (COLD, *(state for _ in range(n_rounds) for state in (WARM, LOAD, CACHED))):
        took = {}
        for way in ways:
            took[way.name] = way.take(state)
            sys.stderr.write(f"{state:12}{way.name:24}{took[way.name].wall_s:8.1f} s\n")
        yield state, took


def as_table(ways: Sequence[Way], measured: Mapping[str, Sequence[Mapping[str, Took]]]) -> Iterator[str]:
    """Yield the lines of the table, medians of the rounds."""
    titles = ["way", *(f"{state}, s" for state in STATES), *(f"{state}, CPU s" for state in STATES)]
    titles += ["work of a cached one, ms", f"of what MLflow takes: {', '.join(COMPARED)}"]
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * len(titles)}"
    for way in ways:
        walls = {state: median(measured[state], way.name, "wall_s") for state in STATES}
        cpus = {state: median(measured[state], way.name, "cpu_s") for state in STATES}
        cells = [way.name, *(f"{walls[state]:.1f}" for state in STATES), *(f"{cpus[state]:.1f}" for state in STATES)]
        if not way.is_ours:
            yield f"| {' | '.join([*cells, '', ''])} |"
            continue
        other = YARDSTICK[way.name]
        ratios = [walls[state] / median(measured[state], other, "wall_s") for state in COMPARED]
        work_ms = 1000 * median(measured[CACHED], way.name, "work_s")
        yield f"| {' | '.join([*cells, f'{work_ms:.0f}', ', '.join(f'{ratio:.2f}' for ratio in ratios)])} |"


def median(rounds: Sequence[Mapping[str, Took]], name: str, key: str) -> float:
    return statistics.median(getattr(one[name], key) for one in rounds)


def write(lines: Sequence[str]) -> None:
    """Put the table between its marks on the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of what is warm and cached; cold is restored once")
    parser.add_argument("--way", action="append", choices=MANAGERS, help="of ours; by default all")
    parser.add_argument("--conda-channel", action="append", default=[], metavar="NAME=URL")
    parser.add_argument("--cache-dir", type=Path, default=default_root(), help="has the environment that runs mlflow")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.relative_to(ROOT)}")
    parser.add_argument("--one", choices=MANAGERS, help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        restore_one(options.one, options.root, options.conda_channel)
        return
    subject = read_subject(str(MODEL), Settings(env_manager="uv", cache_dir=options.cache_dir))
    with restore_environment(subject) as runner, tempfile.TemporaryDirectory(dir=options.cache_dir) as home:
        ways = [ours(name, Path(home, name), options.conda_channel) for name in options.way or MANAGERS]
        ways += [mlflows(name, Path(home, f"mlflow-{name}"), runner.python) for name in ("uv", "virtualenv")]
        measured: dict[str, list[Mapping[str, Took]]] = {state: [] for state in STATES}
        for state, took in rounds_of(ways, options.rounds):
            measured[state].append(took)
    lines = list(as_table(ways, measured))
    print("\n".join(lines))
    if options.write:
        write(lines)


if __name__ == "__main__":
    main()
