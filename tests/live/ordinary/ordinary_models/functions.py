"""Models that are code of their author's: params, bytes, arrays, nested objects and type hints."""

from __future__ import annotations

import io
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import xgboost
from mlflow.models import ModelSignature, infer_signature
from PIL import Image
from sklearn import datasets
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC
from statsmodels.datasets import fair, sunspots
from statsmodels.tsa.ar_model import AutoReg

from . import threshold
from .data import penguins, stocks, tips
from .ordinary import SEED, SERVED, Ordinary


def affairs_threshold() -> Ordinary:
    """A parameter moves the threshold; a number and a flag out. Pickled as from a notebook."""
    frame = fair.load_pandas().data
    inputs = frame[["rate_marriage", "age", "yrs_married"]]
    classifier = LogisticRegression(max_iter=500).fit(inputs, frame["affairs"] > 0)
    cloudpickle.register_pickle_by_value(threshold)
    model = threshold.Threshold(classifier)
    signature = infer_signature(inputs, model.predict(None, inputs), params={"threshold": 0.5})
    example = inputs.sample(5, random_state=SEED)
    return Ordinary(flavor="pyfunc", example=example, signature=signature, options={"python_model": model})


def digits_png() -> Ordinary:
    """Bytes of an image in, the digit out."""
    images, target = datasets.load_digits(return_X_y=True)
    model = SVC().fit(images[:600], target[:600])
    example = pd.DataFrame({"image": [_as_png(image) for image in images[600:603]]})
    return _as_code("digits_png.py", model, example, infer_signature(example, model.predict(images[600:603])))


def stocks_arrays() -> Ordinary:
    """A list of prices of any length in; the next price and a list of its limits out."""
    prices = stocks()["MSFT"].to_numpy()
    steps = np.diff(np.log(prices))
    model = LinearRegression().fit(steps[:-1, None], steps[1:])
    example = pd.DataFrame({"prices": [prices[:6].tolist(), prices[20:24].tolist()]})
    answer = pd.DataFrame({"next": [27.5, 30.1], "limits": [[25.0, 30.0], [27.0, 33.0]]})
    return _as_code("stocks_arrays.py", model, example, infer_signature(example, answer))


def penguins_nested() -> Ordinary:
    """Objects and a list of text in a row."""
    frame = penguins().dropna()
    model = GaussianNB().fit(frame[["bill_length_mm", "bill_depth_mm"]].to_numpy(), frame["species"])
    birds = frame.sample(4, random_state=SEED)
    example = pd.DataFrame(
        {
            "bill": [
                {"length": length, "depth": depth}
                for length, depth in zip(birds["bill_length_mm"], birds["bill_depth_mm"], strict=True)
            ],
            "notes": [["ringed"], ["ringed", "wet"], ["seen twice"], ["none"]],
        }
    )
    answer = pd.DataFrame({"species": ["Adelie"] * 4, "n_notes": [1, 2, 1, 1]})
    return _as_code("penguins_nested.py", model, example, infer_signature(example, answer))


def penguins_typed() -> Ordinary:
    """A signature from type hints: a pydantic model in, text out."""
    frame = penguins().dropna()
    model = GaussianNB().fit(frame[["bill_length_mm", "body_mass_g"]].to_numpy(), frame["species"])
    birds = frame.sample(4, random_state=SEED)
    example = [
        {"bill_length_mm": length, "body_mass_g": int(mass), "island": island}
        for length, mass, island in zip(birds["bill_length_mm"], birds["body_mass_g"], birds["island"], strict=True)
    ]
    return _as_code("penguins_typed.py", model, example, None)


def tips_categories() -> Ordinary:
    """XGBoost on pandas' categories, made by the author's code, since JSON has none."""
    frame = tips()
    days = pd.Categorical(frame["day"])
    inputs = pd.DataFrame({"day": days, "total_bill": frame["total_bill"], "size": frame["size"]})
    booster = xgboost.XGBRegressor(n_estimators=20, enable_categorical=True, random_state=SEED)
    booster.fit(inputs, frame["tip"])
    example = frame[["day", "total_bill", "size"]].sample(5, random_state=SEED)
    model = {"booster": booster, "days": list(days.categories)}
    return _as_code("tips_categories.py", model, example, infer_signature(example, np.array([2.5, 3.5])))


def sunspots_years() -> Ordinary:
    """A time series, asked by the year: one forecast a row."""
    frame = sunspots.load_pandas().data
    fitted = AutoReg(frame["SUNACTIVITY"].to_numpy(), lags=11).fit()
    until = 60  # years after the last one that the author stands by
    forecast = fitted.predict(start=11, end=len(frame) - 1 + until)
    years = np.arange(int(frame["YEAR"].iloc[0]) + 11, int(frame["YEAR"].iloc[-1]) + 1 + until)
    model = pd.Series(forecast, index=years)
    example = pd.DataFrame({"year": [1990, 2009, 2020]})
    return _as_code("sunspots_years.py", model, example, infer_signature(example, np.array([100.0, 20.5, 60.1])))


def _as_code(file: str, model: object, example: Any, signature: ModelSignature | None) -> Ordinary:
    """Return a model whose code is a file, with what was fitted as its artifact."""
    options = {"python_model": str(SERVED / file)}
    return Ordinary(flavor="pyfunc", example=example, signature=signature, options=options, artifact=model)


def _as_png(image: np.ndarray[Any, np.dtype[np.float64]]) -> bytes:
    written = io.BytesIO()
    Image.fromarray((image.reshape(8, 8) * 15).astype("uint8")).save(written, format="PNG")
    return written.getvalue()


MODELS = (
    affairs_threshold,
    digits_png,
    stocks_arrays,
    penguins_nested,
    penguins_typed,
    tips_categories,
    sunspots_years,
)
