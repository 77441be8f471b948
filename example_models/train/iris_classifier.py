"""Train `iris_classifier`: logistic regression on Fisher's irises, four numbers in, a class out.

Run with Python 3.11 and: mlflow==3.17.2 numpy==2.2.6 pandas==2.3.3 scikit-learn==1.7.2 scipy==1.15.3 skops==0.16.0
"""

from __future__ import annotations

import mlflow.sklearn
import pandas as pd
from mlflow.models import infer_signature
from saving import save_into
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

REQUIREMENTS = [
    "mlflow==3.17.2",
    "numpy==2.2.6",
    "pandas==2.3.3",
    "scikit-learn==1.7.2",
    "scipy==1.15.3",
    "skops==0.16.0",
]


def main() -> None:
    iris = load_iris(as_frame=True)
    frame: pd.DataFrame = iris.data
    fit_x, test_x, fit_y, test_y = train_test_split(frame, iris.target, random_state=7, stratify=iris.target)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(fit_x, fit_y)
    accuracy = model.score(test_x, test_y)
    assert accuracy > 0.9, accuracy

    example = frame.iloc[[0, 25, 60, 99, 120, 149]].reset_index(drop=True)
    save_into(
        "iris_classifier",
        lambda path: mlflow.sklearn.save_model(
            model,
            path,
            serialization_format="skops",
            signature=infer_signature(example, model.predict(example)),
            input_example=example,
            pip_requirements=REQUIREMENTS,
            metadata={"test_accuracy": round(accuracy, 3)},
        ),
    )


if __name__ == "__main__":
    main()
