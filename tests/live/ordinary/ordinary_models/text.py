"""Models of text: names of airports and cars, counted, weighed and hashed."""

from __future__ import annotations

import cloudpickle
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from . import records
from .data import cars, nycflights, tips, us_airports
from .ordinary import PICKLED, SEED, Ordinary


def airports_text() -> Ordinary:
    """A text classifier: from an airport's name to its time zone."""
    frame = nycflights("airports").dropna(subset=["tzone"])
    model = make_pipeline(make_column_transformer((TfidfVectorizer(), "name")), LogisticRegression(max_iter=500))
    model.fit(frame[["name"]], frame["tzone"])
    return Ordinary(flavor="sklearn", model=model, example=frame[["name"]].sample(5, random_state=SEED))


def airports_hashed() -> Ordinary:
    """Two columns of text, hashed: from an airport's name and town to its state."""
    frame = us_airports()
    inputs = frame[["name", "city"]]
    columns = make_column_transformer(
        (HashingVectorizer(n_features=256), "name"), (HashingVectorizer(n_features=256, analyzer="char_wb"), "city")
    )
    model = make_pipeline(columns, SGDClassifier(random_state=SEED)).fit(inputs, frame["state"])
    return Ordinary(flavor="sklearn", model=model, example=inputs.sample(5, random_state=SEED), options=PICKLED)


def cars_bayes() -> Ordinary:
    """Words counted, then multinomial Bayes: from a car's name to where it was built."""
    frame = cars()
    model = make_pipeline(make_column_transformer((CountVectorizer(), "Name")), MultinomialNB())
    model.fit(frame[["Name"]], frame["Origin"])
    return Ordinary(flavor="sklearn", model=model, example=frame[["Name"]].sample(5, random_state=SEED))


def tips_records() -> Ordinary:
    """Rows made into dictionaries, and these into features: text and numbers alike."""
    frame = tips()
    inputs = frame[["day", "time", "size"]]
    cloudpickle.register_pickle_by_value(records)  # as it is where the function is defined in a notebook
    model = make_pipeline(FunctionTransformer(records.of_rows), DictVectorizer(sparse=False), LogisticRegression())
    model.fit(inputs, frame["smoker"])
    return Ordinary(flavor="sklearn", model=model, example=inputs.sample(5, random_state=SEED), options=PICKLED)


MODELS = (airports_text, airports_hashed, cars_bayes, tips_records)
