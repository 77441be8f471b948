"""Statsmodels by formula."""

from __future__ import annotations

import statsmodels.api as sm
import statsmodels.formula.api as smf
from statsmodels.datasets import engel, fair

from .data import countries
from .ordinary import SEED, Ordinary


def engel_quantiles() -> Ordinary:
    """A quantile regression of one column."""
    frame = engel.load_pandas().data
    model = smf.quantreg("foodexp ~ income", frame).fit(q=0.5)
    return Ordinary(flavor="statsmodels", model=model, example=frame[["income"]].head(5))


def countries_least_squares() -> Ordinary:
    """Least squares, with a square in the formula."""
    frame = countries()
    model = smf.ols("lifeExp ~ gdpPercap + I(gdpPercap ** 2) + year", frame).fit()
    example = frame[["gdpPercap", "year"]].sample(5, random_state=SEED)
    return Ordinary(flavor="statsmodels", model=model, example=example)


def affairs_binomial() -> Ordinary:
    """A generalized linear model: a probability out."""
    frame = fair.load_pandas().data
    frame = frame.assign(had=(frame["affairs"] > 0).astype(int))
    model = smf.glm("had ~ rate_marriage + age", frame, family=sm.families.Binomial()).fit()
    return Ordinary(flavor="statsmodels", model=model, example=frame[["rate_marriage", "age"]].head(5))


MODELS = (engel_quantiles, countries_least_squares, affairs_binomial)
