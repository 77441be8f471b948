"""Gradient boosting: XGBoost, LightGBM and CatBoost, by their scikit-learn interfaces and their own."""

from __future__ import annotations

import catboost
import lightgbm
import xgboost
from mlflow.models import infer_signature
from sklearn import datasets

from .data import cars, flights, tips, weather
from .ordinary import SEED, Ordinary


def diabetes_xgboost() -> Ordinary:
    """XGBoost by its scikit-learn interface, a float out."""
    frame, target = datasets.load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    frame = frame[["age", "bmi", "bp", "s5"]]
    model = xgboost.XGBRegressor(n_estimators=30, random_state=SEED).fit(frame, target)
    return Ordinary(flavor="xgboost", model=model, example=frame.sample(5, random_state=SEED))


def cancer_xgboost() -> Ordinary:
    """XGBoost on many columns, logged in a run, so that MLmodel has the ids of one."""
    frame, target = datasets.load_breast_cancer(return_X_y=True, as_frame=True)
    frame = frame[[name for name in frame if name.startswith("mean")]]
    model = xgboost.XGBClassifier(n_estimators=20, random_state=SEED).fit(frame, target)
    return Ordinary(flavor="xgboost", model=model, example=frame.sample(5, random_state=SEED), is_logged=True)


def cars_xgboost() -> Ordinary:
    """XGBoost's own interface, on a column with nulls."""
    frame = cars()
    inputs = frame[["Horsepower", "Weight_in_lbs", "Cylinders"]]
    matrix = xgboost.DMatrix(inputs, label=frame["Miles_per_Gallon"])
    model = xgboost.train({"seed": SEED, "max_depth": 3}, matrix, num_boost_round=20)
    signature = infer_signature(inputs, model.predict(matrix))
    return Ordinary(flavor="xgboost", model=model, example=inputs.sample(8, random_state=SEED), signature=signature)


def flights_lightgbm() -> Ordinary:
    """LightGBM on integers and floats with nulls."""
    frame = flights()
    inputs = frame[["month", "hour", "distance", "dep_delay", "air_time"]]
    model = lightgbm.LGBMRegressor(n_estimators=30, random_state=SEED, verbose=-1).fit(inputs, frame["arr_delay"])
    signature = infer_signature(inputs, model.predict(inputs))
    return Ordinary(flavor="lightgbm", model=model, example=inputs.head(8), signature=signature)


def iris_lightgbm() -> Ordinary:
    """LightGBM's own interface, which answers with the probabilities of all classes."""
    frame, target = datasets.load_iris(return_X_y=True, as_frame=True)
    frame = frame[["petal length (cm)", "petal width (cm)"]]
    told = {"objective": "multiclass", "num_class": 3, "seed": SEED, "verbose": -1}
    model = lightgbm.train(told, lightgbm.Dataset(frame, label=target), num_boost_round=10)
    return Ordinary(flavor="lightgbm", model=model, example=frame.sample(5, random_state=SEED))


def tips_lightgbm() -> Ordinary:
    """A classifier of LightGBM's, a class's name out."""
    frame = tips()
    inputs = frame[["total_bill", "size"]]
    model = lightgbm.LGBMClassifier(n_estimators=10, random_state=SEED, verbose=-1).fit(inputs, frame["time"])
    return Ordinary(flavor="lightgbm", model=model, example=inputs.sample(5, random_state=SEED))


def weather_catboost() -> Ordinary:
    """CatBoost on a category, as it takes one by itself; a column of text out."""
    frame = weather()
    inputs = frame.assign(month=frame["date"].dt.month_name())[["month", "precipitation", "temp_max"]]
    model = catboost.CatBoostClassifier(iterations=30, cat_features=["month"], random_seed=SEED, verbose=False)
    model.fit(inputs, frame["weather"])
    return Ordinary(flavor="catboost", model=model, example=inputs.sample(5, random_state=SEED))


def carriers_catboost() -> Ordinary:
    """CatBoost on two categories, one of them a whole number."""
    frame = flights()
    inputs = frame[["carrier", "month", "dep_delay"]]
    model = catboost.CatBoostRegressor(
        iterations=30, cat_features=["carrier", "month"], random_seed=SEED, verbose=False
    )
    model.fit(inputs, frame["arr_delay"])
    return Ordinary(flavor="catboost", model=model, example=inputs.head(5))


MODELS = (
    diabetes_xgboost,
    cancer_xgboost,
    cars_xgboost,
    flights_lightgbm,
    iris_lightgbm,
    tips_lightgbm,
    weather_catboost,
    carriers_catboost,
)
