"""Make ordinary models, saved as their authors would: MLflow's own flavors, default settings, real data.

Run by an interpreter that has what `training.txt` names, or `torch.txt` for the family torch_nets:

    python make_ordinary_models.py TARGET [NAME ...] [--family FAMILY]

Each becomes TARGET/NAME, is loaded again and must answer its own example, one prediction a row. None was made to please
this project: encoders meet unseen categories, scalers infinities and imputers nulls as they do anywhere.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import joblib
import mlflow
import numpy as np

if TYPE_CHECKING:
    from live.ordinary.ordinary_models.ordinary import Ordinary

HERE: Final = Path(__file__).parent
FAMILIES: Final = ("sklearn_numbers", "sklearn_mixed", "text", "boosters", "functions", "statistics", "onnx_nets")
TORCH: Final = "torch_nets"  # has an environment of its own
PINS: Final = {TORCH: "torch.txt"}

Maker = Callable[[], "Ordinary"]


def makers(families: Iterable[str]) -> Mapping[str, tuple[str, Maker]]:
    """Return, for each model, its family and the function that makes it."""
    loaded = {family: importlib.import_module(f"ordinary_models.{family}").MODELS for family in families}
    return {make.__name__: (family, make) for family, all_of_it in loaded.items() for make in all_of_it}


def save(ordinary: Ordinary, path: Path, pins: str) -> None:
    """Write the model directory, by save_model or, in a run of a store of its own, by log_model."""
    flavor: Any = getattr(mlflow, ordinary.flavor)
    given = {
        "input_example": ordinary.example,
        "signature": ordinary.signature,
        "pip_requirements": str(HERE / pins),  # all of a family's in one environment, which is built once
        **ordinary.options,
    }
    model = () if ordinary.model is None else (ordinary.model,)
    with tempfile.TemporaryDirectory() as store:
        if ordinary.artifact is not None:
            joblib.dump(ordinary.artifact, f"{store}/model.joblib")
            given["artifacts"] = {"model": f"{store}/model.joblib"}
        if not ordinary.is_logged:
            flavor.save_model(*model, path=str(path), **given)
            return
        mlflow.set_tracking_uri(f"sqlite:///{store}/mlflow.db")
        experiment = mlflow.create_experiment("ordinary", artifact_location=f"{store}/artifacts")
        with mlflow.start_run(experiment_id=experiment):
            logged = flavor.log_model(*model, name="model", **given)
        mlflow.artifacts.download_artifacts(logged.model_uri, dst_path=str(path))


def check(ordinary: Ordinary, path: Path) -> None:
    """Load the model as a server does and let it answer its example."""
    answer = mlflow.pyfunc.load_model(str(path)).predict(ordinary.example)
    sent = ordinary.example
    n_rows = len(next(iter(sent.values()))) if isinstance(sent, dict) else len(sent)
    columns = answer.values() if isinstance(answer, dict) else [answer]
    for column in columns:
        if len(np.asarray(column)) != n_rows:
            raise SystemExit(f"{path.name} answers {len(column)} predictions for {n_rows} rows")


def main() -> None:
    """Make the models that are named, by default all of the families."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("target", type=Path, help="a folder for the model directories")
    parser.add_argument("names", nargs="*", metavar="NAME", help="all of the families, by default")
    parser.add_argument("--family", action="append", choices=(*FAMILIES, TORCH), help="all but torch_nets, by default")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")  # of MLflow, on integers that cannot be null and the like
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    known = makers(chosen.family or FAMILIES)
    unknown = set(chosen.names) - set(known)
    if unknown:
        parser.error(f"no such model: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    chosen.target.mkdir(parents=True, exist_ok=True)
    for name in chosen.names or known:
        family, make = known[name]
        ordinary = make()
        path = chosen.target / name
        shutil.rmtree(path, ignore_errors=True)
        save(ordinary, path, PINS.get(family, "requirements.txt"))
        check(ordinary, path)
        print(name, flush=True)


if __name__ == "__main__":
    main()
