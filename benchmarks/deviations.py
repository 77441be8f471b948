"""Send the example of each known deviation of a server to the real one, and tell which no longer show.

The versions of mlflow are those that the example models are pinned to, and any others that are named, each in an
environment of its own: the ends of the ranges in `server/deviations` were tried so.

MLflow 2.21 to 3.0 at least cannot serve with starlette 1, which their requirements let in.

Run: python benchmarks/deviations.py [--server mlserver] [--model flight_delays] [--mlflow 3.0.0 --with 'starlette<1']
    [--cache-dir FOLDER]
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.version import Version

from pytest_modelserve.checks.calls import CallLog
from pytest_modelserve.errors import ModelServeError
from pytest_modelserve.pipeline import serve
from pytest_modelserve.served import ServedModel
from pytest_modelserve.server.deviations import DEVIATIONS, Deviation
from pytest_modelserve.settings import Settings

FASTAPI = (2, 21)  # before, mlflow-skinny brings nothing that serves
ROOTS = (Path(__file__).parents[1] / "example_models", Path(__file__).parent / "models")
PIN = re.compile(r"^(mlflow(?:-skinny)?)==.*$", re.MULTILINE)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default="mlflow", help="whose deviations: mlflow or mlserver")
    parser.add_argument("--model", action="append", help="only the examples for this model; may be repeated")
    parser.add_argument("--mlflow", action="append", default=[], help="another version of mlflow; may be repeated")
    parser.add_argument(
        "--with", action="append", default=[], dest="others", help="another requirement, as pip takes it"
    )
    parser.add_argument("--cache-dir", type=Path, help="where environments are kept")
    asked = parser.parse_args(arguments)
    models = sorted({one.example.model for one in DEVIATIONS if one.server == asked.server})
    wrong = [served_by(model, version, asked) for model in asked.model or models for version in asked.mlflow or [""]]
    return 1 if any(wrong) else 0


def served_by(model: str, version: str, asked: argparse.Namespace) -> int:
    """Return the same as `tried`, and 1 where the model cannot be served by this version."""
    try:
        return tried(model, version, asked)
    except ModelServeError as error:
        print(f"{model} on {asked.server}, mlflow {version or 'as pinned'}: {error}")
        return 1


def tried(model: str, version: str, asked: argparse.Namespace) -> int:
    """Return how many examples for a model the server of one version answers in another way than is told."""
    known = [one for one in DEVIATIONS if (one.example.model, one.server) == (model, asked.server)]
    n_wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        source = next(root / model for root in ROOTS if (root / model).is_dir())
        directory = repinned(source, version, Path(folder), asked.others) if version else source
        for workers in sorted({one.example.workers for one in known}):
            settings = Settings(server=asked.server, env_manager="uv", cache_dir=asked.cache_dir, workers=workers)
            with serve(str(directory), settings) as served:
                print(f"{model} on {asked.server} {served.server_version}{f' with {workers} workers' * bool(workers)}")
                n_wrong += sum(is_wrong(served, one) for one in known if one.example.workers == workers)
    return n_wrong


def is_wrong(served: ServedModel, deviation: Deviation) -> bool:
    """Tell whether a deviation shows although its versions do not say so, or does not although they do."""
    wrong = "; ".join(differences(served, deviation))
    is_claimed = deviation.is_of(served.server_version)
    if is_claimed:
        print(f"  {deviation.id:34} {f'does not show: {wrong}' if wrong else 'shows'}")
    elif not wrong:
        print(f"  {deviation.id:34} shows, although {deviation.versions} is claimed")
    return bool(wrong) == is_claimed


def repinned(model: Path, version: str, folder: Path, others: Sequence[str]) -> Path:
    """Return a copy of a model that is pinned to another version of mlflow."""
    copy = folder / model.name
    shutil.copytree(model, copy)
    requirements = copy / "requirements.txt"
    text = PIN.sub(rf"\1=={version}", requirements.read_text(encoding="utf-8"))
    brings_none = "mlflow-skinny" in text and Version(version).release < FASTAPI
    lines = (text, *(("flask", "gunicorn") if brings_none else ()), *others)
    requirements.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return copy


def differences(served: ServedModel, deviation: Deviation) -> Iterator[str]:
    """Send the example of a deviation, and yield in what the server does not do as is told."""
    example = deviation.example
    if example.is_early:
        early = {(one.request, one.status) for one in served.private().server.early_answers}
        if (f"{example.method} {example.path}", example.status) not in early:
            yield f"was answered {sorted(early)} while it started"
        return
    headers = {} if example.content_type is None else {"Content-Type": example.content_type}
    calls = CallLog(served.calls_path, is_from_now=True)
    invocation = served.client.send(example.content, headers, method=example.method, path=example.path)
    if invocation.status != example.status:
        yield f"answered {invocation.status}, not {example.status}: {invocation.body[:200]!r}"
    call = calls.find(invocation.request_id)
    if (call is not None) != example.reaches:
        yield f"the model was {'' if call else 'not '}reached"
    if not re.search(example.answer, invocation.body[:2000].decode("utf-8", "replace")):
        yield f"answered {invocation.body[:200]!r}"
    if example.received and (call is None or not re.search(example.received, repr(call.received.value))):
        yield "the model received something else"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
