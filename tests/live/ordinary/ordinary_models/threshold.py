"""A classifier with a threshold that the caller may move; pickled with its class."""

from __future__ import annotations

from typing import Any

import pandas as pd
from mlflow.pyfunc import PythonModel


class Threshold(PythonModel):  # type: ignore[misc]
    """Answer with the probability, and whether it reaches the threshold."""

    def __init__(self, classifier: Any) -> None:
        """Keep a fitted classifier of two classes."""
        self._classifier = classifier

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return a row for each row."""
        probability = self._classifier.predict_proba(model_input)[:, 1]
        has_reached = probability >= (params or {}).get("threshold", 0.5)
        answer: pd.DataFrame = pd.DataFrame({"probability": probability, "had": has_reached})
        return answer
