"""Scikit-learn on mixed columns: encoders of categories, imputers of what is missing, flags and dates."""

from __future__ import annotations

import cloudpickle
from mlflow.models import infer_signature
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder
from sklearn.tree import DecisionTreeClassifier

from . import calendar_features
from .data import cars, flights, penguins, tips, weather
from .ordinary import PICKLED, SEED, Ordinary


def penguins_onehot() -> Ordinary:
    """A default one-hot encoder, which refuses a category that it never saw; text out."""
    frame = penguins().dropna()
    columns = make_column_transformer(
        (OneHotEncoder(), ["island", "sex"]), (StandardScaler(), ["bill_length_mm", "bill_depth_mm", "body_mass_g"])
    )
    inputs = frame[["island", "sex", "bill_length_mm", "bill_depth_mm", "body_mass_g"]]
    model = make_pipeline(columns, LogisticRegression()).fit(inputs, frame["species"])
    return Ordinary(flavor="sklearn", model=model, example=inputs.sample(8, random_state=SEED))


def penguins_ordinal() -> Ordinary:
    """An ordinal encoder that knows a number for what it never saw."""
    frame = penguins().dropna()
    inputs = frame[["island", "sex", "bill_length_mm"]]
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((encoder, ["island", "sex"]), remainder="passthrough")
    model = make_pipeline(columns, GradientBoostingClassifier(n_estimators=10, random_state=SEED))
    model.fit(inputs, frame["species"])
    return Ordinary(flavor="sklearn", model=model, example=inputs.sample(8, random_state=SEED), options=PICKLED)


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


def penguins_labels() -> Ordinary:
    """Two labels at once: the sex, and whether the bird is heavy."""
    frame = penguins().dropna()
    inputs = frame[["bill_length_mm", "flipper_length_mm"]]
    labels = frame.assign(is_male=frame["sex"] == "male", is_heavy=frame["body_mass_g"] > 4_000)
    model = MultiOutputClassifier(DecisionTreeClassifier(max_depth=4, random_state=SEED))
    model.fit(inputs, labels[["is_male", "is_heavy"]].astype("int64"))
    return Ordinary(flavor="sklearn", model=model, example=inputs.sample(8, random_state=SEED), options=PICKLED)


def tips_ignored() -> Ordinary:
    """A one-hot encoder that ignores what it never saw, beside a small whole number."""
    frame = tips()
    inputs = frame[["total_bill", "day", "size"]]
    encoder = OneHotEncoder(handle_unknown="ignore")
    columns = make_column_transformer((encoder, ["day"]), (StandardScaler(), ["total_bill", "size"]))
    model = make_pipeline(columns, Ridge()).fit(inputs, frame["tip"])
    return Ordinary(flavor="sklearn", model=model, example=inputs.sample(8, random_state=SEED))


def carriers_target() -> Ordinary:
    """Categories replaced by their mean target."""
    frame = flights()
    inputs = frame[["carrier", "dest", "dep_delay"]]
    columns = make_column_transformer(
        (TargetEncoder(random_state=SEED), ["carrier", "dest"]), (StandardScaler(), ["dep_delay"])
    )
    model = make_pipeline(columns, LinearRegression()).fit(inputs, frame["arr_delay"])
    return Ordinary(flavor="sklearn", model=model, example=inputs.head(8))


def flights_flags() -> Ordinary:
    """Flags in and a flag out."""
    frame = flights()
    inputs = frame.assign(is_morning=frame["hour"] < 12, is_far=frame["distance"] > 1_000)
    inputs = inputs[["is_morning", "is_far", "dep_delay"]]
    model = DecisionTreeClassifier(max_depth=4, random_state=SEED).fit(inputs, frame["arr_delay"] > 15)
    return Ordinary(flavor="sklearn", model=model, example=inputs.head(8), options=PICKLED)


def flights_histogram() -> Ordinary:
    """A booster that takes nulls as they are."""
    frame = flights()
    inputs = frame[["hour", "distance", "dep_delay", "air_time"]]
    model = HistGradientBoostingRegressor(random_state=SEED).fit(inputs, frame["arr_delay"])
    signature = infer_signature(inputs, model.predict(inputs))
    return Ordinary(flavor="sklearn", model=model, example=inputs.head(8), signature=signature, options=PICKLED)


def cars_neighbors() -> Ordinary:
    """Missing values filled from the nearest cars, and marked."""
    frame = cars()
    inputs = frame[["Horsepower", "Weight_in_lbs", "Acceleration"]]
    model = make_pipeline(KNNImputer(add_indicator=True), StandardScaler(), Ridge())
    model.fit(inputs, frame["Miles_per_Gallon"])
    signature = infer_signature(inputs, model.predict(inputs))
    return Ordinary(flavor="sklearn", model=model, example=inputs.sample(8, random_state=SEED), signature=signature)


def cars_iterative() -> Ordinary:
    """Missing values estimated from the other columns."""
    frame = cars()
    inputs = frame[["Horsepower", "Displacement", "Origin"]]
    columns = make_column_transformer(
        (IterativeImputer(random_state=SEED), ["Horsepower", "Displacement"]),
        (OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=50), ["Origin"]),
    )
    model = make_pipeline(columns, LinearRegression()).fit(inputs, frame["Miles_per_Gallon"])
    signature = infer_signature(inputs, model.predict(inputs))
    example = inputs.sample(8, random_state=SEED)
    return Ordinary(flavor="sklearn", model=model, example=example, signature=signature, options=PICKLED)


def seattle_dates() -> Ordinary:
    """Features of a date, computed by a function in the pipeline, as from a notebook."""
    frame = weather()
    inputs = frame[["date", "wind"]]
    cloudpickle.register_pickle_by_value(calendar_features)  # as it is where the function is defined in a notebook
    dates = FunctionTransformer(calendar_features.of_dates)
    columns = make_column_transformer((dates, ["date"]), (StandardScaler(), ["wind"]))
    model = make_pipeline(columns, Ridge()).fit(inputs, frame["temp_max"])
    return Ordinary(flavor="sklearn", model=model, example=inputs.sample(8, random_state=SEED), options=PICKLED)


MODELS = (
    penguins_onehot,
    penguins_ordinal,
    penguins_imputed,
    penguins_labels,
    tips_ignored,
    carriers_target,
    flights_flags,
    flights_histogram,
    cars_neighbors,
    cars_iterative,
    seattle_dates,
)
